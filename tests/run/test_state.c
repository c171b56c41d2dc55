/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_state.c: matches with state, run by the kernel: limit from any state
 * that its bucket can be in, statistic's random share, nth between programs
 * that share it.
 */
#include "lib/unit.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "gen/gen.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "lib/packet.h"
#include "lib/rng.h"
#include "match/match.h"

struct bench { /* accepts what matches, at INPUT and FORWARD */
	struct bf_ruleset *rs;
	struct bf_image *img;
	struct bf_loaded l;
	struct test_packet p;
	int params;
	size_t params_size;
	void *value;
};

static int map_named(const struct bench *b, const char *name, size_t *size)
{
	for (uint32_t i = 0; i < b->img->n_maps; i++) {
		if (strcmp(b->img->maps[i].name, name))
			continue;
		*size = b->img->maps[i].value_size;
		return b->l.maps[i];
	}
	return -1;
}

static void add_chain(struct bench *b, struct bf_table *t, const char *name, uint8_t hook, struct bf_chain *to)
{
	struct bf_chain *c = bf_table_add_chain(b->rs, t, name);

	c->base = true;
	c->at.hook = hook;
	c->policy = BF_VERDICT_DROP;
	bf_chain_add_rule(b->rs, c)->verdict = (struct bf_verdict){ BF_VERDICT_JUMP, 0, { to } };
}

static void load(struct bench *b, const struct bf_match_ops *m, const void *data, uint32_t code_max)
{
	const struct bf_gen_opts o = { .hz = bf_kernel_hz(), .cpus = bf_possible_cpus(), .code_max = code_max };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_chain *c;
	struct bf_table *t;
	struct bf_rule *r;

	*b = (struct bench){ .rs = bf_ruleset_new() };
	t = bf_ruleset_add_table(b->rs, NFPROTO_IPV4, "filter");
	c = bf_table_add_chain(b->rs, t, "both");
	r = bf_chain_add_rule(b->rs, c);
	bf_rule_add_match(b->rs, r, m, data, false);
	r->verdict.kind = BF_VERDICT_ACCEPT;
	add_chain(b, t, "INPUT", NF_INET_LOCAL_IN, c);
	add_chain(b, t, "FORWARD", NF_INET_FORWARD, c);
	if (bf_gen_table(t, &o, &b->img, &d) || bf_load(&b->l, b->img, NULL, &d))
		fail_msg("%s", d.text.data ? d.text.data : "no message");
	b->params = map_named(b, "params", &b->params_size);
	b->value = calloc(1, BF_MAX(b->params_size, 4096u));
	test_packet_ip4(&b->p, 1, 2);
	test_packet_udp(&b->p, 3, 4);
	test_packet_done(&b->p);
}

static void unload(struct bench *b)
{
	free(b->value);
	bf_loaded_close(&b->l);
	bf_image_free(b->img);
	bf_ruleset_free(b->rs);
}

static bool passes(struct bench *b, unsigned prog)
{
	uint8_t frame[ETH_HLEN + TEST_PACKET_MAX] = { 0 }, state[48] = { b->img->progs[prog].at.hook, NFPROTO_IPV4 };
	struct bf_run_desc d = { .prog = b->l.progs[prog], .data = frame, .ctx = state, .data_len = ETH_HLEN + b->p.len,
		                     .ctx_len = sizeof(state), .repeat = 1 };

	frame[12] = ETH_P_IP >> 8;
	memcpy(frame + ETH_HLEN, b->p.bytes, b->p.len);
	assert_int_equal(bf_prog_run(&d), 0);
	return d.retval == BF_ACCEPT;
}

/* The value of the map "params": it has but one match. */
static void *params(struct bench *b)
{
	uint32_t zero = 0;

	assert_int_equal(bf_map_lookup(b->params, &zero, b->value), 0);
	return b->value;
}

static void put_params(struct bench *b)
{
	uint32_t zero = 0;

	assert_int_equal(bf_map_update(b->params, &zero, b->value, 0), 0);
}

static void limit_from_any_state(void **s)
{
	static const struct bf_limit limits[] = { { 400, 5 }, { 36000000, 50 }, { 10000, 1 }, { 1, 10000 }, { 864000000, 1 } };
	struct rng r = { 1 };
	struct bench b;

	for (size_t k = 0; k < BF_ARRAY_SIZE(limits); k++) {
		load(&b, &bf_match_limit, &limits[k], k & 1 ? 1000 : 0);
		for (int i = 0; i < 3000; i++) {
			struct bf_rt_limit *l = params(&b), was;
			uint32_t now, credit;
			bool pass;

			/* around the present; or anywhere */
			now = (uint32_t)(l->state >> 32);
			now = rng_percent(&r, 50) ? now - rng_below(&r, 3000) : (uint32_t)rng_u64(&r);
			credit = rng_percent(&r, 50) ? rng_below(&r, l->cap) : l->cost - 1 + rng_below(&r, 3);
			l->state = (uint64_t)(now ? now : 1) << 32 | credit;
			was = *l;
			put_params(&b);
			pass = passes(&b, i & 1);
			l = params(&b);
			now = (uint32_t)(l->state >> 32);
			credit += (now - (uint32_t)(was.state >> 32)) * was.cpj;
			credit = BF_MIN(credit, was.cap);
			assert_int_equal(pass, credit >= was.cost);
			assert_int_equal((uint32_t)l->state, pass ? credit - was.cost : credit);
		}
		unload(&b);
	}
}

static void limit_begins_full(void **s)
{
	struct bench b;
	unsigned n = 0;

	load(&b, &bf_match_limit, &(struct bf_limit){ 36000000, 7 }, 0);
	for (int i = 0; i < 20; i++)
		n += passes(&b, i & 1);
	assert_int_equal(n, 7);
	unload(&b);
}

static void random_share(void **s)
{
	struct bench b;
	int n = 0;

	load(&b, &bf_match_statistic, &(struct bf_statistic){ .probability = 0x20000000 }, 0);
	for (int i = 0; i < 20000; i++)
		n += passes(&b, 0);
	assert_in_range(n, 5000 - 400, 5000 + 400); /* 6 sigma are 367 */
	unload(&b);
}

static void nth_is_shared_by_hooks(void **s)
{
	struct bench b;

	load(&b, &bf_match_statistic, &(struct bf_statistic){ .mode = 1, .every = 4, .count = 4 }, 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(passes(&b, (i / 3) & 1), i % 5 == 0);
	unload(&b);
}

UNIT_MAIN(cmocka_unit_test(limit_from_any_state), cmocka_unit_test(limit_begins_full), cmocka_unit_test(random_share),
          cmocka_unit_test(nth_is_shared_by_hooks))
