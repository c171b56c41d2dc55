/* SPDX-License-Identifier: GPL-2.0-only */
/* apply_set.c: sets, maps and their elements come and go. */
#include "front/native/change.h"
#include "front/native/elems.h"
#include "front/native/parse.h"

bool bf_ntyped(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE: return e->value.type;
	case BF_AST_BINOP:
	case BF_AST_RANGE:
	case BF_AST_PREFIX: return bf_ntyped(e->two.l);
	case BF_AST_CONCAT:
	case BF_AST_LIST: return bf_ntyped(e->items.first);
	case BF_AST_SET:
		for (const struct bf_ast_elem *el = e->set.first; el; el = el->next)
			if (bf_ast_peel(el->key)->kind != BF_AST_ANY || el->data)
				return bf_ntyped(bf_ast_peel(el->key)->kind == BF_AST_ANY ? el->data : el->key);
		return true;
	default: return true;
	}
}

static bool type_elements(struct bf_napply *a, const struct bf_nname *n, struct bf_ast_expr *e, bool bare)
{
	struct bf_types key, data;
	int err;

	if (bf_ntyped(e))
		return true;
	bf_native_set_types(n->set, &key, &data);
	err = bf_native_type(a->ast, e, &key, n->set->map ? &data : NULL, bare, a->d);
	if (!err)
		return true;
	a->err = a->err ? a->err : err;
	a->errors++;
	return false;
}

static bool open_elems(struct bf_napply *a, struct bf_nname *n)
{
	if (!n->elems)
		n->elems = bf_nelems_new(a->ast->arena, n->set);
	return n->elems || bf_nmemory(a);
}

void bf_nset_free(struct bf_nname *n)
{
	bf_nelems_free(n->elems);
	n->elems = NULL;
}

bool bf_nset_settle(struct bf_napply *a, struct bf_nname *n)
{
	if (!n->elems)
		return true;
	n->set->elements = bf_nelems_expr(n->elems);
	return n->set->elements || !n->elems->n || bf_nmemory(a);
}

static void describe(struct bf_buf *out, const struct bf_ast_elem *el)
{
	if (el)
		bf_native_print_expr(out, el->key);
}

static bool wrong_elem(struct bf_napply *a, const struct bf_nname *n, const struct bf_nelem_error *e,
                       struct bf_ast_loc loc)
{
	_cleanup_buf_ struct bf_buf el = { 0 }, other = { 0 };
	const char *what = bf_nkind(BF_OBJ_SET, n);

	if (e->what == BF_ELEM_MEMORY)
		return bf_nmemory(a);
	describe(&el, e->el);
	describe(&other, e->other);
	if (el.err || other.err)
		return bf_nmemory(a);
	loc = e->el && bf_ast_peel(e->el->key)->loc.len ? bf_ast_peel(e->el->key)->loc : loc;
	switch (e->what) {
	case BF_ELEM_EXISTS:
		return bf_nwrong(a, loc, -EEXIST, "%s is in %s '%s' already", el.data, what, n->name);
	case BF_ELEM_DATA:
		return bf_nwrong(a, loc, -EEXIST, "%s is in map '%s' already, with other data", el.data, n->name);
	case BF_ELEM_OVERLAP:
		return bf_nwrong(a, loc, -EEXIST, "%s overlaps with %s of %s '%s'", el.data, other.data, what, n->name);
	case BF_ELEM_ABSENT:
		return bf_nwrong(a, loc, -ENOENT, "%s is not in %s '%s'", el.data, what, n->name);
	case BF_ELEM_RANGE:
		return bf_nwrong(a, loc, -EINVAL, "%s '%s' has no ranges: it would need 'flags interval'", what, n->name);
	case BF_ELEM_FULL:
		return bf_nwrong(a, loc, -ENFILE, "%s '%s' is full: its size is %llu", what, n->name,
		                 (unsigned long long)n->set->size);
	default:
		return bf_nwrong(a, loc, -EINVAL, "an element of a %s is a constant", what);
	}
}

static bool check_elem(struct bf_napply *a, const struct bf_nname *n, const struct bf_ast_elem *el)
{
	if (bf_ast_peel(el->key)->kind == BF_AST_SET) {
		for (const struct bf_ast_elem *i = bf_ast_peel(el->key)->set.first; i; i = i->next)
			if (!check_elem(a, n, i))
				return false;
		return true;
	}
	if (el->more && el->more->has_timeout && !bf_ast_set_timed(n->set))
		return bf_nwrong(a, el->key->loc, -EINVAL, "%s '%s' has no timeouts: it would need 'flags timeout'",
		                 bf_nkind(BF_OBJ_SET, n), n->name);
	return true;
}

struct uses {
	struct bf_napply *a;
	struct bf_ntable *t;
};

static void use(void *arg, const struct bf_ast_elem *el)
{
	const struct uses *u = arg;

	if (el->data)
		bf_nuse_elem(u->a, u->t, el, 1);
}

static void unuse(void *arg, const struct bf_ast_elem *el)
{
	const struct uses *u = arg;

	if (el->data)
		bf_nuse_elem(u->a, u->t, el, -1);
}

/* A constant set stays as it is once a rule looks at it. */
static bool may_change(struct bf_napply *a, const struct bf_nname *n, struct bf_ast_loc loc)
{
	return !(n->set->flags & BF_SET_CONSTANT) || !n->uses ||
	       bf_nwrong(a, loc, -EBUSY, "%s '%s' is constant and in use", bf_nkind(BF_OBJ_SET, n), n->name);
}

void bf_nset_elements(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n, struct bf_ast_expr *e, bool create)
{
	const struct bf_ast_expr *list = bf_ast_peel(e);
	struct bf_nelem_error err;
	unsigned errors = a->errors;
	struct uses u = { a, t };

	if (list->kind != BF_AST_SET) {
		bf_nwrong(a, e->loc, -EINVAL, "elements stand in { }");
		return;
	}
	if (!may_change(a, n, e->loc) || !type_elements(a, n, e, false) || !open_elems(a, n))
		return;
	for (const struct bf_ast_elem *el = list->set.first; el; el = el->next)
		check_elem(a, n, el);
	if (a->errors > errors)
		return;
	err = bf_nelems_add(n->elems, list, create, n->set->map ? use : NULL, &u);
	if (err.what)
		wrong_elem(a, n, &err, e->loc);
	else
		t->changed = true;
}

static void delete_elements(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n, const struct bf_ast_cmd *cmd)
{
	struct bf_nelem_error err;
	struct uses u = { a, t };

	if (!may_change(a, n, cmd->elements->loc) || !type_elements(a, n, cmd->elements, true) || !open_elems(a, n))
		return;
	err = bf_nelems_delete(n->elems, cmd->elements, cmd->verb == BF_VERB_DESTROY, n->set->map ? unuse : NULL, &u);
	if (err.what)
		wrong_elem(a, n, &err, cmd->loc);
	t->changed = true;
}

void bf_nset_flush(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n)
{
	struct uses u = { a, t };

	if (!open_elems(a, n))
		return;
	for (uint32_t i = 0; n->set->map && i < n->elems->n; i++)
		unuse(&u, n->elems->v[i].el);
	t->changed |= n->elems->n > 0;
	n->elems->n = 0;
}

void bf_nset_command(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	bool lenient = cmd->verb == BF_VERB_DESTROY;
	struct bf_nname *n = bf_napply_find(t, BF_OBJ_SET, cmd->name.text);

	if (!n && lenient)
		return;
	n = bf_napply_name(a, t, cmd);
	if (!n)
		return;
	if (cmd->verb == BF_VERB_DELETE || lenient)
		delete_elements(a, t, n, cmd);
	else
		bf_nset_elements(a, t, n, cmd->elements, cmd->verb == BF_VERB_CREATE);
}

/* Sets. */

static bool same_types(const struct bf_ntype *const *a, uint32_t n_a, const struct bf_ntype *const *b, uint32_t n_b)
{
	return n_a == n_b && !memcmp(a, b, n_a * sizeof(*a));
}

static bool same_set(const struct bf_ast_set *a, const struct bf_ast_set *b)
{
	return a->map == b->map && a->flags == b->flags && same_types(a->key, a->n_key, b->key, b->n_key) &&
	       same_types(a->data, a->n_data, b->data, b->n_data) && (!b->has_timeout || a->timeout == b->timeout);
}

static struct bf_nname *make(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_set *s)
{
	struct bf_nname *n = NULL;

	if (s->n_key > 1 && s->flags & BF_SET_INTERVAL && s->auto_merge)
		bf_nwrong(a, s->name.loc, -EOPNOTSUPP, "auto-merge is for keys of one part");
	else
		n = bf_nname_add(a, t, BF_OBJ_SET, s->name.text);
	if (!n)
		return NULL;
	n->set = s;
	s->handle = ++t->last;
	s->elements = NULL;
	t->changed = true;
	return n;
}

static struct bf_nname *there(struct bf_napply *a, struct bf_nname *n, const struct bf_ast_set *s, bool create)
{
	bool same = same_set(n->set, s);

	if (!create && same)
		return n;
	bf_nwrong(a, s->name.loc, -EEXIST, "%s '%s' is there already%s", bf_nkind(BF_OBJ_SET, n), n->name,
	          same ? "" : ", and it is another");
	return NULL;
}

void bf_nset_add(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_set *s, bool create)
{
	struct bf_nname *n = bf_napply_find(t, BF_OBJ_SET, s->name.text);
	struct bf_ast_expr *e = s->elements;

	n = n ? there(a, n, s, create) : make(a, t, s);
	if (n && e)
		bf_nset_elements(a, t, n, e, false);
}
