/* SPDX-License-Identifier: GPL-2.0-only */
/* mutate.h: tables out of pieces of a real one, and spoiling them. The same seed gives the same blobs. */
#ifndef TESTS_XT_MUTATE_H
#define TESTS_XT_MUTATE_H

#include "xt/build.h"

struct rng {
	uint64_t s;
};

uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); /* 0 .. n-1; 0 for n 0 */

struct pool { /* entries to choose from: those of a blob */
	const struct bf_xt_layout *l;
	const uint8_t *const *entries;
	uint32_t n;
};

/* The entries of the blob; they point into it. */
struct pool pool_of(uint8_t family, const struct bf_buf *blob, struct bf_arena *a);

/* A table of a few of these entries with jumps to random places, of right form (which the checks may still refuse). */
void make_table(struct rng *r, const struct pool *p, struct bb *b);
/* One place of it changed: members, sizes, names, parameters, bytes, its length. */
void mutate(struct rng *r, struct bb *b);

#endif
