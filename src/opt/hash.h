/* SPDX-License-Identifier: GPL-2.0-only */
/* hash.h: what building and changing a hash have in common, private to hash*.c. */
#ifndef BF_OPT_HASH_H
#define BF_OPT_HASH_H

#include "opt/class.h"

static inline const struct bf_class_svc *hash_svc(const struct bf_class_problem *p, const struct bf_class_box *b)
{
	return (const void *)((const char *)p->svcs + 16ull * b->svc);
}

/* The bits of an address's word w that a prefix tests. */
static inline uint32_t hash_mask(unsigned len, unsigned w)
{
	return len > 32 * w ? ~(uint32_t)(0xffffffffull >> BF_MIN(len - 32 * w, 32u)) : 0;
}

/* The key of the packets that the box is for, where it says something exactly. */
static inline void hash_key(const struct bf_class_problem *p, const struct bf_class_box *b, uint32_t *key)
{
	const struct bf_class_svc *s = hash_svc(p, b);
	unsigned words = p->ip6 ? 4 : 1;

	for (unsigned w = 0; w < words; w++) {
		key[BF_KEY_SADDR + w] = (uint32_t)(b->addr[0] >> 32 * (words - 1 - w));
		key[BF_KEY_DADDR + w] = (uint32_t)(b->addr[1] >> 32 * (words - 1 - w));
	}
	key[BF_KEY_PORTS] = (uint32_t)s->sport << 16 | s->dport;
	key[BF_KEY_META] = s->meta;
}

int hash_insert(const struct bf_class_data *d, const struct bf_class_problem *p, const struct bf_class_box *box);
int hash_remove(const struct bf_class_data *d, const struct bf_class_problem *p, uint32_t box);

#endif
