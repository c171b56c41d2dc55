/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ahead.bpf.c: looking ahead. In a large forest nearly each node and each leaf
 * has to be waited for, and a walk through one tree cannot begin before it is
 * known where the one before ends: that is what a branch waits for. So all trees
 * are gone down some levels first, without a branch that depends on what is
 * found there: the processor waits for all of them at the same time. The
 * walks then begin where this ended, and find leaves in the cache.
 */
#include "rt/classify.h"

/* One level: the place of the node, or the same place again if there is a leaf. */
#define AHEAD_LEVEL(f, at, node)                                                                     \
	child = (__u32)node + 2 * (__u64)window(KEY(f, node >> 48 & (BF_KEY_WORDS - 1)), node);              \
	child ^= (child ^ at) & (__s64)node >> 63;                                                       \
	at = child;                                                                                      \
	if (!is_there(&child, 2))                                                                        \
		return 0;                                                                                      \
	node = *(const volatile __u64 *)words_at(child);

#define AHEAD(t)                                                                                     \
	if (h->ahead <= t)                                                                             \
		return 0;                                                                                      \
	at = head + TREES_AT + t * TREE_WORDS;                                                           \
	node = h->tree[t].root;                                                                          \
	AHEAD_LEVEL(f, at, node)                                                                         \
	AHEAD_LEVEL(f, at, node)                                                                         \
	f->key[ahead_word(t)] = at;                                                                      \
	child = (__u32)node;                                                                             \
	if (is_there(&child, 1))                                                                         \
		*(const volatile __u32 *)words_at(child);

APART int bf_ahead(struct bf_frame *f, __u32 head)
{
	const struct bf_class_head *h;
	__u64 node, child;
	__u32 at;

	if (!f || !config.structs)
		return 0;
	h = head_at(head);
	if (!h)
		return 0;
	_Static_assert(BF_CLASS_AHEAD_TREES == 6, "so many");
	AHEAD(0) AHEAD(1) AHEAD(2) AHEAD(3) AHEAD(4) AHEAD(5)
	return 0;
}
