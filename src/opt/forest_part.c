/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_part.c: a large tree in parts, which several threads build. What is
 * on top, where lists are long, is built first. Children with shorter lists
 * are put off, as many neighbours together as make a part:
 *
 *              root                       nodes:  root, cut | part 1 | part 2 | part 3
 *          ┌────┴────┐                    rules:            | part 1 | part 2 | part 3
 *         cut        │
 *     ┌────┴────┐    │                    each part has its own buffers, whose places
 *   part 1   part 2  part 3               move when they are put behind each other
 *
 * A part knows its share of the budget, and what had been spilled when the top was there; not what other parts spill.
 * So a box may stand in one part's leaves and in the next tree, too: that costs its place, no more. Where parts begin
 * and end depends on the lists alone: the data is the same however many threads there are.
 */
#include "opt/forest.h"

#define PARTED 16384 /* boxes; smaller trees are there before a thread wakes up */
#define PARTS 24    /* about */
#define LEAST 2048  /* boxes of a part */

struct part { /* children of one node */
	struct children *children;
	uint32_t place; /* of the first, among the nodes */
	uint32_t first, end;
	uint64_t budget;
	struct region region;
	unsigned depth_now;
	/* what came of it; out: these children, then what is below them */
	struct bf_buf out, rules, numbers;
	unsigned depth;
	uint32_t copies, worst_leaf;
	int err;
};

struct worker { /* a thread's own */
	struct forest scratch; /* cut_begin()'s */
	uint8_t *spilled, *all_spilled; /* by this part; by all it did */
	bool made;
	int err;
};

struct parts {
	struct part *part;
	uint32_t n, cap;
	uint64_t max_bytes; /* for one */
	struct worker worker[BF_POOL_MAX];
};

int parts_begin(struct forest *f, uint32_t n)
{
	f->part = 0;
	if (n < PARTED)
		return 0;
	if (!f->parts)
		f->parts = calloc(1, sizeof(*f->parts));
	if (!f->parts)
		return -ENOMEM;
	f->part = BF_MAX(n / PARTS, (uint32_t)LEAST);
	return 0;
}

void parts_put_off(struct forest *f, struct children *c, uint32_t place, uint32_t first, uint32_t end, uint64_t budget)
{
	struct parts *s = f->parts;

	if (bf_grow(&s->part, s->n, &s->cap, sizeof(*s->part)) < 0) {
		f->err = -ENOMEM;
		return;
	}
	s->part[s->n++] = (struct part){ .children = tree_children_hold(c), .place = place, .first = first, .end = end,
	                                 .budget = budget, .region = f->region, .depth_now = f->depth_now };
}

/* ----------------------------------------------------------------- building */

/* All lists are shorter than f->part: no window is wider. Trees get smaller, so that is enough for later ones. */
static int worker_make(struct worker *w, const struct forest *f)
{
	size_t bytes = f->p->n_boxes / 8 + 1;

	if (w->made)
		return w->err;
	w->made = true;
	w->scratch.window_bits = BF_MIN(f->window_bits, 32u - (unsigned)__builtin_clz(f->part));
	w->spilled = malloc(bytes);
	w->all_spilled = calloc(bytes, 1);
	w->err = cut_scratch(&w->scratch) || !w->spilled || !w->all_spilled ? -ENOMEM : 0;
	return w->err;
}

static void worker_free(struct worker *w)
{
	cut_end(&w->scratch);
	free(w->spilled);
	free(w->all_spilled);
}

/* A forest of the part alone. */
static struct forest part_forest(const struct forest *f, struct part *p, const struct worker *w)
{
	struct forest own = *f;

	own.out = &p->out;
	own.begin = 0;
	own.rules = own.numbers = (struct bf_buf){ 0 };
	own.max_bytes = f->parts->max_bytes;
	own.part = 0;
	own.spilled = w->spilled;
	own.region = p->region;
	own.depth = 0;
	own.depth_now = p->depth_now;
	own.copies = own.worst_leaf = 0;
	own.work = own.done = 0;
	cut_borrow(&own, &w->scratch);
	return own;
}

static void part_build(struct forest *f, struct part *p, struct worker *w, bool tells)
{
	size_t bytes = f->p->n_boxes / 8 + 1;
	struct forest own = part_forest(f, p, w);

	own.tells = tells;
	memcpy(w->spilled, f->spilled, bytes);
	forest_tell(&own);
	if (!own.err && !bf_buf_reserve(&p->out, 8ull * (p->end - p->first)))
		own.err = -ENOMEM;
	if (!own.err)
		tree_children_build(&own, p->children, 0, p->first, p->end, p->budget + p->budget / 32);
	for (size_t i = 0; i < bytes; i++)
		w->all_spilled[i] |= w->spilled[i];
	atomic_fetch_add(&f->told->done, own.done);
	p->rules = own.rules;
	p->numbers = own.numbers;
	p->depth = own.depth;
	p->copies = own.copies;
	p->worst_leaf = own.worst_leaf;
	p->err = own.err;
}

static void build_one(void *arg, uint32_t i, unsigned worker)
{
	struct forest *f = arg;
	struct worker *w = &f->parts->worker[worker];
	struct part *p = &f->parts->part[i];

	p->err = worker_make(w, f);
	if (!p->err)
		part_build(f, p, w, !worker);
}

/* ------------------------------------------------------------------ putting */

/* A node of a part's; nodes and rules of the part lie so many words further behind. */
static uint64_t moved(uint64_t node, uint32_t nodes, uint32_t rules)
{
	if (!(node & BF_CLASS_LEAF))
		return node + nodes;
	return node >> 32 & BF_CLASS_LEAF_MAX ? node + rules : node;
}

static void put(struct forest *f, struct part *p)
{
	uint32_t own = p->end - p->first, n = (uint32_t)(p->out.len / 8);
	uint32_t nodes = (uint32_t)(f->out->len / 4) - 2 * own, rules = (uint32_t)(f->rules.len / 4);
	uint64_t *node = (uint64_t *)(void *)p->out.data;

	if (forest_used(f) + p->out.len + p->rules.len > f->max_bytes ||
	    (f->out->len + f->rules.len + p->out.len + p->rules.len) / 4 > UINT32_MAX) {
		f->err = -E2BIG;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		node[i] = moved(node[i], nodes, rules);
	memcpy(f->out->data + 4ull * p->place, node, 8ull * own);
	bf_buf_add(f->out, node + own, 8ull * (n - own));
	bf_buf_add(&f->rules, p->rules.data, p->rules.len);
	bf_buf_add(&f->numbers, p->numbers.data, p->numbers.len);
	if (f->out->err || f->rules.err || f->numbers.err)
		f->err = -ENOMEM;
	f->depth = BF_MAX(f->depth, p->depth);
	f->copies += p->copies;
	f->worst_leaf = BF_MAX(f->worst_leaf, p->worst_leaf);
}

static void part_free(struct part *p)
{
	tree_children_drop(p->children);
	bf_buf_free(&p->out);
	bf_buf_free(&p->rules);
	bf_buf_free(&p->numbers);
}

static void join_spilled(struct forest *f, struct worker *w)
{
	for (size_t i = 0; w->all_spilled && i < f->p->n_boxes / 8 + 1; i++) {
		f->spilled[i] |= w->all_spilled[i];
		w->all_spilled[i] = 0;
	}
}

void parts_build(struct forest *f)
{
	struct parts *s = f->parts;

	if (!f->part)
		return;
	s->max_bytes = f->max_bytes - BF_MIN(f->max_bytes, forest_used(f));
	if (!f->err)
		bf_pool_run(f->o->pool, s->n, build_one, f);
	for (uint32_t i = 0; i < s->n; i++) {
		f->err = f->err ? f->err : s->part[i].err;
		if (!f->err)
			put(f, &s->part[i]);
		part_free(&s->part[i]);
	}
	for (unsigned i = 0; i < BF_POOL_MAX; i++)
		join_spilled(f, &s->worker[i]);
	s->n = 0;
	f->part = 0;
}

void parts_end(struct forest *f)
{
	if (!f->parts)
		return;
	for (unsigned i = 0; i < BF_POOL_MAX; i++)
		worker_free(&f->parts->worker[i]);
	free(f->parts->part);
	free(f->parts);
}
