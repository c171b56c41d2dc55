/* SPDX-License-Identifier: GPL-2.0-only */
/* test_class.c: what the structures answer is what looking at one box after the other answers. */
#include "lib/unit.h"

#include <pthread.h>
#include <sys/mman.h>

#include "lib/alloc.h"
#include "lib/problem.h"
#include "opt/corner.h"
#include "opt/forest.h"

struct built {
	struct bf_buf out;
	uint32_t head;
	struct bf_class_stats stats;
};

static int build_with(const struct bf_class_problem *p, const struct bf_class_opts *o, struct built *b)
{
	*b = (struct built){ 0 };
	bf_buf_reserve(&b->out, 16); /* place 0 is never used */
	return bf_class_build(p, o, &b->out, &b->head, &b->stats);
}

static int build(const struct bf_class_problem *p, uint64_t max_bytes, struct built *b)
{
	struct bf_class_opts o = { .max_bytes = max_bytes };

	return build_with(p, &o, b);
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
	fail_msg("seed %llu, %u boxes, IPv%d, floor %u: want %d order %u slot %u target %u, "
	         "have %d order %u slot %u target %u",
	         (unsigned long long)seed, p->n_boxes, p->ip6 ? 6 : 4, floor, want, w->order, w->slot, w->target, have,
	         h->order, h->slot, h->target);
}

static void compare(const struct bf_class_problem *p, const struct built *b, struct rng *r, unsigned keys,
                    uint64_t seed)
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

/* With room for marks. */
static void spread_orders(struct test_problem *t)
{
	for (uint32_t i = 0; i < t->p.n_boxes; i++)
		t->boxes[i].order *= 1024;
}

static void try_one(uint64_t seed, enum problem_shape shape, bool ip6, uint32_t n, uint64_t max_bytes, unsigned keys)
{
	struct rng r = { seed };
	struct test_problem t;
	struct built b, again;

	problem_make(&t, &r, shape, ip6, n);
	if (seed & 2)
		spread_orders(&t);
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

/* Each is hard for a forest in its own way. No more than the bound, and at most so many rules in a look at one leaf. */
static void hard_ones_stay_exact_and_bounded(void **state)
{
	static const struct {
		enum problem_shape shape;
		uint32_t longest; /* leaf */
	} hard[] = { { PROBLEM_NESTED, 64 }, { PROBLEM_WILD, 5000 }, { PROBLEM_MASKS, 5000 },
	             { PROBLEM_ODD, 200 },    { PROBLEM_PORTS, 16 },  { PROBLEM_SAME, 1 } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(hard); i++)
		for (unsigned ip6 = 0; ip6 < 2; ip6++) {
			struct rng r = { i };
			struct test_problem t;
			struct built b;

			problem_make(&t, &r, hard[i].shape, ip6, 5000);
			assert_int_equal(build(&t.p, 0, &b), 0);
			assert_true(b.stats.worst_leaf <= hard[i].longest);
			assert_true(b.stats.bytes <= t.p.svcs_size + 5000 * 1000);
			compare(&t.p, &b, &r, 1000, i);
			bf_buf_free(&b.out);
			problem_free(&t);
		}
}

/* Any bound: it is kept, or refused; what one leaf for all takes is never refused. */
static void memory_is_bounded(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rng r = { seed };
		struct test_problem t;
		struct built b;
		uint64_t need, bound;
		int ret;

		problem_make(&t, &r, rng_below(&r, PROBLEM_SHAPES), seed & 1, 1 + rng_below(&r, 300));
		need = 512 + t.p.svcs_size + 4ull * t.p.n_slots +
		       t.p.n_boxes * (t.p.ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4) + 4); /* and its counter */
		bound = rng_below(&r, (uint32_t)need * 3) + 1;
		ret = build(&t.p, bound, &b);
		assert_true(ret == 0 || (ret == -E2BIG && bound < need));
		if (ret == 0) {
			assert_true(b.out.len - 16 <= bound + 8);
			set_targets(&t.p, &b);
			compare(&t.p, &b, &r, 50, seed);
		} else {
			assert_int_equal(b.out.len, 16);
		}
		bf_buf_free(&b.out);
		problem_free(&t);
	}
}

struct watched {
	unsigned calls, stop_at;
	double last;
};

static int watch(void *arg, double done)
{
	struct watched *w = arg;

	assert_true(done >= 0 && done <= 1);
	w->last = done;
	return ++w->calls == w->stop_at;
}

static void progress_is_told_and_stops(void **state)
{
	struct rng r = { 7 };
	struct watched w = { 0 };
	struct bf_class_opts o = { .progress = watch, .progress_arg = &w };
	struct bf_class_stats stats;
	struct test_problem t;
	struct bf_buf out = { 0 };
	uint32_t head;

	problem_make(&t, &r, PROBLEM_WILD, false, 20000);
	assert_int_equal(bf_class_build(&t.p, &o, &out, &head, &stats), 0);
	assert_true(w.calls > 3);
	bf_buf_free(&out);
	w = (struct watched){ .stop_at = 3 };
	assert_int_equal(bf_class_build(&t.p, &o, &out, &head, &stats), -ECANCELED);
	assert_int_equal(w.calls, 3);
	assert_int_equal(out.len, 0);
	w = (struct watched){ 0 };
	assert_int_equal(bf_class_build(&t.p, &o, &out, &head, &stats), 0);
	w = (struct watched){ .stop_at = 2 };
	assert_int_equal(bf_class_check(&t.p, &out, head, stats.expected_rules, 10000000, &o, NULL), -ECANCELED);
	assert_int_equal(w.calls, 2);
	bf_buf_free(&out);
	problem_free(&t);
}

static void nothing_is_found_in_nothing(void **state)
{
	struct bf_class_problem p = { 0 };
	struct bf_class_found f;
	uint32_t key[BF_KEY_WORDS] = { 0 };
	struct built b;

	assert_int_equal(build(&p, 0, &b), 0);
	assert_false(bf_class_find((uint32_t *)b.out.data, (uint32_t)(b.out.len / 4), b.head, false, key, 0, &f));
	assert_int_equal(bf_class_check(&p, &b.out, b.head, 1, 1000, NULL, NULL), 0);
	bf_buf_free(&b.out);
}

/* Bits are flipped: a check with some leisure notices most of those that matter to anyone, and crashes on none. */
static void a_check_notices_damage(void **state)
{
	unsigned noticed = 0, harmful = 0;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct rng r = { seed };
		struct test_problem t;
		struct built b;
		bool harm = false;
		size_t bit;

		problem_make(&t, &r, PROBLEM_FIVE, seed & 1, 200);
		assert_int_equal(build(&t.p, 0, &b), 0);
		assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 20000, NULL, NULL), 0);
		bit = rng_below(&r, (uint32_t)(b.out.len - 16) * 8) + 16 * 8;
		b.out.data[bit / 8] ^= (char)(1 << bit % 8);
		for (unsigned i = 0; i < 2000 && !harm; i++) {
			struct bf_class_found w = { 0 }, h = { 0 };
			uint32_t key[BF_KEY_WORDS];

			bf_class_inside(&t.p, rng_below(&r, 200), rng_u64(&r), key);
			harm = bf_class_scan(&t.p, key, 0, &w) !=
			       bf_class_find((uint32_t *)b.out.data, (uint32_t)(b.out.len / 4), b.head, t.p.ip6, key, 0, &h);
			harm |= w.order != h.order || w.slot != h.slot;
		}
		harmful += harm;
		noticed += harm && bf_class_check(&t.p, &b.out, b.head, 1, 400000, NULL, NULL) == -EBADMSG;
		bf_buf_free(&b.out);
		problem_free(&t);
	}
	assert_true(harmful > 50);
	if (noticed < harmful * 8 / 10)
		fail_msg("%u of %u noticed", noticed, harmful);
}

static void a_check_says_what_is_wrong(void **state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct rng r = { 3 };
	struct test_problem t;
	struct built b;

	problem_make(&t, &r, PROBLEM_PORTS, false, 50);
	assert_int_equal(build(&t.p, 0, &b), 0);
	t.boxes[20].slot = 999;
	assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 100000, NULL, &d), -EBADMSG);
	assert_non_null(strstr(d.text.data, "rule 336 "));
	bf_buf_free(&b.out);
	problem_free(&t);
}

/* At the very end of what may be read, and full of anything. */
static void find_reads_only_the_data(void **state)
{
	enum { PAGE = 4096, WORDS = 256 };
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rng r = { 5 };

	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + PAGE, PAGE, PROT_NONE), 0);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t n = 2 * (1 + rng_below(&r, WORDS / 2)), *data = (uint32_t *)(map + PAGE) - n, key[BF_KEY_WORDS], head;
		struct bf_class_found f;

		for (uint32_t k = 0; k < n; k++) /* small numbers are places */
			data[k] = rng_percent(&r, 70) ? rng_below(&r, n + 4) : (uint32_t)rng_u64(&r);
		head = rng_below(&r, n + 2);
		if (head < n)
			data[head] = rng_below(&r, BF_CLASS_KINDS + 1);
		for (uint32_t k = 0; k < BF_KEY_WORDS; k++)
			key[k] = rng_percent(&r, 50) ? 0 : (uint32_t)rng_u64(&r);
		bf_class_find(data, n, head, i & 1, key, rng_below(&r, 3), &f);
	}
	munmap(map, 2 * PAGE);
}

/* Orders and counters in equal steps need no table of counters; others have one. Both are found. */
static void counters_are_reckoned_where_they_can_be(void **state)
{
	for (unsigned odd = 0; odd < 2; odd++) {
		struct rng r = { 13 };
		struct test_problem t;
		struct built b;

		problem_make(&t, &r, PROBLEM_FIVE, false, 2000);
		t.p.n_slots = 0;
		for (uint32_t i = 0; i < t.p.n_boxes; i++) {
			t.boxes[i].order = 1024 * (i + 1);
			t.boxes[i].slot = 77 + i;
		}
		t.boxes[999].slot += odd;
		assert_int_equal(build(&t.p, 0, &b), 0);
		assert_int_equal(!((struct bf_class_head *)(b.out.data + 4ull * b.head))->slots, !odd);
		compare(&t.p, &b, &r, 5000, 13);
		bf_buf_free(&b.out);
		problem_free(&t);
	}
}

/* The same rules for other packets: other services, some hidden, some of their own. */
static void rules_of_another_run_are_referred_to(void **state)
{
	enum { MANY = 20000 };
	struct rng r = { 17 };
	struct test_problem t;
	struct built b, alone;
	uint32_t kept = 0;

	problem_make(&t, &r, PROBLEM_FIVE, false, MANY);
	t.p.n_slots = 0;
	for (uint32_t i = 0; i < t.p.n_boxes; i++) {
		t.boxes[i].order = 64 * (i + 1);
		t.boxes[i].slot = 5 + i;
		t.boxes[i].flags = 0;
	}
	assert_int_equal(build(&t.p, 0, &b), 0);
	t.p.base_rules = b.stats.rules;
	t.p.n_base = b.stats.n_rules;
	assert_true(t.p.n_base >= MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		t.boxes[kept] = t.boxes[i];
		t.boxes[kept].svc = t.boxes[rng_below(&r, MANY)].svc;
		if (i % 100 == 7)
			t.boxes[kept].addr[0] = (t.boxes[kept].len[0] = 32, 0x0a000000 + i);
		kept += i % 50 != 3;
	}
	t.p.n_boxes = kept;
	assert_int_equal(bf_class_build(&t.p, &(struct bf_class_opts){ 0 }, &b.out, &b.head, &b.stats), 0);
	assert_true(((struct bf_class_head *)(b.out.data + 4ull * b.head))->ref_bits);
	assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 1000000, NULL, NULL), 0);
	compare(&t.p, &b, &r, 3000, 17);
	t.p.n_base = 0;
	assert_int_equal(build(&t.p, 0, &alone), 0);
	assert_true(b.stats.bytes < alone.stats.bytes * 6 / 10);
	bf_buf_free(&alone.out);
	bf_buf_free(&b.out);
	problem_free(&t);
}

enum { LARGE = 20000, PARTS_AT = 16384 }; /* boxes; as forest_part.c has it */

static void make_large(struct test_problem *t, unsigned how)
{
	static const enum problem_shape shapes[] = { PROBLEM_FIVE, PROBLEM_MIX, PROBLEM_TESTS };
	struct rng r = { 40 + how };

	_Static_assert(LARGE > PARTS_AT, "parts");
	problem_make(t, &r, shapes[how % BF_ARRAY_SIZE(shapes)], how >= BF_ARRAY_SIZE(shapes), LARGE);
}

static void threads_make_no_difference(void **state)
{
	for (unsigned how = 0; how < 4; how++) {
		struct test_problem t;
		struct built one;

		make_large(&t, how);
		assert_int_equal(build(&t.p, 0, &one), 0);
		assert_int_equal(bf_class_check(&t.p, &one.out, one.head, 1, 1000000, NULL, NULL), 0);
		for (unsigned threads = 2; threads <= BF_POOL_MAX; threads += 3) {
			struct bf_class_opts o = { .pool = bf_pool_new(threads) };
			struct built b;

			assert_int_equal(build_with(&t.p, &o, &b), 0);
			assert_int_equal(b.out.len, one.out.len);
			assert_memory_equal(b.out.data, one.out.data, one.out.len);
			assert_int_equal(b.stats.copies, one.stats.copies);
			assert_int_equal(b.stats.depth, one.stats.depth);
			assert_int_equal(b.stats.worst_leaf, one.stats.worst_leaf);
			assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 1000000, &o, NULL), 0);
			bf_buf_free(&b.out);
			bf_pool_free(o.pool);
		}
		bf_buf_free(&one.out);
		problem_free(&t);
	}
}

/* Of several places that are wrong the same one is told. */
static void threads_find_the_same_fault(void **state)
{
	struct bf_pool *pool = bf_pool_new(3);
	struct bf_diag one = { 0 }, many = { 0 };
	struct test_problem t;
	struct built b;

	make_large(&t, 0);
	assert_int_equal(build(&t.p, 0, &b), 0);
	for (uint32_t i = 0; i < t.p.n_boxes; i += 7)
		t.boxes[i].slot++;
	assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 2000000, NULL, &one), -EBADMSG);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(bf_class_check(&t.p, &b.out, b.head, 1, 2000000, &(struct bf_class_opts){ .pool = pool }, &many), -EBADMSG);
		assert_string_equal(many.text.data, one.text.data);
		bf_diag_free(&many);
	}
	bf_diag_free(&one);
	bf_buf_free(&b.out);
	bf_pool_free(pool);
	problem_free(&t);
}

struct call {
	pthread_t caller;
	unsigned calls, stop_at, by_others;
};

static int note_call(void *arg, double done)
{
	struct call *a = arg;

	a->by_others += !pthread_equal(pthread_self(), a->caller);
	return ++a->calls == a->stop_at;
}

static void threads_stop_when_they_shall(void **state)
{
	struct bf_pool *pool = bf_pool_new(3);
	struct test_problem t;

	make_large(&t, 0);
	for (unsigned at = 1; at < 20; at++) {
		struct call a = { .caller = pthread_self(), .stop_at = at };
		struct bf_class_opts o = { .pool = pool, .progress = note_call, .progress_arg = &a };
		struct built b;
		int err = build_with(&t.p, &o, &b);

		assert_int_equal(a.by_others, 0);
		assert_int_equal(err, a.calls < at ? 0 : -ECANCELED);
		assert_true(a.calls <= at || !err);
		assert_true(at > 3 || err);
		bf_buf_free(&b.out);
	}
	bf_pool_free(pool);
	problem_free(&t);
}

static void parts_may_lack_memory(void **state)
{
	unsigned long all;
	struct test_problem t;
	struct built b;
	long live;

	make_large(&t, 1);
	live = test_alloc_live();
	test_alloc_fail(0);
	assert_int_equal(build(&t.p, 0, &b), 0);
	all = test_alloc_count();
	bf_buf_free(&b.out);
	for (unsigned long n = 1; n <= all; n += n < 20 ? 1 : all / 30 + 1) {
		test_alloc_fail(n);
		assert_int_equal(build(&t.p, 0, &b), -ENOMEM);
		bf_buf_free(&b.out);
		assert_int_equal(test_alloc_live(), live);
	}
	test_alloc_fail(0);
	problem_free(&t);
}

static uint32_t trees_walked(const struct bf_class_problem *p, bool unmarked)
{
	struct bf_class_opts o = { .unmarked = unmarked };
	struct walk w = { 0 };
	struct built b;

	assert_int_equal(build_with(p, &o, &b), 0);
	for (uint32_t i = 0; i < p->n_boxes; i++) {
		struct bf_class_found want = { 0 }, have = { 0 };
		uint32_t key[BF_KEY_WORDS];

		bf_class_inside(p, i, 1, key);
		assert_int_equal(bf_class_scan(p, key, 0, &want),
		                 forest_walk((uint32_t *)b.out.data, (uint32_t)(b.out.len / 4), b.head, p->ip6, key, 0, &have, &w));
		assert_int_equal(want.order, have.order);
	}
	bf_buf_free(&b.out);
	return w.trees;
}

/* What is found in one tree says which others may hold something better: mostly none. */
static void a_rule_says_which_trees_are_left(void **state)
{
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct rng r = { 19 };
		struct test_problem t;

		problem_make(&t, &r, PROBLEM_FIVE, ip6, 3000);
		spread_orders(&t);
		assert_true(trees_walked(&t.p, false) < trees_walked(&t.p, true));
		problem_free(&t);
	}
}

static int build_once(void *ctx)
{
	struct bf_class_problem *p = ctx;
	struct built b;
	int ret = build(p, 0, &b);

	bf_buf_free(&b.out);
	return ret;
}

static void memory_may_run_out(void **state)
{
	struct rng r = { 11 };
	struct test_problem t;

	problem_make(&t, &r, PROBLEM_MIX, true, 150);
	assert_true(test_alloc_each(build_once, &t.p) > 5);
	problem_free(&t);
}

static void what_was_built_is_explained(void **state)
{
	struct rng r = { 2 };
	struct test_problem t;
	struct bf_buf text = { 0 };
	struct built b;

	problem_make(&t, &r, PROBLEM_PORTS, false, 1000);
	assert_int_equal(build(&t.p, 0, &b), 0);
	bf_class_explain(&text, &b.stats);
	assert_non_null(strstr(text.data, b.stats.kind));
	assert_non_null(strstr(text.data, "1000 boxes"));
	assert_non_null(strstr(text.data, "1 tree,"));
	bf_buf_free(&text);
	bf_buf_free(&b.out);
	problem_free(&t);
}

UNIT_MAIN(cmocka_unit_test(finds_what_a_scan_finds), cmocka_unit_test(hard_ones_stay_exact_and_bounded),
          cmocka_unit_test(memory_is_bounded), cmocka_unit_test(progress_is_told_and_stops),
          cmocka_unit_test(nothing_is_found_in_nothing), cmocka_unit_test(a_check_notices_damage),
          cmocka_unit_test(a_check_says_what_is_wrong), cmocka_unit_test(find_reads_only_the_data),
          cmocka_unit_test(counters_are_reckoned_where_they_can_be),
          cmocka_unit_test(rules_of_another_run_are_referred_to),
          cmocka_unit_test(a_rule_says_which_trees_are_left),
          cmocka_unit_test(memory_may_run_out),
          cmocka_unit_test(threads_make_no_difference),
          cmocka_unit_test(threads_find_the_same_fault),
          cmocka_unit_test(threads_stop_when_they_shall),
          cmocka_unit_test(parts_may_lack_memory),
          cmocka_unit_test(what_was_built_is_explained))
