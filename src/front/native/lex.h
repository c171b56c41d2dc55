/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lex.h: text to tokens. There are no keywords: a word is a word, whoever
 * reads it looks it up. What looks like a number or an address is told by its
 * form, so that `fe80::1`, `00:11:22:33:44:55`, `17:00` and `1 : 2` come out right.
 */
#ifndef BF_NLEX_H
#define BF_NLEX_H

#include "base/base.h"

enum bf_ntok {
	BF_TOK_END,
	BF_TOK_NEWLINE,
	BF_TOK_WORD,     /* ssh, eth0, established, 1h30m, 300.1.1.1, eth* */
	BF_TOK_STRING,   /* "..."; text and len are without the quotes */
	BF_TOK_NUMBER,   /* num */
	BF_TOK_IPV4,     /* num */
	BF_TOK_IPV6,
	BF_TOK_MAC,
	BF_TOK_VAR,      /* $name; text and len are the name */
	BF_TOK_EQ, BF_TOK_NE, BF_TOK_LE, BF_TOK_GE, BF_TOK_LSHIFT, BF_TOK_RSHIFT,
	BF_TOK_BAD,      /* what: why */
	/* All others are their character. */
	BF_TOK_CHAR = 32,
};

struct bf_token {
	int kind;         /* enum bf_ntok or a character */
	uint32_t at, len; /* the place in the source */
	const char *text; /* into the source, not NUL-terminated */
	uint32_t n;       /* length of text */
	bf_u128 num;
	const char *what; /* BAD */
};

struct bf_lexer {
	const char *text;
	uint32_t len, at;
};

void bf_lex(struct bf_lexer *l, struct bf_token *t);

/* Is the word one of 0.5h, 1d2h3m4s5ms? In ms; a bare number is seconds. */
bool bf_lex_time(const char *text, size_t len, uint64_t *ms);

#endif
