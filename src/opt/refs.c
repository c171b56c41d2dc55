/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refs.c: the same rules for another sort of packets (opt/odd.h). Most ask for
 * the addresses that they ask ordinary packets for, and differ in the service.
 *
 *   leaf   ref ref ref      ref: number of the rule | service
 *            \\   |
 *   rules  .. rule .. rule ..   in leaves of the structure for ordinary packets
 *
 * A word instead of four, at the price of one more place to look at. What is
 * not there is put in front of the nodes.
 */
#include "opt/forest.h"

#define LEAST 16384 /* boxes; memory of fewer matters to nobody */

static unsigned bits_for(uint64_t n)
{
	unsigned bits = 1;

	while (n >> bits)
		bits++;
	return bits;
}

struct finder { /* boxes by order, which are multiples of 2^shift, nearly all */
	uint32_t shift, first, n, marks; /* marks: bits of orders that do not count */
	uint32_t *box; /* (order >> shift) - first -> its first box + 1 */
};

static int finder_make(struct finder *s, const struct bf_class_problem *p, uint32_t shift)
{
	*s = (struct finder){ .marks = forest_has_room(p) ? BF_CLASS_MARKS : 0, .shift = shift, .first = p->boxes->order >> shift };
	s->n = (p->boxes[p->n_boxes - 1].order >> shift) - s->first + 1;
	if (s->n / 4 > p->n_boxes)
		return 0;
	s->box = calloc(s->n, sizeof(*s->box));
	for (uint32_t i = p->n_boxes; s->box && i-- > 0;)
		s->box[(p->boxes[i].order >> shift) - s->first] = i + 1;
	return s->box ? 0 : -ENOMEM;
}

/* Does it ask for that box's addresses? Then, if their order is the same, the service is all that may differ. */
static bool same_addresses(const struct bf_class_rule4 *r, const struct bf_class_box *b)
{
	return r->addr[0] == (uint32_t)b->addr[0] && r->addr[1] == (uint32_t)b->addr[1] &&
	       (r->what & 0xfff) == ((32u - b->len[0]) | (32u - b->len[1]) << 6);
}

/* Which boxes lie in the base; ref: number of the rule there, UINT32_MAX: not there. */
static void find_rules(const struct forest *f, const struct finder *s)
{
	const struct bf_class_problem *p = f->p;
	const struct bf_class_rule4 *r = (const void *)(f->out->data + 4ull * p->base_rules);

	for (uint32_t k = 0; k < p->n_base; k++) {
		uint32_t order = r[k].order & ~s->marks, at = (order >> s->shift) - s->first;

		for (uint32_t i = at < s->n && s->box[at] ? s->box[at] - 1 : p->n_boxes;
		     i < p->n_boxes && p->boxes[i].order == order; i++)
			if (same_addresses(&r[k], &p->boxes[i]))
				f->ref[i] = k;
	}
}

static int put_missing(struct forest *f)
{
	struct bf_buf *out = f->out;

	for (uint32_t i = 0; i < f->p->n_boxes; i++) {
		uint32_t *rule;

		if (f->ref[i] != UINT32_MAX)
			continue;
		f->ref[i] = (uint32_t)(out->len / 4 - f->p->base_rules) / forest_rule_words(false);
		rule = bf_buf_reserve(out, sizeof(struct bf_class_rule4));
		if (!rule)
			return -ENOMEM;
		forest_put_rule(false, rule, &f->p->boxes[i]);
	}
	return 0;
}

static bool fit(const struct forest *f)
{
	return f->out->len - 4ull * f->p->base_rules < 16ull << (32 - f->ref_bits);
}

static int make(struct forest *f, const struct finder *s)
{
	const struct bf_class_problem *p = f->p;
	size_t begin = f->out->len;
	int r;

	f->ref = malloc(4ull * p->n_boxes);
	if (!f->ref)
		return -ENOMEM;
	memset(f->ref, 0xff, 4ull * p->n_boxes);
	find_rules(f, s);
	if (begin % 16)
		bf_buf_reserve(f->out, 16 - begin % 16);
	r = put_missing(f);
	f->ref_bits = bits_for(p->svcs_size / BF_SVC_UNIT);
	if (!r && fit(f)) {
		for (uint32_t i = 0; i < p->n_boxes; i++)
			f->ref[i] = f->ref[i] << f->ref_bits | p->boxes[i].svc;
		return f->out->err;
	}
	f->out->len = begin;
	free(f->ref);
	f->ref = NULL;
	return r;
}

int forest_make_refs(struct forest *f)
{
	const struct bf_class_problem *p = f->p;
	struct finder s;
	uint32_t shift;
	int r;

	if (p->ip6 || !p->n_base || p->n_boxes < LEAST || !forest_reckons_slots(p, &shift))
		return 0;
	r = finder_make(&s, p, shift);
	if (!r && s.box)
		r = make(f, &s);
	free(s.box);
	return r;
}
