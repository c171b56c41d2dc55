/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtprog.h: rulesets made by hand as cells, and packets for them through the
 * running kernel. Fill a struct rtprog, load it, send packets, look at
 * counters.
 */
#ifndef BF_TEST_RTPROG_H
#define BF_TEST_RTPROG_H

#include <linux/netfilter.h>

#include "gen/link.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "rt/abi.h"

struct rtprog {
	uint8_t family; /* NFPROTO_IPV4 or NFPROTO_IPV6 */
	uint8_t hook;   /* of those that are not netfilter's; else 0 */
	const char *how; /* "mg", "it", "cmg", "smg", "sit" */
	struct bf_rt_config config; /* needs, stack_depth, ... ; the rest is filled in by rtprog_load */
	struct bf_cell *cells;
	uint32_t n_cells, n_counters, stripes;
	const void *params;
	uint32_t n_params;
	const uint32_t *class; /* class data */
	uint32_t n_class;
	const struct bf_rt_func *own;
	uint32_t n_own;
	bool need_stack, need_handoff, need_assist;
	/* loaded */
	struct bf_image *img;
	struct bf_loaded loaded;
};

/* 0, or -errno with the reason in d. Memory of cells and params stays the caller's. */
int rtprog_load(struct rtprog *c, struct bf_diag *d);
void rtprog_unload(struct rtprog *c);

int rtprog_map(const struct rtprog *c, const char *name); /* descriptor, or -1 */
int rtprog_prog(const struct rtprog *c);
/* Sum over the stripes. */
struct bf_rt_counter rtprog_counter(const struct rtprog *c, uint32_t i);
/* Runs the program on a packet (from the IP header on; the MAC header is put before it). The verdict, or -errno. */
int rtprog_run(const struct rtprog *c, const void *packet, size_t len);
/*
 * A program that looks at words of the key, or at what loaders answer: entry
 * by entry, a value that must be there. What is otherwise is counted under the
 * entry's number; the packet passes. The cells are static: one such program at
 * a time.
 */
struct rtprog_word {
	uint32_t word, value;
};
#define LOADED(loader, arg, i) (0x1000u | (loader) << 4 | (arg) << 3 | (i)) /* scratch word i after that LOAD cell */
#define NOT_LOADED(loader) (0x2000u | (loader) << 4)                         /* the loader has nothing */
void rtprog_expect(struct rtprog *c, uint8_t family, const char *how, uint32_t needs, const struct rtprog_word *w, uint32_t n);
/* -1, or the first entry that was not as expected. */
int rtprog_unexpected(const struct rtprog *c);
/* Packets seen, bytes. */
struct bf_rt_counter rtprog_seen(const struct rtprog *c);

/* Nanoseconds per run, the best of several rounds. */
unsigned rtprog_time(const struct rtprog *c, const void *packet, size_t len);

#endif
