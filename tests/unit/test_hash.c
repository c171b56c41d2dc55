/* SPDX-License-Identifier: GPL-2.0-only */
/* test_hash.c: the hash structure (opt/hash.c): when it is chosen, and that it answers as looking at all boxes does. */
#include "lib/problem.h"
#include "lib/unit.h"
#include "opt/corner.h"

struct built {
	struct bf_buf out;
	uint32_t head;
	struct bf_class_stats stats;
};

static int build(const struct bf_class_problem *p, const struct bf_class_ops *how, struct built *b)
{
	struct bf_class_opts o = { 0 };

	*b = (struct built){ 0 };
	bf_buf_reserve(&b->out, 16); /* place 0 is never used */
	return (how ? how->build : bf_class_build)(p, &o, &b->out, &b->head, &b->stats);
}

static void set_targets(const struct bf_class_problem *p, struct built *b)
{
	uint32_t *data = (void *)b->out.data;
	const struct bf_class_head *h = (const void *)(data + b->head);

	for (uint32_t i = 0; i < p->n_slots; i++)
		data[h->targets + i] = i + 7;
}

static void compare(const struct bf_class_problem *p, const struct built *b, struct rng *r, unsigned keys, unsigned seed)
{
	for (unsigned i = 0; i < keys; i++) {
		struct bf_class_found want = { 0 }, have = { 0 };
		uint32_t key[BF_KEY_WORDS], floor = rng_percent(r, 50) ? p->boxes[rng_below(r, p->n_boxes)].order : 0;
		bool w, h;

		(i & 1 ? bf_class_corner : bf_class_inside)(p, rng_below(r, p->n_boxes), rng_u64(r), key);
		w = bf_class_scan(p, key, floor, &want);
		h = bf_class_find((void *)b->out.data, b->out.len / 4, b->head, p->ip6, key, floor, &have);
		if (w && want.target == BF_CLASS_BY_SLOT)
			want.target = p->n_slots ? want.slot - p->first_slot + 7 : 0;
		if (w != h || memcmp(&want, &have, sizeof(want)) != 0)
			fail_msg("seed %u, %u boxes, IPv%d, floor %u: want %d order %u target %u, have %d order %u target %u", seed,
			         p->n_boxes, p->ip6 ? 6 : 4, floor, w, want.order, want.target, h, have.order, have.target);
	}
}

/* n rules for a source address each, and one for all others. */
static void make_exact(struct test_problem *t, struct rng *r, bool ip6, uint32_t n)
{
	static const struct bf_class_svc all = { .dport_span = 0xffff, .sport_span = 0xffff };
	uint32_t svc;

	*t = (struct test_problem){ .p.ip6 = ip6 };
	svc = problem_svc(t, &all, NULL);
	for (uint32_t i = 0; i <= n; i++) {
		struct bf_class_box *b = problem_box(t);

		*b = (struct bf_class_box){ .order = 2 * i + 1, .slot = i, .svc = svc, .flags = BF_BOX_FINAL };
		if (i == n)
			break;
		b->len[0] = ip6 ? 128 : 32;
		b->addr[0] = ip6 ? rng_u128(r) : (uint32_t)rng_u64(r);
	}
}

static void exact_ones_are_hashed(void **state)
{
	static const struct {
		uint32_t n;
		const char *kind;
	} sizes[] = { { 50, "forest" }, { 1000, "forest" }, { 200000, "hash" } };
	struct rng r = { 13 };

	for (unsigned i = 0; i < 2 * BF_ARRAY_SIZE(sizes); i++) {
		_cleanup_diag_ struct bf_diag d = { 0 };
		struct test_problem t;
		struct built b;

		make_exact(&t, &r, i & 1, sizes[i / 2].n);
		assert_int_equal(build(&t.p, NULL, &b), 0);
		assert_string_equal(b.stats.kind, sizes[i / 2].kind);
		if (bf_class_check(&t.p, &b.out, b.head, 1, 2000000, NULL, &d))
			fail_msg("%s", d.text.data);
		bf_buf_free(&b.out);
		problem_free(&t);
	}
}

/* Hashed whether it pays or not, of every shape: what is not of one shape says so. */
static void hash_finds_what_a_scan_finds(void **state)
{
	struct rng r = { 12 };
	unsigned built = 0;

	for (unsigned i = 0; i < 400; i++) {
		struct test_problem t;
		struct built b;
		int err;

		problem_make(&t, &r, i % PROBLEM_SHAPES, i / PROBLEM_SHAPES & 1, 64 + rng_below(&r, 200));
		for (uint32_t k = 0; k < t.p.n_boxes && i % 3; k++) { /* nearly all get an address */
			t.boxes[k].flags = 0;
			t.boxes[k].order = 3 * k + 1; /* no parts of one rule, which might meet now */
			if (rng_percent(&r, 98)) {
				t.boxes[k].len[i & 1] = t.p.ip6 ? 128 : 32;
				t.boxes[k].addr[i & 1] = t.boxes[rng_below(&r, k + 1)].addr[0];
			}
		}
		err = build(&t.p, &bf_class_hash, &b);
		assert_true(err == 0 || err == -E2BIG);
		if (!err) {
			set_targets(&t.p, &b);
			compare(&t.p, &b, &r, 200, i);
		}
		built += !err;
		bf_buf_free(&b.out);
		problem_free(&t);
	}
	assert_true(built > 100);
}

UNIT_MAIN(cmocka_unit_test(exact_ones_are_hashed), cmocka_unit_test(hash_finds_what_a_scan_finds))
