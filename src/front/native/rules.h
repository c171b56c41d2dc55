/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.h: changes of single rules of a stored table, without reading it.
 *
 * Beside a table's text stands an *index* (store.h): where each rule's text is,
 * which rules of the model it became, which counters it has, and roughly which
 * packets it wants. What commands changed since the table was compiled is
 * few: rules that came, each before a certain rule of the text, and numbers of
 * rules that went. Only these are read, and those behind one that went that it
 * may have hidden from the compiler.
 *
 *   text:    r0   r1   r2   r3   r4       add rule     ... position 12    came before r2
 *   index:   #10  #11  #12  #13  #14      delete rule  ... handle 14      r4 went
 *
 * Chains may come, too, and go when nothing leads to them. Chains that rules of interest lead to are read as they are now, if
 * they are short: their rules may be put where a rule jumps to them (gen/patch.h).
 *
 * Whatever is not as simple as that is refused: -EAGAIN, the table is to be
 * read as a whole, and what is wrong with a command is told there.
 *
 *   struct bf_nindex_head | bf_nindex_chain [n_chains] | bf_nindex_rule [n_rules] | text of the table without rules
 */
#ifndef BF_NRULES_H
#define BF_NRULES_H

#include "front/native/store.h"

struct bf_nindex_head {
	uint32_t n_chains, n_rules;
	uint32_t text_len; /* of the table without rules */
	uint32_t pad;
};

struct bf_nindex_chain {
	uint64_t handle;
	uint32_t first, n; /* rules */
	uint32_t model;    /* rules of the model's chain */
	uint32_t hooks;    /* those it is reached from, as bits */
	uint32_t jumps;    /* some rule of it leads to another chain */
	uint32_t end;      /* of the text: behind its last rule */
	uint32_t uses;     /* rules and elements say so often that they lead here */
	uint32_t pad;
};

struct bf_nindex_rule {
	uint32_t text, len; /* bytes of the table's text */
	uint32_t model;     /* its first rule in the chain of the model; it has them up to the next one's */
	uint32_t counter;   /* its first; ordinals count on from there */
	/* Packets that it may want: the first 32 bits of their addresses, protocol (0: any), family (1 << BF_FAM_*). */
	uint32_t lo[2], hi[2];
	uint8_t proto, fams;
	uint8_t pad[2];
};

/* Appends the index of a table and its text. Nothing: it can only be read as a whole. */
void bf_nindex_make(struct bf_buf *out, struct bf_ast_cmd *table, const char *text, size_t len,
                    const struct bf_evaluated *ev);

struct bf_nrule_came {
	uint32_t chain, before; /* rule of the index; the chain's end: behind all */
	uint64_t handle;
	struct bf_ast_rule *rule;
};

struct bf_nrules {
	const struct bf_nindex_head *head;
	struct bf_nindex_chain *chains; /* as they are now; behind those of the text the ones that came. But for uses */
	uint32_t n_chains, cap_chains;
	bool *gone;                   /* of chains */
	const struct bf_nindex_rule *rules;
	const uint64_t *handles;      /* of the rules */
	const char *text;             /* of the table */
	struct bf_ast *ast;
	struct bf_ast_cmd *table;     /* without rules; then the stub */
	uint64_t last;                /* handle given in the table */
	struct bf_nrule_came *came;   /* as they stand in their chains, chains in no order */
	uint32_t n_came, cap_came;
	uint32_t *went;               /* rules of the index */
	uint32_t n_went, cap_went;
	uint32_t n_commands;
};

/* Where rule `rule` of the index begins in its chain of the model; the chain's end: there. */
static inline uint32_t bf_nrules_place(const struct bf_nrules *r, uint32_t chain, uint32_t rule)
{
	const struct bf_nindex_chain *c = &r->chains[chain];

	return rule < c->first + c->n ? r->rules[rule].model : c->model;
}

/* A stored table as it is now. ast: where memory comes from; s and it must stay. -EAGAIN, -ENOMEM. */
int bf_nrules_open(struct bf_nrules *r, const struct bf_nstored *s, struct bf_ast *ast);
void bf_nrules_free(struct bf_nrules *r);
#define _cleanup_nrules_ _cleanup_(bf_nrules_free)

/* One more command of this table. Its rule gets a handle. */
int bf_nrules_apply(struct bf_nrules *r, struct bf_ast_cmd *cmd);

/* The table's text as it is now. -EAGAIN: not only rules changed. */
int bf_nrules_text(const struct bf_nrules *r, const struct bf_nstored *s, struct bf_buf *out);

struct bf_nrule_change { /* a rule of the stub */
	enum bf_change_kind kind;
	uint32_t chain, rule; /* of the index; came: it stands before that one */
	uint64_t handle;
};
/*
 * r->table gets the rules that came, went, may have been hidden by such, or are
 * in a span that one touches: as bf_gen_patch wants them. out: struct bf_nrule_change, in the stub's order.
 */
int bf_nrules_stub(struct bf_nrules *r, const struct bf_span *spans, uint32_t n_spans, struct bf_buf *out);

/*
 * Chains that came, and those to which rules of the stub lead, as they are now, in a table of their own: `before` is `out` of bf_nrules_stub. Of
 * those that are too long only the names. Hooks of chains are those from which packets come now. *table: NULL: there are none.
 */
struct bf_nrules_now {
	struct bf_ast_cmd *table;
	struct bf_buf chains; /* struct bf_nchain_now: each chain of the table */
	struct bf_buf rules;  /* struct bf_nrule_change: of all its rules, BF_CAME or BF_STAYS */
};
struct bf_nchain_now {
	uint32_t chain; /* of the index */
	bool whole;     /* its rules are there */
};
int bf_nrules_now(struct bf_nrules *r, const struct bf_buf *before, struct bf_nrules_now *out);
/* The rules of the index that `numbers` (uint32_t) says, read, in that order: `add rule` each. */
int bf_nrules_read(const struct bf_nrules *r, const struct bf_buf *numbers, struct bf_ast_cmd **out);
/* Whom of r's chains a name means; r->n_chains: none. */
uint32_t bf_nrules_chain(const struct bf_nrules *r, const char *name);
bool bf_nrules_has_gone(const struct bf_nrules *r, uint32_t rule);
static inline uint64_t bf_nrules_handle(const struct bf_nrules *r, uint32_t chain, uint32_t rule)
{
	return r->handles[chain + 1 + rule]; /* of the text's handles chains and rules are the last: each chain's and then those of its rules */
}

struct bf_nrules_model {
	struct bf_evaluated ev; /* of the stub: one table */
	struct bf_evaluated now; /* chains as they are now: one table, or none */
	struct bf_buf changes;  /* struct bf_changed: its rules, where they stand in the table as it was compiled */
	struct bf_buf fresh;    /* struct bf_eval_counter: of rules that are not in the log yet; they come behind those of s */
};
/* At last. s: r was opened with it; spans: bf_gen_patch_spans. */
int bf_nrules_model(struct bf_nrules *r, const struct bf_nstored *s, const struct bf_span *spans, uint32_t n_spans,
                    const struct bf_eval_env *env, struct bf_nrules_model *out);
void bf_nrules_model_free(struct bf_nrules_model *m);

#endif
