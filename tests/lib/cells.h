/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cells.h: a walk over a graph of cells in user space: what gen/ made is
 * checked against the oracle without a kernel, and with everything a kernel
 * test cannot bring about (connections, sockets, interfaces).
 */
#ifndef TEST_CELLS_H
#define TEST_CELLS_H

#include "gen/graph.h"
#include "interp/interp.h"

struct cells {
	const struct bf_graph *g;
	struct bf_rt_counter *counters;
	uint8_t *params; /* a copy: state changes */
	uint32_t *stack;
	uint64_t version; /* of deltas */
	struct bf_interp *helper; /* for bytecode */
};

struct cells_outcome {
	bool lost; /* walked off the graph, or without end, or deeper than promised */
	enum bf_rt_verdict verdict;
	uint32_t out[BF_OUT_WORDS];
	uint32_t n_codes;
	uint32_t codes[BF_HANDOFF_MAX];
};

int cells_init(struct cells *c, const struct bf_graph *g, const struct bf_table *t, uint32_t hz);
void cells_free(struct cells *c);
/* A packet on its way; what its cells ask, for whoever walks. 1 hit, 0 miss, -1 drop. */
struct cells_walk {
	struct cells *c;
	const struct bf_packet *p;
	const struct bf_graph_root *root;
	struct cells_outcome *out;
	uint32_t key[BF_KEY_WORDS];
	uint32_t kept[BF_KEPT_WORDS];
	uint32_t depth;
};
void cells_begin(struct cells_walk *w, struct cells *c, const struct bf_packet *p, struct cells_outcome *out);
int cells_load(struct cells_walk *w, uint32_t loader, uint64_t arg);
int cells_special(struct cells_walk *w, uint32_t id, uint64_t offset);
int cells_find(struct cells_walk *w, bool ip6, uint32_t head, uint32_t data, uint32_t words);
int cells_live(struct cells_walk *w, uint32_t verb, uint64_t offset); /* sets that stay as they are */
int cells_set(struct cells_walk *w, uint32_t word, uint64_t head);

/* The program that sees the packet, or NULL. */
const struct bf_graph_root *cells_root(const struct bf_graph *g, const struct bf_packet *p);

void cells_run(struct cells *c, const struct bf_packet *p, struct cells_outcome *out);

#endif
