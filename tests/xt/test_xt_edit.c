/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_edit.c: tables that change rule by rule. The edit between two states
 * makes the second of the first, byte for byte; many edits at once make the
 * last of the first; what is damaged is refused.
 */
#include <linux/netfilter.h>

#include "lib/rng.h"
#include "lib/unit.h"
#include "xt/build.h"

enum { CHAINS = 6, HOOKS = 3, RULES = 40, ROUNDS = 400, EDITS = 30 };

struct rule {
	uint32_t id; /* makes it unlike others */
	int to;      /* a chain it jumps to, or -1: DROP */
	bool long_one;
};

struct table {
	struct rule rules[CHAINS][RULES];
	unsigned n[CHAINS];
	uint8_t family;
};

/* Jumps go to later chains only. */
static struct rule random_rule(struct rng *r, unsigned chain)
{
	unsigned to = chain + 1 + rng_below(r, CHAINS);

	return (struct rule){ rng_below(r, 4), to < CHAINS && to >= HOOKS ? (int)to : -1, rng_below(r, 2) };
}

static void put_rule(struct bb *b, const struct rule *r, const uint32_t *first, uint32_t *fixups, unsigned *n)
{
	uint8_t *e = bb_entry(b);

	memcpy(e, &r->id, sizeof(r->id)); /* source address; its mask says which bits count */
	memset(e + 8, 0xff, 4);
	if (r->long_one)
		bb_match(b, "comment", 0, (char[256]){ "a comment" }, 256);
	bb_verdict(b, r->to < 0 ? -NF_DROP - 1 : (int32_t)first[r->to]);
	if (r->to >= 0)
		fixups[(*n)++] = (uint32_t)r->to;
}

/* Twice: the second time it is known where chains begin. */
static void put_table(struct bb *b, const struct table *t, uint32_t *first)
{
	uint32_t fixups[CHAINS * RULES];
	unsigned n = 0;

	bb_begin(b, t->family);
	for (unsigned c = 0; c < CHAINS; c++) {
		char name[2] = { (char)('A' + c), 0 };

		if (c < HOOKS)
			bb_hook(b, NF_INET_LOCAL_IN + c);
		else
			bb_head(b, name);
		first[c] = bb_offset(b);
		for (unsigned i = 0; i < t->n[c]; i++)
			put_rule(b, &t->rules[c][i], first, fixups, &n);
		if (c < HOOKS)
			bb_policy(b, NF_INET_LOCAL_IN + c, -NF_ACCEPT - 1);
		else {
			bb_entry(b);
			bb_verdict(b, XT_RETURN);
		}
	}
	bb_end(b);
}

static void make_state(const struct table *t, struct bf_buf *state)
{
	uint32_t first[CHAINS] = { 0 };
	struct bf_xt_replace info;
	struct bf_diag d = { 0 };
	struct bb b;

	put_table(&b, t, first);
	bb_free(&b);
	put_table(&b, t, first);
	assert_int_equal(bf_xt_decode_replace(t->family, b.buf.data, b.buf.len, &info, state, &d), 0);
	bf_diag_free(&d);
	bb_free(&b);
}

static void random_table(struct rng *r, struct table *t, uint8_t family)
{
	*t = (struct table){ .family = family };
	for (unsigned c = 0; c < CHAINS; c++) {
		t->n[c] = rng_below(r, RULES / 2);
		for (unsigned i = 0; i < t->n[c]; i++)
			t->rules[c][i] = random_rule(r, c);
	}
}

/* Adds, deletes or replaces up to three rules that lie together. Jumps stay: what a chain is reached by must not change. */
static void random_change(struct rng *r, struct table *t)
{
	unsigned c = rng_below(r, CHAINS), at = rng_below(r, t->n[c] + 1), n = 1 + rng_below(r, 3);
	struct rule *rules = t->rules[c];

	while (n--) {
		unsigned what = rng_below(r, 3);

		if (what == 0 && t->n[c] < RULES) {
			memmove(&rules[at + 1], &rules[at], (t->n[c]++ - at) * sizeof(*rules));
			rules[at] = random_rule(r, c);
		} else if (what == 1 && at < t->n[c] && rules[at].to < 0) {
			memmove(&rules[at], &rules[at + 1], (--t->n[c] - at) * sizeof(*rules));
		} else if (what == 2 && at < t->n[c] && rules[at].to < 0) {
			rules[at] = (struct rule){ rng_below(r, 4), -1, rng_below(r, 2) };
		}
	}
}

static void assert_same(const struct bf_buf *a, const struct bf_buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* A rule as text, without its number; where it leads by name. */
static void put_text(struct bf_buf *out, const struct bf_rule *r)
{
	bf_rule_print(out, r, NFPROTO_IPV4);
	bf_buf_puts(out, "\n");
}

/* The rules of chain i: those of the old table, but for what changed. */
static void changed_text(struct bf_buf *out, const struct bf_chain *old, uint32_t i, const struct bf_changed *c, size_t n)
{
	size_t k = 0;

	for (uint32_t rule = 0; rule <= old->n_rules; rule++) {
		bool gone = false;

		for (; k < n && (c[k].chain != i || c[k].rule == rule); k++) {
			if (c[k].chain != i)
				continue;
			gone |= !c[k].came;
			if (c[k].came)
				put_text(out, c[k].what);
		}
		if (rule < old->n_rules && !gone)
			put_text(out, &old->rules[rule]);
	}
	assert_int_equal(k, n);
}

static void assert_changes(const struct bf_buf *first, const struct bf_buf *edits, const struct bf_buf *last)
{
	_cleanup_ruleset_ struct bf_ruleset *old = NULL, *new = NULL, *stub = NULL;
	_cleanup_buf_ struct bf_buf changes = { 0 };
	struct bf_table *a, *b;

	assert_int_equal(bf_xt_to_ruleset(first->data, first->len, &old, NULL), 0);
	assert_int_equal(bf_xt_to_ruleset(last->data, last->len, &new, NULL), 0);
	assert_int_equal(bf_xt_changes(first->data, first->len, edits->data, edits->len, &stub, &changes, NULL), 0);
	a = old->tables[0];
	b = new->tables[0];
	assert_int_equal(a->n_chains, b->n_chains);
	assert_int_equal(a->n_chains, stub->tables[0]->n_chains);
	for (uint32_t i = 0; i < a->n_chains; i++) {
		_cleanup_buf_ struct bf_buf x = { 0 }, y = { 0 };

		assert_string_equal(a->chains[i]->name, stub->tables[0]->chains[i]->name);
		changed_text(&x, a->chains[i], i, (void *)changes.data, changes.len / sizeof(struct bf_changed));
		for (uint32_t k = 0; k < b->chains[i]->n_rules; k++)
			put_text(&y, &b->chains[i]->rules[k]);
		assert_string_equal(x.data ? x.data : "", y.data ? y.data : "");
	}
}

/* Counters follow their rules: those of `first` by number, others in the order in which they came. */
static void assert_slots(const struct bf_buf *slots, uint32_t n_first, uint32_t n_last)
{
	const uint32_t *slot = (const void *)slots->data;
	uint32_t last = 0;

	assert_int_equal(slots->len, n_last * sizeof(*slot));
	for (uint32_t i = 0; i < n_last; i++) {
		if (slot[i] >= n_first)
			continue;
		assert_true(i == 0 || slot[i] > last || last == 0);
		last = slot[i];
	}
}

static unsigned one_round(struct rng *r, uint8_t family)
{
	_cleanup_buf_ struct bf_buf first = { 0 }, now = { 0 }, all = { 0 }, last = { 0 }, slots = { 0 };
	struct table t;
	unsigned refused = 0;

	random_table(r, &t, family);
	make_state(&t, &first);
	bf_buf_add(&now, first.data, first.len);
	for (unsigned i = 0; i < EDITS; i++) {
		_cleanup_buf_ struct bf_buf next = { 0 }, edit = { 0 }, got = { 0 };
		struct table before = t;
		int err;

		random_change(r, &t);
		make_state(&t, &next);
		err = bf_xt_diff(now.data, now.len, next.data, next.len, &edit);
		if (err) {
			assert_int_equal(err, -EAGAIN);
			t = before;
			refused++;
			continue;
		}
		assert_int_equal(bf_xt_apply(now.data, now.len, edit.data, edit.len, &got, NULL), 0);
		assert_same(&got, &next);
		bf_buf_add(&all, edit.data, edit.len);
		bf_buf_free(&now);
		now = next;
		next = (struct bf_buf){ 0 };
	}
	assert_int_equal(bf_xt_apply(first.data, first.len, all.data, all.len, &last, &slots), 0);
	assert_same(&last, &now);
	assert_slots(&slots, ((struct bf_xt_head *)first.data)->num_entries, ((struct bf_xt_head *)last.data)->num_entries);
	assert_changes(&first, &all, &last);
	return refused;
}

static void test_edits(void **state)
{
	struct rng r = { 1 };
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++)
		refused += one_round(&r, i % 2 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	print_message("%u of %u refused\n", refused, ROUNDS * EDITS);
	assert_in_range(refused, 1, ROUNDS * EDITS / 10); /* a chain that gets its first jump, ... */
}

static void test_small(void **state)
{
	struct table t = { .family = NFPROTO_IPV4 };
	_cleanup_buf_ struct bf_buf a = { 0 }, b = { 0 }, edit = { 0 };
	const struct bf_xt_edit *e;

	(void)state;
	t.n[0] = 20;
	for (unsigned i = 0; i < 20; i++)
		t.rules[0][i].to = -1;
	make_state(&t, &a);
	t.n[0]++;
	t.rules[0][20] = (struct rule){ 7, -1, false };
	make_state(&t, &b);
	assert_int_equal(bf_xt_diff(a.data, a.len, b.data, b.len, &edit), 0);
	e = (const void *)edit.data;
	assert_int_equal(e->at, 20);
	assert_int_equal(e->n_old, 0);
	assert_int_equal(e->n_new, 1);
	edit.len = 0;
	assert_int_equal(bf_xt_diff(a.data, a.len, a.data, a.len, &edit), 0);
	e = (const void *)edit.data;
	assert_int_equal(e->n_old + e->n_new, 0);
}

/* Whatever stands there: an error or a state, never a crash (run under sanitizers). */
static void test_damaged(void **state)
{
	struct rng r = { 3 };
	unsigned ok = 0, bad = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		_cleanup_buf_ struct bf_buf a = { 0 }, b = { 0 }, edit = { 0 };
		struct table t;

		random_table(&r, &t, NFPROTO_IPV4);
		make_state(&t, &a);
		random_change(&r, &t);
		make_state(&t, &b);
		if (bf_xt_diff(a.data, a.len, b.data, b.len, &edit))
			continue;
		for (unsigned k = 0; k < 50; k++) {
			_cleanup_buf_ struct bf_buf spoilt = { 0 }, out = { 0 };
			size_t at = rng_below(&r, (uint32_t)edit.len);

			bf_buf_add(&spoilt, edit.data, edit.len - (rng_below(&r, 4) ? 0 : rng_below(&r, (uint32_t)edit.len)));
			if (at < spoilt.len)
				spoilt.data[at] = (char)rng_u64(&r);
			if (bf_xt_apply(a.data, a.len, spoilt.data, spoilt.len, &out, NULL))
				bad++;
			else
				ok++;
		}
	}
	assert_true(ok > 100 && bad > 100);
}

UNIT_MAIN(cmocka_unit_test(test_small), cmocka_unit_test(test_edits), cmocka_unit_test(test_damaged))
