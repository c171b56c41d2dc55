/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.c: reading a packet, from RFC 791, 8200, 793, 768, 792, 4443 and from
 * what the kernel's matches make of malformed ones. Reads beyond the packet
 * give 0.
 */
#include "interp/packet.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter/xt_conntrack.h>

static bf_u128 be(const uint8_t *b, unsigned n)
{
	bf_u128 v = 0;

	while (n--)
		v = v << 8 | *b++;
	return v;
}

static bf_u128 get(const struct bf_packet *p, uint32_t off, unsigned n)
{
	return p->len >= n && off <= p->len - n ? be(p->data + off, n) : 0;
}

static uint32_t bytes_from(const struct bf_packet *p, uint32_t off)
{
	return off < p->len ? p->len - off : 0;
}

static void l4_ipv4(const struct bf_packet *p, struct bf_l4 *out)
{
	unsigned offset = (unsigned)get(p, 6, 2) & 0x1fff; /* in units of 8 bytes */

	out->proto = (uint8_t)get(p, 9, 1);
	out->off = ((unsigned)get(p, 0, 1) & 0xf) * 4;
	out->avail = bytes_from(p, out->off);
	out->frag = offset != 0;
	out->frag_one = offset == 1;
}

static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return true;
	}
	return false; /* IPPROTO_NONE ends the chain like any protocol; ESP hides what follows */
}

/*
 * Walks to the first header that is no extension. A fragment that is not the
 * first ends the walk: what follows is payload, and its protocol is known only
 * if the fragment header names one. The kernel then leaves the offset at 0.
 */
static void l4_ipv6(const struct bf_packet *p, struct bf_l4 *out)
{
	uint8_t proto = (uint8_t)get(p, 6, 1);
	uint32_t off = 40;

	while (is_extension(proto)) {
		uint32_t need = proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ? 4 : 2;
		uint8_t next = (uint8_t)get(p, off, 1), len = (uint8_t)get(p, off + 1, 1);

		if (bytes_from(p, off) < need) {
			out->bad = true;
			return;
		}
		if (proto == IPPROTO_AH && p->auth_ends)
			break;
		if (proto == IPPROTO_FRAGMENT && get(p, off + 2, 2) & 0xfff8) {
			out->bad = is_extension(next);
			out->frag = !out->bad;
			out->proto = out->bad ? 0 : next;
			out->avail = out->bad ? 0 : p->len;
			return;
		}
		off += proto == IPPROTO_FRAGMENT ? 8 : proto == IPPROTO_AH ? (len + 2u) * 4 : (len + 1u) * 8;
		proto = next;
	}
	out->proto = proto;
	out->off = off;
	out->avail = bytes_from(p, off);
}

void bf_packet_l4(const struct bf_packet *p, struct bf_l4 *out)
{
	memset(out, 0, sizeof(*out));
	if (p->family == NFPROTO_IPV4)
		l4_ipv4(p, out);
	else if (p->family == NFPROTO_IPV6)
		l4_ipv6(p, out);
}

/* Where the options are: *bytes, at most 40 of them; or -EBADMSG. */
static int tcp_options(const struct bf_packet *p, const uint8_t **bytes)
{
	struct bf_l4 l4;
	uint32_t size;

	bf_packet_l4(p, &l4);
	size = (uint32_t)get(p, l4.off + 12, 1) >> 4;
	if (l4.avail < 20 || size < 5 || size * 4 > l4.avail)
		return -EBADMSG;
	*bytes = p->data + l4.off + 20;
	return ((int)size - 5) * 4;
}

static int next_option(const uint8_t *o, int len, int i)
{
	bool alone = o[i] < 2; /* end of list, no operation */

	return i + (alone || i + 1 == len || o[i + 1] == 0 ? 1 : o[i + 1]);
}

int bf_packet_tcp_option(const struct bf_packet *p, uint8_t kind)
{
	const uint8_t *o;
	int len = tcp_options(p, &o);

	for (int i = 0; i < len; i = next_option(o, len, i))
		if (o[i] == kind)
			return 1;
	return len < 0 ? len : 0;
}

int bf_packet_tcp_mss(const struct bf_packet *p, uint16_t *mss)
{
	enum { KIND = 2, LEN = 4 };
	const uint8_t *o;
	int len = tcp_options(p, &o);

	for (int i = 0; i < len; i = next_option(o, len, i)) {
		if (o[i] == KIND && len - i >= LEN && o[i + 1] == LEN) {
			*mss = (uint16_t)(o[i + 2] << 8 | o[i + 3]);
			return 1;
		}
	}
	return len < 0 ? len : 0;
}

/* Bytes of what stands where the L4 header is looked for, fragment or not; 0 when less than `whole` bytes are there. */
static bf_u128 l4_bytes(const struct bf_packet *p, const struct bf_l4 *l4, uint32_t whole, uint32_t off, unsigned n)
{
	return l4->avail < whole ? 0 : get(p, l4->off + off, n);
}

/* xt_mac, xt_owner, xt_conntrack's sides: what not every packet has. */
static int loaded_field(const struct bf_packet *p, enum bf_field_id f, bf_u128 *v)
{
	bool ct = !(p->ctstate & BF_CT_NONE);
	uint16_t mss = 0;
	int there;

	switch (f) {
	case BF_F_TCP_MSS:
		there = bf_packet_tcp_mss(p, &mss);
		*v = mss;
		return there;
	case BF_F_SKUID:
		*v = p->skuid;
		return p->socket == BF_SOCKET_FILE;
	case BF_F_SKGID:
		*v = p->skgid;
		return p->socket == BF_SOCKET_FILE;
	case BF_F_SOCKET:
		*v = p->socket;
		return 1;
	case BF_F_ETHER_SADDR:
		*v = be(p->ether_saddr, 6);
		return p->has_mac;
	case BF_F_CT_PROTO:
		*v = p->ct.proto;
		return ct;
	case BF_F_CT_EXPIRES:
		*v = p->ct.expires;
		return ct;
	case BF_F_CT_ORIG_IP_SADDR:
	case BF_F_CT_ORIG_IP6_SADDR:
		*v = p->ct.saddr[0];
		return ct;
	case BF_F_CT_ORIG_IP_DADDR:
	case BF_F_CT_ORIG_IP6_DADDR:
		*v = p->ct.daddr[0];
		return ct;
	case BF_F_CT_REPL_IP_SADDR:
	case BF_F_CT_REPL_IP6_SADDR:
		*v = p->ct.saddr[1];
		return ct;
	case BF_F_CT_REPL_IP_DADDR:
	case BF_F_CT_REPL_IP6_DADDR:
		*v = p->ct.daddr[1];
		return ct;
	case BF_F_CT_ORIG_SPORT:
		*v = p->ct.sport[0];
		return ct;
	case BF_F_CT_ORIG_DPORT:
		*v = p->ct.dport[0];
		return ct;
	case BF_F_CT_REPL_SPORT:
		*v = p->ct.sport[1];
		return ct;
	case BF_F_CT_REPL_DPORT:
		*v = p->ct.dport[1];
		return ct;
	default:
		return 0;
	}
}

static bf_u128 l4_field(const struct bf_packet *p, enum bf_field_id f)
{
	struct bf_l4 l4;

	bf_packet_l4(p, &l4);
	switch (f) {
	case BF_F_L4PROTO:
		return l4.proto;
	case BF_F_SPORT:
		return l4_bytes(p, &l4, 4, 0, 2);
	case BF_F_DPORT:
		return l4_bytes(p, &l4, 4, 2, 2);
	case BF_F_TCP_FLAGS:
		return l4_bytes(p, &l4, 14, 13, 1);
	case BF_F_ICMP:
		return l4_bytes(p, &l4, 4, 0, 2);
	case BF_F_L4_AVAIL:
		return BF_MIN(l4.avail, 65535u);
	case BF_F_IP_FRAG:
	case BF_F_L4_FRAG:
		return l4.frag;
	case BF_F_L4_FRAG1:
		return l4.frag_one;
	default:
		return l4.bad;
	}
}

/* Neither IPv4 nor IPv6: there is what is known of any packet. */
static bool has_other(enum bf_field_id f)
{
	switch (f) {
	case BF_F_PKTTYPE:
	case BF_F_MARK:
	case BF_F_IIFNAME:
	case BF_F_OIFNAME:
	case BF_F_CT_STATE:
	case BF_F_CT_NFSTATE:
	case BF_F_CT_NONE:
	case BF_F_CT_REPLY:
	case BF_F_CT_STATUS:
	case BF_F_CT_PROTO:
	case BF_F_CT_EXPIRES:
	case BF_F_CT_ORIG_SPORT:
	case BF_F_CT_ORIG_DPORT:
	case BF_F_CT_REPL_SPORT:
	case BF_F_CT_REPL_DPORT:
	case BF_F_SKUID:
	case BF_F_SKGID:
	case BF_F_SOCKET:
	case BF_F_ETHER_SADDR:
		return true;
	default:
		return false;
	}
}

static bool has(const struct bf_packet *p, enum bf_field_id f)
{
	uint8_t family = bf_fields[f].family;

	if (p->family != NFPROTO_IPV4 && p->family != NFPROTO_IPV6)
		return has_other(f);
	return !family || family == p->family;
}

/* One bit, whatever was translated: nft's (linux/netfilter/nf_tables.h). */
static unsigned nft_state(uint32_t state)
{
	const unsigned invalid = 1, untracked = 64;

	if (state & BF_CT_NONE)
		return state & XT_CONNTRACK_STATE_UNTRACKED ? untracked : invalid;
	return state & 0xe;
}

int bf_packet_field(const struct bf_packet *p, enum bf_field_id f, bf_u128 *v)
{
	if (!has(p, f))
		return 0;
	switch (f) {
	case BF_F_NFPROTO:
		*v = p->family;
		return 1;
	case BF_F_IP_SADDR:
		*v = get(p, 12, 4);
		return 1;
	case BF_F_IP_DADDR:
		*v = get(p, 16, 4);
		return 1;
	case BF_F_IP_TTL:
		*v = get(p, 8, 1);
		return 1;
	case BF_F_IP_TOS:
		*v = get(p, 1, 1);
		return 1;
	case BF_F_IP_LENGTH:
		*v = get(p, 2, 2);
		return 1;
	case BF_F_IP6_SADDR:
		*v = get(p, 8, 16);
		return 1;
	case BF_F_IP6_DADDR:
		*v = get(p, 24, 16);
		return 1;
	case BF_F_IP6_HOPLIMIT:
		*v = get(p, 7, 1);
		return 1;
	case BF_F_IP6_TCLASS:
		*v = get(p, 0, 2) >> 4 & 0xff;
		return 1;
	case BF_F_IP6_LENGTH:
		*v = p->len;
		return 1;
	case BF_F_PKTTYPE:
		*v = p->pkttype;
		return 1;
	case BF_F_MARK:
		*v = p->mark;
		return 1;
	case BF_F_IIFNAME:
		*v = be((const uint8_t *)p->iif, 16);
		return 1;
	case BF_F_OIFNAME:
		*v = be((const uint8_t *)p->oif, 16);
		return 1;
	case BF_F_CT_STATE:
		*v = p->ctstate & 0xffff;
		return 1;
	case BF_F_CT_NFSTATE:
		*v = nft_state(p->ctstate);
		return 1;
	case BF_F_CT_NONE:
		*v = !!(p->ctstate & BF_CT_NONE);
		return 1;
	case BF_F_CT_REPLY:
		*v = !!(p->ctstate & BF_CT_REPLY);
		return 1;
	case BF_F_CT_STATUS:
		*v = p->ctstatus;
		return 1;
	case BF_F_IP_FRAG:
	case BF_F_L4PROTO:
	case BF_F_SPORT:
	case BF_F_DPORT:
	case BF_F_TCP_FLAGS:
	case BF_F_ICMP:
	case BF_F_L4_AVAIL:
	case BF_F_L4_FRAG:
	case BF_F_L4_FRAG1:
	case BF_F_L4_BADEXT:
		*v = l4_field(p, f);
		return 1;
	default:
		return loaded_field(p, f, v);
	}
}

int bf_packet_value(const struct bf_packet *p, const struct bf_field *f, bf_u128 *v)
{
	enum bf_field_id id = bf_field_id(f);

	if (id < BF_FIELDS)
		return bf_packet_field(p, id, v);
	return bf_field_there(f, p->family) ? bf_packet_load(p, (uint32_t)f->loader, f->loader_arg, v) : 0;
}
