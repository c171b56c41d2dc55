/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shelf.c: see shelf.h. Shared memory without a name is a file to the kernel: pages that nobody maps stay in it. All that there
 * is is listed, as readers of malloc'ed memory must not lose theirs.
 */
#include "base/shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEAST = 4 << 20 };

struct shelf {
	char *p;
	size_t len;
	struct shelf *next;
};

static struct shelf *shelves;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The place in the list of the one that these bytes lie in; of its end if there is none. */
static struct shelf **find(const char *p, size_t len)
{
	struct shelf **s = &shelves;

	while (*s && (p < (*s)->p || p >= (*s)->p + (*s)->len || len > (size_t)((*s)->p + (*s)->len - p)))
		s = &(*s)->next;
	return s;
}

void *bf_shelf_alloc(size_t len)
{
	struct shelf *s = len < LEAST ? NULL : malloc(sizeof(*s));
	void *p = s ? mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;

	if (p == MAP_FAILED) {
		free(s);
		return malloc(len);
	}
	*s = (struct shelf){ .p = p, .len = len };
	pthread_mutex_lock(&lock);
	s->next = shelves;
	shelves = s;
	pthread_mutex_unlock(&lock);
	return p;
}

void bf_shelf_free(void *p)
{
	struct shelf **at, *s;

	pthread_mutex_lock(&lock);
	at = find(p, 1);
	s = *at;
	if (s)
		*at = s->next;
	pthread_mutex_unlock(&lock);
	if (s)
		munmap(s->p, s->len);
	else
		free(p);
	free(s);
}

void bf_shelf_put(const void *p, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)p / page * page, end = ((uintptr_t)p + len) / page * page;
	bool there;

	pthread_mutex_lock(&lock);
	there = *find(p, len);
	pthread_mutex_unlock(&lock);
	if (there && end > begin)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
