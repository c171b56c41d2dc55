/* SPDX-License-Identifier: GPL-2.0-only */
/* status.c: whoever waits for a wrapper sees how the program in it ended, death by signal included. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "status.h"

int bf_end_like(int status)
{
	const struct rlimit none = {0, 0}; /* one core dump is enough */
	sigset_t set;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status); /* signals that kill nobody */
}
