/* SPDX-License-Identifier: GPL-2.0-only */
/* svc.h: does a service (rt/class.h) hold for a key? As the programs ask, for find and scan in user space. */
#ifndef BF_OPT_SVC_H
#define BF_OPT_SVC_H

#include "base/base.h"
#include "rt/class.h"

/* Bytes of a service with its tests. */
static inline size_t bf_svc_size(const struct bf_class_svc *s)
{
	return sizeof(*s) + s->n_tests * sizeof(struct bf_class_test);
}

static inline bool bf_test_holds(const struct bf_class_test *t, const uint32_t *key)
{
	return t->word < BF_KEY_WORDS && (key[t->word] & t->mask) - t->lo <= t->span;
}

/* The tests must lie behind it. */
static inline bool bf_svc_holds(const struct bf_class_svc *s, const uint32_t *key)
{
	const struct bf_class_test *t = (const struct bf_class_test *)(s + 1);
	uint32_t ports = key[BF_KEY_PORTS];

	if ((ports & 0xffff) - s->dport > s->dport_span || (ports >> 16) - s->sport > s->sport_span)
		return false;
	if ((key[BF_KEY_META] & s->meta_mask) != s->meta)
		return false;
	for (unsigned i = 0; i < s->n_tests; i++)
		if (!bf_test_holds(&t[i], key))
			return false;
	return true;
}

#endif
