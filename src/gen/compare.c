/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compare.c: a field against a field -> CMP cells; a value to an output -> a
 * PUT cell.
 *
 * Numbers of one word are compared as 64 bits with sign, so that a constant
 * between them does not wrap. Wider ones word by word, the most significant
 * first: less, more, or equal so far. There is one place for what a LOAD cell
 * fetches: where both are loaded, a word of one of them waits as an output
 * that nobody looks at (BF_OUT_TEMP).
 */
#include "gen/build.h"

enum { SHIFT_MAX = 31 };

static unsigned words(const struct bf_operand *o)
{
	return (o->field->bits + 31u) / 32;
}

static bool is_loaded(const struct bf_operand *o)
{
	return o->field->loader >= 0;
}

/* What would have to be looked at twice, drops packets, or is no number of the packet's. */
static bool is_odd(const struct bf_operand *o)
{
	return o->field->fixed || o->field->loader == BF_LOAD_TCP_MSS || o->shift > SHIFT_MAX || o->shift < -SHIFT_MAX;
}

struct word { /* of an operand, in the key */
	uint8_t at;
	uint32_t mask;
	uint32_t shift; /* right, left << BF_CMP_LEFT */
};

static struct word word_of(const struct bf_operand *o, unsigned i)
{
	bf_u128 mask = (o->mask ? o->mask : bf_field_ones(o->field)) & bf_field_ones(o->field);
	unsigned n = words(o);
	int shift = o->shift + (n == 1 ? o->field->shift : 0);

	if (shift > SHIFT_MAX) /* nothing is left */
		return (struct word){ (uint8_t)(o->field->word + i), 0, 0 };
	return (struct word){ (uint8_t)(o->field->word + i),
		                  (uint32_t)(mask >> 32 * (n - 1 - i)) << (n == 1 ? o->field->shift : 0),
		                  shift < 0 ? (uint32_t)-shift << BF_CMP_LEFT : (uint32_t)shift };
}

/* Here: the operand is in the key, or the way leads to na. */
static void fetch(struct bf_lower *l, const struct bf_operand *o, bf_label na)
{
	bf_label loaded;

	if (!bf_field_there(o->field, l->family))
		return bf_lower_goto(l, na);
	bf_lower_need(l, o->field->needs);
	if (!is_loaded(o))
		return;
	loaded = bf_lower_label(l);
	bf_lower_load(l, o->field->loader, o->field->loader_arg, loaded, na);
	bf_lower_bind(l, loaded);
}

static void put_word(struct bf_lower *l, enum bf_out out, const struct word *w, uint32_t value, bf_label next)
{
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_PUT, next, BF_NO_LABEL);

	c->lo = out;
	c->span = value;
	if (!w)
		return;
	c->word = w->at;
	c->mask = w->mask;
	c->arg = w->shift;
}

struct sides {
	const struct bf_compare *c;
	bool both; /* are loaded */
	bf_label na;
};

/* Here: a's word i and b's can be compared; b's is *b. */
static void fetch_words(struct bf_lower *l, const struct sides *s, unsigned i, struct word *b)
{
	bf_label next;

	*b = word_of(&s->c->b, i);
	if (!s->both)
		return;
	next = bf_lower_label(l);
	fetch(l, &s->c->b, s->na);
	put_word(l, BF_OUT_TEMP, &(struct word){ b->at, UINT32_MAX, 0 }, 0, next);
	bf_lower_bind(l, next);
	fetch(l, &s->c->a, s->na);
	b->at = BF_CMP_TEMP;
}

static void cmp(struct bf_lower *l, const struct sides *s, unsigned i, bool less, int64_t add, bf_label hit,
                bf_label miss)
{
	struct word a = word_of(&s->c->a, i), b;
	struct bf_cell *c;

	fetch_words(l, s, i, &b);
	c = bf_lower_cell(l, BF_CELL_CMP, hit, miss);
	c->word = a.at;
	c->mask = a.mask;
	c->other = b.at;
	c->lo = b.mask;
	c->span = a.shift | b.shift << BF_CMP_B | (less ? BF_CMP_LESS : 0);
	c->arg = (uint64_t)add;
}

static void cmp_numbers(struct bf_lower *l, const struct sides *s, unsigned i, bf_label hit, bf_label miss)
{
	int64_t add = s->c->add;

	switch (s->c->relation) {
	case BF_EQ:
		return cmp(l, s, i, false, add, hit, miss);
	case BF_NE:
		return cmp(l, s, i, false, add, miss, hit);
	case BF_LT:
		return cmp(l, s, i, true, add, hit, miss);
	case BF_LE:
		return cmp(l, s, i, true, add + 1, hit, miss);
	case BF_GT:
		return cmp(l, s, i, true, add + 1, miss, hit);
	case BF_GE:
		return cmp(l, s, i, true, add, miss, hit);
	}
}

/* The words before the last one: where they differ, that is the answer. */
static void cmp_before(struct bf_lower *l, const struct sides *s, unsigned i, bf_label hit, bf_label miss)
{
	enum bf_relation r = s->c->relation;
	bf_label less = r == BF_LT || r == BF_LE || r == BF_NE ? hit : miss;
	bf_label more = r == BF_GT || r == BF_GE || r == BF_NE ? hit : miss;
	bf_label equal = bf_lower_label(l), next;

	if (less != more) {
		next = bf_lower_label(l);
		cmp(l, s, i, true, 0, less, next);
		bf_lower_bind(l, next);
	}
	cmp(l, s, i, false, 0, equal, more);
	bf_lower_bind(l, equal);
}

static int check(const struct bf_compare *c)
{
	unsigned n = words(&c->a);

	if (n != words(&c->b) || is_odd(&c->a) || is_odd(&c->b))
		return -EOPNOTSUPP;
	if (n > 1 && (c->add || c->a.shift || c->b.shift))
		return -EOPNOTSUPP;
	return c->add >= BF_COMPARE_ADD_MAX || c->add <= -BF_COMPARE_ADD_MAX ? -ERANGE : 0;
}

int bf_lower_compare(struct bf_lower *l, const struct bf_compare *c, bf_label hit, bf_label miss)
{
	struct sides s = { c, is_loaded(&c->a) && is_loaded(&c->b), l->cond->neg ? hit : miss };
	unsigned n = words(&c->a);

	if (check(c) < 0)
		return check(c);
	if (!bf_field_there(c->a.field, l->family) || !bf_field_there(c->b.field, l->family)) {
		bf_lower_goto(l, s.na);
		return 0;
	}
	if (!s.both) {
		fetch(l, &c->a, s.na);
		fetch(l, &c->b, s.na);
	}
	for (unsigned i = 0; i + 1 < n; i++)
		cmp_before(l, &s, i, hit, miss);
	cmp_numbers(l, &s, n - 1, hit, miss);
	return 0;
}

void bf_lower_output(struct bf_lower *l, enum bf_out out, uint32_t value)
{
	bf_label next = bf_lower_label(l);

	put_word(l, out, NULL, value, next);
	bf_lower_bind(l, next);
}

int bf_lower_put_here(struct bf_lower *l, const struct bf_put *p)
{
	const struct bf_cond none = { 0 };
	bf_label next = bf_lower_label(l);
	int err;

	l->cond = &none;
	err = bf_lower_put(l, p, next, next);
	l->cond = NULL;
	bf_lower_bind(l, next);
	return err;
}

int bf_lower_put(struct bf_lower *l, const struct bf_put *p, bf_label hit, bf_label miss)
{
	uint32_t value = p->param_len ? bf_lower_param(l, p->param, p->param_len) : p->value;
	struct word w;

	if (!p->from.field) {
		put_word(l, p->out, NULL, value, hit);
		return 0;
	}
	if (is_odd(&p->from) || p->param_len)
		return -EOPNOTSUPP;
	fetch(l, &p->from, l->cond->neg ? hit : miss);
	w = word_of(&p->from, words(&p->from) - 1);
	put_word(l, p->out, &w, value, hit);
	return 0;
}
