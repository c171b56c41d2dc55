/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ruling.h: rulesets that decide over the flood's hosts, and change at random: a chain that packets come to, chains
 * that come, are jumped to and go. How often what happens is a row of numbers (ruling.c).
 *
 *   ruling_change(): another ruleset, and the steps that lead there ──▶ as edits of iptables' rules, or commands
 *   ruling_passes(): what it says of a host
 */
#ifndef BF_TEST_RULING_H
#define BF_TEST_RULING_H

#include "bpfilter/bpfilter.h"
#include "lib/rng.h"
#include "xt/build.h"

enum { RULING_PORT = 4000, RULING_PORTS = 8 }; /* of the flood's packets */
enum {
	RULING_CHAINS = 9,
	RULING_MOST = 4000,
	RULING_MORE = 48,
	RULING_SETS = 8
}; /* rules of the first chain, of others */
enum { RULING_STEPS = 64 };

enum ruling_op { RULING_INSERT, RULING_DELETE, RULING_REPLACE, RULING_NEW, RULING_FLUSH, RULING_REMOVE, RULING_OPS };
enum ruling_target {
	RULING_ACCEPT,
	RULING_DROP,
	RULING_REJECT,
	RULING_RETURN,
	RULING_NONE,
	RULING_LOG,
	RULING_JUMP,
	RULING_GOTO,
	RULING_TARGETS
};
enum ruling_shape {
	RULING_UDP,
	RULING_OTHER_PORT,
	RULING_LO,
	RULING_ETH,
	RULING_LENGTH,
	RULING_MARK,
	RULING_LIMIT,
	RULING_SET,
	RULING_SHAPES
};

struct ruling_weights {
	const char *name;
	uint32_t rules, most; /* of the first chain: at first, at last */
	uint8_t chains;       /* at first */
	uint8_t elsewhere;    /* percent of rules about nobody's address */
	uint8_t in_place;     /* percent of the changes that need not be compiled, at least */
	uint8_t op[RULING_OPS], target[RULING_TARGETS], shape[RULING_SHAPES];
};
const struct ruling_weights *ruling_weights(const char *name); /* NULL: there is no such row */

struct ruling_rule {
	uint32_t addr;                  /* source, host order */
	uint8_t len, shape, target, to; /* to: a chain, or which prefix a LOG has */
	uint8_t set;                    /* SET, native: one of those that divide the hosts, and no address */
	uint64_t handle;                /* native */
};

struct ruling {
	const struct ruling_weights *w;
	bool native;
	char id;               /* 0: alone; else of a ruleset beside others: 'a', 'b' */
	uint32_t first, hosts; /* it decides over: neighbours, a power of 2 */
	bool there[RULING_CHAINS];
	uint32_t n[RULING_CHAINS];
	struct ruling_rule root[RULING_MOST], more[RULING_CHAINS - 1][RULING_MORE];
	uint64_t handle[RULING_CHAINS], last; /* native: of the chains; given last */
};

struct ruling_step {
	enum ruling_op op;
	uint8_t chain;
	bool behind; /* INSERT: behind the last rule */
	uint32_t at;
	struct ruling_rule was, rule;
};

/* The first of them. beside: id 'a', 'b'; 0: alone. */
void ruling_begin(struct ruling *u, const struct ruling_weights *w, struct rng *r, bool native, char id);
/* Makes it another one. The number of steps, which are done one after the other. */
unsigned ruling_change(struct ruling *u, struct rng *r, struct ruling_step *steps);
bool ruling_passes(const struct ruling *u, uint32_t host); /* flood.h's number */

/* As iptables' filter table, with n rulesets. */
void ruling_blob(struct bb *b, const struct ruling *const *u, unsigned n);
/* As edits of rules; their entries and names are in `room`. Not of chains that come and go,
 * nor of rules without a target, which lead to a place in the table. */
bool ruling_is_edits(const struct ruling_step *s, unsigned n);
struct ruling_room {
	struct bb b;
	char name[RULING_STEPS][16];
	struct bf_xt_rule_edit edit[RULING_STEPS];
};
void ruling_edits(struct ruling_room *room, const struct ruling *u, const struct ruling_step *s, unsigned n);
/* As a native table: all of it, or the steps. What is listed of a chain, with handles. */
const char *ruling_table(const struct ruling *u);
void ruling_text(struct bf_buf *out, struct ruling *u);
void ruling_commands(struct bf_buf *out, const struct ruling *u, const struct ruling_step *s, unsigned n);
void ruling_listed(struct bf_buf *out, const struct ruling *u, unsigned chain);

#endif
