/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_mac.c: -m mac (kernel: xt_mac.c). A packet without an Ethernet header matches neither way. */
#include <linux/netfilter/xt_mac.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_mac_info *m = info;
	bf_u128 addr = bf_xt_be(m->srcaddr, ETH_ALEN), ones = bf_field_ones(&bf_fields[BF_F_ETHER_SADDR]);

	if (bf_xt_always((unsigned)m->invert))
		return bf_xt_range(rs, r, BF_F_ETHER_SADDR, 0, ones, false);
	return bf_xt_masked(rs, r, BF_F_ETHER_SADDR, ones, addr, m->invert);
}

const struct bf_xt_ext bf_xt_mac = {
	.name = "mac",
	.size = sizeof(struct xt_mac_info),
	.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD,
	.translate = translate,
};
