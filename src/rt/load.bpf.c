/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.bpf.c: values that only some rules look at, fetched by LOAD cells into
 * the scratch words (enum bf_loader). Each does as the kernel's own match does
 * where the value is missing. (The one that reads TCP options is with those who
 * do, special.bpf.c.)
 */
#include "rt/kernel.h"

enum { ARPHRD_ETHER = 1, ETH_HLEN = 14 };

/* Of a packet that is only described. */
static __noinline int load_trial_owner(struct bf_frame *f, __u32 loader)
{
	set_scratch(f, 0, loader == BF_LOAD_SOCKET ? trial.socket : loader == BF_LOAD_SKUID ? trial.uid : trial.gid);
	return loader == BF_LOAD_SOCKET || trial.socket == BF_SOCKET_FILE ? BF_HIT : BF_MISS;
}

static __noinline int load_trial(struct bf_frame *f, __u32 loader, __u64 arg)
{
	for (int i = 0; i < BF_TRIAL_LOADS; i++) {
		if (trial.load[i].loader != loader || trial.load[i].arg != arg || !trial.load[i].found)
			continue;
		set_scratch(f, 0, trial.load[i].value[0]);
		set_scratch(f, 1, trial.load[i].value[1]);
		set_scratch(f, 2, trial.load[i].value[2]);
		set_scratch(f, 3, trial.load[i].value[3]);
		return BF_HIT;
	}
	return BF_MISS;
}

static __noinline int load_owner(struct bf_frame *f, __u32 loader)
{
	struct sock *sk = full_sock(f);
	struct socket *socket = sk ? sk->sk_socket : NULL;
	struct file *file = socket ? socket->file : NULL;

	if (loader == BF_LOAD_SOCKET) {
		set_scratch(f, 0, !socket ? BF_SOCKET_NONE : !file ? BF_SOCKET_BARE : BF_SOCKET_FILE);
		return BF_HIT;
	}
	if (!file)
		return BF_MISS;
	set_scratch(f, 0, loader == BF_LOAD_SKUID ? file->f_cred->fsuid.val : file->f_cred->fsgid.val);
	return BF_HIT;
}

static __noinline int load_ether(struct bf_frame *f)
{
	struct net_device *dev = KIND(XDP) ? device_of(f, false) : plain_skb(f)->dev;
	__u64 mac = KIND(XDP) ? (__u64)plain_xdp(f)->data : (__u64)plain_skb(f)->head + plain_skb(f)->mac_header;
	const struct in6_addr *p;

	if (!dev || dev->type != ARPHRD_ETHER || mac + ETH_HLEN > f->nh)
		return BF_MISS;
	p = bytes_at(mac);
	set_scratch(f, 0, bpf_ntohs(load16(p, 6)));
	set_scratch(f, 1, bpf_ntohl(load32(p, 8)));
	return BF_HIT;
}

static __noinline int load_ct_expires(struct bf_frame *f, __u64 ct)
{
	__u32 timeout = load32(bytes_at(ct + offset(((struct nf_conn *)0)->timeout)), 0);
	__s32 left = timeout - (__u32)bpf_jiffies64();

	set_scratch(f, 0, left <= 0 || !config.hz ? 0 : (__u32)left / config.hz);
	return BF_HIT;
}

static inline __u64 tuple_member(__u32 loader)
{
	struct nf_conn *ct = NULL;

	switch (loader) {
	case BF_LOAD_CT_SRC:
		return offset(ct->tuplehash[0].tuple.src.u3);
	case BF_LOAD_CT_DST:
		return offset(ct->tuplehash[0].tuple.dst.u3);
	case BF_LOAD_CT_SPORT:
		return offset(ct->tuplehash[0].tuple.src.u.all);
	case BF_LOAD_CT_DPORT:
		return offset(ct->tuplehash[0].tuple.dst.u.all);
	}
	return offset(ct->tuplehash[0].tuple.dst.protonum);
}

static __noinline int load_ct(struct bf_frame *f, __u32 loader, __u64 arg)
{
	__u64 ct = plain_skb(f)->_nfct & ~7ull;
	const struct in6_addr *p;

	if (!ct)
		return BF_MISS;
	if (loader == BF_LOAD_CT_EXPIRES)
		return load_ct_expires(f, ct);
	ct += tuple_member(loader);
	if (arg & 1)
		ct += offset(((struct nf_conn *)0)->tuplehash[1]) - offset(((struct nf_conn *)0)->tuplehash[0]);
	p = bytes_at(ct);
	if (loader == BF_LOAD_CT_PROTO) {
		set_scratch(f, 0, load8(p, 0));
	} else if (loader == BF_LOAD_CT_SPORT || loader == BF_LOAD_CT_DPORT) {
		set_scratch(f, 0, bpf_ntohs(load16(p, 0)));
	} else {
		set_scratch(f, 0, bpf_ntohl(load32(p, 0)));
		set_scratch(f, 1, bpf_ntohl(load32(p, 4)));
		set_scratch(f, 2, bpf_ntohl(load32(p, 8)));
		set_scratch(f, 3, bpf_ntohl(load32(p, 12)));
	}
	return BF_HIT;
}

/* The task that calls connect() or sendmsg(). */
static __noinline int load_task(struct bf_frame *f, __u32 loader, __u64 arg)
{
	struct {
		__u64 half[2];
	} name = {};

	if (loader == BF_LOAD_SKUID || loader == BF_LOAD_SKGID) {
		set_scratch(f, 0, loader == BF_LOAD_SKUID ? bpf_get_current_uid_gid() : bpf_get_current_uid_gid() >> 32);
		return BF_HIT;
	}
	if (loader == BF_LOAD_SK && (arg & 0xff) == BF_SK_CGROUP)
		return set_value(f, bpf_get_current_cgroup_id());
	if (loader == BF_LOAD_SK && (arg & 0xff) == BF_SK_ANCESTOR)
		return set_value(f, bpf_get_current_ancestor_cgroup_id(arg >> 8));
	if (loader == BF_LOAD_META && arg == BF_META_COMM && !bpf_get_current_comm(&name, sizeof(name))) {
		set_scratch(f, 0, bpf_ntohl((__u32)name.half[0]));
		set_scratch(f, 1, bpf_ntohl(name.half[0] >> 32));
		set_scratch(f, 2, bpf_ntohl((__u32)name.half[1]));
		set_scratch(f, 3, bpf_ntohl(name.half[1] >> 32));
		return BF_HIT;
	}
	return loader == BF_LOAD_META ? bf_load_bare(f, arg) : BF_MISS;
}

static __always_inline __u32 mix(__u32 h, __u32 v)
{
	h = (h ^ v) * 0x85ebca6bu;
	return h ^ h >> 15;
}

/* Sums and products do not mind which end is the source. */
static __noinline __u32 flow_hash(struct bf_frame *f)
{
	__u32 ports = f->key[BF_KEY_ODD] & BF_ODD_FRAG ? 0 : f->key[BF_KEY_PORTS], h = f->key[BF_KEY_META] & 0xff;

	for (int i = 0; i < 4; i++) {
		__u32 s = f->key[BF_KEY_SADDR + i], d = f->key[BF_KEY_DADDR + i];

		h = mix(mix(h, s + d), s ^ d);
	}
	return mix(mix(h, (ports >> 16) + (ports & 0xffff)), (ports >> 16) ^ (ports & 0xffff));
}

static __noinline int load_pick(struct bf_frame *f, __u64 arg)
{
	__u64 v = arg & 1 ? flow_hash(f) : config.trial ? trial.random : bpf_get_prandom_u32();

	return set_value(f, (v * (arg >> 32) >> 32) + ((__u32)arg >> 1));
}

/* Without an sk_buff there is little to ask for. */
static __noinline int load_without_skb(struct bf_frame *f, __u32 loader, __u64 arg)
{
	if (KIND(CALL))
		return load_task(f, loader, arg);
	if (KIND(XDP) && loader == BF_LOAD_ETHER_SADDR)
		return load_ether(f);
	return loader == BF_LOAD_META ? bf_load_bare(f, arg) : BF_MISS;
}

APART int bf_load_apart(struct bf_frame *f, __u32 loader, __u64 arg)
{
	if (!f)
		return BF_HOTDROP;
	if (in_use(loaders, BF_LOAD_PICK) && loader == BF_LOAD_PICK)
		return load_pick(f, arg);
	if (in_use(loaders, BF_LOAD_MADE) && loader == BF_LOAD_MADE) {
		set_scratch(f, 0, f->kept[BF_KEPT_MADE]);
		return BF_HIT;
	}
	if (config.trial && loader > BF_LOAD_SOCKET && !(loader == BF_LOAD_META && arg == BF_META_LENGTH))
		return load_trial(f, loader, arg);
	if (!HAS_SKB)
		return load_without_skb(f, loader, arg);
	if (config.loaders & OWNER_LOADERS && loader <= BF_LOAD_SOCKET)
		return config.trial ? load_trial_owner(f, loader) : load_owner(f, loader);
	if (in_use(loaders, BF_LOAD_ETHER_SADDR) && loader == BF_LOAD_ETHER_SADDR)
		return load_ether(f);
	if (config.loaders & CT_LOADERS && loader >= BF_LOAD_CT_PROTO && loader <= BF_LOAD_CT_DPORT)
		return load_ct(f, loader, arg);
	if (in_use(loaders, BF_LOAD_META) && loader == BF_LOAD_META)
		return bf_load_meta(f, arg);
	if (in_use(loaders, BF_LOAD_SK) && loader == BF_LOAD_SK)
		return bf_load_sk(f, arg & 0xff, arg >> 8);
	if (in_use(loaders, BF_LOAD_CONN) && loader == BF_LOAD_CONN)
		return bf_load_conn(f, arg & 0xff, arg >> 8 & 3);
	if (in_use(loaders, BF_LOAD_ANSWER) && loader == BF_LOAD_ANSWER)
		return bf_load_answer(f, arg);
	return BF_HOTDROP; /* an invalid cell */
}
