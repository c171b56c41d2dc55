/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subject.h: a table as it stands, whatever front-end it came from, for those
 * who look at what rules do: its model, its counters, and the words for a rule.
 *
 *   test     programs that look into the live data (kern/trial.h), and the oracle
 *   monitor  its programs made anew so that they tell of each packet (kern/events.h)
 *   stats    counters alone
 */
#ifndef BF_API_SUBJECT_H
#define BF_API_SUBJECT_H

#include "api/native.h"
#include "gen/gen.h"

struct bf_subject {
	char unit[48];
	char family[8], name[256];
	bool native;
	struct bf_ruleset *rs;     /* of one table, as it is now */
	struct bf_stored stored;   /* iptables' */
	struct bf_nstored nstored; /* native */
	struct bf_ns *filled;      /* where the elements of its sets are taken from; or NULL */
	struct bf_unit *own;       /* native; else stored.unit: whose counters they are */
	struct bf_ast *ast;        /* native: the tree that rs was made of */
	struct bf_ast_cmd *cmd;
	struct bf_evaluated ev;
	struct bf_subject_rule {   /* native: by handle */
		uint64_t handle;
		const struct bf_ast_rule *rule;
	} *rules;
	uint32_t n_rules;
	/* Counter number i of the model is counter slot[i] of the programs; NULL: i. */
	uint32_t *slot;
};

struct bf_subjects {
	struct bf_subject *s;
	uint32_t n;
};

/* All tables of the namespace; elements: with those that are there now in sets that rules change. Errors are told. */
int bf_subjects_open(struct bf_ctx *ctx, struct bf_ns *ns, bool elements, struct bf_subjects *out);
void bf_subjects_close(struct bf_subjects *s);
#define _cleanup_subjects_ _cleanup_(bf_subjects_close)

const struct bf_table *bf_subject_table(const struct bf_subject *s);

/*
 * It once more, compiled. live: of what the unit was compiled from, for programs that look into its maps; else of what it
 * is now. opts: hz and what the kernel has are filled in.
 */
int bf_subject_compile(struct bf_ctx *ctx, const struct bf_subject *s, struct bf_gen_opts opts, bool live,
                       struct bf_image **img);

/* The same rules by other programs: its counters go on. Needs the lock; s is out of date then. */
int bf_subject_commit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img);

/* Of the live unit, one for each counter of the model; malloc'ed. */
int bf_subject_counters(const struct bf_subject *s, struct bf_rt_counter **out);
/* The place of counter i of the model among those of the unit. */
uint32_t bf_subject_slot(const struct bf_subject *s, uint32_t i);

/* What a rule is called: "INPUT 3", or with a handle "input handle 12"; and how it reads. */
struct bf_subject_name {
	const char *chain;
	uint32_t number;  /* from 1; 0: the chain's end */
	uint64_t handle;  /* 0: it has none */
};
void bf_subject_name(const struct bf_subject *s, const struct bf_chain *c, uint32_t rule, struct bf_subject_name *out);
void bf_subject_print(const struct bf_subject *s, const struct bf_chain *c, uint32_t rule, struct bf_buf *out);

#endif
