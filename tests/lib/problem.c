/* SPDX-License-Identifier: GPL-2.0-only */
/* problem.c: random classification problems (problem.h). */
#include "lib/problem.h"

static const struct bf_class_svc any_svc = { .dport_span = 0xffff, .sport_span = 0xffff };

uint32_t problem_svc(struct test_problem *t, const struct bf_class_svc *s, const struct bf_class_test *tests)
{
	uint32_t number = (uint32_t)(t->svcs.len / BF_SVC_UNIT);

	bf_buf_add(&t->svcs, s, sizeof(*s));
	bf_buf_add(&t->svcs, tests, s->n_tests * sizeof(*tests));
	t->p.svcs = t->svcs.data;
	t->p.svcs_size = (uint32_t)t->svcs.len;
	return number;
}

struct bf_class_box *problem_box(struct test_problem *t)
{
	if (t->p.n_boxes == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->boxes = realloc(t->boxes, t->cap * sizeof(*t->boxes));
		if (!t->boxes)
			abort();
		t->p.boxes = t->boxes;
	}
	t->boxes[t->p.n_boxes] = (struct bf_class_box){ 0 };
	return &t->boxes[t->p.n_boxes++];
}

void problem_free(struct test_problem *t)
{
	free(t->boxes);
	bf_buf_free(&t->svcs);
	*t = (struct test_problem){ 0 };
}

static void put_prefix(struct bf_class_box *b, unsigned i, bf_u128 addr, unsigned len, unsigned width)
{
	bf_u128 all = width == 128 ? ~(bf_u128)0 : 0xffffffffu;

	b->len[i] = (uint8_t)len;
	b->addr[i] = len ? addr & all & ~((len < width ? all >> len : 0)) : 0;
}

static void random_prefix(struct rng *r, struct bf_class_box *b, unsigned i, bool ip6, bool tight)
{
	unsigned width = ip6 ? 128 : 32, len;
	bf_u128 addr = rng_u128(r);

	if (tight) /* the first bits from a few */
		addr = (addr & ~((bf_u128)0x3f << (width - 6))) | (bf_u128)rng_below(r, 8) << (width - 6);
	switch (rng_below(r, 5)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = width;
		break;
	case 2:
		len = rng_below(r, width + 1);
		break;
	default:
		len = 1 + rng_below(r, tight ? 7 : width * 3 / 4);
	}
	if (tight && len > 8)
		addr &= ~(((bf_u128)1 << (width - 6)) - 1) | 3;
	put_prefix(b, i, addr, len, width);
}

static void random_ports(struct rng *r, uint16_t *least, uint16_t *span, bool tight)
{
	uint32_t top = tight ? 16 : 65536, lo = rng_below(r, top);

	switch (rng_below(r, 4)) {
	case 0:
		*least = (uint16_t)lo;
		*span = 0;
		break;
	case 1:
		*least = (uint16_t)lo;
		*span = (uint16_t)rng_below(r, top - lo);
		break;
	case 2:
		*least = rng_percent(r, 50) ? 1024 : 0;
		*span = (uint16_t)(*least ? 65535 - 1024 : 1023);
		break;
	}
}

static struct bf_class_test random_test(struct rng *r, bool wild)
{
	static const struct bf_class_test usual[] = {
		{ BF_KEY_L4INFO, 0x160000, 0x020000, 0 },   { BF_KEY_L4INFO, 0xffff, 0x0800, 0 },
		{ BF_KEY_CTSTATE, 6, 1, 0xfffffffe },       { BF_KEY_CTSTATE, 8, 8, 0 },
		{ BF_KEY_IIFNAME, 0xffffffff, 0x65746830, 0 }, { BF_KEY_IIFNAME, 0xffffff00, 0x65746800, 0 },
		{ BF_KEY_IIFNAME, 0xffffffff, 0x65746831, 0xfffffffe }, { BF_KEY_MARK, 0xff, 0x10, 0x20 },
		{ BF_KEY_LEN, 0xffffffff, 100, 1000 },      { BF_KEY_META, 0xff00, 0x1000, 0x3000 },
		{ BF_KEY_SADDR, 0xffffffff, 0x0a000000, 0x00ffffff }, { BF_KEY_SADDR, 0xfc00000f, 0x04000003, 0 }, { BF_KEY_DADDR, 0xff000000, 0x0b000000, 0xfeffffff },
		{ BF_KEY_PORTS, 1, 1, 0 },                  { BF_KEY_ODD, BF_ODD_FRAG, 0, 0 },
	};
	struct bf_class_test t = usual[rng_below(r, BF_ARRAY_SIZE(usual))];

	if (!wild)
		return t;
	t.word = rng_below(r, BF_KEY_WORDS);
	t.mask = rng_percent(r, 50) ? (uint32_t)rng_u64(r) & (uint32_t)rng_u64(r) : 0xffffffffu << rng_below(r, 32);
	t.lo = (uint32_t)rng_u64(r) & t.mask;
	t.span = rng_percent(r, 60) ? 0 : (uint32_t)rng_u64(r) >> rng_below(r, 32);
	return t;
}

static uint32_t random_svc(struct test_problem *t, struct rng *r, enum problem_shape shape)
{
	struct bf_class_svc s = any_svc;
	struct bf_class_test tests[4];
	bool tight = shape == PROBLEM_TIGHT;

	if (rng_percent(r, 80)) {
		s.meta_mask = 0xff;
		s.meta = rng_percent(r, 60) ? 6 : rng_percent(r, 60) ? 17 : 1;
	}
	if (rng_percent(r, 70))
		random_ports(r, &s.dport, &s.dport_span, tight);
	if (rng_percent(r, 30))
		random_ports(r, &s.sport, &s.sport_span, tight);
	if (shape == PROBLEM_TESTS || (shape != PROBLEM_FIVE && rng_percent(r, 30)))
		s.n_tests = (uint16_t)rng_below(r, shape == PROBLEM_TESTS ? 5 : 3);
	for (unsigned i = 0; i < s.n_tests; i++)
		tests[i] = random_test(r, shape == PROBLEM_TESTS && rng_percent(r, 40));
	s.target = rng_percent(r, 10) ? BF_CLASS_BY_SLOT : 1 + rng_below(r, 3);
	s.flags = rng_percent(r, 10) ? BF_SVC_UNCOUNTED : 0;
	return problem_svc(t, &s, tests);
}

static uint32_t shaped_svc(struct test_problem *t, struct rng *r, enum problem_shape shape, uint32_t i, uint32_t n)
{
	static const uint32_t odd[] = { 0xff00ff00, 0x0000ffff, 0xffff00ff, 0x0ff00f0f };
	struct bf_class_svc s = any_svc;
	struct bf_class_test tests[2];

	s.target = 1 + i % 50;
	switch (shape) {
	case PROBLEM_NESTED:
		s.dport = (uint16_t)(32767 - (uint64_t)i * 32767 / n);
		s.dport_span = (uint16_t)(2 * (32767 - s.dport) + 1);
		break;
	case PROBLEM_WILD:
		s.dport = (uint16_t)rng_below(r, 60000);
		s.dport_span = (uint16_t)rng_below(r, 65536 - s.dport);
		s.sport = (uint16_t)rng_below(r, 60000);
		s.sport_span = (uint16_t)rng_below(r, 65536 - s.sport);
		break;
	case PROBLEM_MASKS:
		s.n_tests = 2;
		for (unsigned k = 0; k < 2; k++) {
			tests[k].word = k ? BF_KEY_MARK : BF_KEY_SCRATCH;
			tests[k].mask = (uint32_t)rng_u64(r) & (uint32_t)rng_u64(r);
			tests[k].lo = (uint32_t)rng_u64(r) & tests[k].mask;
			tests[k].span = 0;
		}
		break;
	case PROBLEM_ODD:
		s.n_tests = i % 4 ? 1 : 0;
		tests[0].word = rng_percent(r, 50) ? BF_KEY_SADDR : BF_KEY_DADDR;
		tests[0].mask = odd[rng_below(r, BF_ARRAY_SIZE(odd))];
		tests[0].lo = (uint32_t)rng_u64(r) & tests[0].mask;
		tests[0].span = 0;
		break;
	case PROBLEM_PORTS:
		s.dport = (uint16_t)(i * 40503u);
		s.dport_span = 0;
		break;
	default:
		break;
	}
	return problem_svc(t, &s, tests);
}

static void shaped_boxes(struct test_problem *t, struct rng *r, enum problem_shape shape, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct bf_class_box *b = problem_box(t);

		b->order = 16 * (i + 1);
		b->slot = i;
		b->svc = shape == PROBLEM_SAME && i ? 0 : shaped_svc(t, r, shape, i, n);
		b->flags = BF_BOX_FINAL;
		if (shape == PROBLEM_ODD && i % 4 != 1)
			random_prefix(r, b, i % 2, t->p.ip6, false);
	}
}

/* A service that leads where another one does: parts of a rule may differ in what they test. */
static uint32_t like(const struct test_problem *t, struct rng *r, const uint32_t *svcs, uint32_t n, uint32_t svc)
{
	uint32_t other = svcs[rng_below(r, n)];
	const struct bf_class_svc *a = (const void *)(t->svcs.data + (size_t)svc * BF_SVC_UNIT);
	const struct bf_class_svc *b = (const void *)(t->svcs.data + (size_t)other * BF_SVC_UNIT);

	return a->target == b->target && a->flags == b->flags ? other : svc;
}

/* Some rules are of several boxes: they share order and slot. */
static void random_boxes(struct test_problem *t, struct rng *r, enum problem_shape shape, uint32_t n)
{
	uint32_t n_svcs = 1 + rng_below(r, n < 50 ? n : 50), order = rng_below(r, 3), slot = t->p.first_slot;
	unsigned final = rng_below(r, 101);
	uint32_t svcs[50];

	for (uint32_t i = 0; i < n_svcs; i++)
		svcs[i] = random_svc(t, r, shape);
	for (uint32_t i = 0; i < n; i++) {
		struct bf_class_box *b = problem_box(t);

		bool part = i && rng_percent(r, 10);

		if (!part) {
			order += 1 + rng_below(r, 40);
			slot++;
		}
		b->order = order;
		b->slot = slot;
		b->svc = svcs[rng_below(r, n_svcs)];
		if (part)
			b->svc = like(t, r, svcs, n_svcs, b[-1].svc);
		b->flags = rng_percent(r, final) ? BF_BOX_FINAL : 0;
		for (unsigned k = 0; k < 2; k++)
			random_prefix(r, b, k, t->p.ip6, shape == PROBLEM_TIGHT || shape == PROBLEM_TESTS);
	}
	t->p.n_slots = rng_percent(r, 60) ? slot + 1 - t->p.first_slot : 0;
}

void problem_make(struct test_problem *t, struct rng *r, enum problem_shape shape, bool ip6, uint32_t n)
{
	*t = (struct test_problem){ .p = { .ip6 = ip6, .first_slot = rng_below(r, 1000) } };
	if (shape < PROBLEM_NESTED)
		random_boxes(t, r, shape, n);
	else
		shaped_boxes(t, r, shape, n);
}
