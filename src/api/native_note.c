/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_note.c: comments of elements whose set rules change. The kernel has
 * these elements, the stored text their comments, by key: when they are put
 * together again, those of elements that have gone meanwhile are left out.
 */
#include "api/native.h"

struct note {
	char *key;
	const char *comment;
};

struct notes {
	struct note *v;
	uint32_t n, cap;
};

static void free_notes(struct notes *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->v[i].key);
	free(t->v);
}

static int by_key(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static const struct bf_ast_elem *first_of(const struct bf_ast_expr *set)
{
	set = set ? bf_ast_peel(set) : NULL;
	return set && set->kind == BF_AST_SET ? set->set.first : NULL;
}

static struct bf_ast_elem *copy_of(struct bf_ast *ast, const struct bf_ast_elem *el)
{
	struct bf_ast_elem *copy = bf_arena_new_of(ast->arena, struct bf_ast_elem);

	if (!copy)
		return NULL;
	copy->more = bf_arena_new_of(ast->arena, struct bf_ast_elem_more);
	if (!copy->more)
		return NULL;
	copy->key = el->key;
	copy->data = el->data;
	copy->more->comment = el->more->comment;
	return copy;
}

struct bf_ast_expr *bf_native_notes(struct bf_ast *ast, const struct bf_ast_expr *set)
{
	struct bf_ast_expr *out = bf_arena_new_of(ast->arena, struct bf_ast_expr);
	struct bf_ast_elem **tail = out ? &out->set.first : NULL;

	if (!out)
		return NULL;
	out->kind = BF_AST_SET;
	for (const struct bf_ast_elem *el = first_of(set); el; el = el->next) {
		if (!el->more || !el->more->comment)
			continue;
		*tail = copy_of(ast, el);
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
		out->set.n++;
	}
	return out->set.n ? out : NULL;
}

static char *text_of(const struct bf_ast_expr *key)
{
	_cleanup_buf_ struct bf_buf text = {};

	bf_native_print_expr(&text, key);
	return text.err || !text.data ? NULL : strdup(text.data);
}

static int read_notes(struct notes *t, const struct bf_ast_expr *set)
{
	for (const struct bf_ast_elem *el = first_of(set); el; el = el->next) {
		if (!el->more || !el->more->comment)
			continue;
		if (bf_grow(&t->v, t->n, &t->cap, sizeof(*t->v)))
			return -ENOMEM;
		t->v[t->n] = (struct note){ text_of(el->key), el->more->comment };
		if (!t->v[t->n++].key) {
			t->n--;
			return -ENOMEM;
		}
	}
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), by_key);
	return 0;
}

static int put(struct bf_ast *ast, const struct notes *t, struct bf_ast_elem *el)
{
	struct note key = { .key = text_of(el->key) }, *found;

	found = key.key ? bsearch(&key, t->v, t->n, sizeof(key), by_key) : NULL;
	if (found && !el->more)
		el->more = bf_arena_new_of(ast->arena, struct bf_ast_elem_more);
	if (found && el->more)
		el->more->comment = found->comment;
	free(key.key);
	return key.key && (!found || el->more) ? 0 : -ENOMEM;
}

int bf_native_notes_put(struct bf_ast *ast, struct bf_ast_expr *set, const struct bf_ast_expr *notes)
{
	_cleanup_(free_notes) struct notes t = { 0 };
	int rc = read_notes(&t, notes);

	for (struct bf_ast_elem *el = set->set.first; t.n && el && !rc; el = el->next)
		rc = put(ast, &t, el);
	return rc;
}
