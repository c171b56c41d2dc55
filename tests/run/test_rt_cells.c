/* SPDX-License-Identifier: GPL-2.0-only */
/* What each kind of cell does, in both kinds of walk; and what a walk does that was made wrong: drop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "run/rtprog.h"

static const uint8_t udp[28 + 12] = { 0x45, 0, 0, 40,  0,  1,   0, 0,    64, 17, 0,  0, 192,
									  0,    2, 1, 198, 51, 100, 7, 0x04, 0,  0,  53, 0, 20 };
static const char *const hows[] = { "mg", "it" };

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s: %s", c->how, d.text.data);
}

#define CELLS(how_, cells_, ...)                                                                                       \
	(struct rtprog)                                                                                                    \
	{                                                                                                                  \
		.family = NFPROTO_IPV4, .how = (how_), .cells = (cells_), .n_cells = BF_ARRAY_SIZE(cells_), .n_counters = 8,   \
		.config.needs = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS, __VA_ARGS__                        \
	}

#define TEST(w, m, l, s, h, x)                                                                                         \
	{                                                                                                                  \
		.op = BF_CELL_TEST, .word = (w), .mask = (m), .lo = (l), .span = (s), .hit = (h), .miss = (x)                  \
	}
#define COUNT(n, h)                                                                                                    \
	{                                                                                                                  \
		.op = BF_CELL_COUNT, .arg = (n), .hit = (h)                                                                    \
	}
#define VERDICT(v)                                                                                                     \
	{                                                                                                                  \
		.op = BF_CELL_VERDICT, .lo = (v)                                                                               \
	}
#define CALL(h, back)                                                                                                  \
	{                                                                                                                  \
		.op = BF_CELL_CALL, .hit = (h), .miss = (back)                                                                 \
	}
#define RET                                                                                                            \
	{                                                                                                                  \
		.op = BF_CELL_RET                                                                                              \
	}

static int run(struct rtprog *c)
{
	int v;

	load(c);
	v = rtprog_run(c, udp, sizeof(udp));
	rtprog_unload(c);
	return v;
}

static void tests(void **state)
{
	static const struct {
		uint32_t word, mask, lo, span;
		bool hit;
	} t[] = {
		{ BF_KEY_SADDR, ~0u, 0xc0000201, 0, true },
		{ BF_KEY_SADDR, ~0u, 0xc0000200, 0, false },
		{ BF_KEY_SADDR, 0xffffff00, 0xc0000200, 0, true },
		{ BF_KEY_DADDR, ~0u, 0xc6336400, 7, true },
		{ BF_KEY_DADDR, ~0u, 0xc6336400, 6, false },
		{ BF_KEY_PORTS, 0xffff, 53, 0, true },
		{ BF_KEY_PORTS, 0xffff0000, 1024 << 16, 0, true },
		{ BF_KEY_PORTS, 0xffff, 54, ~0u - 1, false },
		{ BF_KEY_PORTS, 0xffff, 54, ~0u, true },
		{ BF_KEY_META, 0xff, 17, 0, true },
		{ BF_KEY_MARK, ~0u, 0, 0, true },
	};

	for (size_t h = 0; h < 2; h++)
		for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
			struct bf_cell cells[] = { TEST(t[i].word, t[i].mask, t[i].lo, t[i].span, 2, 1), VERDICT(BF_DROP),
									   VERDICT(BF_ACCEPT) };
			struct rtprog c = CELLS(hows[h], cells);

			if (run(&c) != t[i].hit)
				fail_msg("%s, test %zu", hows[h], i);
		}
}

/* Longer than a round, and than two; a test that goes back is only taken once. */
static void chains_of_tests(void **state)
{
	enum { MAX = 70 };

	for (size_t h = 0; h < 2; h++)
		for (uint32_t n = 0; n < MAX; n += n < 40 ? 1 : 10) {
			struct bf_cell cells[MAX + 2];
			struct rtprog c = CELLS(hows[h], cells);

			c.n_cells = n + 2;
			for (uint32_t i = 0; i < n; i++)
				cells[i] = (struct bf_cell)TEST(BF_KEY_SADDR, ~0u, i & 1 ? 0xc0000201 : 7, 0, i & 1 ? i + 1 : 0,
												i & 1 ? 0 : i + 1);
			cells[n] = (struct bf_cell)COUNT(3, n + 1);
			cells[n + 1] = (struct bf_cell)VERDICT(BF_ACCEPT);
			load(&c);
			assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
			assert_int_equal(rtprog_counter(&c, 3).packets, 1);
			assert_int_equal(rtprog_counter(&c, 3).bytes, sizeof(udp));
			rtprog_unload(&c);
		}
}

static void counters(void **state)
{
	struct bf_cell cells[] = { COUNT(0, 1), COUNT(7, 2), COUNT(7, 3), COUNT(8, 4), VERDICT(BF_ACCEPT) };

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .stripes = 4);

		load(&c);
		for (int i = 0; i < 5; i++)
			assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(rtprog_counter(&c, 0).packets, 5);
		assert_int_equal(rtprog_counter(&c, 7).packets, 10);
		assert_int_equal(rtprog_counter(&c, 7).bytes, 10 * sizeof(udp));
		for (int i = 1; i < 7; i++)
			assert_int_equal(rtprog_counter(&c, i).packets, 0);
		rtprog_unload(&c);
	}
}

/* A mark that is put is what cells behind it see; an output that there is not changes nothing. */
static void outputs(void **state)
{
	static struct bf_cell cells[] = {
		{ .op = BF_CELL_PUT, .word = BF_KEY_MARK, .lo = BF_OUT_MARK, .mask = 0, .span = 0xf0f, .hit = 1 },
		{ .op = BF_CELL_PUT, .word = BF_KEY_MARK, .lo = BF_OUT_MARK, .mask = 0xff, .span = 0x101, .hit = 2 },
		{ .op = BF_CELL_PUT, .word = BF_KEY_MARK, .lo = BF_OUT_WORDS, .mask = 0, .span = 9, .hit = 3 },
		TEST(BF_KEY_MARK, ~0u, 0x10e, 0, 4, 5),
		VERDICT(1),
		VERDICT(0),
	};

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells);

		c.config.needs |= BF_NEED_MARK;
		assert_int_equal(run(&c), BF_ACCEPT);
	}
}

/* Pairs of values and cells; the highest bits of value * factor say which one is looked at. */
static void tables(void **state)
{
	static const uint32_t class[] = { 0, 0, 53, 1, 0, 2, 0, 2, 0x80000035, 2 };
	static const struct {
		uint32_t mask, factor;
		uint64_t place;
		int verdict;
	} t[] = {
		{ 0xffff, 1, 2, 1 },         /* the first pair, with that value */
		{ 0xffff, 1u << 30, 2, 0 },  /* the second, with another */
		{ 0xff00, 1, 2, 0 },
		{ 0xffff, 1, 8, 0 },         /* with another one in it */
		{ 0xffff, 1u << 30, 8, 0 },  /* behind the end: dropped */
		{ 0xffff, 1, ~0ull, 0 },
	};

	for (size_t h = 0; h < 2; h++)
		for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
			struct bf_cell cells[] = { { .op = BF_CELL_BRANCH, .word = BF_KEY_PORTS, .mask = t[i].mask, .lo = t[i].factor,
				                         .span = 30, .arg = t[i].place, .miss = 2 }, VERDICT(BF_ACCEPT), VERDICT(BF_DROP) };
			struct rtprog c = CELLS(hows[h], cells, .class = class, .n_class = BF_ARRAY_SIZE(class));

			if (run(&c) != t[i].verdict)
				fail_msg("%s, table %zu", hows[h], i);
		}
}

/* What gen/ never makes. Nothing but a drop may come of it. */
static void wrong_cells(void **state)
{
	static struct bf_cell t[][3] = {
		{ { .op = BF_CELL_OPS } },
		{ { .op = 255 } },
		{ COUNT(0, 3) },
		{ COUNT(0, ~0u) },
		{ TEST(0, 0, 0, 0, 9, 9) },
		{ RET },
		{ CALL(0, 0) },
		{ VERDICT(2) },
		{ { .op = BF_CELL_LOAD, .lo = BF_LOADERS, .hit = 2, .miss = 2 }, RET, VERDICT(1) },
		{ { .op = BF_CELL_LOAD, .lo = 99, .hit = 2, .miss = 2 }, RET, VERDICT(1) },
		{ { .op = BF_CELL_MATCH, .lo = BF_SPECIALS, .hit = 2, .miss = 2 }, RET, VERDICT(1) },
		{ { .op = BF_CELL_MATCH, .lo = BF_SPECIAL_LIMIT, .arg = 1, .hit = 2, .miss = 2 },
		  RET,
		  VERDICT(1) },                                                            /* no params */
		{ { .op = BF_CELL_CODE, .lo = 0, .hit = 2, .miss = 2 }, RET, VERDICT(1) }, /* no code */
		{ TEST(0, 0, 0, 0, 0, 0) },                                                /* for ever */
	};

	for (size_t h = 0; h < 2; h++)
		for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++) {
			struct rtprog c =
				CELLS(hows[h], t[i], .config.stack_depth = 3, .config.ops = 0x1fff & ~(1 << BF_CELL_HANDOFF));

			if (run(&c) != BF_DROP)
				fail_msg("%s, ruleset %zu is not dropped", hows[h], i);
		}
}

/* depth chains, each calling the next; on the way back each counts. Cell 0 calls chain 1 ... */
static void nested(const char *how, uint32_t depth)
{
	struct bf_cell *cells = calloc(2 * depth + 2, sizeof(*cells));
	struct rtprog c = { .family = NFPROTO_IPV4,
						.how = how,
						.cells = cells,
						.n_cells = 2 * depth + 2,
						.n_counters = depth + 1,
						.config.stack_depth = depth };

	for (uint32_t i = 0; i < depth; i++) {
		cells[i] = (struct bf_cell)CALL(i + 1, depth + 1 + i);
		cells[depth + 1 + i] = (struct bf_cell)COUNT(i, i ? depth : 2 * depth + 1);
	}
	cells[depth] = (struct bf_cell)RET;
	cells[2 * depth + 1] = (struct bf_cell)VERDICT(BF_ACCEPT);
	load(&c);
	for (int n = 1; n < 4; n++) {
		if (rtprog_run(&c, udp, sizeof(udp)) != BF_ACCEPT)
			fail_msg("%s, depth %u: dropped", how, depth);
		for (uint32_t i = 0; i < depth; i++)
			assert_int_equal(rtprog_counter(&c, i).packets, n);
	}
	if (depth > BF_STACK_DEPTH) {
		uint64_t key;

		assert_int_equal(bf_map_next_key(rtprog_map(&c, "stack"), NULL, &key), -ENOENT);
	}
	rtprog_unload(&c);
	free(cells);
}

static void calls(void **state)
{
	static const uint32_t depths[] = { 1, 2, 15, 16, 17, 18, 40, 300, 1024, 5000 };

	for (size_t h = 0; h < 2; h++)
		for (size_t i = 0; i < BF_ARRAY_SIZE(depths); i++)
			nested(hows[h], depths[i]);
}

/* The map of deep stacks is full: the packet cannot be judged. */
static void no_room_for_the_stack(void **state)
{
	enum { DEPTH = 20 };
	struct bf_cell cells[DEPTH + 1];

	for (uint32_t i = 0; i < DEPTH; i++)
		cells[i] = (struct bf_cell)CALL(i + 1, DEPTH);
	cells[DEPTH] = (struct bf_cell)VERDICT(BF_ACCEPT);
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .config.stack_depth = DEPTH);
		uint32_t full[DEPTH] = { 0 };

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		for (uint64_t key = 1; !bf_map_update(rtprog_map(&c, "stack"), &key, full, BPF_ANY); key++)
			;
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_DROP);
		rtprog_unload(&c);
	}
}

/* ------------------------------------------------------------------ hand-off */

static uint64_t pending(const struct rtprog *c)
{
	struct bf_pending p;
	uint32_t zero = 0;
	uint64_t sum = 0;

	assert_int_equal(bf_map_lookup(rtprog_map(c, "pending"), &zero, &p), 0);
	for (int i = 0; i < BF_PENDING_STRIPES; i++)
		sum += p.stripe[i].n;
	return sum;
}

/* The only entry of the map, taken out. False: there is none. */
static bool take_note(const struct rtprog *c, struct bf_handoff *h)
{
	uint64_t key;
	int fd = rtprog_map(c, "handoff");

	if (bf_map_next_key(fd, NULL, &key))
		return false;
	assert_int_equal(bf_map_lookup(fd, &key, h), 0);
	assert_int_equal(bf_map_delete(fd, &key), 0);
	return true;
}

#define NOTE(code_, terminal_, h)                                                                                      \
	{                                                                                                                  \
		.op = BF_CELL_HANDOFF, .lo = (code_), .arg = (terminal_), .hit = (h)                                           \
	}

static void handoffs(void **state)
{
	struct bf_cell cells[] = { NOTE(300, 0, 1), NOTE(7, 0, 2), NOTE(9, 1, 3), VERDICT(BF_ACCEPT) };

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .config.tag = 0x1122334455667788, .config.drop_code = BF_NO_CODE);
		struct bf_handoff note;

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(pending(&c), 1);
		assert_true(take_note(&c, &note));
		assert_true(note.tag == 0x1122334455667788);
		assert_int_equal(note.n, 3);
		assert_int_equal(note.next, 0);
		assert_int_equal(note.terminal, 1);
		assert_int_equal(note.code[0], 300);
		assert_int_equal(note.code[1], 7);
		assert_int_equal(note.code[2], 9);
		rtprog_unload(&c);
	}
}

/* A packet that was logged and is to be dropped leaves with the drop as its last code. */
static void drop_behind_a_note(void **state)
{
	struct bf_cell cells[] = { NOTE(1, 0, 1), VERDICT(BF_DROP) };

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .config.drop_code = 4);
		struct bf_handoff note;

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_true(take_note(&c, &note));
		assert_int_equal(note.n, 2);
		assert_int_equal(note.code[1], 4);
		assert_int_equal(note.terminal, 1);
		rtprog_unload(&c);
		c.config.drop_code = BF_NO_CODE;
		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_DROP);
		assert_false(take_note(&c, &note));
		assert_int_equal(pending(&c), 0);
		rtprog_unload(&c);
	}
}

/* What is only to be logged is left out when there is no place; what ends the packet always has one. */
static void too_many_notes(void **state)
{
	enum { LOGS = BF_HANDOFF_MAX + 3 };
	struct bf_cell cells[LOGS + 2];
	struct bf_handoff note;

	for (uint32_t i = 0; i < LOGS; i++)
		cells[i] = (struct bf_cell)NOTE(i, 0, i + 1);
	for (size_t h = 0; h < 2; h++)
		for (int ends = 0; ends < 2; ends++) {
			struct rtprog c = CELLS(hows[h], cells, .config.drop_code = BF_NO_CODE);

			cells[LOGS] = ends ? (struct bf_cell)NOTE(1000, 1, LOGS + 1) : (struct bf_cell)VERDICT(BF_ACCEPT);
			cells[LOGS + 1] = (struct bf_cell)VERDICT(BF_ACCEPT);
			load(&c);
			assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
			assert_true(take_note(&c, &note));
			assert_int_equal(note.n, BF_HANDOFF_MAX - 1 + ends);
			assert_int_equal(note.terminal, ends);
			assert_int_equal(note.code[BF_HANDOFF_MAX - 2], BF_HANDOFF_MAX - 2);
			assert_int_equal(note.code[BF_HANDOFF_MAX - 1], ends ? 1000 : 0);
			rtprog_unload(&c);
		}
}

/* No room: dropped, whatever comes behind; and nothing is counted as pending. */
static void no_room_for_a_note(void **state)
{
	struct bf_cell cells[] = { NOTE(1, 0, 1), VERDICT(BF_ACCEPT) };
	struct bf_handoff note = { 0 };

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .config.drop_code = 3);

		load(&c);
		for (uint64_t key = 1; !bf_map_update(rtprog_map(&c, "handoff"), &key, &note, BPF_ANY); key++)
			;
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_DROP);
		assert_int_equal(pending(&c), 0);
		rtprog_unload(&c);
	}
}

/* A note left behind by a packet that never came to the companion goes when its sk_buff's address is used again. Test
 * runs take one sk_buff after the other, mostly at the same address. */
static void stale_notes(void **state)
{
	struct bf_cell cells[] = { TEST(BF_KEY_PORTS, 0xffff, 53, 0, 1, 2), NOTE(1, 1, 2), VERDICT(BF_ACCEPT) };
	uint8_t other[sizeof(udp)];

	memcpy(other, udp, sizeof(udp));
	other[23] = 54;
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells, .config.drop_code = BF_NO_CODE);

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(pending(&c), 1);
		for (int i = 0; i < 1000 && pending(&c); i++)
			assert_int_equal(rtprog_run(&c, other, sizeof(other)), BF_ACCEPT);
		assert_int_equal(pending(&c), 0);
		rtprog_unload(&c);
	}
}

/* No answers of the kernel's matches: the companion in front is gone. */
static void no_assist(void **state)
{
	struct bf_cell cells[] = { TEST(BF_KEY_ASSIST, 1, 1, 0, 1, 1), VERDICT(BF_ACCEPT) };

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells);

		c.config.needs |= BF_NEED_ASSIST;
		assert_int_equal(run(&c), BF_DROP);
	}
}

/* ------------------------------------------------------------------ matches */

static uint32_t accepted(struct rtprog *c, uint32_t packets)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < packets; i++)
		n += rtprog_run(c, udp, sizeof(udp)) == BF_ACCEPT;
	return n;
}

#define MATCH(id, at)                                                                                                  \
	{                                                                                                                  \
		{ .op = BF_CELL_MATCH, .lo = (id), .arg = (at), .hit = 2, .miss = 1 }, VERDICT(BF_DROP), VERDICT(BF_ACCEPT)    \
	}

static void limits(void **state)
{
	struct bf_cell cells[] = MATCH(BF_SPECIAL_LIMIT, 32);

	for (size_t h = 0; h < 2; h++) {
		struct {
			uint64_t other[4];
			struct bf_rt_limit l;
		} p = { .l = { .state = 500, .cost = 100, .cap = 500, .cpj = 0 } };
		struct rtprog c = CELLS(hows[h], cells, .params = &p, .n_params = sizeof(p));

		load(&c); /* no credit comes in: the burst, then nothing */
		assert_int_equal(accepted(&c, 20), 5);
		rtprog_unload(&c);
		p.l.cpj = 1; /* the first packet sets the clock: 2^32 jiffies' credit would fill the bucket again */
		p.l.state = 99;
		load(&c);
		assert_int_equal(accepted(&c, 1), 0);
		rtprog_unload(&c);
		p.l = (struct bf_rt_limit){ .state = 0, .cost = 1000, .cap = 5000, .cpj = 1000 };
		load(&c);
		assert_int_equal(accepted(&c, 1), 0);
		usleep(50000); /* five or more jiffies at any HZ of 100 or above, the bucket holds five */
		assert_int_equal(accepted(&c, 5), 5);
		rtprog_unload(&c);
	}
}

static void every_nth(void **state)
{
	struct bf_cell cells[] = MATCH(BF_SPECIAL_NTH, 0);

	for (size_t h = 0; h < 2; h++)
		for (uint32_t every = 0; every < 4; every++)
			for (uint32_t invert = 0; invert < 2; invert++) {
				struct bf_rt_nth p = { .count = every, .every = every, .invert = invert };
				struct rtprog c = CELLS(hows[h], cells, .params = &p, .n_params = sizeof(p));

				load(&c);
				assert_int_equal(accepted(&c, 1), !invert); /* count begins at its end */
				assert_int_equal(accepted(&c, 12 * (every + 1)), invert ? 12 * every : 12);
				rtprog_unload(&c);
			}
}

static void at_random(void **state)
{
	static const struct {
		uint32_t probability, min, max;
	} t[] = { { 0, 0, 0 }, { 0x80000000, 1000, 1000 }, { 0x40000000, 350, 650 } };
	struct bf_cell cells[] = MATCH(BF_SPECIAL_RANDOM, 0);

	for (size_t h = 0; h < 2; h++)
		for (size_t i = 0; i < BF_ARRAY_SIZE(t) * 2; i++) {
			struct bf_rt_random p = { .probability = t[i / 2].probability, .invert = i & 1 };
			struct rtprog c = CELLS(hows[h], cells, .params = &p, .n_params = sizeof(p));
			uint32_t n;

			load(&c);
			n = accepted(&c, 1000);
			n = i & 1 ? 1000 - n : n;
			assert_in_range(n, t[i / 2].min, t[i / 2].max);
			rtprog_unload(&c);
		}
}

/* One draw for two rules: half of the packets, and half of the rest. Whoever draws again is not bound by it. */
static void one_draw(void **state)
{
	struct bf_cell cells[] = {
		{ .op = BF_CELL_CHANCE, .word = BF_KEY_SCRATCH, .mask = 0x7fffffff, .span = 0x3fffffff, .hit = 3, .miss = 1 },
		TEST(BF_KEY_SCRATCH, 0x7fffffff, 0, 0x3fffffff, 4, 2),
		TEST(BF_KEY_SCRATCH, 0x7fffffff, 0, 0x5fffffff, 3, 4),
		VERDICT(BF_ACCEPT),
		VERDICT(BF_DROP),
	};

	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = CELLS(hows[h], cells);

		load(&c);
		assert_in_range(accepted(&c, 1000), 650, 850);
		rtprog_unload(&c);
	}
}

/* ------------------------------------------------------------------ generated functions */

#define I(c_, d, s, o, i)                                                                                              \
	{                                                                                                                  \
		.code = (c_), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                                           \
	}

static void generated_code(void **state)
{
	/* bf_code: it goes on behind step id when the byte at that offset of the packet is 17 */
	static const struct bpf_insn code[] = {
		I(BPF_ALU64 | BPF_MOV | BPF_X, 6, 2, 0, 0), I(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 1),
		I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0), I(BPF_ALU64 | BPF_MOV | BPF_X, 1, 0, 0, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 6, 0, 0), I(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 1, 17),
		I(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1), I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static const struct bf_rt_reloc calls[] = { { 2, BF_RT_RELOC_CALL, "bf_pkt_load", NULL, 0 } };
	static const struct bf_rt_func own[] = { { "bf_code", code, BF_ARRAY_SIZE(code), calls, 1 } };

	for (size_t h = 0; h < 2; h++)
		for (uint32_t id = 8; id < 11; id++) {
			struct bf_cell cells[] = { { .op = BF_CELL_CODE, .lo = id, .span = 1, .arg = 1 }, VERDICT(0), VERDICT(1) };
			struct rtprog c = CELLS(hows[h], cells, .own = own, .n_own = 1);

			assert_int_equal(run(&c), id == 9);
		}
}

static void straight_code(void **state)
{
	static const char *const straight[] = { "smg", "sit" };
	static const struct bpf_insn code[] = {
		/* source port 1024? */
		I(BPF_LDX | BPF_MEM | BPF_W, 2, 1, BF_KEY_PORTS * 4, 0),
		I(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 16),
		I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		I(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 1, 1024),
		I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static const struct bf_rt_func own[] = { { "bf_straight", code, BF_ARRAY_SIZE(code), NULL, 0 } };
	uint8_t other[sizeof(udp)];

	memcpy(other, udp, sizeof(udp));
	other[20] = 5;
	for (size_t h = 0; h < 2; h++) {
		struct bf_cell cells[] = { TEST(0, 0, 0, 0, 0, 0) };
		struct rtprog c = CELLS(straight[h], cells, .own = own, .n_own = 1);

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(rtprog_run(&c, other, sizeof(other)), BF_DROP);
		rtprog_unload(&c);
	}
}

/* Everything at once still loads, and a million cells do. */
static void limits_of_the_verifier(void **state)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct bf_cell some[] = { VERDICT(BF_ACCEPT), RET, RET, RET };
	struct bf_rt_limit params[4] = { 0 };

	for (size_t h = 0; h < 2; h++)
		for (size_t f = 0; f < 2; f++) {
			struct rtprog c = { .family = families[f],
								.how = hows[h],
								.cells = some,
								.n_cells = 4,
								.n_counters = 1,
								.params = params,
								.n_params = sizeof(params),
								.config = { .needs = 0x7ff,
											.ops = 0x1ff,
											.loaders = 0x7ff,
											.specials = 0x1f,
											.stack_depth = 17,
											.drop_code = 1 } };

			load(&c);
			rtprog_unload(&c);
		}
	for (size_t h = 0; h < 2; h++) {
		uint32_t n = 1000000;
		struct bf_cell *cells = calloc(n, sizeof(*cells));
		struct rtprog c = { .family = NFPROTO_IPV4,
							.how = hows[h],
							.cells = cells,
							.n_cells = n,
							.n_counters = n,
							.config.needs = BF_NEED_ADDRS };

		for (uint32_t i = 0; i < n - 2; i++)
			cells[i] = (struct bf_cell)TEST(0, ~0u, i, 0, 0, i + 1);
		cells[n - 2] = (struct bf_cell)COUNT(n - 1, n - 1);
		cells[n - 1] = (struct bf_cell)VERDICT(BF_ACCEPT);
		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(rtprog_counter(&c, n - 1).packets, 1);
		rtprog_unload(&c);
		free(cells);
	}
}

/* What stands apart is verified once, however often it is called: some 60 instructions for a limit. */
static void calls_are_cheap(void **state)
{
	enum { CALLS = 200, EACH = 4 };
	struct bf_cell cells[] = MATCH(BF_SPECIAL_LIMIT, 0);
	struct bf_rt_limit params = { .cost = 1, .cap = 1000, .cpj = 1 };
	struct bpf_insn code[CALLS * EACH + 6], *i = code;
	struct bf_rt_reloc relocs[CALLS];

	*i++ = (struct bpf_insn){ BPF_JMP | BPF_JEQ, BPF_REG_1, 0, CALLS * EACH + 1, 0 };
	*i++ = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0 };
	for (uint32_t k = 0; k < CALLS; k++) {
		*i++ = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0 };
		*i++ = (struct bpf_insn){ BPF_ALU | BPF_MOV, BPF_REG_2, 0, 0, BF_SPECIAL_LIMIT };
		*i++ = (struct bpf_insn){ BPF_ALU | BPF_MOV, BPF_REG_3, 0, 0, 0 };
		relocs[k] = (struct bf_rt_reloc){ i - code, BF_RT_RELOC_CALL, "bf_special_apart", NULL, 0 };
		*i++ = (struct bpf_insn){ BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, -1 };
	}
	*i++ = (struct bpf_insn){ BPF_ALU | BPF_MOV, BPF_REG_0, 0, 0, BF_ACCEPT };
	*i++ = (struct bpf_insn){ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 };

	for (size_t h = 0; h < 2; h++) {
		const struct bf_rt_func own[] = { { "bf_straight", code, i - code, relocs, CALLS, "f" } };
		struct rtprog c = CELLS(h ? "sit" : "smg", cells, .own = own, .n_own = 1, .params = &params,
								.n_params = sizeof(params));
		struct bpf_prog_info info;

		load(&c);
		assert_int_equal(rtprog_run(&c, udp, sizeof(udp)), BF_ACCEPT);
		assert_int_equal(bf_prog_info(rtprog_prog(&c), &info), 0);
		assert_in_range(info.verified_insns, CALLS * EACH, CALLS * EACH + 4000);
		rtprog_unload(&c);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(tests),          cmocka_unit_test(chains_of_tests),
		cmocka_unit_test(counters),       cmocka_unit_test(wrong_cells),
		cmocka_unit_test(outputs),
		cmocka_unit_test(calls),          cmocka_unit_test(no_room_for_the_stack),
		cmocka_unit_test(handoffs),       cmocka_unit_test(drop_behind_a_note),
		cmocka_unit_test(too_many_notes), cmocka_unit_test(no_room_for_a_note),
		cmocka_unit_test(stale_notes),    cmocka_unit_test(no_assist),
		cmocka_unit_test(limits),         cmocka_unit_test(every_nth),
		cmocka_unit_test(tables),         cmocka_unit_test(one_draw),
		cmocka_unit_test(at_random),      cmocka_unit_test(generated_code),
		cmocka_unit_test(straight_code),  cmocka_unit_test(limits_of_the_verifier),
		cmocka_unit_test(calls_are_cheap),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
