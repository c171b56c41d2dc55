/* SPDX-License-Identifier: GPL-2.0-only */
/* netlist.h: all network namespaces of the machine, with the number of references that keep each alive. */
#ifndef BF_KERN_NETLIST_H
#define BF_KERN_NETLIST_H

#include "base/diag.h"
#include "kern/types.h"

struct bf_netns {
	uint64_t cookie;
	uint32_t refs, pad;
};

struct bf_netlist {
	int map, prog;
	int dead; /* linkdead.c */
	void *mem;
};

/* base: as in bf_types_open. */
int bf_netlist_open(struct bf_netlist *l, const char *base, struct bf_diag *d);
void bf_netlist_close(struct bf_netlist *l);
#define _cleanup_netlist_ _cleanup_(bf_netlist_close)
#define BF_NETLIST_NONE { -1, -1, -1, NULL }

/* Looks again. *list lies in the map until the next look. -EAGAIN: some came and went meanwhile, nothing is known. */
int bf_netlist_look(const struct bf_netlist *l, const struct bf_netns **list, uint32_t *n);

/* linkdead.c: a program that looks, its descriptor; then 1: attached, 0: detached, or -errno. */
int bf_linkdead_load(struct bf_types *types, struct bf_diag *d);
int bf_link_is_alive(int prog, int link);

#endif
