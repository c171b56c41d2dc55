/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h: random rulesets, packets that sit on the rulesets' boundaries, and
 * the shrinking of a failure to what is needed for it.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "lib/packet.h"
#include "lib/rng.h"

struct test_model_opts {
	uint8_t family;  /* NFPROTO_INET, _NETDEV: rules for all families */
	bool kernel;     /* only what TEST_RUN can show: no connection, socket, link header; interfaces "" and lo */
	bool assists;
	bool native;     /* also what only the native language says: fields against fields, outputs, counters in the middle,
	                  * sets and maps */
	bool live;       /* then: sets that rules change, too */
	bool one_hook;   /* INPUT alone: a third of the programs to load */
	uint8_t all_hook; /* a chain at this hook, which sees all families, too; with one_hook: it alone */
	unsigned size;   /* about so many rules in all */
};

/* A ruleset of one table. Deterministic. */
struct bf_ruleset *test_model_random(struct rng *r, const struct test_model_opts *o);

/* A packet for the table: its values are those of the rules, or just beside them. */
void test_packet_random(struct rng *r, const struct test_model_opts *o, const struct bf_table *t, struct test_packet *p);

/* What the kernel's own matches would say: any fixed function will do. */
bool test_assist_answer(const struct bf_packet *p, const struct bf_assist *a);

/*
 * Removes from the table and the packets whatever is not needed for fails()
 * to be true. *n is how many packets are left.
 */
typedef bool (*test_fails)(void *ctx, const struct bf_table *t, const struct test_packet *p, unsigned n);
void test_shrink(struct bf_table *t, struct test_packet *p, unsigned *n, test_fails fails, void *ctx);

#endif
