/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * straight.c: a small graph of cells -> bf_straight(frame), the same graph as
 * instructions (a function for each family where a program sees all). Cells come in the order of their numbers, so that what a cell
 * falls through to is mostly right behind it.
 *
 *   r6            frame
 *   r7            this CPU's counters, from the first one used on
 *   r8            the packet's length
 *   r9, r1 .. r5  key words, two in each: the pairs that are tested most;
 *                 r1 .. r5 are read again after a call
 *   r0            of one cell only (r5, too, if there are CMP cells)
 *
 * The verifier's cost decides how a test looks. A register that is compared
 * with a constant becomes known on one side, and states that know different
 * things are not merged: n tests would cost n * n. So each test takes a copy
 * and changes it (AND, XOR, SUB) before it is compared: what is learnt then is
 * about the copy alone. Nor may each test read the frame: it is stack, and
 * since 6.18 the verifier goes over the whole function anew when another place
 * reads stack.
 */
#include "gen/code.h"
#include "rt/class.h"

#include "gen/asm.h"
#include "gen/cbpf.h"
#include "rt/code.h"

enum { FRAME = BPF_REG_6, COUNTERS = BPF_REG_7, LEN = BPF_REG_8, REACHED = 1, WANTED = 2 };
enum { SECOND = BPF_REG_5 }; /* of CMP cells: the last of the cache then is not used for that */
enum { PAIRS = BF_KEY_SCRATCH / 2, CACHED = 6 };

static const uint8_t cache[CACHED] = { BPF_REG_9, BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_4, BPF_REG_5 };

struct straight {
	struct bf_asm out;
	const struct bf_cell *cells;
	const struct bf_rt_config *config;
	bf_asm_label *label;
	uint8_t *seen;   /* REACHED; WANTED: some instruction leads there, which for verdicts is not sure */
	uint32_t *order; /* cells reached, ascending */
	uint32_t n;
	uint8_t reg[PAIRS];     /* register of each pair of key words, 0: none */
	uint32_t first_counter; /* r7 points to it */
	bf_asm_label drop;
	bool drops;      /* something leads to drop */
	bool apart;      /* the function stands apart (rt/code.h) */
};

/* Those that read packet data wherever it is cannot be asked by what stands apart. */
enum {
	READING_LOADERS = 1u << BF_LOAD_TCP_MSS | 1u << BF_LOAD_PAYLOAD | 1u << BF_LOAD_EXTHDR | 1u << BF_LOAD_TCP_OPTION |
	                  1u << BF_LOAD_IP_OPTION | 1u << BF_LOAD_CHUNK,
	READING_SPECIALS = 1u << BF_SPECIAL_TCPOPT | 1u << BF_SPECIAL_TCPMSS,
};

static bool reads_packet(const struct bf_uses *u)
{
	return u->ops & 1u << BF_CELL_CODE || u->loaders & READING_LOADERS || u->specials & READING_SPECIALS;
}


/* Where a cell leads; n: how many ways (a VERDICT has none). */
static unsigned ways(const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_VERDICT:
		return 0;
	case BF_CELL_COUNT:
	case BF_CELL_HANDOFF:
	case BF_CELL_PUT:
	case BF_CELL_KEEP:
		return 1;
	default:
		return 2;
	}
}

/*
 * What a cell costs the verifier, a test being 1: it walks through a function
 * again at each call, unless that stands apart. Looking at options takes 5 ms
 * each time.
 */
static uint32_t weight(const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_LOAD:
		return READING_LOADERS >> c->lo & 1 ? 400 : 4;
	case BF_CELL_MATCH:
		return READING_SPECIALS >> c->lo & 1 ? 400 : 4;
	case BF_CELL_SET:
	case BF_CELL_FIND:
	case BF_CELL_LIVE:
		return 4;
	case BF_CELL_CODE:
		return 8 + 4 * c->span;
	case BF_CELL_HANDOFF:
	case BF_CELL_CMP:
	case BF_CELL_PUT:
		return 4;
	default:
		return 1;
	}
}

/* What has no straight form: calls through the stack, and what is data by nature. */
static bool is_data(const struct bf_cell *c, bool patched)
{
	switch (c->op) {
	case BF_CELL_CALL:
	case BF_CELL_RET:
	case BF_CELL_CLASS:
	case BF_CELL_SWITCH:
	case BF_CELL_BRANCH:
	case BF_CELL_CHANCE:
		return true;
	case BF_CELL_COUNT:
		return c->word;
	case BF_CELL_TEST:
		return patched && c->word == BF_KEY_HALF && c->hit == c->miss; /* a gate */
	case BF_CELL_PUT:
		return c->lo == BF_OUT_MIRROR; /* the walk does it, with the program's context */
	default:
		return false;
	}
}

static void push(uint8_t *seen, uint32_t *stack, uint32_t *top, uint32_t cell)
{
	if (seen[cell])
		return;
	seen[cell] = REACHED;
	stack[(*top)++] = cell;
}

/* Marks what `start` reaches. False: more than max, or something that is data. */
static bool reach(const struct bf_graph *g, uint32_t start, uint32_t max, bool patched, uint8_t *seen, uint32_t *stack)
{
	uint64_t sum = 0;
	uint32_t top = 0;

	seen[start] = REACHED;
	stack[top++] = start;
	while (top) {
		const struct bf_cell *c = &g->cells[stack[--top]];

		sum += weight(c);
		if (sum > max || is_data(c, patched))
			return false;
		if (c->op == BF_CELL_CODE) { /* its run's other cells are its function's */
			for (uint32_t i = 0; i <= c->span; i++)
				push(seen, stack, &top, g->cells[c->arg + i].hit);
			continue;
		}
		if (ways(c) > 1)
			push(seen, stack, &top, c->miss);
		if (ways(c) > 0)
			push(seen, stack, &top, c->hit);
	}
	return true;
}

static void verdict(struct straight *s, uint32_t v)
{
	bf_asm_mov_imm(&s->out, BPF_REG_0, v);
	bf_asm_exit(&s->out);
}

static bf_asm_label label_of(struct straight *s, uint32_t cell)
{
	s->seen[cell] |= WANTED;
	return s->label[cell];
}

static void go(struct straight *s, uint32_t to, uint32_t next)
{
	if (s->cells[to].op == BF_CELL_VERDICT)
		verdict(s, s->cells[to].lo); /* as long as a jump there */
	else if (to != next)
		bf_asm_jump(&s->out, BPF_JMP | BPF_JA, 0, 0, 0, label_of(s, to));
}

/* Jumps on (`reg` op imm): true -> hit, else miss; `not_op` is the opposite; both with the class of 32 or 64 bits. next: the
 * cell right behind. */
static void branch_any(struct straight *s, uint8_t op, uint8_t not_op, uint8_t reg, uint32_t imm, const struct bf_cell *c,
                       uint32_t next)
{
	if (c->hit == next) {
		label_of(s, next); /* falls through */
		return bf_asm_jump(&s->out, not_op | BPF_K, reg, 0, imm, label_of(s, c->miss));
	}
	bf_asm_jump(&s->out, op | BPF_K, reg, 0, imm, label_of(s, c->hit));
	go(s, c->miss, next);
}

static void branch(struct straight *s, uint8_t op, uint8_t not_op, uint8_t reg, uint32_t imm, const struct bf_cell *c,
                   uint32_t next)
{
	branch_any(s, BPF_JMP32 | op, BPF_JMP32 | not_op, reg, imm, c, next);
}

static int16_t key_offset(unsigned word)
{
	return offsetof(struct bf_frame, key) + 4 * word;
}

static int16_t out_offset(unsigned out)
{
	return offsetof(struct bf_frame, out) + 4 * out;
}

/* w0 = word of the key */
static void fetch(struct straight *s, unsigned word)
{
	uint8_t reg = word < BF_KEY_SCRATCH ? s->reg[word / 2] : 0;

	if (!reg)
		return bf_asm_load(&s->out, BPF_REG_0, FRAME, key_offset(word));
	if (word % 2 == 0)
		return bf_asm_emit(&s->out, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, reg, 0, 0);
	bf_asm_mov(&s->out, BPF_REG_0, reg);
	bf_asm_emit(&s->out, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
}

static void test(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	bool masked = c->mask != UINT32_MAX;

	fetch(s, c->word);
	if (masked)
		bf_asm_emit(&s->out, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, c->mask);
	if (c->span == 0) {
		if (!masked || c->lo)
			bf_asm_emit(&s->out, BPF_ALU | BPF_XOR | BPF_K, BPF_REG_0, 0, 0, c->lo);
		return branch(s, BPF_JEQ, BPF_JNE, BPF_REG_0, 0, c, next);
	}
	if (!masked || c->lo)
		bf_asm_emit(&s->out, BPF_ALU | BPF_SUB | BPF_K, BPF_REG_0, 0, 0, c->lo);
	branch(s, BPF_JLE, BPF_JGT, BPF_REG_0, c->span, c, next);
}

/* Reads cached words; after a call those in r1 .. r5 only. */
static void fill_cache(struct straight *s, bool after_call)
{
	for (unsigned i = 0; i < PAIRS; i++)
		if (s->reg[i] && (!after_call || s->reg[i] < BPF_REG_6))
			bf_asm_emit(&s->out, BPF_LDX | BPF_DW | BPF_MEM, s->reg[i], FRAME, key_offset(2 * i), 0);
}

static void call(struct straight *s, const char *function)
{
	bf_asm_call(&s->out, function);
	fill_cache(s, true);
}

static void drop_if(struct straight *s, uint8_t op, int32_t imm)
{
	bf_asm_jump(&s->out, BPF_JMP32 | op | BPF_K, BPF_REG_0, 0, imm, s->drop);
	s->drops = true;
}

/* Calls a function with the frame and two constants; its answer is hit, miss or drop. */
static void ask(struct straight *s, const char *function, const struct bf_cell *c, uint32_t which, uint64_t arg,
                uint32_t next)
{
	bf_asm_mov(&s->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(&s->out, BPF_REG_2, which);
	bf_asm_mov_wide(&s->out, BPF_REG_3, arg);
	call(s, function);
	drop_if(s, BPF_JEQ, BF_HOTDROP);
	branch(s, BPF_JNE, BPF_JEQ, BPF_REG_0, BF_MISS, c, next);
}

static void atomic_add(struct straight *s, uint8_t base, int16_t off, uint8_t value)
{
	bf_asm_emit(&s->out, BPF_STX | BPF_ATOMIC | BPF_DW, base, value, off, BPF_ADD);
}

/* Where the counters used begin in the CPU's copy of them. */
static void find_counters(struct straight *s)
{
	bf_asm_emit(&s->out, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_smp_processor_id);
	bf_asm_emit(&s->out, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, s->config->stripe_mask);
	bf_asm_emit(&s->out, BPF_ALU | BPF_MUL | BPF_K, BPF_REG_0, 0, 0,
	            s->config->n_counters * sizeof(struct bf_rt_counter));
	bf_asm_map_value(&s->out, COUNTERS, "counters");
	bf_asm_emit(&s->out, BPF_ALU64 | BPF_ADD | BPF_X, COUNTERS, BPF_REG_0, 0, 0);
	if (s->first_counter)
		bf_asm_emit(&s->out, BPF_ALU64 | BPF_ADD | BPF_K, COUNTERS, 0, 0, s->first_counter * sizeof(struct bf_rt_counter));
	if (s->config->kind == BF_RT_TC || s->config->kind == BF_RT_TC_EGRESS) {
		bf_asm_mov(&s->out, BPF_REG_1, FRAME);
		bf_asm_call(&s->out, "bf_length");
		bf_asm_mov(&s->out, LEN, BPF_REG_0);
	} else {
		bf_asm_load(&s->out, LEN, FRAME, offsetof(struct bf_frame, len));
	}
}

static void count(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	int16_t off = (c->arg - s->first_counter) * sizeof(struct bf_rt_counter);

	bf_asm_mov_imm(&s->out, BPF_REG_0, 1);
	atomic_add(s, COUNTERS, off, BPF_REG_0);
	atomic_add(s, COUNTERS, off + 8, LEN);
	go(s, c->hit, next);
}

static void keep(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	fetch(s, c->word);
	if (c->span)
		bf_asm_emit(&s->out, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, c->span);
	if (c->mask != UINT32_MAX)
		bf_asm_emit(&s->out, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, c->mask);
	bf_asm_emit(&s->out, BPF_STX | BPF_W | BPF_MEM, FRAME, BPF_REG_0,
	            (int16_t)(offsetof(struct bf_frame, kept) + 4 * (c->lo & (BF_KEPT_WORDS - 1))), 0);
	go(s, c->hit, next);
}

static void handoff(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	bf_asm_mov(&s->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(&s->out, BPF_REG_2, c->lo);
	bf_asm_mov_imm(&s->out, BPF_REG_3, c->arg);
	call(s, "bf_note");
	drop_if(s, BPF_JNE, 0);
	go(s, c->hit, next);
}

/* r0 = word of the key under the mask, shifted */
static void fetch_shifted(struct straight *s, unsigned word, uint32_t mask, uint64_t by)
{
	if (word == BF_CMP_TEMP)
		bf_asm_load(&s->out, BPF_REG_0, FRAME, out_offset(BF_OUT_TEMP));
	else
		fetch(s, word);
	if (mask != UINT32_MAX)
		bf_asm_emit(&s->out, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, mask);
	if (by & 31)
		bf_asm_emit(&s->out, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, by & 31);
	if (by >> BF_CMP_LEFT & 31)
		bf_asm_emit(&s->out, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_0, 0, 0, by >> BF_CMP_LEFT & 31);
}

static void cmp(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	fetch_shifted(s, c->other, c->lo, c->span >> BF_CMP_B);
	if (c->arg)
		bf_asm_emit(&s->out, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_0, 0, 0, (int32_t)c->arg);
	bf_asm_mov(&s->out, SECOND, BPF_REG_0);
	fetch_shifted(s, c->word, c->mask, c->span);
	bf_asm_emit(&s->out, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_0, SECOND, 0, 0);
	if (c->span & BF_CMP_LESS)
		branch_any(s, BPF_JMP | BPF_JSLT, BPF_JMP | BPF_JSGE, BPF_REG_0, 0, c, next);
	else
		branch_any(s, BPF_JMP | BPF_JEQ, BPF_JMP | BPF_JNE, BPF_REG_0, 0, c, next);
}

static void store(struct straight *s, int16_t off)
{
	bf_asm_emit(&s->out, BPF_STX | BPF_W | BPF_MEM, FRAME, BPF_REG_0, off, 0);
}

static void put(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	uint8_t mark = s->reg[BF_KEY_MARK / 2];

	fetch_shifted(s, c->word, c->mask, c->arg);
	if (c->span)
		bf_asm_emit(&s->out, BPF_ALU | BPF_XOR | BPF_K, BPF_REG_0, 0, 0, c->span);
	store(s, out_offset(c->lo));
	if (c->lo == BF_OUT_MARK)
		store(s, key_offset(BF_KEY_MARK));
	if (c->lo == BF_OUT_MARK && mark)
		bf_asm_emit(&s->out, BPF_LDX | BPF_DW | BPF_MEM, mark, FRAME, key_offset(BF_KEY_MARK & ~1u), 0);
	if (c->lo != BF_OUT_TEMP) {
		bf_asm_load(&s->out, BPF_REG_0, FRAME, out_offset(BF_OUT_SET));
		bf_asm_emit(&s->out, BPF_ALU | BPF_OR | BPF_K, BPF_REG_0, 0, 0, 1u << c->lo);
		store(s, out_offset(BF_OUT_SET));
	}
	go(s, c->hit, next);
}

/* To the cell behind answer r0 of n, the first of which is `step`: they are in a row (steps.c). */
static void choose(struct straight *s, uint32_t step, const struct bf_cell *answers, uint32_t n, uint32_t next)
{
	bf_asm_label right;

	if (n == 1)
		return go(s, answers->hit, next);
	right = bf_asm_new_label(&s->out);
	bf_asm_jump(&s->out, BPF_JMP32 | BPF_JGE | BPF_K, BPF_REG_0, 0, (int32_t)(step + n / 2), right);
	choose(s, step, answers, n / 2, UINT32_MAX);
	bf_asm_bind(&s->out, right);
	choose(s, step + n / 2, answers + n / 2, n - n / 2, next);
}

static void code(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	bf_asm_mov(&s->out, BPF_REG_1, FRAME);
	bf_asm_mov_imm(&s->out, BPF_REG_2, c->lo);
	bf_asm_emit(&s->out, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_3, FRAME, offsetof(struct bf_frame, ctx), 0);
	call(s, c->word ? "bf_users_ask" : "bf_code");
	drop_if(s, BPF_JSLT, 0);
	choose(s, c->lo, &s->cells[c->arg], c->span + 1, next);
}

static void cell(struct straight *s, const struct bf_cell *c, uint32_t next)
{
	switch (c->op) {
	case BF_CELL_TEST:
		return test(s, c, next);
	case BF_CELL_COUNT:
		return count(s, c, next);
	case BF_CELL_VERDICT:
		return verdict(s, c->lo);
	case BF_CELL_LOAD:
		return ask(s, READING_LOADERS >> c->lo & 1 ? "bf_load" : "bf_load_apart", c, c->lo, c->arg, next);
	case BF_CELL_MATCH:
		return ask(s, READING_SPECIALS >> c->lo & 1 ? "bf_special" : "bf_special_apart", c, c->lo,
		           c->arg, next);
	case BF_CELL_CODE:
		return code(s, c, next);
	case BF_CELL_SET:
		return ask(s, "bf_set", c, c->word, c->arg, next);
	case BF_CELL_FIND:
		bf_asm_mov_imm(&s->out, BPF_REG_4, c->span);
		return ask(s, c->word ? "bf_find6" : "bf_find4", c, c->arg, c->lo, next);
	case BF_CELL_LIVE:
		return ask(s, c->lo == BF_LIVE_EXACT ? "bf_exact" : "bf_live", c, c->lo, c->arg, next);
	case BF_CELL_KEEP:
		return keep(s, c, next);
	case BF_CELL_HANDOFF:
		return handoff(s, c, next);
	case BF_CELL_CMP:
		return cmp(s, c, next);
	case BF_CELL_PUT:
		return put(s, c, next);
	}
}

/* What stands apart must reckon with it. */
static void refuse_null(struct straight *s)
{
	bf_asm_label there = bf_asm_new_label(&s->out);

	bf_asm_jump(&s->out, BPF_JMP | BPF_JNE | BPF_K, FRAME, 0, 0, there);
	verdict(s, BF_DROP);
	bf_asm_bind(&s->out, there);
}

static void emit(struct straight *s, const struct bf_graph_root *r, uint32_t start)
{
	bf_asm_mov(&s->out, FRAME, BPF_REG_1);
	if (s->apart)
		refuse_null(s);
	if (r->uses.ops & 1u << BF_CELL_COUNT)
		find_counters(s);
	fill_cache(s, false);
	s->drop = bf_asm_new_label(&s->out);
	for (uint32_t i = 0; i < s->n; i++)
		s->label[s->order[i]] = bf_asm_new_label(&s->out);
	if (s->order[0] != start)
		bf_asm_jump(&s->out, BPF_JMP | BPF_JA, 0, 0, 0, label_of(s, start));
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->cells[s->order[i]].op == BF_CELL_VERDICT && s->n > 1 && !(s->seen[s->order[i]] & WANTED))
			continue; /* copied wherever a jump led here; they come last */
		bf_asm_bind(&s->out, s->label[s->order[i]]);
		cell(s, &s->cells[s->order[i]], i + 1 < s->n ? s->order[i + 1] : UINT32_MAX);
	}
	if (s->drops) {
		bf_asm_bind(&s->out, s->drop);
		verdict(s, BF_DROP);
	}
}

/* Gives registers to the pairs of key words that are tested most. */
static void choose_cache(struct straight *s)
{
	uint32_t uses[PAIRS] = { 0 };
	unsigned cached = CACHED;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct bf_cell *c = &s->cells[s->order[i]];

		if (c->op == BF_CELL_CMP)
			cached = CACHED - 1;
		if (c->op == BF_CELL_TEST && c->word < BF_KEY_SCRATCH)
			uses[c->word / 2]++;
	}
	for (unsigned k = 0; k < cached; k++) {
		unsigned most = 0;

		for (unsigned i = 1; i < PAIRS; i++)
			most = uses[i] > uses[most] ? i : most;
		if (uses[most])
			s->reg[most] = cache[k];
		uses[most] = 0;
	}
}

/* False: counters too far apart for the offset of an instruction. */
static bool choose_counters(struct straight *s)
{
	uint32_t first = UINT32_MAX, last = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct bf_cell *c = &s->cells[s->order[i]];

		if (c->op != BF_CELL_COUNT)
			continue;
		first = BF_MIN(first, (uint32_t)c->arg);
		last = BF_MAX(last, (uint32_t)c->arg);
	}
	s->first_counter = first == UINT32_MAX ? 0 : first;
	return last < s->first_counter + INT16_MAX / sizeof(struct bf_rt_counter);
}

/* 1: made; 0: too large, or not of this kind. */
static int straight_func(struct bf_arena *arena, const struct bf_graph *g, const struct bf_graph_root *r, uint32_t start,
                         const char *name, const struct bf_rt_config *c, uint32_t max, struct bf_rt_func *out)
{
	_cleanup_free_ uint8_t *seen = calloc(g->n_cells, 1);
	_cleanup_free_ uint32_t *numbers = calloc(g->n_cells, 2 * sizeof(uint32_t));
	struct straight s = { .cells = g->cells, .config = c, .seen = seen, .order = numbers, .label = numbers + g->n_cells,
	                      .apart = !reads_packet(&r->uses) };
	int err;

	if (!seen || !numbers)
		return -ENOMEM;
	if (!reach(g, start, max, r->uses.structs & 1u << BF_CLASS_FOREST, seen, s.order))
		return 0;
	for (uint32_t i = 0; i < g->n_cells; i++)
		if (seen[i])
			s.order[s.n++] = i;
	if (!choose_counters(&s))
		return 0;
	choose_cache(&s);
	emit(&s, r, start);
	err = bf_asm_finish(&s.out, arena, name, out);
	if (!err && s.apart)
		out->args = "f";
	bf_asm_free(&s.out);
	return err == -E2BIG ? 0 : err < 0 ? err : 1;
}

static uint32_t users_funcs(const struct bf_graph *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n_codes; i++)
		n += g->codes[i].program ? g->codes[i].program->n_funcs : 0;
	return n;
}

static int keep_lines(struct bf_arena *a, const struct bf_rt_func *from, struct bf_rt_func *to)
{
	struct bf_line *l = bf_arena_array(a, from->n_lines + 1, struct bf_line);

	to->lines = l;
	for (uint32_t i = 0; l && i < from->n_lines; i++) {
		l[i] = from->lines[i];
		l[i].file = i && from->lines[i - 1].file == l[i].file ? l[i - 1].file : bf_arena_strdup(a, l[i].file);
		l[i].text = bf_arena_strdup(a, l[i].text);
		if (!l[i].file || !l[i].text)
			return -ENOMEM;
	}
	return l ? 0 : -ENOMEM;
}

/* The image outlives the ruleset: names are copied, instructions are by the linker. */
static int keep_func(struct bf_arena *a, const struct bf_rt_func *from, struct bf_rt_func *to)
{
	struct bf_rt_reloc *r = bf_arena_array(a, from->n_relocs + 1, struct bf_rt_reloc);

	*to = *from;
	to->name = bf_arena_strdup(a, from->name);
	to->relocs = r;
	if (!r || !to->name)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_relocs; i++) {
		r[i] = from->relocs[i];
		r[i].symbol = bf_arena_strdup(a, from->relocs[i].symbol);
		r[i].member = from->relocs[i].member ? bf_arena_strdup(a, from->relocs[i].member) : NULL;
		if (!r[i].symbol || (from->relocs[i].member && !r[i].member))
			return -ENOMEM;
	}
	return keep_lines(a, from, to);
}

static int add_user(struct bf_arena *a, const struct bf_rt_func *f, struct bf_rt_func *own, uint32_t *n)
{
	for (uint32_t i = 0; i < *n; i++)
		if (!strcmp(own[i].name, f->name)) {
			own[i].args = f->args ? f->args : own[i].args;
			return 0;
		}
	return keep_func(a, f, &own[(*n)++]);
}

/* Functions of users' files; those of one file may come several times, but only once as a match. */
static int add_users(struct bf_arena *a, const struct bf_graph *g, struct bf_rt_func *own, uint32_t *n)
{
	int err = 0;

	for (uint32_t i = 0; i < g->n_codes; i++) {
		const struct bf_program *p = g->codes[i].program;

		for (uint32_t k = 0; p && k < p->n_funcs && !err; k++)
			err = add_user(a, &p->funcs[k], own, n);
	}
	return err;
}

/* What CODE cells run. */
static int add_codes(struct bf_arena *a, const struct bf_graph *g, const struct bf_graph_root *r, const struct bf_rt_config *c,
                     struct bf_rt_func *own, uint32_t *n_own, struct bf_diag *d)
{
	bool *used = bf_arena_array(a, g->n_steps + 1ul, bool);
	int err = used ? add_users(a, g, own, n_own) : -ENOMEM;
	uint32_t n = 0;

	if (!err)
		err = bf_users_funcs(a, g, own, n_own);
	if (!err)
		err = bf_codes_reached(g, r, used);
	if (!err)
		err = bf_cbpf_funcs(a, g, used, (uint8_t)c->kind, &own[*n_own], &n, d);
	*n_own += n;
	return err;
}

int bf_code_funcs(struct bf_arena *a, const struct bf_graph *g, const struct bf_graph_root *r,
                  const struct bf_rt_config *c, uint32_t code_max, struct bf_rt_func **out, uint32_t *n_own,
                  bool *straight, struct bf_diag *d)
{
	static const char *const names[BF_FAMS] = { "bf_straight", "bf_straight_ip6", "bf_straight_other" };
	const uint32_t starts[BF_FAMS] = { r->start, r->start_ip6, r->start_other };
	uint32_t n = r->family == NFPROTO_NETDEV ? BF_FAMS : 1, first;
	struct bf_rt_func *own = bf_arena_array(a, BF_FAMS + bf_cbpf_most(g) + users_funcs(g) + g->n_users, struct bf_rt_func);
	int err = own ? 0 : -ENOMEM;

	*out = own;
	*n_own = 0;
	*straight = false;
	if (!err && r->uses.ops & 1u << BF_CELL_CODE)
		err = add_codes(a, g, r, c, own, n_own, d);
	if (err < 0 || !code_max)
		return err;
	first = *n_own;
	err = 1;
	for (uint32_t i = 0; i < n && err == 1; i++)
		err = straight_func(a, g, r, starts[i], names[i], c, code_max, &own[first + i]);
	if (err < 0)
		return err;
	*straight = err;
	*n_own += err ? n : 0; /* all or none */
	return 0;
}
