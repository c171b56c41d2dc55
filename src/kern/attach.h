/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.h: putting a program at a hook: netfilter, XDP, tc, control groups.
 * Each gives a descriptor that is pinned and by which the kernel tells later
 * what became of it: a link, or where the kernel has no links for tc (before
 * Linux 6.6) the program itself, held by a filter of clsact.
 */
#ifndef BF_KERN_ATTACH_H
#define BF_KERN_ATTACH_H

#include "kern/ns.h"

/* What the program of that hook returns for BF_DROP and BF_ACCEPT. Accepted is: the next program of the hook is asked. */
int bf_hook_code(uint8_t hook, int verdict);
/* Hooks whose programs can be in one prog array have the same number below BF_HOOKS. */
unsigned bf_hook_array(uint8_t hook);

struct bf_place {
	uint8_t hook, family, xdp_mode;
	const char *at;     /* device or control group; "" at netfilter hooks */
	int priority;       /* netfilter: exactly this one; others: wished for, among our own */
	int relative;       /* tc, control groups: a link of ours beside which it is to stand, or -1 */
	bool before;        /* which side of it */
	uint32_t number;    /* of the dispatcher */
	uint8_t *clsact;    /* set before a filter is made; what is pinned then is the program */
};

/* What a device or control group is called by the kernel, now and in this namespace: 0 if there is no such. */
uint64_t bf_attach_id(const struct bf_ns *ns, uint8_t hook, const char *at);

/* A descriptor to be pinned, or -errno: -EBUSY for a taken place, ... with an explanation. In the namespace. */
int bf_attach(const struct bf_ns *ns, int prog, const struct bf_place *p, struct bf_diag *d);
/* Takes it away. fd: what was pinned, or -1. */
void bf_detach(const struct bf_ns *ns, int fd, const struct bf_place *p, uint64_t id);
/* Is it still at what has that id? */
bool bf_attach_is_at(const struct bf_ns *ns, int fd, const struct bf_place *p, uint64_t id);

/* clsact.c: filters of tc, by netlink, in the caller's namespace. */
int bf_clsact_add(int prog, uint32_t ifindex, const struct bf_place *p);
int bf_clsact_delete(uint32_t ifindex, const struct bf_place *p);
bool bf_clsact_is_there(uint32_t ifindex, const struct bf_place *p);

/* cgroup.c: the control group's directory in cgroup2, or -errno. */
int bf_cgroup_open(const char *path);

#endif
