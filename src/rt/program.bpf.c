/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * program.bpf.c: between a program and a user's function (bpfilter/program.h),
 * which stands apart: it gets a copy of what the key says, and reads bytes
 * through the handle, which is what the hook gave.
 */
#include "rt/kernel.h"
#include "rt/users.h"

enum { TCP = 6, UDP = 17, UDPLITE = 136 };

static __always_inline __u32 payload_of(struct bf_frame *f, struct bf_ctx *ctx, __u32 proto)
{
	__s64 doff;

	if (proto == UDP || proto == UDPLITE)
		return f->thoff + 8;
	if (proto != TCP)
		return 0;
	doff = bf_far_load(f, ctx, f->thoff + 12, 1);
	return doff < 0 ? 0 : f->thoff + (__u32)(doff >> 4) * 4;
}

static __always_inline void fill_transport(struct bf_frame *f, struct bf_ctx *ctx, struct bf_packet *p)
{
	__u32 proto = f->key[BF_KEY_META] & 0xff, at;

	p->protocol = proto;
	if (KIND(CALL)) { /* what is called with; there is no packet */
		p->sport = f->key[BF_KEY_PORTS] >> 16;
		p->dport = f->key[BF_KEY_PORTS];
		return;
	}
	if (f->key[BF_KEY_ODD] & (BF_ODD_FRAG | BF_ODD_BADEXT) || f->thoff >= f->len)
		return;
	p->transport = f->thoff;
	p->sport = f->key[BF_KEY_PORTS] >> 16;
	p->dport = f->key[BF_KEY_PORTS];
	at = payload_of(f, ctx, proto);
	if (at < f->len && at <= 0xffff)
		p->payload = at;
}

static __always_inline __u32 index_of(struct bf_frame *f, bool out)
{
	struct net_device *dev = device_of(f, out);

	return dev ? dev->ifindex : 0;
}

APART int bf_program_view(struct bf_frame *f, struct bf_ctx *ctx, struct bf_packet *p, __u32 family)
{
	if (!f || !p)
		return -1;
	for (int i = 0; i < 4; i++) {
		p->saddr[i] = f->key[BF_KEY_SADDR + i];
		p->daddr[i] = f->key[BF_KEY_DADDR + i];
	}
	p->family = family;
	if (family)
		fill_transport(f, ctx, p);
	p->length = f->len;
	p->reserved[BF_USERS_VERSION] = f->version;
	p->reserved[BF_USERS_LENGTH] = counted_length(f);
	p->mark = f->key[BF_KEY_MARK];
	p->iif = index_of(f, false);
	p->oif = index_of(f, true);
	if (KIND(XDP))
		p->network = f->nh - (__u64)plain_xdp(f)->data;
	if (IS_TC)
		p->network = f->nh - (__u64)plain_skb(f)->data;
	return 0;
}

int bf_packet_read(struct bf_packet *p, struct bf_handle *h, __u32 offset, void *to, __u32 n)
{
	struct bpf_dynptr dp;

	if (KIND(CALL))
		return -1;
	if (KIND(XDP))
		return bpf_xdp_load_bytes((void *)h, p->network + offset, to, n) ? -1 : 0;
	if (IS_TC)
		offset += p->network; /* before the call: what is kept over it takes stack */
	if (bpf_dynptr_from_skb((void *)h, 0, &dp))
		return -1;
	return bpf_dynptr_read(to, n, &dp, offset, 0) ? -1 : 0;
}
