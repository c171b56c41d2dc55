/* SPDX-License-Identifier: GPL-2.0-only */
/* test_rule.c: the model's builders, the table of fields; memory running out while a ruleset is built, run, printed, lowered. */
#include "lib/unit.h"

#include "gen/graph.h"
#include "lib/alloc.h"
#include "lib/model.h"

static void fields_fit_their_words(void **state)
{
	for (unsigned i = 0; i < BF_FIELDS; i++) {
		const struct bf_field *f = &bf_fields[i];
		unsigned words = (f->bits + 31) / 32;

		assert_non_null(f->name);
		assert_ptr_equal(bf_field_find(f->name), f);
		assert_int_equal(bf_field_id(f), i);
		assert_true(f->bits >= 1 && f->bits <= 128);
		assert_true(f->loader < 0 ? f->word + words <= BF_KEY_SCRATCH : f->word == BF_KEY_SCRATCH);
		assert_true(f->word + words <= BF_KEY_WORDS);
		assert_true(words == 1 ? f->shift + f->bits <= 32 : f->shift == 0);
	}
	assert_null(bf_field_find("no such field"));
}

static void ones_cover_the_width(void **state)
{
	assert_true(bf_field_ones(&bf_fields[BF_F_IP_FRAG]) == 1);
	assert_true(bf_field_ones(&bf_fields[BF_F_IP_SADDR]) == UINT32_MAX);
	assert_true(bf_field_ones(&bf_fields[BF_F_ETHER_SADDR]) == 0xffffffffffffull);
	assert_true(bf_field_ones(&bf_fields[BF_F_IIFNAME]) == ~(bf_u128)0);
}

static void builders_append(void **state)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = bf_ruleset_add_table(rs, NFPROTO_IPV4, "filter");
	struct bf_chain *c = bf_table_add_chain(rs, t, "INPUT");

	for (int i = 0; i < 1000; i++) {
		struct bf_rule *r = bf_chain_add_rule(rs, c);

		assert_int_equal(r->counter, BF_NO_COUNTER);
		for (int k = 0; k < i % 7; k++)
			assert_int_equal(bf_rule_add_value(rs, r, BF_F_IP_TTL, 0, k, false), 0);
		r->counter = i;
	}
	assert_int_equal(c->n_rules, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(c->rules[i].counter, i);
		assert_int_equal(c->rules[i].n_conds, i % 7);
		for (int k = 0; k < i % 7; k++)
			assert_true(bf_rule_cond(&c->rules[i], k)->ranges[0].lo == (bf_u128)k && bf_rule_cond(&c->rules[i], k)->mask == 0xff);
	}
	assert_ptr_equal(bf_table_find_chain(t, "INPUT"), c);
	assert_null(bf_table_find_chain(t, "OUTPUT"));
	assert_int_equal(c->policy, BF_VERDICT_RETURN);
	assert_ptr_equal(c->table, t);
}

/* Conditions of the same content are one object; matches are not: their state is not shared. */
static void conditions_are_shared(void **state)
{
	const struct bf_range ports[] = { { 1, 2 }, { 7, 9 } };
	const struct bf_cond set = { .field = &bf_fields[BF_F_DPORT], .mask = 0xffff, .ranges = ports, .n_ranges = 2 };
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_chain *c = bf_table_add_chain(rs, bf_ruleset_add_table(rs, NFPROTO_IPV4, "filter"), "INPUT");
	const struct bf_limit limit = { 10, 5 };
	struct bf_rule *r[3];

	assert_int_equal(bf_chain_reserve(rs, c, 3), 0);
	for (int i = 0; i < 3; i++) {
		r[i] = bf_chain_add_rule(rs, c);
		bf_rule_add_value(rs, r[i], BF_F_IP_TTL, 0, 1, i == 2);
		bf_rule_add_guard(rs, r[i], BF_F_IP_TTL, 1, 1);
		bf_rule_add_cond(rs, r[i], &set);
		bf_rule_add_match(rs, r[i], &bf_match_limit, &limit, false);
	}
	assert_ptr_equal(c->rules, r[0]);
	assert_ptr_equal(bf_rule_cond(r[0], 0), bf_rule_cond(r[1], 0));
	assert_ptr_not_equal(bf_rule_cond(r[0], 0), bf_rule_cond(r[2], 0)); /* negated */
	assert_ptr_not_equal(bf_rule_cond(r[0], 0), bf_rule_cond(r[0], 1)); /* a guard */
	assert_ptr_equal(bf_rule_cond(r[0], 1), bf_rule_cond(r[2], 1));
	assert_ptr_equal(bf_rule_cond(r[0], 2), bf_rule_cond(r[2], 2));
	assert_ptr_not_equal(bf_rule_cond(r[0], 2)->ranges, ports);
	assert_ptr_not_equal(bf_rule_cond(r[0], 3), bf_rule_cond(r[1], 3));
	bf_ruleset_done(rs);
	bf_rule_add_value(rs, r[0], BF_F_IP_TTL, 0, 1, true);
	assert_true(bf_rule_cond(r[0], 4)->neg);
}

/* What can be said in the list itself reads the same; what cannot is an object. */
static void addresses_are_in_the_list(void **state)
{
	static const struct {
		enum bf_field_id f;
		uint32_t mask, lo, span;
		bool neg, packed;
	} t[] = {
		{ BF_F_IP_SADDR, 0xffffffff, 0xc0000201, 0, false, true }, { BF_F_IP_DADDR, 0xffffff00, 0xc0000200, 0, true, true },
		{ BF_F_IP_SADDR, 0x80000000, 0x80000000, 0, false, true }, { BF_F_IP_SADDR, 0xffffff00, 0xc0000201, 0, false, true },
		{ BF_F_IP_SADDR, 0xff00ff00, 0xc0000200, 0, false, false }, { BF_F_IP_SADDR, 0xffffffff, 0xc0000201, 7, false, false },
		{ BF_F_MARK, 0xffffffff, 0, 0, false, true }, { BF_F_IP_TTL, 0xff, 64, 0, false, false },
	};
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_rule r = { 0 };

	for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
		const struct bf_cond *c;

		assert_int_equal(bf_rule_add_range(rs, &r, t[i].f, t[i].mask, t[i].lo, t[i].lo + t[i].span, t[i].neg), 0);
		c = bf_rule_cond(&r, i);
		assert_int_equal(r.conds[i].v & 1, t[i].packed);
		assert_ptr_equal(c->field, &bf_fields[t[i].f]);
		assert_true(c->kind == BF_COND_FIELD && c->neg == t[i].neg && !c->guard && c->n_ranges == 1 && c->mask == t[i].mask);
		assert_true(c->ranges->lo == t[i].lo && c->ranges->hi == t[i].lo + t[i].span);
	}
	assert_int_equal(bf_rule_add_guard(rs, &r, BF_F_MARK, 1, 1), 0);
	assert_true(bf_rule_cond(&r, BF_ARRAY_SIZE(t))->guard);
	assert_int_equal(bf_rule_add_value(rs, &r, BF_F_IP6_SADDR, 0, 1, false), 0);
	assert_true(bf_rule_cond(&r, BF_ARRAY_SIZE(t) + 1)->mask == ~(bf_u128)0);
}

/* Lists that grow in turns (each time one is copied: nobody builds long rules that way), and to their end. */
static void long_rules(void **state)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_rule r[3] = { 0 };
	int err = 0;

	for (int i = 0; i < 70000 && !err; i++)
		for (int k = 0; k < 3 && !err; k++)
			if (i < (k == 2 ? 100 : k ? 1000 : 70000)) /* so many different ones that some are forgotten */
				err = bf_rule_add_range(rs, &r[k], BF_F_MARK, 0, 3 * i + k, 3 * i + k + 1, false);
	assert_int_equal(err, -E2BIG);
	assert_int_equal(r[0].n_conds, 65535);
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < r[k].n_conds; i++)
			assert_int_equal(bf_rule_cond(&r[k], i)->ranges[0].lo, 3 * i + k);
	for (err = 0; !err;)
		err = bf_rule_add_action(rs, &r[2], &bf_target_log, &(struct bf_log){ 0 });
	assert_int_equal(err, -E2BIG);
}

static int build(void *ctx)
{
	struct bf_reject reject = { 3, NFPROTO_IPV4 };
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = rs ? bf_ruleset_add_table(rs, NFPROTO_IPV4, "filter") : NULL;
	struct bf_chain *c = t ? bf_table_add_chain(rs, t, "INPUT") : NULL;

	if (!c)
		return -ENOMEM;
	for (int i = 0; i < 500; i++) {
		struct bf_rule *r = bf_chain_add_rule(rs, c);
		struct bf_limit limit = { 100, 5 };

		if (!r || bf_rule_add_value(rs, r, BF_F_IP_SADDR, 0, i, false) || bf_rule_add_guard(rs, r, BF_F_L4_AVAIL, 0, 3) ||
		    bf_rule_add_match(rs, r, &bf_match_limit, &limit, false) || bf_rule_add_action(rs, r, &bf_target_reject, &reject))
			return -ENOMEM;
	}
	return 0;
}

static int print(void *ctx)
{
	const struct bf_ruleset *rs = ctx;
	_cleanup_buf_ struct bf_buf b = { 0 }, j = { 0 };

	bf_table_print(&b, rs->tables[0], NULL);
	bf_table_print_json(&j, rs->tables[0], NULL);
	return b.err ? b.err : j.err;
}

static int run(void *ctx)
{
	const struct bf_ruleset *rs = ctx;
	struct bf_interp *in = bf_interp_new(rs->tables[0], 250);

	bf_interp_free(in);
	return in ? 0 : -ENOMEM;
}

static uint32_t class_min;

static int lower(void *ctx)
{
	const struct bf_ruleset *rs = ctx;
	const struct bf_gen_opts opts = { .hz = 250, .cpus = 2, .class_min = class_min, .own_max = 2, .explain = true };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_graph g = { 0 };

	return a ? bf_graph_build(&g, a, rs->tables[0], &opts, &d) : -ENOMEM;
}

static void each_allocation_failed(void **state)
{
	struct rng r = { 7 };
	const struct test_model_opts o = { .family = NFPROTO_IPV4, .assists = true, .size = 60 };
	_cleanup_ruleset_ struct bf_ruleset *rs = test_model_random(&r, &o);

	assert_true(test_alloc_each(build, NULL) > 5);
	assert_true(test_alloc_each(print, rs) > 5);
	assert_true(test_alloc_each(run, rs) > 1);
	class_min = UINT32_MAX;
	assert_true(test_alloc_each(lower, rs) > 5);
	class_min = 2;
	assert_true(test_alloc_each(lower, rs) > 50);
}

UNIT_MAIN(cmocka_unit_test(fields_fit_their_words), cmocka_unit_test(ones_cover_the_width), cmocka_unit_test(builders_append),
          cmocka_unit_test(conditions_are_shared), cmocka_unit_test(addresses_are_in_the_list), cmocka_unit_test(long_rules),
          cmocka_unit_test(each_allocation_failed))
