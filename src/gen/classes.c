/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classes.c: the rules of a chain, in pieces:
 *
 *   few rules that choose little (established connections, lo) │ cells
 *   a run: everything else                                     │ CLASS ─▶ targets
 *   few rules that choose little (log, drop the rest)          │ cells
 *
 * A run is class data (opt/run.h, rt/class.h). Ways through it:
 *
 *            ┌─────────────────────────────────────────────┐
 *   first ─▶ CLASS ──found──▶ its service's target         │
 *              │                body: verdict, chain, ...  │ next rule, or the rest misses
 *              │                or the rest of the rule:   ▼
 *              │                TEST.. ─▶ COUNT ─▶ body   RESUME = CLASS above the rule found
 *              └──none──▶ behind the run ◀─────────────────┘
 *
 * Where a packet comes back behind a certain rule (from a chain that returns,
 * or a hand-made jump into the middle) there is a CLASS cell with that floor.
 * Services are shared by rules, and so are the cells they lead to.
 *
 * Of runs too short to be worth it the cells of one rule after the other are
 * made; what was found out to be hidden is left out there, too.
 */
#include "gen/build.h"
#include "match/match.h"
#include "opt/run.h"

enum { CHECK_LOOKS = 20000, CHECK_PER_BOX = 16 }; /* a look at a box takes 1 to 3 ns */
enum { SPARE_CLASS = 16 << 10, SPARE_CLASS_MAX = 96 << 10 }; /* bytes of a delta: at least, and at most beside these */
enum { TELL_RULES = 16384 }; /* who waits is told */
enum { EDGE_MAX = 8, LITTLE = 9 }; /* rules at either end that stay cells, bits they choose at most */

/* What is known while the rules of a chain are lowered. */
struct rules {
	const struct bf_rule *rule;
	uint32_t n;
	bf_label first; /* of the rules */
	bool ip6, indexed;
};

struct run {
	struct bf_run r;
	uint32_t from, to; /* rules */
	uint32_t gap;      /* between orders */
	uint32_t head;     /* place of what was built */
	bf_label resume;
	uint32_t n_own;
	uint32_t n_passing; /* rules that choose little and lead back: most packets match them, and are looked for again */
	uint32_t *by_slot; /* rules whose target is found by counter, counters ascending */
	uint32_t n_by_slot, cap_by_slot;
	struct bf_lower_target *targets;
	uint32_t n_targets, cap_targets;
	struct bf_class_stats stats;
};

/* Nothing may be left of it for odd packets, or another family's: it is data where others' is, to be changed in place. */
static bool is_long(const struct bf_lower *l, const struct run *r)
{
	bool has_others = l->plan.headers || (l->table->family != NFPROTO_IPV4 && l->table->family != NFPROTO_IPV6);

	uint32_t n = r->r.n_rules - r->n_passing;

	return n - r->r.n_never >= l->class_min || (has_others && n >= l->class_min);
}

/* Shares of the time that a run takes. */
#define COLLECTED 0.3
#define BUILT 0.6

/* ------------------------------------------------------------------ explain */

static const char *packets_of(const struct bf_lower *l)
{
	static const char *const all[BF_FAMS] = { "IPv4 packets", "IPv6 packets", "other packets" };
	static const char *const names[BF_FAMS][BF_SORTS_SETS] = {
		{ "ordinary IPv4 packets", "later IPv4 fragments", NULL, "odd IPv4 packets" },
		{ "ordinary IPv6 packets", "later IPv6 fragments", "broken IPv6 packets", "odd IPv6 packets" },
	};
	static const char *const alone[BF_SORTS_SETS] = { "ordinary packets", "later fragments", "broken packets",
	                                                  "odd packets" };
	enum bf_fam fam = bf_fam_of(l->family);

	if (l->table->family == NFPROTO_IPV4 || l->table->family == NFPROTO_IPV6)
		return l->plan.headers ? alone[l->set] : "all packets";
	return l->plan.headers && fam != BF_FAM_OTHER ? names[fam][l->set] : all[fam];
}

/* Notes a piece; its other members are the caller's, until the next. */
static struct bf_piece *note(struct bf_lower *l, enum bf_piece_kind kind, uint32_t from, uint32_t to)
{
	static struct bf_piece nobody;

	if (!l->explain || from == to || l->err)
		return &nobody;
	if (bf_grow(&l->pieces, l->n_pieces, &l->cap_pieces, sizeof(*l->pieces)) < 0)
		return bf_lower_error(l, -ENOMEM), &nobody;
	l->pieces[l->n_pieces] = (struct bf_piece){ .chain = bf_lower_chain(l)->chain->name, .inst = l->inst,
		                                        .packets = packets_of(l), .kind = kind, .from = from, .to = to,
		                                        .live = to - from };
	return &l->pieces[l->n_pieces++];
}

static void note_run(struct bf_lower *l, const struct run *r, enum bf_piece_kind kind)
{
	struct bf_piece *p = note(l, kind, r->from, r->to);

	p->live = r->r.n_rules - r->r.n_never;
	p->services = r->r.n_svc;
	p->hidden = r->r.n_hidden;
	p->rest = r->r.n_rest;
	p->by_counter = r->n_by_slot;
	p->stats = r->stats;
}

/* ------------------------------------------------------------ what a rule is */

/* It jumps, and may come back behind itself. */
static bool comes_back(struct bf_lower *l, const struct bf_rule *r)
{
	for (uint32_t i = 0; i < bf_plan_ways(r); i++) {
		const struct bf_verdict *v = bf_plan_way(r, i);

		if (v->kind == BF_VERDICT_JUMP && bf_plan_chain(&l->plan, v->chain)->returns)
			return true;
		if (v->kind == BF_VERDICT_CONTINUE && v != &r->verdict)
			return true;
	}
	return false;
}

static bool is_final(struct bf_lower *l, const struct rules *rs, const struct bf_rule *r)
{
	return !rs->indexed && r->verdict.kind != BF_VERDICT_CONTINUE && !comes_back(l, r);
}

static void make_box(struct bf_lower *l, const struct rules *rs, uint32_t i, struct bf_box *b)
{
	bf_box_make_with(b, &rs->rule[i], l->sorts, l->family, &l->memo);
}

static bool is_little(const struct bf_box *b)
{
	return b->end != BF_END_NEVER && bf_box_selects(b) <= LITTLE;
}

/* All packets that get here are asked by its filter or function, which no structure spares: cells, called in runs. */
static bool is_filter(const struct rules *rs, uint32_t i, const struct bf_box *b)
{
	const struct bf_rule *r = &rs->rule[i];

	if (!b->rest || b->end == BF_END_NEVER || bf_box_selects(b) > 0)
		return false;
	for (uint32_t k = 0; k < r->n_conds; k++) {
		const struct bf_cond *c = bf_cond_packed(r->conds[k]) ? NULL : (const void *)(uintptr_t)r->conds[k].v;

		if (c && c->kind == BF_COND_MATCH && (c->match == &bf_match_bytecode || c->match == &bf_match_program))
			return true;
	}
	return false;
}

static bool begins_filters(struct bf_lower *l, const struct rules *rs, uint32_t i, uint32_t end, const struct bf_box *b)
{
	struct bf_box next;

	if (i + 1 >= end || !is_filter(rs, i, b))
		return false;
	make_box(l, rs, i + 1, &next);
	return is_filter(rs, i + 1, &next);
}

/* All packets that get here end here. */
static bool ends_all(struct bf_lower *l, const struct rules *rs, uint32_t i, const struct bf_box *b)
{
	return !b->rest && bf_box_selects(b) == 0 && b->end != BF_END_NEVER &&
	       (b->end == BF_END_DROPS ? !rs->indexed : is_final(l, rs, &rs->rule[i]));
}

/* --------------------------------------------------------------- collecting */

static uint32_t order_of(const struct run *r, uint32_t i)
{
	return (i - r->from + 1) * r->gap;
}

static bool slots_ascend(const struct run *r, uint32_t i)
{
	const struct bf_rule *rule = r->r.rules;

	return rule[i].counter != BF_NO_COUNTER &&
	       (!r->n_by_slot || rule[i].counter > rule[r->by_slot[r->n_by_slot - 1]].counter);
}

/* 0, BF_RUN_FULL or -ENOMEM */
static int add_rule(struct bf_lower *l, const struct rules *rs, struct run *r, uint32_t i, const struct bf_box *b)
{
	struct bf_run_rule rule = { .index = i, .order = order_of(r, i) };
	uint32_t boxes = r->r.n_boxes;
	int err;

	rule.final = b->end == BF_END_DROPS ? !rs->indexed : is_final(l, rs, &rs->rule[i]);
	rule.own = b->end == BF_END_BODY && comes_back(l, &rs->rule[i]);
	rule.by_slot = (rule.own || b->state) && r->n_own >= l->own_max && slots_ascend(r, i);
	err = bf_run_add(&r->r, &rule, b);
	if (err || r->r.n_boxes == boxes)
		return err;
	bf_lower_need(l, b->needs);
	r->n_own += rule.own || b->state;
	r->n_passing += is_little(b) && !rule.final;
	if (!rule.by_slot)
		return 0;
	if (bf_grow(&r->by_slot, r->n_by_slot, &r->cap_by_slot, sizeof(*r->by_slot)) < 0)
		return -ENOMEM;
	r->by_slot[r->n_by_slot++] = i;
	return 0;
}

/*
 * From r->from on, at most up to `end`. A rule in the middle that lets all
 * packets through and is not the end for them parts the run: what it parts is
 * looked at twice either way. So do filters that follow each other.
 */
static void collect(struct bf_lower *l, const struct rules *rs, struct run *r, uint32_t end)
{
	uint32_t i;

	for (i = r->from; i < end && !l->err; i++) {
		struct bf_box b;
		int err;

		if (i % TELL_RULES == 0)
			bf_lower_progress(l, 0, COLLECTED * (i - r->from));
		make_box(l, rs, i, &b);
		if (ends_all(l, rs, i, &b) || (i > r->from && begins_filters(l, rs, i, end, &b)))
			break;
		if (b.end != BF_END_NEVER && bf_box_selects(&b) == 0 && is_long(l, r) && end - i >= l->class_min)
			break;
		err = add_rule(l, rs, r, i, &b);
		if (err == BF_RUN_FULL)
			break;
		if (err < 0)
			bf_lower_error(l, err);
	}
	r->to = i;
}

/* ------------------------------------------------------------------ targets */

static bf_label new_place(struct bf_lower *l)
{
	bf_label label = bf_lower_label(l);

	l->here = BF_NO_LABEL;
	if (l->err)
		return label;
	bf_lower_use(l, label);
	bf_lower_bind(l, label);
	return label;
}

/* The cells behind a box: the rest of rule i, and what it does. */
static bf_label lower_target(struct bf_lower *l, const struct run *r, uint32_t i, enum bf_end end, uint64_t rest)
{
	const struct bf_view v = { end, rest };
	bf_label start = new_place(l);

	bf_lower_view(l, i, &v, rest ? BF_COUNT_SLOT : BF_COUNT_DONE, r->resume);
	return start;
}

static void ask(struct bf_lower *l, uint32_t word, uint32_t mask, uint32_t lo, uint32_t span)
{
	if (!mask || span >= mask)
		return;
	if (bf_grow(&l->asked, l->n_asked, &l->cap_asked, sizeof(*l->asked)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->asked[l->n_asked++] = (struct bf_class_test){ word, mask, lo, span };
}

static void ask_address(struct bf_lower *l, uint32_t word, const struct bf_box_prefix *p, unsigned words)
{
	for (unsigned i = 0; i < words && p->len > 32 * i; i++) {
		uint32_t mask = ~0u << (32 - BF_MIN(p->len - 32 * i, 32u));

		ask(l, word + i, mask, (uint32_t)(p->addr >> 32 * (words - 1 - i)), 0);
	}
}

/* What the class cell has found out of packets that get to a rule's target; of a rule that is one box. */
static void ask_box(struct bf_lower *l, const struct bf_box *b, bool ip6)
{
	const struct bf_box_ports *s = &b->port[0][0], *d = &b->port[1][0];

	if (b->n_addr[0] * b->n_addr[1] * b->n_port[0] * b->n_port[1] != 1)
		return;
	for (uint32_t i = 0; i < b->n_tests; i++)
		ask(l, b->test[i].word, b->test[i].mask, b->test[i].lo, b->test[i].span);
	ask(l, BF_KEY_META, b->meta_mask, b->meta, 0);
	ask(l, BF_KEY_PORTS, 0xffffu << 16, (uint32_t)s->lo << 16, (uint32_t)(s->hi - s->lo) << 16);
	ask(l, BF_KEY_PORTS, 0xffff, d->lo, d->hi - d->lo);
	for (unsigned side = 0; side < 2; side++)
		ask_address(l, side ? BF_KEY_DADDR : BF_KEY_SADDR, &b->addr[side][0], ip6 ? 4 : 1);
}

/* b: of the rule whose target it is alone, or NULL */
static void add_target(struct bf_lower *l, struct run *r, uint32_t place, bf_label to, const struct bf_box *b)
{
	struct bf_lower_target *t;

	if (bf_grow(&r->targets, r->n_targets, &r->cap_targets, sizeof(*r->targets)) < 0)
		return bf_lower_error(l, -ENOMEM);
	t = &r->targets[r->n_targets++];
	*t = (struct bf_lower_target){ place, to, l->n_asked, 0 };
	if (b)
		ask_box(l, b, r->r.ip6);
	t->n_asked = l->n_asked - t->asked;
}

static const struct bf_class_head *head_of(const struct bf_lower *l, const struct run *r)
{
	return (const void *)(l->class.data + (size_t)r->head * sizeof(uint32_t));
}

static void lower_targets(struct bf_lower *l, const struct rules *rs, struct run *r)
{
	uint32_t svcs = head_of(l, r)->svcs, targets = head_of(l, r)->targets, first = head_of(l, r)->first_slot;

	for (uint32_t i = 0; i < r->r.n_svc && !l->err; i++) {
		const struct bf_run_svc *s = &r->r.svc[i];
		struct bf_box b;

		if (s->rule == UINT32_MAX)
			continue;
		make_box(l, rs, s->rule, &b);
		add_target(l, r, svcs + BF_CLASS_SVC_STEP * s->place + offsetof(struct bf_class_svc, target) / 4,
		           lower_target(l, r, s->rule, s->end, s->rest), s->own ? &b : NULL);
	}
	for (uint32_t i = 0; i < r->n_by_slot && !l->err; i++) {
		struct bf_box b;

		make_box(l, rs, r->by_slot[i], &b);
		add_target(l, r, targets + rs->rule[r->by_slot[i]].counter - first, lower_target(l, r, r->by_slot[i], b.end, b.rest), &b);
	}
}

/* --------------------------------------------------------------------- runs */

/* Room for deltas (patch.h): a few bytes for each rule of the table. */
void bf_lower_add_spare(struct bf_lower *l)
{
	uint64_t rules = 0;

	if (!l->class.len)
		bf_buf_reserve(&l->class, 8); /* place 0 is none */
	if (l->spare_at || l->class.err)
		return;
	for (uint32_t i = 0; i < l->plan.n_chains; i++)
		rules += l->plan.chains[i].chain->n_rules;
	if (l->class.len % 8)
		bf_buf_reserve(&l->class, 8 - l->class.len % 8);
	l->spare_half = (uint32_t)((SPARE_CLASS + BF_MIN(rules * 2, (uint64_t)SPARE_CLASS_MAX)) / 8 * 2);
	l->spare_at = (uint32_t)(l->class.len / sizeof(uint32_t));
	bf_buf_reserve(&l->class, 2 * (size_t)l->spare_half * sizeof(uint32_t));
}

struct watch {
	struct bf_lower *l;
	uint32_t rules;
};

static int watch_build(void *arg, double done)
{
	const struct watch *w = arg;

	bf_lower_progress(w->l, 0, w->rules * (COLLECTED + BUILT * done));
	return w->l->err;
}

/* For packets that are not ordinary ones: the run for those that are, of the same rules. */
static void find_base(const struct bf_lower *l, const struct run *r, struct bf_class_problem *p)
{
	for (uint32_t i = 0; i < l->n_runs && l->set != BF_SORTS_ORDINARY; i++) {
		const struct bf_lower_run *x = &l->runs[i];

		if (l->insts[x->inst].chain != l->insts[l->inst].chain || x->from != r->from || x->gap != r->gap || !x->n_rules)
			continue;
		p->base_rules = x->rules;
		p->n_base = x->n_rules;
		return;
	}
}

static int build(struct bf_lower *l, struct run *r)
{
	struct watch w = { l, r->to - r->from };
	struct bf_class_problem p = bf_run_finish(&r->r);
	struct bf_class_opts o = { .max_bytes = l->class_bytes, .progress = watch_build, .progress_arg = &w,
	                          .pool = l->pool };
	int err;

	if (r->n_by_slot) {
		p.first_slot = r->r.rules[r->by_slot[0]].counter;
		p.n_slots = r->r.rules[r->by_slot[r->n_by_slot - 1]].counter - p.first_slot + 1;
	}
	find_base(l, r, &p);
	bf_lower_add_spare(l);
	if (l->class.err)
		return -ENOMEM;
	err = bf_class_build(&p, &o, &l->class, &r->head, &r->stats);
	if (!err) /* nothing relies on what was not looked at */
		err = bf_class_check(&p, &l->class, r->head, r->stats.expected_rules,
		                     CHECK_LOOKS + CHECK_PER_BOX * (uint64_t)p.n_boxes, &o, l->diag);
	if (err < 0)
		return err;
	if (l->class.err || bf_grow(&l->runs, l->n_runs, &l->cap_runs, sizeof(*l->runs)) < 0)
		return -ENOMEM;
	bf_lower_uses(l)->structs |= 1u << head_of(l, r)->kind | (head_of(l, r)->ref_bits ? 1u << BF_CLASS_REFS : 0);
	bf_lower_uses(l)->levels = BF_MAX(bf_lower_uses(l)->levels, r->stats.levels);
	bf_lower_uses(l)->trees = BF_MAX(bf_lower_uses(l)->trees, r->stats.trees);
	bf_lower_uses(l)->runs = 1;
	bf_lower_uses(l)->tests = BF_MAX(bf_lower_uses(l)->tests, bf_run_tests(&r->r));
	return 0;
}

/* A CLASS cell here. above: it goes on above the rule that was found last. */
static void add_class(struct bf_lower *l, const struct rules *rs, const struct run *r, uint32_t floor, bool above)
{
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_CLASS, BF_NO_LABEL, rs->first + r->to);

	c->word = above;
	c->lo = floor;
	c->arg = r->head;
}

static void lower_class(struct bf_lower *l, const struct rules *rs, struct run *r)
{
	r->resume = bf_lower_label(l);
	bf_lower_end_gate(l, r->from);
	bf_lower_bind_rule(l, r->from);
	add_class(l, rs, r, 0, false);
	l->run_last = r->to - 1;
	l->run_after = bf_lower_label(l);
	lower_targets(l, rs, r);
	l->run_last = UINT32_MAX;
	if (!l->err && bf_lower_used(l, l->run_after)) {
		l->here = BF_NO_LABEL;
		bf_lower_bind(l, l->run_after);
		add_class(l, rs, r, order_of(r, r->to - 1) + 1, false);
	}
	for (uint32_t i = r->from + 1; i < r->to && !l->err; i++) {
		if (!bf_lower_used(l, rs->first + i))
			continue;
		l->here = BF_NO_LABEL;
		bf_lower_bind(l, rs->first + i);
		add_class(l, rs, r, order_of(r, i - 1) + 1, false);
	}
	l->here = BF_NO_LABEL;
	if (!l->err)
		bf_lower_bind(l, r->resume);
	add_class(l, rs, r, 0, true);
	l->runs[l->n_runs++] = (struct bf_lower_run){ r->head, TAKE_PTR(r->targets), r->n_targets, l->inst, r->from, r->to, r->gap,
	                                              rs->first + r->to, r->stats.rules, r->stats.n_rules };
}

/* One rule after the other; of those collected, the ones that have a box. */
static void lower_singly(struct bf_lower *l, const struct rules *rs, const struct run *r)
{
	const struct bf_class_box *b = (const void *)r->r.boxes.data, *end = b ? b + r->r.n_boxes : NULL;

	for (uint32_t i = r->from; i < r->to && !l->err; i++) {
		bool there = b < end && b->order == order_of(r, i);

		if (there)
			bf_lower_rule(l, i);
		else
			bf_lower_bind_rule(l, i); /* the next one's, too */
		while (b < end && b->order == order_of(r, i))
			b++;
	}
}

/* A power of two: then counters need no table (slots.c). */
static uint32_t gap_for(uint32_t n)
{
	uint32_t gap = 1024;

	while (gap > 1 && (uint64_t)gap * (n + 1ull) > UINT32_MAX - 1)
		gap /= 2;
	return gap;
}

/* Rules from `from` on, at most up to `end`; returns where it stopped. */
static uint32_t lower_run(struct bf_lower *l, const struct rules *rs, uint32_t from, uint32_t end)
{
	struct run r = { .from = from, .gap = gap_for(rs->n) };

	enum bf_piece_kind kind = BF_PIECE_FEW;
	int err = 0;

	bf_run_init(&r.r, rs->rule, end - from, rs->ip6);
	collect(l, rs, &r, end);
	if (!l->err && is_long(l, &r)) {
		err = build(l, &r);
		kind = err == -E2BIG ? BF_PIECE_HUGE : BF_PIECE_CLASS;
	}
	if (err < 0 && err != -E2BIG)
		bf_lower_error(l, err);
	if (!l->err && kind == BF_PIECE_CLASS)
		lower_class(l, rs, &r);
	else if (!l->err)
		lower_singly(l, rs, &r);
	note_run(l, &r, kind);
	bf_lower_progress(l, r.to - r.from, 0);
	bf_run_free(&r.r);
	free(r.by_slot);
	free(r.targets);
	return r.to;
}

/* Where rules at the end begin that choose little. */
static uint32_t find_back(struct bf_lower *l, const struct rules *rs)
{
	uint32_t i = rs->n;
	struct bf_box b;

	for (unsigned k = 0; i > 0 && k < EDGE_MAX; i--, k++) {
		make_box(l, rs, i - 1, &b);
		if (!is_little(&b))
			break;
	}
	return i;
}

/* No packet gets to rule i, which is next. */
static bool is_dead(struct bf_lower *l, const struct rules *rs, uint32_t i)
{
	return l->here == BF_NO_LABEL && !bf_lower_used(l, rs->first + i);
}

static uint32_t skip_dead(struct bf_lower *l, const struct rules *rs, uint32_t i)
{
	uint32_t from = i;

	while (i < rs->n && is_dead(l, rs, i))
		i++;
	note(l, BF_PIECE_DEAD, from, i)->live = 0;
	return i;
}

/* Cells for rules that choose little; returns where they end. */
static uint32_t lower_front(struct bf_lower *l, const struct rules *rs, uint32_t i, uint32_t end)
{
	uint32_t from = i;
	struct bf_box b;

	for (unsigned k = 0; i < end && !is_dead(l, rs, i) && !l->err; i++) {
		bool filter;

		make_box(l, rs, i, &b);
		filter = is_filter(rs, i, &b);
		if (!is_little(&b) || (!filter && k >= EDGE_MAX))
			break;
		k += !filter;
		bf_lower_rule(l, i);
	}
	note(l, BF_PIECE_LITTLE, from, i);
	return i;
}

/* Will a run begin with rule i, probably? */
static bool begins_run(struct bf_lower *l, const struct rules *rs, uint32_t i, uint32_t back)
{
	struct bf_box b;

	if (i >= back || back - i < l->class_min)
		return false;
	make_box(l, rs, i, &b);
	return !is_little(&b);
}

/* Cells for all that are left. */
static void lower_few(struct bf_lower *l, const struct rules *rs, uint32_t i, enum bf_piece_kind kind)
{
	while (i < rs->n && !l->err) {
		uint32_t from = i;

		for (; i < rs->n && !l->err && !is_dead(l, rs, i); i++) {
			bf_lower_rule(l, i);
			bf_lower_progress(l, 1, 0);
		}
		note(l, kind, from, i);
		i = skip_dead(l, rs, i);
	}
}

void bf_lower_rules(struct bf_lower *l)
{
	const struct bf_plan_chain *c = bf_lower_chain(l);
	const struct rules rs = { c->chain->rules, c->chain->n_rules, bf_lower_inst(l)->first, l->family == NFPROTO_IPV6,
		                      c->indexed };
	bool gates = bf_lower_wants_gates(l, c);
	uint64_t before = l->rules_done;
	uint32_t i = 0, back = rs.n;

	if (rs.n >= l->class_min)
		back = find_back(l, &rs);
	if (gates && rs.n && !begins_run(l, &rs, 0, back))
		bf_lower_gate(l, 0);
	while (i < back && back - i >= l->class_min && !l->err) {
		i = skip_dead(l, &rs, i);
		if (i < back)
			i = lower_front(l, &rs, i, back);
		if (i == back || is_dead(l, &rs, i))
			continue;
		i = lower_run(l, &rs, i, back);
		if (gates && !l->gate_open && i < rs.n && !begins_run(l, &rs, i, back))
			bf_lower_gate(l, i);
	}
	lower_few(l, &rs, i, i == back ? BF_PIECE_LITTLE : BF_PIECE_FEW);
	bf_lower_end_gate(l, rs.n);
	bf_lower_progress(l, before + rs.n - l->rules_done, 0);
}

/* ---------------------------------------------------------------------- end */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Writes the cells' numbers where the programs look for them; each cell once in *out. */
static void finish_run(struct bf_lower *l, const struct bf_lower_run *r, struct bf_graph_run *out)
{
	_cleanup_free_ uint32_t *cells = calloc(r->n_targets + 1, sizeof(*cells));
	uint32_t *words = (uint32_t *)l->class.data, n = 0;

	if (!cells)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < r->n_targets; i++)
		words[r->targets[i].place] = cells[i] = bf_lower_cell_of(l, r->targets[i].to);
	qsort(cells, r->n_targets, sizeof(*cells), compare);
	for (uint32_t i = 0; i < r->n_targets; i++)
		if (!i || cells[i] != cells[n - 1])
			cells[n++] = cells[i];
	*out = (struct bf_graph_run){ r->head, bf_lower_keep(l, cells, n * sizeof(*cells)), n };
}

void bf_lower_finish_runs(struct bf_lower *l)
{
	struct bf_graph_run *runs = bf_arena_array(l->arena, l->n_runs, struct bf_graph_run);

	if (!runs)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < l->n_runs && !l->err; i++)
		finish_run(l, &l->runs[i], &runs[i]);
	for (uint32_t i = 0; i < l->n_pieces && !l->err; i++) {
		l->pieces[i].chain = bf_arena_strdup(l->arena, l->pieces[i].chain);
		if (!l->pieces[i].chain)
			bf_lower_error(l, -ENOMEM);
	}
	l->g->n_pieces = l->n_pieces;
	l->g->pieces = bf_lower_keep(l, l->pieces, l->n_pieces * sizeof(*l->pieces));
	l->g->runs = runs;
	l->g->n_runs = l->n_runs;
	l->g->n_class = (uint32_t)(l->class.len / sizeof(uint32_t));
	l->g->class = bf_lower_keep(l, l->class.data, l->class.len);
}

void bf_lower_free_runs(struct bf_lower *l)
{
	for (uint32_t i = 0; i < l->n_runs; i++)
		free(l->runs[i].targets);
	free(l->runs);
	free(l->gates);
	free(l->asked);
	free(l->pieces);
	bf_buf_free(&l->class);
}
