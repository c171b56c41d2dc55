/* SPDX-License-Identifier: GPL-2.0-only */
/* test_class.c: what the structures answer is what looking at one box after the other answers. */
#include "lib/unit.h"

#include "lib/problem.h"
#include "opt/corner.h"

struct built {
	struct bf_buf out;
	uint32_t head;
	struct bf_class_stats stats;
};

static int build(const struct bf_class_problem *p, uint64_t max_bytes, struct built *b)
{
	struct bf_class_opts o = { .max_bytes = max_bytes };

	*b = (struct built){ 0 };
	bf_buf_reserve(&b->out, 16); /* place 0 is never used */
	return bf_class_build(p, &o, &b->out, &b->head, &b->stats);
}

/* A floor above a final box that matches is never asked for. */
static bool asked(const struct bf_class_problem *p, const uint32_t *key, uint32_t floor)
{
	struct bf_class_found f;

	for (uint32_t from = 0; bf_class_scan(p, key, from, &f) && f.order < floor; from = f.order + 1)
		for (uint32_t i = 0; i < p->n_boxes; i++)
			if (p->boxes[i].order == f.order && p->boxes[i].flags & BF_BOX_FINAL) {
				struct bf_class_problem one = *p;

				one.boxes = &p->boxes[i];
				one.n_boxes = 1;
				if (bf_class_scan(&one, key, 0, &f))
					return false;
			}
	return true;
}

static void fail_at(const struct bf_class_problem *p, uint64_t seed, uint32_t floor, bool want, bool have,
                    const struct bf_class_found *w, const struct bf_class_found *h)
{
	fail_msg("seed %llu, %u boxes, IPv%d, floor %u: want %d order %u slot %u target %u, have %d order %u slot %u target %u",
	         (unsigned long long)seed, p->n_boxes, p->ip6 ? 6 : 4, floor, want, w->order, w->slot, w->target, have, h->order,
	         h->slot, h->target);
}

static void compare(const struct bf_class_problem *p, const struct built *b, struct rng *r, unsigned keys, uint64_t seed)
{
	for (unsigned i = 0; i < keys; i++) {
		struct bf_class_found want = { 0 }, have = { 0 };
		uint32_t key[BF_KEY_WORDS], box = rng_below(r, p->n_boxes), floor = 0;
		bool w, h;

		(i & 1 ? bf_class_corner : bf_class_inside)(p, box, rng_u64(r), key);
		if (rng_percent(r, 50))
			floor = p->boxes[rng_below(r, p->n_boxes)].order + rng_below(r, 2);
		if (!asked(p, key, floor))
			floor = 0;
		w = bf_class_scan(p, key, floor, &want);
		h = bf_class_find((uint32_t *)b->out.data, (uint32_t)(b->out.len / 4), b->head, p->ip6, key, floor, &have);
		if (w && want.target == BF_CLASS_BY_SLOT)
			want.target = p->n_slots ? want.slot - p->first_slot + 7 : 0;
		if (w != h || memcmp(&want, &have, sizeof(want)) != 0)
			fail_at(p, seed, floor, w, h, &want, &have);
	}
}

static void set_targets(const struct bf_class_problem *p, struct built *b)
{
	uint32_t *data = (uint32_t *)b->out.data;
	const struct bf_class_head *h = (struct bf_class_head *)(data + b->head);

	for (uint32_t i = 0; i < p->n_slots; i++)
		data[h->targets + i] = i + 7;
}

static void try_one(uint64_t seed, enum problem_shape shape, bool ip6, uint32_t n, uint64_t max_bytes, unsigned keys)
{
	struct rng r = { seed };
	struct test_problem t;
	struct built b, again;

	problem_make(&t, &r, shape, ip6, n);
	assert_int_equal(build(&t.p, max_bytes, &b), 0);
	if (max_bytes)
		assert_true(b.stats.bytes <= max_bytes);
	assert_true(b.stats.bytes <= b.out.len);
	assert_int_equal(build(&t.p, max_bytes, &again), 0);
	assert_int_equal(b.out.len, again.out.len);
	assert_memory_equal(b.out.data, again.out.data, b.out.len);
	bf_buf_free(&again.out);
	set_targets(&t.p, &b);
	compare(&t.p, &b, &r, keys, seed);
	bf_buf_free(&b.out);
	problem_free(&t);
}

static void finds_what_a_scan_finds(void **state)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct rng r = { seed };
		uint32_t n = 1 + rng_below(&r, seed % 10 ? 60 : 600);

		try_one(seed, rng_below(&r, PROBLEM_SHAPES), seed & 1, n, 0, seed % 10 ? 60 : 400);
	}
}

UNIT_MAIN(cmocka_unit_test(finds_what_a_scan_finds))
