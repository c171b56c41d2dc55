/* SPDX-License-Identifier: GPL-2.0-only */
/* test_gate.c: which packets must be asked about beforehand, for cells written by hand. */
#include "lib/unit.h"

#include <stdlib.h>

#include "gen/gate.h"

enum { INVALID = 1, ESTABLISHED = 2, RELATED = 4, NEW = 8, UNTRACKED = 256 };

#define TEST(word_, mask_, lo_, span_, hit_, miss_)                                                                    \
	{                                                                                                                  \
		.op = BF_CELL_TEST, .word = word_, .mask = mask_, .lo = lo_, .span = span_, .hit = hit_, .miss = miss_         \
	}
#define STATE(bits, hit_, miss_) TEST(BF_KEY_CTSTATE, bits, 1, UINT32_MAX - 1, hit_, miss_) /* any of them */
#define ANSWER(hit_, miss_) TEST(BF_KEY_ASSIST, 1, 1, 0, hit_, miss_)
#define PORT(hit_, miss_) TEST(BF_KEY_PORTS, 0xffff, 22, 0, hit_, miss_)
#define END                                                                                                            \
	{                                                                                                                  \
		.op = BF_CELL_VERDICT, .lo = BF_ACCEPT                                                                         \
	}
#define CALL(to, back)                                                                                                 \
	{                                                                                                                  \
		.op = BF_CELL_CALL, .hit = to, .miss = back                                                                    \
	}
#define RET                                                                                                            \
	{                                                                                                                  \
		.op = BF_CELL_RET                                                                                              \
	}
#define LOG(next)                                                                                                      \
	{                                                                                                                  \
		.op = BF_CELL_HANDOFF, .hit = next                                                                             \
	}

#define STATES(...) states((const struct bf_cell[]){ __VA_ARGS__ }, sizeof((const struct bf_cell[]){ __VA_ARGS__ }))

static uint32_t states(const struct bf_cell *cells, size_t size)
{
	struct bf_graph g = { .cells = (struct bf_cell *)(uintptr_t)cells, .n_cells = (uint32_t)(size / sizeof(*cells)) };

	return bf_assist_states(&g, &(uint32_t){ 0 }, 1);
}

static void plain(void **state)
{
	assert_int_equal(STATES(ANSWER(1, 1), END), 0);
	assert_int_equal(STATES(STATE(ESTABLISHED | RELATED, 2, 1), ANSWER(2, 2), END), INVALID | NEW | UNTRACKED);
	assert_int_equal(STATES(STATE(NEW, 1, 2), ANSWER(2, 2), END), NEW);
	assert_int_equal(STATES(STATE(NEW, 1, 3), LOG(2), ANSWER(3, 3), END), NEW);
	/* a port decides nothing about states */
	assert_int_equal(STATES(PORT(1, 2), STATE(ESTABLISHED, 3, 2), ANSWER(3, 3), END), 0);
	assert_int_equal(STATES(STATE(ESTABLISHED, 3, 1), PORT(2, 3), ANSWER(3, 3), END),
					 INVALID | RELATED | NEW | UNTRACKED);
	/* SNAT beside the state: not known */
	assert_int_equal(STATES(STATE(ESTABLISHED | 64, 2, 1), ANSWER(2, 2), END), 0);
	/* no connection: invalid or untracked */
	assert_int_equal(STATES(STATE(BF_CT_NONE, 1, 2), ANSWER(2, 2), END), INVALID | UNTRACKED);
}

static void calls(void **state)
{
	/* ufw's shape: a chain is called and comes back, the next accepts what is established, then asks */
	assert_int_equal(STATES(CALL(4, 1), CALL(5, 2), END, END, RET, /* 4 */
							STATE(ESTABLISHED | RELATED, 3, 6),    /* 5 */
							STATE(INVALID, 7, 8), CALL(4, 8),      /* 6, 7 */
							CALL(10, 9), RET,                      /* 8, 9 */
							ANSWER(11, 11), RET),
					 INVALID | NEW | UNTRACKED);
	/* what never comes back keeps what is behind it from being asked */
	assert_int_equal(STATES(STATE(NEW, 1, 4), CALL(3, 2), ANSWER(3, 3), END, ANSWER(3, 3)),
					 INVALID | ESTABLISHED | RELATED | UNTRACKED);
	/* it comes back for some states only */
	assert_int_equal(STATES(CALL(3, 1), ANSWER(2, 2), END, STATE(ESTABLISHED, 2, 4), RET),
					 INVALID | RELATED | NEW | UNTRACKED);
}

static void strange(void **state)
{
	struct bf_cell *deep = calloc(5001, sizeof(*deep));

	/* a circle, and one through calls */
	assert_int_equal(STATES(STATE(NEW, 1, 2), ANSWER(0, 0), PORT(0, 3), END), NEW);
	assert_int_equal(STATES(STATE(NEW, 1, 2), ANSWER(0, 0), CALL(0, 3), END), NEW);
	/* out of bounds: nothing is claimed */
	assert_int_equal(STATES(STATE(NEW, 1, 7), ANSWER(2, 2), END), 0);
	assert_int_equal(STATES(CALL(9, 1), END), 0);
	for (uint32_t i = 0; i < 5000; i++)
		deep[i] = (struct bf_cell)CALL(i + 1, i + 1);
	deep[5000] = (struct bf_cell)RET;
	assert_int_equal(states(deep, 5001 * sizeof(*deep)), 0);
	free(deep);
}

/* Any rule of a run may match; what no rule of it leads to is not reached. */
static void runs(void **state)
{
	struct bf_cell cells[] = { { .op = BF_CELL_CLASS, .arg = 8, .miss = 1 },
							   { .op = BF_CELL_CLASS, .arg = 40, .miss = 5 },
							   STATE(NEW, 3, 5),
							   ANSWER(5, 5),
							   STATE(ESTABLISHED, 3, 5),
							   END };
	const uint32_t first[] = { 5, 2 }, second[] = { 5 }, other[] = { 4 };
	struct bf_graph_run r[] = { { 8, first, 2 }, { 40, second, 1 }, { 41, other, 1 } };
	struct bf_graph g = { .cells = cells, .n_cells = BF_ARRAY_SIZE(cells), .runs = r, .n_runs = 3 };
	const uint32_t start = 0;

	assert_int_equal(bf_assist_states(&g, &start, 1), NEW);
	r[1] = (struct bf_graph_run){ 40, other, 1 };
	assert_int_equal(bf_assist_states(&g, &start, 1), NEW | ESTABLISHED);
	cells[1].arg = 42; /* nobody knows where that leads */
	assert_int_equal(bf_assist_states(&g, &start, 1), 0);
	g.n_runs = 0;
	assert_int_equal(bf_assist_states(&g, &start, 1), 0);
}

/* A value is asked for as an answer is. */
static void values(void **state)
{
	struct bf_cell cells[] = { STATE(NEW, 1, 2), { .op = BF_CELL_LOAD, .lo = BF_LOAD_ANSWER, .hit = 2, .miss = 2 }, END };
	struct bf_graph g = { .cells = cells, .n_cells = BF_ARRAY_SIZE(cells) };
	const uint32_t start = 0;

	assert_int_equal(bf_assist_states(&g, &start, 1), NEW);
	cells[1].lo = BF_LOAD_META;
	assert_int_equal(bf_assist_states(&g, &start, 1), 0);
}

UNIT_MAIN(cmocka_unit_test(values), cmocka_unit_test(plain), cmocka_unit_test(calls), cmocka_unit_test(strange), cmocka_unit_test(runs))
