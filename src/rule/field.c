/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * field.c: the one table of packet fields (field.h). Word and shift are places
 * in the key (rt/abi.h); layouts: RFC 791, 8200, 793, 792, 4443, 768.
 */
#include "rule/field.h"

#include <linux/netfilter.h>

/* What the prologue fetches: family, word, shift, needs. */
#define KEY(fam, w, s, n) .family = (fam), .word = (w), .shift = (s), .loader = -1, .needs = (n)
/* What a LOAD cell fetches into the scratch words. */
#define LOADED(fam, l, a, n) .family = (fam), .word = BF_KEY_SCRATCH, .loader = (l), .loader_arg = (a), .needs = (n)

enum { V4 = NFPROTO_IPV4, V6 = NFPROTO_IPV6, L4 = BF_NEED_L4 };

const struct bf_field bf_fields[BF_FIELDS] = {
	[BF_F_IP_SADDR] = { "ip saddr", 32, BF_VT_IPV4, KEY(V4, BF_KEY_SADDR, 0, BF_NEED_ADDRS) },
	[BF_F_IP_DADDR] = { "ip daddr", 32, BF_VT_IPV4, KEY(V4, BF_KEY_DADDR, 0, BF_NEED_ADDRS) },
	[BF_F_IP_TTL] = { "ip ttl", 8, BF_VT_INT, KEY(V4, BF_KEY_META, 8, BF_NEED_IPHDR) },
	[BF_F_IP_TOS] = { "ip tos", 8, BF_VT_INT, KEY(V4, BF_KEY_META, 16, BF_NEED_IPHDR) },
	[BF_F_IP_LENGTH] = { "ip length", 32, BF_VT_INT, KEY(V4, BF_KEY_LEN, 0, BF_NEED_IPHDR) },
	[BF_F_IP_FRAG] = { "ip frag", 1, BF_VT_BOOL, KEY(V4, BF_KEY_ODD, 16, L4) },
	[BF_F_IP6_SADDR] = { "ip6 saddr", 128, BF_VT_IPV6, KEY(V6, BF_KEY_SADDR, 0, BF_NEED_ADDRS) },
	[BF_F_IP6_DADDR] = { "ip6 daddr", 128, BF_VT_IPV6, KEY(V6, BF_KEY_DADDR, 0, BF_NEED_ADDRS) },
	[BF_F_IP6_HOPLIMIT] = { "ip6 hoplimit", 8, BF_VT_INT, KEY(V6, BF_KEY_META, 8, BF_NEED_IPHDR) },
	[BF_F_IP6_TCLASS] = { "ip6 tclass", 8, BF_VT_INT, KEY(V6, BF_KEY_META, 16, BF_NEED_IPHDR) },
	[BF_F_IP6_LENGTH] = { "meta length", 32, BF_VT_INT, KEY(V6, BF_KEY_LEN, 0, BF_NEED_IPHDR) },
	[BF_F_L4PROTO] = { "meta l4proto", 8, BF_VT_PROTO, KEY(0, BF_KEY_META, 0, L4) },
	[BF_F_SPORT] = { "th sport", 16, BF_VT_PORT, KEY(0, BF_KEY_PORTS, 16, L4 | BF_NEED_PORTS) },
	[BF_F_DPORT] = { "th dport", 16, BF_VT_PORT, KEY(0, BF_KEY_PORTS, 0, L4 | BF_NEED_PORTS) },
	[BF_F_TCP_FLAGS] = { "tcp flags", 8, BF_VT_TCPFLAGS, KEY(0, BF_KEY_L4INFO, 16, L4 | BF_NEED_L4INFO) },
	[BF_F_ICMP] = { "icmp typecode", 16, BF_VT_INT, KEY(0, BF_KEY_L4INFO, 0, L4 | BF_NEED_L4INFO) },
	[BF_F_PKTTYPE] = { "meta pkttype", 3, BF_VT_PKTTYPE, KEY(0, BF_KEY_META, 24, BF_NEED_PKTTYPE) },
	[BF_F_MARK] = { "meta mark", 32, BF_VT_HEX, KEY(0, BF_KEY_MARK, 0, BF_NEED_MARK) },
	[BF_F_IIFNAME] = { "meta iifname", 128, BF_VT_IFNAME, KEY(0, BF_KEY_IIFNAME, 0, BF_NEED_IIFNAME) },
	[BF_F_OIFNAME] = { "meta oifname", 128, BF_VT_IFNAME, KEY(0, BF_KEY_OIFNAME, 0, BF_NEED_OIFNAME) },
	[BF_F_CT_STATE] = { "ct state", 16, BF_VT_CTSTATE, KEY(0, BF_KEY_CTSTATE, 0, BF_NEED_CT) },
	[BF_F_CT_NFSTATE] = { "ct nfstate", 8, BF_VT_INT, KEY(0, BF_KEY_CTSTATE, BF_CT_NFT, BF_NEED_CT) },
	[BF_F_CT_NONE] = { "ct none", 1, BF_VT_BOOL, KEY(0, BF_KEY_CTSTATE, 16, BF_NEED_CT) },
	[BF_F_CT_REPLY] = { "ct reply", 1, BF_VT_BOOL, KEY(0, BF_KEY_CTSTATE, 17, BF_NEED_CT) },
	[BF_F_CT_STATUS] = { "ct status", 32, BF_VT_CTSTATUS, KEY(0, BF_KEY_CTSTATUS, 0, BF_NEED_CT) },
	[BF_F_CT_PROTO] = { "ct protocol", 8, BF_VT_PROTO, LOADED(0, BF_LOAD_CT_PROTO, 0, BF_NEED_CT) },
	[BF_F_CT_EXPIRES] = { "ct expiration", 32, BF_VT_INT, LOADED(0, BF_LOAD_CT_EXPIRES, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_IP_SADDR] = { "ct original ip saddr", 32, BF_VT_IPV4, LOADED(V4, BF_LOAD_CT_SRC, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_IP_DADDR] = { "ct original ip daddr", 32, BF_VT_IPV4, LOADED(V4, BF_LOAD_CT_DST, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_IP6_SADDR] = { "ct original ip6 saddr", 128, BF_VT_IPV6, LOADED(V6, BF_LOAD_CT_SRC, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_IP6_DADDR] = { "ct original ip6 daddr", 128, BF_VT_IPV6, LOADED(V6, BF_LOAD_CT_DST, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_SPORT] = { "ct original proto-src", 16, BF_VT_PORT, LOADED(0, BF_LOAD_CT_SPORT, 0, BF_NEED_CT) },
	[BF_F_CT_ORIG_DPORT] = { "ct original proto-dst", 16, BF_VT_PORT, LOADED(0, BF_LOAD_CT_DPORT, 0, BF_NEED_CT) },
	[BF_F_CT_REPL_IP_SADDR] = { "ct reply ip saddr", 32, BF_VT_IPV4, LOADED(V4, BF_LOAD_CT_SRC, 1, BF_NEED_CT) },
	[BF_F_CT_REPL_IP_DADDR] = { "ct reply ip daddr", 32, BF_VT_IPV4, LOADED(V4, BF_LOAD_CT_DST, 1, BF_NEED_CT) },
	[BF_F_CT_REPL_IP6_SADDR] = { "ct reply ip6 saddr", 128, BF_VT_IPV6, LOADED(V6, BF_LOAD_CT_SRC, 1, BF_NEED_CT) },
	[BF_F_CT_REPL_IP6_DADDR] = { "ct reply ip6 daddr", 128, BF_VT_IPV6, LOADED(V6, BF_LOAD_CT_DST, 1, BF_NEED_CT) },
	[BF_F_CT_REPL_SPORT] = { "ct reply proto-src", 16, BF_VT_PORT, LOADED(0, BF_LOAD_CT_SPORT, 1, BF_NEED_CT) },
	[BF_F_CT_REPL_DPORT] = { "ct reply proto-dst", 16, BF_VT_PORT, LOADED(0, BF_LOAD_CT_DPORT, 1, BF_NEED_CT) },
	[BF_F_SKUID] = { "meta skuid", 32, BF_VT_INT, LOADED(0, BF_LOAD_SKUID, 0, 0) },
	[BF_F_SKGID] = { "meta skgid", 32, BF_VT_INT, LOADED(0, BF_LOAD_SKGID, 0, 0) },
	[BF_F_SOCKET] = { "socket state", 2, BF_VT_INT, LOADED(0, BF_LOAD_SOCKET, 0, 0) },
	[BF_F_ETHER_SADDR] = { "ether saddr", 48, BF_VT_MAC, LOADED(0, BF_LOAD_ETHER_SADDR, 0, 0) },
	[BF_F_TCP_MSS] = { "tcp option maxseg size", 16, BF_VT_INT, LOADED(0, BF_LOAD_TCP_MSS, 0, L4) },
	[BF_F_L4_AVAIL] = { "th available", 16, BF_VT_INT, KEY(0, BF_KEY_ODD, 0, L4) },
	[BF_F_L4_FRAG] = { "th fragment", 1, BF_VT_BOOL, KEY(0, BF_KEY_ODD, 16, L4) },
	[BF_F_L4_FRAG1] = { "th fragment-one", 1, BF_VT_BOOL, KEY(0, BF_KEY_ODD, 17, L4) },
	[BF_F_L4_BADEXT] = { "exthdr broken", 1, BF_VT_BOOL, KEY(0, BF_KEY_ODD, 18, L4) },
	[BF_F_NFPROTO] = { "meta nfproto", 8, BF_VT_INT, .fixed = true, KEY(0, BF_KEY_ZERO, 0, 0) },
};

const struct bf_field bf_field_found = { "map value", 32, BF_VT_HEX, KEY(0, BF_KEY_SCRATCH, 0, 0) };
const struct bf_field bf_field_made = { "number made", 32, BF_VT_INT, LOADED(0, BF_LOAD_MADE, 0, 0) };

const struct bf_field *bf_field_find(const char *name)
{
	for (size_t i = 0; i < BF_FIELDS; i++)
		if (!strcmp(bf_fields[i].name, name))
			return &bf_fields[i];
	return NULL;
}

bf_u128 bf_field_ones(const struct bf_field *f)
{
	return f->bits == 128 ? ~(bf_u128)0 : ((bf_u128)1 << f->bits) - 1;
}
