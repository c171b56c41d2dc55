/* SPDX-License-Identifier: GPL-2.0-only */
/* intern.h: where the conditions of a ruleset that is being built are kept. */
#ifndef BF_RULE_INTERN_H
#define BF_RULE_INTERN_H

#include "rule/rule.h"

struct bf_cond_pool *bf_cond_pool_new(void);
void bf_cond_pool_free(struct bf_cond_pool *p);
/* What has been given out is forgotten: later conditions are not shared with it. */
void bf_cond_pool_shrink(struct bf_cond_pool *p);

/* The one object with c's content (a match: a new one). NULL: no memory. */
const struct bf_cond *bf_cond_intern(struct bf_ruleset *rs, const struct bf_cond *c);
/* What c is in a list, if it can be said there; else 0. */
struct bf_cond_ref bf_cond_pack(const struct bf_cond *c);
/* -ENOMEM, -E2BIG. */
int bf_conds_append(struct bf_ruleset *rs, struct bf_rule *r, struct bf_cond_ref c);

#endif
