/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_progs.c: the BPF programs of feed.c, instruction by instruction. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed.h"
#include "kern/insn.h"
#include "kern/sys.h"

enum { EMPTY_PRIORITY = -3, GATE_PRIORITY = 1000, MOST_INSNS = 64 };

_Noreturn void feed_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fputs("feed: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(err));
	va_end(ap);
	exit(1);
}

static void read_entries(void *to, size_t len, const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f || fread(to, len, 1, f) != 1)
		feed_die("%s", path);
	fclose(f);
}

struct feed_trace *feed_map_trace(const struct feed_family *f, const char *path, int *fd, size_t *n)
{
	struct bf_map_desc m = {"bench_trace", BPF_MAP_TYPE_ARRAY, 4, 0, 1, BPF_F_MMAPABLE, 0};
	struct feed_trace *t = NULL;
	struct stat st;

	if (stat(path, &st))
		feed_die("%s", path);
	*n = (size_t)st.st_size / f->entry;
	errno = EINVAL;
	if (!*n || (*n & (*n - 1)) || *n * f->entry != (size_t)st.st_size)
		feed_die("%s: not a power of two of entries", path);
	m.value_size = (uint32_t)(sizeof(*t) + *n * f->entry);
	*fd = bf_map_create(&m);
	if (*fd >= 0)
		t = bf_map_mmap(*fd, m.value_size, true);
	if (!t)
		feed_die("a map for the trace");
	read_entries(t->entries, *n * f->entry, path);
	return t;
}

static int load(uint32_t type, uint32_t attach_type, const char *name, const struct bpf_insn *insns, uint32_t n)
{
	const struct bf_prog_desc p = {
		.name = name, .type = type, .attach_type = attach_type, .insns = insns, .n_insns = n};
	int prog = bf_prog_load(&p);

	if (prog < 0) {
		errno = -prog;
		feed_die("program %s", name);
	}
	return prog;
}

/* Entries begin with the IP header's first byte; what of them does not make 8 bytes is the 4 behind the header. */
int feed_load_writer(const struct feed_family *f, int map, size_t n)
{
	const struct bpf_insn head[] = {
		LOAD32(7, 1, 0),
		LOAD32(8, 1, 4),
		MOVR(2, 7),
		ADD(2, (int)f->frame),
		INSN(BPF_JMP | BPF_JLE | BPF_X, 2, 8, 2, 0),
		MOV(0, XDP_DROP),
		EXIT,
		LD_MAP(6, BPF_PSEUDO_MAP_VALUE, map),
		LOAD(3, 6, 0),
		MOVR(4, 3),
		ADD(4, 1),
		STORE(6, 4, 0),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, (int)n - 1),
		INSN(BPF_ALU64 | BPF_MUL | BPF_K, 3, 0, 0, (int)f->entry),
		ADDR(6, 3),
	};
	const struct bpf_insn tail[] = {MOV(0, XDP_PASS), EXIT};
	struct bpf_insn insns[MOST_INSNS], *p = insns + BF_ARRAY_SIZE(head);

	memcpy(insns, head, sizeof(head));
	for (unsigned at = 0; at < f->changes; at += 8) {
		bool whole = f->changes - at >= 8;
		int16_t from = (int16_t)(offsetof(struct feed_trace, entries) + at), to = (int16_t)(ETH_HLEN + at);

		*p++ = whole ? LOAD(2, 6, from) : LOAD32(2, 6, from);
		*p++ = whole ? STORE(7, 2, to) : STORE32(7, 2, to);
	}
	memcpy(p, tail, sizeof(tail));
	p += BF_ARRAY_SIZE(tail);
	return load(BPF_PROG_TYPE_XDP, 0, "bench_writer", insns, (uint32_t)(p - insns));
}

static void attach(const struct feed_family *f, int prog, unsigned hook, int priority)
{
	int link = bf_link_netfilter(prog, f->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, hook, priority, 0); /* kept until we end */

	if (link < 0) {
		errno = -link;
		feed_die("a program at hook %u", hook);
	}
}

void feed_attach_empty(const struct feed_family *f)
{
	const struct bpf_insn insns[] = {MOV(0, NF_ACCEPT), EXIT};

	int prog = load(BF_PROG_TYPE_NETFILTER, BF_ATTACH_NETFILTER, "bench_empty", insns, BF_ARRAY_SIZE(insns));

	attach(f, prog, NF_INET_LOCAL_IN, EMPTY_PRIORITY);
	attach(f, prog, NF_INET_FORWARD, EMPTY_PRIORITY);
}

void feed_attach_gate(const struct feed_family *f, int map, unsigned world)
{
	const int16_t at = (int16_t)(offsetof(struct feed_trace, passed) + 8 * world);
	const struct bpf_insn insns[] = {
		LD_MAP(6, BPF_PSEUDO_MAP_VALUE, map), LOAD(3, 6, at), ADD(3, 1), STORE(6, 3, at), MOV(0, NF_DROP), EXIT,
	};
	int prog = load(BF_PROG_TYPE_NETFILTER, BF_ATTACH_NETFILTER, "bench_gate", insns, BF_ARRAY_SIZE(insns));

	attach(f, prog, NF_INET_LOCAL_IN, GATE_PRIORITY);
	attach(f, prog, NF_INET_FORWARD, GATE_PRIORITY);
}
