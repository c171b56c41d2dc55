/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_compare.c: a field against a field: tcp sport == tcp dport; ip saddr &
 * 255.255.0.0 != ip daddr & 255.255.0.0; tcp dport < tcp sport + 10.
 *
 * An operand of the model is ((field & mask) >> shift); what is added on either
 * side goes to one constant behind the second.
 */
#include "front/native/evaluate.h"
#include "front/native/native.h"

/* What is done with the field, from the inside out. */
static bool operate(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, struct bf_operand *o,
                    unsigned *bits)
{
	bf_u128 c;

	if (!bf_ev_number(ev, e->two.r, e->two.op >= BF_OP_LSHIFT ? NULL : t, &c))
		return false;
	switch (e->two.op) {
	case BF_OP_AND:
		o->mask &= o->shift < 0 ? c >> -o->shift : c << o->shift;
		return true;
	case BF_OP_LSHIFT:
		if (c >= *bits)
			return bf_ev_error(ev, e->two.r->loc, "all %u bits are shifted out", *bits);
		c = *bits - c; /* so many are left */
		o->mask &= o->shift < 0 ? bf_ev_ones((unsigned)c) >> -o->shift : bf_ev_ones((unsigned)c) << o->shift;
		o->shift = (int8_t)(o->shift - (int)(*bits - (unsigned)c));
		return true;
	case BF_OP_RSHIFT:
		if (c >= *bits)
			return bf_ev_error(ev, e->two.r->loc, "all %u bits are shifted out", *bits);
		o->shift = (int8_t)(o->shift + (int)c);
		return true;
	default: return bf_ev_unserved(ev, e->loc, "only &, << and >> can be done with a field that is compared with another");
	}
}

static bool inner(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e, const struct bf_ntype *t,
                  struct bf_operand *o, unsigned *bits)
{
	struct bf_native_key k = { 0 };

	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP) {
		if (e->two.op >= BF_OP_ADD)
			return bf_ev_unserved(ev, e->loc, "what is added to a field stands last");
		return inner(ev, d, e->two.l, t, o, bits) && operate(ev, e, t, o, bits);
	}
	if (!bf_ev_key(ev, e, &k) || !bf_ev_depends(ev, d, e, &k))
		return false;
	if (k.values)
		return bf_ev_unserved(ev, e->loc, "this cannot be compared with a field");
	*bits = k.bits;
	*o = (struct bf_operand){ .field = k.field, .mask = bf_ev_ones(k.bits) << k.shift, .shift = (int8_t)k.shift };
	return true;
}

/* The operand, and what is added to it. */
bool bf_ev_operand(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e, struct bf_operand *o,
                   int64_t *add)
{
	unsigned bits = 0;
	struct bf_types t;
	bf_u128 c;

	*add = 0;
	bf_native_types_of(e, &t);
	for (e = bf_ast_peel(e); e->kind == BF_AST_BINOP && e->two.op >= BF_OP_ADD; e = bf_ast_peel(e->two.l)) {
		if (!bf_ev_number(ev, e->two.r, NULL, &c))
			return false;
		if (c > BF_COMPARE_ADD_MAX / 2)
			return bf_ev_error(ev, e->two.r->loc, "at most %d can be added", BF_COMPARE_ADD_MAX / 2);
		*add += e->two.op == BF_OP_ADD ? (int64_t)c : -(int64_t)c;
	}
	if (!inner(ev, d, e, t.type[0], o, &bits))
		return false;
	if (o->shift && o->field->bits > 32)
		return bf_ev_unserved(ev, e->loc, "only fields of up to 32 bits can be shifted");
	if (o->mask == bf_field_ones(o->field))
		o->mask = 0;
	return true;
}

static unsigned words(const struct bf_field *f)
{
	return (f->bits + 31u) / 32;
}

bool bf_ev_compare(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	static const enum bf_relation relations[] = {
		[BF_REL_IMPLICIT] = BF_EQ, [BF_REL_EQ] = BF_EQ, [BF_REL_NE] = BF_NE, [BF_REL_LT] = BF_LT, [BF_REL_GT] = BF_GT,
		[BF_REL_LE] = BF_LE, [BF_REL_GE] = BF_GE,
	};
	struct bf_compare c;
	int64_t add_a, add_b;

	memset(&c, 0, sizeof(c));
	if (s->match.rel == BF_REL_NEG || s->match.mask)
		return bf_ev_error(ev, s->match.r->loc, "bits of a field against a field are compared with & and ==");
	if (!bf_ev_operand(ev, d, s->match.l, &c.a, &add_a) || !bf_ev_operand(ev, d, s->match.r, &c.b, &add_b))
		return false;
	c.relation = relations[s->match.rel];
	c.add = add_b - add_a;
	if (words(c.a.field) != words(c.b.field))
		return bf_ev_error(ev, s->match.r->loc, "%u bits against %u", c.b.field->bits, c.a.field->bits);
	if (c.add && words(c.a.field) > 1)
		return bf_ev_unserved(ev, s->match.r->loc, "nothing can be added to fields of more than 32 bits");
	return bf_ev_add_match(ev, d, &bf_match_compare, &c, false);
}
