/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_box.c: what is known of packets of one sort, boxes, runs (src/opt), each
 * against the plain interpreter: random rules, packets made for them. A box
 * with what remains behind it must do to a packet what the rule does.
 */
#include "lib/unit.h"

#include "interp/packet.h"
#include "lib/model.h"
#include "opt/run.h"

enum outcome { MISSES, DROPS, MATCHES };

static const char *const names[] = { "misses", "drops", "matches" };

/* By the book: conditions `left` (all of them: ~0) in order. */
static enum outcome walk(struct bf_interp *in, const struct bf_packet *p, const struct bf_rule *r, uint64_t left)
{
	for (uint32_t i = 0; i < r->n_conds; i++) {
		const struct bf_cond *c = bf_rule_cond(r, i);
		bool hotdrop = false, holds;

		if (!bf_view_has(left, i))
			continue;
		holds = bf_interp_cond(in, p, c, &hotdrop);
		if (hotdrop || (c->guard && holds))
			return DROPS;
		if (holds == c->guard)
			return MISSES;
	}
	return MATCHES;
}

static enum outcome end_of(enum bf_end end)
{
	return end == BF_END_BODY ? MATCHES : end == BF_END_DROPS ? DROPS : MISSES;
}

static bool stateless(const struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_rule_cond(r, i)->kind == BF_COND_MATCH && bf_rule_cond(r, i)->match->stateful)
			return false;
	return true;
}

static uint32_t sorts_of(const struct bf_packet *p)
{
	bf_u128 frag, frag1, bad, avail, proto;
	bool tcp;

	bf_packet_field(p, BF_F_L4_FRAG, &frag);
	bf_packet_field(p, BF_F_L4_FRAG1, &frag1);
	bf_packet_field(p, BF_F_L4_BADEXT, &bad);
	bf_packet_field(p, BF_F_L4_AVAIL, &avail);
	bf_packet_field(p, BF_F_L4PROTO, &proto);
	tcp = proto == 6;
	if (bad)
		return BF_SORT_BROKEN;
	if (frag)
		return frag1 ? BF_SORT_FRAG1 : BF_SORT_LATE;
	if (avail < 8)
		return avail < 4 ? BF_SORT_CUT0 : BF_SORT_CUT4;
	return !tcp ? BF_SORT_PLAIN : avail < 20 ? BF_SORT_CUT8 : BF_SORT_TCP;
}

static bool in_prefix(bf_u128 v, const struct bf_box_prefix *p, unsigned bits)
{
	return p->len == 0 || (v ^ p->addr) >> (bits - p->len) == 0;
}

static bool some_prefix(const struct bf_box *b, unsigned side, bf_u128 v, unsigned bits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_addr[side]; i++)
		n += in_prefix(v, &b->addr[side][i], bits);
	assert_true(n <= 1); /* they are apart */
	return n;
}

static bool some_port(const struct bf_box *b, unsigned side, bf_u128 v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_port[side]; i++)
		n += v >= b->port[side][i].lo && v <= b->port[side][i].hi;
	assert_true(n <= 1);
	return n;
}

static void fill_key(const struct bf_packet *p, uint32_t *key)
{
	memset(key, 0, BF_KEY_WORDS * sizeof(*key));
	for (unsigned i = 0; i < BF_FIELDS; i++) {
		const struct bf_field *f = &bf_fields[i];
		unsigned n = (f->bits + 31) / 32;
		bf_u128 v;

		if (f->loader >= 0 || (f->family && f->family != p->family))
			continue;
		bf_packet_field(p, i, &v);
		if (n == 1)
			key[f->word] |= (uint32_t)v << f->shift;
		for (unsigned k = 0; n > 1 && k < n; k++)
			key[f->word + k] = (uint32_t)(v >> 32 * (n - 1 - k));
	}
}

static bool in_box(const struct bf_box *b, const struct bf_packet *p)
{
	bool v4 = p->family == NFPROTO_IPV4;
	unsigned bits = v4 ? 32 : 128;
	uint32_t key[BF_KEY_WORDS];
	bf_u128 source, dest;

	bf_packet_field(p, v4 ? BF_F_IP_SADDR : BF_F_IP6_SADDR, &source);
	bf_packet_field(p, v4 ? BF_F_IP_DADDR : BF_F_IP6_DADDR, &dest);
	fill_key(p, key);
	for (uint32_t i = 0; i < b->n_tests; i++)
		if ((key[b->test[i].word] & b->test[i].mask) - b->test[i].lo > b->test[i].span)
			return false;
	return (key[BF_KEY_META] & b->meta_mask) == b->meta && some_prefix(b, 0, source, bits) && some_prefix(b, 1, dest, bits) &&
	       some_port(b, 0, key[BF_KEY_PORTS] >> 16) && some_port(b, 1, key[BF_KEY_PORTS] & 0xffff);
}

static void fail_rule(const char *what, const struct bf_rule *r, const struct test_packet *p, enum outcome want, enum outcome got)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_rule_print(&text, r, p->p.family);
	bf_buf_puts(&text, "\n");
	test_packet_print(&text, p);
	fail_msg("%s: the rule %s, this %s:\n%s", what, names[want], names[got], text.data);
}

static unsigned n_never, n_drops, n_boxed;

static void one(struct bf_interp *in, const struct bf_rule *r, const struct test_packet *p)
{
	uint8_t family = p->p.family;
	uint32_t sort = sorts_of(&p->p);
	enum outcome want = walk(in, &p->p, r, ~0ull), got;
	struct bf_view v;
	struct bf_box b;

	for (int i = 0; i < 3; i++) { /* the sort itself, its set, all sorts */
		uint32_t sorts = i == 0 ? sort : i == 2 ? bf_sorts(BF_SORTS_ALL, false, family) : 0;

		for (int set = 0; i == 1 && set < BF_SORTS_SETS; set++)
			if (bf_sorts(set, true, family) & sort)
				sorts |= bf_sorts(set, true, family);
		if (!sorts)
			continue;
		bf_view_make(&v, r, sorts, family);
		got = v.end == BF_END_NEVER ? MISSES : walk(in, &p->p, r, v.left);
		got = got == MATCHES ? end_of(v.end) : got;
		if (got != want)
			fail_rule("view", r, p, want, got);
		bf_box_make(&b, r, sorts, family);
		got = MISSES;
		if (b.end != BF_END_NEVER && in_box(&b, &p->p))
			got = b.rest ? walk(in, &p->p, r, b.rest) : MATCHES;
		got = got == MATCHES ? end_of(b.end) : got;
		if (got != want)
			fail_rule("box", r, p, want, got);
		n_never += v.end == BF_END_NEVER;
		n_drops += v.end == BF_END_DROPS && !b.rest;
		n_boxed += !b.rest && want == MATCHES;
	}
}

static void rules_as_boxes(void **state)
{
	static struct test_packet p;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct test_model_opts o = { .family = seed & 1 ? NFPROTO_IPV6 : NFPROTO_IPV4, .assists = true, .size = 30 };
		struct rng r = { seed };
		_cleanup_ruleset_ struct bf_ruleset *rs = test_model_random(&r, &o);
		struct bf_interp *in = bf_interp_new(rs->tables[0], 250);

		for (unsigned n = 0; n < 40; n++) {
			test_packet_random(&r, &o, rs->tables[0], &p);
			for (uint32_t c = 0; c < rs->tables[0]->n_chains; c++)
				for (uint32_t i = 0; i < rs->tables[0]->chains[c]->n_rules; i++)
					if (stateless(&rs->tables[0]->chains[c]->rules[i]))
						one(in, &rs->tables[0]->chains[c]->rules[i], &p);
		}
		bf_interp_free(in);
	}
	assert_true(n_never > 1000 && n_drops > 100 && n_boxed > 1000);
}

/* Each packet is of one sort, each sort in one set. */
static void sets_are_apart(void **state)
{
	for (int f = 0; f < 2; f++) {
		uint8_t family = f ? NFPROTO_IPV6 : NFPROTO_IPV4;
		uint32_t all = 0;

		for (int set = 0; set < BF_SORTS_SETS; set++) {
			assert_int_equal(all & bf_sorts(set, true, family), 0);
			all |= bf_sorts(set, true, family);
		}
		assert_int_equal(all, bf_sorts(BF_SORTS_ALL, false, family));
	}
}

/* Runs: rules made by hand. */

struct hand {
	struct bf_ruleset *rs;
	struct bf_chain *c;
	struct bf_run run;
};

static struct bf_rule *rule(struct hand *h, enum bf_verdict_kind v)
{
	struct bf_rule *r = bf_chain_add_rule(h->rs, h->c);

	r->counter = h->c->table->n_counters++;
	r->verdict.kind = v;
	return r;
}

static void begin(struct hand *h)
{
	h->rs = bf_ruleset_new();
	h->c = bf_table_add_chain(h->rs, bf_ruleset_add_table(h->rs, NFPROTO_IPV4, "filter"), "INPUT");
}

/* Adds them all to the run. */
static void add_all(struct hand *h, bool final)
{
	bf_run_init(&h->run, h->c->rules, h->c->n_rules, false);
	for (uint32_t i = 0; i < h->c->n_rules; i++) {
		struct bf_run_rule r = { .index = i, .order = i + 1, .final = final };
		struct bf_box b;

		bf_box_make(&b, &h->c->rules[i], bf_sorts(BF_SORTS_ALL, false, NFPROTO_IPV4), NFPROTO_IPV4);
		assert_int_equal(bf_run_add(&h->run, &r, &b), 0);
	}
}

static void end(struct hand *h)
{
	bf_run_free(&h->run);
	bf_ruleset_free(h->rs);
}

static void ports_share_nothing_but_boxes_do(void **state)
{
	struct hand h;
	struct bf_class_problem p;

	begin(&h);
	for (unsigned i = 0; i < 100; i++) {
		bf_rule_add_value(h.rs, rule(&h, BF_VERDICT_ACCEPT), BF_F_IP_SADDR, 0, i, false);
		bf_rule_add_value(h.rs, &h.c->rules[i], BF_F_DPORT, 0, i % 4, false);
	}
	add_all(&h, true);
	assert_int_equal(h.run.n_svc, 4);
	p = bf_run_finish(&h.run);
	assert_int_equal(p.n_boxes, 100);
	assert_int_equal(p.svcs_size, 4 * sizeof(struct bf_class_svc));
	assert_int_equal(p.boxes[5].svc, sizeof(struct bf_class_svc) / BF_SVC_UNIT);
	assert_int_equal(p.boxes[5].flags, BF_BOX_FINAL);
	end(&h);
}

/* An equal box behind one that ends everything is left out; not so where packets come back. */
static void equal_boxes_hide(void **state)
{
	for (int final = 0; final < 2; final++) {
		struct hand h;

		begin(&h);
		for (unsigned i = 0; i < 6; i++)
			bf_rule_add_value(h.rs, rule(&h, i & 1 ? BF_VERDICT_ACCEPT : BF_VERDICT_DROP), BF_F_IP_SADDR, 0, i / 3, false);
		add_all(&h, final);
		assert_int_equal(h.run.n_boxes, final ? 2 : 6);
		assert_int_equal(h.run.n_hidden, final ? 4 : 0);
		assert_int_equal(h.run.n_never, final ? 4 : 0);
		end(&h);
	}
}

/* Who has no counter may not be counted in the name of one that has. */
static void counters_part_services(void **state)
{
	static const struct bf_range ranges[] = { { 1, 2 }, { 5, 6 } };
	const struct bf_cond marks = { .field = &bf_fields[BF_F_MARK], .ranges = ranges, .n_ranges = 2, .neg = true,
		                           .mask = UINT32_MAX };
	struct hand h;

	begin(&h);
	for (unsigned i = 0; i < 4; i++) {
		struct bf_rule *r = rule(&h, BF_VERDICT_ACCEPT);

		bf_rule_add_value(h.rs, r, BF_F_IP_SADDR, 0, i, false);
		bf_rule_add_cond(h.rs, r, &marks); /* a box cannot say it */
		if (i & 1)
			r->counter = BF_NO_COUNTER;
	}
	add_all(&h, true);
	assert_int_equal(h.run.n_rest, 4);
	assert_int_equal(h.run.n_svc, 2);
	end(&h);
}

/* Two limits with the same parameters are two limits. */
static void state_is_not_shared(void **state)
{
	const struct bf_limit limit = { 10000, 5 };
	struct hand h;

	begin(&h);
	for (unsigned i = 0; i < 3; i++) {
		bf_rule_add_value(h.rs, rule(&h, BF_VERDICT_ACCEPT), BF_F_IP_SADDR, 0, i, false);
		bf_rule_add_match(h.rs, &h.c->rules[i], &bf_match_limit, &limit, false);
	}
	add_all(&h, true);
	assert_int_equal(h.run.n_svc, 3);
	end(&h);
}

static void lists_become_boxes(void **state)
{
	static const struct bf_range ports[] = { { 22, 22 }, { 80, 81 }, { 443, 443 } };
	struct bf_cond c = { .field = &bf_fields[BF_F_DPORT], .mask = 0xffff, .ranges = ports, .n_ranges = 3 };
	struct hand h;
	struct bf_box b;

	begin(&h);
	bf_rule_add_cond(h.rs, rule(&h, BF_VERDICT_ACCEPT), &c);
	bf_rule_add_range(h.rs, &h.c->rules[0], BF_F_IP_SADDR, 0, 0x0a000001, 0x0a000006, false); /* .1 .2-3 .4-5 .6 */
	add_all(&h, true);
	assert_int_equal(h.run.n_boxes, 12);
	assert_int_equal(h.run.n_rest, 0);
	/* 12 * 2 would be too many: the range is one test then, in the box */
	bf_rule_add_range(h.rs, &h.c->rules[0], BF_F_IP_DADDR, 0, 0x0a000001, 0x0a000002, false);
	bf_box_make(&b, &h.c->rules[0], bf_sorts(BF_SORTS_ALL, false, NFPROTO_IPV4), NFPROTO_IPV4);
	assert_int_equal(b.n_addr[1], 1);
	assert_int_equal(b.addr[1][0].len, 30);
	assert_int_equal(b.n_tests, 1);
	assert_int_equal(b.rest, 0);
	end(&h);
}

UNIT_MAIN(cmocka_unit_test(rules_as_boxes), cmocka_unit_test(sets_are_apart), cmocka_unit_test(ports_share_nothing_but_boxes_do),
          cmocka_unit_test(equal_boxes_hide), cmocka_unit_test(counters_part_services), cmocka_unit_test(state_is_not_shared),
          cmocka_unit_test(lists_become_boxes))
