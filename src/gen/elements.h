/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elements.h: elements of sets that change, and objects, as the hashes have them (rt/abi.h): a record of key and value for
 * each, or, of elements that are boxes, for each combination of prefixes that they are cut into.
 */
#ifndef BF_GEN_ELEMENTS_H
#define BF_GEN_ELEMENTS_H

#include "rt/abi.h"
#include "rule/set.h"

enum { BF_OBJECT_WORDS = 2 };

struct bf_record { /* of a hash's first elements */
	struct bf_buf bytes;
	uint32_t key; /* words */
};

/* Its key fits "sets4". NULL: of objects. */
bool bf_is_short(const struct bf_set *s);

/* -E2BIG: more combinations of prefix lengths than there is room for. Without memory: r->bytes.err. */
int bf_set_records(const struct bf_set *s, struct bf_record *r);
void bf_object_records(const struct bf_table *t, struct bf_record *r);

/* UINT64_MAX: for ever, which is 0. */
uint64_t bf_ms_in_ns(uint64_t ms);
void bf_put_states(struct bf_rt_elem *e, const struct bf_stateful *s, unsigned n);

#endif
