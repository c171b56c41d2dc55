/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_mark.c: -m mark, revision 1 (kernel: xt_mark.c). */
#include <linux/netfilter/xt_mark.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_mark_mtinfo1 *m = info;

	if (bf_xt_always(m->invert))
		return 0;
	return bf_xt_masked(rs, r, BF_F_MARK, m->mask, m->mark, m->invert);
}

const struct bf_xt_ext bf_xt_mark = {
	.name = "mark",
	.revision = 1,
	.unspec = true,
	.size = sizeof(struct xt_mark_mtinfo1),
	.translate = translate,
};
