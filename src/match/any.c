/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * any.c: "or". True when all conditions of at least one group hold; an empty
 * group holds, no group at all does not.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_any *p = data;

	bf_buf_puts(out, neg ? "not any of (" : "any of (");
	for (uint32_t i = 0; i < p->n; i++) {
		bf_buf_puts(out, i ? " |" : "");
		for (uint32_t j = 0; j < p->groups[i].n; j++) {
			bf_buf_puts(out, " ");
			bf_cond_print(out, bf_rule_cond(&p->groups[i], j));
		}
	}
	bf_buf_puts(out, " )");
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_any *p = data;

	if (!p->n) /* a test that is never true */
		bf_lower_test(l, BF_KEY_META, 0, 1, 1, hit, miss);
	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_any_group *g = &p->groups[i];
		bf_label other = i + 1 < p->n ? bf_lower_label(l) : miss;

		if (!g->n)
			bf_lower_test(l, BF_KEY_META, 0, 0, 0, hit, hit);
		for (uint32_t j = 0; j < g->n; j++) {
			bf_label next = j + 1 < g->n ? bf_lower_label(l) : hit;

			bf_lower_cond(l, bf_rule_cond(g, j), next, other);
			if (next != hit)
				bf_lower_bind(l, next);
		}
		if (other != miss)
			bf_lower_bind(l, other);
	}
	return 0;
}

static bool group_holds(struct bf_interp *in, const struct bf_packet *p, const struct bf_any_group *g, bool *hotdrop)
{
	for (uint32_t j = 0; j < g->n; j++)
		if (!bf_interp_cond(in, p, bf_rule_cond(g, j), hotdrop))
			return false;
	return true;
}

static bool eval(struct bf_interp *in, const struct bf_packet *pkt, const void *data, bool *hotdrop)
{
	const struct bf_any *p = data;

	for (uint32_t i = 0; i < p->n && !*hotdrop; i++)
		if (group_holds(in, pkt, &p->groups[i], hotdrop))
			return true;
	return false;
}

const struct bf_match_ops bf_match_any = {
	.name = "any",
	.data_size = sizeof(struct bf_any),
	.print = print,
	.lower = lower,
	.eval = eval,
};
