/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_elements.c: elements of sets, concatenations and a verdict map come and
 * go in place, some at once and in several sets, rules among them, while two threads send packets. Each packet
 * must meet the verdict of a ruleset that was in force between its sending and
 * its arrival: rules look into the same set more than once, and a packet that
 * saw it before and after a change would meet none. Then two writers at a time,
 * and writers that are killed: what is listed is what packets meet.
 *
 *   test_elements [UPDATES [SEED [KILLS]]]
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "bpfilter/bpfilter.h"
#include "kern/events.h"
#include "kern/kern.h"
#include "lib/rng.h"
#include "run/flood.h"
#include "run/net.h"

enum { HOSTS = FLOOD_HOSTS, PREFIXES = 80, PORT = 4100, FILL_A = 20000, FILL_P = 5000, FILL_C = 3000 };

enum led { NOWHERE, ACCEPTED, DROPPED }; /* by the map */

struct world {
	struct bf_ctx *ctx;
	struct rng r;
	bool a[HOSTS], p[PREFIXES], c[HOSTS]; /* what is in the sets */
	uint8_t m[HOSTS];                     /* enum led */
	int blocked;                /* a host that a rule drops; -1: none */
	struct flood flood;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "test_elements: %s: %s\n", what, why);
	exit(1);
}

/* Prefixes are 127.1.b.0/30, .4/30, .8/30, .12/30, .16/32. */
static uint32_t prefix_of(uint32_t i)
{
	return (i >> 4) * 5 + (flood_host(i) & 31) / 4;
}

static void print_host(FILE *f, uint32_t i)
{
	fprintf(f, "127.1.%u.%u", i >> 4, (i & 15) + 1);
}

static void print_prefix(FILE *f, uint32_t i)
{
	fprintf(f, "127.1.%u.%u%s", i / 5, i % 5 * 4, i % 5 == 4 ? "" : "/30");
}

static void print_pair(FILE *f, uint32_t i)
{
	print_host(f, i);
	fprintf(f, " . 127.0.0.1");
}

static void print_accepted(FILE *f, uint32_t i)
{
	print_host(f, i);
	fprintf(f, " : accept");
}

static void print_dropped(FILE *f, uint32_t i)
{
	print_host(f, i);
	fprintf(f, " : drop");
}

/* In one of the sets, or in neither or both; whatever else is a packet that saw a set twice, and not alike. */
static const char rules[] =
	"chain i { type filter hook input priority 0; policy accept\n"
	"  ip saddr != @a goto out\n  ip saddr @a goto in\n  drop\n}\n"
	"chain out { ip saddr @a drop\n  ip saddr @p drop\n  ip saddr != @p goto deep\n  drop\n }\n"
	"chain in { ip saddr != @p drop\n  ip saddr @p goto deep\n drop\n }\n"
	"chain deep { ip saddr . ip daddr != @c goto far\n  ip saddr . ip daddr @c goto near\n  drop\n }\n"
	"chain far { ip saddr . ip daddr @c drop\n  ip saddr vmap @m\n  ip saddr vmap @m\n  drop\n }\n"
	"chain near { ip saddr . ip daddr != @c drop\n  ip saddr vmap @m\n  ip saddr vmap @n\n  accept\n }\n";

static bool verdict(const struct world *w, uint32_t i)
{
	return (int)i != w->blocked && w->a[i] == w->p[prefix_of(i)] && (w->c[i] ? w->m[i] != DROPPED : w->m[i] == ACCEPTED);
}

static void run(struct world *w, const char *text)
{
	if (bf_native_run(w->ctx, "test", text, strlen(text), 0, NULL)) {
		fprintf(stderr, "%.300s\n", text);
		die("run", bf_ctx_message(w->ctx));
	}
}

static void load(struct world *w)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "table inet t {\nset a { type ipv4_addr; elements = { 10.0.0.0");
	for (uint32_t i = 1; i < FILL_A; i++)
		fprintf(f, ", 10.%u.%u.%u", i >> 8 & 255, i & 255, i % 7);
	fprintf(f, " }; }\nset p { type ipv4_addr; flags interval; elements = { 11.0.0.0/25");
	for (uint32_t i = 1; i < FILL_P; i++)
		fprintf(f, ", 11.%u.%u.0/%u", i >> 8 & 255, i & 255, 25 + i % 6);
	fprintf(f, " }; }\nset o { type inet_service; }\nmap n { type ipv4_addr : verdict; }\n");
	fprintf(f, "set c { type ipv4_addr . ipv4_addr; elements = { 12.0.0.0 . 127.0.0.1");
	for (uint32_t i = 1; i < FILL_C; i++)
		fprintf(f, ", 12.%u.%u.%u . 127.0.0.1", i >> 8 & 255, i & 255, i % 7);
	for (uint32_t i = 0; i < HOSTS; i++) {
		fputs(", ", f);
		print_pair(f, i);
		w->c[i] = true;
	}
	fprintf(f, " }; }\nmap m { type ipv4_addr : verdict; elements = { 13.0.0.0 : drop");
	for (uint32_t i = 1; i < FILL_C; i++)
		fprintf(f, ", 13.%u.%u.%u : %s", i >> 8 & 255, i & 255, i % 7, i & 1 ? "accept" : "drop");
	fprintf(f, " }; }\n");
	for (const char *c = rules; *c; c++)
		fputc(*c, f);
	fprintf(f, "}\n");
	fclose(f);
	run(w, text);
	free(text);
}

/* Each goes, or comes, or leads to something else at once. */
static void change_map(struct world *w, uint32_t i, FILE *f)
{
	enum led next = (w->m[i] + 1 + rng_below(&w->r, 2)) % 3;

	if (w->m[i]) {
		fprintf(f, "delete element inet t m { ");
		print_host(f, i);
		fprintf(f, " }\n");
	}
	if (next) {
		fprintf(f, "add element inet t m { ");
		(next == ACCEPTED ? print_accepted : print_dropped)(f, i);
		fprintf(f, " }\n");
	}
	w->m[i] = (uint8_t)next;
}

static void change_set(bool *in, uint32_t i, char set, void (*print)(FILE *f, uint32_t i), FILE *f)
{
	fprintf(f, "%s element inet t %c { ", in[i] ? "delete" : "add", set);
	print(f, i);
	fprintf(f, " }\n");
	in[i] = !in[i];
}

/* Another set of elements, none twice; the commands for it. */
static void change_elements(struct world *w, FILE *f)
{
	uint32_t n = rng_percent(&w->r, 70) ? 1 : rng_percent(&w->r, 80) ? 2 + rng_below(&w->r, 3) : 20;
	uint32_t from = rng_below(&w->r, HOSTS), kind = rng_below(&w->r, 4);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = (from + k * 3) % HOSTS;

		switch (kind) {
		case 0: change_set(w->a, i, 'a', print_host, f); break;
		case 1: change_set(w->p, (from + k * 3) % PREFIXES, 'p', print_prefix, f); break;
		case 2: change_set(w->c, i, 'c', print_pair, f); break;
		default: change_map(w, i, f);
		}
	}
}

/* The rule stands first: the one that was there goes, another one comes. */
static void change_rule(struct world *w, FILE *f)
{
	w->blocked = rng_percent(&w->r, 30) ? -1 : (int)rng_below(&w->r, HOSTS);
	fprintf(f, "flush chain inet t i\n");
	if (w->blocked >= 0) {
		fprintf(f, "add rule inet t i ip saddr ");
		print_host(f, (uint32_t)w->blocked);
		fprintf(f, " drop\n");
	}
	fprintf(f, "add rule inet t i ip saddr != @a goto out\nadd rule inet t i ip saddr @a goto in\nadd rule inet t i drop\n");
}

static void note_verdicts(const struct world *w, uint8_t *passes)
{
	for (uint32_t i = 0; i < HOSTS; i++)
		passes[i] = verdict(w, i);
}

static void update(struct world *w)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (rng_percent(&w->r, 2))
		change_rule(w, f);
	else
		change_elements(w, f);
	fclose(f);
	note_verdicts(w, flood_next(&w->flood));
	flood_begin(&w->flood);
	run(w, text);
	flood_done(&w->flood);
	free(text);
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static uint64_t generation(struct bf_ns *ns)
{
	bf_ns_lock(ns, -1);
	bf_ns_unlock(ns);
	return bf_ns_generation(ns);
}

static bool soak(struct world *w, unsigned updates)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct flood *fl = &w->flood;
	uint64_t before, compiled;
	struct timespec a, b;
	unsigned files;
	struct bf_ns *ns;

	if (bf_ns_open(&ns, -1, false, &d))
		die("state", d.text.data);
	update(w);
	flood_start(&w->flood);
	files = open_files();
	before = generation(ns);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned i = 0; i < updates; i++)
		update(w);
	clock_gettime(CLOCK_MONOTONIC, &b);
	compiled = generation(ns) - before;
	if (open_files() > files + 8) /* sockets of threads that had just begun; what is kept for the next change */
		die("files", "descriptors are left open");
	flood_stop(&w->flood);
	bf_ns_close(ns);
	printf("%u updates in %.1f s, %llu of them compiled; %llu packets, %llu of them over too many updates to tell; %llu met a wrong ruleset\n",
	       updates, (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, (unsigned long long)compiled,
	       (unsigned long long)fl->sent, (unsigned long long)fl->skipped, (unsigned long long)fl->bad);
	return !fl->bad && fl->sent > updates / 4 && compiled < updates / 10 + 5;
}

/* What is listed is what packets meet. */

static char *list(struct world *w, const char *set)
{
	char text[64], *out = NULL;

	snprintf(text, sizeof(text), "list %s inet t %s", *set == 'm' ? "map" : "set", set);
	if (bf_native_run(w->ctx, "test", text, strlen(text), 0, &out))
		die("list", bf_ctx_message(w->ctx));
	return out;
}

static bool is_listed(const char *text, void (*print)(FILE *f, uint32_t i), uint32_t i)
{
	char *word, *at;
	size_t len;
	FILE *f = open_memstream(&word, &len);
	bool found = false;

	print(f, i);
	fclose(f);
	for (at = strstr(text, word); at && !found; at = strstr(at + 1, word))
		found = at[-1] == ' ' && (at[len] == ',' || at[len] == ' ');
	free(word);
	return found;
}

static void learn(struct world *w)
{
	char *a = list(w, "a"), *p = list(w, "p"), *c = list(w, "c"), *m = list(w, "m");

	for (uint32_t i = 0; i < HOSTS; i++) {
		w->a[i] = is_listed(a, print_host, i);
		w->c[i] = is_listed(c, print_pair, i);
		w->m[i] = is_listed(m, print_accepted, i) ? ACCEPTED : is_listed(m, print_dropped, i) ? DROPPED : NOWHERE;
	}
	for (uint32_t i = 0; i < PREFIXES; i++)
		w->p[i] = is_listed(p, print_prefix, i);
	free(a);
	free(p);
	free(c);
	free(m);
}

static unsigned meet(const struct world *w)
{
	uint8_t passes[HOSTS];

	note_verdicts(w, passes);
	return flood_once(PORT + 9, passes);
}

static pid_t start_writer(struct world *w)
{
	pid_t pid = fork();

	while (!pid) {
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		change_elements(w, f);
		fclose(f);
		run(w, text);
		free(text);
	}
	return pid;
}

static bool killed(struct world *w, unsigned kills)
{
	unsigned wrong = 0, changed = 0;

	for (unsigned i = 0; i < kills; i++) {
		const struct timespec pause = { .tv_nsec = 200000 + rng_below(&w->r, 20000000) };
		static struct world before;
		pid_t pid;

		w->r.state += i;
		learn(w);
		before = *w;
		pid = start_writer(w);
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		learn(w);
		wrong += meet(w);
		changed += memcmp(before.a, w->a, sizeof(w->a)) || memcmp(before.p, w->p, sizeof(w->p)) ||
		           memcmp(before.c, w->c, sizeof(w->c)) || memcmp(before.m, w->m, sizeof(w->m));
	}
	printf("%u writers killed, %u had changed something; %u packets met something else than what is listed\n", kills, changed, wrong);
	return !wrong && changed >= kills / 20; /* on a busy machine many come to nothing */
}

/* Each its own half of the hosts. */
static bool two_writers(struct world *w)
{
	pid_t pid[2];
	unsigned bad = 0;

	learn(w);
	for (int k = 0; k < 2; k++) {
		pid[k] = fork();
		if (pid[k])
			continue;
		for (uint32_t n = 0; n < 500; n++) {
			uint32_t i = n % (HOSTS / 2) * 2 + (uint32_t)k;
			char *text;
			size_t len;
			FILE *f = open_memstream(&text, &len);

			fprintf(f, "%s element inet t a { ", w->a[i] ? "delete" : "add");
			print_host(f, i);
			fprintf(f, " }");
			fclose(f);
			run(w, text);
			free(text);
			w->a[i] = !w->a[i];
		}
		exit(0);
	}
	for (int k = 0; k < 2; k++) {
		int status;

		waitpid(pid[k], &status, 0);
		bad += status != 0;
	}
	for (uint32_t n = 0; n < 500; n++)
		for (uint32_t k = 0; k < 2; k++)
			w->a[n % (HOSTS / 2) * 2 + k] ^= true;
	bad += meet(w);
	printf("two writers at once: %u wrong\n", bad);
	return !bad;
}

/* The same commands in place and the long way (which echo takes): the same answers, the same sets. */

static const char *const set_types[] = { "ipv4_addr", "ipv4_addr; flags interval", "ipv4_addr; flags interval; auto-merge",
	                                     "inet_service; flags interval", "ipv6_addr; flags interval", "ipv4_addr; size 8",
	                                     "ipv4_addr; flags constant", "ipv4_addr . inet_service", "ipv4_addr : verdict",
	                                     "ifname . inet_proto; size 6" };

static void print_element(FILE *f, struct rng *r, unsigned set)
{
	unsigned i = rng_below(r, 24), len = rng_below(r, 3), any = rng_percent(r, 50);

	if (set == 7)
		fprintf(f, "10.0.0.%u . %u", i, 80 + len);
	else if (set == 9)
		fprintf(f, "\"eth%u\" . %s", i, len ? "tcp" : "17");
	else if (set == 3)
		fprintf(f, any ? "%u" : "%u-%u", i * 2, i * 2 + len);
	else if (set == 4)
		fprintf(f, any ? "2001:db8::%x" : "2001:db8::%x/%u", i, 128 - len);
	else if (set == 1 || set == 2)
		fprintf(f, any ? "10.0.0.%u" : "10.0.0.%u/%u", any ? i : i & ~((1u << len) - 1), 32 - len);
	else
		fprintf(f, "10.0.0.%u", i);
}

static void print_commands(FILE *f, struct rng *r, const char *table)
{
	static const char *const ways[] = { " : accept", " : drop", " : jump x", " : goto y", " : continue" };
	static const char *const verbs[] = { "add", "add", "add", "delete", "delete", "create", "destroy" };
	unsigned n = rng_percent(r, 80) ? 1 : 2;

	while (n--) {
		unsigned set = rng_below(r, BF_ARRAY_SIZE(set_types)), k = rng_percent(r, 70) ? 1 : 2 + rng_below(r, 2);

		const char *verb = verbs[rng_below(r, BF_ARRAY_SIZE(verbs))];

		fprintf(f, "%s element inet %s s%u { ", verb, table, set);
		while (k--) {
			print_element(f, r, set);
			if (rng_percent(r, 20) && *verb != 'd')
				fprintf(f, " comment \"%u\"", rng_below(r, 10));
			if (set == 8 && *verb != 'd')
				fputs(ways[rng_below(r, BF_ARRAY_SIZE(ways))], f);
			fputs(k ? ", " : " }\n", f);
		}
	}
}

static int both_ways(struct world *w, struct rng r, bool quick)
{
	char *text, *out = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc;

	print_commands(f, &r, quick ? "q" : "l");
	fclose(f);
	rc = bf_native_run(w->ctx, "test", text, len, quick ? 0 : BF_NATIVE_ECHO, quick ? NULL : &out);
	free(text);
	free(out);
	return rc;
}

/* From the name on. */
static char *list_table(struct world *w, const char *name)
{
	char text[64], *out = NULL, *from;

	snprintf(text, sizeof(text), "list table inet %s", name);
	if (bf_native_run(w->ctx, "test", text, strlen(text), 0, &out))
		die("list", bf_ctx_message(w->ctx));
	from = strdup(strchr(out, '{'));
	free(out);
	return from;
}

static bool alike(struct world *w, unsigned commands)
{
	static const char *const first[] = { "10.0.0.4 comment \"b\", 10.0.0.9", "10.0.0.4", "10.0.0.4", "1-5, 9", "2001:db8::8/127", "10.0.0.4", "10.0.0.4",
		                                 "10.0.0.4 . 80 comment \"a\"", "10.0.0.4 : jump x", "\"eth1\" . tcp" };
	unsigned good = 0;

	for (int k = 0; k < 2; k++) {
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		fprintf(f, "table inet %s {\n", k ? "l" : "q");
		for (unsigned i = 0; i < BF_ARRAY_SIZE(set_types); i++)
			fprintf(f, "%s s%u { type %s; elements = { %s }; }\n", i == 8 ? "map" : "set", i, set_types[i], first[i]);
		fprintf(f, "chain x { }\nchain y { }\n");
		fprintf(f, "chain c { type filter hook output priority 0; ip daddr @s0 drop; ip daddr @s1 drop; ip daddr @s2 drop; "
		           "tcp dport @s3 drop; ip6 saddr @s4 drop; ip daddr @s5 drop; ip daddr @s6 drop; "
		           "ip daddr . tcp dport @s7 drop; ip daddr vmap @s8; oifname . meta l4proto @s9 drop; }\n}\n");
		fclose(f);
		run(w, text);
		free(text);
	}
	for (unsigned i = 0; i < commands; i++) {
		const struct rng r = w->r;
		int a = both_ways(w, r, true), b = both_ways(w, r, false);
		char *x = list_table(w, "q"), *y = list_table(w, "l");

		rng_u64(&w->r);
		good += !a;
		if (a != b || strcmp(x, y)) {
			printf("commands %u: %d in place, %d the long way\n%s\n%s\n", i, a, b, x, y);
			print_commands(stdout, &(struct rng){ r.state }, "t");
			return false;
		}
		free(x);
		free(y);
	}
	printf("%u commands, %u of them good: in place as the long way\n", commands, good);
	return good > commands / 5;
}

int main(int argc, char **argv)
{
	unsigned updates = argc > 1 ? (unsigned)atoi(argv[1]) : 400;
	static struct world w = { .blocked = -1, .flood.port = PORT };
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);
	w.r.state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	test_net_new();
	w.ctx = bf_ctx_new();
	load(&w);
	good = soak(&w, updates);
	good &= meet(&w) == 0;
	good &= alike(&w, updates / 2);
	good &= two_writers(&w);
	good &= killed(&w, argc > 3 ? (unsigned)atoi(argv[3]) : 20);
	if (bf_flush(w.ctx))
		die("flush", bf_ctx_message(w.ctx));
	bf_ctx_free(w.ctx);
	return !good;
}
