/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_edit.c: tables that change rule by rule. The edit between two states
 * makes the second of the first, byte for byte; many edits at once make the
 * last of the first; what is damaged is refused. A table that is handed over
 * whole becomes the same, whether it is decoded or found to be nearly the old one.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "front/xtables/blob.h"
#include "lib/rng.h"
#include "lib/unit.h"
#include "xt/build.h"
#include "xt/tables.h"

enum { ROUNDS = 400, EDITS = 30 };

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
			gone |= c[k].kind == BF_WENT;
			if (c[k].kind == BF_CAME)
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
	assert_int_equal(bf_xt_changes(&(struct bf_xt_base){ .state = first->data, .len = first->len }, edits->data, edits->len, NULL, 0, &stub, &changes, NULL), 0);
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

/* What is had without the rest of the state: its head; its entries, in its place. */
static void assert_parts(const struct bf_buf *first, const struct bf_buf *edits, struct bf_buf *last, const struct bf_buf *slots)
{
	const struct bf_xt_base base = { .state = first->data, .len = first->len };
	uint32_t n = ((struct bf_xt_head *)last->data)->num_entries;
	struct bf_rt_counter *counters = calloc(n, sizeof(*counters));
	_cleanup_buf_ struct bf_buf head = { 0 }, same_slots = { 0 }, entries = { 0 };

	for (uint32_t i = 0; i < n; i++)
		counters[i] = (struct bf_rt_counter){ i + 1, 7 * i };
	assert_int_equal(bf_xt_outline(&base, edits->data, edits->len, &head, &same_slots), 0);
	assert_int_equal(head.len, sizeof(struct bf_xt_head));
	assert_memory_equal(head.data, last->data, head.len);
	assert_same(&same_slots, slots);
	assert_int_equal(bf_xt_get_entries(last->data, last->len, counters, &entries), 0);
	assert_int_equal(bf_xt_take_entries(last, counters), 0);
	assert_same(last, &entries);
	free(counters);
}

/* What the kernel makes of the blob, or an error. */
static int decoded(uint8_t family, const struct bf_buf *blob, struct bf_buf *state)
{
	struct bf_xt_replace info;

	return bf_xt_decode_replace(family, blob->data, blob->len, &info, state, NULL);
}

/* The blob is taken for nearly what the edits make of the base only if decoding it gives the same state. */
static bool is_near(const struct bf_xt_base *base, const struct bf_buf *all, const struct bf_buf *blob, const struct bf_buf *slots)
{
	_cleanup_buf_ struct bf_buf edits = { 0 }, runs = { 0 }, whole = { 0 }, got = { 0 };
	uint8_t family = (uint8_t)((const struct bf_xt_head *)base->state)->family;
	const struct bf_xt_run *run;
	uint32_t n = 0;
	int err;

	bf_buf_add(&edits, all->data, all->len);
	err = bf_xt_near(base, all->data, all->len, blob->data, blob->len, &edits, &runs);
	if (err) {
		assert_int_equal(err, -EAGAIN);
		assert_int_equal(edits.len, all->len);
		return false;
	}
	assert_int_equal(decoded(family, blob, &whole), 0);
	assert_int_equal(bf_xt_apply(base, edits.data, edits.len, &got, NULL), 0);
	assert_same(&got, &whole);
	run = (const void *)runs.data;
	for (size_t i = 0; i < runs.len / sizeof(*run); i++)
		for (uint32_t k = 0; k < run[i].n; k++, n++)
			assert_int_equal(((const uint32_t *)(const void *)slots->data)[n], run[i].first + k);
	assert_int_equal(n, slots->len / sizeof(uint32_t));
	return true;
}

/* A state as iptables would hand it over, where `n` entries are: hooks and counters are what they were, or anything. */
static void hand_over(struct rng *r, const struct bf_buf *state, uint32_t n, struct bf_buf *blob)
{
	const struct bf_xt_head *h = (const void *)state->data;
	const struct bf_xt_layout *l = bf_xt_layout((uint8_t)h->family);

	assert_int_equal(bf_xt_encode_replace(state->data, state->len, blob), 0);
	memcpy(blob->data + offsetof(struct ipt_replace, num_counters), &n, sizeof(n));
	for (uint8_t *e = (uint8_t *)blob->data + sizeof(struct ipt_replace), *end = e + h->size; e < end; e += bf_xt_next_offset(l, e)) {
		e[l->comefrom] = (uint8_t)rng_u64(r);
		e[l->counters + rng_below(r, 16)] = (uint8_t)rng_u64(r);
	}
}

/* The next table, and the same with one byte of it changed. */
static unsigned hand_over_all(struct rng *r, const struct bf_xt_base *base, const struct bf_buf *all, const struct bf_buf *next)
{
	_cleanup_buf_ struct bf_buf blob = { 0 }, now = { 0 }, slots = { 0 };
	unsigned near = 0;

	assert_int_equal(bf_xt_apply(base, all->data, all->len, &now, &slots), 0);
	hand_over(r, next, ((const struct bf_xt_head *)(void *)now.data)->num_entries, &blob);
	near = is_near(base, all, &blob, &slots);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t at = rng_below(r, i % 2 ? sizeof(struct ipt_replace) : (uint32_t)blob.len);
		char was = blob.data[at];

		blob.data[at] = (char)(i % 4 < 2 ? rng_u64(r) : (uint64_t)was ^ 1u << rng_below(r, 8));
		is_near(base, all, &blob, &slots);
		blob.data[at] = was;
	}
	blob.len -= rng_below(r, 2);
	is_near(base, all, &blob, &slots);
	return near;
}

static unsigned one_round(struct rng *r, uint8_t family, unsigned *near)
{
	_cleanup_buf_ struct bf_buf first = { 0 }, now = { 0 }, all = { 0 }, last = { 0 }, slots = { 0 }, index = { 0 };
	struct bf_xt_base base;
	struct test_table t;
	unsigned refused = 0;

	table_random(r, &t, family);
	table_state(&t, &first);
	bf_buf_add(&now, first.data, first.len);
	assert_int_equal(bf_xt_index(first.data, first.len, &index), 0);
	base = (struct bf_xt_base){ .state = first.data, .len = first.len, .index = index.data };
	for (unsigned i = 0; i < EDITS; i++) {
		_cleanup_buf_ struct bf_buf next = { 0 }, edit = { 0 }, got = { 0 };
		struct test_table before = t;
		int err;

		for (uint32_t n = rng_percent(r, 70) ? 1 : 2 + rng_below(r, 4); n; n--)
			table_change(r, &t);
		table_state(&t, &next);
		*near += hand_over_all(r, &base, &all, &next);
		err = bf_xt_diff(now.data, now.len, next.data, next.len, &edit);
		if (err) {
			assert_int_equal(err, -EAGAIN);
			t = before;
			refused++;
			continue;
		}
		assert_int_equal(bf_xt_apply(&(struct bf_xt_base){ .state = now.data, .len = now.len }, edit.data, edit.len, &got, NULL), 0);
		assert_same(&got, &next);
		bf_buf_add(&all, edit.data, edit.len);
		bf_buf_free(&now);
		now = next;
		next = (struct bf_buf){ 0 };
	}
	assert_int_equal(bf_xt_apply(&(struct bf_xt_base){ .state = first.data, .len = first.len }, all.data, all.len, &last, &slots), 0);
	assert_same(&last, &now);
	assert_slots(&slots, ((struct bf_xt_head *)first.data)->num_entries, ((struct bf_xt_head *)last.data)->num_entries);
	assert_changes(&first, &all, &last);
	assert_parts(&first, &all, &last, &slots);
	return refused;
}

static void test_edits(void **state)
{
	struct rng r = { 1 };
	unsigned refused = 0, near = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++)
		refused += one_round(&r, i % 2 ? NFPROTO_IPV6 : NFPROTO_IPV4, &near);
	print_message("%u of %u refused, %u nearly the old one\n", refused, ROUNDS * EDITS, near);
	assert_true(near > ROUNDS * EDITS / 5);
	assert_in_range(refused, 0, ROUNDS * EDITS / 10);
}

/* Entries that all of the edits bring, and take away. */
static void count_entries(const struct bf_buf *edits, uint32_t *came, uint32_t *went)
{
	*came = *went = 0;
	for (size_t at = 0; at < edits->len;) {
		const struct bf_xt_edit *e = (const void *)(edits->data + at);

		if (e->n_new != BF_XT_REACHED) {
			*came += e->n_new;
			*went += e->n_old;
		}
		at += sizeof(*e) + e->size;
	}
}

/* What stays between two changes stays, in several chains. */
static void test_apart(void **state)
{
	struct test_table t = { .family = NFPROTO_IPV4 };
	_cleanup_buf_ struct bf_buf a = { 0 }, b = { 0 }, edits = { 0 };
	uint32_t came, went;

	(void)state;
	for (unsigned c = 0; c < 2; c++) {
		t.n[c] = 20;
		for (unsigned i = 0; i < 20; i++)
			t.rules[c][i] = (struct test_rule){ 100 * c + i, -1, false };
	}
	table_state(&t, &a);
	t.rules[0][3].id = 7007;
	t.rules[0][17].id = 7008;
	t.rules[1][t.n[1]++] = (struct test_rule){ 9, -1, false };
	table_state(&t, &b);
	assert_int_equal(bf_xt_diff(a.data, a.len, b.data, b.len, &edits), 0);
	count_entries(&edits, &came, &went);
	assert_int_equal(came, 3);
	assert_int_equal(went, 2);
}

static void test_small(void **state)
{
	struct test_table t = { .family = NFPROTO_IPV4 };
	_cleanup_buf_ struct bf_buf a = { 0 }, b = { 0 }, edit = { 0 };
	const struct bf_xt_edit *e;

	(void)state;
	t.n[0] = 20;
	for (unsigned i = 0; i < 20; i++)
		t.rules[0][i].to = -1;
	table_state(&t, &a);
	t.n[0]++;
	t.rules[0][20] = (struct test_rule){ 7, -1, false };
	table_state(&t, &b);
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
		struct test_table t;

		table_random(&r, &t, NFPROTO_IPV4);
		table_state(&t, &a);
		table_change(&r, &t);
		table_state(&t, &b);
		if (bf_xt_diff(a.data, a.len, b.data, b.len, &edit))
			continue;
		for (unsigned k = 0; k < 50; k++) {
			_cleanup_buf_ struct bf_buf spoilt = { 0 }, out = { 0 };
			size_t at = rng_below(&r, (uint32_t)edit.len);

			bf_buf_add(&spoilt, edit.data, edit.len - (rng_below(&r, 4) ? 0 : rng_below(&r, (uint32_t)edit.len)));
			if (at < spoilt.len)
				spoilt.data[at] = (char)rng_u64(&r);
			if (bf_xt_apply(&(struct bf_xt_base){ .state = a.data, .len = a.len }, spoilt.data, spoilt.len, &out, NULL))
				bad++;
			else
				ok++;
		}
	}
	assert_true(ok > 100 && bad > 100);
}

static void put_hosts(struct bb *b, void *n)
{
	for (uint32_t i = 0; i < *(uint32_t *)n; i++) {
		struct ipt_ip *ip = (void *)bb_entry(b);

		ip->src.s_addr = htonl(0x0a000000 + i);
		ip->smsk.s_addr = 0xffffffff;
		bb_verdict(b, -NF_DROP - 1);
	}
}

static void hosts_state(uint32_t n, struct bf_buf *state)
{
	struct bf_xt_replace info;
	struct bb b;

	bb_filter(&b, NFPROTO_IPV4, put_hosts, &n);
	assert_int_equal(bf_xt_decode_replace(NFPROTO_IPV4, b.buf.data, b.buf.len, &info, state, NULL), 0);
	bb_free(&b);
}

/* How many rules changed when a list of addresses loses all but the first `left`; or an error. */
static int shorten(uint32_t n, uint32_t left)
{
	_cleanup_buf_ struct bf_buf full = { 0 }, less = { 0 }, edit = { 0 }, changes = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *stub = NULL;
	int err;

	hosts_state(n, &full);
	hosts_state(left, &less);
	assert_int_equal(bf_xt_diff(full.data, full.len, less.data, less.len, &edit), 0);
	err = bf_xt_changes(&(struct bf_xt_base){ .state = full.data, .len = full.len }, edit.data, edit.len, NULL, 0, &stub,
	                    &changes, NULL);
	return err ? err : (int)(changes.len / sizeof(struct bf_changed));
}

/* None hides another. Where it would take long to find that out for very many, the table is compiled. */
static void test_emptied(void **state)
{
	(void)state;
	assert_int_equal(shorten(3000, 0), 3000);
	assert_int_equal(shorten(40000, 39900), 100);
	assert_int_equal(shorten(40000, 0), -EAGAIN);
}

UNIT_MAIN(cmocka_unit_test(test_emptied), cmocka_unit_test(test_small), cmocka_unit_test(test_apart), cmocka_unit_test(test_edits), cmocka_unit_test(test_damaged))
