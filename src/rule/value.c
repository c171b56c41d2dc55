/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * value.c: values of fields as text, in nft's words. What is printed names one
 * value and no other; parsing it gives the same bits back.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include "rule/print.h"

struct word {
	uint32_t value;
	const char *name;
};

static const struct word protos[] = {
	{ IPPROTO_ICMP, "icmp" }, { IPPROTO_IGMP, "igmp" },       { IPPROTO_TCP, "tcp" },   { IPPROTO_UDP, "udp" },
	{ IPPROTO_GRE, "gre" },   { IPPROTO_ESP, "esp" },         { IPPROTO_AH, "ah" },     { IPPROTO_ICMPV6, "ipv6-icmp" },
	{ IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" }, { IPPROTO_DCCP, "dccp" }, { 0, NULL },
};

/* nft's words where it has them, iptables' --ctstate otherwise. */
static const struct word ct_states[] = {
	{ 1 << 0, "invalid" }, { 1 << 1, "established" }, { 1 << 2, "related" },   { 1 << 3, "new" },
	{ 1 << 6, "snat" },    { 1 << 7, "dnat" },        { 1 << 8, "untracked" }, { 0, NULL },
};

static const struct word ct_statuses[] = {
	{ IPS_EXPECTED, "expected" }, { IPS_SEEN_REPLY, "seen-reply" }, { IPS_ASSURED, "assured" },
	{ IPS_CONFIRMED, "confirmed" }, { IPS_SRC_NAT, "snat" }, { IPS_DST_NAT, "dnat" }, { IPS_DYING, "dying" },
	{ 0, NULL },
};

static const struct word tcp_flags[] = {
	{ 0x01, "fin" }, { 0x02, "syn" }, { 0x04, "rst" }, { 0x08, "psh" },
	{ 0x10, "ack" }, { 0x20, "urg" }, { 0x40, "ecn" }, { 0x80, "cwr" }, { 0, NULL },
};

static const struct word pkttypes[] = {
	{ PACKET_HOST, "host" }, { PACKET_BROADCAST, "broadcast" }, { PACKET_MULTICAST, "multicast" },
	{ PACKET_OTHERHOST, "other" }, { PACKET_OUTGOING, "outgoing" }, { PACKET_LOOPBACK, "loopback" }, { 0, NULL },
};

static void print_word(struct bf_buf *out, const struct word *words, uint32_t v)
{
	for (; words->name; words++) {
		if (words->value == v) {
			bf_buf_puts(out, words->name);
			return;
		}
	}
	bf_buf_printf(out, "%u", v);
}

/* "a,b,0x4000": names first, what has none as one number; 0x0 for no bit at all. */
static void print_bits(struct bf_buf *out, const struct word *words, uint32_t v)
{
	const char *sep = "";

	for (; words->name; words++) {
		if (!(v & words->value))
			continue;
		bf_buf_printf(out, "%s%s", sep, words->name);
		v &= ~words->value;
		sep = ",";
	}
	if (v || !*sep)
		bf_buf_printf(out, "%s0x%x", sep, v);
}

static void to_bytes(bf_u128 v, uint8_t b[16])
{
	for (int i = 15; i >= 0; i--, v >>= 8)
		b[i] = (uint8_t)v;
}

void bf_text_quote(struct bf_buf *out, const char *s, size_t max)
{
	bf_text_quote_end(out, s, max, "");
}

void bf_text_quote_end(struct bf_buf *out, const char *s, size_t max, const char *end)
{
	bf_buf_puts(out, "\"");
	for (size_t i = 0; i < max && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			bf_buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			bf_buf_printf(out, "\\x%02x", c);
		else
			bf_buf_add(out, s + i, 1);
	}
	bf_buf_printf(out, "%s\"", end);
}

void bf_name_print(struct bf_buf *out, const char *name)
{
	bool plain = *name && !(*name >= '0' && *name <= '9') && *name != '-';

	for (const char *c = name; *c; c++)
		plain &= (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || strchr("_-./", *c);
	if (plain)
		bf_buf_puts(out, name);
	else
		bf_text_quote(out, name, SIZE_MAX);
}

/* Bytes behind the first NUL exist only under hand-made masks; they are part of the value all the same. */
static void print_ifname(struct bf_buf *out, bf_u128 v)
{
	uint8_t b[16];
	size_t len;

	to_bytes(v, b);
	len = strnlen((char *)b, sizeof(b));
	for (size_t i = len; i < sizeof(b); i++) {
		if (b[i]) {
			bf_buf_printf(out, "0x%016llx%016llx", (unsigned long long)(v >> 64), (unsigned long long)v);
			return;
		}
	}
	bf_text_quote(out, (char *)b, len);
}

static void print_address(struct bf_buf *out, bool v6, bf_u128 v)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t b[16];

	to_bytes(v, b);
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? b : b + 12, text, sizeof(text));
	bf_buf_puts(out, text);
}

static void print_mac(struct bf_buf *out, bf_u128 v)
{
	for (int i = 5; i >= 0; i--)
		bf_buf_printf(out, "%02x%s", (unsigned)(v >> 8 * i) & 0xff, i ? ":" : "");
}

static void print_wide(struct bf_buf *out, bf_u128 v)
{
	if (v >> 64)
		bf_buf_printf(out, "0x%llx%016llx", (unsigned long long)(v >> 64), (unsigned long long)v);
	else
		bf_buf_printf(out, "0x%llx", (unsigned long long)v);
}

void bf_value_print(struct bf_buf *out, const struct bf_field *f, bf_u128 v)
{
	uint32_t n = (uint32_t)v;

	switch (f->type) {
	case BF_VT_INT:
	case BF_VT_PORT:
		bf_buf_printf(out, "%u", n);
		break;
	case BF_VT_HEX:
		bf_buf_printf(out, "0x%08x", n);
		break;
	case BF_VT_BOOL:
		bf_buf_puts(out, n ? "1" : "0");
		break;
	case BF_VT_IPV4:
	case BF_VT_IPV6:
		print_address(out, f->type == BF_VT_IPV6, v);
		break;
	case BF_VT_IFNAME:
		print_ifname(out, v);
		break;
	case BF_VT_PROTO:
		print_word(out, protos, n);
		break;
	case BF_VT_MAC:
		print_mac(out, v);
		break;
	case BF_VT_CTSTATE:
		print_bits(out, ct_states, n);
		break;
	case BF_VT_CTSTATUS:
		print_bits(out, ct_statuses, n);
		break;
	case BF_VT_TCPFLAGS:
		print_bits(out, tcp_flags, n);
		break;
	case BF_VT_PKTTYPE:
		print_word(out, pkttypes, n);
		break;
	case BF_VT_WIDE:
		print_wide(out, v);
		break;
	}
}
