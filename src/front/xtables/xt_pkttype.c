/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_pkttype.c: -m pkttype (kernel: xt_pkttype.c, which resolves looped-back packets as the field does). */
#include <linux/netfilter/xt_pkttype.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_pkttype_info *p = info;

	if (bf_xt_always((unsigned)p->invert))
		return 0;
	return bf_xt_range(rs, r, BF_F_PKTTYPE, (unsigned)p->pkttype, (unsigned)p->pkttype, p->invert);
}

const struct bf_xt_ext bf_xt_pkttype = {
	.name = "pkttype",
	.unspec = true,
	.size = sizeof(struct xt_pkttype_info),
	.translate = translate,
};
