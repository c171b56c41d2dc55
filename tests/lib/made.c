/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * made.c: numbers that rules make: in turn, by chance, of fields. Packets come
 * one after the other, so the oracle knows whose turn it is. What chance makes
 * it cannot know: who looks at that takes all of the numbers, or none.
 */
#include "lib/made.h"

#include "match/match.h"
#include "rt/abi.h"

struct made {
	uint32_t from, n; /* the numbers that there may be */
	bool chance;
};

static const struct bf_object *memory(struct bf_ruleset *rs, struct bf_table *t)
{
	const struct bf_stateful s = { .kind = BF_STATEFUL_COUNTER };

	return bf_table_add_object(rs, t, NULL, t->n_objects + 1, &s);
}

static struct made add_numgen(struct rng *r, struct bf_ruleset *rs, struct bf_table *t, struct bf_rule *rule)
{
	struct bf_generator g;

	memset(&g, 0, sizeof(g));
	g.mod = 1 + rng_below(r, 5);
	g.offset = rng_below(r, 2) * rng_below(r, 1000);
	if (rng_percent(r, 70))
		g.object = memory(rs, t);
	bf_rule_add_match(rs, rule, &bf_match_generator, &g, false);
	return (struct made){ g.offset, g.mod, !g.object };
}

/* A part of a key: words that are kept, so far, and that there may be. */
static bool add_part(struct rng *r, const struct test_lookup_opts *o, struct bf_jhash *j, uint32_t *bytes, uint32_t *kept)
{
	const struct bf_field *f = test_lookup_field(r, o);
	uint32_t n = f->bits / 8u, more = f->loader >= 0 ? (f->bits + 31u) / 32 : 0;

	if (f->bits % 8 || *bytes + BF_ALIGN(n, 4u) > BF_JHASH_BYTES || *kept + more > BF_KEPT_WORDS)
		return false;
	j->part[j->n++] = (struct bf_jhash_part){ .field = f, .bytes = (uint8_t)n, .host = rng_percent(r, 30) && f->bits != 48 };
	*bytes += BF_ALIGN(n, 4u);
	*kept += more;
	return true;
}

static struct made add_jhash(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                             struct bf_rule *rule)
{
	unsigned want = 1 + rng_below(r, 5);
	uint32_t bytes = 0, kept = 0;
	struct bf_jhash j;

	memset(&j, 0, sizeof(j));
	j.mod = 1 + rng_below(r, 6);
	j.offset = rng_below(r, 2) * rng_below(r, 1000);
	if (rng_percent(r, 20)) {
		j.object = memory(rs, t);
		kept++;
	} else {
		j.seed = (uint32_t)rng_u64(r);
	}
	for (unsigned i = 0; i < 100 && j.n < want; i++)
		add_part(r, o, &j, &bytes, &kept);
	if (!j.n)
		return add_numgen(r, rs, t, rule);
	bf_rule_add_match(rs, rule, &bf_match_jhash, &j, false);
	return (struct made){ j.offset, j.mod, j.object };
}

static void add_cond(struct rng *r, struct bf_ruleset *rs, struct bf_rule *rule, struct made m)
{
	struct bf_range range = { m.from + rng_below(r, m.n), m.from + m.n - 1 };
	struct bf_cond c = { .kind = BF_COND_FIELD, .field = &bf_field_made, .mask = bf_field_ones(&bf_field_made),
		                 .ranges = &range, .n_ranges = 1, .neg = rng_percent(r, 30) };

	if (m.chance)
		range = (struct bf_range){ m.from, m.from + m.n - 1 };
	bf_rule_add_cond(rs, rule, &c);
}

/* In a set of its own, with what protocol the packet has, perhaps. */
static void add_lookup(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                       struct bf_rule *rule, struct made m)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct bf_set *s = bf_table_add_set(rs, t, NULL);
	struct bf_lookup l = { .set = s, .part = { { .field = &bf_field_made }, { .field = &bf_fields[BF_F_L4PROTO] } } };
	bool map = rng_percent(r, 40);

	s->id = t->n_sets;
	s->n_parts = rng_percent(r, 50) ? 1 : 2;
	s->bits[0] = 32;
	s->bits[1] = l.part[1].field->bits;
	s->data = map ? BF_DATA_VERDICT : BF_DATA_NONE;
	for (uint32_t i = 0; i < m.n * s->n_parts; i++) {
		const struct bf_range key[] = { { m.from + i % m.n, m.from + i % m.n }, { protocols[i / m.n], protocols[i / m.n] } };
		struct bf_verdict v = m.chance ? (struct bf_verdict){ .kind = BF_VERDICT_DROP } : o->verdict(o->ctx);
		union bf_datum d = { 0 };

		if (!m.chance && rng_percent(r, 40))
			continue;
		if (map)
			bf_set_add_verdict(rs, s, &v, &d.verdict);
		bf_set_add(rs, s, key, map ? &d : NULL, NULL);
	}
	bf_rule_add_match(rs, rule, &bf_match_lookup, &l, !map && rng_percent(r, 20));
}

static void add_put(struct rng *r, struct bf_ruleset *rs, struct bf_rule *rule, struct made m)
{
	const struct bf_put p = { .out = BF_OUT_MARK, .from = { .field = &bf_field_made }, .value = rng_below(r, 4) };

	bf_rule_add_match(rs, rule, &bf_match_put, &p, false);
	if (rng_percent(r, 60))
		bf_rule_add_range(rs, rule, BF_F_MARK, 0, m.from ^ p.value, m.from ^ p.value, rng_percent(r, 30));
}

void test_add_made(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                   struct bf_rule *rule)
{
	struct made m = rng_percent(r, 40) ? add_numgen(r, rs, t, rule) : add_jhash(r, o, rs, t, rule);

	if (rng_percent(r, 30))
		add_lookup(r, o, rs, t, rule, m);
	else if (rng_percent(r, 20) && !m.chance)
		add_put(r, rs, rule, m);
	else
		add_cond(r, rs, rule, m);
}
