/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.c: is a structure right (class.h)? Packets on the borders of boxes,
 * just inside and just outside, are looked for in both ways.
 */
#include "opt/class.h"

#include <stdatomic.h>

#include "opt/corner.h"
#include "opt/svc.h"

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static bool same(const struct bf_class_found *a, const struct bf_class_found *b)
{
	return a->order == b->order && a->slot == b->slot && a->target == b->target && a->counted == b->counted;
}

/* What stands at the service in the data counts, not what stood in the problem: targets are set later. */
static int compare(const struct bf_class_problem *p, const struct bf_buf *data, uint32_t head, const uint32_t *key,
                   uint32_t floor, struct bf_class_found *is, struct bf_diag *d)
{
	struct bf_class_found want = { 0 }, have = { 0 };
	bool w = bf_class_scan(p, key, floor, &want);
	bool h = bf_class_find((const uint32_t *)data->data, (uint32_t)(data->len / 4), head, p->ip6, key, floor, &have);

	*is = want;
	have.target = want.target;
	if (w == h && (!w || same(&want, &have)))
		return w;
	if (!h)
		return bf_diag_error(d, -EBADMSG, "classification: rule %u is not found from %u on", want.order, floor);
	if (!w)
		return bf_diag_error(d, -EBADMSG, "classification: rule %u is found from %u on, and does not match", have.order,
		                     floor);
	return bf_diag_error(d, -EBADMSG, "classification: rule %u is found from %u on instead of rule %u", have.order,
	                     floor, want.order);
}

/* Is some part of the rule final? */
static bool is_final(const struct bf_class_problem *p, uint32_t order)
{
	for (const struct bf_class_box *b = bf_class_box_from(p, order); b < p->boxes + p->n_boxes && b->order == order; b++)
		if (b->flags & BF_BOX_FINAL)
			return true;
	return false;
}

#define RESUMES 4 /* how often the same packet comes back */

static int check_key(const struct bf_class_problem *p, const struct bf_buf *data, uint32_t head, const uint32_t *key,
                     struct bf_diag *d)
{
	struct bf_class_found is;
	uint32_t floor = 0;
	int r;

	for (unsigned i = 0; i < RESUMES; i++) {
		r = compare(p, data, head, key, floor, &is, d);
		if (r <= 0)
			return r;
		if (is_final(p, is.order))
			return 0;
		floor = is.order + 1;
	}
	return 0;
}

/* A packet of a box finds this one or an earlier one, and that one matches. No look at all boxes. */
static int check_inside(const struct bf_class_problem *p, const struct bf_buf *data, uint32_t head, uint32_t box,
                        const uint32_t *key, struct bf_diag *d)
{
	struct bf_class_problem one = *p;
	struct bf_class_found want, have;

	one.boxes = p->boxes + box;
	one.n_boxes = 1;
	if (!bf_class_scan(&one, key, 0, &want))
		return 0; /* tests that contradict each other */
	if (!bf_class_find((const uint32_t *)data->data, (uint32_t)(data->len / 4), head, p->ip6, key, 0, &have) ||
	    have.order > want.order)
		return bf_diag_error(d, -EBADMSG, "classification: rule %u is not found", want.order);
	one.boxes = bf_class_box_from(p, have.order);
	one.n_boxes = (uint32_t)(p->boxes + p->n_boxes - one.boxes);
	if (!bf_class_scan(&one, key, have.order, &want) || want.order != have.order || want.slot != have.slot ||
	    want.counted != have.counted)
		return bf_diag_error(d, -EBADMSG, "classification: rule %u is found, and does not match", have.order);
	return 0;
}

/* A find costs about as much, beside the rules that it meets. Where these are very many, there are some finds all the same. */
enum { LOOKS_PER_FIND = 64, LEAST_FINDS = 64 };
#define PART_LOOKS (1u << 17) /* a part of the work: about so many looks at boxes */

struct check {
	const struct bf_class_problem *p;
	const struct bf_buf *data;
	uint32_t head;
	uint64_t whole, finds; /* keys looked for in both ways; others */
	const struct bf_class_opts *o;
	uint32_t parts;
	atomic_uint first_wrong; /* part */
	atomic_bool stop;
};

static uint32_t box_of(const struct check *c, uint64_t i)
{
	return (uint32_t)(i * 0x9e3779b97f4a7c15u % c->p->n_boxes);
}

static uint64_t share(const struct check *c, uint64_t n, uint32_t part)
{
	return n * part / c->parts;
}

static int check_part(const struct check *c, uint32_t part, struct bf_diag *d)
{
	uint64_t rng = c->p->n_boxes + (uint64_t)part;
	uint32_t key[BF_KEY_WORDS];
	int r = 0;

	for (uint64_t i = share(c, c->whole, part); i < share(c, c->whole, part + 1) && !r; i++) {
		bf_class_corner(c->p, box_of(c, i), next_random(&rng), key);
		r = check_key(c->p, c->data, c->head, key, d);
	}
	for (uint64_t i = share(c, c->finds, part); i < share(c, c->finds, part + 1) && !r; i++) {
		bf_class_inside(c->p, box_of(c, i), next_random(&rng), key);
		r = check_inside(c->p, c->data, c->head, box_of(c, i), key, d);
	}
	return r;
}

static void check_one(void *arg, uint32_t part, unsigned worker)
{
	struct check *c = arg;
	uint32_t first = atomic_load(&c->first_wrong);

	if (!worker && !c->stop && c->o->progress && c->o->progress(c->o->progress_arg, 0.99))
		c->stop = true;
	if (!c->stop && part < first && check_part(c, part, NULL))
		while (part < first && !atomic_compare_exchange_weak(&c->first_wrong, &first, part))
			;
}

int bf_class_check(const struct bf_class_problem *p, const struct bf_buf *data, uint32_t head, double rules, uint64_t budget,
                   const struct bf_class_opts *o, struct bf_diag *d)
{
	static const struct bf_class_opts usual;
	uint64_t finds = budget / 2 / (LOOKS_PER_FIND + (uint64_t)rules);
	struct check c = { p, data, head, .o = o ? o : &usual, .parts = (uint32_t)(budget / PART_LOOKS + 1), .first_wrong = UINT32_MAX };

	if (!p->n_boxes)
		return 0;
	c.whole = budget / 2 / p->n_boxes + 1;
	c.finds = BF_MAX(finds, (uint64_t)LEAST_FINDS);
	bf_pool_run(c.o->pool, c.parts, check_one, &c);
	if (c.stop)
		return -ECANCELED;
	return c.first_wrong == UINT32_MAX ? 0 : check_part(&c, c.first_wrong, d); /* once more, to say what it is */
}
