/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * class.c: which structure answers a problem (class.h), and what does not
 * depend on which: looking at one box after the other, and what is told about
 * the choice.
 *
 * Each structure says what a packet would cost it and how much memory it
 * takes. Memory counts too: what is not in the cache is waited for.
 */
#include "opt/class.h"

#include <stdio.h>

#include "opt/svc.h"

static const struct bf_class_ops *const structures[BF_CLASS_KINDS] = {
	[BF_CLASS_FOREST] = &bf_class_forest,
	[BF_CLASS_HASH] = &bf_class_hash,
};

const struct bf_class_box *bf_class_box_from(const struct bf_class_problem *p, uint32_t order)
{
	uint32_t lo = 0, hi = p->n_boxes;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->boxes[mid].order < order)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &p->boxes[lo];
}

#define NS_PER_DOUBLING 4 /* of the memory, above what the first caches hold */
#define CACHED_BYTES (1u << 18)

static double total_cost(double ns, uint64_t bytes)
{
	for (; bytes > CACHED_BYTES; bytes /= 2)
		ns += NS_PER_DOUBLING;
	return ns;
}

static unsigned choose(const struct bf_class_problem *p, char *why, size_t why_size)
{
	unsigned best = BF_CLASS_FOREST, able = 0;
	double least = 0;

	for (unsigned k = 0; k < BF_CLASS_KINDS; k++) {
		uint64_t bytes = 0;
		double ns = structures[k] ? structures[k]->estimate(p, &bytes) : -1;

		if (ns < 0)
			continue;
		ns = total_cost(ns, bytes);
		if (!able++ || ns < least) {
			least = ns;
			best = k;
		}
	}
	if (able > 1)
		snprintf(why, why_size, "cheapest of %u: about %.0f ns", able, least);
	else
		snprintf(why, why_size, "nothing else can hold it");
	return best;
}

int bf_class_build(const struct bf_class_problem *p, const struct bf_class_opts *o, struct bf_buf *out, uint32_t *head,
                   struct bf_class_stats *stats)
{
	char why[sizeof(stats->why)];
	unsigned kind = choose(p, why, sizeof(why));
	size_t len = out->len;
	int r;

	r = structures[kind]->build(p, o, out, head, stats);
	if (r == -E2BIG && kind != BF_CLASS_FOREST) {
		out->len = len;
		snprintf(why, sizeof(why), "%s takes too much memory", structures[kind]->name);
		kind = BF_CLASS_FOREST;
		r = structures[kind]->build(p, o, out, head, stats);
	}
	memcpy(stats->why, why, sizeof(why));
	return r;
}

bool bf_class_find(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                   struct bf_class_found *found)
{
	uint32_t kind;

	if (!head || head >= n_words)
		return false;
	kind = data[head]; /* each head begins with it */
	return kind < BF_CLASS_KINDS && structures[kind] &&
	       structures[kind]->find(data, n_words, head, ip6, key, floor, found);
}

bool bf_class_find_at(const uint32_t *data, uint32_t n_words, uint32_t head, uint64_t version, bool ip6, const uint32_t *key,
                      uint32_t floor, struct bf_class_found *found)
{
	uint64_t next = head + (uint64_t)offsetof(struct bf_class_head, next) / 4 + (version & 1);

	do {
		struct bf_class_found base;
		bool delta = next < n_words && bf_class_find(data, n_words, data[next], ip6, key, floor, found);
		bool there = bf_class_find(data, n_words, head, ip6, key, floor, &base);

		if (!delta || (there && base.order < found->order)) {
			*found = base;
			return there;
		}
		if (!found->skip)
			return true;
		floor = found->order + 1;
	} while (floor); /* nothing is above the last order */
	return false;
}

static bool in_prefix(const uint32_t *key, bf_u128 addr, unsigned len, bool ip6)
{
	unsigned width = ip6 ? 128 : 32;
	bf_u128 a = key[0];

	if (ip6)
		a = a << 96 | (bf_u128)key[1] << 64 | (bf_u128)key[2] << 32 | key[3];
	return !len || (a ^ addr) >> (width - len) == 0;
}

bool bf_class_scan(const struct bf_class_problem *p, const uint32_t *key, uint32_t floor, struct bf_class_found *found)
{
	for (const struct bf_class_box *b = p->boxes; b < p->boxes + p->n_boxes; b++) {
		const struct bf_class_svc *s = (const void *)((const char *)p->svcs + (size_t)b->svc * BF_SVC_UNIT);

		if (b->order < floor || !in_prefix(key + BF_KEY_SADDR, b->addr[0], b->len[0], p->ip6) ||
		    !in_prefix(key + BF_KEY_DADDR, b->addr[1], b->len[1], p->ip6) || !bf_svc_holds(s, key))
			continue;
		*found = (struct bf_class_found){ b->order, b->slot, s->target, !(s->flags & BF_SVC_UNCOUNTED),
		                                  s->flags & BF_SVC_SKIP, s->n_tests };
		return true;
	}
	return false;
}

void bf_class_explain(struct bf_buf *b, const struct bf_class_stats *s)
{
	bf_buf_printf(b, "%s (%s): %u boxes, %u copies, %llu bytes", s->kind, s->why, s->boxes, s->copies,
	              (unsigned long long)s->bytes);
	if (s->trees)
		bf_buf_printf(b,
		              "\n%u tree%s, %u nodes deep in all, leaves of at most %u; a packet meets %.1f nodes, %.1f rules",
		              s->trees, s->trees == 1 ? "" : "s", s->depth, s->worst_leaf, s->expected_nodes,
		              s->expected_rules);
	bf_buf_puts(b, "\n");
}
