/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.bpf.c: the programs at the netfilter hooks (entries: gen/link.h; hooks.h has those at the others).
 *
 *   prologue   fills the words of the key that config.needs asks for
 *   walk       goes from cell to cell until one of them is a verdict
 *   class      where the first thing is a run that is class data, there is no walk unless a rule of it leads to one:
 *              a call costs as much as two levels of a tree, and a round of the walk
 *   finish     clears up
 *
 * What the verifier makes of it: config is constant, so every `if (needs(..))`
 * is decided at load time and what is not needed is cut out. Cells are data of
 * which it knows nothing, so one round of the walk stands for all of them,
 * whatever the number of rules.
 */
#include "rt/classify.h"
#include "rt/kernel.h"

enum { HOPOPTS = 0, ROUTING = 43, FRAGMENT = 44, AUTH = 51, NONE = 59, DSTOPTS = 60 };
enum { PACKET_BROADCAST = 1, PACKET_MULTICAST = 2, PACKET_LOOPBACK = 5 };
enum { GSO_TCPV4 = 1 << 0, GSO_TCPV6 = 1 << 4 };
#ifdef BF_LOOP_MAY_GOTO
#define TESTS FOUR
#else
#define TESTS FOUR FOUR FOUR FOUR /* a round costs a call */
#endif
enum { SRC_NAT = 1 << 4, DST_NAT = 1 << 5 }; /* IPS_* */
enum { PRI_CONNTRACK = -200, HOOKS_MAX = 1024 }; /* NF_IP_PRI_CONNTRACK, and IPv6's; the kernel's own limit */
enum { CT_INVALID = 1 << 0, CT_SNAT = 1 << 6, CT_DNAT = 1 << 7, CT_UNTRACKED = 1 << 8 }; /* XT_CONNTRACK_STATE_* */

_Static_assert(__builtin_offsetof(struct bf_frame, ctx) == BF_FRAME_APART, "seen from apart: all but the pointer");

/* ------------------------------------------------------------------ prologue */

/*
 * Zeros that the verifier takes for any number (a length has no bit 31, and
 * see struct bf_frame): so all rounds of the walk begin in the same state, the
 * first one included, and what a cell may change is not followed on from cell
 * to cell. Without that the kinds of cells multiply instead of adding up.
 */
static __always_inline void begin_frame(struct bf_frame *f, __u32 len)
{
	__u32 zero = len >> 31;

	opaque(zero);
	f->len = len;
	f->spilled = zero;
	f->noted = zero;
	f->next = zero;
	f->thoff = zero;
	f->depth = zero;
	if (config.patched || config.changes)
		f->version = journal.version;
	if (in_use(ops, BF_CELL_PUT))
		for (int i = 0; i < BF_OUT_WORDS; i++)
			f->out[i + zero] = 0;
	if (in_use(ops, BF_CELL_KEEP))
		for (int i = 0; i < BF_KEPT_WORDS; i++)
			f->kept[i + zero] = 0;
}

static __always_inline void begin(struct bf_frame *f, struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;
	__u32 len = skb->len;

	f->ctx = (struct bf_ctx *)ctx;
	f->skb = number_of(skb);
	if (needs(BF_NEED_IIFNAME | BF_NEED_OIFNAME | BF_NEED_CT | BF_NEED_DEVICES) || config.loaders & STATE_LOADERS || config.watched)
		f->state = number_of(ctx->state);
	f->nh = (__u64)skb->data;
	f->linear = clip16(len - skb->data_len);
	begin_frame(f, len);
}

static __always_inline void clear_key(struct bf_frame *f)
{
	for (int i = 0; i < BF_KEY_WORDS / 2; i++)
		((__u64 *)f->key)[i] = 0;
	if (in_use(ops, BF_CELL_LOAD))
		for (int i = 0; i < 4; i++)
			set_scratch(f, i, 0);
	if (in_use(ops, BF_CELL_CLASS))
		f->key[BF_KEY_ZERO] = f->depth;
	if (config.patched)
		f->key[BF_KEY_HALF] = f->version & 1;
}

/* The packet type as xt_pkttype sees it: looped-back packets by their address. */
static __always_inline __u32 packet_type(const struct bf_frame *f, bool multicast)
{
	__u32 at = offset(((struct sk_buff *)0)->__pkt_type_offset);
	__u32 type = (KIND(NETFILTER) ? *((const __u8 *)skb_of(f) + at) : load8(bytes_at(f->skb + at), 0)) & 7;

	if (type != PACKET_LOOPBACK)
		return type;
	return multicast ? PACKET_MULTICAST : PACKET_BROADCAST;
}

/* A header whose length field is 0 may belong to a GSO packet too long for it. XDP is not told, but sees how long it is. */
static __noinline __u32 gso_length(struct bf_frame *f)
{
	__u64 info = HAS_SKB ? (__u64)skb_of(f)->head + skb_of(f)->end : 0;
	struct skb_shared_info *s = NULL;

	if (!HAS_SKB)
		return f->len > 0xffff ? f->len : 0;
	if (!load16(bytes_at(info + offset(s->gso_size)), 0))
		return 0;
	return load32(bytes_at(info + offset(s->gso_type)), 0) & (GSO_TCPV4 | GSO_TCPV6) ? f->len : 0;
}

/* Ports, ICMP type and code, TCP flags: linear in nearly every packet. */
static __always_inline void fill_l4(struct bf_frame *f)
{
	__u32 avail = f->len > f->thoff ? f->len - f->thoff : 0;
	__u32 first = 0, flags = 0;

	if (f->thoff + 20 <= f->linear) {
		const struct in6_addr *p = bytes_at(f->nh + f->thoff);

		first = bpf_ntohl(load32(p, 0));
		if (needs(BF_NEED_L4INFO))
			flags = bpf_ntohs(load16(p, 12));
	} else {
		if (avail >= 4)
			first = bf_pkt_load(f, f->thoff, 4);
		if (needs(BF_NEED_L4INFO) && avail >= 14)
			flags = bf_pkt_load(f, f->thoff + 12, 2);
	}
	f->key[BF_KEY_PORTS] = first;
	f->key[BF_KEY_L4INFO] = first >> 16 | (flags & 0xff) << 16 | (flags & 0xf000) << 12;
}

static __always_inline void set_odd(struct bf_frame *f, __u32 flags)
{
	__u32 avail = f->len > f->thoff ? f->len - f->thoff : 0;

	f->key[BF_KEY_ODD] = (avail > 0xffff ? 0xffff : avail) | flags;
}

static __always_inline void fill_ip(struct bf_frame *f)
{
	const struct in6_addr *p = bytes_at(f->nh);
	__u64 a = load64(p, 0), b = load64(p, 8); /* version, tos, length, id, offset; ttl, protocol, checksum, source */
	__u32 dest = load32(bytes_at(f->nh + 16), 0);
	__u32 meta = 0;

	if (needs(BF_NEED_ADDRS)) {
		f->key[BF_KEY_SADDR] = bpf_ntohl(b >> 32);
		f->key[BF_KEY_DADDR] = bpf_ntohl(dest);
	}
	if (needs(BF_NEED_IPHDR | BF_NEED_L4))
		meta = (b >> 8 & 0xff) | (b & 0xff) << 8 | (a >> 8 & 0xff) << 16;
	if (needs(BF_NEED_PKTTYPE))
		meta |= packet_type(f, (dest & 0xf0) == 0xe0) << 24;
	f->key[BF_KEY_META] = meta;
	if (needs(BF_NEED_IPHDR)) {
		__u32 len = bpf_ntohs(a >> 16);

		f->key[BF_KEY_LEN] = len ? len : gso_length(f);
	}
	if (needs(BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO)) {
		__u32 frag = bpf_ntohs(a >> 48) & 0x1fff;

		f->thoff = (a & 15) * 4;
		set_odd(f, (frag ? BF_ODD_FRAG : 0) | (frag == 1 ? BF_ODD_FRAG1 : 0));
		if (needs(BF_NEED_PORTS | BF_NEED_L4INFO))
			fill_l4(f);
	}
}

static __always_inline bool is_exthdr(__u32 nexthdr)
{
	return nexthdr == HOPOPTS || nexthdr == ROUTING || nexthdr == FRAGMENT || nexthdr == AUTH || nexthdr == DSTOPTS;
}

/*
 * One step along the chain of extension headers, as ipv6_find_hdr() goes it
 * for the last header: from header f->next at f->thoff to the one behind it.
 * GO_ON, or when it ends BF_ODD_BADEXT, BF_ODD_FRAG (a fragment that is not
 * the first: next is known, thoff is 0) or 0.
 *
 * Both lie in the frame where the verifier does not follow numbers: a chain of
 * any length looks like its first step.
 */
static __noinline int skip_exthdr(struct bf_frame *f)
{
	__u32 off = f->thoff, this = f->next;
	__s64 head = bf_pkt_load(f, off, 2), frag;

	if (head < 0 || (this == ROUTING && bf_pkt_load(f, off + 3, 1) < 0))
		return BF_ODD_BADEXT;
	if (this == AUTH && config.auth_ends)
		return 0;
	f->next = head >> 8;
	if (this == FRAGMENT) {
		frag = bf_pkt_load(f, off + 2, 2);
		if (frag < 0)
			return BF_ODD_BADEXT;
		if (frag & ~7) {
			f->thoff = 0;
			return is_exthdr(f->next) ? BF_ODD_BADEXT : BF_ODD_FRAG;
		}
		off += 8;
	} else {
		off += this == AUTH ? ((head & 0xff) + 2) * 4 : ((head & 0xff) + 1) * 8;
	}
	f->thoff = off;
	return is_exthdr(f->next) ? GO_ON : 0;
}

static __noinline int follow_exthdrs(struct bf_frame *f)
{
	int r = GO_ON;

	LOOP_BEGIN(MAX_ROUNDS)
		r = skip_exthdr(f);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == GO_ON ? BF_ODD_BADEXT : r;
}

static __always_inline void fill_ip6_l4(struct bf_frame *f, __u32 next)
{
	int flags = 0;

	f->thoff = 40;
	f->next = next;
	if (is_exthdr(next))
		flags = follow_exthdrs(f);
	if (flags == BF_ODD_BADEXT) {
		f->key[BF_KEY_ODD] = BF_ODD_BADEXT;
		f->thoff = f->len; /* nothing is there, for those that look themselves */
		return;
	}
	f->key[BF_KEY_META] |= f->next;
	set_odd(f, flags);
	if (needs(BF_NEED_PORTS | BF_NEED_L4INFO))
		fill_l4(f);
}

static __always_inline void fill_ip6_addrs(struct bf_frame *f)
{
	const struct in6_addr *s = bytes_at(f->nh + 8), *d = bytes_at(f->nh + 24);

	for (int i = 0; i < 4; i++) {
		f->key[BF_KEY_SADDR + i] = bpf_ntohl(load32(s, 4 * i));
		f->key[BF_KEY_DADDR + i] = bpf_ntohl(load32(d, 4 * i));
	}
}

static __always_inline void fill_ip6(struct bf_frame *f)
{
	__u64 a = load64(bytes_at(f->nh), 0); /* version, class, label; length, next header, hop limit */
	__u32 meta = 0;

	if (needs(BF_NEED_ADDRS))
		fill_ip6_addrs(f);
	if (needs(BF_NEED_IPHDR))
		meta = a >> 56 << 8 | ((a & 0xf) << 4 | (a >> 12 & 0xf)) << 16;
	if (needs(BF_NEED_PKTTYPE))
		meta |= packet_type(f, load8(bytes_at(f->nh + 24), 0) == 0xff) << 24;
	f->key[BF_KEY_META] = meta;
	if (needs(BF_NEED_IPHDR))
		f->key[BF_KEY_LEN] = f->len;
	if (needs(BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO))
		fill_ip6_l4(f, a >> 48 & 0xff);
}

/*
 * Is conntrack at work in this namespace? It is as long as the companion stands,
 * but anybody can take that away (nft flush ruleset): then no packet would be
 * NEW any more, and what is to be dropped for that would pass. Asked only for
 * packets that have no connection. Conntrack sits in the list of hooks, behind
 * whose entries the list of what was registered lies:
 *
 *   u16 n | { function, its argument } [n] | struct nf_hook_ops * [n]
 */
static __noinline bool is_tracked(struct bf_frame *f, bool ip6)
{
	const struct net *n = NULL;
	__u64 net = load64(bytes_at(f->state + offset(((struct nf_hook_state *)0)->net)), 0);
	__u64 hooks = load64(bytes_at(net + (ip6 ? offset(n->nf.hooks_ipv6[0]) : offset(n->nf.hooks_ipv4[0]))), 0);
	__u64 count = load16(bytes_at(hooks), 0), at = hooks + 8 + count * 16, end = at + count * 8;
	__s32 priority = 0;

	if (!net)
		return true; /* BPF_PROG_TEST_RUN */
	LOOP_BEGIN(HOOKS_MAX)
		if (at >= end)
			break;
		priority = load32(bytes_at(load64(bytes_at(at), 0) + offset(((struct nf_hook_ops *)0)->priority)), 0);
		if (priority == PRI_CONNTRACK)
			break;
		at += 8;
	LOOP_END
	return priority == PRI_CONNTRACK;
}

/* The packet's connection, as xt_conntrack reads it from skb->_nfct: pointer and, in its low bits, IP_CT_*. 0, or -1: not
 * to be known. */
static __always_inline int fill_ct(struct bf_frame *f, bool ip6)
{
	__u64 nfct = skb_of(f)->_nfct, ct = nfct & ~7ull;
	__u32 info = nfct & 7, state, status = 0;

	if (ct) {
		status = load32(bytes_at(ct + offset(((struct nf_conn *)0)->status)), 0);
		state = 2u << info % 3;
		state |= state << BF_CT_NFT;
		if (status & SRC_NAT)
			state |= CT_SNAT;
		if (status & DST_NAT)
			state |= CT_DNAT;
		if (info >= 3)
			state |= BF_CT_REPLY;
	} else {
		state = (info == 7 ? CT_UNTRACKED | 64u << BF_CT_NFT : CT_INVALID | 1u << BF_CT_NFT) | BF_CT_NONE;
		if (KIND(NETFILTER) && info != 7 && !is_tracked(f, ip6))
			return -1;
	}
	f->key[BF_KEY_CTSTATE] = state;
	f->key[BF_KEY_CTSTATUS] = status;
	return 0;
}

static __always_inline void fill_name(struct bf_frame *f, int word, struct net_device *dev)
{
	for (int i = 0; i < 4; i++)
		f->key[word + i] = dev ? bpf_ntohl(*(__u32 *)&dev->name[4 * i]) : 0;
}

static __always_inline void try_out(struct bf_frame *f)
{
	for (int i = 0; i < BF_KEY_SCRATCH; i++)
		if (trial.given >> i & 1)
			f->key[i] = i == BF_KEY_META ? (f->key[i] & ~(7u << 24)) | trial.key[i] : trial.key[i];
}

/*
 * The verifier forgets what it knows of the key's words: a store that may be to
 * any of them. Else all rounds of a walk would be looked at again for each way
 * through the prologue, and again for each word that a round may change.
 */
static __always_inline void forget_numbers(struct bf_frame *f)
{
	const __u32 light = 1u << BF_CELL_TEST | 1u << BF_CELL_COUNT | 1u << BF_CELL_VERDICT | 1u << BF_CELL_CLASS |
	                    1u << BF_CELL_BRANCH;
	__u32 place = f->len >> 27, value = f->len >> 31; /* 0 */

	if (!(config.ops & ~light))
		return;
	opaque(place);
	opaque(value);
	f->key[place] = f->key[0] + value;
}

/* 0, or -1: the packet must be dropped. */
static __always_inline int prologue(struct bf_frame *f, struct bpf_nf_ctx *ctx, bool ip6)
{
	begin(f, ctx);
	if (in_use(ops, BF_CELL_HANDOFF))
		bf_forget(f);
	if (!(config.ops & ~(1u << BF_CELL_COUNT | 1u << BF_CELL_VERDICT)))
		return 0; /* nobody will look at the key */
	clear_key(f);
	if (needs(BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO | BF_NEED_PKTTYPE)) {
		if (ip6)
			fill_ip6(f);
		else
			fill_ip(f);
	}
	if (needs(BF_NEED_MARK))
		f->key[BF_KEY_MARK] = skb_of(f)->mark;
	if (needs(BF_NEED_CT) && fill_ct(f, ip6))
		return -1;
	if (needs(BF_NEED_IIFNAME))
		fill_name(f, BF_KEY_IIFNAME, plain_state(f)->in);
	if (needs(BF_NEED_OIFNAME))
		fill_name(f, BF_KEY_OIFNAME, plain_state(f)->out);
	if (config.trial) {
		try_out(f);
		return 0;
	}
	forget_numbers(f);
	return has_answers(f) ? bf_assist(f) : 0;
}

/* ---------------------------------------------------------------------- walk */

/* What holds between rounds beside the frame: the next cell, how far the last miss led, and the stack of return
 * addresses. */
struct walk {
	__u32 at;
	__u32 stride; /* takes no room on the stack: there is none left */
	__u32 stack[BF_STACK_DEPTH];
};

/*
 * Each cell must wait for the one before, as its number is loaded from there,
 * unless it is guessed: rules of one shape lie equally far from each other.
 * Then the processor, which bets that the guess is right, goes on at once. It
 * nearly halves what a rule costs. (With iterators calls cost more than that.)
 */
static __always_inline __u64 after_miss(struct walk *w, const struct bf_cell *c, __u64 at)
{
	__u64 next = c->miss;
#ifdef BF_LOOP_MAY_GOTO
	__u32 guess = (__u32)at + w->stride, wrong = (__u32)next - guess;

	opaque(wrong);
	if (!wrong)
		return guess;
	w->stride += wrong;
#endif
	return next;
}

/* The next cell. */
static __always_inline __u64 test(const struct bf_frame *f, struct walk *w, const struct bf_cell *c, __u64 at)
{
	__u32 v = (f->key[c->word & (BF_KEY_WORDS - 1)] & c->mask) - c->lo;
	__u64 next = c->hit;

	opaque(next);
	if (v > c->span)
		next = after_miss(w, c, at);
	return next;
}

static __always_inline int call(struct bf_frame *f, struct walk *w, const struct bf_cell *c)
{
	__u32 depth = f->depth;

	if (depth < BF_STACK_DEPTH)
		w->stack[depth] = c->miss;
	else if (config.stack_depth <= BF_STACK_DEPTH || bf_push(f, depth, c->miss))
		return BF_DROP;
	f->depth = depth + 1;
	w->at = c->hit;
	return GO_ON;
}

static __always_inline int ret(struct bf_frame *f, struct walk *w)
{
	__u32 depth = f->depth - 1;
	__s64 to;

	f->depth = depth;
	if (depth < BF_STACK_DEPTH) {
		w->at = w->stack[depth];
		return GO_ON;
	}
	if (config.stack_depth <= BF_STACK_DEPTH || (__s32)depth < 0)
		return BF_DROP;
	to = bf_pop(f, depth);
	if (to < 0)
		return BF_DROP;
	w->at = to;
	return GO_ON;
}

static __always_inline int ask(struct walk *w, const struct bf_cell *c, int answer)
{
	if (answer == BF_HOTDROP)
		return BF_DROP;
	w->at = answer ? c->hit : c->miss;
	return GO_ON;
}

/* How far did it get? */
static __always_inline int code(struct bf_frame *f, struct walk *w, const struct bf_cell *c)
{
	int at = c->word ? bf_users_ask(f, c->lo, f->ctx) : bf_code(f, c->lo, f->ctx);

	if (at < 0)
		return BF_DROP;
	w->at = (__u32)c->arg + (at - c->lo);
	return GO_ON;
}

static __always_inline int note(struct bf_frame *f, struct walk *w, const struct bf_cell *c)
{
	w->at = c->hit;
	return bf_note(f, c->lo, c->arg & 1) ? BF_DROP : GO_ON;
}

/* A PUT cell. It stands apart as CMP does. Numbers at places the verifier is not sure of: it does not follow them. */
APART int VARIANT(bf_put_)(struct bf_frame *f, __u32 at)
{
	const struct bf_cell *c;
	__u32 v, to, zero;

	if (!f || !in_use(ops, BF_CELL_PUT) || at >= config.n_cells)
		return 0;
	opaque(at);
	c = &cells[at];
	v = f->key[c->word & (BF_KEY_WORDS - 1)] & c->mask;
	to = c->lo & 7;
	zero = f->len >> 31;
	opaque(zero); /* else it is or'ed into the address */
	if (to >= BF_OUT_WORDS)
		return 0;
	v = (v >> (c->arg & 31) << (c->arg >> BF_CMP_LEFT & 31)) ^ c->span;
	f->out[to] = v;
	if (to != BF_OUT_TEMP)
		f->out[zero] |= 1u << to;
	if (to == BF_OUT_MARK)
		f->key[BF_KEY_MARK + zero] = v;
	return 0;
}

/* A CMP cell: BF_HIT or BF_MISS. It stands apart, as what it asks would make the walk's ways too many. */
APART int VARIANT(bf_cmp_)(struct bf_frame *f, __u32 at)
{
	const struct bf_cell *c;
	__u64 a, b;
	__u32 by;

	if (!f || !in_use(ops, BF_CELL_CMP) || at >= config.n_cells)
		return BF_MISS;
	opaque(at);
	c = &cells[at];
	by = c->span;
	a = f->key[c->word & (BF_KEY_WORDS - 1)] & c->mask;
	b = f->key[c->other & (BF_KEY_WORDS - 1)];
	if (in_use(ops, BF_CELL_PUT) && c->other == BF_CMP_TEMP)
		b = f->out[BF_OUT_TEMP];
	a = a >> (by & 31) << (by >> BF_CMP_LEFT & 31);
	b = (b & c->lo) >> (by >> BF_CMP_B & 31) << (by >> (BF_CMP_B + BF_CMP_LEFT) & 31);
	b += c->arg;
	return by & BF_CMP_LESS ? (__s64)a < (__s64)b : a == b;
}

static __always_inline void keep(struct bf_frame *f, const struct bf_cell *c)
{
	f->kept[c->lo & (BF_KEPT_WORDS - 1)] = f->key[c->word & (BF_KEY_WORDS - 1)] >> (c->span & 31) & c->mask;
}

/* The cell of an element's verdict. */
static __always_inline __u32 branch(const struct bf_frame *f, const struct bf_cell *c)
{
	__u32 i = f->key[BF_KEY_SCRATCH];
	__u64 place = c->arg + i;

	if (i >= c->lo || !config.n_class || !is_there(&place, 1))
		return NO_CELL;
	return *(const __u32 *)words_at(place);
}

/* The cell for a value, or that for none of them. */
static __always_inline __u32 by_value(const struct bf_frame *f, const struct bf_cell *c)
{
	__u32 v = f->key[c->word & (BF_KEY_WORDS - 1)] & c->mask;
	__u64 place = c->arg + 2 * (__u64)(v * c->lo >> (c->span & 31));
	const __u32 *pair;

	if (!config.n_class || !is_there(&place, 2))
		return NO_CELL;
	pair = words_at(place);
	return pair[0] == v ? pair[1] : c->miss;
}

static __always_inline __u32 by_chance(struct bf_frame *f, const struct bf_cell *c)
{
	__u32 v = bpf_get_prandom_u32(), zero = f->len >> 31;

	opaque(zero);
	f->key[BF_KEY_SCRATCH + zero] = v;
	return (v & c->mask) - c->lo <= c->span ? c->hit : c->miss;
}

static __always_inline int find(struct bf_frame *f, const struct bf_cell *c)
{
	return c->word ? VARIANT(bf_find6_)(f, c->arg, c->lo, c->span) : VARIANT(bf_find4_)(f, c->arg, c->lo, c->span);
}

/* A CLASS cell. A function, as its variables would not fit the walk's stack; it stands apart. */
static __always_inline __u32 class_cell(struct bf_frame *f, __u64 at, bool ip6)
{
	const struct bf_cell *c;

	if (!f || !config.structs || at >= config.n_cells)
		return NO_CELL;
	opaque(at);
	c = &cells[at];
	return classify(f, c, floor_of(f, c), ip6);
}

APART int VARIANT(bf_class4_)(struct bf_frame *f, __u32 at)
{
	return class_cell(f, at, false);
}

APART int VARIANT(bf_class6_)(struct bf_frame *f, __u32 at)
{
	return class_cell(f, at, true);
}

static __always_inline __u32 changed(struct bf_frame *f, __u64 at, bool ip6)
{
	return ip6 ? VARIANT(bf_changed6_)(f, at) : VARIANT(bf_changed4_)(f, at);
}

/* Any cell. A verdict, or GO_ON. */
static __always_inline int step(struct bf_frame *f, struct walk *w, const struct bf_cell *c, __u64 at, bool ip6)
{
	__u32 op = c->op;

	if (in_use(ops, BF_CELL_CLASS) && op == BF_CELL_CLASS) {
		w->at = ip6 ? VARIANT(bf_class6_)(f, at) : VARIANT(bf_class4_)(f, at);
		if (config.deltas && w->at == HAS_DELTA)
			w->at = changed(f, at, ip6);
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_TEST) && op == BF_CELL_TEST) {
		w->at = test(f, w, c, at);
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_BRANCH) && op == BF_CELL_BRANCH) {
		w->at = by_value(f, c);
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_COUNT) && op == BF_CELL_COUNT) {
		count(f, c->word ? f->key[BF_KEY_SLOT] : c->arg);
		w->at = c->hit;
		return GO_ON;
	}
	if (op == BF_CELL_VERDICT)
		return c->lo == BF_ACCEPT ? BF_ACCEPT : BF_DROP;
	if (in_use(ops, BF_CELL_CALL) && op == BF_CELL_CALL)
		return call(f, w, c);
	if (in_use(ops, BF_CELL_RET) && op == BF_CELL_RET)
		return ret(f, w);
	if (in_use(ops, BF_CELL_CHANCE) && op == BF_CELL_CHANCE) {
		w->at = by_chance(f, c);
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_LOAD) && op == BF_CELL_LOAD)
		return ask(w, c, VARIANT(bf_load_)(f, c->lo, c->arg));
	if (in_use(ops, BF_CELL_MATCH) && op == BF_CELL_MATCH)
		return ask(w, c, VARIANT(bf_special_)(f, c->lo, c->arg));
	if (in_use(ops, BF_CELL_SET) && c->op == BF_CELL_SET)
		return ask(w, c, VARIANT(bf_set_)(f, c->word, c->arg));
	if (in_use(ops, BF_CELL_CODE) && op == BF_CELL_CODE)
		return code(f, w, c);
	if (in_use(ops, BF_CELL_HANDOFF) && op == BF_CELL_HANDOFF)
		return note(f, w, c);
	if (in_use(ops, BF_CELL_CMP) && op == BF_CELL_CMP)
		return ask(w, c, VARIANT(bf_cmp_)(f, at));
	if (in_use(ops, BF_CELL_PUT) && op == BF_CELL_PUT) {
		VARIANT(bf_put_)(f, at);
		if (IS_TC && (c->lo & 7) == BF_OUT_MIRROR)
			bf_mirror(f, f->out[BF_OUT_MIRROR]);
		w->at = c->hit;
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_KEEP) && op == BF_CELL_KEEP) {
		keep(f, c);
		w->at = c->hit;
		return GO_ON;
	}
	if (in_use(ops, BF_CELL_FIND) && op == BF_CELL_FIND)
		return ask(w, c, find(f, c));
	if (in_use(ops, BF_CELL_SWITCH) && op == BF_CELL_SWITCH) {
		w->at = branch(f, c);
		return GO_ON;
	}
	if (config.structs & (BF_EXACT_SHORT | BF_EXACT_LONG) && op == BF_CELL_LIVE && c->lo == BF_LIVE_EXACT)
		return ask(w, c, VARIANT(bf_exact_)(f, c->lo, c->arg));
	if (in_use(ops, BF_CELL_LIVE) && config.structs & (BF_LIVE_SHORT | BF_LIVE_LONG | BF_LIVE_HASHES) && op == BF_CELL_LIVE)
		return ask(w, c, VARIANT(bf_live_)(f, c->lo, c->arg));
	return BF_DROP; /* an invalid cell */
}

/* c = cell number `at`. The bound is checked before the address is made, whatever the optimiser thinks. */
#define CELL_AT(c, at)               \
	if ((at) >= config.n_cells)      \
		goto bad;                    \
	opaque(at);                      \
	c = &cells[at];                  \
	opaque(c);

/*
 * Tests are most of what there is: a round takes up to FOUR of them (or four times that), then one cell of any kind. Not behind
 * class data, where there are few: the verifier looks at half of what it looks at with them.
 */
#define ONE                          \
	if (c->op != BF_CELL_TEST)       \
		goto any;                    \
	at = test(f, &w, c, at);         \
	CELL_AT(c, at)
#define FOUR ONE ONE ONE ONE

static __always_inline int walk(struct bf_frame *f, __u32 start, bool ip6, bool tests)
{
	struct walk w;
	int verdict = GO_ON;

	w.at = start + f->depth; /* 0 */
	w.stride = f->thoff;            /* anything */
	LOOP_BEGIN(MAX_ROUNDS)
		__label__ any, bad;
		const struct bf_cell *c;
		__u64 at = w.at;

		CELL_AT(c, at)
		if (tests && in_use(ops, BF_CELL_TEST)) {
			TESTS
		}
	any:
		verdict = step(f, &w, c, at, ip6);
		if (verdict != GO_ON) {
	bad:
			break;
		}
	LOOP_END
	return verdict == BF_ACCEPT ? BF_ACCEPT : BF_DROP;
}

/* --------------------------------------------------------------------- class */

#ifdef BF_LOOP_MAY_GOTO
static __noinline int walk4(struct bf_frame *f, __u32 start)
{
	return walk(f, start, false, false);
}

static __noinline int walk6(struct bf_frame *f, __u32 start)
{
	return walk(f, start, true, false);
}

/* The first cell, or the one behind a first test (is the packet an ordinary one?), is a CLASS cell without floor. Where it
 * leads is mostly a verdict. */
static __always_inline int run(struct bf_frame *f, bool ip6)
{
	const struct bf_cell *c = &cells[config.start];
	__u64 at = config.start;

	if (in_use(ops, BF_CELL_TEST) && c->op == BF_CELL_TEST) {
		at = (f->key[c->word & (BF_KEY_WORDS - 1)] & c->mask) - c->lo > c->span ? c->miss : c->hit;
		CELL_AT(c, at)
	}
	if (c->op == BF_CELL_CLASS && !c->word && !c->lo) {
		__u32 next = classify(f, c, 0, ip6);

		at = config.deltas && next == HAS_DELTA ? changed(f, at, ip6) : next;
		CELL_AT(c, at)
		if (c->op == BF_CELL_VERDICT)
			return c->lo;
	}
	return ip6 ? walk6(f, at) : walk4(f, at);
bad:
	return BF_DROP;
}
#endif

/* ------------------------------------------------------------------- entries */

/* A call costs 7 ns. */
static __always_inline int finish(struct bf_frame *f, int verdict)
{
	if (config.watched)
		bf_event(f, BF_EVENT_VERDICT, verdict);
	return config.stack_depth > BF_STACK_DEPTH || in_use(ops, BF_CELL_HANDOFF) || in_use(loaders, BF_LOAD_ANSWER) ?
	       bf_finish(f, verdict) : verdict;
}

#define ENTRY(name, ip6, evaluate)                                        \
	SEC("netfilter") int VARIANT(name)(struct bpf_nf_ctx *ctx)            \
	{                                                                     \
		struct bf_frame f;                                                \
		int verdict = BF_DROP;                                            \
                                                                          \
		if (!prologue(&f, ctx, ip6))                                      \
			verdict = evaluate == BF_ACCEPT ? BF_ACCEPT : BF_DROP;    \
		return finish(&f, verdict);                                       \
	}

ENTRY(bf_filter_ip_, false, walk(&f, config.start, false, true))
ENTRY(bf_filter_ip6_, true, walk(&f, config.start, true, true))
#ifdef BF_LOOP_MAY_GOTO
ENTRY(bf_filter_ip_c, false, run(&f, false))
ENTRY(bf_filter_ip6_c, true, run(&f, true))
#endif
ENTRY(bf_filter_ip_s, false, bf_straight(&f))
ENTRY(bf_filter_ip6_s, true, bf_straight(&f))

#include "rt/hooks.h"
