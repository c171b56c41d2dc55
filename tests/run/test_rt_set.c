/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rt_set.c: sets as the kernel's programs look into them: one rule that
 * drops what is in the set, packets at the borders of every shape of set, as
 * data and as straight code, with either kind of loops; values that come and go
 * while the program is loaded; data that is broken.
 */
#include <linux/netfilter.h>
#include <stdio.h>

#include "gen/gen.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "lib/ranges.h"
#include "lib/unit.h"
#include "opt/set.h"

struct variant {
	const char *name;
	uint32_t code_max;
	bool may_goto;
};

static const struct variant variants[] = {
	{ "data, may_goto", 0, true },
	{ "data, iterator", 0, false },
	{ "straight code, may_goto", UINT32_MAX, true },
	{ "straight code, iterator", UINT32_MAX, false },
};

struct prog {
	struct bf_image *img;
	struct bf_loaded l;
	uint8_t family;
};

static struct bf_ruleset *ruleset_of(enum bf_field_id f, bf_u128 mask, const struct bf_range *ranges, uint32_t n)
{
	uint8_t family = bf_fields[f].family ? bf_fields[f].family : NFPROTO_IPV4;
	struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = bf_ruleset_add_table(rs, family, "filter");
	struct bf_chain *c = bf_table_add_chain(rs, t, "INPUT");
	const struct bf_cond cond = {
		.kind = BF_COND_FIELD, .field = &bf_fields[f], .mask = mask, .ranges = ranges, .n_ranges = n
	};
	struct bf_rule *r;

	c->base = true;
	c->at.hook = NF_INET_LOCAL_IN;
	c->policy = BF_VERDICT_ACCEPT;
	c->counter = BF_NO_COUNTER;
	r = bf_chain_add_rule(rs, c);
	r->counter = t->n_counters++;
	r->verdict.kind = BF_VERDICT_DROP;
	bf_rule_add_cond(rs, r, &cond);
	return rs;
}

static void prog_open(struct prog *p, const struct bf_ruleset *rs, const struct variant *v)
{
	const struct bf_gen_opts o = { .hz = 250, .cpus = 2, .may_goto = v->may_goto, .code_max = v->code_max };
	_cleanup_diag_ struct bf_diag d = { 0 };

	*p = (struct prog){ .family = rs->tables[0]->family };
	if (bf_gen_table(rs->tables[0], &o, &p->img, &d) || bf_load(&p->l, p->img, NULL, &d))
		fail_msg("%s: %s", v->name, d.text.data);
}

static void prog_close(struct prog *p)
{
	bf_loaded_close(&p->l);
	bf_image_free(p->img);
}

/* The verdict for a packet from this source, or to this port. */
static int run(const struct prog *p, enum bf_field_id f, bf_u128 v)
{
	uint8_t frame[14 + 60] = { 0 }, state[48] = { NF_INET_LOCAL_IN, p->family }, *ip = frame + 14;
	struct bf_run_desc r = { .prog = p->l.progs[0], .data = frame, .data_len = sizeof(frame), .ctx = state,
		                     .ctx_len = sizeof(state), .repeat = 1 };

	frame[12] = p->family == NFPROTO_IPV4 ? 0x08 : 0x86;
	frame[13] = p->family == NFPROTO_IPV4 ? 0x00 : 0xdd;
	ip[0] = p->family == NFPROTO_IPV4 ? 0x45 : 0x60;
	ip[3] = p->family == NFPROTO_IPV4 ? 60 : 0;
	ip[5] = p->family == NFPROTO_IPV4 ? 0 : 20;
	ip[p->family == NFPROTO_IPV4 ? 9 : 6] = 17;
	for (unsigned i = 0; i < bf_fields[f].bits / 8u; i++) {
		unsigned at = f == BF_F_DPORT ? 22 : p->family == NFPROTO_IPV4 ? 12 : 8;

		ip[at + i] = (uint8_t)(v >> (bf_fields[f].bits - 8 - 8 * i));
	}
	if (bf_prog_run(&r) < 0)
		fail_msg("cannot run the program");
	return (int)r.retval;
}

static void compare(const struct prog *p, const struct bf_set_spec *s, const struct variant *v, bf_u128 value)
{
	int want;

	value &= bf_field_ones(s->field);
	want = test_ranges_have(s->ranges, s->n_ranges, value & s->mask) ? BF_DROP : BF_ACCEPT;
	if (run(p, bf_field_id(s->field), value) != want)
		fail_msg("%s, %s, %u ranges, value 0x%llx%016llx: %s", v->name, s->field->name, s->n_ranges,
		         (unsigned long long)(value >> 64), (unsigned long long)value, want ? "dropped" : "accepted");
}

static void compare_all(const struct prog *p, const struct bf_set_spec *s, const struct variant *v, struct rng *r)
{
	for (unsigned i = 0; i < 40; i++) {
		const struct bf_range *x = &s->ranges[rng_below(r, s->n_ranges)];

		compare(p, s, v, x->lo);
		compare(p, s, v, x->hi);
		compare(p, s, v, x->lo - 1);
		compare(p, s, v, x->hi + 1);
		compare(p, s, v, x->lo ^ (bf_u128)1 << rng_below(r, s->field->bits));
		compare(p, s, v, rng_u128(r));
	}
	compare(p, s, v, 0);
	compare(p, s, v, ~(bf_u128)0);
}

static void shapes(void **state)
{
	static const enum bf_field_id fields[] = { BF_F_IP_SADDR, BF_F_IP6_SADDR, BF_F_DPORT };
	static const uint32_t sizes[] = { 100, 1000, 30000 };
	struct rng r = { 1 };

	for (unsigned i = 0; i < SHAPES * 3 * 3; i++) {
		const struct variant *v = &variants[i % 4];
		enum bf_field_id f = fields[i / SHAPES % 3];
		bf_u128 ones = bf_field_ones(&bf_fields[f]), mask = rng_percent(&r, 70) ? ones : ones << 3 & ones;
		struct bf_set_spec s = { .field = &bf_fields[f], .mask = mask };
		struct bf_range *ranges = test_ranges(&r, s.field, mask, i % SHAPES, sizes[i / SHAPES / 3], &s.n_ranges);
		struct bf_ruleset *rs;
		struct prog p;

		s.ranges = ranges;
		rs = ruleset_of(f, mask, ranges, s.n_ranges);
		prog_open(&p, rs, v);
		compare_all(&p, &s, v, &r);
		prog_close(&p);
		bf_ruleset_free(rs);
		free(ranges);
	}
}

static const struct bf_map_spec *class_map(const struct prog *p, int *fd)
{
	for (uint32_t i = 0; i < p->img->n_maps; i++)
		if (!strcmp(p->img->maps[i].name, "class")) {
			*fd = p->l.maps[i];
			return &p->img->maps[i];
		}
	fail_msg("no class data");
	return NULL;
}

/* The set's head: the class data holds nothing else here. */
enum { HEAD = 16 };

static void come_and_go(enum bf_field_id f, enum test_shape shape)
{
	struct rng r = { 2 };
	struct prog p;
	uint32_t n, words, *data;
	bf_u128 ones = bf_field_ones(&bf_fields[f]);
	struct bf_range *ranges = test_ranges(&r, &bf_fields[f], ones, shape, 1000, &n);
	struct bf_ruleset *rs = ruleset_of(f, ones, ranges, n);
	const struct bf_map_spec *m;
	unsigned done = 0;
	int fd;

	prog_open(&p, rs, &variants[0]);
	m = class_map(&p, &fd);
	words = m->value_size / 4;
	data = bf_map_mmap(fd, m->value_size, true);
	assert_non_null(data);
	for (unsigned i = 0; i < 300; i++) {
		bf_u128 v = rng_u128(&r) & ones;
		bool was = test_ranges_have(ranges, n, v);

		if (bf_set_insert(data, words, HEAD, v, v))
			continue;
		assert_int_equal(run(&p, f, v), BF_DROP);
		assert_int_equal(run(&p, f, ranges[i % n].lo), BF_DROP);
		if (was || bf_set_remove(data, words, HEAD, v, v))
			continue;
		assert_int_equal(run(&p, f, v), BF_ACCEPT);
		done++;
	}
	assert_true(done > 200);
	bf_map_munmap(data, m->value_size);
	prog_close(&p);
	bf_ruleset_free(rs);
	free(ranges);
}

static void changes(void **state)
{
	come_and_go(BF_F_IP_SADDR, SHAPE_VALUES);
	come_and_go(BF_F_IP_SADDR, SHAPE_PREFIXES);
	come_and_go(BF_F_IP6_SADDR, SHAPE_VALUES);
	come_and_go(BF_F_IP6_SADDR, SHAPE_PREFIXES);
}

/* Whatever lies in the map, programs end and read nothing beside it. */
static void broken_data(void **state)
{
	static const enum test_shape kinds[] = { SHAPE_VALUES, SHAPE_PREFIXES, SHAPE_CROWDED };
	struct rng r = { 3 };

	for (unsigned k = 0; k < 12; k++) {
		enum bf_field_id f = k % 2 ? BF_F_IP_SADDR : BF_F_IP6_SADDR;
		bf_u128 ones = bf_field_ones(&bf_fields[f]);
		uint32_t n, *data, *good;
		struct bf_range *ranges = test_ranges(&r, &bf_fields[f], ones, kinds[k % 3], 500, &n);
		struct bf_ruleset *rs = ruleset_of(f, ones, ranges, n);
		const struct bf_map_spec *m;
		struct prog p;
		int fd;

		prog_open(&p, rs, &variants[k / 2 % 2]);
		m = class_map(&p, &fd);
		data = bf_map_mmap(fd, m->value_size, true);
		good = malloc(m->value_size);
		memcpy(good, data, m->value_size);
		for (unsigned i = 0; i < 400; i++) {
			bf_u128 v = ranges[rng_below(&r, n)].lo;
			uint32_t key[4], words = bf_fields[f].bits / 32;
			bool in;

			for (unsigned w = 0; w < 8; w++)
				data[rng_percent(&r, 70) ? HEAD + rng_below(&r, 32) : rng_below(&r, m->value_size / 4)] = (uint32_t)rng_u64(&r);
			run(&p, f, v);
			for (unsigned w = 0; w < words; w++)
				key[w] = (uint32_t)(v >> 32 * (words - 1 - w));
			in = bf_set_find(data, m->value_size / 4, HEAD, key); /* neither may it fall over */
			(void)in;
			if (i % 4 == 3)
				memcpy(data, good, m->value_size);
		}
		free(good);
		bf_map_munmap(data, m->value_size);
		prog_close(&p);
		bf_ruleset_free(rs);
		free(ranges);
	}
}

UNIT_MAIN(cmocka_unit_test(shapes), cmocka_unit_test(changes), cmocka_unit_test(broken_data))
