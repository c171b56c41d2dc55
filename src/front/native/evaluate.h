/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evaluate.h: between the files that turn a table's tree into the model.
 *
 *   eval.c        the table: chains, where they stand, who reaches whom
 *   eval_rule.c   rules: statements in order, into model rules
 *   eval_match.c  a key against values; eval_value.c what values are as numbers
 *   eval_set.c    sets, maps, objects of the table
 *   eval_map.c    verdict maps: a model rule for each element, or a lookup; maps to marks
 *   eval_compare.c  a field against a field
 *   eval_put.c    marks, ways out, parameters of connections
 *   eval_act.c    reject, log and what else is done with a packet
 *   eval_code.c   pcap expressions, bytecode
 *   eval_state.c  limits, quotas, samples, numbers that are made
 *   eval_need.c   what hooks must be able to do
 *
 * Functions that fail have said so (bf_ev_error) and return false. Who can go
 * on does: the next rule is looked at too.
 */
#ifndef BF_EVALUATE_H
#define BF_EVALUATE_H

#include "front/native/eval.h"
#include "front/native/fields.h"
#include "match/match.h"
#include "rule/intern.h"

struct bf_ev_edge { /* a chain sends packets to another */
	struct bf_ev_edge *next;
	struct bf_ev_chain *to;
	struct bf_ast_loc loc;
};

struct bf_ev_chain {
	const struct bf_ast_chain *ast;
	struct bf_chain *model;
	struct bf_ev_chain *same; /* in the hash */
	struct bf_ev_edge *edges;
	uint32_t hooks; /* bits of enum bf_hook: those it is reached from */
	uint32_t splits; /* chains made from its rules */
	uint8_t walk;   /* 0 not seen, 1 on the way, 2 done */
};

struct bf_ev_ranges { /* values of a key: freed by whoever has it */
	struct bf_range *r;
	uint32_t n, cap;
};
#define _cleanup_ranges_ _cleanup_(bf_ev_ranges_free)
void bf_ev_ranges_free(struct bf_ev_ranges *r);

enum { BF_EV_BUCKETS = 1024, BF_EV_ERRORS = 100, BF_EV_RULES = 1 << 20 };

struct bf_ev {
	const struct bf_ast *ast;
	const struct bf_ast_table *table;
	const struct bf_eval_env *env;
	struct bf_diag *d;
	unsigned errors;
	int err;
	struct bf_ruleset *rs;
	struct bf_table *t;
	uint8_t family;
	struct bf_ev_chain *chains;
	uint32_t n_chains;
	struct bf_ev_chain *by_name[BF_EV_BUCKETS];
	struct bf_buf counters; /* struct bf_eval_counter */
	struct bf_set **sets;       /* by the order of the table's, */
	struct bf_object **objects; /* likewise */
	const char **changed;       /* sets that rules put elements in */
	uint32_t n_changed, cap_changed;
	/* The rule that is read. */
	struct bf_ev_chain *chain;
	const struct bf_ast_rule *rule;
	struct bf_chain *into; /* where model rules of it go */
	struct bf_chain *resume; /* where packets go on behind it, once it was taken apart; or NULL */
	uint32_t ordinal, made, states;
	uint32_t stmt; /* the statement's number in it */
	const struct bf_ast_expr *generated; /* the key whose value was made (bf_ev_generate) */
};

/*
 * A model rule that is being put together. `state`: something in it must not
 * be looked at twice for a packet (a limit, a quota, a mark that is set).
 */
struct bf_ev_draft {
	const struct bf_cond **conds;
	uint32_t n_conds, room;
	struct bf_action *actions;
	uint32_t n_actions, room_actions;
	bool state;
	uint32_t counted; /* the counter statement that counts what matches all, or BF_EVAL_NONE */
};

bool bf_ev_error(struct bf_ev *ev, struct bf_ast_loc loc, const char *fmt, ...) bf_printf_like(3, 4);
bool bf_ev_unserved(struct bf_ev *ev, struct bf_ast_loc loc, const char *fmt, ...) bf_printf_like(3, 4);
bool bf_ev_nomem(struct bf_ev *ev);

/* eval.c */
struct bf_ev_chain *bf_ev_chain_find(struct bf_ev *ev, const char *name);
bool bf_ev_no_chain(struct bf_ev *ev, const struct bf_ast_word *w);
const struct bf_ast_set *bf_ev_set_find(struct bf_ev *ev, const struct bf_ast_expr *ref, bool map);
uint32_t bf_ev_counter(struct bf_ev *ev, uint64_t handle, enum bf_eval_what what, uint32_t stmt);

/* eval_rule.c */
bool bf_ev_rule(struct bf_ev *ev, struct bf_ev_chain *c, const struct bf_ast_rule *r);
bool bf_ev_draft_copy(struct bf_ev *ev, struct bf_ev_draft *to, const struct bf_ev_draft *from);
bool bf_ev_add_cond(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_cond *interned);
bool bf_ev_add_match(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_match_ops *m, const void *data, bool neg);
bool bf_ev_add_action(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_target_ops *t, const void *data);
bool bf_ev_emit(struct bf_ev *ev, const struct bf_ev_draft *d, enum bf_verdict_kind v, struct bf_chain *to);
bool bf_ev_emit_map(struct bf_ev *ev, const struct bf_ev_draft *d, const struct bf_set *map);
/* The rest of the statements, and the model rule at their end. */
bool bf_ev_rest(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number);
bool bf_ev_verdict(struct bf_ev *ev, const struct bf_ast_expr *v, enum bf_verdict_kind *kind, struct bf_chain **to);
/* Packets that match d go on in a chain of their own, with the draft empty; see eval_rule.c. */
bool bf_ev_split(struct bf_ev *ev, struct bf_ev_draft *d);
bool bf_ev_needs_tail(const struct bf_ast_stmt *s); /* it, or one behind it, must not be there several times */
struct bf_chain *bf_ev_hidden(struct bf_ev *ev);
bool bf_ev_goto(struct bf_ev *ev, const struct bf_ev_draft *d, struct bf_chain *to); /* d NULL: all packets */

/* eval_match.c */
bool bf_ev_match(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
/* key (a field, with operations on it) & mask in r, which is taken; neg: not in it */
bool bf_ev_test(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, bf_u128 mask,
                struct bf_ev_ranges *r, bool neg);
/* key, which may have several parts, is this element */
bool bf_ev_test_elem(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                     const struct bf_ast_expr *elem);
bool bf_ev_has_key(const struct bf_ast_expr *e);
bool bf_ev_key(struct bf_ev *ev, const struct bf_ast_expr *e, struct bf_native_key *k);

/* eval_value.c */
bool bf_ev_number(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, bf_u128 *out);
bool bf_ev_add_values(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                      struct bf_ev_ranges *out); /* a value, range, prefix, list, set or declared set */
bool bf_ev_add_range(struct bf_ev *ev, struct bf_ev_ranges *r, bf_u128 lo, bf_u128 hi);
void bf_ev_ranges_join(struct bf_ev_ranges *r); /* sorted, disjoint */

bool bf_ev_depends(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                   const struct bf_native_key *k);
bool bf_ev_same_keys(struct bf_ev *ev, const struct bf_ast_expr *key, const struct bf_ast_expr *ref,
                     const struct bf_ast_set *s);

/* eval_set.c */
bool bf_ev_sets(struct bf_ev *ev); /* those of the table, and its objects */
/* What key leads to in a set (data NULL) or map; what the key needs goes to the draft. */
bool bf_ev_lookup(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, const struct bf_ast_expr *set,
                  const struct bf_types *data, struct bf_lookup *l);
/* Its elements are there once more, or are rules: they do not change in place. False: they are not told. */
bool bf_ev_spread_set(struct bf_ev *ev, const struct bf_ast_set *a, struct bf_ast_loc loc);
bool bf_ev_in_named(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                    const struct bf_ast_expr *set, bool neg);
bool bf_ev_object(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
bool bf_ev_element(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);

/* eval_compare.c */
bool bf_ev_compare(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
bool bf_ev_operand(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e, struct bf_operand *o,
                   int64_t *add);

/* eval_put.c */
bool bf_ev_one_kind(struct bf_ev *ev, struct bf_ast_loc loc, const char *what);
bool bf_ev_put(struct bf_ev *ev, struct bf_ev_draft *d, enum bf_out out, uint32_t value);
bool bf_ev_set_value(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct bf_ast_expr *e);
const struct bf_ast_expr *bf_ev_made(const struct bf_ast_stmt *s); /* numgen, jhash, symhash that is set; or NULL */
bool bf_ev_set_made(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number);
bool bf_ev_sets_mark(const struct bf_ev *ev);
bool bf_ev_way(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s); /* redirect, mirror, route */
bool bf_ev_sockset(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
bool bf_ev_errno_exit(struct bf_ev *ev, struct bf_ev_draft *d, uint32_t err);

/* eval_map.c */
bool bf_ev_set_map(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number);
bool bf_ev_vmap(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number);

/* eval_act.c */
/* What a reject asks of the whole rule. */
bool bf_ev_before(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_rule *r);
bool bf_ev_act(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, enum bf_verdict_kind *end);

/* eval_state.c: limit, quota, sample, objects by name */
bool bf_ev_stateful(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_stateful *out);
bool bf_ev_state(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
/* numgen, jhash in a match, map or what is set: made once, in front. NULL: there is none. */
const struct bf_ast_expr *bf_ev_generator(const struct bf_ast_stmt *s);
bool bf_ev_generate(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);

/* eval_need.c: says so if a hook that reaches the rule lacks some of it */
/* eval_place.c: chains of one table at one place get priorities of their own. */
void bf_ev_places(struct bf_ev *ev);
bool bf_ev_need(struct bf_ev *ev, struct bf_ast_loc loc, uint32_t can, const char *what);

/* eval_code.c */
bool bf_ev_code(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);
/* eval_program.c */
bool bf_ev_program(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s);

static inline bf_u128 bf_ev_ones(unsigned bits)
{
	return bits >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << bits) - 1;
}

#endif
