/* SPDX-License-Identifier: GPL-2.0-only */
/* made.h: numbers that rules make (numgen, jhash), and who looks at them, for random rulesets. */
#ifndef TEST_MADE_H
#define TEST_MADE_H

#include "lib/lookups.h"

/* A generator; then a condition, a lookup or a put of what it has made. What is made by chance makes no difference. */
void test_add_made(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                   struct bf_rule *rule);

#endif
