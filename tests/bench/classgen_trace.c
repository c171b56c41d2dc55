/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen_trace.c: packets inside the rules' boxes. Addresses that routing
 * refuses (0/8, 127/8, 224/3, multicast) are drawn again, so that every packet
 * comes as far as the filter.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classgen.h"

enum { HOT = 16, TRIES = 64, FRAME_L4 = 26 };

static bool routable(const struct cg_addr *a, bool v6)
{
	uint32_t first = a->w[0] >> 24;

	return v6 ? first >= 0x20 && first < 0xf0 : first && first != 127 && first < 224;
}

static struct cg_addr address_in(struct cg_set *s, const struct cg_rule *r, unsigned which)
{
	struct cg_addr a;
	unsigned tries = 0;

	do {
		a = r->addr[which];
		for (unsigned i = 0; i < (s->v6 ? 4 : 1); i++) {
			unsigned bits = r->len[which] > 32 * i ? r->len[which] - 32 * i : 0;
			uint32_t any = bits >= 32 ? 0 : ~0u >> bits;

			a.w[i] |= (uint32_t)cg_random(s) & (r->len[which] == CG_MASKED ? ~r->mask[which] : any);
		}
	} while (!routable(&a, s->v6) && ++tries < 10000);
	return a;
}

struct cg_packet cg_packet_for(struct cg_set *s, size_t i)
{
	const struct cg_rule *r = &s->rules[s->rules[i].via];
	struct cg_packet p = {.proto = r->proto ? r->proto : cg_often(s, 50) ? CG_TCP : CG_UDP};

	for (unsigned w = 0; w < 2; w++) {
		p.addr[w] = address_in(s, r, w);
		p.port[w] = (uint16_t)(r->port[w].lo + cg_below(s, r->port[w].hi - r->port[w].lo + 1u));
	}
	if (p.proto == CG_ICMP || p.proto == CG_ICMP6)
		p.port[0] = p.proto == CG_ICMP ? 8 << 8 : 128 << 8; /* echo request */
	return p;
}

static bool in_prefix(const struct cg_rule *r, unsigned which, const struct cg_addr *a)
{
	if (r->len[which] == CG_MASKED)
		return !((a->w[0] ^ r->addr[which].w[0]) & r->mask[which]);
	for (unsigned i = 0; 32 * i < r->len[which]; i++) {
		unsigned bits = r->len[which] - 32 * i;

		if ((a->w[i] ^ r->addr[which].w[i]) & (bits >= 32 ? ~0u : ~0u << (32 - bits)))
			return false;
	}
	return true;
}

static bool matches(const struct cg_rule *r, const struct cg_packet *p)
{
	for (unsigned w = 0; w < 2; w++)
		if (p->port[w] < r->port[w].lo || p->port[w] > r->port[w].hi || !in_prefix(r, w, &p->addr[w]))
			return false;
	return !r->proto || r->proto == p->proto;
}

static bool caught_earlier(const struct cg_set *s, const struct cg_packet *p, size_t i)
{
	for (size_t earlier = 0; earlier < i; earlier++)
		if (matches(&s->rules[earlier], p))
			return true;
	return false;
}

/* A packet for the last rule that gets any, as far as some tries tell; sets with chains of their own have theirs as they come. */
static struct cg_packet last_packet(struct cg_set *s, const uint32_t *leaves, size_t n)
{
	for (unsigned back = 1; s->n_chains == CG_CHAINS && back <= TRIES && back <= n; back++)
		for (unsigned t = 0; t < TRIES / 4; t++) {
			struct cg_packet p = cg_packet_for(s, leaves[n - back]);

			if (!caught_earlier(s, &p, leaves[n - back]))
				return p;
		}
	return cg_packet_for(s, leaves[n - 1]);
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_addr(uint8_t *p, const struct cg_addr *a, size_t len)
{
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t w = htonl(a->w[i]);

		memcpy(p + 4 * i, &w, 4);
	}
}

static void put4(const struct cg_packet *p, FILE *out)
{
	uint8_t h[24] = {0x45, 0, 0, 20 + FRAME_L4, 0, 0, 0x40, 0, 64, p->proto};

	put_addr(h + 12, &p->addr[0], 4);
	put_addr(h + 16, &p->addr[1], 4);
	put16(h + 10, checksum(h, 20));
	put16(h + 20, p->port[0]);
	put16(h + 22, p->port[1]);
	fwrite(h, sizeof(h), 1, out);
}

static void put6(const struct cg_packet *p, FILE *out)
{
	uint8_t h[48] = {0x60, 0, 0, 0, 0, FRAME_L4, p->proto, 64};

	put_addr(h + 8, &p->addr[0], 16);
	put_addr(h + 24, &p->addr[1], 16);
	put16(h + 40, p->port[0]);
	put16(h + 42, p->port[1]);
	fwrite(h, sizeof(h), 1, out);
}

/* The rules that packets are for. */
static size_t list_leaves(const struct cg_set *s, uint32_t **out)
{
	size_t n = 0;

	*out = malloc(s->n * sizeof(**out) + 1);
	for (size_t i = 0; *out && i < s->n; i++)
		if (s->rules[i].leaf)
			(*out)[n++] = (uint32_t)i;
	if (!n) {
		fputs("classgen: no rule to make packets for\n", stderr);
		exit(1);
	}
	return n;
}

/* The k-th of n is met 1/k as often as the first: the logarithm of its rank is uniform. */
static uint32_t zipf(struct cg_set *s, size_t n)
{
	double rank = exp((double)(cg_random(s) >> 11) / 0x1p53 * log((double)n + 1)) - 1;

	return (uint32_t)((uint64_t)rank * 2654435761u % n);
}

bool cg_write_trace(struct cg_set *s, const char *kind, size_t n, FILE *out)
{
	bool last = !strcmp(kind, "last"), hot = !strcmp(kind, "hot"), z = !strcmp(kind, "zipf");
	struct cg_packet few[HOT];
	uint32_t *leaves;
	size_t n_leaves;

	if (!last && !hot && !z && strcmp(kind, "random"))
		return false;
	n_leaves = list_leaves(s, &leaves);
	for (unsigned i = 0; i < HOT; i++)
		few[i] = last ? i ? few[0] : last_packet(s, leaves, n_leaves) : cg_packet_for(s, leaves[cg_below(s, (uint32_t)n_leaves)]);
	for (size_t i = 0; i < n; i++) {
		struct cg_packet p = last || hot ?
			few[i % HOT] :
			cg_packet_for(s, leaves[z ? zipf(s, n_leaves) : cg_below(s, (uint32_t)n_leaves)]);

		(s->v6 ? put6 : put4)(&p, out);
	}
	free(leaves);
	return true;
}
