/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packets.c: packets of all shapes the keys are about, then copies of them with
 * bytes changed and ends cut. Each leaves with a header that the stack accepts:
 * what it throws away nobody would see.
 */
#include "keys.h"

#include <linux/in.h>
#include <linux/in6.h>

#include "lib/rng.h"

struct list {
	struct keys_packet *p;
	unsigned n, max;
};

static struct test_packet *next(struct list *l, const char *name)
{
	struct keys_packet *p = &l->p[l->n < l->max ? l->n++ : l->n - 1];

	memset(p, 0, sizeof(*p));
	p->name = name;
	return &p->t;
}

enum { LEAST = 4 }; /* bytes behind the header: fewer ports than two are none (rt/abi.h) */

#define FD09(last) (((bf_u128)0xfd09 << 112) | (last))

static struct test_packet *ip4(struct list *l, const char *name)
{
	struct test_packet *t = next(l, name);

	test_packet_ip4(t, 0x0a090002, 0x0a090001);
	return t;
}

static struct test_packet *ip6(struct list *l, const char *name)
{
	struct test_packet *t = next(l, name);

	test_packet_ip6(t, FD09(2), FD09(1));
	return t;
}

#define BYTES(t, ...) \
	test_packet_payload((t), (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* One of each protocol, behind a header of either family. */
static void protocols(struct list *l, struct test_packet *(*ip)(struct list *, const char *))
{
	static const uint8_t all_options[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7, 34, 4, 1, 2, 30, 12, 0x10, 1, 2, 3,
		                                   4, 5, 6, 7, 8, 9 };
	static const uint8_t sacks[] = { 1, 1, 5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7,
		                             0, 0, 0, 8 };
	static const uint8_t lies[] = { 8, 0, 2, 4, 5, 0xb4, 254, 40 }, ends[] = { 1, 1, 1, 1, 1, 1, 2, 4 }, md5[] = { 19, 4, 1, 1, 0, 0, 0, 0 };
	static const uint8_t sctp[] = { 0, 7, 0, 80, 0, 0, 0, 9, 1, 2, 3, 4, 3, 1, 0, 16, 0, 0, 0, 5, 0, 0, 0, 6, 0, 1, 0, 2, 0, 3, 0, 17, 0, 0, 0,
		                            7, 0, 2, 0, 3, 0, 0, 0, 4, 'x', 0, 0, 0, 6, 0, 0, 4 };
	static const uint8_t init[] = { 0, 7, 0, 80, 0, 0, 0, 9, 1, 2, 3, 4, 1, 2, 0, 20, 0, 0, 0, 5, 0, 1, 0, 6, 0, 7, 0, 8, 0, 0, 0, 9 };
	struct test_packet *t;

	t = ip(l, "tcp");
	test_packet_tcp(t, 1234, 22, 2, all_options, sizeof(all_options));
	BYTES(t, 1, 2, 3, 4, 5, 6, 7, 8);
	t = ip(l, "tcp, sack");
	test_packet_tcp(t, 80, 1024, 0x10, sacks, sizeof(sacks));
	t = ip(l, "tcp, options that lie");
	test_packet_tcp(t, 80, 22, 0x11, lies, sizeof(lies));
	t = ip(l, "tcp, an option that ends too late");
	test_packet_tcp(t, 80, 22, 0x12, ends, sizeof(ends));
	t = ip(l, "tcp, md5");
	test_packet_tcp(t, 80, 22, 0x04, md5, sizeof(md5));
	t = ip(l, "tcp, bare");
	test_packet_tcp(t, 22, 80, 0x18, NULL, 0);
	t = ip(l, "udp");
	test_packet_udp(t, 53, 1024);
	BYTES(t, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	t = ip(l, "udp, empty");
	test_packet_udp(t, 1024, 53);
	t = ip(l, "udplite");
	test_packet_proto(t, IPPROTO_UDPLITE);
	BYTES(t, 0, 53, 0, 54, 0, 8, 1, 2);
	t = ip(l, "sctp");
	test_packet_proto(t, IPPROTO_SCTP);
	test_packet_payload(t, sctp, sizeof(sctp));
	t = ip(l, "sctp init");
	test_packet_proto(t, IPPROTO_SCTP);
	test_packet_payload(t, init, sizeof(init));
	t = ip(l, "dccp");
	test_packet_proto(t, IPPROTO_DCCP);
	BYTES(t, 0, 7, 0, 8, 4, 0, 1, 2, 0x02, 0, 0, 1, 0, 0, 0, 2);
	t = ip(l, "esp");
	test_packet_proto(t, IPPROTO_ESP);
	BYTES(t, 0, 0, 1, 1, 0, 0, 0, 5, 1, 2, 3, 4);
	t = ip(l, "comp");
	test_packet_proto(t, IPPROTO_COMP);
	BYTES(t, 6, 1, 0, 5);
	t = ip(l, "a protocol that nobody knows");
	test_packet_proto(t, 253);
	BYTES(t, 1, 2, 3);
}

static void ipv4(struct list *l)
{
	static const uint8_t options[][12] = {
		{ 7, 7, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0 },    /* rr */
		{ 148, 4, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0 },  /* router alert */
		{ 131, 7, 4, 10, 9, 0, 1, 1, 0, 0, 0, 0 }, /* lsrr */
		{ 137, 7, 4, 10, 9, 0, 1, 0, 0, 0, 0, 0 }, /* ssrr */
		{ 148, 4, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0 },  /* an alert that is none */
		{ 7, 7, 8, 1, 2, 3, 4, 1, 148, 4, 0, 0 },  /* rr, full; alert */
		{ 68, 8, 5, 0, 0, 0, 0, 0, 148, 4, 0, 0 }, /* timestamp; alert */
		{ 1, 1, 7, 3, 4, 1, 1, 1, 148, 4, 0, 0 },
	};
	struct test_packet *t;

	for (size_t i = 0; i < BF_ARRAY_SIZE(options); i++) {
		t = ip4(l, "ip options");
		test_packet_options4(t, 3);
		memcpy(t->bytes + 20, options[i], 12);
		test_packet_udp(t, 53, 54);
	}
	t = ip4(l, "icmp echo");
	test_packet_icmp(t, IPPROTO_ICMP, 8, 0);
	memcpy(t->bytes + t->len - 6, "\xf7\xf4\0\5\0\6", 6); /* the checksum is right: it is answered */
	t = ip4(l, "icmp redirect");
	test_packet_icmp(t, IPPROTO_ICMP, 5, 1);
	memcpy(t->bytes + t->len - 4, "\12\11\0\3", 4);
	t = ip4(l, "icmp fragmentation needed");
	test_packet_icmp(t, IPPROTO_ICMP, 3, 4);
	memcpy(t->bytes + t->len - 4, "\0\0\5\334", 4);
	t = ip4(l, "icmp time exceeded");
	test_packet_icmp(t, IPPROTO_ICMP, 11, 0);
	t = ip4(l, "igmp");
	test_packet_proto(t, IPPROTO_IGMP);
	BYTES(t, 0x16, 5, 1, 2, 224, 0, 0, 9);
	t = ip4(l, "ah");
	test_packet_proto(t, IPPROTO_AH);
	BYTES(t, 6, 4, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	for (unsigned off = 0; off < 3; off++) {
		t = ip4(l, "fragment");
		test_packet_frag4(t, off, off < 2);
		test_packet_udp(t, 53, 1024);
		BYTES(t, 1, 2, 3, 4, 5, 6, 7, 8);
	}
	t = ip4(l, "tos, ttl, id");
	t->bytes[1] = 0x2b;
	t->bytes[5] = 5;
	t->bytes[6] = 0x40;
	t->bytes[8] = 3;
	test_packet_udp(t, 53, 1024);
	t = ip4(l, "broadcast");
	memset(t->bytes + 16, 255, 4);
	test_packet_udp(t, 53, 67);
}

static void ipv6(struct list *l)
{
	struct test_packet *t;

	t = ip6(l, "echo");
	test_packet_icmp(t, IPPROTO_ICMPV6, 128, 0);
	memcpy(t->bytes + t->len - 4, "\0\5\0\6", 4);
	t = ip6(l, "packet too big");
	test_packet_icmp(t, IPPROTO_ICMPV6, 2, 0);
	memcpy(t->bytes + t->len - 4, "\0\0\5\334", 4);
	t = ip6(l, "parameter problem");
	test_packet_icmp(t, IPPROTO_ICMPV6, 4, 1);
	memcpy(t->bytes + t->len - 4, "\0\0\0\50", 4);
	t = ip6(l, "mld query");
	test_packet_icmp(t, IPPROTO_ICMPV6, 130, 0);
	memcpy(t->bytes + t->len - 4, "\0\5\0\0", 4);
	for (unsigned k = 0; k < 4; k++) {
		t = ip6(l, "extension headers");
		test_packet_ext6(t, IPPROTO_HOPOPTS, 0);
		t->bytes[t->len - 6] = 1; /* padding that is well-formed */
		t->bytes[t->len - 5] = 4;
		test_packet_ext6(t, IPPROTO_ROUTING, k == 1 ? 4 : 2);
		t->bytes[t->len - (k == 1 ? 40 : 24) + 2] = k == 2 ? 4 : 0;
		t->bytes[t->len - 1] = (uint8_t)k;
		if (k == 3)
			test_packet_ah6(t, 4);
		test_packet_ext6(t, IPPROTO_DSTOPTS, 0);
		t->bytes[t->len - 6] = 1;
		t->bytes[t->len - 5] = 4;
		test_packet_udp(t, 53, 1024);
		BYTES(t, 1, 2, 3, 4);
	}
	for (unsigned off = 0; off < 2; off++) {
		t = ip6(l, "fragment");
		if (off == 0)
			test_packet_ext6(t, IPPROTO_DSTOPTS, 0);
		test_packet_frag6(t, off, true);
		memcpy(t->bytes + t->len - 4, "\0\0\0\11", 4);
		test_packet_udp(t, 53, 1024);
		BYTES(t, 1, 2, 3, 4, 5, 6, 7, 8);
	}
	t = ip6(l, "mobility");
	test_packet_proto(t, 135);
	BYTES(t, 59, 0, 5, 0, 1, 2, 0, 0);
	t = ip6(l, "nothing next");
	test_packet_ext6(t, IPPROTO_DSTOPTS, 0);
	t = ip6(l, "class and label");
	memcpy(t->bytes, "\x62\xb5\x43\x21", 4);
	t->bytes[7] = 3;
	test_packet_udp(t, 53, 1024);
}

/* IPv4: length, checksum. IPv6: payload length. */
void keys_packet_finish(struct test_packet *t)
{
	uint32_t sum = 0, head = (t->bytes[0] & 15u) * 4;

	if (t->p.family == NFPROTO_IPV6) {
		t->bytes[4] = (uint8_t)((t->len - 40) >> 8);
		t->bytes[5] = (uint8_t)(t->len - 40);
		return;
	}
	t->bytes[2] = (uint8_t)(t->len >> 8);
	t->bytes[3] = (uint8_t)t->len;
	t->bytes[10] = t->bytes[11] = 0;
	for (uint32_t i = 0; i + 1 < head; i += 2)
		sum += (uint32_t)(t->bytes[i] << 8 | t->bytes[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	t->bytes[10] = (uint8_t)(sum >> 8);
	t->bytes[11] = (uint8_t)sum;
}

/* Another packet's copy with bytes changed behind the part that the stack insists on, or with its end cut off. */
static void mutate(struct list *l, struct rng *r, unsigned n)
{
	const struct keys_packet *from = &l->p[rng_below(r, n)];
	struct test_packet *t = next(l, from->name);
	uint32_t head = from->t.p.family == NFPROTO_IPV4 ? 20 : 40, first;

	*t = from->t;
	test_packet_fix(t);
	first = from->t.p.family == NFPROTO_IPV4 ? (from->t.bytes[0] & 15u) * 4 : 40;
	if (rng_percent(r, 50) && t->len > first + LEAST)
		t->len = first + LEAST + rng_below(r, t->len - first - LEAST);
	for (unsigned k = rng_below(r, 4); k-- && t->len > head;)
		t->bytes[head + rng_below(r, t->len - head)] = rng_percent(r, 50) ? (uint8_t)rng_below(r, 256) : (uint8_t)rng_below(r, 12);
	keys_packet_finish(t);
}

unsigned keys_packets(struct keys_packet *out, unsigned max, uint64_t seed)
{
	struct list l = { out, 0, max };
	struct rng r = { seed };
	unsigned n;

	protocols(&l, ip4);
	protocols(&l, ip6);
	ipv4(&l);
	ipv6(&l);
	n = l.n;
	for (unsigned i = 0; i < n; i++)
		keys_packet_finish(&out[i].t);
	while (l.n < max)
		mutate(&l, &r, n);
	for (unsigned i = 0; i < l.n; i++) {
		struct bf_l4 l4;

		test_packet_fix(&out[i].t);
		out[i].t.p.len = out[i].t.len;
		bf_packet_l4(&out[i].t.p, &l4);
		out[i].fragment = l4.frag;
	}
	return l.n;
}
