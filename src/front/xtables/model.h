/* SPDX-License-Identifier: GPL-2.0-only */
/* model.h: what the steps from a state to the model share. */
#ifndef BF_XT_MODEL_H
#define BF_XT_MODEL_H

#include "front/xtables/blob.h"

struct bf_xt_region {    /* entries that become one chain (model.c) */
	uint32_t first, end; /* its rules are entries first..end-1 */
	uint32_t head;       /* its ERROR entry, before first, or BF_XT_NONE */
	bool head_rule;      /* something leads to the head: it is rule 0 */
	bool entered;        /* a jump, or the region before, leads into it */
	bool runs_on;        /* into the region behind it */
	enum bf_verdict_kind policy;
	uint32_t counter;
	const char *hook_name; /* of the base chain that leads here */
	struct bf_chain *chain;
};

struct bf_xt_model {
	struct bf_xt_blob b;
	struct bf_ruleset *rs;
	struct bf_arena *scratch;
	struct bf_xt_cache cache;
	int priority;
	uint32_t *region_of; /* by entry */
	struct bf_xt_region *regions;
	uint32_t n_regions;
	struct bf_chain *base[BF_XT_HOOKS];
	uint32_t base_entry[BF_XT_HOOKS];
	uint32_t kept; /* offset: what is in front of it is on the shelf (base/shelf.h), if it can be */
};

/* Regions and chains of m->b in m->rs, without rules. */
int bf_xt_model_chains(struct bf_xt_model *m, struct bf_table **t, struct bf_diag *d);

struct bf_xt_source {    /* what a rule is made of */
	const uint8_t *e;
	uint32_t place;      /* an entry of m->b, for messages: itself, or where it came */
	uint32_t counter;
	uint32_t to, next;   /* entries of m->b: where a jump leads, BF_XT_NONE: to none; what stands behind the rule */
};
/* Adds a rule to the chain. */
int bf_xt_model_rule(struct bf_xt_model *m, struct bf_chain *chain, const struct bf_xt_source *s, struct bf_diag *d);

/* -EOPNOTSUPP: a packet could jump deeper than the kernel's jump stack holds. */
int bf_xt_check_depth(const struct bf_xt_model *m, struct bf_diag *d);

#endif
