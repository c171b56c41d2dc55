/* SPDX-License-Identifier: GPL-2.0-only */
/* match.c: what is compared, mapped to a verdict, or set. */
#include "front/native/parse.h"

static const struct bf_pctx keys = { .keys = true };

/* Matches. */

static enum bf_ast_rel read_rel(struct bf_nparser *p)
{
	static const struct {
		int tok;
		const char *word;
		enum bf_ast_rel rel;
	} rels[] = { { BF_TOK_EQ, "eq", BF_REL_EQ }, { BF_TOK_NE, "ne", BF_REL_NE }, { '<', "lt", BF_REL_LT },
	             { '>', "gt", BF_REL_GT },       { BF_TOK_LE, "le", BF_REL_LE }, { BF_TOK_GE, "ge", BF_REL_GE },
	             { '!', NULL, BF_REL_NEG } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(rels); i++)
		if (bf_p_eat(p, rels[i].tok) || (rels[i].word && bf_p_eat_word(p, rels[i].word)))
			return rels[i].rel;
	return BF_REL_IMPLICIT;
}

/* Is there a route at all? */
static bool fib_exists(const struct bf_nparser *p, const struct bf_ast_expr *l)
{
	return l->kind == BF_AST_KEY && l->key.row->class == BF_NK_FIB && (bf_p_at(p, "exists") || bf_p_at(p, "missing"));
}

static bool is_one(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	return e->kind == BF_AST_VALUE || e->kind == BF_AST_KEY || e->kind == BF_AST_BINOP;
}

static bool relational(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	static const struct bf_types boolean = { .type = { &bf_ntypes[BF_T_BOOL] }, .n = 1 };
	struct bf_pctx c = { .want = t->n == 1 ? t->type[0] : NULL };
	bool calc = bf_ast_peel(s->match.l)->kind == BF_AST_BINOP;

	s->kind = BF_STMT_MATCH;
	s->match.rel = read_rel(p);
	if (s->match.rel == BF_REL_NEG && !(t->n == 1 && t->type[0] && t->type[0]->flags))
		return bf_p_error(p, s->match.l->loc, "! is for bits: none of them; != is for the rest");
	c.keys = c.right = s->match.rel != BF_REL_IMPLICIT;
	if (fib_exists(p, s->match.l))
		t = &boolean;
	s->match.r = bf_p_list(p, &c);
	if (!s->match.r || !(calc ? bf_p_resolve_calc : bf_p_resolve)(p, s->match.r, t, NULL))
		return false;
	if (bf_ast_peel(s->match.r)->kind == BF_AST_SET && !bf_ast_peel(s->match.r)->set.n)
		return bf_p_error(p, s->match.r->loc, "a set of nothing");
	if (s->match.rel >= BF_REL_LT && s->match.rel <= BF_REL_GE && !is_one(s->match.r))
		return bf_p_error(p, s->match.r->loc, "<, >, <= and >= compare with one value");
	if (!(t->n == 1 && t->type[0] && t->type[0]->flags) || !bf_p_eat(p, '/'))
		return true;
	s->match.mask = bf_p_list(p, &c);
	return s->match.mask && bf_p_resolve(p, s->match.mask, t, NULL);
}

static bool vmap(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	static const struct bf_pctx c = { 0 };
	struct bf_types data = { .type = { &bf_ntypes[BF_T_VERDICT] }, .n = 1 };

	s->kind = BF_STMT_VMAP;
	if (p->tok.kind != '{' && p->tok.kind != '@' && p->tok.kind != BF_TOK_VAR)
		return bf_p_unexpected(p, "'{' or '@' and the name of a map");
	s->match.r = bf_p_concat(p, &c);
	return s->match.r && bf_p_resolve(p, s->match.r, t, &data);
}

/* What is set, or names an object: a value, a field, EXPR map { } or EXPR map @m. */
static struct bf_ast_expr *mapped(struct bf_nparser *p, const struct bf_types *want)
{
	static const struct bf_pctx none = { 0 };
	struct bf_pctx c = { .keys = true, .want = want->n == 1 ? want->type[0] : NULL };
	struct bf_ast_expr *e = bf_p_list(p, &c), *map;
	struct bf_types key;

	if (!e || !bf_p_eat_word(p, "map"))
		return e && bf_p_resolve(p, e, want, NULL) ? e : NULL;
	map = bf_p_expr_new(p, BF_AST_MAP, e->loc);
	if (!map)
		return NULL;
	if (p->tok.kind != '{' && p->tok.kind != '@' && p->tok.kind != BF_TOK_VAR)
		return bf_p_unexpected(p, "'{' or '@' and the name of a map"), NULL;
	map->two.l = e;
	map->two.r = bf_p_concat(p, &none);
	bf_native_types_of(e, &key);
	map->loc = bf_p_span(p, map->loc);
	return map->two.r && bf_p_resolve(p, map->two.r, &key, want) ? map : NULL;
}

static bool can_set(struct bf_nparser *p, const struct bf_ast_expr *l)
{
	const struct bf_nkey *k = l->kind == BF_AST_KEY ? l->key.row : NULL;

	if (!k)
		return bf_p_error(p, l->loc, "this cannot be set");
	if (k->group && k->class >= BF_NK_META && k->class != BF_NK_TCPOPT && k->class != BF_NK_EXTHDR &&
		!(k->flags & BF_NKF_SET))
		return bf_p_error(p, l->loc, "'%s %s' cannot be set", k->group, k->name);
	return true;
}

static bool assign(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	s->kind = BF_STMT_SET;
	if (!can_set(p, s->match.l))
		return false;
	s->match.r = mapped(p, t);
	if (!s->match.r)
		return false;
	switch (bf_ast_peel(s->match.r)->kind) {
	case BF_AST_RANGE:
	case BF_AST_PREFIX:
	case BF_AST_SET:
	case BF_AST_SETREF:
		return bf_p_error(p, s->match.r->loc, "one value can be set, this is more");
	default:
		return true;
	}
}

bool bf_p_match(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_types t;
	const struct bf_nkey *k;

	s->match.l = bf_p_concat(p, &keys);
	if (!s->match.l)
		return false;
	bf_native_types_of(s->match.l, &t);
	if (!t.n)
		return bf_p_error(p, s->match.l->loc, "a value matches nothing by itself: fields stand here");
	if (!bf_p_resolve(p, s->match.l, &t, NULL))
		return false;
	if (bf_p_eat_word(p, "set"))
		return assign(p, s, &t);
	if (bf_p_at(p, "map"))
		return bf_p_error(p, bf_p_loc(p), "a map gives a value: it stands behind set; vmap gives verdicts");
	k = s->match.l->kind == BF_AST_KEY ? s->match.l->key.row : NULL;
	if (k && k->flags & BF_NKF_WRITE)
		return bf_p_error(p, s->match.l->loc, "'%s %s' can only be set", k->group, k->name);
	return bf_p_eat_word(p, "vmap") ? vmap(p, s, &t) : relational(p, s, &t);
}
