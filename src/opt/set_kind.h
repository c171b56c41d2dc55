/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set_kind.h: what the kinds of sets have in common, private to set*.c. A kind
 * is one file that ends in one const struct bf_set_ops.
 */
#ifndef BF_OPT_SET_KIND_H
#define BF_OPT_SET_KIND_H

#include "opt/set.h"

struct bf_set_values { /* of a field, sorted, not overlapping; not touching, but single ones; at least one, but for open ones */
	const struct bf_field *field;
	unsigned n_words; /* of the key: 1, 2 or 4 */
	bf_u128 mask;
	const struct bf_range *r;
	uint32_t n;
	bool open, single; /* as in struct bf_set_spec */
};

struct bf_set_ops {
	const char *name;
	/* Fills the head, which lies at place `head` of out already, and appends the rest. -EOPNOTSUPP: not one for it. */
	int (*build)(const struct bf_set_values *v, struct bf_buf *out, uint32_t head, struct bf_set_stats *stats);
	bool (*find)(const uint32_t *data, uint32_t n_words, const struct bf_set_head *h, const uint32_t *key);
	int (*change)(uint32_t *data, uint32_t n_words, struct bf_set_head *h, bf_u128 lo, bf_u128 hi, bool in);
};

extern const struct bf_set_ops bf_set_bits, bf_set_tree, bf_set_hash;

/* Zeroed room; its place, 0: none (out->err). align: in words, a power of two. */
uint32_t bf_set_room(struct bf_buf *out, uint64_t words, uint32_t align);

static inline struct bf_set_head *bf_set_head_at(const struct bf_buf *out, uint32_t head)
{
	return (struct bf_set_head *)(void *)(out->data + 4 * (size_t)head);
}

#endif
