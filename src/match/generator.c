/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * generator.c: makes a number that the conditions behind it look at, in this
 * rule or in those it leads to: once for each packet that comes by, in the order
 * in which they come (numgen inc), or by chance.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_generator *g = data;

	bf_buf_printf(out, "%smake numgen %s mod %u", neg ? "not " : "", g->object ? "inc" : "random", g->mod);
	if (g->offset)
		bf_buf_printf(out, " offset %u", g->offset);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_generator(l, data, hit);
}

static uint32_t by_chance(struct bf_interp *in, const struct bf_packet *p, const struct bf_generator *g)
{
	bf_u128 v;

	if (p->load && p->load(p, BF_LOAD_PICK, BF_PICK(g->mod, g->offset, false), &v))
		return (uint32_t)v;
	return (uint32_t)((uint64_t)bf_interp_random(in) * g->mod >> 32) + g->offset;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_generator *g = data;

	if (!g->object) {
		bf_interp_make(in, by_chance(in, p, g));
	} else if (bf_interp_object(in, p, g->object)) {
		uint64_t n = bf_interp_object_state(in, g->object)->packets - 1;

		bf_interp_make(in, (uint32_t)(n % g->mod) + g->offset);
	}
	return true;
}

const struct bf_match_ops bf_match_generator = {
	.name = "generator",
	.data_size = sizeof(struct bf_generator),
	.stateful = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};
