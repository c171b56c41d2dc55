/* SPDX-License-Identifier: GPL-2.0-only */
/* tables.c: random filter tables and small changes of them (tables.h). */
#include "xt/tables.h"

#include <linux/netfilter.h>

#include "lib/unit.h"

/* Jumps go to later chains only. */
struct test_rule table_random_rule(struct rng *r, unsigned chain)
{
	unsigned to = chain + 1 + rng_below(r, TABLE_CHAINS);

	return (struct test_rule){ rng_below(r, 4), to < TABLE_CHAINS && to >= TABLE_HOOKS ? (int)to : -1, rng_below(r, 2) };
}

static void put_rule(struct bb *b, const struct test_rule *r, const uint32_t *first)
{
	uint8_t *e = bb_entry(b);

	memcpy(e, &r->id, sizeof(r->id)); /* source address; its mask says which bits count */
	memset(e + 8, 0xff, 4);
	if (r->long_one)
		bb_match(b, "comment", 0, (char[256]){ "a comment" }, 256);
	if (r->to < 0)
		bb_verdict(b, -NF_DROP - 1);
	else if (first)
		bb_verdict(b, (int32_t)first[r->to]);
	else
		bb_target(b, (char[2]){ (char)('A' + r->to) }, 0, &(uint32_t){ 0 }, 4);
}

void table_put_rule(struct bb *b, const struct test_rule *r)
{
	put_rule(b, r, NULL);
}

static void put_all(struct bb *b, const struct test_table *t, uint32_t *first)
{
	bb_begin(b, t->family);
	for (unsigned c = 0; c < TABLE_CHAINS; c++) {
		char name[2] = { (char)('A' + c), 0 };

		if (c < TABLE_HOOKS)
			bb_hook(b, NF_INET_LOCAL_IN + c);
		else
			bb_head(b, name);
		first[c] = bb_offset(b);
		for (unsigned i = 0; i < t->n[c]; i++)
			put_rule(b, &t->rules[c][i], first);
		if (c < TABLE_HOOKS)
			bb_policy(b, NF_INET_LOCAL_IN + c, -NF_ACCEPT - 1);
		else {
			bb_entry(b);
			bb_verdict(b, XT_RETURN);
		}
	}
	bb_end(b);
}

/* Twice: the second time it is known where chains begin. */
void table_put(struct bb *b, const struct test_table *t)
{
	uint32_t first[TABLE_CHAINS] = { 0 };

	put_all(b, t, first);
	bb_free(b);
	put_all(b, t, first);
}

void table_state(const struct test_table *t, struct bf_buf *state)
{
	struct bf_xt_replace info;
	struct bb b;

	table_put(&b, t);
	assert_int_equal(bf_xt_decode_replace(t->family, b.buf.data, b.buf.len, &info, state, NULL), 0);
	bb_free(&b);
}

void table_random(struct rng *r, struct test_table *t, uint8_t family)
{
	*t = (struct test_table){ .family = family };
	for (unsigned c = 0; c < TABLE_CHAINS; c++) {
		t->n[c] = rng_below(r, TABLE_RULES / 2);
		for (unsigned i = 0; i < t->n[c]; i++)
			t->rules[c][i] = table_random_rule(r, c);
	}
}

/* Adds, deletes or replaces up to three rules that lie together. Jumps stay: what a chain is reached by must not change. */
void table_change(struct rng *r, struct test_table *t)
{
	unsigned c = rng_below(r, TABLE_CHAINS), at = rng_below(r, t->n[c] + 1), n = 1 + rng_below(r, 3);
	struct test_rule *rules = t->rules[c];

	while (n--) {
		unsigned what = rng_below(r, 3);

		if (what == 0 && t->n[c] < TABLE_RULES) {
			memmove(&rules[at + 1], &rules[at], (t->n[c]++ - at) * sizeof(*rules));
			rules[at] = table_random_rule(r, c);
		} else if (what == 1 && at < t->n[c] && rules[at].to < 0) {
			memmove(&rules[at], &rules[at + 1], (--t->n[c] - at) * sizeof(*rules));
		} else if (what == 2 && at < t->n[c] && rules[at].to < 0) {
			rules[at] = (struct test_rule){ rng_below(r, 4), -1, rng_below(r, 2) };
		}
	}
}
