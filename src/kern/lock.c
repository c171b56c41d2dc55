/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lock.c: writers of one namespace exclude each other by flock(2) on its
 * directory: a killed holder's lock is gone with its descriptors. Who waited
 * may get the lock of a directory that was removed meanwhile: then once more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "kern/carry.h"
#include "kern/ns.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* flock(2) knows no time-out, so with one it is asked again and again. */
static int take(int fd, int64_t deadline)
{
	struct timespec pause = { .tv_nsec = 500000 };

	for (;;) {
		if (!flock(fd, deadline < 0 ? LOCK_EX : LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (deadline < 0)
			continue;
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 8000000)
			pause.tv_nsec *= 2;
	}
}

int bf_ns_lock(struct bf_ns *ns, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct stat st;
	int err;

	if (ns->locked)
		return 0;
	for (;;) {
		err = bf_ns_refresh(ns);
		if (err == -ENOENT && ns->dir_fd < 0 && ns->create && (!mkdir(ns->dir, 0700) || errno == EEXIST))
			continue;
		if (err && !(err == -ENOENT && ns->dir_fd >= 0)) /* a directory without objects can be locked */
			return err;
		err = take(ns->dir_fd, deadline);
		if (err)
			return err;
		if (!fstat(ns->dir_fd, &st) && st.st_nlink)
			break;
		bf_ns_forget(ns);
	}
	ns->locked = true;
	err = bf_ns_reopen(ns); /* another may have made the objects while we waited, or removed them and been killed */
	if (!err)
		err = bf_carry_all(ns);
	if (!err || err == -ENOENT)
		return 0;
	bf_ns_unlock(ns);
	return err;
}

/* "3: FLOCK  ADVISORY  WRITE 10169 00:27:66420490 0 EOF" */
pid_t bf_ns_locker(const struct bf_ns *ns)
{
	FILE *f = fopen("/proc/locks", "re");
	unsigned long inode;
	struct stat st;
	char line[200];
	int pid, found = 0;

	while (f && !found && !fstat(ns->dir_fd, &st) && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %*x:%*x:%lu", &pid, &inode) == 2 && inode == st.st_ino)
			found = pid;
	if (f)
		fclose(f);
	return found;
}

void bf_ns_unlock(struct bf_ns *ns)
{
	if (!ns->locked)
		return;
	flock(ns->dir_fd, LOCK_UN);
	ns->locked = false;
}
