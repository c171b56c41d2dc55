/* SPDX-License-Identifier: GPL-2.0-only */
/* token.c: the parser's hands: the current token, what was expected instead of it, errors. */
#include <stdio.h>

#include "front/native/parse.h"

void *bf_p_alloc(struct bf_nparser *p, size_t size)
{
	uint32_t max = p->o->max_nodes ? p->o->max_nodes : 32u << 20;
	void *m;

	if (p->err)
		return NULL;
	if (p->nodes++ >= max) {
		bf_p_error(p, bf_p_loc(p), "this is too much: more than %u nodes", max);
		p->err = -EINVAL;
		return NULL;
	}
	m = bf_arena_alloc(p->a, size);
	if (!m)
		p->err = -ENOMEM;
	return m;
}

void bf_p_next(struct bf_nparser *p)
{
	p->end = p->tok.at + p->tok.len;
	if (p->err) /* nothing can be kept any more: the text is over */
		p->lex.at = p->lex.len;
	if (p->peeked.text == p->lex.text && p->peeked_at == p->lex.at) {
		p->tok = p->ahead;
		p->lex = p->peeked;
		return;
	}
	bf_lex(&p->lex, &p->tok);
}

void bf_p_peek(struct bf_nparser *p, struct bf_token *t)
{
	p->peeked_at = p->lex.at;
	p->peeked = p->lex;
	bf_lex(&p->peeked, &p->ahead);
	*t = p->ahead;
}

bool bf_tok_is(const struct bf_token *t, const char *word)
{
	return t->kind == BF_TOK_WORD && t->text[0] == word[0] && !strncmp(t->text, word, t->n) && !word[t->n];
}

bool bf_p_at(const struct bf_nparser *p, const char *word)
{
	return bf_tok_is(&p->tok, word);
}

bool bf_p_eat(struct bf_nparser *p, int kind)
{
	if (p->tok.kind != kind)
		return false;
	bf_p_next(p);
	return true;
}

bool bf_p_eat_word(struct bf_nparser *p, const char *word)
{
	if (!bf_p_at(p, word))
		return false;
	bf_p_next(p);
	return true;
}

bool bf_p_expect(struct bf_nparser *p, int kind, const char *what)
{
	return bf_p_eat(p, kind) || bf_p_unexpected(p, what);
}

bool bf_p_expect_word(struct bf_nparser *p, const char *word)
{
	char what[40];

	snprintf(what, sizeof(what), "'%s'", word);
	return bf_p_eat_word(p, word) || bf_p_unexpected(p, what);
}

void bf_p_newlines(struct bf_nparser *p)
{
	while (p->tok.kind == BF_TOK_NEWLINE)
		bf_p_next(p);
}

bool bf_p_ends(const struct bf_nparser *p)
{
	return p->tok.kind == BF_TOK_NEWLINE || p->tok.kind == ';' || p->tok.kind == '}' || p->tok.kind == BF_TOK_END;
}

char *bf_p_text(struct bf_nparser *p)
{
	char *s = bf_p_alloc(p, (size_t)p->tok.n + 1);

	if (s)
		memcpy(s, p->tok.text, p->tok.n);
	return s;
}

struct bf_ast_loc bf_p_loc(const struct bf_nparser *p)
{
	/* Where the text ends, the place is behind the last token: that line is of use. */
	bool end = p->tok.kind == BF_TOK_END || p->tok.kind == BF_TOK_NEWLINE;

	return (struct bf_ast_loc){ p->src, end ? p->end : p->tok.at, end ? 1 : p->tok.len };
}

struct bf_ast_loc bf_p_span(const struct bf_nparser *p, struct bf_ast_loc from)
{
	if (from.src == p->src && p->end > from.at)
		from.len = p->end - from.at;
	return from;
}

bool bf_p_error(struct bf_nparser *p, struct bf_ast_loc loc, const char *fmt, ...)
{
	unsigned max = p->o->max_errors ? p->o->max_errors : 100;
	va_list ap;

	if (p->err)
		return false;
	va_start(ap, fmt);
	bf_ast_verror(p->ast, p->d, loc, 0, fmt, ap);
	va_end(ap);
	if (++p->errors >= max) {
		bf_ast_note(p->ast, p->d, loc, "these are %u errors, the rest is not looked at", max);
		p->err = -EINVAL;
	}
	return false;
}

static const char *describe(const struct bf_token *t, char *buf, size_t size)
{
	int n = (int)BF_MIN(t->n, 60u);

	if (t->kind == BF_TOK_END)
		return "the end of the file";
	if (t->kind == BF_TOK_NEWLINE)
		return "the end of the line";
	snprintf(buf, size,
	         t->kind == BF_TOK_STRING ? "\"%.*s\""
	         : t->kind == BF_TOK_VAR  ? "'$%.*s'"
	                                  : "'%.*s'",
	         n, t->text);
	return buf;
}

bool bf_p_unexpected(struct bf_nparser *p, const char *expected)
{
	char buf[80];

	if (p->tok.kind == BF_TOK_BAD)
		return bf_p_error(p, bf_p_loc(p), "%s", p->tok.what);
	return bf_p_error(p, bf_p_loc(p), "expected %s, found %s", expected, describe(&p->tok, buf, sizeof(buf)));
}

bool bf_p_number(struct bf_nparser *p, uint64_t max, const char *what, uint64_t *n)
{
	if (p->tok.kind != BF_TOK_NUMBER)
		return bf_p_unexpected(p, what);
	if (p->tok.num > max)
		return bf_p_error(p, bf_p_loc(p), "%s is at most %llu", what, (unsigned long long)max);
	*n = (uint64_t)p->tok.num;
	bf_p_next(p);
	return true;
}

bool bf_p_time(struct bf_nparser *p, uint64_t *ms)
{
	bool text = p->tok.kind == BF_TOK_WORD || p->tok.kind == BF_TOK_NUMBER || p->tok.kind == BF_TOK_STRING;

	if (!text || !bf_lex_time(p->tok.text, p->tok.n, ms))
		return bf_p_unexpected(p, "a time like 30s or 1d2h3m");
	bf_p_next(p);
	return true;
}

bool bf_p_phrase(struct bf_nparser *p, const char *what, struct bf_ast_word *out)
{
	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_string(p, what, out);
	out->loc = bf_p_loc(p);
	out->text = bf_p_text(p);
	if (out->text && bf_p_reserved(out->text))
		return bf_p_unexpected(p, what);
	bf_p_next(p);
	return out->text;
}

bool bf_p_string(struct bf_nparser *p, const char *what, struct bf_ast_word *out)
{
	out->loc = bf_p_loc(p);
	if (p->tok.kind == BF_TOK_VAR) {
		const struct bf_ast_expr *e = bf_p_var(p);

		if (!e)
			return false;
		e = bf_ast_peel(e);
		if (e->kind != BF_AST_VALUE || !e->value.text)
			return bf_p_error(p, out->loc, "this variable is no text: expected %s", what);
		out->text = e->value.text;
		return true;
	}
	if (p->tok.kind != BF_TOK_STRING)
		return bf_p_unexpected(p, what);
	out->text = bf_p_text(p);
	bf_p_next(p);
	return out->text;
}

bool bf_p_name(struct bf_nparser *p, const char *what, struct bf_ast_word *out)
{
	out->loc = bf_p_loc(p);
	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, what);
	if (p->tok.n > BF_PARSE_NAME)
		return bf_p_error(p, out->loc, "a name has at most %d characters", BF_PARSE_NAME);
	if (memchr(p->tok.text, ':', p->tok.n) || memchr(p->tok.text, '*', p->tok.n))
		return bf_p_unexpected(p, what);
	out->text = bf_p_text(p);
	bf_p_next(p);
	return out->text;
}
