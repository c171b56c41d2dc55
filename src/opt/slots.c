/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slots.c: from a rule in a leaf to its counter (rt/class.h). Rules of one
 * chain have counters in a row and orders in equal steps, so it is reckoned
 * from the order. Where it cannot be, a table tells it.
 */
#include "opt/forest.h"

static bool fits(const struct bf_class_problem *p, uint32_t shift, uint32_t *base)
{
	*base = p->n_boxes ? p->boxes->slot - (p->boxes->order >> shift) : 0;
	for (uint32_t i = 0; i < p->n_boxes; i++)
		if (p->boxes[i].slot != *base + (p->boxes[i].order >> shift))
			return false;
	return true;
}

static bool reckon(const struct bf_class_problem *p, struct bf_class_head *h)
{
	for (h->slot_shift = 0; h->slot_shift < 32; h->slot_shift++)
		if (fits(p, h->slot_shift, &h->slot_base))
			return true;
	return false;
}

bool forest_reckons_slots(const struct bf_class_problem *p, uint32_t *shift)
{
	struct bf_class_head h;
	bool can = reckon(p, &h);

	*shift = h.slot_shift;
	return can;
}

/* The counter of the rule of this order; of none: 0. */
static uint32_t slot_of(const struct bf_class_problem *p, uint32_t order)
{
	const struct bf_class_box *b = bf_class_box_from(p, order);

	return b < p->boxes + p->n_boxes && b->order == order ? b->slot : 0;
}

int forest_put_slots(const struct bf_class_problem *p, struct bf_buf *out, uint32_t head, uint32_t rules, uint64_t max_len)
{
	uint32_t marks = forest_has_room(p) ? BF_CLASS_MARKS : 0;
	size_t place = out->len / 4, words = place - rules;
	struct bf_class_head *h = (struct bf_class_head *)(out->data + 4ull * head);

	h->slots = 0;
	if (reckon(p, h))
		return 0;
	if (out->len + words > max_len)
		return -E2BIG;
	if (!bf_buf_reserve(out, words))
		return -ENOMEM;
	for (size_t i = 0; i < words / 4; i++) {
		const uint32_t *data = (const uint32_t *)out->data;
		const struct bf_class_rule4 *r = (const void *)(data + rules + 4 * i);
		uint32_t slot = slot_of(p, r->order & ~marks);

		memcpy(out->data + 4 * (place + i), &slot, sizeof(slot));
	}
	((struct bf_class_head *)(out->data + 4ull * head))->slots = (uint32_t)(place - rules / 4);
	return 0;
}
