/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic.c: packets for a ruleset. Each value is taken from a condition of
 * the table on that field, one beside it, or at random; the shape (fragments,
 * extension headers, options, cut ends) is random. Most packets are aimed at
 * one rule: long rules would hardly ever match.
 */
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "lib/lookups.h"
#include "lib/model.h"

struct traffic {
	struct rng *r;
	const struct test_model_opts *o;
	const struct bf_table *t;
	const struct bf_rule *aim; /* or NULL */
	uint8_t family;            /* of the packet */
};

static const struct bf_rule *some_rule(const struct traffic *tr)
{
	const struct bf_rule *rule = NULL;
	uint32_t n = 0, pick;

	for (uint32_t i = 0; i < tr->t->n_chains; i++)
		n += tr->t->chains[i]->n_rules;
	pick = n ? rng_below(tr->r, n) : 0;
	for (uint32_t i = 0; i < tr->t->n_chains && n && !rule; pick -= tr->t->chains[i++]->n_rules)
		if (pick < tr->t->chains[i]->n_rules)
			rule = &tr->t->chains[i]->rules[pick];
	return rule;
}

/* What the rule that is aimed at wants of the field. */
static bool wanted(const struct traffic *tr, enum bf_field_id f, bf_u128 *v)
{
	for (uint32_t k = 0; tr->aim && k < tr->aim->n_conds; k++) {
		const struct bf_cond *c = bf_rule_cond(tr->aim, k);
		const struct bf_range *range;

		if (test_lookup_wants(tr->r, c, &bf_fields[f], v))
			return true;
		if (c->kind != BF_COND_FIELD || c->guard || c->neg || bf_field_id(c->field) != f)
			continue;
		range = &c->ranges[rng_below(tr->r, c->n_ranges)];
		*v = (rng_percent(tr->r, 70) ? range->lo : range->hi) | (rng_percent(tr->r, 50) ? rng_u128(tr->r) & ~c->mask : 0);
		return true;
	}
	return false;
}

/* A value of the field that some rule is about. */
static bf_u128 interesting(const struct traffic *tr, enum bf_field_id f)
{
	const struct bf_field *field = &bf_fields[f];
	bf_u128 v = rng_u128(tr->r);
	unsigned seen = 0;

	if (rng_percent(tr->r, 92) && wanted(tr, f, &v))
		return v & bf_field_ones(field);

	for (uint32_t i = 0; i < tr->t->n_chains; i++)
		for (uint32_t j = 0; j < tr->t->chains[i]->n_rules; j++)
			for (uint32_t k = 0; k < tr->t->chains[i]->rules[j].n_conds; k++) {
				const struct bf_cond *c = bf_rule_cond(&tr->t->chains[i]->rules[j], k);
				const struct bf_range *range;

				if (c->kind != BF_COND_FIELD || c->field->type != field->type || c->field->bits != field->bits)
					continue;
				if (rng_below(tr->r, ++seen)) /* each is as likely as the others */
					continue;
				range = &c->ranges[rng_below(tr->r, c->n_ranges)];
				v = rng_percent(tr->r, 50) ? range->lo : range->hi;
				v |= rng_percent(tr->r, 30) ? rng_u128(tr->r) & ~c->mask : 0;
				v += rng_percent(tr->r, 25) ? 1 : rng_percent(tr->r, 15) ? -(bf_u128)1 : 0;
			}
	return v & bf_field_ones(field);
}

static void add_extensions(const struct traffic *tr, struct test_packet *p)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };
	struct rng *r = tr->r;

	for (unsigned n = rng_percent(r, 10) ? rng_below(r, 20) : rng_below(r, 4); n > 0; n--) {
		switch (rng_below(r, 8)) {
		case 0:
			test_packet_ah6(p, rng_below(r, 6));
			break;
		case 1:
			test_packet_frag6(p, rng_percent(r, 50) ? 0 : 1 + rng_below(r, 3), rng_percent(r, 50));
			break;
		default:
			test_packet_ext6(p, kinds[rng_below(r, 3)], rng_percent(r, 90) ? 0 : rng_below(r, 4));
		}
	}
}

static void add_tcp(const struct traffic *tr, struct test_packet *p)
{
	static const uint8_t plain[] = { 2, 4, 0x01, 0xf4, 3, 3, 7, 1 };
	static const uint8_t lies[] = { 8, 0, 2, 4, 5, 0xb4, 254, 40 };
	static const uint8_t short_mss[] = { 1, 1, 1, 1, 1, 1, 2, 4 };
	const uint8_t *options[] = { plain, lies, short_mss };
	uint8_t random[40];

	for (unsigned i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)rng_below(tr->r, 10);
	if (rng_percent(tr->r, 40))
		test_packet_tcp(p, (uint16_t)interesting(tr, BF_F_SPORT), (uint16_t)interesting(tr, BF_F_DPORT),
		                (uint8_t)interesting(tr, BF_F_TCP_FLAGS), options[rng_below(tr->r, 3)], 8);
	else
		test_packet_tcp(p, (uint16_t)interesting(tr, BF_F_SPORT), (uint16_t)interesting(tr, BF_F_DPORT),
		                (uint8_t)interesting(tr, BF_F_TCP_FLAGS), random, 4 * rng_below(tr->r, 11));
	if (rng_percent(tr->r, 8)) /* a data offset that lies */
		p->bytes[p->len - 8 > 40 ? p->len - 8 : 20] ^= (uint8_t)(rng_below(tr->r, 16) << 4);
}

static void add_l4(const struct traffic *tr, struct test_packet *p)
{
	uint16_t icmp = (uint16_t)interesting(tr, BF_F_ICMP);
	bf_u128 proto = 0;
	unsigned kind = rng_below(tr->r, 8);

	if (wanted(tr, BF_F_L4PROTO, &proto))
		kind = proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 3 : proto == IPPROTO_ICMP ? 5 : proto == IPPROTO_ICMPV6 ? 6 : 7;
	switch (kind) {
	case 0:
	case 1:
	case 2:
		add_tcp(tr, p);
		break;
	case 3:
	case 4:
		test_packet_udp(p, (uint16_t)interesting(tr, BF_F_SPORT), (uint16_t)interesting(tr, BF_F_DPORT));
		break;
	case 5:
		test_packet_icmp(p, IPPROTO_ICMP, icmp >> 8, (uint8_t)icmp);
		break;
	case 6:
		test_packet_icmp(p, IPPROTO_ICMPV6, icmp >> 8, (uint8_t)icmp);
		break;
	default:
		test_packet_proto(p, (uint8_t)interesting(tr, BF_F_L4PROTO));
	}
	test_packet_payload(p, NULL, rng_below(tr->r, 40));
}

static void set_header4(const struct traffic *tr, struct test_packet *p)
{
	p->bytes[1] = (uint8_t)interesting(tr, BF_F_IP_TOS);
	p->bytes[8] = (uint8_t)interesting(tr, BF_F_IP_TTL);
	if (rng_percent(tr->r, 25))
		test_packet_frag4(p, (unsigned[]){ 0, 1, 2, 0x1fff }[rng_below(tr->r, 4)], rng_percent(tr->r, 50));
}

static void set_header6(const struct traffic *tr, struct test_packet *p)
{
	uint8_t tclass = (uint8_t)interesting(tr, BF_F_IP6_TCLASS);

	p->bytes[0] = (uint8_t)(0x60 | tclass >> 4);
	p->bytes[1] = (uint8_t)(tclass << 4 | rng_below(tr->r, 16));
	p->bytes[7] = (uint8_t)interesting(tr, BF_F_IP6_HOPLIMIT);
}

static void put_ifname(char out[16], bf_u128 v)
{
	for (int i = 0; i < 16; i++)
		out[i] = (char)(v >> (120 - 8 * i));
}

/* What the kernel knows beside the bytes. */
static void set_meta(const struct traffic *tr, struct test_packet *p)
{
	struct rng *r = tr->r;
	bool ct = rng_percent(r, 70);
	bool v4 = tr->family == NFPROTO_IPV4;

	put_ifname(p->p.iif, interesting(tr, BF_F_IIFNAME));
	put_ifname(p->p.oif, interesting(tr, BF_F_OIFNAME));
	p->p.mark = (uint32_t)interesting(tr, BF_F_MARK);
	p->p.pkttype = (uint8_t)rng_below(r, 6);
	p->p.has_mac = rng_percent(r, 70);
	for (int i = 0; i < 6; i++)
		p->p.ether_saddr[i] = (uint8_t)(interesting(tr, BF_F_ETHER_SADDR) >> 8 * (5 - i));
	p->p.socket = (uint8_t)rng_below(r, 3);
	p->p.skuid = (uint32_t)interesting(tr, BF_F_SKUID);
	p->p.skgid = (uint32_t)interesting(tr, BF_F_SKGID);
	p->p.ctstate = ct ? 2u << rng_below(r, 3) | rng_below(r, 4) << 6 | (rng_percent(r, 50) ? BF_CT_REPLY : 0)
	                  : BF_CT_NONE | (rng_percent(r, 50) ? 1 : 256);
	p->p.ctstatus = ct ? rng_below(r, 1 << 10) : 0;
	p->p.ct.proto = rng_percent(r, 70) ? IPPROTO_TCP : IPPROTO_UDP;
	p->p.ct.expires = rng_below(r, 100);
	for (int i = 0; i < 2; i++) {
		p->p.ct.saddr[i] = interesting(tr, v4 ? BF_F_CT_ORIG_IP_SADDR : BF_F_CT_ORIG_IP6_SADDR);
		p->p.ct.daddr[i] = interesting(tr, v4 ? BF_F_CT_ORIG_IP_DADDR : BF_F_CT_ORIG_IP6_DADDR);
		p->p.ct.sport[i] = (uint16_t)interesting(tr, BF_F_CT_ORIG_SPORT);
		p->p.ct.dport[i] = (uint16_t)interesting(tr, BF_F_CT_ORIG_DPORT);
	}
}

/* What TEST_RUN gives: from nowhere to lo, nothing known about it. */
static void set_bare(const struct traffic *tr, struct test_packet *p)
{
	static const uint8_t types[] = { PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST }; /* lo knows no broadcasts */

	strcpy(p->p.hook < BF_HOOKS_NETFILTER ? p->p.oif : p->p.iif, "lo");
	p->p.pkttype = types[rng_below(tr->r, 3)];
}

/* A hook of the table's, and a family that is seen there, mostly. */
static uint8_t some_hook(struct rng *r, const struct test_model_opts *o)
{
	static const uint8_t hooks[] = { NF_INET_LOCAL_IN, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT };

	if (o->all_hook && (o->one_hook || rng_percent(r, 50)))
		return o->all_hook;
	return o->one_hook ? NF_INET_LOCAL_IN : hooks[rng_below(r, 4)];
}

static uint8_t some_family(struct rng *r, const struct test_model_opts *o, uint8_t hook)
{
	if (hook >= BF_HOOKS_NETFILTER && rng_percent(r, 20))
		return NFPROTO_UNSPEC;
	if (o->family == NFPROTO_IPV4 || o->family == NFPROTO_IPV6)
		return o->family;
	return rng_percent(r, 50) ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

static void make_ip4(const struct traffic *tr, struct test_packet *p)
{
	test_packet_ip4(p, (uint32_t)interesting(tr, BF_F_IP_SADDR), (uint32_t)interesting(tr, BF_F_IP_DADDR));
	set_header4(tr, p);
	if (rng_percent(tr->r, 10))
		test_packet_options4(p, 1 + rng_below(tr->r, 10));
	add_l4(tr, p);
	test_packet_done(p);
}

static void make_ip6(const struct traffic *tr, struct test_packet *p)
{
	test_packet_ip6(p, interesting(tr, BF_F_IP6_SADDR), interesting(tr, BF_F_IP6_DADDR));
	set_header6(tr, p);
	if (rng_percent(tr->r, 60))
		add_extensions(tr, p);
	add_l4(tr, p);
	test_packet_done(p);
}

void test_packet_random(struct rng *r, const struct test_model_opts *o, const struct bf_table *t, struct test_packet *p)
{
	struct traffic tr = { r, o, t, NULL, o->family };
	uint8_t hook = some_hook(r, o);
	uint32_t least;

	tr.family = some_family(r, o, hook);
	if (rng_percent(r, 60))
		tr.aim = some_rule(&tr);
	if (tr.family == NFPROTO_IPV4)
		make_ip4(&tr, p);
	else if (tr.family == NFPROTO_IPV6)
		make_ip6(&tr, p);
	else
		test_packet_other(p, 28 + rng_below(r, 40));
	p->p.hook = hook;
	if (o->kernel)
		set_bare(&tr, p);
	else
		set_meta(&tr, p);
	p->p.assist = test_assist_answer;
	least = tr.family == NFPROTO_IPV4 ? (p->bytes[0] & 15u) * 4 : 40; /* the kernel lets none shorter come here */
	if (tr.family != NFPROTO_UNSPEC && rng_percent(r, 15))
		test_packet_cut(p, least + rng_below(r, p->len - least + 1));
}
