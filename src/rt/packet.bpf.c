/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.bpf.c: bytes of the packet at any offset, for what the prologue does
 * not fetch: options, headers that lie in fragments, classic filters.
 *
 *   head .. MAC header .. | nh .. linear part .. | fragments (frags, frag_list)
 *                         |<------ linear ------>|
 *                         |<---------------- len ----------------->|
 *
 * The linear part is read in place, the rest through a dynptr.
 */
#include "rt/kernel.h"

#define SKF_LL_OFF (-0x200000) /* linux/filter.h */
#define SKF_NET_OFF (-0x100000)
enum {
	SKF_AD_PROTOCOL = 0,
	SKF_AD_PKTTYPE = 4,
	SKF_AD_IFINDEX = 8,
	SKF_AD_MARK = 20,
	SKF_AD_QUEUE = 24,
	SKF_AD_HATYPE = 28,
	SKF_AD_RXHASH = 32,
	SKF_AD_CPU = 36,
	SKF_AD_VLAN_TAG = 44,
	SKF_AD_VLAN_TAG_PRESENT = 48,
	SKF_AD_RANDOM = 56,
	SKF_AD_VLAN_TPID = 60,
};

static __always_inline int read_by(struct bf_frame *f, struct bf_ctx *ctx, __u32 off, void *to, __u32 size)
{
	struct bpf_dynptr dp;

	if (!HAS_SKB || bpf_dynptr_from_skb(handle_of(ctx), 0, &dp))
		return -1;
	if (IS_TC)
		off += f->nh - (__u64)plain_skb(f)->data;
	return bpf_dynptr_read(to, size, &dp, off, 0) ? -1 : 0;
}

int bf_pkt_read(struct bf_frame *f, __u32 off, void *to, __u32 size)
{
	return read_by(f, f->ctx, off, to, size);
}

APART int bf_length(struct bf_frame *f)
{
	const struct sk_buff *skb;

	if (!f || !IS_TC)
		return 0;
	skb = plain_skb(f);
	return skb->len - (KIND(TC) ? (__u32)(f->nh - (__u64)skb->data) : 0);
}

static inline __s64 swapped(__u32 v, __u32 size)
{
	return size == 4 ? bpf_ntohl(v) : size == 2 ? bpf_ntohs((__u16)v) : (__u8)v;
}

/* A number of 1, 2 or 4 bytes: the verifier sees that. */
static __always_inline __s64 number_by(struct bf_frame *f, struct bf_ctx *ctx, __u32 off, __u32 size)
{
	__u32 v = 0;
	int err = size == 4 ? read_by(f, ctx, off, &v, 4) : size == 2 ? read_by(f, ctx, off, &v, 2) : read_by(f, ctx, off, &v, 1);

	return err ? -1 : swapped(v, size);
}

static inline __u32 load_in_place(__u64 address, __u32 size)
{
	const struct in6_addr *p = bytes_at(address);

	return size == 4 ? load32(p, 0) : size == 2 ? load16(p, 0) : load8(p, 0);
}

/*
 * A `void *` or `unsigned char *` in a struct, as 8 bytes of it: a number for every verifier. As a member it is a pointer for that of
 * Linux 6.18 and a number for that of 6.12, which refuses to take a pointer off it (number_of).
 */
#define ADDRESS(member) load64(bytes_at((__u64)&(member)), 0)

__u64 bf_pkt_link(struct bf_frame *f)
{
	if (KIND(XDP))
		return ADDRESS(plain_xdp(f)->data);
	if (!HAS_SKB || plain_skb(f)->mac_header == 0xffff)
		return 0;
	return ADDRESS(plain_skb(f)->head) + plain_skb(f)->mac_header;
}

static inline __u64 end_of_linear(const struct bf_frame *f)
{
	return KIND(XDP) ? ADDRESS(plain_xdp(f)->data_end) : ADDRESS(plain_skb(f)->head) + plain_skb(f)->tail;
}

/* Below zero: from one of the headers, and only in the linear part; inside it, it may be before the network header. */
static __noinline __s64 load_from_header(struct bf_frame *f, __s32 off, __u32 size)
{
	__u64 link, at;

	if (!HAS_SKB && !KIND(XDP))
		return -1;
	if (off >= SKF_NET_OFF) {
		at = f->nh + (__u32)(off - SKF_NET_OFF);
	} else {
		link = bf_pkt_link(f);
		if (off < SKF_LL_OFF || !link)
			return -1;
		at = link + (__u32)(off - SKF_LL_OFF);
	}
	if (at + size > end_of_linear(f))
		return -1;
	return swapped(load_in_place(at, size), size);
}

static __always_inline __s64 load_by(struct bf_frame *f, struct bf_ctx *ctx, __s32 off, __u32 size)
{
	if (off < 0)
		return load_from_header(f, off, size);
	if ((__u64)(__u32)off + size <= f->linear)
		return swapped(load_in_place(f->nh + (__u32)off, size), size);
	return number_by(f, ctx, off, size);
}

__s64 bf_pkt_load(struct bf_frame *f, __s32 off, __u32 size)
{
	return load_by(f, f->ctx, off, size);
}

APART __s64 bf_far_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 off, __u32 size)
{
	return f ? load_by(f, ctx, off, size) : -1;
}

/* ------------------------------------------------------------ frames, for classic filters at devices */

enum { TAG_AT = 12, TAG_LEN = 4, ARPHRD_ETHER = 1, ARPHRD_LOOPBACK = 772 };

/* Where a capture on this device would begin. */
static __noinline __u64 frame_start(struct bf_frame *f)
{
	const struct net_device *dev = HAS_SKB ? plain_skb(f)->dev : NULL;

	if (HAS_SKB && (!dev || (dev->type != ARPHRD_ETHER && dev->type != ARPHRD_LOOPBACK)))
		return f->nh;
	return bf_pkt_link(f);
}

static inline bool is_tagged(struct bf_frame *f, __u64 start)
{
	return HAS_SKB && start != f->nh && plain_skb(f)->vlan_all;
}

/* Bytes of which some are the tag's: one by one. */
static __noinline __s64 load_tagged(struct bf_frame *f, __u64 start, __u32 off, __u32 size)
{
	__u32 tag = (__u32)bpf_ntohs(plain_skb(f)->vlan_proto) << 16 | plain_skb(f)->vlan_tci, v = 0;

	for (__u32 i = 0; i < 4; i++, off++) {
		if (i >= size)
			break;
		if (off >= TAG_AT && off < TAG_AT + TAG_LEN)
			v = v << 8 | (tag >> (8 * (TAG_AT + TAG_LEN - 1 - off)) & 0xff);
		else
			v = v << 8 | load8(bytes_at(start + off - (off < TAG_AT ? 0 : TAG_LEN)), 0);
	}
	return v;
}

/* It stands apart so that nh is a number for it. */
APART int bf_frame_place(struct bf_frame *f)
{
	__u64 start, end, link;

	if (!f)
		return 0;
	start = frame_start(f);
	end = end_of_linear(f);
	link = f->nh - start;
	f->link = (__u8)link;
	f->near = !start || end < start || link > 0xff || is_tagged(f, start) ? 0 : clip16(end - start);
	return 0;
}

APART __s64 bf_frame_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 off, __u32 size)
{
	__u64 start;

	if (!f)
		return -1;
	if (off < 0)
		return load_by(f, ctx, off, size);
	start = frame_start(f);
	if (!start)
		return -1;
	if ((__u32)off + size > TAG_AT && is_tagged(f, start)) {
		if (off < TAG_AT + TAG_LEN)
			return load_tagged(f, start, off, size);
		off -= TAG_LEN;
	}
	start += (__u32)off;
	if (start + size <= end_of_linear(f))
		return swapped(load_in_place(start, size), size);
	return number_by(f, ctx, start - f->nh, size);
}

APART __s64 bf_frame_len(struct bf_frame *f)
{
	__u64 start;

	if (!f)
		return 0;
	start = frame_start(f);
	if (KIND(XDP))
		return end_of_linear(f) - start;
	if (!IS_TC)
		return f->len;
	return ADDRESS(plain_skb(f)->data) + plain_skb(f)->len - start + (is_tagged(f, start) ? TAG_LEN : 0);
}

static __noinline __s64 device_data(struct bf_frame *f, __u32 ad)
{
	struct net_device *dev = HAS_SKB ? plain_skb(f)->dev : device_of(f, false);

	if (!dev)
		return -1;
	return ad == SKF_AD_IFINDEX ? (__u32)dev->ifindex : dev->type;
}

static __noinline __s64 vlan_data(struct bf_frame *f, __u32 ad)
{
	if (ad == SKF_AD_VLAN_TAG)
		return plain_skb(f)->vlan_tci;
	if (ad == SKF_AD_VLAN_TPID)
		return bpf_ntohs(plain_skb(f)->vlan_proto);
	return plain_skb(f)->vlan_all != 0;
}

/* What there is without an sk_buff. */
static __noinline __s64 bare_ad(struct bf_frame *f, __u32 ad)
{
	switch (ad) {
	case SKF_AD_PROTOCOL:
		return KIND(XDP) ? bpf_ntohs(load16(bytes_at(f->nh - 2), 0)) : -1;
	case SKF_AD_CPU:
		return bpf_get_smp_processor_id();
	case SKF_AD_RANDOM:
		return bpf_get_prandom_u32();
	case SKF_AD_IFINDEX:
	case SKF_AD_HATYPE:
		return device_data(f, ad);
	}
	return -1;
}

APART __s64 bf_pkt_ad(struct bf_frame *f, __u32 ad)
{
	if (!f)
		return -1;
	if (!HAS_SKB)
		return bare_ad(f, ad);
	switch (ad) {
	case SKF_AD_PROTOCOL:
		return bpf_ntohs(plain_skb(f)->protocol);
	case SKF_AD_PKTTYPE:
		return load8(bytes_at(f->skb + offset(((struct sk_buff *)0)->__pkt_type_offset)), 0) & 7;
	case SKF_AD_MARK:
		return plain_skb(f)->mark;
	case SKF_AD_QUEUE:
		return plain_skb(f)->queue_mapping;
	case SKF_AD_RXHASH:
		return plain_skb(f)->hash;
	case SKF_AD_CPU:
		return bpf_get_smp_processor_id();
	case SKF_AD_RANDOM:
		return bpf_get_prandom_u32();
	case SKF_AD_IFINDEX:
	case SKF_AD_HATYPE:
		return device_data(f, ad);
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_VLAN_TPID:
		return vlan_data(f, ad);
	}
	return -1;
}
