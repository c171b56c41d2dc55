/* SPDX-License-Identifier: GPL-2.0-only */
/* test_live.c: sets, maps and objects as the oracle has them, held to what nft's kernel does. */
#include "lib/unit.h"

#include "lib/packet.h"

enum { HZ = 1000, TCP_SYN = 2 };

struct world {
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_chain *c;
	struct bf_rule *r;
	struct bf_interp *in;
	uint64_t jiffies;
};

static void begin(struct world *w)
{
	*w = (struct world){ .rs = bf_ruleset_new(), .jiffies = 1000000 };
	w->t = bf_ruleset_add_table(w->rs, NFPROTO_IPV4, "t");
	w->c = bf_table_add_chain(w->rs, w->t, "c");
	w->c->base = true;
	w->c->at.hook = NF_INET_LOCAL_IN;
	w->c->policy = BF_VERDICT_ACCEPT;
	w->r = bf_chain_add_rule(w->rs, w->c);
	w->r->verdict.kind = BF_VERDICT_DROP;
}

static void end(struct world *w)
{
	bf_interp_free(w->in);
	bf_ruleset_free(w->rs);
}

static struct bf_outcome send(struct world *w, uint32_t saddr, uint16_t dport)
{
	struct test_packet t;
	struct bf_outcome out;

	if (!w->in)
		w->in = bf_interp_new(w->t, HZ);
	test_packet_ip4(&t, saddr, 0xc0000201);
	test_packet_tcp(&t, 1234, dport, TCP_SYN, NULL, 0);
	test_packet_payload(&t, NULL, 60);
	test_packet_done(&t);
	t.p.hook = NF_INET_LOCAL_IN;
	t.p.jiffies = w->jiffies;
	bf_interp_run(w->in, &t.p, &out);
	return out;
}

static bool dropped(struct world *w, uint32_t saddr, uint16_t dport)
{
	return send(w, saddr, dport).verdict == BF_DROP;
}

static struct bf_set *add_set(struct world *w, const char *name, unsigned parts)
{
	struct bf_set *s = bf_table_add_set(w->rs, w->t, name);

	s->n_parts = parts;
	s->bits[0] = 32;
	s->bits[1] = 16;
	return s;
}

static struct bf_lookup key_of(const struct bf_set *s)
{
	return (struct bf_lookup){ .set = s, .part = { { .field = &bf_fields[BF_F_IP_SADDR] },
		                                           { .field = &bf_fields[BF_F_DPORT] } } };
}

static void look(struct world *w, const struct bf_set *s, bool neg)
{
	const struct bf_lookup k = key_of(s);

	assert_int_equal(bf_rule_add_match(w->rs, w->r, &bf_match_lookup, &k, neg), 0);
}

static void boxes(void **state)
{
	const struct bf_range a[] = { { 10, 20 }, { 80, 90 } }, b[] = { { 15, 15 }, { 91, 100 } };
	struct world w;
	struct bf_set *s;

	begin(&w);
	s = add_set(&w, NULL, 2);
	bf_set_add(w.rs, s, a, NULL, NULL);
	bf_set_add(w.rs, s, b, NULL, NULL);
	look(&w, s, false);
	assert_true(dropped(&w, 10, 80));
	assert_true(dropped(&w, 20, 90));
	assert_false(dropped(&w, 20, 91));
	assert_true(dropped(&w, 15, 91));
	assert_false(dropped(&w, 21, 80));
	end(&w);
}

/* The first element that holds the key says where to go; no element: the next rule. */
static void verdict_map(void **state)
{
	const struct bf_range a[] = { { 10, 20 } }, b[] = { { 15, 30 } }, c[] = { { 40, 40 } };
	const struct bf_verdict drop = { .kind = BF_VERDICT_DROP }, go = { .kind = BF_VERDICT_CONTINUE };
	struct bf_verdict jump = { .kind = BF_VERDICT_JUMP };
	union bf_datum d;
	struct world w;
	struct bf_set *s;

	begin(&w);
	jump.chain = bf_table_add_chain(w.rs, w.t, "user");
	bf_chain_add_rule(w.rs, jump.chain)->verdict.kind = BF_VERDICT_DROP;
	s = add_set(&w, "m", 1);
	s->data = BF_DATA_VERDICT;
	bf_set_add_verdict(w.rs, s, &go, &d.verdict);
	bf_set_add(w.rs, s, a, &d, NULL);
	bf_set_add_verdict(w.rs, s, &drop, &d.verdict);
	bf_set_add(w.rs, s, b, &d, NULL);
	bf_set_add_verdict(w.rs, s, &jump, &d.verdict);
	bf_set_add(w.rs, s, c, &d, NULL);
	assert_int_equal(s->n_verdicts, 3);
	look(&w, s, false);
	w.r->verdict = (struct bf_verdict){ .kind = BF_VERDICT_MAP, .map = s };
	assert_false(dropped(&w, 15, 1));
	assert_true(dropped(&w, 21, 1));
	assert_true(dropped(&w, 40, 1));
	assert_false(dropped(&w, 41, 1));
	end(&w);
}

static void add_change(struct world *w, struct bf_set *s, enum bf_element_verb verb)
{
	const struct bf_element_change c = { .verb = verb, .key = key_of(s) };

	s->flags |= BF_SET_LIVE;
	assert_int_equal(bf_rule_add_match(w->rs, w->r, &bf_match_element, &c, false), 0);
}

static void full_set_takes_no_more(void **state)
{
	struct world w;
	struct bf_set *s;

	begin(&w);
	s = add_set(&w, "s", 1);
	s->size = 2;
	s->timeout = 1000;
	add_change(&w, s, BF_ELEMENT_ADD);
	assert_true(dropped(&w, 1, 1));
	assert_true(dropped(&w, 2, 1));
	assert_false(dropped(&w, 3, 1));
	assert_true(dropped(&w, 2, 1)); /* it is there */
	w.jiffies += 999;
	assert_false(dropped(&w, 3, 1));
	w.jiffies += 1; /* add does not make elements younger */
	assert_true(dropped(&w, 3, 1));
	end(&w);
}

static void update_makes_younger(void **state)
{
	struct world w;
	struct bf_set *s;
	uint32_t n;

	begin(&w);
	s = add_set(&w, "s", 1);
	s->size = 1;
	s->timeout = 1000;
	add_change(&w, s, BF_ELEMENT_UPDATE);
	assert_true(dropped(&w, 1, 1));
	w.jiffies += 600;
	assert_true(dropped(&w, 1, 1));
	w.jiffies += 600;
	assert_false(dropped(&w, 2, 1));
	assert_true(bf_interp_live(w.in, s, &n)->key[0] == 1);
	assert_int_equal(n, 1);
	w.jiffies += 1000;
	assert_true(dropped(&w, 2, 1));
	end(&w);
}

/* limit rate over 2/second burst 3 packets, for each address. */
static void element_limit(void **state)
{
	struct world w;
	struct bf_set *s;

	begin(&w);
	s = add_set(&w, "s", 1);
	s->n_state = 1;
	s->state[0] = (struct bf_stateful){ .kind = BF_STATEFUL_LIMIT, .over = true, .rate = 2, .per = 1, .burst = 3 };
	assert_int_equal(bf_stateful_check(&s->state[0]), 0);
	add_change(&w, s, BF_ELEMENT_ADD);
	for (int i = 0; i < 3; i++)
		assert_false(dropped(&w, 1, 1));
	assert_true(dropped(&w, 1, 1));
	assert_false(dropped(&w, 2, 1)); /* a bucket of its own */
	w.jiffies += 499;
	assert_true(dropped(&w, 1, 1));
	w.jiffies += 1;
	assert_false(dropped(&w, 1, 1));
	assert_true(dropped(&w, 1, 1));
	end(&w);
}

/* A quota shared by two rules. */
static void shared_quota(void **state)
{
	const struct bf_stateful quota = { .kind = BF_STATEFUL_QUOTA, .over = true, .quota = 300, .used = 1 };
	struct bf_object_use use;
	struct world w;

	begin(&w);
	use.object = bf_table_add_object(w.rs, w.t, "q", 7, &quota);
	bf_rule_add_match(w.rs, w.r, &bf_match_object, &use, false);
	w.r = bf_chain_add_rule(w.rs, w.c);
	w.r->verdict.kind = BF_VERDICT_DROP;
	bf_rule_add_match(w.rs, w.r, &bf_match_object, &use, false);
	assert_false(dropped(&w, 1, 1)); /* 2 * 100 bytes */
	assert_true(dropped(&w, 1, 1));
	assert_int_equal(bf_interp_object_state(w.in, use.object)->used, 301); /* the second rule was not asked */
	end(&w);
}

static void refused_state(void **state)
{
	struct bf_stateful s = { .kind = BF_STATEFUL_LIMIT, .per = 1 };

	assert_int_equal(bf_stateful_check(&s), -EOVERFLOW);
	s.rate = UINT64_MAX;
	s.burst = 1;
	assert_int_equal(bf_stateful_check(&s), -EOVERFLOW);
	s = (struct bf_stateful){ .kind = BF_STATEFUL_QUOTA, .quota = 1, .used = 2 };
	assert_int_equal(bf_stateful_check(&s), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(boxes), cmocka_unit_test(verdict_map), cmocka_unit_test(full_set_takes_no_more),
          cmocka_unit_test(update_makes_younger), cmocka_unit_test(element_limit), cmocka_unit_test(shared_quota),
          cmocka_unit_test(refused_state))
