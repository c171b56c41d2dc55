/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.c: drop and tell the sender, as nft's reject does it: one answer for
 * IPv4 packets and one for IPv6. (iptables' REJECT, of one family and with
 * names of its own, is reject.c.)
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter/nf_tables.h>

#include "base/image.h"
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

/* NFT_REJECT_ICMPX_* by family, as the kernel has it. */
static const struct {
	const char *name;
	uint8_t code4, code6;
} both[] = {
	[NFT_REJECT_ICMPX_NO_ROUTE] = { "no-route", ICMP_NET_UNREACH, ICMPV6_NOROUTE },
	[NFT_REJECT_ICMPX_PORT_UNREACH] = { "port-unreachable", ICMP_PORT_UNREACH, ICMPV6_PORT_UNREACH },
	[NFT_REJECT_ICMPX_HOST_UNREACH] = { "host-unreachable", ICMP_HOST_UNREACH, ICMPV6_ADDR_UNREACH },
	[NFT_REJECT_ICMPX_ADMIN_PROHIBITED] = { "admin-prohibited", ICMP_PKT_FILTERED, ICMPV6_ADM_PROHIBITED },
};

static void print(struct bf_buf *out, const void *data)
{
	const struct bf_answer *p = data;

	if (p->with == BF_ANSWER_RESET)
		bf_buf_puts(out, "reject with tcp reset");
	else if (p->with == BF_ANSWER_ICMPX && p->code < BF_ARRAY_SIZE(both))
		bf_buf_printf(out, "reject with icmpx %s", both[p->code].name);
	else
		bf_buf_printf(out, "reject with %s %u", p->with == BF_ANSWER_ICMP ? "icmp" : "icmpv6", p->code);
}

static int handoff(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	const struct bf_answer *p = data;

	out->kind = BF_HANDOFF_NFT_REJECT;
	out->terminal = true;
	out->reject_type = p->with == BF_ANSWER_RESET ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMP_UNREACH;
	out->reject_code = p->with == BF_ANSWER_RESET ? 0 : p->code;
	if (p->with == BF_ANSWER_ICMPX && p->code < BF_ARRAY_SIZE(both))
		out->reject_code = family == NFPROTO_IPV4 ? both[p->code].code4 : both[p->code].code6;
	return 0;
}

/* What BF_EXIT_REJECT is told. */
static uint32_t reply_of(const struct bf_answer *p, uint8_t family)
{
	if (p->with == BF_ANSWER_RESET)
		return BF_REJECT_IS_RST;
	if (p->with == BF_ANSWER_ICMPX)
		return BF_REJECT_IS_ICMPX | p->code;
	return (uint32_t)(family == NFPROTO_IPV4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH) << 8 | p->code;
}

/* What a system call fails with, as if such an answer had come. */
static uint32_t errno_of(const struct bf_answer *p, uint8_t family)
{
	struct bf_handoff_spec s = { 0 };

	handoff(p, family, &s);
	if (p->with == BF_ANSWER_RESET)
		return ECONNREFUSED;
	if (family == NFPROTO_IPV4)
		return s.reject_code == ICMP_PORT_UNREACH ? ECONNREFUSED : s.reject_code == ICMP_NET_UNREACH ? ENETUNREACH :
		       EHOSTUNREACH;
	return s.reject_code == ICMPV6_PORT_UNREACH ? ECONNREFUSED : s.reject_code == ICMPV6_NOROUTE ? ENETUNREACH :
	       s.reject_code == ICMPV6_ADM_PROHIBITED ? EACCES : EHOSTUNREACH;
}

/* Answers of our own, for each rule: as many in a second as the kernel sends ICMP errors (net.ipv4.icmp_msgs_per_sec). What
 * comes beyond is dropped without one. */
static const struct bf_limit most = { .avg = 10, .burst = 50 };

static int lower(struct bf_lower *l, const void *data)
{
	enum bf_where where = bf_lower_where(l);
	uint8_t family = bf_lower_family(l);
	bf_label answered, silent;

	if (where == BF_AT_NETFILTER)
		return 0;
	answered = bf_lower_label(l);
	silent = bf_lower_label(l);
	if (where == BF_AT_PACKET) {
		bf_lower_need(l, BF_NEED_L4);
		bf_match_limit.lower(l, &most, answered, silent);
		bf_lower_bind(l, answered);
	}
	bf_lower_output(l, BF_OUT_ARG, where == BF_AT_PACKET ? reply_of(data, family) : errno_of(data, family));
	bf_lower_output(l, BF_OUT_EXIT, where == BF_AT_PACKET ? BF_EXIT_REJECT : BF_EXIT_ERRNO);
	if (where == BF_AT_PACKET)
		bf_lower_bind(l, silent);
	return 0;
}

static void run(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	bool packet = bf_hook_kinds[p->hook].can & BF_CAN_IP;

	if (p->hook < BF_HOOKS_NETFILTER)
		return;
	bf_interp_put(in, BF_OUT_ARG, packet ? reply_of(data, p->family) : errno_of(data, p->family), NULL, 0);
	bf_interp_put(in, BF_OUT_EXIT, packet ? BF_EXIT_REJECT : BF_EXIT_ERRNO, NULL, 0);
}

const struct bf_target_ops bf_target_answer = {
	.lower = lower,
	.run = run,
	.name = "answer",
	.data_size = sizeof(struct bf_answer),
	.terminal = true,
	.print = print,
	.handoff = handoff,
};
