/* SPDX-License-Identifier: GPL-2.0-only */
/* patch_link.c: see patch_link.h. */
#include "gen/patch_link.h"

#include "gen/link.h"
#include "gen/patch.h"

enum { SPARE_CELLS = 256, RULES_A_CELL = 64, SPARE_COUNTERS = 64, RULES_A_COUNTER = 64, SPARE_MAX = 1 << 16 };
enum { CODES_KEPT = 64, LOG_ROOM = 8, GATE_GAP = 1024, PARTS = 7, SPARE_PARAMS = 16 << 10 };

/* What all roots that reach an instance can do. */
static struct bf_uses common_uses(const struct bf_lower *l, const struct bf_inst *in)
{
	struct bf_uses u = { ~0u, ~0u, ~0u, ~0u, 0, ~0u, ~0u, ~0u, ~0u, 1 };

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
		u.tests = BF_MIN(u.tests, r->tests);
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
		.roots = in->roots, .uses = common_uses(l, in),
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
		.roots = in->roots, .uses = common_uses(l, in),
	};
}

static void put_chain(const struct bf_plan_chain *c, struct bf_link_chain *out)
{
	out->indexed = c->indexed;
	out->visits = c->visits;
	out->codes = c->codes;
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
	size[0] = h->n_runs * sizeof(struct bf_link_run);
	size[1] = h->n_chains * sizeof(struct bf_link_chain);
	size[2] = (size_t)h->n_chains * h->n_passes * sizeof(struct bf_link_entry);
	size[3] = h->n_params * sizeof(struct bf_link_param);
	size[4] = BF_ALIGN(h->n_codes * sizeof(struct bf_handoff_spec), 8);
	size[5] = h->n_known * sizeof(struct bf_known_set);
	size[6] = h->n_verdicts * sizeof(struct bf_known_verdict);
	*all = sizeof(*h);
	for (unsigned i = 0; i < PARTS; i++)
		*all += size[i];
	return h->n_passes == (uint32_t)__builtin_popcountll(h->passes);
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

/* Where there are parameters, programs have the map: a change brings its own, in halves as cells. */
static void spare_params(struct bf_lower *l, struct bf_link_head *h)
{
	if (!l->g->n_params)
		return;
	h->params_at = BF_ALIGN(l->g->n_params, 16);
	h->params_half = SPARE_PARAMS;
	l->g->spare_params = h->params_at - l->g->n_params + 2 * SPARE_PARAMS;
}

void bf_lower_finish_link(struct bf_lower *l)
{
	uint32_t n_rules = l->table->n_counters;
	struct bf_link_head h = {
		.magic = BF_LINK_MAGIC ^ bf_rt_print, .n_runs = l->n_runs + l->n_gates, .n_chains = l->plan.n_chains, .passes = passes_of(l),
		.n_codes = BF_MIN(l->n_handoffs, (uint32_t)CODES_KEPT),
		.class_at = l->spare_at, .class_half = l->spare_half, .cells_at = l->n_cells,
		.cells_half = SPARE_CELLS + BF_MIN(n_rules / RULES_A_CELL, (uint32_t)SPARE_MAX),
		.log_room = l->plan.logs && l->n_handoffs ? LOG_ROOM : 0, .hz = l->hz, .headers = l->plan.headers,
		.codes = l->n_codes != 0,
	};
	_cleanup_buf_ struct bf_buf params = { 0 }, known = { 0 }, verdicts = { 0 };
	size_t size[PARTS], all;
	char *p;

	for (uint32_t i = 0; i < l->n_gates; i++)
		put_params(l, &l->gates[i], &params);
	put_known(l, &known, &verdicts);
	spare_params(l, &h);
	h.n_known = (uint32_t)(known.len / sizeof(struct bf_known_set));
	h.n_verdicts = (uint32_t)(verdicts.len / sizeof(struct bf_known_verdict));
	h.n_params = (uint32_t)(params.len / sizeof(struct bf_link_param));
	h.n_passes = (uint32_t)__builtin_popcountll(h.passes);
	l->g->spare_cells = 2 * h.cells_half;
	l->g->spare_counters = SPARE_COUNTERS + BF_MIN(n_rules / RULES_A_COUNTER, (uint32_t)SPARE_MAX);
	l->plan.max_codes += h.log_room;
	h.n_counters = n_rules + l->g->spare_counters;
	sizes_of(&h, size, &all);
	l->g->link_len = BF_ALIGN(all, 8);
	l->g->link = p = bf_arena_array(l->arena, l->g->link_len, char);
	if (!p || params.err || known.err || verdicts.err)
		return bf_lower_error(l, -ENOMEM);
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	for (uint32_t i = 0; i < l->n_runs; i++)
		put_run(l, i, (struct bf_link_run *)p + i);
	for (uint32_t i = 0; i < l->n_gates; i++)
		put_gate(l, &l->gates[i], (struct bf_link_run *)p + l->n_runs + i);
	p += size[0];
	for (uint32_t i = 0; i < h.n_chains; i++)
		put_chain(&l->plan.chains[i], (struct bf_link_chain *)p + i);
	p += size[1];
	put_entries(l, &h, (struct bf_link_entry *)p);
	p += size[2];
	put_part(&p, params.data, params.len, size[3]);
	put_part(&p, l->handoffs.data, h.n_codes * sizeof(struct bf_handoff_spec), size[4]);
	put_part(&p, known.data, known.len, size[5]);
	put_part(&p, verdicts.data, verdicts.len, size[6]);
}

/* Its parts name each other: nobody follows one that is damaged out of them. */
static bool fits(const struct bf_link *l)
{
	const struct bf_link_head *h = l->head;

	if (h->class_at + 2ull * h->class_half > INT32_MAX / sizeof(uint32_t)) /* no map has so many */
		return false;
	if (h->passes >> BF_PASSES || h->n_passes != (uint32_t)__builtin_popcountll(h->passes))
		return false;
	for (uint32_t i = 0; i < h->n_runs; i++)
		if (l->runs[i].from > l->runs[i].to || l->runs[i].chain >= h->n_chains || l->runs[i].pass >= BF_PASSES ||
		    !(h->passes >> l->runs[i].pass & 1))
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
	out->runs = (const void *)(h + 1);
	out->chains = (const void *)((const char *)out->runs + size[0]);
	out->entries = (const void *)((const char *)out->chains + size[1]);
	out->params = (const void *)((const char *)out->entries + size[2]);
	out->codes = (const void *)((const char *)out->params + size[3]);
	out->known = (const void *)((const char *)out->codes + size[4]);
	out->verdicts = (const void *)((const char *)out->known + size[5]);
	return fits(out);
}
