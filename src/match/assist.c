/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * assist.c: a match that only the kernel can answer (addrtype asks the routing
 * table). It is evaluated beforehand, in the companion's chain; the program
 * sees a bit.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_assist *p = data;

	bf_buf_printf(out, "%sxt %s", neg ? "not " : "", p->text);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	bf_lower_assist(l, data, hit, miss);
	return 0;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	return p->assist && p->assist(p, data);
}

const struct bf_match_ops bf_match_assist = {
	.name = "assist",
	.data_size = sizeof(struct bf_assist),
	.needs = BF_NEED_ASSIST,
	.pure = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};
