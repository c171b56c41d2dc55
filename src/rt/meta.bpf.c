/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * meta.bpf.c: what nft's meta, rt and socket expressions see beside the
 * packet's bytes: the sk_buff, its devices, its route, its socket, the clock.
 */
#include "rt/kernel.h"

enum { DST_NOREF = 1, GATEWAY = 2, CACHED = 0x01000000, INET = 2, SLAVE4 = 1 << 7, SLAVE6 = 1 << 6, TRANSPARENT = 15 };
#define SECOND 1000000000ull

enum skb_ext_id {
	SKB_EXT_SEC_PATH,
};

struct inet_skb_parm {
	int iif;
	__u16 flags;
} CORE;

struct inet6_skb_parm {
	int iif;
	__u16 flags;
} CORE;

struct xfrm_state;
struct dst_entry {
	struct xfrm_state *xfrm;
	__u32 tclassid;
} CORE;

struct rtable {
	__u8 rt_gw_family;
	__be32 rt_gw4;
} CORE;

struct rt6key {
	struct in6_addr addr;
} CORE;

struct rt6_info {
	struct rt6key rt6i_dst;
	struct in6_addr rt6i_gateway;
	__u32 rt6i_flags;
} CORE;

static __noinline int load_kind(struct bf_frame *f, const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

	return ops ? set_string(f, bytes_at((__u64)ops->kind)) : BF_MISS;
}

static __noinline int load_device(struct bf_frame *f, __u32 key)
{
	bool out = key == BF_META_OIF || key == BF_META_OIFTYPE || key == BF_META_OIFGROUP || key == BF_META_OIFKIND;
	const struct net_device *dev = device_of(f, out);

	if (key == BF_META_IIFTYPE && HAS_SKB)
		dev = plain_skb(f)->dev; /* the one that comes next when it leaves: ether, vlan want it */
	if (key == BF_META_IIF || key == BF_META_OIF)
		return set_value(f, dev ? (__u32)dev->ifindex : 0);
	if (!dev)
		return BF_MISS;
	if (key == BF_META_IIFTYPE || key == BF_META_OIFTYPE)
		return set_value(f, dev->type);
	if (key == BF_META_IIFGROUP || key == BF_META_OIFGROUP)
		return set_value(f, (__u32)dev->group);
	return load_kind(f, dev);
}

/* The packet came by an l3mdev's port: noted in the control block. */
static __noinline int load_sdif(struct bf_frame *f)
{
	bool ip6 = load8(bytes_at(f->nh), 0) >> 4 == 6;
	__u64 cb = f->skb + offset(((struct sk_buff *)0)->cb);
	__u32 flags = load16(bytes_at(cb + (ip6 ? offset(((struct inet6_skb_parm *)0)->flags)
	                                        : offset(((struct inet_skb_parm *)0)->flags))), 0);

	return set_value(f, flags & (ip6 ? SLAVE6 : SLAVE4) ? load32(bytes_at(cb), 0) : 0);
}

static __noinline int load_clock(struct bf_frame *f, __u32 key)
{
	__u64 now = bpf_ktime_get_tai_ns() - (__s64)config.tai * (__s64)SECOND, seconds = now / SECOND;

	if (key == BF_META_TIME)
		return set_value(f, now);
	if (key == BF_META_DAY)
		return set_value(f, (seconds / 86400 + 4) % 7);
	return set_value(f, seconds % 86400);
}

static __noinline int load_nexthop4(struct bf_frame *f, __u64 dst)
{
	const struct rtable *r = NULL;

	if (load8(bytes_at(dst + offset(r->rt_gw_family)), 0) == INET)
		return set_value(f, bpf_ntohl(load32(bytes_at(dst + offset(r->rt_gw4)), 0)));
	return set_value(f, bpf_ntohl(load32(bytes_at(f->nh + 16), 0)));
}

static __noinline int load_nexthop6(struct bf_frame *f, __u64 dst)
{
	const struct rt6_info *r = NULL;
	__u32 flags = load32(bytes_at(dst + offset(r->rt6i_flags)), 0);
	__u64 at = f->nh + 24;
	const struct in6_addr *p;

	if (flags & GATEWAY)
		at = dst + offset(r->rt6i_gateway);
	else if (flags & CACHED)
		at = dst + offset(r->rt6i_dst.addr);
	p = bytes_at(at);
	for (int i = 0; i < 4; i++)
		set_scratch(f, i, bpf_ntohl(load32(p, i * 4)));
	return BF_HIT;
}

static __noinline int load_route(struct bf_frame *f, __u32 key)
{
	__u64 dst = plain_skb(f)->_skb_refdst & ~(__u64)DST_NOREF;
	const struct dst_entry *d = NULL;

	if (!dst)
		return BF_MISS;
	if (key == BF_META_REALM)
		return set_value(f, load32(bytes_at(dst + offset(d->tclassid)), 0));
	if (key == BF_META_NEXTHOP4)
		return load_nexthop4(f, dst);
	if (key == BF_META_NEXTHOP6)
		return load_nexthop6(f, dst);
	return set_value(f, load64(bytes_at(dst + offset(d->xfrm)), 0) != 0);
}

int bf_load_bare(struct bf_frame *f, __u32 key)
{
	switch (key) {
	case BF_META_LENGTH:
		return set_value(f, f->len);
	case BF_META_PROTOCOL:
		return KIND(XDP) ? set_value(f, bpf_ntohs(load16(bytes_at(f->nh - 2), 0))) : BF_MISS;
	case BF_META_RANDOM:
		return set_value(f, bpf_get_prandom_u32());
	case BF_META_CPU:
		return set_value(f, bpf_get_smp_processor_id());
	}
	if (key >= BF_META_IIF && key <= BF_META_OIFKIND)
		return load_device(f, key);
	return key >= BF_META_TIME && key <= BF_META_HOUR ? load_clock(f, key) : BF_MISS;
}

int bf_load_meta(struct bf_frame *f, __u32 key)
{
	const struct sk_buff *skb = plain_skb(f);

	switch (key) {
	case BF_META_LENGTH:
		return set_value(f, counted_length(f));
	case BF_META_PROTOCOL:
		return set_value(f, bpf_ntohs(skb->protocol));
	case BF_META_PRIORITY:
		return set_value(f, in_use(ops, BF_CELL_PUT) && was_put(f, BF_OUT_PRIORITY) ? f->out[BF_OUT_PRIORITY] : skb->priority);
	case BF_META_RANDOM:
		return set_value(f, bpf_get_prandom_u32());
	case BF_META_CPU:
		return set_value(f, bpf_get_smp_processor_id());
	case BF_META_SDIF:
		return load_sdif(f);
	case BF_META_IPSEC:
		return set_value(f, skb->active_extensions >> bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH) & 1);
	}
	if (key <= BF_META_OIFKIND)
		return load_device(f, key);
	if (key <= BF_META_HOUR)
		return load_clock(f, key);
	return key <= BF_META_XFRM ? load_route(f, key) : BF_HOTDROP;
}

/* ------------------------------------------------------------------- sockets */

static __noinline int load_ancestor(struct bf_frame *f, const struct cgroup *group, __u32 level)
{
	const struct kernfs_node *kn;
	__u64 above;

	if (!group || (int)level > group->level)
		return BF_MISS;
	above = load64(bytes_at((__u64)group + offset(((struct cgroup *)0)->ancestors) + level * 8ull), 0);
	kn = bpf_rdonly_cast((const void *)above, bpf_core_type_id_kernel(struct cgroup));
	return set_value(f, ((const struct cgroup *)kn)->kn->id);
}

int bf_load_sk(struct bf_frame *f, __u32 key, __u32 level)
{
	struct sock *sk = full_sock(f);
	const struct inet_sock *inet = NULL;
	const struct in6_addr *any;

	if (!sk)
		return BF_MISS;
	switch (key) {
	case BF_SK_CLASSID:
		return set_value(f, sk->sk_cgrp_data.classid);
	case BF_SK_CGROUP:
		return set_value(f, sk->sk_cgrp_data.cgroup->kn->id);
	case BF_SK_ANCESTOR:
		return load_ancestor(f, sk->sk_cgrp_data.cgroup, level);
	case BF_SK_MARK:
		return set_value(f, sk->sk_mark);
	case BF_SK_TRANSPARENT:
		return set_value(f, load64(bytes_at((__u64)sk + offset(inet->inet_flags)), 0) >> TRANSPARENT & 1);
	case BF_SK_WILDCARD:
		if (load8(bytes_at(f->nh), 0) >> 4 != 6)
			return set_value(f, !sk->__sk_common.skc_rcv_saddr);
		any = bytes_at((__u64)sk + offset(sk->__sk_common.skc_v6_rcv_saddr));
		return set_value(f, !(load64(any, 0) | load64(any, 8)));
	}
	return BF_HOTDROP;
}
