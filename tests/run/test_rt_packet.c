/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs see of a packet: the words of the key, and the bytes that
 * loaders and classic filters read. Every packet in both kinds of loop. What a
 * test run cannot have (devices, connections, sockets, fragments of an
 * sk_buff) is in test_rt_live.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "run/rtprog.h"

static const char *const hows[] = { "mg", "it" };
enum {
	V4 = NFPROTO_IPV4,
	V6 = NFPROTO_IPV6,
	ALL = 0x1f | BF_NEED_PKTTYPE,
	OTHERHOST = 3 << 24 /* as a test run's MAC addresses are */
};

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s: %s", c->how, d.text.data);
}

static void expect(const char *what, uint8_t family, uint32_t needs, const void *packet, size_t len,
				   const struct rtprog_word *w, uint32_t n)
{
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c;
		int v, word;

		rtprog_expect(&c, family, hows[h], needs, w, n);
		load(&c);
		v = rtprog_run(&c, packet, len);
		word = rtprog_unexpected(&c);
		rtprog_unload(&c);
		if (v != BF_ACCEPT || word >= 0)
			fail_msg("%s (%s): verdict %d, entry %d is not as expected", what, hows[h], v, word);
	}
}

#define EXPECT(what, family, needs, packet, len, ...)                                                                  \
	do {                                                                                                               \
		const struct rtprog_word w_[] = { __VA_ARGS__ };                                                               \
		expect((what), (family), (needs), (packet), (len), w_, BF_ARRAY_SIZE(w_));                                     \
	} while (0)

/* A packet that grows: header, then whatever follows. */
struct packet {
	uint8_t b[4000];
	size_t len;
};

static void put(struct packet *p, const void *bytes, size_t n)
{
	assert_true(p->len + n <= sizeof(p->b));
	memcpy(p->b + p->len, bytes, n);
	p->len += n;
}
#define PUT(p, ...) put((p), (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static const uint8_t tcp[20] = { 0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 1, 0, 0, 0, 0, 0 };
#define PORTS 0x12340050

static void ip4(struct packet *p, uint8_t proto, uint16_t frag, unsigned options)
{
	p->len = 0;
	PUT(p, 0x45 + options, 0xb8, 0x01, 0x02, 0, 9, frag >> 8, frag & 255, 63, proto, 0, 0, 192, 0, 2, 1, 198, 51, 100,
		7);
	for (unsigned i = 0; i < options; i++)
		PUT(p, 1, 1, 1, 1);
}

static void ip6(struct packet *p, uint8_t next)
{
	p->len = 0;
	PUT(p, 0x6a, 0xb1, 2, 3, 0x04, 0x05, next, 62);
	PUT(p, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6);
	PUT(p, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb);
}

static void addresses_and_header(void **state)
{
	struct packet p;

	ip4(&p, 6, 0, 0);
	put(&p, tcp, 20);
	EXPECT("IPv4", V4, ALL, p.b, p.len, { 0, 0xc0000201 }, { 1, 0 }, { 3, 0 }, { 4, 0xc6336407 }, { 5, 0 },
		   { BF_KEY_PORTS, PORTS }, { BF_KEY_META, 6 | 63 << 8 | 0xb8 << 16 | OTHERHOST }, { BF_KEY_LEN, 0x102 },
		   { BF_KEY_L4INFO, 0x1234 | 0x12 << 16 | 5 << 24 }, { BF_KEY_ODD, 20 }, { BF_KEY_MARK, 0 },
		   { BF_KEY_CTSTATE, 0 }, { BF_KEY_IIFNAME, 0 }, { BF_KEY_SCRATCH, 0 }, { BF_KEY_SCRATCH + 3, 0 });
	ip6(&p, 6);
	put(&p, tcp, 20);
	EXPECT("IPv6", V6, ALL, p.b, p.len, { 0, 0x20010db8 }, { 1, 0x00010002 }, { 2, 0x00030004 }, { 3, 0x00050006 },
		   { 4, 0xff020000 }, { 5, 0 }, { 6, 0 }, { 7, 0xfb }, { BF_KEY_PORTS, PORTS },
		   { BF_KEY_META, 6 | 62 << 8 | 0xab << 16 | OTHERHOST }, { BF_KEY_LEN, 40 + 20 },
		   { BF_KEY_L4INFO, 0x1234 | 0x12 << 16 | 5 << 24 }, { BF_KEY_ODD, 20 });
}

/* Each need alone fills its words; what it does not promise may be anything but is 0 here where nobody asked. */
static void needs_one_by_one(void **state)
{
	struct packet p;

	ip4(&p, 17, 0, 0);
	put(&p, tcp, 20);
	EXPECT("addrs", V4, BF_NEED_ADDRS, p.b, p.len, { 0, 0xc0000201 }, { 4, 0xc6336407 }, { BF_KEY_ODD, 0 });
	EXPECT("iphdr", V4, BF_NEED_IPHDR, p.b, p.len, { BF_KEY_META, 17 | 63 << 8 | 0xb8 << 16 }, { BF_KEY_LEN, 0x102 });
	EXPECT("l4", V4, BF_NEED_L4, p.b, p.len, { BF_KEY_ODD, 20 }, { BF_KEY_PORTS, 0 });
	EXPECT("ports", V4, BF_NEED_L4 | BF_NEED_PORTS, p.b, p.len, { BF_KEY_ODD, 20 }, { BF_KEY_PORTS, PORTS });
	EXPECT("none", V4, 0, p.b, p.len, { 0, 0 }, { BF_KEY_META, 0 }, { BF_KEY_ODD, 0 }, { 31, 0 });
	ip6(&p, 17);
	put(&p, tcp, 20);
	EXPECT("addrs", V6, BF_NEED_ADDRS, p.b, p.len, { 0, 0x20010db8 }, { 7, 0xfb }, { BF_KEY_ODD, 0 });
	EXPECT("iphdr", V6, BF_NEED_IPHDR, p.b, p.len, { BF_KEY_META, 62 << 8 | 0xab << 16 }, { BF_KEY_LEN, 40 + 20 });
	EXPECT("l4", V6, BF_NEED_L4, p.b, p.len, { BF_KEY_ODD, 20 }, { BF_KEY_META, 17 });
	EXPECT("l4info", V6, BF_NEED_L4 | BF_NEED_L4INFO, p.b, p.len, { BF_KEY_L4INFO, 0x1234 | 0x12 << 16 | 5 << 24 });
}

static void ip_options_and_fragments(void **state)
{
	static const struct {
		uint16_t frag;
		uint32_t odd;
	} t[] = { { 0, 0 },
			  { 0x4000, 0 },
			  { 0x2000, 0 },
			  { 1, BF_ODD_FRAG | BF_ODD_FRAG1 },
			  { 0x2001, BF_ODD_FRAG | BF_ODD_FRAG1 },
			  { 2, BF_ODD_FRAG },
			  { 0x1fff, BF_ODD_FRAG },
			  { 0x101, BF_ODD_FRAG } };
	struct packet p;

	for (unsigned options = 0; options <= 10; options += 5)
		for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
			ip4(&p, 6, t[i].frag, options);
			put(&p, tcp, 20);
			PUT(&p, 1, 2, 3);
			EXPECT("fragment", V4, ALL, p.b, p.len, { BF_KEY_ODD, t[i].odd | 23 }, { BF_KEY_PORTS, PORTS },
				   { BF_KEY_L4INFO, 0x1234 | 0x12 << 16 | 5 << 24 });
		}
}

/* Ports want 4 bytes, TCP's flags 14. */
static void cut_short(void **state)
{
	for (unsigned n = 0; n <= 21; n++) {
		uint32_t first = n >= 4 ? PORTS : 0, flags = n >= 14 ? 0x12 << 16 | 5 << 24 : 0;
		struct packet p;

		ip4(&p, 6, 0, 3);
		put(&p, tcp, BF_MIN(n, 20u));
		put(&p, "x", n > 20);
		EXPECT("IPv4 cut short", V4, ALL, p.b, p.len, { BF_KEY_ODD, n }, { BF_KEY_PORTS, first },
			   { BF_KEY_L4INFO, first >> 16 | flags });
		ip6(&p, 60);
		PUT(&p, 6, 0, 1, 4, 0, 0, 0, 0);
		put(&p, tcp, BF_MIN(n, 20u));
		put(&p, "x", n > 20);
		EXPECT("IPv6 cut short", V6, ALL, p.b, p.len, { BF_KEY_ODD, n }, { BF_KEY_PORTS, first },
			   { BF_KEY_L4INFO, first >> 16 | flags });
	}
	{
		struct packet p;

		ip4(&p, 6, 0, 10); /* says 60 bytes of header, is 40 long */
		p.len = 40;
		EXPECT("header cut short", V4, ALL, p.b, p.len, { BF_KEY_ODD, 0 }, { BF_KEY_PORTS, 0 }, { BF_KEY_L4INFO, 0 });
	}
}

/* n destination options, every third time an authentication header or a long one instead. */
static void put_chain(struct packet *p, unsigned n, uint8_t last)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t next = i + 1 == n ? last : (i + 1) % 3 == 1 ? 51 : (i + 1) % 3 == 2 ? 43 : 60;

		if (i % 3 == 1) /* what went before says AUTH: length in 4-byte words, less two */
			PUT(p, next, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
		else if (i % 3 == 2)
			PUT(p, next, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
		else
			PUT(p, next, 0, 1, 4, 0, 0, 0, 0);
	}
}

static void extension_headers(void **state)
{
	static const unsigned counts[] = { 0, 1, 2, 3, 7, 8, 9, 60, 200, 250 };

	for (size_t i = 0; i < BF_ARRAY_SIZE(counts); i++) {
		static const uint8_t lasts[] = { 6, 59, 50, 135 };

		for (size_t j = 0; j < BF_ARRAY_SIZE(lasts); j++) {
			struct packet p;
			char what[64];

			snprintf(what, sizeof(what), "%u extension headers, then %u", counts[i], lasts[j]);
			ip6(&p, counts[i] ? 60 : lasts[j]);
			put_chain(&p, counts[i], lasts[j]);
			put(&p, tcp, 20);
			EXPECT(what, V6, ALL, p.b, p.len, { BF_KEY_META, lasts[j] | 62 << 8 | 0xab << 16 | OTHERHOST },
				   { BF_KEY_ODD, 20 }, { BF_KEY_PORTS, PORTS }, { BF_KEY_L4INFO, 0x1234 | 0x12 << 16 | 5 << 24 });
		}
	}
}

/* Where ipv6_find_hdr() gives up. */
static void broken_chains(void **state)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60 };
	struct packet p;

	for (size_t k = 0; k < BF_ARRAY_SIZE(kinds); k++)
		for (unsigned there = 0; there < 8; there++) {
			uint8_t need = kinds[k] == 43 ? 4 : kinds[k] == 44 ? 4 : 2;
			bool bad = there < need;
			char what[64];

			snprintf(what, sizeof(what), "header %u cut after %u bytes", kinds[k], there);
			ip6(&p, kinds[k]);
			put(&p, (const uint8_t[8]){ 6 }, there);
			EXPECT(what, V6, ALL, p.b, p.len, { BF_KEY_ODD, bad ? BF_ODD_BADEXT : 0 }, { BF_KEY_PORTS, 0 },
				   { BF_KEY_L4INFO, 0 }, { BF_KEY_META, (bad ? 0 : 6) | 62 << 8 | 0xab << 16 | OTHERHOST });
		}
	ip6(&p, 60); /* the second one lies behind the end */
	PUT(&p, 0, 5, 0, 0, 0, 0, 0, 0);
	EXPECT("chain leaves the packet", V6, ALL, p.b, p.len, { BF_KEY_ODD, BF_ODD_BADEXT });
}

static void ip6_fragments(void **state)
{
	static const struct {
		uint8_t next, off_hi, off_lo;
		uint32_t odd, proto;
	} t[] = {
		{ 6, 0, 0, 0, 6 },
		{ 6, 0, 1, 0, 6 },
		{ 6, 0, 7, 0, 6 }, /* first fragments */
		{ 6, 0, 8, BF_ODD_FRAG, 6 },
		{ 6, 0xff, 0xf8, BF_ODD_FRAG, 6 },
		{ 59, 1, 0, BF_ODD_FRAG, 59 },
		{ 17, 1, 1, BF_ODD_FRAG, 17 },
		{ 60, 1, 0, BF_ODD_BADEXT, 0 },
		{ 44, 1, 0, BF_ODD_BADEXT, 0 },
	};
	struct packet p;

	for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
		uint32_t odd = t[i].odd, avail;
		char what[32];

		snprintf(what, sizeof(what), "IPv6 fragment %zu", i);
		ip6(&p, 44);
		PUT(&p, t[i].next, 0, t[i].off_hi, t[i].off_lo, 0, 0, 0, 1);
		put(&p, tcp, 20);
		avail = odd == BF_ODD_FRAG ? 68 : odd ? 0 : 20; /* L4 is looked for at offset 0 then */
		EXPECT(what, V6, ALL, p.b, p.len, { BF_KEY_ODD, odd | avail },
			   { BF_KEY_META, t[i].proto | 62 << 8 | 0xab << 16 | OTHERHOST },
			   { BF_KEY_PORTS, odd == BF_ODD_FRAG ? 0x6ab10203
							   : odd              ? 0
												  : PORTS });
	}
}

/* ------------------------------------------------------------------ what is loaded */

enum { MISS, HIT, DROP };

/* One LOAD or MATCH cell, and what came of it. */
static int answer(const char *how, uint8_t family, struct bf_cell cell, const void *params, uint32_t n_params,
				  const struct packet *p, uint32_t word, uint32_t value)
{
	struct bf_cell cells[] = {
		cell,
		{ .op = BF_CELL_COUNT, .arg = 1, .hit = 5 },
		{ .op = BF_CELL_COUNT, .arg = 2, .hit = 3 },
		{ .op = BF_CELL_TEST, .word = (uint8_t)word, .mask = ~0u, .lo = value, .hit = 5, .miss = 4 },
		{ .op = BF_CELL_COUNT, .arg = 3, .hit = 5 },
		{ .op = BF_CELL_VERDICT, .lo = BF_ACCEPT }
	};
	struct rtprog c = { .family = family,
						.how = how,
						.cells = cells,
						.n_cells = 6,
						.n_counters = 4,
						.params = params,
						.n_params = n_params,
						.config.needs = BF_NEED_L4 };
	int v, r;

	cells[0].hit = 2;
	cells[0].miss = 1;
	load(&c);
	v = rtprog_run(&c, p->b, p->len);
	r = rtprog_counter(&c, 1).packets ? MISS : rtprog_counter(&c, 2).packets ? HIT : DROP;
	if (v != (r != DROP) || rtprog_counter(&c, 3).packets)
		r = -1; /* the value is another */
	rtprog_unload(&c);
	return r;
}

struct option_case {
	uint8_t doff, n, opt[44]; /* n bytes of options are there */
	int mss;                  /* MISS, DROP, or the value */
	int kind, has;            /* option kind, and whether it is there */
};

static const struct option_case option_cases[] = {
	{ 5, 0, { 0 }, MISS, 2, MISS },
	{ 6, 4, { 2, 4, 0x05, 0xb4 }, 1460, 2, HIT },
	{ 6, 4, { 2, 4, 0x05, 0xb4 }, 1460, 3, MISS },
	{ 6, 4, { 1, 1, 1, 1 }, MISS, 1, HIT },
	{ 7, 8, { 1, 1, 2, 4, 1, 0, 0, 0 }, 256, 2, HIT },
	{ 7, 8, { 4, 2, 8, 0, 2, 4, 9, 9 }, 0x909, 8, HIT },   /* an option of length 0 counts as 1 byte */
	{ 7, 8, { 0, 0, 0, 0, 2, 4, 1, 1 }, 0x101, 2, HIT },   /* nor does the end of options end anything */
	{ 7, 8, { 8, 200, 2, 4, 1, 1, 2, 4 }, MISS, 2, MISS }, /* jumps out of the options */
	{ 6, 4, { 1, 1, 2, 4 }, MISS, 2, HIT },                /* too little of it left for an MSS, though it is there */
	{ 6, 4, { 1, 1, 1, 2 }, MISS, 2, HIT },
	{ 6, 4, { 2, 3, 5, 5 }, MISS, 2, HIT }, /* wrong length */
	{ 15, 40, { [36] = 2, 4, 0xff, 0xff }, 65535, 2, HIT },
	{ 15, 40, { 254, 38, [38] = 2, 2 }, MISS, 2, HIT },
	{ 15, 40, { [39] = 3 }, MISS, 3, HIT },
	{ 6, 3, { 2, 4, 5 }, DROP, 2, DROP }, /* cut short */
	{ 15, 39, { 2, 4, 5, 5 }, DROP, 2, DROP },
	{ 4, 0, { 0 }, DROP, 2, DROP }, /* data offset too small */
	{ 0, 4, { 2, 4, 5, 5 }, DROP, 2, DROP },
};

static void tcp_packet(struct packet *p, uint8_t family, const struct option_case *o)
{
	if (family == V4)
		ip4(p, 6, 0, 0);
	else
		ip6(p, 6);
	put(p, tcp, 20);
	p->b[p->len - 8] = (uint8_t)(o->doff << 4);
	put(p, o->opt, o->n);
}

static void tcp_options(void **state)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(option_cases); i++) {
		const struct option_case *o = &option_cases[i];

		for (size_t h = 0; h < 2; h++)
			for (int family = V4; family <= V6; family += V6 - V4) {
				struct bf_rt_tcpopt t = { .kind = (uint8_t)o->kind };
				struct bf_rt_tcpmss m = { .min = (uint16_t)o->mss, .max = (uint16_t)o->mss };
				int mss = o->mss > DROP ? HIT : o->mss;
				struct packet p;
				int r;

				tcp_packet(&p, (uint8_t)family, o);
				r = answer(hows[h], (uint8_t)family, (struct bf_cell){ .op = BF_CELL_LOAD, .lo = BF_LOAD_TCP_MSS },
						   NULL, 0, &p, BF_KEY_SCRATCH, o->mss > DROP ? (uint32_t)o->mss : 0);
				if (r != mss)
					fail_msg("MSS of option case %zu (%s, %d): %d", i, hows[h], family, r);
				r = answer(hows[h], (uint8_t)family, (struct bf_cell){ .op = BF_CELL_MATCH, .lo = BF_SPECIAL_TCPMSS },
						   &m, sizeof(m), &p, 0, 0);
				if (r != mss)
					fail_msg("tcpmss of option case %zu (%s, %d): %d", i, hows[h], family, r);
				r = answer(hows[h], (uint8_t)family, (struct bf_cell){ .op = BF_CELL_MATCH, .lo = BF_SPECIAL_TCPOPT },
						   &t, sizeof(t), &p, 0, 0);
				if (r != o->has)
					fail_msg("option %d of case %zu (%s, %d): %d", o->kind, i, hows[h], family, r);
				t.invert = 1;
				r = answer(hows[h], (uint8_t)family, (struct bf_cell){ .op = BF_CELL_MATCH, .lo = BF_SPECIAL_TCPOPT },
						   &t, sizeof(t), &p, 0, 0);
				if (r != (o->has == DROP ? DROP : !o->has))
					fail_msg("no option %d, case %zu (%s, %d): %d", o->kind, i, hows[h], family, r);
			}
	}
}

/* A TCP header of which not all is there drops. */
static void tcp_header_cut_short(void **state)
{
	for (unsigned n = 0; n < 20; n++)
		for (size_t h = 0; h < 2; h++) {
			struct packet p;

			ip4(&p, 6, 0, 0);
			put(&p, tcp, n);
			if (answer(hows[h], V4, (struct bf_cell){ .op = BF_CELL_LOAD, .lo = BF_LOAD_TCP_MSS }, NULL, 0, &p, 0, 0) !=
				DROP)
				fail_msg("%u bytes of TCP header are not dropped", n);
		}
}

/* The test run's sk_buff: Ethernet header there, no connection; its device is the loopback, which is no Ethernet. */
static void loaders_without_their_object(void **state)
{
	struct packet p;

	ip4(&p, 6, 0, 0);
	put(&p, tcp, 20);
	for (size_t h = 0; h < 2; h++) {
		for (uint32_t l = BF_LOAD_CT_PROTO; l <= BF_LOAD_CT_DPORT; l++)
			assert_int_equal(answer(hows[h], V4, (struct bf_cell){ .op = BF_CELL_LOAD, .lo = l }, NULL, 0, &p, 0, 0),
							 MISS);
		assert_int_equal(
			answer(hows[h], V4, (struct bf_cell){ .op = BF_CELL_LOAD, .lo = BF_LOAD_SKUID }, NULL, 0, &p, 0, 0), MISS);
		assert_int_equal(
			answer(hows[h], V4, (struct bf_cell){ .op = BF_CELL_LOAD, .lo = BF_LOAD_ETHER_SADDR }, NULL, 0, &p, 0, 0),
			MISS);
	}
}

/* ------------------------------------------------------------------ classic filters */

#define I(c_, d, s, o, i)                                                                                              \
	{                                                                                                                  \
		.code = (c_), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                                           \
	}

/* bf_pkt_load(f, offset, size) or bf_pkt_ad(f, offset) == want? */
static bool reads(const char *func, int32_t offset, uint32_t size, int64_t want, const struct packet *p)
{
	const struct bpf_insn code[] = {
		I(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, offset),
		I(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, (int32_t)size),
		I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0),
		I(BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, (int32_t)want),
		I(0, 0, 0, 0, (int32_t)(want >> 32)),
		I(BPF_ALU64 | BPF_MOV | BPF_X, 2, 0, 0, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		I(BPF_JMP | BPF_JEQ | BPF_X, 2, 1, 1, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const struct bf_rt_reloc calls[] = { { 2, BF_RT_RELOC_CALL, func, NULL, 0 } };
	const struct bf_rt_func own[] = { { "bf_straight", code, BF_ARRAY_SIZE(code), calls, 1 } };
	struct bf_cell cells[] = { { .op = BF_CELL_TEST } };
	struct rtprog c = {
		.family = V4, .how = "smg", .cells = cells, .n_cells = 1, .n_counters = 1, .own = own, .n_own = 1
	};
	int v;

	load(&c);
	v = rtprog_run(&c, p->b, p->len);
	rtprog_unload(&c);
	return v == BF_ACCEPT;
}

static void bytes_for_classic_filters(void **state)
{
	struct packet p;
	enum { NET = -0x100000, LL = -0x200000 };

	ip4(&p, 6, 0, 0);
	put(&p, tcp, 20);
	assert_true(reads("bf_pkt_load", 0, 1, 0x45, &p));
	assert_true(reads("bf_pkt_load", 12, 4, 0xc0000201, &p));
	assert_true(reads("bf_pkt_load", 20, 2, 0x1234, &p));
	assert_true(reads("bf_pkt_load", 19, 4, 0x07123400, &p));
	assert_true(reads("bf_pkt_load", 36, 4, 0, &p));
	assert_true(reads("bf_pkt_load", 37, 4, -1, &p));
	assert_true(reads("bf_pkt_load", 39, 1, 0, &p));
	assert_true(reads("bf_pkt_load", 40, 1, -1, &p));
	assert_true(reads("bf_pkt_load", 0x7fffffff, 4, -1, &p));
	assert_true(reads("bf_pkt_load", NET, 1, 0x45, &p));
	assert_true(reads("bf_pkt_load", NET + 16, 4, 0xc6336407, &p));
	assert_true(reads("bf_pkt_load", NET + 39, 2, -1, &p));
	assert_true(reads("bf_pkt_load", LL + 12, 2, 0x0800, &p));
	assert_true(reads("bf_pkt_load", LL + 14, 1, 0x45, &p));
	assert_true(reads("bf_pkt_load", LL + 53, 2, -1, &p));
	assert_true(reads("bf_pkt_load", LL - 1, 1, -1, &p));
	assert_true(reads("bf_pkt_load", -1, 1, -1, &p));
	assert_true(reads("bf_pkt_ad", 0, 0, 0x0800, &p));
	assert_true(reads("bf_pkt_ad", 8, 0, 1, &p));    /* lo */
	assert_true(reads("bf_pkt_ad", 28, 0, 772, &p)); /* ARPHRD_LOOPBACK */
	assert_true(reads("bf_pkt_ad", 20, 0, 0, &p));
	assert_true(reads("bf_pkt_ad", 48, 0, 0, &p));
	assert_true(reads("bf_pkt_ad", 12, 0, -1, &p)); /* NLATTR: not offered */
	assert_true(reads("bf_pkt_ad", 52, 0, -1, &p));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(addresses_and_header),
		cmocka_unit_test(needs_one_by_one),
		cmocka_unit_test(ip_options_and_fragments),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(broken_chains),
		cmocka_unit_test(ip6_fragments),
		cmocka_unit_test(tcp_options),
		cmocka_unit_test(tcp_header_cut_short),
		cmocka_unit_test(loaders_without_their_object),
		cmocka_unit_test(bytes_for_classic_filters),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
