/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_tcpmss.c: -m tcpmss (kernel: xt_tcpmss.c). It looks at later fragments as if a TCP header began there. */
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_tcpmss_match_info *i = info;
	struct bf_tcpmss m = { i->mss_min, i->mss_max, i->invert };
	int err = bf_xt_needs_l4(c, d);

	if (bf_xt_always(i->invert)) /* not in no range: always, but unreadable headers still drop */
		m = (struct bf_tcpmss){ .min = 1, .max = 0, .invert = true };
	return err ? err : bf_rule_add_match(rs, r, &bf_match_tcpmss, &m, false);
}

const struct bf_xt_ext bf_xt_tcpmss = {
	.name = "tcpmss",
	.size = sizeof(struct xt_tcpmss_match_info),
	.proto = IPPROTO_TCP,
	.translate = translate,
};
