/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.c: files, blocks and how reading goes on behind a mistake.
 *
 * A thing that is wrong ends with its statement: at the end of the line or at
 * a ;, blocks of its own skipped whole. Only what opened a { looks for its }:
 * a set that lacks one ends with its line, else it would eat the file.
 */
#include <stdio.h>

#include "front/native/parse.h"

void bf_p_skip(struct bf_nparser *p)
{
	for (unsigned depth = 0; p->tok.kind != BF_TOK_END; bf_p_next(p)) {
		if (!depth && bf_p_ends(p))
			return;
		depth += p->tok.kind == '{';
		depth -= p->tok.kind == '}';
	}
}

/* One item and its end. A block ends by itself. */
static void read_item(struct bf_nparser *p)
{
	bool done, ok = bf_p_var_cmd(p, &done);

	if (!done)
		ok = p->item(p, p->item_arg);
	if (ok && !p->unclosed && !p->cut && !bf_p_ends(p) && p->lex.text[p->end - 1] != '}')
		ok = bf_p_unexpected(p, "the end of the statement");
	if (!ok)
		bf_p_skip(p);
	p->cut = false;
}

static void read_items(struct bf_nparser *p)
{
	while (p->tok.kind != BF_TOK_END && p->tok.kind != '}' && !p->unclosed) {
		if (p->tok.kind == BF_TOK_NEWLINE || p->tok.kind == ';')
			bf_p_next(p);
		else
			read_item(p);
	}
}

bool bf_p_block(struct bf_nparser *p, bf_p_item *item, void *arg)
{
	struct bf_ast_loc open = bf_p_loc(p);
	bf_p_item *was = p->item;
	void *was_arg = p->item_arg;

	if (!bf_p_expect(p, '{', "'{'"))
		return false;
	p->item = item;
	p->item_arg = arg;
	bf_p_scope(p, true);
	read_items(p);
	bf_p_scope(p, false);
	p->item = was;
	p->item_arg = was_arg;
	if (p->unclosed || !bf_p_eat(p, '}')) {
		bf_p_error(p, bf_p_loc(p),
		           p->unclosed ? "a '}' is missing before this" : "expected '}', found the end of the file");
		if (!p->err)
			bf_ast_note(p->ast, p->d, open, "it would close this one");
	}
	p->cut = p->unclosed;
	p->unclosed = false;
	return true;
}

/* `chain x {` in a chain: the } of the block that is read is missing. */
bool bf_p_outer(struct bf_nparser *p, const char *const *words)
{
	struct bf_lexer l = p->lex;
	struct bf_token name, brace;

	while (*words && !bf_p_at(p, *words))
		words++;
	if (!*words)
		return false;
	bf_lex(&l, &name);
	bf_lex(&l, &brace);
	return p->unclosed = name.kind == BF_TOK_WORD && brace.kind == '{';
}

static struct bf_ast_source *add_source(struct bf_nparser *p, const char *name, const char *text, size_t len)
{
	struct bf_ast *ast = p->ast;
	uint32_t n = ast->n_sources;
	struct bf_ast_source *s;
	char *copy;

	if (!(n & (n - 1))) { /* a power of two: full */
		s = bf_arena_array(p->a, n ? 2ul * n : 1, struct bf_ast_source);
		if (s && n)
			memcpy(s, ast->sources, n * sizeof(*s));
		ast->sources = s ? s : ast->sources;
		if (!s)
			return NULL;
	}
	s = &ast->sources[n];
	copy = bf_arena_alloc(p->a, len + 1);
	s->name = bf_arena_strdup(p->a, name);
	if (!copy || !s->name)
		return NULL;
	memcpy(copy, text, len);
	s->text = copy;
	s->len = len;
	ast->n_sources++;
	return s;
}

static void read_source(struct bf_nparser *p, const struct bf_ast_source *s)
{
	p->src = (uint32_t)(s - p->ast->sources);
	p->lex = (struct bf_lexer){ .text = s->text, .len = (uint32_t)s->len };
	p->end = 0;
	p->tok = (struct bf_token){ 0 };
	bf_p_next(p);
	for (;;) {
		read_items(p);
		if (p->tok.kind == BF_TOK_END)
			return;
		bf_p_error(p, bf_p_loc(p),
		           p->unclosed ? "this cannot stand in the block that includes it" : "this '}' closes nothing");
		p->unclosed = false;
		bf_p_next(p);
		bf_p_skip(p);
	}
}

void bf_p_source(struct bf_nparser *p, const char *name, const char *text, size_t len, struct bf_ast_loc from)
{
	struct bf_lexer lex = p->lex;
	struct bf_token tok = p->tok;
	uint32_t src = p->src, end = p->end;
	struct bf_ast_source *s = len < UINT32_MAX / 2 ? add_source(p, name, text, len) : NULL;

	if (s) {
		s->from = from;
		read_source(p, s);
	} else if (!p->err) {
		p->err = len < UINT32_MAX / 2 ? -ENOMEM : -EFBIG;
	}
	p->lex = lex;
	p->tok = tok;
	p->src = src;
	p->end = end;
}

static struct bf_nparser *new_parser(struct bf_ast *ast, const struct bf_native_opts *o, struct bf_diag *d)
{
	static const struct bf_native_opts none;
	struct bf_nparser *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->ast = ast;
	p->a = ast->arena;
	p->o = o ? o : &none;
	p->d = d;
	p->tail = &ast->cmds;
	p->item = bf_p_command;
	return p;
}

static int end_parser(struct bf_nparser *p)
{
	int err = p->err ? p->err : p->errors ? -EINVAL : p->d ? p->d->text.err : 0;

	for (size_t i = 0; i < p->n_services; i++)
		free(p->services[i].name);
	free(p->services);
	free(p->files);
	free(p);
	return err;
}

int bf_native_parse(struct bf_ast **out, const char *name, const char *text, size_t len,
                    const struct bf_native_opts *opts, struct bf_diag *d)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_ast *ast = a ? bf_arena_new_of(a, struct bf_ast) : NULL;
	struct bf_nparser *p;
	bool sound = false;
	int err = -ENOMEM;

	*out = NULL;
	if (ast)
		ast->arena = a;
	p = ast ? new_parser(ast, opts, d) : NULL;
	if (p) {
		bf_p_source(p, name, text, len, (struct bf_ast_loc){ 0 });
		sound = p->o->go_on && !p->err && p->errors == p->rule_errors;
		err = end_parser(p);
	}
	if (err && !sound)
		bf_arena_free(a);
	else
		*out = ast;
	return err;
}

int bf_native_parse_more(struct bf_ast *ast, const char *name, const char *text, size_t len,
                         const struct bf_native_opts *opts, struct bf_ast_cmd **first, struct bf_diag *d)
{
	struct bf_nparser *p = new_parser(ast, opts, d);

	*first = NULL;
	if (!p)
		return -ENOMEM;
	p->tail = first;
	bf_p_source(p, name, text, len, (struct bf_ast_loc){ 0 });
	return end_parser(p);
}

int bf_native_type(struct bf_ast *ast, struct bf_ast_expr *e, const struct bf_types *key, const struct bf_types *data,
                   bool bare, struct bf_diag *d)
{
	struct bf_nparser *p = new_parser(ast, NULL, d);

	if (!p)
		return -ENOMEM;
	p->bare = bare;
	bf_p_resolve(p, e, key, data);
	return end_parser(p);
}
