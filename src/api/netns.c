/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns.c: sockets and /proc/net files belong to the namespace they are opened
 * in, and keep it. So the thread goes there, opens, and comes back; if it
 * could not come back it would go on in the wrong namespace, so it checks the
 * way home before it leaves.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "api/ctx.h"

struct visit {
	int home; /* -1: stayed at home */
};

static int enter(struct visit *v, int netns)
{
	v->home = -1;
	if (netns < 0)
		return 0;
	v->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (v->home < 0 || setns(v->home, CLONE_NEWNET) || setns(netns, CLONE_NEWNET)) {
		int rc = -errno;

		bf_closep(&v->home);
		return rc;
	}
	return 0;
}

static void leave(struct visit *v)
{
	if (v->home < 0)
		return;
	(void)!setns(v->home, CLONE_NEWNET); /* worked a moment ago */
	close(v->home);
}

int bf_netns_socket(int netns, int family)
{
	struct visit v;
	int fd, rc = enter(&v, netns);

	if (rc)
		return rc;
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	rc = fd < 0 ? -errno : fd;
	leave(&v);
	return rc;
}

/* Without O_CLOEXEC alone the flags would be those that a supervisor around us answers (serve/filter.c). */
int bf_netns_open_proc(int netns, const char *file)
{
	struct visit v;
	char path[64];
	int fd, rc = enter(&v, netns);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	rc = fd < 0 ? -errno : fd;
	leave(&v);
	return rc;
}
