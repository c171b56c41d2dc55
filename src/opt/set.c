/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.c: ranges of a field -> the kind of set that suits them. The kinds are
 * asked in the order of what they cost a packet; the first that can is taken.
 *
 *   bits   1 load   a bit for each value: few values are possible, or most of them are in use
 *   hash   1 load   nothing but single values; for 128 bits also prefixes, a load for each length
 *   tree   2 loads  any ranges of up to 32 bits
 */
#include "opt/set_kind.h"

static const struct bf_set_ops *const kinds[BF_SET_KINDS] = {
	[BF_SET_BITS] = &bf_set_bits, [BF_SET_TREE] = &bf_set_tree, [BF_SET_HASH] = &bf_set_hash
};

uint32_t bf_set_room(struct bf_buf *out, uint64_t words, uint32_t align)
{
	uint64_t place = BF_ALIGN(BF_MAX(out->len / 4, 1u), align);

	if (place + words > INT32_MAX / sizeof(uint32_t)) {
		out->err = out->err ? out->err : -E2BIG;
		return 0;
	}
	return bf_buf_reserve(out, (place + words) * 4 - out->len) ? (uint32_t)place : 0;
}

/* Values. */

static bool is_normal(const struct bf_set_spec *s, bf_u128 ones)
{
	for (uint32_t i = 0; i < s->n_ranges; i++)
		if (s->ranges[i].lo > s->ranges[i].hi || s->ranges[i].hi > ones ||
		    (i && s->ranges[i].lo <= s->ranges[i - 1].hi + 1))
			return false;
	return true;
}

/* Single values may touch. */
static bool is_normal_single(const struct bf_set_spec *s, bf_u128 ones)
{
	for (uint32_t i = 0; i < s->n_ranges; i++)
		if (s->ranges[i].lo != s->ranges[i].hi || s->ranges[i].hi > ones || (i && s->ranges[i].lo <= s->ranges[i - 1].lo))
			return false;
	return true;
}

/* Joins what touches, forgets what no value can be. */
static uint32_t normalise(const struct bf_set_spec *s, bf_u128 ones, struct bf_range *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_ranges; i++) {
		struct bf_range r = { s->ranges[i].lo, BF_MIN(s->ranges[i].hi, ones) };

		if (r.lo > r.hi)
			continue;
		if (n && (out[n - 1].hi == ones || r.lo <= out[n - 1].hi + 1))
			out[n - 1].hi = BF_MAX(out[n - 1].hi, r.hi);
		else
			out[n++] = r;
	}
	return n;
}

static int try_kinds(const struct bf_set_values *v, struct bf_buf *out, uint32_t head, struct bf_set_stats *stats)
{
	static const uint8_t order[] = { BF_SET_BITS, BF_SET_HASH, BF_SET_TREE };
	int err = -EOPNOTSUPP;

	for (size_t i = 0; i < BF_ARRAY_SIZE(order) && err == -EOPNOTSUPP; i++) {
		*bf_set_head_at(out, head) = (struct bf_set_head){ .kind = order[i], .n_words = v->n_words };
		stats->kind = kinds[order[i]]->name;
		err = kinds[order[i]]->build(v, out, head, stats);
	}
	return err ? err : out->err;
}

static int make_banks(const struct bf_set_values *v, struct bf_buf *out, uint32_t head)
{
	uint32_t place = bf_set_room(out, 2ul * BF_SET_BANK(v->n_words), 16);

	bf_set_head_at(out, head)->changes = place;
	return out->err;
}

int bf_set_build(const struct bf_set_spec *s, struct bf_buf *out, uint32_t *head, struct bf_set_stats *stats)
{
	_cleanup_free_ struct bf_range *copy = NULL;
	bf_u128 ones = bf_field_ones(s->field);
	struct bf_set_values v = { s->field, (s->field->bits + 31) / 32, s->mask & ones, s->ranges, s->n_ranges, s->open, s->single };
	size_t len = out->len;
	int err;

	*stats = (struct bf_set_stats){ 0 };
	if (s->single && (!s->open || !is_normal_single(s, ones)))
		return -EINVAL;
	if (!s->single && !is_normal(s, ones)) {
		v.r = copy = calloc(s->n_ranges, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		v.n = normalise(s, ones, copy);
	}
	if ((!v.n && !v.open) || v.n_words == 3 || (v.open && v.n_words > 1 && v.mask != ones))
		return -EOPNOTSUPP;
	stats->ranges = v.n;
	*head = bf_set_room(out, sizeof(struct bf_set_head) / 4, 16);
	err = *head ? try_kinds(&v, out, *head, stats) : out->err;
	if (!err && v.open)
		err = make_banks(&v, out, *head);
	if (!err && out->len % 8) { /* whoever comes next may have 64-bit numbers */
		bf_buf_reserve(out, 4);
		err = out->err;
	}
	if (err && out->err != -ENOMEM) { /* as if nothing had been tried */
		out->len = len;
		out->err = 0;
	}
	stats->bytes = out->len - len;
	return err;
}

/* Readers and writers. */

static const struct bf_set_head *head_of(const uint32_t *data, uint32_t n_words, uint32_t head)
{
	const struct bf_set_head *h = (const void *)(data + head);

	return n_words >= sizeof(*h) / 4 && head <= n_words - sizeof(*h) / 4 && h->kind < BF_SET_KINDS ? h : NULL;
}

bool bf_set_find(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key)
{
	const struct bf_set_head *h = head_of(data, n_words, head);

	return h && kinds[h->kind]->find(data, n_words, h, key);
}

static int change(uint32_t *data, uint32_t n_words, uint32_t head, bf_u128 lo, bf_u128 hi, bool in)
{
	const struct bf_set_head *h = head_of(data, n_words, head);
	bf_u128 most = h && h->n_words < 4 ? ((bf_u128)1 << 32 * h->n_words) - 1 : ~(bf_u128)0;

	if (!h || lo > hi || hi > most)
		return -EINVAL;
	return kinds[h->kind]->change(data, n_words, (struct bf_set_head *)(void *)(data + head), lo, hi, in);
}

int bf_set_insert(uint32_t *data, uint32_t n_words, uint32_t head, bf_u128 lo, bf_u128 hi)
{
	return change(data, n_words, head, lo, hi, true);
}

int bf_set_remove(uint32_t *data, uint32_t n_words, uint32_t head, bf_u128 lo, bf_u128 hi)
{
	return change(data, n_words, head, lo, hi, false);
}

/* Changes that are noted. */

static struct bf_set_head *open_head(uint32_t *data, uint32_t n_words, uint32_t head)
{
	const struct bf_set_head *h = head_of(data, n_words, head);

	if (!h || !h->changes || h->n_words - 1 > 3 ||
	    (uint64_t)h->changes + 2 * BF_SET_BANK(h->n_words) > n_words || (h->n_changes & ~BF_SET_SECOND) > BF_SET_CHANGES)
		return NULL;
	return (struct bf_set_head *)(void *)(data + head);
}

/* The i-th of the bank that is in use. */
static struct bf_set_change *change_at(uint32_t *data, const struct bf_set_head *h, uint32_t i)
{
	uint32_t bank = h->n_changes & BF_SET_SECOND ? BF_SET_BANK(h->n_words) : 0;

	return (struct bf_set_change *)(void *)(data + h->changes + bank + i * BF_SET_CHANGE_WORDS(h->n_words));
}

static void set_count(struct bf_set_head *h, uint32_t n)
{
	__atomic_store_n(&h->n_changes, n, __ATOMIC_RELEASE);
}

static bf_u128 number_at(const uint32_t *w, uint32_t n)
{
	bf_u128 v = 0;

	for (uint32_t i = 0; i < n; i++)
		v = v << 32 | w[i];
	return v;
}

static void put_number(uint32_t *w, uint32_t n, bf_u128 v)
{
	for (uint32_t i = 0; i < n; i++)
		w[i] = (uint32_t)(v >> 32 * (n - 1 - i));
}

uint32_t bf_set_noted(const uint32_t *data, uint32_t n_words, uint32_t head)
{
	const struct bf_set_head *h = head_of(data, n_words, head);

	return h ? h->n_changes & ~BF_SET_SECOND : 0;
}

int bf_set_note(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version, bf_u128 lo, bf_u128 hi, bool in)
{
	struct bf_set_head *h = open_head(data, n_words, head);
	uint32_t n = bf_set_noted(data, n_words, head);
	struct bf_set_change *c;

	if (!h)
		return -EINVAL;
	if (n == BF_SET_CHANGES)
		return -ENOSPC;
	c = change_at(data, h, n);
	__atomic_store_n(&c->version, version, __ATOMIC_RELAXED);
	c->in = in;
	put_number(c->range, h->n_words, lo);
	put_number(c->range + h->n_words, h->n_words, hi);
	set_count(h, h->n_changes + 1);
	return 0;
}

void bf_set_unnote(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version)
{
	struct bf_set_head *h = open_head(data, n_words, head);

	while (h && bf_set_noted(data, n_words, head) &&
	       (int32_t)(change_at(data, h, bf_set_noted(data, n_words, head) - 1)->version - version) > 0)
		set_count(h, h->n_changes - 1);
}

int bf_set_fold(uint32_t *data, uint32_t n_words, uint32_t head)
{
	struct bf_set_head *h = open_head(data, n_words, head);
	uint32_t n = bf_set_noted(data, n_words, head);
	int err = h ? 0 : -EINVAL;

	for (uint32_t i = 0; i < n && !err; i++) {
		const struct bf_set_change *c = change_at(data, h, i);

		err = change(data, n_words, head, number_at(c->range, h->n_words), number_at(c->range + h->n_words, h->n_words), c->in);
	}
	if (!err && n)
		set_count(h, (h->n_changes & BF_SET_SECOND) ^ BF_SET_SECOND);
	return err;
}

bool bf_set_find_at(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t version)
{
	struct bf_set_head *h = open_head((uint32_t *)(uintptr_t)data, n_words, head);
	bf_u128 v;

	if (!h)
		return bf_set_find(data, n_words, head, key);
	v = h->n_words == 1 ? (key[0] & h->mask) >> h->shift : number_at(key, h->n_words);
	for (uint32_t i = bf_set_noted(data, n_words, head); i-- > 0;) {
		const struct bf_set_change *c = change_at((uint32_t *)(uintptr_t)data, h, i);

		if ((int32_t)(version - c->version) >= 0 && v >= number_at(c->range, h->n_words) &&
		    v <= number_at(c->range + h->n_words, h->n_words))
			return c->in;
	}
	return bf_set_find(data, n_words, head, key);
}

void bf_set_explain(struct bf_buf *b, const struct bf_set_stats *s)
{
	bf_buf_printf(b, "%u ranges, %s", s->ranges, s->kind);
	if (s->tables)
		bf_buf_printf(b, " of %llu, %u %s", (unsigned long long)s->elements, s->tables,
		              s->tables == 1 ? "length" : "lengths");
	if (s->depth)
		bf_buf_printf(b, ", %u deep", s->depth);
	bf_buf_printf(b, ", %llu bytes, %.1f each", (unsigned long long)s->bytes, (double)s->bytes / BF_MAX(s->ranges, 1u));
}

/* Check. */

struct check {
	const struct bf_set_spec *s;
	const struct bf_buf *data;
	uint32_t head;
	bf_u128 ones;
	struct bf_diag *diag;
};

static bool is_in(const struct bf_set_spec *s, bf_u128 v)
{
	uint32_t lo = 0, hi = s->n_ranges; /* those before lo begin at or below v, those from hi on above */

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->ranges[mid].lo <= v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && v <= s->ranges[lo - 1].hi;
}

static bool check_value(const struct check *c, bf_u128 v)
{
	unsigned n = (c->s->field->bits + 31) / 32;
	uint32_t key[4] = { 0 };

	v &= c->ones;
	for (unsigned i = 0; i < n; i++)
		key[i] = (uint32_t)(v >> 32 * (n - 1 - i)) << (n == 1 ? c->s->field->shift : 0);
	if (bf_set_find((const void *)c->data->data, c->data->len / 4, c->head, key) == is_in(c->s, v & c->s->mask))
		return true;
	bf_diag_error(c->diag, -EBADMSG, "internal error: set of %s is wrong at 0x%llx%016llx", c->s->field->name,
	              (unsigned long long)(v >> 64), (unsigned long long)v);
	return false;
}

int bf_set_check(const struct bf_set_spec *s, const struct bf_buf *data, uint32_t head, uint64_t budget,
                 struct bf_diag *d)
{
	struct check c = { s, data, head, bf_field_ones(s->field), d };
	uint64_t step = budget < 5ull * s->n_ranges ? 5ull * s->n_ranges / BF_MAX(budget, 1u) + 1 : 1, x = 1;

	for (uint64_t i = 0; i < s->n_ranges; i += step) {
		const struct bf_range *r = &s->ranges[i];

		x = (x + r->lo) * BF_SET_K;
		if (!check_value(&c, r->lo - 1) || !check_value(&c, r->lo) || !check_value(&c, r->hi) ||
		    !check_value(&c, r->hi + 1) || !check_value(&c, (bf_u128)x << 64 | x >> 7))
			return -EBADMSG;
	}
	return 0;
}
