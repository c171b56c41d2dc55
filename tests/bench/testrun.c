/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * testrun.c: a namespace's program at INPUT, alone, by BPF_PROG_TEST_RUN.
 *
 *   testrun [-6] [-c] [-n ROUNDS] [-p PACKETS] TRACE      (in the namespace)
 *
 * Its table is compiled anew from the state that is enforced: as it is chosen
 * for it, and (without -c) without classification, as straight code and as
 * cells. Prints for each: name, instructions, nanoseconds, how many packets were
 * accepted. A packet's time is the least of all rounds, each of them many runs
 * with that packet; the figure is the mean over the first PACKETS (default 1) of
 * the trace. "code -" when the verifier refuses the code.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/ctx.h"
#include "front/xtables/xtables.h"
#include "gen/gen.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"

enum { CODE_MOST = 100000 }; /* cells; what the verifier takes is less */

struct packets {
	bool v6, chosen;
	unsigned n, rounds;
	size_t entry, frame; /* bytes */
	uint8_t *entries;
};

static void make_frame(uint8_t *frame, const struct packets *p, unsigned i)
{
	size_t ip = p->v6 ? 40 : 20;

	frame[12] = (p->v6 ? ETH_P_IPV6 : ETH_P_IP) >> 8;
	frame[13] = (p->v6 ? ETH_P_IPV6 : ETH_P_IP) & 0xff;
	memcpy(frame + ETH_HLEN, p->entries + i * p->entry, ip + 4);
	frame[ETH_HLEN + ip + 5] = 26; /* UDP's length */
}

/* The least nanoseconds, or 0. */
static unsigned best_of(int prog, const struct packets *p, unsigned i, unsigned *accepted)
{
	uint8_t state[48] = {NF_INET_LOCAL_IN, p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4}, frame[80] = {};
	struct bf_run_desc r = {
		.prog = prog, .data = frame, .data_len = (uint32_t)p->frame, .ctx = state, .ctx_len = 48, .repeat = 100};
	unsigned best = ~0u;

	make_frame(frame, p, i);
	for (unsigned round = 0; round < p->rounds; round++) {
		if (bf_prog_run(&r) < 0)
			return 0;
		best = BF_MIN(best, r.duration);
		r.repeat = 1000000 / (r.duration + 10) + 1; /* 1 ms */
	}
	*accepted += r.retval == NF_ACCEPT;
	return best;
}

static void run(const char *name, const struct bf_image *img, const struct packets *p)
{
	_cleanup_diag_ struct bf_diag d = {};
	struct bf_loaded l = {};

	if (bf_load(&l, img, NULL, &d)) {
		printf("%s -\n", name);
		return;
	}
	for (uint32_t i = 0; i < img->n_progs; i++)
		if (img->progs[i].at.hook == NF_INET_LOCAL_IN) {
			unsigned accepted = 0;
			uint64_t ns = 0;

			for (unsigned k = 0; k < p->n; k++)
				ns += best_of(l.progs[i], p, k, &accepted);
			printf("%s %u %.1f %u\n", name, img->progs[i].n_insns, (double)ns / p->n, accepted);
		}
	bf_loaded_close(&l);
}

struct way {
	const char *name;
	uint32_t code_max, class_min;
};

static const struct way ways[] = {
	{"chosen", BF_CODE_MAX, 0},
	{"code", CODE_MOST, UINT32_MAX},
	{"cells", 0, UINT32_MAX},
};

static int compile(const struct bf_ruleset *rs, const struct way *w, const struct packets *p)
{
	const struct bf_gen_opts o = {.hz = bf_kernel_hz(),
		.cpus = bf_possible_cpus(),
		.may_goto = bf_probe_one("may_goto"),
		.code_max = w->code_max,
		.class_min = w->class_min};
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_image_ struct bf_image *img = NULL;

	if (bf_gen_table(rs->tables[0], &o, &img, &d))
		return 1;
	if (w->code_max == CODE_MOST && !img->straight)
		printf("%s -\n", w->name);
	else
		run(w->name, img, p);
	return 0;
}

static int all_ways(const void *state, size_t len, const struct packets *p)
{
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	int rc = bf_xt_to_ruleset(state, len, &rs, &d) != 0;

	for (unsigned i = 0; !rc && i < (p->chosen ? 1 : BF_ARRAY_SIZE(ways)); i++)
		rc = compile(rs, &ways[i], p);
	return rc;
}

static int read_packets(struct packets *p, const char *path)
{
	FILE *f = fopen(path, "r");

	p->entry = p->v6 ? 48 : 24;
	p->frame = p->v6 ? 80 : 60;
	p->entries = calloc(p->n, p->entry);
	if (f && p->entries)
		p->n = (unsigned)fread(p->entries, p->entry, p->n, f);
	if (!f || !p->entries || !p->n) {
		fprintf(stderr, "testrun: %s cannot be read\n", path);
		return 1;
	}
	fclose(f);
	return 0;
}

static bool read_options(int argc, char **argv, struct packets *p)
{
	int opt;

	while ((opt = getopt(argc, argv, "6cn:p:")) != -1) {
		if (opt == '6')
			p->v6 = true;
		else if (opt == 'c')
			p->chosen = true;
		else if (opt == 'n')
			p->rounds = (unsigned)atoi(optarg);
		else if (opt == 'p')
			p->n = (unsigned)atoi(optarg);
		else
			return false;
	}
	return argc - optind == 1 && p->n && p->rounds;
}

int main(int argc, char **argv)
{
	struct packets p = {.rounds = 15, .n = 1};
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_stored_ struct bf_stored t = {};
	struct bf_ns *ns = NULL;
	int rc;

	if (!read_options(argc, argv, &p)) {
		fputs("usage: testrun [-6] [-c] [-n ROUNDS] [-p PACKETS] TRACE\n", stderr);
		return 2;
	}
	if (read_packets(&p, argv[optind]))
		return 1;
	if (bf_ns_open(&ns, -1, false, &d) || bf_stored_load(ns, p.v6 ? AF_INET6 : AF_INET, "filter", &t) || !t.unit) {
		fputs("testrun: no table filter here\n", stderr);
		return 1;
	}
	rc = all_ways(t.state, t.len, &p);
	bf_ns_close(ns);
	free(p.entries);
	return rc;
}
