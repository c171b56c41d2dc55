/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fields.c: "(field & mask) lies in one of these ranges" -> TEST cells.
 *
 * A field lies in one word of the key, or in several, most significant first.
 * Values of one word are compared in place, shifted: masked bits below the
 * field are zero, so order is kept. Values of several words are compared as
 * words are in a dictionary: a range lo..hi shares leading words (equal), then
 * comes the word where lo and hi part: strictly between is a hit, equal to one
 * of the ends leaves the rest to be compared with that end alone.
 *
 * Long lists of ranges are a set (sets.c), or else a binary tree of "less than" tests.
 */
#include "gen/build.h"

enum { MAX_WORDS = 4, LINEAR_RANGES = 3 };

struct place { /* where a field's bits are */
	const struct bf_field *field;
	unsigned n; /* words */
	uint32_t mask[MAX_WORDS];
};

struct words {
	uint32_t w[MAX_WORDS];
};

static uint32_t word_of(const struct place *p, bf_u128 v, unsigned i)
{
	return v >> (32 * (p->n - 1 - i));
}

static struct place place_of(const struct bf_field *f, bf_u128 mask)
{
	struct place p = { .field = f, .n = (f->bits + 31) / 32 };

	mask &= bf_field_ones(f);
	for (unsigned i = 0; i < p.n; i++)
		p.mask[i] = word_of(&p, mask, i) << (p.n == 1 ? f->shift : 0);
	return p;
}

/* False when v is more than the field can hold. */
static bool words_of(const struct place *p, bf_u128 v, struct words *out)
{
	bool fits = v <= bf_field_ones(p->field);

	if (!fits)
		v = bf_field_ones(p->field);
	for (unsigned i = 0; i < p->n; i++)
		out->w[i] = word_of(p, v, i) << (p->n == 1 ? p->field->shift : 0);
	return fits;
}

static void test_word(struct bf_lower *l, const struct place *p, unsigned i, uint32_t lo, uint32_t hi, bf_label hit,
                      bf_label miss)
{
	bf_lower_test(l, p->field->word + i, p->mask[i], lo, hi, hit, miss);
}

/* The value begins with the first n words of v -> hit. Addresses differ at their end, names at their beginning. */
static void test_equal(struct bf_lower *l, const struct place *p, const struct words *v, unsigned n, bf_label hit,
                       bf_label miss)
{
	bool backwards = p->field->type == BF_VT_IPV6;

	for (unsigned k = 0; k < n; k++) {
		unsigned i = backwards ? n - 1 - k : k;
		bf_label next = k + 1 < n ? bf_lower_label(l) : hit;

		test_word(l, p, i, v->w[i], v->w[i], next, miss);
		if (k + 1 < n)
			bf_lower_bind(l, next);
	}
	if (n == 0)
		bf_lower_goto(l, hit);
}

/* Words from i on are at least (less == false: >=) or at most those of v -> hit. */
static void test_bound(struct bf_lower *l, const struct place *p, const struct words *v, unsigned i, bool at_most,
                       bf_label hit, bf_label miss)
{
	for (; i + 1 < p->n; i++) {
		bf_label equal = bf_lower_label(l), next = bf_lower_label(l);
		uint32_t w = v->w[i];

		if (at_most ? w > 0 : w < UINT32_MAX)
			test_word(l, p, i, at_most ? 0 : w + 1, at_most ? w - 1 : UINT32_MAX, hit, equal);
		bf_lower_bind(l, equal);
		test_word(l, p, i, w, w, next, miss);
		bf_lower_bind(l, next);
	}
	test_word(l, p, i, at_most ? 0 : v->w[i], at_most ? v->w[i] : UINT32_MAX, hit, miss);
}

/* Nothing that the words from i on can hold lies below lo / above hi. */
static bool is_least(const struct place *p, const struct words *lo, unsigned i)
{
	for (; i < p->n; i++)
		if (lo->w[i] != 0)
			return false;
	return true;
}

static bool is_most(const struct place *p, const struct words *hi, unsigned i)
{
	for (; i < p->n; i++)
		if (hi->w[i] < p->mask[i])
			return false;
	return true;
}

/* lo and hi part in word k. */
static void test_between(struct bf_lower *l, const struct place *p, const struct words *lo, const struct words *hi,
                         unsigned k, bf_label hit, bf_label miss)
{
	bool least = is_least(p, lo, k + 1), most = is_most(p, hi, k + 1);
	uint32_t first = lo->w[k] + !least, last = hi->w[k] - !most;
	bf_label next = bf_lower_label(l), rest;

	if (first <= last)
		test_word(l, p, k, first, last, hit, next);
	bf_lower_bind(l, next);
	if (!least) {
		next = bf_lower_label(l);
		rest = bf_lower_label(l);
		test_word(l, p, k, lo->w[k], lo->w[k], rest, next);
		bf_lower_bind(l, rest);
		test_bound(l, p, lo, k + 1, false, hit, miss);
		bf_lower_bind(l, next);
	}
	if (!most) {
		rest = bf_lower_label(l);
		test_word(l, p, k, hi->w[k], hi->w[k], rest, miss);
		bf_lower_bind(l, rest);
		test_bound(l, p, hi, k + 1, true, hit, miss);
	} else {
		bf_lower_goto(l, miss);
	}
}

static void test_range(struct bf_lower *l, const struct place *p, const struct bf_range *r, bf_label hit, bf_label miss)
{
	struct words lo, hi;
	unsigned k = 0;

	if (!words_of(p, r->lo, &lo) || r->lo > r->hi)
		return bf_lower_goto(l, miss);
	words_of(p, r->hi, &hi);
	if (p->n == 1)
		return test_word(l, p, 0, lo.w[0], hi.w[0], hit, miss);
	while (k < p->n && lo.w[k] == hi.w[k])
		k++;
	if (k == p->n)
		return test_equal(l, p, &lo, k, hit, miss);
	if (k > 0) {
		bf_label next = bf_lower_label(l);

		test_equal(l, p, &lo, k, next, miss);
		bf_lower_bind(l, next);
	}
	test_between(l, p, &lo, &hi, k, hit, miss);
}

/* The value is below v -> hit. v is above 0. */
static void test_below(struct bf_lower *l, const struct place *p, bf_u128 v, bf_label hit, bf_label miss)
{
	struct words last;

	words_of(p, v - 1, &last);
	test_bound(l, p, &last, 0, true, hit, miss);
}

/* Recursion is as deep as the logarithm of n. */
static void test_ranges(struct bf_lower *l, const struct place *p, const struct bf_range *r, uint32_t n, bf_label hit,
                        bf_label miss)
{
	bf_label left, right;

	if (n > LINEAR_RANGES) {
		left = bf_lower_label(l);
		right = bf_lower_label(l);
		test_below(l, p, r[n / 2].lo, left, right);
		bf_lower_bind(l, left);
		test_ranges(l, p, r, n / 2, hit, miss);
		bf_lower_bind(l, right);
		return test_ranges(l, p, r + n / 2, n - n / 2, hit, miss);
	}
	for (uint32_t i = 0; i < n; i++) {
		bf_label next = i + 1 < n ? bf_lower_label(l) : miss;

		test_range(l, p, &r[i], hit, next);
		if (i + 1 < n)
			bf_lower_bind(l, next);
	}
	if (n == 0)
		bf_lower_goto(l, miss);
}

static bool lies_in(const struct bf_range *r, uint32_t n, bf_u128 v)
{
	for (uint32_t i = 0; i < n; i++)
		if (v >= r[i].lo && v <= r[i].hi)
			return true;
	return false;
}

void bf_lower_fetch(struct bf_lower *l, const struct bf_field *f, bf_label na)
{
	bf_label loaded;

	bf_lower_need(l, f->needs);
	if (f->loader < 0)
		return;
	loaded = bf_lower_label(l);
	bf_lower_load(l, f->loader, f->loader_arg, loaded, na);
	bf_lower_bind(l, loaded);
}

/* A mask of 0 is just that here. */
static void lower_field(struct bf_lower *l, const struct bf_field *f, bf_u128 mask, const struct bf_range *r,
                        uint32_t n, bf_label hit, bf_label miss, bf_label miss_na)
{
	struct place p = place_of(f, mask);

	if (!bf_field_there(f, l->family))
		return bf_lower_goto(l, miss_na);
	if (f->fixed)
		return bf_lower_goto(l, lies_in(r, n, l->family & mask) ? hit : miss);
	bf_lower_fetch(l, f, miss_na);
	if (!bf_lower_set(l, f, mask, r, n, hit, miss))
		test_ranges(l, &p, r, n, hit, miss);
}

void bf_lower_field(struct bf_lower *l, const struct bf_field *f, bf_u128 mask, const struct bf_range *r, uint32_t n,
                    bf_label hit, bf_label miss, bf_label miss_na)
{
	lower_field(l, f, mask ? mask : bf_field_ones(f), r, n, hit, miss, miss_na);
}

static void lower_match(struct bf_lower *l, const struct bf_cond *c, bf_label hit, bf_label miss)
{
	int err = c->match->lower ? c->match->lower(l, c->data, hit, miss) : -EOPNOTSUPP;

	bf_lower_need(l, c->match->needs);
	if (err < 0) {
		if (!l->err)
			bf_diag_error(l->diag, err, "match %s cannot be compiled", c->match->name);
		bf_lower_error(l, err);
	}
}

/* hit: the rule goes on; miss: the next rule. A guard that is true, and what the packet is too short for, drop. */
void bf_lower_cond(struct bf_lower *l, const struct bf_cond *c, bf_label hit, bf_label miss)
{
	bf_label na = c->guard ? hit : miss, tmp;

	l->cond = c;
	l->nth_param = 0;
	if (c->guard) {
		miss = hit;
		hit = l->drop;
	}
	if (c->neg) {
		tmp = hit;
		hit = miss;
		miss = tmp;
	}
	if (c->kind == BF_COND_MATCH)
		lower_match(l, c, hit, miss);
	else
		lower_field(l, c->field, c->mask, c->ranges, c->n_ranges, hit, miss, na);
}
