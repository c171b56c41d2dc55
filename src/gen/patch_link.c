/* SPDX-License-Identifier: GPL-2.0-only */
/* patch_link.c: see patch_link.h. */
#include "gen/patch_link.h"

enum { SPARE_CELLS = 256, RULES_A_CELL = 64, SPARE_COUNTERS = 64, RULES_A_COUNTER = 64, SPARE_MAX = 1 << 16 };

/* What all roots that reach an instance can do. */
static struct bf_uses common_uses(const struct bf_lower *l, const struct bf_inst *in)
{
	struct bf_uses u = { ~0u, ~0u, ~0u, ~0u, 0, ~0u, ~0u, 0, ~0u };

	for (uint32_t i = 0; i < l->g->n_roots; i++) {
		const struct bf_uses *r = &l->g->roots[i].uses;

		if (!(in->roots >> i & 1))
			continue;
		u.needs &= r->needs;
		u.ops &= r->ops;
		u.loaders &= r->loaders;
		u.specials &= r->specials;
		u.structs &= r->structs;
		u.levels = BF_MIN(u.levels, r->levels);
		u.trees = BF_MIN(u.trees, r->trees);
	}
	return u;
}

static void put_run(struct bf_lower *l, const struct bf_lower_run *r, struct bf_link_run *out)
{
	const struct bf_inst *in = &l->insts[r->inst];

	*out = (struct bf_link_run){
		.chain = in->chain, .set = in->set, .from = r->from, .to = r->to, .gap = r->gap, .head = r->head,
		.miss = bf_lower_try_cell(l, r->miss),
		.ret = in->ret == BF_NO_LABEL ? BF_NO_CELL : bf_lower_try_cell(l, in->ret),
		.uses = common_uses(l, in),
	};
}

static void put_chain(struct bf_lower *l, const struct bf_plan_chain *c, struct bf_link_chain *out)
{
	out->indexed = c->indexed;
	while (out->end < c->chain->n_rules && !bf_rule_ends_chain(&c->chain->rules[out->end]))
		out->end++;
	for (int set = 0; set < BF_SORTS_SETS; set++) {
		uint32_t inst = c->inst[bf_pass(BF_AT_NETFILTER, bf_fam_of(l->table->family), set)];

		out->entry[set] = c->returns || inst == BF_IDMAP_NONE ? BF_NO_CELL : bf_lower_try_cell(l, l->insts[inst].first);
	}
}

/* Chains that have instances without a run. */
static int mark_bare(const struct bf_lower *l, struct bf_link_chain *chains)
{
	_cleanup_free_ uint8_t *has = calloc(l->n_insts, 1);

	if (!has)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_runs; i++)
		has[l->runs[i].inst] = 1;
	for (uint32_t i = 0; i < l->n_insts; i++)
		if (!has[i])
			chains[l->insts[i].chain].bare[l->insts[i].set] = 1;
	return 0;
}

void bf_lower_finish_link(struct bf_lower *l)
{
	uint32_t n_rules = l->table->n_counters;
	struct bf_link_head h = {
		.magic = BF_LINK_MAGIC, .n_runs = l->n_runs, .n_chains = l->plan.n_chains,
		.class_at = l->spare_at, .class_half = l->spare_half, .cells_at = l->n_cells,
		.cells_half = SPARE_CELLS + BF_MIN(n_rules / RULES_A_CELL, (uint32_t)SPARE_MAX),
		.hz = l->hz, .family = l->table->family, .headers = l->plan.headers, .conntrack = l->g->conntrack,
	};
	size_t runs = h.n_runs * sizeof(struct bf_link_run), chains = h.n_chains * sizeof(struct bf_link_chain);
	char *p = bf_arena_array(l->arena, BF_ALIGN(sizeof(h) + runs + chains, 8), char);

	if (!p)
		return bf_lower_error(l, -ENOMEM);
	l->g->spare_cells = 2 * h.cells_half;
	l->g->spare_counters = SPARE_COUNTERS + BF_MIN(n_rules / RULES_A_COUNTER, (uint32_t)SPARE_MAX);
	h.n_counters = n_rules + l->g->spare_counters;
	memcpy(p, &h, sizeof(h));
	for (uint32_t i = 0; i < l->n_runs; i++)
		put_run(l, &l->runs[i], (struct bf_link_run *)(p + sizeof(h)) + i);
	for (uint32_t i = 0; i < l->plan.n_chains; i++)
		put_chain(l, &l->plan.chains[i], (struct bf_link_chain *)(p + sizeof(h) + runs) + i);
	if (mark_bare(l, (struct bf_link_chain *)(p + sizeof(h) + runs)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->g->link = p;
	l->g->link_len = BF_ALIGN(sizeof(h) + runs + chains, 8);
}

const struct bf_link_head *bf_link_open(const void *link, size_t len, const struct bf_link_run **runs,
                                        const struct bf_link_chain **chains)
{
	const struct bf_link_head *h = link;
	size_t size;

	if (len < sizeof(*h) || h->magic != BF_LINK_MAGIC)
		return NULL;
	size = sizeof(*h) + h->n_runs * sizeof(**runs) + h->n_chains * sizeof(**chains);
	if (len != BF_ALIGN(size, 8))
		return NULL;
	*runs = (const void *)(h + 1);
	*chains = (const void *)(*runs + h->n_runs);
	return h;
}
