/* SPDX-License-Identifier: GPL-2.0-only */
/* ctx.c: contexts, messages, features (bpfilter.h). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "api/ctx.h"
#include "serve/serve.h"

#define LOCK_MS_DEFAULT 60000
#define LOCK_SLICE_MS 200

static int tell(void *arg, const char *stage, uint64_t done, uint64_t total)
{
	struct bf_ctx *ctx = arg;

	if (!ctx->watch)
		return 0;
	ctx->watched = stage;
	return ctx->watch(ctx->watch_arg, stage, done, total);
}

struct bf_ctx *bf_ctx_new(void)
{
	struct bf_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->netns = -1;
	ctx->lock_ms = LOCK_MS_DEFAULT;
	ctx->progress = (struct bf_progress){.tell = tell, .arg = ctx};
	return ctx;
}

void bf_ctx_free(struct bf_ctx *ctx)
{
	if (!ctx)
		return;
	if (ctx->netns >= 0)
		close(ctx->netns);
	bf_native_warm_free(ctx->warm);
	bf_ns_close(ctx->ns);
	bf_diag_free(&ctx->diag);
	for (unsigned h = 0; h < BF_HOOKS; h++)
		free(ctx->hook_words[h]);
	free(ctx);
}

int bf_ctx_set_netns(struct bf_ctx *ctx, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	bf_ctx_begin(ctx);
	if (copy < 0)
		return -errno;
	if (ctx->netns >= 0)
		close(ctx->netns);
	ctx->netns = copy;
	return 0;
}

void bf_ctx_set_lock_timeout(struct bf_ctx *ctx, int ms)
{
	ctx->lock_ms = ms;
}

void bf_ctx_set_progress(struct bf_ctx *ctx, bf_progress_fn fn, void *arg)
{
	ctx->watch = fn;
	ctx->watch_arg = arg;
}

int bf_ctx_end(struct bf_ctx *ctx, int rc)
{
	if (ctx->watched && ctx->watch)
		ctx->watch(ctx->watch_arg, NULL, 0, 0);
	ctx->watched = false;
	return rc;
}

const char *bf_ctx_message(const struct bf_ctx *ctx)
{
	return ctx->diag.text.data ? ctx->diag.text.data : "";
}

void bf_ctx_begin(struct bf_ctx *ctx)
{
	bf_diag_free(&ctx->diag);
}

/* Still for another one's lock: 0, or who waits wants no more. */
static int wait_on(struct bf_ctx *ctx)
{
	return bf_progress_tell(&ctx->progress, "waiting", 0, 1);
}

/* By its number and name, and whether it is asleep for good: "4711 (bpfilter) T ..." */
static void tell_locker(struct bf_ctx *ctx, pid_t pid)
{
	char path[64], name[64] = "", state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f && fscanf(f, "%*d (%63[^)]) %c", name, &state) != 2)
		state = 0;
	if (f)
		fclose(f);
	if (state)
		bf_diag_error(&ctx->diag, -ETIMEDOUT, "another process is changing this network namespace's rules: %d (%s)%s", pid, name,
		              state == 'T' || state == 't' ? ", which is stopped" : "");
	else
		bf_diag_error(&ctx->diag, -ETIMEDOUT, "another process is changing this network namespace's rules");
}

int bf_ctx_lock(struct bf_ctx *ctx, struct bf_ns *ns)
{
	int rc, left = ctx->lock_ms, slice;

	do {
		slice = left < 0 || left > LOCK_SLICE_MS ? LOCK_SLICE_MS : left;
		rc = bf_ns_lock(ns, slice);
		left -= left < 0 ? 0 : slice;
	} while (rc == -ETIMEDOUT && left && !(rc = wait_on(ctx)));
	if (rc == -ETIMEDOUT)
		tell_locker(ctx, bf_ns_locker(ns));
	return rc;
}

int bf_ctx_open_locked(struct bf_ctx *ctx, struct bf_ns **ns)
{
	int rc = bf_ns_open_kept(&ctx->ns, ns, ctx->netns, false, NULL);

	if (rc == -ENOENT && bf_check_kernel(&ctx->diag))
		return -EOPNOTSUPP;
	if (!rc) {
		rc = bf_ctx_lock(ctx, *ns);
		if (rc != -ENOENT)
			return rc;
		bf_ns_close(*ns); /* a flush came in between: there is nothing any more */
		*ns = NULL;
	}
	rc = bf_ns_open_kept(&ctx->ns, ns, ctx->netns, true, &ctx->diag);
	return rc ? rc : bf_ctx_lock(ctx, *ns);
}

/* The same file, by the same variable, as xtables' programs. */
int bf_ctx_lock_xtables(struct bf_ctx *ctx)
{
	const char *path = secure_getenv("XTABLES_LOCKFILE");
	_cleanup_close_ int fd = open(path ? path : "/run/xtables.lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return bf_diag_error(&ctx->diag, -errno, "cannot open iptables' lock: %s%s", strerror(errno),
		                     errno == EACCES ? " (only root may)" : "");
	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB); ms += 10) {
		if (errno != EWOULDBLOCK || (ctx->lock_ms >= 0 && ms >= ctx->lock_ms))
			return bf_diag_error(&ctx->diag, -ETIMEDOUT, "another iptables command holds its lock");
		if (wait_on(ctx))
			return -ECANCELED;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	return TAKE_FD(fd);
}

int bf_get_features(struct bf_ctx *ctx, const struct bf_feature_info **out)
{
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_probe(&ctx->features);
	if (rc)
		return rc;
	for (unsigned i = 0; i < ctx->features.n; i++) {
		const struct bf_feature *f = &ctx->features.f[i];

		ctx->info[i] = (struct bf_feature_info){.name = f->name,
			.present = f->present,
			.required = f->required,
			.enables = f->enables,
			.hint = f->hint};
	}
	*out = ctx->info;
	return (int)ctx->features.n;
}

int bf_collect(struct bf_ctx *ctx)
{
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_check_kernel(&ctx->diag);
	return rc ? rc : bf_ns_collect(&ctx->diag);
}

int bf_reattach(struct bf_ctx *ctx)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (!rc)
		rc = bf_ctx_lock(ctx, ns);
	if (rc == -ENOENT) {
		bf_ctx_begin(ctx);
		return 0;
	}
	return rc ? rc : bf_ns_reattach(ns, &ctx->diag);
}

/*
 * An iptables command asks what there is and then replaces it: rules that go in
 * between would make it fail. Where there is no place for its lock there is no
 * such command.
 */
static int flush(struct bf_ctx *ctx, struct bf_ns *ns)
{
	_cleanup_close_ int lock = bf_ctx_lock_xtables(ctx);
	int rc;

	if (lock == -ETIMEDOUT)
		return lock;
	if (lock < 0)
		bf_ctx_begin(ctx);
	rc = bf_ctx_lock(ctx, ns);
	if (rc == -ENOENT) /* another flush was quicker */
		return 0;
	return rc ? rc : bf_ns_destroy(ns, &ctx->diag);
}

int bf_flush(struct bf_ctx *ctx)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (rc == -ENOENT) {
		bf_ctx_begin(ctx);
		return 0;
	}
	return rc ? rc : flush(ctx, ns);
}

int bf_run(struct bf_ctx *ctx, const char *argv0, char *const argv[], unsigned flags)
{
	bf_ctx_begin(ctx);
	return bf_serve_run(argv0, argv, flags, &ctx->progress, &ctx->diag);
}
