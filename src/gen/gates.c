/* SPDX-License-Identifier: GPL-2.0-only */
/* gates.c: where rules may come outside of runs (build.h). */
#include "gen/build.h"
#include "rt/class.h"

/*
 * A gate costs each packet that comes by a test; a chain that has nothing else, the verifier some ms: as much as to compile
 * hundreds of rules. Programs of hooks without a rule know nothing of packets: most rules could not be put in place there.
 */
enum { ALL_CHAINS_MAX = 64, ALL_TIMES = 256 };

/* Chains that have a run, probably; of tables that take long to compile, others that packets do not come by in droves. */
bool bf_lower_wants_gates(const struct bf_lower *l, const struct bf_plan_chain *c)
{
	if (l->plan.cyclic || c->indexed || (c->chain->base && !c->chain->n_rules))
		return false;
	return c->chain->n_rules >= l->class_min ||
	       (l->rules / ALL_TIMES >= l->class_min && (c->chain->base || l->plan.n_chains <= ALL_CHAINS_MAX));
}

void bf_lower_gate(struct bf_lower *l, uint32_t place, bf_label next)
{
	struct bf_uses *u = bf_lower_uses(l);
	uint32_t cell = l->cell_base + l->n_cells;
	struct bf_cell *c;

	if (l->here != BF_NO_LABEL && !l->err) {
		if (bf_grow(&l->gates, l->n_gates, &l->cap_gates, sizeof(*l->gates)) < 0)
			return bf_lower_error(l, -ENOMEM);
		l->gates[l->n_gates++] = (struct bf_lower_gate){ l->inst, place, cell, next };
		c = bf_lower_cell(l, BF_CELL_TEST, next, next);
		c->word = BF_KEY_HALF;
		c->mask = 1;
		u->ops |= 1u << BF_CELL_CLASS | 1u << BF_CELL_COUNT;
		u->structs |= 1u << BF_CLASS_FOREST;
	}
	bf_lower_bind(l, next);
}

void bf_lower_no_gates(struct bf_lower *l)
{
	for (uint32_t i = 0; i < l->n_gates; i++) {
		struct bf_cell *c = &l->cells[l->gates[i].cell];

		c->word = BF_KEY_ZERO;
		c->mask = 0;
	}
}
