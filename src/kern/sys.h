/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sys.h: bpf(2), one thin wrapper for each command that is used. All return
 * what the kernel returns or -errno; descriptors are close-on-exec and never
 * 0, 1 or 2. libbpf's own wrappers are not used: 1.1 lacks netfilter links,
 * and the tests put bf_sys_bpf's failures and kills at every call.
 */
#ifndef BF_KERN_SYS_H
#define BF_KERN_SYS_H

#include <linux/bpf.h>

#include "base/base.h"

/* Newer than the system's linux/bpf.h may be (Linux 6.4). */
#define BF_PROG_TYPE_NETFILTER 32
#define BF_ATTACH_NETFILTER 45
#define BF_LINK_TYPE_NETFILTER 10

int bf_sys_bpf(int cmd, void *attr, unsigned size);

struct bf_map_desc {
	const char *name;
	uint32_t type, key_size, value_size, max_entries, flags;
	int inner_fd; /* of a map in map, else 0 */
};
int bf_map_create(const struct bf_map_desc *m);
int bf_map_update(int fd, const void *key, const void *value, uint64_t flags);
int bf_map_lookup(int fd, const void *key, void *value);
int bf_map_delete(int fd, const void *key);
int bf_map_next_key(int fd, const void *key, void *next); /* key NULL: the first */
int bf_map_freeze(int fd);
int bf_map_info(int fd, struct bpf_map_info *info);
/* The elements of a mmapable array, in memory: element i lies at i * (value size rounded up to 8). */
void *bf_map_mmap(int fd, size_t len, bool write);
/* A part, from a page's begin on: the kernel fills in all pages at once, which takes time for large maps. */
void *bf_map_mmap_at(int fd, uint64_t at, size_t len, bool write);
void bf_map_munmap(void *p, size_t len);

struct bf_prog_desc {
	const char *name;
	uint32_t type, attach_type, flags;
	const struct bpf_insn *insns;
	uint32_t n_insns;
	char *log; /* NULL: no log */
	uint32_t log_size;
	int btf; /* describes the functions; only looked at with funcs */
	const struct bpf_func_info *funcs;
	uint32_t n_funcs;
};
int bf_prog_load(const struct bf_prog_desc *p);
int bf_prog_info(int fd, struct bpf_prog_info *info);
int bf_btf_load(const void *data, uint32_t len); /* types of a program, not the kernel's (kern/btf.h) */

struct bf_run_desc {
	int prog;
	const void *data, *ctx;
	uint32_t data_len, ctx_len, repeat;
	uint32_t retval, duration; /* answers */
};
int bf_prog_run(struct bf_run_desc *r);

/* What BPF_OBJ_GET_INFO_BY_FD tells of a link. */
struct bf_link_info {
	uint32_t type, id, prog_id, pad;
	union {
		struct {
			uint32_t pf, hook;
			int32_t priority;
			uint32_t flags;
		} nf;
		uint32_t ifindex; /* XDP, tcx; 0: the device is gone */
		struct {
			uint64_t id;  /* 0: the group is gone */
			uint32_t attach;
		} cgroup;
		uint64_t room[8];
	};
};

struct bf_link_desc {
	int prog;
	uint32_t target; /* index of a device, or a control group's descriptor */
	uint32_t attach, flags;
	int relative;    /* a link at the same hook, or -1: behind all */
	bool before;     /* before that, else behind it */
};
/* In the caller's current network namespace. */
int bf_link_create(const struct bf_link_desc *l);
int bf_link_netfilter(int prog, uint32_t family, uint32_t hook, int priority, uint32_t flags);
int bf_link_detach(int link);
int bf_link_info(int link, struct bf_link_info *info);

int bf_pin(int fd, const char *path);
int bf_pin_get(const char *path);

#endif
