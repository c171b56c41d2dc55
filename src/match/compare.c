/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compare.c: a field against a field, with masks, shifts and a constant
 * between them: tcp sport == tcp dport; ip saddr & 255.0.0.0 != ip daddr &
 * 255.0.0.0; tcp dport < tcp sport + 10.
 */
#include <inttypes.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static const char *const relations[] = {
	[BF_EQ] = "==", [BF_NE] = "!=", [BF_LT] = "<", [BF_LE] = "<=", [BF_GT] = ">", [BF_GE] = ">=",
};

void bf_operand_print(struct bf_buf *out, const struct bf_operand *o)
{
	bf_buf_puts(out, o->field->name);
	if (o->mask && o->mask != bf_field_ones(o->field)) {
		bf_buf_puts(out, " & ");
		bf_value_print(out, o->field, o->mask);
	}
	if (o->shift)
		bf_buf_printf(out, " %s %d", o->shift > 0 ? ">>" : "<<", o->shift > 0 ? o->shift : -o->shift);
}

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_compare *c = data;

	bf_buf_puts(out, neg ? "not " : "");
	bf_operand_print(out, &c->a);
	bf_buf_printf(out, " %s ", relations[c->relation]);
	bf_operand_print(out, &c->b);
	if (c->add)
		bf_buf_printf(out, " %c %" PRIu64, c->add < 0 ? '-' : '+', c->add < 0 ? -(uint64_t)c->add : (uint64_t)c->add);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_compare(l, data, hit, miss);
}

int bf_operand_value(struct bf_interp *in, const struct bf_packet *p, const struct bf_operand *o, bf_u128 *v)
{
	int there = bf_interp_field(in, p, o->field, v);

	if (there <= 0)
		return 0;
	if (o->mask)
		*v &= o->mask;
	*v = o->shift < 0 ? *v << -o->shift : *v >> o->shift;
	return 1;
}

static bool there(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	const struct bf_compare *c = data;
	bf_u128 v;

	return bf_operand_value(in, p, &c->a, &v) && bf_operand_value(in, p, &c->b, &v);
}

/* As whole numbers: a sum may be beyond what the field can hold, or below 0. */
static int order(bf_u128 a, bf_u128 b, int64_t add)
{
	if (add < 0)
		a += -(bf_u128)add;
	else
		b += (bf_u128)add;
	return a < b ? -1 : a > b;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_compare *c = data;
	bf_u128 a = 0, b = 0;
	int o;

	bf_operand_value(in, p, &c->a, &a);
	bf_operand_value(in, p, &c->b, &b);
	o = order(a, b, c->add);
	switch (c->relation) {
	case BF_EQ:
		return o == 0;
	case BF_NE:
		return o != 0;
	case BF_LT:
		return o < 0;
	case BF_LE:
		return o <= 0;
	case BF_GT:
		return o > 0;
	case BF_GE:
		return o >= 0;
	}
	return false;
}

const struct bf_match_ops bf_match_compare = {
	.name = "compare",
	.data_size = sizeof(struct bf_compare),
	.pure = true,
	.print = print,
	.lower = lower,
	.there = there,
	.eval = eval,
};
