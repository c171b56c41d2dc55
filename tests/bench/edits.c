/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edits.c: how long the library takes to add and to delete one rule of a
 * table that is there, in the caller's network namespace:
 *
 *   edits CHAIN RULES [COUNT]              of iptables' filter table
 *   edits FAMILY/TABLE/CHAIN RULES [COUNT] of a native one that was just loaded
 *
 * RULES: about how many the chain has; each of COUNT (50) rules is put at a
 * random place and taken away again. Prints milliseconds: least, median, most;
 * the median of the processor's time.
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bpfilter/bpfilter.h"

enum { COUNT_MAX = 10000 };

struct entry { /* -s ADDRESS -p tcp -j DROP */
	struct ipt_entry e;
	struct xt_standard_target t;
};

struct times {
	double wall[COUNT_MAX], cpu[COUNT_MAX];
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void must(struct bf_ctx *ctx, int rc)
{
	if (rc) {
		fprintf(stderr, "edits: %s\n", bf_ctx_message(ctx));
		exit(1);
	}
}

/* An iptables edit, or a native command. */
static void timed(struct bf_ctx *ctx, const struct bf_xt_rule_edit *e, const char *command, struct times *t, unsigned i)
{
	double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);

	if (e)
		must(ctx, bf_xt_edit(ctx, AF_INET, "filter", e, 1));
	else
		must(ctx, bf_native_run(ctx, "edits", command, strlen(command), 0, NULL));
	t->wall[i] = now(CLOCK_MONOTONIC) - wall;
	t->cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
}

static void print(const char *what, struct times *t, unsigned n)
{
	qsort(t->wall, n, sizeof(*t->wall), by_size);
	qsort(t->cpu, n, sizeof(*t->cpu), by_size);
	printf("%s %.2f %.2f %.2f cpu %.2f\n", what, t->wall[0], t->wall[n / 2], t->wall[n - 1], t->cpu[n / 2]);
}

/* The last handle of the table: rules count on from there. */
static unsigned long long last_handle(struct bf_ctx *ctx, const char *where)
{
	char command[256], *text = NULL;
	unsigned long long last = 0;

	snprintf(command, sizeof(command), "list table %s", where);
	*strrchr(command, ' ') = 0;
	must(ctx, bf_native_run(ctx, "edits", command, strlen(command), BF_LIST_HANDLES, &text));
	for (const char *p = text; (p = strstr(p, "# handle ")); p++) {
		unsigned long long h = strtoull(p + 9, NULL, 10);

		last = h > last ? h : last;
	}
	free(text);
	return last;
}

/* where: "inet t c" */
static void native(struct bf_ctx *ctx, const char *where, unsigned rules, unsigned count, struct times *in, struct times *out)
{
	unsigned long long handle = last_handle(ctx, where);
	char command[300];

	for (unsigned i = 0; i < count; i++) {
		unsigned a = (unsigned)random();

		snprintf(command, sizeof(command), "insert rule %s index %u ip saddr %u.%u.%u.%u tcp dport 1-65535 drop", where,
		         (unsigned)random() % (rules ? rules : 1), 1 + (a >> 24) % 200, a >> 16 & 255, a >> 8 & 255, a & 255);
		timed(ctx, NULL, command, in, i);
		snprintf(command, sizeof(command), "delete rule %s handle %llu", where, ++handle);
		timed(ctx, NULL, command, out, i);
	}
}

int main(int argc, char **argv)
{
	static struct times insert, delete;
	unsigned rules = argc > 2 ? (unsigned)atoi(argv[2]) : 0, count = argc > 3 ? (unsigned)atoi(argv[3]) : 50;
	struct bf_ctx *ctx = bf_ctx_new();
	bool is_native = argc > 2 && strchr(argv[1], '/');

	if (argc < 3 || !count || count > COUNT_MAX || !ctx) {
		fprintf(stderr, "usage: edits CHAIN|FAMILY/TABLE/CHAIN RULES [COUNT]\n");
		return 2;
	}
	srandom(1);
	for (char *p = argv[1]; is_native && *p; p++)
		*p = *p == '/' ? ' ' : *p;
	if (is_native)
		native(ctx, argv[1], rules, count, &insert, &delete);
	for (unsigned i = 0; i < count && !is_native; i++) {
		struct entry entry = { .e = { .ip = { .smsk.s_addr = ~0u, .proto = IPPROTO_TCP },
		                              .target_offset = sizeof(struct ipt_entry), .next_offset = sizeof(entry) },
		                       .t = { .target.u.target_size = sizeof(struct xt_standard_target), .verdict = -NF_DROP - 1 } };
		struct bf_xt_rule_edit e = { BF_XT_INSERT, argv[1], 1 + (unsigned)random() % (rules + 1), &entry, sizeof(entry) };

		entry.e.ip.src.s_addr = (uint32_t)random() | 1;
		timed(ctx, &e, NULL, &insert, i);
		e.op = BF_XT_DELETE;
		timed(ctx, &e, NULL, &delete, i);
	}
	print("insert", &insert, count);
	print("delete", &delete, count);
	bf_ctx_free(ctx);
	return 0;
}
