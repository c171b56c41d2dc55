/* SPDX-License-Identifier: GPL-2.0-only */
/* event.bpf.c: what programs that are watched tell of each packet: the rules it meets, its verdict and its first bytes. */
#include "rt/kernel.h"

MAP(events);

static __always_inline void describe(struct bf_frame *f, struct bf_rt_event *e, __u32 kind, __u32 value)
{
	e->time = bpf_ktime_get_ns();
	e->skb = f->skb;
	e->kind = kind;
	e->value = value;
	e->prog = config.watched - 1;
	e->len = f->len;
}

static __always_inline int lost(void)
{
	__sync_fetch_and_add(&watch.lost, 1);
	return 0;
}

static __always_inline int tell_verdict(struct bf_frame *f, __u32 verdict)
{
	struct bf_rt_event *e = bpf_ringbuf_reserve(&events, sizeof(*e) + BF_EVENT_BYTES, 0);
	const struct net_device *in = device_of(f, false), *out = device_of(f, true);
	__u32 n = f->linear;

	if (!e)
		return lost();
	describe(f, e, BF_EVENT_VERDICT, verdict);
	n = n < BF_EVENT_BYTES ? n : BF_EVENT_BYTES;
	opaque(n);
	e->caplen = n;
	if (n > BF_EVENT_BYTES)
		n = BF_EVENT_BYTES;
	bpf_probe_read_kernel(e->bytes, n, (const void *)f->nh);
	e->mark = HAS_SKB ? plain_skb(f)->mark : 0;
	bpf_probe_read_kernel(e->iif, sizeof(e->iif), in ? in->name : 0);
	bpf_probe_read_kernel(e->oif, sizeof(e->oif), out ? out->name : 0);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* A failed read leaves zeros, as for a device that is not there. */
APART int bf_event(struct bf_frame *f, __u32 kind, __u32 value)
{
	struct bf_rt_event *e;

	if (!f || !config.watched)
		return 0;
	if (kind == BF_EVENT_VERDICT)
		return tell_verdict(f, value);
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return lost();
	describe(f, e, kind, value);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
