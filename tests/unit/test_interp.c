/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_interp.c: the oracle, held to what RFCs and the kernel's ip_tables say
 * in words: where headers are, what is not there, verdicts, counters, state.
 */
#include "lib/unit.h"

#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter/xt_conntrack.h>

#include "interp/packet.h"
#include "lib/packet.h"

static bf_u128 value(const struct test_packet *t, enum bf_field_id f)
{
	bf_u128 v = 0;

	assert_int_equal(bf_packet_field(&t->p, f, &v), 1);
	return v;
}

static void ipv4_fields(void **state)
{
	struct test_packet t;

	test_packet_ip4(&t, 0x0a000001, 0xc0a80102);
	test_packet_options4(&t, 2);
	t.bytes[1] = 0x48;
	t.bytes[8] = 17;
	test_packet_tcp(&t, 1234, 80, 0x12, "\2\4\5\xb4", 4);
	test_packet_payload(&t, NULL, 7);
	test_packet_done(&t);
	assert_true(value(&t, BF_F_IP_SADDR) == 0x0a000001);
	assert_true(value(&t, BF_F_IP_DADDR) == 0xc0a80102);
	assert_true(value(&t, BF_F_IP_TOS) == 0x48);
	assert_true(value(&t, BF_F_IP_TTL) == 17);
	assert_true(value(&t, BF_F_IP_LENGTH) == 28 + 24 + 7);
	assert_true(value(&t, BF_F_L4PROTO) == 6);
	assert_true(value(&t, BF_F_SPORT) == 1234);
	assert_true(value(&t, BF_F_DPORT) == 80);
	assert_true(value(&t, BF_F_TCP_FLAGS) == 0x12);
	assert_true(value(&t, BF_F_L4_AVAIL) == 31);
	assert_true(value(&t, BF_F_TCP_MSS) == 1460);
	assert_true(value(&t, BF_F_L4_FRAG) == 0);
	assert_true(value(&t, BF_F_IP_FRAG) == 0);
}

static void ipv4_fragments(void **state)
{
	struct test_packet t;

	for (unsigned offset = 0; offset < 3; offset++) {
		test_packet_ip4(&t, 1, 2);
		test_packet_frag4(&t, offset, true);
		test_packet_udp(&t, 53, 54);
		test_packet_done(&t);
		assert_true(value(&t, BF_F_IP_FRAG) == (offset != 0));
		assert_true(value(&t, BF_F_L4_FRAG) == (offset != 0));
		assert_true(value(&t, BF_F_L4_FRAG1) == (offset == 1));
		assert_true(value(&t, BF_F_L4_AVAIL) == 8);
	}
}

static void too_short_is_zero(void **state)
{
	struct test_packet t;

	test_packet_ip4(&t, 1, 2);
	test_packet_tcp(&t, 0x1234, 0x5678, 0xff, NULL, 0);
	test_packet_done(&t);
	test_packet_cut(&t, 39);
	assert_true(value(&t, BF_F_TCP_FLAGS) == 0xff);
	assert_true(value(&t, BF_F_SPORT) == 0x1234);
	assert_true(value(&t, BF_F_L4_AVAIL) == 19);
	assert_true(value(&t, BF_F_IP_LENGTH) == 40);
	test_packet_cut(&t, 33);
	assert_true(value(&t, BF_F_TCP_FLAGS) == 0);
	test_packet_cut(&t, 23);
	assert_true(value(&t, BF_F_SPORT) == 0);
	assert_true(value(&t, BF_F_ICMP) == 0);
	test_packet_cut(&t, 20);
	assert_true(value(&t, BF_F_L4_AVAIL) == 0);
}

static struct bf_l4 l4_of(const struct test_packet *t)
{
	struct bf_l4 l4;

	bf_packet_l4(&t->p, &l4);
	return l4;
}

static void ipv6_walks_extensions(void **state)
{
	struct test_packet t;

	test_packet_ip6(&t, 1, 2);
	test_packet_ext6(&t, IPPROTO_HOPOPTS, 0);
	test_packet_ext6(&t, IPPROTO_ROUTING, 1);
	test_packet_ah6(&t, 4);
	test_packet_frag6(&t, 0, true);
	for (int i = 0; i < 20; i++)
		test_packet_ext6(&t, IPPROTO_DSTOPTS, 0);
	test_packet_udp(&t, 5, 6);
	test_packet_done(&t);
	assert_int_equal(l4_of(&t).proto, IPPROTO_UDP);
	assert_int_equal(l4_of(&t).off, 40 + 8 + 16 + 24 + 8 + 160);
	assert_int_equal(l4_of(&t).avail, 8);
	assert_false(l4_of(&t).frag);
	assert_true(value(&t, BF_F_DPORT) == 6);
	assert_true(value(&t, BF_F_IP6_LENGTH) == t.len);
}

static void ipv6_ends_of_the_walk(void **state)
{
	struct test_packet t;

	test_packet_ip6(&t, 1, 2); /* no next header */
	test_packet_ext6(&t, IPPROTO_DSTOPTS, 0);
	test_packet_done(&t);
	assert_int_equal(l4_of(&t).proto, IPPROTO_NONE);
	assert_int_equal(l4_of(&t).off, 48);

	test_packet_ip6(&t, 1, 2); /* ESP hides the rest */
	test_packet_proto(&t, 50);
	test_packet_payload(&t, NULL, 8);
	test_packet_done(&t);
	assert_int_equal(l4_of(&t).proto, 50);

	test_packet_ip6(&t, 1, 2); /* the last extension points beyond the packet: found, but nothing there */
	test_packet_ext6(&t, IPPROTO_DSTOPTS, 3);
	test_packet_udp(&t, 1, 2);
	test_packet_done(&t);
	test_packet_cut(&t, 50);
	assert_false(l4_of(&t).bad);
	assert_int_equal(l4_of(&t).proto, IPPROTO_UDP);
	assert_int_equal(l4_of(&t).avail, 0);
}

static void ipv6_broken_chains(void **state)
{
	static const struct {
		uint8_t kind;
		unsigned need;
	} rows[] = { { IPPROTO_HOPOPTS, 2 }, { IPPROTO_DSTOPTS, 2 }, { IPPROTO_AH, 2 }, { IPPROTO_ROUTING, 4 }, { IPPROTO_FRAGMENT, 4 } };
	struct test_packet t;

	for (size_t i = 0; i < BF_ARRAY_SIZE(rows); i++) {
		for (unsigned have = 0; have <= 8; have++) {
			test_packet_ip6(&t, 1, 2);
			if (rows[i].kind == IPPROTO_FRAGMENT)
				test_packet_frag6(&t, 0, false);
			else if (rows[i].kind == IPPROTO_AH)
				test_packet_ah6(&t, 0);
			else
				test_packet_ext6(&t, rows[i].kind, 0);
			test_packet_proto(&t, IPPROTO_TCP);
			test_packet_done(&t);
			test_packet_cut(&t, 40 + have);
			assert_int_equal(l4_of(&t).bad, have < rows[i].need);
			assert_true(value(&t, BF_F_L4_BADEXT) == (have < rows[i].need));
			assert_int_equal(l4_of(&t).proto, have < rows[i].need ? 0 : IPPROTO_TCP);
		}
	}
}

static void ipv6_fragments(void **state)
{
	struct test_packet t;

	test_packet_ip6(&t, 1, 2);
	test_packet_frag6(&t, 5, true);
	test_packet_udp(&t, 1, 2);
	test_packet_done(&t);
	assert_true(l4_of(&t).frag);
	assert_false(l4_of(&t).frag_one);
	assert_int_equal(l4_of(&t).proto, IPPROTO_UDP);
	assert_int_equal(l4_of(&t).off, 0); /* as the kernel leaves it */

	test_packet_ip6(&t, 1, 2); /* an extension header in the middle of a datagram cannot be followed */
	test_packet_frag6(&t, 5, true);
	test_packet_ext6(&t, IPPROTO_DSTOPTS, 0);
	test_packet_udp(&t, 1, 2);
	test_packet_done(&t);
	assert_true(l4_of(&t).bad);
	assert_false(l4_of(&t).frag);

	test_packet_ip6(&t, 1, 2); /* a fragment of nothing */
	test_packet_frag6(&t, 5, false);
	test_packet_done(&t);
	assert_true(l4_of(&t).frag);
	assert_int_equal(l4_of(&t).proto, IPPROTO_NONE);
}

static int tcp_option(const char *options, size_t len, uint8_t kind)
{
	struct test_packet t;

	test_packet_ip4(&t, 1, 2);
	test_packet_tcp(&t, 1, 2, 0, options, len);
	test_packet_done(&t);
	return bf_packet_tcp_option(&t.p, kind);
}

static void tcp_options(void **state)
{
	struct test_packet t;
	uint16_t mss;

	assert_int_equal(tcp_option("\1\1\2\4\5\xb4\1\1", 8, 2), 1);
	assert_int_equal(tcp_option("\1\1\2\4\5\xb4\1\1", 8, 5), 0); /* inside another option */
	assert_int_equal(tcp_option("\0\0\0\10", 4, 8), 1);          /* end of list does not end it */
	assert_int_equal(tcp_option("\7\0\10\0", 4, 8), 1);          /* length 0: one byte on */
	assert_int_equal(tcp_option("\7\377\10\0", 4, 8), 0);        /* beyond the end */
	assert_int_equal(tcp_option("\1\1\1\10", 4, 8), 1);          /* no room for its length */
	assert_int_equal(tcp_option("", 0, 8), 0);

	test_packet_ip4(&t, 1, 2);
	test_packet_tcp(&t, 1, 2, 0, "\2\4\5\xb4\0\0\0\0", 8);
	test_packet_done(&t);
	assert_int_equal(bf_packet_tcp_mss(&t.p, &mss), 1);
	assert_int_equal(mss, 1460);
	test_packet_cut(&t, 47);
	assert_int_equal(bf_packet_tcp_option(&t.p, 2), -EBADMSG);
	assert_int_equal(bf_packet_tcp_mss(&t.p, &mss), -EBADMSG);
	t.bytes[32] = 0x40;
	assert_int_equal(bf_packet_tcp_mss(&t.p, &mss), -EBADMSG);
	t.bytes[32] = 0x50;
	assert_int_equal(bf_packet_tcp_mss(&t.p, &mss), 0);
	test_packet_cut(&t, 39);
	assert_int_equal(bf_packet_tcp_mss(&t.p, &mss), -EBADMSG);
}

static void unavailable_fields(void **state)
{
	static const enum bf_field_id ids[] = {
		BF_F_SKUID, BF_F_SKGID, BF_F_ETHER_SADDR, BF_F_CT_PROTO, BF_F_CT_EXPIRES, BF_F_CT_ORIG_IP_SADDR, BF_F_CT_REPL_DPORT,
	};
	struct test_packet t;
	bf_u128 v;

	test_packet_ip4(&t, 1, 2);
	test_packet_udp(&t, 1, 2);
	test_packet_done(&t);
	for (size_t i = 0; i < BF_ARRAY_SIZE(ids); i++)
		assert_int_equal(bf_packet_field(&t.p, ids[i], &v), 0);
	t.p.socket = BF_SOCKET_BARE;
	assert_int_equal(bf_packet_field(&t.p, BF_F_SKUID, &v), 0);
	assert_true(value(&t, BF_F_SOCKET) == BF_SOCKET_BARE);
	t.p.socket = BF_SOCKET_FILE;
	t.p.has_mac = true;
	t.p.ctstate = 2;
	for (size_t i = 0; i < BF_ARRAY_SIZE(ids); i++)
		assert_int_equal(bf_packet_field(&t.p, ids[i], &v), 1);
}

/* Tables. */

struct bench {
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_chain *input;
	struct bf_interp *in;
	struct test_packet p;
	struct bf_outcome out;
};

static struct bf_rule *rule(struct bench *b, struct bf_chain *c, enum bf_verdict_kind kind, struct bf_chain *to)
{
	struct bf_rule *r = bf_chain_add_rule(b->rs, c);

	r->counter = b->t->n_counters++;
	r->verdict = (struct bf_verdict){ kind, 0, { to } };
	return r;
}

static struct bf_chain *chain(struct bench *b, const char *name)
{
	struct bf_chain *c = bf_table_add_chain(b->rs, b->t, name);

	c->counter = b->t->n_counters++;
	return c;
}

/* Counter 0 is INPUT's policy. */
static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->rs = bf_ruleset_new();
	b->t = bf_ruleset_add_table(b->rs, NFPROTO_IPV4, "filter");
	b->input = chain(b, "INPUT");
	b->input->base = true;
	b->input->at.hook = NF_INET_LOCAL_IN;
	b->input->policy = BF_VERDICT_DROP;
	test_packet_ip4(&b->p, 0x0a000001, 0x0a000002);
	test_packet_tcp(&b->p, 1000, 80, 2, NULL, 0);
	test_packet_done(&b->p);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	bf_interp_free(b->in);
	bf_ruleset_free(b->rs);
	free(b);
	return 0;
}

static enum bf_rt_verdict run(struct bench *b)
{
	if (!b->in)
		b->in = bf_interp_new(b->t, 250);
	bf_interp_run(b->in, &b->p.p, &b->out);
	return b->out.verdict;
}

static uint64_t counted(struct bench *b, uint32_t counter)
{
	assert_int_equal(bf_interp_counters(b->in)[counter].bytes, bf_interp_counters(b->in)[counter].packets * b->p.p.len);
	return bf_interp_counters(b->in)[counter].packets;
}

static void policy_counts(void **state)
{
	struct bench *b = *state;

	assert_int_equal(run(b), BF_DROP);
	assert_int_equal(run(b), BF_DROP);
	assert_int_equal(counted(b, 0), 2);
	b->p.p.hook = NF_INET_FORWARD; /* no chain there */
	assert_int_equal(run(b), BF_ACCEPT);
	assert_int_equal(counted(b, 0), 2);
}

static void guards_drop_and_count_nothing(void **state)
{
	struct bench *b = *state;
	struct bf_rule *first = rule(b, b->input, BF_VERDICT_CONTINUE, NULL), *r = rule(b, b->input, BF_VERDICT_ACCEPT, NULL);

	bf_rule_add_value(b->rs, r, BF_F_L4PROTO, 0, 6, false);
	bf_rule_add_guard(b->rs, r, BF_F_L4_AVAIL, 0, 19);
	bf_rule_add_value(b->rs, r, BF_F_DPORT, 0, 80, false);
	assert_int_equal(run(b), BF_ACCEPT);
	test_packet_cut(&b->p, 39);
	assert_int_equal(run(b), BF_DROP);
	assert_true(b->out.hotdrop);
	b->p.bytes[9] = 17; /* not TCP: the guard is not reached */
	assert_int_equal(run(b), BF_DROP);
	assert_false(b->out.hotdrop);
	assert_int_equal(bf_interp_counters(b->in)[first->counter].packets, 3);
	assert_int_equal(bf_interp_counters(b->in)[r->counter].packets, 1);
	assert_int_equal(bf_interp_counters(b->in)[0].packets, 1);
}

static void unavailable_never_holds(void **state)
{
	struct bench *b = *state;
	struct bf_rule *r;

	for (int neg = 0; neg < 2; neg++) {
		r = rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
		bf_rule_add_value(b->rs, r, BF_F_SKUID, 0, 0, neg);
		r = rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
		bf_rule_add_cond(b->rs, r, &(struct bf_cond){ .field = &bf_fields[BF_F_SKUID], .guard = true, .neg = neg,
			.mask = UINT32_MAX, .ranges = &(struct bf_range){ 0, UINT32_MAX }, .n_ranges = 1 });
		bf_rule_add_value(b->rs, r, BF_F_DPORT, 0, 9, false);
	}
	assert_int_equal(run(b), BF_DROP);
	assert_false(b->out.hotdrop);
	assert_int_equal(counted(b, 0), 1);
}

static void jumps_return_behind_themselves(void **state)
{
	struct bench *b = *state;
	struct bf_chain *one = chain(b, "one"), *two = chain(b, "two");
	uint32_t behind, after_goto, in_two, end_of_two = two->counter;

	rule(b, b->input, BF_VERDICT_JUMP, one);
	behind = rule(b, b->input, BF_VERDICT_CONTINUE, NULL)->counter;
	rule(b, one, BF_VERDICT_GOTO, two);
	after_goto = rule(b, one, BF_VERDICT_ACCEPT, NULL)->counter;
	in_two = rule(b, two, BF_VERDICT_CONTINUE, NULL)->counter;
	assert_int_equal(run(b), BF_DROP);
	assert_int_equal(counted(b, behind), 1);
	assert_int_equal(counted(b, after_goto), 0);
	assert_int_equal(counted(b, in_two), 1);
	assert_int_equal(counted(b, end_of_two), 1);
	assert_int_equal(counted(b, one->counter), 0);
	assert_int_equal(counted(b, 0), 1);
}

static void return_without_jump_is_the_policy(void **state)
{
	struct bench *b = *state;
	struct bf_chain *one = chain(b, "one");
	uint32_t behind;

	rule(b, b->input, BF_VERDICT_GOTO, one);
	behind = rule(b, b->input, BF_VERDICT_ACCEPT, NULL)->counter;
	rule(b, one, BF_VERDICT_RETURN, NULL);
	assert_int_equal(run(b), BF_DROP);
	assert_int_equal(counted(b, behind), 0);
	assert_int_equal(counted(b, 0), 1);
	assert_int_equal(counted(b, one->counter), 0); /* its end was not reached */
}

static void jump_into_the_middle(void **state)
{
	struct bench *b = *state;
	struct bf_chain *one = chain(b, "one");
	struct bf_rule *j = rule(b, b->input, BF_VERDICT_JUMP, one);

	rule(b, one, BF_VERDICT_DROP, NULL);
	rule(b, one, BF_VERDICT_ACCEPT, NULL);
	j->verdict.index = 1;
	assert_int_equal(run(b), BF_ACCEPT);
}

static void actions_are_noted_in_order(void **state)
{
	struct bench *b = *state;
	struct bf_rule *r = rule(b, b->input, BF_VERDICT_CONTINUE, NULL);

	bf_rule_add_action(b->rs, r, &bf_target_log, &(struct bf_log){ 0 });
	r = rule(b, b->input, BF_VERDICT_ACTION, NULL);
	bf_rule_add_action(b->rs, r, &bf_target_nflog, &(struct bf_nflog){ 0 });
	bf_rule_add_action(b->rs, r, &bf_target_reject, &(struct bf_reject){ 3, NFPROTO_IPV4 });
	assert_int_equal(run(b), BF_ACCEPT);
	assert_int_equal(b->out.n_actions, 3);
	assert_ptr_equal(b->out.actions[0]->target, &bf_target_log);
	assert_ptr_equal(b->out.actions[1]->target, &bf_target_nflog);
	assert_ptr_equal(b->out.actions[2]->target, &bf_target_reject);
	assert_int_equal(counted(b, 0), 0);
}

/* How many of n packets a rule with this match accepts. */
static unsigned accepted(struct bench *b, const struct bf_match_ops *m, const void *data, unsigned n, uint64_t step)
{
	struct bf_rule *r = rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	unsigned hits = 0;

	bf_rule_add_match(b->rs, r, m, data, false);
	for (unsigned i = 0; i < n; i++, b->p.p.jiffies += step)
		hits += run(b) == BF_ACCEPT;
	return hits;
}

/* Measured on ip_tables: not 50. */
static void limit_wraps_at_32_bits(void **state)
{
	assert_int_equal(accepted(*state, &bf_match_limit, &(struct bf_limit){ 36000000, 50 }, 100, 0), 12);
}

static void limit_bursts(void **state)
{
	assert_int_equal(accepted(*state, &bf_match_limit, &(struct bf_limit){ 10000, 5 }, 100, 0), 5);
}

/* 10/second at HZ 250: a packet each 25 jiffies; sent each 5th. */
static void limit_refills(void **state)
{
	assert_int_equal(accepted(*state, &bf_match_limit, &(struct bf_limit){ 1000, 1 }, 1001, 5), 201);
}

static void statistic_nth(void **state)
{
	const struct bf_statistic third = { 1, false, 0, 2, 0, 2 };

	assert_int_equal(accepted(*state, &bf_match_statistic, &third, 30, 0), 10);
}

static uint32_t counting(void *ctx)
{
	return *(uint32_t *)ctx += 0x10000000;
}

static void statistic_random(void **state)
{
	struct bench *b = *state;
	struct bf_rule *r = rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	uint32_t number = 0;
	unsigned hits = 0;

	bf_rule_add_match(b->rs, r, &bf_match_statistic, &(struct bf_statistic){ .probability = 0x40000000 }, false);
	b->in = bf_interp_new(b->t, 250);
	bf_interp_set_random(b->in, counting, &number);
	for (int i = 0; i < 32; i++)
		hits += run(b) == BF_ACCEPT;
	assert_int_equal(hits, 16);
}

static void tcp_option_drops_what_is_cut(void **state)
{
	struct bench *b = *state;

	test_packet_ip4(&b->p, 1, 2);
	test_packet_tcp(&b->p, 1, 2, 0, "\10\12", 2);
	test_packet_done(&b->p);
	assert_int_equal(accepted(b, &bf_match_tcpopt, &(struct bf_tcpopt){ 8, false }, 1, 0), 1);
	test_packet_cut(&b->p, 43);
	assert_int_equal(run(b), BF_DROP);
	assert_true(b->out.hotdrop);
}

static void tcpmss_without_option(void **state)
{
	struct bench *b = *state;

	assert_int_equal(accepted(b, &bf_match_tcpmss, &(struct bf_tcpmss){ 0, 65535, false }, 1, 0), 0);
	assert_int_equal(counted(b, 0), 1);
	bf_interp_free(b->in);
	b->in = NULL;
	assert_int_equal(accepted(b, &bf_match_tcpmss, &(struct bf_tcpmss){ 0, 65535, true }, 1, 0), 1);
}

static bool conntrack(struct bench *b, const struct bf_conntrack *c)
{
	bool hotdrop = false;

	return bf_match_conntrack.eval(NULL, &b->p.p, c, &hotdrop);
}

static void conntrack_without_connection(void **state)
{
	struct bench *b = *state;
	struct bf_conntrack c = { .match = XT_CONNTRACK_STATE | XT_CONNTRACK_PROTO, .state_mask = XT_CONNTRACK_STATE_INVALID };

	assert_true(conntrack(b, &c)); /* the protocol is not looked at */
	c.state_mask = 2;
	assert_false(conntrack(b, &c));
	c.invert = XT_CONNTRACK_STATE;
	assert_true(conntrack(b, &c));
	c.match = XT_CONNTRACK_PROTO;
	assert_false(conntrack(b, &c));
	c.invert = XT_CONNTRACK_PROTO;
	assert_false(conntrack(b, &c));
	c.match = 0;
	assert_false(conntrack(b, &c));
}

static void conntrack_options(void **state)
{
	static const struct {
		struct bf_conntrack c;
		bool holds;
	} rows[] = {
		{ { .match = XT_CONNTRACK_STATE, .state_mask = 2 }, true },
		{ { .match = XT_CONNTRACK_STATE, .state_mask = 8 }, false },
		{ { .match = XT_CONNTRACK_DIRECTION }, false },
		{ { .match = XT_CONNTRACK_DIRECTION, .invert = XT_CONNTRACK_DIRECTION }, true },
		{ { .match = XT_CONNTRACK_PROTO, .l4proto = 6 }, true },
		{ { .match = XT_CONNTRACK_PROTO, .l4proto = 6 + 256 }, false },
		{ { .match = XT_CONNTRACK_STATUS, .status_mask = 6 }, true },
		{ { .match = XT_CONNTRACK_STATUS, .status_mask = 4 }, false },
		{ { .match = XT_CONNTRACK_EXPIRES, .expires_min = 10, .expires_max = 20 }, true },
		{ { .match = XT_CONNTRACK_EXPIRES, .expires_min = 20, .expires_max = 10 }, false },
		{ { .match = XT_CONNTRACK_ORIGSRC, .addr = { 0x0a0000ff }, .mask = { 0xffffff00 } }, true },
		{ { .match = XT_CONNTRACK_REPLDST, .addr = { 0, 0, 0, 5 }, .mask = { 0, 0, 0, 0xffffffff } }, false },
		{ { .match = XT_CONNTRACK_ORIGDST }, true }, /* no mask: any */
		{ { .match = XT_CONNTRACK_REPLSRC_PORT, .port_lo = { 0, 0, 80 }, .port_hi = { 0, 0, 90 } }, true },
		{ { .match = XT_CONNTRACK_REPLSRC_PORT, .invert = XT_CONNTRACK_REPLSRC_PORT, .port_lo = { 0, 0, 80 },
		    .port_hi = { 0, 0, 90 } }, false },
	};
	struct bench *b = *state;

	b->p.p.ctstate = 2 | BF_CT_REPLY;
	b->p.p.ctstatus = 2;
	b->p.p.ct.proto = 6;
	b->p.p.ct.expires = 15;
	b->p.p.ct.saddr[0] = 0x0a000001;
	b->p.p.ct.sport[1] = 85;
	for (size_t i = 0; i < BF_ARRAY_SIZE(rows); i++)
		if (conntrack(b, &rows[i].c) != rows[i].holds)
			fail_msg("row %zu", i);
}

static bool bytecode(struct bench *b, const struct sock_filter *insns, uint16_t n)
{
	bool hotdrop = false;

	return bf_match_bytecode.eval(NULL, &b->p.p, &(struct bf_bytecode){ n, insns }, &hotdrop);
}

#define BYTECODE(b, ...) bytecode(b, (struct sock_filter[]){ __VA_ARGS__ }, sizeof((struct sock_filter[]){ __VA_ARGS__ }) / 8)
#define RET_A BPF_STMT(BPF_RET | BPF_A, 0)

static void bytecode_runs(void **state)
{
	struct bench *b = *state;

	assert_true(BYTECODE(b, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1),
	                     BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)));
	assert_false(BYTECODE(b, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 38), BPF_STMT(BPF_RET | BPF_K, 1))); /* beyond the end */
	assert_true(BYTECODE(b, BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 38), BPF_STMT(BPF_RET | BPF_K, 1)));
	assert_false(BYTECODE(b, BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, 1)));
	assert_true(BYTECODE(b, BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	                     BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 81), RET_A)); /* the destination port is 80 */
	assert_false(BYTECODE(b, BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	                      BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 80), RET_A));
	assert_false(BYTECODE(b, BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 40), RET_A));
	assert_false(BYTECODE(b, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL),
	                      BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x800), RET_A));
	assert_true(BYTECODE(b, BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 0),
	                     BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_MISC | BPF_TXA, 0), RET_A));
	assert_true(BYTECODE(b, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 9), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
	                     BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)));
}

static void any_of_groups(void **state)
{
	struct bench *b = *state;
	const struct bf_range r80 = { 80, 80 }, r6 = { 6, 6 };
	struct bf_cond port = { .field = &bf_fields[BF_F_DPORT], .mask = 0xffff, .ranges = &r80, .n_ranges = 1 };
	struct bf_cond not6 = { .field = &bf_fields[BF_F_L4PROTO], .mask = 0xff, .ranges = &r6, .n_ranges = 1, .neg = true };
	const struct bf_cond_ref conds[] = { bf_cond_at(&port), bf_cond_at(&not6) };
	const struct bf_any_group groups[] = { { conds, 2 }, { conds + 1, 1 }, { conds, 1 } };
	bool hotdrop = false;

	assert_false(bf_match_any.eval(b->in, &b->p.p, &(struct bf_any){ groups, 2 }, &hotdrop));
	assert_true(bf_match_any.eval(b->in, &b->p.p, &(struct bf_any){ groups, 3 }, &hotdrop));
	assert_false(bf_match_any.eval(b->in, &b->p.p, &(struct bf_any){ groups, 0 }, &hotdrop));
	assert_true(bf_match_any.eval(b->in, &b->p.p, &(struct bf_any){ &(struct bf_any_group){ NULL, 0 }, 1 }, &hotdrop));
}

#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(cmocka_unit_test(ipv4_fields), cmocka_unit_test(ipv4_fragments), cmocka_unit_test(too_short_is_zero),
          cmocka_unit_test(ipv6_walks_extensions), cmocka_unit_test(ipv6_ends_of_the_walk), cmocka_unit_test(ipv6_broken_chains),
          cmocka_unit_test(ipv6_fragments), cmocka_unit_test(tcp_options), cmocka_unit_test(unavailable_fields),
          WITH_TABLE(policy_counts), WITH_TABLE(guards_drop_and_count_nothing), WITH_TABLE(unavailable_never_holds),
          WITH_TABLE(jumps_return_behind_themselves), WITH_TABLE(return_without_jump_is_the_policy),
          WITH_TABLE(jump_into_the_middle), WITH_TABLE(actions_are_noted_in_order), WITH_TABLE(limit_wraps_at_32_bits),
          WITH_TABLE(limit_bursts), WITH_TABLE(limit_refills), WITH_TABLE(statistic_nth), WITH_TABLE(statistic_random),
          WITH_TABLE(tcp_option_drops_what_is_cut), WITH_TABLE(tcpmss_without_option), WITH_TABLE(conntrack_without_connection),
          WITH_TABLE(conntrack_options), WITH_TABLE(bytecode_runs), WITH_TABLE(any_of_groups))
