/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set_tree.c: any ranges of a 32-bit field as a tree of windows (rt/set.h).
 *
 * The set is the list of its *flips*, the values where it begins or ends.
 * A block with so few flips that they fit into its node is a leaf; others are
 * cut into 2^w smaller blocks, w being so large that one range is left in each
 * on average, smaller where ranges crowd in few places. With a million ranges
 * that is a window of 20 bits and leaves with up to 5 flips of 12 bits: one
 * load from memory for nearly every packet, and 8 to 12 bytes a range.
 *
 * Changing it: the nodes that the range ends in are made anew, what they lead
 * to comes from the spare room, and the last store publishes. What was there
 * before is not used again until the set is built anew.
 */
#include "opt/set_kind.h"

enum { WIDEST = 22, LEAST_BITS = 5, EDIT_FLIPS = 40, OPEN_SPARE = 8192 };

struct tree {
	struct bf_buf *out; /* being built; NULL: it is changed in place, */
	uint32_t *data;     /* here, */
	uint32_t spare, end;
	bool dry;           /* or only looked at, to see how much room it takes */
	int err;
	unsigned depth;
};

struct block { /* 2^r values from lo on, with flips strictly inside; in: lo is in the set */
	uint64_t lo;
	unsigned r;
	bool in;
	const uint32_t *f;
	uint32_t n;
};

static const struct {
	uint8_t bits, n;
} forms[] = {
	[BF_SET_FLIPS12] = { 12, 5 }, [BF_SET_FLIPS15] = { 15, 4 }, [BF_SET_FLIPS20] = { 20, 3 }, [BF_SET_FLIPS30] = { 30, 2 }
};

static uint32_t room(struct tree *t, uint32_t words)
{
	uint32_t align = BF_MIN(words, 16u), place;

	if (t->out) {
		place = bf_set_room(t->out, words, align);
		t->err = place ? t->err : t->out->err;
		return place;
	}
	place = BF_ALIGN(t->spare, align);
	if (place > t->end || t->end - place < words) {
		t->err = -ENOSPC;
		return 0;
	}
	t->spare = place + words;
	return place;
}

static void put(struct tree *t, uint32_t place, uint64_t node)
{
	uint32_t *data = t->out ? (uint32_t *)(void *)t->out->data : t->data;

	if (!t->err && !t->dry)
		__atomic_store_n((uint64_t *)(void *)(data + place), node, __ATOMIC_RELEASE);
}

/* A leaf that says it all, if there is one. */
static bool leaf(const struct block *b, uint64_t *node)
{
	uint64_t form = 0, bits = 0;

	if (b->r <= LEAST_BITS && b->n) {
		for (uint32_t v = 0, k = 0, in = b->in; v < 1u << b->r; v++) {
			if (k < b->n && b->f[k] == b->lo + v) {
				in ^= 1;
				k++;
			}
			bits |= (uint64_t)in << ((b->lo + v) & 31);
		}
		*node = bits | (uint64_t)BF_SET_NODE_BITS << BF_SET_FORM;
		return true;
	}
	while (b->n && form < BF_ARRAY_SIZE(forms) && forms[form].bits < b->r)
		form++;
	if (form == BF_ARRAY_SIZE(forms) || b->n > forms[form].n)
		return false;
	for (uint32_t i = 0; i < b->n; i++)
		bits |= (b->f[i] & ((1ull << forms[form].bits) - 1)) << i * forms[form].bits;
	*node = bits | form << BF_SET_FORM | (b->in ^ (b->n & 1) ? BF_SET_LAST : 0);
	return true;
}

/* As many blocks as ranges, if enough of them will hold something; and such as suit the forms of leaves. */
static unsigned width_of(const struct block *b)
{
	uint32_t apart[33] = { 0 }, blocks = 1; /* apart[k]: neighbours that k top bits of the block do not tell apart, but k + 1 do */
	unsigned least = BF_MIN(b->n < 8 ? 3u : b->n < 512 ? 4u : 8u, b->r - LEAST_BITS), w = least;

	while (w < WIDEST && w < b->r - LEAST_BITS && 2ull << w < b->n)
		w++;
	if (b->r - w == 16 || b->r - w == 17)
		w = b->r - 15;
	if (b->r - w == 13)
		w = b->r - 12;
	for (uint32_t i = 1; i < b->n; i++)
		apart[__builtin_clz(b->f[i] ^ b->f[i - 1]) - (32 - b->r)]++;
	for (unsigned k = 0; k < w; k++)
		blocks += apart[k];
	for (; w > least && blocks < 1u << w >> 3; w--)
		blocks -= apart[w - 1];
	return w;
}

static uint64_t node_of(struct tree *t, const struct block *b, unsigned depth)
{
	struct block child = { .f = b->f, .in = b->in };
	const uint32_t *end = b->f + b->n;
	uint32_t place;
	uint64_t node;
	unsigned w;

	if (leaf(b, &node))
		return node;
	w = width_of(b);
	place = room(t, 2u << w);
	t->depth = BF_MAX(t->depth, depth + 1);
	child.r = b->r - w;
	for (uint32_t i = 0; i < 1u << w && !t->err; i++) {
		child.lo = b->lo + ((uint64_t)i << child.r);
		if (child.f < end && *child.f == child.lo) {
			child.in ^= 1;
			child.f++;
		}
		for (child.n = 0; child.f + child.n < end && child.f[child.n] < child.lo + (1ull << child.r);)
			child.n++;
		put(t, place + 2 * i, node_of(t, &child, depth + 1));
		child.f += child.n;
		child.in ^= child.n & 1;
	}
	return place | (uint64_t)(32 - b->r) << 32 | (uint64_t)(32 - w) << 40 | (uint64_t)BF_SET_INNER << BF_SET_FORM;
}

static uint32_t *flips_of(const struct bf_set_values *v, uint32_t *n)
{
	uint32_t *f = malloc(2 * sizeof(*f) * (size_t)v->n + 1);

	*n = 0;
	for (uint32_t i = 0; f && i < v->n; i++) {
		f[(*n)++] = v->r[i].lo;
		if (v->r[i].hi != UINT32_MAX)
			f[(*n)++] = v->r[i].hi + 1;
	}
	return f;
}

static int build(const struct bf_set_values *v, struct bf_buf *out, uint32_t head, struct bf_set_stats *stats)
{
	_cleanup_free_ uint32_t *f = NULL;
	struct tree t = { .out = out };
	struct block all = { .r = 32 };
	struct bf_set_head *h;
	uint32_t spare, size;
	uint64_t root;

	if (v->n_words > 1 || v->field->shift || v->single)
		return -EOPNOTSUPP;
	f = flips_of(v, &all.n);
	if (!f)
		return -ENOMEM;
	all.in = all.n && f[0] == 0;
	all.f = f + all.in;
	all.n -= all.in;
	root = node_of(&t, &all, 0);
	size = (v->open ? OPEN_SPARE : 1024) + out->len / 4 / 16;
	spare = t.err ? 0 : bf_set_room(out, size, 16);
	if (!spare)
		return t.err ? t.err : out->err;
	h = bf_set_head_at(out, head);
	h->mask = (uint32_t)v->mask;
	h->root = root;
	h->spare = spare;
	h->spare_end = spare + size;
	stats->depth = t.depth;
	return 0;
}

/* Readers. */

static uint64_t node_at(const uint32_t *data, uint64_t place)
{
	return __atomic_load_n((const uint64_t *)(const void *)(data + place), __ATOMIC_ACQUIRE);
}

static bool is_in(uint64_t node, uint32_t v)
{
	unsigned form = node >> BF_SET_FORM;
	bool in = node & BF_SET_LAST;
	uint32_t mask;

	if (form == BF_SET_NODE_BITS)
		return node >> (v & 31) & 1;
	if (form >= BF_ARRAY_SIZE(forms))
		return false;
	mask = (1u << forms[form].bits) - 1;
	for (unsigned i = 0; i < forms[form].n; i++)
		in ^= (node >> i * forms[form].bits & mask) > (v & mask);
	return in;
}

static bool find(const uint32_t *data, uint32_t n_words, const struct bf_set_head *h, const uint32_t *key)
{
	uint64_t node = __atomic_load_n(&h->root, __ATOMIC_ACQUIRE);
	uint32_t v = key[0] & h->mask;

	for (unsigned i = 0; i < BF_SET_DEPTH && node >> BF_SET_FORM == BF_SET_INNER; i++) {
		uint64_t place = (uint32_t)node + 2 * (uint64_t)((v << (node >> 32 & 31)) >> (node >> 40 & 31));

		if (place + 2 > n_words)
			return false;
		node = node_at(data, place);
	}
	return is_in(node, v);
}

/* Writers. */

/* The flips of a leaf for values lo .. lo + 2^r - 1, and whether lo is in the set. */
static struct block unpack(uint64_t node, uint64_t lo, unsigned r, uint32_t *f)
{
	struct block b = { .lo = lo, .r = r, .f = f, .in = is_in(node, lo) };
	unsigned form = node >> BF_SET_FORM;

	if (form == BF_SET_NODE_BITS) {
		for (uint64_t v = lo + 1; v < lo + (1ull << r); v++)
			if (is_in(node, v) != is_in(node, v - 1))
				f[b.n++] = v;
		return b;
	}
	for (unsigned i = 0; i < forms[form].n; i++) {
		uint32_t mask = (1u << forms[form].bits) - 1, flip = node >> i * forms[form].bits & mask;

		if (flip)
			f[b.n++] = (lo & ~(uint64_t)mask) | flip;
	}
	return b;
}

/* The same flips, but that lo .. hi, both inside, are in or out. */
static void edit(struct block *b, uint32_t *f, uint64_t lo, uint64_t hi, bool in)
{
	bool before = b->in, after = b->in;
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		before ^= b->f[i] < lo;
		after ^= b->f[i] <= hi + 1;
	}
	for (uint32_t i = 0; i < b->n && b->f[i] < lo; i++)
		f[n++] = b->f[i];
	if (lo == b->lo)
		b->in = in;
	else if (before != in)
		f[n++] = lo;
	if (hi + 1 < b->lo + (1ull << b->r) && after != in)
		f[n++] = hi + 1;
	for (uint32_t i = 0; i < b->n; i++)
		if (b->f[i] > hi + 1)
			f[n++] = b->f[i];
	b->f = f;
	b->n = n;
}

/* What a node is to be when lo .. hi, as far as they are in its block, come or go. */
static uint64_t changed(struct tree *t, uint64_t node, uint64_t from, unsigned r, uint64_t lo, uint64_t hi, bool in,
                        unsigned depth)
{
	uint64_t to = from + (1ull << r) - 1;
	uint32_t f[EDIT_FLIPS], g[EDIT_FLIPS];
	struct block b;

	lo = BF_MAX(lo, from);
	hi = BF_MIN(hi, to);
	if (lo == from && hi == to)
		return in ? BF_SET_LAST : 0;
	if (node >> BF_SET_FORM == BF_SET_INNER) {
		unsigned rest = r - (32 - (node >> 40 & 31));

		for (uint64_t i = (lo - from) >> rest; i <= (hi - from) >> rest; i++) {
			uint32_t place = (uint32_t)node + 2 * i;
			uint64_t old = node_at(t->data, place);
			uint64_t new = changed(t, old, from + (i << rest), rest, lo, hi, in, depth + 1);

			if (new != old)
				put(t, place, new);
		}
		return node;
	}
	b = unpack(node, from, r, f);
	edit(&b, g, lo, hi, in);
	return node_of(t, &b, depth);
}

static int change(uint32_t *data, uint32_t n_words, struct bf_set_head *h, bf_u128 lo, bf_u128 hi, bool in)
{
	struct tree t = { .data = data, .spare = h->spare, .end = h->spare_end, .dry = true };
	uint64_t root;

	changed(&t, h->root, 0, 32, lo, hi, in, 0);
	if (t.err || t.depth > BF_SET_DEPTH)
		return -ENOSPC;
	t.spare = h->spare;
	t.dry = false;
	root = changed(&t, h->root, 0, 32, lo, hi, in, 0);
	h->spare = t.spare;
	__atomic_store_n(&h->root, root, __ATOMIC_RELEASE);
	return 0;
}

const struct bf_set_ops bf_set_tree = { .name = "tree", .build = build, .find = find, .change = change };
