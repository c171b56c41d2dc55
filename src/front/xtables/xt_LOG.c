/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_LOG.c: -j LOG (kernel: xt_LOG.c). */
#include <linux/netfilter/xt_LOG.h>

#include "front/xtables/cond.h"

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_log_info *i = info;

	if (i->level >= 8)
		return bf_xt_error(c, d, -EINVAL, "target `LOG': level %u is above 7", i->level);
	if (i->prefix[sizeof(i->prefix) - 1])
		return bf_xt_error(c, d, -EINVAL, "target `LOG': the prefix is too long");
	return 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_log_info *i = info;
	struct bf_log log = { .level = i->level, .flags = i->logflags };

	memcpy(log.prefix, i->prefix, sizeof(log.prefix));
	return bf_rule_add_action(rs, r, &bf_target_log, &log);
}

const struct bf_xt_ext bf_xt_LOG = {
	.name = "LOG",
	.target = true,
	.size = sizeof(struct xt_log_info),
	.check = check,
	.translate = translate,
};
