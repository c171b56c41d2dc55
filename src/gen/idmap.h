/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * idmap.h: 64-bit key -> 32-bit number, open addressing. For the compiler's
 * own bookkeeping: "which number did I give this?".
 */
#ifndef BF_IDMAP_H
#define BF_IDMAP_H

#include "base/base.h"

#define BF_IDMAP_NONE UINT32_MAX /* not a value */

struct bf_idmap {
	struct bf_idmap_slot {
		uint64_t key;
		uint32_t value; /* BF_IDMAP_NONE: free */
	} *slots;
	size_t n, cap; /* cap: 0 or a power of two */
};

static inline uint64_t bf_hash64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15u;
	return x ^ x >> 29;
}

static inline struct bf_idmap_slot *bf_idmap_slot(const struct bf_idmap *m, uint64_t key)
{
	size_t i = bf_hash64(key) & (m->cap - 1);

	while (m->slots[i].value != BF_IDMAP_NONE && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static inline uint32_t bf_idmap_get(const struct bf_idmap *m, uint64_t key)
{
	return m->cap ? bf_idmap_slot(m, key)->value : BF_IDMAP_NONE;
}

static inline int bf_idmap_grow(struct bf_idmap *m)
{
	struct bf_idmap bigger = { .cap = m->cap ? m->cap * 2 : 64 };

	bigger.slots = malloc(bigger.cap * sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < bigger.cap; i++)
		bigger.slots[i].value = BF_IDMAP_NONE;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].value != BF_IDMAP_NONE)
			*bf_idmap_slot(&bigger, m->slots[i].key) = m->slots[i];
	bigger.n = m->n;
	free(m->slots);
	*m = bigger;
	return 0;
}

/* Sets or replaces. */
static inline int bf_idmap_put(struct bf_idmap *m, uint64_t key, uint32_t value)
{
	struct bf_idmap_slot *s;

	if (m->n >= m->cap / 2 && bf_idmap_grow(m) < 0)
		return -ENOMEM;
	s = bf_idmap_slot(m, key);
	m->n += s->value == BF_IDMAP_NONE;
	*s = (struct bf_idmap_slot){ key, value };
	return 0;
}

static inline void bf_idmap_free(struct bf_idmap *m)
{
	free(m->slots);
	*m = (struct bf_idmap){ 0 };
}

#endif
