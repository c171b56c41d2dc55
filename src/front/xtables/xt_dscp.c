/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_dscp.c: -m dscp and -m tos (kernel: xt_dscp.c), of IPv6's traffic class too. */
#include <linux/netfilter/xt_dscp.h>

#include "front/xtables/cond.h"

static enum bf_field_id field(const struct bf_xt_check *c)
{
	return c->family == NFPROTO_IPV4 ? BF_F_IP_TOS : BF_F_IP6_TCLASS;
}

static int dscp_check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_dscp_info *i = info;

	return i->dscp > XT_DSCP_MAX ? bf_xt_error(c, d, -EDOM, "match `dscp': 0x%02x is above 0x3f", i->dscp) : 0;
}

static int dscp_translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						  struct bf_diag *d)
{
	const struct xt_dscp_info *i = info;

	return bf_xt_masked(rs, r, field(c), XT_DSCP_MASK, (unsigned)i->dscp << XT_DSCP_SHIFT, i->invert);
}

const struct bf_xt_ext bf_xt_dscp = {
	.name = "dscp",
	.size = sizeof(struct xt_dscp_info),
	.check = dscp_check,
	.translate = dscp_translate,
};

static int tos_translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						 struct bf_diag *d)
{
	const struct xt_tos_match_info *i = info;

	return bf_xt_masked(rs, r, field(c), i->tos_mask, i->tos_value, i->invert);
}

const struct bf_xt_ext bf_xt_tos = {
	.name = "tos",
	.revision = 1,
	.size = sizeof(struct xt_tos_match_info),
	.translate = tos_translate,
};
