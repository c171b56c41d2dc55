/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * latency.c: how long this machine waits for memory just now. One load after
 * the other, each for the place that the one before has read, through so much
 * memory in random order: for each size KiB and nanoseconds a load, the least of
 * some rounds. Large rulesets and random packets cost some of these each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINE = 64, LOADS = 200000, ROUNDS = 9 };

struct line {
	struct line *next;
	char rest[LINE - sizeof(struct line *)];
};

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* One ring through all lines, in random order (Sattolo). */
static void make_ring(struct line *lines, uint32_t *order, uint32_t n)
{
	uint64_t x = 88172645463325252u;

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t j, t = order[i];

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		j = (uint32_t)(x % i);
		order[i] = order[j];
		order[j] = t;
	}
	for (uint32_t i = 0; i < n; i++)
		lines[order[i]].next = &lines[order[(i + 1) % n]];
}

static double chase(const struct line *at, const struct line *volatile *end)
{
	double start = cpu_ns();

	for (unsigned i = 0; i < LOADS; i++)
		at = at->next;
	*end = at;
	return (cpu_ns() - start) / LOADS;
}

int main(void)
{
	for (uint32_t kib = 512; kib <= 65536; kib *= 2) {
		uint32_t n = kib * 1024 / LINE;
		struct line *lines = aligned_alloc(LINE, (size_t)n * LINE);
		uint32_t *order = malloc((size_t)n * sizeof(*order));
		const struct line *volatile end;
		double least = 1e9;

		if (!lines || !order) {
			perror("latency");
			return 1;
		}
		make_ring(lines, order, n);
		for (unsigned r = 0; r < ROUNDS; r++) {
			double ns = chase(lines, &end);

			least = ns < least ? ns : least;
		}
		printf("%u %.1f\n", kib, least);
		free(lines);
		free(order);
	}
	return 0;
}
