/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code.h: the functions that are made for one program (rt/code.h names them):
 *
 *   bf_code, bf_code_0, ...  the classic BPF filters that its CODE cells run (cbpf.c)
 *   bf_straight  the cells themselves as instructions (straight.c); of a program that sees all families those that IPv4
 *                packets meet, bf_straight_ip6 and bf_straight_other are the others
 */
#ifndef BF_GEN_CODE_H
#define BF_GEN_CODE_H

#include "gen/graph.h"
#include "gen/link.h"

/*
 * *out, of *n_own functions: what the program of root r needs, whose
 * configuration is c; memory from a. *straight: bf_straight is among them,
 * because r reaches at most code_max cells and has nothing that only data can be.
 */
int bf_code_funcs(struct bf_arena *a, const struct bf_graph *g, const struct bf_graph_root *r,
                  const struct bf_rt_config *c, uint32_t code_max, struct bf_rt_func **out, uint32_t *n_own,
                  bool *straight, struct bf_diag *d);

/* codes.c: used[i] is set for each of g->steps that r reaches. 0 or -ENOMEM. */
int bf_codes_reached(const struct bf_graph *g, const struct bf_graph_root *r, bool *used);

/* users.c: those that users' functions call, to own[*n ...]. */
int bf_users_funcs(struct bf_arena *a, const struct bf_graph *g, struct bf_rt_func *own, uint32_t *n);

#endif
