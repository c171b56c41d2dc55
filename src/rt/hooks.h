/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks.h: the programs at other hooks than netfilter's: the last part of
 * filter.bpf.c, whose walk they share. Each fills the same frame and key from
 * what its hook has, and says the verdict in its hook's numbers.
 *
 *   XDP      xdp_buff: Ethernet, perhaps a VLAN tag, the packet in one piece; no sk_buff, no tag that the device took off
 *   tc       sk_buff, from its network header on; the tag is beside the packet
 *   cgroup   sk_buff of a socket's packet; IPv4 or IPv6
 *   call     the address given to connect() or sendmsg(): destination, port, protocol; the key of a packet that has
 *            these, as if it were long enough for all of its header
 *   sockops  a TCP connection: source is here, destination there
 *
 * Packets are of a family by their ethertype, if the IP header does not
 * contradict itself (as nft_set_pktinfo does it): what is too short or of
 * another version than it should be is neither, and meets those rules only.
 * The bytes behind the length that the header says are not the packet's.
 */
enum { ETH_HLEN = 14, VLAN_HLEN = 4, ETH_IP = 0x0800, ETH_IP6 = 0x86dd, ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8 };
enum { IP_HLEN = 20, IP6_HLEN = 40, PULL = 74 };
enum { XDP_DROPPED = 1, XDP_PASSED = 2, TC_NEXT = -1, TC_SHOT = 2 };
enum { INET = 2, INET6 = 10 };
enum { TIMEOUT_INIT = 1, RWND_INIT = 2, CONNECTING = 3, ACTIVE = 4, PASSIVE = 5 }; /* BPF_SOCK_OPS_* */
enum { SOL_SOCK = 1, SOL_TCP_ = 6, SO_MARK_ = 36, CONGESTION = 13, INITIAL_WINDOW = 1001 };

/* -------------------------------------------------------------------- frame */

/* The packet ends where its header says. */
static __always_inline void trim(struct bf_frame *f, __u32 len)
{
	if (f->len > len)
		f->len = len;
	if (f->linear > len)
		f->linear = len;
}

static __always_inline int ip_family(struct bf_frame *f)
{
	const struct in6_addr *p = bytes_at(f->nh);
	__u32 header, total;

	if (f->linear < IP_HLEN || load8(p, 0) >> 4 != 4)
		return BF_FAM_OTHER;
	header = (load8(p, 0) & 15) * 4;
	total = bpf_ntohs(load16(p, 2));
	if (!total)
		total = gso_length(f);
	if (header < IP_HLEN || total < header || total > f->len)
		return BF_FAM_OTHER;
	trim(f, total);
	return BF_FAM_IP;
}

static __always_inline int ip6_family(struct bf_frame *f)
{
	const struct in6_addr *p = bytes_at(f->nh);
	__u32 payload;

	if (f->linear < IP6_HLEN || load8(p, 0) >> 4 != 6)
		return BF_FAM_OTHER;
	payload = bpf_ntohs(load16(p, 4));
	if (payload + IP6_HLEN > f->len)
		return BF_FAM_OTHER;
	if (payload || (!HAS_SKB && f->len - IP6_HLEN <= 0xffff)) /* else it may be a segment too long for the field */
		trim(f, payload + IP6_HLEN);
	return BF_FAM_IP6;
}

static __always_inline int family_by(struct bf_frame *f, __u32 protocol)
{
	return protocol == ETH_IP ? ip_family(f) : protocol == ETH_IP6 ? ip6_family(f) : BF_FAM_OTHER;
}

/* Does anybody ask for the device? */
#define WANTS_DEVICE                                                                              \
	(needs(BF_NEED_IIFNAME | BF_NEED_OIFNAME) || config.watched || in_use(ops, BF_CELL_CODE) ||   \
	 in_use(ops, BF_CELL_PUT) || config.loaders & (STATE_LOADERS | 1u << BF_LOAD_ETHER_SADDR))

static __always_inline int start_xdp(struct bf_frame *f, struct xdp_md *ctx)
{
	const struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx);
	__u64 at = (__u64)x->data, end = (__u64)x->data_end;
	__u32 protocol = 0, len;

	f->ctx = (struct bf_ctx *)ctx;
	f->skb = number_of(x);
	f->state = WANTS_DEVICE ? number_of(plain_xdp(f)->rxq->dev) : 0;
	if (end - at >= ETH_HLEN) {
		at += ETH_HLEN;
		protocol = bpf_ntohs(load16(bytes_at(at - 2), 0));
	}
	if ((protocol == ETH_VLAN || protocol == ETH_QINQ) && end - at >= VLAN_HLEN) {
		at += VLAN_HLEN;
		protocol = bpf_ntohs(load16(bytes_at(at - 2), 0));
	}
	f->nh = at;
	len = end - at;
	f->linear = clip16(len);
	begin_frame(f, len);
	return family_by(f, protocol);
}

static __always_inline int start_skb(struct bf_frame *f, struct __sk_buff *ctx)
{
	const struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
	__u32 len, linear;
	__u64 before;

	if (IS_TC && skb->data_len && skb->len - skb->data_len < PULL)
		bpf_skb_pull_data(ctx, skb->len < PULL ? skb->len : PULL);
	f->ctx = (struct bf_ctx *)ctx;
	f->skb = number_of(skb);
	f->state = WANTS_DEVICE ? number_of(plain_skb(f)->dev) : 0;
	f->nh = (__u64)skb->head + skb->network_header;
	before = f->nh - (__u64)skb->data;
	linear = skb->len - skb->data_len;
	if (before > linear)
		before = linear; /* it is neither, then */
	len = skb->len - (__u32)before;
	f->linear = clip16(linear - (__u32)before);
	begin_frame(f, len);
	return family_by(f, bpf_ntohs(skb->protocol));
}

/* Its answer is 0, which the compiler does not know: it would leave something else in r0, a pointer even, at which the
 * verifier would stop. */
static __noinline int fill_packet(struct bf_frame *f, __u32 fam)
{
	int zero = 0;

	opaque(zero);
	if (!(config.ops & ~(1u << BF_CELL_COUNT | 1u << BF_CELL_VERDICT)))
		return zero;
	clear_key(f);
	f->thoff = f->len;
	if (config.frames)
		bf_frame_place(f);
	if (needs(BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO | BF_NEED_PKTTYPE)) {
		if (fam == BF_FAM_IP6)
			fill_ip6(f);
		else if (fam == BF_FAM_IP)
			fill_ip(f);
		else if (needs(BF_NEED_PKTTYPE) && HAS_SKB)
			f->key[BF_KEY_META] = packet_type(f, false) << 24;
	}
	if (needs(BF_NEED_MARK) && HAS_SKB)
		f->key[BF_KEY_MARK] = plain_skb(f)->mark;
	if (needs(BF_NEED_CT) && HAS_SKB)
		fill_ct(f, fam == BF_FAM_IP6);
	if (needs(BF_NEED_IIFNAME))
		fill_name(f, BF_KEY_IIFNAME, device_of(f, false));
	if (needs(BF_NEED_OIFNAME))
		fill_name(f, BF_KEY_OIFNAME, device_of(f, true));
	if (config.trial)
		try_out(f);
	forget_numbers(f);
	return zero;
}

/* -------------------------------------------------------------------- cells */

#ifndef BF_LOOP_MAY_GOTO
static __noinline int walk4(struct bf_frame *f, __u32 start)
{
	return walk(f, start, false, true);
}

static __noinline int walk6(struct bf_frame *f, __u32 start)
{
	return walk(f, start, true, true);
}
#endif

/* Only classes differ by family; else it is verified once. */
static __always_inline int walk_family(struct bf_frame *f, int fam)
{
	__u32 start = fam == BF_FAM_IP6 ? config.start_ip6 : fam == BF_FAM_IP ? config.start : config.start_other;

	opaque(start);
	if (in_use(ops, BF_CELL_CLASS) && fam == BF_FAM_IP6)
		return walk6(f, start);
	return walk4(f, start);
}

static __always_inline int straight_family(struct bf_frame *f, int fam)
{
	if (fam == BF_FAM_IP6)
		return bf_straight_ip6(f);
	return fam == BF_FAM_IP ? bf_straight(f) : bf_straight_other(f);
}

/* ------------------------------------------------------------------ verdicts */
static __always_inline int end_xdp(struct bf_frame *f, struct xdp_md *ctx, int verdict)
{
	if (finish(f, verdict) == BF_ACCEPT)
		return XDP_PASSED;
	if (config.trial)
		return XDP_DROPPED; /* it does not leave */
	return in_use(ops, BF_CELL_PUT) && was_put(f, BF_OUT_EXIT) ? bf_leave_xdp(f, ctx) : XDP_DROPPED;
}

static __always_inline void set_marks(struct bf_frame *f, struct __sk_buff *ctx)
{
	if (was_put(f, BF_OUT_MARK))
		*(volatile __u32 *)&ctx->mark = f->out[BF_OUT_MARK];
	if (was_put(f, BF_OUT_PRIORITY))
		*(volatile __u32 *)&ctx->priority = f->out[BF_OUT_PRIORITY];
}

static __always_inline int end_tc(struct bf_frame *f, struct __sk_buff *ctx, int verdict)
{
	verdict = finish(f, verdict);
	if (in_use(ops, BF_CELL_PUT))
		set_marks(f, ctx);
	if (verdict == BF_ACCEPT)
		return TC_NEXT;
	if (config.trial)
		return TC_SHOT;
	return in_use(ops, BF_CELL_PUT) && was_put(f, BF_OUT_EXIT) ? bf_leave_tc(f, ctx) : TC_SHOT;
}

static __always_inline int end_cgroup(struct bf_frame *f, struct __sk_buff *ctx, int verdict)
{
	verdict = finish(f, verdict);
	if (in_use(ops, BF_CELL_PUT))
		set_marks(f, ctx);
	return verdict == BF_ACCEPT;
}

#define PACKET_ENTRY(section, name, context, start, evaluate, end)          \
	SEC(section) int VARIANT(name)(struct context *ctx)                     \
	{                                                                       \
		struct bf_frame f;                                                  \
		int fam = start(&f, ctx), verdict = fill_packet(&f, fam);           \
                                                                            \
		opaque(verdict);                                                    \
		verdict = evaluate(&f, fam);                                        \
		return end(&f, ctx, verdict);                                       \
	}

PACKET_ENTRY("xdp", bf_xdp_, xdp_md, start_xdp, walk_family, end_xdp)
PACKET_ENTRY("xdp", bf_xdp_s, xdp_md, start_xdp, straight_family, end_xdp)
PACKET_ENTRY("tc", bf_tc_, __sk_buff, start_skb, walk_family, end_tc)
PACKET_ENTRY("tc", bf_tc_s, __sk_buff, start_skb, straight_family, end_tc)
PACKET_ENTRY("cgroup_skb/egress", bf_cgroup_, __sk_buff, start_skb, walk_family, end_cgroup)
PACKET_ENTRY("cgroup_skb/egress", bf_cgroup_s, __sk_buff, start_skb, straight_family, end_cgroup)

/* --------------------------------------------------------- system calls, TCP */

/* A frame without a packet. zero: as begin_frame wants it. */
static __always_inline void start_bare(struct bf_frame *f, void *ctx, __u32 zero)
{
	f->ctx = ctx;
	f->skb = number_of(ctx);
	f->state = 0;
	f->nh = 0;
	f->linear = zero;
	begin_frame(f, zero);
	clear_key(f);
	f->key[BF_KEY_ODD] = BF_ODD_AVAIL;
}

#define FIELD(p) (*(volatile __u32 *)&(p))

static __always_inline void start_call(struct bf_frame *f, struct bpf_sock_addr *ctx, bool ip6, bool sends)
{
	start_bare(f, ctx, FIELD(ctx->protocol) - FIELD(ctx->protocol));
	if (!ip6) {
		f->key[BF_KEY_DADDR] = bpf_ntohl(FIELD(ctx->user_ip4));
		if (sends)
			f->key[BF_KEY_SADDR] = bpf_ntohl(FIELD(ctx->msg_src_ip4));
	} else {
		for (int i = 0; i < 4; i++) {
			f->key[BF_KEY_DADDR + i] = bpf_ntohl(FIELD(ctx->user_ip6[i]));
			if (sends)
				f->key[BF_KEY_SADDR + i] = bpf_ntohl(FIELD(ctx->msg_src_ip6[i]));
		}
	}
	f->key[BF_KEY_PORTS] = bpf_ntohs(FIELD(ctx->user_port));
	f->key[BF_KEY_META] = FIELD(ctx->protocol) & 0xff;
	if (config.trial)
		try_out(f);
}

static __always_inline int end_call(struct bf_frame *f, int verdict)
{
	if (finish(f, verdict) == BF_ACCEPT)
		return 1;
	if (in_use(ops, BF_CELL_PUT) && was_put(f, BF_OUT_EXIT) && f->out[BF_OUT_EXIT] == BF_EXIT_ERRNO)
		bpf_set_retval(-(int)(f->out[BF_OUT_ARG] & 0xfff));
	return 0;
}

#define CALL_ENTRY(section, name, ip6, sends, evaluate)                     \
	SEC(section) int VARIANT(name)(struct bpf_sock_addr *ctx)               \
	{                                                                       \
		struct bf_frame f;                                                  \
		int verdict;                                                        \
                                                                            \
		start_call(&f, ctx, ip6, sends);                                    \
		verdict = evaluate;                                                 \
		return end_call(&f, verdict);                                       \
	}
#define CALL_ENTRIES(section, name, ip6, sends, walk_it)                    \
	CALL_ENTRY(section, name##_, ip6, sends, walk_it(&f, config.start))     \
	CALL_ENTRY(section, name##_c, ip6, sends, walk_it(&f, config.start))    \
	CALL_ENTRY(section, name##_s, ip6, sends, bf_straight(&f))

CALL_ENTRIES("cgroup/connect4", bf_connect4, false, false, walk4)
CALL_ENTRIES("cgroup/connect6", bf_connect6, true, false, walk6)
CALL_ENTRIES("cgroup/sendmsg4", bf_sendmsg4, false, true, walk4)
CALL_ENTRIES("cgroup/sendmsg6", bf_sendmsg6, true, true, walk6)

/* An IPv4 connection of an IPv6 socket is one of IPv4. */
static __always_inline int start_connection(struct bf_frame *f, struct bpf_sock_ops *ctx)
{
	bool ip6 = FIELD(ctx->family) == INET6;
	__u32 op = FIELD(ctx->op);

	start_bare(f, ctx, FIELD(ctx->family) - FIELD(ctx->family));
	f->linear = op == CONNECTING || op == PASSIVE;
	if (ip6 && !FIELD(ctx->remote_ip6[0]) && !FIELD(ctx->remote_ip6[1]) && FIELD(ctx->remote_ip6[2]) == bpf_htonl(0xffff))
		ip6 = false;
	if (ip6) {
		for (int i = 0; i < 4; i++) {
			f->key[BF_KEY_SADDR + i] = bpf_ntohl(FIELD(ctx->local_ip6[i]));
			f->key[BF_KEY_DADDR + i] = bpf_ntohl(FIELD(ctx->remote_ip6[i]));
		}
	} else {
		f->key[BF_KEY_SADDR] = bpf_ntohl(FIELD(ctx->local_ip4));
		f->key[BF_KEY_DADDR] = bpf_ntohl(FIELD(ctx->remote_ip4));
	}
	f->key[BF_KEY_PORTS] = (FIELD(ctx->local_port) & 0xffff) << 16 | (bpf_ntohl(FIELD(ctx->remote_port)) & 0xffff);
	f->key[BF_KEY_META] = 6;
	return ip6 ? BF_FAM_IP6 : BF_FAM_IP;
}

static __always_inline void set_option(struct bf_frame *f, struct bpf_sock_ops *ctx, __u32 out, int level, int name)
{
	__u32 v = f->out[out];

	if (was_put(f, out))
		bpf_setsockopt(ctx, level, name, &v, sizeof(v));
}

static __always_inline void set_congestion(struct bf_frame *f, struct bpf_sock_ops *ctx)
{
	__u64 at = f->out[BF_OUT_CONGESTION];

	if (was_put(f, BF_OUT_CONGESTION) && config.n_params >= 16 && at <= config.n_params - 16u)
		bpf_setsockopt(ctx, SOL_TCP_, CONGESTION, params + at, 16);
}

static __always_inline void set_reply(struct bf_frame *f, struct bpf_sock_ops *ctx, __u32 out)
{
	*(volatile __u32 *)&ctx->reply = was_put(f, out) ? f->out[out] : ~0u;
}

/* Each output when its time has come. */
static __noinline int apply(struct bf_frame *f, struct bpf_sock_ops *ctx)
{
	__u32 op = FIELD(ctx->op);

	if (op == TIMEOUT_INIT) {
		set_reply(f, ctx, BF_OUT_RTO);
	} else if (op == RWND_INIT) {
		set_reply(f, ctx, BF_OUT_RWND);
	} else {
		if (op != ACTIVE) {
			set_option(f, ctx, BF_OUT_MARK, SOL_SOCK, SO_MARK_);
			set_congestion(f, ctx);
		}
		if (op != CONNECTING)
			set_option(f, ctx, BF_OUT_CWND, SOL_TCP_, INITIAL_WINDOW);
	}
	return 0;
}

#define SOCKOPS_ENTRY(name, evaluate)                                       \
	SEC("sockops") int VARIANT(name)(struct bpf_sock_ops *ctx)              \
	{                                                                       \
		struct bf_frame f;                                                  \
		int fam;                                                            \
                                                                            \
		if (FIELD(ctx->op) < TIMEOUT_INIT || FIELD(ctx->op) > PASSIVE)      \
			return 1;                                                       \
		fam = start_connection(&f, ctx);                                    \
		finish(&f, evaluate(&f, fam));                                      \
		if (in_use(ops, BF_CELL_PUT))                                       \
			apply(&f, ctx);                                                 \
		return 1;                                                           \
	}

SOCKOPS_ENTRY(bf_sockops_, walk_family)
SOCKOPS_ENTRY(bf_sockops_s, straight_family)
