/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen.c: rulesets like those that are met, and worse ones, of any size,
 * with packets for them.
 *
 *   classgen [-6] [-s SEED] [-i FILE] [-n FILE] [-p PACKETS] [-t KIND=FILE]... SHAPE RULES
 *
 *   shape ──▶ rules ──┬──▶ -i  iptables-save's format
 *                     ├──▶ -n  the same rules as nft has them
 *                     └──▶ -t  a trace: headers of PACKETS packets (default 65536), each inside the box of a rule
 *
 * All of it is a function of shape, number, family and seed. FILE may be "-".
 * A packet made for a rule may be caught by an earlier rule; who wants to know
 * which one counts asks the worlds (run compares their counters). Only "last"
 * looks for a packet that no earlier rule of a flat set matches.
 *
 * Traces   last: one packet, for the last rule that gets any     hot: 16 packets, of 16 rules
 *          random: any rule, all alike             zipf: the k-th rule of some order 1/k as often as the first
 *
 * A trace's entry is what changes in a frame: IPv4 header and the next 4 bytes
 * (24), IPv6 header and the next 4 bytes and 4 of 0 (48).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classgen.h"

enum { MOST_TRACES = 8 };

static const struct cg_shape *const families[] = {cg_classbench, cg_flat, cg_chained};

uint64_t cg_hash(uint64_t a, uint64_t b)
{
	uint64_t x = (a + 0x9e3779b97f4a7c15) ^ b * 0xd6e8feb86659fd93;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t cg_random(struct cg_set *s)
{
	return cg_hash(s->seed, s->rng++);
}

uint32_t cg_below(struct cg_set *s, uint32_t n)
{
	return (uint32_t)((cg_random(s) >> 32) * n >> 32);
}

bool cg_often(struct cg_set *s, unsigned percent)
{
	return cg_below(s, 100) < percent;
}

static void *grown(void *p, size_t n, size_t *room, size_t each)
{
	if (n < *room)
		return p;
	*room = *room * 2 + 16;
	p = realloc(p, *room * each);
	if (!p) {
		perror("classgen");
		exit(1);
	}
	return p;
}

struct cg_rule *cg_add(struct cg_set *s, uint32_t chain, uint32_t to)
{
	struct cg_rule *r;

	s->rules = grown(s->rules, s->n, &s->room, sizeof(*s->rules));
	r = &s->rules[s->n];
	*r = (struct cg_rule){.port = {{0, 65535}, {0, 65535}}, .chain = chain, .to = to, .via = (uint32_t)s->n};
	s->n++;
	return r;
}

uint32_t cg_chain(struct cg_set *s, const char *fmt, ...)
{
	va_list ap;

	s->chains = grown(s->chains, s->n_chains, &s->room_chains, sizeof(*s->chains));
	va_start(ap, fmt);
	vsnprintf(s->chains[s->n_chains], sizeof(*s->chains), fmt, ap);
	va_end(ap);
	return (uint32_t)s->n_chains++;
}

void cg_prefix(struct cg_rule *r, unsigned which, struct cg_addr a, unsigned len)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned bits = len > 32 * i ? len - 32 * i : 0;

		r->addr[which].w[i] = bits >= 32 ? a.w[i] : bits ? a.w[i] & ~0u << (32 - bits) : 0;
	}
	r->len[which] = (uint8_t)len;
}

void cg_prefix4(struct cg_rule *r, unsigned which, uint32_t a, unsigned len)
{
	cg_prefix(r, which, (struct cg_addr){{a}}, len);
}

static const struct cg_shape *find_shape(const char *name)
{
	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++)
		for (const struct cg_shape *x = families[f]; x->name; x++)
			if (!strcmp(x->name, name))
				return x;
	return NULL;
}

static int usage(void)
{
	fputs("usage: classgen [-6] [-s SEED] [-i FILE] [-n FILE] [-p PACKETS] [-t KIND=FILE]... SHAPE RULES\n", stderr);
	fputs("kinds: last hot random zipf\n", stderr);
	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++)
		for (const struct cg_shape *x = families[f]; x->name; x++)
			fprintf(stderr, "  %-10s %s%s\n", x->name, x->about, x->v6 ? " (also -6)" : "");
	return 2;
}

static FILE *open_out(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!f) {
		fprintf(stderr, "classgen: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return f;
}

static void close_out(FILE *f, const char *path)
{
	if (fflush(f) || (f != stdout && fclose(f))) {
		fprintf(stderr, "classgen: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void write_text(const struct cg_set *s, const char *path, void (*print)(const struct cg_set *, FILE *))
{
	FILE *f;

	if (!path)
		return;
	f = open_out(path);
	print(s, f);
	close_out(f, path);
}

static bool write_trace(struct cg_set *s, char *arg, size_t packets)
{
	char *path = strchr(arg, '=');
	bool known;
	FILE *f;

	if (!path)
		return false;
	*path++ = 0;
	f = open_out(path);
	s->rng = 1ull << 40; /* a trace does not depend upon the others that are asked for */
	known = cg_write_trace(s, arg, packets, f);
	close_out(f, path);
	return known;
}

int main(int argc, char **argv)
{
	struct cg_set s = {.seed = 1, .policy = CG_DROP};
	const char *iptables = NULL, *nft = NULL;
	char *traces[MOST_TRACES];
	size_t packets = 65536;
	unsigned n_traces = 0;
	const struct cg_shape *shape;
	int opt;

	while ((opt = getopt(argc, argv, "6s:i:n:p:t:")) != -1) {
		if (opt == '6')
			s.v6 = true;
		else if (opt == 's')
			s.seed = strtoull(optarg, NULL, 0);
		else if (opt == 'i')
			iptables = optarg;
		else if (opt == 'n')
			nft = optarg;
		else if (opt == 'p')
			packets = strtoull(optarg, NULL, 0);
		else if (opt == 't' && n_traces < MOST_TRACES)
			traces[n_traces++] = optarg;
		else
			return usage();
	}
	shape = argc - optind == 2 ? find_shape(argv[optind]) : NULL;
	if (!shape || (s.v6 && !shape->v6))
		return usage();
	s.seed = cg_hash(s.seed, cg_hash((unsigned char)shape->name[0], (unsigned char)shape->name[1]));
	cg_chain(&s, "INPUT");
	cg_chain(&s, "FORWARD");
	cg_chain(&s, "OUTPUT");
	shape->make(&s, strtoull(argv[optind + 1], NULL, 0));
	write_text(&s, iptables, cg_print_iptables);
	write_text(&s, nft, cg_print_nft);
	for (unsigned i = 0; i < n_traces; i++)
		if (!write_trace(&s, traces[i], packets))
			return usage();
	free(s.rules);
	free(s.chains);
	return 0;
}
