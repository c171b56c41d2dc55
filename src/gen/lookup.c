/* SPDX-License-Identifier: GPL-2.0-only */
/* lookup.c: sets, maps and objects in cells. */
#include "gen/build.h"

/* Is the key in element i? */
static void test_element(struct bf_lower *l, const struct bf_lookup *k, uint32_t i, bf_label hit, bf_label miss, bf_label na)
{
	const struct bf_range *r = &k->set->keys[(size_t)i * k->set->n_parts];

	for (unsigned p = 0; p < k->set->n_parts; p++) {
		bf_label next = p + 1 < k->set->n_parts ? bf_lower_label(l) : hit;

		bf_lower_field(l, k->part[p].field, k->part[p].mask, &r[p], 1, next, miss, na);
		if (next != hit)
			bf_lower_bind(l, next);
	}
}

int bf_lower_lookup(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss)
{
	bf_label na = l->cond->neg ? hit : miss; /* as the rule goes on when it does not match */

	if (k->set->data != BF_DATA_NONE || k->set->flags & BF_SET_LIVE)
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < k->set->n; i++) {
		bf_label next = i + 1 < k->set->n ? bf_lower_label(l) : miss;

		test_element(l, k, i, hit, next, na);
		if (next != miss)
			bf_lower_bind(l, next);
	}
	if (!k->set->n)
		bf_lower_goto(l, miss);
	return 0;
}

int bf_lower_element(struct bf_lower *l, const struct bf_element_change *c, bf_label hit, bf_label miss)
{
	return -EOPNOTSUPP;
}

int bf_lower_object(struct bf_lower *l, const struct bf_object *o, bf_label hit, bf_label miss)
{
	return -EOPNOTSUPP;
}
