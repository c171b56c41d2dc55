/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.h: threads that share the work of one call of the library. They are there as long as that call lasts, have all
 * signals blocked, and call nobody but what they are told. What comes of work must not depend on who did which
 * part of it, and when: parts are cut by what there is to do, not by the number of threads.
 */
#ifndef BF_POOL_H
#define BF_POOL_H

#include "base/base.h"

enum { BF_POOL_MAX = 8 }; /* threads, the caller's included */

/* Starts none yet. threads: at most so many; 0: one for each CPU that the caller may use. NULL: out of memory. */
struct bf_pool *bf_pool_new(unsigned threads);
void bf_pool_free(struct bf_pool *p);

/*
 * Does parts 0 to n - 1 of some work, each once, several at a time; returns when all are done. worker: below BF_POOL_MAX,
 * one part at a time; 0 is the caller's thread. Without a pool, or threads, the caller's does it all, in order.
 */
typedef void bf_pool_fn(void *arg, uint32_t part, unsigned worker);
void bf_pool_run(struct bf_pool *p, uint32_t n, bf_pool_fn *work, void *arg);

#endif
