/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h: images made by hand for the tests of kern/: programs that count a
 * packet and return a verdict, nothing more.
 */
#ifndef BF_TEST_IMAGE_H
#define BF_TEST_IMAGE_H

#include "base/image.h"
#include "rt/abi.h"

#define I_MOV64(d, v) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (d), .imm = (v) })
#define I_MOV64R(d, s) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (d), .src_reg = (s) })
#define I_LD64(d) ((struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = (d) })
#define I_ZERO ((struct bpf_insn){ 0 })
#define I_LDX(sz, d, s, o) \
	((struct bpf_insn){ .code = BPF_LDX | BPF_MEM | (sz), .dst_reg = (d), .src_reg = (s), .off = (o) })
#define I_ADD_MEM(d, s, o) \
	((struct bpf_insn){                                                                                    \
		.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = (d), .src_reg = (s), .off = (o), .imm = BPF_ADD })
#define I_CALL(f) ((struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (f) })
#define I_EXIT ((struct bpf_insn){ .code = BPF_JMP | BPF_EXIT })

struct bf_image *test_image(uint8_t family, const char *unit, uint32_t n_counters, uint32_t stripes);
/* Adds instructions as a program. relocs may be NULL. */
void test_image_prog(struct bf_image *img, uint8_t hook, int priority, const struct bpf_insn *insns, uint32_t n,
                     const struct bf_reloc *relocs, uint32_t n_relocs);
/* A program that counts in counter (packets, skb->len) and returns verdict. */
void test_image_verdict(struct bf_image *img, uint8_t hook, int priority, uint32_t counter, int verdict);
/* The same at other hooks than netfilter's: counts packets, returns what the hook understands as the verdict. at: device or
 * control group. */
void test_image_hook(struct bf_image *img, uint8_t hook, const char *at, int priority, uint32_t counter, int verdict);
void test_image_map(struct bf_image *img, struct bf_map_spec spec);

#endif
