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
 * that have none any more lose theirs. Not everything can be said this way:
 * changes outside of runs, and rules that need what the programs have not, or
 * that act in a way that other rules have to know of. Then -EAGAIN is the
 * answer, and the table is compiled.
 */
#include "gen/patch.h"

#include "gen/patch_link.h"
#include "opt/run.h"

struct patch {
	struct bf_lower l;
	struct bf_inst inst;
	struct bf_graph graph;
	struct bf_link link;
	const struct bf_link_head *h;
	const struct bf_link_run *runs;
	const struct bf_link_chain *chains;
	const struct bf_table *stub;
	const struct bf_changed *changes;
	uint32_t n;
	unsigned half; /* that is written */
	uint32_t *next; /* of each run: the place of its delta, or 0; of a gate: the cell it leads to */
	bf_label *gates; /* of each gate: a label for that cell, or BF_NO_LABEL */
	struct bf_lower_target *targets;
	uint32_t n_targets, cap_targets;
};

struct delta { /* of the run being looked at */
	const struct bf_link_run *run;
	const struct bf_chain *chain;
	struct bf_run r;
	bf_label miss, ret, resume;
	struct bf_box *boxes; /* of each change */
};

static bool covers(const struct bf_link_run *r, const struct bf_changed *c)
{
	return r->chain == c->chain && c->rule >= r->from && (c->kind == BF_CAME ? c->rule <= r->last : c->rule < r->to);
}

static const struct bf_link_entry *entry_of(const struct patch *p, uint32_t chain, unsigned pass)
{
	return &p->link.entries[chain * p->h->n_passes + bf_link_pass(p->h, pass)];
}

/* Packets are now those of this pass. */
static void choose_pass(struct patch *p, unsigned pass)
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

static bool is_plain(const struct patch *p, const struct bf_changed *c)
{
	const struct bf_link_chain *chain = &p->chains[c->chain];

	if (p->h->codes && c->kind == BF_CAME && c->what->verdict.chain)
		return false; /* to where others' programs got, perhaps */
	if (c->chain >= p->h->n_chains || chain->indexed || (!p->h->headers && asks_for_headers(c->what)))
		return false;
	return c->kind == BF_WENT || c->what->counter == BF_NO_COUNTER || c->what->counter < p->h->n_counters;
}

/* Is a run there for the change wherever its chain was lowered in this pass? */
static bool is_covered(const struct patch *p, const struct bf_changed *c, unsigned pass)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->h->n_runs; i++)
		n += p->runs[i].pass == pass && covers(&p->runs[i], c);
	return n == entry_of(p, c->chain, pass)->insts;
}

/* No packet gets there, before or after. */
static bool is_dead(const struct patch *p, const struct bf_changed *c)
{
	return c->rule > p->chains[c->chain].end;
}

static bool can_say_one(struct patch *p, const struct bf_changed *c)
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
static bool logs_fit(const struct patch *p)
{
	uint64_t more = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];
		const struct bf_rule *r = c->what;
		uint32_t codes = r->n_actions - (r->verdict.kind == BF_VERDICT_ACTION);

		if (c->kind != BF_CAME)
			continue;
		if (codes && !p->h->log_room)
			return false;
		for (uint32_t k = 0; p->h->log_room && r->verdict.chain && k < p->h->n_chains; k++)
			if (p->stub->chains[k] == r->verdict.chain)
				codes += p->chains[k].codes;
		more += (uint64_t)codes * p->chains[c->chain].visits;
	}
	return more <= p->h->log_room;
}

/* What stays is of interest only where a run holds it together with what went. */
static bool can_say(struct patch *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct bf_changed *c = &p->changes[i];

		if (c->kind == BF_STAYS)
			continue;
		if (!is_plain(p, c) || (!is_dead(p, c) && !can_say_one(p, c)))
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

/* Continue where a chain that never comes back begins. */
static void enter(struct patch *p, const struct bf_verdict *v)
{
	uint32_t cell = BF_NO_CELL;

	for (uint32_t i = 0; i < p->h->n_chains; i++)
		if (p->l.table->chains[i] == v->chain)
			cell = entry_of(p, i, p->l.pass)->cell;
	if (cell == BF_NO_CELL || v->index)
		return bf_lower_error(&p->l, -EAGAIN);
	bf_lower_goto(&p->l, bf_lower_at(&p->l, cell));
}

static void lower_body(struct patch *p, const struct delta *d, const struct bf_rule *r)
{
	struct bf_lower *l = &p->l;

	for (uint32_t i = 0; i < r->n_actions && !l->err; i++)
		bf_lower_action(l, &r->actions[i]);
	switch (r->verdict.kind) {
	case BF_VERDICT_CONTINUE:
		return bf_lower_goto(l, d->resume);
	case BF_VERDICT_ACTION:
		return bf_lower_goto(l, l->where == BF_AT_NETFILTER ? l->accept : l->drop);
	case BF_VERDICT_ACCEPT:
		return bf_lower_goto(l, l->accept);
	case BF_VERDICT_DROP:
		return bf_lower_goto(l, l->drop);
	case BF_VERDICT_RETURN:
		return d->ret == BF_NO_LABEL ? bf_lower_error(l, -EAGAIN) : bf_lower_goto(l, d->ret);
	case BF_VERDICT_JUMP:
	case BF_VERDICT_GOTO:
		return enter(p, &r->verdict);
	case BF_VERDICT_MAP:
		return bf_lower_error(l, -EAGAIN);
	}
}

static void count_found(struct bf_lower *l)
{
	bf_label next = bf_lower_label(l);

	bf_lower_cell(l, BF_CELL_COUNT, next, BF_NO_LABEL)->word = 1;
	bf_lower_bind(l, next);
}

/* The rest of a rule behind its box, and what it does. */
static bf_label lower_target(struct patch *p, const struct delta *d, const struct bf_run_svc *s)
{
	const struct bf_rule *r = &d->chain->rules[s->rule];
	struct bf_lower *l = &p->l;
	bf_label start = new_place(l);

	for (uint32_t k = 0; s->rest && k < r->n_conds && l->here != BF_NO_LABEL && !l->err; k++) {
		bf_label ok;

		if (!bf_view_has(s->rest, k))
			continue;
		ok = bf_lower_label(l);
		bf_lower_cond(l, bf_rule_cond(r, k), ok, d->resume);
		bf_lower_bind(l, ok);
	}
	if (l->here == BF_NO_LABEL || l->err)
		return start;
	if (s->end != BF_END_BODY)
		return bf_lower_goto(l, s->end == BF_END_DROPS ? l->drop : d->resume), start;
	if (s->rest && r->counter != BF_NO_COUNTER)
		count_found(l);
	lower_body(p, d, r);
	return start;
}

static void add_target(struct patch *p, uint32_t place, bf_label to)
{
	if (bf_grow(&p->targets, p->n_targets, &p->cap_targets, sizeof(*p->targets)) < 0)
		return bf_lower_error(&p->l, -ENOMEM);
	p->targets[p->n_targets++] = (struct bf_lower_target){ place, to };
}

/* Where a rest that misses goes on, and what has no verdict. */
static void lower_resume(struct patch *p, const struct delta *d, uint32_t head)
{
	struct bf_cell *c;

	p->l.here = BF_NO_LABEL;
	bf_lower_bind(&p->l, d->resume);
	c = bf_lower_cell(&p->l, BF_CELL_CLASS, BF_NO_LABEL, d->miss);
	c->word = 1;
	c->arg = d->run->gate == BF_NO_CELL ? d->run->head : head;
}

/* Where a gate leads: to what came. */
static bf_label lower_gate(struct patch *p, const struct delta *d, uint32_t head)
{
	bf_label start = new_place(&p->l);

	bf_lower_cell(&p->l, BF_CELL_CLASS, BF_NO_LABEL, d->miss)->arg = head;
	return start;
}

static void lower_targets(struct patch *p, const struct delta *d, uint32_t head, uint32_t svcs)
{
	for (uint32_t i = 0; i < d->r.n_svc && !p->l.err; i++) {
		const struct bf_run_svc *s = &d->r.svc[i];
		const struct bf_class_svc *svc = (const void *)(d->r.svcs.data + (size_t)s->place * 16);

		if (!(svc->flags & BF_SVC_SKIP))
			add_target(p, svcs + 4 * s->place + offsetof(struct bf_class_svc, target) / 4, lower_target(p, d, s));
	}
	lower_resume(p, d, head);
}

/* -------------------------------------------------------------------- boxes */

/* The next change of the run from i on, or n. */
static uint32_t next_change(const struct patch *p, const struct delta *d, uint32_t i)
{
	while (i < p->n && !covers(d->run, &p->changes[i]))
		i++;
	return i;
}

/* Rules that come to the same place share the gap before it. */
static uint32_t order_of(const struct patch *p, const struct delta *d, uint32_t i)
{
	const struct bf_changed *c = &p->changes[i];
	uint32_t order = (c->rule - d->run->from + 1) * d->run->gap, all = 0, before = 0;

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
static bool was_hidden(const struct patch *p, const struct delta *d, uint32_t i)
{
	unsigned bits = p->l.family == NFPROTO_IPV4 ? 32 : 128;

	for (uint32_t k = next_change(p, d, 0); k < i; k = next_change(p, d, k + 1))
		if (p->changes[k].kind == BF_WENT && d->boxes[k].end != BF_END_NEVER &&
		    boxes_meet(&d->boxes[k], &d->boxes[i], bits))
			return true;
	return false;
}

static int add_change(struct patch *p, struct delta *d, uint32_t i)
{
	const struct bf_changed *c = &p->changes[i];
	struct bf_box *b = &d->boxes[i];
	struct bf_run_rule rule = { .index = (uint32_t)(c->what - d->chain->rules), .order = order_of(p, d, i) };
	enum bf_verdict_kind v = c->what->verdict.kind;

	if (c->kind == BF_STAYS && !was_hidden(p, d, i))
		return 0;
	if (!rule.order || !is_plain(p, c))
		return -EAGAIN;
	rule.own = c->kind == BF_WENT;
	rule.final = c->kind != BF_WENT && (b->end == BF_END_DROPS || v != BF_VERDICT_CONTINUE);
	if (c->kind == BF_WENT)
		b->rest = 0; /* whatever it tested besides */
	if (b->end != BF_END_NEVER)
		bf_lower_need(&p->l, b->needs);
	return bf_run_add(&d->r, &rule, b) ? -EAGAIN : 0;
}

static void mark_skips(const struct patch *p, struct delta *d)
{
	for (uint32_t i = 0; i < d->r.n_svc; i++)
		for (uint32_t k = 0; k < p->n; k++)
			if (p->changes[k].kind == BF_WENT && p->changes[k].what == &d->chain->rules[d->r.svc[i].rule])
				((struct bf_class_svc *)(d->r.svcs.data + (size_t)d->r.svc[i].place * 16))->flags |=
					BF_SVC_SKIP | BF_SVC_UNCOUNTED;
}

static int collect(struct patch *p, struct delta *d)
{
	int err = 0;

	d->boxes = malloc(BF_MAX(p->n, 1u) * sizeof(*d->boxes));
	if (!d->boxes)
		return -ENOMEM;
	for (uint32_t i = next_change(p, d, 0); i < p->n && !err; i = next_change(p, d, i + 1)) {
		bf_box_make(&d->boxes[i], p->changes[i].what, p->l.sorts, p->l.family);
		err = add_change(p, d, i);
	}
	mark_skips(p, d);
	return err;
}

static int build(struct patch *p, struct delta *d, uint32_t *head)
{
	struct bf_class_problem problem = bf_run_finish(&d->r);
	struct bf_class_opts o = { .max_bytes = (uint64_t)p->h->class_half * sizeof(uint32_t),
		                     .levels = BF_MAX(d->run->uses.levels, 1u), .one_tree = d->run->uses.trees <= 1 };
	struct bf_class_stats stats;
	int err = bf_class_forest.build(&problem, &o, &p->l.class, head, &stats); /* programs without a hash have no use for one */
	const struct bf_class_head *h;

	if (err)
		return err == -E2BIG ? -EAGAIN : err;
	h = (const void *)(p->l.class.data + (size_t)*head * sizeof(uint32_t));
	p->inst.uses.structs |= 1u << h->kind;
	p->inst.uses.ops |= 1u << BF_CELL_CLASS;
	lower_targets(p, d, *head, h->svcs);
	return p->l.err;
}

static bool within(const struct bf_uses *a, const struct bf_uses *b)
{
	return !(a->needs & ~b->needs) && !(a->ops & ~b->ops) && !(a->loaders & ~b->loaders) && !a->specials && !a->assists &&
	       !(a->structs & ~b->structs);
}

static int make_delta(struct patch *p, uint32_t i)
{
	const struct bf_link_run *r = &p->runs[i];
	struct delta d = { .run = r, .chain = p->l.table->chains[r->chain] };
	int err;

	p->gates[i] = BF_NO_LABEL;
	if (r->gate != BF_NO_CELL)
		p->next[i] = r->miss;
	if (next_change(p, &d, 0) == p->n)
		return 0;
	if (r->miss == BF_NO_CELL)
		return -EAGAIN;
	p->inst = (struct bf_inst){ .pass = (uint8_t)r->pass };
	choose_pass(p, r->pass);
	d.miss = bf_lower_at(&p->l, r->miss);
	d.ret = r->ret == BF_NO_CELL ? BF_NO_LABEL : bf_lower_at(&p->l, r->ret);
	d.resume = bf_lower_label(&p->l);
	bf_run_init(&d.r, d.chain->rules, p->n, p->l.family == NFPROTO_IPV6);
	err = p->l.err ? p->l.err : collect(p, &d);
	if (!err && d.r.n_boxes)
		err = build(p, &d, &p->next[i]);
	if (!err && d.r.n_boxes && r->gate != BF_NO_CELL)
		p->gates[i] = lower_gate(p, &d, p->next[i]);
	if (!err && (!within(&p->inst.uses, &r->uses) || (r->gate != BF_NO_CELL && bf_run_tests(&d.r) > r->uses.tests)))
		err = -EAGAIN;
	bf_run_free(&d.r);
	free(d.boxes);
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
static bool adds_more(const struct patch *p)
{
	const struct bf_lower *l = &p->l;

	for (uint32_t i = 0; i < l->n_cells; i++)
		if (l->cells[i].op == BF_CELL_COUNT && !l->cells[i].word && l->cells[i].arg >= p->h->n_counters)
			return true;
	return l->n_codes || l->params.len || l->n_handoffs != p->h->n_codes || l->n_sets || l->n_found || l->n_data ||
	       l->n_switches || l->n_lives || l->n_opens || l->n_exacts;
}

/* What leads to the deltas: heads of runs, or the gates' ways for the half. */
static void put_ways(struct patch *p, struct bf_patch *out, bool gates)
{
	size_t way = p->half ? offsetof(struct bf_cell, miss) : offsetof(struct bf_cell, hit);

	for (uint32_t i = 0; i < p->h->n_runs; i++) {
		const struct bf_link_run *r = &p->runs[i];
		uint64_t head = r->head * sizeof(uint32_t) + offsetof(struct bf_class_head, next[p->half]);

		if ((r->gate != BF_NO_CELL) == gates)
			out->writes[out->n++] = (struct bf_write){
				gates ? "cells" : "class", gates ? r->gate * sizeof(struct bf_cell) + way : head, &p->next[i],
				sizeof(p->next[i]) };
	}
}

/* Cells and class data of the half, then which runs have deltas in it. */
static int put_writes(struct patch *p, struct bf_arena *a, struct bf_patch *out)
{
	size_t class_at = (p->h->class_at + (size_t)p->half * p->h->class_half) * sizeof(uint32_t);
	uint32_t *words = (uint32_t *)p->l.class.data;

	for (uint32_t i = 0; i < p->n_targets && !p->l.err; i++)
		words[p->targets[i].place] = bf_lower_cell_of(&p->l, p->targets[i].to);
	for (uint32_t i = 0; i < p->h->n_runs && !p->l.err; i++)
		if (p->gates[i] != BF_NO_LABEL)
			p->next[i] = bf_lower_cell_of(&p->l, p->gates[i]);
	if (p->l.err)
		return p->l.err;
	if (adds_more(p) || p->l.n_cells > p->h->cells_half ||
	    p->l.class.len > class_at + p->h->class_half * sizeof(uint32_t))
		return -EAGAIN;
	*out = (struct bf_patch){ .writes = bf_arena_array(a, 2 + p->h->n_runs, struct bf_write) };
	if (!out->writes ||
	    add_write(out, a, "cells", (uint64_t)p->l.cell_base * sizeof(struct bf_cell), p->l.cells,
	              p->l.n_cells * sizeof(struct bf_cell)) < 0 ||
	    add_write(out, a, "class", class_at, p->l.class.data + class_at, p->l.class.len - class_at) < 0)
		return -ENOMEM;
	put_ways(p, out, false);
	put_ways(p, out, true);
	return 0;
}

static int begin(struct patch *p, struct bf_arena *a, const struct bf_table *stub, struct bf_diag *d)
{
	size_t class_at = (p->h->class_at + (size_t)p->half * p->h->class_half) * sizeof(uint32_t);
	struct bf_lower *l = &p->l;

	*l = (struct bf_lower){ .g = &p->graph, .arena = a, .table = stub, .diag = d, .hz = p->h->hz, .here = BF_NO_LABEL,
		                    .insts = &p->inst, .n_insts = 1,
		                    .cell_base = p->h->cells_at + p->half * p->h->cells_half };
	l->class = (struct bf_buf){ .data = calloc(1, class_at), .len = class_at, .cap = class_at }; /* up to there nobody looks */
	if (!l->class.data)
		return -ENOMEM;
	bf_lower_know_codes(l, p->link.codes, p->h->n_codes);
	l->drop = bf_lower_label(l);
	l->accept = bf_lower_label(l);
	l->ret = bf_lower_label(l);
	p->next = bf_arena_array(a, p->h->n_runs, uint32_t);
	p->gates = bf_arena_array(a, p->h->n_runs, bf_label);
	return p->next && p->gates ? l->err : -ENOMEM;
}

static void end(struct patch *p)
{
	p->l.insts = NULL;
	bf_lower_free(&p->l);
	free(p->targets);
}

int bf_gen_patch(const void *link, size_t len, const struct bf_table *stub, const struct bf_changed *changes, uint32_t n,
                 uint64_t version, struct bf_arena *a, struct bf_patch *out, struct bf_diag *d)
{
	struct patch p = { .stub = stub, .changes = changes, .n = n, .half = !(version & 1) };
	int err;

	if (!bf_link_open(link, len, &p.link))
		return -EAGAIN;
	p.h = p.link.head;
	p.runs = p.link.runs;
	p.chains = p.link.chains;
	if (stub->n_chains != p.h->n_chains || !can_say(&p))
		return -EAGAIN;
	err = begin(&p, a, stub, d);
	for (uint32_t i = 0; i < p.h->n_runs && !err; i++)
		err = make_delta(&p, i);
	if (!err) {
		bf_lower_resolve(&p.l);
		err = put_writes(&p, a, out);
	}
	end(&p);
	return err;
}
