/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * style.c: trees marked for how they are printed. Numbers instead of words
 * only where the number is read as the same value again: not for the parts of
 * bit masks, whose lists are words, nor for verdicts and names.
 */
#include "front/native/native.h"

static void in_expr(struct bf_ast_expr *e, unsigned style);
static void in_stmts(struct bf_ast_stmt *s, unsigned style);

static void in_elems(struct bf_ast_elem *el, unsigned style)
{
	for (; el; el = el->next) {
		in_expr(el->key, style);
		if (el->data)
			in_expr(el->data, style);
		if (el->more)
			in_stmts(el->more->stmts, style);
	}
}

static void in_value(struct bf_ast_expr *e, unsigned style)
{
	const struct bf_ntype *t = e->value.type;

	if (style & BF_STYLE_NUMBERS && t && (t->form == BF_FORM_DEC || t->form == BF_FORM_HEX || t->form == BF_FORM_PORT))
		e->value.plain = true;
}

static void in_expr(struct bf_ast_expr *e, unsigned style)
{
	e = (struct bf_ast_expr *)bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE:
		in_value(e, style);
		break;
	case BF_AST_BINOP:
	case BF_AST_RANGE:
	case BF_AST_PREFIX:
	case BF_AST_MAP:
		in_expr(e->two.l, style);
		in_expr(e->two.r, style);
		break;
	case BF_AST_CONCAT:
		for (struct bf_ast_expr *i = e->items.first; i; i = i->next)
			in_expr(i, style);
		break;
	case BF_AST_SET:
		in_elems(e->set.first, style);
		break;
	default:
		break;
	}
}

static void in_stmt(struct bf_ast_stmt *s, unsigned style)
{
	switch (s->kind) {
	case BF_STMT_MATCH:
	case BF_STMT_VMAP:
	case BF_STMT_SET:
		in_expr(s->match.l, style);
		in_expr(s->match.r, style);
		break;
	case BF_STMT_ELEMENT:
		in_elems(s->element.elem, style);
		break;
	case BF_STMT_COUNTER:
		s->counter.bare |= (style & BF_STYLE_STATELESS) != 0;
		break;
	case BF_STMT_PROGRAM:
		s->code.brief |= (style & BF_STYLE_BRIEF) != 0;
		break;
	case BF_STMT_OBJECT:
		in_expr(s->object.name, style);
		break;
	default:
		break;
	}
}

static void in_stmts(struct bf_ast_stmt *s, unsigned style)
{
	for (; s; s = s->next)
		in_stmt(s, style);
}

void bf_native_style(struct bf_ast_table *t, unsigned style)
{
	for (struct bf_ast_obj *o = t->objs; o; o = o->next)
		if (o->state)
			in_stmts(o->state, style);
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		if (s->elements)
			in_expr(s->elements, style);
	for (struct bf_ast_chain *c = t->chains; c; c = c->next)
		for (struct bf_ast_rule *r = c->rules; r; r = r->next)
			in_stmts(r->stmts, style);
}

enum { FILES = 64 };

struct seen {
	const struct bf_ast_stmt *last[FILES]; /* of each file; of more than these each is printed */
	uint32_t n;
};

static bool mark(struct seen *seen, const struct bf_ast_stmt *s)
{
	uint32_t i = 0;
	bool again;

	while (i < seen->n && strcmp(seen->last[i]->code.text.text, s->code.text.text))
		i++;
	if (i == FILES)
		return false;
	again = i < seen->n && !strcmp(seen->last[i]->code.object, s->code.object);
	seen->n = BF_MAX(seen->n, i + 1);
	seen->last[i] = s;
	return again;
}

void bf_native_once(struct bf_ast_table *t, bool once)
{
	struct seen seen = { .n = 0 };

	for (struct bf_ast_chain *c = t->chains; c; c = c->next)
		for (struct bf_ast_rule *r = c->rules; r; r = r->next)
			for (struct bf_ast_stmt *s = r->stmts; s; s = s->next)
				if (s->kind == BF_STMT_PROGRAM && s->code.object)
					s->code.again = once && mark(&seen, s);
}
