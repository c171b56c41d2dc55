/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcpopt.c: is a TCP option there? As `-m tcp --tcp-option` looks for it: a
 * header that cannot be read whole drops the packet at once; options that lie
 * about their length do not.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_tcpopt *p = data;

	bf_buf_printf(out, "%stcp option %u %s", neg ? "not " : "", p->kind, p->invert ? "missing" : "exists");
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_tcpopt *p = data;
	struct bf_rt_tcpopt params = { .kind = p->kind, .invert = p->invert };

	bf_lower_special(l, BF_SPECIAL_TCPOPT, &params, sizeof(params), hit, miss);
	return 0;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_tcpopt *want = data;
	int there = bf_packet_tcp_option(p, want->kind);

	*hotdrop |= there < 0;
	return there == 1 ? !want->invert : want->invert;
}

const struct bf_match_ops bf_match_tcpopt = {
	.name = "tcpopt",
	.data_size = sizeof(struct bf_tcpopt),
	.needs = BF_NEED_L4,
	.print = print,
	.lower = lower,
	.eval = eval,
};
