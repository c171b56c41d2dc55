/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fields.c: keys of the language as fields of the model (fields.h).
 *
 *   prologue  what the prologue of a program fetches anyhow: rules on it are
 *             classified (a row below)
 *   loaded    all else is a field of the ruleset's own, with a loader in rt/
 *
 * What must hold before a header is looked at is what nft(8) adds to a rule
 * ("implicit dependencies"): the family, the protocol, for some fields of ICMP
 * the type. That the bytes are there, loaders see for themselves.
 */
#include "front/native/fields.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hook.h"
#include "base/image.h"
#include "rule/intern.h"
#include "front/native/native.h"

enum { V4 = NFPROTO_IPV4, V6 = NFPROTO_IPV6, NO_DIR = 2 };

struct want {
	struct bf_ruleset *rs;
	const struct bf_ast_expr *e;
	const struct bf_nkey *row;
	const struct bf_ast_key *more; /* never NULL */
	uint8_t family; /* the table's */
	uint32_t hooks;
	struct bf_native_key *out;
	const char **why;
};

/* Fields that the prologue fetches. */
static const struct known {
	const char *group, *name;
	enum bf_field_id field;
	uint8_t shift, bits;
	uint8_t bytes; /* of the layer 4 header, that must be there */
} known[] = {
	{ "ip", "saddr", BF_F_IP_SADDR, 0, 32, 0 },
	{ "ip", "daddr", BF_F_IP_DADDR, 0, 32, 0 },
	{ "ip", "ttl", BF_F_IP_TTL, 0, 8, 0 },
	{ "ip", "dscp", BF_F_IP_TOS, 2, 6, 0 },
	{ "ip", "ecn", BF_F_IP_TOS, 0, 2, 0 },
	{ "ip", "protocol", BF_F_L4PROTO, 0, 8, 0 },
	{ "ip6", "saddr", BF_F_IP6_SADDR, 0, 128, 0 },
	{ "ip6", "daddr", BF_F_IP6_DADDR, 0, 128, 0 },
	{ "ip6", "hoplimit", BF_F_IP6_HOPLIMIT, 0, 8, 0 },
	{ "ip6", "dscp", BF_F_IP6_TCLASS, 2, 6, 0 },
	{ "ip6", "ecn", BF_F_IP6_TCLASS, 0, 2, 0 },
	{ "tcp", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "tcp", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "tcp", "flags", BF_F_TCP_FLAGS, 0, 8, 14 },
	{ "udp", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "udp", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "udplite", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "udplite", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "sctp", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "sctp", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "dccp", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "dccp", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "th", "sport", BF_F_SPORT, 0, 16, 4 },
	{ "th", "dport", BF_F_DPORT, 0, 16, 4 },
	{ "icmp", "type", BF_F_ICMP, 8, 8, 4 },
	{ "icmp", "code", BF_F_ICMP, 0, 8, 4 },
	{ "icmpv6", "type", BF_F_ICMP, 8, 8, 4 },
	{ "icmpv6", "code", BF_F_ICMP, 0, 8, 4 },
};

/* Groups of header fields: their family, and protocol of layer 4. */
static const struct group {
	const char *name;
	uint8_t family;
	uint8_t proto;
} groups[] = {
	{ "ip", V4, 0 },
	{ "ip6", V6, 0 },
	{ "icmp", V4, IPPROTO_ICMP },
	{ "igmp", V4, IPPROTO_IGMP },
	{ "icmpv6", V6, IPPROTO_ICMPV6 },
	{ "tcp", 0, IPPROTO_TCP },
	{ "udp", 0, IPPROTO_UDP },
	{ "udplite", 0, IPPROTO_UDPLITE },
	{ "sctp", 0, IPPROTO_SCTP },
	{ "dccp", 0, IPPROTO_DCCP },
	{ "ah", 0, IPPROTO_AH },
	{ "esp", 0, IPPROTO_ESP },
	{ "comp", 0, IPPROTO_COMP },
	{ "th", 0, 0 },
};

/* Fields that stand in messages of these types only. */
static const struct typed {
	const char *group, *name;
	uint8_t lo, hi;     /* the types: these two, */
	bool both;          /* or all between */
} typed[] = {
	{ "icmp", "id", 0, 8, false },
	{ "icmp", "sequence", 0, 8, false },
	{ "icmp", "gateway", 5, 5, true },
	{ "icmp", "mtu", 3, 3, true },
	{ "icmpv6", "mtu", 2, 2, true },
	{ "icmpv6", "parameter-problem", 4, 4, true },
	{ "icmpv6", "id", 128, 129, true },
	{ "icmpv6", "sequence", 128, 129, true },
	{ "icmpv6", "max-delay", 130, 130, true },
};

static const struct {
	const char *name;
	uint8_t key, bits;
	uint32_t can;
} metas[] = {
	{ "length", BF_META_LENGTH, 32, BF_CAN_IP },
	{ "protocol", BF_META_PROTOCOL, 16, BF_CAN_IP },
	{ "priority", BF_META_PRIORITY, 32, BF_CAN_PRIORITY },
	{ "random", BF_META_RANDOM, 32, 0 },
	{ "cpu", BF_META_CPU, 32, 0 },
	{ "iif", BF_META_IIF, 32, BF_CAN_IIF },
	{ "oif", BF_META_OIF, 32, BF_CAN_OIF },
	{ "iiftype", BF_META_IIFTYPE, 16, BF_CAN_IP },
	{ "oiftype", BF_META_OIFTYPE, 16, BF_CAN_OIF },
	{ "iifgroup", BF_META_IIFGROUP, 32, BF_CAN_IIF },
	{ "oifgroup", BF_META_OIFGROUP, 32, BF_CAN_OIF },
	{ "iifkind", BF_META_IIFKIND, 128, BF_CAN_IIF },
	{ "oifkind", BF_META_OIFKIND, 128, BF_CAN_OIF },
	{ "sdif", BF_META_SDIF, 32, BF_CAN_IIF | BF_CAN_COMPANION },
	{ "ipsec", BF_META_IPSEC, 8, BF_CAN_MARK },
	{ "time", BF_META_TIME, 64, 0 },
	{ "day", BF_META_DAY, 8, 0 },
	{ "hour", BF_META_HOUR, 32, 0 },
	{ "rtclassid", BF_META_REALM, 32, BF_CAN_COMPANION },
	{ "comm", BF_META_COMM, 128, BF_CAN_COMM },
};

static const struct {
	const char *name;
	uint8_t key, bits;
} conns[] = {
	{ "mark", BF_CONN_MARK, 32 },         { "secmark", BF_CONN_SECMARK, 32 }, { "expiration", BF_CONN_EXPIRES, 32 },
	{ "l3proto", BF_CONN_FAMILY, 8 },     { "zone", BF_CONN_ZONE, 16 },       { "packets", BF_CONN_PACKETS, 64 },
	{ "bytes", BF_CONN_BYTES, 64 },       { "avgpkt", BF_CONN_AVERAGE, 64 },  { "label", BF_CONN_LABELS, 128 },
	{ "helper", BF_CONN_HELPER, 128 },
};

/* Addresses and ports of the connection, original and reply. */
static const struct {
	const char *sub, *name;
	enum bf_field_id field[2];
} sides[] = {
	{ "ip", "saddr", { BF_F_CT_ORIG_IP_SADDR, BF_F_CT_REPL_IP_SADDR } },
	{ "ip", "daddr", { BF_F_CT_ORIG_IP_DADDR, BF_F_CT_REPL_IP_DADDR } },
	{ "ip6", "saddr", { BF_F_CT_ORIG_IP6_SADDR, BF_F_CT_REPL_IP6_SADDR } },
	{ "ip6", "daddr", { BF_F_CT_ORIG_IP6_DADDR, BF_F_CT_REPL_IP6_DADDR } },
	{ NULL, "proto-src", { BF_F_CT_ORIG_SPORT, BF_F_CT_REPL_SPORT } },
	{ NULL, "proto-dst", { BF_F_CT_ORIG_DPORT, BF_F_CT_REPL_DPORT } },
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool named(const struct want *w, const char *name)
{
	return same(w->row->name, name);
}

static int refuse(const struct want *w, const char *why)
{
	*w->why = why;
	return -EOPNOTSUPP;
}

/* ---------------------------------------------------------- dependencies */

static int dep_ranges(struct want *w, const struct bf_field *f, bf_u128 mask, const struct bf_range *r, uint32_t n, bool neg)
{
	const struct bf_cond c = { .kind = BF_COND_FIELD, .field = f, .mask = mask ? mask : bf_field_ones(f), .ranges = r,
	                           .n_ranges = n, .neg = neg };
	const struct bf_cond *one = f ? bf_cond_intern(w->rs, &c) : NULL;

	if (!one)
		return -ENOMEM;
	if (w->out->n_deps == BF_NATIVE_DEPS)
		return -E2BIG;
	w->out->deps[w->out->n_deps++] = one;
	return 0;
}

static int dep_range(struct want *w, const struct bf_field *f, bf_u128 lo, bf_u128 hi)
{
	const struct bf_range r = { lo, hi };

	return dep_ranges(w, f, 0, &r, 1, false);
}

static int dep(struct want *w, enum bf_field_id f, bf_u128 v)
{
	return dep_range(w, &bf_fields[f], v, v);
}

/* The key is of packets of this family. */
static int dep_family(struct want *w, uint8_t family)
{
	if (!family || family == w->family)
		return 0;
	if (w->family == V4 || w->family == V6)
		return -EPROTO;
	return dep(w, BF_F_NFPROTO, family);
}

/* ---------------------------------------------------------------- fields */

static enum bf_vtype vtype(const struct want *w, unsigned bits)
{
	switch (bf_ntypes[w->row->type].form) {
	case BF_FORM_IPV4:
		return BF_VT_IPV4;
	case BF_FORM_IPV6:
		return BF_VT_IPV6;
	case BF_FORM_MAC:
		return BF_VT_MAC;
	case BF_FORM_STRING:
		return bits == 128 ? BF_VT_IFNAME : BF_VT_WIDE;
	default:
		return bits <= 32 ? BF_VT_INT : BF_VT_WIDE;
	}
}

/* A field of the ruleset's own. */
static const struct bf_field *own(struct want *w, const char *name, enum bf_loader loader, uint64_t arg, unsigned bits,
                                  enum bf_vtype type)
{
	const bool l4 = loader == BF_LOAD_TCP_OPTION || loader == BF_LOAD_CHUNK ||
	                (loader == BF_LOAD_PAYLOAD && (arg & 0xff) >= BF_BASE_TRANSPORT);
	const struct bf_field f = {
		.name = name,
		.bits = (uint8_t)bits,
		.type = type,
		.family = loader == BF_LOAD_EXTHDR ? V6 : loader == BF_LOAD_IP_OPTION ? V4 : 0,
		.word = (uint8_t)(BF_KEY_WORDS - (bits + 31) / 32),
		.loader = (int8_t)loader,
		.loader_arg = arg,
		.needs = loader == BF_LOAD_CONN              ? BF_NEED_CT :
		         loader == BF_LOAD_PICK && arg & 1 ? BF_NEED_ADDRS | BF_NEED_L4 | BF_NEED_PORTS : l4 ? BF_NEED_L4 : 0,
	};

	return bf_ruleset_field(w->rs, &f);
}

static int give(struct want *w, const struct bf_field *f, unsigned shift, unsigned bits, uint32_t can)
{
	w->out->field = f;
	w->out->shift = (uint8_t)shift;
	w->out->bits = (uint8_t)bits;
	w->out->can |= can;
	return f ? 0 : -ENOMEM;
}

static int give_known(struct want *w, enum bf_field_id f, uint32_t can)
{
	return give(w, &bf_fields[f], 0, bf_fields[f].bits, can);
}

/* A field under the key's own text. */
static int give_own(struct want *w, enum bf_loader loader, uint64_t arg, unsigned bits, uint32_t can)
{
	_cleanup_buf_ struct bf_buf name = { 0 };

	bf_native_print_expr(&name, w->e);
	if (name.err)
		return -ENOMEM;
	return give(w, own(w, name.data, loader, arg, bits, vtype(w, bits)), 0, bits, can);
}

static int give_bits(struct want *w, enum bf_loader loader, unsigned what, unsigned at, unsigned bits, uint32_t can)
{
	return give_own(w, loader, BF_LOAD_BITS(what, at, bits), bits ? bits : 1, can);
}

/* --------------------------------------------------------------- headers */

static const struct known *find_known(const struct want *w)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(known); i++)
		if (same(known[i].group, w->row->group) && !w->row->sub && named(w, known[i].name))
			return &known[i];
	return NULL;
}

/* Addresses, ports and the protocol are there for connections and system calls, too. */
static uint32_t can_of(const struct known *k)
{
	switch (k->field) {
	case BF_F_IP_SADDR:
	case BF_F_IP_DADDR:
	case BF_F_IP6_SADDR:
	case BF_F_IP6_DADDR:
	case BF_F_L4PROTO:
	case BF_F_SPORT:
	case BF_F_DPORT: return BF_CAN_TUPLE;
	default: return BF_CAN_IP;
	}
}

static const struct group *find_group(const struct want *w)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(groups); i++)
		if (same(groups[i].name, w->row->group))
			return &groups[i];
	return NULL;
}

/* A layer 4 header that the prologue has read: there, no later fragment's, long enough. */
static int dep_header(struct want *w, const struct group *g, unsigned bytes)
{
	int err = g->proto ? 0 : dep(w, BF_F_L4_BADEXT, 0);

	if (!err)
		err = dep(w, BF_F_L4_FRAG, 0);
	return err ? err : dep_range(w, &bf_fields[BF_F_L4_AVAIL], bytes, 0xffff);
}

static int give_network(struct want *w)
{
	const struct known *k = find_known(w);
	const struct group *g = find_group(w);
	int err;

	if (!g) { /* arp */
		if (w->family != NFPROTO_NETDEV)
			return -EPROTO;
		err = dep_range(w, own(w, "meta protocol", BF_LOAD_META, BF_META_PROTOCOL, 16, BF_VT_INT), ETH_P_ARP, ETH_P_ARP);
		return err ? err : give_bits(w, BF_LOAD_PAYLOAD, BF_BASE_NETWORK, w->row->off, w->row->bits, BF_CAN_LINK);
	}
	err = dep_family(w, g->family);
	if (err)
		return err;
	if (k)
		return give(w, &bf_fields[k->field], k->shift, k->bits, can_of(k));
	return give_bits(w, BF_LOAD_PAYLOAD, BF_BASE_NETWORK, w->row->off, w->row->bits, BF_CAN_IP);
}

/* The type of message in which this field stands. */
static int dep_type(struct want *w)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(typed); i++) {
		const struct typed *t = &typed[i];
		const struct bf_range both = { (bf_u128)t->lo << 8, (bf_u128)t->hi << 8 };
		const struct bf_range two[] = { { both.lo, both.lo }, { both.hi, both.hi } };
		int err;

		if (!same(t->group, w->row->group) || !named(w, t->name))
			continue;
		err = dep_range(w, &bf_fields[BF_F_L4_AVAIL], 4, 0xffff);
		return err ? err : dep_ranges(w, &bf_fields[BF_F_ICMP], 0xff00, t->both ? &both : two, t->both ? 1 : 2, false);
	}
	return 0;
}

static int give_transport(struct want *w)
{
	const struct known *k = find_known(w);
	const struct group *g = find_group(w);
	int err = dep_family(w, g->family);

	if (!err && g->proto)
		err = dep(w, BF_F_L4PROTO, g->proto);
	if (err)
		return err;
	if (k) {
		err = dep_header(w, g, k->bytes);
		return err ? err : give(w, &bf_fields[k->field], k->shift, k->bits, can_of(k));
	}
	err = dep_type(w);
	return err ? err : give_bits(w, BF_LOAD_PAYLOAD, BF_BASE_TRANSPORT, w->row->off, w->row->bits, BF_CAN_IP);
}

/* A tag of 802.1Q; one of 802.1ad for who says so (`ether type 8021ad vlan id 5`), as nft has it. */
static int dep_tag(struct want *w, const struct bf_field *type)
{
	static const struct bf_range tags[] = { { ETH_P_8021Q, ETH_P_8021Q }, { ETH_P_8021AD, ETH_P_8021AD } };
	const struct bf_cond any = { .kind = BF_COND_FIELD, .field = type, .mask = type ? bf_field_ones(type) : 0, .ranges = tags,
	                             .n_ranges = BF_ARRAY_SIZE(tags) };

	w->out->also = type ? bf_cond_intern(w->rs, &any) : NULL;
	return w->out->also ? dep_range(w, type, ETH_P_8021Q, ETH_P_8021Q) : -ENOMEM;
}

static int give_link(struct want *w)
{
	const struct bf_field *type = own(w, "meta iiftype", BF_LOAD_META, BF_META_IIFTYPE, 16, BF_VT_INT);
	const struct bf_field *ether = own(w, "ether type", BF_LOAD_PAYLOAD, BF_LOAD_BITS(BF_BASE_LINK, 96, 16), 16, BF_VT_INT);
	int err = dep_range(w, type, ARPHRD_ETHER, ARPHRD_ETHER);
	uint32_t can = BF_CAN_LINK;

	if (!err && same(w->row->group, "vlan")) {
		err = dep_tag(w, ether);
		can |= BF_CAN_VLAN;
	}
	return err ? err : give_bits(w, BF_LOAD_PAYLOAD, BF_BASE_LINK, w->row->off, w->row->bits, can);
}

static int give_raw(struct want *w)
{
	const struct bf_ast_key *m = w->more;
	unsigned base = m->base == 'l' ? BF_BASE_LINK : m->base == 'n' ? BF_BASE_NETWORK : m->base == 't' ? BF_BASE_TRANSPORT :
	                BF_BASE_INNER;

	if (!m->bits || m->bits > 128)
		return refuse(w, "more than 128 bits");
	return give_bits(w, BF_LOAD_PAYLOAD, base, m->at, m->bits, base == BF_BASE_LINK ? BF_CAN_LINK : BF_CAN_IP);
}

static int give_exthdr(struct want *w)
{
	bool indexed = w->row->flags & BF_NKF_INDEX; /* from 1 on */
	unsigned at = w->row->off + (indexed ? (w->more->index - 1) * 128 : 0);
	int err = dep_family(w, V6);

	if (indexed && !w->more->index)
		return refuse(w, "addresses are counted from 1 on");
	return err ? err : give_bits(w, BF_LOAD_EXTHDR, w->row->number, at, w->row->bits, BF_CAN_IP);
}

/* By number, and perhaps bits of it: tcp option @kind,at,bits */
static int give_tcp_option(struct want *w)
{
	bool numbered = same(w->row->sub, "#");

	return give_bits(w, BF_LOAD_TCP_OPTION, numbered ? w->more->index : w->row->number, numbered ? w->more->at : w->row->off,
	                 numbered ? w->more->bits : w->row->bits, BF_CAN_IP);
}

static int give_ip_option(struct want *w)
{
	int err = dep_family(w, V4);

	return err ? err : give_bits(w, BF_LOAD_IP_OPTION, w->row->number, w->row->off, w->row->bits, BF_CAN_IP);
}

/* ------------------------------------------------------------------ meta */

/* The kernel's own expressions, asked in front of the program (BF_CAN_COMPANION). */
static int give_asked(struct want *w, enum bf_assist_kind kind, unsigned what, unsigned flags, unsigned bits, uint32_t can)
{
	bool bytes = named(w, "oifname") || named(w, "sdifname") || named(w, "id"); /* in the packet's order */

	return give_own(w, BF_LOAD_ANSWER, BF_ASSIST_ARG(kind, what, flags, (bits + 31) / 32, bytes), bits,
	                can | BF_CAN_COMPANION);
}

static int give_fib(struct want *w)
{
	static const struct { const char *name; uint8_t result; } results[] = {
		{ "oif", NFT_FIB_RESULT_OIF }, { "oifname", NFT_FIB_RESULT_OIFNAME }, { "type", NFT_FIB_RESULT_ADDRTYPE },
	};
	unsigned fib = w->more->fib, addrs = fib & (BF_FIB_SADDR | BF_FIB_DADDR), ifs = fib & (BF_FIB_IIF | BF_FIB_OIF);
	bool type = named(w, "type");
	uint32_t can = !type || ifs == BF_FIB_IIF ? BF_CAN_FIB_IN : ifs ? BF_CAN_FIB_OUT : BF_CAN_FIB;

	_Static_assert((int)BF_FIB_SADDR == (int)NFTA_FIB_F_SADDR && (int)BF_FIB_OIF == (int)NFTA_FIB_F_OIF, "the kernel's");
	if (addrs != BF_FIB_SADDR && addrs != BF_FIB_DADDR)
		return refuse(w, "one address is looked up: saddr or daddr");
	if (ifs == (BF_FIB_IIF | BF_FIB_OIF) || (!type && ifs == BF_FIB_OIF))
		return refuse(w, type ? "either iif or oif" : "by which device: from daddr or saddr, mark and iif");
	for (size_t i = 0; i < BF_ARRAY_SIZE(results); i++)
		if (named(w, results[i].name))
			return give_asked(w, BF_ASSIST_FIB, results[i].result, fib, bf_nkey_bits(w->row), can);
	return refuse(w, NULL);
}

static int give_sk(struct want *w, enum bf_sk_key key, unsigned bits, uint32_t can)
{
	return give_own(w, BF_LOAD_SK, key | (uint64_t)w->more->index << 8, bits, can);
}

static int give_meta(struct want *w)
{
	if (named(w, "l4proto")) {
		int err = w->family == V4 ? 0 : dep(w, BF_F_L4_BADEXT, 0);

		return err ? err : give_known(w, BF_F_L4PROTO, BF_CAN_TUPLE);
	}
	if (named(w, "nfproto"))
		return give_known(w, BF_F_NFPROTO, 0);
	if (named(w, "mark"))
		return give_known(w, BF_F_MARK, BF_CAN_MARK);
	if (named(w, "iifname"))
		return give_known(w, BF_F_IIFNAME, BF_CAN_IIF);
	if (named(w, "oifname"))
		return give_known(w, BF_F_OIFNAME, BF_CAN_OIF);
	if (named(w, "pkttype"))
		return give_known(w, BF_F_PKTTYPE, BF_CAN_PKTTYPE);
	if (named(w, "skuid"))
		return give_known(w, BF_F_SKUID, BF_CAN_OWNER);
	if (named(w, "skgid"))
		return give_known(w, BF_F_SKGID, BF_CAN_OWNER);
	if (named(w, "cgroup"))
		return give_sk(w, BF_SK_CLASSID, 32, BF_CAN_CGROUP);
	if (named(w, "cgroupv2"))
		return give_sk(w, BF_SK_CGROUP, 64, BF_CAN_CGROUP);
	for (size_t i = 0; i < BF_ARRAY_SIZE(metas); i++)
		if (named(w, metas[i].name))
			return give_own(w, BF_LOAD_META, metas[i].key, metas[i].bits, metas[i].can);
	if (named(w, "sdifname") && w->hooks & ~(1u << BF_HOOK_INPUT | 1u << BF_HOOK_FORWARD))
		return refuse(w, "the kernel tells it at hooks input and forward; sdif can be had at prerouting, too");
	if (named(w, "sdifname"))
		return give_asked(w, BF_ASSIST_META, NFT_META_SDIFNAME, 0, 128, BF_CAN_FIB_IN);
	if (named(w, "secmark"))
		return refuse(w, "labels of packets are for the kernel's security modules: leave it to a table of nft's");
	if (named(w, "nftrace"))
		return refuse(w, "it can only be set");
	return refuse(w, w->row->name[0] == 'i' || w->row->name[0] == 'o' ? "of bridges only" : NULL);
}

static int give_rt(struct want *w)
{
	unsigned ip = same(w->row->sub, "ip") ? 4 : same(w->row->sub, "ip6") ? 6 : w->more->index;
	int err;

	if (named(w, "classid"))
		return give_own(w, BF_LOAD_META, BF_META_REALM, 32, BF_CAN_COMPANION);
	if (named(w, "ipsec"))
		return give_own(w, BF_LOAD_META, BF_META_XFRM, 1, BF_CAN_COMPANION);
	if (named(w, "mtu"))
		return give_asked(w, BF_ASSIST_RT, NFT_RT_TCPMSS, 0, 16, BF_CAN_FIB_OUT);
	if (!ip)
		ip = w->family == V6 ? 6 : 4;
	err = dep_family(w, ip == 6 ? V6 : V4);
	if (err)
		return err;
	return give_own(w, BF_LOAD_META, ip == 6 ? BF_META_NEXTHOP6 : BF_META_NEXTHOP4, ip == 6 ? 128 : 32, BF_CAN_COMPANION);
}

/* Where the packet comes from a socket, the program knows it; where it goes to one, nobody has looked for it yet. */
static int give_socket(struct want *w)
{
	static const struct { const char *name; uint8_t mine, nft, bits; } keys[] = {
		{ "transparent", BF_SK_TRANSPARENT, NFT_SOCKET_TRANSPARENT, 1 },
		{ "mark", BF_SK_MARK, NFT_SOCKET_MARK, 32 },
		{ "wildcard", BF_SK_WILDCARD, NFT_SOCKET_WILDCARD, 1 },
		{ "cgroupv2", BF_SK_ANCESTOR, NFT_SOCKET_CGROUPV2, 64 },
	};
	const uint32_t in = 1u << BF_HOOK_PREROUTING | 1u << BF_HOOK_INPUT, nft = in | 1u << BF_HOOK_OUTPUT;

	for (size_t i = 0; i < BF_ARRAY_SIZE(keys); i++) {
		if (!named(w, keys[i].name))
			continue;
		if (!(w->hooks & in))
			return give_sk(w, keys[i].mine, keys[i].bits, BF_CAN_SOCKET);
		if (w->hooks & ~nft)
			return refuse(w, "a chain that prerouting or input and other hooks than output lead to: make it two chains");
		return give_asked(w, BF_ASSIST_SOCKET, keys[i].nft, w->more->index, keys[i].bits, BF_CAN_SOCKET);
	}
	return refuse(w, NULL);
}

/* -------------------------------------------------------------------- ct */

static int give_side(struct want *w, const enum bf_field_id field[2])
{
	const struct bf_field *f = &bf_fields[field[w->more->dir == 2]];
	int err = dep_family(w, f->family);

	return err ? err : give(w, f, 0, f->bits, BF_CAN_CT);
}

/* Bits of a word that is 0 without a connection. */
static int give_tracked(struct want *w, enum bf_field_id f)
{
	int err = dep(w, BF_F_CT_NONE, 0);

	return err ? err : give_known(w, f, BF_CAN_CT);
}

static int give_ct(struct want *w)
{
	unsigned dir = w->more->dir ? w->more->dir - 1u : NO_DIR;

	if (named(w, "state"))
		return give_known(w, BF_F_CT_NFSTATE, BF_CAN_CT);
	if (named(w, "direction"))
		return give_tracked(w, BF_F_CT_REPLY);
	if (named(w, "status"))
		return give_tracked(w, BF_F_CT_STATUS);
	if (named(w, "protocol"))
		return give_known(w, BF_F_CT_PROTO, BF_CAN_CT);
	for (size_t i = 0; i < BF_ARRAY_SIZE(sides); i++)
		if (same(sides[i].sub, w->row->sub) && named(w, sides[i].name))
			return give_side(w, sides[i].field);
	for (size_t i = 0; i < BF_ARRAY_SIZE(conns); i++)
		if (named(w, conns[i].name))
			return give_own(w, BF_LOAD_CONN, conns[i].key | dir << 8, conns[i].bits, BF_CAN_CT);
	if (named(w, "id"))
		return give_asked(w, BF_ASSIST_CT, NFT_CT_ID, 0, 32, BF_CAN_CT);
	return refuse(w, NULL);
}

/* numgen random, symhash. The latter needs not be the kernel's hash, which has a secret key. */
static int give_pick(struct want *w)
{
	bool hash = w->row->class == BF_NK_SYMHASH;

	if (!hash && !w->more->random)
		return refuse(w, "a generator that counts stands in matches, maps and what is set");
	if (!w->more->mod || w->more->offset >> 31)
		return refuse(w, w->more->mod ? "its offset is 2147483647 at most" : "it counts to 0");
	return give_own(w, BF_LOAD_PICK, BF_PICK(w->more->mod, w->more->offset, hash), 32, hash ? BF_CAN_IP : 0);
}

static int give_key(struct want *w)
{
	switch (w->row->class) {
	case BF_NK_LL:
		return give_link(w);
	case BF_NK_NH:
		return give_network(w);
	case BF_NK_TH:
		return give_transport(w);
	case BF_NK_RAW:
		return give_raw(w);
	case BF_NK_EXTHDR:
		return give_exthdr(w);
	case BF_NK_TCPOPT:
		return give_tcp_option(w);
	case BF_NK_IPOPT:
		return give_ip_option(w);
	case BF_NK_CHUNK:
		return give_bits(w, BF_LOAD_CHUNK, w->row->number, w->row->off, w->row->bits, BF_CAN_IP);
	case BF_NK_META:
		return give_meta(w);
	case BF_NK_RT:
		return give_rt(w);
	case BF_NK_FIB:
		return give_fib(w);
	case BF_NK_SOCKET:
		return give_socket(w);
	case BF_NK_CT:
		return give_ct(w);
	case BF_NK_OSF:
		return refuse(w, "fingerprints of systems are not to be had by programs: leave it to a table of nft's");
	case BF_NK_IPSEC:
		return refuse(w, "transforms are not to be had by programs; whether there was or will be one, meta ipsec and rt ipsec "
		                 "say");
	case BF_NK_NUMGEN:
	case BF_NK_SYMHASH:
		return give_pick(w);
	case BF_NK_JHASH:
		return refuse(w, "it stands in matches, maps and what is set");
	default:
		return refuse(w, NULL);
	}
}

int bf_native_field(struct bf_ruleset *rs, const struct bf_ast_expr *e, uint8_t family, uint32_t hooks,
                    struct bf_native_key *out, const char **why)
{
	static const struct bf_ast_key none;
	struct want w = { .rs = rs, .e = e, .row = e->key.row, .more = e->key.more ? e->key.more : &none, .family = family,
	                  .hooks = hooks, .out = out, .why = why };

	*out = (struct bf_native_key){ 0 };
	*why = NULL;
	return give_key(&w);
}
