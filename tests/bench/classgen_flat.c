/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen_flat.c: flat sets of one plain form each: the even ones that tools
 * write, sets of addresses, and those meant to break a classifier.
 */
#include "classgen.h"

enum { SERVER = 0x0a4d0001, BENCH_NET = 0xc6120000 }; /* 10.77.0.1, 198.18.0.0/15 */

static struct cg_rule *flat(struct cg_set *s, size_t i, size_t n)
{
	struct cg_rule *r = cg_add(s, CG_INPUT, i + 1 == n || cg_often(s, 75) ? CG_ACCEPT : CG_DROP);

	r->leaf = true;
	return r;
}

static uint32_t host4(struct cg_set *s)
{
	uint32_t byte = 1 + cg_below(s, 222);

	return (byte >= 127 ? byte + 1 : byte) << 24 | (uint32_t)cg_random(s) >> 8;
}

static struct cg_addr host(struct cg_set *s)
{
	uint64_t low = cg_random(s);

	if (!s->v6)
		return (struct cg_addr){{host4(s)}};
	return (struct cg_addr){{0x20010000 | cg_below(s, 65536), (uint32_t)cg_random(s), (uint32_t)(low >> 32), (uint32_t)low}};
}

static struct cg_range some_range(struct cg_set *s)
{
	uint16_t a = (uint16_t)cg_random(s), b = (uint16_t)cg_random(s);

	return a < b ? (struct cg_range){a, b} : (struct cg_range){b, a};
}

static struct cg_range one(size_t port)
{
	return (struct cg_range){(uint16_t)port, (uint16_t)port};
}

/* Sources scattered over a net, one destination, UDP, 16 ports; all accept. */
static void make_apart(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = cg_add(s, CG_INPUT, CG_ACCEPT);

		r->leaf = true;
		cg_prefix4(r, 0, BENCH_NET + (uint32_t)(i * 40503 % (1 << 17)) + (uint32_t)(i >> 17 << 17), 32);
		cg_prefix4(r, 1, SERVER, 32);
		r->proto = CG_UDP;
		r->port[1] = one(5000 + i % 16);
	}
}

static void make_tuples(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = flat(s, i, n);

		for (unsigned w = 0; w < 2; w++) {
			cg_prefix(r, w, host(s), s->v6 ? 128 : 32);
			r->port[w] = one(w ? 1 + cg_below(s, 1024) : 1024 + cg_below(s, 64512));
		}
		r->proto = cg_often(s, 50) ? CG_TCP : CG_UDP;
	}
}

static void make_hosts(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cg_prefix(flat(s, i, n), 0, host(s), s->v6 ? 128 : 32);
}

static void make_prefixes(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cg_prefix(flat(s, i, n), 0, host(s), s->v6 ? 24 + 8 * cg_below(s, 6) : 14 + cg_below(s, 19));
}

/* Two fields of a rule are ranges or short prefixes, the other two any: nothing that a first cut by one field could take. */
static void make_wild(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = flat(s, i, n);
		unsigned kind = cg_below(s, 3);

		r->proto = cg_often(s, 50) ? CG_TCP : CG_UDP;
		if (kind != 1)
			r->port[0] = some_range(s);
		if (kind != 2)
			r->port[1] = some_range(s);
		if (kind)
			cg_prefix4(r, kind - 1, host4(s), 8 + cg_below(s, 5));
	}
}

/* Port ranges around one middle, the narrowest first; as soon as they are as wide as can be, another protocol or source net. */
static void make_nested(struct cg_set *s, size_t n)
{
	size_t step = n < 32767 ? 32767 / (n + 1) : 1;

	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = flat(s, i, n);
		uint16_t half = (uint16_t)(i % 32767 * step);

		r->port[1] = (struct cg_range){(uint16_t)(32767 - half), (uint16_t)(32768 + half)};
		r->proto = i / 32767 % 2 ? CG_TCP : CG_UDP;
		if (i >= 65534)
			cg_prefix4(r, 0, (uint32_t)(1 + i / 65534 % 100) << 24, 8);
	}
}

/* Of each address some bits, wherever; never the first octet's alone, so that packets for it can be routed. */
static void make_masks(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = flat(s, i, n);

		for (unsigned w = 0; w < 2; w++) {
			r->mask[w] = (uint32_t)(cg_random(s) & cg_random(s)) | 0x00800001; /* never contiguous */
			r->addr[w].w[0] = host4(s) & r->mask[w];
			r->len[w] = CG_MASKED;
		}
		r->proto = CG_UDP;
		r->port[1] = cg_often(s, 50) ? one(1 + cg_below(s, 1024)) : (struct cg_range){1024, 65535};
	}
}

static void make_ports(struct cg_set *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = flat(s, i, n);

		cg_prefix4(r, 0, BENCH_NET, 15);
		cg_prefix4(r, 1, SERVER, 32);
		r->proto = CG_UDP;
		r->port[1] = one(1 + i % 65535);
		if (n > 65535)
			r->port[0] = one(1024 + i / 65535);
	}
}

const struct cg_shape cg_flat[] = {
	{"apart", make_apart, false, "source, destination, UDP, port; sources differ"},
	{"tuples", make_tuples, true, "exact 5-tuples"},
	{"hosts", make_hosts, true, "a source address each"},
	{"prefixes", make_prefixes, true, "a source prefix each, of all lengths"},
	{"wild", make_wild, false, "adversarial: ranges crossed with wildcards"},
	{"nested", make_nested, false, "adversarial: nested port ranges, narrowest first"},
	{"masks", make_masks, false, "adversarial: masks that are no prefixes"},
	{"ports", make_ports, false, "adversarial: all alike but their ports"},
	{0},
};
