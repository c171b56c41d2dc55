/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_set_open.c: sets whose elements come and go by version, against a plain
 * list: every version that somebody may still see answers as the list did then,
 * a writer who is killed before its commit has done nothing, and what was
 * folded is what was noted.
 */
#include <stdio.h>

#include "lib/ranges.h"
#include "lib/unit.h"
#include "opt/set.h"

enum { ELEMENTS = 3000, AGES = 3 };

struct kind {
	const char *name;
	enum bf_field_id f;
	bool single;
	unsigned bits; /* that an element leaves free */
	unsigned first; /* so many of ELEMENTS are there at first */
	enum bf_set_kind kind;
};

static const struct kind kinds[] = {
	{ "addresses, none at first", BF_F_IP_SADDR, true, 0, 0, BF_SET_HASH },
	{ "addresses", BF_F_IP_SADDR, true, 0, 1500, BF_SET_HASH },
	{ "prefixes, none at first", BF_F_IP_DADDR, false, 8, 0, BF_SET_TREE },
	{ "prefixes", BF_F_IP_DADDR, false, 8, 1500, BF_SET_TREE },
	{ "addresses among ranges", BF_F_IP_SADDR, false, 0, 1000, BF_SET_TREE },
	{ "ports", BF_F_DPORT, true, 0, 0, BF_SET_BITS },
	{ "ranges of ports", BF_F_SPORT, false, 3, 700, BF_SET_BITS },
	{ "IPv6 addresses", BF_F_IP6_SADDR, true, 0, 1500, BF_SET_HASH },
	{ "IPv6 networks, none at first", BF_F_IP6_SADDR, false, 64, 0, BF_SET_HASH },
	{ "IPv6 networks", BF_F_IP6_DADDR, false, 64, 1500, BF_SET_HASH },
	{ "MAC addresses", BF_F_ETHER_SADDR, true, 0, 0, BF_SET_HASH },
};

struct world {
	const struct kind *k;
	struct bf_set_spec spec;
	struct bf_range all[ELEMENTS];
	bool in[AGES][ELEMENTS]; /* by version: now, before, ... */
	uint32_t version;
	struct bf_buf data;
	uint32_t head;
	unsigned rebuilt, folded, killed;
};

static void choose(struct world *w, struct rng *r)
{
	unsigned bits = bf_fields[w->k->f].bits;

	for (uint32_t i = 0; i < ELEMENTS; i++) { /* apart: some touch their neighbours, and none overlaps */
		bf_u128 n = bits <= 16 ? i : bits == 32 ? (bf_u128)i * 0x400 + rng_below(r, 2) * 0x3ff : (rng_u128(r) & ~(bf_u128)0xfff) | i;

		w->all[i].lo = (n << w->k->bits) & bf_field_ones(&bf_fields[w->k->f]);
		w->all[i].hi = w->all[i].lo | (((bf_u128)1 << w->k->bits) - 1);
	}
}

static int by_lo(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static void rebuild(struct world *w)
{
	static struct bf_range r[ELEMENTS];
	struct bf_set_stats stats;
	uint32_t n = 0;

	for (uint32_t i = 0; i < ELEMENTS; i++)
		if (w->in[0][i])
			r[n++] = w->all[i];
	qsort(r, n, sizeof(*r), by_lo);
	bf_buf_free(&w->data);
	bf_buf_reserve(&w->data, 8);
	w->spec = (struct bf_set_spec){ .field = &bf_fields[w->k->f], .mask = ~(bf_u128)0, .ranges = r, .n_ranges = n, .open = true,
		                            .single = w->k->single };
	if (bf_set_build(&w->spec, &w->data, &w->head, &stats))
		fail_msg("%s: cannot build", w->k->name);
	assert_int_equal(((struct bf_set_head *)(void *)(w->data.data + 4 * w->head))->kind, w->k->kind);
	for (int age = 1; age < AGES; age++)
		memcpy(w->in[age], w->in[0], sizeof(w->in[0]));
}

static bool has(const struct world *w, bf_u128 v, uint32_t version)
{
	const struct bf_field *f = &bf_fields[w->k->f];
	unsigned n = (f->bits + 31) / 32;
	uint32_t key[4] = { 0 };

	for (unsigned i = 0; i < n; i++)
		key[i] = (uint32_t)(v >> 32 * (n - 1 - i)) << (n == 1 ? f->shift : 0);
	return bf_set_find_at((const void *)w->data.data, w->data.len / 4, w->head, key, version);
}

static void compare(const struct world *w, uint32_t i, int age)
{
	const bf_u128 v[] = { w->all[i].lo, w->all[i].hi, w->all[i].lo + (w->all[i].hi - w->all[i].lo) / 3 };

	for (unsigned k = 0; k < BF_ARRAY_SIZE(v); k++)
		if (has(w, v[k], w->version - (uint32_t)age) != w->in[age][i])
			fail_msg("%s: element %u is %s %d versions ago", w->k->name, i, w->in[age][i] ? "not there" : "there", age);
}

static void compare_all(const struct world *w, int ages)
{
	for (int age = 0; age < ages; age++)
		for (uint32_t i = 0; i < ELEMENTS; i++)
			compare(w, i, age);
}

/* -ENOSPC: build anew. */
static int change_one(struct world *w, uint32_t i)
{
	return bf_set_note((void *)w->data.data, w->data.len / 4, w->head, w->version + 1, w->all[i].lo, w->all[i].hi, !w->in[0][i]);
}

static void commit(struct world *w, const uint32_t *which, unsigned n)
{
	memmove(w->in[1], w->in[0], (AGES - 1) * sizeof(w->in[0]));
	for (unsigned i = 0; i < n; i++)
		w->in[0][which[i]] ^= true;
	w->version++;
}

/* Up to 20 elements at once, as one version. How many versions back may be asked for then. */
static int step(struct world *w, struct rng *r, int ages)
{
	uint32_t which[20], n = rng_percent(r, 80) ? 1 : 1 + rng_below(r, BF_ARRAY_SIZE(which)), first = rng_below(r, ELEMENTS);
	int err = 0;

	if (bf_set_noted((void *)w->data.data, w->data.len / 4, w->head) >= BF_SET_FOLD) {
		err = bf_set_fold((void *)w->data.data, w->data.len / 4, w->head);
		w->folded++;
		ages = 1; /* packets of older versions have gone */
	}
	for (uint32_t i = 0; i < n && !err; i++)
		err = change_one(w, which[i] = (first + i * 7) % ELEMENTS);
	if (rng_percent(r, 10)) { /* killed */
		compare(w, which[0], 0);
		bf_set_unnote((void *)w->data.data, w->data.len / 4, w->head, w->version);
		w->killed++;
		return ages;
	}
	if (err) {
		assert_int_equal(err, -ENOSPC);
		rebuild(w);
		w->rebuilt++;
		return 1;
	}
	commit(w, which, n);
	for (uint32_t i = 0; i < n; i++)
		for (int age = 0; age < BF_MIN(ages + 1, AGES); age++)
			compare(w, which[i], age);
	return BF_MIN(ages + 1, AGES);
}

static void versions(void **state)
{
	static struct world w;
	struct rng r = { 11 };

	for (unsigned k = 0; k < BF_ARRAY_SIZE(kinds); k++) {
		int ages = 1;

		w = (struct world){ .k = &kinds[k], .version = UINT32_MAX - 1000 }; /* it goes round */
		choose(&w, &r);
		for (uint32_t i = 0; i < kinds[k].first; i++)
			w.in[0][i * 2 % ELEMENTS] = true;
		rebuild(&w);
		for (unsigned i = 0; i < 100000; i++) {
			ages = step(&w, &r, ages);
			if (i % 2000 == 0)
				compare_all(&w, ages);
		}
		compare_all(&w, ages);
		print_message("%s: %u times folded, %u built anew, %u killed\n", w.k->name, w.folded, w.rebuilt, w.killed);
		assert_true(w.folded > 5000 && w.killed > 5000 && w.rebuilt < 500);
		bf_buf_free(&w.data);
	}
}

/* As many as can be, and not one more. */
static void full(void **state)
{
	static struct world w;
	struct rng r = { 12 };

	w = (struct world){ .k = &kinds[0] };
	choose(&w, &r);
	rebuild(&w);
	for (uint32_t i = 0; i < BF_SET_CHANGES; i++)
		assert_int_equal(change_one(&w, i), 0);
	assert_int_equal(change_one(&w, BF_SET_CHANGES), -ENOSPC);
	w.version++;
	assert_int_equal(bf_set_fold((void *)w.data.data, w.data.len / 4, w.head), 0);
	assert_int_equal(bf_set_noted((void *)w.data.data, w.data.len / 4, w.head), 0);
	assert_true(has(&w, w.all[BF_SET_CHANGES - 1].lo, 1));
	assert_false(has(&w, w.all[BF_SET_CHANGES].lo, 1));
	bf_buf_free(&w.data);
}

UNIT_MAIN(cmocka_unit_test(versions), cmocka_unit_test(full))
