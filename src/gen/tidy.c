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

			bf_thread_enter(t, bf_lower_cell_of(l, to->to), to->known, to->n_known);
		}
	}
}

/* -------------------------------------------------------------------- room */

struct pack {
	struct bf_lower *l;
	uint32_t *place; /* of each cell then; BF_NO_CELL: nothing leads there */
	uint32_t *todo, n_todo;
};

static void keep(struct pack *p, uint32_t cell)
{
	if (p->place[cell] != BF_NO_CELL)
		return;
	p->place[cell] = 0;
	p->todo[p->n_todo++] = cell;
}

static uint32_t *table_of(struct pack *p, const struct bf_cell *c)
{
	return (uint32_t *)(void *)p->l->class.data + c->arg;
}

/* Tests that go one way whatever comes are left out. */
static uint32_t past(struct pack *p, uint32_t cell)
{
	return bf_thread_end(p->l, cell);
}

static void keep_ways(struct pack *p, uint32_t cell)
{
	struct bf_cell *c = &p->l->cells[cell];
	unsigned ways = bf_cell_ways(c);

	if (ways & BF_WAY_HIT)
		keep(p, c->hit = past(p, c->hit));
	if (ways & BF_WAY_MISS)
		keep(p, c->miss = past(p, c->miss));
	for (uint32_t i = 0; c->op == BF_CELL_BRANCH && i < bf_branch_slots(c); i++)
		keep(p, table_of(p, c)[2 * i + 1] = past(p, table_of(p, c)[2 * i + 1]));
}

static void move(struct pack *p, uint32_t from, uint32_t to)
{
	struct bf_cell *c = &p->l->cells[to];
	unsigned ways;

	*c = p->l->cells[from];
	ways = bf_cell_ways(c);
	c->hit = ways & BF_WAY_HIT ? p->place[c->hit] : 0;
	c->miss = ways & BF_WAY_MISS ? p->place[c->miss] : 0;
	for (uint32_t i = 0; c->op == BF_CELL_BRANCH && i < bf_branch_slots(c); i++)
		table_of(p, c)[2 * i + 1] = p->place[table_of(p, c)[2 * i + 1]];
}

/* In the order in which they were made: cells of rules that follow each other still do. */
static void pack(struct bf_tidy *t, struct pack *p)
{
	struct bf_lower *l = t->l;
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n_cells; i++)
		p->place[i] = BF_NO_CELL;
	for (uint32_t i = 0; i < t->n; i++)
		if (t->cell[i].entered)
			keep(p, past(p, i));
	while (p->n_todo)
		keep_ways(p, p->todo[--p->n_todo]);
	for (uint32_t i = 0; i < l->n_cells; i++)
		if (p->place[i] != BF_NO_CELL)
			p->place[i] = n++;
	for (uint32_t i = 0; i < l->n_labels; i++) {
		struct bf_label_slot *s = &l->labels[i];
		uint32_t to = s->kind == BF_LABEL_CELL ? p->place[past(p, s->to)] : BF_NO_CELL;

		if (s->kind != BF_LABEL_CELL)
			continue;
		if (to == BF_NO_CELL)
			*s = (struct bf_label_slot){ .kind = BF_LABEL_UNBOUND };
		else
			s->to = to;
	}
	for (uint32_t i = 0; i < l->n_gates; i++)
		l->gates[i].cell = p->place[l->gates[i].cell];
	for (uint32_t i = 0; i < l->n_cells; i++)
		if (p->place[i] != BF_NO_CELL)
			move(p, i, p->place[i]);
	l->n_cells = n;
}

static void pack_cells(struct bf_tidy *t)
{
	uint32_t n = t->l->n_cells;
	struct pack p = { .l = t->l, .place = malloc((n + 1ul) * sizeof(uint32_t)), .todo = malloc((n + 1ul) * sizeof(uint32_t)) };

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
