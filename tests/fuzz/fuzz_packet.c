/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_packet.c: any bytes as a packet (the first 8 choose a ruleset), through
 * the oracle and through cells: neither reads beyond its end, both agree.
 */
#include "lib/cells.h"
#include "lib/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void compare(const struct bf_table *t, const struct bf_packet *p)
{
	const struct bf_gen_opts opts = { .hz = 250, .cpus = 1 };
	struct bf_arena *a = bf_arena_new();
	struct bf_interp *in = bf_interp_new(t, 250);
	struct bf_graph g;
	struct cells c;
	struct bf_outcome want;
	struct cells_outcome got;

	if (!bf_graph_build(&g, a, t, &opts, NULL) && !cells_init(&c, &g, t, 250)) {
		bf_interp_run(in, p, &want);
		cells_run(&c, p, &got);
		expect(want.overflow || g.n_roots == 0 || (!got.lost && got.verdict == want.verdict && got.n_codes == want.n_actions));
		cells_free(&c);
	}
	bf_interp_free(in);
	bf_arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_model_opts o = { .family = NFPROTO_IPV4, .size = 10 };
	struct rng r = { 0 };
	struct bf_packet p = { .hook = NF_INET_LOCAL_IN, .ctstate = BF_CT_NONE | 1 };
	struct bf_ruleset *rs;
	uint8_t *bytes; /* of exactly this size: a read beyond it is seen */

	if (size < 9)
		return 0;
	memcpy(&r.state, data, 8);
	data += 8;
	size -= 8;
	o.family = data[0] >> 4 == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	rs = test_model_random(&r, &o);
	bytes = malloc(size);
	memcpy(bytes, data, size);
	p.family = o.family;
	p.data = bytes;
	p.len = (uint32_t)size;
	compare(rs->tables[0], &p);
	free(bytes);
	bf_ruleset_free(rs);
	return 0;
}
