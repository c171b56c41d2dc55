/* SPDX-License-Identifier: GPL-2.0-only */
/* insn.h: instructions for the few programs that kern/ itself has. */
#ifndef BF_KERN_INSN_H
#define BF_KERN_INSN_H

#include <linux/bpf.h>

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(d, v) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, v)
#define MOVR(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD(d, v) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, v)
#define ADDR(d, s) INSN(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0)
#define SUB(d, v) INSN(BPF_ALU64 | BPF_SUB | BPF_K, d, 0, 0, v)
#define LSH(d, v) INSN(BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, v)
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, s, o) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define LOAD32(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE32(d, s, o) INSN(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define LD_MAP(d, pseudo, fd) INSN(BPF_LD | BPF_IMM | BPF_DW, d, pseudo, 0, fd), ((struct bpf_insn){ 0 }) /* two */
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define JA(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define JEQ(d, v, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, v)
#define JNE(d, v, o) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, v)
#define JNER(d, s, o) INSN(BPF_JMP | BPF_JNE | BPF_X, d, s, o, 0)
#define JGE(d, v, o) INSN(BPF_JMP | BPF_JGE | BPF_K, d, 0, o, v)
#define JLTR(d, s, o) INSN(BPF_JMP | BPF_JLT | BPF_X, d, s, o, 0)
#define JSET(d, v, o) INSN(BPF_JMP | BPF_JSET | BPF_K, d, 0, o, v)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Helper functions, as linux/bpf.h numbers them. */
enum { FN_KTIME_GET_NS = 5, FN_TAIL_CALL = 12, FN_GET_CURRENT_TASK = 35, FN_PROBE_READ_KERNEL = 113 };

#endif
