/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * program.c: a user's function as a match (bpfilter/program.h). What it answers
 * only the kernel knows: the oracle says "no match", and that it does not know.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_program *p = data;

	bf_buf_printf(out, "%sprogram \"%s\"", neg ? "not " : "", p->file);
	if (p->section)
		bf_buf_printf(out, " section \"%s\"", p->section);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	bf_lower_program(l, data, hit, miss);
	return 0;
}

static bool there(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	bf_interp_unknown(in);
	return false;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	return false;
}

const struct bf_match_ops bf_match_program = {
	.name = "program",
	.data_size = sizeof(struct bf_program),
	.needs = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_MARK | BF_NEED_DEVICES,
	.stateful = true,
	.print = print,
	.lower = lower,
	.there = there,
	.eval = eval,
};
