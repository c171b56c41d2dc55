/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facts.h: what a packet that is only described has beside its bytes: devices,
 * connection, socket, clock. Programs find it in the map "trial", the
 * interpreter asks: both see the same.
 */
#ifndef BF_API_FACTS_H
#define BF_API_FACTS_H

#include "api/ctx.h"
#include "front/native/packet.h"
#include "interp/interp.h"

enum { BF_ASKED_MAX = 8 };

struct bf_facts {
	const struct bf_npacket *p;
	uint64_t now;    /* ns since 1970, UTC */
	uint32_t random; /* drawn for this packet */
	struct bf_device {
		uint32_t index; /* 0: there is no such device here */
		uint16_t type;  /* ARPHRD_*; one that is not there is taken as Ethernet */
	} iif, oif;
	struct bf_rt_trial *given;
	uint32_t n;      /* of given->load */
	struct bf_asked { /* what rules asked the kernel, and were told that there is nothing */
		const char *text; /* of a match of iptables, or NULL: */
		uint64_t arg;     /* BF_ASSIST_ARG */
	} asked[BF_ASKED_MAX];
	uint32_t n_asked;
};

/* ", if fib daddr type and socket mark find nothing"; nothing, where nothing was asked. */
void bf_facts_print_asked(struct bf_buf *out, const struct bf_facts *f);

/* Of a packet; sock: any in the namespace. */
void bf_facts_begin(struct bf_facts *f, const struct bf_npacket *p, int sock);
/* At a hook, which sees what bf_hook_kinds say: into given, which is otherwise filled already, and into seen. */
void bf_facts_at(struct bf_facts *f, struct bf_rt_trial *given, struct bf_packet *seen);

#endif
