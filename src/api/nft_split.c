/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft_split.c: tables as nft lists them are taken apart without a look at what
 * rules say, because some of it can be beyond us:
 *
 *   table inet fw {                           stays with the kernel        comes to us
 *     set lan { ... }                         if nat reaches it            if a filter chain does, or none at all
 *     chain input { type filter hook ... }    no                           yes
 *     chain masq { type nat hook ... }        yes                          no
 *     chain log { ... }                       as the set                   as the set
 *   }
 *
 * Reached: its name stands there as a word. That may say too much (a set named
 * as a keyword is reached from everywhere), which leaves more where it was and
 * takes more along, and changes no verdict.
 */
#include <stdio.h>

#include "api/nft.h"
#include "front/native/lex.h"

void bf_nft_tables_free(struct nft_tables *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->v[i].blocks);
	free(t->v);
	*t = (struct nft_tables){};
}

struct reader {
	struct bf_lexer lex;
	struct bf_token tok;
	int depth; /* of braces, the token's own counted in */
};

static bool next(struct reader *r)
{
	do
		bf_lex(&r->lex, &r->tok);
	while (r->tok.kind == BF_TOK_NEWLINE || r->tok.kind == ';');
	r->depth += (r->tok.kind == '{') - (r->tok.kind == '}');
	return r->tok.kind != BF_TOK_END;
}

static bool is(const struct bf_token *t, const char *word)
{
	return t->kind == BF_TOK_WORD && t->n == strlen(word) && !memcmp(t->text, word, t->n);
}

/* Names can look like anything that is not punctuation. */
static const char *text_of(const struct reader *r, uint32_t *n)
{
	bool quoted = r->tok.kind == BF_TOK_STRING;

	*n = quoted ? r->tok.n : r->tok.len;
	return quoted ? r->tok.text : r->lex.text + r->tok.at;
}

static bool copy(const struct reader *r, char *to, size_t room)
{
	uint32_t n;
	const char *text = text_of(r, &n);

	if (n >= room)
		return false;
	memcpy(to, text, n);
	to[n] = '\0';
	return true;
}

/* Behind "{": up to its "}". Of a chain: its type. */
static void read_block(struct reader *r, struct nft_block *b)
{
	int depth = r->depth;

	while (next(r) && r->depth >= depth)
		if (r->depth == depth && is(&r->tok, "type") && !strcmp(b->kind, "chain") && !b->base) {
			bool filter = next(r) && is(&r->tok, "filter");

			b->base = next(r) && is(&r->tok, "hook");
			b->kernels = b->base && !filter;
		}
	b->end = r->tok.at + r->tok.len;
}

/* chain NAME {, ct helper NAME {: the name is what stands before the brace. "flags owner" has none. */
static int read_part(struct reader *r, struct nft_table *t)
{
	struct nft_block b = { .at = r->tok.at };
	int depth = r->depth;

	if (!copy(r, b.kind, sizeof(b.kind)) || bf_grow(&t->blocks, t->n, &t->cap, sizeof(b)))
		return -ENOMEM;
	if (!strcmp(b.kind, "flags") || !strcmp(b.kind, "comment")) {
		do
			bf_lex(&r->lex, &r->tok);
		while (r->tok.kind != BF_TOK_NEWLINE && r->tok.kind != BF_TOK_END);
		return 0;
	}
	while (next(r) && r->depth == depth)
		b.name = text_of(r, &b.name_len);
	if (r->tok.kind != '{')
		return -EBADMSG;
	read_block(r, &b);
	t->any_kernels |= b.kernels;
	t->any_ours |= b.base && !b.kernels;
	t->blocks[t->n++] = b;
	return 0;
}

static int read_table(struct reader *r, struct nft_tables *out)
{
	struct nft_table t = { .at = r->tok.at };
	int rc = 0;

	if (bf_grow(&out->v, out->n, &out->cap, sizeof(t)))
		return -ENOMEM;
	if (!is(&r->tok, "table") || !next(r) || !copy(r, t.family, sizeof(t.family)) || !next(r) ||
	    !copy(r, t.name, sizeof(t.name)) || !next(r) || r->tok.kind != '{')
		return -EBADMSG;
	while (!rc && next(r) && r->tok.kind != '}')
		rc = read_part(r, &t);
	t.end = r->tok.at + r->tok.len;
	out->v[out->n++] = t;
	return rc ? rc : r->tok.kind == '}' ? 0 : -EBADMSG;
}

/* Names. */

static int by_name(const void *a, const void *b)
{
	const struct nft_block *x = a, *y = b;
	int d = memcmp(x->name, y->name, BF_MIN(x->name_len, y->name_len));

	return d ? d : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

struct work { /* blocks whose words are still to be looked at */
	struct nft_block **v;
	uint32_t n;
	bool stays;
};

static void reach(struct work *w, struct nft_block *b)
{
	bool *mark = w->stays ? &b->stays : &b->comes;

	if (*mark || (!w->stays && b->kernels))
		return;
	*mark = true;
	w->v[w->n++] = b;
}

/* Several kinds of things may have one name. */
static void reach_name(struct work *w, const struct nft_table *t, const char *name, uint32_t len)
{
	const struct nft_block key = { .name = name, .name_len = len };
	uint32_t lo = 0, n = t->n;

	while (lo < n) {
		uint32_t mid = lo + (n - lo) / 2;

		if (by_name(&t->blocks[mid], &key) < 0)
			lo = mid + 1;
		else
			n = mid;
	}
	for (; lo < t->n && !by_name(&t->blocks[lo], &key); lo++)
		reach(w, &t->blocks[lo]);
}

static void follow(struct work *w, const struct nft_table *t, const char *text)
{
	while (w->n) {
		const struct nft_block *b = w->v[--w->n];
		struct reader r = { .lex = { text, b->end, b->at } };

		while (next(&r))
			if (r.tok.kind == BF_TOK_WORD || r.tok.kind == BF_TOK_STRING || r.tok.kind == BF_TOK_NUMBER) {
				uint32_t len;
				const char *name = text_of(&r, &len);

				reach_name(w, t, name, len);
			}
	}
}

/* What nobody reaches comes. */
static int share(struct nft_table *t, const char *text)
{
	struct work w = { .v = calloc(t->n + 1ul, sizeof(*w.v)), .stays = true };

	if (!w.v)
		return -ENOMEM;
	qsort(t->blocks, t->n, sizeof(*t->blocks), by_name);
	for (uint32_t i = 0; i < t->n; i++)
		if (t->blocks[i].kernels)
			reach(&w, &t->blocks[i]);
	follow(&w, t, text);
	w.stays = false;
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->blocks[i].stays)
			reach(&w, &t->blocks[i]);
	follow(&w, t, text);
	free(w.v);
	return 0;
}

int bf_nft_split(const char *text, size_t len, struct nft_tables *out)
{
	struct reader r = { .lex = { text, (uint32_t)len, 0 } };
	int rc = len < UINT32_MAX ? 0 : -EFBIG;

	while (!rc && next(&r))
		rc = read_table(&r, out);
	for (uint32_t i = 0; i < out->n && !rc; i++)
		rc = out->v[i].any_kernels ? share(&out->v[i], text) : 0;
	return rc;
}

static void blank(char *text, uint32_t at, uint32_t end)
{
	for (; at < end; at++)
		if (text[at] != '\n')
			text[at] = ' ';
}

void bf_nft_blank(char *text, const struct nft_table *t)
{
	if (t->out)
		blank(text, t->at, t->end);
	for (uint32_t i = 0; i < t->n && t->any_kernels && !t->out; i++)
		if (!t->blocks[i].comes)
			blank(text, t->blocks[i].at, t->blocks[i].end);
}

static void command(struct bf_buf *out, const char *verb, const struct nft_table *t, const struct nft_block *b)
{
	bf_buf_printf(out, "%s %s %s %s %.*s\n", verb, b->kind, t->family, t->name, (int)b->name_len, b->name);
}

/* Rules go first, then maps, whose elements may lead to chains, then chains, then what rules and maps used. */
void bf_nft_removal(struct bf_buf *out, const struct nft_table *t)
{
	static const char *const order[] = { "map", "chain", "set", NULL };

	if (!t->any_kernels) {
		bf_buf_printf(out, "delete table %s %s\n", t->family, t->name);
		return;
	}
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->blocks[i].stays && !strcmp(t->blocks[i].kind, "chain"))
			command(out, "flush", t, &t->blocks[i]);
	for (unsigned k = 0; k < 4; k++)
		for (uint32_t i = 0; i < t->n; i++) {
			const char *kind = t->blocks[i].kind;
			bool rest = strcmp(kind, "map") && strcmp(kind, "chain") && strcmp(kind, "set") && strcmp(kind, "ct");

			if (!t->blocks[i].stays && (order[k] ? !strcmp(kind, order[k]) : rest))
				command(out, "delete", t, &t->blocks[i]);
		}
}
