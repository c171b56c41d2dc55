/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_tcp.c: -m tcp (kernel: xt_tcpudp.c). A fragment 8 bytes in could overwrite the flags: it is dropped. */
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_tcp *t = info;

	return t->invflags & ~XT_TCP_INV_MASK ? bf_xt_error(c, d, -EINVAL, "match `tcp': unknown flags") : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_tcp *t = info;
	struct bf_tcpopt opt = { .kind = t->option, .invert = t->invflags & XT_TCP_INV_OPTION };
	int err = 0;

	if (c->family == NFPROTO_IPV4)
		err = bf_rule_add_guard(rs, r, BF_F_L4_FRAG1, 1, 1);
	if (!err)
		err = bf_xt_l4(rs, r, 20, c, d);
	if (!err)
		err = bf_xt_range(rs, r, BF_F_SPORT, t->spts[0], t->spts[1], t->invflags & XT_TCP_INV_SRCPT);
	if (!err)
		err = bf_xt_range(rs, r, BF_F_DPORT, t->dpts[0], t->dpts[1], t->invflags & XT_TCP_INV_DSTPT);
	if (!err)
		err = bf_xt_masked(rs, r, BF_F_TCP_FLAGS, t->flg_mask, t->flg_cmp, t->invflags & XT_TCP_INV_FLAGS);
	if (!err && t->option)
		err = bf_rule_add_match(rs, r, &bf_match_tcpopt, &opt, false);
	return err;
}

const struct bf_xt_ext bf_xt_tcp = {
	.name = "tcp",
	.size = sizeof(struct xt_tcp),
	.proto = IPPROTO_TCP,
	.check = check,
	.translate = translate,
};
