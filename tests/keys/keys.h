/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keys.h: what rules of the language see of packets, beside what nft's own
 * rules see of the same packets, in the same namespace, at the same hook.
 */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#include "base/diag.h"
#include "lib/packet.h"
#include "rule/rule.h"

/* "tcp dport 22": one condition of a key, behind what it depends on, as a rule that counts and goes on (model.c). */
int keys_add_rule(struct bf_ruleset *rs, struct bf_chain *c, const char *text, const char *family, struct bf_diag *d);

/* Packets of all shapes (packets.c). */
struct keys_packet {
	struct test_packet t;
	const char *name;
	uint16_t tag; /* a VLAN tag, in the packet's bytes; 0: none */
	bool fragment; /* not the first one */
};
void keys_packet_finish(struct test_packet *t); /* lengths and the checksum of the IP header */
unsigned keys_packets(struct keys_packet *out, unsigned max, uint64_t seed);

/* A namespace with a device of which the other end is in a second one (world.c). */
struct keys_world {
	int in, out;     /* the namespaces: packets are looked at in the first, and sent from the second */
	int raw, raw4, raw6; /* sockets: link layer, of the second; IPv4 and IPv6 of the first */
	unsigned index;  /* of the device in the second */
	uint8_t mac[6];
};
void keys_world_open(struct keys_world *w);
void keys_world_close(struct keys_world *w);
void keys_world_enter(int ns);
/* From outside, or (local) by a raw socket of the first namespace. */
bool keys_send(const struct keys_world *w, const struct keys_packet *p, bool local);

#endif
