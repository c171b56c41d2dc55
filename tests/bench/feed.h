/* SPDX-License-Identifier: GPL-2.0-only */
/* feed.h: the programs that feed.c sends packets with, and those it puts at the hooks. They end the process on errors. */
#ifndef BF_BENCH_FEED_H
#define BF_BENCH_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_WORLDS = 8 };

struct feed_trace { /* the first page of a map, its entries behind it */
	uint64_t next;
	uint64_t passed[FEED_WORLDS]; /* packets that came to the gate */
	uint64_t pad[3];
	uint8_t entries[];
};

struct feed_family {
	bool v6;
	unsigned entry, changes; /* bytes of an entry, and how many of them go into the frame */
	unsigned frame;
};

_Noreturn void feed_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The trace as a map: *fd, and *n entries, a power of two. */
struct feed_trace *feed_map_trace(const struct feed_family *f, const char *path, int *fd, size_t *n);
/* An XDP program: writes the next entry of the trace into the frame, and passes it. */
int feed_load_writer(const struct feed_family *f, int map, size_t n);
/* In the namespace the caller is in, until we end: */
void feed_attach_empty(const struct feed_family *f);                         /* accepts, in front of the filter */
void feed_attach_gate(const struct feed_family *f, int map, unsigned world); /* counts and drops, behind it */

#endif
