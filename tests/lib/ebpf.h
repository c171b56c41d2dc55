/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ebpf.h: an interpreter for the few eBPF instructions that gen/ emits, with
 * the functions of rt/code.h played by the walk over cells: generated code is
 * run without a kernel. What it would not do in the kernel (memory out of
 * bounds, running away, 64-bit arithmetic) is an error here.
 */
#ifndef TEST_EBPF_H
#define TEST_EBPF_H

#include "gen/code.h"
#include "lib/cells.h"

/* bf_straight among funcs, on a hook that has a program. Counts in c. */
void ebpf_straight(struct cells *c, const struct bf_rt_func *funcs, uint32_t n, const struct bf_rt_config *config,
                   const struct bf_packet *p, struct cells_outcome *out);

/* bf_code among funcs, from a step on: where it ends, or -1. `linear` bytes of the packet lie in one piece. */
int ebpf_code(const struct bf_rt_func *funcs, uint32_t n, uint32_t step, const struct bf_packet *p, uint32_t linear);

/* The packet as a capture of the device has it: from the link layer on, the tag in its place. Its length. */
uint32_t ebpf_frame(const struct bf_packet *p, uint8_t *out);

/* What the verifier asks before anything else: every instruction is reached, none leads outside. */
bool ebpf_whole(const struct bf_rt_func *f);

#endif
