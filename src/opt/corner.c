/* SPDX-License-Identifier: GPL-2.0-only */
/* corner.c: packets in boxes and on their borders (corner.h). */
#include "opt/corner.h"

#include "opt/svc.h"

struct corner {
	uint64_t rng;
	bool border; /* least or greatest values; else any */
	uint32_t *key;
};

static uint32_t any(struct corner *c)
{
	c->rng = c->rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(c->rng >> 32) ^ (uint32_t)(c->rng >> 17);
}

/* One of lo .. lo + span. */
static uint32_t pick(struct corner *c, uint32_t lo, uint32_t span)
{
	if (c->border)
		return any(c) & 1024 ? lo : lo + span;
	return span == UINT32_MAX ? any(c) : lo + any(c) % (span + 1);
}

static void put_addr(struct corner *c, bf_u128 addr, unsigned len, bool ip6, uint32_t *to)
{
	uint32_t same = c->border ? (any(c) & 1024 ? 0 : UINT32_MAX) : 0;

	for (unsigned i = 0; i < (ip6 ? 4u : 1u); i++) {
		unsigned fixed = len > 32 * i ? BF_MIN(len - 32 * i, 32u) : 0;
		uint32_t free = (uint32_t)(0xffffffffull >> fixed), bits = c->border && len ? same : any(c);

		to[i] = (uint32_t)(addr >> (ip6 ? 96 - 32 * i : 0)) | (bits & free);
	}
}

static void put_test(struct corner *c, const struct bf_class_test *t)
{
	uint32_t *w;

	if (t->word >= BF_KEY_WORDS)
		return;
	w = &c->key[t->word];
	if ((*w & t->mask) - t->lo > t->span) /* another one may have seen to it */
		*w = (*w & ~t->mask) | (pick(c, t->lo, t->span) & t->mask);
}

static void put_svc(struct corner *c, const struct bf_class_svc *s)
{
	const struct bf_class_test *t = (const struct bf_class_test *)(s + 1);

	c->key[BF_KEY_PORTS] = pick(c, s->sport, s->sport_span) << 16 | (pick(c, s->dport, s->dport_span) & 0xffff);
	c->key[BF_KEY_META] = (c->key[BF_KEY_META] & ~s->meta_mask) | s->meta;
	for (unsigned i = 0; i < s->n_tests; i++)
		put_test(c, &t[i]);
}

static void make_key(struct corner *c, const struct bf_class_problem *p, uint32_t box)
{
	const struct bf_class_box *b = &p->boxes[box];

	for (unsigned i = 0; i < BF_KEY_WORDS; i++)
		c->key[i] = any(c) & any(c);
	for (unsigned i = 0; i < 2; i++)
		put_addr(c, b->addr[i], b->len[i], p->ip6, c->key + 4 * i);
	put_svc(c, (const void *)((const char *)p->svcs + (size_t)b->svc * BF_SVC_UNIT));
}

/* One step out of the box, or into a neighbour, in one word. */
static void step(struct corner *c)
{
	static const uint32_t by[] = { 1, UINT32_MAX, 0x10000, 0xffff0000 };
	uint32_t word = any(c) % BF_KEY_WORDS;

	if (any(c) & 2048)
		c->key[word] += by[any(c) % BF_ARRAY_SIZE(by)];
	else
		c->key[word] ^= 1u << any(c) % 32;
}

void bf_class_corner(const struct bf_class_problem *p, uint32_t box, uint64_t seed, uint32_t *key)
{
	struct corner c = { .rng = seed * 0x9e3779b97f4a7c15u + box, .border = true, .key = key };

	any(&c);
	make_key(&c, p, box);
	if (any(&c) & 4096)
		step(&c);
}

void bf_class_inside(const struct bf_class_problem *p, uint32_t box, uint64_t seed, uint32_t *key)
{
	struct corner c = { .rng = seed * 0x9e3779b97f4a7c15u + box, .key = key };

	any(&c);
	make_key(&c, p, box);
}
