/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.c: a state -> the model. The blob is one flat list of entries: a
 * packet that no verdict stops goes on with the next entry, over any chain's
 * end. The list is cut into regions, each of which becomes a chain:
 *
 *   [hook entry ... policy]      a base chain: the last entry is policy and counter
 *   ERROR head [... RETURN]      a user chain: so is its unconditional RETURN
 *
 * That is what iptables writes. In a blob made by hand hooks may begin and end
 * elsewhere, jumps may go into the middle of any chain, and chains may run
 * into the next. Then
 *
 *   - a region that runs into an ERROR head ends with policy DROP, counted there;
 *     into anything else: with an uncounted "goto" to it
 *   - an ERROR head that a jump leads to is rule 0 of its chain
 *   - a base chain that is jumped into, or whose policy stands elsewhere, becomes
 *     a user chain (".INPUT") and the base chain an uncounted "goto" to it: RETURN
 *     in it must go back to the jump
 *   - rules that belong to no chain become one (".12", by its first entry)
 *
 * A jump to the very next entry is not put on the jump stack: no verdict.
 * Jumps on the stack are as many as ERROR entries at most, a packet that
 * jumps deeper is dropped; where that could happen (by hand only) the table is
 * refused (depth.c). Chains that no hook reaches may jump to anywhere, also in
 * circles: the kernel does not look at them, jumps to no entry become DROP.
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>

#include "base/shelf.h"
#include "front/xtables/cond.h"
#include "front/xtables/model.h"

/* What iptables' own end of a chain looks like: an unconditional verdict `v`. */
static bool is_end(const struct bf_xt_model *m, uint32_t i, int32_t v)
{
	const uint8_t *e = bf_xt_entry(&m->b, i), *t = bf_xt_target(m->b.l, e);

	return bf_xt_unconditional(m->b.l, e) && bf_xt_is_standard(t) && bf_xt_verdict(t) == v;
}

static bool is_head(const struct bf_xt_model *m, uint32_t i)
{
	return m->b.kinds[i] & BF_XT_IS_HEAD;
}

static bool is_reached(const struct bf_xt_model *m, uint32_t i)
{
	return bf_xt_comefrom(m->b.l, bf_xt_entry(&m->b, i)) != 0;
}

/*
 * Regions.
 */

/* Where regions begin beside ERROR heads: at hooks, and behind policies. They are few. */
struct borders {
	uint32_t at[2 * BF_XT_HOOKS + 1];
	unsigned n, next;
};

static void add_border(struct borders *b, uint32_t at)
{
	unsigned i = b->n++;

	for (; i && b->at[i - 1] > at; i--)
		b->at[i] = b->at[i - 1];
	b->at[i] = at;
}

static void find_borders(const struct bf_xt_model *m, struct borders *b)
{
	*b = (struct borders){ 0 };
	add_border(b, 0);
	for (unsigned h = 0; h < BF_XT_HOOKS; h++) {
		add_border(b, bf_xt_find(&m->b, m->b.head->hook_entry[h])); /* BF_XT_NONE is behind all */
		add_border(b, bf_xt_find(&m->b, m->b.head->underflow[h]) + 1);
	}
}

/* Asked for one entry after the other. */
static bool begins_region(const struct bf_xt_model *m, struct borders *b, uint32_t i)
{
	while (b->next < b->n && b->at[b->next] < i)
		b->next++;
	return is_head(m, i) || (b->next < b->n && b->at[b->next] == i);
}

static uint32_t count_regions(const struct bf_xt_model *m, struct borders b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->b.head->num_entries; i++)
		n += begins_region(m, &b, i);
	return n;
}

static int cut(struct bf_xt_model *m)
{
	uint32_t n = m->b.head->num_entries;
	struct bf_xt_region *r = NULL;
	struct borders b;

	find_borders(m, &b);
	m->region_of = bf_arena_array(m->scratch, n, uint32_t);
	m->regions = bf_arena_array(m->scratch, count_regions(m, b), struct bf_xt_region);
	if (!m->region_of || !m->regions)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (begins_region(m, &b, i)) {
			r = &m->regions[m->n_regions++];
			*r = (struct bf_xt_region){ .first = i, .end = i, .head = BF_XT_NONE };
			if (is_head(m, i)) {
				r->head = i;
				r->first++;
			}
		}
		r->end = i + 1;
		m->region_of[i] = m->n_regions - 1;
	}
	return 0;
}

static void lead_to(struct bf_xt_model *m, uint32_t i)
{
	struct bf_xt_region *r = &m->regions[m->region_of[i]];

	r->entered = true;
	if (r->head == i)
		r->head_rule = true;
}

/* How a region goes on behind its last entry. */
static void find_end(struct bf_xt_model *m, struct bf_xt_region *r)
{
	uint32_t last = r->end - 1, next = r->end;

	r->policy = BF_VERDICT_RETURN;
	r->counter = BF_NO_COUNTER;
	if (r->first < r->end && is_end(m, last, XT_RETURN)) {
		r->counter = last;
		r->end--;
		return;
	}
	if (is_end(m, last, -NF_ACCEPT - 1) || is_end(m, last, -NF_DROP - 1) || !is_reached(m, last) ||
		next == m->b.head->num_entries)
		return;
	if (is_head(m, next) && bf_xt_unconditional(m->b.l, bf_xt_entry(&m->b, next))) {
		r->policy = BF_VERDICT_DROP;
		r->counter = next;
		return;
	}
	r->runs_on = true;
	lead_to(m, next);
}

static void connect_regions(struct bf_xt_model *m)
{
	for (uint32_t i = 0; i < m->b.head->num_entries; i++) {
		uint32_t to = bf_xt_jump_of(&m->b, i);

		if (to != BF_XT_NONE && to != i + 1)
			lead_to(m, to);
	}
	for (uint32_t i = 0; i < m->n_regions; i++)
		find_end(m, &m->regions[i]);
}

/*
 * Chains.
 */

/* The base chain is the region and nothing but the hook leads there. */
static bool is_plain(const struct bf_xt_model *m, const struct bf_xt_region *r, unsigned hook)
{
	const struct bf_xt_head *h = m->b.head;

	return r->head == BF_XT_NONE && !r->entered && !r->runs_on && r->counter == BF_NO_COUNTER &&
		   m->b.offsets[r->first] == h->hook_entry[hook] && m->b.offsets[r->end - 1] == h->underflow[hook];
}

static void set_policy(const struct bf_xt_model *m, struct bf_chain *c, uint32_t entry)
{
	c->policy = is_end(m, entry, -NF_DROP - 1) ? BF_VERDICT_DROP : BF_VERDICT_ACCEPT;
	c->counter = entry;
}

static int add_base(struct bf_xt_model *m, struct bf_table *t, unsigned hook)
{
	const struct bf_xt_head *h = m->b.head;
	uint32_t entry = bf_xt_find(&m->b, h->hook_entry[hook]), underflow = bf_xt_find(&m->b, h->underflow[hook]);
	struct bf_chain *c = bf_table_add_chain(m->rs, t, bf_xt_hook_name(hook));
	struct bf_xt_region *r;

	if (!c)
		return -ENOMEM;
	if (entry == BF_XT_NONE || underflow == BF_XT_NONE)
		return -EINVAL;
	r = &m->regions[m->region_of[entry]];
	if (r->chain) /* of another hook: a damaged state */
		return -EINVAL;
	c->base = true;
	c->at.hook = (uint8_t)hook;
	c->at.priority = m->priority;
	set_policy(m, c, underflow);
	m->base[hook] = c;
	m->base_entry[hook] = entry;
	if (is_plain(m, r, hook)) {
		r->chain = c;
		r->end--; /* the policy */
	} else {
		lead_to(m, entry);
		r->hook_name = bf_xt_hook_name(hook);
	}
	return 0;
}

/* A region that is no base chain: a user chain, unless it is an ERROR head or lost rules that nothing leads to. */
static int add_user(struct bf_xt_model *m, struct bf_table *t, struct bf_xt_region *r)
{
	char name[24];

	if (r->chain || !(r->entered || (r->head != BF_XT_NONE && (r->first < r->end || r->counter == r->first))))
		return 0;
	if (r->head != BF_XT_NONE) {
		r->chain =
			bf_table_add_chain(m->rs, t, (const char *)bf_xt_target(m->b.l, bf_xt_entry(&m->b, r->head)) + BF_XT_HEAD);
	} else {
		if (r->hook_name)
			snprintf(name, sizeof(name), ".%s", r->hook_name);
		else
			snprintf(name, sizeof(name), ".%u", r->first);
		r->chain = bf_table_add_chain(m->rs, t, name);
	}
	if (!r->chain)
		return -ENOMEM;
	r->chain->policy = r->policy;
	r->chain->counter = r->counter;
	return 0;
}

static int add_chains(struct bf_xt_model *m, struct bf_table *t)
{
	int err = 0;

	for (unsigned h = 0; h < BF_XT_HOOKS && !err; h++)
		if (m->b.head->valid_hooks & 1u << h)
			err = add_base(m, t, h);
	for (uint32_t i = 0; i < m->n_regions && !err; i++)
		err = add_user(m, t, &m->regions[i]);
	return err;
}

/*
 * Rules.
 */

static void set_jump(const struct bf_xt_model *m, struct bf_rule *r, uint32_t to, bool go)
{
	const struct bf_xt_region *region = &m->regions[m->region_of[to]];

	r->verdict.kind = go ? BF_VERDICT_GOTO : BF_VERDICT_JUMP;
	r->verdict.chain = region->chain;
	r->verdict.index = region->head == to ? 0 : to - region->first + region->head_rule;
}

static int set_verdict(const struct bf_xt_model *m, struct bf_rule *r, const struct bf_xt_source *s,
                       const struct bf_xt_check *c, struct bf_diag *d)
{
	switch (bf_xt_verdict(bf_xt_target(m->b.l, s->e))) {
	case -NF_ACCEPT - 1:
		r->verdict.kind = BF_VERDICT_ACCEPT;
		return 0;
	case -NF_DROP - 1:
		r->verdict.kind = BF_VERDICT_DROP;
		return 0;
	case XT_RETURN:
		r->verdict.kind = BF_VERDICT_RETURN;
		return 0;
	case -NF_QUEUE - 1:
		return bf_xt_error(c, d, -EOPNOTSUPP, "target QUEUE is not supported by bpfilter");
	}
	if (s->to == BF_XT_NONE)
		r->verdict.kind = BF_VERDICT_DROP;
	else if (s->to != s->next)
		set_jump(m, r, s->to, c->ipflags & m->b.l->flag_goto);
	return 0;
}

static int add_ext(struct bf_xt_model *m, struct bf_rule *r, const uint8_t *head, bool target,
				   const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct bf_xt_ext *x;
	int err = bf_xt_ext_find(&m->cache, c->family, target, head, &x);

	if (err) /* a state from a version that served more */
		return bf_xt_error(c, d, err, "extension `%.29s' (%s, revision %u) is not supported by bpfilter",
						   bf_xt_name(head), target ? "target" : "match", bf_xt_rev(head));
	if (bf_xt_size(head) < BF_XT_HEAD + x->size)
		return -EINVAL;
	return x->translate ? x->translate(m->rs, r, head + BF_XT_HEAD, c, d) : 0;
}

int bf_xt_model_rule(struct bf_xt_model *m, struct bf_chain *chain, const struct bf_xt_source *s, struct bf_diag *d)
{
	const struct bf_xt_layout *l = m->b.l;
	const uint8_t *t = bf_xt_target(l, s->e);
	struct bf_rule *r = bf_chain_add_rule(m->rs, chain);
	struct bf_xt_check c;
	int err;

	if (!r)
		return -ENOMEM;
	bf_xt_check_init(&c, &m->b, s->e, s->place);
	r->counter = s->counter;
	err = bf_xt_ip_conds(m->rs, r, l, s->e);
	bf_xt_foreach_match (match, l, s->e) {
		if (err)
			return err;
		err = add_ext(m, r, match, false, &c, d);
	}
	if (!err)
		err = add_ext(m, r, t, true, &c, d);
	return err || !bf_xt_is_standard(t) ? err : set_verdict(m, r, s, &c, d);
}

/* Entries are read in order, to make rules of them, and then the model takes as much memory as they do. */
static void put_away(struct bf_xt_model *m, uint32_t end)
{
	if (end < m->kept || end - m->kept < BF_SHELF_STEP)
		return;
	bf_shelf_put(m->b.base + m->kept, end - m->kept);
	m->kept = end;
}

static int add_rule(struct bf_xt_model *m, struct bf_chain *chain, uint32_t i, struct bf_diag *d)
{
	const struct bf_xt_source s = { bf_xt_entry(&m->b, i), i, i, bf_xt_jump_of(&m->b, i), i + 1 };

	put_away(m, m->b.offsets[i]);
	return bf_xt_model_rule(m, chain, &s, d);
}

static int add_goto(struct bf_xt_model *m, struct bf_chain *chain, uint32_t to)
{
	struct bf_rule *r = bf_chain_add_rule(m->rs, chain);

	if (r)
		set_jump(m, r, to, true);
	return r ? 0 : -ENOMEM;
}

static int add_region_rules(struct bf_xt_model *m, const struct bf_xt_region *r, struct bf_diag *d)
{
	int err = 0;

	if (!r->chain)
		return 0;
	err = bf_chain_reserve(m->rs, r->chain, r->end - r->first + r->head_rule + r->runs_on);
	if (!err && r->head_rule)
		err = add_rule(m, r->chain, r->head, d);
	for (uint32_t i = r->first; i < r->end && !err; i++)
		err = add_rule(m, r->chain, i, d);
	if (!err && r->runs_on)
		err = add_goto(m, r->chain, (uint32_t)(r->end));
	return err;
}

static int add_rules(struct bf_xt_model *m, struct bf_diag *d)
{
	int err = 0;

	for (uint32_t i = 0; i < m->n_regions && !err; i++)
		err = add_region_rules(m, &m->regions[i], d);
	for (unsigned h = 0; h < BF_XT_HOOKS && !err; h++)
		if (m->base[h] && m->regions[m->region_of[m->base_entry[h]]].chain != m->base[h])
			err = add_goto(m, m->base[h], m->base_entry[h]);
	return err;
}

int bf_xt_model_chains(struct bf_xt_model *m, struct bf_table **out, struct bf_diag *d)
{
	const struct bf_xt_head *h = m->b.head;
	const struct bf_xt_table *kind = bf_xt_table_find((uint8_t)h->family, h->name);
	struct bf_table *t = bf_ruleset_add_table(m->rs, (uint8_t)h->family, h->name);
	int err;

	if (!t)
		return -ENOMEM;
	if (!kind)
		return bf_diag_error(d, -ENOENT, "table `%s' is not served by bpfilter", h->name);
	m->priority = kind->priority;
	t->n_counters = h->num_entries;
	err = cut(m);
	if (err)
		return err;
	connect_regions(m);
	err = bf_xt_check_depth(m, d);
	*out = t;
	return err ? err : add_chains(m, t);
}

int bf_xt_to_ruleset(const void *state, size_t len, struct bf_ruleset **out, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *scratch = bf_arena_new();
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_xt_model m = { .rs = rs, .scratch = scratch };
	struct bf_table *t;
	int err;

	if (!rs || !scratch)
		return -ENOMEM;
	err = bf_xt_open(&(struct bf_xt_base){ .state = state, .len = len }, scratch, &m.b);
	if (!err)
		err = bf_xt_model_chains(&m, &t, d);
	if (!err)
		err = add_rules(&m, d);
	bf_shelf_put(state, len);
	if (err)
		return err;
	bf_ruleset_done(rs);
	*out = TAKE_PTR(rs);
	return 0;
}
