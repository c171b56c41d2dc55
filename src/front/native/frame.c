/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.c: headers in front of a payload, lengths and checksums right. Layouts:
 * RFC 826, 791, 8200, 9293, 768, 3828, 792, 4443, 9260, 4340, 4302, 4303; IEEE
 * 802.1Q. Written byte by byte, front to back, into room for the largest.
 */
#include "front/native/frame.h"

#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>

enum { HEADERS = 512, DCCP = 33, HOPOPTS = 0 };

struct out {
	uint8_t *b;
	uint32_t n;
	uint32_t next; /* where the number of the next header is written */
};

static void u8(struct out *o, uint8_t v)
{
	o->b[o->n++] = v;
}

static void u16(struct out *o, uint32_t v)
{
	u8(o, (uint8_t)(v >> 8));
	u8(o, (uint8_t)v);
}

static void u32(struct out *o, uint32_t v)
{
	u16(o, v >> 16);
	u16(o, v & 0xffff);
}

static void bytes(struct out *o, const void *p, uint32_t n)
{
	memcpy(o->b + o->n, p, n);
	o->n += n;
}

static void zeroes(struct out *o, uint32_t n)
{
	o->n += n; /* arenas are zeroed */
}

static void addr(struct out *o, bf_u128 a, uint8_t family)
{
	for (int i = family == NFPROTO_IPV6 ? 3 : 0; i >= 0; i--)
		u32(o, (uint32_t)(a >> 32 * i));
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Of the Internet checksum, not yet folded. An odd last byte stands in the upper half. */
static uint32_t sum(const uint8_t *p, uint32_t n, uint32_t s)
{
	for (uint32_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void ethernet(struct out *o, const struct bf_frame_words *w)
{
	uint32_t type = w->family == NFPROTO_IPV4 ? ETH_P_IP : w->family == NFPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_ARP;

	bytes(o, w->dmac, 6);
	bytes(o, w->smac, 6);
	for (uint32_t i = 0; i < w->n_vlan; i++) {
		u16(o, i + 1 < w->n_vlan ? ETH_P_8021AD : ETH_P_8021Q);
		u16(o, w->vlan[i]);
	}
	u16(o, type);
}

static void arp(struct out *o, const struct bf_frame_words *w)
{
	u16(o, 1); /* Ethernet */
	u16(o, ETH_P_IP);
	u8(o, 6);
	u8(o, 4);
	u16(o, w->arp_op);
	bytes(o, w->smac, 6);
	addr(o, w->saddr, NFPROTO_IPV4);
	if (w->arp_op == 1)
		zeroes(o, 6);
	else
		bytes(o, w->dmac, 6);
	addr(o, w->daddr, NFPROTO_IPV4);
}

static void ip4(struct out *o, const struct bf_frame_words *w)
{
	u8(o, 0x45);
	u8(o, w->tos);
	u16(o, 0); /* length, at the end */
	u16(o, w->id);
	u16(o, (w->df ? 0x4000u : 0) | (w->mf ? 0x2000u : 0) | w->frag / 8);
	u8(o, w->ttl);
	o->next = o->n;
	u8(o, 0);
	u16(o, 0); /* checksum */
	addr(o, w->saddr, NFPROTO_IPV4);
	addr(o, w->daddr, NFPROTO_IPV4);
}

/* The number of a header that follows goes where the one before says what comes next. */
static void extension(struct out *o, uint8_t kind)
{
	o->b[o->next] = kind;
	o->next = o->n;
	zeroes(o, 2);
	if (kind == IPPROTO_ROUTING) {
		u8(o, 4); /* segment routing, none left */
		zeroes(o, 5);
	} else {
		u8(o, 1); /* PadN of 4 */
		u8(o, 4);
		zeroes(o, 4);
	}
}

static void fragment6(struct out *o, const struct bf_frame_words *w)
{
	o->b[o->next] = IPPROTO_FRAGMENT;
	o->next = o->n;
	zeroes(o, 2);
	u16(o, (w->frag & ~7u) | w->mf);
	u32(o, w->id);
}

static void ip6(struct out *o, const struct bf_frame_words *w)
{
	u32(o, 6u << 28 | (uint32_t)w->tos << 20 | w->flowlabel);
	u16(o, 0); /* length, at the end */
	o->next = o->n;
	u8(o, 0);
	u8(o, w->ttl);
	addr(o, w->saddr, NFPROTO_IPV6);
	addr(o, w->daddr, NFPROTO_IPV6);
	if (w->hopopts)
		extension(o, HOPOPTS);
	if (w->routing)
		extension(o, IPPROTO_ROUTING);
	if (w->is_frag)
		fragment6(o, w);
	if (w->dstopts)
		extension(o, IPPROTO_DSTOPTS);
}

static uint32_t tcp(struct out *o, const struct bf_frame_words *w)
{
	u16(o, w->sport);
	u16(o, w->dport);
	u32(o, w->seq);
	u32(o, w->ack);
	u8(o, w->has_mss ? 0x60 : 0x50);
	u8(o, w->flags);
	u16(o, w->window);
	u32(o, 0); /* checksum, urgent pointer */
	if (w->has_mss) {
		u16(o, 0x0204);
		u16(o, w->mss);
	}
	return 16;
}

static uint32_t udp(struct out *o, const struct bf_frame_words *w)
{
	u16(o, w->sport);
	u16(o, w->dport);
	u16(o, w->proto == IPPROTO_UDPLITE ? 0 : 8 + w->payload_len);
	u16(o, 0);
	return 6;
}

static void sctp(struct out *o, const struct bf_frame_words *w)
{
	u16(o, w->sport);
	u16(o, w->dport);
	zeroes(o, 8); /* tag, CRC32c: nobody here looks at it */
}

static uint32_t dccp(struct out *o, const struct bf_frame_words *w)
{
	u16(o, w->sport);
	u16(o, w->dport);
	u8(o, 7); /* data offset in words: room for acknowledgement and service code, which few types have both */
	zeroes(o, 3);
	u8(o, (uint8_t)(w->type << 1 | 1)); /* long sequence numbers */
	zeroes(o, 19);
	return 6;
}

/* Returns where in it its checksum lies, 0: it has none that is to be filled in. */
static uint32_t l4(struct out *o, const struct bf_frame_words *w)
{
	switch (w->proto) {
	case IPPROTO_TCP:
		return tcp(o, w);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return udp(o, w);
	case IPPROTO_SCTP:
		return sctp(o, w), 0;
	case DCCP:
		return dccp(o, w);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_IGMP:
		u8(o, w->type);
		u8(o, w->code);
		u16(o, 0);
		u16(o, w->id);
		u16(o, w->seq);
		return 2;
	case IPPROTO_ESP:
		u32(o, w->spi);
		u32(o, w->seq);
		return 0;
	case IPPROTO_AH:
		u8(o, IPPROTO_NONE);
		u8(o, 4); /* words behind the first two: SPI, number, 12 bytes of check value */
		u16(o, 0);
		u32(o, w->spi);
		u32(o, w->seq);
		zeroes(o, 12);
		return 0;
	default:
		return 0;
	}
}

static uint32_t pseudo(const struct bf_frame_words *w, uint32_t len)
{
	uint32_t s = w->proto + len;

	if (w->proto == IPPROTO_ICMP || w->proto == IPPROTO_IGMP)
		return 0;
	for (int i = 0; i < 8; i++)
		s += (uint32_t)(w->saddr >> 16 * i & 0xffff) + (uint32_t)(w->daddr >> 16 * i & 0xffff);
	return s;
}

static void lengths(struct out *o, const struct bf_frame_words *w, uint32_t nh)
{
	if (w->family == NFPROTO_IPV6) {
		put16(o->b + nh + 4, o->n - nh - 40);
		return;
	}
	put16(o->b + nh + 2, o->n - nh);
	put16(o->b + nh + 10, fold(sum(o->b + nh, 20, 0)));
}

static void ip(struct out *o, const struct bf_frame_words *w)
{
	uint32_t nh = o->n, th, check = 0, c, said = BF_MIN(w->payload_bytes, w->payload_len);

	if (w->family == NFPROTO_IPV4)
		ip4(o, w);
	else
		ip6(o, w);
	o->b[o->next] = w->proto;
	th = o->n;
	if (!w->frag) /* later fragments have no header of their own */
		check = l4(o, w);
	if (w->payload)
		bytes(o, w->payload, said);
	zeroes(o, w->payload_len - said);
	lengths(o, w, nh);
	if (!check)
		return;
	c = fold(sum(o->b + th, o->n - th, pseudo(w, o->n - th)));
	put16(o->b + th + check, c || w->proto == IPPROTO_TCP ? c : 0xffff); /* UDP: 0 says that there is none */
}

uint8_t *bf_frame_make(struct bf_arena *a, const struct bf_frame_words *w, uint32_t *len, uint32_t *nh)
{
	struct out o = { .b = bf_arena_alloc(a, HEADERS + w->payload_len) };

	if (!o.b)
		return NULL;
	ethernet(&o, w);
	*nh = o.n;
	if (w->family == NFPROTO_UNSPEC)
		arp(&o, w);
	else
		ip(&o, w);
	*len = o.n;
	return o.b;
}
