/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_fold.c: folded programs do what they did before. By hand: what must go
 * and what must stay. At random: programs that compute with what they load from
 * config, jump on it, store, and call each other, run before and after.
 */
#include "lib/unit.h"

#include "gen/fold.h"
#include "lib/rng.h"

#define I(c, d, s, o, i)                                                                                               \
	{                                                                                                                  \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                                            \
	}
#define CONFIG(r) I(BPF_LD | BPF_IMM | BPF_DW, r, BPF_PSEUDO_MAP_VALUE, 0, 0), I(0, 0, 0, 0, 0)
#define LOAD(d, s, o) I(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define MOV(d, i) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define JNE(d, i, o) I(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define CALL(o) I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, o)
#define EXIT I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const uint32_t config[] = { 0, 1, 7, 0xffffffff, 0x80000000, 3, 0, 12 };

enum { MAX = 80, MAP = 2 };

struct prog {
	struct bf_prog_image p;
	struct bpf_insn insns[MAX];
	struct bf_reloc relocs[MAX];
	struct bf_func funcs[4];
};

static void take(struct prog *g, const struct bpf_insn *insns, uint32_t n)
{
	*g = (struct prog){ .p.n_insns = n, .p.n_funcs = 1, .funcs[0].name = "entry" };
	g->p.insns = g->insns;
	g->p.relocs = g->relocs;
	g->p.funcs = g->funcs;
	memcpy(g->insns, insns, n * sizeof(*insns));
	for (uint32_t i = 0; i < n; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) && insns[i].src_reg)
			g->relocs[g->p.n_relocs++] = (struct bf_reloc){ .insn = i, .kind = BF_RELOC_MAP_VALUE, .map = MAP };
}

static int fold(struct prog *g)
{
	return bf_fold(&g->p, MAP, config, sizeof(config));
}

static void by_hand(void **state)
{
	const struct bpf_insn asked[] = { CONFIG(1), LOAD(1, 1, 4), I(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, 1), JNE(1, 0, 2),
									  MOV(0, 5), EXIT, MOV(0, 6), EXIT };
	const struct bpf_insn unknown[] = { LOAD(2, 1, 0), CONFIG(1), LOAD(1, 1, 8),
										I(BPF_JMP | BPF_JGT | BPF_X, 2, 1, 2, 0), MOV(0, 5), EXIT, MOV(0, 6), EXIT };
	const struct bpf_insn uncalled[] = { CONFIG(1), LOAD(1, 1, 0), JNE(1, 0, 2), MOV(0, 0), EXIT, CALL(1), EXIT, EXIT };
	struct prog g;

	take(&g, asked, BF_ARRAY_SIZE(asked));
	assert_int_equal(fold(&g), 0);
	assert_int_equal(g.p.n_insns, 2);
	assert_int_equal(g.insns[0].imm, 6);
	assert_int_equal(g.p.n_relocs, 0);
	take(&g, unknown, BF_ARRAY_SIZE(unknown)); /* the comparison stays, with the number itself */
	assert_int_equal(fold(&g), 0);
	assert_int_equal(g.p.n_insns, 6);
	assert_int_equal(g.insns[1].code, BPF_JMP | BPF_JGT | BPF_K);
	assert_int_equal(g.insns[1].imm, 7);
	assert_int_equal(g.insns[1].off, 2);
	take(&g, uncalled, BF_ARRAY_SIZE(uncalled)); /* a function that is not called any more goes */
	g.funcs[1] = (struct bf_func){ .name = "f", .insn = 8 };
	g.p.n_funcs = 2;
	assert_int_equal(fold(&g), 0);
	assert_int_equal(g.p.n_insns, 2);
	assert_int_equal(g.p.n_funcs, 1);
}

static void merging(void **state)
{
	struct bpf_insn code[] = { CALL(1), EXIT, JNE(1, 0, 2), MOV(0, 5), EXIT, MOV(0, 6), EXIT };
	struct prog g;

	take(&g, code, BF_ARRAY_SIZE(code));
	g.funcs[1] = (struct bf_func){ .name = "bf_straight", .insn = 2, .args = "f" };
	g.p.n_funcs = 2;
	assert_int_equal(fold(&g), 0);
	assert_int_equal(g.p.n_funcs, 1);
	for (uint32_t i = 0; i < g.p.n_insns; i++)
		assert_int_not_equal(g.insns[i].code, BPF_JMP | BPF_CALL);
	/* not when the caller still needs a register, or the other has a stack */
	for (int i = 0; i < 2; i++) {
		code[1] = (struct bpf_insn)EXIT;
		code[3] = (struct bpf_insn)MOV(0, 5);
		if (i)
			code[3] = (struct bpf_insn)I(BPF_STX | BPF_MEM | BPF_DW, 10, 1, -8, 0);
		else
			code[1] = (struct bpf_insn)I(BPF_STX | BPF_MEM | BPF_DW, 6, 1, 0, 0);
		take(&g, code, BF_ARRAY_SIZE(code));
		g.funcs[1] = (struct bf_func){ .name = "bf_straight", .insn = 2, .args = "f" };
		g.p.n_funcs = 2;
		assert_int_equal(fold(&g), 0);
		assert_int_equal(g.p.n_funcs, 2);
	}
}

/* ------------------------------------------------------------------ at random */

struct machine {
	const struct prog *g;
	uint64_t stack[8];
	uint32_t steps;
};

static uint64_t alu(uint8_t op, uint64_t a, uint64_t b, unsigned bits)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & (bits - 1));
	case BPF_RSH:
		return a >> (b & (bits - 1));
	case BPF_NEG:
		return -a;
	case BPF_ARSH:
		return bits == 32 ? (uint64_t)((int32_t)a >> (b & 31)) : (uint64_t)((int64_t)a >> (b & 63));
	default:
		return b;
	}
}

static bool jumps(uint8_t op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	case BPF_JSLE:
		return sa <= sb;
	default:
		return op == BPF_JA || a & b;
	}
}

static uint32_t config_at(uint64_t place)
{
	uint32_t v;

	memcpy(&v, (const char *)config + place % (sizeof(config) - 3), sizeof(v));
	return v;
}

/* r0; config lies at address 0 of this machine. */
static uint64_t run(struct machine *m, uint32_t at, const uint64_t *args)
{
	uint64_t r[11] = { 0, args[1], args[2], args[3], args[4], args[5] };

	for (;; at++) {
		const struct bpf_insn *i = &m->g->insns[at];
		uint64_t b = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm, a = r[i->dst_reg];

		assert_in_range(at, 0, m->g->p.n_insns - 1);
		assert_true(m->steps++ < 100000);
		switch (BPF_CLASS(i->code)) {
		case BPF_ALU64:
			r[i->dst_reg] = alu(BPF_OP(i->code), a, b, 64);
			break;
		case BPF_ALU:
			r[i->dst_reg] = (uint32_t)alu(BPF_OP(i->code), (uint32_t)a, (uint32_t)b, 32);
			break;
		case BPF_LD:
			r[i->dst_reg] = i->src_reg ? 0 : (uint32_t)i->imm | (uint64_t)(uint32_t)i[1].imm << 32;
			at++;
			break;
		case BPF_LDX:
			if (i->src_reg == 10)
				r[i->dst_reg] = m->stack[-i->off / 8 - 1];
			else
				r[i->dst_reg] = config_at(r[i->src_reg] + (uint64_t)i->off);
			break;
		case BPF_STX:
			m->stack[-i->off / 8 - 1] = r[i->src_reg];
			break;
		default:
			if (i->code == (BPF_JMP | BPF_EXIT))
				return r[0];
			if (i->code == (BPF_JMP | BPF_CALL)) {
				r[0] = run(m, at + 1 + (uint32_t)i->imm, r);
				r[1] = r[2] = r[3] = r[4] = r[5] = 0;
			} else if (BPF_CLASS(i->code) == BPF_JMP ? jumps(BPF_OP(i->code), a, b, (int64_t)a, (int64_t)b) :
						 jumps(BPF_OP(i->code), (uint32_t)a, (uint32_t)b, (int32_t)a, (int32_t)b)) {
				at += (uint32_t)(int32_t)i->off;
			}
		}
	}
}

static struct bpf_insn random_insn(struct rng *r, uint32_t behind, bool stack)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR, BPF_AND, BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG,
								   BPF_ARSH, BPF_MOV, BPF_MOV };
	static const uint8_t tests[] = { BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE,
									 BPF_JSLT, BPF_JSLE, BPF_JSET, BPF_JA };
	uint8_t dst = (uint8_t)rng_below(r, 10), src = (uint8_t)rng_below(r, 10), x = rng_percent(r, 50) ? BPF_X : BPF_K;
	int32_t imm = rng_percent(r, 80) ? (int32_t)rng_below(r, 9) : (int32_t)rng_u64(r);
	uint8_t op;

	switch (stack ? rng_below(r, 6) : 3 * rng_below(r, 2) + 5 * rng_below(r, 2)) {
	case 0: /* r9 is config, mostly */
		return (struct bpf_insn)LOAD(dst, 9, (int16_t)(4 * rng_below(r, BF_ARRAY_SIZE(config))));
	case 1:
		return (struct bpf_insn)I(BPF_STX | BPF_MEM | BPF_DW, 10, src, (int16_t)(-8 * (1 + (int)rng_below(r, 8))), 0);
	case 2:
		return (struct bpf_insn)I(BPF_LDX | BPF_MEM | BPF_DW, dst, 10, (int16_t)(-8 * (1 + (int)rng_below(r, 8))), 0);
	case 3:
		op = tests[rng_below(r, sizeof(tests))];
		if (op == BPF_JA)
			return (struct bpf_insn)I(BPF_JMP | BPF_JA, 0, 0, (int16_t)rng_below(r, behind), 0);
		return (struct bpf_insn)I((rng_percent(r, 50) ? BPF_JMP : BPF_JMP32) | op | x, dst, x ? src : 0,
								  (int16_t)rng_below(r, behind), x ? 0 : imm);
	}
	op = ops[rng_below(r, sizeof(ops))];
	if (op == BPF_NEG)
		x = 0;
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm &= 31;
	if (x || op == BPF_NEG)
		imm = 0;
	return (struct bpf_insn)I((rng_percent(r, 50) ? BPF_ALU64 : BPF_ALU) | op | x, dst, x ? src : 0, 0, imm);
}

/*
 * Two functions, the first calls the second; all jumps lead forward. Registers that a call leaves undefined are defined
 * behind it, or not used any more.
 */
static void random_prog(struct rng *r, struct prog *g)
{
	const struct bpf_insn start[] = { CONFIG(9), MOV(0, 1), MOV(6, 2), MOV(7, 3), MOV(8, 4) };
	const struct bpf_insn call[] = { CALL(0), MOV(1, 1), MOV(2, 2), MOV(3, 3), MOV(4, 4), MOV(5, 5) };
	struct bpf_insn insns[MAX];
	uint32_t n = 0, first = 0, calls[2];
	bool last = rng_percent(r, 50);

	for (int f = 0; f < 2; f++) {
		memcpy(&insns[n], start, sizeof(start));
		n += BF_ARRAY_SIZE(start);
		for (int part = 0; part < 2; part++) {
			for (uint32_t end = n + 1 + rng_below(r, 11); n < end; n++)
				insns[n] = random_insn(r, end - n, !f || !last);
			if (f || (last && !part))
				continue;
			calls[part] = n;
			memcpy(&insns[n], call, sizeof(call));
			n += last ? 1 : BF_ARRAY_SIZE(call);
		}
		insns[n++] = (struct bpf_insn)EXIT;
		if (!f)
			first = n;
	}
	for (int part = last; part < 2; part++)
		insns[calls[part]].imm = (int32_t)(first - calls[part] - 1);
	take(g, insns, n);
	g->funcs[1] = (struct bf_func){ .name = "bf_straight", .insn = first };
	g->p.n_funcs = 2;
}

static void at_random(void **state)
{
	struct rng r = { 7 };
	uint32_t before = 0, after = 0, merged = 0;

	for (int i = 0; i < 20000; i++) {
		struct prog g, folded;

		random_prog(&r, &g);
		folded = g;
		folded.p.insns = folded.insns;
		folded.p.relocs = folded.relocs;
		folded.p.funcs = folded.funcs;
		assert_int_equal(fold(&folded), 0);
		before += g.p.n_insns;
		after += folded.p.n_insns;
		merged += folded.p.n_funcs == 1;
		for (int k = 0; k < 4; k++) {
			uint64_t args[6] = { 0, rng_u64(&r), rng_below(&r, 8), rng_below(&r, 3), 0, rng_u64(&r) >> 32 };
			struct machine a = { .g = &g }, b = { .g = &folded };
			uint64_t ra = run(&a, 0, args), rb = run(&b, 0, args);

			if (ra != rb || memcmp(a.stack, b.stack, sizeof(a.stack)))
				fail_msg("program %d, run %d: %#llx, folded %#llx", i, k, (unsigned long long)ra, (unsigned long long)rb);
		}
	}
	assert_true(after < before * 3 / 4);
	assert_true(merged > 100);
}

UNIT_MAIN(cmocka_unit_test(by_hand), cmocka_unit_test(merging), cmocka_unit_test(at_random))
