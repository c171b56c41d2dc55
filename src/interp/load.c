/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c: what the fields of a ruleset's own see (enum bf_loader), as nft's
 * expressions do. 0: it is not there, they break.
 */
#include "interp/packet.h"

#include <linux/in.h>

enum { VLAN_AT = 12, VLAN_LEN = 4 };

static uint32_t what(uint64_t arg)
{
	return (uint32_t)arg & 0xff;
}

static uint32_t width(uint64_t arg)
{
	return (uint32_t)(arg >> 8) & 0xff;
}

static uint32_t first(uint64_t arg)
{
	return (uint32_t)(arg >> 16);
}

/* Bytes at a place that may be before the network header (link layer). -1: not there. */
static int byte_at(const struct bf_packet *p, int64_t at)
{
	if (at < 0)
		return -at <= (int64_t)p->link_len ? p->link[p->link_len + at] : -1;
	return at < p->len ? p->data[at] : -1;
}

int bf_packet_frame_byte(const struct bf_packet *p, uint32_t i)
{
	if (!p->tagged || i < VLAN_AT)
		return byte_at(p, (int64_t)i - p->link_len);
	switch (i) {
	case VLAN_AT:
	case VLAN_AT + 1:
		return p->tag_proto >> 8 * (VLAN_AT + 1 - i) & 0xff;
	case VLAN_AT + 2:
	case VLAN_AT + 3:
		return p->tag >> 8 * (VLAN_AT + 3 - i) & 0xff;
	case VLAN_AT + 4:
	case VLAN_AT + 5:
		return p->protocol >> 8 * (VLAN_AT + 5 - i) & 0xff;
	}
	return byte_at(p, (int64_t)i - VLAN_LEN - p->link_len);
}

/* Bits of a header that begins at byte `base` of the packet; or of the link header. */
static int take(const struct bf_packet *p, bool link, uint32_t base, uint64_t arg, bf_u128 *v)
{
	uint32_t from = first(arg), to = from + width(arg); /* bits */

	*v = 0;
	for (uint32_t i = from / 8; i < (to + 7) / 8; i++) {
		int byte = link ? bf_packet_frame_byte(p, i) : byte_at(p, (int64_t)base + i);

		if (byte < 0)
			return 0;
		for (uint32_t bit = i * 8; bit < i * 8 + 8; bit++)
			if (bit >= from && bit < to)
				*v = *v << 1 | (byte >> (7 - bit % 8) & 1);
	}
	return 1;
}

static int load_payload(const struct bf_packet *p, uint64_t arg, bf_u128 *v)
{
	struct bf_l4 l4;
	uint32_t at;

	if (what(arg) == BF_BASE_LINK)
		return p->link_len ? take(p, true, 0, arg, v) : 0;
	if (what(arg) == BF_BASE_NETWORK)
		return take(p, false, 0, arg, v);
	bf_packet_l4(p, &l4);
	if (l4.bad || l4.frag)
		return 0;
	at = l4.off;
	if (what(arg) == BF_BASE_INNER) {
		if (l4.proto != IPPROTO_UDP && (l4.proto != IPPROTO_TCP || l4.avail < 20))
			return 0;
		at += l4.proto == IPPROTO_UDP ? 8 : (p->data[l4.off + 12] >> 4) * 4u;
	}
	return take(p, false, at, arg, v);
}

/* What was looked for begins at byte `at`, or is not there (negative). */
static int give(const struct bf_packet *p, int64_t at, uint64_t arg, bf_u128 *v)
{
	if (width(arg))
		return at < 0 ? 0 : take(p, false, (uint32_t)at, arg, v);
	*v = at >= 0;
	return 1;
}

static uint32_t bytes_of(uint64_t arg)
{
	return (first(arg) + width(arg) + 7) / 8;
}

/* The walk of ipv6_find_hdr() to one header. */
static int64_t find_exthdr(const struct bf_packet *p, uint8_t wanted)
{
	uint32_t at = 40;
	int proto = byte_at(p, 6);

	while (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH ||
	       proto == IPPROTO_DSTOPTS) {
		int next = byte_at(p, at), len = byte_at(p, (int64_t)at + 1), low = byte_at(p, (int64_t)at + 3);

		if (len < 0 || ((proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT) && low < 0))
			return -1;
		if (proto == wanted)
			return at;
		if (proto == IPPROTO_FRAGMENT && (byte_at(p, (int64_t)at + 2) << 8 | low) & 0xfff8)
			return -1;
		at += proto == IPPROTO_FRAGMENT ? 8u : proto == IPPROTO_AH ? ((uint32_t)len + 2) * 4 : ((uint32_t)len + 1) * 8;
		proto = next;
	}
	return proto == wanted ? (int64_t)at : -1;
}

static bool has_l4(const struct bf_packet *p, uint8_t proto, struct bf_l4 *l4)
{
	bf_packet_l4(p, l4);
	return !l4->bad && !l4->frag && l4->proto == proto;
}

static int64_t find_tcp_option(const struct bf_packet *p, uint64_t arg)
{
	struct bf_l4 l4;
	const uint8_t *tcp;
	uint32_t end;

	if (!has_l4(p, IPPROTO_TCP, &l4) || l4.avail < 20)
		return -1;
	tcp = p->data + l4.off;
	end = (tcp[12] >> 4) * 4u;
	if (end < 20 || end > l4.avail)
		return -1;
	for (uint32_t i = 20, len; i + 1 < end; i += len) {
		len = tcp[i] <= 1 || !tcp[i + 1] ? 1u : tcp[i + 1];
		if (tcp[i] == what(arg))
			return i + len <= end && BF_MAX(bytes_of(arg), 1u) <= len ? (int64_t)l4.off + i : -1;
	}
	return -1;
}

static int64_t find_chunk(const struct bf_packet *p, uint64_t arg)
{
	struct bf_l4 l4;
	uint64_t at;

	if (!has_l4(p, IPPROTO_SCTP, &l4))
		return -1;
	for (at = l4.off + 12; at + 4 <= p->len;) {
		const uint8_t *chunk = p->data + at;
		uint32_t len = (uint32_t)chunk[2] << 8 | chunk[3];

		if (!len)
			return -1;
		if (chunk[0] == what(arg))
			return !width(arg) || (bytes_of(arg) <= len && at + len <= p->len) ? (int64_t)at : -1;
		at += BF_ALIGN(len, 4u);
	}
	return -1;
}

/* One option of an IPv4 header, as __ip_options_compile() judges it. */
static bool ip_option_valid(const uint8_t *o, uint32_t len, bool route, bool record, bool stamp)
{
	enum { RR = 7, TS = 68, LSRR = 131, SSRR = 137, RA = 148, BOTH = 1, PRESPEC = 3 };
	unsigned flags;

	switch (o[0]) {
	case LSRR:
	case SSRR:
		return !route && len >= 7 && o[2] == 4 && (len - 3) % 4 == 0;
	case RR:
		return !record && len >= 3 && o[2] >= 4 && (o[2] > len || o[2] + 3u <= len);
	case TS:
		if (stamp || len < 4 || o[2] < 5)
			return false;
		flags = o[3] & 15u;
		if (o[2] > len)
			return flags == PRESPEC || o[3] >> 4 != 15;
		return o[2] + (flags == BOTH || flags == PRESPEC ? 7u : 3u) <= len;
	case RA:
		return len >= 4;
	}
	return true;
}

static int64_t find_ip_option(const struct bf_packet *p, uint8_t wanted)
{
	uint32_t end = (p->data[0] & 15u) * 4;
	bool route = false, record = false, stamp = false;
	int64_t found = -1;

	if (end > p->len)
		return -1;
	for (uint32_t i = 20, len; i < end && p->data[i]; i += len) {
		const uint8_t *o = p->data + i;

		len = 1;
		if (*o == 1)
			continue;
		if (i + 2 > end || o[1] < 2 || i + o[1] > end)
			return -1;
		len = o[1];
		if (!ip_option_valid(o, len, route, record, stamp))
			return -1;
		route |= *o == 131 || *o == 137;
		record |= *o == 7;
		stamp |= *o == 68;
		if (*o == wanted && (*o != 148 || !(o[2] | o[3])))
			found = i;
	}
	return found;
}

uint32_t bf_packet_length(const struct bf_packet *p)
{
	return p->len + (p->hook == BF_HOOK_TC_EGRESS ? p->link_len : 0);
}

static int load_meta(const struct bf_packet *p, uint64_t arg, bf_u128 *v)
{
	if (arg == BF_META_LENGTH) {
		*v = bf_packet_length(p);
		return 1;
	}
	return p->load && p->load(p, BF_LOAD_META, arg, v);
}

int bf_packet_load(const struct bf_packet *p, uint32_t loader, uint64_t arg, bf_u128 *v)
{
	switch (loader) {
	case BF_LOAD_PAYLOAD:
		return load_payload(p, arg, v);
	case BF_LOAD_EXTHDR:
		return give(p, find_exthdr(p, (uint8_t)what(arg)), arg, v);
	case BF_LOAD_TCP_OPTION:
		return give(p, find_tcp_option(p, arg), arg, v);
	case BF_LOAD_CHUNK:
		return give(p, find_chunk(p, arg), arg, v);
	case BF_LOAD_IP_OPTION:
		return give(p, find_ip_option(p, (uint8_t)what(arg)), arg, v);
	case BF_LOAD_META:
		return load_meta(p, arg, v);
	}
	return p->load && p->load(p, loader, arg, v);
}
