/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_match.c: a key against values.
 *
 * A condition of the model says: (field & mask) lies in one of these ranges.
 * Operations on a field are folded into that, from the outermost inwards: what
 * must y be so that y OP c has (y OP c) & mask in the ranges?
 *
 *   y & c     mask & c, the ranges stay
 *   y | c     mask & ~c, the ranges minus (c & mask): the bits of c are there anyhow
 *   y ^ c     the ranges cut into prefixes, each ^ c
 *   y << n    mask >> n, the ranges >> n
 *   y >> n    mask << n, the ranges << n
 *   y + c     the ranges - c, round the width; only where the mask is its lowest bits
 */
#include "front/native/evaluate.h"

#include <stdio.h>

#include "front/native/native.h"

struct image { /* of a test: (y & mask) in the ranges */
	unsigned bits; /* width of y */
	bf_u128 mask;
	struct bf_ev_ranges r;
};

/* What masked values cannot be is left out. */
static void clip(struct image *m)
{
	uint32_t n = 0;

	bf_ev_ranges_join(&m->r);
	for (uint32_t i = 0; i < m->r.n; i++)
		if (m->r.r[i].lo <= m->mask)
			m->r.r[n++] = (struct bf_range){ m->r.r[i].lo, BF_MIN(m->r.r[i].hi, m->mask) };
	m->r.n = n;
}

static void minus(struct image *m, bf_u128 c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->r.n; i++)
		if (m->r.r[i].hi >= c)
			m->r.r[n++] = (struct bf_range){ m->r.r[i].lo > c ? m->r.r[i].lo - c : 0, m->r.r[i].hi - c };
	m->r.n = n;
}

/* The longest prefix that begins at lo and does not go beyond hi, as its low bits. */
static bf_u128 prefix_at(bf_u128 lo, bf_u128 hi)
{
	bf_u128 low = 0;

	while (low != ~(bf_u128)0 && !(lo & (low << 1 | 1)) && (lo | (low << 1 | 1)) <= hi)
		low = low << 1 | 1;
	return low;
}

static bool xor(struct bf_ev *ev, struct image *m, bf_u128 c)
{
	_cleanup_ranges_ struct bf_ev_ranges old = m->r;

	m->r = (struct bf_ev_ranges){ 0 };
	for (uint32_t i = 0; i < old.n; i++)
		for (bf_u128 lo = old.r[i].lo;; ) {
			bf_u128 low = prefix_at(lo, old.r[i].hi), to = (lo ^ c) & ~low;

			if (!bf_ev_add_range(ev, &m->r, to, to | low))
				return false;
			if ((lo | low) == old.r[i].hi)
				break;
			lo = (lo | low) + 1;
		}
	return true;
}

static void shift_left(struct image *m, unsigned n) /* y was shifted left */
{
	bf_u128 low = bf_ev_ones(n);
	uint32_t k = 0;

	for (uint32_t i = 0; i < m->r.n; i++) {
		bf_u128 lo = (m->r.r[i].lo >> n) + !!(m->r.r[i].lo & low), hi = m->r.r[i].hi >> n;

		if (lo <= hi)
			m->r.r[k++] = (struct bf_range){ lo, hi };
	}
	m->r.n = k;
	m->mask >>= n;
}

static void shift_right(struct image *m, unsigned n)
{
	bf_u128 top = bf_ev_ones(m->bits) >> n; /* the most that y >> n can be */
	uint32_t k = 0;

	for (uint32_t i = 0; i < m->r.n; i++)
		if (m->r.r[i].lo <= top)
			m->r.r[k++] = (struct bf_range){ m->r.r[i].lo << n, BF_MIN(m->r.r[i].hi, top) << n | bf_ev_ones(n) };
	m->r.n = k;
	m->mask = m->mask << n & bf_ev_ones(m->bits);
}

static bool rotate(struct bf_ev *ev, struct image *m, bf_u128 c) /* y + c: the ranges go down by c */
{
	_cleanup_ranges_ struct bf_ev_ranges old = m->r;

	m->r = (struct bf_ev_ranges){ 0 };
	for (uint32_t i = 0; i < old.n; i++) {
		bf_u128 lo = (old.r[i].lo - c) & m->mask, hi = (old.r[i].hi - c) & m->mask;
		bool whole = old.r[i].hi - old.r[i].lo >= m->mask;

		if (whole ? !bf_ev_add_range(ev, &m->r, 0, m->mask)
		    : lo <= hi ? !bf_ev_add_range(ev, &m->r, lo, hi)
		               : !bf_ev_add_range(ev, &m->r, 0, hi) || !bf_ev_add_range(ev, &m->r, lo, m->mask))
			return false;
	}
	return true;
}

static bool unfold(struct bf_ev *ev, struct image *m, const struct bf_ast_expr *e, const struct bf_ntype *t)
{
	bf_u128 c;

	if (!bf_ev_number(ev, e->two.r, e->two.op >= BF_OP_LSHIFT ? NULL : t, &c))
		return false;
	if ((e->two.op == BF_OP_LSHIFT || e->two.op == BF_OP_RSHIFT) && c >= m->bits)
		return bf_ev_error(ev, e->two.r->loc, "all %u bits are shifted out", m->bits);
	clip(m);
	switch (e->two.op) {
	case BF_OP_AND:
		m->mask &= c;
		return true;
	case BF_OP_OR:
		minus(m, c & m->mask);
		m->mask &= ~c;
		return true;
	case BF_OP_XOR: return xor(ev, m, c & m->mask);
	case BF_OP_LSHIFT: shift_left(m, (unsigned)c); return true;
	case BF_OP_RSHIFT: shift_right(m, (unsigned)c); return true;
	case BF_OP_ADD:
	case BF_OP_SUB: break;
	}
	if (m->mask & (m->mask + 1))
		return bf_ev_unserved(ev, e->loc, "bits of a sum: only the lowest ones can be taken");
	return rotate(ev, m, e->two.op == BF_OP_ADD ? c : -c);
}

/* Keys. */

static void key_name(const struct bf_ast_expr *e, char *out, size_t size)
{
	_cleanup_buf_ struct bf_buf b = { 0 };

	bf_native_print_expr(&b, e);
	snprintf(out, size, "%s", b.data ? b.data : "?");
}

bool bf_ev_key(struct bf_ev *ev, const struct bf_ast_expr *e, struct bf_native_key *k)
{
	const char *why = NULL;
	char name[80];
	int err;

	if (e && e == ev->generated) {
		*k = (struct bf_native_key){ .field = &bf_field_made, .bits = 32 };
		return true;
	}
	key_name(e, name, sizeof(name));
	if (e->kind != BF_AST_KEY || !e->key.row->group)
		return bf_ev_error(ev, e->loc, "a field is wanted here, not '%s'", name);
	err = bf_native_field(ev->rs, e, ev->family, ev->chain ? ev->chain->hooks : 0, k, &why);
	if (err == -ENOMEM)
		return bf_ev_nomem(ev);
	if (err == -EPROTO)
		return bf_ev_error(ev, e->loc, "no packet that a table of this family sees has '%s'", name);
	if (err)
		return bf_ev_unserved(ev, e->loc, "'%s' is not served%s%s", name, why ? ": " : "", why ? why : "");
	if (e->key.row->class == BF_NK_FIB && e->key.more->fib & BF_FIB_MARK && bf_ev_sets_mark(ev))
		return bf_ev_unserved(ev, e->loc, "'%s': it is looked up before a rule of this table sets the mark; set it in a "
		                      "table of its own", name);
	return bf_ev_need(ev, e->loc, k->can, name);
}

/* The field below the operations, and the test as one on its bits. */
static bool inward(struct bf_ev *ev, const struct bf_ast_expr *e, struct image *m, struct bf_native_key *k)
{
	struct bf_types t;

	bf_native_types_of(e, &t);
	for (e = bf_ast_peel(e); e->kind == BF_AST_BINOP; e = bf_ast_peel(e->two.l))
		if (!unfold(ev, m, e, t.type[0]))
			return false;
	clip(m);
	return bf_ev_key(ev, e, k);
}

static unsigned key_bits(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	while (e->kind == BF_AST_BINOP)
		e = bf_ast_peel(e->two.l);
	if (e->kind != BF_AST_KEY)
		return 128;
	if (e->key.more && e->key.more->bits)
		return e->key.more->bits;
	return bf_nkey_bits(e->key.row);
}

static bool lies_in(const struct image *m, bf_u128 v)
{
	for (uint32_t i = 0; i < m->r.n; i++)
		if ((v & m->mask) >= m->r.r[i].lo && (v & m->mask) <= m->r.r[i].hi)
			return true;
	return false;
}

/* A key of few values that the field has other numbers for. */
static bool translate(struct bf_ev *ev, struct image *m, const struct bf_native_key *k)
{
	_cleanup_ranges_ struct bf_ev_ranges out = { 0 };

	for (uint32_t i = 0; i < k->n_values; i++)
		if (lies_in(m, k->values[i].value) && !bf_ev_add_range(ev, &out, k->values[i].field, k->values[i].field))
			return false;
	bf_ev_ranges_free(&m->r);
	m->r = out;
	out = (struct bf_ev_ranges){ 0 };
	m->mask = bf_field_ones(k->field);
	bf_ev_ranges_join(&m->r);
	return true;
}

static void to_field(struct image *m, const struct bf_native_key *k)
{
	m->mask &= bf_ev_ones(k->bits);
	clip(m);
	for (uint32_t i = 0; i < m->r.n; i++)
		m->r.r[i] = (struct bf_range){ m->r.r[i].lo << k->shift, m->r.r[i].hi << k->shift };
	m->mask <<= k->shift;
}

/* A whole prefix is a mask, as everybody writes it. */
static void as_prefix(struct image *m, const struct bf_field *f)
{
	bf_u128 low = m->r.n == 1 ? m->r.r[0].lo ^ m->r.r[0].hi : 0;
	bool wide = f->type == BF_VT_IPV4 || f->type == BF_VT_IPV6 || f->type == BF_VT_IFNAME;

	if (!wide || m->mask != bf_field_ones(f) || !low || low & (low + 1) || m->r.r[0].lo & low || low == m->mask)
		return;
	m->mask &= ~low;
	m->r.r[0].hi = m->r.r[0].lo;
}

static const struct bf_cond *condition(struct bf_ev *ev, struct image *m, const struct bf_field *f, bool neg)
{
	struct bf_range all = { 0, bf_field_ones(f) };
	struct bf_cond c = { .kind = BF_COND_FIELD, .neg = neg, .field = f, .mask = m->mask };
	const struct bf_cond *out;

	as_prefix(m, f);
	c.mask = m->mask;
	c.ranges = m->r.r;
	c.n_ranges = m->r.n;
	if (!m->r.n || !m->mask) { /* all or nothing, of those that can be read */
		c.neg = m->r.n ? neg : !neg;
		c.mask = all.hi;
		c.ranges = &all;
		c.n_ranges = 1;
	}
	out = bf_cond_intern(ev->rs, &c);
	if (!out)
		bf_ev_nomem(ev);
	return out;
}

/* What it needs to be read, and the condition. Takes r. */
static const struct bf_cond *make(struct bf_ev *ev, const struct bf_ast_expr *key, bf_u128 mask, struct bf_ev_ranges *r,
                                  bool neg, struct bf_native_key *k)
{
	struct image m = { .bits = key_bits(key), .mask = mask, .r = *r };
	const struct bf_cond *c = NULL;

	*r = (struct bf_ev_ranges){ 0 };
	m.mask &= bf_ev_ones(m.bits);
	if (inward(ev, key, &m, k)) {
		if (!k->values)
			to_field(&m, k);
		if (!k->values || translate(ev, &m, k))
			c = condition(ev, &m, k->field, neg);
	}
	bf_ev_ranges_free(&m.r);
	return c;
}

static bool overlap(const struct bf_cond *a, const struct bf_cond *b)
{
	for (uint32_t i = 0; i < a->n_ranges; i++)
		for (uint32_t j = 0; j < b->n_ranges; j++)
			if (a->ranges[i].lo <= b->ranges[j].hi && b->ranges[j].lo <= a->ranges[i].hi)
				return true;
	return false;
}

/* Is what c asks for all in b? */
static bool within(const struct bf_cond *c, const struct bf_cond *b)
{
	for (uint32_t i = 0; i < c->n_ranges; i++) {
		bool in = false;

		for (uint32_t j = 0; j < b->n_ranges; j++)
			in |= c->ranges[i].lo >= b->ranges[j].lo && c->ranges[i].hi <= b->ranges[j].hi;
		if (!in)
			return false;
	}
	return true;
}

/* Once is enough; against what the rule asked before it is a mistake. */
static bool depend(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, const struct bf_cond *dep,
                   const struct bf_cond *also)
{
	char name[80];

	for (uint32_t i = 0; i < d->n_conds; i++) {
		const struct bf_cond *c = d->conds[i];

		if (c == dep)
			return true;
		if (c->kind != BF_COND_FIELD || c->field != dep->field || c->mask != dep->mask || c->neg || dep->neg)
			continue;
		if (also && also->field == dep->field && within(c, also))
			return true;
		key_name(key, name, sizeof(name));
		if (!overlap(c, dep))
			return bf_ev_error(ev, key->loc, "'%s' never is in a packet that the rule looks at here: its protocol is another",
			                   name);
	}
	return bf_ev_add_cond(ev, d, dep);
}

bool bf_ev_depends(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                   const struct bf_native_key *k)
{
	for (uint32_t i = 0; i < k->n_deps; i++)
		if (!depend(ev, d, key, k->deps[i], k->also))
			return false;
	return true;
}

bool bf_ev_test(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, bf_u128 mask,
                struct bf_ev_ranges *r, bool neg)
{
	struct bf_native_key k = { 0 };
	const struct bf_cond *c = make(ev, key, mask, r, neg, &k);

	return c && bf_ev_depends(ev, d, key, &k) && bf_ev_add_cond(ev, d, c);
}

/* Sets. */

static bool same_types(const struct bf_types *a, const struct bf_types *b)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++)
		if (a->type[i] && b->type[i] && a->type[i]->form != b->type[i]->form)
			return false;
	return a->n == b->n;
}

bool bf_ev_same_keys(struct bf_ev *ev, const struct bf_ast_expr *key, const struct bf_ast_expr *ref,
                     const struct bf_ast_set *s)
{
	struct bf_types have, want, data;

	bf_native_set_types(s, &have, &data);
	bf_native_types_of(key, &want);
	return same_types(&have, &want) || bf_ev_error(ev, ref->loc, "the keys of '%s' are of another type", s->name.text);
}

static const struct bf_ast_expr *part(const struct bf_ast_expr *e, uint32_t n)
{
	const struct bf_ast_expr *i = e->kind == BF_AST_CONCAT ? e->items.first : e;

	while (n-- && i)
		i = i->next;
	return i;
}

static uint32_t n_parts(const struct bf_ast_expr *e)
{
	return e->kind == BF_AST_CONCAT ? e->items.n : 1;
}

/* One part of an element: interned, without what it needs. */
static const struct bf_cond *part_cond(struct bf_ev *ev, const struct bf_ast_expr *key, const struct bf_ast_expr *value,
                                       struct bf_native_key *k)
{
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	struct bf_types t;

	bf_native_types_of(key, &t);
	if (!bf_ev_add_values(ev, value, t.type[0], key_bits(key), &r))
		return NULL;
	return make(ev, key, ~(bf_u128)0, &r, false, k);
}

bool bf_ev_test_elem(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                     const struct bf_ast_expr *elem)
{
	key = bf_ast_peel(key);
	elem = bf_ast_peel(elem);
	if (n_parts(key) != n_parts(elem) && elem->kind != BF_AST_ANY)
		return bf_ev_error(ev, elem->loc, "%u parts, the key has %u", n_parts(elem), n_parts(key));
	for (uint32_t i = 0; i < n_parts(key); i++) {
		const struct bf_ast_expr *kp = part(key, i), *ep = elem->kind == BF_AST_ANY ? elem : part(elem, i);
		struct bf_native_key k = { 0 };
		const struct bf_cond *c = part_cond(ev, kp, ep, &k);

		if (!c || !bf_ev_depends(ev, d, kp, &k) || !bf_ev_add_cond(ev, d, c))
			return false;
	}
	return true;
}

static bool in_set(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *key = bf_ast_peel(s->match.l), *set = bf_ast_peel(s->match.r);
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	bool neg = s->match.rel == BF_REL_NE;
	struct bf_types t;

	if (s->match.rel > BF_REL_NE)
		return bf_ev_error(ev, s->match.r->loc, "a value is in a set or not: == or !=");
	if (set->kind == BF_AST_SETREF || key->kind == BF_AST_CONCAT)
		return bf_ev_in_named(ev, d, key, s->match.r, neg);
	bf_native_types_of(key, &t);
	return bf_ev_add_values(ev, set, t.type[0], key_bits(key), &r) && bf_ev_test(ev, d, key, ~(bf_u128)0, &r, neg);
}

/* One value. */

bool bf_ev_has_key(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP)
		return bf_ev_has_key(e->two.l) || bf_ev_has_key(e->two.r);
	return e->kind == BF_AST_KEY;
}

static bool bits_of(const struct bf_ast_expr *l, const struct bf_ntype *t)
{
	if (!t || bf_ast_peel(l)->kind == BF_AST_BINOP || t == &bf_ntypes[BF_T_BITMASK]) /* nft: of kinds of bit masks only */
		return false;
	return t->flags || t == &bf_ntypes[BF_T_CTLABEL];
}

/* y REL v, without negation; *neg: the opposite */
static bool relation(struct bf_ev *ev, enum bf_ast_rel rel, bf_u128 v, struct bf_ev_ranges *r, bool *neg)
{
	bf_u128 most = ~(bf_u128)0;

	switch (rel) {
	case BF_REL_NE:
		*neg = true;
		return bf_ev_add_range(ev, r, v, v);
	case BF_REL_LT: return !v || bf_ev_add_range(ev, r, 0, v - 1);
	case BF_REL_LE: return bf_ev_add_range(ev, r, 0, v);
	case BF_REL_GT: return v == most || bf_ev_add_range(ev, r, v + 1, most);
	case BF_REL_GE: return bf_ev_add_range(ev, r, v, most);
	default: return bf_ev_add_range(ev, r, v, v);
	}
}

static bool to_bits(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct bf_ntype *t)
{
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	bf_u128 v, mask;
	bool ok;

	if (!bf_ev_number(ev, s->match.r, t, &v))
		return false;
	if (s->match.mask) {
		ok = bf_ev_number(ev, s->match.mask, t, &mask) && bf_ev_add_range(ev, &r, v, v);
		return ok && bf_ev_test(ev, d, s->match.l, mask, &r, s->match.rel == BF_REL_NE);
	}
	if (s->match.rel == BF_REL_NEG)
		ok = bf_ev_add_range(ev, &r, 0, 0);
	else
		ok = !v || bf_ev_add_range(ev, &r, v & (v - 1) ? 1 : v, v); /* none of no bits is set */
	return ok && bf_ev_test(ev, d, s->match.l, v, &r, false);
}

static bool one(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct bf_ntype *t)
{
	const struct bf_ast_expr *v = bf_ast_peel(s->match.r);
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	bool neg = s->match.rel == BF_REL_NE, many = v->kind == BF_AST_RANGE || v->kind == BF_AST_PREFIX;
	bool text = v->kind == BF_AST_VALUE && v->value.type && v->value.type->form == BF_FORM_STRING;
	bf_u128 n;

	if (s->match.mask || s->match.rel == BF_REL_NEG ||
	    (!many && s->match.rel == BF_REL_IMPLICIT && bits_of(s->match.l, t)))
		return to_bits(ev, d, s, t);
	if (many || text) {
		if (s->match.rel > BF_REL_NE)
			return bf_ev_error(ev, s->match.r->loc, "nothing is above or below this: == or !=");
		if (!bf_ev_add_values(ev, v, t, key_bits(s->match.l), &r))
			return false;
	} else if (!bf_ev_number(ev, s->match.r, t, &n)) {
		return false;
	} else if (v->kind == BF_AST_VALUE && v->value.type == &bf_ntypes[BF_T_BOOL] && key_bits(s->match.l) > 1) {
		if (!bf_ev_add_range(ev, &r, !!n, n ? ~(bf_u128)0 : 0)) /* is there a route? */
			return false;
	} else if (!relation(ev, s->match.rel, n, &r, &neg)) {
		return false;
	}
	return bf_ev_test(ev, d, s->match.l, ~(bf_u128)0, &r, neg);
}

static bool concat(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_ast_elem elem = { .key = s->match.r };
	struct bf_ast_expr set = { .kind = BF_AST_SET, .loc = s->match.r->loc, .set = { &elem, 1 } };

	if (s->match.rel > BF_REL_NE)
		return bf_ev_error(ev, s->match.r->loc, "concatenations are equal or not: == or !=");
	if (s->match.rel == BF_REL_NE)
		return bf_ev_in_named(ev, d, s->match.l, &set, true);
	return bf_ev_test_elem(ev, d, s->match.l, s->match.r);
}

bool bf_ev_match(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *l = bf_ast_peel(s->match.l), *r = bf_ast_peel(s->match.r);
	struct bf_types t;

	bf_native_types_of(l, &t);
	if (r->kind == BF_AST_SET || r->kind == BF_AST_SETREF)
		return in_set(ev, d, s);
	if (l->kind == BF_AST_CONCAT)
		return concat(ev, d, s);
	if (bf_ev_has_key(r))
		return bf_ev_compare(ev, d, s);
	if (l->kind == BF_AST_MAP)
		return bf_ev_unserved(ev, l->loc, "what a map gives cannot be compared");
	return one(ev, d, s, t.type[0]);
}
