/* SPDX-License-Identifier: GPL-2.0-only */
/* gate.h: which packets need answers of the kernel's own matches at all (gate.c). */
#ifndef BF_GATE_H
#define BF_GATE_H

#include "gen/graph.h"

/*
 * The connection states (XT_CONNTRACK_STATE_INVALID, _ESTABLISHED, ...) of the
 * packets that can meet a test of word BF_KEY_ASSIST on their way from one of
 * the starts. 0: in all states, or it would take too long to say.
 */
uint32_t bf_assist_states(const struct bf_graph *g, const uint32_t *starts, uint32_t n_starts);

/* Fills companion.assist_states of a finished graph; programs that ask learn the state, then. */
int bf_graph_gate(struct bf_graph *g);

#endif
