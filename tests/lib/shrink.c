/* SPDX-License-Identifier: GPL-2.0-only */
/* shrink.c: what of a failure is needed for it: parts are taken out as long as it still fails (model.h). */
#include "lib/model.h"

struct shrink {
	struct bf_table *t;
	struct test_packet *p;
	unsigned *n;
	test_fails fails;
	void *ctx;
};

static bool still(const struct shrink *s)
{
	return s->fails(s->ctx, s->t, s->p, *s->n);
}

static bool drop_packets(const struct shrink *s, unsigned at, unsigned count)
{
	unsigned n = *s->n;
	struct test_packet *saved = malloc(n * sizeof(*saved));

	memcpy(saved, s->p, n * sizeof(*saved));
	memmove(s->p + at, s->p + at + count, (n - at - count) * sizeof(*saved));
	*s->n = n - count;
	for (unsigned i = 0; i < *s->n; i++)
		test_packet_fix(&s->p[i]);
	if (*s->n == 0 || !still(s)) {
		memcpy(s->p, saved, n * sizeof(*saved));
		*s->n = n;
		for (unsigned i = 0; i < n; i++)
			test_packet_fix(&s->p[i]);
		free(saved);
		return false;
	}
	free(saved);
	return true;
}

static void shrink_packets(const struct shrink *s)
{
	for (unsigned size = *s->n / 2; size; size /= 2)
		for (unsigned at = 0; at + size <= *s->n;)
			if (!drop_packets(s, at, size))
				at += size;
}

/* Rule i becomes one that does nothing: numbers of rules behind it stay. */
static bool blank_rule(const struct shrink *s, struct bf_rule *r)
{
	struct bf_rule saved = *r;

	if (r->n_conds == 0 && r->n_actions == 0 && r->verdict.kind == BF_VERDICT_CONTINUE && r->counter == BF_NO_COUNTER)
		return false;
	*r = (struct bf_rule){ .counter = BF_NO_COUNTER };
	if (still(s))
		return true;
	*r = saved;
	return false;
}

static bool drop_cond(const struct shrink *s, struct bf_rule *r, uint32_t i)
{
	struct bf_cond_ref *saved = r->conds, *fewer = malloc(r->n_conds * sizeof(*fewer));

	memcpy(fewer, saved, i * sizeof(*fewer));
	memcpy(fewer + i, saved + i + 1, (r->n_conds - i - 1) * sizeof(*fewer));
	r->conds = fewer;
	r->n_conds--;
	if (still(s)) {
		memcpy(saved, fewer, r->n_conds * sizeof(*fewer));
		r->conds = saved;
		free(fewer);
		return true;
	}
	r->conds = saved;
	r->n_conds++;
	free(fewer);
	return false;
}

static bool drop_action(const struct shrink *s, struct bf_rule *r)
{
	uint32_t saved = r->n_actions;

	if (!saved || r->verdict.kind == BF_VERDICT_ACTION)
		return false;
	r->n_actions = 0;
	if (still(s))
		return true;
	r->n_actions = saved;
	return false;
}

/* The last rule, if it is blank and nobody jumps behind it. */
static bool drop_last_rule(const struct shrink *s, struct bf_chain *c)
{
	c->n_rules--;
	if (still(s))
		return true;
	c->n_rules++;
	return false;
}

static bool shrink_ranges(const struct shrink *s, struct bf_cond_ref *c)
{
	struct bf_cond_ref was = *c;
	const struct bf_cond *all = bf_cond_of(was, &(struct bf_cond_room){ 0 });

	if (all->kind != BF_COND_FIELD || all->n_ranges < 2)
		return false;
	for (uint32_t i = 0; i < all->n_ranges; i++) {
		struct bf_cond *one = malloc(sizeof(*one)); /* of a test that ends soon */

		*one = *all;
		one->ranges += i;
		one->n_ranges = 1;
		*c = bf_cond_at(one);
		if (still(s))
			return true;
		free(one);
	}
	*c = was;
	return false;
}

static bool shrink_chain(const struct shrink *s, struct bf_chain *c)
{
	bool better = false;

	for (uint32_t i = c->n_rules; i-- > 0;)
		better |= blank_rule(s, &c->rules[i]);
	while (c->n_rules && drop_last_rule(s, c))
		better = true;
	for (uint32_t i = 0; i < c->n_rules; i++) {
		better |= drop_action(s, &c->rules[i]);
		for (uint32_t k = c->rules[i].n_conds - (c->rules[i].verdict.kind == BF_VERDICT_MAP); k-- > 0;)
			better |= drop_cond(s, &c->rules[i], k) || shrink_ranges(s, &c->rules[i].conds[k]);
	}
	return better;
}

void test_shrink(struct bf_table *t, struct test_packet *p, unsigned *n, test_fails fails, void *ctx)
{
	const struct shrink s = { t, p, n, fails, ctx };
	bool better = true;

	for (unsigned round = 0; better && round < 10; round++) {
		better = false;
		shrink_packets(&s);
		for (uint32_t i = 0; i < t->n_chains; i++)
			better |= shrink_chain(&s, t->chains[i]);
	}
}
