/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * noter.h: a BPF_NETFILTER program that does nothing but note hand-offs, as
 * the generated programs do, for packets of one protocol and destination port.
 */
#ifndef BF_TEST_NOTER_H
#define BF_TEST_NOTER_H

#include "kern/companion.h"
#include "rt/abi.h"

struct noter_plan { /* value of the only element of an array map; may be changed while packets pass */
	uint32_t proto; /* L4 protocol; IPv6: the next header field of the IP header */
	uint32_t dport; /* network order; 0: any */
	uint32_t daddr; /* last 4 bytes, network order; 0: any */
	uint32_t pad;
	struct bf_handoff entry; /* n 0: notes nothing */
	uint64_t seen;           /* packets noted */
	uint64_t full;           /* packets that could not be noted, and were dropped */
};

int noter_plan_map(void);
/* ask: the packet's entry in the map `assist` must be there, and is taken; its answers become the number of the
 * element of `counts` (array of uint64_t) that is incremented. assist -1: no asking. */
int noter_load(uint8_t family, const struct bf_companion_maps *m, int plan, int assist, int counts);

/* The same as a program of an image. */
void noter_image(struct bf_image *img, uint8_t hook, int priority, const struct noter_plan *plan, bool assist);

/* How many entries the maps hold, and what `pending` sums up to. */
void noter_left(const struct bf_companion_maps *m, uint64_t *entries, uint64_t *pending);

#endif
