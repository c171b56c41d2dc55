/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interp.c: a table run over a packet, the way ipt_do_table() walks a blob.
 *
 *   next rule: conditions in order; a guard that is true, or a match that
 *              cannot read its header, drops the packet: nothing counts
 *   it matches: count, note the actions, follow the verdict
 *   RETURN or the end of a chain: back behind the jump; nowhere to go back to:
 *              the policy of the hook's base chain
 */
#include "interp/interp.h"

#include "interp/live.h"
#include "interp/packet.h"

struct state { /* of one stateful condition */
	const void *data; /* which: the address of its parameters */
	void *bytes;
};

struct place {
	const struct bf_chain *chain;
	uint32_t rule;
};

struct bf_interp {
	struct bf_arena *arena; /* owns all of it */
	const struct bf_table *t;
	uint32_t hz;
	struct bf_rt_counter *counters;
	struct state *states; /* sorted by data */
	uint32_t n_states;
	struct place *stack;
	uint32_t depth, max_depth;
	uint32_t (*random)(void *ctx);
	void *random_ctx;
	uint64_t seed;
	union bf_datum datum; /* what was found, */
	bool found;           /* if anything */
	uint32_t made;        /* by the last generator */
	struct bf_packet now; /* the packet with what was changed about it */
	struct bf_outcome *out;
	struct bf_live *live;
	void (*step)(void *ctx, const struct bf_chain *c, uint32_t rule);
	void *step_ctx;
};

void bf_interp_set_trace(struct bf_interp *in, void (*step)(void *ctx, const struct bf_chain *c, uint32_t rule), void *ctx)
{
	in->step = step;
	in->step_ctx = ctx;
}

static uint32_t fixed_random(void *ctx)
{
	struct bf_interp *in = ctx;

	in->seed = in->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(in->seed >> 32);
}

void bf_interp_set_random(struct bf_interp *in, uint32_t (*next)(void *ctx), void *ctx)
{
	in->random = next ? next : fixed_random;
	in->random_ctx = next ? ctx : in;
}

uint32_t bf_interp_random(struct bf_interp *in)
{
	return in->random(in->random_ctx);
}

uint32_t bf_interp_hz(const struct bf_interp *in)
{
	return in->hz;
}

static int compare_states(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct state *)a)->data, y = (uintptr_t)((const struct state *)b)->data;

	return x < y ? -1 : x > y;
}

void *bf_interp_state(struct bf_interp *in, const void *data)
{
	struct state key = { .data = data };
	struct state *s = bsearch(&key, in->states, in->n_states, sizeof(key), compare_states);

	return s->bytes;
}

/* Calls visit for each condition with state, until one fails. */
static bool each_stateful(struct bf_interp *in, bool (*visit)(struct bf_interp *, const struct bf_cond *))
{
	for (uint32_t i = 0; i < in->t->n_chains; i++) {
		const struct bf_chain *c = in->t->chains[i];

		for (uint32_t j = 0; j < c->n_rules; j++)
			for (uint32_t k = 0; k < c->rules[j].n_conds; k++) {
				const struct bf_cond *cond = bf_rule_cond(&c->rules[j], k);

				if (cond->kind == BF_COND_MATCH && cond->match->state_size && !visit(in, cond))
					return false;
			}
	}
	return true;
}

static bool count_state(struct bf_interp *in, const struct bf_cond *c)
{
	in->n_states++;
	return true;
}

static bool add_state(struct bf_interp *in, const struct bf_cond *c)
{
	struct state *s = &in->states[in->n_states++];

	s->data = c->data;
	s->bytes = bf_arena_alloc(in->arena, c->match->state_size);
	return s->bytes;
}

static bool make_states(struct bf_interp *in)
{
	each_stateful(in, count_state);
	in->states = bf_arena_array(in->arena, in->n_states, struct state);
	in->n_states = 0;
	if (!in->states || !each_stateful(in, add_state))
		return false;
	qsort(in->states, in->n_states, sizeof(*in->states), compare_states);
	return true;
}

/* ip_tables' stack has a place for each user chain, and one more. */
static bool make_stack(struct bf_interp *in)
{
	in->max_depth = 1;
	for (uint32_t i = 0; i < in->t->n_chains; i++)
		in->max_depth += !in->t->chains[i]->base;
	in->stack = bf_arena_array(in->arena, in->max_depth, struct place);
	return in->stack;
}

struct bf_interp *bf_interp_new(const struct bf_table *t, uint32_t hz)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_interp *in = a ? bf_arena_new_of(a, struct bf_interp) : NULL;

	if (!in) {
		bf_arena_free(a);
		return NULL;
	}
	in->arena = a;
	in->t = t;
	in->hz = hz;
	bf_interp_set_random(in, NULL, NULL);
	in->counters = bf_arena_array(a, t->n_counters, struct bf_rt_counter);
	if (!in->counters || !make_states(in) || !make_stack(in)) {
		bf_arena_free(a);
		return NULL;
	}
	return in;
}

void bf_interp_free(struct bf_interp *in)
{
	if (in) {
		bf_live_free(in->live);
		bf_arena_free(in->arena);
	}
}

struct bf_live *bf_interp_live_sets(struct bf_interp *in)
{
	if (!in->live)
		in->live = bf_live_new();
	return in->live;
}

void bf_interp_set_found(struct bf_interp *in, const union bf_datum *d)
{
	in->found = d != NULL;
	if (d)
		in->datum = *d;
}

void bf_interp_make(struct bf_interp *in, uint32_t number)
{
	in->made = number;
}

const union bf_datum *bf_interp_found(const struct bf_interp *in)
{
	return in->found ? &in->datum : NULL;
}

/* What a rule has put there. A connection has to be there for its mark. */
static bool was_put(const struct bf_interp *in, const struct bf_packet *p, const struct bf_field *f, bf_u128 *v)
{
	enum bf_out out = BF_OUT_SET;

	if (f->loader == BF_LOAD_META && f->loader_arg == BF_META_PRIORITY)
		out = BF_OUT_PRIORITY;
	else if (f->loader == BF_LOAD_CONN && (f->loader_arg & 0xff) == BF_CONN_MARK && p->hook < BF_HOOKS_NETFILTER)
		out = BF_OUT_CT_MARK;
	if (out == BF_OUT_SET || !in->out || !(in->out->out[BF_OUT_SET] >> out & 1))
		return false;
	*v = in->out->out[out];
	return true;
}

int bf_interp_field(struct bf_interp *in, const struct bf_packet *p, const struct bf_field *f, bf_u128 *v)
{
	bf_u128 was;

	if (f == &bf_field_made) {
		*v = in->made;
		return 1;
	}
	if (f != &bf_field_found && was_put(in, p, f, v)) /* if there was something to put it to */
		return bf_packet_value(p, f, &was);
	if (f != &bf_field_found)
		return bf_packet_value(p, f, v);
	*v = in->found ? (uint32_t)in->datum.value : 0;
	return in->found;
}

const struct bf_rt_counter *bf_interp_counters(const struct bf_interp *in)
{
	return in->counters;
}

/* Ranges are sorted and disjoint: only the last one that begins at or below v can hold it. */
static bool lies_in(const struct bf_range *r, uint32_t n, bf_u128 v)
{
	uint32_t first = 0, end = n; /* where the ranges above v begin lies between */

	while (first < end) {
		uint32_t mid = first + (end - first) / 2;

		if (r[mid].lo <= v)
			first = mid + 1;
		else
			end = mid;
	}
	return first > 0 && v <= r[first - 1].hi;
}

static bool field_holds(struct bf_interp *in, const struct bf_packet *p, const struct bf_cond *c, bool *hotdrop)
{
	bf_u128 v;
	int there = bf_interp_field(in, p, c->field, &v);

	*hotdrop |= there < 0;
	if (there <= 0)
		return false;
	return lies_in(c->ranges, c->n_ranges, v & c->mask) != c->neg;
}

bool bf_interp_cond(struct bf_interp *in, const struct bf_packet *p, const struct bf_cond *c, bool *hotdrop)
{
	bool holds;

	if (c->kind == BF_COND_FIELD)
		return field_holds(in, p, c, hotdrop);
	if (c->match->there && !c->match->there(in, p, c->data))
		return false;
	holds = c->match->eval(in, p, c->data, hotdrop);
	return !*hotdrop && holds != c->neg;
}

static bool matches(struct bf_interp *in, const struct bf_packet *p, const struct bf_rule *r, bool *hotdrop)
{
	for (uint32_t i = 0; i < r->n_conds; i++) {
		const struct bf_cond *c = bf_rule_cond(r, i);
		bool holds = bf_interp_cond(in, p, c, hotdrop);

		if (c->guard && holds)
			*hotdrop = true;
		if (*hotdrop || holds == c->guard)
			return false;
	}
	return true;
}

void bf_interp_unknown(struct bf_interp *in)
{
	in->out->unknown = true;
}

void bf_interp_put(struct bf_interp *in, uint8_t out, uint32_t value, const void *param, uint32_t param_len)
{
	in->out->out[out] = param_len ? 0 : value;
	in->out->out[BF_OUT_SET] |= 1u << out;
	in->out->param[out] = param_len ? param : NULL;
	if (out == BF_OUT_MARK)
		in->now.mark = value;
}

void bf_interp_count(struct bf_interp *in, uint32_t counter, const struct bf_packet *p)
{
	if (counter == BF_NO_COUNTER)
		return;
	in->counters[counter].packets++;
	in->counters[counter].bytes += bf_packet_length(p);
}

static bool push(struct bf_interp *in, struct place at)
{
	if (in->depth == in->max_depth)
		return false;
	in->stack[in->depth++] = at;
	return true;
}

/* Moves *at where the verdict says. True: out->verdict is final. */
static bool follow(struct bf_interp *in, const struct bf_chain *base, struct place *at, const struct bf_verdict *v,
                   struct bf_outcome *out)
{
	static const struct bf_verdict nowhere = { .kind = BF_VERDICT_CONTINUE };

	bool handed = v->kind == BF_VERDICT_ACTION && in->now.hook < BF_HOOKS_NETFILTER;

	out->verdict = v->kind == BF_VERDICT_ACCEPT || handed ? BF_ACCEPT : BF_DROP;
	switch (v->kind) {
	case BF_VERDICT_CONTINUE:
		at->rule++;
		return false;
	case BF_VERDICT_RETURN:
		*at = in->depth ? in->stack[--in->depth] : (struct place){ base, base->n_rules };
		return false;
	case BF_VERDICT_JUMP:
		at->rule++;
		out->overflow = !push(in, *at);
		*at = (struct place){ v->chain, v->index };
		return out->overflow;
	case BF_VERDICT_GOTO:
		*at = (struct place){ v->chain, v->index };
		return false;
	case BF_VERDICT_MAP:
		return follow(in, base, at, in->found ? &v->map->verdicts[in->datum.verdict] : &nowhere, out);
	default:
		return true;
	}
}

/* At netfilter's hooks others do them. */
static void note_actions(struct bf_interp *in, const struct bf_packet *p, const struct bf_rule *r,
                         struct bf_outcome *out)
{
	for (uint32_t i = 0; i < r->n_actions; i++)
		if (r->actions[i].target->run)
			r->actions[i].target->run(in, p, r->actions[i].data);
	for (uint32_t i = 0; i < r->n_actions && p->hook < BF_HOOKS_NETFILTER; i++)
		if (out->n_actions < BF_HANDOFF_MAX - (r->actions[i].target->terminal ? 0u : 1u))
			out->actions[out->n_actions++] = &r->actions[i];
}

static void walk(struct bf_interp *in, const struct bf_packet *p, const struct bf_chain *base, struct bf_outcome *out)
{
	struct place at = { base, 0 };

	for (bool done = false; !done;) {
		const struct bf_chain *c = at.chain;
		const struct bf_rule *r = at.rule < c->n_rules ? &c->rules[at.rule] : NULL;
		struct bf_verdict end = { .kind = c->policy };

		if (r && !matches(in, p, r, &out->hotdrop)) {
			at.rule++;
			if (!out->hotdrop)
				continue;
			out->verdict = BF_DROP;
			return;
		}
		if (in->step)
			in->step(in->step_ctx, c, at.rule);
		bf_interp_count(in, r ? r->counter : c->counter, p);
		if (r)
			note_actions(in, p, r, out);
		done = follow(in, base, &at, r ? &r->verdict : &end, out);
	}
}

static const struct bf_chain *base_chain(const struct bf_table *t, uint8_t hook)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		if (t->chains[i]->base && t->chains[i]->at.hook == hook)
			return t->chains[i];
	return NULL;
}

static bool sees(const struct bf_chain *c, uint8_t family)
{
	enum bf_fam fam = family == NFPROTO_IPV4 ? BF_FAM_IP : family == NFPROTO_IPV6 ? BF_FAM_IP6 : BF_FAM_OTHER;

	return bf_chain_families(c) >> fam & 1;
}

void bf_interp_run_chain(struct bf_interp *in, const struct bf_chain *c, const struct bf_packet *p,
                         struct bf_outcome *out)
{
	memset(out, 0, sizeof(*out));
	out->verdict = BF_ACCEPT;
	in->depth = 0;
	in->found = false;
	in->now = *p;
	in->out = out;
	if (sees(c, p->family))
		walk(in, &in->now, c, out);
}

void bf_interp_run(struct bf_interp *in, const struct bf_packet *p, struct bf_outcome *out)
{
	const struct bf_chain *base = base_chain(in->t, p->hook);

	memset(out, 0, sizeof(*out));
	out->verdict = BF_ACCEPT;
	if (base)
		bf_interp_run_chain(in, base, p, out);
}
