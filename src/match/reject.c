/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reject.c: drop and tell the sender. The kernel's own nft reject does it,
 * which calls the same functions as ipt_REJECT and ip6t_REJECT.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

#include "base/image.h"
#include "match/match.h"

struct answer {
	const char *text;
	uint8_t type, code;
};

#define UNREACH(t, c) { (t), NFT_REJECT_ICMP_UNREACH, (c) }
#define RESET { "tcp reset", NFT_REJECT_TCP_RST, 0 }

static const struct answer answers4[] = {
	[IPT_ICMP_NET_UNREACHABLE] = UNREACH("icmp net-unreachable", ICMP_NET_UNREACH),
	[IPT_ICMP_HOST_UNREACHABLE] = UNREACH("icmp host-unreachable", ICMP_HOST_UNREACH),
	[IPT_ICMP_PROT_UNREACHABLE] = UNREACH("icmp prot-unreachable", ICMP_PROT_UNREACH),
	[IPT_ICMP_PORT_UNREACHABLE] = UNREACH("icmp port-unreachable", ICMP_PORT_UNREACH),
	[IPT_ICMP_NET_PROHIBITED] = UNREACH("icmp net-prohibited", ICMP_NET_ANO),
	[IPT_ICMP_HOST_PROHIBITED] = UNREACH("icmp host-prohibited", ICMP_HOST_ANO),
	[IPT_TCP_RESET] = RESET,
	[IPT_ICMP_ADMIN_PROHIBITED] = UNREACH("icmp admin-prohibited", ICMP_PKT_FILTERED),
};

static const struct answer answers6[] = {
	[IP6T_ICMP6_NO_ROUTE] = UNREACH("icmpv6 no-route", ICMPV6_NOROUTE),
	[IP6T_ICMP6_ADM_PROHIBITED] = UNREACH("icmpv6 admin-prohibited", ICMPV6_ADM_PROHIBITED),
	[IP6T_ICMP6_NOT_NEIGHBOUR] = UNREACH("icmpv6 not-neighbour", ICMPV6_NOT_NEIGHBOUR),
	[IP6T_ICMP6_ADDR_UNREACH] = UNREACH("icmpv6 addr-unreachable", ICMPV6_ADDR_UNREACH),
	[IP6T_ICMP6_PORT_UNREACH] = UNREACH("icmpv6 port-unreachable", ICMPV6_PORT_UNREACH),
	[IP6T_TCP_RESET] = RESET,
	[IP6T_ICMP6_POLICY_FAIL] = UNREACH("icmpv6 policy-fail", ICMPV6_POLICY_FAIL),
	[IP6T_ICMP6_REJECT_ROUTE] = UNREACH("icmpv6 reject-route", ICMPV6_REJECT_ROUTE),
};

/* NULL: what the kernel's target does not answer either. */
static const struct answer *answer(const struct bf_reject *p)
{
	const struct answer *a = NULL;

	if (p->family == NFPROTO_IPV4 && p->with < BF_ARRAY_SIZE(answers4))
		a = &answers4[p->with];
	else if (p->family == NFPROTO_IPV6 && p->with < BF_ARRAY_SIZE(answers6))
		a = &answers6[p->with];
	return a && a->text ? a : NULL;
}

static void print(struct bf_buf *out, const void *data)
{
	const struct bf_reject *p = data;
	const struct answer *a = answer(p);

	if (a)
		bf_buf_printf(out, "reject with %s", a->text);
	else
		bf_buf_printf(out, "reject with %u", p->with);
}

static int handoff(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	const struct answer *a = answer(data);

	if (!a)
		return -EINVAL;
	out->kind = BF_HANDOFF_NFT_REJECT;
	out->terminal = true;
	out->reject_type = a->type;
	out->reject_code = a->code;
	return 0;
}

const struct bf_target_ops bf_target_reject = {
	.name = "reject",
	.data_size = sizeof(struct bf_reject),
	.terminal = true,
	.print = print,
	.handoff = handoff,
};
