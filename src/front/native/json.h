/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h: between the files that write tables as JSON. The schema is that of
 * libnftables-json(5); what nft does not know is {"bpfilter": "its text"}.
 */
#ifndef BF_NJSON_H
#define BF_NJSON_H

#include "front/native/native.h"

/* Commas come by themselves: in front of all that does not begin a list or an object. */
void bf_json_next(struct bf_buf *out);
void bf_json_key(struct bf_buf *out, const char *key);
void bf_json_text(struct bf_buf *out, const char *key, const char *value); /* a member */
void bf_json_int(struct bf_buf *out, const char *key, uint64_t value);     /* a member */
void bf_json_open(struct bf_buf *out, const char *key);                    /* {"key": */

void bf_json_expr(struct bf_buf *out, const struct bf_ast_expr *e);
void bf_json_one(struct bf_buf *out, const struct bf_ast_expr *e); /* the same, of several bits no list */
void bf_json_stmts(struct bf_buf *out, const struct bf_ast_stmt *s);  /* a list's members */
void bf_json_fresh(struct bf_buf *out, const struct bf_ast_stmt *s);  /* "stmt": what elements begin with */
void bf_json_state(struct bf_buf *out, const struct bf_ast_stmt *s);  /* the members of a named counter, quota or limit */
void bf_json_elems(struct bf_buf *out, const struct bf_ast_elem *el); /* a list's members */
/* The element of a set, of a statement as well (there its statements stand elsewhere). */
void bf_json_elem_key(struct bf_buf *out, const struct bf_ast_elem *el, bool stmts);

#endif
