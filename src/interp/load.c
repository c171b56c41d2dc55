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

/* Byte i from the link header on, a tag that was taken off put back. */
static int link_byte(const struct bf_packet *p, uint32_t i)
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
		int byte = link ? link_byte(p, i) : byte_at(p, (int64_t)base + i);

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

int bf_packet_load(const struct bf_packet *p, uint32_t loader, uint64_t arg, bf_u128 *v)
{
	switch (loader) {
	case BF_LOAD_PAYLOAD:
		return load_payload(p, arg, v);
	}
	return -EBADMSG; /* no such loader: drop */
}
