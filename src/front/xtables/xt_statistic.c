/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_statistic.c: -m statistic (kernel: xt_statistic.c). */
#include <linux/netfilter/xt_statistic.h>

#include "front/xtables/cond.h"

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_statistic_info *i = info;

	if (i->mode > XT_STATISTIC_MODE_MAX || i->flags & ~XT_STATISTIC_MASK)
		return bf_xt_error(c, d, -EINVAL, "match `statistic': unknown mode or flags");
	return 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_statistic_info *i = info;
	struct bf_statistic s = { .mode = i->mode, .invert = i->flags & XT_STATISTIC_INVERT };

	if (i->mode == XT_STATISTIC_MODE_RANDOM) {
		s.probability = i->u.random.probability;
	} else {
		s.every = i->u.nth.every;
		s.packet = i->u.nth.packet;
		s.count = i->u.nth.count;
	}
	return bf_rule_add_match(rs, r, &bf_match_statistic, &s, false);
}

const struct bf_xt_ext bf_xt_statistic = {
	.name = "statistic",
	.unspec = true,
	.size = sizeof(struct xt_statistic_info),
	.usersize = offsetof(struct xt_statistic_info, master),
	.check = check,
	.translate = translate,
};
