/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_limit.c: -m limit (kernel: xt_limit.c). cost and credit_cap of the
 * caller's struct, which the kernel takes over when they are not 0, read back
 * as 0 in every kernel of today: they are not kept.
 */
#include <linux/netfilter/xt_limit.h>

#include "base/hz.h"
#include "front/xtables/cond.h"

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_rateinfo *i = info;
	const struct bf_limit l = { i->avg, i->burst };
	int err = bf_limit_check(&l, bf_kernel_hz());

	return err ? bf_xt_error(c, d, err, "match `limit': overflow, try a lower burst or a higher rate") : 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_rateinfo *i = info;
	struct bf_limit l = { i->avg, i->burst };

	return bf_rule_add_match(rs, r, &bf_match_limit, &l, false);
}

const struct bf_xt_ext bf_xt_limit = {
	.name = "limit",
	.unspec = true,
	.size = sizeof(struct xt_rateinfo),
	.usersize = offsetof(struct xt_rateinfo, prev),
	.check = check,
	.translate = translate,
};
