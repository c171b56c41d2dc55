/* SPDX-License-Identifier: GPL-2.0-only */
/* cbpf.h: classic BPF filters, and calls of users' functions -> the function bf_code (rt/code.h). */
#ifndef BF_CBPF_H
#define BF_CBPF_H

#include "base/diag.h"
#include "gen/graph.h"
#include "gen/link.h"

/* *out: bf_code(frame, id) running codes[id], of those that used says (NULL: all). -EINVAL and -EOPNOTSUPP as
 * bf_bytecode_check. */
int bf_cbpf_func(struct bf_arena *arena, const struct bf_code *codes, const bool *used, uint32_t n, struct bf_rt_func *out,
                 struct bf_diag *d);

#endif
