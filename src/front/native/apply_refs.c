/* SPDX-License-Identifier: GPL-2.0-only */
/* apply_refs.c: whom rules and elements of maps speak of: chains, sets, objects. What is spoken of cannot go. */
#include "front/native/change.h"

struct walk {
	bf_nref_fn *each;
	void *arg;
};

static bool in_expr(const struct walk *w, const struct bf_ast_expr *e);

static bool in_verdict(const struct walk *w, const struct bf_ast_expr *e)
{
	const struct bf_ast_word *chain = &e->verdict.chain;

	return !chain->text || w->each(w->arg, &(struct bf_nref){ BF_OBJ_CHAIN, (const char **)&chain->text, chain->loc,
	                                                          e->verdict.kind == BF_AST_GOTO });
}

static bool word(const struct walk *w, enum bf_ast_object kind, const struct bf_ast_word *name)
{
	return w->each(w->arg, &(struct bf_nref){ kind, (const char **)&name->text, name->loc, false });
}

/* Names of objects are values of their types. */
static bool in_value(const struct walk *w, const struct bf_ast_expr *e)
{
	const struct bf_ntype *t = e->value.type;
	enum bf_ast_object kind = BF_OBJ_COUNTER;

	if (!t || t->form != BF_FORM_OBJECT || !e->value.text)
		return true;
	if (t == &bf_ntypes[BF_T_QUOTA])
		kind = BF_OBJ_QUOTA;
	else if (t == &bf_ntypes[BF_T_LIMIT])
		kind = BF_OBJ_LIMIT;
	return w->each(w->arg, &(struct bf_nref){ kind, (const char **)&e->value.text, e->loc, false });
}

static bool in_elem(const struct walk *w, const struct bf_ast_elem *el)
{
	return in_expr(w, el->key) && (!el->data || in_expr(w, el->data)) &&
	       (!el->more || bf_nrefs_stmts(el->more->stmts, w->each, w->arg));
}

static bool in_items(const struct walk *w, const struct bf_ast_expr *e)
{
	for (const struct bf_ast_expr *i = e->items.first; i; i = i->next)
		if (!in_expr(w, i))
			return false;
	return true;
}

static bool in_set(const struct walk *w, const struct bf_ast_expr *e)
{
	for (const struct bf_ast_elem *el = e->set.first; el; el = el->next)
		if (!in_elem(w, el))
			return false;
	return true;
}

static bool in_expr(const struct walk *w, const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE: return in_value(w, e);
	case BF_AST_KEY: return !e->key.more || !e->key.more->arg || in_expr(w, e->key.more->arg);
	case BF_AST_BINOP:
	case BF_AST_RANGE:
	case BF_AST_PREFIX:
	case BF_AST_MAP: return in_expr(w, e->two.l) && in_expr(w, e->two.r);
	case BF_AST_CONCAT:
	case BF_AST_LIST: return in_items(w, e);
	case BF_AST_SET: return in_set(w, e);
	case BF_AST_SETREF: return word(w, BF_OBJ_SET, &e->name);
	case BF_AST_VERDICT: return in_verdict(w, e);
	case BF_AST_VAR:
	case BF_AST_ANY: break;
	}
	return true;
}

static bool in_stmt(const struct walk *w, const struct bf_ast_stmt *s)
{
	switch (s->kind) {
	case BF_STMT_MATCH:
	case BF_STMT_VMAP:
	case BF_STMT_SET: return in_expr(w, s->match.l) && in_expr(w, s->match.r);
	case BF_STMT_VERDICT: return in_expr(w, s->verdict);
	case BF_STMT_ELEMENT: return word(w, BF_OBJ_SET, &s->element.set) && in_elem(w, s->element.elem);
	case BF_STMT_OBJECT: return in_expr(w, s->object.name);
	case BF_STMT_REDIRECT:
	case BF_STMT_MIRROR:
	case BF_STMT_ROUTE: return in_expr(w, s->to);
	default: return true;
	}
}

bool bf_nrefs_stmts(const struct bf_ast_stmt *s, bf_nref_fn *each, void *arg)
{
	const struct walk w = { each, arg };

	for (; s; s = s->next)
		if (!in_stmt(&w, s))
			return false;
	return true;
}

bool bf_nrefs_elem(const struct bf_ast_elem *el, bf_nref_fn *each, void *arg)
{
	return in_elem(&(struct walk){ each, arg }, el);
}

/* Uses. */

struct use {
	struct bf_napply *a;
	struct bf_ntable *t;
	int n;
};

static bool is_there(void *arg, const struct bf_nref *r)
{
	struct use *u = arg;
	struct bf_nname *n = bf_napply_find(u->t, r->kind, *r->name);

	if (!n)
		bf_nname_unknown(u->a, u->t, r->kind, &(struct bf_ast_word){ *r->name, r->loc });
	else if (n->kind == BF_OBJ_CHAIN && n->chain->base)
		bf_nwrong(u->a, r->loc, -EOPNOTSUPP, "'%s' is a base chain: the kernel calls it, rules cannot", n->name);
	return true;
}

static bool count(void *arg, const struct bf_nref *r)
{
	struct use *u = arg;
	struct bf_nname *n = bf_napply_find(u->t, r->kind, *r->name);

	if (n)
		n->uses += (uint32_t)u->n;
	return true;
}

bool bf_nuse_stmts(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_stmt *s, int n)
{
	struct use u = { a, t, n };
	unsigned errors = a->errors;

	if (n > 0)
		bf_nrefs_stmts(s, is_there, &u);
	if (a->errors > errors)
		return false;
	return bf_nrefs_stmts(s, count, &u);
}

bool bf_nuse_elem(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_elem *el, int n)
{
	struct use u = { a, t, n };
	unsigned errors = a->errors;

	if (n > 0)
		bf_nrefs_elem(el, is_there, &u);
	if (a->errors > errors)
		return false;
	return bf_nrefs_elem(el, count, &u);
}

/* A chain by another name. */

struct rename {
	const char *from, *to;
};

static bool rename_one(void *arg, const struct bf_nref *r)
{
	const struct rename *n = arg;

	if (r->kind == BF_OBJ_CHAIN && !strcmp(*r->name, n->from))
		*r->name = n->to;
	return true;
}

void bf_nrename_refs(struct bf_ntable *t, const char *from, const char *to)
{
	struct rename n = { from, to };

	for (struct bf_nname *c = t->first[BF_OBJ_CHAIN]; c; c = c->after)
		for (struct bf_ast_rule *r = c->gone ? NULL : c->chain->rules; r; r = r->next)
			bf_nrefs_stmts(r->stmts, rename_one, &n);
	for (struct bf_nname *s = t->first[BF_OBJ_SET]; s; s = s->after) {
		const struct bf_ast_expr *e = s->gone ? NULL : bf_ast_peel(s->set->elements);

		for (const struct bf_ast_elem *el = e ? e->set.first : NULL; el; el = el->next)
			bf_nrefs_elem(el, rename_one, &n);
	}
}

/* Loops. */

enum { DEPTH = 16 }; /* of jumps, as in the kernel */

struct path {
	struct bf_napply *a;
	struct bf_ntable *t;
	struct bf_nname *chain[DEPTH + 1];
	unsigned n;
	unsigned below; /* how deep it goes below the chain that is visited */
	bool told;
};

static bool follow(void *arg, const struct bf_nref *r);

static bool circle(struct path *p, const struct bf_nname *back, struct bf_ast_loc loc)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	unsigned i = 0;

	while (p->chain[i] != back)
		i++;
	for (; i < p->n; i++)
		bf_buf_printf(&text, "%s -> ", p->chain[i]->name);
	p->told = true;
	return bf_nwrong(p->a, loc, -ELOOP, "chains call each other in a circle: %s%s", text.data ? text.data : "",
	                 back->name);
}

static void visit(struct path *p, struct bf_nname *c)
{
	unsigned below = p->below;

	c->active = true;
	p->chain[p->n++] = c;
	p->below = 0;
	for (const struct bf_ast_rule *r = c->chain->rules; r && !p->told; r = r->next)
		bf_nrefs_stmts(r->stmts, follow, p);
	p->n--;
	c->active = false;
	c->height = p->below + 1;
	p->below = below;
}

static bool follow_elems(struct path *p, const struct bf_nname *s)
{
	const struct bf_ast_expr *e = s->set->map ? bf_ast_peel(s->set->elements) : NULL;

	for (const struct bf_ast_elem *el = e ? e->set.first : NULL; el && !p->told; el = el->next)
		bf_nrefs_elem(el, follow, p);
	return !p->told;
}

static bool follow(void *arg, const struct bf_nref *r)
{
	struct path *p = arg;
	bool leads = r->kind == BF_OBJ_CHAIN || r->kind == BF_OBJ_SET;
	struct bf_nname *c = leads ? bf_napply_find(p->t, r->kind, *r->name) : NULL;

	if (!c || c->kind == BF_OBJ_SET)
		return !c || follow_elems(p, c);
	if (c->active)
		return circle(p, c, r->loc);
	if (p->n <= DEPTH && !c->height)
		visit(p, c);
	if (p->told)
		return false;
	if (p->n + c->height > DEPTH + 1 || !c->height) {
		p->told = true;
		return bf_nwrong(p->a, r->loc, -EMLINK, "chains call each other more than %d deep", DEPTH);
	}
	p->below = BF_MAX(p->below, c->height);
	return true;
}

void bf_nloops(struct bf_napply *a, struct bf_ntable *t)
{
	struct path p = { .a = a, .t = t };

	for (struct bf_nname *c = t->first[BF_OBJ_CHAIN]; c; c = c->after)
		c->height = 0;
	for (struct bf_nname *c = t->first[BF_OBJ_CHAIN]; c && !p.told; c = c->after)
		if (!c->gone && c->chain->base)
			visit(&p, c);
}
