/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lookup.c: "is this key in that set, and where does its element lead?" as
 * cells. What a set becomes:
 *
 *   rules change it, elements have state or time    LIVE   a hash that outlives the table (live.c)
 *   one field, nothing behind the elements          tests, or SET (fields.c, sets.c)
 *   commands change it, no ranges                   LIVE   a hash in the class data (exact.c)
 *   else, all parts in the key                      FIND   class data (lookup_class.c)
 *   parts that are loaded, exact, many elements     LIVE   a hash that goes with the table
 *   what is left, and few elements                  one element's tests after the other
 *
 *   KEEP.. ─▶ LIVE ──found──▶ scratch words: data ─▶ SWITCH ─▶ the verdict's cells
 *   FIND ───────┘
 */
#include "gen/build.h"
#include "match/match.h"

enum { FEW = 4, FEW_LOADED = 16 };

struct bf_lower_data { /* of a set's elements, in the class data */
	const struct bf_set *set;
	uint32_t place, words; /* words of each */
	const struct bf_range *ranges; /* one part: sorted, joined; */
	uint32_t n_ranges;
};

/* ------------------------------------------------------------------- data */

uint32_t bf_data_words(const struct bf_set *s)
{
	switch (s->data) {
	case BF_DATA_NONE:
		return 0;
	case BF_DATA_VERDICT:
		return 1;
	case BF_DATA_OBJECT:
		return 2;
	case BF_DATA_VALUE:
		return s->data_bits > 32 ? 4 : 1;
	}
	return 0;
}

void bf_datum_words(const struct bf_set *s, const union bf_datum *d, uint32_t *out)
{
	switch (s->data) {
	case BF_DATA_NONE:
		return;
	case BF_DATA_VERDICT:
		out[0] = d->verdict;
		return;
	case BF_DATA_OBJECT:
		out[0] = (uint32_t)d->object->id;
		out[1] = d->object->id >> 32;
		return;
	case BF_DATA_VALUE:
		for (unsigned i = 0, n = bf_data_words(s); i < n; i++)
			out[i] = (uint32_t)(d->value >> 32 * (n - 1 - i));
	}
}

/* Zeroed room in the class data, n words at an even place; its place. */
uint32_t bf_lower_class_room(struct bf_lower *l, uint64_t n)
{
	uint32_t place;

	if (!l->class.len)
		bf_buf_reserve(&l->class, 2 * sizeof(uint32_t)); /* place 0 is none */
	if (l->class.len / 4 + n > INT32_MAX / 4)
		return bf_lower_error(l, -E2BIG), 0;
	place = (uint32_t)(l->class.len / sizeof(uint32_t));
	bf_buf_reserve(&l->class, BF_ALIGN(n, 2) * sizeof(uint32_t));
	if (l->class.err)
		bf_lower_error(l, -ENOMEM);
	return place;
}

static void write_data(struct bf_lower *l, struct bf_lower_data *d)
{
	d->words = bf_data_words(d->set);
	if (!d->words || !d->set->n)
		return;
	d->place = bf_lower_class_room(l, (uint64_t)d->words * d->set->n + 4); /* what reads it reads four words */
	for (uint32_t i = 0; i < d->set->n && !l->err; i++)
		bf_datum_words(d->set, &d->set->datum[i],
		               (uint32_t *)(void *)l->class.data + d->place + (size_t)i * d->words);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* One part: its ranges as conditions have them. */
static void sort_ranges(struct bf_lower *l, struct bf_lower_data *d)
{
	struct bf_range *r;
	uint32_t n = 0;

	if (d->set->n_parts != 1 || !d->set->n)
		return;
	d->ranges = r = bf_lower_keep(l, d->set->keys, d->set->n * sizeof(*r));
	if (!r)
		return;
	qsort(r, d->set->n, sizeof(*r), compare_ranges);
	for (uint32_t i = 1; i < d->set->n; i++) {
		if (r[n].hi == ~(bf_u128)0 || r[i].lo <= r[n].hi + 1)
			r[n].hi = BF_MAX(r[n].hi, r[i].hi);
		else
			r[++n] = r[i];
	}
	d->n_ranges = n + 1;
}

static const struct bf_lower_data *data_of(struct bf_lower *l, const struct bf_set *s)
{
	struct bf_lower_data *d;

	for (uint32_t i = 0; i < l->n_data; i++)
		if (l->data[i].set == s)
			return &l->data[i];
	if (bf_grow(&l->data, l->n_data, &l->cap_data, sizeof(*l->data)) < 0)
		return bf_lower_error(l, -ENOMEM), NULL;
	d = &l->data[l->n_data++];
	*d = (struct bf_lower_data){ .set = s };
	write_data(l, d);
	if (s->data == BF_DATA_NONE)
		sort_ranges(l, d);
	return d;
}

/* ------------------------------------------------------------------ cells */

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

static void find_cell(struct bf_lower *l, uint32_t head, uint32_t data, uint32_t words, bf_label hit, bf_label miss)
{
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_FIND, hit, miss);

	c->word = l->family == NFPROTO_IPV6;
	c->arg = head;
	c->lo = data;
	c->span = words;
}

/* What element i leads to is at hand, at `hit`. */
static void take_data(struct bf_lower *l, const struct bf_lower_data *d, uint32_t i, bf_label hit, bf_label miss)
{
	if (!d->words)
		return bf_lower_goto(l, hit);
	bf_lower_uses(l)->structs |= 1u << BF_CLASS_FOREST;
	find_cell(l, 0, d->place + i * d->words, d->words, hit, miss);
}

static void test_elements(struct bf_lower *l, const struct bf_lookup *k, const struct bf_lower_data *d, bf_label hit,
                          bf_label miss, bf_label na)
{
	for (unsigned p = 0; p < k->set->n_parts; p++) /* is it all there? Asked of those that are not reached, too */
		if (k->part[p].field->loader >= 0)
			bf_lower_fetch(l, k->part[p].field, na);
	for (uint32_t i = 0; i < k->set->n && !l->err; i++) {
		bf_label there = bf_lower_label(l), next = i + 1 < k->set->n ? bf_lower_label(l) : miss;

		test_element(l, k, i, there, next, na);
		bf_lower_bind(l, there);
		take_data(l, d, i, hit, miss);
		if (next != miss)
			bf_lower_bind(l, next);
	}
	if (!k->set->n)
		bf_lower_goto(l, miss);
}

/* ------------------------------------------------------------------ which */

static bool is_exact(const struct bf_set *s)
{
	for (size_t i = 0; i < (size_t)s->n * s->n_parts; i++)
		if (s->keys[i].lo != s->keys[i].hi)
			return false;
	return true;
}

static bool all_there(const struct bf_lower *l, const struct bf_lookup *k)
{
	for (unsigned p = 0; p < k->set->n_parts; p++)
		if (!bf_field_there(k->part[p].field, l->family))
			return false;
	return true;
}

static bool any_loaded(const struct bf_lookup *k)
{
	for (unsigned p = 0; p < k->set->n_parts; p++)
		if (k->part[p].field->loader >= 0)
			return true;
	return false;
}

static void lower_static(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss, bf_label na)
{
	const struct bf_lower_data *d;
	uint32_t head = 0;

	if (k->set->flags & BF_SET_EXACT && bf_lower_exact(l, k, hit, miss, na))
		return;
	d = data_of(l, k->set);
	if (!d || l->err || (k->set->flags & BF_SET_OPEN && bf_lower_open_set(l, k, hit, miss, na)))
		return;
	if (d->n_ranges)
		return bf_lower_field(l, k->part[0].field, k->part[0].mask, d->ranges, d->n_ranges, hit, miss, na);
	if (any_loaded(k) && k->set->n > FEW_LOADED && is_exact(k->set))
		return bf_lower_live(l, BF_LIVE_LOOK, k, NULL, hit, miss, na);
	if (k->set->n > FEW && !any_loaded(k) && !l->cell_base) /* a change in place says how deep data may be, here it is not asked */
		bf_lower_boxes(l, k, &head);
	d = data_of(l, k->set);
	if (l->err || !d)
		return;
	if (head)
		find_cell(l, head, d->place, d->words, hit, miss);
	else
		test_elements(l, k, d, hit, miss, na);
}

/* Of a set with a name whose elements stand elsewhere a rule that comes in place knows nothing. */
static bool is_unknown(struct bf_lower *l, const struct bf_set *s)
{
	bool unknown = l->cell_base && s->name && !(s->flags & (BF_SET_LIVE | BF_SET_OPEN | BF_SET_EXACT));

	if (unknown)
		bf_lower_error(l, -EAGAIN);
	return unknown;
}

const struct bf_known_set *bf_lower_known(const struct bf_lower *l, enum bf_known_kind kind, const struct bf_set *s, uint32_t *i)
{
	while (*i < l->n_known) {
		const struct bf_known_set *x = &l->known[(*i)++];

		if (x->kind == kind && x->set == (s ? s->id : 0) && x->flags == (s ? s->flags & BF_KNOWN_FLAGS : 0))
			return x;
	}
	return NULL;
}

int bf_lower_lookup(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss)
{
	bf_label na = l->cond->neg ? hit : miss; /* as the rule goes on when it does not match */

	if (l->here == BF_NO_LABEL || is_unknown(l, k->set))
		return 0;
	if (!all_there(l, k))
		bf_lower_goto(l, na);
	else if (k->set->flags & BF_SET_LIVE)
		bf_lower_live(l, BF_LIVE_LOOK, k, NULL, hit, miss, na);
	else
		lower_static(l, k, hit, miss, na);
	return 0;
}

int bf_lower_element(struct bf_lower *l, const struct bf_element_change *c, bf_label hit, bf_label miss)
{
	static const enum bf_live_verb verbs[] = { BF_LIVE_ADD, BF_LIVE_UPDATE, BF_LIVE_DELETE };
	bf_label na = l->cond->neg ? hit : miss;

	if (l->here == BF_NO_LABEL)
		return 0;
	if (!(c->key.set->flags & BF_SET_LIVE))
		return -EINVAL;
	if (!all_there(l, &c->key) || (c->data.field && !bf_field_there(c->data.field, l->family)))
		bf_lower_goto(l, na);
	else
		bf_lower_live(l, verbs[c->verb], &c->key, c, hit, miss, na);
	return 0;
}

/* --------------------------------------------------------------- verdicts */

void bf_lower_switch(struct bf_lower *l, bf_label first, uint32_t n)
{
	struct bf_cell *c;
	uint32_t place;

	if (l->here == BF_NO_LABEL || l->err)
		return;
	place = bf_lower_class_room(l, n);
	if (bf_grow(&l->switches, l->n_switches, &l->cap_switches, sizeof(*l->switches)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->switches[l->n_switches++] = (struct bf_lower_switch){ place, n, first };
	c = bf_lower_cell(l, BF_CELL_SWITCH, BF_NO_LABEL, BF_NO_LABEL);
	c->arg = place;
	c->lo = n;
	for (uint32_t i = 0; i < n; i++)
		bf_lower_use(l, first + i);
}

void bf_lower_finish_switches(struct bf_lower *l)
{
	for (uint32_t i = 0; i < l->n_switches && !l->err; i++)
		for (uint32_t k = 0; k < l->switches[i].n; k++)
			((uint32_t *)(void *)l->class.data)[l->switches[i].place + k] =
				bf_lower_cell_of(l, l->switches[i].first + k);
}

void bf_lower_free_lookups(struct bf_lower *l)
{
	free(l->data);
	free(l->found);
	free(l->switches);
	free(l->lives);
}
