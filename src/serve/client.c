/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client.c: looking at a stopped caller.
 *
 * The caller is a thread id in our pid namespace. It stays stopped until it is
 * answered, but it may be killed and its number given to another process. So:
 * everything is copied first, then bf_client_alive() is asked, and only then
 * something is done with the copies.
 *
 * Rights are those of the caller, not ours: the kernel lets ip_tables be used
 * by who has CAP_NET_ADMIN in the user namespace that owns the *socket's*
 * network namespace, and so do we.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "serve/serve.h"

/* Newer than the system's headers: linux/pidfd.h. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* 6.9 */
#endif
#define GET_NET_NAMESPACE _IO(0xFF, 4)  /* PIDFD_GET_NET_NAMESPACE, 6.11 */
#define GET_USER_NAMESPACE _IO(0xFF, 9) /* PIDFD_GET_USER_NAMESPACE */

#define TELL_MS 1000

int bf_client_alive(const struct bf_client *c)
{
	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->req.id) ? -errno : 0;
}

size_t bf_client_read_some(const struct bf_client *c, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = {buf, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t n = process_vm_readv((pid_t)c->req.pid, &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* One call moves at most MAX_RW_COUNT, just under 2 GiB; it is short only where memory ends. */
int bf_client_read(const struct bf_client *c, uint64_t addr, void *buf, size_t len)
{
	return bf_client_read_some(c, addr, buf, len) == len ? 0 : -EFAULT;
}

int bf_client_write(const struct bf_client *c, uint64_t addr, const void *buf, size_t len)
{
	struct iovec local = {(void *)buf, len}, remote = {(void *)(uintptr_t)addr, len};

	if (bf_client_alive(c))
		return -ESRCH;
	if (!len)
		return 0;
	return process_vm_writev((pid_t)c->req.pid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

/* A line of /proc/TID/status: n numbers behind `key`. */
static int read_status(const struct bf_client *c, const char *key, unsigned *v, unsigned n)
{
	char path[64], line[256];
	FILE *f;
	int rc = -ENOENT;

	snprintf(path, sizeof(path), "/proc/%u/status", c->req.pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (rc && fgets(line, sizeof(line), f)) {
		char *p = line + strlen(key);

		if (strncmp(line, key, strlen(key)))
			continue;
		for (unsigned i = 0; i < n; i++)
			v[i] = (unsigned)strtoul(p, &p, 10);
		rc = 0;
	}
	fclose(f);
	return rc;
}

/* pidfd_open() takes leaders only before 6.9; threads share their leader's descriptors. */
static int open_pidfd(struct bf_client *c)
{
	unsigned tgid;

	if (c->pidfd >= 0)
		return c->pidfd;
	c->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)c->req.pid, 0);
	if (c->pidfd < 0)
		c->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)c->req.pid, PIDFD_THREAD);
	if (c->pidfd < 0 && !read_status(c, "Tgid:", &tgid, 1))
		c->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)tgid, 0);
	return c->pidfd < 0 ? -errno : c->pidfd;
}

void bf_client_close(struct bf_client *c)
{
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
}

static int get_fd(struct bf_client *c, int fd)
{
	int pidfd = open_pidfd(c), copy;

	if (pidfd < 0)
		return pidfd;
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return copy < 0 ? -errno : copy;
}

static int socket_int(int fd, int opt, int *v)
{
	socklen_t len = sizeof(*v);

	return getsockopt(fd, SOL_SOCKET, opt, v, &len) ? -errno : 0;
}

int bf_client_socket(struct bf_client *c, int fd, struct bf_client_sock *out)
{
	_cleanup_close_ int s = get_fd(c, fd);
	int rc;

	out->netns = -1;
	if (s < 0)
		return s;
	rc = socket_int(s, SO_DOMAIN, &out->domain);
	if (!rc)
		rc = socket_int(s, SO_TYPE, &out->type);
	if (rc || (out->domain != AF_INET && out->domain != AF_INET6))
		return rc;
	out->netns = ioctl(s, SIOCGSKNS);
	return out->netns < 0 ? -errno : 0;
}

/* /proc may be another pid namespace's: then its numbers mean other processes. */
static bool proc_is_ours(void)
{
	char link[32] = "";

	return readlink("/proc/self", link, sizeof(link) - 1) > 0 && (pid_t)strtol(link, NULL, 10) == getpid();
}

static int open_ns(struct bf_client *c, unsigned long request, const char *name)
{
	char path[64];
	int fd, pidfd = open_pidfd(c);

	if (pidfd < 0)
		return pidfd;
	fd = ioctl(pidfd, request, 0);
	if (fd >= 0)
		return fd;
	if (!proc_is_ours())
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%u/ns/%s", c->req.pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int bf_client_netns(struct bf_client *c)
{
	return open_ns(c, GET_NET_NAMESPACE, "net");
}

static bool has_cap(const struct bf_client *c, int cap)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, (int)c->req.pid};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &h, d))
		return false;
	return d[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

static bool same_ns(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * The kernel's rule (cap_capable): the capability counts in the caller's own
 * user namespace and all below it; and who made a user namespace, from its
 * parent, has all rights in it.
 */
static bool capable_in(struct bf_client *c, int userns, int cap)
{
	_cleanup_close_ int own = open_ns(c, GET_USER_NAMESPACE, "user");
	_cleanup_close_ int ns = fcntl(userns, F_DUPFD_CLOEXEC, 0);
	unsigned uid[2]; /* real, effective */

	if (own < 0)
		return false;
	while (ns >= 0) {
		_cleanup_close_ int parent = -1;
		uid_t owner;

		if (same_ns(ns, own))
			return has_cap(c, cap);
		parent = ioctl(ns, NS_GET_PARENT);
		if (parent >= 0 && same_ns(parent, own) && !ioctl(ns, NS_GET_OWNER_UID, &owner) &&
		    !read_status(c, "Uid:", uid, 2) && uid[1] == owner)
			return true;
		close(ns);
		ns = TAKE_FD(parent);
	}
	return false;
}

bool bf_client_may_admin(struct bf_client *c, int netns)
{
	_cleanup_close_ int userns = ioctl(netns, NS_GET_USERNS);

	return userns >= 0 && capable_in(c, userns, CAP_NET_ADMIN);
}

/* Capabilities of a caller in another user namespace are not looked at: "no" only lets the kernel answer. */
bool bf_client_may_read(struct bf_client *c, uid_t uid, gid_t gid)
{
	_cleanup_close_ int theirs = -1, ours = -1;
	unsigned id[4]; /* real, effective, saved, filesystem */

	if (!proc_is_ours())
		return false;
	if (!read_status(c, "Uid:", id, 4) && id[3] == uid)
		return true;
	if (!read_status(c, "Gid:", id, 4) && id[3] == gid)
		return true;
	theirs = open_ns(c, GET_USER_NAMESPACE, "user");
	ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	return same_ns(theirs, ours) && (has_cap(c, CAP_DAC_OVERRIDE) || has_cap(c, CAP_DAC_READ_SEARCH));
}

/* A pipe that nobody reads must not stop the supervisor: what does not fit soon is lost. */
void bf_client_tell(struct bf_client *c, const char *text)
{
	_cleanup_close_ int fd = get_fd(c, STDERR_FILENO);
	size_t len = strlen(text);

	while (fd >= 0 && len) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t n = poll(&p, 1, TELL_MS) == 1 ? write(fd, text, BF_MIN(len, (size_t)PIPE_BUF)) : -1;

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void bf_reply(const struct bf_client *c, int err)
{
	struct seccomp_notif_resp r = {.id = c->req.id, .error = err};

	(void)ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &r); /* ENOENT: killed meanwhile */
}

void bf_reply_continue(const struct bf_client *c)
{
	struct seccomp_notif_resp r = {.id = c->req.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	(void)ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

int bf_reply_fd(const struct bf_client *c, int fd)
{
	struct seccomp_notif_addfd a = {
		.id = c->req.id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};

	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0 ? -errno : 0;
}
