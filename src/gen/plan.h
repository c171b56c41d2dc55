/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.h: what is known about the chains before any of them is lowered.
 */
#ifndef BF_PLAN_H
#define BF_PLAN_H

#include "base/diag.h"
#include "gen/idmap.h"
#include "gen/lower.h"
#include "opt/odd.h"
#include "rule/rule.h"

/* Chains are lowered once for each kind of hook (lower.h), family and set of sorts of packets: a pass. */
#define BF_PASSES (BF_WHERES * BF_FAMS * BF_SORTS_SETS)
static inline unsigned bf_pass(enum bf_where where, enum bf_fam fam, enum bf_sorts set)
{
	return (where * BF_FAMS + fam) * BF_SORTS_SETS + set;
}
static inline enum bf_where bf_pass_where(unsigned pass)
{
	return pass / (BF_FAMS * BF_SORTS_SETS);
}
static inline enum bf_fam bf_pass_fam(unsigned pass)
{
	return pass / BF_SORTS_SETS % BF_FAMS;
}
static inline enum bf_sorts bf_pass_set(unsigned pass)
{
	return pass % BF_SORTS_SETS;
}
/* NFPROTO_*; 0: neither */
static inline uint8_t bf_pass_family(unsigned pass)
{
	return bf_pass_fam(pass) == BF_FAM_IP ? NFPROTO_IPV4 : bf_pass_fam(pass) == BF_FAM_IP6 ? NFPROTO_IPV6 : 0;
}

/* That of a table whose packets are all of one family, NFPROTO_*. */
static inline enum bf_fam bf_fam_of(uint8_t family)
{
	return family == NFPROTO_IPV4 ? BF_FAM_IP : family == NFPROTO_IPV6 ? BF_FAM_IP6 : BF_FAM_OTHER;
}

struct bf_plan_chain {
	const struct bf_chain *chain;
	uint32_t sites;    /* rules of reachable chains that jump or go here */
	bool reachable;    /* from a base chain */
	bool indexed;      /* entered elsewhere than at its first rule, too */
	bool returns;      /* it may end by going back to who called it */
	uint32_t size;     /* about how many cells, everything below copied in; saturates */
	uint32_t through;  /* at most so many hand-offs on a way through it and back, */
	uint32_t codes;    /* on any way into it, at most; both saturate */
	uint32_t visits;   /* one packet comes at most so many times; saturates */
	uint32_t inst[BF_PASSES]; /* its only instances that are no copies, or BF_IDMAP_NONE */
	uint8_t state;     /* of the walk */
};

struct bf_plan {
	struct bf_plan_chain *chains;
	uint32_t n_chains;
	struct bf_idmap ids; /* chain -> index */
	uint32_t n_user;
	bool active;   /* some base chain has rules or does not accept */
	bool cyclic;   /* chains enter one another in a circle (their rules do not: that is an error) */
	bool logs;     /* a packet may go on after a hand-off */
	bool headers;  /* rules ask whether the packet is a fragment or cut short: sets of sorts (opt/odd.h) are apart */
	bool conntrack;
	uint32_t max_codes; /* hand-offs on any way of a packet, the one that drops included */
};

#define BF_PLAN_HUGE (1u << 30)

int bf_plan_make(struct bf_plan *p, const struct bf_table *t, struct bf_diag *d);
void bf_plan_free(struct bf_plan *p);
struct bf_plan_chain *bf_plan_chain(const struct bf_plan *p, const struct bf_chain *c);

/* The verdicts that a rule can have: one, or those of a map. */
uint32_t bf_plan_ways(const struct bf_rule *r);
const struct bf_verdict *bf_plan_way(const struct bf_rule *r, uint32_t i);

/* The rule's conditions are true for every packet: nothing behind it is reached, if its verdict ends the chain. */
static inline bool bf_rule_ends_chain(const struct bf_rule *r)
{
	return r->n_conds == 0 && r->verdict.kind != BF_VERDICT_CONTINUE && r->verdict.kind != BF_VERDICT_JUMP;
}

/* It may lead back to where its chain was entered; from a base chain: to the policy. */
static inline bool bf_rule_leaves_chain(const struct bf_rule *r)
{
	return r->verdict.kind == BF_VERDICT_RETURN || r->verdict.kind == BF_VERDICT_GOTO || r->verdict.kind == BF_VERDICT_MAP;
}

#endif
