/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h: a table as it is kept, bytes beside its programs:
 *
 *   struct bf_nstore_head | name, padded to 8 | handles | counters | canonical text
 *
 * handles: of what the text holds, in its order: objects, sets, then each
 * chain with its rules behind it. counters: whose counter of the unit is which
 * (eval.h): they go on in the next version of the table by handle.
 */
#ifndef BF_NSTORE_H
#define BF_NSTORE_H

#include "front/native/apply.h"
#include "front/native/eval.h"

struct bf_nstore_head {
	uint32_t magic;
	uint32_t family;     /* NFPROTO_* */
	uint64_t handle, last;
	uint64_t last_table; /* the last handle given to a table, when this was written */
	uint64_t text_len;
	uint32_t name_len, n_handles, n_counters, pad;
};
#define BF_NSTORE_MAGIC 0x316e6662 /* "bfn1" */

struct bf_nstored { /* what the bytes say; valid as long as they are */
	const struct bf_nstore_head *head;
	const struct bf_nfamily *family;
	const char *name;
	const uint64_t *handles;
	const struct bf_eval_counter *counters;
	const char *text; /* NUL-terminated behind head->text_len */
};

/* -EBADMSG: these are not such bytes. */
int bf_nstored_read(const void *state, size_t len, struct bf_nstored *out);
/* Its `add table`, with handles, as part of ast. */
int bf_nstored_parse(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd **out, struct bf_diag *d);
/* Gives out handles, in order. False: there are not as many of them as there are places. */
bool bf_nhandles_give(struct bf_ast_table *t, const uint64_t *handles, uint32_t n);
/* ... and appends those that are there. */
void bf_nhandles_take(struct bf_ast_table *t, struct bf_buf *out);
/* A settled table. The first failure sticks in out->err. */
void bf_nstored_write(struct bf_buf *out, const struct bf_ntable *t, uint64_t last_table,
                      const struct bf_eval_counter *counters, uint32_t n);

#endif
