/* SPDX-License-Identifier: GPL-2.0-only */
/* cbpf.h: classic BPF filters, and calls of users' functions -> the function bf_code, and those that it calls (rt/code.h). */
#ifndef BF_CBPF_H
#define BF_CBPF_H

#include "base/diag.h"
#include "gen/graph.h"
#include "gen/link.h"

/* At most so many functions. */
uint32_t bf_cbpf_most(const struct bf_graph *g);

/*
 * out: *n functions with the steps of g that are used (bf_codes_reached), for programs of a kind (enum bf_rt_kind). -EINVAL and
 * -EOPNOTSUPP as bf_bytecode_check.
 */
int bf_cbpf_funcs(struct bf_arena *arena, const struct bf_graph *g, const bool *used, uint8_t kind, struct bf_rt_func *out,
                  uint32_t *n, struct bf_diag *d);

#endif
