/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interp.h: the oracle. A plain C interpreter of the model, written from the
 * kernel's semantics and sharing no code with gen/ and rt/: the two check
 * each other. Used by tests and by load-time verification.
 */
#ifndef BF_INTERP_H
#define BF_INTERP_H

#include "rt/abi.h"
#include "rule/rule.h"

/* One packet as a hook sees it. */
struct bf_packet {
	uint8_t family; /* NFPROTO_IPV4 or NFPROTO_IPV6 */
	uint8_t hook;   /* NF_INET_* */
	const uint8_t *data; /* from the network header on */
	uint32_t len;        /* skb->len */
	char iif[16], oif[16];
	uint8_t pkttype; /* PACKET_* */
	uint32_t mark;
	uint32_t ctstate;  /* as word 14 of the key; BF_CT_NONE without a connection */
	uint32_t ctstatus;
	bool has_mac;
	uint8_t ether_saddr[6];
	bool has_file; /* a socket with a file */
	uint32_t skuid, skgid;
	uint64_t jiffies;
	uint32_t assist; /* answers of the kernel's matches */
};

struct bf_interp; /* a table with its counters and the state of its matches */

struct bf_interp *bf_interp_new(const struct bf_table *t, uint32_t hz);
void bf_interp_free(struct bf_interp *in);
const struct bf_rt_counter *bf_interp_counters(const struct bf_interp *in);

struct bf_outcome {
	enum bf_rt_verdict verdict; /* ACCEPT also where a terminal action was handed off */
	uint32_t n_actions;
	const struct bf_action *actions[BF_HANDOFF_MAX]; /* in order */
	bool hotdrop;
};

/* Runs the base chain of p->hook (none: ACCEPT, no counter). Counters move. */
void bf_interp_run(struct bf_interp *in, const struct bf_packet *p, struct bf_outcome *out);

#endif
