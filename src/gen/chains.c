/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chains.c: chains and rules -> cells.
 *
 * A rule is its conditions, each going to the next rule when it misses, then
 * its *body*: COUNT, HANDOFF..., and where its verdict leads. Cells of a rule
 * lie together and rules in order, so that a walk that misses runs forward.
 *
 * A chain is lowered once for each *instance*. Where RETURN and the end of a
 * chain lead is fixed in most instances (a label), so jumping there pushes
 * nothing:
 *   - a chain that never returns needs no way back;
 *   - a chain with one call site returns to that site;
 *   - small chains called from several sites are copied, with all below them,
 *     while the budget lasts.
 * The others have one instance that returns through the stack: CALL pushes the
 * way back, RET pops it. goto hands on the way back of the chain it leaves.
 * At most one instance of a chain is no copy, so work stays linear.
 */
#include <linux/in.h>

#include "gen/build.h"
#include "gen/gate.h"
#include "gen/patch_link.h"
#include "rt/class.h"
#include "rule/set.h"

enum { COPY_MAX = 4096, OWN_MAX = 16384 };
enum { FEW_LEVELS = 256 << 10 /* bytes of class data */, LARGE_LEVELS = 4 };
enum { NEW, OPEN, DONE };

static struct bf_inst *inst_of(struct bf_lower *l, uint32_t i)
{
	return &l->insts[i];
}

static uint32_t new_inst(struct bf_lower *l, struct bf_plan_chain *c, bf_label ret, bool copied)
{
	struct bf_inst *in;

	if (bf_grow(&l->insts, l->n_insts, &l->cap_insts, sizeof(*l->insts)) < 0)
		return bf_lower_error(l, -ENOMEM), 0;
	in = &l->insts[l->n_insts];
	*in = (struct bf_inst){ .chain = c - l->plan.chains, .ret = ret, .copied = copied, .set = l->set,
	                        .pass = l->pass, .edges = BF_IDMAP_NONE };
	in->first = bf_lower_labels(l, c->chain->n_rules + 1);
	in->last = bf_lower_wants_gates(l, c) ? bf_lower_label(l) : in->first + c->chain->n_rules;
	if (!copied)
		c->inst[l->pass] = l->n_insts;
	for (uint32_t i = 0; c->indexed && i <= c->chain->n_rules && !l->err; i++)
		bf_lower_use(l, in->first + i); /* somebody may jump there later */
	return l->n_insts++;
}

/* A copy of c that returns to ret; the same one for all who want just that (gotos). ret tells the kind of packets, too. */
static uint32_t copy_inst(struct bf_lower *l, struct bf_plan_chain *c, bf_label ret)
{
	uint64_t key = (uint64_t)(c - l->plan.chains) << 32 | bf_lower_find(l, ret);
	uint32_t i = bf_idmap_get(&l->copies, key);

	if (i != BF_IDMAP_NONE)
		return i;
	i = new_inst(l, c, ret, true);
	if (bf_idmap_put(&l->copies, key, i) < 0)
		bf_lower_error(l, -ENOMEM);
	return i;
}

/* The instance of c to enter when its way back is ret, from the instance being lowered. *push: ret must be pushed. */
static uint32_t choose_inst(struct bf_lower *l, struct bf_plan_chain *c, bf_label ret, bool *push)
{
	bool copied = inst_of(l, l->inst)->copied;
	uint32_t *own = &c->inst[l->pass];

	*push = false;
	if (!c->returns)
		return *own != BF_IDMAP_NONE ? *own : new_inst(l, c, BF_NO_LABEL, false);
	bf_lower_use(l, ret);
	if (copied || (c->sites > 1 && ret != l->ret && c->size <= l->copy_budget)) {
		l->copy_budget -= copied ? 0 : c->size;
		return copy_inst(l, c, ret);
	}
	if (*own == BF_IDMAP_NONE)
		new_inst(l, c, c->sites > 1 ? l->ret : ret, false);
	if (l->err)
		return 0;
	*push = inst_of(l, *own)->ret == l->ret && ret != l->ret;
	return *own;
}

static void add_edge(struct bf_lower *l, uint32_t callee, bool push)
{
	if (bf_grow(&l->edges, l->n_edges, &l->cap_edges, sizeof(*l->edges)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->edges[l->n_edges] = (struct bf_inst_edge){ callee, inst_of(l, l->inst)->edges, push };
	inst_of(l, l->inst)->edges = l->n_edges++;
}

/* Continue in chain v->chain, whose way back is ret. */
static void enter_chain(struct bf_lower *l, const struct bf_verdict *v, bf_label ret)
{
	bool push;
	uint32_t to = choose_inst(l, bf_plan_chain(&l->plan, v->chain), ret, &push);
	bf_label entry;

	if (l->err)
		return;
	add_edge(l, to, push);
	entry = inst_of(l, to)->first + v->index;
	bf_lower_use(l, entry);
	if (push)
		bf_lower_cell(l, BF_CELL_CALL, entry, ret);
	else
		bf_lower_goto(l, entry);
}

static void count(struct bf_lower *l, uint32_t counter, enum bf_count how)
{
	if (counter != BF_NO_COUNTER && how != BF_COUNT_DONE)
		bf_lower_count_here(l, counter, how == BF_COUNT_SLOT);
}

void bf_lower_action(struct bf_lower *l, const struct bf_action *a)
{
	int err = a->target->lower ? a->target->lower(l, a->data) : l->where == BF_AT_NETFILTER ? 0 : -EOPNOTSUPP;
	bf_label more;

	if (err < 0) {
		if (!l->err)
			bf_diag_error(l->diag, err, "%s cannot be done at this hook", a->target->name);
		return bf_lower_error(l, err);
	}
	if (l->where != BF_AT_NETFILTER)
		return;
	more = bf_lower_label(l);
	bf_lower_handoff(l, a, more);
	bf_lower_bind(l, more);
}

struct ways { /* where RETURN, a jump that comes back, and no verdict lead */
	bf_label ret, after, next;
};

static void lower_verdict(struct bf_lower *l, const struct bf_verdict *v, const struct ways *w);

/* A place for each verdict of a map, and a cell that knows them. */
static void lower_map(struct bf_lower *l, const struct bf_set *map, const struct ways *w)
{
	bf_label first = bf_lower_labels(l, map->n_verdicts);

	bf_lower_switch(l, first, map->n_verdicts);
	for (uint32_t i = 0; i < map->n_verdicts && !l->err; i++) {
		l->here = BF_NO_LABEL;
		bf_lower_bind(l, first + i);
		lower_verdict(l, &map->verdicts[i], w);
	}
	l->here = BF_NO_LABEL;
}

void bf_lower_leave(struct bf_lower *l, enum bf_verdict_kind kind)
{
	bool accept = kind == BF_VERDICT_ACCEPT || (kind == BF_VERDICT_ACTION && l->where == BF_AT_NETFILTER);

	bf_lower_goto(l, accept ? l->accept : l->drop);
}

static void lower_verdict(struct bf_lower *l, const struct bf_verdict *v, const struct ways *w)
{
	switch (v->kind) {
	case BF_VERDICT_CONTINUE:
		return bf_lower_goto(l, w->next);
	case BF_VERDICT_ACTION:
	case BF_VERDICT_ACCEPT:
	case BF_VERDICT_DROP:
		return bf_lower_leave(l, v->kind);
	case BF_VERDICT_RETURN:
		return bf_lower_goto(l, w->ret);
	case BF_VERDICT_JUMP:
		return enter_chain(l, v, w->after);
	case BF_VERDICT_GOTO:
		return enter_chain(l, v, w->ret);
	case BF_VERDICT_MAP:
		return lower_map(l, v->map, w);
	}
}

/* What happens to a packet that rule i of the instance being lowered matches. */
static void lower_body(struct bf_lower *l, uint32_t i, enum bf_count how, bf_label next)
{
	bf_label ret = inst_of(l, l->inst)->ret, after = i == l->run_last ? l->run_after : inst_of(l, l->inst)->first + i + 1;
	const struct bf_rule *r = &bf_lower_chain(l)->chain->rules[i];

	count(l, r->counter, how);
	for (uint32_t a = 0; a < r->n_actions && !l->err; a++)
		bf_lower_action(l, &r->actions[a]);
	lower_verdict(l, &r->verdict, &(struct ways){ ret, after, next });
}

/* Those of its conditions that are left, one after the other; where it goes then; `how` it is counted. */
void bf_lower_view(struct bf_lower *l, uint32_t i, const struct bf_view *v, enum bf_count how, bf_label next)
{
	const struct bf_rule *r = &bf_lower_chain(l)->chain->rules[i];

	for (uint32_t k = 0; v->left && k < r->n_conds && l->here != BF_NO_LABEL && !l->err; k++) {
		bf_label ok;

		if (!bf_view_has(v->left, k))
			continue;
		ok = bf_lower_label(l);
		bf_lower_cond(l, bf_rule_cond(r, k), ok, next);
		bf_lower_bind(l, ok);
	}
	if (l->here == BF_NO_LABEL) /* no packet gets here */
		return;
	if (v->end == BF_END_BODY)
		lower_body(l, i, how, next);
	else
		bf_lower_goto(l, v->end == BF_END_DROPS ? l->drop : next);
}

/* A rule by itself. */
void bf_lower_rule(struct bf_lower *l, uint32_t i)
{
	bf_label first = inst_of(l, l->inst)->first; /* insts may move */
	struct bf_view v;

	bf_view_make(&v, &bf_lower_chain(l)->chain->rules[i], l->sorts, l->family);
	bf_lower_bind_rule(l, i);
	bf_lower_view(l, i, &v, BF_COUNT_RULE, first + i + 1);
}

static void lower_end(struct bf_lower *l)
{
	const struct bf_inst *in = inst_of(l, l->inst);
	const struct bf_chain *c = l->plan.chains[in->chain].chain;
	bf_label ret = in->ret;

	if (in->last == in->first + c->n_rules)
		bf_lower_bind(l, in->last);
	else
		bf_lower_last_gate(l);
	bf_lower_bind(l, in->last);
	count(l, c->counter, BF_COUNT_RULE);
	if (c->policy == BF_VERDICT_ACCEPT)
		ret = l->accept;
	else if (c->policy == BF_VERDICT_DROP)
		ret = l->drop;
	bf_lower_goto(l, ret);
}

/* Where an error happened is said once, unless something better was said. */
static void say_where(struct bf_lower *l, const struct bf_chain *c)
{
	if (l->err && l->err != -ENOMEM)
		bf_diag_error(l->diag, l->err, "chain %s of table %s cannot be compiled: %s", c->name, l->table->name,
		              strerror(-l->err));
}

static void lower_insts(struct bf_lower *l)
{
	for (; l->inst < l->n_insts && !l->err; l->inst++) {
		const struct bf_chain *c = bf_lower_chain(l)->chain;

		l->here = BF_NO_LABEL;
		bf_lower_rules(l);
		lower_end(l);
		say_where(l, c);
	}
}

/* RETURN in a base chain leads to its policy; when the chain is also jumped into, by the stack. */
static bf_label base_start(struct bf_lower *l, struct bf_plan_chain *c)
{
	uint32_t in = new_inst(l, c, BF_NO_LABEL, false);
	bf_label entry, start, here;

	if (l->err)
		return 0;
	entry = inst_of(l, in)->first;
	inst_of(l, in)->ret = c->sites ? l->ret : inst_of(l, in)->last;
	bf_lower_use(l, entry);
	if (!c->sites)
		return entry;
	here = l->here;
	l->here = start = bf_lower_label(l);
	bf_lower_cell(l, BF_CELL_CALL, entry, inst_of(l, in)->last);
	l->here = here;
	return start;
}

/*
 * Where packets of a hook begin: their sort is found out. Nearly all are
 * ordinary by the first test; so are those that are no TCP and shorter.
 */
static void add_sorting(struct bf_lower *l, enum bf_fam fam, bf_label start, const bf_label *to)
{
	const uint32_t flags = BF_ODD_FRAG | BF_ODD_FRAG1 | BF_ODD_BADEXT;
	bf_label shorter = bf_lower_label(l), whole = bf_lower_label(l), tcp = bf_lower_label(l), clear;

	bf_lower_bind(l, start);
	bf_lower_test(l, BF_KEY_ODD, flags | BF_ODD_AVAIL, BF_ODD_TCP_LEAST, BF_ODD_AVAIL, to[BF_SORTS_ORDINARY], shorter);
	bf_lower_bind(l, shorter);
	bf_lower_test(l, BF_KEY_ODD, BF_ODD_FRAG | BF_ODD_FRAG1, BF_ODD_FRAG, BF_ODD_FRAG, to[BF_SORTS_LATE], whole);
	bf_lower_bind(l, whole);
	if (fam == BF_FAM_IP6) {
		clear = bf_lower_label(l);
		bf_lower_test(l, BF_KEY_ODD, BF_ODD_BADEXT, BF_ODD_BADEXT, BF_ODD_BADEXT, to[BF_SORTS_BROKEN], clear);
		bf_lower_bind(l, clear);
	}
	bf_lower_test(l, BF_KEY_ODD, flags | BF_ODD_AVAIL, BF_ODD_LEAST, BF_ODD_AVAIL, tcp, to[BF_SORTS_REST]);
	bf_lower_bind(l, tcp);
	bf_lower_test(l, BF_KEY_META, 0xff, IPPROTO_TCP, IPPROTO_TCP, to[BF_SORTS_REST], to[BF_SORTS_ORDINARY]);
}

/* Nothing is done here, nothing counted. */
static bool is_idle(const struct bf_plan_chain *c)
{
	return !c->chain->n_rules && c->chain->policy == BF_VERDICT_ACCEPT && c->chain->counter == BF_NO_COUNTER && !c->sites;
}

static enum bf_where where_of(const struct bf_chain *c)
{
	if (c->at.hook < BF_HOOKS_NETFILTER)
		return BF_AT_NETFILTER;
	return bf_hook_kinds[c->at.hook].can & BF_CAN_IP ? BF_AT_PACKET : BF_AT_CALL;
}

/* Where packets of a family begin; to: and those of each set of it. */
static bf_label add_start(struct bf_lower *l, enum bf_where where, enum bf_fam fam, bf_label *to)
{
	bool sorting = l->plan.headers && fam != BF_FAM_OTHER;
	bf_label start;

	for (int set = 0; set < BF_SORTS_SETS; set++)
		to[bf_pass(where, fam, set)] = bf_lower_label(l);
	start = sorting ? bf_lower_label(l) : to[bf_pass(where, fam, BF_SORTS_ALL)];
	if (l->err)
		return start;
	bf_lower_use(l, start);
	if (sorting)
		add_sorting(l, fam, start, &to[bf_pass(where, fam, 0)]);
	return start;
}

static struct bf_graph_root *new_root(struct bf_lower *l, const struct bf_chain *c, uint8_t family)
{
	struct bf_graph_root *root = &l->g->roots[l->g->n_roots++];

	*root = (struct bf_graph_root){ .chain = c, .family = family, .start = BF_NO_LABEL, .start_ip6 = BF_NO_LABEL,
	                                .start_other = BF_NO_LABEL };
	return root;
}

static bf_label start_or_accept(struct bf_lower *l, enum bf_where where, unsigned fams, enum bf_fam fam,
                                bf_label *to)
{
	if (fams >> fam & 1)
		return add_start(l, where, fam, to);
	bf_lower_use(l, l->accept); /* the chain does not see them */
	return l->accept;
}

/* A program for each family, or one for all. to: as add_start() has it. */
static void add_roots(struct bf_lower *l, struct bf_plan_chain *c, bf_label *to)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	unsigned fams = is_idle(c) ? 0 : bf_chain_families(c->chain);
	enum bf_where where = where_of(c->chain);
	struct bf_graph_root *root;

	if (fams && bf_hook_kinds[c->chain->at.hook].all_families) {
		root = new_root(l, c->chain, NFPROTO_NETDEV);
		root->start = start_or_accept(l, where, fams, BF_FAM_IP, to);
		root->start_ip6 = start_or_accept(l, where, fams, BF_FAM_IP6, to);
		root->start_other = start_or_accept(l, where, fams, BF_FAM_OTHER, to);
		return;
	}
	for (int fam = BF_FAM_IP; fam <= BF_FAM_IP6; fam++)
		if (fams >> fam & 1)
			new_root(l, c->chain, families[fam])->start = add_start(l, where, fam, to);
}

/* All chains that packets of one set see: their cells lie together. */
static void lower_pass(struct bf_lower *l, enum bf_where where, enum bf_fam fam, enum bf_sorts set,
                       bf_label (*to)[BF_PASSES])
{
	l->set = set;
	l->where = where;
	l->pass = bf_pass(where, fam, set);
	l->family = bf_pass_family(l->pass);
	l->sorts = bf_sorts(set, l->plan.headers && fam != BF_FAM_OTHER, l->family);
	if (!l->sorts)
		return;
	for (uint32_t i = 0; i < l->plan.n_chains && !l->err; i++) {
		struct bf_plan_chain *c = &l->plan.chains[i];

		if (!c->chain->base || is_idle(c) || where_of(c->chain) != where || !(bf_chain_families(c->chain) >> fam & 1))
			continue;
		l->here = BF_NO_LABEL;
		bf_lower_bind(l, to[i][l->pass]);
		bf_lower_goto(l, base_start(l, c));
	}
	lower_insts(l);
}

static void lower_roots(struct bf_lower *l)
{
	bf_label(*to)[BF_PASSES] = calloc(BF_MAX(l->plan.n_chains, 1u), sizeof(*to));

	if (!to)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < l->plan.n_chains && !l->err; i++)
		if (l->plan.chains[i].chain->base)
			add_roots(l, &l->plan.chains[i], to[i]);
	for (unsigned i = 0; i < BF_WHERES * BF_FAMS; i++) {
		enum bf_where where = i / BF_FAMS;
		enum bf_fam fam = i % BF_FAMS;

		for (int set = l->plan.headers && fam != BF_FAM_OTHER ? 0 : BF_SORTS_ALL; set < BF_SORTS_SETS && !l->err; set++)
			lower_pass(l, where, fam, set, to);
	}
	free(to);
}

/* Sums up what instances reach. */

static void take(struct bf_inst *in, const struct bf_inst *from, bool push)
{
	in->uses.needs |= from->uses.needs;
	in->uses.ops |= from->uses.ops;
	in->uses.loaders |= from->uses.loaders;
	in->uses.specials |= from->uses.specials;
	in->uses.assists |= from->uses.assists;
	in->uses.structs |= from->uses.structs;
	in->uses.levels = BF_MAX(in->uses.levels, from->uses.levels);
	in->uses.tests = BF_MAX(in->uses.tests, from->uses.tests);
	in->uses.trees = BF_MAX(in->uses.trees, from->uses.trees);
	in->uses.runs |= from->uses.runs;
	in->depth = BF_MAX(in->depth, from->depth + push);
}

/* Callees before callers; edges are used up on the way. */
static void sum_below(struct bf_lower *l, uint32_t *stack, uint32_t root)
{
	uint32_t n = 0;

	if (l->insts[root].state == NEW)
		stack[n++] = root;
	while (n) {
		struct bf_inst *in = &l->insts[stack[n - 1]];
		uint32_t e = in->edges;

		in->state = OPEN;
		if (e == BF_IDMAP_NONE) {
			in->state = DONE;
			n--;
		} else if (l->insts[l->edges[e].callee].state == NEW) {
			stack[n++] = l->edges[e].callee;
		} else {
			take(in, &l->insts[l->edges[e].callee], l->edges[e].push);
			in->edges = l->edges[e].next;
		}
	}
}

/* Chains in circles: everything needs what anything needs; as deep as ip_tables' own jump stack,
 * which drops what goes deeper, and the policy below it. */
static void sum_coarsely(struct bf_lower *l, struct bf_inst *out)
{
	for (uint32_t i = 0; i < l->n_insts; i++)
		take(out, &l->insts[i], false);
	out->depth = l->plan.n_user + 2;
}

static bool has_pass(const struct bf_graph_root *r, unsigned pass)
{
	return where_of(r->chain) == bf_pass_where(pass) &&
	       (r->family == NFPROTO_NETDEV || bf_fam_of(r->family) == bf_pass_fam(pass));
}

/* What a root reaches, for packets of all its families and sorts. */
static struct bf_inst sum_root(struct bf_lower *l, uint32_t *stack, const struct bf_graph_root *r)
{
	const struct bf_plan_chain *c = bf_plan_chain(&l->plan, r->chain);
	struct bf_inst sum = { 0 };

	if (l->plan.cyclic)
		sum_coarsely(l, &sum);
	for (int i = 0; i < BF_PASSES && !l->plan.cyclic; i++) {
		if (c->inst[i] == BF_IDMAP_NONE || !has_pass(r, i))
			continue;
		sum_below(l, stack, c->inst[i]);
		take(&sum, &l->insts[c->inst[i]], c->sites > 0);
	}
	if (l->plan.headers)
		sum.uses.needs |= BF_NEED_L4;
	sum.uses.ops &= ~(1u << BF_CELL_CALL | 1u << BF_CELL_RET); /* those of base chains are nobody's instance's */
	sum.uses.ops |= 1u << BF_CELL_VERDICT | (l->plan.headers ? 1u << BF_CELL_TEST : 0);
	sum.uses.ops |= sum.depth ? 1u << BF_CELL_CALL | 1u << BF_CELL_RET : 0;
	return sum;
}

/*
 * What a change in place of a run is likely to need. Small tables have few levels, hardly any many tests: the verifier
 * takes longer for those that nobody needs than compiling the table does. Rounded up: tables that differ little have
 * the same programs.
 */
static void add_basics(const struct bf_lower *l, struct bf_uses *u)
{
	bool large = l->class.len > FEW_LEVELS && u->levels; /* gates have no trees of their own */
	uint32_t least = large ? LARGE_LEVELS : BF_LINK_LEAST;

	while (least < u->levels)
		least *= 2;
	u->levels = least;
	u->tests = u->tests > BF_LINK_LEAST ? BF_SVC_TESTS : BF_LINK_LEAST;
	u->ops |= 1u << BF_CELL_TEST | 1u << BF_CELL_COUNT | 1u << BF_CELL_VERDICT | 1u << BF_CELL_CLASS;
	u->structs |= 1u << BF_CLASS_FOREST | l->idle.structs;
	u->ops |= l->idle.ops;
}

/* Which roots reach which instances. */
static void mark_root(struct bf_lower *l, uint32_t *stack, uint32_t root)
{
	const struct bf_plan_chain *c = bf_plan_chain(&l->plan, l->g->roots[root].chain);
	uint32_t n = 0;

	for (int i = 0; i < BF_PASSES; i++)
		if (c->inst[i] != BF_IDMAP_NONE && has_pass(&l->g->roots[root], i)) {
			l->insts[c->inst[i]].roots |= 1u << root;
			stack[n++] = c->inst[i];
		}
	while (n) {
		uint32_t in = stack[--n];

		for (uint32_t e = l->insts[in].edges; e != BF_IDMAP_NONE; e = l->edges[e].next) {
			struct bf_inst *to = &l->insts[l->edges[e].callee];

			if (to->roots >> root & 1)
				continue;
			to->roots |= 1u << root;
			stack[n++] = l->edges[e].callee;
		}
	}
}

static void sum_roots(struct bf_lower *l)
{
	uint32_t *stack = calloc(BF_MAX(l->n_insts, 1u), sizeof(*stack));

	if (!stack)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < l->g->n_roots && l->n_runs + l->n_gates && l->g->n_roots <= BF_ROOTS_MARKED; i++)
		mark_root(l, stack, i);
	for (uint32_t i = 0; i < l->g->n_roots; i++) {
		struct bf_graph_root *r = &l->g->roots[i];
		struct bf_inst sum = sum_root(l, stack, r);

		r->depth = sum.depth;
		r->uses = sum.uses;
		if (sum.uses.structs & (BF_LIVE_SHORT - 1))
			add_basics(l, &r->uses);
		l->g->conntrack |= r->uses.needs & BF_NEED_CT;
	}
	free(stack);
}

static void assist_hooks(struct bf_lower *l)
{
	struct bf_assist_spec *a = (struct bf_assist_spec *)l->assists.data;

	for (uint32_t i = 0; i < l->g->n_roots; i++)
		for (uint32_t k = 0; k < l->n_assists; k++)
			if (l->g->roots[i].uses.assists >> k & 1)
				a[k].hooks |= 1u << l->g->roots[i].chain->at.hook;
}

void bf_lower_chains(struct bf_lower *l)
{
	l->drop = bf_lower_label(l);
	l->accept = bf_lower_label(l);
	l->ret = bf_lower_label(l);
	l->g->roots = bf_arena_array(l->arena, 2 * (size_t)l->plan.n_chains, struct bf_graph_root);
	if (!l->g->roots)
		return bf_lower_error(l, -ENOMEM);
	lower_roots(l);
	if (!l->err && l->n_runs + l->n_gates)
		bf_lower_idle_sets(l);
	if (!l->err)
		sum_roots(l);
	if (!l->err)
		assist_hooks(l);
}

/* Where a run is class data nothing can be straight code; and in a chain as long as that one will be, for some packets. */
static uint32_t class_min(const struct bf_plan *p, uint32_t code_max)
{
	for (uint32_t i = 0; i < p->n_chains; i++)
		if (p->chains[i].chain->base &&
		    (p->chains[i].size > code_max || p->chains[i].chain->n_rules >= BF_CLASS_MIN_CODE))
			return BF_CLASS_MIN_DATA;
	return BF_CLASS_MIN_CODE;
}

/* Rules times the families and sets of packets that they are lowered for. */
static uint64_t count_rules(const struct bf_plan *p, uint8_t family)
{
	unsigned other = family == NFPROTO_NETDEV, both = other || family == NFPROTO_INET, sets = 0;
	uint64_t n = 0;

	for (int set = p->headers ? 0 : BF_SORTS_ALL; set < BF_SORTS_SETS; set++) {
		sets += (both || family == NFPROTO_IPV4) && bf_sorts(set, p->headers, NFPROTO_IPV4);
		sets += (both || family == NFPROTO_IPV6) && bf_sorts(set, p->headers, NFPROTO_IPV6);
	}
	for (uint32_t i = 0; i < p->n_chains; i++)
		n += p->chains[i].reachable ? p->chains[i].chain->n_rules : 0;
	return n * (sets + other);
}

int bf_graph_build(struct bf_graph *g, struct bf_arena *a, const struct bf_table *t, const struct bf_gen_opts *o,
                   struct bf_diag *d)
{
	struct bf_lower l = { .g = g, .arena = a, .table = t, .diag = d, .hz = o->hz,
	                      .copy_budget = o->copy_max ? o->copy_max : COPY_MAX,
	                      .explain = o->explain, .class_bytes = o->class_bytes, .progress = o->progress,
	                      .own_max = o->own_max ? o->own_max : OWN_MAX, .gates_all = o->gates,
	                      .here = BF_NO_LABEL, .gated = BF_NO_LABEL, .run_last = UINT32_MAX };
	int err = bf_plan_make(&l.plan, t, d);

	l.pool = bf_pool_new(o->threads); /* NULL: as well without */
	*g = (struct bf_graph){ .drop_code = BF_NO_CODE, .conntrack = l.plan.conntrack };
	if (!err && l.plan.active) {
		l.rules = count_rules(&l.plan, t->family);
		l.class_min = o->class_min ? o->class_min : class_min(&l.plan, o->code_max);
		bf_lower_chains(&l);
		bf_lower_finish(&l);
		err = l.err ? l.err : bf_graph_gate(g);
	}
	bf_lower_free(&l);
	bf_pool_free(l.pool);
	return err;
}
