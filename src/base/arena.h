/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h: memory owned in bulk. A ruleset, an image, a decoded blob each own
 * one arena; nothing in it is freed alone. All memory comes back zeroed.
 */
#ifndef BF_ARENA_H
#define BF_ARENA_H

#include "base/base.h"

struct bf_arena;

struct bf_arena *bf_arena_new(void);
void bf_arena_free(struct bf_arena *a);
#define _cleanup_arena_ _cleanup_(bf_arena_freep)
static inline void bf_arena_freep(struct bf_arena **a)
{
	bf_arena_free(*a);
}

/* All return NULL when memory runs out; size 0 gives a valid pointer.
 * Memory is zeroed and aligned for any type. */
void *bf_arena_alloc(struct bf_arena *a, size_t size);
void *bf_arena_calloc(struct bf_arena *a, size_t n, size_t size); /* NULL on overflow of n * size too */
void *bf_arena_memdup(struct bf_arena *a, const void *p, size_t size);
char *bf_arena_strdup(struct bf_arena *a, const char *s);
char *bf_arena_strndup(struct bf_arena *a, const char *s, size_t max);

#define bf_arena_new_of(a, type) ((type *)bf_arena_alloc((a), sizeof(type)))
#define bf_arena_array(a, n, type) ((type *)bf_arena_calloc((a), (n), sizeof(type)))

#endif
