/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set_hash.c: single values, and prefixes of 128 bits, in open hash tables:
 * one for each prefix length in use (rt/set.h).
 *
 * All tables are asked, whatever the others say: these loads do not wait for
 * one another, while a search for the right length (markers, halving) waits for
 * memory at each step. Lengths that few prefixes have are spared: those become
 * several prefixes of the next length, as long as all that adds an eighth.
 *
 * A table is filled to 4/7. When it is built, whoever is farther from his own
 * slot gets the place (Robin Hood): then nobody is BF_SET_PROBES slots away.
 * What comes later takes a free slot, or one that is freed for it (hopscotch).
 */
#include "opt/set_kind.h"

enum { LENGTHS = 129, EDIT_MAX = 256, WAY = 256, OPEN_SPARE = 512 };

#if defined(__x86_64__) || defined(__i386__) || defined(__s390x__)
enum { LOADS_IN_ORDER = 1 }; /* of one processor, as it is seen by the others */
#else
enum { LOADS_IN_ORDER = 0 };
#endif

#define BF_SET_K_INVERSE 0xf1de83e19937733dull /* BF_SET_K * this is 1 */

/* Prefixes: numbers of 32 * n_words bits, moved to the top of 128. */

struct prefix {
	bf_u128 v;
	unsigned len;
};

static bf_u128 mask_of(unsigned len)
{
	return len ? ~(bf_u128)0 << (128 - len) : 0;
}

static unsigned zeros_above(bf_u128 v) /* v is not 0 */
{
	return v >> 64 ? __builtin_clzll(v >> 64) : 64 + __builtin_clzll((uint64_t)v);
}

static unsigned zeros_below(bf_u128 v)
{
	return (uint64_t)v ? __builtin_ctzll((uint64_t)v) : v ? 64 + __builtin_ctzll(v >> 64) : 127;
}

/* The longest prefix that begins at lo and does not go beyond hi; they are not 0 and all ones. */
static struct prefix first_prefix(bf_u128 lo, bf_u128 hi)
{
	unsigned fits = 127 - zeros_above(hi - lo + 1); /* 2^fits values are left */

	return (struct prefix){ lo, 128 - BF_MIN(fits, zeros_below(lo)) };
}

typedef int prefix_fn(void *arg, struct prefix p);

/* Values lo .. hi of a field of n_words as prefixes. */
static int each_prefix(bf_u128 lo, bf_u128 hi, unsigned n_words, prefix_fn *fn, void *arg)
{
	unsigned up = 128 - 32 * n_words;
	int err = 0;

	hi = hi << up | (((bf_u128)1 << up) - 1);
	for (lo <<= up; !err;) {
		struct prefix p = first_prefix(lo, hi);

		err = fn(arg, p);
		if (hi - lo <= ~mask_of(p.len))
			break;
		lo += ~mask_of(p.len) + 1;
	}
	return err;
}

/* Which lengths get a table. */

struct plan {
	uint64_t count[LENGTHS];   /* prefixes of that length */
	uint8_t table_len[LENGTHS];/* of the table that takes them */
	uint64_t elements;
	uint32_t tables;
};

static int count_prefix(void *arg, struct prefix p)
{
	struct plan *plan = arg;

	plan->tables += !plan->count[p.len]++;
	plan->elements++;
	return 0;
}

/* The length that costs least to make part of the next longer one; 0: none may be. */
static unsigned cheapest(const struct plan *p, uint64_t *cost)
{
	unsigned best = 0;

	*cost = UINT64_MAX;
	for (unsigned len = 1, next = 2; next < LENGTHS; next++) {
		if (!p->count[next])
			continue;
		if (p->count[len] && next - len <= 16 && p->count[len] << (next - len) < *cost) {
			*cost = p->count[len] << (next - len);
			best = len;
		}
		len = next;
	}
	return best;
}

static int join_lengths(struct plan *p, unsigned n_words)
{
	uint64_t limit = p->elements + p->elements / 8 + 16, cost;
	unsigned len, next;

	if (n_words == 1 && !p->count[128 - 96]) /* single values or not at all */
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < LENGTHS; i++)
		p->table_len[i] = i;
	while (p->tables > 1 && (len = cheapest(p, &cost)) != 0) {
		if (p->elements + cost - p->count[len] > limit)
			break;
		for (next = len + 1; !p->count[next];)
			next++;
		p->elements += cost - p->count[len];
		p->count[next] += cost;
		p->count[len] = 0;
		p->tables--;
		for (unsigned i = 0; i <= len; i++)
			if (p->table_len[i] == len)
				p->table_len[i] = next;
	}
	return p->tables > (n_words == 1 ? 1 : BF_SET_TABLES) ? -EOPNOTSUPP : 0;
}

/* Tables that are there whatever is in the set; what is not in them is counted as one. */
static void plan_empty(struct plan *p, unsigned len)
{
	for (unsigned i = 0; i < LENGTHS; i++)
		p->table_len[i] = i;
	p->count[len]++;
	p->tables++;
}

static int make_plan(struct plan *p, const struct bf_set_values *v)
{
	uint64_t most = 2ull * v->n + 64;

	*p = (struct plan){ 0 };
	if (v->single) {
		plan_empty(p, 32 * v->n_words);
		p->count[32 * v->n_words] += p->elements = v->n;
		return 0;
	}
	if (!v->n) { /* what addresses come in, as a rule */
		plan_empty(p, 32 * v->n_words);
		if (v->n_words == 4)
			plan_empty(p, 64);
		return v->n_words == 1 ? -EOPNOTSUPP : 0;
	}
	if (v->open && v->n_words == 1)
		return -EOPNOTSUPP; /* a range may come */
	for (uint32_t i = 0; i < v->n; i++) {
		if (v->r[i].lo == 0 && v->r[i].hi == bf_field_ones(v->field))
			return -EOPNOTSUPP;
		each_prefix(v->r[i].lo, v->r[i].hi, v->n_words, count_prefix, p);
		if (p->elements > most)
			return -EOPNOTSUPP;
	}
	return join_lengths(p, v->n_words);
}

/* Tables. */

struct slots { /* of a table */
	uint32_t *at;
	uint32_t n, words;
	uint64_t seed;
};

static uint64_t first_word(const struct slots *s, uint32_t i)
{
	if (s->words == 1)
		return __atomic_load_n(&s->at[i], __ATOMIC_RELAXED);
	return __atomic_load_n((uint64_t *)(void *)&s->at[(size_t)i * s->words], __ATOMIC_ACQUIRE);
}

static uint64_t second_word(const struct slots *s, uint32_t i)
{
	return s->words == 4 ? __atomic_load_n((uint64_t *)(void *)&s->at[4 * (size_t)i + 2], __ATOMIC_RELAXED) : 0;
}

static void store(const struct slots *s, uint32_t i, struct bf_set_elem e)
{
	if (s->words == 1)
		return __atomic_store_n(&s->at[i], (uint32_t)e.a, __ATOMIC_RELEASE);
	if (s->words == 4)
		__atomic_store_n((uint64_t *)(void *)&s->at[4 * (size_t)i + 2], e.b, __ATOMIC_RELAXED);
	__atomic_store_n((uint64_t *)(void *)&s->at[(size_t)i * s->words], e.a, __ATOMIC_RELEASE);
}

static uint64_t gone_of(const struct slots *s)
{
	return s->words == 1 ? UINT32_MAX : UINT64_MAX;
}

static struct bf_set_elem elem_of(const struct slots *s, bf_u128 v)
{
	return bf_set_mix(v >> 64, (uint64_t)v, s->words, s->seed);
}

/* A value of this seed that could not be told from a slot's state. */
static bool is_odd(const struct slots *s, struct bf_set_elem e)
{
	return e.a == 0 || e.a == gone_of(s);
}

/* Its slot, or -1. */
static int64_t lookup(const struct slots *s, struct bf_set_elem e)
{
	uint32_t home = bf_set_slot(e.a, s->n);

	for (uint32_t i = home; i < home + BF_SET_PROBES && !is_odd(s, e); i++) {
		uint64_t a = first_word(s, i);

		if (a == 0)
			break;
		if (a == e.a && second_word(s, i) == e.b)
			return i;
	}
	return -1;
}

/* While nobody reads. -E2BIG: too crowded; -EAGAIN: not with this seed. */
static int put_new(const struct slots *s, struct bf_set_elem e)
{
	uint32_t i = bf_set_slot(e.a, s->n), far = 0;

	if (is_odd(s, e))
		return -EAGAIN;
	for (; far < BF_SET_PROBES; far++, i++) {
		struct bf_set_elem there = { first_word(s, i), second_word(s, i) };
		uint32_t his = there.a ? i - bf_set_slot(there.a, s->n) : 0;

		if (!there.a) {
			store(s, i, e);
			return 0;
		}
		if (his < far) {
			store(s, i, e);
			e = there;
			far = his;
		}
	}
	return -E2BIG;
}

/* Building. */

struct builder {
	const struct plan *plan;
	unsigned len; /* of the table being filled */
	struct slots s;
};

static int fill(void *arg, struct prefix p)
{
	struct builder *b = arg;
	int err = 0;

	if (b->plan->table_len[p.len] != b->len)
		return 0;
	for (uint64_t i = 0; i < 1ull << (b->len - p.len) && !err; i++)
		err = put_new(&b->s, elem_of(&b->s, p.v | (bf_u128)i << (128 - b->len)));
	return err;
}

static int fill_all(struct builder *b, const struct bf_set_values *v)
{
	int err = 0;

	for (uint32_t i = 0; i < v->n && !err; i++)
		err = each_prefix(v->r[i].lo, v->r[i].hi, v->n_words, fill, b);
	return err;
}

static uint32_t words_of(unsigned len)
{
	return len <= 32 ? 1 : len <= 64 ? 2 : 4;
}

/* The room grows until nobody is too far away. Ten times too much: somebody has chosen the values so that they collide. */
static int make_table(struct builder *b, const struct bf_set_values *v, struct bf_buf *out, struct bf_set_table *t)
{
	uint64_t n = b->plan->count[t->len], spare = v->open ? OPEN_SPARE : 8, slots = n + n * 3 / 4 + spare;
	size_t len = out->len;
	int err = -E2BIG;

	while (err == -E2BIG && slots < 16 * (n + spare)) {
		out->len = len;
		t->place = bf_set_room(out, (slots + BF_SET_PROBES) * t->words, 16);
		if (!t->place)
			return out->err;
		t->slots = slots;
		b->s.at = (uint32_t *)(void *)out->data + t->place;
		b->s.n = slots;
		b->s.words = t->words;
		err = fill_all(b, v);
		slots += slots / 8 + 1;
	}
	return err == -E2BIG ? -EOPNOTSUPP : err;
}

static void set_masks(struct bf_set_table *t, const struct bf_set_values *v)
{
	bf_u128 mask = mask_of(t->len) & v->mask << (128 - 32 * v->n_words);

	for (unsigned i = 0; i < 4; i++)
		t->mask[i] = mask >> (96 - 32 * i);
}

/* The longest tables first: they mostly hold most. */
static int make_tables(const struct plan *p, const struct bf_set_values *v, struct bf_buf *out, uint32_t place, uint64_t seed)
{
	struct builder b = { .plan = p, .s.seed = seed };
	uint32_t k = 0;
	int err = 0;

	for (unsigned len = LENGTHS - 1; len > 0 && !err; len--) {
		struct bf_set_table t = { .words = words_of(len), .len = len };

		if (!p->count[len])
			continue;
		b.len = len;
		set_masks(&t, v);
		err = make_table(&b, v, out, &t);
		if (!err)
			memcpy(out->data + 4 * (size_t)place + k++ * sizeof(t), &t, sizeof(t));
	}
	return err;
}

static int build(const struct bf_set_values *v, struct bf_buf *out, uint32_t head, struct bf_set_stats *stats)
{
	size_t len = out->len;
	struct bf_set_head *h;
	uint64_t seed = 0;
	struct plan plan;
	uint32_t place;
	int err;

	if (v->field->shift && v->n_words == 1)
		return -EOPNOTSUPP;
	err = make_plan(&plan, v);
	if (err)
		return err;
	for (err = -EAGAIN; err == -EAGAIN; ) {
		seed = (seed + 1) * BF_SET_K;
		out->len = len;
		place = bf_set_room(out, (uint64_t)plan.tables * sizeof(struct bf_set_table) / 4, 16);
		err = place ? make_tables(&plan, v, out, place, seed) : out->err;
	}
	if (err) {
		out->len = len;
		return err;
	}
	h = bf_set_head_at(out, head);
	h->seed = seed;
	h->place = place;
	h->n = plan.tables;
	h->mask = (uint32_t)v->mask;
	h->whole = v->open;
	stats->tables = plan.tables;
	stats->elements = plan.elements;
	return 0;
}

/* Readers and writers. */

static bool table_at(const uint32_t *data, uint32_t n_words, const struct bf_set_head *h, uint32_t i,
                     struct bf_set_table *t, struct slots *s)
{
	uint64_t place = h->place + (uint64_t)i * (sizeof(*t) / 4);

	if (place + sizeof(*t) / 4 > n_words)
		return false;
	memcpy(t, data + place, sizeof(*t));
	*s = (struct slots){ (uint32_t *)(uintptr_t)(data + t->place), t->slots, t->words, h->seed };
	return t->place + ((uint64_t)t->slots + BF_SET_PROBES) * t->words <= n_words;
}

static bf_u128 table_mask(const struct bf_set_table *t)
{
	bf_u128 m = 0;

	for (unsigned i = 0; i < 4; i++)
		m = m << 32 | t->mask[i];
	return m;
}

static bool find(const uint32_t *data, uint32_t n_words, const struct bf_set_head *h, const uint32_t *key)
{
	bf_u128 v = 0;

	for (unsigned i = 0; i < 4; i++)
		v = v << 32 | (i < h->n_words ? key[i] : 0);
	for (uint32_t i = 0; i < h->n && i < BF_SET_TABLES; i++) {
		struct bf_set_table t;
		struct slots s;

		if (table_at(data, n_words, h, i, &t, &s) && lookup(&s, elem_of(&s, v & table_mask(&t))) >= 0)
			return true;
	}
	return false;
}

/* A change in the making: what it adds to which tables, or takes out. */
struct edit {
	uint32_t *data;
	uint32_t n_words;
	const struct bf_set_head *h;
	struct prefix p[EDIT_MAX];
	uint32_t n;
};

static int note_prefix(void *arg, struct prefix p)
{
	struct edit *e = arg;

	if (e->n == EDIT_MAX)
		return -ENOSPC;
	e->p[e->n++] = p;
	return 0;
}

/* The table with the least length that is not below len; false: there is none. */
static bool table_for(const struct edit *e, unsigned len, struct bf_set_table *t, struct slots *s)
{
	struct bf_set_table best = { .len = LENGTHS };
	struct slots its = { 0 };

	for (uint32_t i = 0; i < e->h->n; i++)
		if (table_at(e->data, e->n_words, e->h, i, t, s) && t->len >= len && t->len < best.len) {
			best = *t;
			its = *s;
		}
	*t = best;
	*s = its;
	return best.len < LENGTHS;
}

static void forget(const struct slots *s, uint32_t i)
{
	if (s->words == 1)
		__atomic_store_n(&s->at[i], UINT32_MAX, __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint64_t *)(void *)&s->at[(size_t)i * s->words], UINT64_MAX, __ATOMIC_RELEASE);
}

/*
 * Frees a slot near to home: some element moves to the free slot `to`, another one to where that was, until the free one
 * is near enough. They move away from their homes only, and are for a while in both places, so that who is looking for
 * them, going the same way, meets them, if its loads are done in their order. Its place, or -1.
 */
static int64_t make_way(const struct slots *s, uint32_t home, uint32_t to)
{
	while (to - home >= BF_SET_PROBES) {
		uint32_t from = to - BF_SET_PROBES + 1;

		while (from < to && to - bf_set_slot(first_word(s, from), s->n) >= BF_SET_PROBES)
			from++;
		if (from == to || !LOADS_IN_ORDER) {
			forget(s, to); /* a copy, or free */
			return -1;
		}
		store(s, to, (struct bf_set_elem){ first_word(s, from), second_word(s, from) });
		to = from;
	}
	return to;
}

static bool add(const struct slots *s, struct bf_set_elem e)
{
	uint32_t home = bf_set_slot(e.a, s->n), i = home, end = BF_MIN(home + WAY, s->n + BF_SET_PROBES);
	int64_t at;

	if (is_odd(s, e))
		return false;
	while (i < end && first_word(s, i) && first_word(s, i) != gone_of(s))
		i++;
	at = i < end ? make_way(s, home, i) : -1;
	if (at >= 0)
		store(s, at, e);
	return at >= 0;
}

/* Turns the prefixes noted into such as there are tables for. */
static int suit_tables(struct edit *e)
{
	struct bf_set_table t;
	struct slots s;

	for (uint32_t i = 0; i < e->n; i++) {
		struct prefix p = e->p[i];

		if (!table_for(e, p.len, &t, &s) || t.len - p.len > 8)
			return -ENOSPC;
		e->p[i].len = t.len;
		for (uint32_t k = 1; k < 1u << (t.len - p.len); k++)
			if (note_prefix(e, (struct prefix){ p.v | (bf_u128)k << (128 - t.len), t.len }))
				return -ENOSPC;
	}
	return 0;
}

static int insert(struct edit *e)
{
	uint8_t added[EDIT_MAX] = { 0 };
	struct bf_set_table t;
	struct slots s;
	uint32_t i;
	int err = suit_tables(e);

	for (i = 0; i < e->n && !err; i++) {
		table_for(e, e->p[i].len, &t, &s);
		if (lookup(&s, elem_of(&s, e->p[i].v)) < 0) {
			added[i] = add(&s, elem_of(&s, e->p[i].v));
			err = added[i] ? 0 : -ENOSPC;
		}
	}
	while (err && i-- > 0) /* no room for all of it: as before */
		if (added[i] && table_for(e, e->p[i].len, &t, &s))
			forget(&s, lookup(&s, elem_of(&s, e->p[i].v)));
	return err;
}

/* The value of an element, moved to the top of 128 bits: bf_set_mix backwards. */
static bf_u128 value_of(const struct slots *s, uint32_t i)
{
	uint64_t a = first_word(s, i), lo;

	if (s->words == 1)
		return (bf_u128)((uint32_t)a ^ (uint32_t)s->seed) << 96;
	if (s->words == 2)
		return (bf_u128)(a ^ s->seed) << 64;
	lo = second_word(s, i) ^ a * BF_SET_K;
	return (bf_u128)(a ^ lo ^ lo >> 32 ^ s->seed) << 64 | lo * BF_SET_K_INVERSE;
}

/* Forgets all elements that lie in p. */
static void forget_inside(const struct slots *s, unsigned len, struct prefix p)
{
	if (len - p.len <= 8) {
		for (uint32_t k = 0; k < 1u << (len - p.len); k++) {
			int64_t i = lookup(s, elem_of(s, p.v | (bf_u128)k << (128 - len)));

			if (i >= 0)
				forget(s, i);
		}
		return;
	}
	for (uint32_t i = 0; i < s->n + BF_SET_PROBES; i++) {
		uint64_t a = first_word(s, i);

		if (a && a != gone_of(s) && (value_of(s, i) & mask_of(p.len)) == p.v)
			forget(s, i);
	}
}

/* The table that a prefix of that length was put in. */
static unsigned own_len(const struct edit *e, unsigned len)
{
	struct bf_set_table t;
	struct slots s;

	return table_for(e, len, &t, &s) ? t.len : LENGTHS;
}

/* A shorter prefix that holds one of these would have to be taken apart. */
static int take_out(const struct edit *e)
{
	struct bf_set_table t;
	struct slots s;

	for (uint32_t i = 0; i < e->n; i++)
		for (uint32_t k = 0; k < e->h->n; k++)
			if (table_at(e->data, e->n_words, e->h, k, &t, &s) && t.len < e->p[i].len &&
			    lookup(&s, elem_of(&s, e->p[i].v & mask_of(t.len))) >= 0)
				return -ENOSPC;
	for (uint32_t i = 0; i < e->n; i++)
		for (uint32_t k = 0; k < e->h->n; k++)
			if (table_at(e->data, e->n_words, e->h, k, &t, &s) && t.len >= e->p[i].len &&
			    (!e->h->whole || t.len == own_len(e, e->p[i].len)))
				forget_inside(&s, t.len, e->p[i]);
	return 0;
}

static int change(uint32_t *data, uint32_t n_words, struct bf_set_head *h, bf_u128 lo, bf_u128 hi, bool in)
{
	struct edit e = { .data = data, .n_words = n_words, .h = h };

	if (lo == 0 && hi == ~(bf_u128)0 >> (128 - 32 * h->n_words))
		return -ENOSPC;
	if (each_prefix(lo, hi, h->n_words, note_prefix, &e))
		return -ENOSPC;
	return in ? insert(&e) : take_out(&e);
}

const struct bf_set_ops bf_set_hash = { .name = "hash", .build = build, .find = find, .change = change };
