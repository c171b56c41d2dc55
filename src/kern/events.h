/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h: reads what the programs of live units tell of their packets, where
 * they were made to be watched (bf_gen_opts.watched). One reader at a time: a
 * ring buffer hands each event out once.
 */
#ifndef BF_KERN_EVENTS_H
#define BF_KERN_EVENTS_H

#include "base/diag.h"
#include "rt/abi.h"

struct bf_ns;
struct bf_events;

typedef int bf_event_fn(void *arg, const struct bf_rt_event *e); /* not 0: stop */

int bf_events_new(struct bf_events **out, struct bf_diag *d);
void bf_events_free(struct bf_events *e);
/* A live unit's, from now on; arg is handed to fn. -ENOENT: it is not watched. */
int bf_events_add(struct bf_events *e, struct bf_ns *ns, const char *unit, bf_event_fn *fn, void *arg);
/* Waits up to timeout_ms and hands out what there is. The number of events, what fn returned, or -errno (-EINTR). */
int bf_events_poll(struct bf_events *e, int timeout_ms);
uint64_t bf_events_lost(const struct bf_events *e); /* those for which there was no room, so far */

/* Counts commits of the namespace: another number says that units were replaced. */
uint64_t bf_ns_generation(const struct bf_ns *ns);

#endif
