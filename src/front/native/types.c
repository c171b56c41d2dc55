/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.c: value types and the words for their values (types.h). Numbers of
 * protocols, types and codes are IANA's; states, statuses and families the
 * kernel's uapi headers'.
 */
#include "front/native/types.h"

#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <strings.h>

#define SYMS(...) (const struct bf_nsym[]) { __VA_ARGS__, { NULL, 0 } }

const struct bf_ntype bf_ntypes[BF_NTYPES] = {
	[BF_T_INT] = { "integer", 0, BF_FORM_DEC },
	[BF_T_RAW] = { "integer", 0, BF_FORM_RAW },
	[BF_T_STRING] = { "string", 0, BF_FORM_STRING },
	[BF_T_IPV4] = { "ipv4_addr", 32, BF_FORM_IPV4 },
	[BF_T_IPV6] = { "ipv6_addr", 128, BF_FORM_IPV6 },
	[BF_T_ETHER] = { "ether_addr", 48, BF_FORM_MAC },
	[BF_T_PROTO] = { "inet_proto", 8, BF_FORM_DEC, false,
		SYMS({ "ip", 0 }, { "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 }, { "tcp", 6 }, { "egp", 8 }, { "igp", 9 },
		     { "udp", 17 }, { "dccp", 33 }, { "ipv6", 41 }, { "ipv6-route", 43 }, { "ipv6-frag", 44 }, { "rsvp", 46 },
		     { "gre", 47 }, { "esp", 50 }, { "ah", 51 }, { "skip", 57 }, { "ipv6-icmp", 58 }, { "icmpv6", 58 },
		     { "ipv6-nonxt", 59 }, { "ipv6-opts", 60 }, { "eigrp", 88 }, { "ospf", 89 }, { "ipip", 94 },
		     { "etherip", 97 }, { "encap", 98 }, { "pim", 103 }, { "ipcomp", 108 }, { "comp", 108 }, { "vrrp", 112 },
		     { "l2tp", 115 }, { "isis", 124 }, { "sctp", 132 }, { "fc", 133 }, { "mobility-header", 135 },
		     { "mh", 135 }, { "udplite", 136 }, { "mpls-in-ip", 137 }, { "hip", 139 }, { "shim6", 140 },
		     { "wesp", 141 }, { "rohc", 142 }) },
	[BF_T_SERVICE] = { "inet_service", 16, BF_FORM_PORT },
	[BF_T_MARK] = { "mark", 32, BF_FORM_HEX },
	[BF_T_IFNAME] = { "ifname", 128, BF_FORM_STRING },
	[BF_T_IFINDEX] = { "iface_index", 32, BF_FORM_INDEX },
	[BF_T_IFTYPE] = { "iface_type", 16, BF_FORM_DEC, false,
		SYMS({ "ether", ARPHRD_ETHER }, { "ppp", ARPHRD_PPP }, { "ipip", ARPHRD_TUNNEL }, { "ipip6", ARPHRD_TUNNEL6 },
		     { "loopback", ARPHRD_LOOPBACK }, { "sit", ARPHRD_SIT }, { "ipgre", ARPHRD_IPGRE }) },
	[BF_T_UID] = { "uid", 32, BF_FORM_INDEX },
	[BF_T_GID] = { "gid", 32, BF_FORM_INDEX },
	[BF_T_CTSTATE] = { "ct_state", 32, BF_FORM_HEX, true,
		SYMS({ "invalid", 1 }, { "established", 2 }, { "related", 4 }, { "new", 8 }, { "untracked", 64 }) },
	[BF_T_CTDIR] = { "ct_dir", 8, BF_FORM_DEC, false, SYMS({ "original", 0 }, { "reply", 1 }) },
	[BF_T_CTSTATUS] = { "ct_status", 32, BF_FORM_HEX, true,
		SYMS({ "expected", 1 }, { "seen-reply", 2 }, { "assured", 4 }, { "confirmed", 8 }, { "snat", 16 },
		     { "dnat", 32 }, { "dying", 512 }) },
	[BF_T_CTLABEL] = { "ct_label", 128, BF_FORM_INDEX },
	[BF_T_CTEVENT] = { "ct_event", 32, BF_FORM_HEX, true,
		SYMS({ "new", 1 }, { "related", 2 }, { "destroy", 4 }, { "reply", 8 }, { "assured", 16 }, { "protoinfo", 32 },
		     { "helper", 64 }, { "mark", 128 }, { "seqadj", 256 }, { "secmark", 512 }, { "label", 1024 }) },
	[BF_T_TIME] = { "time", 64, BF_FORM_TIME },
	[BF_T_ETHERTYPE] = { "ether_type", 16, BF_FORM_HEX, false,
		SYMS({ "ip", 0x0800 }, { "arp", 0x0806 }, { "ip6", 0x86dd }, { "8021q", 0x8100 }, { "8021ad", 0x88a8 },
		     { "vlan", 0x8100 }) },
	[BF_T_NFPROTO] = { "nf_proto", 8, BF_FORM_DEC, false, SYMS({ "ipv4", 2 }, { "ipv6", 10 }) },
	[BF_T_PKTTYPE] = { "pkt_type", 8, BF_FORM_DEC, false,
		SYMS({ "host", PACKET_HOST }, { "unicast", PACKET_HOST }, { "broadcast", PACKET_BROADCAST },
		     { "multicast", PACKET_MULTICAST }, { "other", PACKET_OTHERHOST }) },
	[BF_T_TCPFLAG] = { "tcp_flag", 8, BF_FORM_HEX, true,
		SYMS({ "fin", 1 }, { "syn", 2 }, { "rst", 4 }, { "psh", 8 }, { "ack", 16 }, { "urg", 32 }, { "ecn", 64 },
		     { "cwr", 128 }) },
	[BF_T_ICMPTYPE] = { "icmp_type", 8, BF_FORM_DEC, false,
		SYMS({ "echo-reply", 0 }, { "destination-unreachable", 3 }, { "source-quench", 4 }, { "redirect", 5 },
		     { "echo-request", 8 }, { "router-advertisement", 9 }, { "router-solicitation", 10 },
		     { "time-exceeded", 11 }, { "parameter-problem", 12 }, { "timestamp-request", 13 },
		     { "timestamp-reply", 14 }, { "info-request", 15 }, { "info-reply", 16 }, { "address-mask-request", 17 },
		     { "address-mask-reply", 18 }) },
	[BF_T_ICMPCODE] = { "icmp_code", 8, BF_FORM_DEC, false,
		SYMS({ "net-unreachable", 0 }, { "host-unreachable", 1 }, { "prot-unreachable", 2 },
		     { "port-unreachable", 3 }, { "frag-needed", 4 }, { "net-prohibited", 9 }, { "host-prohibited", 10 },
		     { "admin-prohibited", 13 }) },
	[BF_T_ICMP6TYPE] = { "icmpv6_type", 8, BF_FORM_DEC, false,
		SYMS({ "destination-unreachable", 1 }, { "packet-too-big", 2 }, { "time-exceeded", 3 },
		     { "parameter-problem", 4 }, { "echo-request", 128 }, { "echo-reply", 129 },
		     { "mld-listener-query", 130 }, { "mld-listener-report", 131 }, { "mld-listener-done", 132 },
		     { "mld-listener-reduction", 132 }, { "nd-router-solicit", 133 }, { "nd-router-advert", 134 },
		     { "nd-neighbor-solicit", 135 }, { "nd-neighbor-advert", 136 }, { "nd-redirect", 137 },
		     { "router-renumbering", 138 }, { "ind-neighbor-solicit", 141 }, { "ind-neighbor-advert", 142 },
		     { "mld2-listener-report", 143 }) },
	[BF_T_ICMP6CODE] = { "icmpv6_code", 8, BF_FORM_DEC, false,
		SYMS({ "no-route", 0 }, { "admin-prohibited", 1 }, { "addr-unreachable", 3 }, { "port-unreachable", 4 },
		     { "policy-fail", 5 }, { "reject-route", 6 }) },
	[BF_T_ICMPXCODE] = { "icmpx_code", 8, BF_FORM_DEC, false,
		SYMS({ "no-route", 0 }, { "port-unreachable", 1 }, { "host-unreachable", 2 }, { "admin-prohibited", 3 }) },
	[BF_T_IGMPTYPE] = { "igmp_type", 8, BF_FORM_DEC, false,
		SYMS({ "membership-query", 17 }, { "membership-report-v1", 18 }, { "membership-report-v2", 22 },
		     { "leave-group", 23 }, { "membership-report-v3", 34 }) },
	[BF_T_DCCPTYPE] = { "dccp_pkttype", 4, BF_FORM_DEC, false,
		SYMS({ "request", 0 }, { "response", 1 }, { "data", 2 }, { "ack", 3 }, { "dataack", 4 }, { "closereq", 5 },
		     { "close", 6 }, { "reset", 7 }, { "sync", 8 }, { "syncack", 9 }) },
	[BF_T_DSCP] = { "dscp", 6, BF_FORM_HEX, false,
		SYMS({ "cs0", 0 }, { "cs1", 8 }, { "cs2", 16 }, { "cs3", 24 }, { "cs4", 32 }, { "cs5", 40 }, { "cs6", 48 },
		     { "cs7", 56 }, { "df", 0 }, { "be", 0 }, { "lephb", 1 }, { "af11", 10 }, { "af12", 12 }, { "af13", 14 },
		     { "af21", 18 }, { "af22", 20 }, { "af23", 22 }, { "af31", 26 }, { "af32", 28 }, { "af33", 30 },
		     { "af41", 34 }, { "af42", 36 }, { "af43", 38 }, { "va", 44 }, { "ef", 46 }) },
	[BF_T_ECN] = { "ecn", 2, BF_FORM_HEX, false, SYMS({ "not-ect", 0 }, { "ect1", 1 }, { "ect0", 2 }, { "ce", 3 }) },
	[BF_T_ADDRTYPE] = { "fib_addrtype", 32, BF_FORM_DEC, false,
		SYMS({ "unspec", 0 }, { "unicast", 1 }, { "local", 2 }, { "broadcast", 3 }, { "anycast", 4 },
		     { "multicast", 5 }, { "blackhole", 6 }, { "unreachable", 7 }, { "prohibit", 8 }) },
	[BF_T_BOOL] = { "boolean", 1, BF_FORM_DEC, false, SYMS({ "missing", 0 }, { "exists", 1 }) },
	[BF_T_ARPOP] = { "arp_op", 16, BF_FORM_DEC, false,
		SYMS({ "request", 1 }, { "reply", 2 }, { "rrequest", 3 }, { "rreply", 4 }, { "inrequest", 8 },
		     { "inreply", 9 }, { "nak", 10 }) },
	[BF_T_MHTYPE] = { "mh_type", 8, BF_FORM_DEC, false,
		SYMS({ "binding-refresh-request", 0 }, { "home-test-init", 1 }, { "careof-test-init", 2 }, { "home-test", 3 },
		     { "careof-test", 4 }, { "binding-update", 5 }, { "binding-acknowledgement", 6 }, { "binding-error", 7 },
		     { "fast-binding-update", 8 }, { "fast-binding-acknowledgement", 9 },
		     { "fast-binding-advertisement", 10 }, { "experimental-mobility-header", 11 },
		     { "home-agent-switch-message", 12 }) },
	[BF_T_CLASSID] = { "classid", 32, BF_FORM_CLASSID, false, SYMS({ "none", 0 }, { "root", 0xffffffff }) },
	[BF_T_REALM] = { "realm", 32, BF_FORM_INDEX },
	[BF_T_DEVGROUP] = { "devgroup", 32, BF_FORM_INDEX },
	[BF_T_CGROUPV2] = { "cgroupsv2", 64, BF_FORM_INDEX },
	[BF_T_DATE] = { "time", 64, BF_FORM_DATE },
	[BF_T_DAY] = { "day", 8, BF_FORM_DAY, false,
		SYMS({ "Sunday", 0 }, { "Monday", 1 }, { "Tuesday", 2 }, { "Wednesday", 3 }, { "Thursday", 4 },
		     { "Friday", 5 }, { "Saturday", 6 }) },
	[BF_T_HOUR] = { "hour", 32, BF_FORM_HOUR },
	[BF_T_ERRNO] = { "errno", 16, BF_FORM_DEC, false,
		SYMS({ "EPERM", EPERM }, { "EACCES", EACCES }, { "EHOSTUNREACH", EHOSTUNREACH },
		     { "ENETUNREACH", ENETUNREACH }, { "ECONNREFUSED", ECONNREFUSED }, { "ETIMEDOUT", ETIMEDOUT },
		     { "ENETDOWN", ENETDOWN }, { "EHOSTDOWN", EHOSTDOWN }, { "EINVAL", EINVAL }, { "EAGAIN", EAGAIN }) },
	[BF_T_BITMASK] = { "bitmask", 0, BF_FORM_RAW, true },
	[BF_T_VERDICT] = { "verdict", 0, BF_FORM_VERDICT },
	[BF_T_COUNTER] = { "counter", 0, BF_FORM_OBJECT },
	[BF_T_QUOTA] = { "quota", 0, BF_FORM_OBJECT },
	[BF_T_LIMIT] = { "limit", 0, BF_FORM_OBJECT },
};

static bool usable(size_t i) /* by name: the first of that name that says its width */
{
	return bf_ntypes[i].bits || bf_ntypes[i].form >= BF_FORM_VERDICT;
}

const struct bf_ntype *bf_ntype_find(const char *name, size_t len)
{
	for (size_t i = 0; i < BF_NTYPES; i++)
		if (usable(i) && !strncmp(bf_ntypes[i].name, name, len) && !bf_ntypes[i].name[len])
			return &bf_ntypes[i];
	return NULL;
}

bool bf_nsym_find(const struct bf_ntype *t, const char *word, size_t len, uint32_t *value)
{
	for (const struct bf_nsym *s = t->syms; s && s->name; s++) {
		bool fits = t->form == BF_FORM_DAY ? len >= 2 && !strncasecmp(s->name, word, len) && strlen(s->name) >= len
		                                   : !strncmp(s->name, word, len) && !s->name[len];

		if (fits) {
			*value = s->value;
			return true;
		}
	}
	return false;
}
