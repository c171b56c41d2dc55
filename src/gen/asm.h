/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asm.h: emits the instructions of one generated function. Nothing is checked
 * while emitting: the first error sticks, bf_asm_finish reports it. Labels may
 * be used before they are bound; a jump that its 16-bit offset cannot hold is
 * -E2BIG.
 */
#ifndef BF_ASM_H
#define BF_ASM_H

#include <linux/bpf.h>

#include "base/arena.h"
#include "base/buf.h"
#include "gen/link.h"

typedef uint32_t bf_asm_label;

struct bf_asm {
	struct bf_buf insns;  /* struct bpf_insn */
	struct bf_buf relocs; /* struct bf_rt_reloc */
	struct bf_buf labels; /* uint32_t: instruction, or unbound */
	struct bf_buf jumps;  /* instruction and label of each */
	int err;
};

void bf_asm_free(struct bf_asm *a);
#define _cleanup_asm_ _cleanup_(bf_asm_free)

void bf_asm_emit(struct bf_asm *a, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
bf_asm_label bf_asm_new_label(struct bf_asm *a);
void bf_asm_bind(struct bf_asm *a, bf_asm_label label);
/* A jump: code is BPF_JMP or BPF_JMP32 with its operation and source. */
void bf_asm_jump(struct bf_asm *a, uint8_t code, uint8_t dst, uint8_t src, int32_t imm, bf_asm_label to);
void bf_asm_call(struct bf_asm *a, const char *function);
void bf_asm_map_value(struct bf_asm *a, uint8_t dst, const char *map); /* the address of its first byte */
void bf_asm_kfunc(struct bf_asm *a, const char *function); /* calls one of the kernel's */
void bf_asm_type(struct bf_asm *a, uint8_t dst, const char *type); /* the number of a struct of the kernel's */
/* A load of that size (BPF_H, ...) of a member of such a struct at src. */
void bf_asm_member(struct bf_asm *a, uint8_t size, uint8_t dst, uint8_t src, const char *type, const char *member);

/* The usual ones, 32 bits where they compute. */
static inline void bf_asm_mov(struct bf_asm *a, uint8_t dst, uint8_t src)
{
	bf_asm_emit(a, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static inline void bf_asm_mov_imm(struct bf_asm *a, uint8_t dst, uint32_t imm)
{
	bf_asm_emit(a, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

/* 64 bits, where they are needed. */
static inline void bf_asm_mov_wide(struct bf_asm *a, uint8_t dst, uint64_t imm)
{
	if (imm <= UINT32_MAX) {
		bf_asm_mov_imm(a, dst, (uint32_t)imm);
		return;
	}
	bf_asm_emit(a, BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (int32_t)imm);
	bf_asm_emit(a, 0, 0, 0, 0, (int32_t)(imm >> 32));
}

static inline void bf_asm_load(struct bf_asm *a, uint8_t dst, uint8_t base, int16_t off)
{
	bf_asm_emit(a, BPF_LDX | BPF_W | BPF_MEM, dst, base, off, 0);
}

static inline void bf_asm_exit(struct bf_asm *a)
{
	bf_asm_emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* *out: the function, its memory from arena. */
int bf_asm_finish(struct bf_asm *a, struct bf_arena *arena, const char *name, struct bf_rt_func *out);

#endif
