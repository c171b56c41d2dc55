/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * box.h: one rule -> a box and what a box cannot say.
 *
 *   rule     conditions in order  │ barrier │ conditions
 *   box      addresses, ports, META, and tests of one word each
 *   rest     ... those that are none of that, then the barrier and all behind it, in order
 *
 * A *barrier* is a condition that acts when it is reached (bf_cond_acts): an
 * open guard, a match with state, one that may drop. What stands before one may
 * be tested in any order, so all that a box can say of it goes
 * into the box. The rest is tested by cells once the box has been hit.
 *
 * Addresses, ports: lists of prefixes and of intervals, of which one must hold.
 * A box of the classifier has one of each, so the rule is as many boxes as
 * there are combinations (parts); there are at most BF_BOX_PARTS. A longer list
 * puts into the box the least that holds all of it, and is tested behind it.
 */
#ifndef BF_OPT_BOX_H
#define BF_OPT_BOX_H

#include "opt/odd.h"
#include "rt/class.h"

#define BF_BOX_PARTS 16
#define BF_BOX_TESTS 8

struct bf_box_prefix {
	bf_u128 addr;
	uint8_t len;
};

struct bf_box_ports {
	uint16_t lo, hi;
};

struct bf_box {
	enum bf_end end;  /* of what box and rest let through. NEVER: no box is needed */
	uint64_t rest;    /* conditions that remain, as struct bf_view has them */
	bool state;       /* some of them have state of their own */
	uint32_t needs;   /* BF_NEED_* of what the box tests */
	uint8_t n_addr[2], n_port[2]; /* source, destination */
	struct bf_box_prefix addr[2][BF_BOX_PARTS];
	struct bf_box_ports port[2][BF_BOX_PARTS];
	uint32_t meta_mask, meta;
	uint32_t n_tests;
	struct bf_class_test test[BF_BOX_TESTS];
};

/* What rule r is to packets of these sorts (odd.h) and this family. */
void bf_box_make_with(struct bf_box *b, const struct bf_rule *r, uint32_t sorts, uint8_t family, struct bf_view_memo *memo);

static inline void bf_box_make(struct bf_box *b, const struct bf_rule *r, uint32_t sorts, uint8_t family)
{
	bf_box_make_with(b, r, sorts, family, NULL);
}

/* About how many bits of a packet the box decides on: 0 for what lets everything through. */
unsigned bf_box_selects(const struct bf_box *b);

#endif
