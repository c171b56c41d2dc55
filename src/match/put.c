/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * put.c: sets an output of the program (enum bf_out): the mark, the priority,
 * where a packet goes. In a rule it stands among the conditions, since what is
 * behind it may see it; it holds, unless what is put cannot be read.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_put *p = data;

	bf_buf_printf(out, "%sset output %u ", neg ? "not " : "", p->out);
	if (p->from.field) {
		bf_operand_print(out, &p->from);
		bf_buf_puts(out, " ^ ");
	}
	bf_buf_printf(out, "0x%x", p->value);
	for (uint32_t i = 0; i < p->param_len; i++)
		bf_buf_printf(out, "%s%02x", i ? "" : " ", ((const uint8_t *)p->param)[i]);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_put(l, data, hit, miss);
}

static bool there(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	const struct bf_put *put = data;
	bf_u128 v;

	return !put->from.field || bf_operand_value(in, p, &put->from, &v);
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_put *put = data;
	bf_u128 v = 0;

	if (put->from.field)
		bf_operand_value(in, p, &put->from, &v);
	bf_interp_put(in, put->out, (uint32_t)v ^ put->value, put->param, put->param_len);
	return true;
}

const struct bf_match_ops bf_match_put = {
	.name = "put",
	.data_size = sizeof(struct bf_put),
	.print = print,
	.lower = lower,
	.there = there,
	.eval = eval,
};
