/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * find.bpf.c: FIND cells: sets and maps whose elements are boxes, searched as
 * runs of rules are (class.h); the slot of a rule is the number of an element.
 */
#include "rt/classify.h"

/* Data of element i to the scratch words. */
static __always_inline int take(struct bf_frame *f, __u32 data, __u32 words, __u32 i)
{
	__u64 at = data + (__u64)i * (words & 7);
	const __u32 *d;

	if (!words)
		return BF_HIT;
	if (!is_there(&at, 4)) /* tables of data end with four words that nobody owns */
		return BF_MISS;
	d = words_at(at);
	set_scratch(f, 0, d[0]);
	if (words > 1)
		set_scratch(f, 1, d[1]);
	if (words > 2) {
		set_scratch(f, 2, d[2]);
		set_scratch(f, 3, d[3]);
	}
	return BF_HIT;
}

static __always_inline int find(struct bf_frame *f, __u32 head, __u32 data, __u32 words, bool ip6)
{
	const struct bf_class_head *h;
	__u32 slot = 0;
	__u64 at;

	if (!f || !(config.structs & ((1u << BF_CLASS_KINDS) - 1)))
		return BF_HOTDROP;
	if (!head)
		return take(f, data, words, 0);
	h = head_at(head);
	if (!h)
		return BF_HOTDROP;
	BEST(f) = no_order(f);
	search_forest(f, h, head, 0, ip6);
	if (BEST(f) == NO_ORDER)
		return BF_MISS;
	at = BEST(f) == BAD_ORDER ? ~0ull : svc_of(h, BEST_RULE(f), BEST(f), ip6, &slot);
	return at == ~0ull ? BF_HOTDROP : take(f, data, words, slot);
}

/* The rule whose condition this is may have been found by such a search itself. */
static __always_inline int find_aside(struct bf_frame *f, __u32 head, __u32 data, __u32 words, bool ip6)
{
	__u32 order, slot;
	int r;

	if (!f)
		return BF_HOTDROP;
	order = f->key[BF_KEY_ORDER];
	slot = f->key[BF_KEY_SLOT];
	r = find(f, head, data, words, ip6);
	f->key[BF_KEY_ORDER] = order;
	f->key[BF_KEY_SLOT] = slot;
	return r;
}

APART int VARIANT(bf_find4_)(struct bf_frame *f, __u32 head, __u32 data, __u32 words)
{
	return find_aside(f, head, data, words, false);
}

APART int VARIANT(bf_find6_)(struct bf_frame *f, __u32 head, __u32 data, __u32 words)
{
	return find_aside(f, head, data, words, true);
}
