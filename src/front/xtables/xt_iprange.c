/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_iprange.c: -m iprange, revision 1 (kernel: xt_iprange.c). */
#include <linux/netfilter.h>
#include <linux/netfilter/xt_iprange.h>

#include "front/xtables/cond.h"

static int one(struct bf_ruleset *rs, struct bf_rule *r, uint8_t family, bool dst, const void *lo, const void *hi,
			   bool neg)
{
	static const enum bf_field_id fields[2][2] = { { BF_F_IP_SADDR, BF_F_IP_DADDR },
												   { BF_F_IP6_SADDR, BF_F_IP6_DADDR } };
	enum bf_field_id f = fields[family != NFPROTO_IPV4][dst];

	return bf_xt_range(rs, r, f, bf_xt_addr(lo, family), bf_xt_addr(hi, family), neg);
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_iprange_mtinfo *i = info;
	int err = 0;

	if (i->flags & IPRANGE_SRC)
		err = one(rs, r, c->family, false, &i->src_min, &i->src_max, i->flags & IPRANGE_SRC_INV);
	if (!err && i->flags & IPRANGE_DST)
		err = one(rs, r, c->family, true, &i->dst_min, &i->dst_max, i->flags & IPRANGE_DST_INV);
	return err;
}

const struct bf_xt_ext bf_xt_iprange = {
	.name = "iprange",
	.revision = 1,
	.size = sizeof(struct xt_iprange_mtinfo),
	.translate = translate,
};
