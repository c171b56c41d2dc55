/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * progress.c: "compiling   [#########.......]  56 %" in the last line of a
 * terminal, for work that takes longer than a second; gone when the work is
 * over. The library may call from another thread than main's, but never from
 * two at once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define SHOW_AFTER_MS 1000
#define SHOW_EVERY_MS 100
#define WIDTH 40

static struct {
	bool begun, shown;
	int64_t began, last; /* ms */
} bar;

static volatile sig_atomic_t caught;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One write(2): others write to this terminal, too. */
static void put(const char *text, size_t len)
{
	if (write(STDERR_FILENO, text, len) < 0) /* then nobody sees it */
		bar.shown = false;
}

static void draw(const char *stage, uint64_t done, uint64_t total)
{
	unsigned percent = total ? (unsigned)((done < total ? done : total) * 100 / total) : 0, full = percent * WIDTH / 100;
	char line[128];
	int n = snprintf(line, sizeof(line), "\r%-10s [", stage);

	memset(line + n, '#', full);
	memset(line + n + full, '.', WIDTH - full);
	n += WIDTH;
	n += snprintf(line + n, sizeof(line) - (size_t)n, "] %3u %%\033[K", percent);
	bar.shown = true;
	put(line, (size_t)n);
}

static void finish(void)
{
	if (bar.shown)
		put("\r\033[K", 4);
	memset(&bar, 0, sizeof(bar));
}

/* A job in the background, which ^Z and bg may make of us at any time, keeps quiet. */
static bool is_watched(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp() && term && strcmp(term, "dumb");
}

static int watch(void *arg, const char *stage, uint64_t done, uint64_t total)
{
	int64_t now = now_ms();

	(void)arg;
	if (!stage)
		return finish(), 0;
	if (!bar.begun)
		bar.began = now;
	bar.begun = true;
	if (now - bar.began >= SHOW_AFTER_MS && now - bar.last >= SHOW_EVERY_MS && is_watched()) {
		bar.last = now;
		draw(stage, done, total);
	}
	return caught != 0;
}

void bf_progress_show(struct bf_ctx *ctx)
{
	bf_ctx_set_progress(ctx, watch, NULL);
}

static void on_signal(int sig)
{
	caught = sig;
}

void bf_progress_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
}

int bf_progress_caught(void)
{
	return caught;
}
