/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interp.h: the oracle. A plain C interpreter of the model, written from the
 * kernel's semantics and sharing no code with gen/ and rt/: the two check
 * each other. Used by tests and by load-time verification.
 */
#ifndef BF_INTERP_H
#define BF_INTERP_H

#include "match/match.h"
#include "rt/abi.h"
#include "rule/rule.h"

/* One packet as a hook sees it. */
struct bf_packet {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6, anything else: neither */
	uint8_t hook;   /* enum bf_hook */
	const uint8_t *data; /* from the network header on */
	uint32_t len;        /* skb->len */
	bool auth_ends;      /* bf_table.auth_ends */
	char iif[16], oif[16];
	uint8_t pkttype; /* PACKET_* */
	uint32_t mark;
	uint32_t ctstate;  /* as word 14 of the key; BF_CT_NONE without a connection */
	uint32_t ctstatus;
	struct { /* the connection, when ctstate has no BF_CT_NONE */
		uint8_t proto;
		uint32_t expires; /* seconds */
		bf_u128 saddr[2], daddr[2]; /* original, reply; IPv4: a 32-bit number */
		uint16_t sport[2], dport[2];
	} ct;
	bool has_mac;
	uint8_t ether_saddr[6];
	const uint8_t *link; /* the link-layer header right before data, link_len bytes; 0: there is none */
	uint32_t link_len;
	bool tagged;         /* the device took a VLAN tag off it: */
	uint16_t tag_proto, tag;
	uint16_t protocol;   /* ETH_P_*, behind tags */
	uint8_t socket; /* BF_SOCKET_*; uid and gid are there with BF_SOCKET_FILE */
	uint32_t skuid, skgid;
	uint64_t jiffies;
	/* What loaders (enum bf_loader) that look beside the packet's bytes find; NULL: nothing. */
	bool (*load)(const struct bf_packet *p, uint32_t loader, uint64_t arg, bf_u128 *v);
	/* What the kernel's own match would answer; NULL: false. */
	bool (*assist)(const struct bf_packet *p, const struct bf_assist *a);
	void *user; /* for assist */
};

struct bf_interp; /* a table with its counters and the state of its matches */

/* hz: of the kernel that is imitated. NULL: out of memory. t must outlive it. */
struct bf_interp *bf_interp_new(const struct bf_table *t, uint32_t hz);
void bf_interp_free(struct bf_interp *in);
const struct bf_rt_counter *bf_interp_counters(const struct bf_interp *in);

/* Where random matches get their 32 bits from; NULL: a fixed sequence. */
void bf_interp_set_random(struct bf_interp *in, uint32_t (*next)(void *ctx), void *ctx);

/* Byte i from the link header on, if there is one, a tag that was taken off put back. -1: not there. */
int bf_packet_frame_byte(const struct bf_packet *p, uint32_t i);

/* For bf_match_ops.eval. State: ops->state_size zeroed bytes of this very condition. */
void *bf_interp_state(struct bf_interp *in, const void *data);
uint32_t bf_interp_random(struct bf_interp *in);
uint32_t bf_interp_hz(const struct bf_interp *in);

/* Its length as it is counted, and as `meta length` has it: what leaves by a device, with its link-layer header. */
uint32_t bf_packet_length(const struct bf_packet *p);

/*
 * Where the L4 header is, as the kernel's matches find it (rt/abi.h). IPv6: the
 * walk of ipv6_find_hdr() to the last header.
 */
struct bf_l4 {
	bool bad;          /* the extension headers cannot be followed; all else is 0 */
	bool frag;         /* not the first fragment */
	bool frag_one;     /* IPv4, offset 1 */
	uint8_t proto;
	uint32_t off;
	uint32_t avail;    /* bytes from there on; not clipped */
};
void bf_packet_l4(const struct bf_packet *p, struct bf_l4 *out);

/*
 * The options of a TCP header, as the kernel's matches read them. -EBADMSG:
 * the header is not whole, or says it is shorter than 20 bytes; they drop
 * such a packet at once. Options that lie about their own length are skipped
 * by that length, a length of 0 by one byte.
 */
int bf_packet_tcp_option(const struct bf_packet *p, uint8_t kind); /* 1: it is there, 0: not, -EBADMSG */
int bf_packet_tcp_mss(const struct bf_packet *p, uint16_t *mss);   /* the same; fills *mss when 1 */

/* A field as conditions see it: 1; 0: this packet does not have it; -EBADMSG: reading it drops the packet. */
int bf_interp_field(struct bf_interp *in, const struct bf_packet *p, const struct bf_field *f, bf_u128 *v);

/* What the last lookup found leads to; NULL: nothing was found, or it leads nowhere. */
void bf_interp_set_found(struct bf_interp *in, const union bf_datum *d);
const union bf_datum *bf_interp_found(const struct bf_interp *in);

/*
 * Sets that rules change, and objects (live.c); each packet's time is its jiffies.
 *
 * look: the element's datum (or something that is not NULL where there is none) when it is there and its state holds.
 * change: does it hold? State of an element moves in both.
 */
const union bf_datum *bf_interp_live_look(struct bf_interp *in, const struct bf_packet *p, const struct bf_set *s,
                                          const bf_u128 *key);
bool bf_interp_live_change(struct bf_interp *in, const struct bf_packet *p, const struct bf_element_change *c,
                           const bf_u128 *key, bf_u128 value);
bool bf_interp_object(struct bf_interp *in, const struct bf_packet *p, const struct bf_object *o);

/* What lists show, for tests: the elements alive at that time. */
struct bf_live_state {
	uint64_t packets, used; /* of a counter; used: bytes of a counter or quota */
	uint64_t empty;         /* of a limit: when its bucket was, or would have been, empty; ns */
};
struct bf_live_elem {
	bf_u128 key[BF_SET_PARTS], last[BF_SET_PARTS]; /* boxes: the first and the last one */
	union bf_datum datum;
	uint64_t timeout, expires; /* ns; 0: it stays */
	uint8_t n_state;
	const struct bf_stateful *state;
	struct bf_live_state now[BF_SET_STATEFULS];
};
const struct bf_live_elem *bf_interp_live(struct bf_interp *in, const struct bf_set *s, uint32_t *n);
const struct bf_live_state *bf_interp_object_state(struct bf_interp *in, const struct bf_object *o);

/* What bf_field_made is from now on. */
void bf_interp_make(struct bf_interp *in, uint32_t number);

void bf_interp_unknown(struct bf_interp *in);

/* A PUT: param_len bytes of the map "params" are what value stands for, where there are any. */
void bf_interp_put(struct bf_interp *in, uint8_t out, uint32_t value, const void *param, uint32_t param_len);

struct bf_outcome {
	uint32_t out[BF_OUT_WORDS]; /* outputs; BF_OUT_SET: which */
	const void *param[BF_OUT_WORDS];
	enum bf_rt_verdict verdict; /* ACCEPT also where a terminal action was handed off */
	uint32_t n_actions;
	const struct bf_action *actions[BF_HANDOFF_MAX]; /* in order */
	bool hotdrop;
	bool unknown;  /* it came to something that only the kernel knows (program) */
	bool overflow; /* dropped because it jumped deeper than ip_tables' stack: only hand-made tables do */
};

/* Runs the first base chain of p->hook (none, or it does not see packets of that family: ACCEPT, no counter). Counters move. */
void bf_interp_run(struct bf_interp *in, const struct bf_packet *p, struct bf_outcome *out);
/* Runs base chain c. */
void bf_interp_run_chain(struct bf_interp *in, const struct bf_chain *c, const struct bf_packet *p, struct bf_outcome *out);

/* The packet adds to a counter of the table (BF_NO_COUNTER: to none). */
void bf_interp_count(struct bf_interp *in, uint32_t counter, const struct bf_packet *p);
/*
 * Who is told of each rule that matched, and of each chain whose end was reached (rule is n_rules), in the order in which
 * a packet comes by. NULL: nobody.
 */
void bf_interp_set_trace(struct bf_interp *in, void (*step)(void *ctx, const struct bf_chain *c, uint32_t rule), void *ctx);

/* Does one condition hold, negation included? For the matches that hold conditions themselves. */
bool bf_interp_cond(struct bf_interp *in, const struct bf_packet *p, const struct bf_cond *c, bool *hotdrop);

#endif
