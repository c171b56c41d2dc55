/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch_rules.h: what a change in place is made from, and its rules one by one:
 * patch.c decides what is made anew, patch_rules.c makes cells of rules.
 */
#ifndef BF_PATCH_RULES_H
#define BF_PATCH_RULES_H

#include "gen/patch.h"
#include "gen/patch_link.h"

struct bf_patch_slot { /* of the parameters: those of a rule that came */
	uint32_t from, len, at;
	bool once; /* it may have been there before, and then it keeps its state */
};

struct bf_patcher {
	struct bf_lower l;
	struct bf_inst inst;
	struct bf_graph graph;
	const struct bf_changes *in;
	struct bf_link link;
	const struct bf_link_head *h;
	const struct bf_link_run *runs;
	const struct bf_link_chain *chains;
	const struct bf_table *stub, *now;
	const struct bf_changed *changes;
	uint32_t n;
	uint32_t depth; /* of chains put in chains */
	uint32_t roots; /* of the run being looked at */
	struct bf_patch_slot *slots;
	uint32_t n_slots, cap_slots;
	struct bf_gear *gear; /* NULL: programs shall stay as they are */
	unsigned half; /* that is written */
	uint32_t *next; /* of each run: the place of its delta, or 0; of a gate: the cell it leads to */
	bf_label *gates; /* of each gate: a label for that cell, or BF_NO_LABEL */
	struct bf_lower_target *targets;
	uint32_t n_targets, cap_targets;
};

/* Of chain number `chain`, in that pass. */
static inline const struct bf_link_entry *bf_patch_entry(const struct bf_patcher *p, uint32_t chain, unsigned pass)
{
	return &p->link.entries[chain * p->h->n_passes + bf_link_pass(p->h, pass)];
}

struct bf_patch_ways { /* where RETURN, a jump that comes back, and no verdict lead */
	bf_label ret, after, next;
};

/* It jumps to a chain that may come back: whose rules are put there. */
bool bf_patch_comes_back(const struct bf_patcher *p, const struct bf_rule *r);
/* Hand-offs to go on after, of a packet that the rule matches, at most. depth: 0. */
uint64_t bf_patch_codes(const struct bf_patcher *p, const struct bf_rule *r, uint32_t depth);

/* Here: those of the rule's conditions that are left; it counts (found: as the box that was found says); what it does. */
void bf_patch_conds(struct bf_patcher *p, const struct bf_rule *r, uint64_t left, bf_label next);
void bf_patch_body(struct bf_patcher *p, const struct bf_rule *r, const struct bf_patch_ways *w);
/* All of that. */
void bf_patch_rule(struct bf_patcher *p, const struct bf_rule *r, const struct bf_patch_ways *w);

#endif
