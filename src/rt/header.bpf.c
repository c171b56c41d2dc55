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

enum { TCP = 6, UDP = 17, SCTP = 132, ETH_HLEN = 14, ETH_TYPE = 12, VLAN_HLEN = 4, MOST_BYTES = 17 };
enum { HOPOPTS = 0, ROUTING = 43, FRAGMENT = 44, AUTH = 51, DSTOPTS = 60 };

#define WHAT(arg) ((__u32)(arg) & 0xff)
#define BITS(arg) ((__u32)((arg) >> 8) & 0xff)
#define FIRST(arg) ((__u32)((arg) >> 16))

struct bytes { /* a and b as big-endian numbers, and a 17th byte */
	__u64 a, b, c;
};

/* `bits` bits, the first of them being number `skip` (0 .. 7). */
static __always_inline void set_bits(struct bf_frame *f, const struct bytes *v, __u32 skip, __u32 bits)
{
	__u64 hi = v->a << skip | (v->b >> 1) >> (63 - skip), lo = v->b << skip | v->c >> (8 - skip);
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
}

static __always_inline void bytes_in_place(struct bytes *v, __u64 address)
{
	v->a = load_be64(bytes_at(address), 0);
	v->b = load_be64(bytes_at(address), 8);
	v->c = load8(bytes_at(address + 16), 0);
}

/* The bits that arg says of a header at this offset from the network header. */
static __noinline int take(struct bf_frame *f, __u64 header, __u64 arg)
{
	__u32 skip = FIRST(arg) & 7, bits = BITS(arg), n = (skip + bits + 7) / 8;
	__u64 at = header + FIRST(arg) / 8, buf[3] = {};
	struct bytes v;

	if (bits == 0 || bits > 128)
		return BF_HOTDROP; /* an invalid cell */
	if (at + n <= f->linear) {
		bytes_in_place(&v, f->nh + at);
	} else {
		if (n > MOST_BYTES || at + n > f->len || bf_pkt_read(f, at, buf, n))
			return BF_MISS;
		v.a = __builtin_bswap64(buf[0]);
		v.b = __builtin_bswap64(buf[1]);
		v.c = buf[2] & 0xff;
	}
	set_bits(f, &v, skip, bits);
	return BF_HIT;
}

/* From the link header, which begins `before` bytes before the network header. It is linear; what it leads into may not be. */
static __noinline int take_link(struct bf_frame *f, __u32 before, __u64 arg)
{
	__u32 skip = FIRST(arg) & 7, bits = BITS(arg), n = (skip + bits + 7) / 8, at = FIRST(arg) / 8;
	struct bytes v;

	if (at >= before)
		return take(f, (__u64)0 - before, arg);
	if (bits == 0 || bits > 128)
		return BF_HOTDROP;
	if (at + n > before + f->linear)
		return BF_MISS;
	bytes_in_place(&v, f->nh - before + at);
	set_bits(f, &v, skip, bits);
	return BF_HIT;
}

/*
 * The device took a VLAN tag off the packet: it is read as if it stood there.
 *
 *   destination | source | tag: protocol, TCI | type | ...
 *   0             6        12         14        16
 *
 * The bytes behind the addresses are put together from the tag and the type that is left; further ones come from 4 bytes
 * before. A value that begins before the tag and ends behind the type is not to be had.
 */
static __noinline int take_tagged(struct bf_frame *f, __u32 before, __u64 arg)
{
	__u32 skip = FIRST(arg) & 7, bits = BITS(arg), n = (skip + bits + 7) / 8, at = FIRST(arg) / 8;
	const struct sk_buff *skb = plain_skb(f);
	struct bytes v = {};
	__u64 tag;

	if (at + n <= ETH_TYPE)
		return take_link(f, before, arg);
	if (at >= ETH_HLEN + VLAN_HLEN)
		return take_link(f, before, arg - ((__u64)VLAN_HLEN * 8 << 16));
	if (at < ETH_TYPE - 8 || at + n > ETH_HLEN + VLAN_HLEN || bits == 0)
		return BF_MISS;
	tag = (__u64)bpf_ntohs(skb->vlan_proto) << 48 | (__u64)skb->vlan_tci << 32 | (__u64)bpf_ntohs(skb->protocol) << 16;
	v.a = load_be64(bytes_at(f->nh - before + ETH_TYPE - 8), 0);
	v.b = tag;
	/* at is 4 .. 17: seen from there */
	skip += (at - (ETH_TYPE - 8)) * 8;
	if (skip >= 64) {
		v.a = v.b;
		v.b = 0;
		skip -= 64;
	}
	v.a = v.a << skip | (v.b >> 1) >> (63 - skip);
	v.b <<= skip;
	set_bits(f, &v, 0, bits);
	return BF_HIT;
}

static __always_inline int load_link(struct bf_frame *f, __u64 arg)
{
	__u64 mac = bf_pkt_link(f);

	if (!mac || mac >= f->nh)
		return BF_MISS;
	return HAS_SKB && plain_skb(f)->vlan_all ? take_tagged(f, f->nh - mac, arg) : take_link(f, f->nh - mac, arg);
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

static __always_inline int load_payload(struct bf_frame *f, __u64 arg)
{
	__s64 at;

	if (WHAT(arg) == BF_BASE_LINK)
		return load_link(f, arg);
	if (WHAT(arg) == BF_BASE_NETWORK)
		return take(f, 0, arg);
	if (f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT))
		return BF_MISS;
	if (WHAT(arg) == BF_BASE_TRANSPORT)
		return take(f, f->thoff, arg);
	at = inner(f);
	return at < 0 ? BF_MISS : take(f, at, arg);
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

static __always_inline int present(struct bf_frame *f, bool there)
{
	return set_value(f, there);
}

static __always_inline bool is_extension(__u32 next)
{
	return next == HOPOPTS || next == ROUTING || next == FRAGMENT || next == AUTH || next == DSTOPTS;
}

/* One step as ipv6_find_hdr() goes it when it looks for a header: GO_ON, BF_HIT: it begins at w->at, or BF_MISS. */
static __noinline int next_header(struct bf_frame *f, struct place *w, __u32 wanted)
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

static __always_inline int load_exthdr(struct bf_frame *f, __u64 arg)
{
	struct place w;
	int r = GO_ON;

	begin_at(&w, f, 40, load8(bytes_at(f->nh + 6), 0));
	LOOP_BEGIN(MAX_ROUNDS)
		r = next_header(f, &w, WHAT(arg));
		if (r != GO_ON)
			break;
	LOOP_END
	if (!BITS(arg))
		return present(f, r == BF_HIT);
	return r == BF_HIT ? take(f, w.at, arg) : BF_MISS;
}

/* ------------------------------------------------------------------- options */

/* Looks at the TCP option at w->at and moves on. `end`: where the options end, from the TCP header. */
static __noinline int next_option(struct bf_frame *f, struct place *w, __u64 arg, __u32 end)
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

static __always_inline int find_option(struct bf_frame *f, struct place *w, __u64 arg)
{
	__s64 doff = bf_pkt_load(f, f->thoff + 12, 1);
	__u32 end = (doff >> 4) * 4;
	int r = GO_ON;

	begin_at(w, f, 20, 0);
	if ((f->key[BF_KEY_META] & 0xff) != TCP || f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT) || doff < 0 || end < 20 ||
	    bf_pkt_load(f, f->thoff + 19, 1) < 0 || bf_pkt_load(f, f->thoff + end - 1, 1) < 0)
		return BF_MISS;
	LOOP_BEGIN(64)
		r = next_option(f, w, arg, end);
		if (r != GO_ON)
			break;
	LOOP_END
	return r;
}

static __always_inline int load_option(struct bf_frame *f, __u64 arg)
{
	struct place w;
	int r = find_option(f, &w, arg);

	if (!BITS(arg))
		return present(f, r == BF_HIT);
	return r == BF_HIT ? take(f, f->thoff + w.at, arg) : BF_MISS;
}

/* -------------------------------------------------------------------- chunks */

/* Looks at the SCTP chunk at w->at, from the network header. */
static __noinline int next_chunk(struct bf_frame *f, struct place *w, __u64 arg)
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

static __always_inline int load_chunk(struct bf_frame *f, __u64 arg)
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
	if (!BITS(arg))
		return present(f, r == BF_HIT);
	return r == BF_HIT ? take(f, w.at, arg) : BF_MISS;
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
enum { SEEN_SR = 1, SEEN_RR = 2, SEEN_TS = 4, SEEN_WANTED = 8 };

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

/* w->next: SEEN_* */
static __noinline int next_ip_option(struct bf_frame *f, struct place *w, struct place *found, __u32 wanted, __u32 end)
{
	__u32 at = w->at, seen = w->next, kind, len, ptr;
	__s64 head, more;

	if (at >= end)
		return BF_HIT;
	kind = bf_pkt_load(f, at, 1);
	if (kind == 0)
		return BF_HIT;
	if (kind == 1) {
		w->at = at + 1;
		return GO_ON;
	}
	head = bf_pkt_load(f, at, 2);
	len = head & 0xff;
	if (at + 2 > end || head < 0 || len < 2 || at + len > end)
		return BF_MISS;
	more = len > 2 ? bf_pkt_load(f, at + 2, 2) : 0; /* the byte behind a length of 3 is not looked at */
	if (more < 0)
		more = bf_pkt_load(f, at + 2, 1) << 8;
	ptr = more >> 8;
	if (is_route(kind)) {
		if (seen & SEEN_SR || ptr != 4 || len < 7 || (len - 3) & 3)
			return BF_MISS;
		seen |= SEEN_SR;
	} else if (kind == RR) {
		if (seen & SEEN_RR || len < 3 || ptr < 4 || (ptr <= len && ptr + 3 > len))
			return BF_MISS;
		seen |= SEEN_RR;
	} else if (kind == TS) {
		if (seen & SEEN_TS || !timestamp_fits(len, ptr, more & 0xff))
			return BF_MISS;
		seen |= SEEN_TS;
	} else if (kind == RA && len < 4) {
		return BF_MISS;
	}
	if (kind == wanted && (kind != RA || !more)) {
		found->at = at;
		seen |= SEEN_WANTED;
	}
	w->next = seen;
	w->at = at + len;
	return GO_ON;
}

static __always_inline int find_ip_option(struct bf_frame *f, struct place *found, __u32 wanted)
{
	__u32 end = (load8(bytes_at(f->nh), 0) & 15) * 4;
	struct place w;
	int r = GO_ON;

	begin_at(&w, f, 20, 0);
	if (end <= 20 || bf_pkt_load(f, end - 1, 1) < 0)
		return BF_MISS;
	LOOP_BEGIN(64)
		r = next_ip_option(f, &w, found, wanted, end);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT && w.next & SEEN_WANTED;
}

static __always_inline int load_ip_option(struct bf_frame *f, __u64 arg)
{
	struct place found;
	int r;

	begin_at(&found, f, 0, 0);
	r = find_ip_option(f, &found, WHAT(arg));
	if (!BITS(arg))
		return present(f, r == BF_HIT);
	return r == BF_HIT ? take(f, found.at, arg) : BF_MISS;
}

/* No deeper than this: the verifier takes 8 functions that call each other. */
int VARIANT(bf_load_)(struct bf_frame *f, __u32 loader, __u64 arg)
{
	if (in_use(loaders, BF_LOAD_TCP_MSS) && loader == BF_LOAD_TCP_MSS)
		return VARIANT(bf_load_mss_)(f);
	if (in_use(loaders, BF_LOAD_PAYLOAD) && loader == BF_LOAD_PAYLOAD)
		return load_payload(f, arg);
	if (in_use(loaders, BF_LOAD_EXTHDR) && loader == BF_LOAD_EXTHDR)
		return load_exthdr(f, arg);
	if (in_use(loaders, BF_LOAD_TCP_OPTION) && loader == BF_LOAD_TCP_OPTION)
		return load_option(f, arg);
	if (in_use(loaders, BF_LOAD_CHUNK) && loader == BF_LOAD_CHUNK)
		return load_chunk(f, arg);
	if (in_use(loaders, BF_LOAD_IP_OPTION) && loader == BF_LOAD_IP_OPTION)
		return load_ip_option(f, arg);
	return bf_load_apart(f, loader, arg);
}
