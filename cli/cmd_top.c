/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_top.c: `bpfilter top [-a] [-d SECONDS] [-n ROUNDS]`: the busiest rules and policies now.
 *
 * What was counted in the last round, over its time. On a terminal each round
 * takes the place of the one before; elsewhere they follow one another.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "stats.h"

enum { NEAR = 64 };

struct rate {
	const struct bf_stat *s;
	double packets, bytes; /* each second */
};

struct top {
	struct bf_ctx *ctx;
	double seconds;
	unsigned long rounds; /* 0: without end */
	bool all;             /* idle ones as well */
	bool terminal;
	struct bf_stat_list before, now;
	struct timespec then;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* The same rule a round earlier: tables change little meanwhile, it is at the same place or near. */
static const struct bf_stat *earlier(const struct top *t, const struct bf_stat *s, size_t at)
{
	for (size_t i = 0; i < NEAR && i < t->before.n; i++) {
		const struct bf_stat *b = &t->before.v[(at + (i & 1 ? i / 2 + 1 : t->before.n - i / 2)) % t->before.n];

		if (b->handle == s->handle && b->number == s->number && !strcmp(b->chain, s->chain) &&
		    !strcmp(b->table, s->table) && !strcmp(b->family, s->family))
			return s->handle || !strcmp(b->rule, s->rule) ? b : NULL;
	}
	return NULL;
}

static int busiest(const void *a, const void *b)
{
	const struct rate *x = a, *y = b;

	return x->packets != y->packets ? (x->packets < y->packets) - (x->packets > y->packets) : (x->s > y->s) - (x->s < y->s);
}

static size_t rates(const struct top *t, double seconds, struct rate *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->now.n; i++) {
		const struct bf_stat *s = &t->now.v[i], *b = earlier(t, s, i);
		uint64_t packets = b && b->packets <= s->packets ? s->packets - b->packets : s->packets;
		uint64_t bytes = b && b->bytes <= s->bytes ? s->bytes - b->bytes : s->bytes;

		if (packets || t->all)
			out[n++] = (struct rate){ s, (double)packets / seconds, (double)bytes / seconds };
	}
	qsort(out, n, sizeof(*out), busiest);
	return n;
}

/* 1234567 -> "1.23M" */
static const char *short_number(double v, char buf[16])
{
	static const char units[] = " kMGTP";
	unsigned u = 0;

	for (; v >= 1000 && u + 2 < sizeof(units); u++)
		v /= 1000;
	snprintf(buf, 16, u ? "%.2f%c" : "%.0f%c", v, units[u]);
	return buf;
}

static void window(unsigned *rows, unsigned *columns)
{
	struct winsize w;
	bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col;

	*rows = known ? w.ws_row : 0;
	*columns = known ? w.ws_col : 0;
}

static void print_round(const struct top *t, const struct rate *r, size_t n)
{
	unsigned rows, columns;
	time_t now = time(NULL);
	char when[16], a[16], b[16], line[1024];
	struct tm tm;

	window(&rows, &columns);
	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&now, &tm));
	printf("%s%s  %zu of %zu rules and policies are met\n", t->terminal ? "\033[H\033[2J" : "", when, n, t->now.n);
	printf("%s%8s %8s  %-16s %-16s %s%s\n", t->terminal ? "\033[7m" : "", "PKT/S", "BIT/S", "TABLE", "CHAIN", "RULE",
	       t->terminal ? "\033[0m" : "");
	for (size_t i = 0; i < n && (!t->terminal || !rows || i + 3 < rows); i++) {
		const struct bf_stat *s = r[i].s;
		char table[300];

		snprintf(table, sizeof(table), "%s %s", s->family, s->table);
		snprintf(line, sizeof(line), "%8s %8s  %-16s %-16s %s", short_number(r[i].packets, a),
		         short_number(r[i].bytes * 8, b), table, s->chain, s->rule);
		printf("%.*s\n", t->terminal && columns ? (int)columns : (int)sizeof(line), line);
	}
	fflush(stdout);
}

static double since(struct timespec *then)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
	*then = now;
	return s;
}

static int one_round(struct top *t)
{
	const struct timespec wait = { (time_t)t->seconds, (long)((t->seconds - (double)(time_t)t->seconds) * 1e9) };
	struct rate *r;
	double seconds;
	int rc;

	if (nanosleep(&wait, NULL))
		return 0;
	rc = bf_cli_stats(t->ctx, &t->now);
	seconds = since(&t->then);
	r = calloc(t->now.n + 1, sizeof(*r));
	if (!rc && r)
		print_round(t, r, rates(t, seconds, r));
	free(r);
	bf_cli_stats_free(&t->before);
	t->before = t->now;
	t->now = (struct bf_stat_list){ 0 };
	return rc;
}

static bool options(struct top *t, int argc, char **argv)
{
	char *end = "";
	int opt;

	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt(argc, argv, "ad:n:")) != -1) {
		if (opt == 'a')
			t->all = true;
		else if (opt == 'd')
			t->seconds = strtod(optarg, &end);
		else if (opt == 'n')
			t->rounds = strtoul(optarg, &end, 10);
		if (opt == '?' || *end || !(t->seconds >= .05 && t->seconds <= 3600) || (opt == 'n' && !t->rounds))
			return bf_cli_usage(argv[0]), false;
	}
	return optind == argc || (bf_cli_usage(argv[0]), false);
}

int bf_cmd_top(struct bf_ctx *ctx, int argc, char **argv)
{
	const struct sigaction stop = { .sa_handler = on_signal };
	struct top t = { .ctx = ctx, .seconds = 1, .terminal = isatty(STDOUT_FILENO) };
	int rc;

	if (!options(&t, argc, argv))
		return 2;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	since(&t.then);
	rc = bf_cli_stats(ctx, &t.before);
	for (unsigned long i = 0; !rc && !stopped && !ferror(stdout) && (!t.rounds || i < t.rounds); i++)
		rc = one_round(&t);
	bf_cli_stats_free(&t.before);
	return bf_cli_result(ctx, argv[0], rc);
}
