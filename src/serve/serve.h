/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve.h: the seccomp supervisor that serves unmodified iptables.
 *
 *   run.c     start the program under the filter, then one poll loop
 *   spawn.c   the child: install the filter, exec
 *   filter.c  the seccomp filter: which system calls are stopped
 *   client.c  looking at a stopped caller: memory, socket, namespaces, rights
 *   sockopt.c the answers to getsockopt and setsockopt
 *   names.c   the answer to open("/proc/net/ip_tables_names")
 *
 *   iptables ──setsockopt──▶ seccomp: USER_NOTIF ──▶ supervisor ──▶ libbpfilter
 *   (stopped until answered)                            │
 *            ◀── 0, -errno, a descriptor, or "go on" ───┘
 *
 * Everything that is not ours goes on to the kernel untouched; what is ours
 * never reaches it. When the supervisor dies, stopped and later calls get
 * ENOSYS: nothing ever falls through to the kernel's tables by accident.
 */
#ifndef BF_SERVE_H
#define BF_SERVE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/diag.h"
#include "base/progress.h"
#include "bpfilter/bpfilter.h"

/* run.c: as bf_run(). p is told of one change at a time. */
int bf_serve_run(const char *argv0, char *const argv[], unsigned flags, const struct bf_progress *p, struct bf_diag *d);

/* filter.c. The program for seccomp(2); returns its length. */
#define BF_FILTER_MAX 192
unsigned bf_serve_filter(struct sock_filter f[BF_FILTER_MAX], bool names);

/* spawn.c */
struct bf_spawn {
	const char *file;         /* searched in PATH */
	char *const *argv;
	unsigned flags;           /* BF_RUN_* */
	const sigset_t *mask;     /* what the program starts with: signals blocked, */
	const struct sigaction *chld; /* and what becomes of its SIGCHLD */
	/* filled in by the child, which shares our memory until it execs */
	pid_t parent;
	int listener;
	int err;                  /* errno of `step` */
	const char *step;         /* what failed; NULL: nothing */
};
/* Returns the child's pid once it has exec'ed, or -errno (with s->step). */
pid_t bf_serve_spawn(struct bf_spawn *s);

/* True when this process is itself served by a bpfilter supervisor. */
bool bf_serve_is_served(void);
#define BF_SERVE_HELLO "bpfilter?" /* table name asked for on descriptor -1 */
#define BF_SERVE_REPLY "bpfilter!"

struct bf_served { /* what all calls share */
	atomic_int incapable; /* the last process that was told that this kernel, or we on it, cannot do it */
	const struct bf_progress *progress;
	atomic_flag told; /* taken by the one call that tells of its progress */
};

/* client.c: one stopped system call. */
struct bf_client {
	int listener;
	struct seccomp_notif req;
	int pidfd;
	struct bf_served *served;
	struct bf_ctx *ctx; /* for all calls of one thread; NULL: it has none */
};

struct bf_client_sock {
	int domain, type;
	int netns; /* owned by the caller of bf_client_socket */
};

/* 0, or -ENOENT: the call is over (its process was killed). */
int bf_client_alive(const struct bf_client *c);
/* 0, -EFAULT as the kernel's copy_from_user, or -ESRCH. */
int bf_client_read(const struct bf_client *c, uint64_t addr, void *buf, size_t len);
int bf_client_write(const struct bf_client *c, uint64_t addr, const void *buf, size_t len);
/* As much as is readable, up to len; may be 0. */
size_t bf_client_read_some(const struct bf_client *c, uint64_t addr, void *buf, size_t len);
/* The caller's descriptor. -ENOTSOCK, -EBADF, ... */
int bf_client_socket(struct bf_client *c, int fd, struct bf_client_sock *out);
/* ns_capable(netns' owner, CAP_NET_ADMIN) with the caller's credentials. */
bool bf_client_may_admin(struct bf_client *c, int netns);
/* The network namespace of the caller's process: a descriptor, or -errno. */
int bf_client_netns(struct bf_client *c);
/* May the caller read a file that only its owner's uid and gid may read? */
bool bf_client_may_read(struct bf_client *c, uid_t uid, gid_t gid);
/* Writes text to the caller's standard error. */
void bf_client_tell(struct bf_client *c, const char *text);
void bf_client_close(struct bf_client *c);

/* sockopt.c, names.c: answer one call completely, seccomp's reply included. */
bool bf_serve_is_slow(const struct seccomp_data *d); /* takes long enough for a thread of its own */
/* wait: may wait for another writer. Without it, false: would have to wait; nothing is answered yet. */
bool bf_serve_call(struct bf_client *c, bool wait);
void bf_serve_open(struct bf_client *c, bool at);

/* Replies. */
void bf_reply(const struct bf_client *c, int err); /* 0 or -errno */
void bf_reply_continue(const struct bf_client *c); /* the kernel shall do it */
int bf_reply_fd(const struct bf_client *c, int fd); /* a descriptor, O_CLOEXEC */

#endif
