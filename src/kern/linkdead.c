/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * linkdead.c: is a link still attached? `bpftool link detach` leaves a pinned
 * one that is not, and the kernel tells the same of both. Who counts the
 * references that links hold must not count that one (gc.c), so a program of
 * type SYSCALL looks into it: file -> link -> dead.
 */
#include "kern/insn.h"
#include "kern/load.h"
#include "kern/netlist.h"
#include "kern/sys.h"

enum { TMP = -8, UNKNOWN = 2 };

/* r3 := what lies at r3 + offset (the first instruction's); goes `end` on when it cannot be read. 7 instructions. */
#define FOLLOW(end)                                                                                        \
	ADD(3, 0), MOVR(1, 10), ADD(1, TMP), MOV(2, 8), CALL(FN_PROBE_READ_KERNEL), JNE(0, 0, end),            \
		LOAD(3, 10, TMP)

static const struct bpf_insn insns[] = {
	LOAD32(6, 1, 0), /* descriptor */
	LSH(6, 3),
	CALL(FN_GET_CURRENT_TASK),
	MOVR(3, 0),
	FOLLOW(48 - 10), /* 4: task_struct.files */
	FOLLOW(48 - 17), /* 11: files_struct.fdt */
	FOLLOW(48 - 24), /* 18: fdtable.fd */
	ADDR(3, 6),
	FOLLOW(48 - 32), /* 26: the file */
	FOLLOW(48 - 39), /* 33: file.private_data */
	ADD(3, 0),       /* 40: bpf_nf_link.dead; its bpf_link comes first in it */
	MOVR(1, 10),
	ADD(1, TMP),
	MOV(2, 4),
	CALL(FN_PROBE_READ_KERNEL),
	JNE(0, 0, 48 - 46),
	LOAD32(0, 10, TMP),
	EXIT,
	MOV(0, UNKNOWN), /* 48 */
	EXIT,
};

#define OFF(i, t, m) { .insn = (i), .kind = BF_RELOC_OFFSET, .type = (t), .member = (m) }

static const struct bf_reloc relocs[] = {
	OFF(4, "task_struct", "files"), OFF(11, "files_struct", "fdt"), OFF(18, "fdtable", "fd"),
	OFF(33, "file", "private_data"), OFF(40, "bpf_nf_link", "dead"),
};

int bf_linkdead_load(struct bf_types *types, struct bf_diag *d)
{
	static const struct bf_prog_image image = {
		.name = "bf_linkdead",
		.n_insns = BF_ARRAY_SIZE(insns),
		.relocs = (struct bf_reloc *)relocs,
		.n_relocs = BF_ARRAY_SIZE(relocs),
	};
	struct bpf_insn copy[BF_ARRAY_SIZE(insns)];
	const struct bf_prog_desc p = {
		.name = "bf_linkdead",
		.type = BPF_PROG_TYPE_SYSCALL,
		.flags = BPF_F_SLEEPABLE,
		.insns = copy,
		.n_insns = BF_ARRAY_SIZE(insns),
	};
	uint32_t offset;
	int err;

	memcpy(copy, insns, sizeof(insns));
	err = bf_relocate(&image, copy, NULL, 0, types, d);
	if (err)
		return err;
	if (bf_types_ask(types, BF_RELOC_OFFSET, "bpf_nf_link", "link", &offset, d) || offset)
		return -EOPNOTSUPP;
	return bf_prog_load(&p);
}

int bf_link_is_alive(int prog, int link)
{
	uint32_t fd = (uint32_t)link;
	struct bf_run_desc run = { .prog = prog, .ctx = &fd, .ctx_len = sizeof(fd) };
	struct bf_link_info info;
	int err = bf_link_info(link, &info);

	if (!err && info.type != BF_LINK_TYPE_NETFILTER)
		return -EINVAL;
	if (!err)
		err = bf_prog_run(&run);
	if (err)
		return err;
	return run.retval > 1 ? -EFAULT : !run.retval;
}
