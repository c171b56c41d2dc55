/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.c: random rulesets (model.h). Half of the conditions are the idioms
 * that the iptables front makes (guards, then a look at the header), the other
 * half are any field under any mask, so that nothing depends on idioms. Values
 * come from small sets, so that rules overlap and match.
 */
#include "lib/model.h"

#include "base/image.h"
#include "lib/made.h"
#include "lib/ranges.h"

#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <stdio.h>

#define PICK(r, a) ((a)[rng_below((r), BF_ARRAY_SIZE(a))])

struct maker {
	struct rng *r;
	const struct test_model_opts *o;
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_rule *rule;
	uint32_t chain; /* whose */
	unsigned loads; /* assists so far: there are 32 bits */
	uint8_t family; /* that the rule is mostly about */
};

static const uint16_t ports[] = { 0, 1, 21, 22, 23, 53, 80, 443, 1023, 1024, 8080, 32767, 32768, 65534, 65535 };

static bf_u128 ifname(const char *s)
{
	bf_u128 v = 0;

	for (int i = 0; i < 16; i++)
		v = v << 8 | (uint8_t)(*s ? *s++ : 0);
	return v;
}

static bf_u128 some_value(struct rng *r, const struct bf_field *f)
{
	static const char *const names[] = { "", "lo", "eth0", "eth1", "eth10", "wlan0", "veth123456789ab" };
	static const uint8_t protos[] = { 0, 1, 6, 17, 50, 51, 58, 59, 132, 136, 255 };
	static const uint32_t nets[] = { 0x0a000000, 0x0a000001, 0x0a0000ff, 0xc0a80101, 0x7f000001, 0xffffffff, 0 };
	static const uint32_t small[] = { 0, 1, 2, 20, 39, 40, 41, 60, 64, 255, 256, 1500, 65535 };
	bf_u128 ones = bf_field_ones(f);

	if (rng_percent(r, 10))
		return rng_u128(r) & ones;
	switch (f->type) {
	case BF_VT_IPV4:
		return PICK(r, nets) + rng_below(r, 2);
	case BF_VT_IPV6:
		return ((bf_u128)0x20010db8 << 96 | (bf_u128)rng_below(r, 3) << 64 | rng_below(r, 3)) ^
		       (rng_percent(r, 10) ? (bf_u128)1 << rng_below(r, 128) : 0);
	case BF_VT_IFNAME:
		return ifname(PICK(r, names));
	case BF_VT_PROTO:
		return PICK(r, protos);
	case BF_VT_PORT:
		return PICK(r, ports);
	case BF_VT_CTSTATE:
		return rng_u64(r) & 0x1cf;
	case BF_VT_INT:
		if (bf_field_id(f) == BF_F_ICMP)
			return (rng_below(r, 4) * 4u) << 8 | rng_below(r, 3);
		return PICK(r, small) & ones;
	default:
		return rng_u64(r) & ones & rng_u64(r);
	}
}

static bf_u128 some_mask(struct rng *r, const struct bf_field *f)
{
	bf_u128 ones = bf_field_ones(f), mask = 0;

	if (f->type == BF_VT_IFNAME && rng_percent(r, 60))
		return ones << 8 * rng_below(r, 16) & ones;
	if (rng_percent(r, 50))
		return ones;
	if (rng_percent(r, 60))
		mask = ones << rng_below(r, f->bits) & ones;
	else
		mask = rng_u128(r) & ones;
	return mask ? mask : ones;
}

/* Sorted, disjoint. */
static uint32_t some_ranges(struct rng *r, const struct bf_field *f, bf_u128 mask, struct bf_range *out, uint32_t max)
{
	uint32_t n = 1 + (rng_percent(r, 30) ? rng_below(r, max) : 0);

	for (uint32_t i = 0; i < n; i++) {
		bf_u128 a = some_value(r, f) & mask, b = rng_percent(r, 50) ? a : some_value(r, f) & mask;

		out[i] = (struct bf_range){ BF_MIN(a, b), BF_MAX(a, b) };
		if (rng_percent(r, 70))
			out[i].hi = BF_MIN(out[i].hi, out[i].lo + rng_below(r, 5));
	}
	return test_ranges_join(out, n);
}

/* What the field is about can be seen by the program in this test. */
static bool usable(const struct maker *m, const struct bf_field *f)
{
	if (f->family && f->family != m->family && (m->o->family == m->family || rng_percent(m->r, 90)))
		return false;
	if (m->o->all_hook == BF_HOOK_XDP && test_xdp_lacks(f))
		return false;
	return bf_field_id(f) != BF_F_TCP_MSS || rng_percent(m->r, 50);
}

/* So many ranges that they become a set; values from the small sets among them, so that some match. */
static void many_ranges(struct maker *m, struct bf_cond *c)
{
	uint32_t n, more = 20 + rng_below(m->r, 300), few;
	struct bf_range *r = test_ranges(m->r, c->field, c->mask, rng_below(m->r, SHAPES), more, &n), *all;

	all = calloc(n + 4, sizeof(*all));
	memcpy(all, r, n * sizeof(*r));
	few = n ? some_ranges(m->r, c->field, c->mask, all + n, 4) : 0;
	c->n_ranges = test_ranges_join(all, n + few);
	c->ranges = bf_arena_memdup(m->rs->arena, all, c->n_ranges * sizeof(*all));
	free(all);
	free(r);
}

/* Any bits of a header, an option, a chunk. */
static const struct bf_field *own_field(struct maker *m)
{
	static const uint8_t headers[] = { 0, 43, 44, 60, 51, 6, 17 }, options[] = { 0, 1, 2, 3, 4, 5, 8, 254 }, chunks[] = { 0, 1, 3, 6 },
	                     ip_options[] = { 7, 131, 137, 148 };
	static const struct {
		enum bf_loader loader;
		const uint8_t *what;
		unsigned n;
		uint8_t family;
		uint32_t needs;
	} kinds[] = {
		{ BF_LOAD_PAYLOAD, NULL, 0, 0, BF_NEED_L4 },
		{ BF_LOAD_EXTHDR, headers, sizeof(headers), NFPROTO_IPV6, 0 },
		{ BF_LOAD_TCP_OPTION, options, sizeof(options), 0, BF_NEED_L4 },
		{ BF_LOAD_CHUNK, chunks, sizeof(chunks), 0, BF_NEED_L4 },
		{ BF_LOAD_IP_OPTION, ip_options, sizeof(ip_options), NFPROTO_IPV4, 0 },
	};
	unsigned k = rng_percent(m->r, 60) ? 0 : rng_below(m->r, BF_ARRAY_SIZE(kinds));
	unsigned bits = k && rng_percent(m->r, 30) ? 0 : 1 + rng_below(m->r, rng_percent(m->r, 80) ? 32 : 128);
	unsigned what = k ? kinds[k].what[rng_below(m->r, kinds[k].n)] : BF_BASE_NETWORK + rng_below(m->r, 3);
	unsigned at = rng_below(m->r, rng_percent(m->r, 80) ? 64 : 600);
	struct bf_field f = { .name = "own", .bits = (uint8_t)(bits ? bits : 1), .type = bits > 32 ? BF_VT_WIDE : BF_VT_INT,
	                      .family = kinds[k].family, .loader = (int8_t)kinds[k].loader, .needs = kinds[k].needs };

	f.word = (uint8_t)(BF_KEY_WORDS - (f.bits + 31) / 32);
	f.loader_arg = BF_LOAD_BITS(what, at, bits);
	return bf_ruleset_field(m->rs, &f);
}

static struct bf_cond some_field(struct maker *m)
{
	struct bf_range ranges[24];
	const struct bf_field *f;
	struct bf_cond c = { .kind = BF_COND_FIELD };

	do
		f = rng_percent(m->r, 12) ? own_field(m) : &bf_fields[rng_below(m->r, BF_FIELDS)];
	while (!usable(m, f));
	c.field = f;
	c.mask = some_mask(m->r, f);
	c.n_ranges = some_ranges(m->r, f, c.mask, ranges, rng_percent(m->r, 10) ? 24 : 4);
	c.ranges = bf_arena_memdup(m->rs->arena, ranges, c.n_ranges * sizeof(*ranges));
	if (rng_percent(m->r, 8))
		many_ranges(m, &c);
	c.neg = rng_percent(m->r, 30);
	return c;
}

static void add(struct maker *m, struct bf_cond c)
{
	bf_rule_add_cond(m->rs, m->rule, &c);
}

static void add_value(struct maker *m, enum bf_field_id f, bf_u128 v, bool neg)
{
	bf_rule_add_value(m->rs, m->rule, f, 0, v, neg);
}

static void add_ports(struct maker *m, enum bf_field_id f)
{
	struct bf_cond c = { .kind = BF_COND_FIELD, .field = &bf_fields[f], .mask = 0xffff, .neg = rng_percent(m->r, 20) };
	struct bf_range ranges[15];

	c.n_ranges = some_ranges(m->r, c.field, 0xffff, ranges, 15);
	c.ranges = bf_arena_memdup(m->rs->arena, ranges, c.n_ranges * sizeof(*ranges));
	add(m, c);
}

static void add_proto(struct maker *m, uint8_t proto, bool neg)
{
	if (m->family == NFPROTO_IPV6)
		bf_rule_add_guard(m->rs, m->rule, BF_F_L4_BADEXT, 1, 1);
	add_value(m, BF_F_L4PROTO, proto, neg);
}

static void add_tcp(struct maker *m)
{
	struct bf_tcpopt opt = { (uint8_t[]){ 2, 3, 8, 254 }[rng_below(m->r, 4)], rng_percent(m->r, 30) };
	struct bf_tcpmss mss = { 500, (uint16_t)(500 + rng_below(m->r, 2) * 960), rng_percent(m->r, 30) };

	add_proto(m, IPPROTO_TCP, false);
	if (m->family == NFPROTO_IPV4)
		bf_rule_add_guard(m->rs, m->rule, BF_F_L4_FRAG1, 1, 1);
	add_value(m, BF_F_L4_FRAG, 0, false);
	bf_rule_add_guard(m->rs, m->rule, BF_F_L4_AVAIL, 0, 19);
	if (rng_percent(m->r, 30))
		add_ports(m, BF_F_SPORT);
	if (rng_percent(m->r, 70))
		add_ports(m, BF_F_DPORT);
	if (rng_percent(m->r, 20))
		bf_rule_add_value(m->rs, m->rule, BF_F_TCP_FLAGS, 0x17, 0x02, rng_percent(m->r, 30));
	if (m->o->all_hook == BF_HOOK_XDP) /* what follows is xtables' */
		return;
	if (rng_percent(m->r, 15))
		bf_rule_add_match(m->rs, m->rule, &bf_match_tcpopt, &opt, rng_percent(m->r, 20));
	if (rng_percent(m->r, 15))
		bf_rule_add_match(m->rs, m->rule, &bf_match_tcpmss, &mss, rng_percent(m->r, 20));
}

static void add_udp(struct maker *m)
{
	add_proto(m, IPPROTO_UDP, false);
	add_value(m, BF_F_L4_FRAG, 0, false);
	bf_rule_add_guard(m->rs, m->rule, BF_F_L4_AVAIL, 0, 7);
	add_ports(m, rng_percent(m->r, 70) ? BF_F_DPORT : BF_F_SPORT);
}

static void add_icmp(struct maker *m)
{
	bf_u128 type = rng_below(m->r, 4) * 4;

	add_proto(m, m->family == NFPROTO_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, false);
	add_value(m, BF_F_L4_FRAG, 0, false);
	bf_rule_add_guard(m->rs, m->rule, BF_F_L4_AVAIL, 0, 7);
	bf_rule_add_range(m->rs, m->rule, BF_F_ICMP, 0, type << 8, type << 8 | (rng_percent(m->r, 50) ? 0xff : 1),
	                  rng_percent(m->r, 20));
}

static void add_conntrack(struct maker *m)
{
	struct bf_conntrack c = {
		.match = (uint16_t)rng_u64(m->r) & (uint16_t)rng_u64(m->r) & 0x1fff,
		.invert = (uint16_t)rng_u64(m->r) & 0x1fff,
		.state_mask = (uint16_t)rng_u64(m->r) & 0x1cf,
		.status_mask = (uint16_t)rng_u64(m->r) & 0x3f,
		.l4proto = (uint16_t)(rng_percent(m->r, 90) ? IPPROTO_TCP : 262),
		.expires_min = rng_below(m->r, 3),
		.expires_max = rng_below(m->r, 100),
	};

	if (m->o->all_hook) /* xtables' tables have none */
		return;
	for (int i = 0; i < 4; i++) {
		const struct bf_field *f = &bf_fields[m->family == NFPROTO_IPV4 ? BF_F_IP_SADDR : BF_F_IP6_SADDR];

		c.addr[i] = some_value(m->r, f);
		c.mask[i] = rng_percent(m->r, 10) ? 0 : some_mask(m->r, f);
		c.port_lo[i] = PICK(m->r, ports);
		c.port_hi[i] = rng_percent(m->r, 50) ? c.port_lo[i] : PICK(m->r, ports);
	}
	bf_rule_add_match(m->rs, m->rule, &bf_match_conntrack, &c, rng_percent(m->r, 20));
}

/* Rates so low that no credit comes back while a test runs. */
static void add_limit(struct maker *m)
{
	struct bf_limit l = { 36000000, 1 + rng_below(m->r, 60) };

	bf_rule_add_match(m->rs, m->rule, &bf_match_limit, &l, rng_percent(m->r, 10));
}

static void add_statistic(struct maker *m)
{
	struct bf_statistic s = { .mode = (uint16_t)rng_below(m->r, 2), .invert = rng_percent(m->r, 30) };

	if (s.mode == 0)
		s.probability = rng_percent(m->r, 50) ? 0 : 0x80000000;
	else
		s = (struct bf_statistic){ 1, s.invert, 0, rng_below(m->r, 4), 0, rng_below(m->r, 5) };
	bf_rule_add_match(m->rs, m->rule, &bf_match_statistic, &s, rng_percent(m->r, 20));
}

static void add_any(struct maker *m)
{
	struct bf_any any = { .n = rng_below(m->r, 4) };
	struct bf_any_group groups[3];

	for (uint32_t i = 0; i < any.n; i++) {
		struct bf_cond_ref conds[3];

		groups[i].n = rng_below(m->r, 4);
		for (uint32_t j = 0; j < groups[i].n; j++) {
			struct bf_cond c = some_field(m);

			conds[j] = bf_cond_at(bf_arena_memdup(m->rs->arena, &c, sizeof(c)));
		}
		groups[i].conds = bf_arena_memdup(m->rs->arena, conds, groups[i].n * sizeof(*conds));
	}
	any.groups = bf_arena_memdup(m->rs->arena, groups, any.n * sizeof(*groups));
	bf_rule_add_match(m->rs, m->rule, &bf_match_any, &any, rng_percent(m->r, 30));
}

static struct bf_operand some_operand(struct maker *m, unsigned words)
{
	struct bf_operand o = { 0 };

	do
		o.field = &bf_fields[rng_below(m->r, BF_FIELDS)];
	while (!usable(m, o.field) || o.field->fixed || bf_field_id(o.field) == BF_F_TCP_MSS ||
	       (words && (o.field->bits + 31u) / 32 != words));
	if (rng_percent(m->r, 40))
		o.mask = some_mask(m->r, o.field);
	if (o.field->bits <= 32 && rng_percent(m->r, 20))
		o.shift = (int8_t)((int)rng_below(m->r, 40) - 20);
	return o;
}

/* Mostly the same field or its neighbour, so that they are equal now and then. */
static void add_compare(struct maker *m)
{
	struct bf_compare c = { .relation = (enum bf_relation)rng_below(m->r, 6), .a = some_operand(m, 0) };

	c.b = some_operand(m, (c.a.field->bits + 31u) / 32);
	if (rng_percent(m->r, 60))
		c.b = c.a;
	if (rng_percent(m->r, 60) && bf_field_id(c.a.field) == BF_F_SPORT)
		c.b.field = &bf_fields[BF_F_DPORT];
	if (c.a.field->bits <= 32 && rng_percent(m->r, 40))
		c.add = (int64_t)rng_below(m->r, 7) - 3;
	if (c.a.field->bits <= 32 && rng_percent(m->r, 10))
		c.add = (int64_t)rng_below(m->r, INT32_MAX) * (rng_percent(m->r, 50) ? 1 : -1);
	bf_rule_add_match(m->rs, m->rule, &bf_match_compare, &c, rng_percent(m->r, 20));
}

static void add_put(struct maker *m)
{
	static const uint8_t outs[] = { BF_OUT_MARK, BF_OUT_MARK, BF_OUT_PRIORITY, BF_OUT_ARG };
	struct bf_put p = { .out = PICK(m->r, outs), .value = (uint32_t)rng_u64(m->r) };

	if (rng_percent(m->r, 50))
		p.value &= 3;
	if (rng_percent(m->r, 50))
		p.from = some_operand(m, 0);
	if (p.from.field && p.from.field->bits > 32)
		p.from.mask = 0;
	bf_rule_add_match(m->rs, m->rule, &bf_match_put, &p, rng_percent(m->r, 5));
	if (rng_percent(m->r, 50)) /* who looks at it? */
		bf_rule_add_range(m->rs, m->rule, BF_F_MARK, 0, 0, p.value, rng_percent(m->r, 40));
}

static void add_count(struct maker *m)
{
	const struct bf_count_here c = { m->t->n_counters++ };

	bf_rule_add_match(m->rs, m->rule, &bf_match_counter, &c, rng_percent(m->r, 2));
}

static void add_bytecode(struct maker *m)
{
	uint32_t at = rng_below(m->r, 50);
	const struct sock_filter prog[] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, at },
		{ BPF_ALU | BPF_AND | BPF_K, 0, 0, 1u << rng_below(m->r, 8) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
		{ BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0 },
		{ BPF_LD | BPF_H | BPF_IND, 0, 0, rng_below(m->r, 30) },
		{ BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0 },
		{ BPF_RET | BPF_A, 0, 0, 0 },
	};
	struct bf_bytecode b = { BF_ARRAY_SIZE(prog), bf_arena_memdup(m->rs->arena, prog, sizeof(prog)) };

	bf_rule_add_match(m->rs, m->rule, &bf_match_bytecode, &b, rng_percent(m->r, 20));
}

static void add_assist(struct maker *m)
{
	struct bf_assist a = { .name = "addrtype", .revision = 1, .size = 1, .text = "addrtype" };
	uint8_t which = (uint8_t)rng_below(m->r, 6);

	if (!m->o->assists)
		return;
	a.info = bf_arena_memdup(m->rs->arena, &which, 1);
	bf_rule_add_match(m->rs, m->rule, &bf_match_assist, &a, rng_percent(m->r, 30));
}

static struct bf_verdict map_verdict(void *ctx);

static struct test_lookup_opts lookup_opts(struct maker *m)
{
	return (struct test_lookup_opts){ .family = m->o->family, .live = m->o->live, .xdp = m->o->all_hook == BF_HOOK_XDP,
		                              .value = some_value, .verdict = map_verdict, .ctx = m };
}

static void add_lookup(struct maker *m)
{
	const struct test_lookup_opts o = lookup_opts(m);

	test_add_lookup(m->r, &o, m->rs, m->t, m->rule);
}

static void add_object(struct maker *m)
{
	if (m->o->live)
		test_add_object(m->r, m->rs, m->t, m->rule);
}

static void add_made(struct maker *m)
{
	const struct test_lookup_opts o = lookup_opts(m);

	if (m->o->live)
		test_add_made(m->r, &o, m->rs, m->t, m->rule);
}

static void add_something(struct maker *m)
{
	static void (*const makers[])(struct maker *) = {
		add_tcp, add_tcp, add_tcp, add_udp, add_udp, add_icmp, add_conntrack, add_limit, add_statistic, add_any,
		add_bytecode, add_assist,
	};
	static void (*const natives[])(struct maker *) = { add_compare, add_compare, add_put, add_count, add_lookup,
		                                                    add_lookup, add_object, add_made };
	struct bf_cond c;

	if (m->o->native && rng_percent(m->r, 25)) {
		PICK(m->r, natives)(m);
		return;
	}

	if (rng_percent(m->r, 50)) {
		PICK(m->r, makers)(m);
		return;
	}
	c = some_field(m);
	c.guard = rng_percent(m->r, 4);
	add(m, c);
}

static void add_actions(struct maker *m)
{
	struct bf_log log = { .level = 4, .prefix = "x " };
	struct bf_nflog nflog = { .group = (uint16_t)rng_below(m->r, 3) };
	struct bf_handoff_set set = { .to = 1 + (uint8_t)rng_below(m->r, 2), .value = 1 };

	set.from = (uint8_t)rng_below(m->r, 2);
	set.mask = set.from && rng_percent(m->r, 80) ? (uint32_t)rng_u64(m->r) : 0;
	if (m->o->native && rng_percent(m->r, 8))
		bf_rule_add_action(m->rs, m->rule, &bf_target_nft_set, &set);
	if (m->o->all_hook)
		return;
	log.flags = (uint8_t)rng_below(m->r, 4);
	if (rng_percent(m->r, 8))
		bf_rule_add_action(m->rs, m->rule, &bf_target_log, &log);
	if (rng_percent(m->r, 4))
		bf_rule_add_action(m->rs, m->rule, &bf_target_nflog, &nflog);
}

/* The map that the rule's last condition finds something in. */
static const struct bf_set *found_map(const struct bf_rule *r)
{
	const struct bf_cond *c = r->n_conds ? bf_rule_cond(r, r->n_conds - 1) : NULL;
	const struct bf_lookup *l;

	if (!c || c->kind != BF_COND_MATCH || c->match != &bf_match_lookup || c->neg)
		return NULL;
	l = c->data;
	return l->set->data == BF_DATA_VERDICT ? l->set : NULL;
}

static struct bf_verdict map_verdict(void *ctx)
{
	static const enum bf_verdict_kind kinds[] = { BF_VERDICT_ACCEPT, BF_VERDICT_DROP, BF_VERDICT_RETURN, BF_VERDICT_CONTINUE,
		                                          BF_VERDICT_JUMP, BF_VERDICT_GOTO };
	struct maker *m = ctx;
	struct bf_verdict v = { .kind = PICK(m->r, kinds) };
	uint32_t left = m->t->n_chains - m->chain - 1;

	if (v.kind != BF_VERDICT_JUMP && v.kind != BF_VERDICT_GOTO)
		return v;
	v.chain = left ? m->t->chains[m->chain + 1 + rng_below(m->r, left)] : NULL;
	if (!v.chain || v.chain->base)
		v = (struct bf_verdict){ .kind = BF_VERDICT_DROP };
	return v;
}

/* Jumps lead to later chains only, or forward in the same one: no loops. */
static void add_verdict(struct maker *m, uint32_t chain)
{
	static const enum bf_verdict_kind kinds[] = {
		BF_VERDICT_ACCEPT, BF_VERDICT_ACCEPT, BF_VERDICT_DROP, BF_VERDICT_DROP, BF_VERDICT_RETURN, BF_VERDICT_CONTINUE,
		BF_VERDICT_CONTINUE, BF_VERDICT_CONTINUE, BF_VERDICT_ACTION, BF_VERDICT_JUMP, BF_VERDICT_JUMP, BF_VERDICT_JUMP,
		BF_VERDICT_GOTO,
	};
	struct bf_verdict *v = &m->rule->verdict;
	const struct bf_set *map = found_map(m->rule);
	struct bf_reject reject = { IPT_ICMP_PORT_UNREACHABLE, m->family };
	struct bf_answer answer = { BF_ANSWER_ICMPX, (uint8_t)rng_below(m->r, 4) };
	uint32_t left = m->t->n_chains - chain - 1;

	v->kind = PICK(m->r, kinds);
	if (map && rng_percent(m->r, 80)) {
		*v = (struct bf_verdict){ .kind = BF_VERDICT_MAP, .map = map };
		return;
	}
	if (rng_percent(m->r, 50))
		answer.with = BF_ANSWER_RESET;
	if (v->kind == BF_VERDICT_ACTION && (m->o->all_hook || m->o->family == NFPROTO_INET))
		bf_rule_add_action(m->rs, m->rule, &bf_target_answer, &answer);
	else if (v->kind == BF_VERDICT_ACTION)
		bf_rule_add_action(m->rs, m->rule, &bf_target_reject, &reject);
	if (v->kind != BF_VERDICT_JUMP && v->kind != BF_VERDICT_GOTO)
		return;
	if (rng_percent(m->r, 6)) /* within the chain, set_indexes() says where to */
		v->chain = m->t->chains[chain];
	else if (left && (v->chain = m->t->chains[chain + 1 + rng_below(m->r, left)])->base && rng_percent(m->r, 90))
		v->chain = NULL; /* base chains are entered by hand-made blobs only */
	if (!v->chain)
		v->kind = BF_VERDICT_ACCEPT;
}

/* Most rules are about one family; some say so. */
static void begin_rule(struct maker *m, uint32_t chain)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	m->rule = bf_chain_add_rule(m->rs, m->t->chains[chain]);
	m->chain = chain;
	m->family = m->o->family;
	if (m->family == NFPROTO_IPV4 || m->family == NFPROTO_IPV6)
		return;
	m->family = PICK(m->r, families);
	if (rng_percent(m->r, 10))
		add_value(m, BF_F_NFPROTO, PICK(m->r, families), rng_percent(m->r, 20));
}

static void add_rule(struct maker *m, uint32_t chain)
{
	unsigned n = rng_below(m->r, 4);

	begin_rule(m, chain);
	for (unsigned i = 0; i < n; i++)
		add_something(m);
	add_actions(m);
	add_verdict(m, chain);
	m->rule->counter = rng_percent(m->r, 90) ? m->t->n_counters++ : BF_NO_COUNTER;
}

/* Prefixes that nest, and some addresses in them. */
static void add_net(struct maker *m, enum bf_field_id f)
{
	const struct bf_field *field = &bf_fields[f];
	unsigned bits = field->bits, len = bits - rng_below(m->r, 5) * (bits / 8) - (rng_percent(m->r, 20) ? rng_below(m->r, 8) : 0);
	bf_u128 ones = bf_field_ones(field), mask = ones << (bits - len) & ones;
	bf_u128 base = bits == 32 ? 0x0a000000 : (bf_u128)0x20010db8 << 96, v = base;

	for (unsigned i = 0; i < 4; i++)
		v |= (bf_u128)rng_below(m->r, 3) << i * (bits / 16);
	if (!mask || rng_percent(m->r, 20))
		return;
	if (rng_percent(m->r, 8))
		bf_rule_add_range(m->rs, m->rule, f, 0, v, v + rng_below(m->r, 300), rng_percent(m->r, 20));
	else
		bf_rule_add_value(m->rs, m->rule, f, rng_percent(m->r, 95) ? mask : mask & rng_u128(m->r), v & mask,
		                  rng_percent(m->r, 6));
}

/* As most rules of long chains are: addresses, protocol, a port. */
static void add_tuple(struct maker *m)
{
	bool v4 = m->family == NFPROTO_IPV4;
	static void (*const l4[])(struct maker *) = { add_tcp, add_tcp, add_udp, add_icmp };

	add_net(m, v4 ? BF_F_IP_SADDR : BF_F_IP6_SADDR);
	add_net(m, v4 ? BF_F_IP_DADDR : BF_F_IP6_DADDR);
	if (rng_percent(m->r, 10))
		add(m, some_field(m));
	if (rng_percent(m->r, 80))
		PICK(m->r, l4)(m);
	else if (rng_percent(m->r, 50))
		add_proto(m, PICK(m->r, ((const uint8_t[]){ 6, 17, 50 })), rng_percent(m->r, 20));
	if (rng_percent(m->r, 8))
		add_something(m);
	if (rng_percent(m->r, 6))
		add_limit(m);
}

/* The conditions of an earlier rule of the chain once more, or the first of them: who is hidden, who shares what? */
static void add_again(struct maker *m, const struct bf_chain *c)
{
	const struct bf_rule *from = &c->rules[rng_below(m->r, c->n_rules - 1)];
	uint32_t n = rng_percent(m->r, 70) ? from->n_conds : rng_below(m->r, from->n_conds + 1u);

	for (uint32_t i = 0; i < n; i++) {
		const struct bf_cond *cond = bf_rule_cond(from, i);

		if (cond->kind == BF_COND_MATCH && cond->match->stateful) /* with a state of its own */
			bf_rule_add_match(m->rs, m->rule, cond->match, cond->data, cond->neg);
		else
			bf_rule_add_cond(m->rs, m->rule, cond);
	}
}

/* A run of rules, now and then with something odd in it. */
static void add_run(struct maker *m, uint32_t chain)
{
	unsigned n = 4 + rng_below(m->r, rng_percent(m->r, 10) ? 150 : 30);

	while (n-- > 0) {
		if (rng_percent(m->r, 5)) {
			add_rule(m, chain);
			continue;
		}
		begin_rule(m, chain);
		if (m->t->chains[chain]->n_rules > 1 && rng_percent(m->r, 15))
			add_again(m, m->t->chains[chain]);
		else
			add_tuple(m);
		m->rule->verdict.kind = rng_percent(m->r, 50) ? BF_VERDICT_ACCEPT : BF_VERDICT_DROP;
		if (rng_percent(m->r, 5))
			add_actions(m);
		if (rng_percent(m->r, 20))
			add_verdict(m, chain);
		m->rule->counter = rng_percent(m->r, 90) ? m->t->n_counters++ : BF_NO_COUNTER;
	}
}

/* Rules that ask for values of the same few things, or go by chance, one after the other. */
static void add_fan(struct maker *m, uint32_t chain)
{
	bool chance = rng_percent(m->r, 30);
	unsigned n = 5 + rng_below(m->r, 16);

	while (n-- > 0) {
		begin_rule(m, chain);
		if (chance)
			add_statistic(m);
		else if (rng_percent(m->r, 70))
			add_value(m, BF_F_L4PROTO, PICK(m->r, ((const uint8_t[]){ 0, 1, 6, 17, 58, 132 })) + rng_below(m->r, 3), false);
		if (!chance && rng_percent(m->r, 50))
			add_value(m, m->family == NFPROTO_IPV4 ? BF_F_IP_TTL : BF_F_IP6_HOPLIMIT, rng_below(m->r, 9), rng_percent(m->r, 4));
		if (!chance && rng_percent(m->r, 10))
			add_something(m);
		add_verdict(m, chain);
		m->rule->counter = rng_percent(m->r, 90) ? m->t->n_counters++ : BF_NO_COUNTER;
	}
}

static void add_chain(struct maker *m, const char *name, int hook)
{
	struct bf_chain *c = bf_table_add_chain(m->rs, m->t, name);

	c->base = hook >= 0;
	c->at.hook = c->base ? (uint8_t)hook : 0;
	c->counter = m->t->n_counters++;
	if (c->base)
		c->policy = rng_percent(m->r, 50) ? BF_VERDICT_ACCEPT : BF_VERDICT_DROP;
	else if (rng_percent(m->r, 3))
		c->policy = BF_VERDICT_DROP;
}

/* Hand-made blobs may enter a chain in its middle. */
static void set_indexes(struct maker *m)
{
	for (uint32_t i = 0; i < m->t->n_chains; i++)
		for (uint32_t j = 0; j < m->t->chains[i]->n_rules; j++) {
			struct bf_verdict *v = &m->t->chains[i]->rules[j].verdict;

			if (v->kind == BF_VERDICT_MAP)
				continue;
			if (v->chain == m->t->chains[i])
				v->index = j + 1 + rng_below(m->r, v->chain->n_rules - j);
			else if (v->chain && rng_percent(m->r, 4))
				v->index = rng_below(m->r, v->chain->n_rules + 1);
		}
}

/* Each user chain calls the next, twice, so that it is not merged into its caller: nesting deeper than the programs' stack. */
static void add_ladder(struct maker *m)
{
	for (uint32_t i = 0; i + 1 < m->t->n_chains; i++) {
		if (m->t->chains[i + 1]->base)
			continue;
		for (int k = 0; k < 2; k++) {
			struct bf_rule *r = bf_chain_add_rule(m->rs, m->t->chains[i]);

			r->counter = m->t->n_counters++;
			r->verdict = (struct bf_verdict){ BF_VERDICT_JUMP, 0, { m->t->chains[i + 1] } };
			bf_rule_add_range(m->rs, r, BF_F_L4PROTO, 0, k ? 17 : 0, k ? 255 : 16, false);
		}
	}
}

/* What nearly every ruleset begins with; it decides which packets the kernel's own matches are asked about. */
static void add_established(struct maker *m)
{
	m->rule = bf_chain_add_rule(m->rs, m->t->chains[0]);
	m->rule->counter = m->t->n_counters++;
	m->rule->verdict.kind = BF_VERDICT_ACCEPT;
	bf_rule_add_range(m->rs, m->rule, BF_F_CT_STATE, 6, 1, 6, false);
}

struct bf_ruleset *test_model_random(struct rng *r, const struct test_model_opts *o)
{
	struct maker m = { .r = r, .o = o, .rs = bf_ruleset_new(), .family = o->family };
	bool ladder = rng_percent(r, 3);
	unsigned users = ladder ? 10 + rng_below(r, 30) : rng_below(r, 6);
	char name[16];

	m.t = bf_ruleset_add_table(m.rs, o->family, "filter");
	if (!o->one_hook || !o->all_hook)
		add_chain(&m, "INPUT", NF_INET_LOCAL_IN);
	if (!o->one_hook) {
		add_chain(&m, "FORWARD", NF_INET_FORWARD);
		add_chain(&m, "OUTPUT", NF_INET_LOCAL_OUT);
	}
	if (o->all_hook)
		add_chain(&m, "EDGE", o->all_hook);
	for (unsigned i = 0; i < users; i++) {
		snprintf(name, sizeof(name), "chain%u", i);
		add_chain(&m, name, -1);
	}
	if (rng_percent(r, 20))
		add_established(&m);
	for (unsigned i = rng_below(r, 2 * o->size + 1); i > 0; i--)
		add_rule(&m, rng_below(r, m.t->n_chains));
	if (rng_percent(r, 40) && o->size > 1)
		for (unsigned i = rng_percent(r, 50) ? 1 : 2; i > 0; i--)
			add_run(&m, rng_percent(r, 60) ? 0 : rng_below(r, m.t->n_chains));
	if (rng_percent(r, 20) && o->size > 1)
		add_fan(&m, rng_below(r, m.t->n_chains));
	set_indexes(&m);
	if (ladder)
		add_ladder(&m);
	return m.rs;
}

bool test_assist_answer(const struct bf_packet *p, const struct bf_assist *a)
{
	return (p->data[p->family == NFPROTO_IPV4 ? 15 : 23] + *(const uint8_t *)a->info) % 3 == 0;
}
