/* SPDX-License-Identifier: GPL-2.0-only */
/* frame.h: what was said of a packet (packet.c), to bytes. Inside front/native/ only. */
#ifndef BF_NATIVE_FRAME_H
#define BF_NATIVE_FRAME_H

#include "base/arena.h"
#include "base/base.h"

enum { BF_FRAME_TAGS = 2, BF_FRAME_PAYLOAD = 65000 };

struct bf_frame_words { /* numbers as people say them: host order */
	uint8_t family;  /* NFPROTO_*; UNSPEC: ARP */
	uint8_t proto;   /* of the L4 header */
	bf_u128 saddr, daddr;
	uint8_t smac[6], dmac[6];
	uint16_t vlan[BF_FRAME_TAGS];
	uint32_t n_vlan;
	uint16_t sport, dport;
	uint8_t ttl, tos;
	uint32_t flowlabel;
	uint16_t id;
	bool df, mf, is_frag;
	uint32_t frag;   /* bytes */
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;   /* TCP's */
	bool has_mss;
	uint16_t mss;
	uint8_t type, code;
	uint32_t spi;
	uint16_t arp_op;
	bool hopopts, dstopts, routing; /* IPv6 extension headers in front */
	const uint8_t *payload;         /* payload_bytes bytes, */
	uint32_t payload_bytes;
	uint32_t payload_len;           /* so many of them, then zeroes */
};

/* The frame, in the arena; *nh: where the network header begins. NULL: out of memory. */
uint8_t *bf_frame_make(struct bf_arena *a, const struct bf_frame_words *w, uint32_t *len, uint32_t *nh);

#endif
