/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/fault.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "kern/btf.h"
#include "kern/sys.h"

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
	if ((kind != FAULT_FAIL && kind != FAULT_KILL) || ++count != turn)
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

int __real_bf_sys_bpf(int cmd, void *attr, unsigned size);
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size);
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size)
{
	if (kind == FAULT_NO_NETFILTER && cmd == BPF_PROG_LOAD && *(uint32_t *)attr == BF_PROG_TYPE_NETFILTER)
		return -EINVAL;
	return fails("bf_sys_bpf") ? -ENOMEM : __real_bf_sys_bpf(cmd, attr, size);
}

int __real_bf_btf_open(struct bf_btf **out);
int __wrap_bf_btf_open(struct bf_btf **out);
int __wrap_bf_btf_open(struct bf_btf **out)
{
	return kind == FAULT_NO_BTF ? -ENOENT : __real_bf_btf_open(out);
}

int __real_bf_btf_peek(void);
int __wrap_bf_btf_peek(void);
int __wrap_bf_btf_peek(void)
{
	return kind == FAULT_NO_BTF ? -ENOENT : __real_bf_btf_peek();
}

WRAP(void *, malloc, (size_t n), (n), NULL)
WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP(void *, mmap, (void *a, size_t l, int p, int f, int fd, off_t o), (a, l, p, f, fd, o), MAP_FAILED)
WRAP(int, mkdir, (const char *p, mode_t m), (p, m), -1)
WRAP(int, rmdir, (const char *p), (p), -1)
WRAP(int, unlink, (const char *p), (p), -1)
WRAP(int, unlinkat, (int fd, const char *p, int f), (fd, p, f), -1)
WRAP(int, linkat, (int a, const char *p, int b, const char *q, int f), (a, p, b, q, f), -1)
WRAP(int, rename, (const char *p, const char *q), (p, q), -1)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(void *, mnl_socket_open2, (int bus, int flags), (bus, flags), NULL)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), -1)
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1)
WRAP(int, setns, (int fd, int type), (fd, type), -1)
