/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_take.c: what an object has counted, taken out of it under packets' feet.
 * bpf(2) can only replace an element, and what was counted in the old one
 * meanwhile would be lost; a program exchanges each number where it stands.
 */
#include <linux/bpf.h>

#include "kern/kern.h"
#include "kern/live.h"
#include "kern/sys.h"
#include "rt/abi.h"

enum { R0, R1, R2, R6 = 6, FP = 10, SLEEPABLE = 1 << 4, KEY = BF_LIVE_KEY * 4 };

struct take { /* the program's context */
	uint32_t key[BF_LIVE_KEY];
	uint64_t now[2];
};

#define INSN(op, d, s, o, i) ((struct bpf_insn){ .code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_DW | BPF_MEM, d, s, o, 0)
#define STORE(d, o, s) INSN(BPF_STX | BPF_DW | BPF_MEM, d, s, o, 0)
#define NOW(i) ((int16_t)(offsetof(struct bf_rt_elem, state) + offsetof(struct bf_rt_state, now) + 8 * (i)))
#define EXCHANGE(i)                                                          \
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, R1, 0, 0, 0),                      \
	INSN(BPF_STX | BPF_DW | BPF_ATOMIC, R0, R1, NOW(i), BPF_XCHG),       \
	STORE(R6, (int16_t)(offsetof(struct take, now) + 8 * (i)), R1)

/* 0, or 1: there is no such element. */
static int load(int map)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, R6, R1, 0, 0),
		LOAD(R1, R6, 0),
		STORE(FP, -KEY, R1),
		LOAD(R1, R6, 8),
		STORE(FP, 8 - KEY, R1),
		INSN(BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, R2, FP, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, -KEY),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JNE | BPF_K, R0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		EXCHANGE(0),
		EXCHANGE(1),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bf_prog_load(&(struct bf_prog_desc){ .name = "bf_take", .type = BPF_PROG_TYPE_SYSCALL, .flags = SLEEPABLE,
	                                            .insns = insns, .n_insns = BF_ARRAY_SIZE(insns) });
}

int bf_unit_objects_take(struct bf_ns *ns, const char *unit, uint64_t id, struct bf_rt_state *s)
{
	_cleanup_close_ int map = bf_live_open(ns, unit, "objects");
	_cleanup_close_ int prog = map < 0 ? map : load(map);
	struct take t = { .key = { (uint32_t)id, (uint32_t)(id >> 32) } };
	struct bf_run_desc r = { .prog = prog, .ctx = &t, .ctx_len = sizeof(t) };
	int err = prog < 0 ? prog : bf_prog_run(&r);

	if (err || r.retval)
		return err ? err : -ENOENT;
	s->now[0] = t.now[0];
	s->now[1] = t.now[1];
	return 0;
}
