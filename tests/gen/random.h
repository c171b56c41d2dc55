/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random.h: random tables and packets that have something to do with each
 * other: both take most of their values from small pools.
 */
#ifndef BF_TEST_RANDOM_H
#define BF_TEST_RANDOM_H

#include "interp/interp.h"
#include "rule/rule.h"

struct rng {
	uint64_t state;
};

uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);
bool rng_chance(struct rng *r, uint32_t percent);

/* NULL: out of memory. */
struct bf_table *random_table(struct bf_ruleset *rs, struct rng *r, uint8_t family);
struct bf_bytecode *random_bytecode(struct bf_arena *a, struct rng *r);

struct packet {
	struct bf_packet p;
	uint8_t data[256];
};
void random_packet(struct packet *out, struct rng *r, uint8_t family);

#endif
