/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_comment.c: -m comment: no condition, but the rule's comment. Of several, the first. */
#include <linux/netfilter/xt_comment.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_comment_info *i = info;

	if (!r->comment)
		r->comment = bf_arena_strndup(rs->arena, i->comment, sizeof(i->comment));
	return r->comment ? 0 : -ENOMEM;
}

const struct bf_xt_ext bf_xt_comment = {
	.name = "comment",
	.unspec = true,
	.size = sizeof(struct xt_comment_info),
	.translate = translate,
};
