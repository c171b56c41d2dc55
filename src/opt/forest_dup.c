/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_dup.c: boxes that are an earlier final one once more never match, and
 * need no place. That two services lead to different places or are counted
 * differently does not matter: they are compared by what they test.
 */
#include "opt/forest.h"

#include "opt/svc.h"

#define NONE UINT32_MAX

struct table { /* open addressing; what the numbers mean is up to the user */
	uint32_t *at;
	uint32_t mask;
};

static bool table_make(struct table *t, size_t n)
{
	size_t size = 16;

	while (size < 2 * n)
		size *= 2;
	t->at = malloc(size * sizeof(*t->at));
	t->mask = (uint32_t)(size - 1);
	if (t->at)
		memset(t->at, 0xff, size * sizeof(*t->at));
	return t->at;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* By its index, as boxes have it. */
static const struct bf_class_svc *svc_at(const struct forest *f, uint32_t index)
{
	return (const void *)((const char *)f->p->svcs + 16ull * index);
}

static uint64_t svc_hash(const struct bf_class_svc *s)
{
	const struct bf_class_test *t = (const struct bf_class_test *)(s + 1);
	uint64_t h = mix(s->dport | (uint64_t)s->sport << 16 | (uint64_t)s->dport_span << 32 | (uint64_t)s->sport_span << 48,
	                 s->meta_mask | (uint64_t)s->meta << 32);

	for (unsigned i = 0; i < s->n_tests; i++)
		h = mix(mix(h, t[i].word | (uint64_t)t[i].mask << 32), t[i].lo | (uint64_t)t[i].span << 32);
	return h;
}

static bool svc_same(const struct bf_class_svc *a, const struct bf_class_svc *b)
{
	return a->dport == b->dport && a->sport == b->sport && a->dport_span == b->dport_span && a->sport_span == b->sport_span &&
	       a->meta_mask == b->meta_mask && a->meta == b->meta && a->n_tests == b->n_tests &&
	       !memcmp(a + 1, b + 1, a->n_tests * sizeof(struct bf_class_test));
}

/* same[index / 2] = the first service that tests the same. */
static int number_svcs(const struct forest *f, uint32_t *same)
{
	uint32_t end = f->p->svcs_size / 16, next;
	struct table t;

	if (!table_make(&t, end / 2))
		return -ENOMEM;
	for (uint32_t x = 0; x < end; x = next) {
		const struct bf_class_svc *s = svc_at(f, x);
		uint32_t i = (uint32_t)svc_hash(s) & t.mask;

		while (t.at[i] != NONE && !svc_same(svc_at(f, t.at[i]), s))
			i = (i + 1) & t.mask;
		if (t.at[i] == NONE)
			t.at[i] = x;
		same[x / 2] = t.at[i];
		next = x + (uint32_t)(bf_svc_size(s) / 16);
	}
	free(t.at);
	return 0;
}

static uint64_t box_hash(const struct bf_class_box *b, uint32_t svc)
{
	uint64_t h = mix(svc, b->len[0] | (uint64_t)b->len[1] << 8);

	for (unsigned i = 0; i < 2; i++)
		h = mix(mix(h, (uint64_t)b->addr[i]), (uint64_t)(b->addr[i] >> 64));
	return h;
}

static bool box_same(const struct bf_class_box *a, const struct bf_class_box *b)
{
	return a->addr[0] == b->addr[0] && a->addr[1] == b->addr[1] && a->len[0] == b->len[0] && a->len[1] == b->len[1];
}

/* Is there an earlier final box like this one? If not, and it is final, it is noted. */
static bool seen(const struct forest *f, struct table *t, const uint32_t *same, uint32_t box)
{
	const struct bf_class_box *b = &f->p->boxes[box], *other;
	uint32_t svc = same[b->svc / 2], i = (uint32_t)box_hash(b, svc) & t->mask;

	for (; t->at[i] != NONE; i = (i + 1) & t->mask) {
		other = &f->p->boxes[t->at[i]];
		if (same[other->svc / 2] == svc && box_same(other, b))
			return true;
	}
	if (b->flags & BF_BOX_FINAL)
		t->at[i] = box;
	return false;
}

int dup_list(const struct forest *f, uint32_t *list, uint32_t *n)
{
	_cleanup_free_ uint32_t *same = malloc(((size_t)f->p->svcs_size / 32 + 1) * sizeof(*same));
	struct table t;
	int r;

	if (!same)
		return -ENOMEM;
	r = number_svcs(f, same);
	if (!r && !table_make(&t, f->p->n_boxes))
		r = -ENOMEM;
	if (r)
		return r;
	*n = 0;
	for (uint32_t i = 0; i < f->p->n_boxes; i++)
		if (!seen(f, &t, same, i))
			list[(*n)++] = i;
	free(t.at);
	return 0;
}
