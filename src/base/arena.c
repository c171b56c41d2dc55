/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.c: a list of blocks, each twice the last up to 4 MiB; what does not
 * fit the current block opens a new one, large requests get one of their own.
 * Large blocks are made of huge pages where the kernel has some: taking memory
 * page by page is a quarter of the work on a table of 100,000 rules.
 */
#include "base/arena.h"

#include <sys/mman.h>

enum { BLOCK_MIN = 4096, BLOCK_MAX = 4 << 20, HUGE_PAGE = 2 << 20, ALIGNMENT = 16 };

struct block {
	struct block *next;
	size_t used, size;
	size_t mapped; /* bytes, or 0: from calloc */
	_Alignas(ALIGNMENT) char data[];
};

struct bf_arena {
	struct block *head;
	size_t next_size;
};

struct bf_arena *bf_arena_new(void)
{
	struct bf_arena *a = calloc(1, sizeof(*a));

	if (a)
		a->next_size = BLOCK_MIN;
	return a;
}

/* Zeroes, on a boundary of huge pages. */
static struct block *map_block(size_t len)
{
	char *p = mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	struct block *b;

	if (p == MAP_FAILED)
		return NULL;
	q = (char *)BF_ALIGN((uintptr_t)p, (uintptr_t)HUGE_PAGE);
	if (q > p)
		munmap(p, (size_t)(q - p));
	munmap(q + len, (size_t)(p + HUGE_PAGE - q));
	madvise(q, len, MADV_HUGEPAGE); /* no matter if not */
	b = (struct block *)q;
	b->mapped = len;
	return b;
}

static void free_block(struct block *b)
{
	if (b->mapped)
		munmap(b, b->mapped);
	else
		free(b);
}

void bf_arena_free(struct bf_arena *a)
{
	if (!a)
		return;
	while (a->head) {
		struct block *b = a->head;

		a->head = b->next;
		free_block(b);
	}
	free(a);
}

static struct block *new_block(struct bf_arena *a, size_t size)
{
	size_t want = BF_MAX(size, a->next_size);
	struct block *b;

	if (want > SIZE_MAX / 2)
		return NULL;
	if (want >= HUGE_PAGE)
		want = BF_ALIGN(want + sizeof(*b), (size_t)HUGE_PAGE) - sizeof(*b);
	b = want < HUGE_PAGE ? calloc(1, sizeof(*b) + want) : map_block(sizeof(*b) + want);
	if (!b)
		return NULL;
	b->size = want;
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	b->next = a->head;
	a->head = b;
	return b;
}

void *bf_arena_alloc(struct bf_arena *a, size_t size)
{
	struct block *b = a->head;
	void *p;

	if (size > SIZE_MAX - ALIGNMENT)
		return NULL;
	size = BF_ALIGN(size, (size_t)ALIGNMENT);
	if (!b || b->size - b->used < size) {
		b = new_block(a, size);
		if (!b)
			return NULL;
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *bf_arena_calloc(struct bf_arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return bf_arena_alloc(a, total);
}

void *bf_arena_memdup(struct bf_arena *a, const void *p, size_t size)
{
	void *q = bf_arena_alloc(a, size);

	if (q && size)
		memcpy(q, p, size);
	return q;
}

char *bf_arena_strndup(struct bf_arena *a, const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *q = bf_arena_alloc(a, len + 1);

	if (q)
		memcpy(q, s, len);
	return q;
}

char *bf_arena_strdup(struct bf_arena *a, const char *s)
{
	return bf_arena_strndup(a, s, SIZE_MAX - 1);
}
