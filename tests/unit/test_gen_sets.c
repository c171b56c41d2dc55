/* SPDX-License-Identifier: GPL-2.0-only */
/* test_gen_sets.c: which conditions become sets (gen/sets.c), and that equal ones are stored once. */
#include <linux/netfilter.h>

#include "gen/explain.h"
#include "gen/gen.h"
#include "lib/ranges.h"
#include "lib/unit.h"

struct made {
	struct bf_ruleset *rs;
	struct bf_rule *rule;
	struct bf_image *img;
};

static void begin(struct made *m)
{
	struct bf_table *t;
	struct bf_chain *c;

	*m = (struct made){ .rs = bf_ruleset_new() };
	t = bf_ruleset_add_table(m->rs, NFPROTO_IPV4, "filter");
	c = bf_table_add_chain(m->rs, t, "INPUT");
	c->base = true;
	c->at.hook = NF_INET_LOCAL_IN;
	c->policy = BF_VERDICT_ACCEPT;
	c->counter = BF_NO_COUNTER;
}

/* A rule that drops what is in n ranges of a field, 1000 apart. */
static void add(struct made *m, enum bf_field_id f, uint32_t n, bf_u128 first)
{
	struct bf_range *r = calloc(n, sizeof(*r));
	struct bf_cond c = { .kind = BF_COND_FIELD, .field = &bf_fields[f], .mask = bf_field_ones(&bf_fields[f]), .ranges = r,
		                 .n_ranges = n };

	for (uint32_t i = 0; i < n; i++)
		r[i] = (struct bf_range){ first + 100000 * i, first + 100000 * i };
	m->rule = bf_chain_add_rule(m->rs, m->rs->tables[0]->chains[0]);
	m->rule->counter = BF_NO_COUNTER;
	m->rule->verdict.kind = BF_VERDICT_DROP;
	assert_int_equal(bf_rule_add_cond(m->rs, m->rule, &c), 0);
	free(r);
}

static const struct bf_map_spec *map(const struct made *m, const char *name)
{
	for (uint32_t i = 0; i < m->img->n_maps; i++)
		if (!strcmp(m->img->maps[i].name, name))
			return &m->img->maps[i];
	return NULL;
}

static void compile(struct made *m)
{
	const struct bf_gen_opts o = { .hz = 250, .cpus = 1, .may_goto = true, .explain = true };
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (bf_gen_table(m->rs->tables[0], &o, &m->img, &d))
		fail_msg("%s", d.text.data);
}

static uint32_t n_cells(const struct made *m, enum bf_cell_op op)
{
	const struct bf_map_spec *s = map(m, "cells");
	const struct bf_cell *c = s->init;
	uint32_t n = 0;

	for (size_t i = 0; i < s->init_len / sizeof(*c); i++)
		n += c[i].op == op;
	return n;
}

static void end(struct made *m)
{
	bf_image_free(m->img);
	bf_ruleset_free(m->rs);
}

static void few_are_cells(void **state)
{
	struct made m;

	begin(&m);
	add(&m, BF_F_IP_SADDR, 5, 7);
	compile(&m);
	assert_int_equal(n_cells(&m, BF_CELL_SET), 0);
	assert_null(map(&m, "class"));
	end(&m);
}

static void equal_ones_are_stored_once(void **state)
{
	struct made m;
	size_t one;

	begin(&m);
	add(&m, BF_F_IP_SADDR, 1000, 7);
	compile(&m);
	assert_int_equal(n_cells(&m, BF_CELL_SET), 1);
	one = map(&m, "class")->init_len;
	bf_image_free(m.img);
	add(&m, BF_F_IP_DADDR, 1000, 7); /* another field of the same kind */
	add(&m, BF_F_IP_SADDR, 1000, 7);
	compile(&m);
	assert_int_equal(n_cells(&m, BF_CELL_SET), 3);
	assert_int_equal(map(&m, "class")->init_len, one);
	bf_image_free(m.img);
	add(&m, BF_F_IP_SADDR, 1000, 8);
	compile(&m);
	assert_true(map(&m, "class")->init_len > one);
	end(&m);
}

static void it_is_explained(void **state)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct made m;

	begin(&m);
	add(&m, BF_F_IP_SADDR, 1000, 7);
	compile(&m);
	bf_image_explain(&text, m.img);
	assert_non_null(strstr(text.data, "set of ip saddr: 1000 ranges, hash of 1000, 1 length, "));
	end(&m);
}

UNIT_MAIN(cmocka_unit_test(few_are_cells), cmocka_unit_test(equal_ones_are_stored_once), cmocka_unit_test(it_is_explained))
