/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_lower.c: random rulesets and packets, the graph of cells against the
 * oracle: verdict, actions in order, all counters; likewise the straight code
 * of graphs that have one in every hook. A difference is shrunk and printed.
 *
 *   test_lower [ROUNDS [SEED]]
 */
#include <stdio.h>

#include "gen/print.h"
#include "lib/ebpf.h"
#include "lib/model.h"

enum { PACKETS = 60, HZ = 250, ROOTS = 7 };

struct both {
	struct bf_arena *arena;
	struct bf_graph g;
	struct cells cells, code; /* each with its own counters and state */
	struct bf_interp *in;
	struct bf_rt_func *funcs[ROOTS];
	uint32_t n_funcs[ROOTS];
	bool straight;
	struct bf_rt_config config;
};

static uint32_t copy_max; /* of the round: how many chains are copied, how many called */
static uint32_t class_min, own_max, class_bytes; /* and from how many rules on they are classified */
static unsigned n_straight, n_runs, n_tables, n_draws;

static void both_free(struct both *b)
{
	cells_free(&b->cells);
	cells_free(&b->code);
	bf_interp_free(b->in);
	bf_arena_free(b->arena);
}

static void make_straight(struct both *b, const struct bf_table *t)
{
	b->config = (struct bf_rt_config){ .n_counters = t->n_counters, .stripe_mask = 3 };
	b->straight = b->g.n_roots > 0;
	for (uint32_t i = 0; i < b->g.n_roots; i++) {
		bool straight = false;

		if (bf_code_funcs(b->arena, &b->g, &b->g.roots[i], &b->config, 10000000, &b->funcs[i], &b->n_funcs[i], &straight,
		                  NULL) < 0)
			abort();
		for (uint32_t k = 0; k < b->n_funcs[i]; k++)
			if (!ebpf_whole(&b->funcs[i][k])) {
				_cleanup_buf_ struct bf_buf out = { 0 };

				bf_func_print(&out, &b->funcs[i][k]);
				fprintf(stderr, "some instructions are not reached:\n%s", out.data);
				abort();
			}
		b->straight &= straight;
	}
}

static bool both_init(struct both *b, const struct bf_table *t, struct bf_diag *d)
{
	const struct bf_gen_opts opts = { .hz = HZ, .cpus = 1, .copy_max = copy_max, .class_min = class_min,
	                                 .own_max = own_max, .class_bytes = class_bytes };

	*b = (struct both){ .arena = bf_arena_new() };
	if (bf_graph_build(&b->g, b->arena, t, &opts, d) < 0) {
		bf_arena_free(b->arena);
		return false;
	}
	if (cells_init(&b->cells, &b->g, t, HZ) < 0 || cells_init(&b->code, &b->g, t, HZ) < 0 ||
	    !(b->in = bf_interp_new(t, HZ)))
		abort();
	make_straight(b, t);
	return true;
}

static bool same_outcome(const struct both *b, const struct bf_packet *p, const struct bf_outcome *want,
                         const struct cells_outcome *got)
{
	if (got->lost || got->verdict != want->verdict || got->n_codes != want->n_actions)
		return false;
	for (uint32_t i = 0; i < BF_OUT_TEMP; i++)
		if (got->out[i] != want->out[i] && !want->param[i])
			return false;
	for (uint32_t i = 0; i < want->n_actions; i++) {
		struct bf_handoff_spec spec = { 0 };
		const struct bf_handoff_spec *have = &b->g.companion.codes[got->codes[i]];

		want->actions[i]->target->handoff(want->actions[i]->data, p->family, &spec);
		if (have->kind != spec.kind || have->size != spec.size || memcmp(have->info, spec.info, spec.size) ||
		    have->reject_type != spec.reject_type || have->reject_code != spec.reject_code)
			return false;
	}
	return true;
}

static void complain(struct bf_buf *text, unsigned i, const char *way, const struct bf_outcome *want,
                     const struct cells_outcome *got)
{
	if (text)
		bf_buf_printf(text, "packet %u: oracle: verdict %d, %u actions%s; %s: verdict %d, %u codes%s\n", i, want->verdict,
		              want->n_actions, want->hotdrop ? ", hotdrop" : "", way, got->verdict, got->n_codes,
		              got->lost ? ", lost" : "");
}

/* True when the straight code does something else with packet i. */
static bool code_differs(struct both *b, const struct bf_packet *p, const struct bf_outcome *want, struct bf_buf *text,
                         unsigned i)
{
	const struct bf_graph_root *r = cells_root(&b->g, p);
	struct cells_outcome got;
	uint32_t root = r ? (uint32_t)(r - b->g.roots) : 0;

	if (!b->straight || !r)
		return false;
	n_straight++;
	ebpf_straight(&b->code, b->funcs[root], b->n_funcs[root], &b->config, p, &got);
	if (same_outcome(b, p, want, &got))
		return false;
	complain(text, i, "straight code", want, &got);
	return true;
}

static bool counters_differ(const struct both *b, const struct bf_table *t, const struct bf_rt_counter *got,
                            const char *way, struct bf_buf *text)
{
	const struct bf_rt_counter *want = bf_interp_counters(b->in);

	for (uint32_t i = 0; i < t->n_counters; i++) {
		if (want[i].packets == got[i].packets && want[i].bytes == got[i].bytes)
			continue;
		if (text)
			bf_buf_printf(text, "counter %u: oracle %llu packets, %s %llu\n", i, (unsigned long long)want[i].packets, way,
			              (unsigned long long)got[i].packets);
		return true;
	}
	return false;
}

static bool differs(void *why, const struct bf_table *t, const struct test_packet *p, unsigned n)
{
	struct bf_buf *text = why;
	bool bad = false, overflow = false, idle;
	struct both b;

	if (!both_init(&b, t, NULL))
		return false;
	idle = b.g.n_roots == 0; /* nothing to do: nothing is counted either */
	for (unsigned i = 0; i < n && !bad && !idle; i++) {
		struct cells_outcome got;
		struct bf_outcome want;

		bf_interp_run(b.in, &p[i].p, &want);
		cells_run(&b.cells, &p[i].p, &got);
		overflow = want.overflow; /* the program's stack may be deeper: nothing to compare any more */
		if (overflow)
			break;
		bad = !same_outcome(&b, &p[i].p, &want, &got);
		if (bad)
			complain(text, i, "cells", &want, &got);
		else
			bad = code_differs(&b, &p[i].p, &want, text, i);
	}
	if (!bad && !idle && !overflow)
		bad = counters_differ(&b, t, b.cells.counters, "cells", text) ||
		      (b.straight && counters_differ(&b, t, b.code.counters, "straight code", text));
	both_free(&b);
	return bad;
}

static int report(struct bf_table *t, struct test_packet *p, unsigned n, uint64_t seed)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	test_shrink(t, p, &n, differs, NULL);
	bf_buf_printf(&text, "differs with seed %llu:\n", (unsigned long long)seed);
	bf_table_print(&text, t, NULL);
	for (unsigned i = 0; i < n; i++)
		test_packet_print(&text, &p[i]);
	differs(&text, t, p, n);
	fputs(text.data, stderr);
	return 1;
}

static int round_of(uint64_t seed, unsigned *refused)
{
	static struct test_packet packets[PACKETS];
	struct rng r = { seed };
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_NETDEV };
	struct test_model_opts o = { .family = families[seed % 4], .assists = true };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct both b;
	uint64_t jiffies = rng_u64(&r);

	o.size = 1 + rng_below(&r, 24);
	o.native = seed % 4 >= 2 || rng_percent(&r, 20);
	o.all_hook = seed % 4 == 3 || rng_percent(&r, 5) ? BF_HOOK_TC_INGRESS : 0;
	o.assists = !o.all_hook;
	class_min = rng_percent(&r, 60) ? 2 : rng_percent(&r, 50) ? UINT32_MAX : 2 + rng_below(&r, 10);
	class_bytes = rng_percent(&r, 10) ? 500 + rng_below(&r, 2000) : 0;
	own_max = rng_percent(&r, 50) ? 0 : 1 + rng_below(&r, 2);
	copy_max = rng_percent(&r, 50) ? 0 : 1 + rng_below(&r, 200);
	rs = test_model_random(&r, &o);
	for (unsigned i = 0; i < PACKETS; i++) {
		test_packet_random(&r, &o, rs->tables[0], &packets[i]);
		packets[i].p.jiffies = jiffies += rng_percent(&r, 90) ? rng_below(&r, 3) : rng_u64(&r) >> 30;
	}
	if (!both_init(&b, rs->tables[0], &d)) {
		(*refused)++;
		if (!d.n_errors)
			return fprintf(stderr, "seed %llu: refused without a word\n", (unsigned long long)seed), 1;
		return 0;
	}
	n_runs += b.g.n_runs;
	for (uint32_t i = 0; i < b.g.n_cells; i++) {
		n_tables += b.g.cells[i].op == BF_CELL_BRANCH;
		n_draws += b.g.cells[i].op == BF_CELL_CHANCE;
	}
	both_free(&b);
	return differs(NULL, rs->tables[0], packets, PACKETS) ? report(rs->tables[0], packets, PACKETS, seed) : 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 3000, refused = 0, failed = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	for (unsigned i = 0; i < rounds && failed < 3; i++)
		failed += (unsigned)round_of(seed + i, &refused);
	printf("%u rulesets, %u packets each (%u in all as straight code), %u runs classified, %u tables of tests, %u draws, "
	       "%u refused, %u failed\n", rounds, PACKETS, n_straight, n_runs, n_tables, n_draws, refused, failed);
	return failed != 0 || (rounds > 100 && (!n_straight || !n_runs || !n_tables || !n_draws)) || refused > rounds / 10;
}
