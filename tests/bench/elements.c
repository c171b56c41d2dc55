/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elements.c: how long the library takes to add one element to a set of a
 * native table and to delete one, the command's text included, in a network
 * namespace of its own:
 *
 *   elements [KIND:SIZE...] [-n COUNT]
 *
 * KIND: addr4, prefix4, addr6, prefix6, port, dynamic4; ban4 and ban6: addresses and, one in ten, prefixes with timeouts;
 * concat4 and concat6: addresses with ports; vmap4: a map of addresses to verdicts. Elements are random; each of COUNT (2000) is added and, later, deleted again. Prints microseconds:
 * least, median, 99 of 100, most, mean, of wall time, and the mean on a CPU.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpfilter/bpfilter.h"

struct kind {
	const char *name, *type, *rule, *more, *life; /* life: behind each element that is added */
	void (*print)(char *out, uint64_t i);
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
	return x ^ x >> 29;
}

static uint32_t one_to_one(uint32_t x) /* no element twice */
{
	x *= 0x9e3779b1u;
	return x ^ x >> 15;
}

static void addr4(char *out, uint64_t i)
{
	uint32_t a = one_to_one((uint32_t)i);

	sprintf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void prefix4(char *out, uint64_t i) /* /24 to /30, every 512 addresses one */
{
	uint32_t a = ((uint32_t)i * 0x9e3779b1u & 0x3fffff) << 9 | (uint32_t)(i >> 22) << 31;
	unsigned len = 24 + mix(i) % 7;

	sprintf(out, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, len);
}

static void addr6(char *out, uint64_t i)
{
	uint64_t a = mix(i), b = mix(~i);

	sprintf(out, "2001:%x:%x:%x:%x:%x:%x:%x", (unsigned)(a & 0xffff), (unsigned)(a >> 16 & 0xffff), (unsigned)(a >> 32 & 0xffff),
	        (unsigned)(b & 0xffff), (unsigned)(b >> 16 & 0xffff), (unsigned)(i >> 16 & 0xffff), (unsigned)(i & 0xffff));
}

static void prefix6(char *out, uint64_t i)
{
	static const unsigned lens[] = { 48, 56, 64 };

	sprintf(out, "2001:%x:%x::/%u", (unsigned)(i >> 16 & 0xffff), (unsigned)(i & 0xffff), lens[mix(i) % 3]);
}

static void ban4(char *out, uint64_t i)
{
	uint32_t a = ((uint32_t)i * 0x9e3779b1u & 0xffffff) << 8, host = mix(i) >> 8 & 255;
	bool wide = mix(i) % 10 == 0;

	sprintf(out, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255, wide ? 0 : host, wide ? 24 : 32);
}

static void ban6(char *out, uint64_t i)
{
	bool wide = mix(i) % 10 == 0;

	sprintf(out, "2001:%x:%x::%s/%u", (unsigned)(i >> 16 & 0xffff), (unsigned)(i & 0xffff), wide ? "" : "1", wide ? 64 : 128);
}

static void port(char *out, uint64_t i)
{
	sprintf(out, "%u", (unsigned)(i % 65536));
}

static void concat4(char *out, uint64_t i)
{
	addr4(out, i);
	sprintf(out + strlen(out), " . %u", (unsigned)(mix(i) % 65536));
}

static void concat6(char *out, uint64_t i)
{
	addr6(out, i);
	sprintf(out + strlen(out), " . %u", (unsigned)(mix(i) % 65536));
}

static const struct kind kinds[] = {
	{ "addr4", "ipv4_addr", "ip saddr @s drop", "", "", addr4 },
	{ "prefix4", "ipv4_addr; flags interval", "ip saddr @s drop", "", "", prefix4 },
	{ "addr6", "ipv6_addr", "ip6 saddr @s drop", "", "", addr6 },
	{ "prefix6", "ipv6_addr; flags interval", "ip6 saddr @s drop", "", "", prefix6 },
	{ "port", "inet_service", "tcp dport @s drop", "", "", port },
	{ "dynamic4", "ipv4_addr; flags dynamic", "ip saddr @s drop", "; size 2000000", "", addr4 },
	{ "ban4", "ipv4_addr; flags interval,timeout", "ip saddr @s drop", "", " timeout 1h", ban4 },
	{ "concat4", "ipv4_addr . inet_service", "ip saddr . tcp dport @s drop", "", "", concat4 },
	{ "concat6", "ipv6_addr . inet_service", "ip6 saddr . tcp dport @s drop", "", "", concat6 },
	{ "vmap4", "ipv4_addr : verdict", "ip saddr vmap @s", "", " : drop", addr4 },
	{ "ban6", "ipv6_addr; flags interval,timeout", "ip6 saddr @s drop", "", " timeout 1h", ban6 },
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void run(struct bf_ctx *ctx, const char *text, size_t len)
{
	if (bf_native_run(ctx, "elements", text, len, 0, NULL)) {
		fprintf(stderr, "elements: %s\n", bf_ctx_message(ctx));
		exit(1);
	}
}

static void load(struct bf_ctx *ctx, const struct kind *k, unsigned size)
{
	char *text, el[64];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "table inet t {\n%s s { type %s%s; ", strchr(k->type, ':') ? "map" : "set", k->type, k->more);
	for (unsigned i = 0; i < size; i++) {
		k->print(el, i);
		fprintf(f, "%s%s%s", i ? ", " : "elements = { ", el, k->life);
	}
	fprintf(f, "%s }\nchain c { type filter hook input priority 0; %s; }\n}\n", size ? " };" : "", k->rule);
	fclose(f);
	run(ctx, text, len);
	free(text);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void change(struct bf_ctx *ctx, const struct kind *k, const char *verb, unsigned from, unsigned n)
{
	double *us = calloc(n, sizeof(*us)), sum = 0, cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	char text[160], el[64];

	for (unsigned i = 0; i < n; i++) {
		double begin = now(CLOCK_MONOTONIC);

		k->print(el, from + i);
		run(ctx, text, (size_t)sprintf(text, "%s element inet t s { %s%s }", verb, el, *verb == 'a' ? k->life : ""));
		us[i] = now(CLOCK_MONOTONIC) - begin;
		sum += us[i];
	}
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	qsort(us, n, sizeof(*us), by_size);
	printf("%-9s %-7s %8.1f %8.1f %8.1f %10.1f %8.1f %8.1f\n", k->name, verb, us[0], us[n / 2], us[n * 99 / 100], us[n - 1],
	       sum / n, cpu / n);
	free(us);
}

static void measure(const struct kind *k, unsigned size, unsigned n)
{
	static const char flush[] = "flush ruleset";
	struct bf_ctx *ctx = bf_ctx_new();

	if (!ctx)
		exit(1);
	load(ctx, k, size);
	printf("%s, %u elements\n", k->name, size);
	change(ctx, k, "add", size, n);
	change(ctx, k, "delete", size, n);
	run(ctx, flush, strlen(flush));
	bf_ctx_free(ctx);
}

static void measure_named(const char *what, unsigned n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (!strncmp(what, kinds[i].name, len) && what[len] == ':')
			return measure(&kinds[i], (unsigned)atoi(what + len + 1), n);
	}
	fprintf(stderr, "elements: what is %s?\n", what);
	exit(2);
}

int main(int argc, char **argv)
{
	static const char *const all[] = { "addr4:0", "addr4:1000000", "prefix4:1000000", "addr6:1000000", "prefix6:1000000",
		                               "port:1000", "dynamic4:1000000", "concat4:100000", "vmap4:100000" };
	unsigned n = 2000, named = 0;
	struct bf_ctx *ctx;

	if (unshare(CLONE_NEWNET)) {
		perror("elements: unshare");
		return 77;
	}
	printf("%-9s %-7s %8s %8s %8s %10s %8s %8s us\n", "set", "", "least", "median", "99 %", "most", "mean", "CPU");
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-n") && i + 1 < argc)
			n = (unsigned)atoi(argv[++i]);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-n"))
			i++;
		else
			measure_named(argv[i], n), named++;
	}
	for (size_t i = 0; !named && i < sizeof(all) / sizeof(*all); i++)
		measure_named(all[i], n);
	ctx = bf_ctx_new();
	bf_flush(ctx);
	bf_ctx_free(ctx);
	return 0;
}
