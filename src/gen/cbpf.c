/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cbpf.c: classic BPF -> bf_code(frame, id), the function behind CODE cells.
 * It runs filter number id and answers BF_HIT when its result is not 0.
 *
 *   r6  frame            r7  A            r8  X
 *   fp - 64 + 4 * i      scratch word i
 *
 * All of classic BPF computes in 32 bits, as eBPF's ALU class does; shifts take
 * their count modulo 32 in both. A load from outside of the packet and a
 * division by 0 end the filter with 0. Instructions that nothing reaches are
 * left out: the verifier refuses them.
 */
#include "gen/cbpf.h"

#include <linux/filter.h>

#include "bpfilter/program.h"
#include "gen/asm.h"
#include "rt/code.h"

enum { FRAME = BPF_REG_6, A = BPF_REG_7, X = BPF_REG_8, SCRATCH = -64, SEEN = -BF_PROGRAM_SEES };

struct filter { /* being translated */
	struct bf_asm *out;
	const struct bf_bytecode *b;
	bf_asm_label insn[BPF_MAXINSNS]; /* where each instruction begins */
	bool reached[BPF_MAXINSNS];
	bf_asm_label fail;               /* ends with 0 */
	bool fails;                      /* something leads there */
};

static void fail_if(struct filter *f, uint8_t code, uint8_t reg)
{
	bf_asm_jump(f->out, code | BPF_K, reg, 0, 0, f->fail);
	f->fails = true;
}

static int16_t scratch(uint32_t k)
{
	return SCRATCH + 4 * (int)k;
}

/* The result of a call: -1 ends the filter; else the value goes to `to`. */
static void take_result(struct filter *f, uint8_t to)
{
	fail_if(f, BPF_JMP | BPF_JSLT, BPF_REG_0);
	bf_asm_mov(f->out, to, BPF_REG_0);
}

/* Packet bytes at r2 (set by the caller). */
static void load_packet(struct filter *f, uint16_t code, uint8_t to)
{
	uint32_t size = BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;

	bf_asm_mov(f->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(f->out, BPF_REG_3, size);
	bf_asm_call(f->out, f->b->frame ? "bf_frame_load" : "bf_pkt_load");
	take_result(f, to);
}

static void load_ancillary(struct filter *f, uint32_t ad)
{
	if (ad == SKF_AD_ALU_XOR_X)
		return bf_asm_emit(f->out, BPF_ALU | BPF_XOR | BPF_X, A, X, 0, 0);
	bf_asm_mov(f->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(f->out, BPF_REG_2, ad);
	bf_asm_call(f->out, "bf_pkt_ad");
	take_result(f, A);
}

static void load_absolute(struct filter *f, const struct sock_filter *s)
{
	if (s->k >= (uint32_t)SKF_AD_OFF)
		return load_ancillary(f, s->k - (uint32_t)SKF_AD_OFF);
	bf_asm_mov_imm(f->out, BPF_REG_2, s->k);
	load_packet(f, s->code, A);
}

static void load_indirect(struct filter *f, const struct sock_filter *s)
{
	bf_asm_emit(f->out, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_2, X, 0, 0);
	bf_asm_emit(f->out, BPF_ALU | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, s->k);
	load_packet(f, s->code, A);
}

static void load_len(struct filter *f, uint8_t to)
{
	if (!f->b->frame)
		return bf_asm_load(f->out, to, FRAME, offsetof(struct bf_frame, len));
	bf_asm_mov(f->out, BPF_REG_1, FRAME);
	bf_asm_call(f->out, "bf_frame_len");
	bf_asm_mov(f->out, to, BPF_REG_0);
}

/* X = 4 * low half of the byte at k: the length of an IPv4 header. */
static void load_msh(struct filter *f, const struct sock_filter *s)
{
	bf_asm_mov_imm(f->out, BPF_REG_2, s->k);
	load_packet(f, BPF_B, X);
	bf_asm_emit(f->out, BPF_ALU | BPF_AND | BPF_K, X, 0, 0, 0xf);
	bf_asm_emit(f->out, BPF_ALU | BPF_LSH | BPF_K, X, 0, 0, 2);
}

static void load(struct filter *f, const struct sock_filter *s)
{
	uint8_t to = BPF_CLASS(s->code) == BPF_LD ? A : X;

	switch (BPF_MODE(s->code)) {
	case BPF_IMM:
		return bf_asm_mov_imm(f->out, to, s->k);
	case BPF_LEN:
		return load_len(f, to);
	case BPF_MEM:
		return bf_asm_load(f->out, to, BPF_REG_10, scratch(s->k));
	case BPF_ABS:
		return load_absolute(f, s);
	case BPF_IND:
		return load_indirect(f, s);
	case BPF_MSH:
		return load_msh(f, s);
	}
}

static void alu(struct filter *f, const struct sock_filter *s)
{
	uint8_t op = BPF_OP(s->code);
	bool x = BPF_SRC(s->code) == BPF_X;

	if (op == BPF_NEG)
		return bf_asm_emit(f->out, BPF_ALU | BPF_NEG, A, 0, 0, 0);
	if (x && (op == BPF_DIV || op == BPF_MOD))
		fail_if(f, BPF_JMP32 | BPF_JEQ, X);
	bf_asm_emit(f->out, BPF_ALU | op | BPF_SRC(s->code), A, x ? X : 0, 0, x ? 0 : s->k);
}

static void jump(struct filter *f, uint32_t pc, const struct sock_filter *s)
{
	const bf_asm_label *next = &f->insn[pc + 1];
	bool x = BPF_SRC(s->code) == BPF_X;

	if (BPF_OP(s->code) == BPF_JA)
		return bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, next[s->k]);
	bf_asm_jump(f->out, BPF_JMP32 | BPF_OP(s->code) | BPF_SRC(s->code), A, x ? X : 0, x ? 0 : s->k, next[s->jt]);
	if (s->jf)
		bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, next[s->jf]);
}

static void ret(struct filter *f, const struct sock_filter *s)
{
	if (BPF_RVAL(s->code) == BPF_A)
		fail_if(f, BPF_JMP32 | BPF_JEQ, A);
	bf_asm_mov_imm(f->out, BPF_REG_0, BPF_RVAL(s->code) == BPF_A || s->k ? BF_HIT : BF_MISS);
	bf_asm_exit(f->out);
}

static void insn(struct filter *f, uint32_t pc, const struct sock_filter *s)
{
	switch (BPF_CLASS(s->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(f, s);
	case BPF_ST:
	case BPF_STX:
		return bf_asm_emit(f->out, BPF_STX | BPF_W | BPF_MEM, BPF_REG_10, BPF_CLASS(s->code) == BPF_ST ? A : X,
		                   scratch(s->k), 0);
	case BPF_ALU:
		return alu(f, s);
	case BPF_JMP:
		return jump(f, pc, s);
	case BPF_RET:
		return ret(f, s);
	case BPF_MISC:
		if (BPF_MISCOP(s->code) == BPF_TAX)
			bf_asm_mov(f->out, X, A);
		else
			bf_asm_mov(f->out, A, X);
	}
}

static void find_reached(struct filter *f)
{
	memset(f->reached, 0, sizeof(f->reached));
	f->reached[0] = true;
	for (uint32_t pc = 0; pc < f->b->len; pc++) {
		const struct sock_filter *s = &f->b->insns[pc];

		if (!f->reached[pc] || BPF_CLASS(s->code) == BPF_RET)
			continue;
		if (BPF_CLASS(s->code) != BPF_JMP) {
			f->reached[pc + 1] = true;
		} else if (BPF_OP(s->code) == BPF_JA) {
			f->reached[pc + 1 + s->k] = true;
		} else {
			f->reached[pc + 1 + s->jt] = true;
			f->reached[pc + 1 + s->jf] = true;
		}
	}
}

static int translate(struct filter *f, const struct bf_bytecode *b)
{
	int err = bf_bytecode_check(b);

	if (err < 0)
		return err;
	f->b = b;
	f->fail = bf_asm_new_label(f->out);
	f->fails = false;
	find_reached(f);
	bf_asm_mov_imm(f->out, A, 0);
	bf_asm_mov_imm(f->out, X, 0);
	for (uint32_t pc = 0; pc < b->len; pc++)
		f->insn[pc] = bf_asm_new_label(f->out);
	for (uint32_t pc = 0; pc < b->len; pc++) {
		if (!f->reached[pc])
			continue;
		bf_asm_bind(f->out, f->insn[pc]);
		insn(f, pc, &b->insns[pc]);
	}
	if (f->fails) {
		bf_asm_bind(f->out, f->fail);
		bf_asm_mov_imm(f->out, BPF_REG_0, BF_MISS);
		bf_asm_exit(f->out);
	}
	return 0;
}

/* A user's function: its answers are ours, but for those that we do not know. What it sees lies where filters have scratch, and below. */
static void call_program(struct bf_asm *a, const struct bf_code *c)
{
	bf_asm_label known = bf_asm_new_label(a);

	bf_asm_mov(a, BPF_REG_1, FRAME);
	bf_asm_mov(a, BPF_REG_2, BPF_REG_10);
	bf_asm_emit(a, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, SEEN);
	bf_asm_mov_imm(a, BPF_REG_3, c->family == NFPROTO_IPV4 ? 4 : c->family == NFPROTO_IPV6 ? 6 : 0);
	bf_asm_call(a, "bf_program_view");
	bf_asm_mov(a, BPF_REG_1, BPF_REG_10);
	bf_asm_emit(a, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, SEEN);
	bf_asm_emit(a, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_2, FRAME, offsetof(struct bf_frame, trusted), 0);
	bf_asm_call(a, c->program->funcs->name);
	bf_asm_jump(a, BPF_JMP32 | BPF_JLE | BPF_K, BPF_REG_0, 0, BF_HOTDROP, known);
	bf_asm_mov_imm(a, BPF_REG_0, BF_HIT);
	bf_asm_bind(a, known);
	bf_asm_exit(a);
}

int bf_cbpf_func(struct bf_arena *arena, const struct bf_code *codes, const bool *used, uint32_t n, struct bf_rt_func *out,
                 struct bf_diag *d)
{
	_cleanup_asm_ struct bf_asm a = { 0 };
	_cleanup_free_ struct filter *f = calloc(1, sizeof(*f));
	int err = 0;

	_Static_assert(sizeof(struct bf_packet) == BF_PROGRAM_SEES, "it is told so");
	if (!f)
		return -ENOMEM;
	f->out = &a;
	bf_asm_mov(&a, FRAME, BPF_REG_1);
	for (uint32_t i = 0; i < n; i++) {
		bf_asm_label next;

		if (used && !used[i])
			continue;
		next = bf_asm_new_label(&a);
		bf_asm_jump(&a, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, i, next);
		if (codes[i].program)
			call_program(&a, &codes[i]);
		else
			err = translate(f, codes[i].filter);
		if (err < 0)
			return bf_diag_error(d, err, "classic BPF program cannot be compiled: %s", strerror(-err));
		bf_asm_bind(&a, next);
	}
	bf_asm_mov_imm(&a, BPF_REG_0, BF_MISS);
	bf_asm_exit(&a);
	return bf_asm_finish(&a, arena, "bf_code", out);
}
