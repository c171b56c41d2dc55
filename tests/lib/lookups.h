/* SPDX-License-Identifier: GPL-2.0-only */
/* lookups.h: random sets and maps for random rulesets. */
#ifndef TEST_LOOKUPS_H
#define TEST_LOOKUPS_H

#include "lib/rng.h"
#include "rule/set.h"

struct test_lookup_opts {
	uint8_t family;
	bool live; /* sets that rules change, too */
	bool xdp;  /* there is no sk_buff */
	bf_u128 (*value)(struct rng *r, const struct bf_field *f);
	struct bf_verdict (*verdict)(void *ctx); /* of a map */
	void *ctx;
};

/* At XDP nothing tells this field. */
static inline bool test_xdp_lacks(const struct bf_field *f)
{
	return f->loader >= 0 || f->needs & (BF_NEED_CT | BF_NEED_MARK | BF_NEED_PKTTYPE);
}

/* A new set; a lookup in it, or a change of it, or both. When the last condition is a lookup with verdicts, the rule's may be MAP. */
void test_add_lookup(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                     struct bf_rule *rule);
void test_add_object(struct rng *r, struct bf_ruleset *rs, struct bf_table *t, struct bf_rule *rule);

/* Of packets that the rules are about. */
const struct bf_field *test_lookup_field(struct rng *r, const struct test_lookup_opts *o);

/* What an element that the condition looks for has there. */
bool test_lookup_wants(struct rng *r, const struct bf_cond *c, const struct bf_field *f, bf_u128 *v);

#endif
