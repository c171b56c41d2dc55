/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch.c: what changed since a table was compiled, as deltas of its runs
 * (rt/class.h), for the half of the spare room that nobody looks at.
 *
 *   a rule that came   a box, with an order between its neighbours'
 *   a rule that went   a box of its order that says so
 *   one behind it that it may have hidden: its box again, with its order
 *
 * Each run that has such rules gets a delta, for each set of packets; those
 * that have none any more lose theirs. Rules outside of runs, which lie in
 * pieces that begin with a gate, are few: all of a piece are made anew, and the
 * gate leads there.
 *
 *   gate ──half──▶ rules of the piece as they are now ──▶ behind the piece
 *     └────────▶ rules as they were compiled ───────────▶
 *
 * Where a rule that came jumps to a chain that returns, or that nothing led to,
 * that chain's rules are put there. Not everything can be said this way:
 * rules that need what the programs have not, or that act in a way that other
 * rules have to know of. Then -EAGAIN is the answer, and the table is compiled.
 */
#include "gen/patch.h"

#include "gen/patch_rules.h"
#include "opt/run.h"

enum { CELLS_MAX = 8 }; /* rules of a piece that are cells */

struct delta { /* of the run being looked at, or of the gate */
	const struct bf_link_run *run;
	const struct bf_chain *chain;
	struct bf_uses uses; /* what all programs that come here can do */
	struct bf_run r;
	uint32_t head;
	bf_label miss, ret, resume;
	bool all;             /* of a gate: all rules of the piece, not only some before it */
	uint32_t n_taken;
	struct bf_box *boxes; /* of each change */
	uint32_t *orders;
};

static bool covers(const struct bf_link_run *r, const struct bf_changed *c)
{
	if (r->chain != c->chain)
		return false;
	return c->kind == BF_CAME ? c->rule >= r->first && c->rule <= r->last : c->rule >= r->from && c->rule < r->to;
}

static bool is_gate(const struct bf_link_run *r)
{
	return r->gate != BF_NO_CELL;
}

/* Is it part of the delta? */
static bool takes(const struct delta *d, const struct bf_changed *c)
{
	if (!covers(d->run, c))
		return false;
	return !is_gate(d->run) || c->kind == BF_CAME || (d->all && c->kind == BF_STAYS);
}

/* Packets are now those of this pass. */
static void choose_pass(struct bf_patcher *p, unsigned pass)
{
	struct bf_lower *l = &p->l;

	l->pass = pass;
	l->set = bf_pass_set(pass);
	l->where = bf_pass_where(pass);
	l->family = bf_pass_family(pass);
	l->sorts = bf_sorts(l->set, p->h->headers && l->family, l->family);
}

/* ---------------------------------------------------------- can it be said? */

static bool asks_for_headers(const struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_sorts_matter(bf_rule_cond(r, i)))
			return true;
	return false;
}

static bool is_plain(const struct bf_patcher *p, const struct bf_changed *c)
{
	const struct bf_link_chain *chain = &p->chains[c->chain];

	if (p->h->codes && c->kind == BF_CAME && c->what->verdict.chain)
		return false; /* to where others' programs got, perhaps */
	if (c->chain >= p->h->n_chains || chain->indexed || (!p->h->headers && asks_for_headers(c->what)))
		return false;
	return c->kind == BF_WENT || c->what->counter == BF_NO_COUNTER || c->what->counter < p->h->n_counters;
}

/* Is a run there for the change wherever its chain was lowered in this pass? */
static bool is_covered(const struct bf_patcher *p, const struct bf_changed *c, unsigned pass)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->h->n_runs; i++)
		n += p->runs[i].pass == pass && covers(&p->runs[i], c);
	return n == bf_patch_entry(p, c->chain, pass)->insts;
}

/* No packet gets there, before or after. */
static bool is_dead(const struct bf_patcher *p, const struct bf_changed *c)
{
	return c->rule > p->chains[c->chain].end;
}

static bool can_say_one(struct bf_patcher *p, const struct bf_changed *c)
{
	for (unsigned pass = 0; pass < BF_PASSES; pass++) {
		struct bf_box b;

		if (!(p->h->passes >> pass & 1))
			continue;
		choose_pass(p, pass);
		bf_box_make(&b, c->what, p->l.sorts, p->l.family);
		if (b.end != BF_END_NEVER && !is_covered(p, c, pass))
			return false;
	}
	return true;
}

/* Hand-offs to go on after that a packet can have more than when the table was compiled: there must be room. */
static bool logs_fit(struct bf_patcher *p)
{
	uint64_t more = 0;
	bool logs = false;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];
		uint64_t codes = c->kind == BF_CAME ? bf_patch_codes(p, c->what, 0) : 0;

		logs |= codes != 0;
		more += codes * p->chains[c->chain].visits;
	}
	if (logs && !p->h->log_room && p->gear)
		return p->gear->wanted = p->gear->logs = true, more <= BF_LINK_LOGS;
	return more <= p->h->log_room;
}

/* A rule that stands for the policy is behind all others: none may lead past it. */
static bool is_end(const struct bf_patcher *p, const struct bf_changed *c)
{
	if (p->chains[c->chain].leaves)
		return false;
	for (uint32_t i = 0; i < p->n; i++)
		if (p->changes[i].chain == c->chain && p->changes[i].kind == BF_CAME && bf_rule_leaves_chain(p->changes[i].what))
			return false;
	return true;
}

/* What stays is of interest only where a run holds it together with what went. */
static bool can_say(struct bf_patcher *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];

		if (c->kind == BF_STAYS)
			continue;
		if (!is_plain(p, c) || (c->policy && !is_end(p, c)) || (!is_dead(p, c) && !can_say_one(p, c)))
			return false;
	}
	return logs_fit(p);
}

/* ------------------------------------------------------------------- targets */

static bf_label new_place(struct bf_lower *l)
{
	bf_label label = bf_lower_label(l);

	l->here = BF_NO_LABEL;
	bf_lower_use(l, label);
	bf_lower_bind(l, label);
	return label;
}

/* A place that goes on in the run above that order. */
static bf_label lower_above(struct bf_patcher *p, const struct delta *d, uint32_t order)
{
	bf_label start = new_place(&p->l);
	struct bf_cell *c = bf_lower_cell(&p->l, BF_CELL_CLASS, BF_NO_LABEL, d->miss);

	c->lo = order + 1;
	c->arg = is_gate(d->run) ? d->head : d->run->head;
	return start;
}

static uint32_t order_of_rule(const struct bf_patcher *p, const struct delta *d, const struct bf_rule *r)
{
	uint32_t i = 0;

	while (i < p->n && p->changes[i].what != r)
		i++;
	return i < p->n ? d->orders[i] : UINT32_MAX;
}

/* The rest of a rule behind its box, and what it does. */
static bf_label lower_target(struct bf_patcher *p, const struct delta *d, const struct bf_run_svc *s)
{
	const struct bf_rule *r = &d->chain->rules[s->rule];
	struct bf_patch_ways w = { d->ret, d->resume, d->resume };
	struct bf_lower *l = &p->l;
	bf_label start;

	if (s->end == BF_END_BODY && bf_patch_comes_back(p, r))
		w.after = lower_above(p, d, order_of_rule(p, d, r));
	start = new_place(l);
	bf_patch_conds(p, r, s->rest, d->resume);
	if (l->here == BF_NO_LABEL || l->err)
		return start;
	if (s->end != BF_END_BODY)
		return bf_lower_goto(l, s->end == BF_END_DROPS ? l->drop : d->resume), start;
	if (s->rest && r->counter != BF_NO_COUNTER)
		bf_lower_count_here(l, 0, true);
	bf_patch_body(p, r, &w);
	return start;
}

static void add_target(struct bf_patcher *p, uint32_t place, bf_label to)
{
	if (bf_grow(&p->targets, p->n_targets, &p->cap_targets, sizeof(*p->targets)) < 0)
		return bf_lower_error(&p->l, -ENOMEM);
	p->targets[p->n_targets++] = (struct bf_lower_target){ place, to };
}

/* Where a rest that misses goes on, and what has no verdict. */
static void lower_resume(struct bf_patcher *p, const struct delta *d)
{
	struct bf_cell *c;

	p->l.here = BF_NO_LABEL;
	bf_lower_bind(&p->l, d->resume);
	c = bf_lower_cell(&p->l, BF_CELL_CLASS, BF_NO_LABEL, d->miss);
	c->word = 1;
	c->arg = is_gate(d->run) ? d->head : d->run->head;
}

/* Where a gate leads: to what is class data, */
static bf_label lower_gate(struct bf_patcher *p, const struct delta *d)
{
	bf_label start = new_place(&p->l);

	bf_lower_cell(&p->l, BF_CELL_CLASS, BF_NO_LABEL, d->miss)->arg = d->head;
	return start;
}

/* or to one rule after the other. */
static bf_label lower_few(struct bf_patcher *p, const struct delta *d)
{
	struct bf_lower *l = &p->l;
	bf_label start = new_place(l);

	for (uint32_t i = 0; i < p->n && !l->err; i++) {
		bf_label next;

		if (!takes(d, &p->changes[i]))
			continue;
		next = bf_lower_label(l);
		bf_patch_rule(p, p->changes[i].what, &(struct bf_patch_ways){ d->ret, next, next });
		bf_lower_bind(l, next);
	}
	if (l->here != BF_NO_LABEL && d->miss == BF_NO_LABEL)
		bf_lower_error(l, -EAGAIN);
	if (l->here != BF_NO_LABEL && !l->err)
		bf_lower_goto(l, d->miss);
	return start;
}

static void lower_targets(struct bf_patcher *p, const struct delta *d, uint32_t svcs)
{
	for (uint32_t i = 0; i < d->r.n_svc && !p->l.err; i++) {
		const struct bf_run_svc *s = &d->r.svc[i];
		const struct bf_class_svc *svc = (const void *)(d->r.svcs.data + (size_t)s->place * BF_SVC_UNIT);

		if (!(svc->flags & BF_SVC_SKIP))
			add_target(p, svcs + BF_CLASS_SVC_STEP * s->place + offsetof(struct bf_class_svc, target) / 4, lower_target(p, d, s));
	}
	lower_resume(p, d);
}

/* -------------------------------------------------------------------- boxes */

/* The next change of the run from i on, or n. */
static uint32_t next_change(const struct bf_patcher *p, const struct delta *d, uint32_t i)
{
	while (i < p->n && !takes(d, &p->changes[i]))
		i++;
	return i;
}

/* Rules that come to the same place of a run share the gap before it. */
static uint32_t order_of(const struct bf_patcher *p, const struct delta *d, uint32_t i)
{
	const struct bf_changed *c = &p->changes[i];
	uint32_t order = (c->rule - d->run->from + 1) * d->run->gap, all = 0, before = 0;

	if (is_gate(d->run))
		return (d->n_taken + 1) * d->run->gap;
	if (c->kind != BF_CAME)
		return order;
	for (uint32_t k = next_change(p, d, 0); k < p->n; k = next_change(p, d, k + 1))
		if (p->changes[k].kind == BF_CAME && p->changes[k].rule == c->rule) {
			all++;
			before += k < i;
		}
	if (all >= d->run->gap)
		return 0;
	return order - d->run->gap + (uint32_t)((uint64_t)d->run->gap * (before + 1) / (all + 1));
}

static bool prefixes_meet(const struct bf_box *a, const struct bf_box *b, unsigned side, unsigned bits)
{
	for (unsigned i = 0; i < a->n_addr[side]; i++)
		for (unsigned k = 0; k < b->n_addr[side]; k++) {
			const struct bf_box_prefix *x = &a->addr[side][i], *y = &b->addr[side][k];
			unsigned len = BF_MIN(x->len, y->len);

			if (!len || !((x->addr ^ y->addr) >> (bits - len)))
				return true;
		}
	return false;
}

static bool ports_meet(const struct bf_box *a, const struct bf_box *b, unsigned side)
{
	for (unsigned i = 0; i < a->n_port[side]; i++)
		for (unsigned k = 0; k < b->n_port[side]; k++)
			if (a->port[side][i].lo <= b->port[side][k].hi && b->port[side][k].lo <= a->port[side][i].hi)
				return true;
	return false;
}

/* Is there a packet that both take? False only when there is none. */
static bool boxes_meet(const struct bf_box *a, const struct bf_box *b, unsigned bits)
{
	if ((a->meta ^ b->meta) & a->meta_mask & b->meta_mask)
		return false;
	for (unsigned side = 0; side < 2; side++)
		if (!prefixes_meet(a, b, side, bits) || !ports_meet(a, b, side))
			return false;
	return true;
}

/* Could a rule that went have hidden change i? */
static bool was_hidden(const struct bf_patcher *p, const struct delta *d, uint32_t i)
{
	unsigned bits = p->l.family == NFPROTO_IPV4 ? 32 : 128;

	for (uint32_t k = next_change(p, d, 0); k < i; k = next_change(p, d, k + 1))
		if (p->changes[k].kind == BF_WENT && d->boxes[k].end != BF_END_NEVER &&
		    boxes_meet(&d->boxes[k], &d->boxes[i], bits))
			return true;
	return false;
}

static int add_change(struct bf_patcher *p, struct delta *d, uint32_t i)
{
	const struct bf_changed *c = &p->changes[i];
	struct bf_box *b = &d->boxes[i];
	struct bf_run_rule rule = { .index = (uint32_t)(c->what - d->chain->rules), .order = order_of(p, d, i) };
	bool back = bf_patch_comes_back(p, c->what);

	if (c->kind == BF_STAYS && !is_gate(d->run) && !was_hidden(p, d, i))
		return 0;
	if (!rule.order || !is_plain(p, c))
		return -EAGAIN;
	d->n_taken++;
	d->orders[i] = rule.order;
	rule.own = c->kind == BF_WENT || (b->end == BF_END_BODY && back);
	rule.final = c->kind != BF_WENT &&
	             (b->end == BF_END_DROPS || (c->what->verdict.kind != BF_VERDICT_CONTINUE && !back));
	if (c->kind == BF_WENT)
		b->rest = 0; /* whatever it tested besides */
	if (b->end != BF_END_NEVER)
		bf_lower_need(&p->l, b->needs);
	return bf_run_add(&d->r, &rule, b) ? -EAGAIN : 0;
}

static void mark_skips(const struct bf_patcher *p, struct delta *d)
{
	for (uint32_t i = 0; i < d->r.n_svc; i++)
		for (uint32_t k = 0; k < p->n; k++)
			if (p->changes[k].kind == BF_WENT && p->changes[k].what == &d->chain->rules[d->r.svc[i].rule])
				((struct bf_class_svc *)(d->r.svcs.data + (size_t)d->r.svc[i].place * BF_SVC_UNIT))->flags |=
					BF_SVC_SKIP | BF_SVC_UNCOUNTED;
}

static int collect(struct bf_patcher *p, struct delta *d)
{
	int err = 0;

	d->boxes = malloc(BF_MAX(p->n, 1u) * sizeof(*d->boxes));
	d->orders = calloc(BF_MAX(p->n, 1u), sizeof(*d->orders));
	if (!d->boxes || !d->orders)
		return -ENOMEM;
	for (uint32_t i = next_change(p, d, 0); i < p->n && !err; i = next_change(p, d, i + 1)) {
		bf_box_make(&d->boxes[i], p->changes[i].what, p->l.sorts, p->l.family);
		err = add_change(p, d, i);
	}
	mark_skips(p, d);
	return err;
}

static int build(struct bf_patcher *p, struct delta *d)
{
	struct bf_class_problem problem = bf_run_finish(&d->r);
	struct bf_class_opts o = { .max_bytes = (uint64_t)p->h->class_half * sizeof(uint32_t),
		                     .levels = BF_MAX(d->uses.levels, 1u), .one_tree = d->uses.trees <= 1 };
	struct bf_class_stats stats;
	int err = bf_class_forest.build(&problem, &o, &p->l.class, &d->head, &stats); /* programs without a hash have no use for one */
	const struct bf_class_head *h;

	if (err)
		return err == -E2BIG ? -EAGAIN : err;
	h = (const void *)(p->l.class.data + (size_t)d->head * sizeof(uint32_t));
	p->inst.uses.structs |= 1u << h->kind;
	p->inst.uses.ops |= 1u << BF_CELL_CLASS;
	lower_targets(p, d, h->svcs);
	return p->l.err;
}

static bool within(const struct bf_uses *a, const struct bf_uses *b)
{
	return !(a->needs & ~b->needs) && !(a->ops & ~b->ops) && !(a->loaders & ~b->loaders) &&
	       !(a->specials & ~b->specials) && !(a->structs & ~b->structs);
}

/* Programs that come here must do what the delta uses: those that cannot have to learn it. */
static int ask_programs(struct bf_patcher *p, const struct delta *d)
{
	const struct bf_uses *u = &p->inst.uses;

	if (within(u, &d->uses) && !u->assists)
		return 0;
	if (!p->gear || u->assists)
		return -EAGAIN;
	for (uint32_t i = 0; i < p->h->n_roots; i++)
		if (d->run->roots >> i & 1)
			bf_gear_add(&p->gear->roots[i], u);
	p->gear->wanted = true;
	return 0;
}

/* Has its piece changed? -EAGAIN: not all of its rules were told. */
static int look_at_gate(const struct bf_patcher *p, struct delta *d)
{
	uint32_t changed = 0, old = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];

		if (!covers(d->run, c))
			continue;
		changed += c->kind != BF_STAYS;
		old += c->kind != BF_CAME;
		d->all |= c->kind == BF_WENT || (c->kind == BF_CAME && c->rule != d->run->from);
	}
	if (!changed)
		return 0;
	return d->all && old != d->run->to - d->run->from ? -EAGAIN : 1;
}

/* Nothing gets behind the rules that are taken. */
static bool ends_all(const struct bf_patcher *p, const struct delta *d)
{
	for (uint32_t i = next_change(p, d, 0); i < p->n; i = next_change(p, d, i + 1))
		if (bf_rule_ends_chain(p->changes[i].what))
			return true;
	return false;
}

static int make_gate(struct bf_patcher *p, struct delta *d, uint32_t i)
{
	bool few = d->n_taken <= CELLS_MAX || bf_run_tests(&d->r) > d->uses.tests;
	int err = 0;

	if (!few && d->miss == BF_NO_LABEL) {
		if (!ends_all(p, d))
			return -EAGAIN;
		d->miss = p->l.drop; /* nobody gets there */
	}
	if (!few)
		err = build(p, d);
	if (!err)
		p->gates[i] = few ? lower_few(p, d) : lower_gate(p, d);
	p->inst.uses.structs |= 1u << BF_CLASS_FOREST; /* programs without know nothing of versions */
	return err ? err : p->l.err;
}

static int fill_delta(struct bf_patcher *p, struct delta *d, uint32_t i)
{
	int err = collect(p, d);

	if (!err && is_gate(d->run))
		err = make_gate(p, d, i);
	else if (!err && d->r.n_boxes)
		err = build(p, d);
	if (!err && !is_gate(d->run))
		p->next[i] = d->head;
	return err ? err : ask_programs(p, d);
}

static bf_label label_at(struct bf_patcher *p, uint32_t cell)
{
	return cell == BF_NO_CELL ? BF_NO_LABEL : bf_lower_at(&p->l, cell);
}

static int make_delta(struct bf_patcher *p, uint32_t i)
{
	const struct bf_link_run *r = &p->runs[i];
	struct delta d = { .run = r, .chain = p->l.table->chains[r->chain] };
	int err = 1;

	p->gates[i] = BF_NO_LABEL;
	p->next[i] = is_gate(r) ? r->start : 0;
	if (is_gate(r))
		err = look_at_gate(p, &d);
	else if (next_change(p, &d, 0) == p->n)
		err = 0;
	if (err <= 0)
		return err;
	if (!is_gate(r) && r->miss == BF_NO_CELL)
		return -EAGAIN;
	p->inst = (struct bf_inst){ .pass = (uint8_t)r->pass };
	p->roots = r->roots;
	d.uses = bf_link_uses(&p->link, r->roots);
	choose_pass(p, r->pass);
	d.miss = label_at(p, is_gate(r) && !d.all ? r->start : r->miss);
	d.ret = label_at(p, r->ret);
	d.resume = bf_lower_label(&p->l);
	bf_run_init(&d.r, d.chain->rules, p->n, p->l.family == NFPROTO_IPV6);
	err = p->l.err ? p->l.err : fill_delta(p, &d, i);
	bf_run_free(&d.r);
	free(d.boxes);
	free(d.orders);
	return err;
}

/* ----------------------------------------------------------------------- end */

static int add_write(struct bf_patch *out, struct bf_arena *a, const char *map, uint64_t at, const void *bytes, size_t len)
{
	void *copy = len ? bf_arena_memdup(a, bytes, len) : NULL;

	if (!len)
		return 0;
	if (!copy)
		return -ENOMEM;
	out->writes[out->n++] = (struct bf_write){ map, at, copy, len };
	return 0;
}

/* What programs find elsewhere than in cells and runs. */
static bool adds_more(const struct bf_patcher *p)
{
	const struct bf_lower *l = &p->l;

	for (uint32_t i = 0; i < l->n_cells; i++)
		if (l->cells[i].op == BF_CELL_COUNT && !l->cells[i].word && l->cells[i].arg >= p->h->n_counters)
			return true;
	return l->n_codes || l->params.len > p->h->params_half || (l->n_handoffs != p->h->n_codes && !p->gear);
}

/* What leads to the deltas: heads of runs, or the gates' ways for the half. */
static void put_ways(struct bf_patcher *p, struct bf_patch *out, bool gates)
{
	size_t way = p->half ? offsetof(struct bf_cell, miss) : offsetof(struct bf_cell, hit);

	for (uint32_t i = 0; i < p->h->n_runs; i++) {
		const struct bf_link_run *r = &p->runs[i];
		uint64_t head = r->head * sizeof(uint32_t) + offsetof(struct bf_class_head, next[p->half]);

		if (is_gate(r) == gates)
			out->writes[out->n++] = (struct bf_write){
				gates ? "cells" : "class", gates ? r->gate * sizeof(struct bf_cell) + way : head, &p->next[i],
				sizeof(p->next[i]) };
	}
}

/* Matches with a state. Rules that come now have no place that was used: what is there somebody left who was killed. */
static int put_slots(const struct bf_patcher *p, struct bf_arena *a, struct bf_patch *out)
{
	uint32_t used = p->in->fresh - BF_MIN(p->in->fresh, p->h->n_rules), n = bf_link_slots(p->h);
	size_t room = (n - BF_MIN(used, n)) * BF_LINK_SLOT;
	char *zeros = room ? bf_arena_array(a, room, char) : NULL;

	if (room && !zeros)
		return -ENOMEM;
	if (room)
		out->writes[out->n++] = (struct bf_write){ "params", p->h->slots_at + used * BF_LINK_SLOT, zeros, room, false };
	for (uint32_t i = 0; i < p->n_slots; i++) {
		const struct bf_patch_slot *s = &p->slots[i];
		char *bytes = bf_arena_array(a, BF_LINK_SLOT, char);

		if (!bytes)
			return -ENOMEM;
		memcpy(bytes, p->l.slots.data + s->from, s->len);
		bytes[BF_LINK_SLOT_USED] = 1;
		out->writes[out->n++] = (struct bf_write){ "params", s->at, bytes, BF_LINK_SLOT, s->once };
	}
	return 0;
}

/* Cells, parameters and class data of the half, then which runs have deltas in it. */
static int put_writes(struct bf_patcher *p, struct bf_arena *a, struct bf_patch *out)
{
	size_t class_at = (p->h->class_at + (size_t)p->half * p->h->class_half) * sizeof(uint32_t);
	uint32_t *words = (uint32_t *)p->l.class.data;

	for (uint32_t i = 0; i < p->n_targets && !p->l.err; i++)
		words[p->targets[i].place] = bf_lower_cell_of(&p->l, p->targets[i].to);
	for (uint32_t i = 0; i < p->h->n_runs && !p->l.err; i++)
		if (p->gates[i] != BF_NO_LABEL)
			p->next[i] = bf_lower_cell_of(&p->l, p->gates[i]);
	bf_lower_finish_switches(&p->l);
	if (p->l.err)
		return p->l.err;
	if (adds_more(p) || p->l.n_cells > p->h->cells_half ||
	    p->l.class.len > class_at + p->h->class_half * sizeof(uint32_t))
		return -EAGAIN;
	*out = (struct bf_patch){ .writes = bf_arena_array(a, 4 + p->h->n_runs + p->n_slots, struct bf_write) };
	if (!out->writes ||
	    add_write(out, a, "cells", (uint64_t)p->l.cell_base * sizeof(struct bf_cell), p->l.cells,
	              p->l.n_cells * sizeof(struct bf_cell)) < 0 ||
	    add_write(out, a, "params", p->l.param_base, p->l.params.data, p->l.params.len) < 0 ||
	    add_write(out, a, "class", class_at, p->l.class.data + class_at, p->l.class.len - class_at) < 0)
		return -ENOMEM;
	if (put_slots(p, a, out) < 0)
		return -ENOMEM;
	put_ways(p, out, false);
	put_ways(p, out, true);
	return 0;
}

/* Matches of rules that stay keep their parameters, and so their state. */
static void know_params(struct bf_patcher *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];

		for (uint32_t k = 0; k < p->h->n_params && c->kind == BF_STAYS; k++) {
			const struct bf_link_param *x = &p->link.params[k];
			uint64_t key;

			if (x->chain != c->chain || x->rule != c->rule || x->cond >= c->what->n_conds)
				continue;
			key = (uintptr_t)bf_rule_cond(c->what, x->cond) + x->nth;
			if (bf_idmap_get(&p->l.param_ids, key) == BF_IDMAP_NONE && bf_idmap_put(&p->l.param_ids, key, x->at) < 0)
				bf_lower_error(&p->l, -ENOMEM);
		}
	}
}

static int begin(struct bf_patcher *p, struct bf_arena *a, const struct bf_table *stub, struct bf_diag *d)
{
	size_t class_at = (p->h->class_at + (size_t)p->half * p->h->class_half) * sizeof(uint32_t);
	struct bf_lower *l = &p->l;

	*l = (struct bf_lower){ .g = &p->graph, .arena = a, .table = stub, .diag = d, .hz = p->h->hz, .here = BF_NO_LABEL,
		                    .insts = &p->inst, .n_insts = 1,
		                    .cell_base = p->h->cells_at + p->half * p->h->cells_half,
		                    .param_base = p->h->params_at + p->half * p->h->params_half,
		                    .known = p->link.known, .n_known = p->h->n_known };
	l->class = (struct bf_buf){ .data = calloc(1, class_at), .len = class_at, .cap = class_at }; /* up to there nobody looks */
	if (!l->class.data)
		return -ENOMEM;
	bf_lower_know_codes(l, p->link.codes, p->h->n_codes);
	know_params(p);
	l->drop = bf_lower_label(l);
	l->accept = bf_lower_label(l);
	l->ret = bf_lower_label(l);
	p->next = bf_arena_array(a, p->h->n_runs, uint32_t);
	p->gates = bf_arena_array(a, p->h->n_runs, bf_label);
	return p->next && p->gates ? l->err : -ENOMEM;
}

static void end(struct bf_patcher *p)
{
	p->l.insts = NULL;
	bf_lower_free(&p->l);
	free(p->targets);
	free(p->slots);
}

int bf_gen_patch_spans(const void *link, size_t len, struct bf_buf *out)
{
	struct bf_link l;

	if (!bf_link_open(link, len, &l))
		return -EAGAIN;
	for (uint32_t i = 0; i < l.head->n_runs; i++) {
		const struct bf_link_run *r = &l.runs[i];
		struct bf_span s = { r->chain, r->from, r->to, r->first, r->last };

		if (is_gate(r) && s.from < s.to && s.to - s.from <= BF_SPAN_MAX)
			bf_buf_add(out, &s, sizeof(s));
	}
	return out->err;
}

/* Codes that came are known by their numbers once the companion has them. */
static void put_codes(struct bf_patcher *p)
{
	struct bf_gear *g = p->gear;

	if (!g)
		return;
	if (g->logs)
		g->drop_code = bf_lower_drop_code(&p->l);
	g->wanted |= p->l.n_handoffs != p->h->n_codes;
	g->n_codes = p->l.n_handoffs;
	g->codes = bf_lower_keep(&p->l, p->l.handoffs.data, p->l.handoffs.len);
}

int bf_gen_patch(const struct bf_changes *c, struct bf_arena *a, struct bf_patch *out, const struct bf_gear **gear,
                 struct bf_diag *d)
{
	struct bf_patcher p = { .in = c, .stub = c->stub, .now = c->now, .changes = c->changes, .n = c->n,
		                    .half = !(c->version & 1) };
	int err;

	if (!bf_link_open(c->link, c->len, &p.link))
		return -EAGAIN;
	p.h = p.link.head;
	p.runs = p.link.runs;
	p.chains = p.link.chains;
	if (gear) {
		*gear = NULL;
		p.gear = p.h->fixed ? NULL : bf_arena_new_of(a, struct bf_gear);
		if (!p.gear && !p.h->fixed)
			return -ENOMEM;
	}
	if (c->stub->n_chains != p.h->n_chains || !can_say(&p))
		return -EAGAIN;
	err = begin(&p, a, c->stub, d);
	for (uint32_t i = 0; i < p.h->n_runs && !err; i++)
		err = make_delta(&p, i);
	if (!err) {
		put_codes(&p);
		bf_lower_resolve(&p.l);
		err = put_writes(&p, a, out);
	}
	if (p.gear && p.gear->wanted)
		*gear = p.gear;
	end(&p);
	return err;
}
