/* SPDX-License-Identifier: GPL-2.0-only */
/* patch_link.c: see patch_link.h. */
#include "gen/patch_link.h"

#include "gen/link.h"
#include "gen/patch.h"

enum { SPARE_CELLS = 256, RULES_A_CELL = 64, SPARE_COUNTERS = 64, RULES_A_COUNTER = 64, SPARE_MAX = 1 << 16 };
enum { CODES_KEPT = 64, GATE_GAP = 1024, PARTS = 8, SPARE_PARAMS = 16 << 10 };

static bool knows_trees(const struct bf_uses *u)
{
	return u->structs & 1u << BF_CLASS_FOREST;
}

struct bf_uses bf_link_uses(const struct bf_link *l, uint32_t roots)
{
	struct bf_uses u = { ~0u, ~0u, ~0u, ~0u, 0, ~0u, ~0u, ~0u, ~0u, 1 };

	for (uint32_t i = 0; i < l->head->n_roots; i++) {
		const struct bf_uses *r = &l->roots[i].uses;
		uint32_t least = knows_trees(r) ? 0 : BF_LINK_LEAST; /* what it will have then */

		if (!(roots >> i & 1))
			continue;
		u.needs &= r->needs;
		u.ops &= r->ops;
		u.loaders &= r->loaders;
		u.specials &= r->specials;
		u.structs &= r->structs;
		u.levels = BF_MIN(u.levels, BF_MAX(r->levels, least));
		u.tests = BF_MIN(u.tests, BF_MAX(r->tests, least));
		u.trees = BF_MIN(u.trees, r->trees);
	}
	return u;
}

/* What comes between two runs of an instance is the second one's. */
static uint32_t last_of(const struct bf_lower *l, uint32_t run)
{
	const struct bf_lower_run *r = &l->runs[run];

	return run + 1 < l->n_runs && r[1].inst == r->inst && r[1].from == r->to ? r->to - 1 : r->to;
}

static void put_run(struct bf_lower *l, uint32_t i, struct bf_link_run *out)
{
	const struct bf_lower_run *r = &l->runs[i];
	const struct bf_inst *in = &l->insts[r->inst];

	*out = (struct bf_link_run){
		.chain = in->chain, .pass = in->pass, .from = r->from, .to = r->to, .first = r->from, .last = last_of(l, i),
		.gap = r->gap,
		.head = r->head, .gate = BF_NO_CELL, .miss = bf_lower_try_cell(l, r->miss),
		.ret = in->ret == BF_NO_LABEL ? BF_NO_CELL : bf_lower_try_cell(l, in->ret),
		.roots = in->roots,
	};
}

/* What comes between its piece and a run is the run's. */
static void put_gate(struct bf_lower *l, const struct bf_lower_gate *g, struct bf_link_run *out)
{
	const struct bf_inst *in = &l->insts[g->inst];

	*out = (struct bf_link_run){
		.chain = in->chain, .pass = in->pass, .from = g->from, .to = g->to, .first = g->from + g->behind_run,
		.last = g->last ? g->to : g->to - 1, .gap = GATE_GAP, .gate = g->cell, .start = bf_lower_try_cell(l, g->next),
		.miss = bf_lower_try_cell(l, g->end),
		.ret = in->ret == BF_NO_LABEL ? BF_NO_CELL : bf_lower_try_cell(l, in->ret),
		.roots = in->roots,
	};
}

static void put_chain(const struct bf_plan_chain *c, struct bf_link_chain *out)
{
	out->indexed = c->indexed;
	out->visits = c->visits;
	out->codes = c->codes;
	for (uint32_t i = 0; c->chain->base && i < c->chain->n_rules; i++)
		out->leaves |= bf_rule_leaves_chain(&c->chain->rules[i]);
	while (out->end < c->chain->n_rules && !bf_rule_ends_chain(&c->chain->rules[out->end]))
		out->end++;
}

static void put_entries(struct bf_lower *l, const struct bf_link_head *h, struct bf_link_entry *out)
{
	for (uint32_t i = 0; i < h->n_chains * h->n_passes; i++)
		out[i].cell = BF_NO_CELL;
	for (uint32_t i = 0; i < l->n_insts; i++) {
		const struct bf_inst *in = &l->insts[i];
		struct bf_link_entry *e = &out[in->chain * h->n_passes + bf_link_pass(h, in->pass)];

		e->insts++;
		if (l->plan.chains[in->chain].returns)
			continue;
		e->cell = bf_lower_try_cell(l, in->first);
		e->roots = in->roots;
	}
}

/* Parameters of a piece's matches. */
static void put_params(const struct bf_lower *l, const struct bf_lower_gate *g, struct bf_buf *out)
{
	uint32_t chain = l->insts[g->inst].chain;
	const struct bf_rule *rules = l->plan.chains[chain].chain->rules;

	for (uint32_t i = g->from; i < g->to && g->to - g->from <= BF_SPAN_MAX; i++)
		for (uint16_t k = 0; k < rules[i].n_conds; k++) {
			const struct bf_cond *c = bf_rule_cond(&rules[i], k);
			struct bf_link_param p = { .chain = chain, .rule = i, .cond = k };

			if (c->kind != BF_COND_MATCH)
				continue;
			for (; (p.at = bf_idmap_get(&l->param_ids, (uintptr_t)c + p.nth)) != BF_IDMAP_NONE; p.nth++)
				bf_buf_add(out, &p, sizeof(p));
		}
}

static uint64_t passes_of(const struct bf_lower *l)
{
	uint64_t passes = 0;

	for (uint32_t i = 0; i < l->n_insts; i++)
		passes |= 1ull << l->insts[i].pass;
	return passes;
}

/* Sizes of what stands behind the head. */
static bool sizes_of(const struct bf_link_head *h, size_t size[PARTS], size_t *all)
{
	const size_t parts[PARTS] = {
		h->n_roots * sizeof(struct bf_link_root),
		h->n_runs * sizeof(struct bf_link_run),
		h->n_chains * sizeof(struct bf_link_chain),
		(size_t)h->n_chains * h->n_passes * sizeof(struct bf_link_entry),
		h->n_params * sizeof(struct bf_link_param),
		h->n_known * sizeof(struct bf_known_set),
		h->n_verdicts * sizeof(struct bf_known_verdict),
		h->n_codes * sizeof(struct bf_handoff_spec),
	};

	*all = sizeof(*h);
	for (unsigned i = 0; i < PARTS; i++)
		*all += size[i] = BF_ALIGN(parts[i], 8);
	return h->n_passes == (uint32_t)__builtin_popcountll(h->passes);
}

size_t bf_link_size(const struct bf_link_head *h)
{
	size_t size[PARTS], all;

	sizes_of(h, size, &all);
	return all;
}

static void put_part(char **p, const void *part, size_t len, size_t size)
{
	if (len)
		memcpy(*p, part, len);
	*p += size;
}

/* Sets, and what maps of verdicts lead to. */
static void put_known(const struct bf_lower *l, struct bf_buf *sets, struct bf_buf *verdicts)
{
	bf_lower_tell_opens(l, sets);
	bf_lower_tell_exacts(l, sets);
	bf_lower_tell_lives(l, sets);
	for (uint32_t i = 0; i < l->table->n_sets; i++) {
		const struct bf_set *s = l->table->sets[i];

		for (uint32_t k = 0; s->name && k < s->n_verdicts; k++) {
			const struct bf_verdict *v = &s->verdicts[k];
			const struct bf_plan_chain *to = v->chain ? bf_plan_chain(&l->plan, v->chain) : NULL;
			struct bf_known_verdict x = { .set = s->id, .kind = v->kind, .chain = to ? (uint32_t)(to - l->plan.chains) : 0 };

			bf_buf_add(verdicts, &x, sizeof(x));
		}
	}
}

/*
 * Parameters that changes bring: in halves, as cells are, where programs have the map for its own sake; and a place for
 * those of each rule that may come, that keep a state.
 */
static void spare_params(struct bf_lower *l, struct bf_link_head *h)
{
	h->params_at = BF_ALIGN(l->g->n_params, 16);
	h->params_half = l->g->n_params ? SPARE_PARAMS : 0;
	h->slots_at = h->params_at + 2 * h->params_half;
	l->g->spare_params = h->slots_at - l->g->n_params + BF_LINK_SLOT * BF_MIN(l->g->spare_counters, (uint32_t)BF_LINK_SLOTS);
}

static void put_roots(const struct bf_lower *l, struct bf_link_root *out)
{
	for (uint32_t i = 0; i < l->g->n_roots; i++) {
		const struct bf_graph_root *r = &l->g->roots[i];

		out[i] = (struct bf_link_root){ .chain = (uint32_t)(bf_plan_chain(&l->plan, r->chain) - l->plan.chains),
		                                .family = r->family, .uses = r->uses };
	}
}

void bf_link_put_roots(struct bf_link_head *h, const struct bf_rt_config *configs, const bool *class_first, const struct bf_image *img)
{
	struct bf_link_root *roots = (void *)(h + 1);

	for (uint32_t i = 0; i < h->n_roots; i++) {
		roots[i].config = configs[i];
		roots[i].class_first = class_first[i];
		h->fixed |= configs[i].watched || configs[i].trial;
	}
	h->conntrack = img->conntrack;
	h->stripes = img->stripes;
	h->places = img->n_counters;
	h->n_moved = img->n_moved;
	memcpy(h->moved, img->moved, sizeof(h->moved));
}

void bf_lower_finish_link(struct bf_lower *l)
{
	uint32_t n_rules = l->table->n_counters;
	struct bf_link_head h = {
		.magic = BF_LINK_MAGIC ^ bf_rt_print, .n_runs = l->n_runs + l->n_gates, .n_chains = l->plan.n_chains, .passes = passes_of(l),
		.n_codes = BF_MIN(l->n_handoffs, (uint32_t)CODES_KEPT), .n_roots = l->g->n_roots, .n_rules = n_rules,
		.class_at = l->spare_at, .class_half = l->spare_half, .cells_at = l->n_cells,
		.cells_half = SPARE_CELLS + BF_MIN(n_rules / RULES_A_CELL, (uint32_t)SPARE_MAX),
		.log_room = l->plan.logs && l->n_handoffs ? BF_LINK_LOGS : 0, .hz = l->hz, .headers = l->plan.headers,
		.codes = l->n_codes != 0,
		.fixed = l->n_codes || l->n_lives || l->n_users || l->n_handoffs > CODES_KEPT,
	};
	_cleanup_buf_ struct bf_buf params = { 0 }, known = { 0 }, verdicts = { 0 };
	size_t size[PARTS], all;
	char *p;

	for (uint32_t i = 0; i < l->n_gates; i++)
		put_params(l, &l->gates[i], &params);
	put_known(l, &known, &verdicts);
	h.n_known = (uint32_t)(known.len / sizeof(struct bf_known_set));
	h.n_verdicts = (uint32_t)(verdicts.len / sizeof(struct bf_known_verdict));
	h.n_params = (uint32_t)(params.len / sizeof(struct bf_link_param));
	h.n_passes = (uint32_t)__builtin_popcountll(h.passes);
	l->g->spare_cells = 2 * h.cells_half;
	l->g->spare_counters = SPARE_COUNTERS + BF_MIN(n_rules / RULES_A_COUNTER, (uint32_t)SPARE_MAX);
	spare_params(l, &h);
	h.max_codes = l->plan.max_codes += h.log_room;
	h.n_counters = n_rules + l->g->spare_counters;
	sizes_of(&h, size, &all);
	l->g->link_len = BF_ALIGN(all, 8);
	l->g->link = p = bf_arena_array(l->arena, l->g->link_len, char);
	if (!p || params.err || known.err || verdicts.err)
		return bf_lower_error(l, -ENOMEM);
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	put_roots(l, (struct bf_link_root *)p);
	p += size[0];
	for (uint32_t i = 0; i < l->n_runs; i++)
		put_run(l, i, (struct bf_link_run *)p + i);
	for (uint32_t i = 0; i < l->n_gates; i++)
		put_gate(l, &l->gates[i], (struct bf_link_run *)p + l->n_runs + i);
	p += size[1];
	for (uint32_t i = 0; i < h.n_chains; i++)
		put_chain(&l->plan.chains[i], (struct bf_link_chain *)p + i);
	p += size[2];
	put_entries(l, &h, (struct bf_link_entry *)p);
	p += size[3];
	put_part(&p, params.data, params.len, size[4]);
	put_part(&p, known.data, known.len, size[5]);
	put_part(&p, verdicts.data, verdicts.len, size[6]);
	put_part(&p, l->handoffs.data, h.n_codes * sizeof(struct bf_handoff_spec), size[7]);
}

/* Its parts name each other: nobody follows one that is damaged out of them. */
static bool fits(const struct bf_link *l)
{
	const struct bf_link_head *h = l->head;

	if (h->n_roots > BF_ROOTS_MARKED || h->n_moved > BF_MOVED_COUNTERS)
		return false;
	if (h->class_at + 2ull * h->class_half > INT32_MAX / sizeof(uint32_t)) /* no map has so many */
		return false;
	if (h->passes >> BF_PASSES || h->n_passes != (uint32_t)__builtin_popcountll(h->passes))
		return false;
	for (uint32_t i = 0; i < h->n_runs; i++)
		if (l->runs[i].from > l->runs[i].to || l->runs[i].chain >= h->n_chains || l->runs[i].pass >= BF_PASSES ||
		    !(h->passes >> l->runs[i].pass & 1))
			return false;
	for (uint32_t i = 0; i < h->n_roots; i++)
		if (l->roots[i].chain >= h->n_chains)
			return false;
	for (uint32_t i = 0; i < h->n_codes; i++)
		if (l->codes[i].size > sizeof(l->codes[i].info))
			return false;
	for (uint32_t i = 0; i < h->n_verdicts; i++)
		if (l->verdicts[i].chain >= h->n_chains)
			return false;
	return h->params_at + 2ull * h->params_half <= INT32_MAX;
}

bool bf_gen_is_ours(const void *link, size_t len)
{
	const struct bf_link_head *h = link;

	return len >= sizeof(*h) && h->magic == (BF_LINK_MAGIC ^ bf_rt_print);
}

bool bf_link_open(const void *link, size_t len, struct bf_link *out)
{
	const struct bf_link_head *h = link;
	size_t size[PARTS], all;

	if (!bf_gen_is_ours(link, len) || !sizes_of(h, size, &all) || len != BF_ALIGN(all, 8))
		return false;
	out->head = h;
	out->roots = (const void *)(h + 1);
	out->runs = (const void *)((const char *)out->roots + size[0]);
	out->chains = (const void *)((const char *)out->runs + size[1]);
	out->entries = (const void *)((const char *)out->chains + size[2]);
	out->params = (const void *)((const char *)out->entries + size[3]);
	out->known = (const void *)((const char *)out->params + size[4]);
	out->verdicts = (const void *)((const char *)out->known + size[5]);
	out->codes = (const void *)((const char *)out->verdicts + size[6]);
	return fits(out);
}

/* --------------------------------------------------- programs that learn something */

void bf_gear_add(struct bf_uses *to, const struct bf_uses *more)
{
	to->needs |= more->needs;
	to->ops |= more->ops;
	to->loaders |= more->loaders;
	to->specials |= more->specials;
	to->structs |= more->structs;
}

static void learn(struct bf_link_root *r, const struct bf_uses *more)
{
	bool first = !knows_trees(&r->uses) && knows_trees(more);
	struct bf_rt_config *c = &r->config;
	struct bf_uses *u = &r->uses;

	bf_gear_add(u, more);
	if (first) {
		u->levels = u->tests = BF_LINK_LEAST;
		u->ops |= 1u << BF_CELL_TEST | 1u << BF_CELL_COUNT | 1u << BF_CELL_VERDICT | 1u << BF_CELL_CLASS;
		c->patched = c->one_tree = 1;
		c->no_levels = BF_CLASS_DEPTH - u->levels;
		c->no_tests = BF_SVC_TESTS - u->tests;
	}
	c->needs = u->needs;
	c->ops = u->ops;
	c->loaders = u->loaders;
	c->specials = u->specials;
	c->structs = u->structs;
}

struct bf_link_head *bf_gear_link(const struct bf_link *l, const struct bf_gear *g, struct bf_arena *a)
{
	struct bf_link_head h = *l->head, *out;
	size_t size[PARTS], all;

	h.n_codes = g->n_codes;
	sizes_of(&h, size, &all);
	out = h.n_codes > CODES_KEPT ? NULL : bf_arena_alloc(a, all);
	if (!out)
		return NULL;
	memcpy(out, l->head, all - size[PARTS - 1]); /* codes are the last part */
	if (h.n_codes)
		memcpy((char *)out + all - size[PARTS - 1], g->codes, h.n_codes * sizeof(*g->codes));
	out->n_codes = h.n_codes;
	for (uint32_t i = 0; i < h.n_roots; i++) {
		learn((struct bf_link_root *)(out + 1) + i, &g->roots[i]);
		if (g->logs)
			((struct bf_link_root *)(out + 1))[i].config.drop_code = g->drop_code;
	}
	if (h.n_codes)
		out->max_codes = BF_MAX(h.max_codes, 1u);
	if (g->logs) {
		out->log_room = BF_LINK_LOGS;
		out->max_codes += 1 + BF_LINK_LOGS;
	}
	return out;
}
