/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leave.bpf.c: ways a packet leaves XDP and tc by other than a verdict: turned
 * into its own answer (reject), to another device (redirect), to another next
 * hop (route); and copies of it (mirror).
 *
 * An answer is made of the packet itself: it gets the length it needs, new
 * headers, and goes back by the device where it is:
 *
 *   | Ethernet, turned round | IP 64 hops, from whom was asked | TCP RST                       |
 *   |                        |                                 | ICMP error, 8 | begin of the packet, up to 80  |
 *
 *   hook        goes
 *   XDP         XDP_TX
 *   tc ingress  out by the device it came in
 *   tc egress   in by the device it was to leave by: to the socket, or to be forwarded back
 *
 * What nobody may be answered is dropped: fragments but the first, what was
 * for or from many, resets, ICMP errors (RFC 1122, 3.2.2; RFC 4443, 2.4 e).
 * How many answers there may be is the rule's business (gen puts a limit
 * before them).
 *
 * The next hop is where the routes to it lead from a device that forwards
 * (net.ipv4.ip_forward): on any other nothing is routed, but dropped.
 *
 * A trap: an sk_buff whose checksum is left to the device (from a socket, veth,
 * virtio) stays marked so. veth and the own stack do not care; a network card
 * would write a sum where the old header had its. For a RST that is in its
 * place; the quoted packet of an ICMP error it can damage.
 */
#include "rt/kernel.h"

enum { XDP_DROPPED = 1, XDP_SENT_BACK = 3, TC_SHOT = 2 };
enum { TCP = 6, ICMP = 1, ICMP6 = 58, INET = 2, INET6 = 10, HOPS = 64, QUOTE = 80 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { INTO_DEVICE = 1 }; /* BPF_F_INGRESS */
enum { FIB_OK = 0, FIB_NO_NEIGH = 7, NFPROTO_IP = 2, NFPROTO_IP6 = 10 };

#define DROPPED (KIND(XDP) ? XDP_DROPPED : TC_SHOT)

struct reply {
	__u32 ip[10];    /* IP header: 5 or 10 words */
	__u32 l4[5];     /* TCP header, or the 8 bytes of ICMP's */
};

/* ------------------------------------------------------------------- packet */

static __always_inline __u64 packet_begin(const struct bf_frame *f)
{
	return KIND(XDP) ? (__u64)plain_xdp(f)->data : (__u64)plain_skb(f)->data;
}

static __always_inline int store(void *ctx, __u32 at, const void *from, __u32 n)
{
	return KIND(XDP) ? bpf_xdp_store_bytes(ctx, at, (void *)from, n) : bpf_skb_store_bytes(ctx, at, from, n, 0);
}

static __always_inline int load(void *ctx, __u32 at, void *to, __u32 n)
{
	return KIND(XDP) ? bpf_xdp_load_bytes(ctx, at, to, n) : bpf_skb_load_bytes(ctx, at, to, n);
}

static __always_inline int set_length(struct bf_frame *f, void *ctx, __u32 n)
{
	if (KIND(XDP))
		return bpf_xdp_adjust_tail(ctx, (int)(n - (__u32)((__u64)plain_xdp(f)->data_end - (__u64)plain_xdp(f)->data)));
	return bpf_skb_change_tail(ctx, n, 0);
}

/* The Ethernet header at `from` to the begin, its addresses exchanged; l3: where it ends, a VLAN tag included. */
static __always_inline int turn_round(void *ctx, __u32 from, __u32 l3)
{
	__u8 mac[12], back[12];
	__u16 type[3];

	if (l3 < 14)
		return 0;
	if (from && l3 == 18 ? load(ctx, from + 12, type, 6) || store(ctx, 12, type, 6)
	                     : from && (load(ctx, from + 12, type, 2) || store(ctx, 12, type, 2)))
		return -1;
	if (load(ctx, from, mac, 12))
		return -1;
	if (mac[0] & 1)
		return -1; /* it was for many */
	for (int i = 0; i < 6; i++) {
		back[i] = mac[6 + i];
		back[6 + i] = mac[i];
	}
	return store(ctx, 0, back, 12);
}

/* ----------------------------------------------------------------- checksums */

static __always_inline __u16 folded(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

#define SUM(p, n, seed) ((__u32)bpf_csum_diff(NULL, 0, (__be32 *)(p), (n), (seed)))

/* Addresses, protocol and length: the pseudo header. Lengths are short here. */
static __always_inline __u64 pseudo(const struct reply *r, bool ip6, __u32 protocol, __u32 len)
{
	__u64 sum = bpf_htonl(protocol) + (__u64)bpf_htonl(len);

	for (int i = 0; i < (ip6 ? 8 : 2); i++)
		sum += r->ip[(ip6 ? 2 : 3) + i];
	return sum;
}

/* ------------------------------------------------------------------- headers */

static __always_inline bool is_ip6(const struct bf_frame *f)
{
	return load8(bytes_at(f->nh), 0) >> 4 == 6;
}

/* From whom it was for, to whom it came from. len: behind the header. */
static __always_inline void ip_header(struct bf_frame *f, struct reply *r, bool ip6, __u32 protocol, __u32 len)
{
	if (ip6) {
		const struct in6_addr *from = bytes_at(f->nh + 8), *to = bytes_at(f->nh + 24);

		r->ip[0] = bpf_htonl(6u << 28);
		r->ip[1] = bpf_htonl(len << 16 | protocol << 8 | HOPS);
		for (int i = 0; i < 4; i++) {
			r->ip[2 + i] = load32(to, 4 * i);
			r->ip[6 + i] = load32(from, 4 * i);
		}
	} else {
		r->ip[0] = bpf_htonl(0x45000000 | (protocol == ICMP ? 0xc0 << 16 : 0) | (len + 20));
		r->ip[1] = protocol == TCP ? bpf_htonl(0x4000) : 0;
		r->ip[2] = bpf_htonl(HOPS << 24 | protocol << 16);
		r->ip[3] = load32(bytes_at(f->nh + 16), 0);
		r->ip[4] = load32(bytes_at(f->nh + 12), 0);
		r->ip[2] |= (__u32)folded(SUM(r->ip, 20, 0)) << 16;
	}
}

/* May its sender be answered? Only where the sender is one, and asked one. */
static __always_inline bool may_answer(struct bf_frame *f, bool ip6)
{
	const struct in6_addr *p = bytes_at(f->nh);

	if (!needs(BF_NEED_L4) || f->thoff >= f->len || f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT))
		return false;
	if (ip6)
		return load8(p, 8) != 0xff && load8(bytes_at(f->nh + 24), 0) != 0xff &&
		       (load64(bytes_at(f->nh + 8), 0) | load64(bytes_at(f->nh + 8), 8));
	return load8(p, 12) && load8(p, 12) < 224 && load8(bytes_at(f->nh + 16), 0) < 224;
}

static __always_inline int send_back(struct bf_frame *f, void *ctx)
{
	if (KIND(XDP))
		return XDP_SENT_BACK;
	return bpf_redirect(plain_skb(f)->dev->ifindex, KIND(TC_EGRESS) ? INTO_DEVICE : 0);
}

/* ---------------------------------------------------------------------- TCP */

/* As RFC 9293, 3.10.7.1 says: what acknowledges gets what it expects, what does not is acknowledged. -1: not to be had. */
static __noinline int reset_header(struct bf_frame *f, struct reply *r)
{
	__u32 at = f->thoff, flags, length, used;
	__s64 ports = bf_pkt_load(f, at, 4), seq = bf_pkt_load(f, at + 4, 4), ack = bf_pkt_load(f, at + 8, 4);
	__s64 rest = bf_pkt_load(f, at + 12, 4);

	if ((f->key[BF_KEY_META] & 0xff) != TCP || ports < 0 || seq < 0 || ack < 0 || rest < 0)
		return -1;
	flags = rest >> 16 & 0xff;
	length = (rest >> 28) * 4;
	if (flags & RST || length < 20 || at + length > f->len)
		return -1;
	used = f->len - at - length + !!(flags & SYN) + !!(flags & FIN);
	r->l4[0] = bpf_htonl(ports << 16 | (__u64)ports >> 16);
	r->l4[1] = flags & ACK ? bpf_htonl(ack) : 0;
	r->l4[2] = flags & ACK ? 0 : bpf_htonl((__u32)seq + used);
	r->l4[3] = bpf_htonl(5u << 28 | (RST | (flags & ACK ? 0 : ACK)) << 16);
	r->l4[4] = 0;
	return 0;
}

static __noinline int reset(struct bf_frame *f, void *ctx)
{
	__u32 l3 = f->nh - packet_begin(f);
	bool ip6 = is_ip6(f);
	struct reply r = {};

	if (l3 > 64 || !may_answer(f, ip6) || reset_header(f, &r))
		return DROPPED;
	ip_header(f, &r, ip6, TCP, 20);
	r.l4[4] = folded(SUM(r.l4, 20, 0) + pseudo(&r, ip6, TCP, 20));
	if (set_length(f, ctx, l3 + (ip6 ? 60 : 40)) || turn_round(ctx, 0, l3))
		return DROPPED;
	if (ip6 ? store(ctx, l3, r.ip, 40) || store(ctx, l3 + 40, r.l4, 20) : store(ctx, l3, r.ip, 20) || store(ctx, l3 + 20, r.l4, 20))
		return DROPPED;
	return send_back(f, ctx);
}

/* ----------------------------------------------------------------- ICMP errors */

/* Is it an ICMP message about another packet? */
static __noinline int is_error(struct bf_frame *f, bool ip6)
{
	__u32 protocol = f->key[BF_KEY_META] & 0xff;
	__s64 type;

	if (protocol != (ip6 ? ICMP6 : ICMP))
		return false;
	type = bf_pkt_load(f, f->thoff, 1);
	if (ip6)
		return type < 128;
	return type < 0 || type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* NFT_REJECT_ICMPX_*: no route, port, host, prohibited. */
static __always_inline __u32 type_and_code(bool ip6, __u32 arg)
{
	__u32 code = arg & 3;

	if (!(arg & BF_REJECT_IS_ICMPX))
		return arg & 0xffff;
	if (ip6)
		return 1 << 8 | (code == 0 ? 0 : code == 1 ? 4 : code == 2 ? 3 : 1);
	return 3 << 8 | (code == 0 ? 0 : code == 1 ? 3 : code == 2 ? 1 : 13);
}

/*
 * `header` bytes before the quote. At XDP they come before the packet, whose
 * quote stays where it is: there is room (behind it there may be none). An
 * sk_buff grows at its end.
 */
static __always_inline int make_room(struct bf_frame *f, void *ctx, __u32 l3, __u32 header, __u32 n, const void *quote)
{
	if (KIND(XDP))
		return set_length(f, ctx, l3 + n) || bpf_xdp_adjust_head(ctx, -(int)header) || turn_round(ctx, header, l3);
	if (set_length(f, ctx, l3 + header + n) || turn_round(ctx, 0, l3))
		return -1;
	opaque(n);
	return n < 20 || n > QUOTE || store(ctx, l3 + header, quote, n);
}

/* The quote takes nearly all of the stack that there is: who asks for more has asked before. */
static __noinline int error(struct bf_frame *f, void *ctx, __u32 arg)
{
	__u32 l3 = f->nh - packet_begin(f), n = f->len < QUOTE ? f->len : QUOTE, header;
	bool ip6 = is_ip6(f);
	struct reply r = {};
	__u64 quote[QUOTE / 8] = {};

	opaque(n);
	if (n < 20 || n > QUOTE || l3 > 64 || !may_answer(f, ip6) || load(ctx, l3, quote, n))
		return DROPPED;
	header = ip6 ? 48 : 28;
	ip_header(f, &r, ip6, ip6 ? ICMP6 : ICMP, 8 + n);
	r.l4[0] = bpf_htonl(type_and_code(ip6, arg) << 16);
	r.l4[0] |= (__u32)folded((__u64)SUM(quote, QUOTE, 0) + r.l4[0] + (ip6 ? pseudo(&r, true, ICMP6, 8 + n) : 0)) << 16;
	if (make_room(f, ctx, l3, header, n, quote))
		return DROPPED;
	if (ip6 ? store(ctx, l3, r.ip, 40) || store(ctx, l3 + 40, r.l4, 8) : store(ctx, l3, r.ip, 20) || store(ctx, l3 + 20, r.l4, 8))
		return DROPPED;
	return send_back(f, ctx);
}

/* ------------------------------------------------------------------ next hop */

struct fib { /* struct bpf_fib_lookup of linux/bpf.h */
	__u8 family, protocol;
	__u16 sport, dport, tot_len;
	__u32 ifindex;
	__u32 flow;
	__u32 src[4], dst[4];
	__u16 vlan_proto, vlan_tci;
	__u8 smac[6], dmac[6];
};

struct neigh { /* struct bpf_redir_neigh */
	__u32 family;
	__u32 addr[4];
};

/* One hop further, as a router counts it; what a socket of ours sends is not forwarded. -1: it has none left. */
static __always_inline int count_hop(struct bf_frame *f, void *ctx, bool ip6, __u32 l3)
{
	__u32 at = l3 + (ip6 ? 7 : 8), sum;
	__u8 hops = load8(bytes_at(f->nh + (ip6 ? 7 : 8)), 0);
	__u16 check;

	if (KIND(TC_EGRESS))
		return 0;
	if (hops <= 1)
		return -1;
	hops--;
	if (store(ctx, at, &hops, 1))
		return -1;
	if (ip6)
		return 0;
	sum = bpf_ntohs(load16(bytes_at(f->nh + 10), 0)) + 0x100; /* RFC 1141 */
	check = bpf_htons((__u16)(sum + (sum >> 16)));
	return store(ctx, l3 + 10, &check, 2);
}

static __noinline int find_hop(struct bf_frame *f, void *ctx, const struct bf_rt_hop *hop, struct fib *fib)
{
	bool ip6 = hop->family == NFPROTO_IP6;
	int r;

	fib->family = ip6 ? INET6 : INET;
	fib->ifindex = (__u32)device_of(f, IS_EGRESS)->ifindex;
	fib->tot_len = 0;
	for (int i = 0; i < (ip6 ? 4 : 1); i++)
		fib->dst[i] = bpf_htonl(hop->addr[i]);
	r = bpf_fib_lookup(ctx, (void *)fib, sizeof(*fib), 0);
	return r == FIB_OK || (r == FIB_NO_NEIGH && !KIND(XDP)) ? 0 : -1;
}

/* XDP has no neighbours but those that are known. */
static __noinline int to_neighbour(void *ctx, const struct bf_rt_hop *hop, const struct fib *fib)
{
	struct neigh n = { .family = fib->family };

	if (KIND(XDP)) {
		if (store(ctx, 0, fib->dmac, 6) || store(ctx, 6, fib->smac, 6))
			return XDP_DROPPED;
		return bpf_redirect(fib->ifindex, 0);
	}
	for (int i = 0; i < 4; i++)
		n.addr[i] = bpf_htonl(hop->addr[i]);
	return bpf_redirect_neigh(fib->ifindex, (void *)&n, sizeof(n), 0);
}

static __noinline int route(struct bf_frame *f, void *ctx, __u64 at)
{
	__u32 l3 = f->nh - packet_begin(f);
	bool ip6 = is_ip6(f);
	const struct bf_rt_hop *hop;
	struct fib fib = {};

	if (config.n_params < sizeof(*hop) || at > config.n_params - sizeof(*hop) || l3 > 64)
		return DROPPED;
	hop = (const struct bf_rt_hop *)(params + at);
	if (hop->family != (ip6 ? NFPROTO_IP6 : NFPROTO_IP) || find_hop(f, ctx, hop, &fib) || count_hop(f, ctx, ip6, l3))
		return DROPPED;
	return to_neighbour(ctx, hop, &fib);
}

/* ---------------------------------------------------------------------- ways */

static __always_inline int leave(struct bf_frame *f, void *ctx)
{
	__u32 arg = f->out[BF_OUT_ARG];

	switch (f->out[BF_OUT_EXIT]) {
	case BF_EXIT_REJECT:
		if (arg & BF_REJECT_IS_RST)
			return reset(f, ctx);
		return is_error(f, is_ip6(f)) ? DROPPED : error(f, ctx, arg);
	case BF_EXIT_REDIRECT:
		return bpf_redirect(arg, 0);
	case BF_EXIT_ROUTE:
		return route(f, ctx, arg);
	}
	return DROPPED;
}

int bf_leave_xdp(struct bf_frame *f, struct xdp_md *ctx)
{
	return leave(f, ctx);
}

int bf_leave_tc(struct bf_frame *f, struct __sk_buff *ctx)
{
	return leave(f, ctx);
}

/* A copy must have its bytes to itself, so the packet may lie elsewhere afterwards. */
int bf_mirror(struct bf_frame *f, __u32 ifindex)
{
	__u64 at = f->nh - (__u64)plain_skb(f)->data;

	if (!config.trial)
		bpf_clone_redirect((struct __sk_buff *)f->ctx, ifindex, 0);
	f->nh = (__u64)plain_skb(f)->data + at;
	return 0;
}
