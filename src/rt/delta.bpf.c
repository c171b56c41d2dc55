/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * delta.bpf.c: runs that changed since they were built (rt/class.h). Only
 * packets that come to one pay for it: two searches instead of one, and calls.
 * Functions that stand apart: loops around loops would cost the verifier dear,
 * and searches a stack that is not there.
 */
#define NO_TESTS 0 /* what comes may ask more than what there is */
#include "rt/classify.h"

static __always_inline __s32 search(struct bf_frame *f, __u32 head, __u32 floor, bool ip6)
{
	const struct bf_class_head *h;

	if (!f || !config.structs)
		return BAD_DATA;
	h = head_at(head);
	if (!h)
		return BAD_DATA;
	BEST(f) = no_order(f);
	search_forest(f, h, head, floor, ip6);
	if (BEST(f) == NO_ORDER)
		return NONE_FOUND;
	return BEST(f) == BAD_ORDER ? BAD_DATA : (__s32)(BEST_RULE(f) & 0x1fffffff);
}

APART int VARIANT(bf_search4_)(struct bf_frame *f, __u32 head, __u32 floor)
{
	return search(f, head, floor, false);
}

APART int VARIANT(bf_search6_)(struct bf_frame *f, __u32 head, __u32 floor)
{
	return search(f, head, floor, true);
}

/* Has the rule gone that is found in a delta? */
static __always_inline bool has_gone(__u32 delta, __u32 rule, bool ip6)
{
	const struct bf_class_head *h = head_at(delta);
	const struct bf_class_svc *s;
	__u32 slot = 0;
	__u64 at = h ? svc_of(h, rule, 0, ip6, &slot) : ~0ull;

	if (!is_there(&at, SVC_WORDS))
		return false;
	s = words_at(at);
	return s->flags & BF_SVC_SKIP;
}

/* A word that a search leaves alone: on the stack there is no room for it. */
#define SAVED(f) (*(volatile __u32 *)&(f)->key[BF_KEY_SCRATCH + 3])
#define SEARCH(head) (ip6 ? VARIANT(bf_search6_)(f, head, floor) : VARIANT(bf_search4_)(f, head, floor))

/*
 * The rule, its order in the key, and *from: which of the two it is in. Of equal orders the delta's wins. Above a rule that
 * has gone the search begins again; nothing is above the last order.
 */
static __always_inline __s32 search_both(struct bf_frame *f, __u32 delta, __u32 head, __u32 floor, bool ip6, __u32 *from)
{
	__s32 rule = BAD_DATA;

	LOOP_BEGIN(MAX_ROUNDS)
		__s32 base;

		*from = delta;
		rule = SEARCH(delta);
		SAVED(f) = BEST(f);
		base = SEARCH(head);
		if (rule == NONE_FOUND || (base != NONE_FOUND && BEST(f) < SAVED(f))) {
			*from = head;
			rule = base;
			break;
		}
		BEST(f) = SAVED(f);
		if (rule < 0 || !has_gone(delta, rule, ip6))
			break;
		rule = NONE_FOUND;
		floor = SAVED(f) + 1;
		if (!floor)
			break;
	LOOP_END
	return rule;
}

static __always_inline int changed(struct bf_frame *f, __u64 at, bool ip6)
{
	const struct bf_class_head *h;
	const struct bf_cell *c;
	__u32 from = 0;
	__s32 rule;

	if (!f || !config.deltas || at >= config.n_cells)
		return NO_CELL;
	opaque(at);
	c = &cells[at];
	h = head_at(c->arg);
	if (!h)
		return NO_CELL;
	rule = search_both(f, h->next[f->version & 1], c->arg, floor_of(f, c), ip6, &from);
	if (rule == NONE_FOUND)
		return c->miss;
	h = head_at(from);
	if (rule < 0 || !h)
		return NO_CELL;
	return take_rule(f, h, rule, ip6);
}

APART int VARIANT(bf_changed4_)(struct bf_frame *f, __u32 at)
{
	return changed(f, at, false);
}

APART int VARIANT(bf_changed6_)(struct bf_frame *f, __u32 at)
{
	return changed(f, at, true);
}
