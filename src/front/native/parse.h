/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.h: between the files of the parser. By recursive descent, one function
 * a shape; by hand because errors are what the language is judged by: each
 * function knows what it was reading.
 *
 *   parse.c    files, blocks, recovery       command.c  commands, vars.c  variables and includes
 *   table.c    tables, chain.c, set.c        stmt.c     rules, match.c, action.c, state.c, element.c, beyond.c
 *   expr.c     expressions, key.c fields     resolve.c  values by their types
 *
 * A function that fails has said so and returns false or NULL; the caller
 * passes it on up to who can go on: a rule, a line, a block, an element. So one
 * mistake gives one message and hides no other.
 */
#ifndef BF_NPARSE_H
#define BF_NPARSE_H

#include "front/native/lex.h"
#include "front/native/native.h"

enum { BF_PARSE_DEPTH = 300, BF_PARSE_INCLUDES = 16, BF_PARSE_SOURCES = 20000, BF_PARSE_STATES = 16, BF_PARSE_BUCKETS = 1024, BF_PARSE_NAME = 255 };

struct bf_ndef { /* a variable */
	struct bf_ndef *next, *older; /* in the bucket; in the scope */
	struct bf_ast_word name;
	unsigned scope;
	bool gone; /* undefined again */
	struct bf_ast_expr *value;
};

struct bf_nset_ref { /* a set that the text declares */
	struct bf_nset_ref *next;
	const struct bf_nfamily *family;
	const char *table;
	struct bf_ast_set *set;
};

struct bf_nlater {
	struct bf_nlater *next;
	struct bf_ast_stmt *stmt;
};

struct bf_nservice {
	char *name;
	uint16_t port;
};

struct bf_nparser;
typedef bool bf_p_item(struct bf_nparser *p, void *arg);

struct bf_nfile {
	const char *name, *object;
};

struct bf_nparser {
	struct bf_ast *ast;
	struct bf_arena *a;
	const struct bf_native_opts *o;
	struct bf_diag *d;
	struct bf_lexer lex;
	struct bf_token tok;
	struct bf_token ahead; /* what was peeked at, from where, and the lexer behind it */
	uint32_t peeked_at;
	struct bf_lexer peeked;
	uint32_t src, end; /* which source; where the last token taken ended */
	struct bf_ast_cmd **tail;
	struct bf_ndef *defs[BF_PARSE_BUCKETS], *last_def;
	unsigned scope, depth, includes, errors, rule_errors;
	uint32_t nodes, copies;
	int err;           /* what else went wrong: -ENOMEM */
	struct bf_nset_ref *sets[BF_PARSE_BUCKETS];
	const struct bf_nfamily *family; /* of the table that is read */
	const char *table;
	const char *l3;                  /* "ip", "ip6": what the rule so far says that its packets are; or NULL */
	struct bf_nlater *later;         /* elements whose set may stand behind them in the table */
	bf_p_item *item;                 /* of the block that is read: what an include has more of */
	void *item_arg;
	bool bare;                       /* elements of maps need no data here */
	bool whole;                      /* a TCP option without a field */
	bool unclosed;                   /* the block ended without its } */
	bool cut;                        /* ... and so did the item of the block around it */
	struct bf_nfile *files;          /* of programs: as the last statement that names each has it */
	uint32_t n_files, cap_files;
	struct bf_nservice *services;
	size_t n_services;
	bool have_services;
};

/* Tokens. */
void bf_p_next(struct bf_nparser *p);
void bf_p_peek(struct bf_nparser *p, struct bf_token *t); /* the one behind the current */
bool bf_p_at(const struct bf_nparser *p, const char *word);     /* is the current token this word? */
bool bf_p_eat(struct bf_nparser *p, int kind);
bool bf_p_eat_word(struct bf_nparser *p, const char *word);
bool bf_p_expect(struct bf_nparser *p, int kind, const char *what);
bool bf_p_expect_word(struct bf_nparser *p, const char *word);
void bf_p_newlines(struct bf_nparser *p);
bool bf_p_ends(const struct bf_nparser *p); /* of a statement: newline, ;, }, end */
bool bf_tok_is(const struct bf_token *t, const char *word);
char *bf_p_text(struct bf_nparser *p);      /* of the current token, kept */
struct bf_ast_loc bf_p_loc(const struct bf_nparser *p);
struct bf_ast_loc bf_p_span(const struct bf_nparser *p, struct bf_ast_loc from); /* up to the last token taken */
bool bf_p_number(struct bf_nparser *p, uint64_t max, const char *what, uint64_t *n);
bool bf_p_time(struct bf_nparser *p, uint64_t *ms);
bool bf_p_string(struct bf_nparser *p, const char *what,
                 struct bf_ast_word *out); /* quoted, or a variable that is one */
bool bf_p_phrase(struct bf_nparser *p, const char *what, struct bf_ast_word *out); /* or a bare word: comments, prefixes */
bool bf_p_name(struct bf_nparser *p, const char *what, struct bf_ast_word *out);
void *bf_p_alloc(struct bf_nparser *p, size_t size); /* NULL: out of memory, or too many */
#define bf_p_new(p, type) ((type *)bf_p_alloc((p), sizeof(type)))

/* Errors; both return false. */
bool bf_p_error(struct bf_nparser *p, struct bf_ast_loc loc, const char *fmt, ...) bf_printf_like(3, 4);
bool bf_p_unexpected(struct bf_nparser *p, const char *expected);

/* The nearest of many names. */
struct bf_suggest {
	const char *word;
	size_t len;
	const char *best;
	unsigned distance;
};
void bf_suggest_start(struct bf_suggest *s, const char *word, size_t len);
void bf_suggest_try(struct bf_suggest *s, const char *name);
/* "; did you mean 'x'?" or nothing */
const char *bf_suggest_text(const struct bf_suggest *s, char *buf, size_t size);
bool bf_p_unknown(struct bf_nparser *p, struct bf_ast_loc loc, const char *what, struct bf_suggest *s);

/* Commands. */
struct bf_nverb {
	const char *name;
	uint32_t objects; /* bits of enum bf_ast_object: what it can be about */
};
extern const struct bf_nverb bf_nverbs[];     /* by enum bf_ast_verb */
extern const char *const bf_nobjects[];       /* by enum bf_ast_object */
bool bf_p_command(struct bf_nparser *p, void *arg);

/* Variables. */
struct bf_ast_expr *bf_p_var(struct bf_nparser *p); /* at $name */
const char *bf_p_var_text(struct bf_nparser *p, const char *name, size_t len); /* NULL: no such, or no text */

/* Expressions. */
struct bf_pctx { /* where a value stands */
	const struct bf_ntype *want; /* or NULL */
	bool keys;                   /* may it be a field? */
	bool right;                  /* of an operator: a word is a field only when one of its names follows */
	bool element;                /* in { }: newlines count nothing, * may stand */
};
struct bf_ast_expr *bf_p_expr_new(struct bf_nparser *p, enum bf_ast_expr_kind kind, struct bf_ast_loc loc);
struct bf_ast_expr *bf_p_concat(struct bf_nparser *p, const struct bf_pctx *c);
struct bf_ast_expr *bf_p_list(struct bf_nparser *p, const struct bf_pctx *c);
struct bf_ast_expr *bf_p_set(struct bf_nparser *p, bool keys);
struct bf_ast_elem *bf_p_elem(struct bf_nparser *p, bool keys);
bool bf_p_key_starts(struct bf_nparser *p, const struct bf_ntype *want, bool right);
struct bf_ast_expr *bf_p_key(struct bf_nparser *p);
struct bf_ast_expr *bf_p_verdict(struct bf_nparser *p); /* NULL without error: here is none */

/* Statements. */
struct bf_ast_stmt *bf_p_stmt(struct bf_nparser *p);
bool bf_p_add_state(struct bf_nparser *p, struct bf_ast_stmt **list); /* of an element: counter, limit, quota, ct count */
bool bf_p_counter(struct bf_nparser *p, struct bf_ast_stmt *s); /* behind the word */
bool bf_p_limit(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_quota(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_notrack(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_reject(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_log(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_strip(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_element(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_old_element(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_set_stmt(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_pcap(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_bytecode(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_program(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_redirect(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_fwd(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_mirror(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_route(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_sample(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_match(struct bf_nparser *p, struct bf_ast_stmt *s); /* at its first word */
bool bf_p_ct_count(struct bf_nparser *p, struct bf_ast_stmt *s); /* at ct */
bool bf_p_counter_state(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_quota_state(struct bf_nparser *p, struct bf_ast_stmt *s);
bool bf_p_limit_state(struct bf_nparser *p, struct bf_ast_stmt *s);
struct bf_ast_rule *bf_p_rule(struct bf_nparser *p);
bool bf_p_reserved(const char *word); /* is it a word of the language? */

/* Tables and what is in them: at the { of a block. */
struct bf_ast_table *bf_p_table_body(struct bf_nparser *p);
struct bf_ast_chain *bf_p_chain_body(struct bf_nparser *p, struct bf_ast_word name);
struct bf_ast_set *bf_p_set_body(struct bf_nparser *p, struct bf_ast_word name, bool map);
struct bf_ast_obj *bf_p_obj_body(struct bf_nparser *p, struct bf_ast_word name, enum bf_ast_object type);

/* Blocks: item() reads one thing and says whether that went well; mistakes are skipped here. Anywhere in a block there
 * may be define, redefine, undefine and include. */
bool bf_p_block(struct bf_nparser *p, bf_p_item *item, void *arg); /* at the {; false: there is none */
bool bf_p_outer(struct bf_nparser *p, const char *const *words); /* an item for this place, or of the block around? */
bool bf_p_var_cmd(struct bf_nparser *p, bool *done); /* did it find one of those? */
/* Reads another text with the parser as it is; its commands are added. */
void bf_p_source(struct bf_nparser *p, const char *name, const char *text, size_t len, struct bf_ast_loc from);
void bf_p_scope(struct bf_nparser *p, bool enter);
bool bf_p_comment(struct bf_nparser *p, const char **out);
void bf_p_skip(struct bf_nparser *p);      /* to the end of the statement, over whole { } */
struct bf_ast_set *bf_p_find_set(struct bf_nparser *p, const char *name); /* of the table that is read */

/* Types. */
bool bf_p_resolve(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data);
/* What a calculation is compared with: addresses may be numbers. */
bool bf_p_resolve_calc(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data);
bool bf_p_resolve_one(struct bf_nparser *p, struct bf_ast_expr *e, enum bf_ntype_id type);
void bf_p_later(struct bf_nparser *p); /* types what waits for the end of the table */
bool bf_p_service(struct bf_nparser *p, const char *name, uint16_t *port, struct bf_suggest *near); /* near: the like of it */

#endif
