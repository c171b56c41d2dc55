/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set_bits.c: one bit for each value from the least to the greatest: ports,
 * protocols, and whatever lies close together.
 */
#include "opt/set_kind.h"

/* At most so many bits whatever the set, or so many for each range: a tree takes about as much. */
enum { SMALL = 1 << 16, BITS_A_RANGE = 96 };

static int build(const struct bf_set_values *v, struct bf_buf *out, uint32_t head, struct bf_set_stats *stats)
{
	bf_u128 first = v->n ? v->r[0].lo : 0, span = v->n ? v->r[v->n - 1].hi - first : 0;
	struct bf_set_head *h;
	uint32_t place;

	if (v->n_words > 1 || (v->open && v->field->bits > 16) || (span >= SMALL && span >= (uint64_t)v->n * BITS_A_RANGE))
		return -EOPNOTSUPP;
	if (v->field->bits <= 8 || v->open) { /* all that can be, so that everything may be added */
		first = 0;
		span = v->open ? (uint64_t)bf_field_ones(v->field) : 255;
	}
	place = bf_set_room(out, (span + 32) / 32, 16);
	if (!place)
		return out->err;
	h = bf_set_head_at(out, head);
	h->mask = (uint32_t)v->mask << v->field->shift;
	h->shift = v->field->shift;
	h->base = first;
	h->n = span + 1;
	h->place = place;
	for (uint32_t i = 0; i < v->n; i++)
		for (uint64_t k = v->r[i].lo - first; k <= v->r[i].hi - first; k++)
			((uint32_t *)(void *)out->data)[place + k / 32] |= 1u << k % 32;
	return 0;
}

static bool find(const uint32_t *data, uint32_t n_words, const struct bf_set_head *h, const uint32_t *key)
{
	uint32_t i = ((key[0] & h->mask) >> h->shift) - h->base;
	uint64_t at = (uint64_t)h->place + i / 32;

	return i < h->n && at < n_words && __atomic_load_n(&data[at], __ATOMIC_RELAXED) >> i % 32 & 1;
}

static int change(uint32_t *data, uint32_t n_words, struct bf_set_head *h, bf_u128 lo, bf_u128 hi, bool in)
{
	if (in && (lo < h->base || hi - h->base >= h->n))
		return -ENOSPC;
	lo = BF_MAX(lo, h->base);
	hi = BF_MIN(hi, (uint64_t)h->base + h->n - 1);
	for (uint64_t v = lo; v <= hi; v++) {
		uint64_t i = v - h->base;

		if (in)
			__atomic_fetch_or(&data[h->place + i / 32], 1u << i % 32, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&data[h->place + i / 32], ~(1u << i % 32), __ATOMIC_RELAXED);
	}
	return 0;
}

const struct bf_set_ops bf_set_bits = { .name = "bits", .build = build, .find = find, .change = change };
