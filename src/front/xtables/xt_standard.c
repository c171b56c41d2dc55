/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_standard.c: the targets of x_tables itself: the nameless one that holds a
 * verdict (model.c turns it into the rule's verdict: it knows where jumps
 * lead), and ERROR, head of a user chain; a packet that gets there is dropped.
 */
#include "front/xtables/cond.h"

static int translate_error(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						   struct bf_diag *d)
{
	r->verdict.kind = BF_VERDICT_DROP;
	return 0;
}

const struct bf_xt_ext bf_xt_standard = {
	.name = XT_STANDARD_TARGET,
	.target = true,
	.size = sizeof(int),
};

const struct bf_xt_ext bf_xt_ERROR = {
	.name = XT_ERROR_TARGET,
	.target = true,
	.size = XT_FUNCTION_MAXNAMELEN,
	.translate = translate_error,
};
