/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codes.c: which steps behind CODE cells (steps.c) a base chain comes to. Others are
 * no part of its program: a user's function may be good for one kind of hook
 * alone.
 */
#include "gen/code.h"

struct walk {
	const struct bf_graph *g;
	bool *seen;      /* cells */
	uint32_t *todo, n;
};

static void go(struct walk *w, uint32_t cell)
{
	if (cell >= w->g->n_cells || w->seen[cell])
		return;
	w->seen[cell] = true;
	w->todo[w->n++] = cell;
}

static void go_targets(struct walk *w, uint64_t head)
{
	uint32_t lo = 0, hi = w->g->n_runs;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (w->g->runs[mid].head < head)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (uint32_t i = 0; lo < w->g->n_runs && w->g->runs[lo].head == head && i < w->g->runs[lo].n_targets; i++)
		go(w, w->g->runs[lo].targets[i]);
}

static void leave(struct walk *w, const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_VERDICT:
	case BF_CELL_RET:
		return;
	case BF_CELL_SWITCH:
		for (uint32_t i = 0; i < c->lo && c->arg + i < w->g->n_class; i++)
			go(w, w->g->class[c->arg + i]);
		return;
	case BF_CELL_BRANCH:
		for (uint32_t i = 0; i < bf_branch_slots(c); i++)
			go(w, w->g->class[c->arg + 2 * i + 1]);
		return go(w, c->miss);
	case BF_CELL_CLASS:
		go_targets(w, c->arg);
		return go(w, c->miss);
	case BF_CELL_COUNT:
	case BF_CELL_HANDOFF:
	case BF_CELL_PUT:
	case BF_CELL_KEEP:
		return go(w, c->hit);
	}
	go(w, c->hit);
	go(w, c->miss);
}

int bf_codes_reached(const struct bf_graph *g, const struct bf_graph_root *r, bool *used)
{
	_cleanup_free_ bool *seen = calloc(g->n_cells + 1ul, sizeof(*seen));
	_cleanup_free_ uint32_t *todo = calloc(g->n_cells + 1ul, sizeof(*todo));
	struct walk w = { g, seen, todo, 0 };

	if (!seen || !todo)
		return -ENOMEM;
	go(&w, r->start);
	if (r->family == NFPROTO_NETDEV) {
		go(&w, r->start_ip6);
		go(&w, r->start_other);
	}
	while (w.n) {
		const struct bf_cell *c = &g->cells[todo[--w.n]];

		if (c->op == BF_CELL_CODE)
			memset(&used[c->lo], true, c->span + 1ul); /* its run's other steps, and the end, too */
		leave(&w, c);
	}
	return 0;
}
