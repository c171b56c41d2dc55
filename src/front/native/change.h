/* SPDX-License-Identifier: GPL-2.0-only */
/* change.h: between the files that apply commands (apply.h). */
#ifndef BF_NCHANGE_H
#define BF_NCHANGE_H

#include "front/native/apply.h"

/* Errors: counted, and the tree goes on. Returns false. */
bool bf_nwrong(struct bf_napply *a, struct bf_ast_loc loc, int err, const char *fmt, ...) bf_printf_like(4, 5);
bool bf_nmemory(struct bf_napply *a);

/* apply_names.c: what has names. */
struct bf_nname *bf_nname_add(struct bf_napply *a, struct bf_ntable *t, enum bf_ast_object kind, const char *name);
void bf_nname_remove(struct bf_ntable *t, struct bf_nname *n);
void bf_nname_rehash(struct bf_ntable *t, struct bf_nname *n, const char *name);
/* "there is no chain 'x'", and which one was meant */
bool bf_nname_unknown(struct bf_napply *a, struct bf_ntable *t, enum bf_ast_object kind, const struct bf_ast_word *w);
bool bf_ntable_read(struct bf_napply *a, struct bf_ntable *t); /* when nobody has */
const char *bf_nkind(enum bf_ast_object kind, const struct bf_nname *n);

/* apply_refs.c: whom rules and elements speak of. */
struct bf_nref {
	enum bf_ast_object kind; /* CHAIN, SET, COUNTER, QUOTA, LIMIT */
	const char **name;
	struct bf_ast_loc loc;
	bool leaves; /* of a chain: by goto */
};
typedef bool bf_nref_fn(void *arg, const struct bf_nref *r);
/* All of them; false as soon as each() says so. */
bool bf_nrefs_stmts(const struct bf_ast_stmt *s, bf_nref_fn *each, void *arg);
bool bf_nrefs_elem(const struct bf_ast_elem *el, bf_nref_fn *each, void *arg);
/* Counts one use more or less of each. Those that are not there are told. */
bool bf_nuse_stmts(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_stmt *s, int n);
bool bf_nuse_elem(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_elem *el, int n);
/* Chain n is called otherwise now: in all rules and maps. */
void bf_nrename_refs(struct bf_ntable *t, const char *from, const char *to);
/* Do chains that packets reach call each other in a circle? */
void bf_nloops(struct bf_napply *a, struct bf_ntable *t);

/* apply_rule.c */
void bf_nrule_add(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);
bool bf_nrule_append(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *chain, struct bf_ast_rule *r);
void bf_nrule_replace(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);
void bf_nrule_delete(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);
void bf_nrule_flush(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *chain);

/* apply_set.c */
void bf_nset_add(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_set *s, bool create);
void bf_nset_elements(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n, struct bf_ast_expr *e, bool create);
void bf_nset_flush(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n);
void bf_nset_command(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);
/* Its elements as one expression again. */
bool bf_nset_settle(struct bf_napply *a, struct bf_nname *n);
void bf_nset_free(struct bf_nname *n);
bool bf_ntyped(const struct bf_ast_expr *e);

#endif
