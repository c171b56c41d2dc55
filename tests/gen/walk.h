/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * walk.h: a graph of cells run over a packet in plain C, as the programs of
 * rt/ run it in the kernel. Fields come from the oracle's parser, so that what
 * is tested is the graph alone.
 *
 * Two ways: cell by cell, and by interpreting the instructions of generated
 * functions (bf_straight, bf_code).
 */
#ifndef BF_TEST_WALK_H
#define BF_TEST_WALK_H

#include "gen/code.h"
#include "gen/graph.h"
#include "interp/interp.h"

struct walk {
	const struct bf_graph *graph;
	uint8_t family;
	struct bf_rt_counter *counters;
	uint32_t n_counters;
	uint8_t *params; /* with state */
	uint32_t (*random)(void *ctx);
	void *random_ctx;
	/* the packet being walked */
	const struct bf_packet *packet;
	uint32_t key[BF_KEY_WORDS];
	/* the outcome */
	uint32_t n_codes;
	uint16_t codes[BF_HANDOFF_MAX];
	uint32_t steps; /* cells or instructions */
	uint32_t deepest;
};

bool walk_init(struct walk *w, const struct bf_graph *g, const struct bf_table *t);
void walk_free(struct walk *w);
/* -1: the graph is broken (message on stderr). */
int walk_cells(struct walk *w, const struct bf_graph_root *r, const struct bf_packet *p);
int walk_code(struct walk *w, const struct bf_rt_func *funcs, uint32_t n_funcs, const struct bf_packet *p);

/* What cells ask, for both ways: enum bf_rt_answer. */
int walk_load(struct walk *w, uint32_t loader, uint64_t arg);
int walk_special(struct walk *w, uint32_t id, uint64_t offset);
void walk_start(struct walk *w, const struct bf_packet *p); /* fills the key */

#endif
