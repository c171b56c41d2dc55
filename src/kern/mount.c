/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mount.c: the bpffs at /run/bpfilter (path.h). The mount has to be made in
 * process 1's mount namespace: by a thread, since only a thread can change its
 * mount namespace alone, and it never has to find its way back: it ends.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kern/path.h"

#define PLAIN "/run/bpfilter"

static bool is_bpffs(const char *path)
{
	struct statfs s;

	errno = 0;
	return !statfs(path, &s) && s.f_type == BPF_FS_MAGIC;
}

/*
 * Two processes may come here at once: the lock on the directory below the
 * mount makes the second see the first's mount instead of mounting over it.
 */
static int mount_here(void)
{
	_cleanup_close_ int fd = -1;

	if (mkdir(PLAIN, 0700) && errno != EEXIST)
		return -errno;
	fd = open(PLAIN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		return -errno;
	if (is_bpffs(PLAIN))
		return 0;
	return mount("bpfilter", PLAIN, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ? -errno : 0;
}

struct job {
	int mnt; /* mount namespace to do it in, or -1: the present one */
	int err;
};

static void *mount_thread(void *arg)
{
	struct job *j = arg;

	if (j->mnt >= 0 && (unshare(CLONE_FS) || setns(j->mnt, CLONE_NEWNS)))
		j->err = -errno;
	else
		j->err = mount_here();
	return NULL;
}

static int mount_in(int mnt)
{
	struct job j = { .mnt = mnt };
	pthread_t t;
	int err;

	if (mnt < 0)
		return mount_here();
	err = pthread_create(&t, NULL, mount_thread, &j);
	if (err)
		return -err;
	pthread_join(t, NULL);
	return j.err;
}

/* Parent of a process, 0: none or not to be seen. The name in the second field may hold anything, also brackets. */
static int parent_of(int pid)
{
	char path[BF_PATH_MAX], line[512] = "", *p;
	FILE *f;
	int parent = 0;

	bf_path(path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')) && sscanf(p, ") %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

static bool sees_root(int pid)
{
	char path[BF_PATH_MAX];

	bf_path(path, "/proc/%d/root/run", pid);
	return !access(path, F_OK);
}

/* Whose mount namespace: process 1's, else that of the farthest ancestor whose root we may look at. 0: our own. */
static int whose_mounts(void)
{
	int best = 0;

	if (sees_root(1))
		return 1;
	for (int pid = parent_of(getpid()); pid > 1; pid = parent_of(pid))
		if (sees_root(pid))
			best = pid;
	return best;
}

static int mount_failed(int err, struct bf_diag *d)
{
	const char *hint = "";

	if (err == -EPERM || err == -EACCES)
		hint = ": CAP_SYS_ADMIN is needed for the first use; or mount it beforehand: mount -t bpf bpfilter " PLAIN;
	else if (err == -ENODEV)
		hint = ": the kernel has no bpf file system (CONFIG_BPF_SYSCALL)";
	else if (err == -ENOENT)
		hint = ": there is no /run";
	return bf_diag_error(d, err, "cannot mount the bpf file system at " PLAIN ": %s%s", strerror(-err), hint);
}

int bf_path_base(char out[BF_PATH_MAX], bool create, struct bf_diag *d)
{
	_cleanup_close_ int mnt = -1;
	int pid = whose_mounts(), err = 0;
	char ns[BF_PATH_MAX];

	bf_path(out, "%s", PLAIN);
	if (pid)
		bf_path(out, "/proc/%d/root" PLAIN, pid);
	if (is_bpffs(out))
		return 0;
	if (!create)
		return errno == EACCES ? bf_diag_error(d, -EACCES, "may not look into " PLAIN ": only root may") : -ENOENT;
	bf_path(ns, "/proc/%d/ns/mnt", pid);
	if (pid)
		mnt = open(ns, O_RDONLY | O_CLOEXEC);
	err = pid && mnt < 0 ? -errno : mount_in(mnt);
	if (!err && !is_bpffs(out))
		err = -ENODEV;
	return err ? mount_failed(err, d) : 0;
}
