/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edits.c: how long the library takes to add and to delete one rule of the
 * filter table that is there, in the caller's network namespace:
 *
 *   edits CHAIN RULES [COUNT]
 *
 * RULES: about how many the chain has; each of COUNT (50) rules is put at a
 * random place and taken away again. Prints milliseconds: least, median, most.
 */
#include <linux/netfilter_ipv4/ip_tables.h>
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

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double timed(struct bf_ctx *ctx, const struct bf_xt_rule_edit *e)
{
	double begin = now();

	if (bf_xt_edit(ctx, AF_INET, "filter", e, 1)) {
		fprintf(stderr, "edits: %s\n", bf_ctx_message(ctx));
		exit(1);
	}
	return now() - begin;
}

static void print(const char *what, double *ms, unsigned n)
{
	qsort(ms, n, sizeof(*ms), by_size);
	printf("%s %.2f %.2f %.2f\n", what, ms[0], ms[n / 2], ms[n - 1]);
}

int main(int argc, char **argv)
{
	static double insert[COUNT_MAX], delete[COUNT_MAX];
	unsigned rules = argc > 2 ? (unsigned)atoi(argv[2]) : 0, count = argc > 3 ? (unsigned)atoi(argv[3]) : 50;
	struct bf_ctx *ctx = bf_ctx_new();

	if (argc < 3 || !count || count > COUNT_MAX || !ctx) {
		fprintf(stderr, "usage: edits CHAIN RULES [COUNT]\n");
		return 2;
	}
	srandom(1);
	for (unsigned i = 0; i < count; i++) {
		struct entry entry = { .e = { .ip = { .smsk.s_addr = ~0u, .proto = IPPROTO_TCP },
		                              .target_offset = sizeof(struct ipt_entry), .next_offset = sizeof(entry) },
		                       .t = { .target.u.target_size = sizeof(struct xt_standard_target), .verdict = -NF_DROP - 1 } };
		struct bf_xt_rule_edit e = { BF_XT_INSERT, argv[1], 1 + (unsigned)random() % (rules + 1), &entry, sizeof(entry) };

		entry.e.ip.src.s_addr = (uint32_t)random() | 1;
		insert[i] = timed(ctx, &e);
		e.op = BF_XT_DELETE;
		delete[i] = timed(ctx, &e);
	}
	print("insert", insert, count);
	print("delete", delete, count);
	bf_ctx_free(ctx);
	return 0;
}
