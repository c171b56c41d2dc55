/* SPDX-License-Identifier: GPL-2.0-only */
/* problem.h: classification problems (opt/class.h) made at random, of many shapes. */
#ifndef TEST_PROBLEM_H
#define TEST_PROBLEM_H

#include "lib/rng.h"
#include "opt/class.h"

struct test_problem {
	struct bf_class_problem p;
	struct bf_class_box *boxes;
	struct bf_buf svcs;
	uint32_t cap;
};

/* Shapes: how boxes are made. */
enum problem_shape {
	PROBLEM_MIX,       /* a bit of everything */
	PROBLEM_TIGHT,     /* few addresses and ports: many overlaps */
	PROBLEM_TESTS,     /* generic tests on many words, odd masks, negations */
	PROBLEM_FIVE,      /* addresses, ports, protocol: like an access list */
	PROBLEM_NESTED,    /* port ranges one in the other, the smallest first */
	PROBLEM_WILD,      /* no address, ranges of both ports crossed */
	PROBLEM_MASKS,     /* random masks as tests */
	PROBLEM_ODD,       /* addresses under a few masks that are no prefixes, or under prefixes */
	PROBLEM_PORTS,     /* all the same but for the port */
	PROBLEM_SAME,      /* all the same */
	PROBLEM_SHAPES,
};

void problem_make(struct test_problem *t, struct rng *r, enum problem_shape shape, bool ip6, uint32_t n);
void problem_free(struct test_problem *t);

/* For problems of one's own: adds a service, gives its number; adds a box. */
uint32_t problem_svc(struct test_problem *t, const struct bf_class_svc *s, const struct bf_class_test *tests);
struct bf_class_box *problem_box(struct test_problem *t);

#endif
