/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_dims.c: boxes as products of intervals (forest.h). The words of the
 * addresses are dimensions as they are. Of the others, a run of bits is one
 * dimension when each test's mask takes all or nothing of it; so a masked
 * equality is exact in any number of them. Where masks that are no prefixes
 * test an address, such runs of its bits are dimensions beside the whole:
 *
 *   source         10.*.7.*  │        10.1.0.0/16
 *   whole word     anything  │ 10.1.0.0 .. 10.1.255.255
 *   bits 24 to 31  10        │ 10
 *   bits 8 to 15   7         │ anything
 */
#include "opt/forest.h"

#include "opt/svc.h"

#define ANY_PORT 0xffff
#define PARTS_MOST 1500000 /* columns times services: masks at random have a part for each bit */

struct masks { /* by word */
	uint32_t used[BF_KEY_WORDS];
	uint32_t bounds[BF_KEY_WORDS]; /* bit i: a mask begins or ends between bits i - 1 and i */
};

/* f(ctx, test) for each test of a service, ports and META as tests too. */
static void each_test(const struct bf_class_svc *s, void (*f)(void *ctx, const struct bf_class_test *t), void *ctx)
{
	const struct bf_class_test *t = (const struct bf_class_test *)(s + 1);

	if (s->dport || s->dport_span < ANY_PORT)
		f(ctx, &(struct bf_class_test){ BF_KEY_PORTS, 0xffff, s->dport, s->dport_span });
	if (s->sport || s->sport_span < ANY_PORT)
		f(ctx, &(struct bf_class_test){ BF_KEY_PORTS, 0xffff0000, (uint32_t)s->sport << 16,
		                                (uint32_t)s->sport_span << 16 | 0xffff });
	if (s->meta_mask)
		f(ctx, &(struct bf_class_test){ BF_KEY_META, s->meta_mask, s->meta, 0 });
	for (unsigned i = 0; i < s->n_tests; i++)
		f(ctx, &t[i]);
}

static void note_mask(void *ctx, const struct bf_class_test *t)
{
	struct masks *m = ctx;

	if (t->word >= BF_KEY_WORDS)
		return;
	m->used[t->word] |= t->mask;
	m->bounds[t->word] |= t->mask ^ t->mask << 1;
}

#define for_each_svc(p, s)                                                                                         \
	for (const struct bf_class_svc *s = (p)->svcs; (const char *)s < (const char *)(p)->svcs + (p)->svcs_size; \
	     s = (const void *)((const char *)s + bf_svc_size(s)))

static void add_addrs(struct forest *f)
{
	for (unsigned i = 0; i < 8; i += f->p->ip6 ? 1 : 4)
		f->dim[f->n_dims++] = (struct dim){ .word = (uint8_t)i, .width = 32 };
	f->n_addrs = f->n_dims;
}

static size_t most_services(const struct forest *f)
{
	return service_number(f->p->svcs_size / BF_SVC_UNIT) + 1;
}

static bool takes_part(const struct forest *f)
{
	return f->n_dims * most_services(f) < PARTS_MOST;
}

/* The runs of bits of a word. */
static void add_dims(struct forest *f, const struct masks *m, unsigned w)
{
	for (unsigned bit = 0, end; bit < 32; bit = end) {
		end = bit + 1;
		if (!(m->used[w] >> bit & 1))
			continue;
		while (end < 32 && m->used[w] >> end & 1 && !(m->bounds[w] >> end & 1))
			end++;
		if (f->n_dims == FOREST_DIMS || (w < BF_KEY_PORTS && (end - bit == 32 || !takes_part(f))))
			return;
		f->dim[f->n_dims++] = (struct dim){ .word = (uint8_t)w, .shift = (uint8_t)bit, .width = (uint8_t)(end - bit),
			                            .by_svc = true, .part = w < BF_KEY_PORTS };
	}
}

static uint32_t dim_mask(const struct dim *d)
{
	return (0xffffffffu >> (32 - d->width)) << d->shift;
}

/* What a test leaves of a dimension. *exact: that is all it says about it. */
static struct range project(const struct dim *d, const struct bf_class_test *t, bool *exact)
{
	struct range all = { 0, 0xffffffffu >> (32 - d->width) };
	uint32_t hi = t->lo + t->span, mask = dim_mask(d);
	unsigned top = d->shift + d->width;

	*exact = false;
	if ((t->mask & mask) != mask || hi < t->lo) /* an address may be tested under any mask */
		return all;
	if (!t->span) {
		*exact = !(t->lo & ~t->mask);
		return (struct range){ t->lo >> d->shift & all.hi, t->lo >> d->shift & all.hi };
	}
	hi = BF_MIN(hi, t->mask);
	if (hi < t->lo || (top < 32 && t->lo >> top != hi >> top))
		return all;
	*exact = t->mask == mask && !(t->lo & ~mask);
	return (struct range){ t->lo >> d->shift & all.hi, hi >> d->shift & all.hi };
}

struct projection {
	struct forest *f;
	struct range *row;
	bool *inexact;
};

static void project_test(void *ctx, const struct bf_class_test *t)
{
	struct projection *p = ctx;
	uint32_t said = 0;

	for (unsigned i = 0; i < p->f->n_dims; i++) {
		const struct dim *d = &p->f->dim[i];
		struct range r, *have;
		bool exact;

		if (!d->by_svc || d->word != t->word || !(t->mask & dim_mask(d)))
			continue;
		r = project(d, t, &exact);
		have = &p->row[d->column];
		have->lo = BF_MAX(have->lo, r.lo);
		have->hi = BF_MIN(have->hi, r.hi);
		if (exact)
			said |= dim_mask(d);
	}
	if (t->mask & ~said)
		*p->inexact = true;
}

/* Tests on addresses (ranges, negations) narrow the prefixes: then services have columns for them. */
static void number_columns(struct forest *f, const struct masks *m)
{
	for (unsigned i = 0; i < f->n_dims; i++) {
		f->dim[i].by_svc |= m->used[f->dim[i].word] != 0;
		if (f->dim[i].by_svc)
			f->dim[i].column = (uint8_t)f->n_columns++;
	}
}

void dims_fill(struct forest *f, uint32_t index)
{
	struct projection p = { f, f->svc + service_number(index) * f->n_columns, &f->inexact[service_number(index)] };

	for (unsigned i = 0; i < f->n_dims; i++)
		if (f->dim[i].by_svc)
			p.row[f->dim[i].column] = (struct range){ 0, 0xffffffffu >> (32 - f->dim[i].width) };
	*p.inexact = false;
	each_test((const void *)((const char *)f->p->svcs + (size_t)index * BF_SVC_UNIT), project_test, &p);
}

int dims_plan(struct forest *f)
{
	struct masks m = { 0 };
	size_t n = most_services(f);

	for_each_svc(f->p, s)
		each_test(s, note_mask, &m);
	add_addrs(f);
	for (unsigned w = BF_KEY_PORTS; w < BF_KEY_WORDS; w++)
		add_dims(f, &m, w);
	for (unsigned w = BF_KEY_SADDR; w < BF_KEY_PORTS; w++)
		add_dims(f, &m, w);
	number_columns(f, &m);
	f->svc = calloc(n * BF_MAX(f->n_columns, 1), sizeof(*f->svc));
	f->inexact = calloc(n, sizeof(*f->inexact));
	if (!f->svc || !f->inexact)
		return -ENOMEM;
	for (unsigned i = 0; i < f->n_dims; i++)
		f->region.hull[i] = (struct range){ 0, 0xffffffffu >> (32 - f->dim[i].width) };
	return 0;
}

int dims_make(struct forest *f)
{
	int r = dims_plan(f);

	if (!r)
		for_each_svc(f->p, s)
			dims_fill(f, (uint32_t)(((const char *)s - (const char *)f->p->svcs) / BF_SVC_UNIT));
	return r;
}

void dims_free(struct forest *f)
{
	free(f->svc);
	free(f->inexact);
}

static struct range prefix_range(const struct forest *f, const struct bf_class_box *b, unsigned word)
{
	unsigned part = word % 4, len = b->len[word / 4];
	uint32_t lo = (uint32_t)(b->addr[word / 4] >> (f->p->ip6 ? 96 - 32 * part : 0));

	len = len > 32 * part ? BF_MIN(len - 32 * part, 32u) : 0;
	return (struct range){ lo, len == 32 ? lo : lo | 0xffffffffu >> len };
}

/* Of a dimension, what the box's service leaves. */
static struct range svc_range(const struct forest *f, const struct bf_class_box *b, const struct dim *d)
{
	return f->svc[service_number(b->svc) * f->n_columns + d->column];
}

/* Of a part, what the prefix leaves. */
static struct range part_range(const struct forest *f, const struct bf_class_box *b, const struct dim *d)
{
	struct range r = prefix_range(f, b, d->word);
	uint32_t all = 0xffffffffu >> (32 - d->width);
	unsigned top = d->shift + d->width;

	if (top < 32 && r.lo >> top != r.hi >> top)
		return (struct range){ 0, all };
	return (struct range){ r.lo >> d->shift & all, r.hi >> d->shift & all };
}

struct range dims_box_range(const struct forest *f, const struct bf_class_box *b, unsigned dim)
{
	const struct dim *d = &f->dim[dim];
	struct range r = { 0, 0xffffffffu }, s;

	if (dim < f->n_addrs)
		r = prefix_range(f, b, d->word);
	else if (d->part)
		r = part_range(f, b, d);
	if (!d->by_svc)
		return r;
	s = svc_range(f, b, d);
	return (struct range){ BF_MAX(r.lo, s.lo), BF_MIN(r.hi, s.hi) };
}

struct range dims_range(const struct forest *f, uint32_t box, unsigned dim)
{
	return dims_box_range(f, &f->p->boxes[box], dim);
}

int dims_only(const struct forest *f, uint32_t box, const struct region *g)
{
	int only = DIMS_NONE;

	if (!(f->p->boxes[box].flags & BF_BOX_FINAL) || f->inexact[service_number(f->p->boxes[box].svc)])
		return DIMS_MANY;
	for (unsigned i = 0; i < f->n_dims; i++) {
		/* what a prefix says of a part it says of the whole */
		struct range r = f->dim[i].part ? svc_range(f, &f->p->boxes[box], &f->dim[i]) : dims_range(f, box, i);

		if (r.lo <= g->hull[i].lo && r.hi >= g->hull[i].hi)
			continue;
		if (only != DIMS_NONE)
			return DIMS_MANY;
		only = (int)i;
	}
	return only;
}

bool dims_asked(const struct forest *f, uint32_t box, const struct region *g)
{
	for (unsigned i = 0; i < f->n_addrs; i++) {
		struct range r = prefix_range(f, &f->p->boxes[box], f->dim[i].word);

		if (r.lo > g->hull[i].lo || r.hi < g->hull[i].hi)
			return false;
	}
	return true;
}
