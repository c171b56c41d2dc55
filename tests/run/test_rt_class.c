/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rt_class.c: CLASS cells through the running kernel. Random runs of rules
 * as class data, laid out by hand in several shapes or by opt/; each packet goes through
 * all rules of the run that match it, and the counters tell which these were:
 *
 *   0 CLASS ──▶ 1 COUNT (the rule found) ──▶ 2 CLASS above it ──▶ ... 3 ACCEPT
 *         └── a service that counts itself ──▶ 2
 *
 * The oracle looks at one rule after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <time.h>

#include "base/buf.h"
#include "lib/packet.h"
#include "lib/rng.h"
#include "opt/class.h"
#include "opt/svc.h"
#include "run/rtprog.h"

enum { FIRST, RULE_COUNT, AGAIN, ACCEPTED, CELLS, MAX_RULES = 90, MAX_SVCS = 6 };
enum shape { ONE_LEAF, BY_SOURCE, DEEP, TWO_TREES, REFS, BUILT, HASHED, SHAPES };

static const char *const hows[] = { "mg", "it", "cmg" };
static const char *const shapes[] = { "one leaf", "by source", "deep", "two trees", "references", "as opt/ builds it", "hash" };

struct service {
	struct bf_class_svc s;
	struct bf_class_test t[3];
};

struct run {
	bool ip6;
	struct bf_class_box box[MAX_RULES];
	uint32_t n;
	struct service svc[MAX_SVCS];
	uint32_t svc_at[MAX_SVCS]; /* as boxes say it */
	uint32_t head;
};

/* ------------------------------------------------------------------ runs */

/* Few different values, so that rules and packets meet. */
static bf_u128 address(struct rng *r, bool ip6)
{
	bf_u128 v = (bf_u128)rng_below(r, 4) << (ip6 ? 126 : 30);

	if (ip6)
		v |= (bf_u128)rng_below(r, 4) << 62 | (bf_u128)rng_below(r, 2) << 97 | rng_below(r, 3);
	else
		v |= rng_below(r, 4) << 15 | rng_below(r, 3);
	return v;
}

static bf_u128 prefix_mask(bool ip6, unsigned len)
{
	unsigned bits = ip6 ? 128 : 32;

	return len ? ~(bf_u128)0 >> (128 - bits) & ~(bf_u128)0 << (bits - len) : 0;
}

static const uint32_t meta_masks[] = { 0, 0, 0xff, 0xff00 };

static void random_service(struct rng *r, struct service *s)
{
	static const struct bf_class_test tests[] = {
		{ BF_KEY_LEN, ~0u, 28, 20 }, { BF_KEY_META, 0xff00, 64 << 8, 0 }, { BF_KEY_PORTS, 0x0001, 1, 0 },
		{ BF_KEY_MARK, ~0u, 0, 0 },  { BF_KEY_ODD, BF_ODD_FRAG, 0, 0 },
	};
	uint32_t mask = meta_masks[rng_below(r, 4)];

	*s = (struct service){ .s = { .dport_span = 0xffff, .sport_span = 0xffff, .meta_mask = mask,
								  .meta = (64 << 8 | (rng_below(r, 2) ? 17 : 6)) & mask } };
	if (rng_percent(r, 50))
		s->s.dport = (uint16_t)rng_below(r, 3), s->s.dport_span = (uint16_t)rng_below(r, 2);
	if (rng_percent(r, 30))
		s->s.sport = (uint16_t)rng_below(r, 3), s->s.sport_span = (uint16_t)rng_below(r, 2);
	s->s.n_tests = (uint16_t)rng_below(r, 4);
	for (uint32_t i = 0; i < s->s.n_tests; i++)
		s->t[i] = tests[rng_below(r, BF_ARRAY_SIZE(tests))];
	s->s.target = rng_percent(r, 50) ? AGAIN : BF_CLASS_BY_SLOT;
	if (rng_percent(r, 30)) {
		s->s.flags = BF_SVC_UNCOUNTED;
		s->s.target = RULE_COUNT;
	}
}

static void random_run(struct rng *r, struct run *run, bool ip6, uint32_t n)
{
	uint32_t at = 0, order = 0;

	*run = (struct run){ .ip6 = ip6, .n = n };
	for (uint32_t i = 0; i < MAX_SVCS; i++) {
		random_service(r, &run->svc[i]);
		run->svc_at[i] = at;
		at += (uint32_t)(bf_svc_size(&run->svc[i].s) / BF_SVC_UNIT);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct bf_class_box *b = &run->box[i];

		order += 1 + rng_below(r, 5);
		*b = (struct bf_class_box){ .order = order, .slot = i, .svc = rng_below(r, MAX_SVCS) };
		for (int k = 0; k < 2; k++) {
			b->len[k] = (uint8_t)(rng_percent(r, 40) ? 0 : rng_below(r, ip6 ? 129 : 33));
			b->addr[k] = address(r, ip6) & prefix_mask(ip6, b->len[k]);
		}
	}
}

/* ------------------------------------------------------------------ layout */

static void align(struct bf_buf *out)
{
	if (out->len % 8)
		bf_buf_reserve(out, 4);
}

static uint32_t put_rule(struct bf_buf *out, const struct run *run, uint32_t i)
{
	const struct bf_class_box *b = &run->box[i];
	uint32_t at = (uint32_t)(out->len / 4);

	if (run->ip6) {
		struct bf_class_rule6 r = { .svc = run->svc_at[b->svc], .order = b->order, .slot = b->slot };

		for (int k = 0; k < 2; k++)
			for (int j = 0; j < 2; j++) {
				r.addr[k][j] = (uint64_t)(b->addr[k] >> 64 * (1 - j));
				r.shift[k][j] = (uint8_t)BF_CLASS_SHIFT6(b->len[k], j);
			}
		bf_buf_add(out, &r, sizeof(r));
	} else {
		struct bf_class_rule4 r = { .addr = { (uint32_t)b->addr[0], (uint32_t)b->addr[1] },
									.what = (32u - b->len[0]) | (32u - b->len[1]) << 6 | run->svc_at[b->svc] << 12,
									.order = b->order };

		bf_buf_add(out, &r, sizeof(r));
	}
	return at;
}

static uint64_t leaf_node(uint32_t at, uint32_t n)
{
	return BF_CLASS_LEAF | (uint64_t)n << 32 | at;
}

/* The rules `from` on, each step'th, whose source may begin with these bits. */
static uint64_t put_leaf(struct bf_buf *out, const struct run *run, uint32_t from, uint32_t step, uint32_t bits,
						 unsigned n_bits)
{
	uint32_t at, n = 0;

	while (out->len % 16)
		bf_buf_add(out, "", 1);
	at = (uint32_t)(out->len / 4);
	for (uint32_t i = from; i < run->n; i += step) {
		const struct bf_class_box *b = &run->box[i];
		unsigned known = BF_MIN(n_bits, (unsigned)b->len[0]);

		if (known && (uint32_t)(b->addr[0] >> ((run->ip6 ? 128 : 32) - known)) != bits >> (n_bits - known))
			continue;
		put_rule(out, run, i);
		n++;
	}
	for (unsigned i = 0; i < BF_CLASS_GROUP - 1; i++)
		bf_buf_add(out, &(struct bf_class_rule4){ .order = UINT32_MAX }, sizeof(struct bf_class_rule4));
	return leaf_node(at, n);
}

/* For each four words from `from` on, the counter of the rule that lies there, if one does. */
static void put_slots(struct bf_buf *out, struct bf_class_head *h, const struct run *run, size_t from)
{
	size_t end = out->len / 16;

	h->slots = (uint32_t)(out->len / 4 - from);
	for (size_t at = from; at < end; at++) {
		const struct bf_class_rule4 *r = (const void *)(out->data + 16 * at);
		uint32_t slot = 0;

		for (uint32_t i = 0; i < run->n; i++)
			if (run->box[i].order == r->order)
				slot = run->box[i].slot;
		bf_buf_add(out, &slot, sizeof(slot));
	}
}

static uint64_t inner_node(uint32_t place, unsigned word, unsigned a, unsigned b)
{
	return (uint64_t)(a | b << 8 | word << 16) << 32 | place;
}

/* A node over the window, and n children, all `child`. */
static uint64_t put_inner(struct bf_buf *out, unsigned word, unsigned a, unsigned b, uint64_t child)
{
	uint32_t place;

	align(out);
	place = (uint32_t)(out->len / 4);
	for (uint32_t i = 0; i < 1u << (32 - b); i++)
		bf_buf_add(out, &child, sizeof(child));
	return inner_node(place, word, a, b);
}

/* Eight leaves by the first bits of the source: two for the first node, one for the next ones. */
static uint64_t put_by_source(struct bf_buf *out, const struct run *run)
{
	uint64_t child[4][2], node[4];

	for (uint32_t i = 0; i < 8; i++)
		child[i / 2][i % 2] = put_leaf(out, run, 0, 1, i, 3);
	align(out);
	for (uint32_t i = 0; i < 4; i++) {
		node[i] = inner_node((uint32_t)(out->len / 4), BF_KEY_SADDR, 2, 31);
		bf_buf_add(out, child[i], sizeof(child[i]));
	}
	bf_buf_add(out, node, sizeof(node));
	return inner_node((uint32_t)((out->len - sizeof(node)) / 4), BF_KEY_SADDR, 0, 30);
}

static uint64_t put_deep(struct bf_buf *out, const struct run *run, struct rng *r)
{
	uint64_t node = put_leaf(out, run, 0, 1, 0, 0);

	for (int i = 0; i < BF_CLASS_DEPTH; i++)
		node = put_inner(out, rng_below(r, BF_KEY_WORDS), rng_below(r, 32), 28 + rng_below(r, 4), node);
	return node;
}

/* Rules lie anywhere, with some other service, and leaves tell which they are: for two trees. */
static void put_refs(struct bf_buf *out, struct bf_class_head *h, const struct run *run)
{
	h->ref_bits = 12;
	while (out->len % 16)
		bf_buf_add(out, "", 1);
	h->rules = (uint32_t)(out->len / 4);
	for (uint32_t i = run->n; i-- > 0;) {
		uint32_t at = put_rule(out, run, i);

		((struct bf_class_rule4 *)(out->data + 4ull * at))->what &= 0xfff;
	}
	h->n_trees = 2;
	h->tree[1].first = run->n > 1 ? run->box[1].order : 1000;
	for (uint32_t t = 0; t < 2; t++) {
		uint32_t n = 0, at = (uint32_t)(out->len / 4);

		for (uint32_t i = t; i < run->n; i += 2, n++)
			bf_buf_add(out, &(uint32_t){ (run->n - 1 - i) << 12 | run->svc_at[run->box[i].svc] }, 4);
		h->tree[t].root = leaf_node(at, n);
	}
	h->slot_shift = 4;
	h->slot_base = -1u;
}

/* Counters that can be reckoned from orders. */
static void make_regular(struct run *run)
{
	uint32_t last = 0, rank = 0;

	for (uint32_t i = 0; i < run->n; i++) {
		rank += !i || run->box[i].order != last;
		last = run->box[i].order;
		run->box[i].order = 16 * rank;
		run->box[i].slot = rank - 1;
	}
}

/* Nearly all rules ask for a source, half of them for a destination, too. Few addresses: many rules of one key. */
static void make_exact(struct run *run, struct rng *r)
{
	unsigned all = run->ip6 ? 128 : 32;

	while (run->n < MAX_RULES) {
		run->box[run->n] = run->box[run->n ? rng_below(r, run->n) : 0];
		run->box[run->n].order = run->n ? run->box[run->n - 1].order + 2 : 1;
		run->box[run->n].slot = run->n;
		run->n++;
	}
	for (uint32_t i = 0; i < run->n; i++) {
		struct bf_class_box *b = &run->box[i];

		if (i % 45 == 44)
			continue;
		b->len[0] = (uint8_t)all;
		b->addr[0] = address(r, run->ip6);
		b->len[1] = (uint8_t)(i % 2 ? 0 : all);
		b->addr[1] = i % 2 ? 0 : address(r, run->ip6);
	}
}

static void build(struct bf_buf *out, struct run *run, const struct bf_class_ops *how)
{
	_cleanup_buf_ struct bf_buf svcs = { 0 };
	struct bf_class_problem p = { .ip6 = run->ip6, .boxes = run->box, .n_boxes = run->n, .n_slots = MAX_RULES };
	struct bf_class_head *h;
	struct bf_class_stats stats;
	uint32_t index[MAX_RULES];

	for (uint32_t i = 0; i < MAX_SVCS; i++)
		bf_buf_add(&svcs, &run->svc[i], sizeof(run->svc[i].s) + run->svc[i].s.n_tests * sizeof(*run->svc[i].t));
	p.svcs = svcs.data;
	p.svcs_size = (uint32_t)svcs.len;
	for (uint32_t i = 0; i < run->n; i++) {
		index[i] = run->box[i].svc;
		run->box[i].svc = run->svc_at[index[i]];
	}
	assert_int_equal((how ? how->build : bf_class_build)(&p, &(struct bf_class_opts){ 0 }, out, &run->head, &stats), 0);
	h = (struct bf_class_head *)(out->data + 4 * run->head);
	for (uint32_t i = 0; i < run->n; i++)
		run->box[i].svc = index[i];
	for (uint32_t i = 0; i < MAX_RULES; i++)
		memcpy(out->data + 4 * (h->targets + i), &(uint32_t){ AGAIN }, 4);
}

static void put_run(struct bf_buf *out, struct run *run, enum shape shape, struct rng *r)
{
	struct bf_class_head h = { .kind = BF_CLASS_FOREST, .n_trees = 1, .n_slots = MAX_RULES };
	size_t from;

	bf_buf_reserve(out, 8 * (1 + rng_below(r, 20)));
	from = out->len / 16;
	if (shape == BUILT)
		return build(out, run, NULL);
	if (shape == HASHED)
		return build(out, run, &bf_class_hash);
	h.targets = (uint32_t)(out->len / 4);
	for (uint32_t i = 0; i < MAX_RULES; i++)
		bf_buf_add(out, &(uint32_t){ AGAIN }, 4);
	align(out);
	h.svcs = (uint32_t)(out->len / 4);
	for (uint32_t i = 0; i < MAX_SVCS; i++)
		bf_buf_add(out, &run->svc[i], sizeof(run->svc[i].s) + run->svc[i].s.n_tests * sizeof(*run->svc[i].t));
	h.tree[0].first = run->n ? run->box[0].order : 1;
	switch (shape) {
	case BY_SOURCE:
		h.tree[0].root = put_by_source(out, run);
		break;
	case DEEP:
		h.tree[0].root = put_deep(out, run, r);
		break;
	case TWO_TREES:
		h.tree[0].root = put_leaf(out, run, 0, 2, 0, 0);
		h.tree[1].root = put_leaf(out, run, 1, 2, 0, 0);
		h.tree[1].first = run->n > 1 ? run->box[1].order : 1000;
		h.n_trees = 2;
		break;
	case REFS:
		if (!run->ip6) {
			put_refs(out, &h, run);
			break;
		} /* fall through */
	default:
		h.tree[0].root = put_leaf(out, run, 0, 1, 0, 0);
	}
	h.unmarked = ~0u;
	if (!run->ip6 && !h.ref_bits)
		put_slots(out, &h, run, from);
	align(out);
	run->head = (uint32_t)(out->len / 4);
	bf_buf_add(out, &h, sizeof(h));
}

/* ------------------------------------------------------------------ packets */

struct sent {
	bf_u128 addr[2];
	uint16_t sport, dport;
	uint8_t proto;
	struct test_packet t;
};

static void random_packet(struct rng *r, struct sent *s, bool ip6)
{
	s->addr[0] = address(r, ip6);
	s->addr[1] = address(r, ip6);
	s->sport = (uint16_t)rng_below(r, 4);
	s->dport = (uint16_t)rng_below(r, 4);
	s->proto = rng_below(r, 2) ? 17 : 6;
	if (ip6)
		test_packet_ip6(&s->t, s->addr[0], s->addr[1]);
	else
		test_packet_ip4(&s->t, (uint32_t)s->addr[0], (uint32_t)s->addr[1]);
	if (s->proto == 17)
		test_packet_udp(&s->t, s->sport, s->dport);
	else
		test_packet_tcp(&s->t, s->sport, s->dport, 2, NULL, 0);
	test_packet_payload(&s->t, NULL, rng_below(r, 30));
	test_packet_done(&s->t);
}

static uint32_t key_word(const struct sent *s, uint32_t word)
{
	switch (word) {
	case BF_KEY_PORTS:
		return (uint32_t)s->sport << 16 | s->dport;
	case BF_KEY_META:
		return s->proto | 64 << 8;
	case BF_KEY_LEN:
		return s->t.len;
	}
	return 0; /* mark, flags of ODD */
}

static bool test_holds(const struct sent *s, const struct bf_class_test *t)
{
	return (key_word(s, t->word) & t->mask) - t->lo <= t->span;
}

static bool matches(const struct run *run, const struct bf_class_box *b, const struct sent *s)
{
	const struct service *v = &run->svc[b->svc];

	for (int k = 0; k < 2; k++)
		if ((s->addr[k] & prefix_mask(run->ip6, b->len[k])) != b->addr[k])
			return false;
	if (s->dport < v->s.dport || s->dport > v->s.dport + v->s.dport_span || s->sport < v->s.sport ||
		s->sport > v->s.sport + v->s.sport_span || (key_word(s, BF_KEY_META) & v->s.meta_mask) != v->s.meta)
		return false;
	for (uint32_t i = 0; i < v->s.n_tests; i++)
		if (!test_holds(s, &v->t[i]))
			return false;
	return true;
}

/* ------------------------------------------------------------------ tests */

static void make(struct rtprog *c, const struct run *run, const struct bf_buf *class, const char *how, uint32_t floor,
				 struct bf_cell *cells)
{
	cells[FIRST] = (struct bf_cell){ .op = BF_CELL_CLASS, .arg = run->head, .lo = floor, .miss = ACCEPTED };
	cells[RULE_COUNT] = (struct bf_cell){ .op = BF_CELL_COUNT, .word = 1, .hit = AGAIN };
	cells[AGAIN] = (struct bf_cell){ .op = BF_CELL_CLASS, .arg = run->head, .word = 1, .miss = ACCEPTED };
	cells[ACCEPTED] = (struct bf_cell){ .op = BF_CELL_VERDICT, .lo = BF_ACCEPT };
	*c = (struct rtprog){ .family = run->ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
						  .how = how,
						  .cells = cells,
						  .n_cells = CELLS,
						  .n_counters = MAX_RULES,
						  .class = (const uint32_t *)class->data,
						  .n_class = (uint32_t)(class->len / 4),
						  .config = { .needs = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_MARK,
									  .structs = 1u << BF_CLASS_REFS | 1u << ((const uint32_t *)class->data)[run->head] } };
}

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s: %s", c->how, d.text.data);
}

static void compare(struct rng *r, const struct run *run, const struct rtprog *c, uint32_t floor, const char *what)
{
	struct bf_rt_counter want[MAX_RULES] = { 0 }, have[MAX_RULES];
	uint32_t zero = 0;
	struct sent s;

	for (int k = 0; k < 20; k++) {
		random_packet(r, &s, run->ip6);
		for (uint32_t i = 0; i < run->n; i++)
			if (run->box[i].order >= floor && matches(run, &run->box[i], &s)) {
				want[run->box[i].slot].packets++;
				want[run->box[i].slot].bytes += s.t.len;
			}
		assert_int_equal(rtprog_run(c, s.t.bytes, s.t.len), BF_ACCEPT);
		assert_int_equal(bf_map_lookup(rtprog_map(c, "counters"), &zero, have), 0);
		for (uint32_t i = 0; i < MAX_RULES; i++)
			if (have[i].packets != want[i].packets || have[i].bytes != want[i].bytes)
				fail_msg("%s, %s, IPv%d, packet %d, rule %u of %u: %llu packets, %llu bytes, not %llu, %llu", what, c->how,
						 run->ip6 ? 6 : 4, k, i, run->n, have[i].packets, have[i].bytes, want[i].packets,
						 want[i].bytes);
	}
}

/* The boxes for which `wanted` has a bit in common with their mark. */
static struct run part_of(const struct run *all, const uint8_t *mark, uint8_t wanted)
{
	struct run part = *all;

	part.n = 0;
	for (uint32_t i = 0; i < all->n; i++)
		if (mark[i] & wanted)
			part.box[part.n++] = all->box[i];
	return part;
}

/* A run with deltas: rules came and went. Services 4 and 5 are those of rules that go; the other version's delta is wrong. */
static void deltas(void **state)
{
	enum { STAYED = 1, CAME = 2, WENT = 4 };
	struct rng r = { 4 };

	for (uint32_t i = 0; i < 200; i++) {
		_cleanup_buf_ struct bf_buf class = { 0 };
		uint32_t half = rng_below(&r, 2), n = rng_below(&r, MAX_RULES + 1), zero = 0, floor;
		struct bf_journal journal = { .version = rng_u64(&r) << 1 | half };
		struct run all, base, delta, now;
		struct bf_cell cells[CELLS];
		uint8_t mark[MAX_RULES];
		struct rtprog c;

		random_run(&r, &all, i & 1, n);
		if (i / 4 % HASHED == REFS || i / 8 % HASHED == REFS)
			make_regular(&all);
		for (uint32_t k = 0; k < n; k++)
			mark[k] = all.box[k].svc < 4 ? (rng_percent(&r, 40) ? CAME : STAYED) : rng_percent(&r, 60) ? WENT : STAYED;
		base = part_of(&all, mark, STAYED | WENT);
		delta = part_of(&all, mark, CAME | WENT);
		now = part_of(&all, mark, STAYED | CAME);
		for (int k = 4; k < MAX_SVCS; k++)
			delta.svc[k].s.flags |= BF_SVC_SKIP;
		put_run(&class, &base, i / 4 % HASHED, &r);
		align(&class);
		put_run(&class, &delta, i / 8 % HASHED, &r);
		((struct bf_class_head *)(class.data + 4 * base.head))->next[half] = delta.n ? delta.head : 0;
		((struct bf_class_head *)(class.data + 4 * base.head))->next[!half] = base.head;
		floor = rng_percent(&r, 50) || hows[i / 16 % 3][0] == 'c' ? 0 : rng_below(&r, 3 * n);
		make(&c, &base, &class, hows[i / 16 % 3], floor, cells);
		c.config.patched = c.config.deltas = 1;
		load(&c);
		assert_int_equal(bf_map_update(rtprog_map(&c, "journal"), &zero, &journal, BPF_ANY), 0);
		compare(&r, &now, &c, floor, "with a delta");
		rtprog_unload(&c);
	}
}

static void runs(void **state)
{
	struct rng r = { 1 };

	for (uint32_t i = 0; i < 300; i++) {
		_cleanup_buf_ struct bf_buf class = { 0 };
		struct bf_cell cells[CELLS];
		struct run run;
		struct rtprog c;
		enum shape shape = i / 4 % SHAPES;
		uint32_t n = i < 16 ? i / 8 : rng_below(&r, MAX_RULES + 1), floor;

		random_run(&r, &run, i & 1, n);
		if (shape == HASHED)
			make_exact(&run, &r);
		if (shape == REFS)
			make_regular(&run);
		put_run(&class, &run, shape, &r);
		floor = rng_percent(&r, 50) || hows[i / 16 % 3][0] == 'c' ? 0 : rng_below(&r, 3 * n);
		make(&c, &run, &class, hows[i / 16 % 3], floor, cells);
		load(&c);
		compare(&r, &run, &c, floor, shapes[shape]);
		rtprog_unload(&c);
	}
}

/* What is not there drops. */
static void wrong_places(void **state)
{
	struct rng r = { 2 };
	struct sent s;

	random_packet(&r, &s, false);
	for (uint32_t h = 0; h < 3; h++)
		for (int what = 0; what < 9; what++) {
			_cleanup_buf_ struct bf_buf class = { 0 };
			struct bf_cell cells[CELLS];
			struct bf_class_head *head;
			struct run run;
			struct rtprog c;

			random_run(&r, &run, false, 1);
			run.box[0].len[0] = run.box[0].len[1] = 0;
			run.box[0].svc = 0;
			run.svc[0].s = (struct bf_class_svc){ .dport_span = 0xffff, .sport_span = 0xffff, .target = BF_CLASS_BY_SLOT };
			put_run(&class, &run, ONE_LEAF, &r);
			make(&c, &run, &class, hows[h], 0, cells);
			head = (struct bf_class_head *)(class.data + 4 * run.head);
			switch (what) {
			case 1:
				cells[FIRST].arg = class.len / 4 - 1;
				break;
			case 2:
				cells[FIRST].arg = ~0ull;
				break;
			case 3:
				head->svcs = (uint32_t)(class.len / 4 - 5);
				break;
			case 4:
				head->tree[0].root = leaf_node((uint32_t)(class.len / 4 - 4), 1);
				break;
			case 5:
				head->tree[0].root = inner_node(~0u, 0, 0, 31);
				break;
			case 6:
				head->targets = ~0u;
				break;
			case 7:
				head->n_slots = 0;
				break;
			case 8: /* no way back */
				head->tree[0].root = inner_node((uint32_t)(class.len / 4 - 36), 30, 0, 31);
				head->tree[0].root = inner_node(run.head + 8, 30, 0, 31);
				break;
			}
			load(&c);
			assert_int_equal(rtprog_run(&c, s.t.bytes, s.t.len), what ? BF_DROP : BF_ACCEPT);
			rtprog_unload(&c);
		}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Whatever lies in the map: a verdict comes, and soon. Words change as they do when a rule goes wrong: a few, or all. */
static void garbage(void **state)
{
	struct rng r = { 3 };

	for (uint32_t i = 0; i < 16; i++) {
		_cleanup_buf_ struct bf_buf class = { 0 };
		struct bf_cell cells[CELLS];
		struct run run;
		struct rtprog c;
		struct sent s;

		random_run(&r, &run, i & 1, 30);
		put_run(&class, &run, i / 4 % SHAPES, &r);
		make(&c, &run, &class, hows[i / 2 % 3], 0, cells);
		load(&c);
		for (int k = 0; k < 300; k++) {
			_cleanup_free_ uint32_t *bad = malloc(class.len);
			uint32_t changes = rng_percent(&r, 10) ? c.n_class : 1 + rng_below(&r, 8), zero = 0;
			uint64_t begin;
			int v;

			assert_non_null(bad);
			memcpy(bad, class.data, class.len);
			for (uint32_t j = 0; j < changes; j++)
				bad[rng_below(&r, c.n_class)] = (uint32_t)(rng_u64(&r) >> rng_below(&r, 64));
			assert_int_equal(bf_map_update(rtprog_map(&c, "class"), &zero, bad, BPF_ANY), 0);
			random_packet(&r, &s, run.ip6);
			begin = now_ms();
			v = rtprog_run(&c, s.t.bytes, s.t.len);
			assert_in_range(v, BF_DROP, BF_ACCEPT);
			assert_in_range(now_ms() - begin, 0, 2000);
		}
		rtprog_unload(&c);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(deltas),
		cmocka_unit_test(wrong_places),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
