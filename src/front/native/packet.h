/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h: a packet described in words, as `bpfilter test` takes it:
 *
 *   tcp 192.0.2.1:5555 > 198.51.100.9:22 iif eth0 ct new
 *   udp [2001:db8::1]:53 > [2001:db8::2]:4000 length 100 oif wan0
 *   icmp 192.0.2.1 > 192.0.2.2 type echo-request frag 1480 mf
 *   proto 89 192.0.2.1 > 224.0.0.5 ttl 1
 *   arp 192.0.2.1 > 192.0.2.2
 *
 *   connect tcp 192.0.2.1:443 uid 1000 comm curl
 *
 *   frame 0200000000020200000000010800450000... iif eth0
 *
 *   PROTOCOL SOURCE > DESTINATION { KEY VALUE | FLAG }...
 *   frame BYTES { KEY VALUE }...
 *   connect|sendmsg PROTOCOL DESTINATION { KEY VALUE }...     a system call, at the hooks of control groups
 *
 * What is not said is as a host's first packet of a connection would have it:
 * TCP has SYN (ACK where ct says established), ICMP is an echo request, TTL 64.
 * The keys are listed in packet.c.
 */
#ifndef BF_NATIVE_PACKET_H
#define BF_NATIVE_PACKET_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/hook.h"

struct bf_npacket {
	const uint8_t *frame; /* from the Ethernet header on, checksums filled in */
	uint32_t len;
	uint32_t nh;          /* where the network header begins: behind VLAN tags */
	uint8_t family;       /* NFPROTO_IPV4, NFPROTO_IPV6; NFPROTO_UNSPEC: neither */
	bool has_hook;
	uint8_t hook;         /* enum bf_hook */
	char iif[16], oif[16]; /* "" when not said */
	uint8_t pkttype;      /* PACKET_* of linux/if_packet.h */
	uint32_t mark, priority;
	bool has_ct;          /* ct was said; else conntrack has not seen the packet */
	uint32_t ctstate;     /* bits as word 14 of the key has them (rt/abi.h) */
	uint32_t ctstatus, ctmark;
	bool has_uid, has_gid;
	uint32_t uid, gid;
	char comm[16];         /* of the task that calls connect() or sendmsg() */
	const char *cgroup;    /* of the socket or task, a path below the root; "/" when not said */
};

/*
 * text: one line of len bytes. name and line: where it stands, for errors. 0;
 * -EINVAL with located errors; -ENOMEM. The frame lies in arena a.
 */
int bf_native_packet(struct bf_arena *a, const char *name, unsigned line, const char *text, size_t len,
                     struct bf_npacket *out, struct bf_diag *d);

#endif
