/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.h: the model of a ruleset, the middle of the data flow. Front-ends
 * build it, opt/ rewrites it, gen/ lowers it, interp/ runs it, print.c
 * writes it. All of it lives in one arena; pointers are never owned alone.
 *
 *   ruleset > table > chain > rule > conditions, actions, verdict
 *
 * A rule matches when all its conditions hold, tested in order. Order matters
 * only for guards (a true guard drops the packet on the spot, no counter
 * moves) and for matches with state. A matching rule counts the packet, does
 * its actions and follows its verdict.
 */
#ifndef BF_RULE_H
#define BF_RULE_H

#include <linux/netfilter.h> /* NFPROTO_*, NF_INET_* */

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/hook.h"
#include "rule/field.h"

struct bf_match_ops;  /* match/match.h */
struct bf_target_ops; /* match/match.h */
struct bf_chain;
struct bf_set;    /* set.h */
struct bf_object; /* set.h */

struct bf_range { /* lo <= v <= hi */
	bf_u128 lo, hi;
};

enum bf_cond_kind {
	BF_COND_FIELD, /* (field & mask) lies in one of the ranges */
	BF_COND_MATCH, /* a special match */
};

/*
 * Most conditions of a large table are the same in many rules (protocol,
 * guards, common ports): a rule has a list of pointers, and field conditions
 * with the same content are one object, mostly. Never write to one. Matches are not
 * shared: which condition it is tells whose state it is.
 *
 * What is not the same in many rules, addresses, is not an object at all: a
 * value under a prefix, of a field of 32 bits, is in the list itself.
 */
struct bf_cond {
	uint8_t kind; /* enum bf_cond_kind */
	bool neg;    /* the condition holds when the test does not. A loaded field that is not available never holds */
	bool guard;  /* the test being true drops the packet at once; being false lets the rule go on */
	uint32_t n_ranges;
	union {
		const struct bf_field *field;     /* BF_COND_FIELD */
		const struct bf_match_ops *match; /* BF_COND_MATCH */
	};
	union {
		const struct bf_range *ranges; /* FIELD: sorted, disjoint, at least one */
		const void *data;              /* MATCH: match->data_size bytes */
	};
	bf_u128 mask;                  /* FIELD: all ones when nothing is masked */
};

struct bf_cond_ref { /* in a list: a pointer; or, odd, the condition (intern.c) */
	uint64_t v;
};
struct bf_cond_room { /* where that one can be looked at */
	struct bf_cond cond;
	struct bf_range range;
};
const struct bf_cond *bf_cond_unpack(struct bf_cond_ref ref, struct bf_cond_room *room);
static inline const struct bf_cond *bf_cond_of(struct bf_cond_ref ref, struct bf_cond_room *room)
{
	return ref.v & 1 ? bf_cond_unpack(ref, room) : (const struct bf_cond *)(uintptr_t)ref.v;
}
/* The field of one that is in the list; it is tested as a whole or by prefix, never as a guard. NULL: it is an object. */
static inline const struct bf_field *bf_cond_packed(struct bf_cond_ref ref)
{
	return ref.v & 1 ? &bf_fields[ref.v >> 8 & 255] : NULL;
}
static inline struct bf_cond_ref bf_cond_at(const struct bf_cond *c)
{
	return (struct bf_cond_ref){ (uintptr_t)c };
}
/* Condition i of a rule or of what else has a list; to be looked at in the block where this stands, no longer. */
#define bf_rule_cond(list_of, i) bf_cond_of((list_of)->conds[i], &(struct bf_cond_room){ 0 })

enum bf_verdict_kind {
	BF_VERDICT_CONTINUE, /* no verdict: go on with the next rule */
	BF_VERDICT_ACCEPT,
	BF_VERDICT_DROP,
	BF_VERDICT_RETURN,   /* back behind the jump; in a base chain: the policy */
	BF_VERDICT_JUMP,
	BF_VERDICT_GOTO,
	BF_VERDICT_ACTION,   /* the rule's last action is terminal (REJECT) */
	BF_VERDICT_MAP,      /* as the element says that the rule's last lookup found (set.h) */
};

struct bf_verdict {
	enum bf_verdict_kind kind;
	uint32_t index;         /* first rule to look at there; 0 but in hand-made blobs; n_rules: its end */
	union {
		struct bf_chain *chain;   /* JUMP, GOTO; else NULL */
		const struct bf_set *map; /* MAP: of that lookup */
	};
};

struct bf_action {
	const struct bf_target_ops *target;
	const void *data; /* target->data_size bytes */
};

#define BF_NO_COUNTER UINT32_MAX

struct bf_rule { /* there may be millions */
	struct bf_cond_ref *conds;
	struct bf_action *actions;
	uint16_t n_conds, n_actions;
	uint32_t counter;    /* number of its counter in the table, or BF_NO_COUNTER */
	struct bf_verdict verdict;
	const char *comment; /* or NULL */
};

struct bf_chain {
	const char *name;
	struct bf_table *table;
	bool base;
	struct bf_attach at; /* base: where it stands */
	struct bf_rule *rules;
	uint32_t n_rules, room; /* room: rules that fit the array */
	/* What happens at the end of the chain. Base: ACCEPT or DROP. Others: RETURN (or, hand-made blobs, DROP). */
	enum bf_verdict_kind policy;
	uint32_t counter;    /* counts what reaches the end; or BF_NO_COUNTER */
};

struct bf_table {
	uint8_t family;      /* NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET: both, NFPROTO_NETDEV: all packets of a hook */
	const char *name;
	bool auth_ends;      /* IPv6: the header of layer 4 is looked for as nft does, bf_rt_config.auth_ends */
	struct bf_chain **chains;
	uint32_t n_chains;
	uint32_t n_counters;
	struct bf_set **sets;       /* set.h */
	uint32_t n_sets;
	struct bf_object **objects;
	uint32_t n_objects;
};

/* Bit (1 << BF_FAM_x) for each family of packets that base chain c sees: by its hook and its table. */
unsigned bf_chain_families(const struct bf_chain *c);

/* A rule that came or went since a table was compiled, or that one that went may have hidden. */
enum bf_change_kind { BF_CAME, BF_WENT, BF_STAYS };
struct bf_changed {
	uint32_t chain; /* number of its chain in the table */
	uint32_t rule;  /* its number in the chain, as compiled. Came: it stands before the rule with that number */
	enum bf_change_kind kind;
	bool policy;    /* came: it stands for the base chain's policy */
	const struct bf_rule *what; /* went: of interest are only its conditions */
};

/* Rules that change together: when one of them goes, or one comes between them, all that stay are of interest. */
struct bf_span {
	uint32_t chain;
	uint32_t from, to;    /* rules from .. to - 1, as compiled; at most BF_SPAN_MAX */
	uint32_t first, last; /* what comes before these rules, or one between them, is meant */
};
static inline bool bf_span_has(const struct bf_span *s, uint32_t chain, uint32_t rule, enum bf_change_kind kind)
{
	if (s->chain != chain)
		return false;
	return kind == BF_CAME ? rule >= s->first && rule <= s->last : rule >= s->from && rule < s->to;
}
#define BF_SPAN_MAX 512

struct bf_ruleset {
	struct bf_arena *arena; /* owns everything */
	struct bf_table **tables;
	uint32_t n_tables;
	struct bf_cond_pool *pool; /* intern.c */
	struct bf_own_field *fields[64]; /* own.c; by hash */
};

struct bf_ruleset *bf_ruleset_new(void); /* NULL when out of memory */
void bf_ruleset_free(struct bf_ruleset *rs);
#define _cleanup_ruleset_ _cleanup_(bf_ruleset_freep)
static inline void bf_ruleset_freep(struct bf_ruleset **rs)
{
	bf_ruleset_free(*rs);
}

/* Builders, for front-ends: append to growing lists, all memory from the
 * arena. NULL or -ENOMEM when it runs out, -E2BIG: a rule with 65,536 conditions or actions. */
struct bf_table *bf_ruleset_add_table(struct bf_ruleset *rs, uint8_t family, const char *name);
struct bf_chain *bf_table_add_chain(struct bf_ruleset *rs, struct bf_table *t, const char *name);
struct bf_chain *bf_table_find_chain(const struct bf_table *t, const char *name);
/* Room for n rules more, so that a long chain is not copied while it grows. */
int bf_chain_reserve(struct bf_ruleset *rs, struct bf_chain *c, uint32_t n);
struct bf_rule *bf_chain_add_rule(struct bf_ruleset *rs, struct bf_chain *c);
/* c and its ranges are copied; a match's data is not. */
int bf_rule_add_cond(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_cond *c);
/* field & mask (0: all ones) in lo..hi */
int bf_rule_add_range(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 lo, bf_u128 hi,
                      bool neg);
int bf_rule_add_value(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 v, bool neg);
/* drop the packet when field is in lo..hi */
int bf_rule_add_guard(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 lo, bf_u128 hi);
int bf_rule_add_match(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_match_ops *m, const void *data, bool neg);
int bf_rule_add_action(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_target_ops *t, const void *data);

/*
 * The ruleset's own field with f's content, the name included: the same one
 * for the same content. Its name is copied. NULL: out of memory.
 */
const struct bf_field *bf_ruleset_field(struct bf_ruleset *rs, const struct bf_field *f);

/* Nothing more will be added: gives back what only building needs. */
void bf_ruleset_done(struct bf_ruleset *rs);

/* The canonical text (print.c). counters: one per counter of the table, or NULL. */
struct bf_rt_counter;
void bf_table_print(struct bf_buf *out, const struct bf_table *t, const struct bf_rt_counter *counters);
void bf_rule_print(struct bf_buf *out, const struct bf_rule *r, uint8_t family);
void bf_cond_print(struct bf_buf *out, const struct bf_cond *c);
/* A quoted string of up to max bytes: \" \\ and \xHH for what does not print. */
void bf_text_quote(struct bf_buf *out, const char *s, size_t max);
/* A chain's or table's name: quoted where it is not a plain word. */
void bf_name_print(struct bf_buf *out, const char *name);
/* The same as JSON text: {"tables": [...]} is the caller's, this is one table's object. */
void bf_table_print_json(struct bf_buf *out, const struct bf_table *t, const struct bf_rt_counter *counters);

#endif
