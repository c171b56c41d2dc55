/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch_rules.c: rules of a change in place as cells (patch_rules.h). Chains
 * that never come back are entered where their cells are; of those that do,
 * or that no packet got to when the table was compiled, the rules are put here.
 */
#include "gen/patch_rules.h"

enum { DEPTH_MAX = 16 }; /* chains in chains */

static uint32_t chain_number(const struct bf_patcher *p, const struct bf_chain *c)
{
	uint32_t i = 0;

	while (i < p->h->n_chains && p->stub->chains[i] != c)
		i++;
	return i;
}

/* The chain as it is now, complete; NULL: that was not told. */
static const struct bf_chain *chain_now(const struct bf_patcher *p, const struct bf_chain *c)
{
	if (!p->now || chain_number(p, c) == p->h->n_chains)
		return p->now ? c : NULL;
	for (uint32_t i = 0; i < p->now->n_chains; i++)
		if (!strcmp(p->now->chains[i]->name, c->name))
			return p->now->chains[i];
	return NULL;
}

static bool jumps(const struct bf_verdict *v)
{
	return v->kind == BF_VERDICT_JUMP || v->kind == BF_VERDICT_GOTO;
}

/* Verdict n of a map: of one with a name its elements know them by the numbers that they had when the table was compiled. */
static bool map_verdict(const struct bf_patcher *p, const struct bf_set *map, uint32_t n, struct bf_verdict *out)
{
	if (!map->name && n < map->n_verdicts)
		return *out = map->verdicts[n], true;
	for (uint32_t i = 0; map->name && i < p->h->n_verdicts; i++) {
		const struct bf_known_verdict *v = &p->link.verdicts[i];

		if (v->set != map->id || n--)
			continue;
		*out = (struct bf_verdict){ .kind = v->kind };
		if (jumps(out))
			out->chain = p->stub->chains[v->chain];
		return true;
	}
	return false;
}

/* Hand-offs to go on after, on any way into the chain. */
static uint64_t codes_in(const struct bf_patcher *p, const struct bf_chain *c, uint32_t depth)
{
	uint32_t k = chain_number(p, c);
	uint64_t most = k < p->h->n_chains ? p->chains[k].codes : 0, all = 0;
	const struct bf_chain *now = chain_now(p, c);

	for (uint32_t i = 0; now && i < now->n_rules && depth < DEPTH_MAX; i++)
		all += bf_patch_codes(p, &now->rules[i], depth + 1);
	return BF_MAX(most, all);
}

static uint64_t codes_behind(const struct bf_patcher *p, const struct bf_verdict *v, uint32_t depth)
{
	struct bf_verdict way;
	uint64_t most = 0;

	if (v->kind != BF_VERDICT_MAP)
		return jumps(v) ? codes_in(p, v->chain, depth) : 0;
	for (uint32_t i = 0; map_verdict(p, v->map, i, &way); i++)
		most = BF_MAX(most, jumps(&way) ? codes_in(p, way.chain, depth) : 0);
	return most;
}

uint64_t bf_patch_codes(const struct bf_patcher *p, const struct bf_rule *r, uint32_t depth)
{
	return r->n_actions - (r->verdict.kind == BF_VERDICT_ACTION) + codes_behind(p, &r->verdict, depth);
}

/* The first cell of a chain that never comes back, or BF_NO_CELL. */
static uint32_t entry_cell(const struct bf_patcher *p, const struct bf_chain *c)
{
	uint32_t i = chain_number(p, c);

	return i < p->h->n_chains ? bf_patch_entry(p, i, p->l.pass)->cell : BF_NO_CELL;
}

bool bf_patch_comes_back(const struct bf_patcher *p, const struct bf_rule *r)
{
	return r->verdict.kind == BF_VERDICT_MAP ||
	       (r->verdict.kind == BF_VERDICT_JUMP && entry_cell(p, r->verdict.chain) == BF_NO_CELL);
}

/* The chain's rules, here. */
static void put_chain(struct bf_patcher *p, const struct bf_chain *c, bf_label ret)
{
	struct bf_lower *l = &p->l;

	if (!c || c->base || p->depth == DEPTH_MAX)
		return bf_lower_error(l, -EAGAIN);
	p->depth++;
	for (uint32_t i = 0; i < c->n_rules && !l->err; i++) {
		bf_label next = bf_lower_label(l);

		bf_patch_rule(p, &c->rules[i], &(struct bf_patch_ways){ ret, next, next });
		bf_lower_bind(l, next);
	}
	p->depth--;
	if (l->here != BF_NO_LABEL && c->counter != BF_NO_COUNTER)
		bf_lower_count_here(l, c->counter, false);
	bf_lower_goto(l, c->policy == BF_VERDICT_RETURN ? ret : l->drop);
}

/* Do packets get to the chain's cells already that come here? Then their programs have what it needs. */
static bool shares_roots(const struct bf_patcher *p, const struct bf_chain *c)
{
	return !(p->roots & ~bf_patch_entry(p, chain_number(p, c), p->l.pass)->roots);
}

/* Continue in a chain, whose way back is ret. */
static void enter(struct bf_patcher *p, const struct bf_verdict *v, bf_label ret)
{
	uint32_t cell = entry_cell(p, v->chain);

	if (v->index || (cell != BF_NO_CELL && !shares_roots(p, v->chain)))
		return bf_lower_error(&p->l, -EAGAIN);
	if (cell != BF_NO_CELL)
		return bf_lower_goto(&p->l, bf_lower_at(&p->l, cell));
	if (ret == BF_NO_LABEL)
		return bf_lower_error(&p->l, -EAGAIN);
	put_chain(p, chain_now(p, v->chain), ret);
}

static void put_verdict(struct bf_patcher *p, const struct bf_verdict *v, const struct bf_patch_ways *w);

/* A place for each verdict of a map, and a cell that knows them. */
static void put_map(struct bf_patcher *p, const struct bf_set *map, const struct bf_patch_ways *w)
{
	struct bf_lower *l = &p->l;
	struct bf_verdict v;
	uint32_t n = 0;
	bf_label first;

	while (map_verdict(p, map, n, &v))
		n++;
	first = bf_lower_labels(l, n);
	bf_lower_switch(l, first, n);
	for (uint32_t i = 0; i < n && !l->err; i++) {
		l->here = BF_NO_LABEL;
		bf_lower_bind(l, first + i);
		map_verdict(p, map, i, &v);
		put_verdict(p, &v, w);
	}
	l->here = BF_NO_LABEL;
}

static void put_verdict(struct bf_patcher *p, const struct bf_verdict *v, const struct bf_patch_ways *w)
{
	struct bf_lower *l = &p->l;

	switch (v->kind) {
	case BF_VERDICT_CONTINUE:
		return bf_lower_goto(l, w->next);
	case BF_VERDICT_ACTION:
	case BF_VERDICT_ACCEPT:
	case BF_VERDICT_DROP:
		return bf_lower_leave(l, v->kind);
	case BF_VERDICT_RETURN:
		return w->ret == BF_NO_LABEL ? bf_lower_error(l, -EAGAIN) : bf_lower_goto(l, w->ret);
	case BF_VERDICT_JUMP:
		return enter(p, v, w->after);
	case BF_VERDICT_GOTO:
		return enter(p, v, w->ret);
	case BF_VERDICT_MAP:
		return put_map(p, v->map, w);
	}
}

void bf_patch_body(struct bf_patcher *p, const struct bf_rule *r, const struct bf_patch_ways *w)
{
	for (uint32_t i = 0; i < r->n_actions && !p->l.err; i++)
		bf_lower_action(&p->l, &r->actions[i]);
	put_verdict(p, &r->verdict, w);
}

/* Where the parameters of a rule's matches go that came: the same place in each patch; BF_NO_CELL: it has none. */
static uint32_t slot_of(const struct bf_patcher *p, const struct bf_rule *r)
{
	uint32_t n = r->counter - p->h->n_rules;

	return r->counter == BF_NO_COUNTER || r->counter < p->h->n_rules || n >= bf_link_slots(p->h) ? BF_NO_CELL : p->h->slots_at + n * BF_LINK_SLOT;
}

static void end_slot(struct bf_patcher *p, const struct bf_rule *r)
{
	struct bf_lower *l = &p->l;
	struct bf_patch_slot s = { l->slot_from, (uint32_t)l->slots.len - l->slot_from, l->slot_at, r->counter < p->in->fresh };

	if (!s.len || l->err)
		return;
	if (s.at == BF_NO_CELL || s.len > BF_LINK_SLOT_USED)
		return bf_lower_error(l, -EAGAIN);
	if (bf_grow(&p->slots, p->n_slots, &p->cap_slots, sizeof(*p->slots)) < 0)
		return bf_lower_error(l, -ENOMEM);
	p->slots[p->n_slots++] = s;
}

/* Those of the rule's conditions that are left, here. */
void bf_patch_conds(struct bf_patcher *p, const struct bf_rule *r, uint64_t left, bf_label next)
{
	struct bf_lower *l = &p->l;

	l->slot_from = (uint32_t)l->slots.len;
	l->slot_at = slot_of(p, r);
	for (uint32_t k = 0; left && k < r->n_conds && l->here != BF_NO_LABEL && !l->err; k++) {
		bf_label ok;

		if (!bf_view_has(left, k))
			continue;
		ok = bf_lower_label(l);
		bf_lower_cond(l, bf_rule_cond(r, k), ok, next);
		bf_lower_bind(l, ok);
	}
	end_slot(p, r);
}

/* The rule as cells, here. */
void bf_patch_rule(struct bf_patcher *p, const struct bf_rule *r, const struct bf_patch_ways *w)
{
	struct bf_lower *l = &p->l;
	struct bf_view v;

	bf_view_make(&v, r, l->sorts, l->family);
	bf_patch_conds(p, r, v.left, w->next);
	if (l->here == BF_NO_LABEL || l->err)
		return;
	if (v.end != BF_END_BODY)
		return bf_lower_goto(l, v.end == BF_END_DROPS ? l->drop : w->next);
	if (r->counter != BF_NO_COUNTER)
		bf_lower_count_here(l, r->counter, false);
	bf_patch_body(p, r, w);
}
