/* SPDX-License-Identifier: GPL-2.0-only */
/* rng.h: random numbers for tests: the same from the same seed on every machine (splitmix64). */
#ifndef TEST_RNG_H
#define TEST_RNG_H

#include "base/base.h"

struct rng {
	uint64_t state;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint32_t rng_below(struct rng *r, uint32_t n) /* 0..n-1 */
{
	return n ? (uint32_t)((rng_u64(r) >> 32) * n >> 32) : 0;
}

static inline bool rng_percent(struct rng *r, unsigned p)
{
	return rng_below(r, 100) < p;
}

static inline bf_u128 rng_u128(struct rng *r)
{
	bf_u128 high = rng_u64(r);

	return high << 64 | rng_u64(r);
}

#endif
