/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.h: allocations that fail. A program linked with alloc_dep has malloc,
 * calloc, realloc and reallocarray of the code under test wrapped.
 */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include "base/base.h"

/* The n-th allocation from now on fails (1: the next one); 0: none does. */
void test_alloc_fail(unsigned long n);

/* Allocations since then, and what is allocated and not freed. */
unsigned long test_alloc_count(void);
long test_alloc_live(void);

/*
 * Runs f(ctx) again and again: first every allocation works, then the first
 * fails, then the second, ... f returns 0 or -errno; it must return -ENOMEM
 * when one failed, or 0 if it could do without, and leave nothing allocated.
 * Returns how many allocations were failed, -1 with a message on stderr when
 * f did otherwise.
 */
long test_alloc_each(int (*f)(void *ctx), void *ctx);

#endif
