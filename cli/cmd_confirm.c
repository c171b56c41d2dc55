/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_confirm.c: `bpfilter confirm SECONDS VERB ...`: nobody locks himself out.
 * The rules as they are go to a guardian, a process of its own session that
 * outlives the terminal; then the verb is run. Unless somebody confirms in
 * time, at the prompt or by `bpfilter confirm` from anywhere, the guardian puts
 * the rules back.
 *
 *   confirm ──fork──▶ guardian: waits for a word on its pipe or its socket /run/bpfilter.confirm.<namespace>
 *      │ the verb        │ no word: bf_restore
 *      └─ prompt ──pipe──┘
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

enum { KEEP = 'k', BACK = 'b', START = 's' };
enum { KEPT = 0, FAILED = 1, WENT_BACK = 3 }; /* how a guardian ends */

static struct sockaddr_un address(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/run/bpfilter.confirm.%lu", bf_cli_netns());
	return a;
}

/* -1: there is a guardian already, or no socket can be had. */
static int listen_here(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool taken = other >= 0 && !connect(other, (struct sockaddr *)&a, sizeof(a));
	mode_t mask = umask(077);
	bool ok = false;

	if (!taken) { /* of a guardian that was killed */
		unlink(a.sun_path);
		ok = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a));
	}
	umask(mask);
	if (other >= 0)
		close(other);
	if (ok)
		return fd;
	fprintf(stderr, "bpfilter confirm: %s\n", taken ? "rules wait for being confirmed already" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t); /* sleeping counts */
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What somebody says until then; 0: nothing, or the other end of the pipe is gone. */
static char wait_word(struct pollfd p[2], long until)
{
	char word = 0;

	for (;;) {
		long left = until - now_ms();

		if (left <= 0 || (poll(p, 2, left > 1000 ? 1000 : (int)left) < 0 && errno != EINTR))
			return 0;
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			if (read(p[i].fd, &word, 1) == 1)
				return word;
			p[i].fd = -1; /* the terminal is gone: go on without */
			if (i == 0)
				return START;
		}
	}
}

static int guard(struct bf_ctx *ctx, const char *rules, int pipe_fd, int socket_fd, long seconds)
{
	struct pollfd p[2] = { { pipe_fd, POLLIN, 0 }, { socket_fd, POLLIN, 0 } };
	struct sockaddr_un a = address();
	char word = wait_word(p, now_ms() + 86400000); /* the verb may take its time */
	int rc;

	for (long until = now_ms() + seconds * 1000; word == START;)
		word = wait_word(p, until);
	rc = word == KEEP ? 0 : bf_restore(ctx, "rules", rules, strlen(rules), 0);
	unlink(a.sun_path);
	if (rc)
		return bf_cli_told(ctx, "confirm", rc), FAILED;
	return word == KEEP ? KEPT : WENT_BACK;
}

/* Its terminal may go away, and with it everything that hangs there. */
static pid_t start_guardian(struct bf_ctx *ctx, const char *rules, int socket_fd, long seconds, int *to)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		setsid();
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		close(ends[1]);
		_exit(guard(ctx, rules, ends[0], socket_fd, seconds));
	}
	close(ends[0]);
	*to = ends[1];
	return pid;
}

static void say(int to, char word)
{
	if (write(to, &word, 1) != 1)
		fprintf(stderr, "bpfilter confirm: the guardian is gone\n");
}

static bool ended(pid_t guardian, int *status)
{
	return waitpid(guardian, status, WNOHANG) == guardian;
}

static int tell_end(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == KEPT)
		return bf_cli_print("The new rules stay.\n");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != WENT_BACK)
		return 1;
	fprintf(stderr, "The rules are those from before again.\n");
	return 1;
}

/* On a terminal: asks until the time is over. */
static int prompt(pid_t guardian, int to, long seconds)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	char line[80];
	int status;

	printf("Keep the new rules? [y/N] (%ld seconds) ", seconds);
	fflush(stdout);
	while (!ended(guardian, &status)) {
		if (poll(&p, 1, 200) <= 0)
			continue;
		say(to, fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y') ? KEEP : BACK);
		waitpid(guardian, &status, 0);
		return tell_end(status);
	}
	putchar('\n');
	return tell_end(status);
}

static int run_guarded(struct bf_ctx *ctx, long seconds, int argc, char **argv, pid_t guardian, int to)
{
	int status = bf_cli_verb(ctx, argc, argv);

	if (status) {
		say(to, KEEP); /* nothing has changed */
		waitpid(guardian, NULL, 0);
		return status;
	}
	say(to, START);
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return prompt(guardian, to, seconds);
	printf("The rules go back in %ld second%s unless \"bpfilter %s%s%sconfirm\" is said.\n", seconds, seconds == 1 ? "" : "s",
	       bf_cli_netns_arg ? "--netns " : "", bf_cli_netns_arg ? bf_cli_netns_arg : "", bf_cli_netns_arg ? " " : "");
	return fflush(stdout) ? 1 : 0;
}

static int confirm(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char word = KEEP;
	bool ok = fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)) && write(fd, &word, 1) == 1;

	if (fd >= 0)
		close(fd);
	if (!ok)
		fprintf(stderr, "bpfilter confirm: no rules wait for that\n");
	return !ok;
}

int bf_cmd_confirm(struct bf_ctx *ctx, int argc, char **argv)
{
	char *end = "", *rules = NULL;
	long seconds = argc > 1 ? strtol(argv[1], &end, 10) : 1;
	int socket_fd, to = -1, status;
	pid_t guardian;

	if (argc == 1)
		return confirm();
	if (argc == 2 || *end || seconds < 1 || seconds > 86400)
		return bf_cli_usage(argv[0]);
	if (bf_cli_told(ctx, argv[0], bf_save(ctx, &rules)))
		return 1;
	socket_fd = listen_here();
	if (socket_fd < 0) {
		free(rules);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	guardian = start_guardian(ctx, rules, socket_fd, seconds, &to);
	close(socket_fd);
	if (guardian < 0) {
		fprintf(stderr, "bpfilter confirm: %s\n", strerror(errno));
		unlink(address().sun_path);
	}
	status = guardian < 0 ? 1 : run_guarded(ctx, seconds, argc - 2, argv + 2, guardian, to);
	free(rules);
	return status;
}
