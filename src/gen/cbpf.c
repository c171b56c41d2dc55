/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cbpf.c: the functions behind CODE cells (steps.c). A step is a classic BPF
 * filter, or a call of a user's function; a function has the steps of some
 * runs:
 *
 *   bf_code(frame, step, context)     a tree of compares, which calls
 *   bf_code_0(frame, step, context)   a tree of compares, which jumps to
 *       step 0: no match -> step 1, else return 0
 *       step 1: no match -> step 2, else return 1
 *       end:    return 2
 *       step 3: ...
 *   bf_users_ask(...)                 the same for users' functions: there is no tree that calls up to MAX_PROGRAMS of
 *                                     them, as calls are nested eight deep at most, and a user's function begins at the fifth
 *
 *   r6  frame            r7  A            r8  X            r9  context
 *   fp - 64 + 4 * i      scratch word i; and below, too, what of the packet a user's function sees
 *
 * They stand apart: the verifier looks at each instruction once, however many
 * chains and families of packets lead there. For its sake no compare is of A
 * itself: what is learnt of a copy that was changed does not make states differ
 * behind it (straight.c). A function holds what a jump's 16 bits can reach, and
 * not too many branches: 8,192 that are still to be looked at are too many.
 *
 * Bytes in the linear part of the packet are read in place, others by
 * bf_far_load() or bf_frame_load(), behind the step's code.
 *
 * All of classic BPF computes in 32 bits, as eBPF's ALU class does; shifts take
 * their count modulo 32 in both. A load from outside of the packet and a
 * division by 0 end the filter with 0. Instructions that nothing reaches are
 * left out: the verifier refuses them.
 */
#include "gen/cbpf.h"

#include <linux/filter.h>
#include <stdio.h>

#include "bpfilter/program.h"
#include "gen/asm.h"
#include "rt/code.h"

enum { FRAME = BPF_REG_6, A = BPF_REG_7, X = BPF_REG_8, CONTEXT = BPF_REG_9, SCRATCH = -64, SEEN = -BF_PROGRAM_SEES };
enum { TEMP = BPF_REG_1, OTHER = BPF_REG_2 };
/* Of a function: steps, classic instructions; calls of users' functions. Of a program: instructions with loads in place, which take three times as many as
 * calls for them do. A filter that is longer than a function calls, too: its jumps must reach over it. */
enum { MAX_STEPS = 128, MAX_SIZE = 1024, MAX_PROGRAMS = 768, MAX_IN_PLACE = 1024, MAX_PROGRAM = 750000 };

struct far { /* a load that was not to be had in place */
	bf_asm_label from, back;
	uint32_t size, k;
	bool absolute; /* at k; else at r3 */
	uint8_t to;
};

struct filter { /* being translated */
	struct bf_asm *out;
	const struct bf_bytecode *b;
	uint8_t kind;                    /* enum bf_rt_kind */
	bool small;                      /* loads are calls */
	uint32_t pc, small_from;         /* likewise from this instruction on */
	bf_asm_label insn[BPF_MAXINSNS]; /* where each instruction begins */
	bool reached[BPF_MAXINSNS];
	struct far far[MAX_IN_PLACE];
	uint32_t n_far;
	bf_asm_label yes, no;            /* what its result means, */
	bool says_yes, says_no;          /* and whether something leads there */
};

static void fail_if(struct filter *f, uint8_t code, uint8_t reg)
{
	bf_asm_jump(f->out, code | BPF_K, reg, 0, 0, f->no);
	f->says_no = true;
}

static void fail(struct filter *f)
{
	bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, f->no);
	f->says_no = true;
}

static void say_yes(struct filter *f)
{
	bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, f->yes);
	f->says_yes = true;
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

/* Packet bytes at r3 (set by the caller). */
static void load_far(struct filter *f, uint32_t size, uint8_t to)
{
	bf_asm_mov(f->out, BPF_REG_1, FRAME);
	bf_asm_mov(f->out, BPF_REG_2, CONTEXT);
	bf_asm_mov_imm(f->out, BPF_REG_4, size);
	bf_asm_call(f->out, f->b->frame ? "bf_frame_load" : "bf_far_load");
	take_result(f, to);
}

static void load_all_far(struct filter *f)
{
	for (uint32_t i = 0; i < f->n_far; i++) {
		bf_asm_bind(f->out, f->far[i].from);
		if (f->far[i].absolute)
			bf_asm_mov_imm(f->out, BPF_REG_3, f->far[i].k);
		load_far(f, f->far[i].size, f->far[i].to);
		bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, f->far[i].back);
	}
}

static uint32_t size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static bool is_small(const struct filter *f)
{
	return f->small || f->pc >= f->small_from;
}

static struct far *new_far(struct filter *f, uint16_t code, uint8_t to)
{
	struct far *far = &f->far[f->n_far++];

	*far = (struct far){ .from = bf_asm_new_label(f->out), .back = bf_asm_new_label(f->out), .size = size_of(code), .to = to };
	return far;
}

/* reg = so many bytes from offset 0 on lie in one piece */
static void load_near(struct filter *f, uint8_t reg)
{
	bf_asm_emit(f->out, BPF_LDX | BPF_H | BPF_MEM, reg, FRAME,
	            f->b->frame ? offsetof(struct bf_frame, near) : offsetof(struct bf_frame, linear), 0);
}

/* What lies there, with r3 or k added; of an offset that is constant there are 16 bytes without. */
static void read_near(struct filter *f, uint16_t code, const struct far *far)
{
	bool first = far->absolute && far->k + far->size <= 16;

	bf_asm_emit(f->out, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_1, FRAME, offsetof(struct bf_frame, nh), 0);
	if (f->b->frame) {
		bf_asm_emit(f->out, BPF_LDX | BPF_B | BPF_MEM, BPF_REG_2, FRAME, offsetof(struct bf_frame, link), 0);
		bf_asm_emit(f->out, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	}
	if (!far->absolute)
		bf_asm_emit(f->out, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
	else if (!first)
		bf_asm_emit(f->out, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, (int32_t)far->k);
	bf_asm_type(f->out, BPF_REG_2, "in6_addr");
	bf_asm_kfunc(f->out, "bpf_rdonly_cast");
	bf_asm_emit(f->out, BPF_LDX | BPF_SIZE(code) | BPF_MEM, far->to, BPF_REG_0, first ? (int16_t)far->k : 0, 0);
	if (far->size > 1)
		bf_asm_emit(f->out, BPF_ALU | BPF_END | BPF_TO_BE, far->to, 0, 0, (int32_t)far->size * 8);
	bf_asm_bind(f->out, far->back);
}

/* Packet bytes at offset k: below 0 they are never near. */
static void load_at(struct filter *f, uint16_t code, uint32_t k, uint8_t to)
{
	struct far *far;

	if (is_small(f) || k > INT32_MAX) {
		bf_asm_mov_imm(f->out, BPF_REG_3, k);
		return load_far(f, size_of(code), to);
	}
	far = new_far(f, code, to);
	far->absolute = true;
	far->k = k;
	load_near(f, TEMP);
	bf_asm_jump(f->out, BPF_JMP32 | BPF_JLT | BPF_K, TEMP, 0, (int32_t)(k + far->size), far->from);
	read_near(f, code, far);
}

/* At X + k, in r3; as 64 bits what is below 0 is beyond all packets. */
static void load_behind(struct filter *f, uint16_t code, uint32_t k, uint8_t to)
{
	struct far *far;

	bf_asm_emit(f->out, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, X, 0, 0);
	bf_asm_emit(f->out, BPF_ALU | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, (int32_t)k);
	if (is_small(f))
		return load_far(f, size_of(code), to);
	far = new_far(f, code, to);
	load_near(f, TEMP);
	bf_asm_mov(f->out, OTHER, BPF_REG_3);
	bf_asm_emit(f->out, BPF_ALU64 | BPF_ADD | BPF_K, OTHER, 0, 0, (int32_t)far->size);
	bf_asm_jump(f->out, BPF_JMP | BPF_JGT | BPF_X, OTHER, TEMP, 0, far->from);
	read_near(f, code, far);
}

/* At tc it comes first in every filter, and there always is a device. */
static void load_device_type(struct filter *f)
{
	bf_asm_emit(f->out, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_1, FRAME, offsetof(struct bf_frame, state), 0);
	bf_asm_type(f->out, BPF_REG_2, "net_device");
	bf_asm_kfunc(f->out, "bpf_rdonly_cast");
	bf_asm_member(f->out, BPF_H, A, BPF_REG_0, "net_device", "type");
}

static void load_ancillary(struct filter *f, uint32_t ad)
{
	if (ad == SKF_AD_ALU_XOR_X)
		return bf_asm_emit(f->out, BPF_ALU | BPF_XOR | BPF_X, A, X, 0, 0);
	if (ad == SKF_AD_HATYPE && (f->kind == BF_RT_TC || f->kind == BF_RT_TC_EGRESS))
		return load_device_type(f);
	bf_asm_mov(f->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(f->out, BPF_REG_2, ad);
	bf_asm_call(f->out, "bf_pkt_ad");
	take_result(f, A);
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
	load_at(f, BPF_B, s->k, X);
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
		if (s->k >= (uint32_t)SKF_AD_OFF)
			return load_ancillary(f, s->k - (uint32_t)SKF_AD_OFF);
		return load_at(f, s->code, s->k, A);
	case BPF_IND:
		return load_behind(f, s->code, s->k, A);
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

/* r1 = A - what it is compared with: as 64 bits both are numbers that are not below 0. */
static void subtract(struct filter *f, const struct sock_filter *s)
{
	bool x = BPF_SRC(s->code) == BPF_X;

	bf_asm_mov(f->out, TEMP, A);
	if (!x)
		bf_asm_mov_imm(f->out, OTHER, s->k);
	bf_asm_emit(f->out, BPF_ALU64 | BPF_SUB | BPF_X, TEMP, x ? X : OTHER, 0, 0);
}

/* r1 = A op what it is compared with */
static void combine(struct filter *f, uint8_t op, const struct sock_filter *s)
{
	bool x = BPF_SRC(s->code) == BPF_X;

	bf_asm_mov(f->out, TEMP, A);
	bf_asm_emit(f->out, BPF_ALU | op | BPF_SRC(s->code), TEMP, x ? X : 0, 0, x ? 0 : (int32_t)s->k);
}

static void jump(struct filter *f, uint32_t pc, const struct sock_filter *s)
{
	const bf_asm_label *next = &f->insn[pc + 1];
	uint8_t how = 0, not = 0;

	switch (BPF_OP(s->code)) {
	case BPF_JA:
		return bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, next[s->k]);
	case BPF_JEQ:
		combine(f, BPF_XOR, s);
		how = BPF_JMP32 | BPF_JEQ;
		not = BPF_JMP32 | BPF_JNE;
		break;
	case BPF_JSET:
		combine(f, BPF_AND, s);
		how = BPF_JMP32 | BPF_JNE;
		not = BPF_JMP32 | BPF_JEQ;
		break;
	case BPF_JGT:
		subtract(f, s);
		how = BPF_JMP | BPF_JSGT;
		not = BPF_JMP | BPF_JSLE;
		break;
	case BPF_JGE:
		subtract(f, s);
		how = BPF_JMP | BPF_JSGE;
		not = BPF_JMP | BPF_JSLT;
		break;
	}
	if (!s->jt)
		return bf_asm_jump(f->out, not | BPF_K, TEMP, 0, 0, next[s->jf]);
	bf_asm_jump(f->out, how | BPF_K, TEMP, 0, 0, next[s->jt]);
	if (s->jf)
		bf_asm_jump(f->out, BPF_JMP | BPF_JA, 0, 0, 0, next[s->jf]);
}

static void ret(struct filter *f, const struct sock_filter *s)
{
	bool a = BPF_RVAL(s->code) == BPF_A;

	if (a)
		fail_if(f, BPF_JMP32 | BPF_JEQ, A);
	if (a || s->k)
		say_yes(f);
	else
		fail(f);
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

/* Filters at tc ask first whether the device is Ethernet's, and jump if it is not (front/native/eval_code.c). What is there is
 * seldom run. */
static uint32_t seldom_from(const struct bf_bytecode *b)
{
	const struct sock_filter *s = b->insns;

	if (b->len > MAX_IN_PLACE)
		return 0;
	if (b->frame && b->len > 4 && s[0].code == (BPF_LD | BPF_W | BPF_ABS) && s[0].k == (uint32_t)SKF_AD_OFF + SKF_AD_HATYPE &&
	    s[3].code == (BPF_JMP | BPF_JA))
		return 4 + s[3].k;
	return UINT32_MAX;
}

static int translate(struct filter *f, const struct bf_bytecode *b)
{
	int err = bf_bytecode_check(b);

	if (err < 0)
		return err;
	f->b = b;
	f->n_far = 0;
	f->small_from = seldom_from(b);
	find_reached(f);
	bf_asm_mov_imm(f->out, A, 0);
	bf_asm_mov_imm(f->out, X, 0);
	for (uint32_t pc = 0; pc < b->len; pc++)
		f->insn[pc] = bf_asm_new_label(f->out);
	for (uint32_t pc = 0; pc < b->len; pc++) {
		if (!f->reached[pc])
			continue;
		bf_asm_bind(f->out, f->insn[pc]);
		f->pc = pc;
		insn(f, pc, &b->insns[pc]);
	}
	load_all_far(f);
	return 0;
}

static void answer(struct bf_asm *a, uint32_t step)
{
	bf_asm_mov_imm(a, BPF_REG_0, step);
	bf_asm_exit(a);
}

/* reg = where what a user's function sees of the packet is */
static void view_address(struct bf_asm *a, uint8_t reg)
{
	bf_asm_mov(a, reg, BPF_REG_10);
	bf_asm_emit(a, BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, SEEN);
}

/* A user's function: its answers are BF_MISS, BF_HOTDROP, and all that we do not know: BF_HIT. */
static void call_program(struct filter *f, const struct bf_code *c)
{
	struct bf_asm *a = f->out;
	bf_asm_label goes_on = bf_asm_new_label(a);

	for (int16_t at = SEEN; at < 0; at = (int16_t)(at + 8))
		bf_asm_emit(a, BPF_ST | BPF_DW | BPF_MEM, BPF_REG_10, 0, at, 0);
	bf_asm_mov(a, BPF_REG_1, FRAME);
	bf_asm_mov(a, BPF_REG_2, CONTEXT);
	view_address(a, BPF_REG_3);
	bf_asm_mov_imm(a, BPF_REG_4, c->family == NFPROTO_IPV4 ? 4 : c->family == NFPROTO_IPV6 ? 6 : 0);
	bf_asm_call(a, "bf_program_view");
	view_address(a, BPF_REG_1);
	bf_asm_mov(a, BPF_REG_2, CONTEXT);
	if (f->kind == BF_RT_NETFILTER) /* it gets the sk_buff: struct bpf_nf_ctx */
		bf_asm_emit(a, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_2, CONTEXT, 8, 0);
	bf_asm_call(a, c->program->funcs->name);
	bf_asm_jump(a, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_0, 0, BF_HOTDROP, goes_on);
	answer(a, UINT32_MAX);
	bf_asm_bind(a, goes_on);
	fail_if(f, BPF_JMP32 | BPF_JEQ, BPF_REG_0);
	say_yes(f);
}

/* ------------------------------------------------------------------ functions */

struct funcs { /* being made */
	struct bf_arena *arena;
	const struct bf_graph *g;
	const bool *used; /* steps */
	struct filter f;
	bf_asm_label *labels; /* of steps */
	bool programs;        /* those that are users' functions, else the others */
	bool goes_on;         /* the last one made leads to the next one */
	struct bf_rt_func *out;
	uint32_t *first;     /* step of each function */
	uint32_t n, n_insns;
};

static const struct bf_code *code_of(const struct bf_graph *g, uint32_t step)
{
	return &g->codes[g->steps[step] >> 1];
}

/* Where step r2 is, of n that `at` holds, ascending. */
static void choose(struct funcs *m, const uint32_t *at, uint32_t n)
{
	bf_asm_label right;

	if (n == 1)
		return bf_asm_jump(m->f.out, BPF_JMP | BPF_JA, 0, 0, 0, m->labels[*at]);
	right = bf_asm_new_label(m->f.out);
	bf_asm_jump(m->f.out, BPF_JMP32 | BPF_JGE | BPF_K, BPF_REG_2, 0, (int32_t)at[n / 2], right);
	choose(m, at, n / 2);
	bf_asm_bind(m->f.out, right);
	choose(m, at + n / 2, n - n / 2);
}

static int make_step(struct funcs *m, uint32_t step)
{
	bool on_match = m->g->steps[step] & 1;
	bf_asm_label next = m->labels[step + 1], ends = bf_asm_new_label(m->f.out);
	const struct bf_code *c = code_of(m->g, step);
	int err = 0;

	m->f.yes = on_match ? next : ends;
	m->f.no = on_match ? ends : next;
	m->f.says_yes = m->f.says_no = false;
	if (c->program)
		call_program(&m->f, c);
	else
		err = translate(&m->f, c->filter);
	m->goes_on = on_match ? m->f.says_yes : m->f.says_no;
	if (on_match ? m->f.says_no : m->f.says_yes) {
		bf_asm_bind(m->f.out, ends);
		answer(m->f.out, step);
	}
	return err;
}

/* What every function begins with: a frame, or there are no steps. */
static void begin(struct bf_asm *a)
{
	bf_asm_label there = bf_asm_new_label(a);

	bf_asm_jump(a, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, there);
	answer(a, UINT32_MAX);
	bf_asm_bind(a, there);
}

static int finish(struct funcs *m, const char *name, struct bf_rt_func *out)
{
	int err = bf_asm_finish(m->f.out, m->arena, name, out);

	out->args = "fic";
	return err;
}

/* Of a run that is one of users' functions, or is not? A run begins behind the end of another. */
static bool is_ours(const struct funcs *m, uint32_t step)
{
	bool is_program = m->g->steps[step] == BF_STEP_END ? code_of(m->g, step - 1)->program : code_of(m->g, step)->program;

	return is_program == m->programs;
}

/* The steps from `from` on that are used, before `to`. */
static int make_steps(struct funcs *m, uint32_t from, uint32_t to, const char *name)
{
	_cleanup_asm_ struct bf_asm a = { 0 };
	uint32_t at[MAX_PROGRAMS], n = 0;
	int err = 0;

	m->f.out = &a;
	begin(&a);
	bf_asm_mov(&a, FRAME, BPF_REG_1);
	bf_asm_mov(&a, CONTEXT, BPF_REG_3);
	for (uint32_t i = from; i < to; i++) {
		if (!m->used[i] || !is_ours(m, i))
			continue;
		m->labels[i] = bf_asm_new_label(&a);
		if (m->g->steps[i] != BF_STEP_END)
			at[n++] = i;
	}
	choose(m, at, n);
	for (uint32_t i = from; i < to && !err; i++) {
		if (!m->used[i] || !is_ours(m, i))
			continue;
		if (m->g->steps[i] == BF_STEP_END && !m->goes_on)
			continue;
		bf_asm_bind(&a, m->labels[i]);
		if (m->g->steps[i] == BF_STEP_END)
			answer(&a, i);
		else
			err = make_step(m, i);
	}
	m->first[m->n] = at[0];
	if (!err)
		err = finish(m, name, &m->out[m->n]);
	if (!err)
		m->n_insns += m->out[m->n++].n_insns;
	return err;
}

/* Calls the one that has step r2. */
static int make_calls(struct funcs *m, const char *name)
{
	_cleanup_asm_ struct bf_asm a = { 0 };

	m->f.out = &a;
	for (uint32_t i = 0; i < m->n; i++)
		m->labels[m->first[i]] = bf_asm_new_label(&a);
	choose(m, m->first, m->n);
	for (uint32_t i = 0; i < m->n; i++) {
		bf_asm_bind(&a, m->labels[m->first[i]]);
		bf_asm_call(&a, m->out[i].name);
		bf_asm_exit(&a);
	}
	return finish(m, name, &m->out[m->n]);
}

struct span { /* steps of whole runs that one function can have */
	uint32_t from, to, size, n;
};

/* The run at step `at`: how much it is, and where the next one begins. */
static struct span measure(const struct funcs *m, uint32_t at)
{
	struct span s = { .from = at };

	for (; m->g->steps[at] != BF_STEP_END; at++) {
		bool wanted = m->used[at] && is_ours(m, at);

		s.n += wanted;
		s.size += wanted && !m->programs ? code_of(m->g, at)->filter->len : 0;
	}
	s.to = at + 1;
	return s;
}

static int make_one(struct funcs *m, const struct span *s)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%u", m->programs ? "bf_users_ask" : "bf_code", m->n);
	return s->n ? make_steps(m, s->from, s->to, bf_arena_strdup(m->arena, name)) : 0;
}

static int make_all(struct funcs *m)
{
	uint32_t most = m->programs ? MAX_PROGRAMS : MAX_STEPS;
	struct span all = { 0 };
	int err = 0;

	m->n = 0;
	m->n_insns = 0;
	for (uint32_t at = 0; at < m->g->n_steps && !err;) {
		struct span s = measure(m, at);

		if (all.n && (all.n + s.n > most || all.size + s.size > MAX_SIZE)) {
			err = make_one(m, &all);
			all = s;
		} else {
			all = (struct span){ all.n ? all.from : s.from, s.to, all.size + s.size, all.n + s.n };
		}
		at = s.to;
	}
	return err ? err : make_one(m, &all);
}

static int make_sort(struct funcs *m, const char *name, uint32_t *n)
{
	int err = make_all(m);

	if (!err && m->n_insns > MAX_PROGRAM) {
		m->f.small = true;
		err = make_all(m);
	}
	if (!err && m->n == 1)
		m->out->name = name;
	else if (!err && m->n)
		err = make_calls(m, name);
	*n = m->n + (m->n > 1);
	return err;
}

uint32_t bf_cbpf_most(const struct bf_graph *g)
{
	uint32_t n = 2;

	for (uint32_t i = 0; i < g->n_steps; i++)
		n += g->steps[i] == BF_STEP_END;
	return n;
}

int bf_cbpf_funcs(struct bf_arena *arena, const struct bf_graph *g, const bool *used, uint8_t kind, struct bf_rt_func *out,
                  uint32_t *n, struct bf_diag *d)
{
	_cleanup_free_ struct funcs *m = calloc(1, sizeof(*m));
	_cleanup_free_ uint32_t *numbers = calloc(2 * (size_t)g->n_steps + 2, sizeof(*numbers));
	uint32_t n_programs = 0;
	int err;

	_Static_assert(sizeof(struct bf_packet) == BF_PROGRAM_SEES, "it is told so");
	if (!m || !numbers)
		return -ENOMEM;
	*m = (struct funcs){ .arena = arena, .g = g, .used = used, .labels = numbers, .out = out, .first = numbers + g->n_steps };
	m->f.kind = kind;
	err = make_sort(m, "bf_code", n);
	m->programs = true;
	m->out += *n;
	if (!err)
		err = make_sort(m, "bf_users_ask", &n_programs);
	*n += n_programs;
	return err < 0 ? bf_diag_error(d, err, "classic BPF program cannot be compiled: %s", strerror(-err)) : 0;
}
