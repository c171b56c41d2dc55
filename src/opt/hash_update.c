/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash_update.c: boxes of a hash (hash.c) come and go while packets are looked
 * for. One that comes takes the free place at the end of its slot, its order
 * written last; unless a later rule for the same key is there already, which
 * would hide it. One that goes gets order 0, below all floors. Boxes that are
 * not hashed are left to building anew.
 */
#include "opt/hash.h"

#include "opt/forest.h"

struct place { /* of rules */
	uint32_t *rule;
	unsigned words;
	unsigned order_at; /* word of a rule */
};

static const struct bf_class_hash *hash_of(const struct bf_class_data *d, const struct bf_class_head *head)
{
	for (uint32_t i = 0; i < head->n_trees && i < BF_CLASS_TREES; i++)
		if (head->tree[i].root >> 62 == BF_CLASS_HASHED >> 62)
			return (const void *)(d->data + (uint32_t)head->tree[i].root);
	return NULL;
}

static struct bf_class_head *head_of(const struct bf_class_data *d)
{
	return (struct bf_class_head *)(void *)(d->data + d->head);
}

static bool is_hashed(const struct bf_class_problem *p, const struct bf_class_hash *h, const struct bf_class_box *b)
{
	const struct bf_class_svc *s = hash_svc(p, b);
	uint32_t ports = (s->sport_span ? 0 : 0xffff0000u) | (s->dport_span ? 0 : 0xffffu);
	unsigned words = p->ip6 ? 4 : 1;

	if (h->ports & ~ports || h->meta & ~s->meta_mask)
		return false;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned w = 0; w < words; w++)
			if (h->addr[i][w] & ~hash_mask(b->len[i], w))
				return false;
	return true;
}

static struct place slot_of(const struct bf_class_data *d, const struct bf_class_problem *p, const struct bf_class_hash *h,
                            const struct bf_class_box *b)
{
	struct place at = { .words = (p->ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4,
		                .order_at = (p->ip6 ? offsetof(struct bf_class_rule6, order) : offsetof(struct bf_class_rule4, order)) / 4 };
	uint32_t key[BF_KEY_WORDS] = { 0 };

	hash_key(p, b, key);
	at.rule = d->data + h->place + (size_t)bf_class_hash_slot(h, key, p->ip6) * at.words;
	return at;
}

/* May one packet match both? The rule there is that of some box with this order; boxes come in ascending order. */
static bool share_key(const struct bf_class_problem *p, const struct bf_class_hash *h, uint32_t order,
                      const struct bf_class_box *box)
{
	uint32_t lo = 0, hi = p->n_boxes, mine[BF_KEY_WORDS] = { 0 }, its[BF_KEY_WORDS] = { 0 };

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->boxes[mid].order < order)
			lo = mid + 1;
		else
			hi = mid;
	}
	hash_key(p, box, mine);
	for (; lo < p->n_boxes && p->boxes[lo].order == order; lo++) {
		bool differs = false;

		if (!is_hashed(p, h, &p->boxes[lo]))
			continue;
		hash_key(p, &p->boxes[lo], its);
		for (unsigned w = 0; w < (p->ip6 ? 4u : 1u); w++)
			differs |= (mine[BF_KEY_SADDR + w] ^ its[BF_KEY_SADDR + w]) & h->addr[0][w] ||
			           (mine[BF_KEY_DADDR + w] ^ its[BF_KEY_DADDR + w]) & h->addr[1][w];
		differs |= (mine[BF_KEY_PORTS] ^ its[BF_KEY_PORTS]) & h->ports || (mine[BF_KEY_META] ^ its[BF_KEY_META]) & h->meta;
		if (!differs)
			return true;
	}
	return false;
}

int hash_insert(const struct bf_class_data *d, const struct bf_class_problem *p, const struct bf_class_box *box)
{
	const struct bf_class_hash *h = hash_of(d, head_of(d));
	uint32_t rule[sizeof(struct bf_class_rule6) / 4], order;
	struct place at;
	int err;

	if (!h || !is_hashed(p, h, box))
		return -ENOSPC;
	at = slot_of(d, p, h, box);
	for (unsigned i = 0; (order = at.rule[at.order_at]) != UINT32_MAX; i++, at.rule += at.words)
		if (i + 2 >= h->most || (order > box->order && share_key(p, h, order, box)))
			return -ENOSPC;
	err = forest_put_svcs(d, p);
	if (err)
		return err;
	forest_put_rule(p->ip6, rule, box);
	for (unsigned w = 0; w < at.words; w++)
		if (w != at.order_at)
			at.rule[w] = rule[w];
	__atomic_store_n(&at.rule[at.order_at], box->order, __ATOMIC_RELEASE);
	return 0;
}

int hash_remove(const struct bf_class_data *d, const struct bf_class_problem *p, uint32_t i)
{
	const struct bf_class_box *box = &p->boxes[i];
	const struct bf_class_hash *h = hash_of(d, head_of(d));
	uint32_t rule[sizeof(struct bf_class_rule6) / 4];
	struct place at;

	if (!h || !is_hashed(p, h, box))
		return -ENOSPC;
	forest_put_rule(p->ip6, rule, box);
	for (at = slot_of(d, p, h, box); at.rule[at.order_at] != UINT32_MAX; at.rule += at.words)
		if (!memcmp(at.rule, rule, at.words * sizeof(*rule))) {
			__atomic_store_n(&at.rule[at.order_at], 0, __ATOMIC_RELEASE);
			return 0;
		}
	return -ENOSPC;
}
