/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * odd.h: what is known of a packet before the first rule looks at it.
 *
 * Most guards, and the tests beside them, ask one thing: is the L4 header
 * there? For nearly every packet it is. So packets come in *sorts*, such that
 * each of these tests has one answer for all packets of a sort, and a chain is
 * lowered anew for the few sets of sorts that differ in what its rules are:
 *
 *   ordinary   the header is there: no guard drops, L4 tests are plain tests
 *   late       later fragments: rules that look at L4 never match
 *   broken     IPv6, headers that cannot be followed: rules that name a protocol drop
 *   rest       cut short or overlapping: such rules never match or drop
 *
 * The first cells of a program tell them apart (gen/chains.c). Where one set
 * holds sorts that a test tells apart, the test stays.
 *
 * That is also why odd packets do not cost time linear in the number of rules:
 * a rule's guards have answers once its protocol is known (or, for broken ones,
 * before), and what is left of it there is a box of what stands before its first
 * guard, and a drop; thousands of rules that differ in their ports alone become one.
 */
#ifndef BF_OPT_ODD_H
#define BF_OPT_ODD_H

#include "rule/rule.h"

/* Sorts of packets, as bits. Each packet is of one sort. */
enum bf_sort {
	BF_SORT_TCP = 1 << 0,   /* no later fragment, TCP, at least 20 bytes from the L4 header on */
	BF_SORT_PLAIN = 1 << 1, /* no later fragment, not TCP, at least 8 bytes */
	BF_SORT_LATE = 1 << 2,  /* a fragment at offset 2 or above (units of 8 bytes); IPv6: at 1 or above */
	BF_SORT_FRAG1 = 1 << 3, /* IPv4: a fragment at offset 1 */
	BF_SORT_CUT0 = 1 << 4,  /* no later fragment, 0 to 3 bytes */
	BF_SORT_CUT4 = 1 << 5,  /* 4 to 7 */
	BF_SORT_CUT8 = 1 << 6,  /* 8 to 19, TCP */
	BF_SORT_BROKEN = 1 << 7, /* IPv6: extension headers cannot be followed */
};

#define BF_ODD_TCP_LEAST 20
#define BF_ODD_LEAST 8

/* Sets of them; chains are lowered once for each that is needed. */
enum bf_sorts {
	BF_SORTS_ORDINARY,
	BF_SORTS_LATE,
	BF_SORTS_BROKEN, /* IPv4 has none */
	BF_SORTS_REST,
	BF_SORTS_SETS,
	BF_SORTS_ALL = BF_SORTS_REST, /* where no rule asks such things there is one set */
};

/* The sorts of a set, as bits, none if the family has no such packets; split: whether there are several sets. */
uint32_t bf_sorts(enum bf_sorts set, bool split, uint8_t family);

/* Does the condition ask something that sorts differ in? */
bool bf_sorts_matter(const struct bf_cond *c);

/* Looking at the condition may do something to the packet, or to what is looked at next: a guard, state, a drop. */
bool bf_cond_acts(const struct bf_cond *c);

enum bf_end { /* what happens to a packet for which a rule goes on after all conditions that are left */
	BF_END_NEVER, /* nothing; none of the conditions is left */
	BF_END_MISSES, /* the rule does not match; but some condition that is left acts */
	BF_END_DROPS, /* a guard: it is dropped, not counted */
	BF_END_BODY,  /* the rule matches */
};

/* What is left of a rule for packets of some sorts. */
struct bf_view {
	enum bf_end end;
	uint64_t left; /* bit i: condition i has to be tested; bit 63: all from there on */
};

/* What was found out about conditions that many rules share: they are the same objects. To begin with all 0; may be NULL. */
struct bf_view_memo {
	struct bf_view_known {
		const struct bf_cond *cond;
		uint32_t sorts, left; /* that it was asked for; of which the rule goes on */
		uint8_t family, what;
	} known[64];
};

/* family: of the packets (bf_field_there). */
void bf_view_make_with(struct bf_view *v, const struct bf_rule *r, uint32_t sorts, uint8_t family, struct bf_view_memo *memo);

static inline void bf_view_make(struct bf_view *v, const struct bf_rule *r, uint32_t sorts, uint8_t family)
{
	bf_view_make_with(v, r, sorts, family, NULL);
}

/* Is condition i left? */
static inline bool bf_view_has(uint64_t left, uint32_t i)
{
	return left >> BF_MIN(i, 63u) & 1;
}

#endif
