/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_udp.c: -m udp (kernel: xt_tcpudp.c). */
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_udp *u = info;

	return u->invflags & ~XT_UDP_INV_MASK ? bf_xt_error(c, d, -EINVAL, "match `udp': unknown flags") : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_udp *u = info;
	int err = bf_xt_l4(rs, r, 8, c, d);

	if (!err)
		err = bf_xt_range(rs, r, BF_F_SPORT, u->spts[0], u->spts[1], u->invflags & XT_UDP_INV_SRCPT);
	if (!err)
		err = bf_xt_range(rs, r, BF_F_DPORT, u->dpts[0], u->dpts[1], u->invflags & XT_UDP_INV_DSTPT);
	return err;
}

const struct bf_xt_ext bf_xt_udp = {
	.name = "udp",
	.size = sizeof(struct xt_udp),
	.proto = IPPROTO_UDP,
	.check = check,
	.translate = translate,
};
