/* SPDX-License-Identifier: GPL-2.0-only */
/* inplace.h: graphs that patches are written to, walked beside the oracle; and rounds of that, each of its own seed. */
#ifndef BF_TEST_INPLACE_H
#define BF_TEST_INPLACE_H

#include "gen/patch.h"
#include "gen/patch_link.h"
#include "lib/cells.h"
#include "lib/model.h"

void *test_must(void *p); /* no memory: the test ends */

/* Gives the graph the room that is spare, from a. */
void test_graph_room(struct bf_graph *g, struct bf_arena *a);
/* Programs are not walked here, so they learn whatever they are to; but codes have numbers. False: it cannot be. */
bool test_graph_learn(struct bf_graph *g, const struct bf_gear *gear, struct bf_arena *a);
void test_graph_write(struct bf_graph *g, const struct bf_patch *p);

void test_packet_differs(unsigned packet, const struct bf_outcome *want, const struct cells_outcome *got); /* tells */
/* n packets by chance for this table: does one meet something else than the oracle says? */
bool test_packets_differ(struct cells *cells, struct bf_interp *oracle, struct rng *r, const struct test_model_opts *o,
                         const struct bf_table *now, unsigned n);

/* TEST [ROUNDS [SEED]]: each with the next seed, until three have failed. */
struct test_rounds {
	unsigned n, failed;
};
struct test_rounds test_rounds(int argc, char **argv, unsigned n, bool (*differs)(uint64_t seed));

#endif
