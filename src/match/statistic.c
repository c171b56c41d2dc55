/* SPDX-License-Identifier: GPL-2.0-only */
/* statistic.c: a part of the packets: at random, or every nth (xt_statistic). */
#include <linux/netfilter/xt_statistic.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_statistic *p = data;

	bf_buf_puts(out, neg ? "not statistic " : "statistic ");
	if (p->invert)
		bf_buf_puts(out, "!= ");
	if (p->mode == XT_STATISTIC_MODE_RANDOM)
		bf_buf_printf(out, "random probability %u/2147483648", p->probability);
	else /* the kernel's `every` counts from 0 */
		bf_buf_printf(out, "nth every %llu packet %u count %u", (unsigned long long)p->every + 1, p->packet, p->count);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_statistic *p = data;
	struct bf_rt_random random = { .probability = p->probability, .invert = p->invert };
	struct bf_rt_nth nth = { .count = p->count, .every = p->every, .invert = p->invert };

	if (p->mode == XT_STATISTIC_MODE_RANDOM)
		bf_lower_special(l, BF_SPECIAL_RANDOM, &random, sizeof(random), hit, miss);
	else
		bf_lower_special(l, BF_SPECIAL_NTH, &nth, sizeof(nth), hit, miss);
	return 0;
}

struct position {
	bool begun;
	uint32_t count;
};

static bool nth(struct position *at, const struct bf_statistic *p)
{
	if (!at->begun)
		*at = (struct position){ true, p->count };
	at->count = at->count == p->every ? 0 : at->count + 1;
	return at->count == 0;
}

static bool eval(struct bf_interp *in, const struct bf_packet *pkt, const void *data, bool *hotdrop)
{
	const struct bf_statistic *p = data;
	bool chosen;

	if (p->mode == XT_STATISTIC_MODE_RANDOM)
		chosen = (bf_interp_random(in) & 0x7fffffff) < p->probability;
	else
		chosen = nth(bf_interp_state(in, data), p);
	return chosen != p->invert;
}

const struct bf_match_ops bf_match_statistic = {
	.name = "statistic",
	.data_size = sizeof(struct bf_statistic),
	.stateful = true,
	.state_size = sizeof(struct position),
	.print = print,
	.lower = lower,
	.eval = eval,
};
