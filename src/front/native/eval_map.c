/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_map.c: verdict maps: a model rule for each element, or a lookup. Keys of elements do
 * not overlap, so their order does not matter; `*` is what none of the others is.
 */
#include "front/native/evaluate.h"

enum { FEW = 8 };

struct each { /* over the elements of a map, those of variables in it too */
	struct bf_ev *ev;
	const struct bf_ev_draft *d;
	const struct bf_ast_stmt *s;
	const struct bf_ast_expr *key, *map;
	uint32_t number;
	struct bf_chain *tail; /* where those go on that have no verdict; or NULL: with the statements behind */
	bool set;              /* data is set, not a verdict */
	bool open;             /* some do */
};

/* None of the elements with a key of its own. */
static bool test_rest(struct each *e, struct bf_ev_draft *d)
{
	struct bf_ast_elem *list = bf_arena_array(e->ev->rs->arena, e->map->set.n + 1, struct bf_ast_elem);
	struct bf_ast_expr set = { .kind = BF_AST_SET, .loc = e->map->loc };
	struct bf_ast_stmt s = { .kind = BF_STMT_MATCH, .loc = e->s->loc };

	if (!list)
		return bf_ev_nomem(e->ev);
	for (const struct bf_ast_elem *i = e->map->set.first; i; i = i->next)
		if (bf_ast_peel(i->key)->kind != BF_AST_ANY) {
			list[set.set.n] = (struct bf_ast_elem){ .key = i->key };
			if (set.set.n)
				list[set.set.n - 1].next = &list[set.set.n];
			set.set.n++;
		}
	set.set.first = set.set.n ? list : NULL;
	s.match.rel = BF_REL_NE;
	s.match.l = (struct bf_ast_expr *)e->key;
	s.match.r = &set;
	return bf_ev_match(e->ev, d, &s);
}

static bool element(struct each *e, const struct bf_ast_elem *el)
{
	struct bf_ev *ev = e->ev;
	struct bf_ev_draft d;
	enum bf_verdict_kind kind = BF_VERDICT_CONTINUE;
	struct bf_chain *to = NULL;

	if (!bf_ev_draft_copy(ev, &d, e->d) || (!e->set && !bf_ev_verdict(ev, el->data, &kind, &to)))
		return false;
	if (!(bf_ast_peel(el->key)->kind == BF_AST_ANY ? test_rest(e, &d) : bf_ev_test_elem(ev, &d, e->key, el->key)))
		return false;
	if (e->set && !bf_ev_set_value(ev, &d, e->s, el->data))
		return false;
	if (!e->set && kind != BF_VERDICT_CONTINUE)
		return bf_ev_emit(ev, &d, kind, to);
	e->open = true;
	return e->tail ? bf_ev_goto(ev, &d, e->tail) : bf_ev_rest(ev, &d, e->s->next, e->number + 1);
}

static bool elements(struct each *e, const struct bf_ast_expr *set)
{
	bool ok = true;

	for (const struct bf_ast_elem *i = set->set.first; i && e->ev->err != -ENOMEM; i = i->next) {
		const struct bf_ast_expr *key = bf_ast_peel(i->key);

		if (i->more && (i->more->stmts || i->more->has_timeout))
			ok = bf_ev_unserved(e->ev, i->key->loc, "elements with a state are for named maps");
		else if (key->kind == BF_AST_SET)
			ok &= elements(e, key);
		else if (i->data)
			ok &= element(e, i);
		else
			ok = bf_ev_error(e->ev, i->key->loc, "an element of a map without data");
	}
	return ok;
}

/* By a lookup. What has no verdict in it goes on with the next rule. */
static bool by_lookup(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_types data = { .type = { &bf_ntypes[BF_T_VERDICT] }, .n = 1 };
	struct bf_lookup l;

	return bf_ev_lookup(ev, d, s->match.l, s->match.r, &data, &l) && bf_ev_add_match(ev, d, &bf_match_lookup, &l, false) &&
	       bf_ev_emit_map(ev, d, l.set);
}

/* The elements of a map; NULL: said so. */
static const struct bf_ast_expr *elements_of(struct bf_ev *ev, const struct bf_ast_expr *key,
                                             const struct bf_ast_expr *ref)
{
	static const struct bf_ast_expr none = { .kind = BF_AST_SET };
	const struct bf_ast_expr *map = bf_ast_peel(ref);
	const struct bf_ast_set *a;

	if (map->kind != BF_AST_SETREF)
		return map;
	a = bf_ev_set_find(ev, map, true);
	if (!a || !bf_ev_same_keys(ev, key, ref, a))
		return NULL;
	if (a->flags & BF_SET_DYNAMIC || bf_ast_set_timed(a))
		return bf_ev_unserved(ev, ref->loc, "statements behind a map that changes"), NULL;
	if (!bf_ev_spread_set(ev, a, ref->loc))
		return NULL;
	return a->elements ? bf_ast_peel(a->elements) : &none;
}

static bool each_element(struct each *e, bool tail)
{
	struct bf_ev *ev = e->ev;
	struct bf_ev_draft d = *e->d;

	if ((d.state || tail) && !bf_ev_split(ev, &d))
		return false;
	e->d = &d;
	if (tail && !(e->tail = bf_ev_hidden(ev)))
		return false;
	if (!elements(e, e->map))
		return false;
	if (!e->tail || !e->open)
		return true;
	if (!bf_ev_goto(ev, NULL, ev->resume))
		return false;
	ev->into = e->tail;
	return bf_ev_rest(ev, &(struct bf_ev_draft){ .counted = BF_EVAL_NONE }, e->s->next, e->number + 1);
}

static bool by_elements(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	struct each e = { .ev = ev, .d = d, .s = s, .key = bf_ast_peel(s->match.l), .number = number };

	e.map = elements_of(ev, e.key, s->match.r);
	return e.map && each_element(&e, bf_ev_needs_tail(s->next));
}

/* meta mark set ip saddr map { ... }: who got a mark must not meet the other elements. */
bool bf_ev_set_map(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	const struct bf_ast_expr *map = bf_ast_peel(s->match.r);
	struct each e = { .ev = ev, .d = d, .s = s, .key = bf_ast_peel(map->two.l), .number = number, .set = true };

	e.map = elements_of(ev, e.key, map->two.r);
	return e.map && each_element(&e, true);
}

/* Few of one field are rules of their own, which are classified with those around them. */
bool bf_ev_vmap(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	const struct bf_ast_expr *map = bf_ast_peel(s->match.r);
	bool few = map->kind == BF_AST_SET && (map->set.n <= FEW || bf_ast_peel(s->match.l)->kind != BF_AST_CONCAT);

	few &= !bf_ev_generator(s); /* where an element leads, another number may be made */
	return few || s->next ? by_elements(ev, d, s, number) : by_lookup(ev, d, s);
}
