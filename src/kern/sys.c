/* SPDX-License-Identifier: GPL-2.0-only */
/* sys.c: bpf(2) itself, nothing else: the tests replace this one function. */
#include "kern/sys.h"

#include <sys/syscall.h>

int bf_sys_bpf(int cmd, void *attr, unsigned size)
{
	long r = syscall(__NR_bpf, cmd, attr, size);

	return r < 0 ? -errno : (int)r;
}
