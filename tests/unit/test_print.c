/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_print.c: the canonical text. Rows of conditions and their text; whole
 * tables; equal text means equal rules (random rules, one bit changed).
 */
#include "lib/unit.h"

#include <linux/filter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

#include "lib/model.h"
#include "rule/print.h"

struct bench {
	struct bf_ruleset *rs;
	struct bf_rule *r;
	uint8_t family;
};

static struct bench bench_new(uint8_t family)
{
	struct bench b = { .rs = bf_ruleset_new(), .family = family };
	struct bf_table *t = bf_ruleset_add_table(b.rs, family, "t");

	b.r = bf_chain_add_rule(b.rs, bf_table_add_chain(b.rs, t, "c"));
	return b;
}

static void expect_free(struct bench *b, const char *text)
{
	_cleanup_buf_ struct bf_buf out = { 0 };

	bf_rule_print(&out, b->r, b->family);
	assert_string_equal(out.data, text);
	bf_ruleset_free(b->rs);
}

static bf_u128 name(const char *s)
{
	bf_u128 v = 0;

	for (int i = 0; i < 16; i++)
		v = v << 8 | (uint8_t)(*s ? *s++ : 0);
	return v;
}

static bf_u128 first_bytes(int n)
{
	return n ? ~(bf_u128)0 << 8 * (16 - n) : 0;
}

static const bf_u128 doc6 = (bf_u128)0x20010db8 << 96; /* 2001:db8:: */

static void fields(void **state)
{
	const struct {
		enum bf_field_id f;
		bf_u128 mask, lo, hi;
		bool neg;
		const char *text;
	} rows[] = {
		{ BF_F_IP_SADDR, 0, 0x0a000001, 0x0a000001, false, "ip saddr 10.0.0.1/32" },
		{ BF_F_IP_SADDR, 0xff000000, 0x0a000000, 0x0a000000, true, "ip saddr != 10.0.0.0/8" },
		{ BF_F_IP_SADDR, 0xff00ff00, 0x0a000100, 0x0a000100, false, "ip saddr & 255.0.255.0 == 10.0.1.0" },
		{ BF_F_IP_DADDR, 0, 0x0a000001, 0x0a0000ff, false, "ip daddr 10.0.0.1-10.0.0.255" },
		{ BF_F_IP6_SADDR, ~(bf_u128)0 << 96, doc6, doc6, false, "ip6 saddr 2001:db8::/32" },
		{ BF_F_IP_TTL, 0, 0, 9, false, "ip ttl 0-9" },
		{ BF_F_IP_TOS, 0xfc, 0x10, 0x10, true, "ip tos & 0xfc != 16" },
		{ BF_F_MARK, 0xff, 1, 1, false, "meta mark & 0xff == 0x00000001" },
		{ BF_F_MARK, 0, 1, 1, false, "meta mark 0x00000001" },
		{ BF_F_CT_STATE, 6, 1, 6, false, "ct state established,related" },
		{ BF_F_CT_STATE, 6, 1, 6, true, "ct state != established,related" },
		{ BF_F_CT_STATE, 0, 8, 8, false, "ct state == new" },
		{ BF_F_CT_STATUS, 0x8002, 1, 0x8002, false, "ct status seen-reply,0x8000" },
		{ BF_F_PKTTYPE, 0, 2, 2, false, "meta pkttype multicast" },
		{ BF_F_IIFNAME, first_bytes(3), name("eth"), name("eth"), false, "meta iifname \"eth*\"" },
		{ BF_F_IIFNAME, first_bytes(5), name("eth0"), name("eth0"), true, "meta iifname != \"eth0\"" },
		{ BF_F_IIFNAME, first_bytes(5), name("eth*"), name("eth*"), false, "meta iifname \"eth\\*\"" },
		{ BF_F_OIFNAME, first_bytes(1), 0, 0, false, "meta oifname \"\"" },
		{ BF_F_OIFNAME, 0, name("lo"), name("lo"), false, "meta oifname == \"lo\"" },
		{ BF_F_IIFNAME, (bf_u128)0xff << 120, (bf_u128)'a' << 120, (bf_u128)'b' << 120, false,
		  "meta iifname & 0xff000000000000000000000000000000 == \"a\"-\"b\"" },
		{ BF_F_ETHER_SADDR, 0, 0x0250fec0ffee, 0x0250fec0ffee, false, "ether saddr 02:50:fe:c0:ff:ee" },
		{ BF_F_L4PROTO, 0, 6, 6, true, "meta l4proto != tcp" },
		{ BF_F_L4PROTO, 0, 99, 99, false, "meta l4proto 99" },
		{ BF_F_TCP_FLAGS, 0x17, 2, 2, false, "unguarded tcp flags syn / fin,syn,rst,ack" },
		{ BF_F_TCP_FLAGS, 0x03, 0, 0, true, "unguarded tcp flags != 0x0 / fin,syn" },
		{ BF_F_ICMP, 0, 0x0300, 0x03ff, false, "unguarded icmp type 3" },
		{ BF_F_ICMP, 0, 0x0301, 0x0301, true, "unguarded icmp type != 3 code 1" },
		{ BF_F_ICMP, 0, 0x0301, 0x0304, false, "unguarded icmp type 3 code 1-4" },
		{ BF_F_ICMP, 0, 0x0301, 0x0404, false, "unguarded icmp typecode 769-1028" },
		{ BF_F_DPORT, 0, 22, 22, false, "unguarded th dport 22" },
		{ BF_F_SKUID, 0, 0, 1000, false, "meta skuid 0-1000" },
	};

	for (size_t i = 0; i < BF_ARRAY_SIZE(rows); i++) {
		struct bench b = bench_new(bf_fields[rows[i].f].family ? bf_fields[rows[i].f].family : NFPROTO_IPV4);

		bf_rule_add_range(b.rs, b.r, rows[i].f, rows[i].mask, rows[i].lo, rows[i].hi, rows[i].neg);
		expect_free(&b, rows[i].text);
	}
}

static void sets(void **state)
{
	static const struct bf_range ports[] = { { 22, 22 }, { 80, 90 } }, nets[] = { { 0, 0 }, { 0x0a000000, 0x0a000000 } };
	struct bench b = bench_new(NFPROTO_IPV4);

	bf_rule_add_cond(b.rs, b.r, &(struct bf_cond){ .field = &bf_fields[BF_F_CT_ORIG_SPORT], .mask = 0xffff, .neg = true,
		.ranges = ports, .n_ranges = 2 });
	bf_rule_add_cond(b.rs, b.r, &(struct bf_cond){ .field = &bf_fields[BF_F_IP_SADDR], .mask = 0xff000000, .ranges = nets,
		.n_ranges = 2 });
	expect_free(&b, "ct original proto-src != { 22, 80-90 } ip saddr { 0.0.0.0/8, 10.0.0.0/8 }");
}

static void proto(struct bench *b, uint8_t p)
{
	if (b->family == NFPROTO_IPV6)
		bf_rule_add_guard(b->rs, b->r, BF_F_L4_BADEXT, 1, 1);
	bf_rule_add_value(b->rs, b->r, BF_F_L4PROTO, 0, p, false);
}

static void header(struct bench *b, bool tcp, unsigned size)
{
	if (tcp && b->family == NFPROTO_IPV4)
		bf_rule_add_guard(b->rs, b->r, BF_F_L4_FRAG1, 1, 1);
	bf_rule_add_value(b->rs, b->r, BF_F_L4_FRAG, 0, 0, false);
	bf_rule_add_guard(b->rs, b->r, BF_F_L4_AVAIL, 0, size - 1);
}

static void dport(struct bench *b, uint16_t port)
{
	bf_rule_add_value(b->rs, b->r, BF_F_DPORT, 0, port, false);
}

static void headers(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
		struct bench b = bench_new(family);

		proto(&b, 6);
		header(&b, true, 20);
		dport(&b, 22);
		bf_rule_add_value(b.rs, b.r, BF_F_TCP_FLAGS, 0x12, 2, false);
		expect_free(&b, "tcp dport 22 tcp flags syn / syn,ack");

		b = bench_new(family);
		proto(&b, 6);
		bf_rule_add_range(b.rs, b.r, BF_F_CT_STATE, 8, 1, 8, false);
		header(&b, true, 20);
		dport(&b, 22);
		header(&b, false, 4);
		dport(&b, 23);
		expect_free(&b, "meta l4proto tcp ct state new tcp dport 22 th dport 23");

		b = bench_new(family);
		proto(&b, 17);
		header(&b, false, 8);
		expect_free(&b, "udp header");

		b = bench_new(family);
		proto(&b, 17);
		header(&b, false, 4);
		dport(&b, 53);
		expect_free(&b, "meta l4proto udp th dport 53");

		b = bench_new(family);
		proto(&b, v6 ? 58 : 1);
		header(&b, false, 8);
		bf_rule_add_range(b.rs, b.r, BF_F_ICMP, 0, 0x0800, 0x08ff, false);
		expect_free(&b, v6 ? "icmpv6 type 8" : "icmp type 8");
	}
}

/* What is almost an idiom is printed as it is. */
static void almost_headers(void **state)
{
	struct bench b = bench_new(NFPROTO_IPV4);

	proto(&b, 17);
	header(&b, true, 20);
	dport(&b, 22);
	expect_free(&b, "meta l4proto udp guard th fragment-one 1 th fragment 0 guard th available 0-19 unguarded th dport 22");

	b = bench_new(NFPROTO_IPV6);
	bf_rule_add_value(b.rs, b.r, BF_F_L4PROTO, 0, 6, false);
	header(&b, true, 20);
	dport(&b, 22);
	expect_free(&b, "unguarded meta l4proto tcp th fragment 0 guard th available 0-19 unguarded th dport 22");

	b = bench_new(NFPROTO_IPV6);
	bf_rule_add_guard(b.rs, b.r, BF_F_L4_BADEXT, 1, 1);
	expect_free(&b, "guard exthdr broken 1");
}

static void match(const struct bf_match_ops *m, const void *data, bool neg, const char *text)
{
	struct bench b = bench_new(NFPROTO_IPV4);

	bf_rule_add_match(b.rs, b.r, m, data, neg);
	expect_free(&b, text);
}

static void matches(void **state)
{
	const struct sock_filter insns[] = { { 48, 0, 0, 9 }, { 6, 0, 0, 1 } };
	const struct bf_cond cond = { .field = &bf_fields[BF_F_IP_TTL], .mask = 0xff, .ranges = &(struct bf_range){ 1, 2 }, .n_ranges = 1 };
	const struct bf_cond_ref ref = bf_cond_at(&cond);
	const struct bf_any_group groups[] = { { &ref, 1 }, { NULL, 0 } };
	struct bf_conntrack ct = { .match = XT_CONNTRACK_STATE | XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST_PORT |
		                                XT_CONNTRACK_DIRECTION,
		                       .invert = XT_CONNTRACK_ORIGSRC, .state_mask = 8, .addr = { 0x0a000000 },
		                       .mask = { 0xff000000 }, .port_lo = { 0, 22 }, .port_hi = { 0, 23 } };

	match(&bf_match_limit, &(struct bf_limit){ 400, 50 }, false, "limit rate 25/second burst 50 packets");
	match(&bf_match_limit, &(struct bf_limit){ 36000000, 5 }, false, "limit rate 1/hour burst 5 packets");
	match(&bf_match_limit, &(struct bf_limit){ 2000000, 5 }, true, "not limit rate 18/hour burst 5 packets");
	match(&bf_match_limit, &(struct bf_limit){ 12345678, 5 }, false, "limit rate 1/1234.5678s burst 5 packets");
	match(&bf_match_statistic, &(struct bf_statistic){ 0, false, 0x40000000, 0, 0, 0 }, false,
	      "statistic random probability 1073741824/2147483648");
	match(&bf_match_statistic, &(struct bf_statistic){ 1, true, 0, 2, 1, 0 }, false,
	      "statistic != nth every 3 packet 1 count 0");
	match(&bf_match_tcpopt, &(struct bf_tcpopt){ 8, true }, false, "tcp option 8 missing");
	match(&bf_match_tcpmss, &(struct bf_tcpmss){ 1, 500, true }, true, "not tcpmss != 1-500");
	match(&bf_match_bytecode, &(struct bf_bytecode){ 2, insns }, false, "bytecode \"2,48 0 0 9,6 0 0 1\"");
	match(&bf_match_assist, &(struct bf_assist){ .text = "addrtype --dst-type LOCAL" }, true,
	      "not xt addrtype --dst-type LOCAL");
	match(&bf_match_any, &(struct bf_any){ groups, 2 }, false, "any of ( ip ttl 1-2 | )");
	match(&bf_match_conntrack, &ct, false,
	      "conntrack { ct state new; ct reply 0; ct original ip saddr != 10.0.0.0/255.0.0.0; "
	      "ct original proto-dst 22-23 }");
}

static void target(const struct bf_target_ops *t, const void *data, const char *text)
{
	struct bench b = bench_new(NFPROTO_IPV4);

	bf_rule_add_action(b.rs, b.r, t, data);
	b.r->verdict.kind = t->terminal ? BF_VERDICT_ACTION : BF_VERDICT_CONTINUE;
	expect_free(&b, text);
}

static void targets(void **state)
{
	target(&bf_target_reject, &(struct bf_reject){ IPT_ICMP_ADMIN_PROHIBITED, NFPROTO_IPV4 },
	       "reject with icmp admin-prohibited");
	target(&bf_target_reject, &(struct bf_reject){ IP6T_TCP_RESET, NFPROTO_IPV6 }, "reject with tcp reset");
	target(&bf_target_log, &(struct bf_log){ 4, 0, "a\"b\\c\n" }, "log prefix \"a\\\"b\\\\c\\x0a\" level warn");
	target(&bf_target_log, &(struct bf_log){ 7, 0x2f, "" },
	       "log level debug flags tcp sequence flags tcp options flags ip options flags skuid flags ether");
	target(&bf_target_nflog, &(struct bf_nflog){ 64, 2, 10, 1, "p" }, "log prefix \"p\" group 2 snaplen 64 queue-threshold 10");
}

static void table(void **state)
{
	const struct bf_rt_counter counters[] = { { 5, 300 }, { 2, 120 }, { 0, 0 } };
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = bf_ruleset_add_table(rs, NFPROTO_IPV4, "filter");
	struct bf_chain *in = bf_table_add_chain(rs, t, "INPUT"), *user = bf_table_add_chain(rs, t, "my chain");
	_cleanup_buf_ struct bf_buf out = { 0 }, json = { 0 };
	struct bf_rule *r = bf_chain_add_rule(rs, in);

	in->base = true;
	in->at.hook = NF_INET_LOCAL_IN;
	in->policy = BF_VERDICT_DROP;
	in->counter = 1;
	bf_rule_add_value(rs, r, BF_F_IP_SADDR, 0xff000000, 0x0a000000, false);
	r->counter = 0;
	r->comment = "to \"user\"";
	r->verdict = (struct bf_verdict){ BF_VERDICT_JUMP, 0, { user } };
	bf_chain_add_rule(rs, user)->verdict.kind = BF_VERDICT_RETURN;
	bf_chain_add_rule(rs, user);
	bf_table_print(&out, t, counters);
	assert_string_equal(out.data, "table ip filter {\n"
	                              "\tchain INPUT {\n"
	                              "\t\ttype filter hook input priority 0; policy drop; counter packets 2 bytes 120\n"
	                              "\t\tip saddr 10.0.0.0/8 counter packets 5 bytes 300 jump \"my chain\" comment \"to \\\"user\\\"\"\n"
	                              "\t}\n\n"
	                              "\tchain \"my chain\" {\n\t\treturn\n\t\tcontinue\n\t}\n}\n");
	bf_table_print_json(&json, t, counters);
	assert_string_equal(json.data,
	                    "{\"family\": \"ip\", \"name\": \"filter\", \"chains\": [\n"
	                    "{\"name\": \"INPUT\", \"hook\": \"input\", \"priority\": 0, \"policy\": \"drop\", \"packets\": 2, \"bytes\": 120, "
	                    "\"rules\": [\n{\"match\": \"ip saddr 10.0.0.0/8\", \"actions\": [], \"verdict\": \"jump\", "
	                    "\"target\": \"my chain\", \"packets\": 5, \"bytes\": 300, \"comment\": \"to \\\"user\\\"\"}]},\n"
	                    "{\"name\": \"my chain\", \"policy\": \"return\", \"rules\": [\n"
	                    "{\"match\": \"\", \"actions\": [], \"verdict\": \"return\"},\n"
	                    "{\"match\": \"\", \"actions\": []}]}]}");
}

static char *text_of(const struct bf_rule *r, uint8_t family)
{
	struct bf_buf out = { 0 };

	bf_rule_print(&out, r, family);
	return out.data;
}

/* A different condition reads differently: what text says is all there is. */
static void one_change_shows(void **state)
{
	unsigned changed = 0;

	for (uint64_t seed = 0; seed < 300; seed++) {
		struct test_model_opts o = { .family = seed & 1 ? NFPROTO_IPV6 : NFPROTO_IPV4, .size = 12 };
		struct rng r = { seed };
		_cleanup_ruleset_ struct bf_ruleset *rs = test_model_random(&r, &o);
		struct bf_chain *c = rs->tables[0]->chains[0];

		for (uint32_t i = 0; i < c->n_rules; i++) {
			for (uint32_t k = 0; k < c->rules[i].n_conds; k++) {
				struct bf_cond_ref was = c->rules[i].conds[k];
				const struct bf_cond *saved = bf_rule_cond(&c->rules[i], k);
				struct bf_cond changing = *saved, *cond = &changing;
				_cleanup_free_ char *before = text_of(&c->rules[i], o.family), *after = NULL;
				struct bf_range range;

				if (cond->kind != BF_COND_FIELD)
					continue;
				c->rules[i].conds[k] = bf_cond_at(cond);
				range = cond->ranges[0];
				switch (rng_below(&r, 4)) {
				case 0:
					cond->neg = !cond->neg;
					break;
				case 1:
					cond->guard = !cond->guard;
					break;
				case 2:
					cond->mask ^= (bf_u128)1 << rng_below(&r, cond->field->bits);
					break;
				default:
					range.lo ^= (bf_u128)1 << rng_below(&r, cond->field->bits);
					cond->ranges = &range;
					cond->n_ranges = 1;
				}
				after = text_of(&c->rules[i], o.family);
				if (saved->n_ranges == 1 && range.lo <= range.hi && !strcmp(before, after))
					fail_msg("not seen in the text: %s", before);
				changed++;
				c->rules[i].conds[k] = was;
			}
		}
	}
	assert_true(changed > 500);
}

UNIT_MAIN(cmocka_unit_test(fields), cmocka_unit_test(sets), cmocka_unit_test(headers), cmocka_unit_test(almost_headers),
          cmocka_unit_test(matches), cmocka_unit_test(targets), cmocka_unit_test(table), cmocka_unit_test(one_change_shows))
