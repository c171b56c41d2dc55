/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native.h: between the files that run the native language.
 *
 *   native.c        bf_native_run: text -> commands on tables -> one change of the namespace
 *   native_units.c  native tables are units n<handle>: read, compiled, committed
 *   native_count.c  counters go on over changes, by the handle of their rule
 *   native_live.c   sets that rules change: what is in them is the kernel's
 *   native_patch.c  few rules of a large table, in place
 *   native_quick.c  elements that come and go in place
 *   native_show.c   list, get, reset; echo
 *   native_json.c   the same as JSON
 *   native_blame.c  where a function is asked that the verifier refuses
 *   native_env.c    what the system knows: interfaces, users, the time zone
 */
#ifndef BF_API_NATIVE_H
#define BF_API_NATIVE_H

#include "api/ctx.h"
#include "front/native/store.h"

struct native_unit { /* a table as it is stored */
	char name[24];
	struct bf_ns *ns; /* where */
	struct bf_unit *unit;
	struct bf_nstored stored;
};

struct native_units {
	struct native_unit *v;
	uint32_t n, cap;
};

#define _cleanup_units_ _cleanup_(bf_native_units_free)
void bf_native_units_free(struct native_units *u);
/* All of them, in the order of their handles; ns may be NULL. */
int bf_native_units(struct bf_ctx *ctx, struct bf_ns *ns, struct native_units *out);
bool bf_native_is_unit(const char *name);

/* A table that changed, on its way. */
struct native_change {
	const struct bf_ntable *table;
	const struct native_unit *old; /* or NULL */
	char name[24];
	struct bf_evaluated ev;
	bool live_only;                /* see bf_native_live_only() */
	struct bf_image *image;
	struct bf_buf state;
	struct bf_carried *carried;    /* counters that go on, or begin with something */
	uint32_t n_carried;
	struct native_start *starts;   /* what new counters begin at */
	uint32_t n_starts;
};

/* Text that begins with its own numbers: counter packets 5 bytes 300. Or what was saved of a counter that no statement shows:
 * then stmt is BF_EVAL_NONE, and what and ordinal say which. */
struct native_start {
	uint64_t handle;
	uint32_t stmt, what, ordinal;
	struct bf_rt_counter value;
};

/* native_count.c: numbers out of the tree, and how they go on. */
int bf_native_take_starts(struct native_change *c);
int bf_native_more_starts(struct native_change *c, const struct native_start *v, size_t n);
int bf_native_starts_of(struct native_change *c, const struct bf_ast_table *like);
/* Of each of these counters its number in a stored unit, or BF_CARRIED_NONE; *out is malloc'ed. */
int bf_native_slots(const struct bf_eval_counter *want, uint32_t n, const struct bf_nstored *s, uint32_t **out);
/* Whose counters go on. */
int bf_native_carry(struct native_change *c);
/* The starts of a live unit. Needs the lock; nothing to do about an error. */
void bf_native_begin(struct bf_ns *ns, const struct native_change *c);
/* Counters of the unit that s is about into a tree that shows the table: sums by rule and statement. */
int bf_native_fill(struct bf_ast_table *t, const struct bf_nstored *s, const struct bf_rt_counter *c, uint32_t n);

struct native_run {
	struct bf_ctx *ctx;
	unsigned flags;
	struct bf_ast *ast;
	struct bf_napply apply;
	struct native_units units;
	struct bf_ns *ns;      /* NULL: there is nothing yet, */
	bool blind;            /* or we may not look */
	struct bf_buf out;     /* what list, get and echo print */
	bool any_json;
	struct restored *restored; /* restore.c; or NULL */
	struct imported *imported; /* nft_import.c; or NULL */
	const struct bf_ast_cmd **resets; /* done when all the rest is */
	uint32_t n_resets, cap_resets;
	struct native_live *lives; /* what was read of sets that rules change */
	uint32_t n_lives, cap_lives;
};

struct native_live {
	uint64_t table, set; /* handles */
	struct bf_buf keys;  /* `words` words each */
	uint32_t words;
	bool there;          /* there was a hash */
};

/* native_box.c: elements that are boxes (lo, hi of each part of the key), as hashes of sets have them. */
void bf_native_box_of(const struct bf_types *t, const uint32_t *key, bf_u128 *box);
struct bf_ast_expr *bf_native_box_key(struct bf_ast *ast, const struct bf_types *t, const bf_u128 *box); /* NULL: no memory */
struct native_part { /* of one that is cut */
	bf_u128 box[2 * BF_LIVE_PARTS];
	struct bf_rt_elem e;
};
/* Calls each() with the elements that the parts are of. It reorders them. What each() returns other than 0 ends it. */
typedef int bf_native_box_fn(void *arg, const bf_u128 *box, const struct bf_rt_elem *e);
int bf_native_boxes(struct bf_buf *parts, unsigned n_parts, bf_native_box_fn *each, void *arg);

/*
 * native_live.c: the elements that are there now, into a tree of the table. dressed: with what passes and counts. run: they
 * are remembered; NULL: for people, named counters and quotas too.
 */
int bf_native_live_fill(struct native_run *run, struct bf_ns *ns, const struct native_unit *u, struct bf_ast *ast,
                        struct bf_ast_table *t, bool dressed);
/* The counters and quotas that the tree (what a command is about) still has are reset; it says what they had counted. */
int bf_native_live_take(struct bf_ns *ns, const struct native_unit *u, struct bf_ast *ast, struct bf_ast_table *t);
/* ... and out of it again, where the image has a hash for them. */
void bf_native_live_strip(struct bf_ast *ast, struct bf_ast_table *t, const struct bf_image *img);
/* native_note.c: comments of their elements. Those that have one, key (and data) and comment alone; NULL: none, or no memory. */
struct bf_ast_expr *bf_native_notes(struct bf_ast *ast, const struct bf_ast_expr *set);
int bf_native_notes_put(struct bf_ast *ast, struct bf_ast_expr *set, const struct bf_ast_expr *notes);
/* Nothing changed but what is in sets of the kernel's: no new table is needed; this changes them. */
bool bf_native_live_only(struct native_run *r, struct native_change *c);
int bf_native_live_change(struct native_run *r, const struct native_change *c);
/* The name of its hash. */
void bf_native_live_name(char out[24], uint64_t handle);
/* It may have one: verdicts and names of objects stay in the text. */
bool bf_native_live_is(const struct bf_ast_set *s);
/*
 * native_single.c: a command that does nothing but add or delete elements of such a set: *done, or all of it has to be looked
 * at. types: the table with nothing but its sets.
 */
int bf_native_live_single(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, const struct bf_ast_cmd *types,
                          const struct bf_ast_set *set, struct bf_ast *ast, bool *done);
/* Elements that are not in the table any more; behind the switch. */
void bf_native_live_delete(struct native_run *r, const struct native_change *c);
void bf_native_lives_free(struct native_run *r);

/* native_patch.c: a run that does nothing but change few rules of one table: *done, or all of it has to be looked at. */
int bf_native_patch(struct native_run *r, bool *done);

/* native_single.c: this set with these elements, typed, as if it were all of the table. */
int bf_native_eval_set(struct bf_ctx *ctx, const struct bf_ast *ast, const struct bf_ast_cmd *types, const struct bf_ast_set *set,
                       struct bf_ast_expr *elements, struct bf_evaluated *ev, struct bf_diag *d);

/* native_exact.c: a map or concatenation as packets look into it, */
struct native_exact {
	uint32_t *class;
	uint32_t n_class, head; /* opt/exact.h */
};
/* and elements that a command names as rows: words of the key, and of data behind it. False: that cannot be. */
bool bf_native_exact_rows(struct bf_ctx *ctx, struct bf_ast *ast, const struct bf_ast_cmd *types, const struct bf_ast_set *set,
                          const struct native_exact *x, const struct bf_ast_cmd *cmd, struct bf_buf *out);

/*
 * native_quick.c: what the commands say, if they are about elements of sets of one table and can be done in place: *done.
 * Else nothing has happened. What it has to know of the table is kept in ctx.
 */
int bf_native_quick(struct bf_ctx *ctx, struct bf_ast *ast, bool *done);
/* Before rules change in place: what a writer has noted in sets and not committed, since he was killed, is not there. */
int bf_native_unnote(struct bf_ns *ns, const struct native_unit *u);
bool bf_native_is_quick(const struct bf_ast *ast); /* might be */

/* native_units.c */
/* Chains of a table that sleeps stand nowhere. */
void bf_native_doze(const struct bf_ast_cmd *cmd, struct bf_table *t);
int bf_native_commit(struct native_run *r, bool only_check);
void bf_native_evaluate(struct native_run *r); /* for its errors alone */
/* The stored table once more, told what becomes of its rules (gen/explain.h). counts: or NULL; bf_list_counts of it. */
int bf_native_explain(struct bf_ctx *ctx, const struct native_unit *u, struct bf_image **img, struct bf_buf *counts);
/* Which rule a cell is of that counts: a line for each rule. */
void bf_list_counts(struct bf_buf *out, const struct bf_table *t);

/* native_blame.c: the verifier has spoken about a user's function: notes where it is asked. */
void bf_native_blame(struct native_run *r, const struct native_change *v, uint32_t n);
/* Something could not be attached: which device or control group, and where it is named. */
void bf_native_blame_places(struct native_run *r, const struct native_change *v, uint32_t n, int rc);

/* native_show.c: ops of bf_napply. */
int bf_native_show(void *arg, struct bf_napply *a, const struct bf_ast_cmd *cmd);
void bf_native_echo(void *arg, struct bf_ntable *t, const struct bf_ast_cmd *cmd, uint64_t handle);
int bf_native_resets(struct native_run *r);
/* A whole table as BF_LIST_* flags say. LIST_WHOLE: with the files of its programs. */
enum { LIST_WHOLE = 1 << 30 };
int bf_native_list_unit(struct bf_ctx *ctx, struct bf_buf *out, const struct native_unit *u, unsigned flags);

/* native_pick.c: leaves of a tree what a list command is about. False: that is not there. */
bool bf_native_pick(struct bf_ast *ast, struct bf_ast_table *t, const struct bf_ast_cmd *cmd);

/* native.c: bf_native_run, also of what was saved, or is the kernel's. */
int bf_native_text(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags, char **out,
                   struct restored *restored, struct imported *imported);

/* restore.c: what was saved beside the text of tables. */
int bf_restored_read(struct native_run *r, const char *text, size_t len); /* with the lock, before commands are applied */
void bf_restored_handles(struct native_run *r);                            /* behind that */
uint32_t bf_restored_changes(const struct restored *s, struct bf_change *out); /* out NULL: how many */
bool bf_restored_without_code(struct native_run *r);
int bf_restored_starts(struct native_run *r, struct native_change *c); /* more of them */

/* nft_import.c: new tables filter beside those of the kernel that they were made from, whose counters they begin with. */
void bf_imported_switched(void *imported); /* right behind the switch: looks at the kernel's */
int bf_imported_begin(struct native_run *r, struct native_change *v, uint32_t n);

/* list.c: how a listing as JSON begins; tables follow (bf_native_print_json), then "]}". */
#define BF_LIST_JSON_HEAD "{\"nftables\": [\n{\"metainfo\": {\"release_name\": \"bpfilter\", \"json_schema_version\": 1}}"

/* native_env.c */
void bf_native_env(struct bf_eval_env *env, struct bf_ctx *ctx);

#endif
