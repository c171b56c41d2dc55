/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.c: a list of blocks, each twice the last up to 1 MiB; what does not
 * fit the current block opens a new one, large requests get one of their own.
 * Blocks of that size come from the kernel and go back to it: the model of a
 * million rules is gone when the maps are filled that were made of it, and its
 * memory should be, too, wherever malloc() has put what came behind it.
 */
#include "base/arena.h"

#include <sys/mman.h>

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20, ALIGNMENT = 16 };

struct block {
	struct block *next;
	size_t used, size;
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

static bool is_mapped(size_t size)
{
	return size >= BLOCK_MAX;
}

/* All zeroes. size: of its data */
static struct block *get_block(size_t size)
{
	struct block *b;

	if (!is_mapped(size))
		return calloc(1, sizeof(*b) + size);
	b = mmap(NULL, sizeof(*b) + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return b == MAP_FAILED ? NULL : b;
}

static void free_block(struct block *b)
{
	if (is_mapped(b->size))
		munmap(b, sizeof(*b) + b->size);
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

	if (want > SIZE_MAX - sizeof(*b))
		return NULL;
	b = get_block(want);
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
