/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_confirm.c: `bpfilter confirm SECONDS VERB ...`: nobody locks himself out.
 * The rules as they are go to a guardian, a process of its own session that
 * outlives the terminal; then the verb is run. Unless somebody confirms in
 * time, at the prompt or by `bpfilter confirm` from anywhere, the guardian puts
 * the rules back.
 *
 *   confirm ──fork──▶ guardian ──fork──▶ its hand: waits for a word on the pipe or the socket
 *      │ the verb        │ killed? one more     │ /run/bpfilter.confirm.<namespace>; no word: bf_restore
 *      └─ prompt ──pipe──────────────────────────┘
 *
 * Either of the two may be killed: the other ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

enum { KEEP = 'k', BACK = 'b', START = 's' };
enum { DAY_MS = 86400000, HANDS = 5 };
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

struct guard {
	struct bf_ctx *ctx;
	const char *rules;
	struct pollfd p[2]; /* pipe and socket */
	long seconds;
	volatile long *until; /* shared with the next hand; 0: the verb is at work */
};

/* Another writer may be in the way, or memory be short: it is tried until it can be done, or somebody has changed his mind. */
static int put_back(struct guard *g)
{
	long until = now_ms() + DAY_MS;

	for (bool told = false;; told = true) {
		int rc = bf_restore(g->ctx, "rules", g->rules, strlen(g->rules), 0);

		if (!rc)
			return WENT_BACK;
		if (!told) {
			bf_cli_told(g->ctx, "confirm", rc);
			syslog(LOG_DAEMON | LOG_ERR, "bpfilter confirm: the rules cannot be put back yet: %s", bf_ctx_message(g->ctx));
		}
		if (now_ms() >= until)
			return FAILED;
		if (wait_word(g->p, now_ms() + 1000) == KEEP)
			return KEPT;
	}
}

static int guard(struct guard *g)
{
	struct sockaddr_un a = address();
	char word = *g->until ? START : wait_word(g->p, now_ms() + DAY_MS); /* the verb may take its time */
	int how;

	if (word == START && !*g->until)
		*g->until = now_ms() + g->seconds * 1000;
	while (word == START)
		word = wait_word(g->p, *g->until);
	how = word == KEEP ? KEPT : put_back(g);
	unlink(a.sun_path);
	return how;
}

static int guard_by_hands(struct guard *g)
{
	for (int hands = 0; hands < HANDS; hands++) {
		pid_t pid = fork();
		int status;

		if (pid < 0)
			break;
		if (!pid)
			_exit(guard(g));
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
	}
	return guard(g);
}

/* Who waits for the end of what the command prints (ssh, a pipe) must not wait for the guardian. */
static void let_go(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (i < 2 || !isatty(i))
			dup2(fd, i);
}

/* Its terminal may go away, and with it everything that hangs there. */
static pid_t start_guardian(struct guard *g, int *to)
{
	int ends[2];
	pid_t pid;

	g->until = mmap(NULL, sizeof(*g->until), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->until == MAP_FAILED || pipe2(ends, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		setsid();
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		close(ends[1]);
		let_go();
		g->p[0] = (struct pollfd){ ends[0], POLLIN, 0 };
		_exit(guard_by_hands(g));
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
	if (!WIFEXITED(status))
		fprintf(stderr, "bpfilter confirm: the guardian was killed; its hand puts the rules back unless \"bpfilter confirm\" is said\n");
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

/* All rules, without what they have counted. NULL: that cannot be told. */
static char *rules_now(struct bf_ctx *ctx)
{
	char *text = NULL;

	return bf_list(ctx, BF_LIST_HANDLES, &text) ? NULL : text;
}

/* The verb has failed, which does not mean that it has changed nothing: `run` of a script, a full disk behind `add -e`. */
static void end_failed(struct bf_ctx *ctx, const char *before, pid_t guardian, int to)
{
	char *now = rules_now(ctx);
	bool same = before && now && !strcmp(before, now);
	int status;

	free(now);
	say(to, same ? KEEP : BACK);
	waitpid(guardian, &status, 0);
	if (!same)
		tell_end(status);
}

static int run_guarded(struct bf_ctx *ctx, long seconds, int argc, char **argv, pid_t guardian, int to)
{
	char *before = rules_now(ctx);
	int status = bf_cli_verb(ctx, argc, argv);

	if (status)
		end_failed(ctx, before, guardian, to);
	free(before);
	if (status)
		return status;
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

	/* Until it has heard: the next confirm would find it there. */
	for (long until = now_ms() + 5000; ok && !access(a.sun_path, F_OK) && now_ms() < until;)
		poll(NULL, 0, 2);
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
	struct guard g;
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
	g = (struct guard){ .ctx = ctx, .rules = rules, .p[1] = { socket_fd, POLLIN, 0 }, .seconds = seconds };
	guardian = start_guardian(&g, &to);
	close(socket_fd);
	if (guardian < 0) {
		fprintf(stderr, "bpfilter confirm: %s\n", strerror(errno));
		unlink(address().sun_path);
	}
	status = guardian < 0 ? 1 : run_guarded(ctx, seconds, argc - 2, argv + 2, guardian, to);
	free(rules);
	return status;
}
