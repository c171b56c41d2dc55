/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_box.c: elements that are boxes, out of the prefixes that they are cut
 * into (rt/abi.h):
 *
 *   10.0.0.1 - 10.0.0.4   =   10.0.0.1/32, 10.0.0.2/31, 10.0.0.4/32, all with the same `whole`
 *
 * What is not all there (its writer was killed) is told as the prefixes that are.
 */
#include "api/native.h"
#include "front/native/elem_box.h"

static unsigned bits_of(const struct bf_types *t, unsigned i)
{
	return t->bits[i] ? t->bits[i] : t->type[i] && t->type[i]->bits ? t->type[i]->bits : 128;
}

static bf_u128 ones(unsigned bits)
{
	return bits >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << bits) - 1;
}

void bf_native_box_of(const struct bf_types *t, const uint32_t *key, bf_u128 *box)
{
	const uint32_t *w = key;
	uint32_t lens;

	for (unsigned i = 0; i < t->n; i++) {
		box[2 * i] = 0;
		for (unsigned n = (bits_of(t, i) + 31) / 32; n; n--)
			box[2 * i] = box[2 * i] << 32 | *w++;
	}
	lens = *w;
	for (unsigned i = 0; i < t->n; i++, lens >>= 8)
		box[2 * i + 1] = box[2 * i] | ones(BF_ALIGN(bits_of(t, i), 32u) - (lens & 255));
}

static struct bf_ast_expr *value(struct bf_ast *ast, const struct bf_ntype *type, bf_u128 v, bool wild)
{
	struct bf_ast_expr *e = bf_arena_new_of(ast->arena, struct bf_ast_expr);
	char s[18] = "";

	if (!e)
		return NULL;
	e->kind = BF_AST_VALUE;
	e->value.type = type;
	if (!type || type->form != BF_FORM_STRING) {
		e->value.lit = BF_LIT_NUMBER;
		e->value.known = true;
		e->value.num = v;
		return e;
	}
	for (unsigned i = 0; i < 16; i++)
		s[i] = (char)(uint8_t)(v >> 8 * (15 - i));
	if (wild)
		s[strlen(s)] = '*';
	e->value.lit = BF_LIT_STRING;
	e->value.text = bf_arena_strdup(ast->arena, s);
	return e->value.text ? e : NULL;
}

static struct bf_ast_expr *part_key(struct bf_ast *ast, const struct bf_types *t, unsigned i, const bf_u128 *box)
{
	struct bf_types one = { .type = { t->type[i] }, .bits = { t->bits[i] }, .n = 1 };
	struct bf_ast_expr *e;

	if (bf_nbox_bits(&one))
		return bf_nbox_number(ast->arena, box, &one);
	if (box[0] == box[1] || t->type[i]->form == BF_FORM_STRING)
		return value(ast, t->type[i], box[0], box[0] != box[1]);
	e = bf_arena_new_of(ast->arena, struct bf_ast_expr);
	if (!e)
		return NULL;
	e->kind = BF_AST_RANGE;
	e->two.l = value(ast, t->type[i], box[0], false);
	e->two.r = value(ast, t->type[i], box[1], false);
	return e->two.l && e->two.r ? e : NULL;
}

struct bf_ast_expr *bf_native_box_key(struct bf_ast *ast, const struct bf_types *t, const bf_u128 *box)
{
	struct bf_ast_expr *first = NULL, **tail = &first, *all;

	for (unsigned i = 0; i < t->n; i++, tail = &(*tail)->next) {
		*tail = part_key(ast, t, i, box + 2 * (size_t)i);
		if (!*tail)
			return NULL;
	}
	if (t->n == 1)
		return first;
	all = bf_arena_new_of(ast->arena, struct bf_ast_expr);
	if (all) {
		all->kind = BF_AST_CONCAT;
		all->items.first = first;
		all->items.n = t->n;
	}
	return all;
}

/* How many prefixes it is cut into. */
static uint64_t parts_of(bf_u128 lo, bf_u128 hi)
{
	uint64_t n = 0;

	for (;; n++) {
		unsigned wild = 0;
		bf_u128 last;

		while (wild < 128 && !(lo & ones(wild + 1)) && (lo | ones(wild + 1)) <= hi)
			wild++;
		last = lo | ones(wild);
		if (last >= hi)
			return n + 1;
		lo = last + 1;
	}
}

static int by_whole(const void *a, const void *b)
{
	const struct native_part *x = a, *y = b;

	if (x->e.whole != y->e.whole)
		return x->e.whole < y->e.whole ? -1 : 1;
	for (unsigned i = 0; i < 2 * BF_LIVE_PARTS; i++)
		if (x->box[i] != y->box[i])
			return x->box[i] < y->box[i] ? -1 : 1;
	return 0;
}

/* Around n parts; true: they are all that it is cut into. */
static bool hull(const struct native_part *p, size_t n, unsigned parts, bf_u128 *box, struct bf_rt_elem *e)
{
	uint64_t want = 1;

	memcpy(box, p->box, sizeof(p->box));
	*e = p->e;
	for (size_t i = 1; i < n; i++) {
		for (unsigned k = 0; k < parts; k++) {
			box[2 * k] = BF_MIN(box[2 * k], p[i].box[2 * k]);
			box[2 * k + 1] = BF_MAX(box[2 * k + 1], p[i].box[2 * k + 1]);
		}
		for (uint32_t k = 0; k < e->n_state && k < BF_RT_STATES; k++) {
			e->state[k].now[0] += p[i].e.state[k].now[0];
			e->state[k].now[1] += p[i].e.state[k].now[1];
		}
	}
	for (unsigned k = 0; k < parts; k++)
		want *= parts_of(box[2 * k], box[2 * k + 1]);
	return want == n;
}

int bf_native_boxes(struct bf_buf *parts, unsigned n_parts, bf_native_box_fn *each, void *arg)
{
	struct native_part *p = (void *)parts->data;
	size_t n = parts->len / sizeof(*p), to;
	bf_u128 box[2 * BF_LIVE_PARTS];
	struct bf_rt_elem e;
	int rc = parts->err;

	if (n)
		qsort(p, n, sizeof(*p), by_whole);
	for (size_t i = 0; i < n && !rc; i = to) {
		for (to = i + 1; to < n && p[to].e.whole == p[i].e.whole;)
			to++;
		if (hull(&p[i], to - i, n_parts, box, &e)) {
			rc = each(arg, box, &e);
			continue;
		}
		for (; i < to && !rc; i++)
			rc = each(arg, p[i].box, &p[i].e);
	}
	return rc;
}
