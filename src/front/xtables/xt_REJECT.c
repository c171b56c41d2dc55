/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_REJECT.c: -j REJECT (kernel: ipt_REJECT.c, ip6t_REJECT.c). A kind of answer that the kernel does not know sends
 * none: the packet is dropped. */
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

#define HOOKS (1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT)

static int check_tcp(const struct bf_xt_check *c, struct bf_diag *d)
{
	if (c->proto != IPPROTO_TCP || c->invflags & XT_INV_PROTO ||
		(c->family == NFPROTO_IPV6 && !(c->ipflags & IP6T_F_PROTO)))
		return bf_xt_error(c, d, -EINVAL, "target `REJECT': tcp-reset needs -p tcp");
	return 0;
}

static int check4(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct ipt_reject_info *i = info;

	if (i->with == IPT_ICMP_ECHOREPLY)
		return bf_xt_error(c, d, -EINVAL, "target `REJECT': echo-reply is no answer");
	return i->with == IPT_TCP_RESET ? check_tcp(c, d) : 0;
}

static int check6(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct ip6t_reject_info *i = info;

	if (i->with == IP6T_ICMP6_ECHOREPLY)
		return bf_xt_error(c, d, -EINVAL, "target `REJECT': echo-reply is no answer");
	return i->with == IP6T_TCP_RESET ? check_tcp(c, d) : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct ipt_reject_info *i = info; /* ip6t_reject_info: one number as well */
	uint32_t with = i->with, last = c->family == NFPROTO_IPV4 ? IPT_ICMP_ADMIN_PROHIBITED : IP6T_ICMP6_REJECT_ROUTE;
	struct bf_reject reject = { (uint8_t)with, c->family };

	r->verdict.kind = with <= last ? BF_VERDICT_ACTION : BF_VERDICT_DROP;
	return with <= last ? bf_rule_add_action(rs, r, &bf_target_reject, &reject) : 0;
}

const struct bf_xt_ext bf_xt_reject4 = {
	.name = "REJECT",
	.family = NFPROTO_IPV4,
	.target = true,
	.size = sizeof(struct ipt_reject_info),
	.table = "filter",
	.hooks = HOOKS,
	.check = check4,
	.translate = translate,
};

const struct bf_xt_ext bf_xt_reject6 = {
	.name = "REJECT",
	.family = NFPROTO_IPV6,
	.target = true,
	.size = sizeof(struct ip6t_reject_info),
	.table = "filter",
	.hooks = HOOKS,
	.check = check6,
	.translate = translate,
};
