/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlist.c: a program of type SYSCALL, run on request, that follows the
 * kernel's ring of network namespaces and notes cookie and reference count of
 * each. A namespace is kept by what counts here: processes, open descriptors,
 * bind mounts, sockets, devices moved about, links of other programs, in any
 * mount or process namespace. No search through /proc finds all of these.
 *
 *   own struct net ─list─▶ struct net ─list─▶ ... ─▶ head of the list ─▶ ... ─▶ own struct net
 *
 * The head is not part of a struct net: what lies around it is told by the
 * pointer to the operations, the same in all of them. Reads are checked reads
 * of kernel memory; the walk takes no lock, so only one that comes round to
 * its start counts.
 */
#include "kern/netlist.h"

#include "kern/insn.h"
#include "kern/load.h"
#include "kern/sys.h"

enum { MAX = 65536 };

struct result {
	uint32_t n;
	uint32_t complete;
	uint64_t pad;
	struct bf_netns net[MAX];
};

/* The stack, below r10. */
enum { ITER = -8, CUR = -16, OPS = -24, START = -32, TMP = -40 };

/* A jump is written as target - following instruction, by the numbers in the comments. */
static const struct bpf_insn insns[] = {
	/* 0: the own namespace; its operations; where the walk starts */
	CALL(FN_GET_CURRENT_TASK),
	MOVR(3, 0),
	ADD(3, 0), /* 2: task_struct.nsproxy */
	MOVR(1, 10), ADD(1, TMP), MOV(2, 8),
	CALL(FN_PROBE_READ_KERNEL),
	LOAD(3, 10, TMP),
	ADD(3, 0), /* 8: nsproxy.net_ns */
	MOVR(1, 10), ADD(1, TMP), MOV(2, 8),
	CALL(FN_PROBE_READ_KERNEL),
	LOAD(3, 10, TMP),
	ADD(3, 0), /* 14: net.ns.ops */
	MOVR(1, 10), ADD(1, OPS), MOV(2, 8),
	CALL(FN_PROBE_READ_KERNEL),
	LOAD(1, 10, TMP),
	ADD(1, 0), /* 20: net.list */
	STORE(10, 1, CUR),
	STORE(10, 1, START),
	MOVR(1, 10), ADD(1, ITER), MOV(2, 0), MOV(3, MAX + 1),
	CALL(0), /* 27: bpf_iter_num_new */
	/* 28: next round */
	MOVR(1, 10), ADD(1, ITER),
	CALL(0), /* 30: bpf_iter_num_next */
	JEQ(0, 0, 81 - 32),
	/* 32: is this a struct net? */
	LOAD(3, 10, CUR),
	ADD(3, 0), /* 33: net.ns.ops */
	SUB(3, 0), /* 34: net.list */
	MOVR(1, 10), ADD(1, TMP), MOV(2, 8),
	CALL(FN_PROBE_READ_KERNEL),
	JNE(0, 0, 81 - 40),
	LOAD(1, 10, TMP),
	LOAD(2, 10, OPS),
	JNER(1, 2, 68 - 43),
	/* 43: note it */
	LD_MAP(6, 0, 0),
	LOAD32(7, 6, 0),
	JGE(7, MAX, 81 - 47),
	MOVR(8, 7),
	LSH(8, 4),
	ADDR(8, 6),
	MOVR(1, 8), ADD(1, offsetof(struct result, net)), MOV(2, 8),
	LOAD(3, 10, CUR),
	ADD(3, 0), /* 54: net.net_cookie */
	SUB(3, 0), /* 55: net.list */
	CALL(FN_PROBE_READ_KERNEL),
	JNE(0, 0, 81 - 58),
	MOVR(1, 8), ADD(1, offsetof(struct result, net[0].refs)), MOV(2, 4),
	LOAD(3, 10, CUR),
	ADD(3, 0), /* 62: the reference count */
	SUB(3, 0), /* 63: net.list */
	CALL(FN_PROBE_READ_KERNEL),
	JNE(0, 0, 81 - 66),
	ADD(7, 1),
	STORE32(6, 7, 0),
	/* 68: on; round? */
	MOVR(1, 10), ADD(1, CUR), MOV(2, 8),
	LOAD(3, 10, CUR),
	CALL(FN_PROBE_READ_KERNEL),
	JNE(0, 0, 81 - 74),
	LOAD(1, 10, CUR),
	LOAD(2, 10, START),
	JNER(1, 2, 28 - 77),
	LD_MAP(6, 0, 0),
	MOV(1, 1),
	STORE32(6, 1, 4),
	/* 81: end */
	MOVR(1, 10), ADD(1, ITER),
	CALL(0), /* 83: bpf_iter_num_destroy */
	MOV(0, 0),
	EXIT,
};

#define OFF(i, t, m) { .insn = (i), .kind = BF_RELOC_OFFSET, .type = (t), .member = (m) }
#define KFUNC(i, f) { .insn = (i), .kind = BF_RELOC_KFUNC, .type = (f) }
#define RESULT(i) { .insn = (i), .kind = BF_RELOC_MAP_VALUE }

static const struct bf_reloc relocs[] = {
	OFF(2, "task_struct", "nsproxy"), OFF(8, "nsproxy", "net_ns"), OFF(14, "net", "ns.ops"), OFF(20, "net", "list"),
	KFUNC(27, "bpf_iter_num_new"), KFUNC(30, "bpf_iter_num_next"), OFF(33, "net", "ns.ops"), OFF(34, "net", "list"),
	RESULT(43), OFF(54, "net", "net_cookie"), OFF(55, "net", "list"), OFF(63, "net", "list"), RESULT(77),
	KFUNC(83, "bpf_iter_num_destroy"),
};

/* The count was renamed in Linux 6.18. */
static int put_count(struct bf_types *types, struct bpf_insn *i)
{
	static const char *const names[] = { "ns.__ns_ref", "ns.count" };
	uint32_t offset, size;

	for (size_t k = 0; k < BF_ARRAY_SIZE(names); k++)
		if (!bf_types_ask(types, BF_RELOC_OFFSET, "net", names[k], &offset, NULL) &&
		    !bf_types_ask(types, BF_RELOC_SIZE, "net", names[k], &size, NULL)) {
			i->imm = (int)offset;
			return size == 4 ? 0 : -EOPNOTSUPP;
		}
	return -EOPNOTSUPP;
}

static int load_prog(struct bf_netlist *l, struct bf_types *types, struct bf_diag *d)
{
	static const struct bf_prog_image image = {
		.name = "bf_netlist",
		.n_insns = BF_ARRAY_SIZE(insns),
		.relocs = (struct bf_reloc *)relocs,
		.n_relocs = BF_ARRAY_SIZE(relocs),
	};
	struct bpf_insn copy[BF_ARRAY_SIZE(insns)];
	const struct bf_prog_desc p = {
		.name = "bf_netlist",
		.type = BPF_PROG_TYPE_SYSCALL,
		.flags = BPF_F_SLEEPABLE,
		.insns = copy,
		.n_insns = BF_ARRAY_SIZE(insns),
	};
	int err;

	memcpy(copy, insns, sizeof(insns));
	err = bf_relocate(&image, copy, &l->map, 1, types, d);
	if (!err)
		err = put_count(types, &copy[62]);
	if (err)
		return err;
	l->prog = bf_prog_load(&p);
	if (l->prog < 0)
		return l->prog;
	l->dead = bf_linkdead_load(types, d);
	return l->dead < 0 ? l->dead : 0;
}

int bf_netlist_open(struct bf_netlist *l, const char *base, struct bf_diag *d)
{
	const struct bf_map_desc m = { "bf_netlist", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct result), 1, BPF_F_MMAPABLE, 0 };
	_cleanup_types_ struct bf_types types = BF_TYPES_NONE;
	int err;

	bf_types_open(&types, base);
	*l = (struct bf_netlist)BF_NETLIST_NONE;
	l->map = bf_map_create(&m);
	if (l->map >= 0)
		l->mem = bf_map_mmap(l->map, sizeof(struct result), true);
	err = l->map < 0 ? l->map : l->mem ? load_prog(l, &types, d) : -ENOMEM;
	if (!err)
		return 0;
	bf_netlist_close(l);
	return bf_diag_error(d, err, "cannot list the network namespaces: %s", strerror(-err));
}

void bf_netlist_close(struct bf_netlist *l)
{
	bf_map_munmap(l->mem, sizeof(struct result));
	bf_closep(&l->map);
	bf_closep(&l->prog);
	bf_closep(&l->dead);
	*l = (struct bf_netlist)BF_NETLIST_NONE;
}

int bf_netlist_look(const struct bf_netlist *l, const struct bf_netns **list, uint32_t *n)
{
	struct result *r = l->mem;
	struct bf_run_desc run = { .prog = l->prog };
	int err;

	r->n = r->complete = 0;
	err = bf_prog_run(&run);
	if (err)
		return err;
	*list = r->net;
	*n = r->n;
	return r->complete && r->n <= MAX ? 0 : -EAGAIN;
}
