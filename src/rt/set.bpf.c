/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.bpf.c: SET cells: is the value in the set? (set.h)
 *
 * Nothing that is read from the data is trusted: each place is compared with
 * the size of the map before it is looked at; what is wrong is in no set.
 */
#include "rt/words.h"
#include "rt/set.h"
#include "rt/users.h"

#define in_use_set(kind) (config.structs & BF_SET_STRUCT(kind))

static __always_inline int in_bits(const struct bf_set_head *h, __u32 key)
{
	__u32 i = ((key & h->mask) >> (h->shift & 31)) - h->base;
	const __u32 *w;

	if (i >= h->n)
		return BF_MISS;
	w = words_at((__u64)h->place + i / 32, 1);
	return w ? *w >> i % 32 & 1 : BF_MISS;
}

/* 1 when the flip at that place lies above the value. By arithmetic: the processor could not guess it. */
static __always_inline __u64 above(__u64 v, __u64 node, int at, int bits)
{
	__u64 mask = (1u << bits) - 1, less = (v & mask) - (node >> at & mask);

	opaque(less);
	return less >> 63;
}

static __always_inline int in_leaf(__u64 node, __u64 v)
{
	__u64 last = node >> 60 & 1;

	switch (node >> BF_SET_FORM) {
	case BF_SET_FLIPS12:
		return last ^ above(v, node, 0, 12) ^ above(v, node, 12, 12) ^ above(v, node, 24, 12) ^ above(v, node, 36, 12) ^
		       above(v, node, 48, 12);
	case BF_SET_FLIPS15:
		return last ^ above(v, node, 0, 15) ^ above(v, node, 15, 15) ^ above(v, node, 30, 15) ^ above(v, node, 45, 15);
	case BF_SET_FLIPS20:
		return last ^ above(v, node, 0, 20) ^ above(v, node, 20, 20) ^ above(v, node, 40, 20);
	case BF_SET_FLIPS30:
		return last ^ above(v, node, 0, 30) ^ above(v, node, 30, 30);
	case BF_SET_NODE_BITS:
		return node >> (v & 31) & 1;
	}
	return BF_MISS;
}

static __always_inline int in_tree(const struct bf_set_head *h, __u32 key)
{
	__u32 v = key & h->mask;
	__u64 node = h->root;

	for (int i = 0; i < BF_SET_DEPTH; i++) {
		const __u64 *child;

		if (node >> BF_SET_FORM != BF_SET_INNER)
			break;
		child = words_at((__u32)node + 2 * (__u64)((v << (node >> 32 & 31)) >> (node >> 40 & 31)), 2);
		if (!child)
			return BF_MISS;
		node = *child;
	}
	return in_leaf(node, v);
}

/* BF_SET_PROBES times. */
#define EACH_PROBE(one)                                                                                                \
	one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11) one(12) one(13) one(14) one(15)

static __always_inline bool in_slots1(const struct bf_set_table *t, __u32 a)
{
	const __u32 *s = words_at(t->place + (__u64)bf_set_slot(a, t->slots), BF_SET_PROBES);

#define PROBE(i)          \
	if (s[i] == a)        \
		return true;      \
	if (!s[i])            \
		return false;
	if (!s || a == ~0u)
		return false;
	EACH_PROBE(PROBE)
#undef PROBE
	return false;
}

static __always_inline bool in_slots2(const struct bf_set_table *t, __u64 a)
{
	const __u64 *s = words_at(t->place + 2ull * bf_set_slot(a, t->slots), 2 * BF_SET_PROBES);

#define PROBE(i)          \
	if (s[i] == a)        \
		return true;      \
	if (!s[i])            \
		return false;
	if (!s || a == ~0ull)
		return false;
	EACH_PROBE(PROBE)
#undef PROBE
	return false;
}

static __always_inline bool in_slots4(const struct bf_set_table *t, struct bf_set_elem e)
{
	const __u64 *s = words_at(t->place + 4ull * bf_set_slot(e.a, t->slots), 4 * BF_SET_PROBES);

#define PROBE(i)                                   \
	if (s[2 * (i)] == e.a && s[2 * (i) + 1] == e.b) \
		return true;                               \
	if (!s[2 * (i)])                               \
		return false;
	if (!s || e.a == ~0ull)
		return false;
	EACH_PROBE(PROBE)
#undef PROBE
	return false;
}

/* first: the value's first word; four: that and those behind it, if it has more than one. */
static __always_inline bool in_table(const __u32 *first, const __u32 *four, const struct bf_set_head *h,
                                     const struct bf_set_table *t)
{
	__u64 hi = (__u64)(*first & t->mask[0]) << 32, lo = 0;

	if (t->words == 1)
		return in_slots1(t, bf_set_mix(hi, 0, 1, h->seed).a);
	hi |= four[1] & t->mask[1];
	if (t->words == 2)
		return in_slots2(t, bf_set_mix(hi, 0, 2, h->seed).a);
	lo = (__u64)(four[2] & t->mask[2]) << 32 | (four[3] & t->mask[3]);
	return in_slots4(t, bf_set_mix(hi, lo, 4, h->seed));
}

static __always_inline int in_hash(const __u32 *first, const __u32 *four, const struct bf_set_head *h)
{
	__u64 at = h->place, end = at + (__u64)h->n * (sizeof(struct bf_set_table) / 4);
	int r = BF_MISS;

	LOOP_BEGIN(BF_SET_TABLES)
		const struct bf_set_table *t = words_at(at, sizeof(*t) / 4);

		if (at >= end || !t)
			break;
		at += sizeof(*t) / 4;
		if (in_table(first, four, h, t)) {
			r = BF_HIT;
			break;
		}
	LOOP_END
	return r;
}

/* Numbers of a change: 1, 2 or 4 words as 128 bits. */
static __always_inline __u64 low_of(const __u32 *w, __u32 n_words)
{
	return n_words == 1 ? w[0] : n_words == 2 ? (__u64)w[0] << 32 | w[1] : (__u64)w[2] << 32 | w[3];
}

static __always_inline __u64 high_of(const __u32 *w, __u32 n_words)
{
	return n_words == 4 ? (__u64)w[0] << 32 | w[1] : 0;
}

/* By arithmetic: the verifier would follow every branch of every round. */
static __always_inline __u64 less64(__u64 a, __u64 b)
{
	__u64 r = (~a & b) | ((~a | b) & (a - b));

	opaque(r);
	return r >> 63;
}

static __always_inline __u64 less(__u64 a_high, __u64 a_low, __u64 b_high, __u64 b_low, __u32 words)
{
	__u64 differ = words == 1 ? a_low - b_low : a_high ^ b_high;

	if (words == 2)
		return less64(a_low, b_low);
	if (words == 4)
		differ |= -differ;
	opaque(differ);
	return words == 1 ? differ >> 63 : less64(a_high, b_high) | (less64(a_low, b_low) & ~(differ >> 63));
}

/* The newest change that this packet's version knows of. words: constant. left: how many are left to be looked at, where the
 * verifier does not follow it. */
static __always_inline int newest(const __u32 *version, volatile __u32 *left, const struct bf_set_head *h, __u64 high,
                                  __u64 low, __u32 words)
{
	__u32 r = BF_SET_UNCHANGED, size = BF_SET_CHANGE_WORDS(words);
	__u64 bank = (__u64)h->changes + (__u64)(h->n_changes >> 31) * BF_SET_BANK(words);

	*left = h->n_changes & ~BF_SET_SECOND;
	LOOP_BEGIN(BF_SET_CHANGES)
		const struct bf_set_change *c;
		__u32 n = *left;
		const __u32 *lo, *hi;
		__u64 out;

		if (!n)
			break;
		n--;
		*left = n;
		c = words_at(bank + (__u64)n * size, size);
		if (!c)
			break;
		lo = c->range;
		hi = lo + words;
		out = less(high, low, high_of(lo, words), low_of(lo, words), words) |
		      less(high_of(hi, words), low_of(hi, words), high, low, words) | (*version - c->version) >> 31;
		opaque(out);
		if (!(out & 1)) {
			r = c->in & 1;
			break;
		}
	LOOP_END
	return r;
}

APART int VARIANT(bf_set_new_)(struct bf_frame *f, __u32 word, __u64 head)
{
	const struct bf_set_head *h = words_at(head, sizeof(*h) / 4);
	__u32 behind = word & (BF_KEY_WORDS - 4), *key, *left;

	if (!f || !h || !config.changes)
		return BF_SET_UNCHANGED;
	key = f->key;
	left = &key[BF_KEY_FOUND]; /* of interest to CLASS cells only */
	if (h->n_words == 1)
		return newest(&f->version, left, h, 0, (key[word & (BF_KEY_WORDS - 1)] & h->mask) >> (h->shift & 31), 1);
	if (h->n_words == 2)
		return newest(&f->version, left, h, 0, (__u64)key[behind] << 32 | key[behind + 1], 2);
	return newest(&f->version, left, h, (__u64)key[behind] << 32 | key[behind + 1], (__u64)key[behind + 2] << 32 | key[behind + 3], 4);
}

static __always_inline int in_set(struct bf_frame *f, const struct bf_set_head *h, __u32 word)
{
	if (in_use_set(BF_SET_BITS) && h->kind == BF_SET_BITS)
		return in_bits(h, f->key[word & (BF_KEY_WORDS - 1)]);
	if (in_use_set(BF_SET_TREE) && h->kind == BF_SET_TREE)
		return in_tree(h, f->key[word & (BF_KEY_WORDS - 1)]);
	if (in_use_set(BF_SET_HASH) && h->kind == BF_SET_HASH)
		return in_hash(&f->key[word & (BF_KEY_WORDS - 1)], &f->key[word & (BF_KEY_WORDS - 4)], h); /* more words than one begin so */
	return BF_MISS;
}

APART int VARIANT(bf_set_)(struct bf_frame *f, __u32 word, __u64 head)
{
	const struct bf_set_head *h = words_at(head, sizeof(*h) / 4);

	if (!f || !h)
		return BF_MISS;
	if (config.changes && h->n_changes << 1) { /* but for which bank it is */
		int r = VARIANT(bf_set_new_)(f, word, head);

		if (r != BF_SET_UNCHANGED)
			return r;
	}
	return in_set(f, h, word);
}

/*
 * The same for users' functions (program.bpf.c), whose keys are no fields of the packet: words 0 and 1 of the value in high,
 * 2 and 3 in low.
 */
static __always_inline int users_newest(struct bf_packet *p, const struct bf_set_head *h, __u64 high, __u64 low)
{
	const __u32 *version = &p->reserved[BF_USERS_VERSION];
	__u32 *left = &p->reserved[BF_USERS_LEFT];

	if (h->n_words == 1)
		return newest(version, left, h, 0, ((__u32)(high >> 32) & h->mask) >> (h->shift & 31), 1);
	if (h->n_words == 2)
		return newest(version, left, h, 0, high, 2);
	return newest(version, left, h, high, low, 4);
}

APART int VARIANT(bf_users_new_)(struct bf_packet *p, __u64 head, __u64 high, __u64 low)
{
	const struct bf_set_head *h = words_at(head, sizeof(*h) / 4);

	return p && h && config.changes ? users_newest(p, h, high, low) : BF_SET_UNCHANGED;
}

APART int VARIANT(bf_users_in_)(struct bf_packet *p, __u64 head, __u64 high, __u64 low)
{
	const struct bf_set_head *h = words_at(head, sizeof(*h) / 4);
	__u32 key[4] = { high >> 32, high, low >> 32, low };

	if (!p || !h)
		return BF_MISS;
	if (config.changes && h->n_changes << 1) {
		int r = VARIANT(bf_users_new_)(p, head, high, low);

		if (r != BF_SET_UNCHANGED)
			return r;
	}
	if (in_use_set(BF_SET_BITS) && h->kind == BF_SET_BITS)
		return in_bits(h, key[0]);
	if (in_use_set(BF_SET_TREE) && h->kind == BF_SET_TREE)
		return in_tree(h, key[0]);
	return in_use_set(BF_SET_HASH) && h->kind == BF_SET_HASH ? in_hash(key, key, h) : BF_MISS;
}

/* words: constant, as the function that is made for each set calls it; key: so many. */
int VARIANT(bf_users_set_)(struct bf_packet *p, const __u32 *key, __u64 head, __u32 words)
{
	__u64 high = (__u64)key[0] << 32, low = 0;

	if (words > 1)
		high |= key[1];
	if (words > 2)
		low = (__u64)key[2] << 32 | key[3];
	return VARIANT(bf_users_in_)(p, head, high, low);
}
