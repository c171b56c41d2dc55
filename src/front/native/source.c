/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source.c: what was read, and how a place in it is shown. Places are bytes
 * (ast.h); lines and columns are counted when somebody asks.
 */
#include "front/native/ast.h"

void bf_ast_free(struct bf_ast *ast)
{
	struct bf_arena *a = ast ? ast->arena : NULL;

	bf_arena_free(a); /* the tree itself is in it */
}

const struct bf_ast_expr *bf_ast_peel(const struct bf_ast_expr *e)
{
	while (e && e->kind == BF_AST_VAR)
		e = e->var.value;
	return e;
}

/* The line a place is on, and where in it; *len is that of the line. */
static const char *find_line(const struct bf_ast_source *s, struct bf_ast_loc loc, struct bf_loc *out, size_t *len)
{
	const char *line = s->text, *end = s->text + BF_MIN((size_t)loc.at, s->len), *next;

	*out = (struct bf_loc){ .file = s->name, .line = 1 };
	while ((next = memchr(line, '\n', (size_t)(end - line)))) {
		line = next + 1;
		out->line++;
	}
	next = memchr(line, '\n', (size_t)(s->text + s->len - line));
	*len = (size_t)((next ? next : s->text + s->len) - line);
	out->column = (unsigned)(end - line) + 1;
	out->width = loc.len;
	return line;
}

static void show(const struct bf_ast *ast, struct bf_diag *d, const char *kind, struct bf_ast_loc loc, const char *fmt,
                 va_list ap)
{
	struct bf_loc place = { 0 };
	const char *line = NULL;
	size_t len = 0;

	if (loc.src < ast->n_sources)
		line = find_line(&ast->sources[loc.src], loc, &place, &len);
	bf_diag_at(d, kind, &place, line, len, 0, fmt, ap);
}

void bf_ast_note(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show(ast, d, "note", loc, fmt, ap);
	va_end(ap);
}

int bf_ast_verror(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, int err, const char *fmt,
                  va_list ap)
{
	struct bf_loc place;
	size_t len;

	if (d && loc.src < ast->n_sources) {
		find_line(&ast->sources[loc.src], loc, &place, &len);
		if (bf_diag_has(d, &place)) /* by who looked at it before */
			return err;
	}
	show(ast, d, "error", loc, fmt, ap);
	for (uint32_t src = loc.src; src < ast->n_sources && ast->sources[src].from.len; src = ast->sources[src].from.src)
		bf_ast_note(ast, d, ast->sources[src].from, "included from here");
	return err;
}

int bf_ast_error(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bf_ast_verror(ast, d, loc, err, fmt, ap);
	va_end(ap);
	return err;
}
