/* SPDX-License-Identifier: GPL-2.0-only */
/* rules_model.c: rules that came and went (rules.h) as rules of the model, and whose counter is which. */
#include "front/native/rules.h"
#include "rule/set.h"

struct maker {
	const struct bf_nrules *rules;
	const struct bf_nstored *stored;
	struct bf_nrules_model *out;
	struct bf_buf list;   /* struct bf_nrule_change */
	struct bf_buf owners; /* of each rule of the stub's model that counts: which of list it came from */
	uint32_t at;          /* in list: what is evaluated */
	bool lost;
	struct bf_nrules_now now;
};

static const struct bf_nrule_change *listed(const struct maker *m, uint32_t i)
{
	return i < m->list.len / sizeof(struct bf_nrule_change) ? (const struct bf_nrule_change *)m->list.data + i : NULL;
}

/* ------------------------------------------------------------------- counters */

static uint32_t counter_that_came(struct maker *m, const struct bf_eval_counter *c)
{
	const struct bf_nstored *s = m->stored;
	uint32_t n = (uint32_t)(m->out->fresh.len / sizeof(*c));

	for (uint32_t i = s->head->n_counters; i < s->n_counters; i++)
		if (s->counters[i].handle == c->handle && s->counters[i].ordinal == c->ordinal)
			return i;
	for (uint32_t i = 0; i < n; i++) /* in a chain as it is now, too */
		if (((const struct bf_eval_counter *)(void *)m->out->fresh.data)[i].handle == c->handle &&
		    ((const struct bf_eval_counter *)(void *)m->out->fresh.data)[i].ordinal == c->ordinal)
			return s->n_counters + i;
	bf_buf_add(&m->out->fresh, c, sizeof(*c));
	return s->n_counters + n;
}

static uint32_t number_counter(void *ctx, const struct bf_eval_counter *c)
{
	struct maker *m = ctx;
	const struct bf_nrule_change *x;

	if (c->what == BF_EVAL_POLICY)
		return 0;
	while ((x = listed(m, m->at)) && x->handle != c->handle)
		m->at++;
	m->lost |= !x;
	if (c->what == BF_EVAL_RULE)
		bf_buf_add(&m->owners, &m->at, sizeof(m->at));
	if (!x || x->kind == BF_WENT)
		return 0;
	return x->kind == BF_CAME ? counter_that_came(m, c) : m->rules->rules[x->rule].counter + c->ordinal;
}

/* Of chains as they are now: each rule has those that it had, or those that it came with. */
static uint32_t number_now(void *ctx, const struct bf_eval_counter *c)
{
	struct maker *m = ctx;
	const struct bf_nrule_change *x = (const void *)m->now.rules.data, *end = x + m->now.rules.len / sizeof(*x);

	while (x < end && x->handle != c->handle)
		x++;
	m->lost |= x == end;
	if (x == end)
		return 0;
	return x->kind == BF_CAME ? counter_that_came(m, c) : m->rules->rules[x->rule].counter + c->ordinal;
}

/* -------------------------------------------------------------------- changes */

/* Rule number k of those of the model that x became. */
static bool add_change(struct maker *m, const struct bf_nrule_change *x, uint32_t chain, uint32_t k,
                       const struct bf_rule *what)
{
	struct bf_changed c = { .chain = chain, .rule = bf_nrules_place(m->rules, chain, x->rule), .kind = x->kind, .what = what };

	if (x->chain != chain)
		return false;
	if (x->kind != BF_CAME)
		c.rule += k;
	bf_buf_add(&m->out->changes, &c, sizeof(c));
	return x->kind == BF_CAME || c.rule < bf_nrules_place(m->rules, chain, x->rule + 1);
}

/* Rules without a counter belong to the next one that has one. */
static bool list_chain(struct maker *m, uint32_t chain, uint32_t *owner)
{
	const struct bf_chain *c = m->out->ev.rs->tables[0]->chains[chain];
	const uint32_t *owners = (const void *)m->owners.data;
	uint32_t n = (uint32_t)(m->owners.len / sizeof(*owners)), last = UINT32_MAX, k = 0;

	for (uint32_t i = 0; i < c->n_rules; i++) {
		const struct bf_nrule_change *x = *owner < n ? listed(m, owners[*owner]) : NULL;

		if (!x)
			return false;
		k = owners[*owner] == last ? k + 1 : 0;
		last = owners[*owner];
		if (!add_change(m, x, chain, k, &c->rules[i]))
			return false;
		*owner += c->rules[i].counter != BF_NO_COUNTER;
	}
	return true;
}

/* Rules of the model that went: all that the rules of the text had become. */
static bool all_went(const struct maker *m)
{
	const struct bf_changed *c = (const void *)m->out->changes.data;
	const struct bf_nrule_change *x;
	uint32_t n = 0;

	for (uint32_t i = 0; (x = listed(m, i)); i++)
		if (x->kind == BF_WENT)
			n += bf_nrules_place(m->rules, x->chain, x->rule + 1) - bf_nrules_place(m->rules, x->chain, x->rule);
	for (; (const char *)c < m->out->changes.data + m->out->changes.len; c++)
		n -= c->kind == BF_WENT;
	return !n;
}

static bool list_changes(struct maker *m)
{
	const struct bf_table *t = m->out->ev.rs->tables[0];
	uint32_t owner = 0;

	if (m->lost || t->n_chains != m->rules->n_chains) /* a rule was taken apart into chains */
		return false;
	for (uint32_t i = 0; i < m->rules->head->n_chains; i++)
		if (!list_chain(m, i, &owner))
			return false;
	return owner == m->owners.len / sizeof(uint32_t) && all_went(m);
}

/* ------------------------------------------------------------ chains as they are now */

static uint32_t place_of(struct bf_chain *const *chains, uint32_t n, const struct bf_chain *c)
{
	uint32_t i = 0;

	while (i < n && chains[i] != c)
		i++;
	return i;
}

struct other { /* models of the stub and of what is now: which chain of the one is which of the other */
	struct bf_table *stub, *now;
	const struct bf_nchain_now *chains; /* of now */
	uint32_t n_old;                     /* chains that there were when the table was compiled */
};

/* Who leads to a chain that was compiled leads to the stub's, else to that of now. False: there it is not whole. */
static bool redirect(const struct other *o, const struct bf_table *t, struct bf_verdict *v)
{
	uint32_t i, n = o->now ? o->now->n_chains : 0;

	if (v->kind != BF_VERDICT_JUMP && v->kind != BF_VERDICT_GOTO)
		return true;
	i = place_of(t->chains, t->n_chains, v->chain);
	if (i == t->n_chains)
		return false;
	if (t == o->now)
		i = o->chains[i].chain;
	v->chain = o->stub->chains[i];
	if (i < o->n_old)
		return true;
	for (uint32_t k = 0; k < n; k++)
		if (o->chains[k].chain == i) {
			v->chain = o->now->chains[k];
			return o->chains[k].whole;
		}
	return false;
}

static bool redirect_all(const struct other *o, struct bf_table *t)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		for (uint32_t k = 0; k < t->chains[i]->n_rules; k++)
			if (!redirect(o, t, &t->chains[i]->rules[k].verdict))
				return false;
	for (uint32_t i = 0; i < t->n_sets; i++)
		for (uint32_t k = 0; k < t->sets[i]->n_verdicts; k++)
			if (!redirect(o, t, &t->sets[i]->verdicts[k]))
				return false;
	return true;
}

/* Of now only whole chains are left, of the stub those that were compiled. */
static void drop_others(const struct other *o)
{
	uint32_t n = 0;

	for (uint32_t i = 0; o->now && i < o->now->n_chains; i++)
		if (o->chains[i].whole)
			o->now->chains[n++] = o->now->chains[i];
	if (o->now)
		o->now->n_chains = n;
	o->stub->n_chains = o->n_old;
}

static int make_now(struct maker *m, struct bf_nrules *r, struct bf_eval_env *env)
{
	struct other o = { .stub = m->out->ev.rs->tables[0], .n_old = r->head->n_chains };
	int err = bf_nrules_now(r, &m->list, &m->now);

	if (!err && m->now.table) {
		env->counter = number_now;
		err = bf_native_eval(r->ast, m->now.table, env, &m->out->now, NULL);
	}
	if (err)
		return err;
	if (m->now.table) {
		o.now = m->out->now.rs->tables[0];
		o.chains = (const void *)m->now.chains.data;
		if (o.now->n_chains != m->now.chains.len / sizeof(*o.chains))
			return -EAGAIN;
	}
	if (m->lost || !redirect_all(&o, o.stub) || (o.now && !redirect_all(&o, o.now)))
		return -EAGAIN;
	drop_others(&o);
	return 0;
}

static int evaluate(struct maker *m, struct bf_nrules *r, const struct bf_span *spans, uint32_t n_spans,
                    const struct bf_eval_env *env)
{
	struct bf_eval_env own = *env;
	int err = bf_nrules_stub(r, spans, n_spans, &m->list);

	if (err)
		return err;
	own.no_elements = true;
	own.counter = number_counter;
	own.counter_ctx = m;
	err = bf_native_eval(r->ast, r->table, &own, &m->out->ev, NULL);
	if (!err && (m->owners.err || m->out->fresh.err))
		err = -ENOMEM;
	if (!err && !list_changes(m))
		err = -EAGAIN;
	if (!err)
		err = make_now(m, r, &own);
	if (!err && m->out->fresh.err)
		err = -ENOMEM;
	return err ? err : m->out->changes.err;
}

int bf_nrules_model(struct bf_nrules *r, const struct bf_nstored *s, const struct bf_span *spans, uint32_t n_spans,
                    const struct bf_eval_env *env, struct bf_nrules_model *out)
{
	struct maker m = { .rules = r, .stored = s, .out = out };
	int err;

	*out = (struct bf_nrules_model){ 0 };
	err = evaluate(&m, r, spans, n_spans, env);
	bf_buf_free(&m.list);
	bf_buf_free(&m.owners);
	bf_buf_free(&m.now.chains);
	bf_buf_free(&m.now.rules);
	return err && err != -ENOMEM ? -EAGAIN : err;
}

void bf_nrules_model_free(struct bf_nrules_model *m)
{
	bf_evaluated_free(&m->ev);
	bf_evaluated_free(&m->now);
	bf_buf_free(&m->fresh);
	bf_buf_free(&m->changes);
}
