/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * special.bpf.c: matches that are more than a comparison (enum bf_special).
 * Those with state are exact between CPUs: what they change they change by
 * atomic instructions.
 */
#include "rt/kernel.h"

/* One try, which fails (GO_ON) when another CPU was quicker. */
static inline int try_limit(struct bf_rt_limit *l)
{
	__u64 old = *(volatile __u64 *)&l->state;
	__u32 now = bpf_jiffies64(), then = old >> 32, credit = old;
	bool pass;

	now += !now; /* 0 is not a time */
	if (!then)
		then = now;
	credit += (now - then) * l->cpj;
	if (credit > l->cap)
		credit = l->cap;
	pass = l->cost <= credit;
	if (!pass && now == (__u32)(old >> 32))
		return BF_MISS; /* nothing changes */
	if (pass)
		credit -= l->cost;
	return __sync_val_compare_and_swap(&l->state, old, (__u64)now << 32 | credit) == old ? pass : GO_ON;
}

static __noinline int limit(__u64 off)
{
	struct bf_rt_limit *l = params_at(off, bf_rt_limit);
	int r = GO_ON;

	if (!l)
		return BF_HOTDROP;
	LOOP_BEGIN(MAX_ROUNDS)
		r = try_limit(l);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT ? BF_HIT : BF_MISS;
}

/* One past `every` comes 0. A count that began beyond `every` (a hand-made blob) goes the whole way round, as the kernel's. */
static inline int try_nth(struct bf_rt_nth *n)
{
	__u32 old = *(volatile __u32 *)&n->count, next = old == n->every ? 0 : old + 1;

	return __sync_val_compare_and_swap(&n->count, old, next) == old ? !next ^ !!n->invert : GO_ON;
}

static __noinline int nth(__u64 off)
{
	struct bf_rt_nth *n = params_at(off, bf_rt_nth);
	int r = GO_ON;

	if (!n)
		return BF_HOTDROP;
	LOOP_BEGIN(MAX_ROUNDS)
		r = try_nth(n);
		if (r != GO_ON)
			break;
	LOOP_END
	return r == BF_HIT ? BF_HIT : BF_MISS;
}

static __noinline int by_chance(__u64 off)
{
	struct bf_rt_random *r = params_at(off, bf_rt_random);
	__u32 drawn = config.trial ? trial.random : bpf_get_prandom_u32();

	if (!r)
		return BF_HOTDROP;
	return ((drawn & 0x7fffffff) < r->probability) ^ !!r->invert;
}

/* Looks at the option that begins at *at and moves *at to the next one. Its place; -1: it is not this one. */
static inline int try_option(const __u8 *opt, volatile __u8 *at, __u32 kind, __u32 size)
{
	__u32 here = *at & 63, step = opt[(here + 1) & 63];

	if (opt[here] == kind && (!size || step == size))
		return here;
	if (opt[here] < 2 || !step)
		step = 1;
	*at = here + step > 63 ? 63 : here + step;
	return -1;
}

/*
 * Where in the options of a TCP header option `kind` begins; with a size, only
 * one whose length byte says so and that is all there. None: -1. Header or
 * options cut short, or a data offset below 5: -2.
 *
 * The index is kept in one byte of memory: to the verifier it is any number at
 * the head of each round, and the rounds look alike. For the same reason it is
 * not compared with the length: behind the options there are zeros.
 */
int VARIANT(bf_tcp_option_)(struct bf_frame *f, __u32 kind, __u32 size)
{
	__u8 opt[64] = {};
	volatile __u8 at = f->len >> 31;
	__s64 doff = bf_pkt_load(f, f->thoff + 12, 1);
	__u32 len = doff >> 2 & 60;
	int here = -1;

	if (doff < 0 || bf_pkt_load(f, f->thoff + 19, 1) < 0 || len < 20)
		return -2;
	len -= 20;
	if (!len)
		return -1;
	if (len > 40 || bf_pkt_read(f, f->thoff + 20, opt, len))
		return -2;
	LOOP_BEGIN(41)
		here = try_option(opt, &at, kind, size);
		if (here >= 0 || at >= 40)
			break;
	LOOP_END
	return here >= 0 && here + size <= len ? here : -1;
}

static __noinline int tcpopt(struct bf_frame *f, __u64 off)
{
	struct bf_rt_tcpopt *t = params_at(off, bf_rt_tcpopt);
	int at = t ? VARIANT(bf_tcp_option_)(f, t->kind, 0) : -2;

	if (at == -2)
		return BF_HOTDROP;
	return (at >= 0) ^ !!t->invert;
}

static __noinline int tcpmss(struct bf_frame *f, __u64 off)
{
	struct bf_rt_tcpmss *t = params_at(off, bf_rt_tcpmss);
	int at = t ? VARIANT(bf_tcp_option_)(f, 2, 4) : -2;
	__s64 mss;

	if (at == -2)
		return BF_HOTDROP;
	if (at < 0)
		return !!t->invert;
	mss = bf_pkt_load(f, f->thoff + 20 + at + 2, 2);
	return (mss >= t->min && mss <= t->max) ^ !!t->invert;
}

int VARIANT(bf_load_mss_)(struct bf_frame *f)
{
	int at = VARIANT(bf_tcp_option_)(f, 2, 4);
	__s64 mss;

	if (at < 0)
		return at == -2 ? BF_HOTDROP : BF_MISS;
	mss = bf_pkt_load(f, f->thoff + 20 + at + 2, 2);
	if (mss < 0)
		return BF_HOTDROP;
	set_scratch(f, 0, mss);
	return BF_HIT;
}

/* The frame is for the sake of the form. */
APART int VARIANT(bf_special_apart_)(struct bf_frame *f, __u32 id, __u64 off)
{
	if (in_use(specials, BF_SPECIAL_LIMIT) && id == BF_SPECIAL_LIMIT)
		return limit(off);
	if (in_use(specials, BF_SPECIAL_RANDOM) && id == BF_SPECIAL_RANDOM)
		return by_chance(off);
	if (in_use(specials, BF_SPECIAL_NTH) && id == BF_SPECIAL_NTH)
		return nth(off);
	return BF_HOTDROP; /* an invalid cell */
}

int VARIANT(bf_special_)(struct bf_frame *f, __u32 id, __u64 off)
{
	if (in_use(specials, BF_SPECIAL_TCPOPT) && id == BF_SPECIAL_TCPOPT)
		return tcpopt(f, off);
	if (in_use(specials, BF_SPECIAL_TCPMSS) && id == BF_SPECIAL_TCPMSS)
		return tcpmss(f, off);
	return VARIANT(bf_special_apart_)(f, id, off);
}
