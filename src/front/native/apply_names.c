/* SPDX-License-Identifier: GPL-2.0-only */
/* apply_names.c: what has a name in a table: found by it, kept in order, read when a command is about the table. */
#include "front/native/change.h"
#include "front/native/parse.h"

bool bf_nwrong(struct bf_napply *a, struct bf_ast_loc loc, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bf_ast_verror(a->ast, a->d, loc, err, fmt, ap);
	va_end(ap);
	a->err = a->err ? a->err : err;
	a->errors++;
	a->missing += err == -ENOENT || err == -EOPNOTSUPP;
	return false;
}

bool bf_nmemory(struct bf_napply *a)
{
	a->err = -ENOMEM;
	return false;
}

static uint32_t bucket(enum bf_ast_object kind, const char *name)
{
	uint32_t h = 5381 + (uint32_t)kind;

	for (; *name; name++)
		h = h * 33 ^ (unsigned char)*name;
	return h % BF_NBUCKETS;
}

/* Sets and maps share their names. */
static enum bf_ast_object plain(enum bf_ast_object kind)
{
	return kind == BF_OBJ_MAP ? BF_OBJ_SET : kind;
}

/* In the order of the table quotas and limits stand among counters. */
static enum bf_ast_object in_order(enum bf_ast_object kind)
{
	return kind == BF_OBJ_CHAIN || kind == BF_OBJ_SET ? kind : BF_OBJ_COUNTER;
}

struct bf_nname *bf_napply_find(struct bf_ntable *t, enum bf_ast_object kind, const char *name)
{
	struct bf_nname *n = t->names[bucket(plain(kind), name)];

	while (n && (n->kind != plain(kind) || n->gone || strcmp(n->name, name)))
		n = n->next;
	return n;
}

struct bf_nname *bf_nname_add(struct bf_napply *a, struct bf_ntable *t, enum bf_ast_object kind, const char *name)
{
	struct bf_nname *n = bf_arena_new_of(a->ast->arena, struct bf_nname);
	enum bf_ast_object order = in_order(plain(kind));
	struct bf_nname **b;

	kind = plain(kind);
	b = &t->names[bucket(kind, name)];
	if (!n)
		return bf_nmemory(a), NULL;
	n->kind = kind;
	n->name = name;
	n->next = *b;
	*b = n;
	*(t->first[order] ? &t->final[order]->after : &t->first[order]) = n;
	t->final[order] = n;
	return n;
}

static void unhash(struct bf_ntable *t, struct bf_nname *n)
{
	struct bf_nname **b = &t->names[bucket(n->kind, n->name)];

	while (*b != n)
		b = &(*b)->next;
	*b = n->next;
}

void bf_nname_remove(struct bf_ntable *t, struct bf_nname *n)
{
	unhash(t, n);
	n->gone = true; /* and stays in the order until the table is settled */
}

void bf_nname_rehash(struct bf_ntable *t, struct bf_nname *n, const char *name)
{
	struct bf_nname **b;

	unhash(t, n);
	n->name = name;
	b = &t->names[bucket(n->kind, name)];
	n->next = *b;
	*b = n;
}

const char *bf_nkind(enum bf_ast_object kind, const struct bf_nname *n)
{
	return n && n->kind == BF_OBJ_SET && n->set->map ? "map" : bf_nobjects[kind];
}

bool bf_nname_unknown(struct bf_napply *a, struct bf_ntable *t, enum bf_ast_object kind, const struct bf_ast_word *w)
{
	struct bf_suggest s;
	char hint[300];

	bf_suggest_start(&s, w->text, strlen(w->text));
	for (const struct bf_nname *n = t->first[in_order(plain(kind))]; n; n = n->after)
		if (!n->gone && n->kind == plain(kind))
			bf_suggest_try(&s, n->name);
	return bf_nwrong(a, w->loc, -ENOENT, "there is no %s '%s' in table %s %s%s", bf_nobjects[kind], w->text,
	                 t->family->name, t->name, bf_suggest_text(&s, hint, sizeof(hint)));
}

/* Reading what is stored. Its references are right, or it would not be stored. */

static bool read_chains(struct bf_napply *a, struct bf_ntable *t)
{
	for (struct bf_ast_chain *c = t->cmd->body->chains; c; c = c->next) {
		struct bf_nname *n = bf_nname_add(a, t, BF_OBJ_CHAIN, c->name.text);

		if (!n)
			return false;
		n->chain = c;
		for (struct bf_ast_rule *r = c->rules; r; r = r->next) {
			r->prev = n->last;
			n->last = r;
		}
	}
	return true;
}

static bool read_others(struct bf_napply *a, struct bf_ntable *t)
{
	struct bf_nname *n;

	for (struct bf_ast_obj *o = t->cmd->body->objs; o; o = o->next) {
		n = bf_nname_add(a, t, o->type, o->name.text);
		if (!n)
			return false;
		n->obj = o;
	}
	for (struct bf_ast_set *s = t->cmd->body->sets; s; s = s->next) {
		n = bf_nname_add(a, t, BF_OBJ_SET, s->name.text);
		if (!n)
			return false;
		n->set = s;
	}
	return true;
}

static void count_uses(struct bf_napply *a, struct bf_ntable *t)
{
	for (const struct bf_nname *n = t->first[BF_OBJ_SET]; n; n = n->after) {
		const struct bf_ast_expr *e = bf_ast_peel(n->set->elements);

		for (const struct bf_ast_elem *el = e && n->set->map ? e->set.first : NULL; el; el = el->next)
			bf_nuse_elem(a, t, el, 1);
	}
	for (const struct bf_nname *n = t->first[BF_OBJ_CHAIN]; n; n = n->after)
		for (const struct bf_ast_rule *r = n->chain->rules; r; r = r->next)
			bf_nuse_stmts(a, t, r->stmts, 1);
}

bool bf_ntable_read(struct bf_napply *a, struct bf_ntable *t)
{
	int err;

	if (t->cmd)
		return true;
	err = a->ops->read(a->ops->ctx, t, &t->cmd);
	if (err) {
		a->err = a->err ? a->err : err;
		a->errors++;
		return false;
	}
	if (!read_chains(a, t) || !read_others(a, t))
		return false;
	count_uses(a, t);
	return true;
}
