/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keys.c: the tables of names (keys.h). Layouts: RFC 791, 8200, 792, 4443,
 * 3376, 9293, 768, 3828, 9260, 4340, 4302, 4303, 3173, 6275, 8754, 826, 802.1Q.
 * Groups stand together; a new field is a row.
 */
#include "front/native/keys.h"

#include <linux/netfilter.h>

#define PROTO_ROW(cls, t, o, b) .class = (cls), .type = (t), .off = (o), .bits = (b)
#define LL(t, o, b) PROTO_ROW(BF_NK_LL, t, o, b)
#define NH(t, o, b) PROTO_ROW(BF_NK_NH, t, o, b)
#define TH(t, o, b) PROTO_ROW(BF_NK_TH, t, o, b)
#define EXT(h, t, o, b) PROTO_ROW(BF_NK_EXTHDR, t, o, b), .number = (h)
#define OPT(n, t, o, b) PROTO_ROW(BF_NK_TCPOPT, t, o, b), .number = (n)
#define IPO(n, t, o, b) PROTO_ROW(BF_NK_IPOPT, t, o, b), .number = (n)
#define CHK(n, t, o, b) PROTO_ROW(BF_NK_CHUNK, t, o, b), .number = (n)
#define META(t, b, f) .class = BF_NK_META, .type = (t), .bits = (b), .flags = (f)
#define CT(t, b, f) .class = BF_NK_CT, .type = (t), .bits = (b), .flags = (f)
#define OTHER(cls, t, b, f) .class = (cls), .type = (t), .bits = (b), .flags = (f)
#define N(n) NULL, n

enum { BARE = BF_NKF_BARE, SHORT = BF_NKF_BARE | BF_NKF_SHORT, SETS = BF_NKF_SET, WRITE = BF_NKF_SET | BF_NKF_WRITE,
       DIR = BF_NKF_DIR, MAYDIR = BF_NKF_MAYDIR, OURS = BF_NKF_OURS };
enum { HBH = 0, RTH = 43, FRAG = 44, DST = 60, MH = 135 }; /* IPv6 extension headers */

const struct bf_nkey bf_nkeys[] = {
	{ "ether", N("daddr"), LL(BF_T_ETHER, 0, 48) },
	{ "ether", N("saddr"), LL(BF_T_ETHER, 48, 48) },
	{ "ether", N("type"), LL(BF_T_ETHERTYPE, 96, 16) },

	{ "vlan", N("pcp"), LL(BF_T_INT, 112, 3) },
	{ "vlan", N("dei"), LL(BF_T_INT, 115, 1) },
	{ "vlan", N("cfi"), LL(BF_T_INT, 115, 1), .same = "dei" },
	{ "vlan", N("id"), LL(BF_T_INT, 116, 12) },
	{ "vlan", N("type"), LL(BF_T_ETHERTYPE, 128, 16) },

	{ "arp", N("htype"), NH(BF_T_INT, 0, 16) },
	{ "arp", N("ptype"), NH(BF_T_ETHERTYPE, 16, 16) },
	{ "arp", N("hlen"), NH(BF_T_INT, 32, 8) },
	{ "arp", N("plen"), NH(BF_T_INT, 40, 8) },
	{ "arp", N("operation"), NH(BF_T_ARPOP, 48, 16) },
	{ "arp", "saddr", "ether", NH(BF_T_ETHER, 64, 48) },
	{ "arp", "saddr", "ip", NH(BF_T_IPV4, 112, 32) },
	{ "arp", "daddr", "ether", NH(BF_T_ETHER, 144, 48) },
	{ "arp", "daddr", "ip", NH(BF_T_IPV4, 192, 32) },

	{ "ip", N("saddr"), NH(BF_T_IPV4, 96, 32) },
	{ "ip", N("daddr"), NH(BF_T_IPV4, 128, 32) },
	{ "ip", N("protocol"), NH(BF_T_PROTO, 72, 8) },
	{ "ip", N("version"), NH(BF_T_INT, 0, 4) },
	{ "ip", N("hdrlength"), NH(BF_T_INT, 4, 4) },
	{ "ip", N("dscp"), NH(BF_T_DSCP, 8, 6) },
	{ "ip", N("ecn"), NH(BF_T_ECN, 14, 2) },
	{ "ip", N("length"), NH(BF_T_INT, 16, 16) },
	{ "ip", N("id"), NH(BF_T_INT, 32, 16) },
	{ "ip", N("frag-off"), NH(BF_T_INT, 48, 16) },
	{ "ip", N("ttl"), NH(BF_T_INT, 64, 8) },
	{ "ip", N("checksum"), NH(BF_T_INT, 80, 16) },

	{ "ip option", "lsrr", "type", IPO(131, BF_T_INT, 0, 8) },
	{ "ip option", "lsrr", "length", IPO(131, BF_T_INT, 8, 8) },
	{ "ip option", "lsrr", "ptr", IPO(131, BF_T_INT, 16, 8) },
	{ "ip option", "lsrr", "addr", IPO(131, BF_T_INT, 24, 32) },
	{ "ip option", "lsrr", NULL, IPO(131, BF_T_BOOL, 0, 0) },
	{ "ip option", "rr", "type", IPO(7, BF_T_INT, 0, 8) },
	{ "ip option", "rr", "length", IPO(7, BF_T_INT, 8, 8) },
	{ "ip option", "rr", "ptr", IPO(7, BF_T_INT, 16, 8) },
	{ "ip option", "rr", "addr", IPO(7, BF_T_INT, 24, 32) },
	{ "ip option", "rr", NULL, IPO(7, BF_T_BOOL, 0, 0) },
	{ "ip option", "ssrr", "type", IPO(137, BF_T_INT, 0, 8) },
	{ "ip option", "ssrr", "length", IPO(137, BF_T_INT, 8, 8) },
	{ "ip option", "ssrr", "ptr", IPO(137, BF_T_INT, 16, 8) },
	{ "ip option", "ssrr", "addr", IPO(137, BF_T_INT, 24, 32) },
	{ "ip option", "ssrr", NULL, IPO(137, BF_T_BOOL, 0, 0) },
	{ "ip option", "ra", "type", IPO(148, BF_T_INT, 0, 8) },
	{ "ip option", "ra", "length", IPO(148, BF_T_INT, 8, 8) },
	{ "ip option", "ra", "value", IPO(148, BF_T_INT, 16, 16) },
	{ "ip option", "ra", NULL, IPO(148, BF_T_BOOL, 0, 0) },

	{ "ip6", N("saddr"), NH(BF_T_IPV6, 64, 128) },
	{ "ip6", N("daddr"), NH(BF_T_IPV6, 192, 128) },
	{ "ip6", N("nexthdr"), NH(BF_T_PROTO, 48, 8) },
	{ "ip6", N("hoplimit"), NH(BF_T_INT, 56, 8) },
	{ "ip6", N("version"), NH(BF_T_INT, 0, 4) },
	{ "ip6", N("dscp"), NH(BF_T_DSCP, 4, 6) },
	{ "ip6", N("ecn"), NH(BF_T_ECN, 10, 2) },
	{ "ip6", N("flowlabel"), NH(BF_T_INT, 12, 20) },
	{ "ip6", N("length"), NH(BF_T_INT, 32, 16) },

	{ "icmp", N("type"), TH(BF_T_ICMPTYPE, 0, 8) },
	{ "icmp", N("code"), TH(BF_T_ICMPCODE, 8, 8) },
	{ "icmp", N("checksum"), TH(BF_T_INT, 16, 16) },
	{ "icmp", N("id"), TH(BF_T_INT, 32, 16) },
	{ "icmp", N("sequence"), TH(BF_T_INT, 48, 16) },
	{ "icmp", N("gateway"), TH(BF_T_INT, 32, 32) },
	{ "icmp", N("mtu"), TH(BF_T_INT, 48, 16) },

	{ "igmp", N("type"), TH(BF_T_IGMPTYPE, 0, 8) },
	{ "igmp", N("mrt"), TH(BF_T_INT, 8, 8) },
	{ "igmp", N("checksum"), TH(BF_T_INT, 16, 16) },
	{ "igmp", N("group"), TH(BF_T_INT, 32, 32) },

	{ "icmpv6", N("type"), TH(BF_T_ICMP6TYPE, 0, 8) },
	{ "icmpv6", N("code"), TH(BF_T_ICMP6CODE, 8, 8) },
	{ "icmpv6", N("checksum"), TH(BF_T_INT, 16, 16) },
	{ "icmpv6", N("parameter-problem"), TH(BF_T_INT, 32, 32) },
	{ "icmpv6", N("packet-too-big"), TH(BF_T_INT, 32, 32), .same = "mtu" },
	{ "icmpv6", N("mtu"), TH(BF_T_INT, 32, 32) },
	{ "icmpv6", N("id"), TH(BF_T_INT, 32, 16) },
	{ "icmpv6", N("sequence"), TH(BF_T_INT, 48, 16) },
	{ "icmpv6", N("max-delay"), TH(BF_T_INT, 32, 16) },

	{ "tcp", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "tcp", N("dport"), TH(BF_T_SERVICE, 16, 16) },
	{ "tcp", N("flags"), TH(BF_T_TCPFLAG, 104, 8) },
	{ "tcp", N("sequence"), TH(BF_T_INT, 32, 32) },
	{ "tcp", N("ackseq"), TH(BF_T_INT, 64, 32) },
	{ "tcp", N("doff"), TH(BF_T_INT, 96, 4) },
	{ "tcp", N("reserved"), TH(BF_T_INT, 100, 4) },
	{ "tcp", N("window"), TH(BF_T_INT, 112, 16) },
	{ "tcp", N("checksum"), TH(BF_T_INT, 128, 16) },
	{ "tcp", N("urgptr"), TH(BF_T_INT, 144, 16) },

	{ "tcp option", "eol", NULL, OPT(0, BF_T_BOOL, 0, 0) },
	{ "tcp option", "nop", NULL, OPT(1, BF_T_BOOL, 0, 0) },
	{ "tcp option", "maxseg", "length", OPT(2, BF_T_INT, 8, 8) },
	{ "tcp option", "maxseg", "size", OPT(2, BF_T_INT, 16, 16) },
	{ "tcp option", "maxseg", NULL, OPT(2, BF_T_BOOL, 0, 0) },
	{ "tcp option", "mss", NULL, .same = "maxseg" },
	{ "tcp option", "window", "length", OPT(3, BF_T_INT, 8, 8) },
	{ "tcp option", "window", "count", OPT(3, BF_T_INT, 16, 8) },
	{ "tcp option", "window", NULL, OPT(3, BF_T_BOOL, 0, 0) },
	{ "tcp option", "sack-perm", "length", OPT(4, BF_T_INT, 8, 8) },
	{ "tcp option", "sack-perm", NULL, OPT(4, BF_T_BOOL, 0, 0) },
	{ "tcp option", "sack-permitted", NULL, .same = "sack-perm" },
	{ "tcp option", "sack", "length", OPT(5, BF_T_INT, 8, 8) },
	{ "tcp option", "sack", "left", OPT(5, BF_T_INT, 16, 32) },
	{ "tcp option", "sack", "right", OPT(5, BF_T_INT, 48, 32) },
	{ "tcp option", "sack", NULL, OPT(5, BF_T_BOOL, 0, 0) },
	{ "tcp option", "sack0", NULL, .same = "sack" },
	{ "tcp option", "sack1", "left", OPT(5, BF_T_INT, 80, 32) },
	{ "tcp option", "sack1", "right", OPT(5, BF_T_INT, 112, 32) },
	{ "tcp option", "sack2", "left", OPT(5, BF_T_INT, 144, 32) },
	{ "tcp option", "sack2", "right", OPT(5, BF_T_INT, 176, 32) },
	{ "tcp option", "sack3", "left", OPT(5, BF_T_INT, 208, 32) },
	{ "tcp option", "sack3", "right", OPT(5, BF_T_INT, 240, 32) },
	{ "tcp option", "timestamp", "length", OPT(8, BF_T_INT, 8, 8) },
	{ "tcp option", "timestamp", "tsval", OPT(8, BF_T_INT, 16, 32) },
	{ "tcp option", "timestamp", "tsecr", OPT(8, BF_T_INT, 48, 32) },
	{ "tcp option", "timestamp", NULL, OPT(8, BF_T_BOOL, 0, 0) },
	{ "tcp option", "echo", NULL, .same = "timestamp" }, /* to nft */
	{ "tcp option", "md5sig", "length", OPT(19, BF_T_INT, 8, 8) },
	{ "tcp option", "md5sig", NULL, OPT(19, BF_T_BOOL, 0, 0) },
	{ "tcp option", "mptcp", "length", OPT(30, BF_T_INT, 8, 8) },
	{ "tcp option", "mptcp", "subtype", OPT(30, BF_T_INT, 16, 4) },
	{ "tcp option", "mptcp", NULL, OPT(30, BF_T_BOOL, 0, 0) },
	{ "tcp option", "fastopen", "length", OPT(34, BF_T_INT, 8, 8) },
	{ "tcp option", "fastopen", NULL, OPT(34, BF_T_BOOL, 0, 0) },
	{ "tcp option", "#", NULL, OPT(0, BF_T_BOOL, 0, 0) }, /* by number */

	{ "udp", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "udp", N("dport"), TH(BF_T_SERVICE, 16, 16) },
	{ "udp", N("length"), TH(BF_T_INT, 32, 16) },
	{ "udp", N("checksum"), TH(BF_T_INT, 48, 16) },

	{ "udplite", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "udplite", N("dport"), TH(BF_T_SERVICE, 16, 16) },
	{ "udplite", N("csumcov"), TH(BF_T_INT, 32, 16) },
	{ "udplite", N("checksum"), TH(BF_T_INT, 48, 16) },

	{ "sctp", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "sctp", N("dport"), TH(BF_T_SERVICE, 16, 16) },
	{ "sctp", N("vtag"), TH(BF_T_INT, 32, 32) },
	{ "sctp", N("checksum"), TH(BF_T_INT, 64, 32) },

#define CHUNK(name, n)                                                    \
	{ "sctp chunk", name, "type", CHK(n, BF_T_INT, 0, 8) },               \
	{ "sctp chunk", name, "flags", CHK(n, BF_T_INT, 8, 8) },              \
	{ "sctp chunk", name, "length", CHK(n, BF_T_INT, 16, 16) },           \
	{ "sctp chunk", name, NULL, CHK(n, BF_T_BOOL, 0, 0) }
	CHUNK("data", 0), CHUNK("init", 1), CHUNK("init-ack", 2), CHUNK("sack", 3), CHUNK("heartbeat", 4),
	CHUNK("heartbeat-ack", 5), CHUNK("abort", 6), CHUNK("shutdown", 7), CHUNK("shutdown-ack", 8), CHUNK("error", 9),
	CHUNK("cookie-echo", 10), CHUNK("cookie-ack", 11), CHUNK("ecne", 12), CHUNK("cwr", 13),
	CHUNK("shutdown-complete", 14), CHUNK("asconf-ack", 128), CHUNK("forward-tsn", 192), CHUNK("asconf", 193),
#undef CHUNK
	{ "sctp chunk", "data", "tsn", CHK(0, BF_T_INT, 32, 32) },
	{ "sctp chunk", "data", "stream", CHK(0, BF_T_INT, 64, 16) },
	{ "sctp chunk", "data", "ssn", CHK(0, BF_T_INT, 80, 16) },
	{ "sctp chunk", "data", "ppid", CHK(0, BF_T_INT, 96, 32) },
	{ "sctp chunk", "init", "init-tag", CHK(1, BF_T_INT, 32, 32) },
	{ "sctp chunk", "init", "a-rwnd", CHK(1, BF_T_INT, 64, 32) },
	{ "sctp chunk", "init", "num-outbound-streams", CHK(1, BF_T_INT, 96, 16) },
	{ "sctp chunk", "init", "num-inbound-streams", CHK(1, BF_T_INT, 112, 16) },
	{ "sctp chunk", "init", "initial-tsn", CHK(1, BF_T_INT, 128, 32) },
	{ "sctp chunk", "init-ack", "init-tag", CHK(2, BF_T_INT, 32, 32) },
	{ "sctp chunk", "init-ack", "a-rwnd", CHK(2, BF_T_INT, 64, 32) },
	{ "sctp chunk", "init-ack", "num-outbound-streams", CHK(2, BF_T_INT, 96, 16) },
	{ "sctp chunk", "init-ack", "num-inbound-streams", CHK(2, BF_T_INT, 112, 16) },
	{ "sctp chunk", "init-ack", "initial-tsn", CHK(2, BF_T_INT, 128, 32) },
	{ "sctp chunk", "sack", "cum-tsn-ack", CHK(3, BF_T_INT, 32, 32) },
	{ "sctp chunk", "sack", "a-rwnd", CHK(3, BF_T_INT, 64, 32) },
	{ "sctp chunk", "sack", "num-gap-ack-blocks", CHK(3, BF_T_INT, 96, 16) },
	{ "sctp chunk", "sack", "num-dup-tsns", CHK(3, BF_T_INT, 112, 16) },
	{ "sctp chunk", "shutdown", "cum-tsn-ack", CHK(7, BF_T_INT, 32, 32) },
	{ "sctp chunk", "ecne", "lowest-tsn", CHK(12, BF_T_INT, 32, 32) },
	{ "sctp chunk", "cwr", "lowest-tsn", CHK(13, BF_T_INT, 32, 32) },
	{ "sctp chunk", "asconf-ack", "seqno", CHK(128, BF_T_INT, 32, 32) },
	{ "sctp chunk", "forward-tsn", "new-cum-tsn", CHK(192, BF_T_INT, 32, 32) },
	{ "sctp chunk", "asconf", "seqno", CHK(193, BF_T_INT, 32, 32) },

	{ "dccp", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "dccp", N("dport"), TH(BF_T_SERVICE, 16, 16) },
	{ "dccp", N("type"), TH(BF_T_DCCPTYPE, 67, 4) },

	{ "ah", N("nexthdr"), TH(BF_T_PROTO, 0, 8) },
	{ "ah", N("hdrlength"), TH(BF_T_INT, 8, 8) },
	{ "ah", N("reserved"), TH(BF_T_INT, 16, 16) },
	{ "ah", N("spi"), TH(BF_T_INT, 32, 32) },
	{ "ah", N("sequence"), TH(BF_T_INT, 64, 32) },

	{ "esp", N("spi"), TH(BF_T_INT, 0, 32) },
	{ "esp", N("sequence"), TH(BF_T_INT, 32, 32) },

	{ "comp", N("nexthdr"), TH(BF_T_PROTO, 0, 8) },
	{ "comp", N("flags"), TH(BF_T_BITMASK, 8, 8) },
	{ "comp", N("cpi"), TH(BF_T_INT, 16, 16) },

	{ "th", N("sport"), TH(BF_T_SERVICE, 0, 16) },
	{ "th", N("dport"), TH(BF_T_SERVICE, 16, 16) },

	{ "hbh", N("nexthdr"), EXT(HBH, BF_T_PROTO, 0, 8) },
	{ "hbh", N("hdrlength"), EXT(HBH, BF_T_INT, 8, 8) },

	{ "rt", N("nexthdr"), EXT(RTH, BF_T_PROTO, 0, 8) },
	{ "rt", N("hdrlength"), EXT(RTH, BF_T_INT, 8, 8) },
	{ "rt", N("type"), EXT(RTH, BF_T_INT, 16, 8) },
	{ "rt", N("seg-left"), EXT(RTH, BF_T_INT, 24, 8) },
	{ "rt", N("classid"), OTHER(BF_NK_RT, BF_T_REALM, 32, 0) },
	{ "rt", N("nexthop"), OTHER(BF_NK_RT, BF_T_IPV4, 32, 0) },
	{ "rt", "ip", "nexthop", OTHER(BF_NK_RT, BF_T_IPV4, 32, 0) },
	{ "rt", "ip6", "nexthop", OTHER(BF_NK_RT, BF_T_IPV6, 128, 0) },
	{ "rt", N("mtu"), OTHER(BF_NK_RT, BF_T_INT, 16, 0) },
	{ "rt", N("ipsec"), OTHER(BF_NK_RT, BF_T_BOOL, 8, 0) },
	{ "rt0", N("addr"), EXT(RTH, BF_T_IPV6, 64, 128), .flags = BF_NKF_INDEX },

	{ "frag", N("nexthdr"), EXT(FRAG, BF_T_PROTO, 0, 8) },
	{ "frag", N("reserved"), EXT(FRAG, BF_T_INT, 8, 8) },
	{ "frag", N("frag-off"), EXT(FRAG, BF_T_INT, 16, 13) },
	{ "frag", N("reserved2"), EXT(FRAG, BF_T_INT, 29, 2) },
	{ "frag", N("more-fragments"), EXT(FRAG, BF_T_INT, 31, 1) },
	{ "frag", N("id"), EXT(FRAG, BF_T_INT, 32, 32) },

	{ "dst", N("nexthdr"), EXT(DST, BF_T_PROTO, 0, 8) },
	{ "dst", N("hdrlength"), EXT(DST, BF_T_INT, 8, 8) },

	{ "mh", N("nexthdr"), EXT(MH, BF_T_PROTO, 0, 8) },
	{ "mh", N("hdrlength"), EXT(MH, BF_T_INT, 8, 8) },
	{ "mh", N("type"), EXT(MH, BF_T_MHTYPE, 16, 8) },
	{ "mh", N("reserved"), EXT(MH, BF_T_INT, 24, 8) },
	{ "mh", N("checksum"), EXT(MH, BF_T_INT, 32, 16) },

	{ "srh", N("last-entry"), EXT(RTH, BF_T_INT, 32, 8) },
	{ "srh", N("flags"), EXT(RTH, BF_T_INT, 40, 8) },
	{ "srh", N("tag"), EXT(RTH, BF_T_INT, 48, 16) },
	{ "srh", N("sid"), EXT(RTH, BF_T_IPV6, 64, 128), .flags = BF_NKF_INDEX },
	{ "srh", N("seg-left"), EXT(RTH, BF_T_INT, 24, 8) },

	{ "exthdr", "hbh", NULL, EXT(HBH, BF_T_BOOL, 0, 0) },
	{ "exthdr", "rt", NULL, EXT(RTH, BF_T_BOOL, 0, 0) },
	{ "exthdr", "frag", NULL, EXT(FRAG, BF_T_BOOL, 0, 0) },
	{ "exthdr", "dst", NULL, EXT(DST, BF_T_BOOL, 0, 0) },
	{ "exthdr", "mh", NULL, EXT(MH, BF_T_BOOL, 0, 0) },

	{ "meta", N("l4proto"), META(BF_T_PROTO, 8, 0) },
	{ "meta", N("nfproto"), META(BF_T_NFPROTO, 8, 0) },
	{ "meta", N("protocol"), META(BF_T_ETHERTYPE, 16, 0) },
	{ "meta", N("length"), META(BF_T_INT, 32, 0) },
	{ "meta", N("priority"), META(BF_T_CLASSID, 32, SETS) },
	{ "meta", N("random"), META(BF_T_INT, 32, 0) },
	{ "meta", N("secpath"), META(BF_T_BOOL, 8, 0), .same = "ipsec" },
	{ "meta", N("mark"), META(BF_T_MARK, 32, BARE | SETS) },
	{ "meta", N("iif"), META(BF_T_IFINDEX, 32, SHORT) },
	{ "meta", N("oif"), META(BF_T_IFINDEX, 32, SHORT) },
	{ "meta", N("iifname"), META(BF_T_IFNAME, 128, SHORT) },
	{ "meta", N("oifname"), META(BF_T_IFNAME, 128, SHORT) },
	{ "meta", N("iiftype"), META(BF_T_IFTYPE, 16, BARE) },
	{ "meta", N("oiftype"), META(BF_T_IFTYPE, 16, BARE) },
	{ "meta", N("iifkind"), META(BF_T_IFNAME, 128, BARE) },
	{ "meta", N("oifkind"), META(BF_T_IFNAME, 128, BARE) },
	{ "meta", N("iifgroup"), META(BF_T_DEVGROUP, 32, SHORT) },
	{ "meta", N("oifgroup"), META(BF_T_DEVGROUP, 32, SHORT) },
	{ "meta", N("skuid"), META(BF_T_UID, 32, BARE) },
	{ "meta", N("skgid"), META(BF_T_GID, 32, BARE) },
	{ "meta", N("nftrace"), META(BF_T_INT, 1, BARE | SETS) },
	{ "meta", N("rtclassid"), META(BF_T_REALM, 32, BARE) },
	{ "meta", N("ibrname"), META(BF_T_IFNAME, 128, BARE) },
	{ "meta", N("obrname"), META(BF_T_IFNAME, 128, BARE) },
	{ "meta", N("ibriport"), META(BF_T_IFNAME, 128, 0), .same = "ibrname" },
	{ "meta", N("obriport"), META(BF_T_IFNAME, 128, 0), .same = "obrname" },
	{ "meta", N("ibrpvid"), META(BF_T_INT, 16, 0) },
	{ "meta", N("ibrvproto"), META(BF_T_ETHERTYPE, 16, 0) },
	{ "meta", N("pkttype"), META(BF_T_PKTTYPE, 8, BARE | SETS) },
	{ "meta", N("cpu"), META(BF_T_INT, 32, BARE) },
	{ "meta", N("cgroup"), META(BF_T_INT, 32, BARE) },
	{ "meta", N("ipsec"), META(BF_T_BOOL, 8, 0) },
	{ "meta", N("sdif"), META(BF_T_IFINDEX, 32, 0) },
	{ "meta", N("sdifname"), META(BF_T_IFNAME, 128, 0) },
	{ "meta", N("secmark"), META(BF_T_INT, 32, SETS) },
	{ "meta", N("time"), META(BF_T_DATE, 64, BARE) },
	{ "meta", N("day"), META(BF_T_DAY, 8, BARE) },
	{ "meta", N("hour"), META(BF_T_HOUR, 32, BARE) },
	{ "meta", N("comm"), META(BF_T_STRING, 128, OURS) }, /* of the process, at connect and sendmsg hooks */
	{ "meta", N("cgroupv2"), META(BF_T_CGROUPV2, 64, OURS) },

	{ "ct", N("state"), CT(BF_T_CTSTATE, 32, 0) },
	{ "ct", N("direction"), CT(BF_T_CTDIR, 8, 0) },
	{ "ct", N("status"), CT(BF_T_CTSTATUS, 32, 0) },
	{ "ct", N("mark"), CT(BF_T_MARK, 32, SETS) },
	{ "ct", N("secmark"), CT(BF_T_INT, 32, SETS) },
	{ "ct", N("expiration"), CT(BF_T_TIME, 32, 0) },
	{ "ct", N("helper"), CT(BF_T_STRING, 128, SETS) },
	{ "ct", N("label"), CT(BF_T_CTLABEL, 128, SETS) },
	{ "ct", N("id"), CT(BF_T_INT, 32, 0) },
	{ "ct", N("event"), CT(BF_T_CTEVENT, 32, WRITE) },
	{ "ct", N("l3proto"), CT(BF_T_NFPROTO, 8, MAYDIR) },
	{ "ct", N("protocol"), CT(BF_T_PROTO, 8, MAYDIR) },
	{ "ct", N("bytes"), CT(BF_T_INT, 64, MAYDIR) },
	{ "ct", N("packets"), CT(BF_T_INT, 64, MAYDIR) },
	{ "ct", N("avgpkt"), CT(BF_T_INT, 64, MAYDIR) },
	{ "ct", N("zone"), CT(BF_T_INT, 16, MAYDIR | SETS) },
	{ "ct", N("proto-src"), CT(BF_T_SERVICE, 16, DIR) },
	{ "ct", N("proto-dst"), CT(BF_T_SERVICE, 16, DIR) },
	{ "ct", "ip", "saddr", CT(BF_T_IPV4, 32, DIR) },
	{ "ct", "ip", "daddr", CT(BF_T_IPV4, 32, DIR) },
	{ "ct", "ip6", "saddr", CT(BF_T_IPV6, 128, DIR) },
	{ "ct", "ip6", "daddr", CT(BF_T_IPV6, 128, DIR) },

	{ "fib", N("oif"), OTHER(BF_NK_FIB, BF_T_IFINDEX, 32, 0) },
	{ "fib", N("oifname"), OTHER(BF_NK_FIB, BF_T_IFNAME, 128, 0) },
	{ "fib", N("type"), OTHER(BF_NK_FIB, BF_T_ADDRTYPE, 32, 0) },

	{ "socket", N("transparent"), OTHER(BF_NK_SOCKET, BF_T_INT, 1, 0) },
	{ "socket", N("mark"), OTHER(BF_NK_SOCKET, BF_T_MARK, 32, 0) },
	{ "socket", N("wildcard"), OTHER(BF_NK_SOCKET, BF_T_INT, 1, 0) },
	{ "socket", N("cgroupv2"), OTHER(BF_NK_SOCKET, BF_T_CGROUPV2, 64, 0) },

	{ "numgen", N(""), OTHER(BF_NK_NUMGEN, BF_T_INT, 32, 0) },
	{ "jhash", N(""), OTHER(BF_NK_JHASH, BF_T_INT, 32, 0) },
	{ "symhash", N(""), OTHER(BF_NK_SYMHASH, BF_T_INT, 32, 0) },
	{ "osf", N("name"), OTHER(BF_NK_OSF, BF_T_STRING, 128, 0) },
	{ "osf", N("version"), OTHER(BF_NK_OSF, BF_T_STRING, 128, 0) },
	{ "ipsec", N("reqid"), OTHER(BF_NK_IPSEC, BF_T_INT, 32, 0) },
	{ "ipsec", N("spi"), OTHER(BF_NK_IPSEC, BF_T_INT, 32, 0) },
	{ "ipsec", "ip", "saddr", OTHER(BF_NK_IPSEC, BF_T_IPV4, 32, 0) },
	{ "ipsec", "ip", "daddr", OTHER(BF_NK_IPSEC, BF_T_IPV4, 32, 0) },
	{ "ipsec", "ip6", "saddr", OTHER(BF_NK_IPSEC, BF_T_IPV6, 128, 0) },
	{ "ipsec", "ip6", "daddr", OTHER(BF_NK_IPSEC, BF_T_IPV6, 128, 0) },
	{ "@", N(""), OTHER(BF_NK_RAW, BF_T_RAW, 0, 0) },
};
const size_t bf_n_nkeys = BF_ARRAY_SIZE(bf_nkeys);

enum { IP = BF_NFAM_IP, IP6 = BF_NFAM_IP6, INET = BF_NFAM_INET, NETDEV = BF_NFAM_NETDEV, ARP = BF_NFAM_ARP,
       BRIDGE = BF_NFAM_BRIDGE };
enum { L3 = IP | IP6 | INET };

const struct bf_nfamily bf_nfamilies[] = {
	{ "ip", IP, NFPROTO_IPV4, true },
	{ "ip6", IP6, NFPROTO_IPV6, true },
	{ "inet", INET, NFPROTO_INET, true },
	{ "netdev", NETDEV, NFPROTO_NETDEV, true },
	{ "arp", ARP, NFPROTO_ARP, false },
	{ "bridge", BRIDGE, NFPROTO_BRIDGE, false },
};
const size_t bf_n_nfamilies = BF_ARRAY_SIZE(bf_nfamilies);

const struct bf_nhook bf_nhooks[] = {
	{ "prerouting", L3 | BRIDGE, BF_ATTACH_NETNS, NF_INET_PRE_ROUTING },
	{ "input", L3 | ARP | BRIDGE, BF_ATTACH_NETNS, NF_INET_LOCAL_IN },
	{ "forward", L3 | BRIDGE, BF_ATTACH_NETNS, NF_INET_FORWARD },
	{ "output", L3 | ARP | BRIDGE, BF_ATTACH_NETNS, NF_INET_LOCAL_OUT },
	{ "postrouting", L3 | BRIDGE, BF_ATTACH_NETNS, NF_INET_POST_ROUTING },
	{ "ingress", L3 | NETDEV, BF_ATTACH_EITHER, -1 },
	{ "egress", L3 | NETDEV, BF_ATTACH_EITHER, -1 },
	{ "xdp", L3 | NETDEV, BF_ATTACH_DEVICE, -1 },
	{ "connect4", IP | INET, BF_ATTACH_CGROUP, -1 },
	{ "connect6", IP6 | INET, BF_ATTACH_CGROUP, -1 },
	{ "sendmsg4", IP | INET, BF_ATTACH_CGROUP, -1 },
	{ "sendmsg6", IP6 | INET, BF_ATTACH_CGROUP, -1 },
};
const size_t bf_n_nhooks = BF_ARRAY_SIZE(bf_nhooks);

const struct bf_nprio bf_nprios[] = {
	{ "raw", L3, -300, -1 },
	{ "mangle", L3, -150, -1 },
	{ "dstnat", L3, -100, NF_INET_PRE_ROUTING },
	{ "filter", L3 | NETDEV | ARP, 0, -1 },
	{ "security", L3, 50, -1 },
	{ "srcnat", L3, 100, NF_INET_POST_ROUTING },
	{ "dstnat", BRIDGE, -300, NF_INET_PRE_ROUTING },
	{ "filter", BRIDGE, -200, -1 },
	{ "out", BRIDGE, 100, NF_INET_LOCAL_OUT },
	{ "srcnat", BRIDGE, 300, NF_INET_POST_ROUTING },
};
const size_t bf_n_nprios = BF_ARRAY_SIZE(bf_nprios);

const char *const bf_socksets[] = { "rto", "initcwnd", "initrwnd", "congestion", "mark", NULL };
