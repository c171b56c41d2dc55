/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval.h: the syntax tree of one table, complete, to the model (rule/rule.h).
 * A pure function: what the text alone cannot say (interfaces, users, the
 * clock's zone) comes by callbacks.
 *
 * A rule of the text becomes one model rule or several: `vmap { a : jump x,
 * b : drop }` is one for each element, `{ 53, 853 }` is one condition with two
 * ranges. Which counter of the model's table belongs to which rule says
 * bf_evaluated.counters: the rule's handle, and which of its counters it is,
 * in an order that depends on the rule's text alone. So counters go on when
 * tables change, by handle and ordinal.
 */
#ifndef BF_EVAL_H
#define BF_EVAL_H

#include "base/buf.h"
#include "front/native/ast.h"
#include "rule/rule.h"

struct bf_eval_counter;

struct bf_eval_env { /* callbacks may be NULL: such names are refused. They return 0 or -errno */
	int (*ifindex)(void *ctx, const char *name, uint32_t *out);
	int (*user)(void *ctx, const char *name, bool group, uint32_t *out);
	int (*cgroup)(void *ctx, const char *path, uint64_t *out); /* its number */
	int (*config)(void *ctx, const char *name, struct bf_buf *out); /* an option of the kernel, as its .config has it */
	uint32_t hz;     /* of the kernel */
	uint32_t (*counter)(void *ctx, const struct bf_eval_counter *c); /* its number; NULL: they count from 0 */
	void *counter_ctx;
	bool no_elements; /* the table's sets come without: what would look at these is refused */
	int32_t gmtoff;  /* local time is so many seconds east of UTC: day and hour */
	void *ctx;
};

enum bf_eval_what {
	BF_EVAL_RULE,      /* packets that matched all of the rule: what top and stats show */
	BF_EVAL_STATEMENT, /* packets that got as far as a counter statement in the middle */
	BF_EVAL_POLICY,    /* packets that came to the end of a chain; handle is the chain's */
};

#define BF_EVAL_NONE UINT32_MAX

struct bf_eval_counter { /* whose counter number i of the table is. A rule can have several: their sum counts */
	uint64_t handle;  /* of the rule or chain */
	uint32_t ordinal; /* counts from 0 within the handle */
	uint32_t stmt;    /* the counter statement it is, which list shows: its number in the rule, from 0; or BF_EVAL_NONE. A
	                   * statement behind all matches of a rule has no counter of its own: the rule's is its */
	enum bf_eval_what what;
	uint32_t pad;     /* 0: stored bytes are compared */
};

/*
 * Limits and quotas of rules are objects without a name (rule/set.h), whose id
 * is this | the rule's handle << 16 | the statement's number in the rule.
 */
#define BF_EVAL_OWN (1ull << 63)

struct bf_evaluated {
	struct bf_ruleset *rs; /* one table */
	struct bf_eval_counter *counters; /* in rs's arena */
	uint32_t n_counters;
	uint32_t *hooks; /* of the chains that the text has: those that packets come from, as bits; likewise */
};

void bf_evaluated_free(struct bf_evaluated *e);

/*
 * cmd: `add table F N { ... }` with everything the table holds, rules (and
 * chains, for their policy counters) with handles.
 * 0, -EINVAL: it cannot be (located errors in d, all of them), -EOPNOTSUPP: it
 * says something that is not served (located too), -ENOMEM.
 */
int bf_native_eval(const struct bf_ast *ast, const struct bf_ast_cmd *cmd, const struct bf_eval_env *env,
                   struct bf_evaluated *out, struct bf_diag *d);

#endif
