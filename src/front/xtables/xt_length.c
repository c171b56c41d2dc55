/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_length.c: -m length (kernel: xt_length.c): the whole IP packet, a GSO packet before it is cut. */
#include <linux/netfilter/xt_length.h>

#include "front/xtables/cond.h"

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_length_info *l = info;
	enum bf_field_id f = c->family == NFPROTO_IPV4 ? BF_F_IP_LENGTH : BF_F_IP6_LENGTH;

	if (bf_xt_always(l->invert))
		return 0;
	return bf_xt_range(rs, r, f, l->min, l->max, l->invert);
}

const struct bf_xt_ext bf_xt_length = {
	.name = "length",
	.size = sizeof(struct xt_length_info),
	.translate = translate,
};
