/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.c: bf_run(). One poll loop over
 *
 *   listener   stopped calls; hangs up when the last filtered task is gone
 *   child      a pidfd: before 6.11 the listener hangs up only after the last
 *              filtered task was reaped, and reaping ours is our work
 *   signals    those sent to us by another process are the child's
 *   done       an eventfd that workers raise
 *
 * Calls are answered in the loop, one after the other: a thread costs more than
 * most of them. A call gets one when it has to wait for another writer, or
 * brings a large ruleset; at most WORKERS_MAX at once. When all are busy the
 * next callers stay stopped in the kernel's queue.
 *
 * Terminal and job control: ^C and ^Z reach the child without us, as it is in
 * our process group; signals the kernel sent are therefore not handed on. When
 * the child stops, we stop, so that the shell sees what it expects.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "serve/arch.h"
#include "serve/serve.h"

#define WORKERS_MAX 16
#define WORKER_STACK (1024 * 1024)
#define SET_FLAGS SECCOMP_IOW(4, __u64) /* SECCOMP_IOCTL_NOTIF_SET_FLAGS, 6.6 */
#define SYNC_WAKE_UP 1

struct server {
	int listener, child, signals, done;
	pid_t pid;
	bool exited;
	int status; /* wait status, once exited */
	bool quit;
	struct bf_ctx *ctx; /* for the calls that the loop answers; NULL: each has its own */
	unsigned workers;
	struct bf_served served;
};

struct worker {
	struct bf_client client;
	int done;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t one = 1;
	int done = w->done;

	bf_serve_call(&w->client, true);
	bf_client_close(&w->client);
	free(w);
	while (write(done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static int start_worker(struct server *s, const struct bf_client *c)
{
	struct worker *w = malloc(sizeof(*w));
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (!w)
		return -ENOMEM;
	*w = (struct worker){.client = *c, .done = s->done};
	w->client.ctx = NULL;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, work, w);
	pthread_attr_destroy(&attr);
	if (rc)
		free(w);
	else
		s->workers++;
	return -rc;
}

static bool is_open(const struct seccomp_data *d, bool *at)
{
	*at = d->nr == SYS_openat;
#ifdef SYS_open
	if (d->arch == BF_ARCH_NATIVE && d->nr == SYS_open)
		return true;
#endif
	return d->arch == BF_ARCH_NATIVE && *at;
}

static void serve_one(struct server *s)
{
	struct bf_client c = {.listener = s->listener, .pidfd = -1, .served = &s->served, .ctx = s->ctx};
	bool at;

	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &c.req)) /* EINTR, ENOENT: it was killed */
		return;
	if (is_open(&c.req.data, &at))
		bf_serve_open(&c, at);
	else if (bf_serve_is_slow(&c.req.data) || !bf_serve_call(&c, false)) {
		if (!start_worker(s, &c))
			return; /* it closes the client */
		bf_serve_call(&c, true); /* no memory for a thread */
	}
	bf_client_close(&c);
}

/* 6.6 and later: run on the caller's CPU, as one hands over to the other. */
static void hint_sync(int listener)
{
	(void)ioctl(listener, SET_FLAGS, SYNC_WAKE_UP);
}

static void child_changed(struct server *s)
{
	int status;

	if (s->exited || waitpid(s->pid, &status, WNOHANG | WUNTRACED) != s->pid)
		return;
	if (WIFSTOPPED(status)) {
		kill(getpid(), SIGSTOP);
		return;
	}
	s->status = status;
	s->exited = true;
	close(TAKE_FD(s->child)); /* poll() passes over negative descriptors */
}

static void signal_came(struct server *s)
{
	struct signalfd_siginfo i;

	if (read(s->signals, &i, sizeof(i)) != sizeof(i))
		return;
	if (i.ssi_signo == SIGCHLD)
		child_changed(s);
	else if (s->exited) /* only descendants are left: who wants us gone shall have it */
		s->quit = i.ssi_signo != SIGCONT && i.ssi_signo != SIGWINCH;
	else if (i.ssi_code <= 0) /* from a process; the kernel's own reached the child, too */
		kill(s->pid, (int)i.ssi_signo);
}

static void workers_done(struct server *s)
{
	uint64_t n;

	if (read(s->done, &n, sizeof(n)) == sizeof(n))
		s->workers -= (unsigned)n;
}

/* Until nobody is left to be served and no worker runs. */
static void loop(struct server *s)
{
	bool gone = s->listener < 0; /* the child was killed before it had made one */

	while (!s->exited || (!gone && !s->quit) || s->workers) {
		bool room = s->workers < WORKERS_MAX && !gone;
		struct pollfd p[] = {
			{.fd = room ? s->listener : -1, .events = POLLIN},
			{.fd = s->child, .events = POLLIN},
			{.fd = s->signals, .events = POLLIN},
			{.fd = s->done, .events = POLLIN},
		};

		if (poll(p, BF_ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[0].revents & POLLIN)
			serve_one(s);
		else if (p[0].revents)
			gone = true;
		if (p[1].revents)
			child_changed(s);
		if (p[2].revents)
			signal_came(s);
		if (p[3].revents)
			workers_done(s);
	}
}

static void close_server(struct server *s)
{
	int fds[] = {s->listener, s->child, s->signals, s->done};

	bf_ctx_free(s->ctx);
	for (unsigned i = 0; i < BF_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* All that can fail is done before the program starts. */
static int supervise(struct server *s, struct bf_spawn *sp, const sigset_t *all)
{
	s->signals = signalfd(-1, all, SFD_CLOEXEC | SFD_NONBLOCK);
	s->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->signals < 0 || s->done < 0)
		return -errno;
	s->pid = bf_serve_spawn(sp);
	if (s->pid < 0)
		return s->pid;
	s->listener = sp->listener;
	s->child = (int)syscall(SYS_pidfd_open, s->pid, 0);
	hint_sync(s->listener);
	s->ctx = bf_ctx_new();
	loop(s);
	return s->status;
}

static int start_failed(const struct bf_spawn *sp, int rc, struct bf_diag *d)
{
	if (!sp->step)
		return bf_diag_error(d, rc, "cannot start %s: %s", sp->file, strerror(-rc));
	if (!strcmp(sp->step, "exec"))
		return bf_diag_error(d, rc, "%s: %s", sp->file, strerror(-rc));
	if (strcmp(sp->step, "seccomp"))
		return bf_diag_error(d, rc, "cannot start %s: %s: %s", sp->file, sp->step, strerror(-rc));
	if (rc == -EBUSY)
		return bf_diag_error(d, rc, "another program already supervises system calls here (seccomp user "
		                            "notification); run %s outside of it", sp->file);
	return bf_diag_error(d, rc, "seccomp user notification: %s. It needs Linux 5.19 or later with "
	                            "CONFIG_SECCOMP_FILTER, and a container that allows seccomp(2)", strerror(-rc));
}

/* argv with another argv[0]; only the array is new. */
static char **named(char *const *argv, const char *argv0)
{
	size_t n = 0;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, argv, n * sizeof(*copy));
	copy[0] = (char *)argv0;
	return copy;
}

int bf_serve_run(const char *argv0, char *const argv[], unsigned flags, const struct bf_progress *p, struct bf_diag *d)
{
	_cleanup_free_ char **args = named(argv, argv0 ? argv0 : argv[0]);
	struct sigaction chld, dfl = {.sa_handler = SIG_DFL};
	struct server s = {
		.listener = -1, .child = -1, .signals = -1, .done = -1, .served = {.progress = p, .told = ATOMIC_FLAG_INIT}};
	sigset_t all, old;
	struct bf_spawn sp = {.file = argv[0], .argv = args, .flags = flags, .mask = &old, .chld = &chld};
	int rc;

	if (!args)
		return -ENOMEM;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	sigaction(SIGCHLD, &dfl, &chld); /* ignored, it would reap our child and lose its status */
	rc = supervise(&s, &sp, &all);
	if (rc > 0 && WIFEXITED(rc) && s.served.incapable && (flags & BF_RUN_TIED))
		rc = W_EXITCODE(1, 0); /* iptables says 3: wrong version of something */
	close_server(&s);
	sigaction(SIGCHLD, &chld, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == -EBUSY && sp.step && (flags & BF_RUN_EXEC) && bf_serve_is_served()) {
		execvp(argv[0], args);
		rc = -errno;
		sp.step = "exec";
	}
	return rc < 0 ? start_failed(&sp, rc, d) : rc;
}
