/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * testrun.c: the program at INPUT of a namespace, alone, by BPF_PROG_TEST_RUN.
 *
 *   testrun [-n ROUNDS] SADDR DADDR SPORT DPORT      (in the namespace)
 *
 * Its table is compiled anew both ways, as straight code and as cells, from the
 * state that is enforced. Prints for each: name, instructions, nanoseconds (the
 * least of all rounds), verdict. "code -" when the verifier refuses the code.
 */
#include <arpa/inet.h>
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

static uint8_t frame[60] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17};

static unsigned best_of(int prog, unsigned rounds, uint32_t *verdict)
{
	uint8_t state[48] = {NF_INET_LOCAL_IN, NFPROTO_IPV4};
	struct bf_run_desc r = {
		.prog = prog, .data = frame, .data_len = sizeof(frame), .ctx = state, .ctx_len = 48, .repeat = 1000};
	unsigned best = ~0u;

	for (unsigned i = 0; i < rounds; i++) {
		if (bf_prog_run(&r) < 0)
			return 0;
		best = BF_MIN(best, r.duration);
		r.repeat = 5000000 / (r.duration + 10) + 1; /* 5 ms */
	}
	*verdict = r.retval;
	return best;
}

static void run(const char *name, const struct bf_image *img, unsigned rounds)
{
	_cleanup_diag_ struct bf_diag d = {};
	struct bf_loaded l = {};
	uint32_t verdict = 0;

	if (bf_load(&l, img, NULL, &d)) {
		printf("%s -\n", name);
		return;
	}
	for (uint32_t i = 0; i < img->n_progs; i++)
		if (img->progs[i].hook == NF_INET_LOCAL_IN) {
			unsigned ns = best_of(l.progs[i], rounds, &verdict);

			printf("%s %u %u %u\n", name, img->progs[i].n_insns, ns, verdict);
		}
	bf_loaded_close(&l);
}

static int compile(const struct bf_ruleset *rs, const char *name, uint32_t code_max, unsigned rounds)
{
	const struct bf_gen_opts o = {.hz = bf_kernel_hz(),
		.cpus = bf_possible_cpus(),
		.may_goto = bf_probe_one("may_goto"),
		.code_max = code_max};
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_image_ struct bf_image *img = NULL;

	if (bf_gen_table(rs->tables[0], &o, &img, &d))
		return 1;
	if (!img->straight == !code_max)
		run(name, img, rounds);
	else
		printf("%s -\n", name);
	return 0;
}

static int both_ways(const void *state, size_t len, unsigned rounds)
{
	const struct bf_table_head *h = state;
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;

	if (len < sizeof(*h) || bf_xt_to_ruleset(h + 1, len - sizeof(*h), &rs, &d))
		return 1;
	return compile(rs, "code", CODE_MOST, rounds) || compile(rs, "cells", 0, rounds);
}

static void fill_frame(char **a)
{
	uint16_t sport = htons((uint16_t)atoi(a[2])), dport = htons((uint16_t)atoi(a[3])), len = htons(26);

	inet_pton(AF_INET, a[0], frame + 26);
	inet_pton(AF_INET, a[1], frame + 30);
	memcpy(frame + 34, &sport, 2);
	memcpy(frame + 36, &dport, 2);
	memcpy(frame + 38, &len, 2);
}

int main(int argc, char **argv)
{
	_cleanup_diag_ struct bf_diag d = {};
	struct bf_unit *u = NULL;
	struct bf_ns *ns = NULL;
	unsigned rounds = 15;
	const void *state;
	size_t len;
	int rc;

	while ((rc = getopt(argc, argv, "n:")) != -1) {
		if (rc != 'n')
			return 2;
		rounds = (unsigned)atoi(optarg);
	}
	if (argc - optind != 4)
		return 2;
	fill_frame(argv + optind);
	if (bf_ns_open(&ns, -1, false, &d) || bf_unit_open(ns, "ip-filter", &u)) {
		fputs("testrun: no table filter here\n", stderr);
		return 1;
	}
	state = bf_unit_state(u, &len);
	rc = both_ways(state, len, rounds);
	bf_unit_close(u);
	bf_ns_close(ns);
	return rc;
}
