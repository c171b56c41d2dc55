/* SPDX-License-Identifier: GPL-2.0-only */
/* ns.c: network namespaces: which one it is, and working inside it. */
#include "kern/ns.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

static const char own_net[] = "/proc/thread-self/ns/net";

int bf_ns_enter(const struct bf_ns *ns, int *back, struct bf_diag *d)
{
	_cleanup_close_ int own = -1;

	*back = -1;
	if (!ns->foreign)
		return 0;
	own = open(own_net, O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(ns->net, CLONE_NEWNET))
		return bf_diag_error(d, -errno, "cannot enter the network namespace: %s", strerror(errno));
	*back = TAKE_FD(own);
	return 0;
}

int bf_ns_leave(int back)
{
	int err = 0;

	if (back < 0)
		return 0;
	if (setns(back, CLONE_NEWNET))
		err = -errno;
	close(back);
	return err;
}

static int own_cookie(uint64_t *cookie)
{
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*cookie);

	if (s < 0 || getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len))
		return -errno;
	return 0;
}

static int find_cookie(struct bf_ns *ns, struct bf_diag *d)
{
	int back, err = bf_ns_enter(ns, &back, d), err2;

	if (err)
		return err;
	err = own_cookie(&ns->cookie);
	err2 = bf_ns_leave(back);
	if (err)
		return bf_diag_error(d, err, "cannot identify the network namespace: %s%s", strerror(-err),
		                     err == -ENOPROTOOPT ? ": Linux 6.4 or newer is needed" : "");
	return err2 ? bf_diag_error(d, err2, "cannot return to the own network namespace: %s", strerror(-err2)) : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int find_foreign(struct bf_ns *ns)
{
	struct stat a, b;

	if (stat(own_net, &a) || fstat(ns->net, &b))
		return -errno;
	ns->foreign = !same_file(&a, &b);
	return 0;
}

static int find_net(struct bf_ns *ns, int netns_fd, struct bf_diag *d)
{
	ns->net = netns_fd < 0 ? open(own_net, O_RDONLY | O_CLOEXEC) : fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
	if (ns->net < 0)
		return bf_diag_error(d, -errno, "cannot open the network namespace (is /proc mounted?): %s", strerror(errno));
	if (find_foreign(ns))
		return bf_diag_error(d, -errno, "cannot look at the network namespace: %s", strerror(errno));
	return find_cookie(ns, d);
}

static const char *who_may(int err)
{
	return err == -EACCES ? " (only root may)" : err == -EPERM ? " (only root may, with CAP_BPF and CAP_NET_ADMIN)" : "";
}

static int found(const struct bf_ns *ns, int err, struct bf_diag *d)
{
	if (err == -EPROTONOSUPPORT)
		bf_diag_error(d, err, "the rules of this network namespace were stored by another version of bpfilter; "
		              "to give them up (which ends their filtering): rm -r /run/bpfilter/%" PRIu64, ns->cookie);
	else if (err && err != -ENOENT)
		bf_diag_error(d, err, "cannot read %s: %s%s", ns->dir, strerror(-err), who_may(err));
	return err;
}

/* The first one to come here in this namespace also looks for others' that are left over. */
static int find_dir(struct bf_ns *ns, struct bf_diag *d)
{
	int err = bf_path_base(ns->base, ns->create, d);

	if (err)
		return err;
	bf_path(ns->dir, "%s/%" PRIu64, ns->base, ns->cookie);
	if (!ns->create)
		return found(ns, bf_ns_refresh(ns), d);
	if (!mkdir(ns->dir, 0700))
		bf_ns_collect_others(ns->base, ns->cookie, NULL);
	else if (errno != EEXIST)
		return bf_diag_error(d, -errno, "cannot make the directory %s: %s%s", ns->dir, strerror(errno), who_may(-errno));
	err = found(ns, bf_ns_refresh(ns), d);
	return err == -ENOENT ? 0 : err;
}

int bf_ns_open(struct bf_ns **out, int netns_fd, bool create, struct bf_diag *d)
{
	struct bf_ns *ns = calloc(1, sizeof(*ns));
	int err;

	if (!ns)
		return -ENOMEM;
	*ns = (struct bf_ns){ .net = -1, .create = create, .dir_fd = -1, .pid = getpid() };
	for (unsigned i = 0; i < BF_HOOKS; i++)
		ns->dispatch[i] = -1;
	err = find_net(ns, netns_fd, d);
	if (!err)
		err = find_dir(ns, d);
	if (err)
		bf_ns_close(ns);
	else
		*out = ns;
	return err;
}

/* The way to the directory may lead through a process that has ended meanwhile (mount.c). */
static bool is_still(struct bf_ns *ns, int netns_fd)
{
	struct stat a, b;

	return ns->pid == getpid() && bf_ns_is(ns, netns_fd) && !find_foreign(ns) && !stat(ns->dir, &a) &&
	       !fstat(ns->dir_fd, &b) && same_file(&a, &b) && !bf_ns_reopen(ns);
}

int bf_ns_open_kept(struct bf_ns **kept, struct bf_ns **out, int netns_fd, bool create, struct bf_diag *d)
{
	struct bf_ns *ns = *kept;
	int err;

	if (!ns || !is_still(ns, netns_fd)) {
		bf_ns_close(ns);
		*kept = NULL;
		err = bf_ns_open(&ns, netns_fd, create, d);
		if (err)
			return err;
	}
	*kept = NULL;
	ns->keep = kept;
	ns->create = create;
	*out = ns;
	return 0;
}

void bf_ns_close(struct bf_ns *ns)
{
	if (!ns)
		return;
	if (ns->keep && !*ns->keep && ns->gen) {
		bf_ns_unlock(ns);
		*ns->keep = ns;
		return;
	}
	bf_ns_forget(ns); /* with the directory goes the lock */
	if (ns->net >= 0)
		close(ns->net);
	free(ns);
}

bool bf_ns_is(const struct bf_ns *ns, int netns_fd)
{
	struct stat a, b;

	if (fstat(ns->net, &a) || (netns_fd < 0 ? stat(own_net, &b) : fstat(netns_fd, &b)))
		return false;
	return same_file(&a, &b);
}

uint64_t bf_ns_cookie(const struct bf_ns *ns)
{
	return ns->cookie;
}
