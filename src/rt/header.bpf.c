/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * header.bpf.c: any bits of any header, as nft's payload and exthdr expressions
 * find them: from the link, network or transport header on, from what a TCP or
 * UDP header carries; of IPv6's extension headers, of options and chunks.
 *
 *                first bit
 *   bytes  ... |.....xxx|xxxxxxxx|xxx.....| ...   up to 17 of them
 *   scratch            [0] .. [3], right-aligned
 */
#include "rt/kernel.h"

enum { TCP = 6, UDP = 17, SCTP = 132, ETH_TYPE = 12, VLAN_HLEN = 4, VLAN_ETH_HLEN = 18, TAGGED = 4, MOST_BYTES = 17 };
enum { HOPOPTS = 0, ROUTING = 43, FRAGMENT = 44, AUTH = 51, DSTOPTS = 60 };

#define WHAT(arg) ((__u32)(arg) & 0xff)
#define BITS(arg) ((__u32)((arg) >> 8) & 0xff)
#define FIRST(arg) ((__u32)((arg) >> 16))

/* Of 17 bytes, a and b as big-endian numbers and c, `bits` bits, the first of them being number `skip` (0 .. 7). */
static __always_inline int set_bits(struct bf_frame *f, __u64 a, __u64 b, __u64 c, __u32 skip, __u32 bits)
{
	__u64 hi = a << skip | (b >> 1) >> (63 - skip), lo = b << skip | c >> (8 - skip);
	__u32 spare = 128 - bits;

	if (spare >= 64) {
		lo = hi >> (spare - 64);
		hi = 0;
	} else {
		lo = lo >> spare | (hi << 1) << (63 - spare);
		hi >>= spare;
	}
	set_scratch(f, 0, hi >> 32);
	set_scratch(f, 1, hi);
	set_scratch(f, 2, lo >> 32);
	set_scratch(f, 3, lo);
	return BF_HIT;
}

/* The bits that arg says of a header at this offset from the network header; the link header lies before it, in the linear
 * part. */
static __noinline int take(struct bf_frame *f, __s64 header, __u64 arg)
{
	__u32 skip = FIRST(arg) & 7, bits = BITS(arg), n = (skip + bits + 7) / 8;
	__s64 at = header + FIRST(arg) / 8;
	__u64 far[3] = {}, address;

	if (bits == 0 || bits > 128)
		return BF_HOTDROP; /* an invalid cell */
	if (at + n <= (__s64)f->linear) {
		address = f->nh + at;
		return set_bits(f, load_be64(bytes_at(address), 0), load_be64(bytes_at(address), 8),
		                load8(bytes_at(address + 16), 0), skip, bits);
	}
	if (at < 0 || n > MOST_BYTES || at + n > f->len || bf_pkt_read(f, at, far, n))
		return BF_MISS;
	return set_bits(f, __builtin_bswap64(far[0]), __builtin_bswap64(far[1]), far[2] & 0xff, skip, bits);
}

/*
 * The device took a VLAN tag off the packet: it is read as if it stood there.
 *
 *   destination | source | tag: protocol, TCI | type | ...
 *   0             6        12         14        16
 *
 * The 14 bytes from TAGGED on are put together from the last 8 of the addresses, the tag and the type that is left; what
 * lies behind them comes from 4 bytes before. A value that begins before them, or ends behind the type, is not to be had.
 */
static __noinline int take_tagged(struct bf_frame *f, __s64 link, __u64 arg)
{
	__u32 bits = BITS(arg), at = FIRST(arg) / 8, n = ((FIRST(arg) & 7) + bits + 7) / 8, skip;
	const struct sk_buff *skb = plain_skb(f);
	__u64 a, b;

	if (at < TAGGED || at + n > VLAN_ETH_HLEN || bits == 0 || bits > 64)
		return BF_MISS;
	a = load_be64(bytes_at(f->nh + link + TAGGED), 0);
	b = (__u64)bpf_ntohs(skb->vlan_proto) << 48 | (__u64)skb->vlan_tci << 32 | (__u64)bpf_ntohs(skb->protocol) << 16;
	skip = FIRST(arg) - TAGGED * 8;
	if (skip >= 64)
		return set_bits(f, b << (skip - 64), 0, 0, 0, bits);
	return set_bits(f, a << skip | (b >> 1) >> (63 - skip), b << skip, 0, 0, bits);
}

static __noinline int load_link(struct bf_frame *f, __u64 arg)
{
	__u32 at = FIRST(arg) / 8, end = (FIRST(arg) + BITS(arg) + 7) / 8;
	__u64 mac = bf_pkt_link(f);
	__s64 link = mac - f->nh;

	if (!mac || link >= 0)
		return BF_MISS;
	if (HAS_SKB && plain_skb(f)->vlan_all && end > ETH_TYPE) {
		if (at < VLAN_ETH_HLEN)
			return take_tagged(f, link, arg);
		link -= VLAN_HLEN;
	}
	return take(f, link, arg);
}

/* Where what TCP or UDP carry begins, from the network header; or -1. */
static __always_inline __s64 inner(struct bf_frame *f)
{
	__u32 proto = f->key[BF_KEY_META] & 0xff;
	__s64 doff;

	if (proto == UDP)
		return f->thoff + 8;
	if (proto != TCP || bf_pkt_load(f, f->thoff + 19, 1) < 0)
		return -1;
	doff = bf_pkt_load(f, f->thoff + 12, 1);
	return doff < 0 ? -1 : f->thoff + (doff >> 4) * 4;
}

/* Where the bits of a header are counted from; -1: there is no such header. */
static __noinline __s64 find_header(struct bf_frame *f, __u64 arg)
{
	if (WHAT(arg) == BF_BASE_NETWORK)
		return 0;
	if (f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT))
		return -1;
	return WHAT(arg) == BF_BASE_TRANSPORT ? (__s64)f->thoff : inner(f);
}

/* ------------------------------------------------------------------- headers */

/*
 * Where a search is, and what it has found there. It lies on the stack, where
 * the verifier does not follow numbers that do not begin a slot of 8 bytes: so
 * all rounds look alike.
 */
struct place {
	__u32 gap;
	volatile __u32 at;
	__u32 gap2;
	volatile __u32 next; /* protocol of the header there */
} __attribute__((aligned(8)));

static __always_inline void begin_at(struct place *w, struct bf_frame *f, __u32 at, __u32 next)
{
	w->at = at + (f->len >> 31);
	w->next = next + (f->len >> 31);
}

static __always_inline bool is_extension(__u32 next)
{
	return next == HOPOPTS || next == ROUTING || next == FRAGMENT || next == AUTH || next == DSTOPTS;
}

/* One step as ipv6_find_hdr() goes it when it looks for a header: GO_ON, BF_HIT: it begins at w->at, or BF_MISS. */
static __always_inline int next_header(struct bf_frame *f, struct place *w, __u32 wanted)
{
	__u32 at = w->at, this = w->next;
	__s64 head, frag = 0;

	if (!is_extension(this))
		return this == wanted;
	head = bf_pkt_load(f, at, 2);
	if (head < 0 || (this == ROUTING && bf_pkt_load(f, at + 3, 1) < 0))
		return BF_MISS;
	if (this == FRAGMENT)
		frag = bf_pkt_load(f, at + 2, 2);
	if (frag < 0)
		return BF_MISS;
	if (this == wanted)
		return BF_HIT;
	if (frag & ~7)
		return BF_MISS;
	w->next = head >> 8;
	w->at = at + (this == FRAGMENT ? 8 : this == AUTH ? ((head & 0xff) + 2) * 4 : ((head & 0xff) + 1) * 8);
	return GO_ON;
}

static __noinline __s64 find_exthdr(struct bf_frame *f, __u64 arg)
{
	struct place w;
	int r = GO_ON;

	begin_at(&w, f, 40, load8(bytes_at(f->nh + 6), 0));
	LOOP_BEGIN(MAX_ROUNDS)
		r = next_header(f, &w, WHAT(arg));
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT ? (__s64)w.at : -1;
}

/* ------------------------------------------------------------------- options */

/* Looks at the TCP option at w->at and moves on. `end`: where the options end, from the TCP header. */
static __always_inline int next_option(struct bf_frame *f, struct place *w, __u64 arg, __u32 end)
{
	__u32 at = w->at, need = (FIRST(arg) + BITS(arg) + 7) / 8, len;
	__s64 head;

	if (at + 1 >= end)
		return BF_MISS;
	head = bf_pkt_load(f, f->thoff + at, 2);
	if (head < 0)
		return BF_MISS;
	len = head & 0xff;
	if (head >> 8 <= 1 || !len)
		len = 1;
	if ((__u32)(head >> 8) == WHAT(arg))
		return at + len <= end && (need ? need : 1) <= len;
	w->at = at + len;
	return GO_ON;
}

static __noinline __s64 find_option(struct bf_frame *f, __u64 arg)
{
	__s64 doff = bf_pkt_load(f, f->thoff + 12, 1);
	__u32 end = (doff >> 4) * 4;
	struct place w;
	int r = GO_ON;

	begin_at(&w, f, 20, 0);
	if ((f->key[BF_KEY_META] & 0xff) != TCP || f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT) || doff < 0 || end < 20 ||
	    bf_pkt_load(f, f->thoff + 19, 1) < 0 || bf_pkt_load(f, f->thoff + end - 1, 1) < 0)
		return -1;
	LOOP_BEGIN(64)
		r = next_option(f, &w, arg, end);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT ? (__s64)(f->thoff + w.at) : -1;
}

/* -------------------------------------------------------------------- chunks */

/* Looks at the SCTP chunk at w->at, from the network header. */
static __always_inline int next_chunk(struct bf_frame *f, struct place *w, __u64 arg)
{
	__u32 at = w->at, need = (FIRST(arg) + BITS(arg) + 7) / 8, len;
	__s64 head = at < f->len ? bf_pkt_load(f, at, 4) : -1;

	len = head & 0xffff;
	if (head < 0 || !len)
		return BF_MISS;
	if ((__u32)(head >> 24) == WHAT(arg))
		return !BITS(arg) || (need <= len && at + len <= f->len);
	w->at = at + ((len + 3) & ~3u);
	return GO_ON;
}

static __noinline __s64 find_chunk(struct bf_frame *f, __u64 arg)
{
	bool sctp = (f->key[BF_KEY_META] & 0xff) == SCTP && !(f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT));
	struct place w;
	int r = GO_ON;

	begin_at(&w, f, f->thoff + 12, 0);
	LOOP_BEGIN(MAX_ROUNDS)
		r = sctp ? next_chunk(f, &w, arg) : BF_MISS;
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT ? (__s64)w.at : -1;
}

/* --------------------------------------------------------------- IPv4 options */

/*
 * The kernel looks at all options of a header before it gives one out
 * (__ip_options_compile()): one that is malformed, and there are none. What it
 * says of the kinds it knows:
 *
 *   all but END, NOOP: a length of at least 2, not beyond the end
 *   LSRR, SSRR: once, one or the other; a length of 7, 11, ...; the pointer at the first address
 *   RR: once, a length of at least 3; a pointer of at least 4, whose address is all there or behind the end
 *   TS: once, at least 4, pointer at least 5, room for what its flag says, or less than 15 that found no room
 *   RA: at least 4; it is one where its value is 0
 */
enum { LSRR = 131, SSRR = 137, RR = 7, TS = 68, RA = 148 };
enum { SEEN_SR = 1, SEEN_RR = 2, SEEN_TS = 4 };

static __always_inline bool is_route(__u32 kind)
{
	return kind == LSRR || kind == SSRR;
}

static __always_inline bool timestamp_fits(__u32 len, __u32 ptr, __u32 flags)
{
	if (len < 4 || ptr < 5)
		return false;
	if (ptr > len)
		return (flags & 15) == 3 || flags >> 4 != 15;
	if (ptr + 3 > len)
		return false;
	return ((flags & 15) != 1 && (flags & 15) != 3) || ptr + 7 <= len;
}

/* Kept as bytes of memory, for the reason told at bf_tcp_option(): where the next option begins, which kinds were there,
 * where the wanted one is (0: nowhere). */
struct ip_options {
	__u8 b[64];
	volatile __u8 at, seen, found;
};

/* Looks at one option: GO_ON, BF_HIT at the end, BF_MISS: malformed. end: where the options end, 4 .. 40. */
static __always_inline int next_ip_option(struct ip_options *o, __u32 wanted, __u32 end)
{
	__u32 at = o->at & 63, seen = o->seen, kind = o->b[at], len = o->b[(at + 1) & 63], ptr = o->b[(at + 2) & 63];
	__u32 flags = o->b[(at + 3) & 63];

	if (at >= end || kind == 0)
		return BF_HIT;
	if (kind == 1) {
		o->at = at + 1;
		return GO_ON;
	}
	if (at + 2 > end || len < 2 || at + len > end)
		return BF_MISS;
	if (is_route(kind)) {
		if (seen & SEEN_SR || ptr != 4 || len < 7 || (len - 3) & 3)
			return BF_MISS;
		seen |= SEEN_SR;
	} else if (kind == RR) {
		if (seen & SEEN_RR || len < 3 || ptr < 4 || (ptr <= len && ptr + 3 > len))
			return BF_MISS;
		seen |= SEEN_RR;
	} else if (kind == TS) {
		if (seen & SEEN_TS || !timestamp_fits(len, ptr, flags))
			return BF_MISS;
		seen |= SEEN_TS;
	} else if (kind == RA && len < 4) {
		return BF_MISS;
	}
	if (kind == wanted && (kind != RA || !(ptr | flags)))
		o->found = at + 20;
	o->seen = seen;
	o->at = at + len;
	return GO_ON;
}

static __noinline __s64 find_ip_option(struct bf_frame *f, __u64 arg)
{
	__u32 end = (load8(bytes_at(f->nh), 0) & 15) * 4 - 20;
	__u32 zero = f->len >> 31;
	struct ip_options o = {};
	int r = GO_ON;

	opaque(zero);
	o.at = o.seen = o.found = zero; /* or any number, to the verifier: else the first rounds are not like the others */
	if (end == 0 || end > 40 || bf_pkt_read(f, 20, o.b, end))
		return -1;
	LOOP_BEGIN(64)
		r = next_ip_option(&o, WHAT(arg), end);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT && o.found ? o.found : -1;
}

static __always_inline __s64 find(struct bf_frame *f, __u32 loader, __u64 arg)
{
	if (in_use(loaders, BF_LOAD_PAYLOAD) && loader == BF_LOAD_PAYLOAD)
		return find_header(f, arg);
	if (in_use(loaders, BF_LOAD_EXTHDR) && loader == BF_LOAD_EXTHDR)
		return find_exthdr(f, arg);
	if (in_use(loaders, BF_LOAD_TCP_OPTION) && loader == BF_LOAD_TCP_OPTION)
		return find_option(f, arg);
	if (in_use(loaders, BF_LOAD_CHUNK) && loader == BF_LOAD_CHUNK)
		return find_chunk(f, arg);
	if (in_use(loaders, BF_LOAD_IP_OPTION) && loader == BF_LOAD_IP_OPTION)
		return find_ip_option(f, arg);
	return -1;
}

/* First what is looked for is found, then its bits are read: both at once would want more stack than there is, 112 bytes
 * below a walk behind a run; nor may functions call each other deeper than 8. */
static __always_inline int load_bits(struct bf_frame *f, __u32 loader, __u64 arg)
{
	__s64 at;

	if (loader == BF_LOAD_PAYLOAD && WHAT(arg) == BF_BASE_LINK)
		return load_link(f, arg);
	at = find(f, loader, arg);
	if (!BITS(arg))
		return set_value(f, at >= 0);
	return at < 0 ? BF_MISS : take(f, at, arg);
}

int VARIANT(bf_load_)(struct bf_frame *f, __u32 loader, __u64 arg)
{
	if (in_use(loaders, BF_LOAD_TCP_MSS) && loader == BF_LOAD_TCP_MSS)
		return VARIANT(bf_load_mss_)(f);
	if (config.loaders & HEADER_LOADERS && HEADER_LOADERS >> (loader & 31) & 1)
		return load_bits(f, loader, arg);
	return bf_load_apart(f, loader, arg);
}
