/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn.bpf.c: what nft's ct expression sees of the packet's connection. Its
 * parts that not every connection has lie in an extension, which begins with
 * where each of them is (0: it has none).
 *
 *   nf_conn.ext -> | u8 offset[NF_CT_EXT_NUM] | ... | part | part |
 */
#include "rt/kernel.h"

enum nf_ct_ext_id {
	NF_CT_EXT_HELPER,
	NF_CT_EXT_ACCT,
	NF_CT_EXT_LABELS,
};

struct nf_conntrack_helper {
	char name[16];
} CORE;

enum { ORIGINAL = 0, REPLY = 1, NO_DIR = 2, COUNTER_SIZE = 16 };

static inline __u64 extension(__u64 ct, __u32 id)
{
	__u64 ext = load64(bytes_at(ct + offset(((struct nf_conn *)0)->ext)), 0);
	__u32 at = ext ? load8(bytes_at(ext + id), 0) : 0;

	return at ? ext + at : 0;
}

struct sums {
	__u64 packets, bytes;
};

/* Both directions where none is asked for. */
static __noinline int sum(__u64 ct, __u32 dir, struct sums *out)
{
	__u64 acct = extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_ACCT));
	const struct in6_addr *there = bytes_at(acct), *back = bytes_at(acct + COUNTER_SIZE);

	out->packets = out->bytes = 0;
	if (acct && dir != REPLY) {
		out->packets = load64(there, 0);
		out->bytes = load64(there, 8);
	}
	if (acct && dir != ORIGINAL) {
		out->packets += load64(back, 0);
		out->bytes += load64(back, 8);
	}
	return 0;
}

static __noinline int load_count(struct bf_frame *f, __u64 ct, __u32 key, __u32 dir)
{
	struct sums s;

	sum(ct, dir, &s);
	if (key == BF_CONN_AVERAGE)
		return set_value(f, s.packets ? s.bytes / s.packets : 0);
	return set_value(f, key == BF_CONN_PACKETS ? s.packets : s.bytes);
}

/* In ms, as the kernel rounds them: jiffies_to_msecs() where HZ divides 1000 or not. */
static __noinline int load_expires(struct bf_frame *f, __u64 ct)
{
	__s32 left = load32(bytes_at(ct + offset(((struct nf_conn *)0)->timeout)), 0) - (__u32)bpf_jiffies64();

	return set_value(f, left <= 0 || !config.hz ? 0 : (__u64)(__u32)left * 1000 / config.hz);
}

static __noinline int load_labels(struct bf_frame *f, __u64 ct)
{
	__u64 at = extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_LABELS));
	__u64 low = 0, high = 0;

	if (at) {
		low = load64(bytes_at(at), 0);
		high = load64(bytes_at(at), 8);
	}
	set_scratch(f, 0, high >> 32);
	set_scratch(f, 1, high);
	set_scratch(f, 2, low >> 32);
	set_scratch(f, 3, low);
	return BF_HIT;
}

static __noinline int load_helper(struct bf_frame *f, __u64 ct)
{
	__u64 master = load64(bytes_at(ct + offset(((struct nf_conn *)0)->master)), 0);
	__u64 help = master ? extension(master, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_HELPER)) : 0;
	__u64 helper = help ? load64(bytes_at(help), 0) : 0;

	return helper ? set_string(f, bytes_at(helper + offset(((struct nf_conntrack_helper *)0)->name))) : BF_MISS;
}

static __noinline int load_zone(struct bf_frame *f, __u64 ct, __u32 dir)
{
	const struct nf_conn *c = NULL;
	__u32 id = load16(bytes_at(ct + offset(c->zone.id)), 0), dirs = load8(bytes_at(ct + offset(c->zone.dir)), 0);

	return set_value(f, dir == NO_DIR || dirs >> dir & 1 ? id : 0);
}

int bf_load_conn(struct bf_frame *f, __u32 key, __u32 dir)
{
	__u64 ct = plain_skb(f)->_nfct & ~7ull;
	const struct nf_conn *c = NULL;

	if (!ct)
		return BF_MISS;
	switch (key) {
	case BF_CONN_MARK:
		if (KIND(NETFILTER) && in_use(ops, BF_CELL_PUT) && was_put(f, BF_OUT_CT_MARK))
			return set_value(f, f->out[BF_OUT_CT_MARK]);
		return set_value(f, load32(bytes_at(ct + offset(c->mark)), 0));
	case BF_CONN_SECMARK:
		return set_value(f, load32(bytes_at(ct + offset(c->secmark)), 0));
	case BF_CONN_EXPIRES:
		return load_expires(f, ct);
	case BF_CONN_FAMILY:
		return set_value(f, load16(bytes_at(ct + offset(c->tuplehash[0].tuple.src.l3num)), 0));
	case BF_CONN_ZONE:
		return load_zone(f, ct, dir);
	case BF_CONN_PACKETS:
	case BF_CONN_BYTES:
	case BF_CONN_AVERAGE:
		return load_count(f, ct, key, dir);
	case BF_CONN_LABELS:
		return load_labels(f, ct);
	case BF_CONN_HELPER:
		return load_helper(f, ct);
	}
	return BF_HOTDROP;
}
