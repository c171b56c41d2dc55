/* SPDX-License-Identifier: GPL-2.0-only */
/* ranges.h: lists of ranges of a field, of many shapes. */
#ifndef TEST_RANGES_H
#define TEST_RANGES_H

#include "lib/rng.h"
#include "rule/rule.h"

enum test_shape {
	SHAPE_VALUES,    /* single values anywhere */
	SHAPE_CROWDED,   /* single values in few places */
	SHAPE_PREFIXES,  /* of the lengths that are usual for addresses */
	SHAPE_ANY_PREFIX,
	SHAPE_RANGES,    /* anything */
	SHAPE_NARROW,    /* ranges of a few values, one close to the other */
	SHAPE_TOUCHING,  /* each begins where the one before ended */
	SHAPE_ALTERNATE, /* every other value */
	SHAPE_EDGES,     /* 0, all ones, and what is beside powers of two */
	SHAPE_ALL,       /* everything, but for a value now and then */
	SHAPES,
};

/* About n ranges, sorted, disjoint, under the mask; malloc'ed. */
struct bf_range *test_ranges(struct rng *r, const struct bf_field *f, bf_u128 mask, enum test_shape shape, uint32_t n,
                             uint32_t *n_out);

/* Sorts, and joins what overlaps; how many are left of n > 0. */
uint32_t test_ranges_join(struct bf_range *r, uint32_t n);

/* Does v lie in one of them? Looks at one after the other. */
bool test_ranges_have(const struct bf_range *r, uint32_t n, bf_u128 v);

#endif
