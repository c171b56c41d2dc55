/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.c: one walk over the chains that base chains reach, callees before
 * callers, without recursion (a ruleset may nest a thousand chains), then one
 * look at each chain.
 *
 * Hand-made blobs can jump into the middle of a chain, also of the same chain
 * or of a base chain. Chains may then enter one another in a circle although
 * no packet can run in a circle; plans get coarser then (cyclic), and the
 * rules themselves are checked for circles.
 */
#include "gen/plan.h"

#include "match/match.h"
#include "rt/abi.h"
#include "rule/set.h"

enum { NEW, OPEN, DONE };

struct frame { /* where the walk stands in a chain */
	uint32_t chain, rule;
	uint32_t way; /* of the rule, that it takes next */
};

struct walk {
	struct bf_plan *plan;
	struct frame *f; /* from the base chain down to here */
	uint32_t n;
	uint32_t *order; /* finished chains: callees before callers */
	uint32_t n_order;
};

struct bf_plan_chain *bf_plan_chain(const struct bf_plan *p, const struct bf_chain *c)
{
	uint32_t i = bf_idmap_get(&p->ids, (uintptr_t)c);

	return i == BF_IDMAP_NONE ? NULL : &p->chains[i];
}

void bf_plan_free(struct bf_plan *p)
{
	free(p->chains);
	bf_idmap_free(&p->ids);
}

static bool jumps(const struct bf_verdict *v)
{
	return v->kind == BF_VERDICT_JUMP || v->kind == BF_VERDICT_GOTO;
}

uint32_t bf_plan_ways(const struct bf_rule *r)
{
	return r->verdict.kind == BF_VERDICT_MAP ? r->verdict.map->n_verdicts : 1;
}

const struct bf_verdict *bf_plan_way(const struct bf_rule *r, uint32_t i)
{
	return r->verdict.kind == BF_VERDICT_MAP ? &r->verdict.map->verdicts[i] : &r->verdict;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return BF_MIN(a + b, BF_PLAN_HUGE); /* both are at most HUGE */
}

static int add_chains(struct bf_plan *p, const struct bf_table *t)
{
	p->chains = calloc(BF_MAX(t->n_chains, 1u), sizeof(*p->chains));
	if (!p->chains)
		return -ENOMEM;
	p->n_chains = t->n_chains;
	for (uint32_t i = 0; i < t->n_chains; i++) {
		struct bf_chain *c = t->chains[i];

		p->chains[i].chain = c;
		for (int pass = 0; pass < BF_PASSES; pass++)
			p->chains[i].inst[pass] = BF_IDMAP_NONE;
		p->n_user += !c->base;
		p->active |= c->base && (c->n_rules || c->policy != BF_VERDICT_ACCEPT);
		if (bf_idmap_put(&p->ids, (uintptr_t)c, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The kernel switches tracking on when a rule that needs it is added, reachable or not. */
static bool rule_tracks(const struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_conds; i++) {
		const struct bf_cond *c = bf_rule_cond(r, i);

		if ((c->kind == BF_COND_MATCH ? c->match->needs : c->field->needs) & BF_NEED_CT)
			return true;
	}
	return false;
}

static bool table_tracks(const struct bf_table *t)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		for (uint32_t k = 0; k < t->chains[i]->n_rules; k++)
			if (rule_tracks(&t->chains[i]->rules[k]))
				return true;
	return false;
}

static bool asks_for_headers(const struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_sorts_matter(bf_rule_cond(r, i)))
			return true;
	return false;
}

/* What a chain is like, once all that it enters (but in circles) is known. */

struct codes { /* hand-offs on the way so far; on the fullest way that comes back; on the fullest that does not */
	uint32_t here, back, top;
};

static void way_codes(struct codes *n, uint32_t mine, const struct bf_verdict *v, const struct bf_plan_chain *to)
{
	n->top = BF_MAX(n->top, sum(mine, to ? to->codes : 0));
	switch (v->kind) {
	case BF_VERDICT_CONTINUE:
		n->here = BF_MAX(n->here, mine);
		break;
	case BF_VERDICT_RETURN:
		n->back = BF_MAX(n->back, mine);
		break;
	case BF_VERDICT_JUMP:
		n->here = BF_MAX(n->here, sum(mine, to->through));
		break;
	case BF_VERDICT_GOTO:
		n->back = BF_MAX(n->back, sum(mine, to->through));
		break;
	default:
		break;
	}
}

static bool way_returns(const struct bf_verdict *v, const struct bf_plan_chain *to)
{
	return v->kind == BF_VERDICT_RETURN || (v->kind == BF_VERDICT_GOTO && to->returns);
}

static bool rule_is_last(struct bf_plan *p, const struct bf_plan_chain *c, const struct bf_rule *r)
{
	if (c->indexed)
		return false;
	return bf_rule_ends_chain(r) ||
	       (r->n_conds == 0 && r->verdict.kind == BF_VERDICT_JUMP && !bf_plan_chain(p, r->verdict.chain)->returns);
}

/* A rule's ways on: sums of what they are; true: one of them leads back. */
static bool know_ways(struct bf_plan *p, struct bf_plan_chain *c, struct codes *n, const struct bf_rule *r)
{
	uint32_t mine = sum(n->here, r->n_actions);
	bool returns = false;

	c->size = sum(c->size, 2 + 2 * r->n_conds + r->n_actions);
	for (uint32_t i = 0; i < bf_plan_ways(r); i++) {
		const struct bf_verdict *v = bf_plan_way(r, i);
		const struct bf_plan_chain *to = jumps(v) ? bf_plan_chain(p, v->chain) : NULL;

		c->size = sum(c->size, to ? to->size : 0);
		way_codes(n, mine, v, to);
		returns |= way_returns(v, to);
	}
	return returns;
}

static void know_chain(struct bf_plan *p, struct bf_plan_chain *c)
{
	struct codes n = { 0 };
	bool returns = false, open = true;

	c->size = 2; /* its end */
	for (uint32_t i = 0; i < c->chain->n_rules && open; i++) {
		const struct bf_rule *r = &c->chain->rules[i];

		p->logs |= r->n_actions && r->verdict.kind != BF_VERDICT_ACTION;
		p->headers = p->headers || asks_for_headers(r);
		returns |= know_ways(p, c, &n, r);
		open = !rule_is_last(p, c, r);
	}
	c->returns = returns || (open && !c->chain->base && c->chain->policy == BF_VERDICT_RETURN);
	c->through = BF_MAX(n.here, n.back);
	c->codes = BF_MAX(n.top, c->through);
	if (p->cyclic) {
		c->size = c->through = c->codes = BF_PLAN_HUGE;
		c->returns = true;
	}
}

/* Callers before callees. */
static void count_visits(struct bf_plan *p, const uint32_t *order, uint32_t n)
{
	while (n--) {
		struct bf_plan_chain *c = &p->chains[order[n]];

		c->visits = p->cyclic ? BF_PLAN_HUGE : sum(c->visits, c->chain->base);
		for (uint32_t i = 0; i < c->chain->n_rules; i++)
			for (uint32_t k = 0; k < bf_plan_ways(&c->chain->rules[i]); k++) {
				const struct bf_verdict *v = bf_plan_way(&c->chain->rules[i], k);

				if (jumps(v))
					bf_plan_chain(p, v->chain)->visits = sum(bf_plan_chain(p, v->chain)->visits, c->visits);
			}
	}
}

static void open_chain(struct walk *w, struct bf_plan_chain *c)
{
	c->reachable = true;
	c->state = OPEN;
	w->f[w->n++] = (struct frame){ c - w->plan->chains, 0, 0 };
}

static int enter(struct walk *w, const struct bf_verdict *v, struct bf_diag *d)
{
	struct bf_plan_chain *to = bf_plan_chain(w->plan, v->chain);

	if (!to || v->index > to->chain->n_rules)
		return bf_diag_error(d, -EINVAL, "a rule jumps out of its table");
	to->sites++;
	to->indexed |= v->index != 0;
	if (to->state == NEW)
		open_chain(w, to);
	else if (to->state == OPEN)
		w->plan->cyclic = true;
	return 0;
}

/* The next way into another chain; NULL: no more. */
static const struct bf_verdict *next_jump(struct frame *f, const struct bf_chain *c)
{
	for (; f->rule < c->n_rules; f->rule++, f->way = 0)
		while (f->way < bf_plan_ways(&c->rules[f->rule])) {
			const struct bf_verdict *v = bf_plan_way(&c->rules[f->rule], f->way++);

			if (jumps(v))
				return v;
		}
	return NULL;
}

/* One walk below a base chain. */
static int walk_from(struct walk *w, struct bf_plan_chain *root, struct bf_diag *d)
{
	struct bf_plan_chain *chains = w->plan->chains;
	int err = 0;

	if (root->state == NEW)
		open_chain(w, root);
	while (w->n && !err) {
		struct frame *f = &w->f[w->n - 1];
		const struct bf_chain *c = chains[f->chain].chain;

		const struct bf_verdict *v = next_jump(f, c);

		if (v) {
			err = enter(w, v, d);
			continue;
		}
		chains[f->chain].state = DONE;
		w->order[w->n_order++] = f->chain;
		w->n--;
	}
	return err;
}

/* All below the base chains; then what each chain is like. */
static int walk_all(struct bf_plan *p, struct bf_diag *d)
{
	struct walk w = { .plan = p };
	int err = -ENOMEM;

	w.f = calloc(p->n_chains, sizeof(*w.f));
	w.order = calloc(p->n_chains, sizeof(*w.order));
	if (w.f && w.order) {
		err = 0;
		for (uint32_t i = 0; i < p->n_chains && !err; i++)
			if (p->chains[i].chain->base)
				err = walk_from(&w, &p->chains[i], d);
	}
	for (uint32_t i = 0; i < w.n_order && !err; i++)
		know_chain(p, &p->chains[w.order[i]]);
	if (!err)
		count_visits(p, w.order, w.n_order);
	free(w.f);
	free(w.order);
	return err;
}

/* Do the rules themselves run in a circle? Only asked when chains do. A node is a rule or a chain's end. */

struct rules {
	const struct bf_plan *plan;
	uint32_t *first; /* number of each chain's first node */
	struct node {
		uint8_t state;
		uint32_t turn; /* ways on that were tried */
	} *nodes;
	uint32_t n_nodes;
	struct frame *f;
	uint32_t n;
};

static bool number_rules(struct rules *r)
{
	r->first = calloc(r->plan->n_chains, sizeof(*r->first));
	for (uint32_t i = 0; r->first && i < r->plan->n_chains; i++) {
		r->first[i] = r->n_nodes;
		r->n_nodes += r->plan->chains[i].chain->n_rules + 1;
	}
	r->nodes = calloc(r->n_nodes, sizeof(*r->nodes));
	r->f = calloc(r->n_nodes, sizeof(*r->f));
	return r->first && r->nodes && r->f;
}

static struct node *node_of(const struct rules *r, const struct frame *f)
{
	return &r->nodes[r->first[f->chain] + f->rule];
}

/* The next way on from a rule: into the chains it enters, then to the rule behind it. False: none is left. */
static bool next_way(const struct bf_plan *p, const struct frame *at, uint32_t turn, struct frame *to)
{
	const struct bf_chain *c = p->chains[at->chain].chain;
	const struct bf_rule *r;
	uint32_t n;

	if (at->rule == c->n_rules)
		return false;
	r = &c->rules[at->rule];
	n = bf_plan_ways(r);
	*to = (struct frame){ at->chain, at->rule + 1, 0 };
	if (turn < n && jumps(bf_plan_way(r, turn))) {
		const struct bf_verdict *v = bf_plan_way(r, turn);

		*to = (struct frame){ bf_idmap_get(&p->ids, (uintptr_t)v->chain), v->index, 0 };
		return true;
	}
	/* others lead to the next rule, if anywhere: it is DONE when that is asked twice */
	return turn <= n && !bf_rule_ends_chain(r);
}

static void open_rule(struct rules *r, struct frame f)
{
	node_of(r, &f)->state = OPEN;
	r->f[r->n++] = f;
}

static bool circle_below(struct rules *r, struct frame start)
{
	struct frame to;

	open_rule(r, start);
	while (r->n) {
		struct node *node = node_of(r, &r->f[r->n - 1]);

		if (!next_way(r->plan, &r->f[r->n - 1], node->turn++, &to)) {
			node->state = DONE;
			r->n--;
		} else if (node_of(r, &to)->state == OPEN) {
			return true;
		} else if (node_of(r, &to)->state == NEW) {
			open_rule(r, to);
		}
	}
	return false;
}

static int check_circles(const struct bf_plan *p, struct bf_diag *d)
{
	struct rules r = { .plan = p };
	int err = number_rules(&r) ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < p->n_chains && !err; i++) {
		struct frame start = { i, 0, 0 };

		if (p->chains[i].chain->base && node_of(&r, &start)->state == NEW && circle_below(&r, start))
			err = bf_diag_error(d, -ELOOP, "chain %s: its rules run in a circle", p->chains[i].chain->name);
	}
	free(r.first);
	free(r.nodes);
	free(r.f);
	return err;
}

int bf_plan_make(struct bf_plan *p, const struct bf_table *t, struct bf_diag *d)
{
	int err = add_chains(p, t);

	p->conntrack = table_tracks(t);
	if (!err && p->active)
		err = walk_all(p, d);
	if (!err && p->cyclic)
		err = check_circles(p, d);
	for (uint32_t i = 0; i < p->n_chains && !err; i++)
		if (p->chains[i].chain->base)
			p->max_codes = BF_MAX(p->max_codes, sum(p->chains[i].codes, p->logs));
	return err;
}
