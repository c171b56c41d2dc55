/* SPDX-License-Identifier: GPL-2.0-only */
/* alloc.c: allocations that fail (alloc.h), by the linker's --wrap. */
#include "lib/alloc.h"

#include <stdio.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

const char *__asan_default_options(void);

/* Sizes that nobody can have are asked for on purpose. */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static unsigned long count, fail_at;
static long live;

void test_alloc_fail(unsigned long n)
{
	count = 0;
	fail_at = n;
}

unsigned long test_alloc_count(void)
{
	return count;
}

long test_alloc_live(void)
{
	return live;
}

static bool fails(void)
{
	if (++count != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *got(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : got(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : got(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	void *q = fails() ? NULL : __real_realloc(p, n);

	live += !p && q;
	return q;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

long test_alloc_each(int (*f)(void *ctx), void *ctx)
{
	for (unsigned long n = 0;; n++) {
		long before = live;
		bool failed;
		int err;

		test_alloc_fail(n);
		err = f(ctx);
		failed = n && count >= n;
		test_alloc_fail(0);
		if (live != before) {
			fprintf(stderr, "allocation %lu failing leaks %ld allocations\n", n, live - before);
			return -1;
		}
		if (err && (err != -ENOMEM || !failed)) {
			fprintf(stderr, "allocation %lu failing gives %d\n", n, err);
			return -1;
		}
		if (n && !failed)
			return (long)n - 1;
	}
}
