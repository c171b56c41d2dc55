/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * field.h: the one table of packet fields. Everything that is "compare bits of
 * the packet or its metadata with values" is a field; a new one is one row in
 * field.c (and a loader in rt/ if the prologue does not fetch it). Fields of
 * which there are too many for a table (bits at any offset of any header, ...)
 * are made when a ruleset asks for one and belong to it (bf_ruleset_field).
 */
#ifndef BF_FIELD_H
#define BF_FIELD_H

#include <linux/netfilter.h> /* NFPROTO_* */

#include "base/base.h"
#include "base/buf.h"
#include "rt/abi.h"

/* How values of a field are written and read (value.c). Numbers are host-order integers. */
enum bf_vtype {
	BF_VT_INT,       /* decimal */
	BF_VT_HEX,       /* 0x%08x */
	BF_VT_BOOL,
	BF_VT_IPV4,      /* the address as a number: 192.0.2.1 = 0xc0000201 */
	BF_VT_IPV6,      /* 128-bit number, first byte of the address on top */
	BF_VT_IFNAME,    /* 16 characters, NUL padded, as a big-endian 128-bit number */
	BF_VT_PROTO,     /* IP protocol: name where well known, else number */
	BF_VT_PORT,      /* decimal */
	BF_VT_MAC,       /* 48 bits */
	BF_VT_CTSTATE,   /* XT_CONNTRACK_STATE_* bits */
	BF_VT_CTSTATUS,  /* IPS_* bits */
	BF_VT_TCPFLAGS,  /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 */
	BF_VT_PKTTYPE,   /* PACKET_* of linux/if_packet.h */
	BF_VT_WIDE,      /* 0x..., of any width */
};

enum bf_field_id {
	BF_F_IP_SADDR,
	BF_F_IP_DADDR,
	BF_F_IP_TTL,
	BF_F_IP_TOS,         /* the whole byte; DSCP is its upper six bits (a masked test) */
	BF_F_IP_LENGTH,
	BF_F_IP_FRAG,        /* 1 for a fragment that is not the first (iptables -f) */
	BF_F_IP6_SADDR,
	BF_F_IP6_DADDR,
	BF_F_IP6_HOPLIMIT,
	BF_F_IP6_TCLASS,
	BF_F_IP6_LENGTH,     /* of all there is, whatever the header says */
	BF_F_L4PROTO,        /* IPv6: behind all extension headers */
	BF_F_SPORT,
	BF_F_DPORT,
	BF_F_TCP_FLAGS,      /* byte 13 of the TCP header */
	BF_F_ICMP,           /* type << 8 | code, ICMP and ICMPv6 alike */
	BF_F_PKTTYPE,
	BF_F_MARK,
	BF_F_IIFNAME,
	BF_F_OIFNAME,
	BF_F_CT_STATE,       /* as iptables has it, with snat and dnat */
	BF_F_CT_NFSTATE,     /* as nft has it: one of BF_CT_NFT's bits */
	BF_F_CT_NONE,        /* 1: no connection belongs to the packet */
	BF_F_CT_REPLY,       /* 1: reply direction */
	BF_F_CT_STATUS,
	BF_F_CT_PROTO,
	BF_F_CT_EXPIRES,
	BF_F_CT_ORIG_IP_SADDR,
	BF_F_CT_ORIG_IP_DADDR,
	BF_F_CT_ORIG_IP6_SADDR,
	BF_F_CT_ORIG_IP6_DADDR,
	BF_F_CT_ORIG_SPORT,
	BF_F_CT_ORIG_DPORT,
	BF_F_CT_REPL_IP_SADDR,
	BF_F_CT_REPL_IP_DADDR,
	BF_F_CT_REPL_IP6_SADDR,
	BF_F_CT_REPL_IP6_DADDR,
	BF_F_CT_REPL_SPORT,
	BF_F_CT_REPL_DPORT,
	BF_F_SKUID,
	BF_F_SKGID,
	BF_F_SOCKET,         /* BF_SOCKET_* */
	BF_F_ETHER_SADDR,
	BF_F_TCP_MSS,
	BF_F_L4_AVAIL,       /* bytes present from the L4 header on, clipped to 65535 */
	BF_F_L4_FRAG,        /* 1: not the first fragment, IPv4 and IPv6 */
	BF_F_L4_FRAG1,       /* 1: IPv4 fragment at offset 1 */
	BF_F_L4_BADEXT,      /* 1: IPv6 extension headers cannot be followed */
	BF_F_NFPROTO,        /* NFPROTO_IPV4 or NFPROTO_IPV6; other packets have none */
	BF_FIELDS,           /* the number of fields that stand in the table; any other */
};

struct bf_field {
	const char *name;    /* nft's words: "ip saddr", "meta iifname", "th dport", ... */
	uint8_t bits;        /* width, 1..128 */
	enum bf_vtype type;
	uint8_t family;      /* 0: every family, else NFPROTO_IPV4 or NFPROTO_IPV6 */
	bool fixed;          /* it is the packet's family: known while a chain is lowered for one */
	uint8_t word;        /* first key word; of loaded fields one of the scratch words. Wider than 32 bits: the words
	                      * that follow, most significant first; the first word holds the odd top bits */
	uint8_t shift;       /* where the field begins in its word, when it is at most 32 bits wide */
	int8_t loader;       /* enum bf_loader, or -1: the prologue fetches it */
	uint64_t loader_arg;
	uint32_t needs;      /* BF_NEED_* */
};

extern const struct bf_field bf_fields[BF_FIELDS];

/* Not in the table: the value of the element that the last lookup found, up to 32 bits. Right behind the lookup only. */
extern const struct bf_field bf_field_found;

/* Nor this: what the last generator (match/generator.c) has made for this packet. */
extern const struct bf_field bf_field_made;

/* BF_FIELDS: it is not in the table. */
static inline enum bf_field_id bf_field_id(const struct bf_field *f)
{
	uintptr_t i = ((uintptr_t)f - (uintptr_t)bf_fields) / sizeof(*f);

	return (uintptr_t)f >= (uintptr_t)bf_fields && i < BF_FIELDS ? (enum bf_field_id)i : BF_FIELDS;
}

/*
 * Can packets of this family have the field? family: NFPROTO_IPV4 or _IPV6,
 * anything else is neither. Where not, no test of it holds, negated neither.
 */
static inline bool bf_field_there(const struct bf_field *f, uint8_t family)
{
	const uint32_t headers = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO;

	if (family == NFPROTO_IPV4 || family == NFPROTO_IPV6)
		return !f->family || f->family == family;
	return !f->family && !f->fixed && !(f->needs & headers);
}

/* The field with that name, or NULL. */
const struct bf_field *bf_field_find(const char *name);

/* All ones over the width of the field. */
bf_u128 bf_field_ones(const struct bf_field *f);

/* Append the canonical text of one value of the field (value.c). */
void bf_value_print(struct bf_buf *out, const struct bf_field *f, bf_u128 v);

#endif
