/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.c: runs nft(8). What it reads and prints goes through memory files, so
 * that nobody waits for a full pipe.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "api/nft.h"

void bf_nft_said_free(struct bf_nft_said *s)
{
	bf_buf_free(&s->out);
	bf_buf_free(&s->err);
}

enum { NO_NETNS = 126, NO_PROGRAM = 127 };

/* It keeps the lock: killed, we leave an nft behind that may be about to change something. */
static void child(int netns, const char *const args[], const int fds[3], int lock)
{
	const char *argv[4] = { "nft" };

	for (unsigned i = 0; i < 2 && args[i]; i++)
		argv[i + 1] = args[i];
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(NO_NETNS);
	if ((lock >= 0 && fcntl(lock, F_SETFD, 0)) || (netns >= 0 && setns(netns, CLONE_NEWNET)))
		_exit(NO_NETNS);
	execvp("nft", (char **)argv);
	_exit(NO_PROGRAM);
}

/* Descriptors of these must not be 0, 1 or 2: dup2() in the child would lose one. */
static int memory(const char *name, const struct bf_buf *b)
{
	int low = memfd_create(name, MFD_CLOEXEC), fd;
	size_t done = 0;

	if (low < 0)
		return -errno;
	fd = fcntl(low, F_DUPFD_CLOEXEC, 3);
	close(low);
	while (fd >= 0 && b && done < b->len) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n <= 0) {
			close(fd);
			return n ? -errno : -EIO;
		}
		done += (size_t)n;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return fd < 0 ? -errno : fd;
}

static int take(int fd, struct bf_buf *out)
{
	struct stat st;
	char *p;

	if (fstat(fd, &st))
		return -errno;
	p = st.st_size ? bf_buf_reserve(out, (size_t)st.st_size) : NULL;
	for (off_t at = 0; p && at < st.st_size;) {
		ssize_t n = pread(fd, p + at, (size_t)(st.st_size - at), at);

		if (n <= 0)
			return n ? -errno : -EIO;
		at += n;
	}
	return out->err;
}

static int wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int run(int netns, const char *const args[], const int fds[3], int lock, struct bf_nft_said *s)
{
	int status = 0, rc;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		child(netns, args, fds, lock);
	rc = wait_for(pid, &status);
	s->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	if (!rc)
		rc = take(fds[1], &s->out);
	if (!rc)
		rc = take(fds[2], &s->err);
	return rc;
}

int bf_nft_run(struct bf_ctx *ctx, int lock, const char *const args[], const struct bf_buf *input, struct bf_nft_said *out)
{
	_cleanup_close_ int in = memory("nft-in", input), said = memory("nft-out", NULL), err = memory("nft-err", NULL);
	int rc = in < 0 ? in : said < 0 ? said : err < 0 ? err : 0;

	*out = (struct bf_nft_said){};
	if (!rc)
		rc = run(ctx->netns, args, (int[]){ in, said, err }, lock, out);
	if (rc)
		return bf_diag_error(&ctx->diag, rc, "nft cannot be run: %s", strerror(-rc));
	if (out->status == NO_PROGRAM)
		return bf_diag_error(&ctx->diag, -ENOENT, "there is no nft(8) to ask: install the package nftables");
	if (out->status == NO_NETNS)
		return bf_diag_error(&ctx->diag, -EPERM, "the network namespace cannot be entered");
	return 0;
}

int bf_nft_refused(struct bf_ctx *ctx, const struct bf_nft_said *s, const char *what)
{
	bf_diag_error(&ctx->diag, -EINVAL, "%s", what);
	if (s->err.data)
		bf_diag_error(&ctx->diag, -EINVAL, "%.*s", (int)(s->err.len - (s->err.data[s->err.len - 1] == '\n')), s->err.data);
	return -EINVAL;
}
