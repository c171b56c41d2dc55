/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stages.c: where the time and the memory of a change go.
 *
 *   stages [-n RULES] [-r ROUNDS] [-s SEED] [-a] [-c]
 *
 * Makes a filter table of RULES rules (-a: each with addresses of its own;
 * else most addresses are in several rules, as in real tables; -c: CPU time is
 * measured, for busy machines), hands it to the
 * library in a network namespace of its own, and prints for each stage: its
 * name, milliseconds (the least of all rounds), bytes a rule that the process had
 * at most beyond what it had before.
 *
 *   decode  the caller's blob -> the state
 *   model   the state -> rules and conditions
 *   image   the model -> cells, structures, programs
 *   first   all of it and loading, into an empty namespace    (needs root, as all below)
 *   entries the table is read back
 *   second  one rule more, at the end of INPUT
 *   append  another one: from now on there is something to be used again
 *   delete  the same away again
 *   same    the table that is already there
 */
#include <fcntl.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/in.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "api/ctx.h"
#include "gen/gen.h"
#include "xt/build.h"

struct stage {
	const char *name;
	double ms;
	long bytes;
};

struct bench {
	uint32_t n, rounds, seed;
	bool apart;
	clockid_t clock;
	struct bf_ctx *ctx;
	struct bb blob[4]; /* of RULES rules, RULES + 1, ... */
	struct stage stage[9];
};

static uint64_t draw(uint64_t *s)
{
	*s += 0x9e3779b97f4a7c15u;
	uint64_t z = (*s ^ *s >> 30) * 0xbf58476d1ce4e5b9u;

	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A prefix out of n/4 ones (apart: of any number). */
static void prefix(const struct bench *b, uint64_t *s, struct in_addr *a, struct in_addr *mask)
{
	uint64_t pick = b->apart ? draw(s) : draw(s) % (b->n / 4 + 4);
	uint32_t v = (uint32_t)draw(&pick), len = 16 + (v & 15) + (v & 16) / 16;
	uint32_t m = len == 16 && v & 32 ? 0 : ~0u << (32 - len);

	mask->s_addr = __builtin_bswap32(m);
	a->s_addr = __builtin_bswap32(v & m);
}

static void add_rule(const struct bench *b, struct bb *bb, uint64_t *s)
{
	static const uint16_t ports[] = { 22, 25, 53, 80, 110, 123, 143, 443, 993, 1521, 3306, 5060, 8080 };
	struct ipt_entry *e = (struct ipt_entry *)bb_entry(bb);
	struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 0, 65535 } };
	struct xt_udp udp = { .spts = { 0, 65535 }, .dpts = { 0, 65535 } };
	uint64_t r = draw(s);
	uint16_t lo = r & 3 ? ports[r / 4 % BF_ARRAY_SIZE(ports)] : (uint16_t)(r >> 8), hi = r & 12 ? lo : lo | 1023;

	prefix(b, s, &e->ip.src, &e->ip.smsk);
	prefix(b, s, &e->ip.dst, &e->ip.dmsk);
	tcp.dpts[0] = udp.dpts[0] = lo;
	tcp.dpts[1] = udp.dpts[1] = hi;
	bb_proto(bb, r & 16 ? IPPROTO_TCP : IPPROTO_UDP, 0);
	if (r & 16)
		bb_match(bb, "tcp", 0, &tcp, sizeof(tcp));
	else
		bb_match(bb, "udp", 0, &udp, sizeof(udp));
	bb_verdict(bb, r & 32 ? -NF_ACCEPT - 1 : -NF_DROP - 1);
}

static void make_blob(const struct bench *b, struct bb *bb, uint32_t n)
{
	uint64_t s = b->seed;

	bb_begin(bb, NFPROTO_IPV4);
	for (unsigned h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		bb_hook(bb, h);
		for (uint32_t i = 0; h == NF_INET_LOCAL_IN && i < n; i++)
			add_rule(b, bb, &s);
		bb_policy(bb, h, -NF_ACCEPT - 1);
	}
	bb_end(bb);
}

static double now_ms(const struct bench *b)
{
	struct timespec t;

	clock_gettime(b->clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long status(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long v = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			v = strtol(line + strlen(key), NULL, 10) << 10;
	if (f)
		fclose(f);
	return v;
}

static void forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "5", 1) != 1)
		perror("clear_refs");
	close(fd);
}

static void die(struct bench *b, const char *what, int rc)
{
	fprintf(stderr, "stages: %s: %s %s\n", what, strerror(-rc), bf_ctx_message(b->ctx));
	exit(1);
}

static void measure(struct bench *b, const char *name, int (*f)(struct bench *b, void *arg), void *arg)
{
	long before, bytes;
	struct stage *s = b->stage;
	double begin, ms;
	int rc;

	while (s->name && strcmp(s->name, name))
		s++;
	malloc_trim(0); /* what the last stage has freed is not there any more */
	forget_peak();
	before = status("VmRSS:");
	begin = now_ms(b);
	rc = f(b, arg);
	ms = now_ms(b) - begin;
	bytes = status("VmHWM:") - before;
	if (rc)
		die(b, name, rc);
	if (!s->name || ms < s->ms)
		s->ms = ms;
	s->name = name;
	s->bytes = BF_MAX(s->bytes, bytes);
}

/* What the stages leave behind for the next. */
static struct bf_buf state;
static struct bf_ruleset *rs;

static int decode(struct bench *b, void *arg)
{
	struct bf_xt_replace info;

	return bf_xt_decode_replace(NFPROTO_IPV4, b->blob[0].buf.data, b->blob[0].buf.len, &info, &state, NULL);
}

static int model(struct bench *b, void *arg)
{
	return bf_xt_to_ruleset(state.data, state.len, &rs, NULL);
}

static int image(struct bench *b, void *arg)
{
	const struct bf_gen_opts o = { .hz = 250, .cpus = bf_possible_cpus(), .may_goto = true, .code_max = BF_CODE_MAX };
	_cleanup_image_ struct bf_image *img = NULL;

	return bf_gen_table(rs->tables[0], &o, &img, NULL);
}

static int replace(struct bench *b, void *arg)
{
	struct bf_buf *copy = arg;
	struct ipt_replace *head = (struct ipt_replace *)copy->data;
	_cleanup_free_ void *old = NULL;
	struct ipt_getinfo info;
	uint32_t n_old;
	int rc = bf_xt_info(b->ctx, AF_INET, "filter", &info);

	head->num_counters = info.num_entries;
	return rc ? rc : bf_xt_set_entries(b->ctx, AF_INET, copy->data, copy->len, &old, &n_old);
}

/* Blobs are used up. */
static void change(struct bench *b, const char *name, const struct bb *bb)
{
	_cleanup_buf_ struct bf_buf copy = { 0 };

	bf_buf_add(&copy, bb->buf.data, bb->buf.len);
	measure(b, name, replace, &copy);
}

static int entries(struct bench *b, void *arg)
{
	_cleanup_free_ void *e = NULL;
	struct ipt_getinfo info;
	uint32_t size;
	int rc = bf_xt_info(b->ctx, AF_INET, "filter", &info);

	return rc ? rc : bf_xt_entries(b->ctx, AF_INET, "filter", info.size, &e, &size);
}

static void all(struct bench *b, bool kernel)
{
	measure(b, "decode", decode, NULL);
	measure(b, "model", model, NULL);
	measure(b, "image", image, NULL);
	bf_ruleset_free(rs);
	bf_buf_free(&state);
	if (!kernel)
		return;
	change(b, "first", &b->blob[0]);
	measure(b, "entries", entries, NULL);
	change(b, "second", &b->blob[1]);
	change(b, "append", &b->blob[2]);
	change(b, "append", &b->blob[3]);
	change(b, "delete", &b->blob[2]);
	change(b, "same", &b->blob[2]);
	if (bf_flush(b->ctx))
		die(b, "flush", 0);
}

static void options(struct bench *b, int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "n:r:s:ac")) != -1;) {
		uint32_t v = optarg ? (uint32_t)strtoul(optarg, NULL, 0) : 0;

		if (c == 'n')
			b->n = v;
		else if (c == 'r')
			b->rounds = v;
		else if (c == 's')
			b->seed = v;
		else if (c == 'a')
			b->apart = true;
		else if (c == 'c')
			b->clock = CLOCK_PROCESS_CPUTIME_ID;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .n = 1000, .rounds = 5, .clock = CLOCK_MONOTONIC };
	bool kernel = !unshare(CLONE_NEWNET);

	options(&b, argc, argv);
	b.ctx = bf_ctx_new();
	for (uint32_t i = 0; i < BF_ARRAY_SIZE(b.blob); i++)
		make_blob(&b, &b.blob[i], b.n + i);
	for (uint32_t i = 0; i < b.rounds; i++)
		all(&b, kernel);
	for (const struct stage *s = b.stage; s < b.stage + BF_ARRAY_SIZE(b.stage) && s->name; s++)
		printf("%-8s %10.2f %8ld\n", s->name, s->ms, s->bytes / (long)BF_MAX(b.n, 1u));
	for (uint32_t i = 0; i < BF_ARRAY_SIZE(b.blob); i++)
		bb_free(&b.blob[i]);
	bf_ctx_free(b.ctx);
	return 0;
}
