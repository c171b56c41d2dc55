/* SPDX-License-Identifier: GPL-2.0-only */
/* summary.c: see summary.h. What is cut off or unknown is left out, never guessed. */
#include "summary.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

struct packet {
	const unsigned char *p;
	size_t len; /* bytes that are there */
	bool v6;
	unsigned proto, frag; /* frag: offset in bytes */
	size_t l4;
};

static unsigned be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void walk_ip4(struct packet *k)
{
	k->proto = k->p[9];
	k->frag = (be16(k->p + 6) & 0x1fff) * 8;
	k->l4 = (k->p[0] & 15) * 4u;
}

/* Behind extension headers, as far as they are there. */
static void walk_ip6(struct packet *k)
{
	k->proto = k->p[6];
	k->l4 = 40;
	while (!k->frag && k->l4 + 8 <= k->len) {
		const unsigned char *h = k->p + k->l4;
		size_t len = (h[1] + 1u) * 8;

		if (k->proto == IPPROTO_FRAGMENT) {
			k->frag = be16(h + 2) & 0xfff8;
			len = 8;
		} else if (k->proto != IPPROTO_HOPOPTS && k->proto != IPPROTO_ROUTING && k->proto != IPPROTO_DSTOPTS) {
			return;
		}
		k->proto = h[0];
		k->l4 += len;
	}
}

static void put_proto(FILE *to, unsigned proto)
{
	static const struct { unsigned number; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" },   { IPPROTO_UDP, "udp" },     { IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "icmpv6" },
		{ IPPROTO_SCTP, "sctp" }, { IPPROTO_DCCP, "dccp" },   { IPPROTO_ESP, "esp" },   { IPPROTO_AH, "ah" },
		{ IPPROTO_GRE, "gre" },   { IPPROTO_UDPLITE, "udplite" }, { IPPROTO_IGMP, "igmp" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == proto) {
			fputs(names[i].name, to);
			return;
		}
	fprintf(to, "proto %u", proto);
}

static bool has_ports(const struct packet *k)
{
	return !k->frag && k->l4 + 4 <= k->len && (k->proto == IPPROTO_TCP || k->proto == IPPROTO_UDP || k->proto == IPPROTO_SCTP ||
	                                           k->proto == IPPROTO_DCCP || k->proto == IPPROTO_UDPLITE);
}

static void put_address(FILE *to, const struct packet *k, unsigned end)
{
	size_t at = k->v6 ? 8 + end * 16 : 12 + end * 4;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(k->v6 ? AF_INET6 : AF_INET, k->p + at, text, sizeof(text));
	if (!has_ports(k))
		fputs(text, to);
	else
		fprintf(to, k->v6 ? "[%s]:%u" : "%s:%u", text, be16(k->p + k->l4 + 2 * end));
}

static void put_flags(FILE *to, unsigned flags)
{
	static const char *const names[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr" };
	const char *comma = " flags ";

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i) {
			fprintf(to, "%s%s", comma, names[i]);
			comma = ",";
		}
}

static void put_details(FILE *to, const struct packet *k)
{
	const unsigned char *h = k->p + k->l4;

	if (k->frag)
		fprintf(to, " frag %u", k->frag);
	else if (k->proto == IPPROTO_TCP && k->l4 + 14 <= k->len)
		put_flags(to, h[13]);
	else if ((k->proto == IPPROTO_ICMP || k->proto == IPPROTO_ICMPV6) && k->l4 + 2 <= k->len)
		fprintf(to, " type %u code %u", h[0], h[1]);
}

void bf_cli_summary(FILE *to, const unsigned char *ip, size_t caplen)
{
	struct packet k = { .p = ip, .len = caplen, .v6 = caplen && ip[0] >> 4 == 6 };

	if (caplen < (k.v6 ? 40u : 20u)) {
		fputs("cut off", to);
		return;
	}
	(k.v6 ? walk_ip6 : walk_ip4)(&k);
	put_proto(to, k.proto);
	fputc(' ', to);
	put_address(to, &k, 0);
	fputs(" > ", to);
	put_address(to, &k, 1);
	put_details(to, &k);
}

void bf_cli_summary_frame(FILE *to, const unsigned char *p, size_t caplen)
{
	size_t at = 12;
	unsigned type = 0;

	while (at + 2 <= caplen && ((type = be16(p + at)) == ETHERTYPE_VLAN || type == 0x88a8) && at + 6 <= caplen) {
		fprintf(to, "vlan %u ", be16(p + at + 2) & 0xfff);
		at += 4;
	}
	at += 2;
	if (at > caplen)
		fputs("cut off", to);
	else if (type == ETHERTYPE_IP || type == ETHERTYPE_IPV6)
		bf_cli_summary(to, p + at, caplen - at);
	else if (type == ETHERTYPE_ARP)
		fputs("arp", to);
	else
		fprintf(to, "ether type 0x%04x", type);
}
