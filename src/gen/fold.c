/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold.c: the compiled functions ask `config` what a ruleset needs. The
 * verifier knows the answers, too, and leaves out what is never reached, but
 * not the questions, nor jumps of which both ends are reached otherwise. So
 * programs are folded before:
 *
 *   run       what is in each register before each instruction: a constant, an address in config, or anything. Only
 *             ways that a jump can take are followed, from the entry on
 *   simplify  instructions whose result is a constant load it; decided jumps are always or never taken
 *   sweep     what nobody uses goes
 *   merge     a call of bf_straight costs more than most of what it does: its code becomes part of the entry
 *   compact   what is left moves together
 */
#include "gen/fold.h"

#include "base/base.h"

enum { REGS = 11 };
enum kind { CONSTANT, CONFIG, ANYTHING };

struct value {
	enum kind kind;
	uint64_t v; /* of a CONSTANT; offset in CONFIG */
};

struct state {
	struct value reg[REGS];
};

struct fold {
	struct bf_prog_image *p;
	const uint8_t *config;
	uint32_t size;
	struct bpf_insn *insns;
	uint32_t n;
	struct state *before; /* of what is REACHED */
	uint32_t *reloc;     /* by instruction: 1 + index of its relocation */
	uint32_t *todo;
	uint32_t n_todo;
	uint8_t *flags;
	uint16_t *live;      /* registers used behind the instruction */
	uint32_t map;
};
enum { REACHED = 1, WAITING = 2, DELETED = 4, TAKEN = 8, PASSED = 16, START = 32 };

static const struct value anything = { ANYTHING, 0 };

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool is_jump_class(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32;
}

static bool is_alu(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_ALU || BPF_CLASS(i->code) == BPF_ALU64;
}

static bool is_call(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL);
}

static bool is_exit(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT);
}

static bool is_goto(const struct bpf_insn *i)
{
	return is_jump_class(i) && BPF_OP(i->code) == BPF_JA;
}

/* Conditional, may_goto included. */
static bool is_branch(const struct bpf_insn *i)
{
	return is_jump_class(i) && !is_call(i) && !is_exit(i) && !is_goto(i);
}

/* A call of a function of the program, or its address, for a helper that calls it. */
static bool names_function(const struct bpf_insn *i)
{
	return (is_call(i) && i->src_reg == BPF_PSEUDO_CALL) || (is_wide(i) && i->src_reg == BPF_PSEUDO_FUNC);
}

static uint32_t target(const struct fold *f, uint32_t at)
{
	const struct bpf_insn *i = &f->insns[at];

	return at + 1 + (uint32_t)(i->code == (BPF_JMP32 | BPF_JA) || is_call(i) || is_wide(i) ? i->imm : i->off);
}

static uint32_t behind(const struct fold *f, uint32_t at)
{
	return at + 1 + is_wide(&f->insns[at]);
}

/* Values. */

static struct value constant(uint64_t v)
{
	return (struct value){ CONSTANT, v };
}

static struct value operand(const struct bpf_insn *i, const struct state *s)
{
	if (BPF_SRC(i->code) == BPF_X)
		return s->reg[i->src_reg];
	return constant((uint64_t)(int64_t)i->imm);
}

static bool compute(uint8_t op, bool wide, uint64_t a, uint64_t b, uint64_t *r)
{
	unsigned shift = b & (wide ? 63 : 31);

	switch (op) {
	case BPF_ADD:
		*r = a + b;
		return true;
	case BPF_SUB:
		*r = a - b;
		return true;
	case BPF_MUL:
		*r = a * b;
		return true;
	case BPF_OR:
		*r = a | b;
		return true;
	case BPF_AND:
		*r = a & b;
		return true;
	case BPF_XOR:
		*r = a ^ b;
		return true;
	case BPF_LSH:
		*r = a << shift;
		return true;
	case BPF_RSH:
		*r = (wide ? a : (uint32_t)a) >> shift;
		return true;
	}
	return false;
}

static struct value alu(const struct bpf_insn *i, const struct state *s)
{
	struct value a = s->reg[i->dst_reg], b = operand(i, s);
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	uint64_t r;

	if (i->off)
		return anything; /* signed variants */
	if (BPF_OP(i->code) == BPF_MOV) {
		if (wide)
			return b;
		return b.kind == CONSTANT ? constant((uint32_t)b.v) : anything;
	}
	if (BPF_OP(i->code) == BPF_ADD && wide && a.kind == CONFIG && b.kind == CONSTANT)
		return (struct value){ CONFIG, a.v + b.v };
	if (BPF_OP(i->code) == BPF_END || a.kind != CONSTANT || b.kind != CONSTANT ||
	    !compute(BPF_OP(i->code), wide, a.v, b.v, &r))
		return anything;
	return constant(wide ? r : (uint32_t)r);
}

static struct value load(const struct fold *f, const struct bpf_insn *i, const struct state *s)
{
	static const uint8_t sizes[] = { [BPF_W >> 3] = 4, [BPF_H >> 3] = 2, [BPF_B >> 3] = 1, [BPF_DW >> 3] = 8 };
	uint64_t at = s->reg[i->src_reg].v + (uint64_t)(int64_t)i->off, v = 0, size = sizes[BPF_SIZE(i->code) >> 3];

	if (s->reg[i->src_reg].kind != CONFIG || BPF_MODE(i->code) != BPF_MEM || at > f->size || size > f->size - at)
		return anything;
	memcpy(&v, f->config + at, size); /* little-endian, as BPF code is that is compiled here */
	return constant(v);
}

static struct value wide_constant(const struct fold *f, uint32_t at)
{
	const struct bpf_insn *i = &f->insns[at];
	const struct bf_reloc *r = f->reloc[at] ? &f->p->relocs[f->reloc[at] - 1] : NULL;

	if (r && r->kind == BF_RELOC_MAP_VALUE && r->map == f->map)
		return (struct value){ CONFIG, (uint64_t)(int64_t)r->addend };
	if (r)
		return anything;
	return i->src_reg ? anything : constant((uint32_t)i->imm | (uint64_t)(uint32_t)i[1].imm << 32);
}

/* Run. */

/* What holds on both ways. Is it less than before? */
static bool join(struct state *to, const struct state *s)
{
	bool changed = false;

	for (int r = 0; r < REGS; r++) {
		struct value *v = &to->reg[r];

		if (v->kind == ANYTHING || (v->kind == s->reg[r].kind && v->v == s->reg[r].v))
			continue;
		*v = anything;
		changed = true;
	}
	return changed;
}

/* Most of what is linked is never reached: its memory is not touched. */
static void enter(struct fold *f, uint32_t at, const struct state *s)
{
	bool changed = true;

	if (f->flags[at] & REACHED)
		changed = join(&f->before[at], s);
	else
		f->before[at] = *s;
	if (changed && !(f->flags[at] & WAITING)) {
		f->flags[at] |= WAITING;
		f->todo[f->n_todo++] = at;
	}
	f->flags[at] |= REACHED;
}

static void enter_function(struct fold *f, uint32_t at)
{
	struct state s;

	for (int r = 0; r < REGS; r++)
		s.reg[r] = anything;
	f->flags[at] |= START;
	enter(f, at, &s);
}

static bool compare(uint8_t op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
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
		return a & b; /* JSET */
	}
}

/* Which ways a branch can go: TAKEN, PASSED or both. */
static uint8_t ways(const struct bpf_insn *i, const struct state *s)
{
	struct value a = s->reg[i->dst_reg], b = operand(i, s);
	bool wide = BPF_CLASS(i->code) == BPF_JMP, yes;

	if (BPF_OP(i->code) > BPF_JSLE || a.kind != CONSTANT || b.kind != CONSTANT) /* may_goto is beyond JSLE */
		return TAKEN | PASSED;
	yes = wide ? compare(BPF_OP(i->code), a.v, b.v, (int64_t)a.v, (int64_t)b.v)
	           : compare(BPF_OP(i->code), (uint32_t)a.v, (uint32_t)b.v, (int32_t)a.v, (int32_t)b.v);
	return yes ? TAKEN : PASSED;
}

static void forget(struct state *s, uint8_t from, uint8_t to)
{
	for (uint8_t r = from; r <= to; r++)
		s->reg[r] = anything;
}

/* What an instruction leaves in the registers, jumps apart. */
static void execute(struct fold *f, uint32_t at, struct state *s)
{
	const struct bpf_insn *i = &f->insns[at];

	if (is_wide(i)) {
		s->reg[i->dst_reg] = wide_constant(f, at);
	} else if (is_alu(i)) {
		s->reg[i->dst_reg] = f->reloc[at] ? anything : alu(i, s);
	} else if (BPF_CLASS(i->code) == BPF_LDX) {
		s->reg[i->dst_reg] = load(f, i, s);
	} else if (BPF_CLASS(i->code) == BPF_LD) {
		forget(s, 0, 9);
	} else if (BPF_CLASS(i->code) == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC) {
		forget(s, i->src_reg, i->src_reg);
		forget(s, 0, 0);
	} else if (is_call(i)) {
		forget(s, 0, 5);
	}
}

static void visit(struct fold *f, uint32_t at)
{
	const struct bpf_insn *i = &f->insns[at];
	struct state s = f->before[at];

	if (is_exit(i))
		return;
	if (is_goto(i))
		return enter(f, target(f, at), &s);
	if (is_branch(i)) {
		uint8_t w = ways(i, &s);

		if (w & TAKEN)
			enter(f, target(f, at), &s);
		if (w & PASSED)
			enter(f, at + 1, &s);
		return;
	}
	if (names_function(i))
		enter_function(f, target(f, at));
	execute(f, at, &s);
	enter(f, behind(f, at), &s);
}

static void run(struct fold *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		f->flags[i] &= DELETED;
	enter_function(f, 0);
	while (f->n_todo) {
		uint32_t at = f->todo[--f->n_todo];

		f->flags[at] &= (uint8_t)~WAITING;
		if (f->flags[at] & DELETED)
			enter(f, behind(f, at), &f->before[at]);
		else
			visit(f, at);
	}
}

/* Simplify. */

static void delete(struct fold *f, uint32_t at)
{
	f->flags[at] |= DELETED;
}

static bool fits(uint64_t v)
{
	return (int64_t)v == (int32_t)v;
}

static void load_constant(struct bpf_insn *i, uint64_t v)
{
	uint8_t class = fits(v) ? BPF_ALU64 : BPF_ALU; /* which clears the upper half */

	if (fits(v) || v <= UINT32_MAX)
		*i = (struct bpf_insn){ .code = class | BPF_MOV | BPF_K, .dst_reg = i->dst_reg, .imm = (int32_t)v };
}

/* Operations that take any constant. */
static bool takes_constant(const struct bpf_insn *i)
{
	switch (BPF_OP(i->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_OR:
	case BPF_AND:
	case BPF_XOR:
	case BPF_MOV:
		return is_alu(i) && !i->off;
	}
	return false;
}

/* The second operand is known: it needs no register. */
static void use_constant(struct bpf_insn *i, const struct state *s, bool wide)
{
	struct value b = s->reg[i->src_reg];

	if (BPF_SRC(i->code) != BPF_X || b.kind != CONSTANT || (wide && !fits(b.v)))
		return;
	i->code &= (uint8_t)~BPF_X;
	i->src_reg = 0;
	i->imm = (int32_t)b.v;
}

static void simplify_branch(struct fold *f, uint32_t at)
{
	struct bpf_insn *i = &f->insns[at];
	uint8_t w = ways(i, &f->before[at]);

	if (w == PASSED)
		delete(f, at);
	else if (w == TAKEN)
		*i = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = i->off };
	else if (BPF_OP(i->code) <= BPF_JSLE)
		use_constant(i, &f->before[at], BPF_CLASS(i->code) == BPF_JMP);
}

static void simplify_one(struct fold *f, uint32_t at)
{
	struct bpf_insn *i = &f->insns[at];
	struct state after = f->before[at];

	if (is_branch(i))
		return simplify_branch(f, at);
	if (f->reloc[at] || (!is_alu(i) && BPF_CLASS(i->code) != BPF_LDX))
		return;
	execute(f, at, &after);
	if (after.reg[i->dst_reg].kind == CONSTANT)
		load_constant(i, after.reg[i->dst_reg].v);
	else if (takes_constant(i))
		use_constant(i, &f->before[at], BPF_CLASS(i->code) == BPF_ALU64);
}

static void simplify(struct fold *f)
{
	for (uint32_t i = 0; i < f->n; i = behind(f, i)) {
		if (!(f->flags[i] & REACHED))
			delete(f, i);
		else if (!(f->flags[i] & DELETED))
			simplify_one(f, i);
	}
}

/* Sweep. */

static uint16_t uses(const struct bpf_insn *i)
{
	uint16_t dst = (uint16_t)(1u << i->dst_reg), src = (uint16_t)(1u << i->src_reg);
	bool x = BPF_SRC(i->code) == BPF_X;

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_OP(i->code) == BPF_END || BPF_OP(i->code) == BPF_NEG)
			return dst;
		return (BPF_OP(i->code) == BPF_MOV ? 0 : dst) | (x ? src : 0);
	case BPF_LDX:
		return src;
	case BPF_ST:
		return dst;
	case BPF_STX:
		return dst | src | (BPF_MODE(i->code) == BPF_ATOMIC ? 1 : 0);
	case BPF_LD:
		return is_wide(i) ? 0 : 0x3ff;
	}
	if (is_call(i))
		return 0x3e;
	if (is_exit(i))
		return 1;
	return is_branch(i) && BPF_OP(i->code) <= BPF_JSLE ? dst | (x ? src : 0) : 0;
}

static bool only_sets(const struct bpf_insn *i) /* a register, that is */
{
	return is_wide(i) || is_alu(i) || BPF_CLASS(i->code) == BPF_LDX;
}

static uint16_t used_before(const struct fold *f, uint32_t at)
{
	const struct bpf_insn *i = &f->insns[at];
	uint16_t live = f->live[at];

	if (f->flags[at] & DELETED)
		return live;
	if (only_sets(i))
		live &= (uint16_t)~(1u << i->dst_reg);
	else if (is_call(i))
		live &= (uint16_t)~0x3fu;
	return live | uses(i);
}

static uint16_t used_behind(const struct fold *f, uint32_t at)
{
	const struct bpf_insn *i = &f->insns[at];
	uint16_t live = 0;

	if (!(f->flags[at] & DELETED)) {
		if (is_exit(i))
			return 0;
		if (is_goto(i))
			return used_before(f, target(f, at));
		if (is_branch(i))
			live = used_before(f, target(f, at));
	}
	return live | (behind(f, at) < f->n ? used_before(f, behind(f, at)) : 0);
}

static void find_live(struct fold *f)
{
	bool changed = true;

	memset(f->live, 0, f->n * sizeof(*f->live));
	while (changed) {
		changed = false;
		for (uint32_t i = f->n; i--;) {
			uint16_t live;

			if (!(f->flags[i] & REACHED))
				continue; /* second halves, too */
			live = used_behind(f, i);
			changed |= live != f->live[i];
			f->live[i] = live;
		}
	}
}

static void sweep(struct fold *f)
{
	bool changed = true;

	while (changed) {
		changed = false;
		find_live(f);
		for (uint32_t i = 0; i < f->n; i++) {
			if (!(f->flags[i] & REACHED) || f->flags[i] & DELETED || !only_sets(&f->insns[i]) ||
			    f->live[i] >> f->insns[i].dst_reg & 1)
				continue;
			delete(f, i);
			changed = true;
		}
	}
}

/* Merge. */

/* The second function is bf_straight, called once, from the first; it keeps nothing on a stack of its own, and the registers
 * that it would keep for its caller are not used there any more. */
static bool can_merge(const struct fold *f, uint32_t *call, uint32_t *end)
{
	uint32_t n = 0, first;

	if (f->p->n_funcs < 2 || strcmp(f->p->funcs[1].name, "bf_straight"))
		return false;
	first = f->p->funcs[1].insn;
	*end = f->p->n_funcs > 2 ? f->p->funcs[2].insn : f->n;
	for (uint32_t i = 0; i < f->n; i = behind(f, i)) {
		const struct bpf_insn *in = &f->insns[i];

		if (f->flags[i] & DELETED)
			continue;
		if (is_call(in) && in->src_reg == BPF_PSEUDO_CALL && target(f, i) == first) {
			*call = i;
			n++;
		}
		if (i >= first && i < *end && uses(in) & 1u << BPF_REG_10)
			return false;
	}
	return n == 1 && *call < first && !(f->live[*call] & 0x3c0) && *end - *call < INT16_MAX;
}

static void merge(struct fold *f)
{
	uint32_t call = 0, end;

	if (!can_merge(f, &call, &end))
		return;
	for (uint32_t i = f->p->funcs[1].insn; i < end; i = behind(f, i))
		if (is_exit(&f->insns[i]))
			f->insns[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = (int16_t)(call - i) };
	f->insns[call] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = (int16_t)(f->p->funcs[1].insn - call - 1) };
}

/* Compact. */

/* A jump to what comes next anyway. */
static void drop_empty_jumps(struct fold *f)
{
	for (uint32_t i = f->n; i--;) {
		uint32_t at = i + 1;

		if (f->flags[i] & DELETED || !(f->flags[i] & REACHED) || !is_goto(&f->insns[i]) || target(f, i) <= i)
			continue;
		while (at < target(f, i) && f->flags[at] & DELETED)
			at = behind(f, at);
		if (at == target(f, i))
			delete(f, i);
	}
}

static bool stays(const struct fold *f, uint32_t at)
{
	return f->flags[at] & REACHED && !(f->flags[at] & DELETED);
}

static void move_insns(struct fold *f, const uint32_t *to)
{
	for (uint32_t i = 0; i < f->n; i = behind(f, i)) {
		struct bpf_insn *in = &f->insns[i];

		if (!stays(f, i))
			continue;
		if (names_function(in) || (is_jump_class(in) && !is_exit(in) && !is_call(in))) {
			int32_t distance = (int32_t)(to[target(f, i)] - to[i] - 1);

			if (names_function(in) || in->code == (BPF_JMP32 | BPF_JA))
				in->imm = distance;
			else
				in->off = (int16_t)distance;
		}
	}
	for (uint32_t i = 0, next; i < f->n; i = next) {
		bool wide = is_wide(&f->insns[i]);

		next = i + 1 + wide;
		if (stays(f, i))
			memmove(&f->insns[to[i]], &f->insns[i], (1 + wide) * sizeof(struct bpf_insn));
	}
}

static void compact(struct fold *f, uint32_t *to)
{
	struct bf_prog_image *p = f->p;
	uint32_t n = 0, kept = 0;

	for (uint32_t i = 0; i < f->n; i = behind(f, i)) {
		to[i] = n;
		n += stays(f, i) ? 1 + is_wide(&f->insns[i]) : 0;
	}
	for (uint32_t i = 0; i < p->n_relocs; i++)
		if (stays(f, p->relocs[i].insn)) {
			p->relocs[kept] = p->relocs[i];
			p->relocs[kept++].insn = to[p->relocs[i].insn];
		}
	p->n_relocs = kept;
	for (uint32_t i = 0; i < p->n_lines; i++) /* of what goes: where that begins that stays */
		p->lines[i].insn = to[p->lines[i].insn];
	kept = 0;
	for (uint32_t i = 0; i < p->n_funcs; i++)
		if (f->flags[p->funcs[i].insn] & START) {
			p->funcs[kept] = p->funcs[i];
			p->funcs[kept++].insn = to[p->funcs[i].insn];
		}
	p->n_funcs = kept;
	move_insns(f, to);
	p->n_insns = n;
}

static void fold(struct fold *f)
{
	for (uint32_t i = 0; i < f->p->n_relocs; i++)
		f->reloc[f->p->relocs[i].insn] = i + 1;
	for (int round = 0; round < 2; round++) {
		run(f);
		simplify(f);
		run(f);
		sweep(f);
		if (!round)
			merge(f);
	}
	drop_empty_jumps(f);
	compact(f, f->todo);
}

int bf_fold(struct bf_prog_image *p, uint32_t map, const void *config, uint32_t size)
{
	struct fold f = { .p = p, .config = config, .size = size, .insns = p->insns, .n = p->n_insns, .map = map };
	_cleanup_free_ struct state *before = malloc((f.n + 1) * sizeof(*before));
	_cleanup_free_ void *memory = calloc(f.n + 1, 2 * sizeof(uint32_t) + sizeof(uint16_t) + 1);

	if (!memory || !before)
		return -ENOMEM;
	f.before = before;
	f.reloc = memory;
	f.todo = f.reloc + f.n;
	f.live = (uint16_t *)(f.todo + f.n);
	f.flags = (uint8_t *)(f.live + f.n);
	fold(&f);
	return 0;
}
