/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_rule.c: the statements of a rule, in order, into model rules.
 *
 * A model rule is conditions and then what is done. Statements that are not in
 * that order, or that stand for several rules, are taken apart:
 *
 *   log tcp dport 22 accept          [log] [tcp dport 22 accept]
 *   tcp dport vmap { 22 : accept, 80 : jump web } limit ...
 *                                    [tcp dport 22 accept] [tcp dport 80 jump web]
 *
 * What has a state (a limit) must be looked at once for each packet. Where that
 * stands in front of what becomes several rules, the packets that pass it go
 * to a chain of their own, and the rest of the chain (R) is one, too:
 *
 *   chain c:   ... [limit ... goto c:1] [goto R]
 *   chain c:1  [tcp dport 22 accept] [tcp dport 80 jump web] [goto R]
 *   chain R    the next rules of c
 *
 * By goto, so that `return` leads where it leads from c.
 */
#include "front/native/evaluate.h"

#include <stdio.h>

#include "rule/intern.h"

/* Drafts. */

bool bf_ev_add_cond(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_cond *interned)
{
	if (d->n_conds == d->room) {
		uint32_t room = d->room ? d->room * 2 : 8;
		const struct bf_cond **more = bf_arena_array(ev->rs->arena, room, const struct bf_cond *);

		if (!more)
			return bf_ev_nomem(ev);
		if (d->n_conds)
			memcpy(more, d->conds, d->n_conds * sizeof(*more));
		d->conds = more;
		d->room = room;
	}
	if (d->n_conds == UINT16_MAX)
		return bf_ev_error(ev, ev->rule->loc, "the rule has too many conditions");
	d->conds[d->n_conds++] = interned;
	return true;
}

bool bf_ev_add_match(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_match_ops *m, const void *data, bool neg)
{
	const struct bf_cond c = { .kind = BF_COND_MATCH, .neg = neg, .match = m,
		                       .data = bf_arena_memdup(ev->rs->arena, data, m->data_size) };
	const struct bf_cond *one = c.data ? bf_cond_intern(ev->rs, &c) : NULL;

	d->state |= m->stateful;
	return one ? bf_ev_add_cond(ev, d, one) : bf_ev_nomem(ev);
}

bool bf_ev_add_action(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_target_ops *t, const void *data)
{
	struct bf_action *more = bf_arena_array(ev->rs->arena, d->n_actions + 1, struct bf_action);
	const void *copy = bf_arena_memdup(ev->rs->arena, data, t->data_size);

	if (!more || !copy)
		return bf_ev_nomem(ev);
	if (d->n_actions)
		memcpy(more, d->actions, d->n_actions * sizeof(*more));
	more[d->n_actions++] = (struct bf_action){ t, copy };
	d->actions = more;
	return true;
}

bool bf_ev_draft_copy(struct bf_ev *ev, struct bf_ev_draft *to, const struct bf_ev_draft *from)
{
	*to = *from;
	to->room = 0; /* the list is copied when it grows */
	to->conds = bf_arena_array(ev->rs->arena, from->n_conds + 4, const struct bf_cond *);
	if (!to->conds)
		return bf_ev_nomem(ev);
	to->room = from->n_conds + 4;
	if (from->n_conds)
		memcpy(to->conds, from->conds, from->n_conds * sizeof(*to->conds));
	return true;
}

/* Model rules. */

static struct bf_rule *write_rule(struct bf_ev *ev, const struct bf_ev_draft *d, enum bf_verdict_kind v,
                                  struct bf_chain *to)
{
	struct bf_rule *r;

	if (++ev->made > BF_EV_RULES)
		return bf_ev_error(ev, ev->rule->loc, "the rule stands for more than %u rules", (unsigned)BF_EV_RULES), NULL;
	r = bf_chain_add_rule(ev->rs, ev->into);
	if (!r)
		return bf_ev_nomem(ev), NULL;
	for (uint32_t i = 0; i < d->n_conds; i++)
		if (bf_conds_append(ev->rs, r, bf_cond_at(d->conds[i])))
			return bf_ev_nomem(ev), NULL;
	r->actions = d->actions;
	r->n_actions = (uint16_t)d->n_actions;
	r->verdict = (struct bf_verdict){ .kind = v, .chain = to };
	return r;
}

bool bf_ev_emit(struct bf_ev *ev, const struct bf_ev_draft *d, enum bf_verdict_kind v, struct bf_chain *to)
{
	struct bf_rule *r = write_rule(ev, d, v, to);

	if (!r)
		return false;
	r->counter = bf_ev_counter(ev, ev->rule->handle, BF_EVAL_RULE, d->counted);
	r->comment = ev->rule->comment ? bf_arena_strdup(ev->rs->arena, ev->rule->comment) : NULL;
	return !ev->rule->comment || r->comment || bf_ev_nomem(ev);
}

bool bf_ev_emit_map(struct bf_ev *ev, const struct bf_ev_draft *d, const struct bf_set *map)
{
	if (!bf_ev_emit(ev, d, BF_VERDICT_CONTINUE, NULL))
		return false;
	ev->into->rules[ev->into->n_rules - 1].verdict = (struct bf_verdict){ .kind = BF_VERDICT_MAP, .map = map };
	return true;
}

/* Chains of our own. */

struct bf_chain *bf_ev_hidden(struct bf_ev *ev)
{
	char name[300];
	struct bf_chain *c;

	snprintf(name, sizeof(name), "%.250s:%u", ev->chain->ast->name.text, ++ev->chain->splits);
	c = bf_table_add_chain(ev->rs, ev->t, name);
	if (!c)
		bf_ev_nomem(ev);
	return c;
}

bool bf_ev_goto(struct bf_ev *ev, const struct bf_ev_draft *d, struct bf_chain *to)
{
	static const struct bf_ev_draft always;

	return write_rule(ev, d ? d : &always, BF_VERDICT_GOTO, to);
}

bool bf_ev_split(struct bf_ev *ev, struct bf_ev_draft *d)
{
	struct bf_chain *h = bf_ev_hidden(ev);

	if (!ev->resume)
		ev->resume = bf_ev_hidden(ev);
	if (!h || !ev->resume || !bf_ev_goto(ev, d, h) || !bf_ev_goto(ev, NULL, ev->resume))
		return false;
	ev->into = h;
	*d = (struct bf_ev_draft){ .counted = BF_EVAL_NONE };
	return true;
}

/* By its counter monitor knows that a packet came by. */
static bool count_log(struct bf_ev *ev, struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_actions; i++)
		if (r->actions[i].target == &bf_target_nft_log) {
			r->counter = bf_ev_counter(ev, ev->rule->handle, BF_EVAL_STATEMENT, BF_EVAL_NONE);
			break;
		}
	return true;
}

/* What is done so far is done whatever follows. */
static bool flush(struct bf_ev *ev, struct bf_ev_draft *d)
{
	struct bf_rule *r;

	if (!d->n_actions)
		return true;
	if (d->state) {
		struct bf_action *actions = d->actions;
		uint32_t n = d->n_actions;

		d->n_actions = 0;
		if (!bf_ev_split(ev, d))
			return false;
		d->actions = actions;
		d->n_actions = n;
	}
	r = write_rule(ev, d, BF_VERDICT_CONTINUE, NULL);
	if (!r)
		return false;
	d->n_actions = 0;
	d->actions = NULL;
	return count_log(ev, r);
}

/* Statements. */

static bool maps(const struct bf_ast_stmt *s)
{
	return (s->kind == BF_STMT_SET && bf_ast_peel(s->match.r)->kind == BF_AST_MAP) ||
	       (s->kind == BF_STMT_OBJECT && bf_ast_peel(s->object.name)->kind == BF_AST_MAP);
}

/* Can a packet that gets there not get beyond? */
static bool can_fail(const struct bf_ast_stmt *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case BF_STMT_VERDICT:
		case BF_STMT_REJECT:
		case BF_STMT_COUNTER:
		case BF_STMT_LOG:
		case BF_STMT_NOTRACK:
		case BF_STMT_STRIP:
		case BF_STMT_REDIRECT:
		case BF_STMT_MIRROR:
		case BF_STMT_ROUTE:
		case BF_STMT_SOCKSET: break;
		case BF_STMT_SET:
			if (maps(s))
				return true;
			break;
		case BF_STMT_OBJECT:
			if (s->object.type != BF_OBJ_COUNTER || maps(s))
				return true;
			break;
		default: return true;
		}
	return false;
}

bool bf_ev_needs_tail(const struct bf_ast_stmt *s)
{
	const uint32_t kinds = 1u << BF_STMT_LIMIT | 1u << BF_STMT_QUOTA | 1u << BF_STMT_CT_COUNT | 1u << BF_STMT_SAMPLE |
	                       1u << BF_STMT_OBJECT | 1u << BF_STMT_ELEMENT | 1u << BF_STMT_VMAP | 1u << BF_STMT_SET |
	                       1u << BF_STMT_PROGRAM | 1u << BF_STMT_LOG;

	for (; s; s = s->next)
		if (kinds >> s->kind & 1 || bf_ev_generator(s))
			return true;
	return false;
}

static bool count(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	struct bf_count_here c;

	if (d->counted == BF_EVAL_NONE && !can_fail(s->next)) {
		d->counted = number;
		return true;
	}
	c.counter = bf_ev_counter(ev, ev->rule->handle, BF_EVAL_STATEMENT, number);
	return bf_ev_add_match(ev, d, &bf_match_counter, &c, false);
}

static bool verdict(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, bool *done)
{
	enum bf_verdict_kind kind;
	struct bf_chain *to;

	if (!bf_ev_verdict(ev, s->verdict, &kind, &to))
		return false;
	*done = kind != BF_VERDICT_CONTINUE;
	if (*done && s->next)
		return bf_ev_error(ev, s->next->loc, "nothing behind a verdict is done");
	return !*done || bf_ev_emit(ev, d, kind, to);
}

bool bf_ev_verdict(struct bf_ev *ev, const struct bf_ast_expr *v, enum bf_verdict_kind *kind, struct bf_chain **to)
{
	static const enum bf_verdict_kind kinds[] = {
		[BF_AST_ACCEPT] = BF_VERDICT_ACCEPT, [BF_AST_DROP] = BF_VERDICT_DROP,     [BF_AST_CONTINUE] = BF_VERDICT_CONTINUE,
		[BF_AST_RETURN] = BF_VERDICT_RETURN, [BF_AST_JUMP] = BF_VERDICT_JUMP, [BF_AST_GOTO] = BF_VERDICT_GOTO,
	};
	const struct bf_ev_chain *c;

	v = bf_ast_peel(v);
	*to = NULL;
	if (v->kind != BF_AST_VERDICT)
		return bf_ev_error(ev, v->loc, "a verdict is wanted here");
	*kind = kinds[v->verdict.kind];
	if (*kind == BF_VERDICT_DROP && !bf_ev_need(ev, v->loc, BF_CAN_DROP, "drop"))
		return false;
	if (v->verdict.kind < BF_AST_JUMP)
		return true;
	c = bf_ev_chain_find(ev, v->verdict.chain.text);
	if (!c)
		return bf_ev_no_chain(ev, &v->verdict.chain);
	if (c->ast->base)
		return bf_ev_error(ev, v->verdict.chain.loc, "'%s' stands at a hook: nothing can go there from another chain",
		                   v->verdict.chain.text);
	*to = c->model;
	return true;
}

/* One statement; *done: it ended the rule, and what follows has been read. */
static bool statement(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number, bool *done)
{
	enum bf_verdict_kind end = BF_VERDICT_CONTINUE;

	switch (s->kind) {
	case BF_STMT_MATCH: return flush(ev, d) && bf_ev_generate(ev, d, s) && bf_ev_match(ev, d, s);
	case BF_STMT_PCAP:
	case BF_STMT_PROGRAM:
	case BF_STMT_BYTECODE: return flush(ev, d) && bf_ev_code(ev, d, s);
	case BF_STMT_LIMIT:
	case BF_STMT_QUOTA:
	case BF_STMT_SAMPLE: return flush(ev, d) && bf_ev_state(ev, d, s);
	case BF_STMT_OBJECT: return flush(ev, d) && bf_ev_object(ev, d, s);
	case BF_STMT_ELEMENT: return flush(ev, d) && bf_ev_element(ev, d, s);
	case BF_STMT_COUNTER: return (!can_fail(s->next) || flush(ev, d)) && count(ev, d, s, number);
	case BF_STMT_VERDICT: return verdict(ev, d, s, done);
	case BF_STMT_VMAP:
		*done = true;
		return flush(ev, d) && bf_ev_generate(ev, d, s) && bf_ev_vmap(ev, d, s, number);
	case BF_STMT_SET:
		if ((bf_ev_generator(s) && !flush(ev, d)) || !bf_ev_generate(ev, d, s))
			return false;
		if (!maps(s) && !(bf_ev_made(s) && ev->chain->hooks & ((1u << BF_HOOKS_NETFILTER) - 1)))
			break;
		*done = true;
		return flush(ev, d) && (maps(s) ? bf_ev_set_map(ev, d, s, number) : bf_ev_set_made(ev, d, s, number));
	default: break;
	}
	if (!bf_ev_act(ev, d, s, &end))
		return false;
	*done = end != BF_VERDICT_CONTINUE;
	if (*done && s->next)
		return bf_ev_error(ev, s->next->loc, "nothing behind this is done");
	return !*done || bf_ev_emit(ev, d, end, NULL);
}

bool bf_ev_rest(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	bool done = false, ok = true;

	for (; s && !done; s = s->next, number++) {
		ev->stmt = number;
		ok &= statement(ev, d, s, number, &done);
		if (ev->err == -ENOMEM)
			return false;
	}
	return done || !ok ? ok : bf_ev_emit(ev, d, BF_VERDICT_CONTINUE, NULL);
}

bool bf_ev_rule(struct bf_ev *ev, struct bf_ev_chain *c, const struct bf_ast_rule *r)
{
	struct bf_ev_draft d = { .counted = BF_EVAL_NONE };
	bool ok;

	ev->chain = c;
	ev->rule = r;
	ev->ordinal = ev->made = ev->states = 0;
	ev->resume = NULL;
	ok = bf_ev_before(ev, &d, r) && bf_ev_rest(ev, &d, r->stmts, 0);
	if (!ev->resume)
		return ok;
	ok &= bf_ev_goto(ev, NULL, ev->resume);
	ev->into = ev->resume;
	return ok;
}
