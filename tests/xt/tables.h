/* SPDX-License-Identifier: GPL-2.0-only */
/* tables.h: random filter tables and small changes of them. */
#ifndef TESTS_XT_TABLES_H
#define TESTS_XT_TABLES_H

#include "lib/rng.h"
#include "xt/build.h"

enum { TABLE_CHAINS = 6, TABLE_HOOKS = 3, TABLE_RULES = 40 };

struct test_rule {
	uint32_t id; /* makes it unlike others: its source address */
	int to;      /* a chain it jumps to, or -1: DROP */
	bool long_one;
};

struct test_table { /* chains 0 .. 2 are INPUT, FORWARD, OUTPUT, the others user chains "D", "E", ... */
	struct test_rule rules[TABLE_CHAINS][TABLE_RULES];
	unsigned n[TABLE_CHAINS];
	uint8_t family;
};

void table_random(struct rng *r, struct test_table *t, uint8_t family);
struct test_rule table_random_rule(struct rng *r, unsigned chain);
/* Adds, deletes or replaces up to three rules that lie together. Jumps stay: what a chain is reached by must not change. */
void table_change(struct rng *r, struct test_table *t);
/* Adds an entry as bf_xt_edit takes it: jumps by name. */
void table_put_rule(struct bb *b, const struct test_rule *r);
/* The blob, in b->buf. */
void table_put(struct bb *b, const struct test_table *t);
/* The state that the blob becomes. */
void table_state(const struct test_table *t, struct bf_buf *state);

#endif
