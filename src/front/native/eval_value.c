/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_value.c: values as numbers, and lists of ranges of them. Names of
 * interfaces are compared up to their NUL: what lies behind it in the kernel's
 * 16 bytes is what an older name left there. So "eth0" is a range too, as
 * "eth*" is.
 */
#include "front/native/evaluate.h"

void bf_ev_ranges_free(struct bf_ev_ranges *r)
{
	free(r->r);
	*r = (struct bf_ev_ranges){ 0 };
}

bool bf_ev_add_range(struct bf_ev *ev, struct bf_ev_ranges *r, bf_u128 lo, bf_u128 hi)
{
	if (bf_grow(&r->r, r->n, &r->cap, sizeof(*r->r)) < 0)
		return bf_ev_nomem(ev);
	r->r[r->n++] = (struct bf_range){ lo, hi };
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void bf_ev_ranges_join(struct bf_ev_ranges *r)
{
	uint32_t n = 0;

	if (!r->n)
		return;
	qsort(r->r, r->n, sizeof(*r->r), compare);
	for (uint32_t i = 1; i < r->n; i++) {
		if (r->r[n].hi == ~(bf_u128)0 || r->r[i].lo <= r->r[n].hi + 1)
			r->r[n].hi = BF_MAX(r->r[n].hi, r->r[i].hi);
		else
			r->r[++n] = r->r[i];
	}
	r->n = n + 1;
}

/* Names that the system knows. */

static bool look_up(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, bf_u128 *out)
{
	const struct bf_eval_env *env = ev->env;
	const char *name = e->value.text;
	uint64_t id = 0;
	uint32_t n = 0;
	int err;

	if (t == &bf_ntypes[BF_T_IFINDEX])
		err = env && env->ifindex ? env->ifindex(env->ctx, name, &n) : -ENOENT;
	else if (t == &bf_ntypes[BF_T_UID] || t == &bf_ntypes[BF_T_GID])
		err = env && env->user ? env->user(env->ctx, name, t == &bf_ntypes[BF_T_GID], &n) : -ENOENT;
	else if (t == &bf_ntypes[BF_T_CGROUPV2])
		err = env && env->cgroup ? env->cgroup(env->ctx, name, &id) : -ENOENT;
	else
		err = t == &bf_ntypes[BF_T_DEVGROUP] && !strcmp(name, "default") ? 0 : -ENOENT; /* group 0 */
	*out = id ? id : n;
	if (!err)
		return true;
	if (t == &bf_ntypes[BF_T_IFINDEX])
		return bf_ev_error(ev, e->loc, "there is no interface '%s' now; iifname and oifname take one that is to come", name);
	return bf_ev_error(ev, e->loc, "there is no %s '%s'", t->name, name);
}

/* The clock of the kernel is UTC's. */
static bf_u128 local(const struct bf_ev *ev, const struct bf_ntype *t, bf_u128 v)
{
	int64_t off = ev->env ? ev->env->gmtoff : 0;

	if (t->form == BF_FORM_DATE)
		return (bf_u128)((int64_t)v - off * 1000000000);
	return (bf_u128)((((int64_t)v - off) % 86400 + 86400) % 86400);
}

static bool calculate(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, bf_u128 *out)
{
	bf_u128 l, r;

	if (!bf_ev_number(ev, e->two.l, t, &l) || !bf_ev_number(ev, e->two.r, t, &r))
		return false;
	switch (e->two.op) {
	case BF_OP_AND: *out = l & r; break;
	case BF_OP_OR: *out = l | r; break;
	case BF_OP_XOR: *out = l ^ r; break;
	case BF_OP_LSHIFT: *out = r < 128 ? l << r : 0; break;
	case BF_OP_RSHIFT: *out = r < 128 ? l >> r : 0; break;
	case BF_OP_ADD: *out = l + r; break;
	case BF_OP_SUB: *out = l - r; break;
	}
	return true;
}

bool bf_ev_number(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, bf_u128 *out)
{
	bf_u128 v = 0;

	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP)
		return calculate(ev, e, t, out);
	if (e->kind == BF_AST_LIST) {
		*out = 0;
		for (const struct bf_ast_expr *i = e->items.first; i; i = i->next) {
			if (!bf_ev_number(ev, i, t, &v))
				return false;
			*out |= v;
		}
		return true;
	}
	if (e->kind != BF_AST_VALUE)
		return bf_ev_error(ev, e->loc, "one value is wanted here");
	t = e->value.type ? e->value.type : t;
	if (!e->value.known)
		return t ? look_up(ev, e, t, out) : bf_ev_error(ev, e->loc, "'%s' is no number", e->value.text);
	*out = e->value.num;
	if (t && (t->form == BF_FORM_DATE || t->form == BF_FORM_HOUR))
		*out = local(ev, t, *out);
	if (t == &bf_ntypes[BF_T_CTLABEL])
		*out = (bf_u128)1 << (unsigned)(*out & 127);
	return true;
}

/* Up to 16 characters, the first on top; a star at the end: all that begin so. */
static bool name_range(struct bf_ev *ev, const char *name, struct bf_ev_ranges *out)
{
	size_t n = strlen(name);
	bool open = n && name[n - 1] == '*';
	bf_u128 v = 0;

	if (open)
		n--;
	if (open && n && name[n - 1] == '\\') { /* \*: a star it is */
		open = false;
		n--;
	}
	for (size_t i = 0; i < 16; i++)
		v = v << 8 | (uint8_t)(i < n ? name[i] : i == n && !open && name[n] == '\\' ? '*' : 0);
	n += name[n] == '\\';
	n += !open; /* the NUL */
	return bf_ev_add_range(ev, out, v, n >= 16 ? v : v | bf_ev_ones((unsigned)(128 - 8 * n)));
}

static bool one_value(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, struct bf_ev_ranges *out)
{
	bf_u128 v;

	if (e->kind == BF_AST_VALUE && e->value.type && e->value.type->form == BF_FORM_STRING && e->value.text)
		return name_range(ev, e->value.text, out);
	return bf_ev_number(ev, e, t, &v) && bf_ev_add_range(ev, out, v, v);
}

/* From before midnight to after it: what does not lie in between, as nft has it. */
static bool add_hours(struct bf_ev *ev, bf_u128 lo, bf_u128 hi, struct bf_ev_ranges *out)
{
	if (lo <= hi)
		return bf_ev_add_range(ev, out, lo, hi);
	return (!hi || bf_ev_add_range(ev, out, 0, hi - 1)) && bf_ev_add_range(ev, out, lo + 1, UINT32_MAX);
}

static bool range(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, struct bf_ev_ranges *out)
{
	bf_u128 lo, hi;

	if (!bf_ev_number(ev, e->two.l, t, &lo) || !bf_ev_number(ev, e->two.r, t, &hi))
		return false;
	if (t && t->form == BF_FORM_HOUR)
		return add_hours(ev, lo, hi, out);
	return lo <= hi ? bf_ev_add_range(ev, out, lo, hi) : bf_ev_error(ev, e->loc, "the range ends before it begins");
}

static bool prefix(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                   struct bf_ev_ranges *out)
{
	bf_u128 v, len;

	if (!bf_ev_number(ev, e->two.l, t, &v) || !bf_ev_number(ev, e->two.r, NULL, &len))
		return false;
	if (len > bits)
		return bf_ev_error(ev, e->two.r->loc, "the length of a prefix is at most %u here", bits);
	v &= ~bf_ev_ones(bits - (unsigned)len);
	return bf_ev_add_range(ev, out, v, v | bf_ev_ones(bits - (unsigned)len));
}

static bool elements(struct bf_ev *ev, const struct bf_ast_expr *set, const struct bf_ntype *t, unsigned bits,
                     struct bf_ev_ranges *out)
{
	for (const struct bf_ast_elem *i = set->set.first; i; i = i->next) {
		if (i->more && (i->more->stmts || i->more->has_timeout))
			return bf_ev_unserved(ev, i->key->loc, "elements with a state are for named sets");
		if (!bf_ev_add_values(ev, i->key, t, bits, out))
			return false;
	}
	return true;
}

bool bf_ev_add_values(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                      struct bf_ev_ranges *out)
{
	const struct bf_ast_expr *v = bf_ast_peel(e);

	switch (v->kind) {
	case BF_AST_RANGE: return range(ev, v, t, out);
	case BF_AST_PREFIX: return prefix(ev, v, t, bits, out);
	case BF_AST_SET: return elements(ev, v, t, bits, out);
	case BF_AST_ANY: return bf_ev_add_range(ev, out, 0, bf_ev_ones(bits));
	default: return one_value(ev, v, t, out);
	}
}
