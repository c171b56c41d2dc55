/* SPDX-License-Identifier: GPL-2.0-only */
/* elems.c: elements of sets (elems.h). A batch is sorted, then merged with those that are there. */
#include "front/native/elems.h"
#include "front/native/elem_box.h"

struct bf_nelems *bf_nelems_new(struct bf_arena *a, const struct bf_ast_set *set)
{
	struct bf_nelems *s = calloc(1, sizeof(*s));
	const struct bf_ast_expr *e = bf_ast_peel(set->elements);
	struct bf_types data;

	if (!s)
		return NULL;
	s->arena = a;
	s->set = set;
	bf_native_set_types(set, &s->types, &data);
	if (e && bf_nelems_add(s, e, false, NULL, NULL).what) {
		bf_nelems_free(s);
		return NULL;
	}
	for (uint32_t i = 0; i < s->n; i++)
		s->v[i].fresh = false;
	return s;
}

void bf_nelems_free(struct bf_nelems *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

/* Order. */

static int compare(const struct bf_nelem *a, const struct bf_nelem *b, uint32_t parts)
{
	for (uint32_t i = 0; i < 2 * parts; i++)
		if (a->box[i] != b->box[i])
			return a->box[i] < b->box[i] ? -1 : 1;
	return 0;
}

static int by_box(const void *a, const void *b, void *parts)
{
	int c = compare(a, b, *(uint32_t *)parts);

	return c ? c : (((const struct bf_nelem *)a)->el > ((const struct bf_nelem *)b)->el) -
	                 (((const struct bf_nelem *)a)->el < ((const struct bf_nelem *)b)->el);
}

static bool overlap(const struct bf_nelem *a, const struct bf_nelem *b, uint32_t parts)
{
	for (uint32_t i = 0; i < parts; i++)
		if (a->box[2 * i] > b->box[2 * i + 1] || b->box[2 * i] > a->box[2 * i + 1])
			return false;
	return true;
}

/* Reading a batch. */

struct batch {
	struct bf_nelems *s;
	struct bf_nelem *v;
	uint32_t n, cap;
	struct bf_nelem_error err;
};

static bool fail(struct batch *b, enum bf_nelem_wrong what, const struct bf_ast_elem *el,
                 const struct bf_ast_elem *other)
{
	if (!b->err.what)
		b->err = (struct bf_nelem_error){ what, el, other };
	return false;
}

static bool read_one(struct batch *b, struct bf_ast_elem *el)
{
	uint32_t parts = b->s->types.n;
	bf_u128 *box = bf_arena_array(b->s->arena, 2 * parts, bf_u128);

	if (!box || bf_grow(&b->v, b->n, &b->cap, sizeof(*b->v)))
		return fail(b, BF_ELEM_MEMORY, el, NULL);
	if (!bf_nbox_read(box, el->key, &b->s->types))
		return fail(b, BF_ELEM_VALUE, el, NULL);
	for (uint32_t i = 0; i < parts; i++)
		if (box[2 * i] != box[2 * i + 1] && !(b->s->set->flags & BF_SET_INTERVAL) &&
		    bf_ast_peel(el->key)->kind != BF_AST_ANY)
			return fail(b, BF_ELEM_RANGE, el, NULL);
	b->v[b->n++] = (struct bf_nelem){ el, box, true };
	return true;
}

static bool read_batch(struct batch *b, const struct bf_ast_expr *e)
{
	for (struct bf_ast_elem *el = e->set.first; el; el = el->next) {
		const struct bf_ast_expr *key = bf_ast_peel(el->key);
		bool many = key->kind == BF_AST_SET && !el->data && !el->more; /* a variable of elements */

		if (many ? !read_batch(b, key) : !read_one(b, el))
			return false;
	}
	return true;
}

/* Merging. */

static bool same_data(const struct bf_ast_elem *a, const struct bf_ast_elem *b)
{
	_cleanup_buf_ struct bf_buf x = { 0 }, y = { 0 };

	if (!a->data || !b->data)
		return true;
	bf_native_print_expr(&x, a->data);
	bf_native_print_expr(&y, b->data);
	return !x.err && !y.err && x.len == y.len && !memcmp(x.data, y.data, x.len);
}

/* It lasts as long as is said now; what else it has stays. */
static bool last_longer(struct batch *b, struct bf_nelem *old, const struct bf_nelem *el)
{
	const struct bf_ast_elem_more *now = el->fresh ? el->el->more : NULL;
	struct bf_ast_elem_more *more = old->el->more;

	if (!now || !now->has_timeout || (more && more->has_timeout && more->timeout == now->timeout))
		return true;
	more = more ? bf_arena_memdup(b->s->arena, more, sizeof(*more)) : bf_arena_new_of(b->s->arena, struct bf_ast_elem_more);
	if (!more)
		return fail(b, BF_ELEM_MEMORY, el->el, NULL);
	more->has_timeout = true;
	more->timeout = now->timeout;
	more->has_expires = now->has_expires;
	more->expires = now->expires;
	old->el->more = more;
	return true;
}

static bool again(struct batch *b, struct bf_nelem *old, const struct bf_nelem *el, bool create)
{
	const struct bf_nelem *mine = el->fresh ? el : old;
	const struct bf_nelem *other = el->fresh ? old : el;

	if (!same_data(old->el, el->el))
		return fail(b, BF_ELEM_DATA, mine->el, other->el);
	if (create && mine->fresh)
		return fail(b, BF_ELEM_EXISTS, mine->el, other->el);
	return last_longer(b, old, el);
}

/* Nothing but the same time to live. */
static bool same_life(const struct bf_ast_elem *a, const struct bf_ast_elem *b)
{
	const struct bf_ast_elem_more none = { 0 }, *x = a->more ? a->more : &none, *y = b->more ? b->more : &none;

	return x->has_timeout == y->has_timeout && x->timeout == y->timeout && !x->stmts && !y->stmts && !x->comment && !y->comment;
}

static bool can_join(const struct bf_nelems *s, const struct bf_nelem *a, const struct bf_nelem *b)
{
	return s->set->auto_merge && s->set->flags & BF_SET_INTERVAL && s->types.n == 1 && !s->set->map &&
	       same_life(a->el, b->el) && bf_ast_peel(a->el->key)->kind != BF_AST_ANY && bf_ast_peel(b->el->key)->kind != BF_AST_ANY &&
	       b->box[0] <= a->box[1] + 1;
}

static bool join(struct batch *b, struct bf_nelem *into, const struct bf_nelem *el)
{
	struct bf_ast_elem *n = bf_arena_new_of(b->s->arena, struct bf_ast_elem);
	bf_u128 *box = bf_arena_memdup(b->s->arena, into->box, 2 * sizeof(*box));

	if (!n || !box)
		return fail(b, BF_ELEM_MEMORY, el->el, NULL);
	box[1] = BF_MAX(into->box[1], el->box[1]);
	n->key = bf_nbox_expr(b->s->arena, box, &b->s->types, into->el->key);
	if (!n->key)
		return fail(b, BF_ELEM_MEMORY, el->el, NULL);
	n->more = el->fresh && el->el->more ? el->el->more : into->el->more;
	*into = (struct bf_nelem){ n, box, into->fresh || el->fresh };
	return true;
}

struct merge {
	struct batch *b;
	struct bf_nelem *v; /* what comes out */
	uint32_t n;
	bool create;
};

/* el comes behind all that are out. */
static bool put(struct merge *m, const struct bf_nelem *el)
{
	struct bf_nelem *last = m->n ? &m->v[m->n - 1] : NULL;
	uint32_t parts = m->b->s->types.n;

	if (last && !compare(last, el, parts))
		return again(m->b, last, el, m->create);
	if (last && can_join(m->b->s, last, el))
		return join(m->b, last, el);
	if (last && parts == 1 && overlap(last, el, parts))
		return fail(m->b, BF_ELEM_OVERLAP, el->fresh ? el->el : last->el, el->fresh ? last->el : el->el);
	m->v[m->n++] = *el;
	return true;
}

static bool merge(struct merge *m)
{
	const struct bf_nelems *s = m->b->s;
	uint32_t i = 0, j = 0;

	while (i < s->n || j < m->b->n) {
		bool old = j == m->b->n || (i < s->n && compare(&s->v[i], &m->b->v[j], s->types.n) <= 0);

		if (!put(m, old ? &s->v[i] : &m->b->v[j]))
			return false;
		i += old;
		j += !old;
	}
	return true;
}

/* Boxes of several ranges: those that overlap need not be neighbours. All that are open along one part are compared. */

static int by_number(const void *a, const void *b)
{
	const bf_u128 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How many pairs overlap in this part. */
static uint64_t pairs(const struct merge *m, uint32_t part, bf_u128 *lo, bf_u128 *hi)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		lo[i] = m->v[i].box[2 * part];
		hi[i] = m->v[i].box[2 * part + 1];
	}
	qsort(lo, m->n, sizeof(*lo), by_number);
	qsort(hi, m->n, sizeof(*hi), by_number);
	for (uint32_t i = 0, ended = 0; i < m->n; i++) { /* by begin: how many that began before have not ended */
		while (ended < m->n && hi[ended] < lo[i])
			ended++;
		n += i > ended ? i - ended : 0;
	}
	return n;
}

static int by_part(const void *a, const void *b, void *part)
{
	const bf_u128 *x = ((const struct bf_nelem *)a)->box + 2 * *(uint32_t *)part;
	const bf_u128 *y = ((const struct bf_nelem *)b)->box + 2 * *(uint32_t *)part;

	return by_number(x, y);
}

static bool sweep(const struct merge *m, struct bf_nelem *sorted, uint32_t *open, uint32_t part)
{
	uint32_t n_open = 0, parts = m->b->s->types.n;

	memcpy(sorted, m->v, m->n * sizeof(*sorted));
	qsort_r(sorted, m->n, sizeof(*sorted), by_part, &part);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t kept = 0;

		for (uint32_t k = 0; k < n_open; k++) {
			const struct bf_nelem *o = &sorted[open[k]], *el = &sorted[i];

			if (o->box[2 * part + 1] < el->box[2 * part])
				continue;
			open[kept++] = open[k];
			if ((o->fresh || el->fresh) && overlap(o, el, parts))
				return fail(m->b, BF_ELEM_OVERLAP, el->fresh ? el->el : o->el, el->fresh ? o->el : el->el);
		}
		n_open = kept;
		open[n_open++] = i;
	}
	return true;
}

static bool apart(const struct merge *m)
{
	_cleanup_free_ bf_u128 *ends = calloc(2ul * m->n + 1, sizeof(*ends));
	_cleanup_free_ struct bf_nelem *sorted = calloc(m->n + 1ul, sizeof(*sorted));
	_cleanup_free_ uint32_t *open = calloc(m->n + 1ul, sizeof(*open));
	uint64_t least = UINT64_MAX;
	uint32_t best = 0;

	if (!ends || !sorted || !open)
		return fail(m->b, BF_ELEM_MEMORY, NULL, NULL);
	for (uint32_t part = 0; part < m->b->s->types.n; part++) {
		uint64_t n = pairs(m, part, ends, ends + m->n);

		best = n < least ? part : best;
		least = BF_MIN(least, n);
	}
	return sweep(m, sorted, open, best);
}

static bool fits(struct merge *m)
{
	const struct bf_ast_set *set = m->b->s->set;

	for (uint32_t i = 0; set->has_size && m->n > set->size && i < m->n; i++)
		if (m->v[i].fresh)
			return fail(m->b, BF_ELEM_FULL, m->v[i].el, NULL);
	return true;
}

static bool merge_batch(struct merge *m)
{
	const struct bf_nelems *s = m->b->s;
	bool boxes = s->types.n > 1 && s->set->flags & BF_SET_INTERVAL;

	return merge(m) && (!boxes || apart(m)) && fits(m);
}

/* As nft lists them: 10.0.0.0-10.0.0.255 is 10.0.0.0/24. */
static bool canonical(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct bf_nelem *e = &b->v[i];

		e->el->key = bf_nbox_expr(b->s->arena, e->box, &b->s->types, e->el->key);
		if (!e->el->key)
			return fail(b, BF_ELEM_MEMORY, e->el, NULL);
	}
	return true;
}

struct bf_nelem_error bf_nelems_add(struct bf_nelems *s, const struct bf_ast_expr *e, bool create,
                                    void (*added)(void *arg, const struct bf_ast_elem *el), void *arg)
{
	struct batch b = { .s = s };
	struct merge m = { .b = &b, .create = create };
	bool ok = read_batch(&b, bf_ast_peel(e)) && canonical(&b);

	if (ok && b.n) {
		qsort_r(b.v, b.n, sizeof(*b.v), by_box, &s->types.n);
		m.v = calloc((size_t)s->n + b.n, sizeof(*m.v));
		ok = m.v ? merge_batch(&m) : fail(&b, BF_ELEM_MEMORY, NULL, NULL);
	}
	if (ok && m.v) {
		for (uint32_t i = 0; i < m.n; i++) {
			if (m.v[i].fresh && added)
				added(arg, m.v[i].el);
			m.v[i].fresh = false;
		}
		free(s->v);
		s->v = TAKE_PTR(m.v);
		s->n = m.n;
	}
	free(m.v);
	free(b.v);
	return b.err;
}

/* Deleting. */

/* The last that does not begin behind this one; -1: none. */
static int64_t before(const struct bf_nelems *s, const struct bf_nelem *key)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (compare(&s->v[mid], key, s->types.n) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int64_t)lo - 1;
}

static bool within(const bf_u128 *in, const bf_u128 *box, uint32_t parts)
{
	for (uint32_t i = 0; i < parts; i++)
		if (in[2 * i] < box[2 * i] || in[2 * i + 1] > box[2 * i + 1])
			return false;
	return true;
}

/* Of merged intervals a part can go: what is left of it are up to two. */
static bool cut(struct batch *b, uint32_t at, const struct bf_nelem *key)
{
	struct bf_nelems *s = b->s;
	const bf_u128 *box = s->v[at].box;
	const bf_u128 left[2][2] = { { box[0], key->box[0] - 1 }, { key->box[1] + 1, box[1] } };
	const bool is[2] = { key->box[0] > box[0], key->box[1] < box[1] };
	struct bf_nelem rest[2];
	struct bf_nelem *v;
	uint32_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (!is[i])
			continue;
		rest[n] = (struct bf_nelem){ bf_arena_new_of(s->arena, struct bf_ast_elem),
			bf_arena_memdup(s->arena, left[i], sizeof(left[i])), false };
		if (!rest[n].el || !rest[n].box ||
		    !(rest[n].el->key = bf_nbox_expr(s->arena, rest[n].box, &s->types, s->v[at].el->key)))
			return fail(b, BF_ELEM_MEMORY, key->el, NULL);
		rest[n].el->more = s->v[at].el->more;
		n++;
	}
	v = reallocarray(s->v, s->n + 1ul, sizeof(*v));
	if (!v)
		return fail(b, BF_ELEM_MEMORY, key->el, NULL);
	s->v = v;
	memmove(&v[at + n], &v[at + 1], (s->n - at - 1) * sizeof(*v));
	memcpy(&v[at], rest, n * sizeof(*v));
	s->n = s->n - 1 + n;
	return true;
}

static bool delete_one(struct batch *b, const struct bf_nelem *key, bool absent_is_fine,
                       void (*gone)(void *arg, const struct bf_ast_elem *el), void *arg)
{
	struct bf_nelems *s = b->s;
	int64_t at = before(s, key);
	bool exact = at >= 0 && !compare(&s->v[at], key, s->types.n);

	if (exact && s->v[at].el) {
		if (gone)
			gone(arg, s->v[at].el);
		s->v[at].el = NULL; /* swept at the end */
		return true;
	}
	if (s->set->auto_merge && s->types.n == 1) {
		if (!exact && (at < 0 || !within(key->box, s->v[at].box, 1)))
			at++; /* begins with it */
		if (at < s->n && s->v[at].el && within(key->box, s->v[at].box, 1))
			return cut(b, (uint32_t)at, key);
	}
	return absent_is_fine || fail(b, BF_ELEM_ABSENT, key->el, NULL);
}

static void sweep_gone(struct bf_nelems *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->v[i].el)
			s->v[n++] = s->v[i];
	s->n = n;
}

struct bf_nelem_error bf_nelems_delete(struct bf_nelems *s, const struct bf_ast_expr *e, bool absent_is_fine,
                                       void (*gone)(void *arg, const struct bf_ast_elem *el), void *arg)
{
	struct batch b = { .s = s };
	bool ok = read_batch(&b, bf_ast_peel(e));

	for (uint32_t i = 0; ok && i < b.n; i++)
		ok = delete_one(&b, &b.v[i], absent_is_fine, gone, arg);
	sweep_gone(s);
	free(b.v);
	return b.err;
}

struct bf_nelem_error bf_nelems_get(struct bf_nelems *s, const struct bf_ast_elem *key)
{
	struct batch b = { .s = s };
	struct bf_ast_elem copy = *key;
	int64_t at;

	if (!read_one(&b, &copy)) {
		free(b.v);
		return b.err;
	}
	at = before(s, &b.v[0]);
	if (s->types.n > 1) /* boxes need not be neighbours of what they hold */
		for (at = (int64_t)s->n - 1; at >= 0 && !within(b.v[0].box, s->v[at].box, s->types.n);)
			at--;
	else if (at + 1 < s->n && within(b.v[0].box, s->v[at + 1].box, 1))
		at++;
	if (at < 0 || !within(b.v[0].box, s->v[at].box, s->types.n))
		fail(&b, BF_ELEM_ABSENT, key, NULL);
	else
		b.err.el = s->v[at].el;
	free(b.v);
	return b.err;
}

struct bf_ast_expr *bf_nelems_expr(struct bf_nelems *s)
{
	struct bf_ast_expr *e = s->n ? bf_arena_new_of(s->arena, struct bf_ast_expr) : NULL;

	if (!e)
		return NULL;
	e->kind = BF_AST_SET;
	e->set.n = s->n;
	e->set.first = s->v[0].el;
	for (uint32_t i = 0; i < s->n; i++)
		s->v[i].el->next = i + 1 < s->n ? s->v[i + 1].el : NULL;
	return e;
}
