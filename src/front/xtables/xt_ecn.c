/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_ecn.c: -m ecn, the ECN bits of the IP header and of TCP (kernel: xt_ecn.c). A TCP header that is cut short does not
 * match, and does not drop either: beside -m tcp, which iptables does not demand here. */
#include <linux/in.h>
#include <linux/netfilter/xt_ecn.h>

#include "front/xtables/cond.h"

enum { TCP_ECE = 0x40, TCP_CWR = 0x80, TCP_OPS = XT_ECN_OP_MATCH_ECE | XT_ECN_OP_MATCH_CWR }; /* RFC 3168: byte 13 */

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_ecn_info *e = info;

	if ((e->operation | e->invert) & XT_ECN_OP_MATCH_MASK)
		return bf_xt_error(c, d, -EINVAL, "match `ecn': unknown operation 0x%02x", e->operation | e->invert);
	if (e->operation & TCP_OPS && (c->proto != IPPROTO_TCP || c->invflags & XT_INV_PROTO))
		return bf_xt_error(c, d, -EINVAL, "match `ecn': TCP's bits need `-p tcp'");
	return 0;
}

static int flag(struct bf_ruleset *rs, struct bf_rule *r, const struct xt_ecn_info *e, uint8_t op, uint8_t bit)
{
	return e->operation & op ? bf_xt_masked(rs, r, BF_F_TCP_FLAGS, bit, bit, e->invert & op) : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_ecn_info *e = info;
	enum bf_field_id tos = c->family == NFPROTO_IPV4 ? BF_F_IP_TOS : BF_F_IP6_TCLASS;
	int err = 0;

	if (e->operation & XT_ECN_OP_MATCH_IP)
		err = bf_xt_masked(rs, r, tos, (uint8_t)XT_ECN_IP_MASK, e->ip_ect, e->invert & XT_ECN_OP_MATCH_IP);
	if (err || !(e->operation & TCP_OPS))
		return err;
	err = bf_xt_needs_l4(c, d);
	if (!err)
		err = bf_xt_range(rs, r, BF_F_L4_AVAIL, 20, UINT16_MAX, false);
	if (!err)
		err = flag(rs, r, e, XT_ECN_OP_MATCH_ECE, TCP_ECE);
	if (!err)
		err = flag(rs, r, e, XT_ECN_OP_MATCH_CWR, TCP_CWR);
	return err;
}

const struct bf_xt_ext bf_xt_ecn = {
	.name = "ecn",
	.size = sizeof(struct xt_ecn_info),
	.check = check,
	.translate = translate,
};
