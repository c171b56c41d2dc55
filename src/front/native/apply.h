/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * apply.h: commands change tables, as nft's do: what may be, what is in use,
 * which handle a thing gets. All of it on syntax trees: nothing is enforced here.
 *
 * The caller names the tables that are stored (bf_napply_have); what is in one
 * is read when a command is about it. Commands are applied one by one, a wrong
 * one is told with its place and the others are tried all the same. At the end
 * each table says whether it changed, is gone, or is as it was.
 *
 *   table inet t { counter c {} set s {} chain x { rule... } }
 *         |              |          |           |
 *     bf_ntable     bf_nname   bf_nname     bf_nname: uses, of a chain its last rule, of a set its elements sorted
 *
 * Handles are as the kernel gives them: tables count in the namespace, what is
 * in a table counts in the table, and a number is never given twice there.
 */
#ifndef BF_APPLY_H
#define BF_APPLY_H

#include "front/native/native.h"

struct bf_napply;
struct bf_nelems;

struct bf_nname { /* what has a name in a table */
	struct bf_nname *next; /* in its bucket */
	struct bf_nname *after; /* in the order of the table */
	enum bf_ast_object kind; /* CHAIN, SET (maps too), COUNTER, QUOTA, LIMIT */
	const char *name;
	uint32_t uses;         /* by rules, and elements of maps */
	bool gone;
	bool active;           /* while loops are looked for, */
	unsigned height;       /* how deep chains below it call each other */
	union {
		struct bf_ast_chain *chain;
		struct bf_ast_set *set;
		struct bf_ast_obj *obj;
	};
	struct bf_ast_rule *last;  /* of a chain */
	struct bf_nelems *elems;   /* of a set; NULL: as in its tree */
};

struct bf_nrule { /* where a rule is */
	uint64_t handle;
	struct bf_ast_rule *rule; /* NULL: it is gone */
	struct bf_nname *chain;
};

enum { BF_NBUCKETS = 1024 };

struct bf_ntable {
	struct bf_ntable *next;
	const struct bf_nfamily *family;
	const char *name;
	uint64_t handle, last;   /* its own; the last one given in it */
	bool changed, gone;
	void *owner;             /* the caller's */
	struct bf_ast_cmd *cmd;  /* add table F N { ... }; NULL: not read yet */
	struct bf_nname *names[BF_NBUCKETS];
	struct bf_nname *first[BF_OBJ_LIMIT + 1], *final[BF_OBJ_LIMIT + 1]; /* in order: CHAIN, SET, COUNTER: all objects */
	struct bf_nrule *rules;  /* by handle, once somebody asked */
	uint32_t n_rules, cap_rules;
	bool indexed;
};

struct bf_napply_ops {
	/* Reads a stored table: its `add table` with handles. */
	int (*read)(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out);
	/* list, get, reset: tables are as the commands before left them. NULL: refused. */
	int (*show)(void *ctx, struct bf_napply *a, const struct bf_ast_cmd *cmd);
	/* Something was made or replaced by this command. May be NULL. */
	void (*made)(void *ctx, struct bf_ntable *t, const struct bf_ast_cmd *cmd, uint64_t handle);
	void *ctx;
};

struct bf_napply {
	struct bf_ast *ast;      /* the commands, and where memory comes from */
	struct bf_diag *d;
	const struct bf_napply_ops *ops;
	struct bf_ntable *tables; /* in the order of their handles */
	uint64_t last_table;     /* the last handle given to a table */
	unsigned errors;
	unsigned missing;        /* of these: a name of what is not there, or not for that. The tables are sound without it */
	int err;                 /* of the first one */
};

void bf_napply_init(struct bf_napply *a, struct bf_ast *ast, const struct bf_napply_ops *ops, struct bf_diag *d);
void bf_napply_free(struct bf_napply *a);

/* A stored table; last: the last handle given in it. NULL: out of memory. */
struct bf_ntable *bf_napply_have(struct bf_napply *a, const struct bf_nfamily *f, const char *name, uint64_t handle,
                                 uint64_t last);

/* Applies all commands of the tree. 0 or the errno of the first mistake: -ENOENT, -EEXIST, -EBUSY, -EINVAL, ... */
int bf_napply_run(struct bf_napply *a);
/* Makes t->cmd the whole table again, as commands left it. For tables that changed, and before they are shown. */
int bf_napply_settle(struct bf_napply *a, struct bf_ntable *t);

/* For show(): the table of a command, read; NULL: told. */
struct bf_ntable *bf_napply_table(struct bf_napply *a, const struct bf_ast_cmd *cmd);
struct bf_nname *bf_napply_find(struct bf_ntable *t, enum bf_ast_object kind, const char *name);
/* NULL: told. */
struct bf_nname *bf_napply_name(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);
struct bf_nrule *bf_napply_rule(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd);

#endif
