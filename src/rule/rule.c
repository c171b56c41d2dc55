/* SPDX-License-Identifier: GPL-2.0-only */
/* rule.c: building the model (rule.h). */
#include "rule/rule.h"

#include "match/match.h"

struct bf_ruleset *bf_ruleset_new(void)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_ruleset *rs = a ? bf_arena_new_of(a, struct bf_ruleset) : NULL;

	if (!rs) {
		bf_arena_free(a);
		return NULL;
	}
	rs->arena = a;
	return rs;
}

void bf_ruleset_free(struct bf_ruleset *rs)
{
	if (rs)
		bf_arena_free(rs->arena); /* rs lies in it */
}

/* Room for one more element of `size` bytes behind the n that are there: arrays
 * begin with 4 and double at powers of two, so their capacity follows from n.
 * NULL: no memory. */
static void *one_more(struct bf_arena *a, void *array, uint32_t n, size_t size)
{
	void *bigger;

	if (n != 0 && (n < 4 || n & (n - 1)))
		return array;
	bigger = bf_arena_calloc(a, n ? (size_t)n * 2 : 4, size);
	if (bigger && n)
		memcpy(bigger, array, n * size);
	return bigger;
}

#define APPEND(rs, owner, list, count)                                                                             \
	({                                                                                                             \
		__typeof__((owner)->list) _l = one_more((rs)->arena, (owner)->list, (owner)->count, sizeof(*(owner)->list)); \
		if (_l)                                                                                                    \
			(owner)->list = _l;                                                                                    \
		_l ? &_l[(owner)->count++] : NULL;                                                                         \
	})

struct bf_table *bf_ruleset_add_table(struct bf_ruleset *rs, uint8_t family, const char *name)
{
	struct bf_table *t = bf_arena_new_of(rs->arena, struct bf_table);
	struct bf_table **slot;

	if (!t || !(t->name = bf_arena_strdup(rs->arena, name)))
		return NULL;
	t->family = family;
	slot = APPEND(rs, rs, tables, n_tables);
	if (!slot)
		return NULL;
	return *slot = t;
}

struct bf_chain *bf_table_add_chain(struct bf_ruleset *rs, struct bf_table *t, const char *name)
{
	struct bf_chain *c = bf_arena_new_of(rs->arena, struct bf_chain);
	struct bf_chain **slot;

	if (!c || !(c->name = bf_arena_strdup(rs->arena, name)))
		return NULL;
	c->table = t;
	c->policy = BF_VERDICT_RETURN;
	c->counter = BF_NO_COUNTER;
	slot = APPEND(rs, t, chains, n_chains);
	if (!slot)
		return NULL;
	return *slot = c;
}

struct bf_chain *bf_table_find_chain(const struct bf_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		if (!strcmp(t->chains[i]->name, name))
			return t->chains[i];
	return NULL;
}

struct bf_rule *bf_chain_add_rule(struct bf_ruleset *rs, struct bf_chain *c)
{
	struct bf_rule *r = APPEND(rs, c, rules, n_rules);

	if (r)
		*r = (struct bf_rule){ .counter = BF_NO_COUNTER };
	return r;
}

struct bf_cond *bf_rule_add_cond(struct bf_ruleset *rs, struct bf_rule *r)
{
	return APPEND(rs, r, conds, n_conds);
}

int bf_rule_add_range(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 lo, bf_u128 hi,
                      bool neg)
{
	struct bf_range *range = bf_arena_new_of(rs->arena, struct bf_range);
	struct bf_cond *c = range ? bf_rule_add_cond(rs, r) : NULL;

	if (!c)
		return -ENOMEM;
	*range = (struct bf_range){ lo, hi };
	c->kind = BF_COND_FIELD;
	c->neg = neg;
	c->field = &bf_fields[f];
	c->mask = mask ? mask : bf_field_ones(c->field);
	c->ranges = range;
	c->n_ranges = 1;
	return 0;
}

int bf_rule_add_value(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 v, bool neg)
{
	return bf_rule_add_range(rs, r, f, mask, v, v, neg);
}

int bf_rule_add_guard(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 lo, bf_u128 hi)
{
	int err = bf_rule_add_range(rs, r, f, 0, lo, hi, false);

	if (!err)
		r->conds[r->n_conds - 1].guard = true;
	return err;
}

int bf_rule_add_match(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_match_ops *m, const void *data, bool neg)
{
	void *copy = bf_arena_memdup(rs->arena, data, m->data_size);
	struct bf_cond *c = copy ? bf_rule_add_cond(rs, r) : NULL;

	if (!c)
		return -ENOMEM;
	c->kind = BF_COND_MATCH;
	c->neg = neg;
	c->match = m;
	c->data = copy;
	return 0;
}

int bf_rule_add_action(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_target_ops *t, const void *data)
{
	void *copy = bf_arena_memdup(rs->arena, data, t->data_size);
	struct bf_action *a = copy ? APPEND(rs, r, actions, n_actions) : NULL;

	if (!a)
		return -ENOMEM;
	*a = (struct bf_action){ t, copy };
	return 0;
}
