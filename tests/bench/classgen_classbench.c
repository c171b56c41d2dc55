/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen_classbench.c: acl, fw and ipc: three families of rulesets, drawn
 * from distributions as ClassBench (Taylor and Turner, 2007) found them in
 * operators' filters: how long prefixes are, how they nest, which classes of
 * ports and which protocols go together. The numbers here are ours.
 *
 *   acl   access lists: sources wide, destinations hosts and small nets, destination ports exact
 *   fw    firewalls: many wildcards and port ranges on both sides
 *   ipc   between both: hosts to hosts, every protocol
 *
 * Prefixes nest: an address is walked down bit by bit, and at each fork the
 * same side is the preferred one each time, more so the nearer to the root. So
 * few networks hold most hosts, and short prefixes cover long ones. Specific
 * rules mostly stand before wide ones, as who writes them must do.
 */
#include <stdlib.h>

#include "classgen.h"

struct share {
	uint8_t value, percent; /* the first shares that sum up to 100 count */
};

enum { ANY, HIGH, LOW, RANGE, EXACT }; /* classes of ports */

struct profile {
	struct share len[2][10], port[2][5], proto[6];
};

static const struct profile acl = {
	.len = {{{0, 35}, {8, 3}, {12, 2}, {16, 10}, {20, 8}, {22, 6}, {24, 16}, {28, 5}, {32, 15}},
		{{0, 1}, {16, 4}, {20, 4}, {23, 4}, {24, 12}, {26, 5}, {28, 6}, {30, 4}, {32, 60}}},
	.port = {{{ANY, 97}, {HIGH, 2}, {EXACT, 1}}, {{ANY, 22}, {HIGH, 5}, {LOW, 1}, {RANGE, 10}, {EXACT, 62}}},
	.proto = {{CG_TCP, 72}, {CG_UDP, 18}, {CG_ICMP, 4}, {0, 6}},
};

static const struct profile fw = {
	.len = {{{0, 38}, {8, 2}, {16, 8}, {20, 3}, {24, 18}, {27, 4}, {32, 27}},
		{{0, 30}, {16, 6}, {22, 4}, {24, 16}, {28, 4}, {32, 40}}},
	.port = {{{ANY, 78}, {HIGH, 12}, {RANGE, 3}, {EXACT, 7}}, {{ANY, 25}, {HIGH, 12}, {LOW, 2}, {RANGE, 16}, {EXACT, 45}}},
	.proto = {{CG_TCP, 62}, {CG_UDP, 25}, {CG_ICMP, 5}, {CG_GRE, 1}, {0, 7}},
};

static const struct profile ipc = {
	.len = {{{0, 14}, {8, 3}, {16, 11}, {19, 4}, {21, 4}, {24, 20}, {28, 4}, {32, 40}},
		{{0, 10}, {8, 3}, {16, 11}, {20, 6}, {24, 22}, {29, 4}, {32, 44}}},
	.port = {{{ANY, 68}, {HIGH, 10}, {LOW, 1}, {RANGE, 4}, {EXACT, 17}},
		{{ANY, 38}, {HIGH, 10}, {LOW, 1}, {RANGE, 11}, {EXACT, 40}}},
	.proto = {{CG_TCP, 50}, {CG_UDP, 30}, {CG_ICMP, 8}, {CG_GRE, 2}, {CG_ESP, 2}, {0, 8}},
};

static unsigned draw(struct cg_set *s, const struct share *of)
{
	unsigned at = cg_below(s, 100);

	while (at >= of->percent)
		at -= of++->percent;
	return of->value;
}

/* Bit `depth` of an address whose bits before it are `above`: mostly the side that is preferred there. */
static uint32_t fork_bit(struct cg_set *s, unsigned tree, unsigned depth, uint64_t above)
{
	uint64_t h = cg_hash(s->seed + tree + 64 * depth, above);
	unsigned preferred = depth < 16 ? 82 : depth < 24 ? 72 : 60;

	return (h & 1) ^ !cg_often(s, preferred);
}

/* The first byte of IPv4, the first two of IPv6, are of a few that are in use. */
static uint32_t top_bits(struct cg_set *s, unsigned tree)
{
	static const uint16_t v6[] = {0x2001, 0x2003, 0x2400, 0x2404, 0x2600, 0x2604, 0x2800, 0x2a00};
	uint32_t byte;

	if (s->v6)
		return (uint32_t)v6[cg_below(s, cg_often(s, 60) ? 3 : 8)] << 16;
	byte = 1 + (uint32_t)(cg_hash(s->seed + tree, cg_below(s, cg_often(s, 60) ? 5 : 24)) % 223);
	return (byte == 127 ? 10 : byte) << 24;
}

/* Networks are walked in the tree, as 24 bits from the top of IPv4, 48 of IPv6; hosts are mostly low numbers or any. */
static struct cg_addr address(struct cg_set *s, unsigned tree)
{
	struct cg_addr a = {{top_bits(s, tree)}};
	uint64_t above = a.w[0];
	unsigned from = s->v6 ? 16 : 8, to = s->v6 ? 64 : 32;

	for (unsigned i = from; i < to; i++) {
		uint32_t bit = fork_bit(s, tree, s->v6 ? i / 2 : i, above);

		a.w[i / 32] |= bit << (31 - i % 32);
		above = above * 2 + bit + i;
	}
	if (s->v6) {
		a.w[2] = cg_often(s, 70) ? 0 : (uint32_t)cg_random(s);
		a.w[3] = cg_often(s, 70) ? 1 + cg_below(s, 4096) : (uint32_t)cg_random(s);
	}
	return a;
}

static unsigned length6(unsigned len)
{
	return !len ? 0 : len == 32 ? 128 : len <= 24 ? 16 + 2 * len : 64 + (len - 24) * 8;
}

/* The lower the number, the more rules have it; behind those known to everyone come the site's own. */
static uint16_t exact_port(struct cg_set *s)
{
	static const uint16_t known[] = {80, 443, 53, 22, 25, 123, 161, 389, 445, 139, 137, 3306, 1433, 8080, 110, 143, 993, 995,
		5432, 3389, 21, 23, 514, 88, 636, 5060, 1521, 6379, 9200, 111, 2049, 69, 179, 1812, 5666, 587, 8443, 27017};
	uint32_t rank = cg_below(s, 1 + cg_below(s, 300));

	return rank < sizeof(known) / sizeof(*known) ? known[rank] : (uint16_t)(1024 + cg_hash(s->seed, rank) % 30000);
}

static struct cg_range port_range(struct cg_set *s)
{
	static const struct cg_range known[] = {{6000, 6063}, {137, 139}, {20, 21}, {33434, 33600}, {161, 162}, {67, 68},
		{5060, 5061}, {135, 139}, {8000, 8100}, {49152, 65535}, {32768, 61000}, {2000, 5000}, {1, 1024}, {10000, 20000}};
	uint32_t rank = cg_below(s, 1 + cg_below(s, 100));
	uint64_t h = cg_hash(s->seed + 1, rank);
	uint16_t lo = (uint16_t)(1024 + h % 60000);

	if (rank < sizeof(known) / sizeof(*known))
		return known[rank];
	return (struct cg_range){lo, (uint16_t)(lo + 1 + (h >> 32) % (65535 - lo))};
}

static struct cg_range ports(struct cg_set *s, const struct share *of)
{
	uint16_t p;

	switch (draw(s, of)) {
	case HIGH:
		return (struct cg_range){1024, 65535};
	case LOW:
		return (struct cg_range){0, 1023};
	case RANGE:
		return port_range(s);
	case EXACT:
		p = exact_port(s);
		return (struct cg_range){p, p};
	default:
		return (struct cg_range){0, 65535};
	}
}

static void draw_rule(struct cg_set *s, struct cg_rule *r, const struct profile *p)
{
	for (unsigned w = 0; w < 2; w++) {
		unsigned len = draw(s, p->len[w]);

		cg_prefix(r, w, address(s, cg_often(s, 25) ? 0 : w), s->v6 ? length6(len) : len);
	}
	r->proto = (uint8_t)draw(s, p->proto);
	if (s->v6 && r->proto == CG_ICMP)
		r->proto = CG_ICMP6;
	for (unsigned w = 0; w < 2; w++)
		r->port[w] = r->proto == CG_TCP || r->proto == CG_UDP ? ports(s, p->port[w]) : (struct cg_range){0, 65535};
	r->to = cg_often(s, 75) ? CG_ACCEPT : CG_DROP;
	r->leaf = true;
}

static uint64_t hash_of(const struct cg_rule *r)
{
	uint64_t h = r->proto;

	for (unsigned w = 0; w < 2; w++) {
		for (unsigned i = 0; i < 4; i += 2)
			h = cg_hash(h, (uint64_t)r->addr[w].w[i] << 32 | r->addr[w].w[i + 1]);
		h = cg_hash(h, (uint64_t)r->len[w] << 32 | (uint32_t)r->port[w].lo << 16 | r->port[w].hi);
	}
	return h | 1;
}

/* Puts it into the table of those there are; false: it was there. */
static bool is_new(uint64_t *table, size_t mask, uint64_t h)
{
	size_t i = h >> 8 & mask;

	for (; table[i]; i = (i + 1) & mask)
		if (table[i] == h)
			return false;
	table[i] = h;
	return true;
}

static void *need(void *p)
{
	if (!p) {
		perror("classgen");
		exit(1);
	}
	return p;
}

static void draw_all(struct cg_set *s, const struct profile *p, size_t n)
{
	size_t room = 64;
	uint64_t *table;

	while (room < 2 * n)
		room *= 2;
	table = need(calloc(room, sizeof(*table)));
	for (size_t i = 0; i < n; i++) {
		struct cg_rule *r = cg_add(s, CG_INPUT, CG_ACCEPT);
		unsigned tries = 0;

		do
			draw_rule(s, r, p);
		while (!is_new(table, room - 1, hash_of(r)) && ++tries < 32);
	}
	free(table);
}

/* How specific a rule is, roughly in bits, with some disorder. */
static unsigned specific(struct cg_set *s, const struct cg_rule *r)
{
	unsigned bits = ((unsigned)r->len[0] + r->len[1]) / (s->v6 ? 4 : 1);

	for (unsigned w = 0; w < 2; w++)
		for (unsigned width = r->port[w].hi - r->port[w].lo + 1u; width < 65536; width *= 2)
			bits++;
	return bits + (r->proto ? 8 : 0) + cg_below(s, 24);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Specific ones to the front; a table of key and place is sorted in place of the rules. */
static void sort_rules(struct cg_set *s)
{
	uint64_t *keys = need(malloc(s->n * sizeof(*keys) + 1));
	struct cg_rule *sorted = need(malloc(s->n * sizeof(*sorted) + 1));

	for (size_t i = 0; i < s->n; i++)
		keys[i] = (uint64_t)(1024 - specific(s, &s->rules[i])) << 32 | i;
	qsort(keys, s->n, sizeof(*keys), ascending);
	for (size_t i = 0; i < s->n; i++) {
		sorted[i] = s->rules[keys[i] & 0xffffffff];
		sorted[i].via = (uint32_t)i;
	}
	free(keys);
	free(s->rules);
	s->rules = sorted;
	s->room = s->n;
}

static void make(struct cg_set *s, const struct profile *p, size_t n)
{
	draw_all(s, p, n);
	sort_rules(s);
	if (n)
		s->rules[n - 1].to = CG_ACCEPT;
}

static void make_acl(struct cg_set *s, size_t n)
{
	make(s, &acl, n);
}

static void make_fw(struct cg_set *s, size_t n)
{
	make(s, &fw, n);
}

static void make_ipc(struct cg_set *s, size_t n)
{
	make(s, &ipc, n);
}

const struct cg_shape cg_classbench[] = {
	{"acl", make_acl, true, "access lists: wide sources, exact destinations and ports"},
	{"fw", make_fw, true, "firewalls: wildcards and port ranges on both sides"},
	{"ipc", make_ipc, true, "between both: hosts to hosts, many protocols"},
	{0},
};
