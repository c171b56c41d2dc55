/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch_link.h: what a change in place has to know of the table as it was
 * compiled (bf_image.link). It is stored with the unit and read by the same
 * version of the library: native sizes and byte order, 8-aligned.
 *
 *   struct bf_link_head | struct bf_link_run [n_runs] | struct bf_link_chain [n_chains]
 */
#ifndef BF_PATCH_LINK_H
#define BF_PATCH_LINK_H

#include "gen/build.h"

#define BF_LINK_MAGIC 0x326b6c62 /* "blk2" */

struct bf_link_head {
	uint32_t magic;
	uint32_t n_runs, n_chains;
	uint32_t class_at, class_half;  /* places: the half of version bit v begins at class_at + v * class_half */
	uint32_t cells_at, cells_half;  /* cells, likewise */
	uint32_t n_counters;            /* there are so many */
	uint32_t hz;
	uint8_t family;
	uint8_t headers;                /* plan.h */
	uint8_t conntrack;
	uint8_t pad;
};

struct bf_link_run {
	uint32_t chain;
	uint32_t set;      /* enum bf_sorts */
	uint32_t from, to; /* its rules in the chain */
	uint32_t gap;      /* between orders */
	uint32_t head;     /* place */
	uint32_t miss;     /* cell behind the run */
	uint32_t ret;      /* cell where RETURN leads, or BF_NO_CELL: to nowhere */
	struct bf_uses uses; /* what all programs that come here can do */
};

struct bf_link_chain {
	uint32_t entry[BF_SORTS_SETS]; /* first cell of a chain that does not return, or BF_NO_CELL */
	uint32_t end;      /* the first rule that no packet gets past; the chain's length: none */
	uint8_t bare[BF_SORTS_SETS];   /* some instance of it has no run */
	uint8_t indexed;
};

/* Its parts; NULL when it is none of ours. */
const struct bf_link_head *bf_link_open(const void *link, size_t len, const struct bf_link_run **runs,
                                        const struct bf_link_chain **chains);

#endif
