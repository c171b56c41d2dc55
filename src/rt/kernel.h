/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h: what the programs know of the running kernel. Only the members
 * used are declared; where they really lie is looked up in the kernel's BTF
 * when a program is loaded (preserve_access_index makes the compiler leave a
 * relocation at each access, tools/rtgen hands it on).
 *
 * Numbers are read directly from the sk_buff, which the verifier trusts. What
 * is only an address (packet data, the connection in skb->_nfct) goes through
 * bpf_rdonly_cast, which costs nothing: a load from there that faults reads 0.
 * So do pointers out of the sk_buff and the hook's state: for each pointer that
 * is loaded from something trusted the verifier searches all the kernel's types
 * several times, some 2 ms, to know whether what it leads to is trusted as well.
 */
#ifndef BF_RT_KERNEL_H
#define BF_RT_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "rt/abi.h"
#include "rt/code.h"
#include "rt/loop.h"

#define CORE __attribute__((preserve_access_index))

struct netns_nf {
	void *hooks_ipv4[5], *hooks_ipv6[5]; /* struct nf_hook_entries */
} CORE;

struct net {
	struct netns_nf nf;
} CORE;

struct nf_hook_ops {
	int priority;
} CORE;

typedef struct {
	struct net *net;
} possible_net_t;

struct rtnl_link_ops {
	const char *kind;
} CORE;

struct net_device {
	char name[16];
	int ifindex;
	int group;
	__u16 type;
	const struct rtnl_link_ops *rtnl_link_ops;
	possible_net_t nd_net;
} CORE;

/* 16 bytes of anything: reads of every size and offset inside are allowed. */
struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock;
struct sock_common {
	volatile __u8 skc_state;
	possible_net_t skc_net;
	struct sock *skc_listener;
	__be32 skc_rcv_saddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

typedef struct {
	__u32 val;
} kuid_t, kgid_t;

struct cred {
	kuid_t fsuid;
	kgid_t fsgid;
} CORE;

struct file {
	const struct cred *f_cred;
} CORE;

struct socket {
	struct file *file;
} CORE;

struct kernfs_node {
	__u64 id;
} CORE;

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[0];
} CORE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
	__u32 classid;
} CORE;

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	__u32 sk_mark;
	struct sock_cgroup_data sk_cgrp_data;
} CORE;

struct inet_sock {
	unsigned long inet_flags;
} CORE;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned long _skb_refdst;
	unsigned long _nfct;
	unsigned int len, data_len;
	__u16 queue_mapping;
	__u8 active_extensions;
	__u8 __pkt_type_offset[0];
	__u32 priority;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__u32 vlan_all;
	__u32 hash;
	__u32 mark;
	__be16 protocol;
	__u16 network_header;
	__u16 mac_header;
	__u32 end;
	unsigned char *head, *data;
	__u32 tail;
} CORE;

struct skb_shared_info {
	unsigned short gso_size;
	unsigned int gso_type;
} CORE;

struct nf_hook_state {
	__u8 hook;
	struct net_device *in, *out;
	struct net *net;
} CORE;

struct bpf_nf_ctx { /* the context of BPF_PROG_TYPE_NETFILTER; the verifier knows these two offsets */
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

struct xdp_rxq_info {
	struct net_device *dev;
} CORE;

struct xdp_buff {
	void *data, *data_end;
	struct xdp_rxq_info *rxq;
} CORE;

/* Contexts: what of linux/bpf.h is used. */
struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex;
};

struct xdp_md {
	__u32 data, data_end, data_meta, ingress_ifindex;
};

struct bpf_sock_addr {
	__u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
};

struct bpf_sock_ops {
	__u32 op, reply, args[3], family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
};

/* nf_conn may belong to a module, then it has no type that a program could cast to: its members are read as bytes_at()
 * their offsets. */
union nf_inet_addr {
	__u32 all[4];
} CORE;

union nf_conntrack_man_proto {
	__be16 all;
} CORE;

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
} CORE;

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
} CORE;

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
} CORE;

struct nf_conntrack_zone {
	__u16 id;
	__u8 flags, dir;
} CORE;

struct nf_ct_ext;
struct nf_conn {
	__u32 timeout;
	struct nf_conntrack_zone zone;
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	struct nf_conn *master;
	__u32 mark, secmark;
	struct nf_ct_ext *ext;
} CORE;

struct bpf_dynptr {
	__u64 opaque[2];
};

struct bpf_iter_num {
	__u64 opaque[1];
};

extern void *bpf_rdonly_cast(const void *p, __u32 btf_id) __ksym;
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *out) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

/* 16 bytes at an address that is only a number. */
static inline const struct in6_addr *bytes_at(__u64 address)
{
	return bpf_rdonly_cast((const void *)address, bpf_core_type_id_kernel(struct in6_addr));
}

/* The maps (abi.h). An undefined variable stands for the map's value. */
extern const volatile struct bf_rt_config config; /* volatile: read where it is needed; what is kept takes stack */
extern const struct bf_cell cells[];
extern char params[];
extern struct bf_rt_counter counters[];
extern struct bf_pending pending;
extern const volatile struct bf_journal journal;
extern const struct bf_rt_trial trial;
extern struct bf_rt_watch watch;

static inline const struct sk_buff *plain_skb(const struct bf_frame *f)
{
	return bpf_rdonly_cast((const void *)f->skb, bpf_core_type_id_kernel(struct sk_buff));
}

static inline const struct nf_hook_state *plain_state(const struct bf_frame *f)
{
	return bpf_rdonly_cast((const void *)f->state, bpf_core_type_id_kernel(struct nf_hook_state));
}

static inline const struct xdp_buff *plain_xdp(const struct bf_frame *f)
{
	return bpf_rdonly_cast((const void *)f->skb, bpf_core_type_id_kernel(struct xdp_buff));
}

#define KIND(k) (config.kind == BF_RT_##k)
#define HAS_SKB (config.kind < BF_RT_XDP)
#define IS_EGRESS (KIND(TC_EGRESS) || KIND(CGROUP_EGRESS))
#define IS_TC (KIND(TC) || KIND(TC_EGRESS))

/* What the kernel's functions take for the packet: the sk_buff, or the context. */
static inline void *handle_of(struct bf_ctx *ctx)
{
	return KIND(NETFILTER) ? (void *)((struct bpf_nf_ctx *)ctx)->skb : ctx;
}

/* The packet's sk_buff; where there is one. Not for functions that stand apart. */
static inline const struct sk_buff *skb_of(const struct bf_frame *f)
{
	return KIND(NETFILTER) ? handle_of(f->ctx) : plain_skb(f);
}

/* The device that it came by, or leaves by; NULL: not known here. */
static inline struct net_device *device_of(const struct bf_frame *f, bool out)
{
	if (KIND(NETFILTER))
		return out ? plain_state(f)->out : plain_state(f)->in;
	if (out != IS_EGRESS || KIND(CALL) || KIND(SOCKOPS))
		return NULL;
	return bpf_rdonly_cast((const void *)f->state, bpf_core_type_id_kernel(struct net_device));
}

static inline struct net *net_of(const struct bf_frame *f)
{
	return KIND(NETFILTER) ? plain_state(f)->net : device_of(f, IS_EGRESS)->nd_net.net;
}

static inline struct sock *as_sock(const void *p)
{
	return bpf_rdonly_cast(p, bpf_core_type_id_kernel(struct sock));
}

/* The packet's socket as skb_to_full_sk() finds it: a request's listener, none in TIME_WAIT; and of this namespace. */
static inline struct sock *full_sock(const struct bf_frame *f)
{
	enum { NEW_SYN_RECV = 12, TIME_WAIT = 6 };
	struct sock *sk = as_sock(plain_skb(f)->sk);

	if (!sk)
		return NULL;
	if (sk->__sk_common.skc_state == NEW_SYN_RECV)
		sk = as_sock(sk->__sk_common.skc_listener);
	if (!sk || sk->__sk_common.skc_state == TIME_WAIT)
		return NULL;
	if (sk->__sk_common.skc_net.net != net_of(f))
		return NULL;
	return sk;
}

/*
 * A pointer as a number: its distance from a pointer that is 0. Else the
 * verifier would go on knowing where it leads; and Linux 6.18's takes a number
 * to which a pointer out of the sk_buff (->head) was added for what it was
 * before, and leaves out what follows from it (a test of its sign, say). Only
 * for pointers to structs: others are numbers for older verifiers.
 */
static inline __u64 number_of(const void *p)
{
	__u64 n = (__u64)p, zero = (__u64)bytes_at(0);

	asm volatile("%0 -= %1" : "+r"(n) : "r"(zero));
	return n;
}

static inline __u64 load64(const struct in6_addr *p, int off)
{
	return *(const __u64 *)((const char *)p + off);
}

static inline __u64 load_be64(const struct in6_addr *p, int off)
{
	return __builtin_bswap64(load64(p, off));
}

static inline __u32 load32(const struct in6_addr *p, int off)
{
	return *(const __u32 *)((const char *)p + off);
}

static inline __u16 load16(const struct in6_addr *p, int off)
{
	return *(const __u16 *)((const char *)p + off);
}

static inline __u16 clip16(__u64 n)
{
	return n < 0xffff ? n : 0xffff;
}

static inline __u8 load8(const struct in6_addr *p, int off)
{
	return *(const __u8 *)((const char *)p + off);
}

#define opaque(x) asm volatile("" : "+r"(x)) /* the optimiser knows nothing about x any more */

/* Parameters at an offset that comes from a cell, or NULL. */
#define params_at(off, type) \
	(config.n_params >= sizeof(struct type) && (off & ~7ull) <= config.n_params - sizeof(struct type) \
		 ? (struct type *)(params + (off & ~7ull)) : NULL)

/* The offset of a member, as a number. */
#define offset(member) __builtin_preserve_field_info(member, BPF_FIELD_BYTE_OFFSET)

/* A definition in .maps stands for the map itself. */
#define MAP(name)  	struct {       		int unused; 	} name SEC(".maps")

/* Is it in use? Constants to the verifier. */
#define needs(n) (config.needs & (n))
#define in_use(set, n) (config.set & 1u << (n))

#define OWNER_LOADERS (1u << BF_LOAD_SKUID | 1u << BF_LOAD_SKGID | 1u << BF_LOAD_SOCKET)
#define CT_LOADERS ((2u << BF_LOAD_CT_DPORT) - (1u << BF_LOAD_CT_PROTO))
#define HEADER_LOADERS \
	(1u << BF_LOAD_PAYLOAD | 1u << BF_LOAD_EXTHDR | 1u << BF_LOAD_TCP_OPTION | 1u << BF_LOAD_IP_OPTION | 1u << BF_LOAD_CHUNK)
#define STATE_LOADERS (OWNER_LOADERS | 1u << BF_LOAD_META | 1u << BF_LOAD_SK) /* want the frame's state */

#define BPF_ANY 0 /* linux/bpf.h */

/* Scratch word i := v. The place looks uncertain to the verifier (a length has no bit 31), so that it forgets the value:
 * what a loader answers must not make the cells behind it a case of their own. */
#define set_scratch(f, i, v) ((f)->key[BF_KEY_SCRATCH + (i) - ((f)->len >> 31)] = (v))

/* A value of up to 64 bits where the loaders of nft's values leave it. */
static inline int set_value(struct bf_frame *f, __u64 v)
{
	set_scratch(f, 0, 0);
	set_scratch(f, 1, 0);
	set_scratch(f, 2, v >> 32);
	set_scratch(f, 3, v);
	return BF_HIT;
}

/* A string of up to 15 characters, the bytes behind it 0. */
static inline int set_string(struct bf_frame *f, const struct in6_addr *s)
{
	bool over = false;

	for (int i = 0; i < 4; i++) {
		__u32 word = 0;

		for (int k = 0; k < 4; k++) {
			__u8 c = load8(s, i * 4 + k);

			over |= !c;
			word = word << 8 | (over ? 0 : c);
		}
		set_scratch(f, i, word);
	}
	return BF_HIT;
}

/* A function that the verifier looks at by itself (code.h). Its first pointer may be NULL for all that is known of it. */
#define APART __attribute__((noinline, btf_decl_tag("apart")))

/* Functions that files of rt/ have for each other; those not explained here are in code.h. */
int bf_pkt_read(struct bf_frame *f, __u32 offset, void *to, __u32 size); /* 0, or -1: not all there */
__s64 bf_pkt_load(struct bf_frame *f, __s32 offset, __u32 size);
__s64 bf_far_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 offset, __u32 size);
__s64 bf_frame_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 offset, __u32 size);
__s64 bf_frame_len(struct bf_frame *f);
int bf_frame_place(struct bf_frame *f); /* f->link, near. 0 */
__s64 bf_pkt_ad(struct bf_frame *f, __u32 ad);
int bf_count(struct bf_frame *f, __u64 counter);
int bf_length(struct bf_frame *f); /* as counters have it, see code.h */
__u64 bf_pkt_link(struct bf_frame *f); /* address of the link-layer header; 0: there is none */
int VARIANT(bf_load_)(struct bf_frame *f, __u32 loader, __u64 arg);
int bf_load_apart(struct bf_frame *f, __u32 loader, __u64 arg);
int bf_load_meta(struct bf_frame *f, __u32 key);
int bf_load_bare(struct bf_frame *f, __u32 key); /* of what there is without an sk_buff */
int bf_load_sk(struct bf_frame *f, __u32 key, __u32 level);
int bf_load_conn(struct bf_frame *f, __u32 key, __u32 dir);
int VARIANT(bf_load_mss_)(struct bf_frame *f);
int VARIANT(bf_special_)(struct bf_frame *f, __u32 id, __u64 params_at);
int VARIANT(bf_special_apart_)(struct bf_frame *f, __u32 id, __u64 params_at);
/* its place in the options, -1: none, -2: hotdrop */
int VARIANT(bf_tcp_option_)(struct bf_frame *f, __u32 kind, __u32 size);
int VARIANT(bf_changed4_)(struct bf_frame *f, __u32 at); /* CLASS cell number `at`, of a run with a delta: the next cell */
int VARIANT(bf_changed6_)(struct bf_frame *f, __u32 at);
int VARIANT(bf_refs_)(struct bf_frame *f, __u32 head, __u64 leaf, __u32 floor); /* see refs.bpf.c */
int VARIANT(bf_search4_)(struct bf_frame *f, __u32 head, __u32 floor); /* see classify.h */
int VARIANT(bf_search6_)(struct bf_frame *f, __u32 head, __u32 floor);
int VARIANT(bf_set_)(struct bf_frame *f, __u32 word, __u64 head); /* a SET cell: BF_MISS or BF_HIT; set.h */
int VARIANT(bf_set_new_)(struct bf_frame *f, __u32 word, __u64 head); /* what changed in it lately */
int VARIANT(bf_find4_)(struct bf_frame *f, __u32 head, __u32 data, __u32 words); /* a FIND cell */
int VARIANT(bf_find6_)(struct bf_frame *f, __u32 head, __u32 data, __u32 words);
int VARIANT(bf_live_)(struct bf_frame *f, __u32 verb, __u64 params_at); /* a LIVE cell */
int VARIANT(bf_exact_)(struct bf_frame *f, __u32 verb, __u64 params_at); /* one of verb BF_LIVE_EXACT */
int bf_note(struct bf_frame *f, __u32 code, __u32 terminal);
int bf_forget(struct bf_frame *f); /* deletes what an older packet left under this sk_buff's address */
int bf_assist(struct bf_frame *f); /* word BF_KEY_ASSIST. 0, or -1: no answers */
int bf_load_answer(struct bf_frame *f, __u64 arg);

static __always_inline bool was_put(const struct bf_frame *f, __u32 out)
{
	return f->out[BF_OUT_SET] >> out & 1;
}

/* Was the packet asked about? */
static inline bool has_answers(const struct bf_frame *f)
{
	return needs(BF_NEED_ASSIST) && !config.trial &&
	       (!config.assist_states || f->key[BF_KEY_CTSTATE] & config.assist_states);
}
int bf_push(struct bf_frame *f, __u32 depth, __u32 cell); /* return address at depth >= BF_STACK_DEPTH. 0, or -1 */
__s64 bf_pop(struct bf_frame *f, __u32 depth);
int bf_leave_xdp(struct bf_frame *f, struct xdp_md *ctx); /* what BF_OUT_EXIT says; the hook's verdict */
int bf_leave_tc(struct bf_frame *f, struct __sk_buff *ctx);
int bf_mirror(struct bf_frame *f, __u32 ifindex);
int bf_finish(struct bf_frame *f, int verdict); /* what is left to do, and the verdict that then holds */
int bf_code(struct bf_frame *f, __u32 step, struct bf_ctx *ctx);
int bf_users_ask(struct bf_frame *f, __u32 step, struct bf_ctx *ctx);
int bf_straight(struct bf_frame *f);
int bf_event(struct bf_frame *f, __u32 kind, __u32 value);
int bf_straight_ip6(struct bf_frame *f);
int bf_straight_other(struct bf_frame *f);

static inline __u32 counted_length(struct bf_frame *f)
{
	return IS_TC ? (__u32)bf_length(f) : f->len;
}

static inline void count(struct bf_frame *f, __u64 counter)
{
	__u64 n = config.n_counters, stripe = bpf_get_smp_processor_id() & config.stripe_mask;
	struct bf_rt_counter *c;

	if (counter >= n || (KIND(SOCKOPS) && !f->linear))
		return; /* a connection is counted once, however often it comes by */
	if (config.watched)
		bf_event(f, BF_EVENT_RULE, counter);
	c = &counters[stripe * n + counter];
	__sync_fetch_and_add(&c->packets, 1);
	__sync_fetch_and_add(&c->bytes, counted_length(f));
}

#endif
