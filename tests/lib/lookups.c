/* SPDX-License-Identifier: GPL-2.0-only */
/* lookups.c: random sets and maps, and lookups in them, for random rulesets (model.c). */
#include "lib/lookups.h"

#include "lib/ranges.h"
#include "match/match.h"

const struct bf_field *test_lookup_field(struct rng *r, const struct test_lookup_opts *o)
{
	static const uint8_t often[] = { BF_F_IP_SADDR, BF_F_IP_DADDR, BF_F_IP6_SADDR, BF_F_IP6_DADDR, BF_F_L4PROTO, BF_F_DPORT,
		                             BF_F_SPORT, BF_F_MARK };
	const struct bf_field *f;

	do
		f = &bf_fields[rng_percent(r, 70) ? often[rng_below(r, sizeof(often))] : rng_below(r, BF_FIELDS)];
	while ((f->family && f->family != o->family) || bf_field_id(f) == BF_F_TCP_MSS || f->fixed || (o->xdp && test_xdp_lacks(f)));
	return f;
}

static struct bf_range some_range(struct rng *r, const struct test_lookup_opts *o, const struct bf_key_part *p, bool exact)
{
	bf_u128 ones = bf_field_ones(p->field), mask = p->mask ? p->mask : ones;
	bf_u128 a = o->value(r, p->field) & mask, b = o->value(r, p->field) & mask;
	unsigned len = rng_below(r, p->field->bits + 1u);

	if (exact || rng_percent(r, 50))
		return (struct bf_range){ a, a };
	if (rng_percent(r, 50))
		return (struct bf_range){ BF_MIN(a, b), BF_MAX(a, b) };
	b = len == p->field->bits ? 0 : ones >> len;
	return (struct bf_range){ a & ~b, (a & ~b) | b };
}

/* Of sets whose elements are boxes that come and go: of few lengths, for there is no room for many combinations. */
static struct bf_range some_box(struct rng *r, const struct test_lookup_opts *o, const struct bf_key_part *p, unsigned parts)
{
	bf_u128 ones = bf_field_ones(p->field), mask = p->mask ? p->mask : ones, a = o->value(r, p->field) & mask, b;
	unsigned kind = rng_below(r, 3), len = parts > 1 ? p->field->bits / 2u : rng_below(r, p->field->bits / 4u + 1u) * 4;

	if (kind == 0)
		return (struct bf_range){ a, a };
	b = kind == 1 && parts == 1 ? rng_below(r, 9) : len == p->field->bits ? 0 : ones >> len;
	return kind == 1 && parts == 1 ? (struct bf_range){ a, a > ones - b ? ones : a + b } : (struct bf_range){ a & ~b, (a & ~b) | b };
}

static bool overlaps(const struct bf_set *s, const struct bf_range *key)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct bf_range *e = &s->keys[(size_t)i * s->n_parts];
		unsigned p = 0;

		while (p < s->n_parts && key[p].lo <= e[p].hi && e[p].lo <= key[p].hi)
			p++;
		if (p == s->n_parts)
			return true;
	}
	return false;
}

static bool is_there(const struct bf_set *s, const struct bf_range *key)
{
	bf_u128 v[BF_SET_PARTS];

	for (unsigned p = 0; p < s->n_parts; p++)
		v[p] = key[p].lo;
	return bf_set_scan(s, v) >= 0;
}

static void add_elements(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_set *s,
                         const struct bf_key_part *part)
{
	unsigned n = rng_percent(r, 15) ? 20 + rng_below(r, 200) : rng_below(r, 12);
	bool boxes = s->flags & BF_SET_BOXES, live = s->flags & BF_SET_LIVE, exact = live || rng_percent(r, 50);

	for (unsigned i = 0; i < n; i++) {
		struct bf_range key[BF_SET_PARTS];
		union bf_datum d = { .value = rng_u64(r) & 0xffffffff };

		for (unsigned p = 0; p < s->n_parts; p++)
			key[p] = boxes ? some_box(r, o, &part[p], s->n_parts) : some_range(r, o, &part[p], exact);
		if (live && (is_there(s, key) || s->n == s->size || (boxes && overlaps(s, key))))
			continue;
		if (s->data == BF_DATA_VERDICT) {
			struct bf_verdict v = o->verdict(o->ctx);

			bf_set_add_verdict(rs, s, &v, &d.verdict);
		}
		bf_set_add(rs, s, key, s->data == BF_DATA_NONE ? NULL : &d, NULL);
	}
}

static void make_key(struct rng *r, const struct test_lookup_opts *o, struct bf_set *s, struct bf_lookup *l)
{
	unsigned words = 0, want = 1 + rng_below(r, rng_percent(r, 20) ? 5 : 3);

	l->set = s;
	while (s->n_parts < want) {
		const struct bf_field *f = test_lookup_field(r, o);

		words += (f->bits + 31u) / 32;
		if (words > BF_SET_WORDS)
			return;
		l->part[s->n_parts].field = f;
		if (rng_percent(r, 10))
			l->part[s->n_parts].mask = bf_field_ones(f) << rng_below(r, f->bits) & bf_field_ones(f);
		s->bits[s->n_parts++] = f->bits;
	}
}

static void set_state(struct rng *r, struct bf_set *s)
{
	s->n_state = rng_below(r, 3);
	for (unsigned i = 0; i < s->n_state; i++)
		s->state[i] = rng_percent(r, 50) ? (struct bf_stateful){ .kind = BF_STATEFUL_COUNTER }
		                                 : (struct bf_stateful){ .kind = BF_STATEFUL_QUOTA, .over = rng_percent(r, 50),
		                                                         .quota = rng_below(r, 500) };
}

void test_add_lookup(struct rng *r, const struct test_lookup_opts *o, struct bf_ruleset *rs, struct bf_table *t,
                     struct bf_rule *rule)
{
	struct bf_set *s = bf_table_add_set(rs, t, rng_percent(r, 50) ? "s" : NULL);
	struct bf_lookup l = { 0 };

	s->id = t->n_sets;
	if (o->live && rng_percent(r, 40))
		s->flags = BF_SET_LIVE;
	s->size = 1 + rng_below(r, 30);
	if (rng_percent(r, 40))
		s->data = BF_DATA_VERDICT;
	if (s->flags)
		set_state(r, s);
	make_key(r, o, s, &l);
	if (s->flags && s->n_parts <= BF_LIVE_PARTS && bf_set_words(s) < BF_SET_WORDS && rng_percent(r, 40)) {
		s->flags |= BF_SET_BOXES;
		s->n_state = s->n_state && s->state[0].kind == BF_STATEFUL_COUNTER; /* what is cut into several has no quota */
	}
	if (!s->flags && rng_percent(r, 50))
		s->flags = BF_SET_EXACT; /* where all elements are */
	add_elements(r, o, rs, s, l.part);
	if (s->flags == BF_SET_LIVE && s->data == BF_DATA_NONE && rng_percent(r, 60)) {
		const struct bf_element_change c = { .verb = rng_below(r, 3), .key = l };

		bf_rule_add_match(rs, rule, &bf_match_element, &c, false);
		if (rng_percent(r, 50))
			return;
	}
	bf_rule_add_match(rs, rule, &bf_match_lookup, &l, s->data == BF_DATA_NONE && rng_percent(r, 20));
}

void test_add_object(struct rng *r, struct bf_ruleset *rs, struct bf_table *t, struct bf_rule *rule)
{
	const struct bf_stateful s = { .kind = rng_percent(r, 50) ? BF_STATEFUL_COUNTER : BF_STATEFUL_QUOTA,
		                           .over = rng_percent(r, 50), .quota = rng_below(r, 3000) };
	struct bf_object_use use;

	if (t->n_objects && rng_percent(r, 50))
		use.object = t->objects[rng_below(r, t->n_objects)];
	else
		use.object = bf_table_add_object(rs, t, "o", t->n_objects + 1, &s);
	bf_rule_add_match(rs, rule, &bf_match_object, &use, rng_percent(r, 10));
}

bool test_lookup_wants(struct rng *r, const struct bf_cond *c, const struct bf_field *f, bf_u128 *v)
{
	const struct bf_lookup *l = c->data;
	uint32_t i;

	if (c->kind != BF_COND_MATCH || (c->match != &bf_match_lookup && c->match != &bf_match_element))
		return false;
	if (c->match == &bf_match_element)
		l = &((const struct bf_element_change *)c->data)->key;
	if (!l->set->n)
		return false;
	i = rng_percent(r, 60) ? 0 : rng_below(r, l->set->n); /* parts that come from one element match more often */
	for (unsigned p = 0; p < l->set->n_parts; p++) {
		const struct bf_range *range = &l->set->keys[(size_t)i * l->set->n_parts + p];

		if (l->part[p].field != f)
			continue;
		*v = rng_percent(r, 60) ? range->lo : range->hi;
		return true;
	}
	return false;
}
