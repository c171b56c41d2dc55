/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_ttl.c: -m ttl and -m hl (kernel: xt_hl.c). A mode that does not exist matches nothing. */
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>

#include "front/xtables/cond.h"

_Static_assert(sizeof(struct ipt_ttl_info) == sizeof(struct ip6t_hl_info), "the same parameters");
_Static_assert((int)IPT_TTL_EQ == IP6T_HL_EQ && (int)IPT_TTL_NE == IP6T_HL_NE && (int)IPT_TTL_LT == IP6T_HL_LT &&
				   (int)IPT_TTL_GT == IP6T_HL_GT,
			   "the same modes");

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct ipt_ttl_info *t = info;
	enum bf_field_id f = c->family == NFPROTO_IPV4 ? BF_F_IP_TTL : BF_F_IP6_HOPLIMIT;

	switch (t->mode) {
	case IPT_TTL_EQ:
	case IPT_TTL_NE:
		return bf_xt_range(rs, r, f, t->ttl, t->ttl, t->mode == IPT_TTL_NE);
	case IPT_TTL_LT:
		return t->ttl ? bf_xt_range(rs, r, f, 0, t->ttl - 1u, false) : bf_xt_never(rs, r);
	case IPT_TTL_GT:
		return bf_xt_range(rs, r, f, t->ttl + 1u, UINT8_MAX, false);
	}
	return bf_xt_never(rs, r);
}

const struct bf_xt_ext bf_xt_ttl = {
	.name = "ttl",
	.family = NFPROTO_IPV4,
	.size = sizeof(struct ipt_ttl_info),
	.translate = translate,
};

const struct bf_xt_ext bf_xt_hl = {
	.name = "hl",
	.family = NFPROTO_IPV6,
	.size = sizeof(struct ip6t_hl_info),
	.translate = translate,
};
