/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.c: a match that only the kernel can answer (addrtype) is asked before
 * the program runs, for each packet, and costs more than the program. Most
 * rulesets accept established connections long before they look at such a
 * match. So for each connection state the ways through the graph are followed,
 * tests of the state decided, all other tests taken both ways: if no way meets
 * a test of an answer, packets in that state need not be asked about.
 *
 * Functions are what CALL leads to. Whether one can come back is found out
 * once for each state; a circle (hand-made blobs) is taken to come back.
 */
#include "gen/gate.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#define BUDGET 20000000u /* cells looked at, all in all */
#define DEPTH_MAX 2048   /* nested calls */

enum answer { UNKNOWN, OPEN, RETURNS, ENDS };

struct gate {
	const struct bf_graph *g;
	const struct bf_cell *cells;
	uint32_t n;
	uint32_t state;     /* word CTSTATE of the packets followed, as far as it is known */
	uint8_t *functions; /* by first cell: enum answer */
	uint32_t *seen;     /* by cell, then by run: the function that saw it last + 1 */
	uint32_t *todo;     /* a stack of cells */
	uint32_t n_todo, cap_todo;
	uint32_t budget, depth;
	bool asked; /* some way meets a test of an answer */
	bool failed;
};

enum { /* rt/abi.h */
	   INVALID = XT_CONNTRACK_STATE_INVALID,
	   ESTABLISHED = 2,
	   RELATED = 4,
	   NEW = 8,
	   UNTRACKED = XT_CONNTRACK_STATE_UNTRACKED,
	   KNOWN = INVALID | ESTABLISHED | RELATED | NEW | UNTRACKED | BF_CT_NONE,
};

static void push(struct gate *g, uint32_t cell)
{
	if (g->n_todo == g->cap_todo) {
		uint32_t cap = g->cap_todo ? g->cap_todo * 2 : 256;
		uint32_t *more = realloc(g->todo, cap * sizeof(*more));

		if (!more) {
			g->failed = true;
			return;
		}
		g->todo = more;
		g->cap_todo = cap;
	}
	g->todo[g->n_todo++] = cell;
}

static void push_test(struct gate *g, const struct bf_cell *c)
{
	bool decided = c->word == BF_KEY_CTSTATE && !(c->mask & ~(uint32_t)KNOWN);
	bool hit = (g->state & c->mask) - c->lo <= c->span;

	if (c->word == BF_KEY_ASSIST)
		g->asked = true;
	if (!decided || hit)
		push(g, c->hit);
	if (!decided || !hit)
		push(g, c->miss);
}

static int by_head(const void *head, const void *run)
{
	uint32_t a = *(const uint32_t *)head, b = ((const struct bf_graph_run *)run)->head;

	return a < b ? -1 : a > b;
}

/* Any rule of the run may be the one. Runs are entered in many places: their rules are looked at once in a function. */
static void push_run(struct gate *g, const struct bf_cell *c, uint32_t function)
{
	uint32_t head = (uint32_t)c->arg;
	const struct bf_graph_run *r = NULL;

	if (g->g->n_runs)
		r = bsearch(&head, g->g->runs, g->g->n_runs, sizeof(*r), by_head);
	push(g, c->miss);
	g->failed |= !r;
	if (!r || g->seen[g->n + (r - g->g->runs)] == function + 1)
		return;
	g->seen[g->n + (r - g->g->runs)] = function + 1;
	for (uint32_t i = 0; i < r->n_targets; i++)
		push(g, r->targets[i]);
}

static bool returns(struct gate *g, uint32_t first);

/* One cell of a function; true: the function can come back from here. */
static bool visit(struct gate *g, uint32_t at, uint32_t function)
{
	const struct bf_cell *c = &g->cells[at];

	switch ((enum bf_cell_op)c->op) {
	case BF_CELL_RET:
		return true;
	case BF_CELL_VERDICT:
	case BF_CELL_OPS:
		return false;
	case BF_CELL_TEST:
		push_test(g, c);
		return false;
	case BF_CELL_COUNT:
	case BF_CELL_HANDOFF:
	case BF_CELL_PUT:
	case BF_CELL_KEEP:
		push(g, c->hit);
		return false;
	case BF_CELL_SWITCH:
		for (uint32_t i = 0; i < c->lo; i++)
			push(g, g->g->class[c->arg + i]);
		return false;
	case BF_CELL_BRANCH:
		push(g, c->miss);
		for (uint32_t i = 0; i < bf_branch_slots(c); i++)
			push(g, g->g->class[c->arg + 2 * i + 1]);
		return false;
	case BF_CELL_CLASS:
		push_run(g, c, function);
		return false;
	case BF_CELL_LOAD:
		g->asked |= c->lo == BF_LOAD_ANSWER;
		push(g, c->hit);
		push(g, c->miss);
		return false;
	case BF_CELL_CHANCE:
	case BF_CELL_MATCH:
	case BF_CELL_CODE:
	case BF_CELL_SET:
	case BF_CELL_CMP:
	case BF_CELL_FIND:
	case BF_CELL_LIVE:
		push(g, c->hit);
		push(g, c->miss);
		return false;
	case BF_CELL_CALL:
		if (returns(g, c->hit))
			push(g, c->miss);
		return false;
	}
	return false;
}

static bool returns(struct gate *g, uint32_t first)
{
	uint32_t bottom = g->n_todo;
	bool back = false;

	if (first >= g->n || g->depth >= DEPTH_MAX)
		g->failed = true;
	if (g->failed || g->functions[first] != UNKNOWN)
		return g->failed || g->functions[first] != ENDS;
	g->functions[first] = OPEN;
	g->depth++;
	push(g, first);
	while (g->n_todo > bottom && !g->failed && !g->asked) {
		uint32_t at = g->todo[--g->n_todo];

		if (at >= g->n || !g->budget--) {
			g->failed = true;
		} else if (g->seen[at] != first + 1) {
			g->seen[at] = first + 1;
			back |= visit(g, at, first);
		}
	}
	g->n_todo = bottom;
	g->depth--;
	g->functions[first] = back ? RETURNS : ENDS;
	return back;
}

static bool asks(struct gate *g, uint32_t state, const uint32_t *starts, uint32_t n_starts)
{
	bool none = state & (INVALID | UNTRACKED);

	g->state = state | (none ? BF_CT_NONE : 0);
	g->asked = false;
	g->n_todo = 0;
	memset(g->functions, UNKNOWN, g->n);
	memset(g->seen, 0, (g->n + g->g->n_runs) * sizeof(*g->seen));
	for (uint32_t i = 0; i < n_starts && !g->asked && !g->failed; i++)
		returns(g, starts[i]);
	return g->asked;
}

uint32_t bf_assist_states(const struct bf_graph *graph, const uint32_t *starts, uint32_t n_starts)
{
	static const uint32_t states[] = { INVALID, ESTABLISHED, RELATED, NEW, UNTRACKED };
	struct gate g = { .g = graph, .cells = graph->cells, .n = graph->n_cells, .budget = BUDGET };
	uint32_t mask = 0, all = 0, n = g.n;

	g.functions = malloc(n + 1);
	g.seen = malloc((n + graph->n_runs + 1) * sizeof(*g.seen));
	g.failed = !g.functions || !g.seen;
	for (size_t i = 0; i < BF_ARRAY_SIZE(states) && !g.failed; i++) {
		all |= states[i];
		if (asks(&g, states[i], starts, n_starts))
			mask |= states[i];
	}
	free(g.functions);
	free(g.seen);
	free(g.todo);
	return g.failed || mask == all ? 0 : mask;
}

int bf_graph_gate(struct bf_graph *g)
{
	_cleanup_free_ uint32_t *starts = calloc(g->n_roots + 1, sizeof(*starts));
	uint32_t n = 0;

	if (!starts)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_roots; i++)
		if (g->roots[i].uses.assists)
			starts[n++] = g->roots[i].start;
	if (!n || !g->conntrack)
		return 0;
	g->companion.assist_states = bf_assist_states(g, starts, n);
	for (uint32_t i = 0; i < g->n_roots && g->companion.assist_states; i++)
		if (g->roots[i].uses.assists)
			g->roots[i].uses.needs |= BF_NEED_CT;
	return 0;
}
