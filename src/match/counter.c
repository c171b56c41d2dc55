/* SPDX-License-Identifier: GPL-2.0-only */
/* counter.c: counts the packets that get so far in a rule; it always holds. (All that match, the rule counts.) */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	bf_buf_puts(out, "counter");
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	bf_lower_count(l, ((const struct bf_count_here *)data)->counter, hit);
	return 0;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	bf_interp_count(in, ((const struct bf_count_here *)data)->counter, p);
	return true;
}

const struct bf_match_ops bf_match_counter = {
	.name = "counter",
	.data_size = sizeof(struct bf_count_here),
	.stateful = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};
