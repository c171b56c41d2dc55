/* SPDX-License-Identifier: GPL-2.0-only */
/* rule.c: building the model (rule.h). */
#include "rule/rule.h"

#include "match/match.h"
#include "rule/intern.h"

struct bf_ruleset *bf_ruleset_new(void)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_ruleset *rs = a ? bf_arena_new_of(a, struct bf_ruleset) : NULL;

	if (!rs) {
		bf_arena_free(a);
		return NULL;
	}
	rs->arena = a;
	rs->pool = bf_cond_pool_new();
	if (!rs->pool) {
		bf_arena_free(a);
		return NULL;
	}
	return rs;
}

void bf_ruleset_done(struct bf_ruleset *rs)
{
	bf_cond_pool_shrink(rs->pool);
}

void bf_ruleset_free(struct bf_ruleset *rs)
{
	if (!rs)
		return;
	bf_cond_pool_free(rs->pool);
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

unsigned bf_chain_families(const struct bf_chain *c)
{
	enum { IP = 1 << BF_FAM_IP, IP6 = 1 << BF_FAM_IP6, OTHER = 1 << BF_FAM_OTHER };
	uint8_t family = c->table->family;
	unsigned of_table = family == NFPROTO_IPV4 ? IP : family == NFPROTO_IPV6 ? IP6 : family == NFPROTO_INET ? IP | IP6 :
	                    IP | IP6 | OTHER;

	switch (c->at.hook) {
	case BF_HOOK_CONNECT4:
	case BF_HOOK_SENDMSG4:
		return of_table & IP;
	case BF_HOOK_CONNECT6:
	case BF_HOOK_SENDMSG6:
		return of_table & IP6;
	}
	return c->at.hook < BF_HOOKS && bf_hook_kinds[c->at.hook].all_families ? of_table : of_table & (IP | IP6);
}

int bf_chain_reserve(struct bf_ruleset *rs, struct bf_chain *c, uint32_t n)
{
	struct bf_rule *bigger;

	if (n <= c->room - c->n_rules)
		return 0;
	if (n > UINT32_MAX - c->n_rules)
		return -ENOMEM;
	bigger = bf_arena_array(rs->arena, c->n_rules + n, struct bf_rule);
	if (!bigger)
		return -ENOMEM;
	if (c->n_rules)
		memcpy(bigger, c->rules, c->n_rules * sizeof(*bigger));
	c->rules = bigger;
	c->room = c->n_rules + n;
	return 0;
}

struct bf_rule *bf_chain_add_rule(struct bf_ruleset *rs, struct bf_chain *c)
{
	struct bf_rule *r;

	if (c->n_rules == c->room && bf_chain_reserve(rs, c, BF_MAX(c->n_rules, 4u)))
		return NULL;
	r = &c->rules[c->n_rules++];
	*r = (struct bf_rule){ .counter = BF_NO_COUNTER };
	return r;
}

int bf_rule_add_cond(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_cond *c)
{
	struct bf_cond_ref ref = bf_cond_pack(c);

	if (!ref.v)
		ref = bf_cond_at(bf_cond_intern(rs, c));
	return ref.v ? bf_conds_append(rs, r, ref) : -ENOMEM;
}

static int add_range(struct bf_ruleset *rs, struct bf_rule *r, struct bf_cond *c, enum bf_field_id f, bf_u128 lo,
                     bf_u128 hi)
{
	const struct bf_range range = { lo, hi };

	c->kind = BF_COND_FIELD;
	c->field = &bf_fields[f];
	if (!c->mask)
		c->mask = bf_field_ones(c->field);
	c->ranges = &range;
	c->n_ranges = 1;
	return bf_rule_add_cond(rs, r, c);
}

int bf_rule_add_range(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 lo, bf_u128 hi,
                      bool neg)
{
	return add_range(rs, r, &(struct bf_cond){ .mask = mask, .neg = neg }, f, lo, hi);
}

int bf_rule_add_value(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 v, bool neg)
{
	return bf_rule_add_range(rs, r, f, mask, v, v, neg);
}

int bf_rule_add_guard(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 lo, bf_u128 hi)
{
	return add_range(rs, r, &(struct bf_cond){ .guard = true }, f, lo, hi);
}

int bf_rule_add_match(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_match_ops *m, const void *data, bool neg)
{
	const void *copy = bf_arena_memdup(rs->arena, data, m->data_size);

	if (!copy)
		return -ENOMEM;
	return bf_rule_add_cond(rs, r, &(struct bf_cond){ .kind = BF_COND_MATCH, .neg = neg, .match = m, .data = copy });
}

int bf_rule_add_action(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_target_ops *t, const void *data)
{
	void *copy = bf_arena_memdup(rs->arena, data, t->data_size);
	struct bf_action *a;

	if (r->n_actions == UINT16_MAX)
		return -E2BIG;
	a = copy ? APPEND(rs, r, actions, n_actions) : NULL;
	if (!a)
		return -ENOMEM;
	*a = (struct bf_action){ t, copy };
	return 0;
}
