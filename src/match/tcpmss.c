/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcpmss.c: the maximum segment size a TCP header announces (xt_tcpmss). Not a
 * field, because `! --mss` holds for a packet without the option and a header
 * that cannot be read drops the packet. Fragments are not exempt: like the
 * kernel's, the match takes for a TCP header what stands in its place.
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_tcpmss *p = data;

	bf_buf_printf(out, "%stcpmss %s", neg ? "not " : "", p->invert ? "!= " : "");
	bf_buf_printf(out, p->min == p->max ? "%u" : "%u-%u", p->min, p->max);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_tcpmss *p = data;
	struct bf_rt_tcpmss params = { .min = p->min, .max = p->max, .invert = p->invert };

	bf_lower_special(l, BF_SPECIAL_TCPMSS, &params, sizeof(params), hit, miss);
	return 0;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_tcpmss *want = data;
	uint16_t mss = 0;
	int there = bf_packet_tcp_mss(p, &mss);

	*hotdrop |= there < 0;
	return (there == 1 && mss >= want->min && mss <= want->max) != want->invert;
}

const struct bf_match_ops bf_match_tcpmss = {
	.name = "tcpmss",
	.data_size = sizeof(struct bf_tcpmss),
	.needs = BF_NEED_L4,
	.print = print,
	.lower = lower,
	.eval = eval,
};
