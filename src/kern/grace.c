/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * grace.c: a packet is inside an RCU read-side section while it goes through a
 * hook, so what is needed is the kernel's synchronize_rcu(). An update of an
 * array of maps ends with one: that is how the kernel promises that programs
 * have let go of the old inner map. membarrier(2)'s does nothing on a machine
 * with one CPU (where a packet can be preempted all the same) and is refused
 * on nohz_full ones; it is the second choice. grace_fast.c has a faster way.
 */
#include "kern/grace.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

#include "kern/sys.h"

int bf_grace_prepare(struct bf_grace *g, struct bf_diag *d)
{
	struct bf_map_desc m = { "bf_grace", BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, 0 };

	*g = (struct bf_grace)BF_GRACE_NONE;
	g->inner = bf_map_create(&m);
	if (g->inner >= 0) {
		m.type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
		m.inner_fd = g->inner;
		g->outer = bf_map_create(&m);
	}
	if (g->outer < 0) {
		int err = g->inner < 0 ? g->inner : g->outer;

		bf_grace_close(g);
		return bf_diag_error(d, err, "cannot make a map: %s", strerror(-err));
	}
	return 0;
}

void bf_grace_wait(const struct bf_grace *g)
{
	uint32_t key = 0;

	if (g->fast && !bf_grace_expedited())
		return;
	if (!bf_map_update(g->outer, &key, &g->inner, BPF_ANY))
		return;
	if (!syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return;
	usleep(200000); /* much longer than any packet's way through a hook */
}

void bf_grace_close(struct bf_grace *g)
{
	if (g->inner >= 0)
		close(g->inner);
	if (g->outer >= 0)
		close(g->outer);
	*g = (struct bf_grace)BF_GRACE_NONE;
}
