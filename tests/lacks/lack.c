/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lack.c: a library to be preloaded. It stands between a program and the
 * kernel, and answers for a kernel that lacks what BF_LACK names (one or more
 * words):
 *
 *   may_goto    Linux before 6.9: the verifier does not know that instruction
 *   netfilter   before 6.4: nor programs at netfilter hooks
 *   bpf         a kernel without bpf(2), or no right to it
 *   btf         without its own types
 *   nf_tables   without nfnetlink
 *   notify      seccomp without user notification
 */
#undef _FILE_OFFSET_BITS /* it would make one name of open and open64 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TYPE_NETFILTER = 32, MAY_GOTO = 0xe5 };

long syscall(long nr, ...);
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int socket(int domain, int type, int protocol);

static bool lacks(const char *what)
{
	const char *list = getenv("BF_LACK");
	size_t n = strlen(what);

	for (const char *p = list; p && (p = strstr(p, what)); p += n)
		if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static bool has_may_goto(const union bpf_attr *a)
{
	const struct bpf_insn *insns = (const void *)(unsigned long)a->insns;

	for (unsigned i = 0; i < a->insn_cnt; i++) {
		if (insns[i].code == MAY_GOTO)
			return true;
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
	}
	return false;
}

/* errno, or 0: the kernel may have it. */
static int refuse_bpf(long cmd, const union bpf_attr *a)
{
	if (lacks("bpf"))
		return EPERM;
	if (cmd != BPF_PROG_LOAD)
		return 0;
	if (lacks("netfilter") && a->prog_type == TYPE_NETFILTER)
		return EINVAL;
	return lacks("may_goto") && has_may_goto(a) ? EINVAL : 0;
}

long syscall(long nr, ...)
{
	static long (*next)(long nr, ...);
	long a[6];
	va_list args;
	int err = 0;

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (nr == SYS_bpf)
		err = refuse_bpf(a[0], (const void *)a[1]);
	else if (nr == SYS_seccomp && lacks("notify"))
		err = EINVAL;
	if (err) {
		errno = err;
		return -1;
	}
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int do_open(const char *name, const char *path, int flags, unsigned mode)
{
	int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);

	if (strstr(path, "/sys/kernel/btf/") && lacks("btf")) {
		errno = ENOENT;
		return -1;
	}
	return next(path, flags, mode);
}

#define OPEN(name)                                                  \
	int name(const char *path, int flags, ...)                      \
	{                                                               \
		va_list args;                                               \
		unsigned mode;                                              \
                                                                    \
		va_start(args, flags);                                      \
		mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;        \
		va_end(args);                                               \
		return do_open(#name, path, flags, mode);                   \
	}

OPEN(open)
OPEN(open64)

int socket(int domain, int type, int protocol)
{
	static int (*next)(int domain, int type, int protocol);

	if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER && lacks("nf_tables")) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	if (!next)
		next = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
	return next(domain, type, protocol);
}
