/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/fault.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static enum fault kind;
static unsigned count, turn;
static const char *where = "";

void fault_arm(enum fault k, unsigned at)
{
	count = 0;
	turn = at;
	kind = k;
}

unsigned fault_disarm(void)
{
	kind = FAULT_NONE;
	return count;
}

const char *fault_where(void)
{
	return where;
}

static bool fails(const char *name)
{
	if (kind == FAULT_NONE || ++count != turn)
		return false;
	if (kind == FAULT_KILL)
		kill(getpid(), SIGKILL);
	where = name;
	errno = ENOMEM;
	return true;
}

#define WRAP(type, name, params, args, bad)                   \
	type __real_##name params;                                \
	type __wrap_##name params;                                \
	type __wrap_##name params                                 \
	{                                                         \
		return fails(#name) ? (bad) : __real_##name args;     \
	}

WRAP(int, bf_sys_bpf, (int cmd, void *attr, unsigned size), (cmd, attr, size), -ENOMEM)
WRAP(void *, malloc, (size_t n), (n), NULL)
WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP(void *, mmap, (void *a, size_t l, int p, int f, int fd, off_t o), (a, l, p, f, fd, o), MAP_FAILED)
WRAP(int, mkdir, (const char *p, mode_t m), (p, m), -1)
WRAP(int, rmdir, (const char *p), (p), -1)
WRAP(int, unlink, (const char *p), (p), -1)
WRAP(int, unlinkat, (int fd, const char *p, int f), (fd, p, f), -1)
WRAP(int, linkat, (int a, const char *p, int b, const char *q, int f), (a, p, b, q, f), -1)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(void *, mnl_socket_open2, (int bus, int flags), (bus, flags), NULL)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), -1)
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1)
WRAP(int, setns, (int fd, int type), (fd, type), -1)
