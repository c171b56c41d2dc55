/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h: packets for tests. Headers are appended one after the other, each
 * naming itself in the one before; test_packet_done() sets the lengths. What
 * comes out may be as malformed as wished.
 */
#ifndef TEST_PACKET_H
#define TEST_PACKET_H

#include "interp/interp.h"

enum { TEST_PACKET_MAX = 1024 };

struct test_packet {
	struct bf_packet p;   /* p.data points to bytes: test_packet_fix() after a copy */
	uint8_t bytes[TEST_PACKET_MAX];
	uint32_t len;
	uint16_t ethertype;   /* ETH_P_* */
	uint32_t next_at;     /* where the protocol of the header to come is written */
};

/* Addresses are numbers as in the model. Without a connection, from no interface, no socket. */
void test_packet_ip4(struct test_packet *t, uint32_t saddr, uint32_t daddr);
void test_packet_ip6(struct test_packet *t, bf_u128 saddr, bf_u128 daddr);
void test_packet_other(struct test_packet *t, uint32_t len); /* neither, like ARP */
void test_packet_frag4(struct test_packet *t, unsigned offset8, bool more); /* of the IPv4 header */
void test_packet_options4(struct test_packet *t, unsigned words);           /* longer IPv4 header, before anything else */
void test_packet_ext6(struct test_packet *t, uint8_t kind, unsigned len8);  /* hop-by-hop, routing, destination options */
void test_packet_ah6(struct test_packet *t, unsigned len4);
void test_packet_frag6(struct test_packet *t, unsigned offset8, bool more);
void test_packet_tcp(struct test_packet *t, uint16_t sport, uint16_t dport, uint8_t flags, const void *options, size_t len);
void test_packet_udp(struct test_packet *t, uint16_t sport, uint16_t dport);
void test_packet_icmp(struct test_packet *t, uint8_t proto, uint8_t type, uint8_t code);
void test_packet_proto(struct test_packet *t, uint8_t proto); /* nothing but its number in the header before */
void test_packet_payload(struct test_packet *t, const void *p, size_t len); /* p NULL: zeroes */
void test_packet_done(struct test_packet *t);
void test_packet_cut(struct test_packet *t, uint32_t len); /* afterwards: lose the end, lengths as they were */
/* As hooks that see all families have it: an IP header that contradicts the packet is none, what is behind its end is not
 * the packet's. alone: not even if it could be a segment too long for the field. */
void test_packet_settle(struct test_packet *t, bool alone);
void test_packet_fix(struct test_packet *t);

/* What it is, for people: one line, then the bytes. */
void test_packet_print(struct bf_buf *out, const struct test_packet *t);

#endif
