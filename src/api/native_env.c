/* SPDX-License-Identifier: GPL-2.0-only */
/* native_env.c: what the text of a table cannot say: interfaces, users, groups, control groups, the time zone, the kernel's configuration. */
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <zlib.h>

#include "api/native.h"
#include "base/lazy.h"
#include "kern/attach.h"

#define ZLIB(F) F(gzopen) F(gzgets) F(gzclose)
BF_LAZY(zlib, ZLIB, "libz.so.1")

static int ask_socket(int netns, const char *name, uint32_t *out)
{
	_cleanup_close_ int fd = bf_netns_socket(netns, AF_INET);
	struct ifreq r = {};
	size_t len = strlen(name);

	if (fd < 0)
		return fd;
	if (len >= sizeof(r.ifr_name))
		return -ENODEV;
	memcpy(r.ifr_name, name, len);
	if (ioctl(fd, SIOCGIFINDEX, &r))
		return -errno;
	*out = (uint32_t)r.ifr_ifindex;
	return 0;
}

static int ifindex(void *arg, const char *name, uint32_t *out)
{
	const struct bf_ctx *ctx = arg;

	if (ctx->netns >= 0)
		return ask_socket(ctx->netns, name, out);
	*out = if_nametoindex(name);
	return *out ? 0 : -errno;
}

enum { ENTRY = 65536 }; /* large groups have long lines */

static int user(void *arg, const char *name, bool group, uint32_t *out)
{
	_cleanup_free_ char *room = malloc(ENTRY);
	struct passwd u, *found_user = NULL;
	struct group g, *found_group = NULL;

	(void)arg;
	if (!room)
		return -ENOMEM;
	if (group)
		getgrnam_r(name, &g, room, ENTRY, &found_group);
	else
		getpwnam_r(name, &u, room, ENTRY, &found_user);
	if (!found_user && !found_group)
		return -ENOENT;
	*out = group ? g.gr_gid : u.pw_uid;
	return 0;
}

/* The number of a control group is its directory's. Who may not mount looks where it mostly is. */
static int cgroup(void *arg, const char *name, uint64_t *out)
{
	_cleanup_close_ int fd = bf_cgroup_open(name);
	struct stat st;
	char path[4096];

	(void)arg;
	if (fd == -EPERM && snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name) < (int)sizeof(path))
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -ENOENT;
	*out = st.st_ino;
	return 0;
}

static int option_in(const char *path, const char *name, struct bf_buf *out)
{
	size_t len = strlen(name);
	char line[4096];
	int rc = -ENOENT;
	gzFile f;

	if (zlib_load())
		return rc;
	f = zlib.gzopen(path, "re");
	while (f && rc && zlib.gzgets(f, line, sizeof(line))) {
		if (strncmp(line, name, len) || line[len] != '=')
			continue;
		line[strcspn(line, "\n")] = '\0';
		bf_buf_puts(out, line + len + 1);
		rc = out->err;
	}
	if (f)
		zlib.gzclose(f);
	return rc;
}

/* Of the running kernel: its version, or a line of its .config. */
static int config(void *arg, const char *name, struct bf_buf *out)
{
	unsigned a = 0, b = 0, c = 0;
	struct utsname u;
	char path[128];
	int rc;

	(void)arg;
	uname(&u);
	if (!strcmp(name, "LINUX_KERNEL_VERSION")) {
		sscanf(u.release, "%u.%u.%u", &a, &b, &c);
		bf_buf_printf(out, "%u", a << 16 | b << 8 | BF_MIN(c, 255u));
		return out->err;
	}
	rc = option_in("/proc/config.gz", name, out);
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	return rc == -ENOENT ? option_in(path, name, out) : rc;
}

void bf_native_env(struct bf_eval_env *env, struct bf_ctx *ctx)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	*env = (struct bf_eval_env){ .ifindex = ifindex, .user = user, .cgroup = cgroup, .config = config, .hz = bf_kernel_hz(),
		.gmtoff = (int32_t)local.tm_gmtoff, .ctx = ctx };
}
