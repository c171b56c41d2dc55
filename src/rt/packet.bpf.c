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

int bf_pkt_read(struct bf_frame *f, __u32 off, void *to, __u32 size)
{
	struct bpf_dynptr dp;

	if (bpf_dynptr_from_skb(f->trusted, 0, &dp))
		return -1;
	return bpf_dynptr_read(to, size, &dp, off, 0) ? -1 : 0;
}

static inline __s64 swapped(__u32 v, __u32 size)
{
	return size == 4 ? bpf_ntohl(v) : size == 2 ? bpf_ntohs((__u16)v) : (__u8)v;
}

static inline __u32 load_in_place(__u64 address, __u32 size)
{
	const struct in6_addr *p = bytes_at(address);

	return size == 4 ? load32(p, 0) : size == 2 ? load16(p, 0) : load8(p, 0);
}

/* Below zero: from one of the headers, and only in the linear part; inside it, it may be before the network header. */
static __noinline __s64 load_from_header(struct bf_frame *f, __s32 off, __u32 size)
{
	__u64 head = (__u64)f->trusted->head, at;

	if (off >= SKF_NET_OFF) {
		at = f->nh + (__u32)(off - SKF_NET_OFF);
	} else if (off >= SKF_LL_OFF && f->trusted->mac_header != 0xffff) {
		at = head + f->trusted->mac_header + (__u32)(off - SKF_LL_OFF);
	} else {
		return -1;
	}
	if (at + size > head + f->trusted->tail)
		return -1;
	return swapped(load_in_place(at, size), size);
}

__s64 bf_pkt_load(struct bf_frame *f, __s32 off, __u32 size)
{
	__u32 v = 0;

	if (off < 0)
		return load_from_header(f, off, size);
	if ((__u64)(__u32)off + size <= f->linear)
		return swapped(load_in_place(f->nh + (__u32)off, size), size);
	if (size == 4 ? bf_pkt_read(f, off, &v, 4) : size == 2 ? bf_pkt_read(f, off, &v, 2) : bf_pkt_read(f, off, &v, 1))
		return -1;
	return swapped(v, size);
}

static __noinline __s64 device_data(struct bf_frame *f, __u32 ad)
{
	struct net_device *dev = plain_skb(f)->dev;

	if (!dev)
		return -1;
	return ad == SKF_AD_IFINDEX ? (__u32)dev->ifindex : dev->type;
}

static __noinline __s64 vlan_data(struct bf_frame *f, __u32 ad)
{
	if (ad == SKF_AD_VLAN_TAG)
		return f->trusted->vlan_tci;
	if (ad == SKF_AD_VLAN_TPID)
		return bpf_ntohs(f->trusted->vlan_proto);
	return f->trusted->vlan_all != 0;
}

__s64 bf_pkt_ad(struct bf_frame *f, __u32 ad)
{
	switch (ad) {
	case SKF_AD_PROTOCOL:
		return bpf_ntohs(f->trusted->protocol);
	case SKF_AD_PKTTYPE:
		return *((const __u8 *)f->trusted + offset(f->trusted->__pkt_type_offset)) & 7;
	case SKF_AD_MARK:
		return f->trusted->mark;
	case SKF_AD_QUEUE:
		return f->trusted->queue_mapping;
	case SKF_AD_RXHASH:
		return f->trusted->hash;
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
