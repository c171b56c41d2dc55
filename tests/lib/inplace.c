/* SPDX-License-Identifier: GPL-2.0-only */
/* inplace.c: see inplace.h. */
#include "lib/inplace.h"

#include <stdio.h>

void *test_must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void *larger(struct bf_arena *a, const void *p, size_t len, size_t room)
{
	char *more = test_must(bf_arena_array(a, len + room + 1, char));

	if (len)
		memcpy(more, p, len);
	return more;
}

void test_graph_room(struct bf_graph *g, struct bf_arena *a)
{
	g->cells = larger(a, g->cells, g->n_cells * sizeof(*g->cells), g->spare_cells * sizeof(*g->cells));
	g->n_cells += g->spare_cells;
	g->params = larger(a, g->params, g->n_params, g->spare_params);
	g->n_params += g->spare_params;
}

bool test_graph_learn(struct bf_graph *g, const struct bf_gear *gear, struct bf_arena *a)
{
	struct bf_link_head *h;
	struct bf_link l;

	if (!bf_link_open(g->link, g->link_len, &l))
		abort();
	h = bf_gear_link(&l, gear, a);
	if (!h)
		return false;
	for (uint32_t i = 0; i < g->n_roots; i++)
		g->roots[i].uses = ((const struct bf_link_root *)(h + 1))[i].uses;
	g->link = h;
	g->link_len = bf_link_size(h);
	g->companion.codes = gear->codes;
	g->companion.n_codes = gear->n_codes;
	g->companion.max_codes_per_packet = BF_MIN(h->max_codes, (uint32_t)BF_HANDOFF_MAX);
	g->drop_code = gear->logs ? gear->drop_code : g->drop_code;
	return true;
}

static char *map_of(struct bf_graph *g, const char *name, size_t *size)
{
	if (!strcmp(name, "params"))
		return *size = g->n_params, (char *)g->params;
	if (!strcmp(name, "cells"))
		return *size = g->n_cells * sizeof(*g->cells), (char *)g->cells;
	return *size = g->n_class * sizeof(*g->class), (char *)g->class;
}

void test_graph_write(struct bf_graph *g, const struct bf_patch *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_write *x = &p->writes[i];
		size_t size;
		char *map = map_of(g, x->map, &size);

		if (x->at > size || x->len > size - x->at)
			abort();
		if (!x->once || !map[x->at + x->len - sizeof(uint64_t)])
			memcpy(map + x->at, x->bytes, x->len);
	}
}

void test_packet_differs(unsigned packet, const struct bf_outcome *want, const struct cells_outcome *got)
{
	fprintf(stderr, "packet %u: oracle %d, %u actions; cells %d, %u codes%s\n", packet, want->verdict, want->n_actions,
	        got->verdict, got->n_codes, got->lost ? ", lost" : "");
}

bool test_packets_differ(struct cells *cells, struct bf_interp *oracle, struct rng *r, const struct test_model_opts *o,
                         const struct bf_table *now, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		_cleanup_buf_ struct bf_buf text = { 0 };
		struct cells_outcome got;
		struct bf_outcome want;
		struct test_packet p;

		test_packet_random(r, o, now, &p);
		bf_interp_run(oracle, &p.p, &want);
		cells_run(cells, &p.p, &got);
		if (!got.lost && got.verdict == want.verdict && got.n_codes == want.n_actions)
			continue;
		test_packet_differs(i, &want, &got);
		test_packet_print(&text, &p);
		fprintf(stderr, "%s\n", text.data);
		return true;
	}
	return false;
}

struct test_rounds test_rounds(int argc, char **argv, unsigned n, bool (*differs)(uint64_t seed))
{
	struct test_rounds t = { .n = argc > 1 ? (unsigned)atoi(argv[1]) : n };
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	for (unsigned i = 0; i < t.n && t.failed < 3; i++)
		t.failed += differs(seed + i);
	return t;
}
