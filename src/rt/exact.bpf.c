/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.bpf.c: LIVE cells that look into maps and concatenations whose elements
 * come and go by commands (exact.h).
 *
 * Nothing that is read from the data is trusted: each place is compared with
 * the size of the map before it is looked at; what is wrong is in no set.
 */
#include "rt/gather.h"
#include "rt/words.h"
#include "rt/exact.h"

struct key {
	__u32 w[BF_LIVE_KEY_LONG];
};

/* Is it in the set for this packet? Mostly both are 0. */
static __always_inline bool is_in(const struct bf_frame *f, const struct bf_exact_entry *e)
{
	__u32 from = e->from, until = e->until;

	if (!(from | until))
		return true;
	if (until && (until >= BF_EXACT_NEVER || (__s32)(f->version - until) >= 0))
		return false;
	return !from || (__s32)(f->version - from) >= 0;
}

/* words: constant. */
static __always_inline int ask_entry(struct bf_frame *f, const struct bf_exact_head *h, __u32 i, const struct key *k, __u32 words)
{
	const struct bf_exact_entry *e = words_at(h->entries + (__u64)(i - 1) * h->size, sizeof(*e) / 4 + words + 4);
	__u32 differ = 0;

	if (!e)
		return BF_MISS;
	for (__u32 w = 0; w < words; w++)
		differ |= e->key[w] ^ k->w[w];
	if (differ || !is_in(f, e))
		return BF_MISS;
	if (h->data)
		for (__u32 w = 0; w < 4; w++)
			set_scratch(f, w, e->key[words + w]);
	return BF_HIT;
}

static __always_inline int search(struct bf_frame *f, const struct bf_exact_head *h, const struct key *k, __u32 words)
{
	__u64 hash = bf_exact_hash(k->w, words, h->seed);
	__u64 at = h->place + 2ull * bf_exact_home(hash, h->slots);
	__u64 end = at + 2 * BF_EXACT_PROBES;
	__u32 tag = hash >> 32;
	int r = BF_MISS;

	LOOP_BEGIN(BF_EXACT_PROBES)
		const __u64 *s = words_at(at, 2);

		if (!s || !*s || at >= end)
			break;
		at += 2;
		if (*s >> 32 == tag && ask_entry(f, h, (__u32)*s, k, words) == BF_HIT) {
			r = BF_HIT;
			break;
		}
	LOOP_END
	return r;
}

static __always_inline void fill(const struct bf_frame *f, const struct bf_rt_live *p, struct key *k, __u32 from, __u32 to)
{
	for (__u32 i = from; i < to; i++)
		k->w[i] = gather(f, &p->word[i]);
}

static __always_inline int look_short(struct bf_frame *f, const struct bf_exact_head *h, const struct bf_rt_live *p)
{
	struct key k;

	if (!(config.structs & BF_EXACT_SHORT))
		return BF_MISS;
	fill(f, p, &k, 0, 2);
	if (p->words > 2)
		fill(f, p, &k, 2, 4);
	else
		k.w[2] = k.w[3] = 0;
	return search(f, h, &k, 4);
}

static __always_inline int look_long(struct bf_frame *f, const struct bf_exact_head *h, const struct bf_rt_live *p)
{
	struct key k;

	if (!(config.structs & BF_EXACT_LONG))
		return BF_MISS;
	fill(f, p, &k, 0, 8);
	if (h->key <= 8)
		return search(f, h, &k, 8);
	fill(f, p, &k, 8, 16);
	return search(f, h, &k, 16);
}

APART int VARIANT(bf_exact_)(struct bf_frame *f, __u32 verb, __u64 off)
{
	const struct bf_exact_head *h;
	const struct bf_rt_live *p;

	if (!f || !(config.structs & (BF_EXACT_SHORT | BF_EXACT_LONG)))
		return BF_MISS;
	p = params_at(off, bf_rt_live);
	h = p ? words_at(p->set, sizeof(*h) / 4) : NULL;
	if (!h)
		return BF_MISS;
	return h->key <= 4 ? look_short(f, h, p) : look_long(f, h, p);
}
