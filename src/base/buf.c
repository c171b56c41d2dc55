/* SPDX-License-Identifier: GPL-2.0-only */
/* buf.c: a growable run of bytes (buf.h). */
#include "base/buf.h"

#include <stdio.h>

void bf_buf_free(struct bf_buf *b)
{
	free(b->data);
	*b = (struct bf_buf){ 0 };
}

static bool grow(struct bf_buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (b->err)
		return false;
	if (more < b->cap - b->len) /* one byte stays for the NUL */
		return true;
	if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
		b->err = -ENOMEM;
		return false;
	}
	while (cap - b->len <= more)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p) {
		b->err = -ENOMEM;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

void bf_buf_add(struct bf_buf *b, const void *p, size_t len)
{
	if (!grow(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void bf_buf_puts(struct bf_buf *b, const char *s)
{
	bf_buf_add(b, s, strlen(s));
}

void bf_buf_vprintf(struct bf_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !grow(b, (size_t)n))
		return;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void bf_buf_printf(struct bf_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bf_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void *bf_buf_room(struct bf_buf *b, size_t len)
{
	void *p;

	if (!grow(b, len))
		return NULL;
	p = b->data + b->len;
	b->len += len;
	b->data[b->len] = '\0';
	return p;
}

void *bf_buf_reserve(struct bf_buf *b, size_t len)
{
	void *p = bf_buf_room(b, len);

	if (p)
		memset(p, 0, len);
	return p;
}

int bf_grow(void *array, uint32_t n, uint32_t *cap, size_t size)
{
	void **a = array, *bigger;
	uint32_t want = *cap ? *cap * 2 : 256;

	if (n < *cap)
		return 0;
	bigger = realloc(*a, want * size);
	if (!bigger)
		return -ENOMEM;
	*a = bigger;
	*cap = want;
	return 0;
}
