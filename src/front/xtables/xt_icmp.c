/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_icmp.c: -m icmp and -m icmp6 (kernel: xt_tcpudp.c). Type 255 is any type
 * to IPv4's match, and an ordinary type to IPv6's.
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

_Static_assert(sizeof(struct ipt_icmp) == sizeof(struct ip6t_icmp) && IPT_ICMP_INV == IP6T_ICMP_INV,
			   "the same parameters");

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct ipt_icmp *i = info;

	return i->invflags & ~IPT_ICMP_INV ? bf_xt_error(c, d, -EINVAL, "match `icmp': unknown flags") : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct ipt_icmp *i = info;
	uint32_t lo = (uint32_t)i->type << 8 | i->code[0], hi = (uint32_t)i->type << 8 | i->code[1];
	int err = bf_xt_l4(rs, r, 8, c, d);

	if (err)
		return err;
	if (c->family == NFPROTO_IPV4 && i->type == 0xff)
		return bf_xt_const(rs, r, !(i->invflags & IPT_ICMP_INV));
	return bf_xt_range(rs, r, BF_F_ICMP, lo, hi, i->invflags & IPT_ICMP_INV);
}

const struct bf_xt_ext bf_xt_icmp = {
	.name = "icmp",
	.family = NFPROTO_IPV4,
	.size = sizeof(struct ipt_icmp),
	.proto = IPPROTO_ICMP,
	.check = check,
	.translate = translate,
};

const struct bf_xt_ext bf_xt_icmp6 = {
	.name = "icmp6",
	.family = NFPROTO_IPV6,
	.size = sizeof(struct ip6t_icmp),
	.proto = IPPROTO_ICMPV6,
	.check = check,
	.translate = translate,
};
