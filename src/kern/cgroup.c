/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup.c: control groups by their paths. The unified hierarchy may be
 * mounted anywhere, twice, or not where we look: `ip netns exec` puts a fresh
 * /sys over it. So it is mounted once more, to nowhere.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "kern/attach.h"

static int root_dir(void)
{
	_cleanup_close_ int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int bf_cgroup_open(const char *path)
{
	_cleanup_close_ int root = root_dir();
	int fd;

	if (root < 0)
		return root;
	while (*path == '/')
		path++;
	fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
