/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * apply_rule.c: rules come, go and are replaced. Handles only grow, so those
 * that are added stand behind in the list by handle: it is made once, when
 * somebody names a handle.
 */
#include "front/native/change.h"

static int by_handle(const void *a, const void *b)
{
	const struct bf_nrule *x = a, *y = b;

	return (x->handle > y->handle) - (x->handle < y->handle);
}

static bool note(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *chain, struct bf_ast_rule *r)
{
	int err = bf_grow(&t->rules, t->n_rules, &t->cap_rules, sizeof(*t->rules));

	if (err)
		return bf_nmemory(a);
	t->rules[t->n_rules++] = (struct bf_nrule){ r->handle, r, chain };
	return true;
}

static bool index_rules(struct bf_napply *a, struct bf_ntable *t)
{
	if (t->indexed)
		return true;
	for (struct bf_nname *c = t->first[BF_OBJ_CHAIN]; c; c = c->after)
		for (struct bf_ast_rule *r = c->gone ? NULL : c->chain->rules; r; r = r->next)
			if (!note(a, t, c, r))
				return false;
	if (t->n_rules)
		qsort(t->rules, t->n_rules, sizeof(*t->rules), by_handle);
	return t->indexed = true;
}

static struct bf_nrule *find(struct bf_napply *a, struct bf_ntable *t, uint64_t handle)
{
	struct bf_nrule key = { .handle = handle }, *r;

	if (!index_rules(a, t) || !t->n_rules)
		return NULL;
	r = bsearch(&key, t->rules, t->n_rules, sizeof(*t->rules), by_handle);
	return r && r->rule ? r : NULL;
}

struct bf_nrule *bf_napply_rule(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_nname *chain = bf_napply_name(a, t, cmd);
	struct bf_nrule *r = chain ? find(a, t, cmd->at) : NULL;

	if (chain && (!r || r->chain != chain))
		return bf_nwrong(a, cmd->at_loc, -ENOENT, "chain '%s' has no rule with handle %llu", chain->name,
		                 (unsigned long long)cmd->at), NULL;
	return r;
}

/* Behind `at`; NULL: first. */
static void link_rule(struct bf_nname *c, struct bf_ast_rule *at, struct bf_ast_rule *r)
{
	r->prev = at;
	r->next = at ? at->next : c->chain->rules;
	*(at ? &at->next : &c->chain->rules) = r;
	if (r->next)
		r->next->prev = r;
	else
		c->last = r;
}

static void unlink_rule(struct bf_nname *c, struct bf_ast_rule *r)
{
	*(r->prev ? &r->prev->next : &c->chain->rules) = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		c->last = r->prev;
}

static bool type_data(struct bf_napply *a, struct bf_nname *set, struct bf_ast_expr *data, struct bf_ast_loc loc)
{
	struct bf_types key, types;
	int err;

	bf_native_set_types(set->set, &key, &types);
	if (!set->set->map)
		return bf_nwrong(a, loc, -EINVAL, "'%s' is a set, it has no data", set->name);
	err = bf_ntyped(data) ? 0 : bf_native_type(a->ast, data, &types, NULL, false, a->d);
	if (!err)
		return true;
	a->errors++;
	a->err = a->err ? a->err : err;
	return false;
}

/* What rules put into maps is of the map's type: the text alone knew none where the map was stored before. */
static bool type_elements(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_stmt *s)
{
	bool ok = true;

	for (; s; s = s->next) {
		struct bf_nname *set = s->kind == BF_STMT_ELEMENT ? bf_napply_find(t, BF_OBJ_SET, s->element.set.text) : NULL;

		if (set && !set->set->has_size) { /* nft's bound of what packets can fill */
			set->set->has_size = true;
			set->set->size = 65535;
		}
		if (set && s->element.elem->data)
			ok &= type_data(a, set, s->element.elem->data, s->loc);
	}
	return ok;
}

/* New rules get a handle when nothing is wrong with them. */
static bool check(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *c, struct bf_ast_rule *r)
{
	if (!bf_nuse_stmts(a, t, r->stmts, 1) || !type_elements(a, t, r->stmts))
		return false;
	r->handle = ++t->last;
	t->changed = true;
	return !t->indexed || note(a, t, c, r);
}

bool bf_nrule_append(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *c, struct bf_ast_rule *r)
{
	if (!check(a, t, c, r))
		return false;
	link_rule(c, c->last, r);
	return true;
}

/* The rule with this number, from 0. */
static struct bf_ast_rule *by_index(struct bf_napply *a, struct bf_nname *c, const struct bf_ast_cmd *cmd)
{
	struct bf_ast_rule *r = c->chain->rules;
	uint64_t n = 0;

	for (; r && n < cmd->at; n++)
		r = r->next;
	if (!r)
		bf_nwrong(a, cmd->at_loc, -ENOENT, "chain '%s' has %llu rule%s: they have the indexes from 0 on", c->name,
		          (unsigned long long)n, n == 1 ? "" : "s");
	return r;
}

void bf_nrule_add(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_nname *c = bf_napply_name(a, t, cmd);
	struct bf_ast_rule *at = c && cmd->verb == BF_VERB_ADD ? c->last : NULL;
	struct bf_nrule *there = NULL;

	if (!c)
		return;
	if (cmd->where == BF_AT_INDEX) {
		at = by_index(a, c, cmd);
	} else if (cmd->where) {
		there = bf_napply_rule(a, t, cmd);
		at = there ? there->rule : NULL;
	}
	if ((cmd->where && !at) || !check(a, t, c, cmd->rule))
		return;
	if (cmd->where && cmd->verb == BF_VERB_INSERT)
		at = at->prev;
	link_rule(c, at, cmd->rule);
	if (a->ops->made)
		a->ops->made(a->ops->ctx, t, cmd, cmd->rule->handle);
}

static void remove_rule(struct bf_napply *a, struct bf_ntable *t, struct bf_nrule *r)
{
	bf_nuse_stmts(a, t, r->rule->stmts, -1);
	unlink_rule(r->chain, r->rule);
	r->rule = NULL;
	t->changed = true;
}

void bf_nrule_replace(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_nrule *old = bf_napply_rule(a, t, cmd);
	uint32_t i = old ? (uint32_t)(old - t->rules) : 0; /* the list may move */

	if (!old || !check(a, t, old->chain, cmd->rule))
		return;
	old = &t->rules[i];
	link_rule(old->chain, old->rule, cmd->rule);
	remove_rule(a, t, old);
	if (a->ops->made)
		a->ops->made(a->ops->ctx, t, cmd, cmd->rule->handle);
}

void bf_nrule_delete(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_nname *c = cmd->verb == BF_VERB_DESTROY ? bf_napply_find(t, BF_OBJ_CHAIN, cmd->name.text) : NULL;
	struct bf_nrule *r;

	if (cmd->verb == BF_VERB_DESTROY) {
		r = c ? find(a, t, cmd->at) : NULL;
		r = r && r->chain == c ? r : NULL;
	} else {
		r = bf_napply_rule(a, t, cmd);
	}
	if (r)
		remove_rule(a, t, r);
}

void bf_nrule_flush(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *c)
{
	struct bf_ast_rule *r = c->chain->rules;

	if (!r)
		return;
	for (; r; r = r->next) {
		struct bf_nrule *known = t->indexed ? find(a, t, r->handle) : NULL;

		if (known)
			known->rule = NULL;
		bf_nuse_stmts(a, t, r->stmts, -1);
	}
	c->chain->rules = c->last = NULL;
	t->changed = true;
}
