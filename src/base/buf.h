/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buf.h: a growable run of bytes, for text and for binary. Writers do not
 * check: the first failure sticks in ->err and later writes do nothing, so a
 * producer checks once at its end. Text is always NUL-terminated behind len.
 */
#ifndef BF_BUF_H
#define BF_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct bf_buf {
	char *data; /* NULL while empty; malloc'ed, data[len] == 0 */
	size_t len;
	size_t cap;
	int err; /* 0 or -ENOMEM */
};

#define _cleanup_buf_ _cleanup_(bf_buf_free)

void bf_buf_free(struct bf_buf *b); /* leaves an empty, usable buffer */
void bf_buf_add(struct bf_buf *b, const void *p, size_t len);
void bf_buf_puts(struct bf_buf *b, const char *s);
void bf_buf_printf(struct bf_buf *b, const char *fmt, ...) bf_printf_like(2, 3);
void bf_buf_vprintf(struct bf_buf *b, const char *fmt, va_list ap);
void *bf_buf_reserve(struct bf_buf *b, size_t len); /* zeroed room for len bytes, counted in; NULL when out of memory */

void *bf_buf_room(struct bf_buf *b, size_t len);    /* the same, whatever is in it: for who fills all of it */

/* For plain arrays: grows *array, which has room for *cap elements, to hold one more than n. 0 or -ENOMEM. */
int bf_grow(void *array, uint32_t n, uint32_t *cap, size_t size);

#endif
