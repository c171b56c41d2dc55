/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suggest.c: which name was meant: the nearest by letters that are put in,
 * left out, changed or swapped with the next; or one that begins so.
 */
#include <stdio.h>

#include "front/native/parse.h"

enum { LONGEST = 32 };

static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned row[3][LONGEST + 1] = { 0 };

	for (size_t j = 0; j <= m; j++)
		row[1][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *two = row[(i + 2) % 3], *one = row[i % 3], *now = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned d = one[j - 1] + (a[i - 1] != b[j - 1]);

			d = BF_MIN(d, BF_MIN(one[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = BF_MIN(d, two[j - 2] + 1);
			now[j] = d;
		}
	}
	return row[(n + 1) % 3][m];
}

void bf_suggest_start(struct bf_suggest *s, const char *word, size_t len)
{
	*s = (struct bf_suggest){ word, len, NULL, 0 };
}

void bf_suggest_try(struct bf_suggest *s, const char *name)
{
	size_t m = strlen(name);
	unsigned allowed = s->len < 3 ? 1 : s->len < 6 ? 2 : 3, d;

	if (s->len >= 3 && !strncmp(name, s->word, s->len) && (!s->best || s->distance > 1)) {
		s->best = name;
		s->distance = 1;
		return;
	}
	if (!s->len || s->len > LONGEST || m > LONGEST || m < 2 || (s->len > m ? s->len - m : m - s->len) > allowed)
		return;
	d = distance(s->word, s->len, name, m);
	if (d <= allowed && 2 * d <= m && (!s->best || d < s->distance)) {
		s->best = name;
		s->distance = d;
	}
}

const char *bf_suggest_text(const struct bf_suggest *s, char *buf, size_t size)
{
	buf[0] = '\0';
	if (s->best)
		snprintf(buf, size, "; did you mean '%s'?", s->best);
	return buf;
}

bool bf_p_unknown(struct bf_nparser *p, struct bf_ast_loc loc, const char *what, struct bf_suggest *s)
{
	char hint[80];

	return bf_p_error(p, loc, "%s '%.*s'%s", what, (int)BF_MIN(s->len, (size_t)80), s->word,
	                  bf_suggest_text(s, hint, sizeof(hint)));
}
