/* SPDX-License-Identifier: GPL-2.0-only */
/* print.h: between the files of the printer. */
#ifndef BF_NPRINT_H
#define BF_NPRINT_H

#include "front/native/native.h"

struct bf_nprint {
	struct bf_buf *out;
	unsigned indent;
	bool line; /* a block on one line: { a; b; } */
	unsigned flags; /* BF_PRINT_* */
};

void bf_print_expr(struct bf_buf *out, const struct bf_ast_expr *e);
void bf_print_number(struct bf_buf *out, const struct bf_ast_expr *e); /* several bits as one number, where no list may stand */
void bf_print_set(struct bf_buf *out, const struct bf_ast_expr *e,
                  const char *wrap); /* wrap: between long lines, or NULL */
void bf_print_elem(struct bf_buf *out, const struct bf_ast_elem *el,
                   bool fresh); /* fresh: one that a rule makes, counters at 0 */
void bf_print_stmt(struct bf_buf *out, const struct bf_ast_stmt *s);
void bf_print_quoted(struct bf_buf *out, const char *s);
uint64_t bf_print_bytes(uint64_t n, const char **unit); /* in the largest unit that says them exactly */
const char *bf_print_per(uint64_t seconds);            /* "second", "minute", ... */
extern const char *const bf_print_levels[];            /* of log, by number */
void bf_print_state(struct bf_buf *out, const struct bf_ast_stmt *s); /* counter, quota, limit without the word */

#endif
