/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_fuzz.c: random tables over random packets: the graph of cells, the
 * straight code and the oracle must agree on verdict, counters and hand-offs.
 *
 *   test_fuzz [rounds [seed]]
 *
 * A failure prints the seed of its round, the table and the cells.
 */
#include <stdio.h>

#include "gen/random.h"
#include "gen/walk.h"

enum { PACKETS = 60, HZ = 250 };

struct round {
	uint64_t seed;
	struct bf_ruleset *rs;
	struct bf_table *table;
	struct bf_arena *arena;
	struct bf_graph graph;
	struct bf_interp *oracle;
	struct walk cells, code;
	struct bf_rt_func funcs[4][BF_CODE_FUNCS];
	uint32_t n_funcs[4];
	bool straight[4];
	struct rng oracle_random, cells_random, code_random;
};

static unsigned n_packets, n_straight, n_calls, n_hotdrops, n_actions;

static uint32_t next_random(void *ctx)
{
	return rng_next(ctx);
}

static int complain(struct round *r, const char *what)
{
	_cleanup_buf_ struct bf_buf out = { 0 };

	bf_table_print(&out, r->table, NULL);
	bf_cells_print(&out, r->graph.cells, r->graph.n_cells);
	fprintf(stderr, "seed %llu: %s\n%s", (unsigned long long)r->seed, what, out.data);
	return -1;
}

static int same_codes(struct round *r, const struct bf_outcome *want, const struct walk *got)
{
	if (want->hotdrop ? got->n_codes > want->n_actions : got->n_codes != want->n_actions)
		return complain(r, "number of hand-offs");
	for (uint32_t i = 0; i < got->n_codes; i++) {
		const struct bf_action *a = want->actions[i];
		struct bf_handoff_spec s;

		memset(&s, 0, sizeof(s));
		a->target->handoff(a->data, r->table->family, &s);
		if (memcmp(&s, &r->graph.companion.codes[got->codes[i]], sizeof(s)))
			return complain(r, "another hand-off");
	}
	return 0;
}

static int same(struct round *r, const struct bf_outcome *want, int verdict, const struct walk *got, const char *way)
{
	char what[64];

	if (verdict < 0)
		return complain(r, way);
	snprintf(what, sizeof(what), "%s: %s", way, verdict ? "accepted" : "dropped");
	if (verdict != (int)want->verdict)
		return complain(r, what);
	if (memcmp(got->counters, bf_interp_counters(r->oracle), r->table->n_counters * sizeof(struct bf_rt_counter))) {
		for (uint32_t i = 0; i < r->table->n_counters; i++)
			if (got->counters[i].packets != bf_interp_counters(r->oracle)[i].packets)
				fprintf(stderr, "%s: counter %u is %llu, not %llu\n", way, i, (unsigned long long)got->counters[i].packets,
				        (unsigned long long)bf_interp_counters(r->oracle)[i].packets);
		return complain(r, "counters");
	}
	if (got->n_codes > r->graph.companion.max_codes_per_packet)
		return complain(r, "more hand-offs than said");
	return same_codes(r, want, got);
}

static int find_root(const struct round *r, uint8_t hook)
{
	for (uint32_t i = 0; i < r->graph.n_roots; i++)
		if (r->graph.roots[i].chain->hook == hook)
			return i;
	return -1;
}

static int one_packet(struct round *r, struct rng *rng, uint64_t now)
{
	struct bf_outcome want;
	struct packet k;
	int root;

	random_packet(&k, rng, r->table->family);
	k.p.jiffies = now;
	bf_interp_run(r->oracle, &k.p, &want);
	root = find_root(r, k.p.hook);
	n_packets++;
	n_hotdrops += want.hotdrop;
	n_actions += want.n_actions;
	if (root < 0)
		return want.verdict == BF_ACCEPT ? 0 : complain(r, "no program");
	if (same(r, &want, walk_cells(&r->cells, &r->graph.roots[root], &k.p), &r->cells, "cells"))
		return -1;
	if (r->cells.deepest > r->graph.roots[root].depth)
		return complain(r, "deeper than said");
	n_calls += r->cells.deepest > 0;
	r->cells.deepest = 0;
	if (!r->straight[root])
		return 0;
	n_straight++;
	return same(r, &want, walk_code(&r->code, r->funcs[root], r->n_funcs[root], &k.p), &r->code, "straight code");
}

/* Straight code either for all hooks or for none: otherwise its counters miss packets. */
static int make_code(struct round *r)
{
	bool all = true;
	int err = 0;

	for (uint32_t i = 0; i < r->graph.n_roots && !err; i++) {
		err = bf_code_funcs(r->arena, &r->graph, &r->graph.roots[i], 100000, r->funcs[i], &r->n_funcs[i],
		                    &r->straight[i], NULL);
		all &= r->straight[i];
	}
	for (uint32_t i = 0; i < r->graph.n_roots; i++)
		r->straight[i] &= all;
	return err;
}

static int prepare(struct round *r, struct rng *rng)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_gen_opts o = { .hz = HZ, .cpus = 2, .copy_max = rng_chance(rng, 50) ? 1 : rng_below(rng, 200) };
	int err;

	r->rs = bf_ruleset_new();
	r->arena = bf_arena_new();
	r->table = random_table(r->rs, rng, rng_chance(rng, 50) ? NFPROTO_IPV4 : NFPROTO_IPV6);
	err = bf_graph_build(&r->graph, r->arena, r->table, &o, &d);
	if (err < 0) {
		fprintf(stderr, "graph: %d %s\n", err, d.text.data ? d.text.data : "");
		return complain(r, "not built");
	}
	r->oracle = bf_interp_new(r->table, HZ);
	r->oracle_random = r->cells_random = r->code_random = (struct rng){ 1 };
	bf_interp_set_random(r->oracle, next_random, &r->oracle_random);
	if (!walk_init(&r->cells, &r->graph, r->table) || !walk_init(&r->code, &r->graph, r->table))
		return -1;
	r->cells.random = r->code.random = next_random;
	r->cells.random_ctx = &r->cells_random;
	r->code.random_ctx = &r->code_random;
	return make_code(r) ? complain(r, "no straight code") : 0;
}

static int one_round(uint64_t seed)
{
	struct round r = { .seed = seed };
	struct rng rng = { .state = seed * 0x9e3779b97f4a7c15u };
	uint64_t now = 1000;
	int err = prepare(&r, &rng);

	for (int i = 0; i < PACKETS && !err; i++) {
		now += rng_below(&rng, 400);
		err = one_packet(&r, &rng, now);
	}
	walk_free(&r.cells);
	walk_free(&r.code);
	bf_interp_free(r.oracle);
	bf_arena_free(r.arena);
	bf_ruleset_free(r.rs);
	return err;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : 3000, seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	for (uint64_t i = 0; i < rounds; i++)
		if (one_round(seed + i))
			return 1;
	printf("%llu tables, %u packets agree (%u also as straight code; %u ran through calls, %u were dropped hot, %u actions)\n",
	       (unsigned long long)rounds, n_packets, n_straight, n_calls, n_hotdrops, n_actions);
	return 0;
}
