/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spawn.c: starts the program under the filter.
 *
 * The child is made as posix_spawn() makes it: it shares our memory and we
 * sleep until it execs, so nothing is copied. It shares our descriptors, too
 * (CLONE_FILES): the listener that seccomp(2) gives it is at once ours; exec
 * gives the program its own table, without it.
 *
 *   parent: clone ........................ (asleep) ........ poll the listener
 *   child:          signals back to normal, filter, exec ──▶ the program
 *
 * Between filter and exec the child makes no call that the filter stops.
 */
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "serve/serve.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)0)
#endif

#define CHILD_STACK (256 * 1024)

/* Handlers are ours and shall not run in the child; what is ignored stays ignored, as exec has it. */
static void reset_signals(const struct bf_spawn *s)
{
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) || sa.sa_handler == SIG_IGN || sa.sa_handler == SIG_DFL)
			continue;
		sa = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(sig, &sa, NULL);
	}
	sigaction(SIGCHLD, s->chld, NULL);
	sigprocmask(SIG_SETMASK, s->mask, NULL);
}

static int fail(struct bf_spawn *s, const char *step)
{
	s->err = errno;
	s->step = step;
	return -1;
}

/* WAIT_KILLABLE_RECV: without it a signal during a long call makes the caller start it again, for ever. */
static int install(struct bf_spawn *s)
{
	struct sock_filter f[BF_FILTER_MAX];
	struct sock_fprog prog = {.len = (unsigned short)bf_serve_filter(f, s->flags & BF_RUN_NAMES), .filter = f};
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	s->listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (s->listener < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		s->listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return s->listener < 0 ? fail(s, "seccomp") : 0;
}

/* Dies with the supervisor: a wrapper that is killed takes its one command along. */
static void tie(const struct bf_spawn *s)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != s->parent)
		_exit(127);
}

static int child(void *arg)
{
	struct bf_spawn *s = arg;

	reset_signals(s);
	if (s->flags & BF_RUN_TIED)
		tie(s);
	if (install(s))
		_exit(127);
	execvp(s->file, s->argv);
	fail(s, "exec");
	_exit(127);
}

pid_t bf_serve_spawn(struct bf_spawn *s)
{
	char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t pid;

	if (stack == MAP_FAILED)
		return fail(s, "stack"), -s->err;
	s->listener = -1;
	s->step = NULL;
	s->parent = getpid();
	pid = clone(child, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, s);
	if (pid < 0)
		fail(s, "clone");
	ASAN_UNPOISON_MEMORY_REGION(stack, CHILD_STACK); /* the child left it without returning */
	munmap(stack, CHILD_STACK);
	if (!s->step)
		return pid;
	if (s->listener >= 0)
		close(s->listener);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return -s->err;
}

bool bf_serve_is_served(void)
{
	struct ipt_getinfo info = {.name = BF_SERVE_HELLO};
	socklen_t len = sizeof(info);

	return !getsockopt(-1, SOL_IP, IPT_SO_GET_INFO, &info, &len) &&
	       !memcmp(info.name, BF_SERVE_REPLY, sizeof(BF_SERVE_REPLY));
}
