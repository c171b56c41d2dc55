/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_keys.c: every key of the language, looked at by our programs and by
 * nft's own rules, for the same packets, at the same hook of one namespace: both
 * count, and must count the same.
 *
 *   test_keys keys.t [WORD]    only lines with that word
 *
 *   [ip prerouting]            a family and a hook; the lines below it are rules
 *   [ip prerouting fragments]  later fragments, too. Else not: where nft reads 1, 2 or 4 aligned bytes, Linux 6.18 takes
 *                              what lies there for a header of layer 4. Where it reads more, it does not; so do we
 *   [ip output outside]        packets come from outside, at the hook are answers to them
 *   [ip prerouting routes]     they are from and for addresses of many kinds; UDP's are marked 7
 *   ! table ip x { ... }       nft's, before all others
 *   tcp dport 22
 *   ~ meta random > 7          nothing to compare with: nft cannot say it, or counts by chance. It must load
 *
 * Rules go on, whether they match or not. A rule that differs is followed by
 * the first packet for which it does.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gen/gen.h"
#include "kern/kern.h"
#include "keys.h"

enum { PACKETS = 600, RULES = 256, PRIORITY = -5, NFT_PRIORITY = -10, ASKED = 6 /* questions to the kernel: there is little room for answers */ };

struct section {
	char family[8], hook[16];
	bool fragments, outside, routes;
	char before[2048]; /* ! */
	char rule[RULES][160];
	bool alone[RULES]; /* ~ */
	unsigned n;
};

static const struct variant {
	const char *name;
	uint32_t code_max;
	bool may_goto;
	unsigned at_once; /* so many rules in one program */
} variants[] = {
	{ "data, may_goto", 0, true, RULES },
	{ "data, iterator", 0, false, RULES },
	{ "straight code", UINT32_MAX, true, 12 },
};

static struct keys_packet packets[PACKETS], local[PACKETS], routed[PACKETS];
static struct keys_world world;
static unsigned failed;

static uint8_t hook_of(const char *name)
{
	for (uint8_t i = 0; i < BF_HOOKS_NETFILTER; i++)
		if (!strcmp(bf_hook_kinds[i].name, name))
			return i;
	fprintf(stderr, "no hook %s\n", name);
	exit(2);
}

static bool is_local(const struct section *s)
{
	return hook_of(s->hook) >= BF_HOOK_OUTPUT && !s->outside;
}

static const struct keys_packet *packet_of(const struct section *s, unsigned i)
{
	return s->routes ? &routed[i] : is_local(s) ? &local[i] : &packets[i];
}

/* nft: rules with counters, in order. */
static void nft_load(const struct section *s, unsigned from, unsigned n)
{
	FILE *f = popen("nft -f -", "w");

	fprintf(f, "flush ruleset\n%stable %s t {\nchain c {\ntype filter hook %s priority %d\n", s->before, s->family, s->hook,
	        NFT_PRIORITY);
	for (unsigned i = from; i < from + n; i++)
		fprintf(f, "%s counter\n", s->alone[i] ? "" : s->rule[i]);
	fprintf(f, "}\n}\n");
	if (pclose(f)) {
		fprintf(stderr, "nft does not take the rules of [%s %s]\n", s->family, s->hook);
		exit(2);
	}
}

static unsigned nft_counters(const struct section *s, unsigned long long *packets_of)
{
	char line[512];
	unsigned n = 0;
	FILE *f;

	snprintf(line, sizeof(line), "nft list table %s t", s->family);
	f = popen(line, "r");
	while (fgets(line, sizeof(line), f)) {
		const char *c = strstr(line, "counter packets ");

		if (c)
			sscanf(c, "counter packets %llu", &packets_of[n++]);
	}
	pclose(f);
	return n;
}

static void die(const char *what, const struct bf_diag *d)
{
	fprintf(stderr, "%s: %s\n", what, d->text.data ? d->text.data : "");
	exit(1);
}

static struct bf_ns *load(const struct section *s, unsigned from, unsigned n, const struct variant *v)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct bf_gen_opts o = { .hz = bf_kernel_hz(), .tai = bf_kernel_tai(), .cpus = bf_possible_cpus(), .may_goto = v->may_goto,
	                               .code_max = v->code_max, .class_min = UINT32_MAX };
	struct bf_table *t = bf_ruleset_add_table(rs, strcmp(s->family, "ip") ? NFPROTO_IPV6 : NFPROTO_IPV4, "t");
	struct bf_chain *c = bf_table_add_chain(rs, t, "c");
	struct bf_image *img = NULL;
	struct bf_ns *ns = NULL;

	t->auth_ends = true;
	c->base = true;
	c->policy = BF_VERDICT_ACCEPT;
	c->at = (struct bf_attach){ .hook = hook_of(s->hook), .priority = PRIORITY };
	for (unsigned i = from; i < from + n; i++)
		if (keys_add_rule(rs, c, s->rule[i], s->family, &d))
			die(s->rule[i], &d);
	if (bf_gen_table(t, &o, &img, &d))
		die("gen", &d);
	if (bf_ns_open(&ns, -1, true, &d) || bf_ns_lock(ns, -1) ||
	    bf_ns_commit(ns, &(struct bf_change){ .unit = "keys", .image = img }, 1, &d))
		die(v->name, &d);
	bf_image_free(img);
	return ns;
}

static void our_counters(struct bf_ns *ns, unsigned long long *packets_of, unsigned n)
{
	struct bf_rt_counter c[RULES + 8];
	struct bf_unit *u;

	if (bf_unit_open(ns, "keys", &u) || bf_unit_counters(u, c, n)) {
		fputs("no counters\n", stderr);
		exit(2);
	}
	for (unsigned i = 0; i < n; i++)
		packets_of[i] = c[i].packets;
	bf_unit_close(u);
}

static void settle(void)
{
	const struct timespec t = { .tv_nsec = 30 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* Which rules count differently for these packets. */
static bool differs(const struct section *s, struct bf_ns *ns, unsigned first, unsigned last, unsigned from, unsigned n, bool *bad,
                    unsigned long long nft[2][RULES], unsigned long long our[2][RULES])
{
	bool any = false;

	nft_counters(s, nft[0]);
	our_counters(ns, our[0], n);
	for (unsigned i = first; i < last; i++)
		if (s->fragments || !packets[i].fragment)
			keys_send(&world, packet_of(s, i), is_local(s));
	settle();
	if (nft_counters(s, nft[1]) != n) {
		fputs("nft has lost rules\n", stderr);
		exit(2);
	}
	our_counters(ns, our[1], n);
	for (unsigned i = 0; i < n; i++) {
		bad[i] = !s->alone[from + i] && nft[1][i] - nft[0][i] != our[1][i] - our[0][i];
		any |= bad[i];
	}
	return any;
}

static void show(const struct section *s, const struct keys_packet *p)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	fprintf(stderr, "    %s%s\n   ", p->name, is_local(s) ? ", local" : "");
	for (uint32_t i = 0; i < p->t.len; i++)
		fprintf(stderr, "%s%02x", i % 4 ? "" : " ", p->t.bytes[i]);
	fputs("\n", stderr);
}

/* The first packet for which rule k differs. */
static void find_packet(const struct section *s, struct bf_ns *ns, unsigned from, unsigned n, unsigned k)
{
	unsigned long long nft[2][RULES], our[2][RULES];
	unsigned first = 0, last = PACKETS;
	bool bad[RULES];

	while (last - first > 1) {
		unsigned mid = first + (last - first) / 2;

		differs(s, ns, first, mid, from, n, bad, nft, our);
		if (bad[k])
			last = mid;
		else
			first = mid;
	}
	differs(s, ns, first, last, from, n, bad, nft, our);
	fprintf(stderr, "    nft +%llu, ours +%llu:\n", nft[1][k] - nft[0][k], our[1][k] - our[0][k]);
	show(s, packet_of(s, first));
}

static void run(const struct section *s, unsigned from, unsigned n, const struct variant *v, unsigned *never)
{
	unsigned long long nft[2][RULES], our[2][RULES];
	_cleanup_diag_ struct bf_diag d = { 0 };
	bool bad[RULES];
	struct bf_ns *ns;

	nft_load(s, from, n);
	ns = load(s, from, n, v);
	differs(s, ns, 0, PACKETS, from, n, bad, nft, our);
	for (unsigned i = 0; i < n; i++) {
		if (our[1][i] == our[0][i] && !s->alone[from + i] && v == variants) {
			fprintf(stderr, "    matches nothing: [%s %s] %s\n", s->family, s->hook, s->rule[from + i]);
			++*never;
		}
		if (!bad[i])
			continue;
		fprintf(stderr, "[%s %s] %s (%s): nft counts %llu, we count %llu\n", s->family, s->hook, s->rule[from + i], v->name,
		        nft[1][i] - nft[0][i], our[1][i] - our[0][i]);
		if (failed++ < 20)
			find_packet(s, ns, from, n, i);
	}
	bf_ns_destroy(ns, &d);
	bf_ns_close(ns);
}

/* From and for addresses of all kinds that the world has routes for, or none. */
static const uint8_t ip4_kinds[][4] = {
	{ 10, 9, 0, 1 }, { 10, 9, 0, 2 }, { 10, 9, 0, 255 }, { 224, 0, 0, 1 }, { 10, 10, 0, 5 }, { 10, 11, 0, 1 },
	{ 10, 12, 0, 1 }, { 10, 13, 0, 1 }, { 203, 0, 113, 9 }, { 10, 14, 0, 1 }, { 255, 255, 255, 255 }, { 10, 9, 0, 99 },
};
static const uint8_t ip6_kinds[][3] = { /* the first two bytes, the last one */
	{ 0xfd, 9, 1 }, { 0xfd, 9, 2 }, { 0xfd, 9, 0 }, { 0xff, 2, 1 }, { 0xfd, 0x10, 5 }, { 0xfd, 0x11, 1 },
	{ 0xfd, 0x12, 1 }, { 0xfd, 0x13, 1 }, { 0xfd, 0x99, 1 }, { 0xfd, 0x14, 1 }, { 0xff, 0xe, 1 }, { 0xfd, 9, 99 },
};
enum { KINDS = BF_ARRAY_SIZE(ip4_kinds) };

static void put_ip6(uint8_t *p, const uint8_t kind[3])
{
	memset(p, 0, 16);
	memcpy(p, kind, 2);
	p[15] = kind[2];
}

static void make_routed(const struct section *s)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned src = is_local(s) ? 0 : i % KINDS, dst = i / KINDS % KINDS;
		uint8_t *b = routed[i].t.bytes;

		routed[i] = is_local(s) ? local[i] : packets[i];
		if (routed[i].t.p.family == NFPROTO_IPV4) {
			memcpy(b + 12, ip4_kinds[src], 4);
			memcpy(b + 16, ip4_kinds[dst], 4);
		} else {
			put_ip6(b + 8, ip6_kinds[src]);
			put_ip6(b + 24, ip6_kinds[dst]);
		}
		keys_packet_finish(&routed[i].t);
		test_packet_fix(&routed[i].t);
	}
}

static void run_section(const struct section *s)
{
	unsigned never = 0;

	if (s->routes)
		make_routed(s);

	for (size_t i = 0; i < BF_ARRAY_SIZE(variants); i++) {
		unsigned at_once = s->routes ? ASKED : variants[i].at_once;

		for (unsigned from = 0; from < s->n; from += at_once)
			run(s, from, BF_MIN(s->n - from, at_once), &variants[i], &never);
	}
	printf("[%s %s] %u rules, %u of them match nothing\n", s->family, s->hook, s->n, never);
}

/* From 10.9.0.1 to 10.9.0.2, or by a gateway. */
static void make_local(void)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t *b, src[16];
		unsigned n = 4, at = 12;

		local[i] = packets[i];
		test_packet_fix(&local[i].t);
		b = local[i].t.bytes;
		if (local[i].t.p.family == NFPROTO_IPV6)
			n = 16, at = 8;
		memcpy(src, b + at, n);
		memcpy(b + at, b + at + n, n);
		memcpy(b + at + n, src, n);
		if (i % 4 == 3)
			b[at + n + 1] = n == 4 ? 10 : 0x10;
	}
}

static void run_file(FILE *f, const char *word)
{
	static struct section s;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		const char *rule = line;

		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (*line == '[') {
			if (s.n)
				run_section(&s);
			s.n = 0;
			s.before[0] = '\0';
			sscanf(line, "[%7s %15[a-z]", s.family, s.hook);
			s.fragments = strstr(line, " fragments]");
			s.outside = strstr(line, " outside]");
			s.routes = strstr(line, " routes]");
			continue;
		}
		if (*line == '!') {
			snprintf(s.before + strlen(s.before), sizeof(s.before) - strlen(s.before), "%s\n", line + 1);
			continue;
		}
		if (word && !strstr(line, word))
			continue;
		s.alone[s.n] = *rule == '~';
		rule += strspn(rule, "~ ");
		snprintf(s.rule[s.n++], sizeof(s.rule[0]), "%s", rule);
	}
	if (s.n)
		run_section(&s);
}

int main(int argc, char **argv)
{
	FILE *f;

	if (geteuid() != 0) {
		fputs("needs root\n", stderr);
		return 77;
	}
	f = argc > 1 ? fopen(argv[1], "r") : NULL;
	if (!f) {
		perror("keys.t");
		return 2;
	}
	keys_packets(packets, PACKETS, 1);
	make_local();
	keys_world_open(&world);
	run_file(f, argc > 2 ? argv[2] : NULL);
	fclose(f);
	keys_world_close(&world);
	printf("%u failed\n", failed);
	return failed != 0;
}
