/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lex.c: text to tokens (lex.h).
 *
 * The trap is the colon: it is part of addresses, of class ids and of times of
 * day, and it stands between an element and its data. What starts like an
 * address is tried as one, longest first, and cut at a colon until it fits.
 */
#include "front/native/lex.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { MAX_ADDRESS = 48 };

static int peek(const struct bf_lexer *l, uint32_t ahead)
{
	return ahead < l->len - l->at ? (unsigned char)l->text[l->at + ahead] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80; /* UTF-8 stays together */
}

static bool in_number(int c)
{
	return is_digit(c) || is_letter(c) || c == '.';
}

static bool in_word(int c)
{
	return in_number(c) || c == '-' || c == '/';
}

static void skip_blanks(struct bf_lexer *l)
{
	for (;; l->at++) {
		int c = peek(l, 0);

		if (c == '#')
			while (peek(l, 1) >= 0 && peek(l, 1) != '\n')
				l->at++;
		else if (c == '\\' && peek(l, 1) == '\n')
			l->at++;
		else if (c == '\\' && peek(l, 1) == '\r' && peek(l, 2) == '\n')
			l->at += 2;
		else if (c != ' ' && c != '\t' && c != '\r')
			return;
	}
}

static void take(struct bf_lexer *l, struct bf_token *t, int kind, uint32_t n)
{
	t->kind = kind;
	t->text = l->text + l->at;
	t->n = t->len = n;
	l->at += n;
}

static bool try_mac(struct bf_token *t, const char *s, uint32_t n)
{
	unsigned groups = 0, digits = 0;
	bf_u128 v = 0;

	for (uint32_t i = 0; i <= n; i++) {
		if (i == n || s[i] == ':') {
			if (!digits || digits > 2)
				return false;
			groups++;
			digits = 0;
			continue;
		}
		if (!is_hex((unsigned char)s[i]))
			return false;
		if (!digits)
			v <<= 8;
		else
			v = (v & ~(bf_u128)0xff) | (v & 0xf) << 4;
		v |= (unsigned)(is_digit(s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
		digits++;
	}
	t->num = v;
	return groups == 6;
}

static bool try_ipv6(struct bf_token *t, const char *s, uint32_t n)
{
	char text[MAX_ADDRESS + 1];
	struct in6_addr a;

	memcpy(text, s, n);
	text[n] = '\0';
	if (inet_pton(AF_INET6, text, &a) != 1)
		return false;
	t->num = 0;
	for (int i = 0; i < 16; i++)
		t->num = t->num << 8 | a.s6_addr[i];
	return true;
}

/* 1:2, ffff:, 17:00, 17:00:00: one word when something that ends it follows. */
static bool is_pair(const struct bf_lexer *l, const char *s, uint32_t n)
{
	unsigned colons = 0, digits = 0, longest = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (s[i] == '.')
			return false;
		colons += s[i] == ':';
		digits = s[i] == ':' ? 0 : digits + 1;
		longest = BF_MAX(longest, digits);
	}
	if (colons > 2 || (colons == 2 && longest > 2) || longest > 4 || !digits || s[0] == ':')
		return false;
	return !in_word(peek(l, n)) && peek(l, n) != ':';
}

/* An address with colons: false when there is none here. */
static bool lex_colons(struct bf_lexer *l, struct bf_token *t)
{
	uint32_t n = 0, colons = 0;
	const char *s = l->text + l->at;

	while (n < MAX_ADDRESS && (is_hex(peek(l, n)) || peek(l, n) == ':' || peek(l, n) == '.'))
		colons += peek(l, n++) == ':';
	if (!colons)
		return false;
	if (n < MAX_ADDRESS && in_word(peek(l, n)) && peek(l, n) != '-' &&
		peek(l, n) != '/') /* the last group is a word's begin */
		while (n && s[n - 1] != ':')
			n--;
	for (; n > 1; n--) {
		if (n < 18 && try_mac(t, s, n))
			return take(l, t, BF_TOK_MAC, n), true;
		if (try_ipv6(t, s, n))
			return take(l, t, BF_TOK_IPV6, n), true;
		if (is_pair(l, s, n) && memchr(s, ':', n))
			return take(l, t, BF_TOK_WORD, n), true;
		while (n > 1 && s[n - 1] != ':')
			n--;
	}
	return false;
}

static bool try_ipv4(struct bf_token *t, const char *s, uint32_t n)
{
	uint32_t v = 0, group = 0, dots = 0, digits = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (!digits)
				return false;
			v = v << 8 | group;
			group = digits = 0;
			dots++;
		} else if (!is_digit(s[i]) || ++digits > 3 || (group = group * 10 + (uint32_t)(s[i] - '0')) > 255) {
			return false;
		}
	}
	t->num = v << 8 | group;
	return dots == 3 && digits;
}

static bool try_number(struct bf_token *t, const char *s, uint32_t n)
{
	unsigned base = s[0] != '0' || n == 1 ? 10 : s[1] == 'x' || s[1] == 'X' ? 16 : 8; /* as strtoull, as nft */
	uint32_t i = base == 16 ? 2 : 0;
	bf_u128 v = 0;

	if (i == n)
		return false;
	for (; i < n; i++) {
		unsigned d = is_digit(s[i]) ? (unsigned)(s[i] - '0') : is_hex(s[i]) ? (unsigned)((s[i] | 32) - 'a' + 10) : 99;

		if (d >= base)
			return false;
		if (v > (~(bf_u128)0 - d) / base) {
			t->kind = BF_TOK_BAD;
			t->what = "the number is too large";
			return true;
		}
		v = v * base + d;
	}
	t->num = v;
	return true;
}

/* Starts with a digit. */
static void lex_number(struct bf_lexer *l, struct bf_token *t)
{
	const char *s = l->text + l->at;
	uint32_t n = 1;

	while (in_number(peek(l, n)))
		n++;
	while (s[n - 1] == '.') /* 80. */
		n--;
	take(l, t, BF_TOK_NUMBER, n);
	if (!try_number(t, s, n))
		t->kind = n < 16 && try_ipv4(t, s, n) ? BF_TOK_IPV4 : BF_TOK_WORD;
}

/* A word may end in * (names of interfaces), or have \* in it. */
static void lex_word(struct bf_lexer *l, struct bf_token *t)
{
	uint32_t n = 0;

	for (;;) {
		if (peek(l, n) == '\\' && peek(l, n + 1) == '*')
			n += 2;
		else if (in_word(peek(l, n)))
			n++;
		else
			break;
	}
	take(l, t, BF_TOK_WORD, n + (peek(l, n) == '*'));
}

static void lex_string(struct bf_lexer *l, struct bf_token *t)
{
	uint32_t n = 1;

	while (peek(l, n) >= 0 && peek(l, n) != '"' && peek(l, n) != '\n' && peek(l, n))
		n++;
	if (peek(l, n) != '"') {
		take(l, t, BF_TOK_BAD, n);
		t->what = "the string does not end on its line";
		return;
	}
	take(l, t, BF_TOK_STRING, n + 1);
	t->text++;
	t->n -= 2;
}

static void lex_var(struct bf_lexer *l, struct bf_token *t)
{
	uint32_t n = 1, name;

	while (peek(l, n) == ' ' || peek(l, n) == '\t')
		n++;
	name = n;
	while (in_number(peek(l, n)) || peek(l, n) == '-')
		n++;
	while (n > name && (peek(l, n - 1) == '-' || peek(l, n - 1) == '.')) /* $low-$high */
		n--;
	take(l, t, n > name ? BF_TOK_VAR : BF_TOK_BAD, n > name ? n : 1);
	t->what = "a name belongs behind the $";
	if (n > name) {
		t->text += name;
		t->n -= name;
	}
}

static void lex_bad(struct bf_lexer *l, struct bf_token *t)
{
	uint32_t n = 1;

	while (peek(l, n) >= 0 && (peek(l, n) < 32 || peek(l, n) == 127) && peek(l, n) != '\n' && peek(l, n) != '\t')
		n++;
	take(l, t, BF_TOK_BAD, n);
	t->what = "this character means nothing here";
}

static int pair(int a, int b)
{
	static const struct {
		char a, b;
		int kind;
	} pairs[] = { { '=', '=', BF_TOK_EQ }, { '!', '=', BF_TOK_NE }, { '<', '=', BF_TOK_LE }, { '>', '=', BF_TOK_GE },
		          { '<', '<', BF_TOK_LSHIFT }, { '>', '>', BF_TOK_RSHIFT } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(pairs); i++)
		if (pairs[i].a == a && pairs[i].b == b)
			return pairs[i].kind;
	return 0;
}

static void lex_sign(struct bf_lexer *l, struct bf_token *t, int c)
{
	int two = pair(c, peek(l, 1));

	if (c == '\n')
		take(l, t, BF_TOK_NEWLINE, 1);
	else if (two)
		take(l, t, two, 2);
	else if (c && strchr("{}()[],;:./-+=<>&|^!~*@", c))
		take(l, t, c, 1);
	else
		lex_bad(l, t);
}

void bf_lex(struct bf_lexer *l, struct bf_token *t)
{
	int c;

	skip_blanks(l);
	t->at = l->at;
	t->what = NULL;
	c = peek(l, 0);
	if (c < 0)
		take(l, t, BF_TOK_END, 0);
	else if ((is_hex(c) || (c == ':' && peek(l, 1) == ':')) && lex_colons(l, t))
		return;
	else if (is_digit(c))
		lex_number(l, t);
	else if (is_letter(c) || (c == '.' && is_letter(peek(l, 1))) || (c == '\\' && peek(l, 1) == '*'))
		lex_word(l, t);
	else if (c == '"')
		lex_string(l, t);
	else if (c == '$')
		lex_var(l, t);
	else
		lex_sign(l, t, c);
}

static bool begins_with(const char *text, size_t len, const char *what)
{
	return strlen(what) <= len && !memcmp(text, what, strlen(what));
}

bool bf_lex_time(const char *text, size_t len, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 }, { "ms", 1 }, { "m", 60000 }, { "s", 1000 } };
	uint64_t sum = 0;
	size_t i = 0;

	while (i < len) {
		uint64_t n = 0;
		size_t u = 0, digits = i;

		for (; i < len && is_digit((unsigned char)text[i]); i++)
			if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
				return false;
		if (i == len) /* no unit: seconds */
			u = BF_ARRAY_SIZE(units) - 1;
		while (i < len && u < BF_ARRAY_SIZE(units) && !begins_with(text + i, len - i, units[u].unit))
			u++;
		if (i == digits || u == BF_ARRAY_SIZE(units))
			return false;
		if (__builtin_mul_overflow(n, units[u].ms, &n) || __builtin_add_overflow(sum, n, &sum))
			return false;
		i += BF_MIN(strlen(units[u].unit), len - i);
	}
	*ms = sum;
	return len > 0;
}
