/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * branch.c: sequences of tests (tidy.h).
 *
 *   oif == br2 ─▶ a                        oif, by a table:  br2 ─▶ a
 *   iif == br2 ─▶ b                                          br3 ─▶ iif == br2 ─▶ b
 *   oif == br3 ─▶ c                                                 else       ─▶ c
 *   iif == br3 ─▶ d                                          else ─▶ iif, by a table: br2 ─▶ b, br3 ─▶ d
 *
 * The one that is asked for most often becomes a table; what remains of the
 * sequence for each of its values is done likewise. A table is a perfect hash: a BRANCH cell costs 4 to 5 ns,
 * and the processor has nothing to foresee; a test costs 1.5 to 2, and 5 when it was foreseen wrongly.
 *
 * Rules that go by chance draw a number each. One is enough for those that follow each other: a packet that the first
 * one did not take has drawn any number above the first one's part, and the second one's part is that much of the rest.
 */
#include "gen/tidy.h"

#include "match/match.h"

enum { LEAST = 5, MOST = 256, TRIES = 256, EMPTIER = 8 };
#define ALL (1u << 31) /* of chance */
#define NEVER ALL      /* no number drawn is that */

struct branch {
	struct bf_lower *l;
	uint64_t budget; /* words that may be taken */
	bool failed;     /* it is too much */
};

static const struct bf_cell *cell_at(const struct branch *b, uint32_t i)
{
	return &b->l->cells[i];
}

static bool same_thing(const struct bf_cell *a, const struct bf_cell *b)
{
	return a->word == b->word && a->mask == b->mask;
}

static bool is_value(const struct bf_lower *l, uint32_t cell)
{
	const struct bf_cell *c = &l->cells[cell];

	return bf_thread_is_fixed(c) && !c->span && c->hit != c->miss;
}

static void pay(struct branch *b, uint64_t words)
{
	b->failed |= words > b->budget;
	b->budget -= words;
}

/* The tests one after the other, as new cells. */
static uint32_t add_tests(struct branch *b, const uint32_t *item, uint32_t n, uint32_t last)
{
	while (n-- && !b->failed) {
		struct bf_cell c = *cell_at(b, item[n]);

		c.miss = last;
		pay(b, sizeof(c) / sizeof(uint32_t));
		last = bf_lower_add_cell(b->l, &c);
	}
	return last;
}

/* ----------------------------------------------------------------- tables */

/* Is it the first of the sequence with its value? Another one is never reached. */
static bool is_first(const struct branch *b, const uint32_t *item, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (same_thing(cell_at(b, item[k]), cell_at(b, item[i])) && cell_at(b, item[k])->lo == cell_at(b, item[i])->lo)
			return false;
	return true;
}

/* What is asked for most often, by the first who asks; how many values. */
static uint32_t most_asked(const struct branch *b, const uint32_t *item, uint32_t n, uint32_t *best)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t values = 0;

		for (uint32_t k = 0; k < n; k++)
			values += same_thing(cell_at(b, item[i]), cell_at(b, item[k]));
		if (values > most) {
			most = values;
			*best = i;
		}
	}
	return most;
}

static uint32_t slot_of(uint32_t value, uint32_t factor, uint32_t shift)
{
	return value * factor >> shift;
}

static bool is_perfect(const uint32_t *value, uint32_t n, uint32_t factor, uint32_t shift)
{
	uint64_t used[MOST * 2 * EMPTIER / 64] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = slot_of(value[i], factor, shift);

		if (used[slot / 64] >> slot % 64 & 1)
			return false;
		used[slot / 64] |= 1ull << slot % 64;
	}
	return true;
}

/* A hash that gives each value a slot of its own: factor and shift. False: none was found. */
static bool find_hash(const uint32_t *value, uint32_t n, uint32_t *factor, uint32_t *shift)
{
	uint32_t least = 32 - (uint32_t)__builtin_clz(2 * n - 1);

	for (uint32_t bits = least; 1u << bits <= MOST * 2 * EMPTIER && bits <= least + 3; bits++)
		for (uint32_t try = 1; try <= TRIES; try++) {
			*factor = (uint32_t)bf_hash64(try) | 1;
			*shift = 32 - bits;
			if (is_perfect(value, n, *factor, *shift))
				return true;
		}
	return false;
}

static uint32_t build(struct branch *b, const uint32_t *item, uint32_t n, uint32_t last);

/* What remains of the first `n` for packets that are none of a thing's values: others, and then `last`. */
static uint32_t build_rest(struct branch *b, const uint32_t *item, uint32_t n, uint32_t thing, uint32_t last)
{
	uint32_t rest[MOST], n_rest = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!same_thing(cell_at(b, item[i]), cell_at(b, item[thing])))
			rest[n_rest++] = item[i];
	return build(b, rest, n_rest, last);
}

/* value[i] leads to to[i], others to `miss`. */
static uint32_t add_table(struct branch *b, const struct bf_cell *thing, const uint32_t *value, const uint32_t *to, uint32_t n,
                          uint32_t miss)
{
	struct bf_cell c = { .op = BF_CELL_BRANCH, .word = thing->word, .miss = miss, .mask = thing->mask };
	uint32_t slots, *words;

	if (b->failed || !find_hash(value, n, &c.lo, &c.span)) {
		b->failed = true;
		return 0;
	}
	slots = bf_branch_slots(&c);
	pay(b, 2 * slots);
	if (b->failed)
		return 0;
	c.arg = bf_lower_class_room(b->l, 2 * slots);
	if (b->l->err)
		return 0;
	words = (uint32_t *)(void *)b->l->class.data + c.arg;
	for (uint32_t i = 0; i < slots; i++)
		words[2 * i + 1] = miss;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = slot_of(value[i], c.lo, c.span);

		words[2 * slot] = value[i];
		words[2 * slot + 1] = to[i];
	}
	return bf_lower_add_cell(b->l, &c);
}

/* The first cell of what does the same as these tests do, one after the other, and then `last`. */
static uint32_t build(struct branch *b, const uint32_t *item, uint32_t n, uint32_t last)
{
	uint32_t value[MOST], to[MOST], n_values = 0, thing = 0;

	if (b->failed || most_asked(b, item, n, &thing) < LEAST)
		return add_tests(b, item, n, last);
	for (uint32_t i = 0; i < n && !b->failed; i++) {
		if (!same_thing(cell_at(b, item[i]), cell_at(b, item[thing])) || !is_first(b, item, i))
			continue;
		value[n_values] = cell_at(b, item[i])->lo;
		to[n_values++] = build_rest(b, item, i, thing, cell_at(b, item[i])->hit);
	}
	last = build_rest(b, item, n, thing, last);
	return add_table(b, cell_at(b, item[thing]), value, to, n_values, last);
}

/* -------------------------------------------------------------- sequences */

/* The tests from here on that follow each other where they miss. */
static uint32_t collect(const struct bf_lower *l, uint32_t at, uint32_t *item, bool *seen)
{
	uint32_t n = 0;

	for (; n < MOST && is_value(l, at); at = l->cells[at].miss) {
		item[n++] = at;
		seen[at] = true;
	}
	return n;
}

static void try_branch(struct bf_lower *l, const uint32_t *item, uint32_t n)
{
	struct branch b = { .l = l, .budget = 64ull * n + (uint64_t)n * n / 2 };
	uint32_t thing = 0, cells = l->n_cells, first;
	size_t class = l->class.len;

	if (most_asked(&b, item, n, &thing) < LEAST)
		return;
	first = build(&b, item, n, l->cells[item[n - 1]].miss);
	if (!b.failed && !l->err) {
		l->cells[item[0]] = l->cells[first];
		return;
	}
	l->n_cells = cells;
	l->class.len = class;
}

/* Some cells became others: programs that have what these were made of have these, too. */
static void note_op(struct bf_lower *l, bool any, enum bf_cell_op op, enum bf_cell_op like)
{
	for (uint32_t i = 0; any && i < l->g->n_roots; i++)
		if (l->g->roots[i].uses.ops >> like & 1)
			l->g->roots[i].uses.ops |= 1u << op | 1u << BF_CELL_TEST;
}

void bf_branch(struct bf_tidy *t)
{
	_cleanup_free_ bool *seen = calloc(t->n + 1ul, sizeof(*seen));
	struct bf_lower *l = t->l;
	uint32_t item[MOST], n = l->n_cells;

	if (!seen)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < t->n && !l->err; i++)
		if (t->cell[i].reached && !seen[i] && is_value(l, i))
			try_branch(l, item, collect(l, i, item, seen));
	note_op(l, l->n_cells > n, BF_CELL_BRANCH, BF_CELL_TEST);
}

/* ----------------------------------------------------------------- chance */

/* Of all ALL numbers, how many hit; or ALL + 1: it does not go by chance. */
static uint32_t chance_of(const struct bf_lower *l, const struct bf_cell *c)
{
	const struct bf_rt_random *r;
	uint32_t part;

	if (c->op != BF_CELL_MATCH || c->lo != BF_SPECIAL_RANDOM)
		return ALL + 1;
	r = (const void *)(l->params.data + c->arg);
	part = BF_MIN(r->probability, ALL);
	return r->invert ? ALL - part : part;
}

/* A cell that the numbers below `part` hit. */
static struct bf_cell draw(enum bf_cell_op op, uint32_t part, uint32_t hit, uint32_t miss)
{
	return (struct bf_cell){ .op = (uint8_t)op, .word = BF_KEY_SCRATCH, .hit = hit, .miss = miss, .mask = ALL - 1,
		                     .lo = part ? 0 : NEVER, .span = part ? part - 1 : 0 };
}

/* All that follow where they miss look at the number that cell `at` has drawn. */
static void draw_once(struct bf_lower *l, uint32_t at, bool *seen)
{
	uint32_t below = chance_of(l, &l->cells[at]), last = at, next = l->cells[at].miss, part;
	struct bf_cell c;

	l->cells[at] = draw(BF_CELL_CHANCE, below, l->cells[at].hit, next);
	while ((part = chance_of(l, &l->cells[next])) <= ALL && !seen[next] && !l->err) {
		uint32_t cell;

		below += (uint32_t)((uint64_t)(ALL - below) * part >> 31);
		c = draw(BF_CELL_TEST, below, l->cells[next].hit, l->cells[next].miss);
		seen[next] = true;
		next = c.miss;
		cell = bf_lower_add_cell(l, &c);
		l->cells[last].miss = cell;
		last = cell;
	}
}

void bf_chance(struct bf_tidy *t)
{
	_cleanup_free_ bool *seen = calloc(t->n + 1ul, sizeof(*seen));
	struct bf_lower *l = t->l;
	bool any = false;

	if (!seen)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < t->n && !l->err; i++) {
		if (!t->cell[i].reached || chance_of(l, &l->cells[i]) > ALL)
			continue;
		any = true;
		if (seen[i]) { /* who comes back draws again */
			l->cells[i] = draw(BF_CELL_CHANCE, chance_of(l, &l->cells[i]), l->cells[i].hit, l->cells[i].miss);
			continue;
		}
		draw_once(l, i, seen);
	}
	note_op(l, any, BF_CELL_CHANCE, BF_CELL_MATCH);
}
