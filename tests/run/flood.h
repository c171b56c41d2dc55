/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flood.h: packets from many addresses while rulesets change. Each one must meet the verdict of a ruleset that was in force
 * between its sending and its arrival:
 *
 *   changing thread:  flood_next(): what ruleset k says of each host ──▶ flood_begin() ──▶ the change ──▶ flood_done()
 *   senders:          the oldest that may be in force ──▶ packet ──▶ the newest ──▶ is the fate one of theirs?
 */
#ifndef BF_TEST_FLOOD_H
#define BF_TEST_FLOOD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { FLOOD_HOSTS = 256, FLOOD_RING = 64, FLOOD_SENDERS = 2 };

struct flood;
struct flood_sender {
	struct flood *f;
	unsigned i;
	pthread_t thread;
	uint64_t sent, skipped, bad; /* skipped: over too many changes to tell */
};

struct flood {
	uint16_t port;                           /* of the first sender's packets, UDP; then the next ones */
	uint32_t first, hosts;                   /* packets are from these; 0: from all */
	uint8_t ring[FLOOD_RING][FLOOD_HOSTS];   /* ruleset k lets host i pass: ring[k % FLOOD_RING][i] */
	uint64_t begun, done;                    /* the newest that may be in force; the oldest */
	bool stop;
	struct flood_sender s[FLOOD_SENDERS];
	uint64_t sent, skipped, bad;             /* of all, when it has stopped */
};

/* Their addresses, in host order: 127.1.0.1 - .16, 127.1.1.1 ... */
uint32_t flood_host(uint32_t i);

/* Verdicts of the ruleset that comes next. */
static inline uint8_t *flood_next(struct flood *f)
{
	return f->ring[(f->done + 1) % FLOOD_RING];
}

void flood_begin(struct flood *f);
void flood_done(struct flood *f);
void flood_stays(struct flood *f); /* the change that was begun did not come to be */

void flood_start(struct flood *f);
void flood_stop(struct flood *f);

/* One packet from each host: how many met something else than that. */
unsigned flood_once(uint16_t port, const uint8_t *passes);

#endif
