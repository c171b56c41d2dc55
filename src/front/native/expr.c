/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expr.c: expressions, by how strongly they bind, as in nft:
 *
 *   a,b   list            loosest
 *   a . b concatenation
 *   a-b   range, a/n prefix
 *   | ^ &                 each its own level
 *   << >> + -
 *   ( )   value, field, $variable, @set, { }
 *
 * A - b is a difference behind a field and a range behind a value.
 */
#include "front/native/parse.h"

struct bf_ast_expr *bf_p_expr_new(struct bf_nparser *p, enum bf_ast_expr_kind kind, struct bf_ast_loc loc)
{
	struct bf_ast_expr *e = bf_p_new(p, struct bf_ast_expr);

	if (e) {
		e->kind = kind;
		e->loc = loc;
	}
	return e;
}

static struct bf_ast_expr *value(struct bf_nparser *p)
{
	static const struct {
		int tok;
		enum bf_ast_lit lit;
		bool text;
	} lits[] = { { BF_TOK_NUMBER, BF_LIT_NUMBER, false }, { BF_TOK_WORD, BF_LIT_WORD, true },
	             { BF_TOK_STRING, BF_LIT_STRING, true },  { BF_TOK_IPV4, BF_LIT_IPV4, false },
	             { BF_TOK_IPV6, BF_LIT_IPV6, false },     { BF_TOK_MAC, BF_LIT_MAC, false } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(lits); i++) {
		struct bf_ast_expr *e;

		if (p->tok.kind != lits[i].tok)
			continue;
		e = bf_p_expr_new(p, BF_AST_VALUE, bf_p_loc(p));
		if (!e)
			return NULL;
		e->value.lit = lits[i].lit;
		e->value.num = p->tok.num;
		e->value.text = lits[i].text ? bf_p_text(p) : NULL;
		if (lits[i].text && !e->value.text)
			return NULL;
		if (!lits[i].text)
			e->value.known = true; /* until a type says otherwise */
		bf_p_next(p);
		return e;
	}
	bf_p_unexpected(p, "a value");
	return NULL;
}

static struct bf_ast_expr *binary(struct bf_nparser *p, const struct bf_pctx *c, unsigned level);

static struct bf_ast_expr *parens(struct bf_nparser *p, const struct bf_pctx *c)
{
	struct bf_ast_expr *e;

	bf_p_next(p);
	e = bf_p_list(p, c);
	return e && bf_p_expect(p, ')', "')'") ? e : NULL;
}

static struct bf_ast_expr *set_ref(struct bf_nparser *p)
{
	struct bf_ast_expr *e = bf_p_expr_new(p, BF_AST_SETREF, bf_p_loc(p));

	bf_p_next(p);
	if (!e || !bf_p_name(p, "the name of a set", &e->name))
		return NULL;
	e->loc = bf_p_span(p, e->loc);
	return e;
}

static struct bf_ast_expr *primary(struct bf_nparser *p, const struct bf_pctx *c)
{
	if (c->keys && bf_p_key_starts(p, c->want, c->right))
		return bf_p_key(p);
	switch (p->tok.kind) {
	case '(': return parens(p, c);
	case '{': return bf_p_set(p, false);
	case '@': return set_ref(p);
	case BF_TOK_VAR: return bf_p_var(p);
	default: return value(p);
	}
}

static bool has_key(const struct bf_ast_expr *e)
{
	while (e->kind == BF_AST_BINOP) {
		if (has_key(e->two.r))
			return true;
		e = e->two.l;
	}
	return e->kind == BF_AST_KEY;
}

static struct bf_ast_expr *two(struct bf_nparser *p, enum bf_ast_expr_kind kind, struct bf_ast_expr *l,
                               struct bf_ast_expr *r)
{
	struct bf_ast_expr *e = l && r ? bf_p_expr_new(p, kind, bf_p_span(p, l->loc)) : NULL;

	if (e) {
		e->two.l = l;
		e->two.r = r;
	}
	return e;
}

enum { LEVELS = 4 };

/* The operator here, if it is one of that level. */
static bool operator_at(struct bf_nparser *p, unsigned level, bool key, enum bf_ast_op *op)
{
	static const struct {
		unsigned level;
		int tok;
		const char *word;
		bool key; /* only behind a field */
		enum bf_ast_op op;
	} ops[] = {
		{ 0, '|', "or", false, BF_OP_OR },
		{ 1, '^', "xor", false, BF_OP_XOR },
		{ 2, '&', "and", false, BF_OP_AND },
		{ 3, BF_TOK_LSHIFT, "lshift", false, BF_OP_LSHIFT },
		{ 3, BF_TOK_RSHIFT, "rshift", false, BF_OP_RSHIFT },
		{ 3, '+', NULL, true, BF_OP_ADD },
		{ 3, '-', NULL, true, BF_OP_SUB },
	};

	for (size_t i = 0; i < BF_ARRAY_SIZE(ops); i++) {
		bool here = p->tok.kind == ops[i].tok || (ops[i].word && bf_p_at(p, ops[i].word));

		if (ops[i].level == level && here && (key || !ops[i].key)) {
			*op = ops[i].op;
			return true;
		}
	}
	return false;
}

static struct bf_ast_expr *binary(struct bf_nparser *p, const struct bf_pctx *c, unsigned level)
{
	struct bf_ast_expr *l = level == LEVELS ? primary(p, c) : binary(p, c, level + 1);
	unsigned depth = p->depth;
	enum bf_ast_op op;

	while (l && level < LEVELS && operator_at(p, level, has_key(l), &op)) {
		if (++p->depth > BF_PARSE_DEPTH) {
			bf_p_error(p, bf_p_loc(p), "the expression is too long");
			l = NULL;
			break;
		}
		bf_p_next(p);
		l = two(p, BF_AST_BINOP, l, binary(p, c, level + 1));
		if (l)
			l->two.op = op;
	}
	p->depth = depth;
	return l;
}

static bool is_prefix(struct bf_nparser *p, const struct bf_pctx *c, const struct bf_ast_expr *l)
{
	struct bf_token t;

	if (p->tok.kind != '/' || has_key(l) || (c->want && c->want->flags))
		return false;
	l = bf_ast_peel(l);
	if (l->kind != BF_AST_VALUE || l->value.lit == BF_LIT_WORD)
		return false;
	bf_p_peek(p, &t);
	return t.kind != BF_TOK_STRING; /* anything but a number is an error, but one of a prefix */
}

static struct bf_ast_expr *range(struct bf_nparser *p, const struct bf_pctx *c)
{
	struct bf_ast_expr *l;

	if (p->tok.kind == '*' && c->element) {
		l = bf_p_expr_new(p, BF_AST_ANY, bf_p_loc(p));
		bf_p_next(p);
		return l;
	}
	l = binary(p, c, 0);
	if (l && is_prefix(p, c, l)) {
		bf_p_next(p);
		if (p->tok.kind != BF_TOK_NUMBER && p->tok.kind != BF_TOK_VAR)
			return bf_p_unexpected(p, "the length of a prefix"), NULL;
		return two(p, BF_AST_PREFIX, l, primary(p, c));
	}
	if (l && p->tok.kind == '-') {
		bf_p_next(p);
		return two(p, BF_AST_RANGE, l, binary(p, c, 0));
	}
	return l;
}

/* Things joined by a sign; one alone is itself. */
static struct bf_ast_expr *joined(struct bf_nparser *p, const struct bf_pctx *c, int sign, enum bf_ast_expr_kind kind,
                                  struct bf_ast_expr *(*part)(struct bf_nparser *, const struct bf_pctx *))
{
	struct bf_ast_expr *first, *e, **tail;

	if (p->depth >= BF_PARSE_DEPTH)
		return bf_p_error(p, bf_p_loc(p), "this is nested too deeply"), NULL;
	p->depth++;
	first = part(p, c);
	p->depth--;
	if (!first || p->tok.kind != sign)
		return first;
	e = bf_p_expr_new(p, kind, first->loc);
	if (!e)
		return NULL;
	e->items.first = first;
	e->items.n = 1;
	tail = &first->next;
	while (bf_p_eat(p, sign)) {
		if (c->element || sign == ',')
			bf_p_newlines(p);
		*tail = part(p, c);
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
		e->items.n++;
	}
	e->loc = bf_p_span(p, e->loc);
	return e;
}

struct bf_ast_expr *bf_p_concat(struct bf_nparser *p, const struct bf_pctx *c)
{
	return joined(p, c, '.', BF_AST_CONCAT, range);
}

struct bf_ast_expr *bf_p_list(struct bf_nparser *p, const struct bf_pctx *c)
{
	return joined(p, c, ',', BF_AST_LIST, bf_p_concat);
}

/* Sets. */

struct bf_ast_expr *bf_p_verdict(struct bf_nparser *p)
{
	static const char *const words[] = {
		[BF_AST_ACCEPT] = "accept", [BF_AST_DROP] = "drop", [BF_AST_CONTINUE] = "continue", [BF_AST_RETURN] = "return",
		[BF_AST_JUMP] = "jump", [BF_AST_GOTO] = "goto",
	};
	struct bf_ast_expr *e;
	unsigned i = 0;

	while (i < BF_ARRAY_SIZE(words) && !bf_p_at(p, words[i]))
		i++;
	if (i == BF_ARRAY_SIZE(words))
		return NULL;
	e = bf_p_expr_new(p, BF_AST_VERDICT, bf_p_loc(p));
	if (!e)
		return NULL;
	e->verdict.kind = (enum bf_ast_verdict)i;
	bf_p_next(p);
	if (i >= BF_AST_JUMP) {
		bool ok;

		if (p->tok.kind == '{')
			ok = bf_p_error(p, bf_p_loc(p), "chains without a name are not served: give it one");
		else if (p->tok.kind == BF_TOK_VAR)
			ok = bf_p_string(p, "the name of a chain", &e->verdict.chain);
		else
			ok = bf_p_name(p, "the name of a chain", &e->verdict.chain);
		if (!ok)
			return NULL;
	}
	e->loc = bf_p_span(p, e->loc);
	return e;
}

static bool elem_option(struct bf_nparser *p, struct bf_ast_elem *el, bool *found)
{
	struct bf_ast_elem_more *m = el->more;

	*found = p->tok.kind == BF_TOK_WORD;
	if (!*found)
		return true;
	if (!m && !(m = el->more = bf_p_new(p, struct bf_ast_elem_more)))
		return false;
	if (bf_p_eat_word(p, "timeout"))
		return m->has_timeout = bf_p_time(p, &m->timeout);
	if (bf_p_eat_word(p, "expires"))
		return m->has_expires = bf_p_time(p, &m->expires);
	if (bf_p_eat_word(p, "comment"))
		return bf_p_comment(p, &m->comment);
	return bf_p_add_state(p, &m->stmts);
}

static struct bf_ast_expr *elem_data(struct bf_nparser *p, bool keys)
{
	struct bf_pctx c = { .keys = keys };
	unsigned errors = p->errors;
	struct bf_ast_expr *e = bf_p_verdict(p);

	if (e || p->errors > errors || p->err)
		return e;
	return bf_p_concat(p, &c);
}

/* key [timeout T] [expires T] [counter ...] [comment "..."] [: data] */
struct bf_ast_elem *bf_p_elem(struct bf_nparser *p, bool keys)
{
	struct bf_pctx c = { .keys = keys, .element = true };
	struct bf_ast_elem *el = bf_p_new(p, struct bf_ast_elem);
	bool more = true;

	if (!el)
		return NULL;
	el->key = bf_p_concat(p, &c);
	if (!el->key)
		return NULL;
	while (more)
		if (!elem_option(p, el, &more))
			return NULL;
	if (bf_p_eat(p, ':')) {
		bf_p_newlines(p);
		el->data = elem_data(p, keys);
		if (!el->data)
			return NULL;
	}
	return el;
}

/*
 * To the next element, behind a mistake; false: the set ends here. A line that
 * ends without a comma, with none at the start of the next, ends a set whose } is missing.
 */
static bool skip_elem(struct bf_nparser *p)
{
	for (unsigned depth = 0;; bf_p_next(p)) {
		if (p->tok.kind == BF_TOK_END || (!depth && p->tok.kind == ';'))
			return false;
		if (p->tok.kind == BF_TOK_NEWLINE) {
			struct bf_token t;

			bf_p_peek(p, &t);
			if (t.kind != ',' && t.kind != '}' && t.kind != BF_TOK_NEWLINE)
				return false;
		}
		if (!depth && (p->tok.kind == ',' || p->tok.kind == '}'))
			return true;
		depth += p->tok.kind == '{';
		depth -= p->tok.kind == '}';
	}
}

/* One element and what separates it from the next. What stands on a line of its own behind one is not of the set. */
static bool read_elem(struct bf_nparser *p, struct bf_ast_elem **el, bool keys, bool *over)
{
	bool line;

	*el = bf_p_elem(p, keys);
	if (!*el)
		return false;
	line = p->tok.kind == BF_TOK_NEWLINE;
	bf_p_newlines(p);
	if (bf_p_eat(p, ',') || p->tok.kind == '}')
		return true;
	*over = line;
	return bf_p_unexpected(p, "',' or '}'");
}

struct bf_ast_expr *bf_p_set(struct bf_nparser *p, bool keys)
{
	struct bf_ast_expr *e = bf_p_expr_new(p, BF_AST_SET, bf_p_loc(p));
	struct bf_ast_elem **tail = e ? &e->set.first : NULL;
	bool ok = e && p->depth < BF_PARSE_DEPTH, over = false;

	if (!ok)
		return bf_p_error(p, bf_p_loc(p), "this is nested too deeply"), NULL;
	p->depth++;
	bf_p_next(p);
	for (bf_p_newlines(p); !over && !bf_p_eat(p, '}'); bf_p_newlines(p)) {
		if (tail != &e->set.first && bf_p_eat(p, ',')) /* one too many, as nft has it */
			continue;
		if (read_elem(p, tail, keys, &over)) {
			tail = &(*tail)->next;
			e->set.n++;
			continue;
		}
		*tail = NULL;
		ok = false;
		if (over || !skip_elem(p))
			break;
		bf_p_eat(p, ',');
	}
	p->depth--;
	if (over && !p->err)
		bf_ast_note(p->ast, p->d, e->loc, "the set begins here");
	e->loc = bf_p_span(p, e->loc);
	return ok ? e : NULL;
}
