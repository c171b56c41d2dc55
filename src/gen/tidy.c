/* SPDX-License-Identifier: GPL-2.0-only */
/* tidy.c: see tidy.h. */
#include "gen/tidy.h"

/* ----------------------------------------------------------------- entries */

static void enter(struct bf_tidy *t, bf_label label)
{
	uint32_t cell = label == BF_NO_LABEL ? BF_NO_CELL : bf_lower_try_cell(t->l, label);

	if (cell != BF_NO_CELL)
		bf_thread_enter(t, cell, 0, 0);
}

/* Where changes in place lead to, and where others do than cells. */
static void enter_all(struct bf_tidy *t)
{
	struct bf_lower *l = t->l;

	for (uint32_t i = 0; i < l->g->n_roots; i++) {
		enter(t, l->g->roots[i].start);
		enter(t, l->g->roots[i].start_ip6);
		enter(t, l->g->roots[i].start_other);
	}
	for (uint32_t i = 0; i < l->n_switches; i++)
		for (uint32_t k = 0; k < l->switches[i].n; k++)
			enter(t, l->switches[i].first + k);
	for (uint32_t i = 0; i < l->n_insts; i++)
		if (!l->plan.chains[l->insts[i].chain].returns)
			enter(t, l->insts[i].first);
	for (uint32_t i = 0; i < l->n_gates; i++) {
		bf_thread_enter(t, l->gates[i].cell, 0, 0);
		enter(t, l->gates[i].next);
		enter(t, l->gates[i].end);
		enter(t, l->insts[l->gates[i].inst].ret);
	}
	for (uint32_t i = 0; i < l->n_runs; i++) {
		enter(t, l->runs[i].miss);
		enter(t, l->insts[l->runs[i].inst].ret);
		for (uint32_t k = 0; k < l->runs[i].n_targets; k++) {
			const struct bf_lower_target *to = &l->runs[i].targets[k];

			bf_thread_enter(t, bf_lower_cell_of(l, to->to), to->asked, to->n_asked);
		}
	}
}

/* -------------------------------------------------------------------- room */

struct pack {
	struct bf_lower *l;
	uint32_t *place; /* of each cell then; BF_NO_CELL: nothing leads there */
	struct frame {   /* from an entry down to here */
		uint32_t cell, way;
	} *todo;
	uint32_t n_todo, n; /* n: cells that have no place yet */
};

/* Tests that go one way whatever comes are left out. */
static uint32_t past(struct pack *p, uint32_t cell)
{
	return bf_thread_end(p->l, cell);
}

static uint32_t *table_of(const struct pack *p, const struct bf_cell *c)
{
	return (uint32_t *)(void *)p->l->class.data + c->arg;
}

/* The ways on from a cell; the last one is that of misses. NULL: there are no more. */
static uint32_t *way_of(const struct pack *p, struct bf_cell *c, uint32_t i)
{
	uint32_t slots = c->op == BF_CELL_BRANCH ? bf_branch_slots(c) : 0;
	unsigned ways = bf_cell_ways(c);

	if (i < slots)
		return &table_of(p, c)[2 * i + 1];
	i -= slots;
	if (ways & BF_WAY_HIT && i-- == 0)
		return &c->hit;
	return ways & BF_WAY_MISS && i == 0 ? &c->miss : NULL;
}

static void open_cell(struct pack *p, uint32_t cell)
{
	if (p->place[cell] != BF_NO_CELL)
		return;
	p->place[cell] = 0;
	p->todo[p->n_todo++] = (struct frame){ cell, 0 };
}

/*
 * From behind: a cell gets its place when all that it leads to have theirs. So ways lead forward, and where misses lead
 * comes right behind: a packet that goes through a chain goes through its memory.
 */
static void place_all(struct pack *p, const struct bf_tidy *t)
{
	memset(p->place, 0xff, p->l->n_cells * sizeof(*p->place));
	p->n = p->l->n_cells;
	for (uint32_t i = t->n; i--;) {
		if (t->cell[i].entered)
			open_cell(p, past(p, i));
		while (p->n_todo) {
			struct frame *f = &p->todo[p->n_todo - 1];
			uint32_t *way = way_of(p, &p->l->cells[f->cell], f->way++);

			if (way)
				open_cell(p, *way = past(p, *way));
			else
				p->place[p->todo[--p->n_todo].cell] = --p->n;
		}
	}
}

static void move_labels(struct pack *p)
{
	for (uint32_t i = 0; i < p->l->n_labels; i++) {
		struct bf_label_slot *s = &p->l->labels[i];
		uint32_t to;

		if (s->kind != BF_LABEL_CELL)
			continue;
		to = p->place[past(p, s->to)];
		*s = (struct bf_label_slot){ to == BF_NO_CELL ? BF_LABEL_UNBOUND : BF_LABEL_CELL, s->used, to };
	}
	for (uint32_t i = 0; i < p->l->n_gates; i++)
		p->l->gates[i].cell = p->place[p->l->gates[i].cell];
}

/* p->n places in front are free. */
static void move_cells(struct pack *p, struct bf_cell *to)
{
	struct bf_lower *l = p->l;

	for (uint32_t i = 0; i < l->n_cells; i++) {
		struct bf_cell *c;
		uint32_t *way;

		if (p->place[i] == BF_NO_CELL)
			continue;
		c = &to[p->place[i]];
		*c = l->cells[i];
		for (uint32_t k = 0; (way = way_of(p, c, k)); k++)
			*way = p->place[*way];
	}
	free(l->cells);
	l->cells = to;
	l->cap_cells = l->n_cells -= p->n;
}

static void pack(struct bf_tidy *t, struct pack *p)
{
	struct bf_cell *cells;

	place_all(p, t);
	for (uint32_t i = 0; i < t->l->n_cells; i++)
		p->place[i] -= p->place[i] == BF_NO_CELL ? 0 : p->n;
	cells = malloc((t->l->n_cells - p->n + 1ul) * sizeof(*cells));
	if (!cells)
		return bf_lower_error(t->l, -ENOMEM);
	move_labels(p);
	move_cells(p, cells);
}

static void pack_cells(struct bf_tidy *t)
{
	uint32_t n = t->l->n_cells;
	struct pack p = { .l = t->l, .place = malloc((n + 1ul) * sizeof(uint32_t)), .todo = malloc((n + 1ul) * sizeof(*p.todo)) };

	if (p.place && p.todo)
		pack(t, &p);
	else
		bf_lower_error(t->l, -ENOMEM);
	free(p.place);
	free(p.todo);
}

void bf_lower_tidy(struct bf_lower *l)
{
	struct bf_tidy t = { .l = l, .n = l->n_cells };

	if (!l->n_runs || l->plan.cyclic || l->err)
		return;
	t.cell = calloc(t.n + 1ul, sizeof(*t.cell));
	t.todo = malloc((t.n + 1ul) * sizeof(*t.todo));
	if (t.cell && t.todo) {
		enter_all(&t);
		bf_thread(&t);
		bf_branch(&t);
		bf_chance(&t);
		pack_cells(&t);
	} else {
		bf_lower_error(l, -ENOMEM);
	}
	free(t.cell);
	free(t.todo);
}
