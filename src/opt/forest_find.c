/* SPDX-License-Identifier: GPL-2.0-only */
/* forest_find.c: the walk over a forest (rt/class.h), as the programs do it; reads nothing outside the data. */
#include "opt/forest.h"

#include "opt/svc.h"

struct look { /* one look-up */
	const uint32_t *data;
	uint32_t n_words;
	const struct bf_class_head *head;
	bool ip6;
	const uint32_t *key;
	uint32_t floor;
	struct walk *w;
	uint32_t best; /* order found so far, with its marks */
	const struct bf_class_svc *svc;
	uint32_t rule; /* its place */
};

static const void *at(const struct look *l, uint64_t place, uint64_t words)
{
	return place + words <= l->n_words ? l->data + place : NULL;
}

static bool holds(const struct look *l, uint32_t index, const struct bf_class_svc **svc)
{
	uint64_t place = l->head->svcs + (uint64_t)BF_CLASS_SVC_STEP * index;
	const struct bf_class_svc *s = at(l, place, sizeof(*s) / 4);

	*svc = s;
	return s && at(l, place, bf_svc_size(s) / 4) && bf_svc_holds(s, l->key);
}

static bool prefix4(const uint32_t *key, uint32_t addr, uint32_t shift)
{
	return (uint64_t)(addr ^ *key) >> shift == 0;
}

static bool prefix6(const uint32_t *key, const struct bf_class_rule6 *r, int i)
{
	uint64_t high = (uint64_t)key[0] << 32 | key[1], low = (uint64_t)key[2] << 32 | key[3];

	return !((high ^ r->addr[i][0]) >> (r->shift[i][0] & 63) >> (r->shift[i][0] >> 6 & 1) |
	         (low ^ r->addr[i][1]) >> (r->shift[i][1] & 63) >> (r->shift[i][1] >> 6 & 1));
}

static uint32_t plain(const struct look *l, uint32_t order)
{
	return order & (l->head->unmarked | ~BF_CLASS_MARKS);
}

/* A rule of a leaf. True: the leaf need not be followed further. */
static bool look_rule4(struct look *l, const struct bf_class_rule4 *r, uint32_t place)
{
	const struct bf_class_svc *s;

	if (r->order >= l->best)
		return true;
	if (plain(l, r->order) < l->floor || !prefix4(l->key + BF_KEY_SADDR, r->addr[0], r->what & 63) ||
	    !prefix4(l->key + BF_KEY_DADDR, r->addr[1], r->what >> 6 & 63) || !holds(l, r->what >> 12, &s))
		return false;
	l->best = r->order;
	l->rule = place;
	l->svc = s;
	return true;
}

static bool look_rule6(struct look *l, const struct bf_class_rule6 *r, uint32_t place)
{
	const struct bf_class_svc *s;

	if (r->order >= l->best)
		return true;
	if (plain(l, r->order) < l->floor || !prefix6(l->key + BF_KEY_SADDR, r, 0) ||
	    !prefix6(l->key + BF_KEY_DADDR, r, 1) || !holds(l, r->svc, &s))
		return false;
	l->best = r->order;
	l->rule = place;
	l->svc = s;
	return true;
}

/* The rule that stands behind a reference. */
static const struct bf_class_rule4 *ref_rule(const struct look *l, uint32_t ref, uint32_t *svc)
{
	uint32_t bits = l->head->ref_bits & 31;

	*svc = ref & ((1u << bits) - 1);
	return at(l, l->head->rules + 4ull * (ref >> bits), sizeof(struct bf_class_rule4) / 4);
}

static void look_refs(struct look *l, uint32_t place, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *ref = at(l, (uint64_t)place + i, 1);
		const struct bf_class_rule4 *r;
		struct bf_class_rule4 as;
		uint32_t svc;

		r = ref ? ref_rule(l, *ref, &svc) : NULL;
		if (!r)
			return;
		as = *r;
		as.what = (as.what & 0xfff) | svc << 12;
		as.order |= ~l->head->unmarked & BF_CLASS_MARKS;
		l->w->rules++;
		if (look_rule4(l, &as, place + i))
			return;
	}
}

static void look_leaf(struct look *l, uint64_t leaf)
{
	uint32_t n = leaf >> 32 & BF_CLASS_LEAF_MAX;
	uint64_t words = (l->ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;
	uint64_t place = (uint32_t)leaf;

	if (!l->ip6 && l->head->ref_bits)
		return look_refs(l, (uint32_t)place, n);
	if (place % (l->ip6 ? 2 : 4))
		return;
	if (!l->ip6)
		n = BF_ALIGN(n, BF_CLASS_GROUP);
	for (uint32_t i = 0; i < n; i++, place += words) {
		const void *r = at(l, place, words);

		if (!r)
			return;
		l->w->rules++;
		if (l->ip6 ? look_rule6(l, r, (uint32_t)place) : look_rule4(l, r, (uint32_t)place))
			return;
	}
}

/* The leaf where a hash (rt/class.h) says the packet's rules are; it ends before its rules do. */
static uint64_t hashed_leaf(const struct look *l, uint64_t node)
{
	const struct bf_class_hash *h = at(l, (uint32_t)node, sizeof(*h) / 4);
	uint64_t words = (l->ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;

	if (!h)
		return BF_CLASS_LEAF;
	return BF_CLASS_LEAF | (uint64_t)h->most << 32 | (uint32_t)(h->place + bf_class_hash_slot(h, l->key, l->ip6) * words);
}

static void look_tree(struct look *l, uint64_t node)
{
	l->w->trees++;
	if (node >> 62 == BF_CLASS_HASHED >> 62)
		node = hashed_leaf(l, node);
	for (unsigned depth = 0; !(node & BF_CLASS_LEAF); depth++) {
		uint32_t a = node >> 32 & 31, b = node >> 40 & 31, word = node >> 48 & (BF_KEY_WORDS - 1);
		const void *child = at(l, (uint32_t)node + 2ull * (l->key[word] << a >> b), 2);

		if (!child || depth == BF_CLASS_DEPTH)
			return;
		l->w->nodes++;
		memcpy(&node, child, sizeof(node));
	}
	look_leaf(l, node);
}

/* The counter of the rule that was found. */
static uint32_t slot_of(const struct look *l)
{
	const struct bf_class_head *h = l->head;
	const uint32_t *slot;

	if (l->ip6)
		return ((const struct bf_class_rule6 *)(l->data + l->rule))->slot;
	if (!h->slots || h->ref_bits)
		return h->slot_base + (l->best >> (h->slot_shift & 31));
	slot = at(l, h->slots + l->rule / 4u, 1);
	return slot ? *slot : 0;
}

bool forest_walk(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                 struct bf_class_found *found, struct walk *w)
{
	struct look l = { data, n_words, NULL, ip6, key, BF_MAX(floor, 1u), w, UINT32_MAX, NULL, 0 };
	uint32_t target, slot;

	l.head = at(&l, head, sizeof(*l.head) / 4);
	if (!head || head % 2 || !l.head)
		return false;
	for (uint32_t t = 0; t < l.head->n_trees && t < BF_CLASS_TREES && l.head->tree[t].first < l.best; t++)
		if ((l.best | l.head->unmarked) >> t & 1)
			look_tree(&l, l.head->tree[t].root);
	if (!l.svc)
		return false;
	l.best = plain(&l, l.best);
	target = l.svc->target;
	slot = slot_of(&l);
	if (target == BF_CLASS_BY_SLOT) {
		uint32_t i = slot - l.head->first_slot;
		const uint32_t *cell = i < l.head->n_slots ? at(&l, (uint64_t)l.head->targets + i, 1) : NULL;

		target = cell ? *cell : 0;
	}
	*found = (struct bf_class_found){ l.best, slot, target, !(l.svc->flags & BF_SVC_UNCOUNTED),
	                                  l.svc->flags & BF_SVC_SKIP, l.svc->n_tests };
	return true;
}
