/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twin.h: two equal worlds, the same packets, the differences.
 *
 *        world NAME                                        (namespaces NAME-c, NAME-r, NAME-s)
 *
 *        c0 ───────── lan ┌─────────┐ wan ───────── s0
 *                         │ router  │                      c0 c1 s0 s1: the ends, where frames are put in
 *        c1 ───────── p0 ─┤ bridge  ├─ p1 ───────── s1     and where what arrives is recorded
 *                         └─────────┘
 *                             lo                           recorded too
 *
 * The ruleset is the router's. One action (a frame at an end, a packet from a
 * socket of the router, a TCP connection) is done in world A, what comes of it
 * is recorded, then the same in world B, and the two records are compared at
 * once: veth hands frames on within the send call, so there is nothing to
 * wait for unless they differ.
 */
#ifndef TWIN_H
#define TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum end { END_C0, END_C1, END_S0, END_S1, END_LO, N_ENDS };
enum space { NS_C, NS_R, NS_S, N_SPACES };

#define MAX_UIDS 8
#define RECORD_TEXT 65536

/* What was seen: one printable line for each event, in order of each observer. */
struct record {
	char *text;
	size_t len, cap;
};

struct raw_sock {
	unsigned uid;
	int fd4, fd6;
};

struct world {
	const char *name;
	int ns[N_SPACES];
	int cap[N_ENDS];       /* packet sockets that record */
	int inject[N_ENDS];    /* packet sockets that send; with a virtio-net header in front */
	int ifindex[N_ENDS];
	struct raw_sock raw[MAX_UIDS];
	unsigned n_raw;
	int nflog;             /* -1: not listened to */
	int nflog_pf;
	struct record rec;
};

#define N_STATS4 64
#define N_STATS6 8
struct stats {
	uint64_t v4[N_STATS4], v6[N_STATS6];
	int conntrack;
};

extern int home_ns;

/* world.c */
int world_open(struct world *w, const char *name, uint32_t nflog_groups);
int world_enter(const struct world *w, enum space s);
void world_leave(void);
int world_send_frame(struct world *w, enum end e, const uint8_t *frame, size_t len, const void *vnet_hdr);
int world_send_raw(struct world *w, const uint8_t *pkt, size_t len, unsigned uid, uint32_t mark);
int world_read_stats(struct world *w, struct stats *out);
void world_record_stats(struct world *w, const struct stats *before, const struct stats *now);
int if_by_end(const char *name, enum end *e);

/* record.c */
void record_clear(struct record *r);
void record_add(struct record *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void record_hex(struct record *r, const char *what, const uint8_t *p, size_t len);

/* observe.c: takes what has arrived since the last call into w->rec */
int observe_open_log(void);
int observe_add_own(const char *address);
int observe_add_device(const char *name);
void observe(struct world *w, bool flow);

/* flow.c */
struct flow_spec {
	enum space from, to;
	int family;
	char src[64], dst[64];
	unsigned port, bytes;
};
bool flow_run(struct world *w, const struct flow_spec *f); /* false: too slow, TCP's timers had their say */

/* nflog.c */
int nflog_open(uint32_t groups);
void nflog_read(int fd, struct record *r);

#endif
