/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lookup_class.c: a set's elements as the boxes of a run of rules that all do
 * the same (opt/run.h); the counter of a rule is the number of the element.
 *
 * A box has prefixes of addresses, so ranges of long addresses are taken apart
 * before: such an element is several boxes.
 */
#include "gen/build.h"
#include "match/match.h"
#include "opt/run.h"

enum { PIECES = 254, BOXES_MAX = 4096, CHECK_LOOKS = 20000, CHECK_PER_BOX = 16, MARKED_MOST = 1 << 23 };

struct bf_lower_found {
	const struct bf_set *set;
	struct bf_key_part part[BF_SET_PARTS];
	bool ip6;
	uint32_t head; /* 0: cannot be had */
	struct bf_uses uses; /* of what asks it */
};

struct boxes {
	struct bf_lower *l;
	const struct bf_lookup *k;
	struct bf_lower_found *out;
	struct bf_run run;
	struct bf_rule rule; /* one for all: its conditions and its counter change */
	struct bf_cond cond[BF_SET_PARTS];
	struct bf_cond_ref conds[BF_SET_PARTS];
	struct bf_range pieces[2][PIECES]; /* of the parts that are long addresses */
	uint32_t n_pieces[2];
	int err;
};

static bool is_long_address(const struct bf_field *f)
{
	return f->bits == 128 && (f->word == BF_KEY_SADDR || f->word == BF_KEY_DADDR);
}

static bool is_cut(const struct boxes *b, unsigned p)
{
	return is_long_address(b->k->part[p].field) && !b->k->part[p].mask;
}

/* As prefixes. */
static uint32_t cut(bf_u128 lo, bf_u128 hi, struct bf_range *out)
{
	uint32_t n = 0;

	for (;;) {
		bf_u128 size = lo ? lo & -lo : 0, last; /* 0: all of 2^128 */

		if (!size && hi == ~(bf_u128)0) {
			out[n++] = (struct bf_range){ lo, hi };
			return n;
		}
		if (!size)
			size = (bf_u128)1 << 127;
		while (lo + (size - 1) > hi)
			size >>= 1;
		last = lo + (size - 1);
		out[n++] = (struct bf_range){ lo, last };
		if (last == hi)
			return n;
		lo = last + 1;
	}
}

/* One piece of element i. */
static void add_box(struct boxes *b, uint32_t i)
{
	uint32_t step = b->k->set->n < MARKED_MOST ? BF_CLASS_MARKS + 1 : 1; /* elements share no packet: what is found ends the walk */
	const struct bf_run_rule rule = { .index = 0, .order = (i + 1) * step, .final = true };
	struct bf_box box;
	int err;

	b->rule.counter = i;
	bf_box_make(&box, &b->rule, bf_sorts(BF_SORTS_ALL, false, b->l->family), b->l->family);
	if (box.rest) {
		b->err = -EOPNOTSUPP;
		return;
	}
	b->out->uses.needs |= box.needs;
	err = bf_run_add(&b->run, &rule, &box);
	if (err)
		b->err = err == BF_RUN_FULL ? -EOPNOTSUPP : err;
}

static void add_pieces(struct boxes *b, uint32_t i, const unsigned *which, unsigned n)
{
	if (!n)
		return add_box(b, i);
	for (uint32_t k = 0; k < b->n_pieces[n - 1] && !b->err; k++) {
		b->cond[which[n - 1]].ranges = &b->pieces[n - 1][k];
		add_pieces(b, i, which, n - 1);
	}
}

static void add_element(struct boxes *b, uint32_t i)
{
	const struct bf_range *key = &b->k->set->keys[(size_t)i * b->k->set->n_parts];
	unsigned which[2], n = 0;

	for (unsigned p = 0; p < b->k->set->n_parts; p++) {
		b->cond[p].ranges = &key[p];
		if (key[p].lo > key[p].hi)
			return; /* nothing lies in it */
		if (!is_cut(b, p) || n == 2)
			continue;
		b->n_pieces[n] = cut(key[p].lo, key[p].hi, b->pieces[n]);
		which[n++] = p;
	}
	if (n == 2 && b->n_pieces[0] * b->n_pieces[1] > BOXES_MAX)
		b->err = -EOPNOTSUPP;
	else
		add_pieces(b, i, which, n);
}

static void note_uses(const struct boxes *b, struct bf_lower_found *out, const struct bf_class_head *h,
                      const struct bf_class_stats *stats)
{
	out->uses.structs = 1u << h->kind | (h->ref_bits ? 1u << BF_CLASS_REFS : 0);
	out->uses.levels = stats->levels;
	out->uses.trees = stats->trees;
	out->uses.tests = bf_run_tests(&b->run);
}

static int build(struct boxes *b, struct bf_lower_found *out)
{
	struct bf_class_problem p = bf_run_finish(&b->run);
	struct bf_class_opts o = { .max_bytes = b->l->class_bytes, .pool = b->l->pool };
	struct bf_buf *data = &b->l->class;
	struct bf_class_stats stats;
	size_t len;
	int err;

	if (data->len % 8 || !data->len)
		bf_buf_reserve(data, 8 - data->len % 8); /* place 0 is none */
	len = data->len;
	err = bf_class_build(&p, &o, data, &out->head, &stats);
	if (!err)
		err = bf_class_check(&p, data, out->head, stats.expected_rules, CHECK_LOOKS + CHECK_PER_BOX * (uint64_t)p.n_boxes,
		                     &o, b->l->diag);
	if (err == -E2BIG) {
		data->len = len;
		return -EOPNOTSUPP;
	}
	if (!err && data->err)
		err = data->err;
	if (!err)
		note_uses(b, out, (const void *)(data->data + (size_t)out->head * sizeof(uint32_t)), &stats);
	return err;
}

static void begin(struct boxes *b)
{
	b->rule = (struct bf_rule){ .conds = b->conds, .n_conds = b->k->set->n_parts };
	for (unsigned p = 0; p < b->k->set->n_parts; p++) {
		const struct bf_key_part *part = &b->k->part[p];

		b->cond[p] = (struct bf_cond){ .kind = BF_COND_FIELD, .field = part->field, .n_ranges = 1,
			                           .mask = part->mask ? part->mask : bf_field_ones(part->field) };
		b->conds[p] = bf_cond_at(&b->cond[p]);
	}
	bf_run_init(&b->run, &b->rule, b->k->set->n, b->l->family == NFPROTO_IPV6);
}

/* The class data, or out->head is 0. */
static void make(struct bf_lower *l, const struct bf_lookup *k, struct bf_lower_found *out)
{
	struct boxes *b = calloc(1, sizeof(*b));

	if (!b)
		return bf_lower_error(l, -ENOMEM);
	b->l = l;
	b->k = k;
	b->out = out;
	begin(b);
	for (uint32_t i = 0; i < k->set->n && !b->err; i++)
		add_element(b, i);
	if (!b->err && b->run.n_boxes)
		b->err = build(b, out);
	if (b->err) {
		out->head = 0;
		if (b->err != -EOPNOTSUPP)
			bf_lower_error(l, b->err);
	}
	bf_run_free(&b->run);
	free(b);
}

static bool same(const struct bf_lower_found *f, const struct bf_lookup *k, bool ip6)
{
	if (f->set != k->set || f->ip6 != ip6)
		return false;
	for (unsigned p = 0; p < k->set->n_parts; p++)
		if (f->part[p].field != k->part[p].field || f->part[p].mask != k->part[p].mask)
			return false;
	return true;
}

static void use(struct bf_uses *u, const struct bf_uses *more)
{
	u->needs |= more->needs;
	u->structs |= more->structs;
	u->levels = BF_MAX(u->levels, more->levels);
	u->trees = BF_MAX(u->trees, more->trees);
	u->tests = BF_MAX(u->tests, more->tests);
}

void bf_lower_boxes(struct bf_lower *l, const struct bf_lookup *k, uint32_t *head)
{
	struct bf_lower_found f = { .set = k->set, .ip6 = l->family == NFPROTO_IPV6 };
	uint32_t i = 0;

	while (i < l->n_found && !same(&l->found[i], k, f.ip6))
		i++;
	if (i == l->n_found) {
		memcpy(f.part, k->part, k->set->n_parts * sizeof(*f.part));
		make(l, k, &f);
		if (l->err || bf_grow(&l->found, l->n_found, &l->cap_found, sizeof(*l->found)) < 0)
			return bf_lower_error(l, -ENOMEM);
		l->found[l->n_found++] = f;
	}
	*head = l->found[i].head;
	if (*head)
		use(bf_lower_uses(l), &l->found[i].uses);
}
