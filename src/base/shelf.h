/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shelf.h: memory for what is large, read once from its beginning to its end, and read once more much later: a table as
 * iptables hands it over. What has been read is put on the shelf: it no longer counts as this process's, the kernel may
 * swap it out, and who reads it again finds it there. Who reads need not know whether it lies in such memory.
 */
#ifndef BF_SHELF_H
#define BF_SHELF_H

#include "base/base.h"

/* NULL: out of memory. Little is malloc'ed. */
void *bf_shelf_alloc(size_t len);
void bf_shelf_free(void *p); /* only what bf_shelf_alloc gave, or NULL */

/* Puts the whole pages that end in there on the shelf; nothing happens to memory of other kinds. */
void bf_shelf_put(const void *p, size_t len);

enum { BF_SHELF_STEP = 1 << 20 }; /* bytes: less is not worth a system call */

static inline void bf_shelf_freep(void *p)
{
	bf_shelf_free(*(void **)p);
}
#define _cleanup_shelf_ _cleanup_(bf_shelf_freep)

#endif
