/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_place.c: chains of one table that stand at one place: at a hook, of the
 * same device or control group where it is of these. They run by priority, and
 * where that is the same the one that was made last comes first, as with nft.
 * The programs get priorities that say so: those that come first are put
 * before the ones behind, with room for a companion.
 */
#include <limits.h>

#include "front/native/evaluate.h"

enum { ROOM = 4 };

static bool share_device(const struct bf_attach *a, const struct bf_attach *b)
{
	for (uint32_t i = 0; i < a->n_devices; i++)
		for (uint32_t k = 0; k < b->n_devices; k++)
			if (!strcmp(a->devices[i], b->devices[k]))
				return true;
	return false;
}

static bool same_place(const struct bf_chain *a, const struct bf_chain *b)
{
	if (!a->base || !b->base || a->at.hook != b->at.hook)
		return false;
	switch (bf_hook_kinds[a->at.hook].point) {
	case BF_POINT_DEVICE:
		return share_device(&a->at, &b->at);
	case BF_POINT_CGROUP:
		return a->at.cgroup && b->at.cgroup && !strcmp(a->at.cgroup, b->at.cgroup);
	default:
		return true;
	}
}

/* Does chain i run before chain k? */
static bool is_first(const struct bf_ev *ev, uint32_t i, uint32_t k)
{
	int a = ev->chains[i].ast->base->prio, b = ev->chains[k].ast->base->prio;

	return a < b || (a == b && i > k);
}

/* True: something had to move. */
static bool keep_apart(struct bf_ev *ev, uint32_t i, uint32_t k)
{
	struct bf_chain *first = ev->chains[i].model, *second = ev->chains[k].model;

	if (!is_first(ev, i, k) || !same_place(first, second))
		return false;
	if (first->at.hook == BF_HOOK_XDP)
		return bf_ev_error(ev, ev->chains[k].ast->base->loc, "a device has one XDP program: that of chain '%s'", first->name);
	if (first->at.priority < second->at.priority)
		return false;
	if (second->at.priority < INT_MIN + 2 * ROOM)
		return bf_ev_error(ev, ev->chains[k].ast->base->loc, "there is no priority left before it for chain '%s'", first->name);
	first->at.priority = second->at.priority - ROOM;
	return true;
}

void bf_ev_places(struct bf_ev *ev)
{
	_cleanup_free_ uint32_t *base = calloc(ev->n_chains + 1ul, sizeof(*base));
	bool moved = true;
	uint32_t n = 0;

	if (!base) {
		bf_ev_nomem(ev);
		return;
	}
	for (uint32_t i = 0; i < ev->n_chains; i++)
		if (ev->chains[i].ast->base)
			base[n++] = i;
	while (moved && !ev->errors) {
		moved = false;
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = 0; k < n; k++)
				moved |= keep_apart(ev, base[i], base[k]);
	}
}
