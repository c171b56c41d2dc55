/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * steps.c: CODE cells that follow each other become one run, which one call
 * goes through (cbpf.c). Rule after rule has a filter, and where one does not
 * match the next one is asked:
 *
 *   cells   A --miss--> B --miss--> C --miss--> x           steps   A B C end
 *           |hit        |hit        |hit                              4 5 6 7
 *           a           b           c
 *
 * A call begins at any step, says how far it got, and there is a cell for each
 * answer, in a row: here those that lead to a, b, c and x. A filter that is
 * negated goes on where it matches. What makes a run are its filters, not where
 * they lead: chains that are the same for packets of several families, or
 * called from several places, are one run. A user's function is a run by
 * itself, as others lead there (rt/code.h).
 */
#include "gen/build.h"

/* Of a run: steps, and classic instructions, each of which becomes up to 20: a jump takes its offset in 16 bits. */
enum { MAX_STEPS = 64, MAX_SIZE = 768 };

struct runs {
	struct bf_lower *l;
	uint32_t *next;   /* of each CODE cell: the one that its run goes on with, or BF_NO_CELL */
	bool *seen;
	bool *behind;  /* it is the next one of another */
	uint32_t *steps;  /* all of them */
	uint32_t n_steps, cap_steps;
	struct bf_idmap known; /* hash of a run's steps -> the first one */
};

static bool is_code(const struct bf_lower *l, uint32_t cell)
{
	return cell < l->n_cells && l->cells[cell].op == BF_CELL_CODE;
}

static const struct bf_code *code_of(const struct bf_lower *l, uint32_t cell)
{
	return (const struct bf_code *)l->codes.data + l->cells[cell].lo;
}

static bool is_filter(const struct bf_lower *l, uint32_t cell)
{
	return is_code(l, cell) && code_of(l, cell)->filter;
}

static bool goes_on_match(const struct runs *r, uint32_t cell)
{
	const struct bf_cell *c = &r->l->cells[cell];

	return r->next[cell] == c->hit && r->next[cell] != c->miss;
}

static void find_next(struct runs *r)
{
	struct bf_lower *l = r->l;

	for (uint32_t i = 0; i < l->n_cells; i++) {
		const struct bf_cell *c = &l->cells[i];

		if (c->op != BF_CELL_CODE)
			continue;
		r->next[i] = is_filter(l, c->miss) ? c->miss : is_filter(l, c->hit) ? c->hit : BF_NO_CELL;
		if (!is_filter(l, i))
			r->next[i] = BF_NO_CELL;
		if (r->next[i] == BF_NO_CELL)
			continue;
		if (r->behind[r->next[i]])
			r->next[i] = BF_NO_CELL; /* another run has it */
		else
			r->behind[r->next[i]] = true;
	}
}

/* How many cells from `first` on make one run. */
static uint32_t length_of(const struct runs *r, uint32_t first)
{
	uint32_t size = 0, n = 0;

	for (uint32_t i = first; i != BF_NO_CELL && !r->seen[i] && n < MAX_STEPS; i = r->next[i], n++) {
		size += is_filter(r->l, i) ? code_of(r->l, i)->filter->len : 0;
		if (n && size > MAX_SIZE)
			break;
		r->seen[i] = true; /* a circle ends there */
	}
	return n;
}

static bool same_steps(const struct runs *r, uint32_t at, const uint32_t *steps, uint32_t n)
{
	return at + n <= r->n_steps && !memcmp(&r->steps[at], steps, n * sizeof(*steps));
}

/* Where these steps are: among the known ones, or behind them. */
static uint32_t place_of(struct runs *r, const uint32_t *steps, uint32_t n)
{
	uint64_t hash = n;
	uint32_t at;

	for (uint32_t i = 0; i < n; i++)
		hash = bf_hash64(hash ^ steps[i]) * 0x100000001b3;
	at = bf_idmap_get(&r->known, hash);
	if (at != BF_IDMAP_NONE && same_steps(r, at, steps, n))
		return at;
	at = r->n_steps;
	while (r->cap_steps < at + n)
		if (bf_grow(&r->steps, r->cap_steps, &r->cap_steps, sizeof(*r->steps)) < 0)
			return bf_lower_error(r->l, -ENOMEM), 0;
	memcpy(&r->steps[at], steps, n * sizeof(*steps));
	r->n_steps += n;
	if (bf_idmap_put(&r->known, hash, at) < 0)
		bf_lower_error(r->l, -ENOMEM);
	return at;
}

static void add_way(struct bf_lower *l, uint32_t to)
{
	struct bf_cell c = { .op = BF_CELL_TEST, .hit = to, .miss = to, .span = UINT32_MAX };

	bf_lower_add_cell(l, &c);
}

/* A cell for each answer. Both ways of the last step are answers: it goes on where the run ends. How many steps? */
static uint32_t make_run(struct runs *r, uint32_t first)
{
	struct bf_lower *l = r->l;
	uint32_t n = length_of(r, first), steps[MAX_STEPS + 1], base = l->n_cells, at, i = first, on = 0;

	for (uint32_t k = 0; k < n; k++, i = r->next[i])
		steps[k] = BF_STEP(l->cells[i].lo, goes_on_match(r, i));
	steps[n] = BF_STEP_END;
	at = place_of(r, steps, n + 1);
	i = first;
	for (uint32_t k = 0; k < n && !l->err; k++, i = r->next[i]) {
		bool on_match = steps[k] & 1;

		on = on_match ? l->cells[i].hit : l->cells[i].miss;
		add_way(l, on_match ? l->cells[i].miss : l->cells[i].hit);
		l->cells[i].word = !is_filter(l, i);
		l->cells[i].lo = at + k;
		l->cells[i].span = n - k;
		l->cells[i].arg = base + k;
	}
	add_way(l, on);
	return n;
}

static void make_runs(struct runs *r)
{
	uint32_t n = r->l->n_cells;

	for (int circles = 0; circles < 2; circles++)
		for (uint32_t i = 0; i < n && !r->l->err; i++) {
			if (!is_code(r->l, i) || (r->behind[i] && !circles))
				continue;
			for (uint32_t k = i; k != BF_NO_CELL && !r->seen[k] && !r->l->err;) {
				uint32_t steps = make_run(r, k);

				while (steps--)
					k = r->next[k];
			}
		}
}

void bf_lower_steps(struct bf_lower *l)
{
	uint32_t n = l->n_cells;
	struct runs r = { .l = l, .next = malloc((n + 1) * sizeof(uint32_t)), .seen = calloc(n + 1, sizeof(bool)),
		              .behind = calloc(n + 1, sizeof(bool)) };

	if (!r.next || !r.seen || !r.behind)
		bf_lower_error(l, -ENOMEM);
	if (!l->err && l->n_codes) {
		find_next(&r);
		make_runs(&r);
		l->g->n_steps = r.n_steps;
		l->g->steps = bf_lower_keep(l, r.steps, r.n_steps * sizeof(*r.steps));
	}
	free(r.next);
	free(r.seen);
	free(r.behind);
	free(r.steps);
	bf_idmap_free(&r.known);
}
