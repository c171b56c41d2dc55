/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diag.h: what a person should read about an error. The library collects
 * diagnostics in the caller's struct bf_diag and prints nothing itself.
 * A message says what is wrong, where, and what to do; no newline at its end.
 */
#ifndef BF_DIAG_H
#define BF_DIAG_H

#include "base/base.h"
#include "base/buf.h"

struct bf_loc { /* a place in a text; all zero: no place */
	const char *file;
	unsigned line, column; /* from 1 */
	unsigned width;        /* how many characters to mark */
};

struct bf_diag {
	struct bf_buf text;   /* all messages, each on its line(s) */
	unsigned n_errors;
	unsigned n_warnings;
};

#define _cleanup_diag_ _cleanup_(bf_diag_free)

void bf_diag_free(struct bf_diag *d);
/* Appends the messages of src, which is empty afterwards. */
void bf_diag_move(struct bf_diag *d, struct bf_diag *src);

/* d may be NULL: the message is dropped. Returns err, so that a failing
 * function can say   return bf_diag_error(d, -EINVAL, "..."). */
int bf_diag_error(struct bf_diag *d, int err, const char *fmt, ...) bf_printf_like(3, 4);
void bf_diag_warn(struct bf_diag *d, const char *fmt, ...) bf_printf_like(2, 3);
/* With a place in a text: "file:line:col: error: ...", the line and a ^~~ mark. text may be NULL. */
int bf_diag_error_at(struct bf_diag *d, const struct bf_loc *loc, const char *text, int err, const char *fmt, ...)
	bf_printf_like(5, 6);
/* The same for who has the line already (it need not end); kind "note" says more about the last error and counts as none. */
int bf_diag_at(struct bf_diag *d, const char *kind, const struct bf_loc *loc, const char *line, size_t len, int err,
               const char *fmt, va_list ap);
bool bf_diag_has(const struct bf_diag *d, const struct bf_loc *loc); /* an error at this place */

#endif
