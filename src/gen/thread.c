/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * thread.c: ways past tests whose answer is known (tidy.h).
 *
 * The graph has no circles (packets come back into a run by a way that is none
 * here: its targets are entered from elsewhere). So each cell is looked at once,
 * behind all that lead to it, when it is known what all packets have in common
 * that get there: the tests passed on each of the ways. Then its own ways are
 * followed as long as they lead to tests that this decides.
 *
 * A test is an arc of the numbers below 2^32, under a mask; what misses it lies on the
 * rest of the circle.
 */
#include "gen/tidy.h"

struct arc {
	uint32_t word, mask, lo, span;
};

unsigned bf_cell_ways(const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_VERDICT:
	case BF_CELL_RET:
	case BF_CELL_SWITCH:
		return 0;
	case BF_CELL_COUNT:
	case BF_CELL_HANDOFF:
	case BF_CELL_PUT:
	case BF_CELL_KEEP:
		return BF_WAY_HIT;
	case BF_CELL_CLASS:
	case BF_CELL_BRANCH:
		return BF_WAY_MISS;
	default:
		return BF_WAY_HIT | BF_WAY_MISS;
	}
}

/* Marks are put, and from ASSIST on words change, or other programs' cells do (gates). */
bool bf_thread_is_fixed(const struct bf_cell *c)
{
	return c->op == BF_CELL_TEST && c->word < BF_KEY_ASSIST && c->word != BF_KEY_MARK;
}

static bool is_gate(const struct bf_cell *c)
{
	return c->word == BF_KEY_HALF;
}

uint32_t bf_thread_end(const struct bf_lower *l, uint32_t cell)
{
	const struct bf_cell *c = &l->cells[cell];

	while (c->op == BF_CELL_TEST && c->hit == c->miss && !is_gate(c))
		c = &l->cells[c->hit];
	return (uint32_t)(c - l->cells);
}

/* ------------------------------------------------------------------ facts */

static struct arc arc_of(const struct bf_tidy *t, uint32_t fact)
{
	const struct bf_cell *c = &t->l->cells[fact >> 1];
	const struct bf_class_test *k;
	struct arc a;

	if (fact >> 1 < t->n) {
		a = (struct arc){ c->word, c->mask, c->lo, c->span };
	} else {
		k = &t->l->asked[(fact >> 1) - t->n];
		a = (struct arc){ k->word, k->mask, k->lo, k->span };
	}
	if (fact & 1) { /* the rest; nothing misses a whole circle */
		a.lo += a.span + 1;
		a.span = UINT32_MAX - 1 - a.span;
	}
	return a;
}

enum answer { UNKNOWN, HITS, MISSES };

/* What a packet on arc a says to test b. */
static enum answer ask_arc(const struct arc *a, const struct arc *b)
{
	uint32_t off = a->lo - b->lo;

	if (a->mask != b->mask) { /* it has one value, of which b looks at a part */
		if (a->span || b->mask & ~a->mask)
			return UNKNOWN;
		return (a->lo & b->mask) - b->lo <= b->span ? HITS : MISSES;
	}
	if (off <= b->span && a->span <= b->span - off)
		return HITS;
	return off > b->span && b->lo - a->lo > a->span ? MISSES : UNKNOWN;
}

static enum answer ask(const struct bf_tidy *t, const struct bf_facts *f, const struct arc *b)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct arc a = arc_of(t, f->fact[i]);
		enum answer answer = a.word == b->word ? ask_arc(&a, b) : UNKNOWN;

		if (answer != UNKNOWN)
			return answer;
	}
	return UNKNOWN;
}

/* Where there is no room, what a packet is not goes first. */
static void add_fact(struct bf_facts *f, uint32_t fact)
{
	uint32_t out = 0;

	if (f->n < BF_FACTS) {
		f->fact[f->n++] = fact;
		return;
	}
	while (out < f->n && !(f->fact[out] & 1))
		out++;
	out %= f->n;
	memmove(&f->fact[out], &f->fact[out + 1], (f->n - out - 1) * sizeof(f->fact[0]));
	f->fact[f->n - 1] = fact;
}

/* One more way leads there: what is known is what is known on this one, too. */
static void meet(struct bf_tidy *t, uint32_t cell, const struct bf_facts *f)
{
	struct bf_tidy_cell *c = &t->cell[cell];
	uint32_t n = 0;

	if (!c->reached) {
		c->reached = true;
		c->facts = *f;
		return;
	}
	for (uint32_t i = 0; i < c->facts.n; i++) {
		struct arc a = arc_of(t, c->facts.fact[i]);

		if (ask(t, f, &a) == HITS)
			c->facts.fact[n++] = c->facts.fact[i];
	}
	c->facts.n = n;
}

void bf_thread_enter(struct bf_tidy *t, uint32_t cell, uint32_t first, uint32_t n)
{
	struct bf_facts f = { 0 };

	for (uint32_t i = 0; i < n; i++)
		add_fact(&f, (t->n + first + i) << 1);
	t->cell[cell].entered = true;
	meet(t, cell, &f);
}

/* ------------------------------------------------------------------- ways */

/* The answer of cell `at`, a test, to packets of which that is known. */
static enum answer answer_of(const struct bf_tidy *t, const struct bf_facts *f, uint32_t at)
{
	const struct bf_cell *c = &t->l->cells[at];
	struct arc a = { c->word, c->mask, c->lo, c->span };

	if (c->op != BF_CELL_TEST || is_gate(c))
		return UNKNOWN;
	if (c->hit == c->miss)
		return HITS;
	return bf_thread_is_fixed(c) ? ask(t, f, &a) : UNKNOWN;
}

static void leave(struct bf_tidy *t, uint32_t *way, bool reached, const struct bf_facts *f)
{
	uint32_t to = *way;
	enum answer a;

	if (reached) {
		while ((a = answer_of(t, f, *way)) != UNKNOWN)
			*way = a == HITS ? t->l->cells[*way].hit : t->l->cells[*way].miss;
		meet(t, *way, f);
	}
	if (!--t->cell[to].pending)
		t->todo[t->n_todo++] = to;
}

static void visit(struct bf_tidy *t, uint32_t at)
{
	struct bf_cell *c = &t->l->cells[at];
	const struct bf_tidy_cell *here = &t->cell[at];
	enum answer a = here->reached ? answer_of(t, &here->facts, at) : UNKNOWN;
	unsigned ways = bf_cell_ways(c);
	bool tells = bf_thread_is_fixed(c) && c->hit != c->miss;

	for (unsigned way = BF_WAY_HIT; way <= BF_WAY_MISS; way *= 2) {
		struct bf_facts f = here->facts;

		if (!(ways & way))
			continue;
		if (tells && (way == BF_WAY_HIT || c->span != UINT32_MAX))
			add_fact(&f, at << 1 | (way == BF_WAY_MISS));
		leave(t, way == BF_WAY_HIT ? &c->hit : &c->miss,
		      here->reached && a != (way == BF_WAY_HIT ? MISSES : HITS), &f);
	}
	if (a == HITS)
		c->miss = c->hit;
	else if (a == MISSES)
		c->hit = c->miss;
}

static void count_ways(struct bf_tidy *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct bf_cell *c = &t->l->cells[i];
		unsigned ways = bf_cell_ways(c);

		if (ways & BF_WAY_HIT)
			t->cell[c->hit].pending++;
		if (ways & BF_WAY_MISS)
			t->cell[c->miss].pending++;
	}
}

void bf_thread(struct bf_tidy *t)
{
	count_ways(t);
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->cell[i].pending)
			t->todo[t->n_todo++] = i;
	for (uint32_t i = 0; i < t->n_todo; i++)
		visit(t, t->todo[i]);
}
