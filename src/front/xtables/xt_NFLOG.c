/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_NFLOG.c: -j NFLOG (kernel: xt_NFLOG.c). */
#include <linux/netfilter/xt_NFLOG.h>

#include "front/xtables/cond.h"

#define FLAGS 0x1u /* XT_NFLOG_F_COPY_LEN */

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_nflog_info *i = info;

	if (i->flags & ~FLAGS)
		return bf_xt_error(c, d, -EINVAL, "target `NFLOG': unknown flags");
	if (i->prefix[sizeof(i->prefix) - 1])
		return bf_xt_error(c, d, -EINVAL, "target `NFLOG': the prefix is too long");
	return 0;
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_nflog_info *i = info;
	struct bf_nflog log = { .len = i->len, .group = i->group, .threshold = i->threshold, .flags = i->flags };

	memcpy(log.prefix, i->prefix, sizeof(log.prefix));
	return bf_rule_add_action(rs, r, &bf_target_nflog, &log);
}

const struct bf_xt_ext bf_xt_NFLOG = {
	.name = "NFLOG",
	.target = true,
	.size = sizeof(struct xt_nflog_info),
	.check = check,
	.translate = translate,
};
