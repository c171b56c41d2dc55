/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.c: the text of what a world showed after one action.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

void record_clear(struct record *r)
{
	r->len = 0;
	if (r->text)
		r->text[0] = 0;
}

static void grow(struct record *r, size_t more)
{
	if (r->len + more + 1 <= r->cap)
		return;
	r->cap = (r->len + more + 1) * 2 + RECORD_TEXT;
	r->text = realloc(r->text, r->cap);
	if (!r->text)
		abort();
}

void record_add(struct record *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	grow(r, 4096);
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->len, 4096, fmt, ap);
	va_end(ap);
	r->len += n < 4096 ? (size_t)n : 4095;
}

void record_hex(struct record *r, const char *what, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	grow(r, strlen(what) + 2 * len + 2);
	r->len += (size_t)sprintf(r->text + r->len, "%s ", what);
	for (size_t i = 0; i < len; i++) {
		r->text[r->len++] = digits[p[i] >> 4];
		r->text[r->len++] = digits[p[i] & 15];
	}
	r->text[r->len++] = '\n';
	r->text[r->len] = 0;
}
