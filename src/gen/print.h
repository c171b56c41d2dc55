/* SPDX-License-Identifier: GPL-2.0-only */
/* print.h: parts of the listing of an image. */
#ifndef BF_GEN_PRINT_H
#define BF_GEN_PRINT_H

#include "base/buf.h"
#include "gen/link.h"

/* The instruction at pc, without a line end. Returns how many struct bpf_insn it takes: 1 or 2. */
uint32_t bf_insn_print(struct bf_buf *out, const struct bpf_insn *i, uint32_t pc);

/* A generated function, one line for each instruction. */
void bf_func_print(struct bf_buf *out, const struct bf_rt_func *f);

#endif
