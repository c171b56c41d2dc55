/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rt_lookup.c: concatenations as the kernel's programs look them up, of
 * shapes that nobody wishes for: thousands of elements, intervals that nest,
 * keys that share all but one part. As data and as straight code, with either
 * kind of loops. Elements that count exactly though CPUs count at once.
 */
#include <linux/netfilter.h>
#include <pthread.h>
#include <stdio.h>

#include "gen/gen.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "lib/rng.h"
#include "lib/unit.h"
#include "match/match.h"

enum { N = 3000, LOOKS = 600, THREADS = 4, EACH = 100000 };
enum shape { EXACT, BOXES, NESTED, ONE_PORT, CROSS, SHAPES };

static const struct variant {
	const char *name;
	uint32_t code_max;
	bool may_goto;
} variants[] = {
	{ "data, may_goto", 0, true },
	{ "data, iterator", 0, false },
	{ "straight code, may_goto", UINT32_MAX, true },
	{ "straight code, iterator", UINT32_MAX, false },
};

struct table {
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_set *s;
	struct bf_rule *r;
	struct bf_image *img;
	struct bf_loaded l;
};

static void begin(struct table *x, uint32_t flags)
{
	struct bf_chain *c;

	*x = (struct table){ .rs = bf_ruleset_new() };
	x->t = bf_ruleset_add_table(x->rs, NFPROTO_IPV4, "t");
	c = bf_table_add_chain(x->rs, x->t, "c");
	c->base = true;
	c->at.hook = NF_INET_LOCAL_IN;
	c->policy = BF_VERDICT_ACCEPT;
	x->r = bf_chain_add_rule(x->rs, c);
	x->r->counter = x->t->n_counters++;
	x->r->verdict.kind = BF_VERDICT_DROP;
	x->s = bf_table_add_set(x->rs, x->t, "s");
	x->s->n_parts = 2;
	x->s->bits[0] = 32;
	x->s->bits[1] = 16;
	x->s->flags = flags;
	x->s->id = 1;
}

static struct bf_lookup key_of(const struct table *x)
{
	return (struct bf_lookup){ .set = x->s, .part = { { .field = &bf_fields[BF_F_IP_SADDR] },
		                                              { .field = &bf_fields[BF_F_DPORT] } } };
}

static void load(struct table *x, const struct variant *v)
{
	const struct bf_gen_opts o = { .hz = 250, .cpus = 2, .may_goto = v->may_goto, .code_max = v->code_max };
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (bf_gen_table(x->t, &o, &x->img, &d) || bf_load(&x->l, x->img, NULL, &d))
		fail_msg("%s: %s", v->name, d.text.data);
}

static void unload(struct table *x)
{
	bf_loaded_close(&x->l);
	bf_image_free(x->img);
}

static int run(const struct table *x, uint32_t saddr, uint16_t dport, uint32_t repeat)
{
	uint8_t frame[14 + 60] = { 0 }, state[48] = { NF_INET_LOCAL_IN, NFPROTO_IPV4 }, *ip = frame + 14;
	struct bf_run_desc r = { .prog = x->l.progs[0], .data = frame, .data_len = sizeof(frame), .ctx = state,
		                     .ctx_len = sizeof(state), .repeat = repeat };

	frame[12] = 0x08;
	ip[0] = 0x45;
	ip[3] = 60;
	ip[9] = 6;
	for (unsigned i = 0; i < 4; i++)
		ip[12 + i] = (uint8_t)(saddr >> (24 - 8 * i));
	ip[22] = dport >> 8;
	ip[23] = (uint8_t)dport;
	ip[32] = 0x50;
	return bf_prog_run(&r) < 0 ? -1 : (int)r.retval;
}

static void element(enum shape shape, uint32_t i, struct bf_range *out)
{
	static const struct bf_range any = { 0, 0xffff };
	uint32_t x = 0x0a000000 + i;

	out[1] = (struct bf_range){ i + 1, i + 1 };
	switch (shape) {
	case EXACT:
		out[0] = (struct bf_range){ x * 7, x * 7 };
		return;
	case BOXES:
		out[0] = (struct bf_range){ (x / 10) << 8, (x / 10) << 8 | 255 };
		out[1] = (struct bf_range){ i % 10 * 1000, i % 10 * 1000 + 500 };
		return;
	case NESTED:
		out[0] = (struct bf_range){ x, 0x0a000000 + 2 * N - i };
		return;
	case ONE_PORT:
		out[0] = (struct bf_range){ x * 3, x * 3 + 1 };
		out[1] = (struct bf_range){ 80, 80 };
		return;
	default: /* rows and columns */
		out[0] = i % 2 ? (struct bf_range){ 0, UINT32_MAX } : (struct bf_range){ x, x };
		out[1] = i % 2 ? out[1] : any;
	}
}

static void compare(const struct table *x, const struct variant *v, enum shape shape, uint32_t saddr, uint16_t dport)
{
	const bf_u128 key[] = { saddr, dport };
	int want = bf_set_scan(x->s, key) >= 0 ? BF_DROP : BF_ACCEPT;

	if (run(x, saddr, dport, 1) != want)
		fail_msg("%s, shape %d, 0x%x . %u: %s", v->name, shape, saddr, dport, want ? "dropped" : "accepted");
}

static void shapes(void **state)
{
	struct rng r = { 7 };

	for (unsigned i = 0; i < 3 * SHAPES * BF_ARRAY_SIZE(variants); i++) {
		const struct variant *v = &variants[i % BF_ARRAY_SIZE(variants)];
		enum shape shape = i / BF_ARRAY_SIZE(variants) % SHAPES;
		unsigned round = i / (SHAPES * BF_ARRAY_SIZE(variants));
		bool live = round == 1; /* elements that come and go lie apart from each other */
		struct bf_range key[2];
		struct bf_lookup l;
		struct table x;

		if (live && shape == CROSS)
			continue;
		begin(&x, live ? BF_SET_LIVE | BF_SET_BOXES | BF_SET_GROWS : round == 2 ? BF_SET_EXACT : 0);
		for (uint32_t k = 0; k < N; k++) {
			element(shape, k, key);
			bf_set_add(x.rs, x.s, key, NULL, NULL);
		}
		l = key_of(&x);
		bf_rule_add_match(x.rs, x.r, &bf_match_lookup, &l, false);
		load(&x, v);
		for (unsigned k = 0; k < LOOKS; k++) {
			element(shape, rng_below(&r, N), key);
			compare(&x, v, shape, (uint32_t)(rng_percent(&r, 50) ? key[0].lo : key[0].hi) + rng_below(&r, 3) - 1,
			        (uint16_t)((rng_percent(&r, 50) ? key[1].lo : key[1].hi) + (rng_percent(&r, 30) ? 1 : 0)));
		}
		unload(&x);
		bf_ruleset_free(x.rs);
	}
}

static void *flood(void *arg)
{
	for (unsigned i = 0; i < 10; i++)
		run(arg, 0x0a000001, 80, EACH / 10);
	return NULL;
}

static int set_map(const struct table *x)
{
	for (uint32_t i = 0; i < x->img->n_maps; i++)
		if (x->img->maps[i].role == BF_MAP_LIVE)
			return x->l.maps[i];
	return -1;
}

/* All CPUs add the same element at once: it is there once, and each packet has counted. */
static void counts_are_exact(void **state)
{
	for (unsigned i = 0; i < BF_ARRAY_SIZE(variants); i++) {
		const uint32_t key[BF_LIVE_KEY] = { 0x0a000001, 80 };
		struct bf_element_change c = { .verb = BF_ELEMENT_ADD };
		pthread_t threads[THREADS];
		struct bf_rt_elem e;
		struct table x;

		begin(&x, BF_SET_LIVE);
		x.s->timeout = 3600000;
		x.s->n_state = 1;
		x.s->state[0].kind = BF_STATEFUL_COUNTER;
		c.key = key_of(&x);
		bf_rule_add_match(x.rs, x.r, &bf_match_element, &c, false);
		load(&x, &variants[i]);
		for (unsigned k = 0; k < THREADS; k++)
			pthread_create(&threads[k], NULL, flood, &x);
		for (unsigned k = 0; k < THREADS; k++)
			pthread_join(threads[k], NULL);
		assert_int_equal(bf_map_lookup(set_map(&x), key, &e), 0);
		assert_int_equal(e.state[0].now[0], THREADS * EACH);
		assert_int_equal(e.state[0].now[1], THREADS * EACH * 60);
		assert_true(e.expires > 0);
		unload(&x);
		bf_ruleset_free(x.rs);
	}
}

UNIT_MAIN(cmocka_unit_test(shapes), cmocka_unit_test(counts_are_exact))
