/* SPDX-License-Identifier: GPL-2.0-only */
/* gates.c: where rules may come outside of runs (build.h). */
#include "gen/build.h"
#include "rt/class.h"

/*
 * A gate costs each packet that comes by a test; a chain that has nothing else, the verifier some ms: as much as to compile
 * hundreds of rules. So where a hook has no rule yet, its program goes by and learns of the gate when one comes (patch_link.h).
 */
enum { ALL_CHAINS_MAX = 64, ALL_TIMES = 256 };

/* Chains that have a run, probably; of tables that take long to compile, others that packets do not come by in droves. */
bool bf_lower_wants_gates(const struct bf_lower *l, const struct bf_plan_chain *c)
{
	if (l->plan.cyclic || c->indexed)
		return false;
	return l->gates_all || c->chain->n_rules >= l->class_min ||
	       (l->rules / ALL_TIMES >= l->class_min && (c->chain->base || l->plan.n_chains <= ALL_CHAINS_MAX));
}

bool bf_lower_behind_run(const struct bf_lower *l, uint32_t place)
{
	const struct bf_lower_run *r = l->n_runs ? &l->runs[l->n_runs - 1] : NULL;

	return r && r->inst == l->inst && r->to == place;
}

void bf_lower_gate(struct bf_lower *l, uint32_t place)
{
	bf_label at = bf_lower_inst(l)->first + place, next = bf_lower_label(l);
	struct bf_uses *u = bf_lower_uses(l);
	uint32_t cell = l->cell_base + l->n_cells;
	struct bf_cell *c;

	bf_lower_bind(l, at);
	if (l->here == BF_NO_LABEL || l->err)
		return;
	if (bf_grow(&l->gates, l->n_gates, &l->cap_gates, sizeof(*l->gates)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->gates[l->n_gates++] = (struct bf_lower_gate){ .inst = l->inst, .from = place, .cell = cell, .next = next,
	                                                 .behind_run = bf_lower_behind_run(l, place) };
	c = bf_lower_cell(l, BF_CELL_TEST, next, next);
	c->word = BF_KEY_HALF;
	c->mask = 1;
	if (bf_lower_chain(l)->chain->n_rules) {
		u->ops |= 1u << BF_CELL_CLASS | 1u << BF_CELL_COUNT;
		u->structs |= 1u << BF_CLASS_FOREST;
	}
	l->gate_open = true;
	l->gated = at;
	bf_lower_bind(l, next);
}

/* Other rules may lead to the chain's end than do now. */
void bf_lower_end_gate(struct bf_lower *l, uint32_t place)
{
	const struct bf_inst *in = bf_lower_inst(l);
	struct bf_lower_gate *g = l->n_gates ? &l->gates[l->n_gates - 1] : NULL;

	if (!l->gate_open || l->err)
		return;
	l->gate_open = false;
	g->to = place;
	g->end = in->first + place;
	if (place == bf_lower_chain(l)->chain->n_rules && in->ret != BF_NO_LABEL)
		bf_lower_use(l, g->end);
}

void bf_lower_last_gate(struct bf_lower *l)
{
	const struct bf_inst *in = bf_lower_inst(l);
	uint32_t n = bf_lower_chain(l)->chain->n_rules, before = l->n_gates;

	if (bf_lower_behind_run(l, n)) /* what comes there is the run's */
		return bf_lower_bind(l, in->first + n);
	bf_lower_gate(l, n);
	l->gate_open = false;
	for (struct bf_lower_gate *g = &l->gates[before]; g < &l->gates[l->n_gates]; g++) {
		g->to = n;
		g->end = in->last;
		g->last = true;
	}
}

void bf_lower_bind_rule(struct bf_lower *l, uint32_t place)
{
	bf_label at = bf_lower_inst(l)->first + place;

	if (at != l->gated)
		bf_lower_bind(l, at);
}

void bf_lower_no_gates(struct bf_lower *l)
{
	for (uint32_t i = 0; i < l->n_gates; i++) {
		struct bf_cell *c = &l->cells[l->gates[i].cell];

		c->word = BF_KEY_ZERO;
		c->mask = 0;
	}
}
