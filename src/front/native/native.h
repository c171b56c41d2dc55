/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native.h: the native language: text to a syntax tree (ast.h) and back.
 * The words and the meaning are nft's for what nft has, see nft(8).
 */
#ifndef BF_NATIVE_H
#define BF_NATIVE_H

#include "front/native/ast.h"

struct bf_native_opts {
	/*
	 * Reads what an include names, a path or a pattern, and calls each() with
	 * every file in alphabetical order. What each() returns other than 0 ends
	 * it and is returned. NULL: includes are refused.
	 */
	int (*include)(void *ctx, const char *pattern,
	               int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg);
	void *include_ctx;
	int (*file)(const char *path, struct bf_buf *out); /* what `program "FILE"` names: -errno. NULL: it is not read */
	bool go_on; /* with errors in rules alone *out is the tree without these rules, to be looked at for more errors */
	uint32_t max_errors; /* 0: 100 */
	uint32_t max_nodes;  /* of the tree, what variables stand for counted at each use; 0: 32 Mi */
	uint32_t max_copies; /* of these, what variables stand for: a short text may double it line by line. 0: 8 Mi */
};

int bf_native_file(const char *path, struct bf_buf *out);
/* Reads files. ctx: NULL or a const char * const *, directories to look in, NULL at the end. */
int bf_native_include(void *ctx, const char *pattern,
                      int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg);

/*
 * 0: *out is the tree. -EINVAL: the text is wrong, d says where, all errors
 * that there are. -ENOMEM. The text is copied. opts may be NULL.
 */
int bf_native_parse(struct bf_ast **out, const char *name, const char *text, size_t len,
                    const struct bf_native_opts *opts, struct bf_diag *d);

/*
 * Reads one more text into a tree: sources and memory are shared, so that errors find every node's place. Its
 * commands are *first and those behind it, they are not those of the tree.
 */
int bf_native_parse_more(struct bf_ast *ast, const char *name, const char *text, size_t len,
                         const struct bf_native_opts *opts, struct bf_ast_cmd **first, struct bf_diag *d);

/*
 * Types what the text alone could not: elements (or the data of a statement's
 * element) of a set that is declared elsewhere. data: of maps, else NULL;
 * bare: elements of a map need no data (delete). -EINVAL with errors in d.
 */
int bf_native_type(struct bf_ast *ast, struct bf_ast_expr *e, const struct bf_types *key, const struct bf_types *data,
                   bool bare, struct bf_diag *d);

/* The types of a declared set, and of what a key expression looks at. */
void bf_native_set_types(const struct bf_ast_set *s, struct bf_types *key, struct bf_types *data);
void bf_native_types_of(const struct bf_ast_expr *e, struct bf_types *t);

/* The canonical text: parsed again it gives the same tree, variables replaced by what they stand for. */
void bf_native_print(struct bf_buf *out, const struct bf_ast *ast);
void bf_native_print_cmd(struct bf_buf *out, const struct bf_ast_cmd *cmd);
/* The same, for people. What is printed with any of these can be read again. */
enum {
	BF_PRINT_HANDLES = 1,  /* # handle N */
	BF_PRINT_NUMBERS = 2,  /* of priorities; of values: bf_native_style */
};
void bf_native_print_as(struct bf_buf *out, const struct bf_ast_cmd *cmd, unsigned flags);
/* Marks the tree: counters of rules and elements without their numbers; values without words; programs without their files. */
enum { BF_STYLE_STATELESS = 1, BF_STYLE_NUMBERS = 2, BF_STYLE_BRIEF = 4 };
void bf_native_style(struct bf_ast_table *t, unsigned style);
/* Marks programs whose file stands in a statement before: that is then not printed again. Or takes the marks away. */
void bf_native_once(struct bf_ast_table *t, bool once);
void bf_native_print_rule(struct bf_buf *out, const struct bf_ast_rule *rule); /* without a newline */
/* The members of the list "nftables" of libnftables-json(5); counters as bf_native_style leaves them. */
void bf_native_print_json(struct bf_buf *out, const struct bf_ast_cmd *cmd);
void bf_native_print_expr(struct bf_buf *out, const struct bf_ast_expr *e);

#endif
