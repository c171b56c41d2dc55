/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * base.h: the small things every folder uses. libc only.
 *
 * Errors: functions that can fail return 0 or -errno; what a person should
 * read about it goes into a struct bf_diag (diag.h). Memory: in bulk from a
 * struct bf_arena (arena.h), or visibly owned by one variable (the cleanup
 * macros below). Every destructor takes NULL.
 */
#ifndef BF_BASE_H
#define BF_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BF_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BF_ALIGN(x, a) (((x) + (a) - 1) / (a) * (a))
#define BF_MIN(a, b) ((a) < (b) ? (a) : (b))
#define BF_MAX(a, b) ((a) > (b) ? (a) : (b))
#define bf_printf_like(f, a) __attribute__((format(printf, f, a)))

/* 128 bits, host order: the widest value of a packet field (an IPv6 address,
 * an interface name read as a big-endian number). */
__extension__ typedef unsigned __int128 bf_u128;

/* Variables that clean up after themselves when they leave their scope.
 * TAKE_PTR/TAKE_FD move the value out, so that the cleanup finds nothing. */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(bf_freep)
#define _cleanup_close_ _cleanup_(bf_closep)

#define TAKE_PTR(p)              \
	({                           \
		__typeof__(p) _t = (p);  \
		(p) = NULL;              \
		_t;                      \
	})
#define TAKE_FD(fd)     \
	({                  \
		int _t = (fd);  \
		(fd) = -1;      \
		_t;             \
	})

static inline void bf_freep(void *p)
{
	free(*(void **)p);
}

static inline void bf_closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

#endif
