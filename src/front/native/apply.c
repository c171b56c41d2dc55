/* SPDX-License-Identifier: GPL-2.0-only */
/* apply.c: commands, one by one (apply.h). */
#include "front/native/change.h"
#include "front/native/parse.h"

/* Tables. */

void bf_napply_init(struct bf_napply *a, struct bf_ast *ast, const struct bf_napply_ops *ops, struct bf_diag *d)
{
	*a = (struct bf_napply){ .ast = ast, .ops = ops, .d = d };
}

void bf_napply_free(struct bf_napply *a)
{
	for (struct bf_ntable *t = a->tables; t; t = t->next) {
		for (struct bf_nname *n = t->first[BF_OBJ_SET]; n; n = n->after)
			bf_nset_free(n);
		free(t->rules);
	}
	a->tables = NULL; /* they are in the arena */
}

struct bf_ntable *bf_napply_have(struct bf_napply *a, const struct bf_nfamily *f, const char *name, uint64_t handle,
                                 uint64_t last)
{
	struct bf_ntable *t = bf_arena_new_of(a->ast->arena, struct bf_ntable), **at = &a->tables;

	if (!t)
		return bf_nmemory(a), NULL;
	t->family = f;
	t->name = name;
	t->handle = handle;
	t->last = last;
	a->last_table = BF_MAX(a->last_table, handle);
	while (*at && (*at)->handle < handle)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	return t;
}

static const struct bf_nfamily *family_of(const struct bf_ast_cmd *cmd)
{
	return cmd->family ? cmd->family : &bf_nfamilies[0];
}

static struct bf_ntable *find_table(const struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t = a->tables;

	for (; t; t = t->next) {
		if (t->gone || t->family != family_of(cmd))
			continue;
		if (cmd->table.text ? !strcmp(t->name, cmd->table.text) : t->handle == cmd->at)
			return t;
	}
	return NULL;
}

static void unknown_table(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	const struct bf_ntable *other = NULL;
	struct bf_suggest s;
	char hint[300];

	if (!cmd->table.text) {
		bf_nwrong(a, cmd->at_loc, -ENOENT, "family %s has no table with handle %llu", family_of(cmd)->name,
		          (unsigned long long)cmd->at);
		return;
	}
	bf_suggest_start(&s, cmd->table.text, strlen(cmd->table.text));
	for (const struct bf_ntable *t = a->tables; t; t = t->next) {
		if (t->gone)
			continue;
		if (t->family == family_of(cmd))
			bf_suggest_try(&s, t->name);
		else if (!strcmp(t->name, cmd->table.text))
			other = t;
	}
	if (other)
		bf_nwrong(a, cmd->table.loc, -ENOENT, "there is no table %s %s; did you mean %s %s?", family_of(cmd)->name,
		          cmd->table.text, other->family->name, other->name);
	else
		bf_nwrong(a, cmd->table.loc, -ENOENT, "there is no table %s %s%s", family_of(cmd)->name, cmd->table.text,
		          bf_suggest_text(&s, hint, sizeof(hint)));
}

struct bf_ntable *bf_napply_table(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t = find_table(a, cmd);

	if (!t)
		unknown_table(a, cmd);
	return t && bf_ntable_read(a, t) ? t : NULL;
}

static struct bf_ntable *make_table(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t;
	struct bf_ast_cmd *own = bf_arena_new_of(a->ast->arena, struct bf_ast_cmd);
	struct bf_ast_table *body = bf_arena_new_of(a->ast->arena, struct bf_ast_table);

	if (!family_of(cmd)->served) {
		bf_nwrong(a, cmd->loc, -EOPNOTSUPP, "bpfilter has no tables of family %s", family_of(cmd)->name);
		return NULL;
	}
	t = own && body ? bf_napply_have(a, family_of(cmd), cmd->table.text, a->last_table + 1, 0) : NULL;
	if (!t)
		return bf_nmemory(a), NULL;
	*own = (struct bf_ast_cmd){ .object = BF_OBJ_TABLE, .family = t->family, .table = cmd->table, .body = body };
	own->loc = cmd->loc;
	t->cmd = own;
	t->changed = true;
	if (cmd->body)
		body->comment = cmd->body->comment;
	return t;
}

/* Chains. */

static bool same_words(const struct bf_ast_expr *a, const struct bf_ast_expr *b)
{
	_cleanup_buf_ struct bf_buf x = { 0 }, y = { 0 };

	if (!a || !b)
		return a == b;
	bf_native_print_expr(&x, a);
	bf_native_print_expr(&y, b);
	return !strcmp(x.data ? x.data : "", y.data ? y.data : "");
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_base(const struct bf_ast_base *a, const struct bf_ast_base *b)
{
	return a->type == b->type && a->hook == b->hook && a->prio == b->prio &&
	       same_text(a->cgroup.text, b->cgroup.text) && same_text(a->mode, b->mode) && same_words(a->devices, b->devices);
}

static void update_chain(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n, const struct bf_ast_chain *c)
{
	if (c->base && !n->chain->base)
		bf_nwrong(a, c->base->loc, -EEXIST, "chain '%s' is there already, and is no base chain", n->name);
	else if (c->base && !same_base(n->chain->base, c->base))
		bf_nwrong(a, c->base->loc, -EEXIST, "chain '%s' is there already, at another place", n->name);
	else if (c->policy && !n->chain->base)
		bf_nwrong(a, c->name.loc, -EOPNOTSUPP, "only base chains have a policy");
	else if (c->policy && strcmp(c->policy, n->chain->policy ? n->chain->policy : "accept")) {
		n->chain->policy = c->policy;
		t->changed = true;
	}
}

static struct bf_nname *make_chain(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_chain *c)
{
	struct bf_nname *n;

	if (c->policy && !c->base) {
		bf_nwrong(a, c->name.loc, -EOPNOTSUPP, "only base chains have a policy");
		return NULL;
	}
	n = bf_nname_add(a, t, BF_OBJ_CHAIN, c->name.text);
	if (!n)
		return NULL;
	n->chain = c;
	c->handle = ++t->last;
	c->rules = NULL;
	t->changed = true;
	return n;
}

static struct bf_nname *add_chain(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_chain *c, bool create)
{
	struct bf_nname *n = bf_napply_find(t, BF_OBJ_CHAIN, c->name.text);

	if (!n)
		return make_chain(a, t, c);
	if (create)
		return bf_nwrong(a, c->name.loc, -EEXIST, "chain '%s' is there already", n->name), NULL;
	update_chain(a, t, n, c);
	return n;
}

static void add_rules(struct bf_napply *a, struct bf_ntable *t, const char *chain, struct bf_ast_rule *r)
{
	struct bf_nname *n = bf_napply_find(t, BF_OBJ_CHAIN, chain);
	struct bf_ast_rule *next;

	for (; n && r; r = next) {
		next = r->next;
		bf_nrule_append(a, t, n, r);
	}
}

static void delete_chain(struct bf_napply *a, struct bf_ntable *t, struct bf_nname *n, struct bf_ast_loc loc)
{
	if (n->uses) {
		bf_nwrong(a, loc, -EBUSY, "chain '%s' is in use: %u jump%s lead%s to it", n->name, n->uses,
		          n->uses == 1 ? "" : "s", n->uses == 1 ? "s" : "");
		return;
	}
	bf_nrule_flush(a, t, n);
	bf_nname_remove(t, n);
	t->changed = true;
}

static void rename_chain(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_nname *n = bf_napply_name(a, t, cmd);
	const char *from = n ? n->name : NULL;

	if (!n)
		return;
	if (bf_napply_find(t, BF_OBJ_CHAIN, cmd->to.text)) {
		bf_nwrong(a, cmd->to.loc, -EEXIST, "chain '%s' is there already", cmd->to.text);
		return;
	}
	bf_nname_rehash(t, n, cmd->to.text);
	n->chain->name = cmd->to;
	for (struct bf_nname *s = t->first[BF_OBJ_SET]; s; s = s->after)
		if (!s->gone && !bf_nset_settle(a, s))
			return;
	bf_nrename_refs(t, from, n->name);
	t->changed = true;
}

/* Counters, quotas, limits. */

static void add_obj(struct bf_napply *a, struct bf_ntable *t, struct bf_ast_obj *o, bool create)
{
	struct bf_nname *n = bf_napply_find(t, o->type, o->name.text);

	if (n && create) {
		bf_nwrong(a, o->name.loc, -EEXIST, "%s '%s' is there already", bf_nobjects[o->type], n->name);
		return;
	}
	if (n && o->type == BF_OBJ_QUOTA) { /* the only one that is changed, as in nft */
		n->obj->state = o->state;
		t->changed = true;
	}
	if (n)
		return;
	n = bf_nname_add(a, t, o->type, o->name.text);
	if (!o->state) { /* of counters alone: from 0 on */
		o->state = bf_arena_new_of(a->ast->arena, struct bf_ast_stmt);
		if (o->state)
			o->state->kind = BF_STMT_COUNTER;
	}
	if (!n || !o->state) {
		bf_nmemory(a);
		return;
	}
	n->obj = o;
	o->handle = ++t->last;
	t->changed = true;
}

/* Add and create. */

static void add_body(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_table *b)
{
	struct bf_ast_chain *chain, *next_chain;
	struct bf_ast_obj *next_obj;
	struct bf_ast_set *next_set;
	struct { struct bf_ast_rule *rules; const char *chain; } *later = NULL;
	uint32_t n = 0, cap = 0;

	for (chain = b->chains; chain; chain = next_chain) {
		next_chain = chain->next;
		if (bf_grow(&later, n, &cap, sizeof(*later))) {
			bf_nmemory(a);
			break;
		}
		later[n].rules = chain->rules;
		later[n++].chain = chain->name.text;
		add_chain(a, t, chain, false);
	}
	for (struct bf_ast_obj *o = b->objs; o; o = next_obj) {
		next_obj = o->next;
		add_obj(a, t, o, false);
	}
	for (struct bf_ast_set *s = b->sets; s; s = next_set) {
		next_set = s->next;
		bf_nset_add(a, t, s, false);
	}
	for (uint32_t i = 0; i < n; i++)
		add_rules(a, t, later[i].chain, later[i].rules);
	free(later);
}

static void add_table(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t = find_table(a, cmd);
	bool dormant = cmd->body && cmd->body->dormant, made = !t;

	if (t && cmd->verb == BF_VERB_CREATE) {
		bf_nwrong(a, cmd->table.loc, -EEXIST, "table %s %s is there already", t->family->name, t->name);
		return;
	}
	if (t ? !bf_ntable_read(a, t) : !(t = make_table(a, cmd)))
		return;
	if (t->cmd->body->dormant != dormant) {
		t->cmd->body->dormant = dormant;
		t->changed = true;
	}
	if (cmd->body)
		add_body(a, t, cmd->body);
	if (a->ops->made && (made || cmd->body))
		a->ops->made(a->ops->ctx, t, cmd, t->handle);
}

static void add_chain_command(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_ast_chain *c = cmd->chain;
	struct bf_ast_rule *rules = c ? c->rules : NULL;

	if (!c) {
		c = bf_arena_new_of(a->ast->arena, struct bf_ast_chain);
		if (!c) {
			bf_nmemory(a);
			return;
		}
		c->name = cmd->name;
	}
	if (add_chain(a, t, c, cmd->verb == BF_VERB_CREATE))
		add_rules(a, t, c->name.text, rules);
}

static void add_command(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	bool create = cmd->verb == BF_VERB_CREATE;
	uint64_t last = t->last;

	switch (cmd->object) {
	case BF_OBJ_CHAIN: add_chain_command(a, t, cmd); break;
	case BF_OBJ_RULE: bf_nrule_add(a, t, cmd); return;
	case BF_OBJ_SET:
	case BF_OBJ_MAP: bf_nset_add(a, t, cmd->set, create); break;
	case BF_OBJ_ELEMENT: bf_nset_command(a, t, cmd); break;
	default: add_obj(a, t, cmd->obj, create); break;
	}
	if (a->ops->made && t->last > last)
		a->ops->made(a->ops->ctx, t, cmd, last + 1);
}

/* Delete, destroy, flush. */

static uint64_t handle_of(const struct bf_nname *n)
{
	return n->kind == BF_OBJ_CHAIN ? n->chain->handle : n->kind == BF_OBJ_SET ? n->set->handle : n->obj->handle;
}

struct bf_nname *bf_napply_name(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	enum bf_ast_object kind = cmd->object == BF_OBJ_RULE ? BF_OBJ_CHAIN : cmd->object;
	struct bf_nname *n;

	if (kind == BF_OBJ_ELEMENT || kind == BF_OBJ_MAP)
		kind = BF_OBJ_SET;
	if (cmd->name.text) {
		n = bf_napply_find(t, kind, cmd->name.text);
		if (!n)
			bf_nname_unknown(a, t, cmd->object == BF_OBJ_MAP ? BF_OBJ_MAP : kind, &cmd->name);
		return n;
	}
	for (n = t->first[kind == BF_OBJ_CHAIN || kind == BF_OBJ_SET ? kind : BF_OBJ_COUNTER]; n; n = n->after)
		if (!n->gone && n->kind == kind && cmd->at == handle_of(n))
			return n;
	bf_nwrong(a, cmd->at_loc, -ENOENT, "there is no %s with handle %llu in table %s %s", bf_nobjects[kind],
	          (unsigned long long)cmd->at, t->family->name, t->name);
	return NULL;
}

/* Destroy is delete where it is no mistake that there is nothing. */
static bool nothing_there(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_diag *d = a->d;
	unsigned errors = a->errors;
	int err = a->err;
	bool none;

	if (cmd->verb != BF_VERB_DESTROY)
		return false;
	a->d = NULL;
	none = !bf_napply_name(a, t, cmd);
	a->d = d;
	a->errors = errors;
	a->err = err;
	return none;
}

static void delete_command(struct bf_napply *a, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct bf_ast_loc loc = cmd->name.text ? cmd->name.loc : cmd->loc;
	struct bf_nname *n;

	if (cmd->object == BF_OBJ_RULE) {
		bf_nrule_delete(a, t, cmd);
		return;
	}
	if (cmd->object == BF_OBJ_ELEMENT) {
		bf_nset_command(a, t, cmd);
		return;
	}
	n = nothing_there(a, t, cmd) ? NULL : bf_napply_name(a, t, cmd);
	if (!n)
		return;
	if (n->kind == BF_OBJ_CHAIN) {
		delete_chain(a, t, n, loc);
	} else if (n->uses) {
		bf_nwrong(a, loc, -EBUSY, "%s '%s' is in use: named %u time%s by rules or elements", bf_nkind(n->kind, n), n->name, n->uses,
		          n->uses == 1 ? "" : "s");
	} else {
		if (n->kind == BF_OBJ_SET)
			bf_nset_flush(a, t, n);
		bf_nname_remove(t, n);
		t->changed = true;
	}
}

static void flush_table(struct bf_napply *a, struct bf_ntable *t)
{
	for (struct bf_nname *n = t->first[BF_OBJ_CHAIN]; n; n = n->after)
		if (!n->gone)
			bf_nrule_flush(a, t, n);
}

static void flush_command(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t;
	struct bf_nname *n = NULL;

	if (cmd->object == BF_OBJ_RULESET) {
		for (t = a->tables; t; t = t->next)
			t->gone |= !cmd->family || t->family == cmd->family;
		return;
	}
	t = bf_napply_table(a, cmd);
	if (t && cmd->object != BF_OBJ_TABLE)
		n = bf_napply_name(a, t, cmd);
	if (t && cmd->object == BF_OBJ_TABLE)
		flush_table(a, t);
	else if (n && n->kind == BF_OBJ_CHAIN)
		bf_nrule_flush(a, t, n);
	else if (n)
		bf_nset_flush(a, t, n);
}

static void remove_table(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t = find_table(a, cmd);

	if (t)
		t->gone = true;
	else if (cmd->verb != BF_VERB_DESTROY)
		unknown_table(a, cmd);
}

static void change_command(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t;

	if (cmd->verb == BF_VERB_DESTROY && !find_table(a, cmd))
		return;
	t = bf_napply_table(a, cmd);
	if (!t)
		return;
	switch (cmd->verb) {
	case BF_VERB_ADD:
	case BF_VERB_CREATE:
	case BF_VERB_INSERT: add_command(a, t, cmd); break;
	case BF_VERB_REPLACE: bf_nrule_replace(a, t, cmd); break;
	case BF_VERB_RENAME: rename_chain(a, t, cmd); break;
	default: delete_command(a, t, cmd);
	}
}

static void show(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	int err;

	if (!a->ops->show) {
		bf_nwrong(a, cmd->loc, -EINVAL, "'%s' cannot stand here", bf_nverbs[cmd->verb].name);
		return;
	}
	err = a->ops->show(a->ops->ctx, a, cmd);
	a->err = a->err ? a->err : err;
	a->errors += err != 0;
}

static void command(struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	bool table = cmd->object == BF_OBJ_TABLE;

	switch (cmd->verb) {
	case BF_VERB_LIST:
	case BF_VERB_RESET:
	case BF_VERB_GET: show(a, cmd); break;
	case BF_VERB_FLUSH: flush_command(a, cmd); break;
	case BF_VERB_DELETE:
	case BF_VERB_DESTROY:
		if (table)
			remove_table(a, cmd);
		else
			change_command(a, cmd);
		break;
	default:
		if (table)
			add_table(a, cmd);
		else
			change_command(a, cmd);
	}
}

int bf_napply_run(struct bf_napply *a)
{
	for (const struct bf_ast_cmd *cmd = a->ast->cmds, *next; cmd && a->err != -ENOMEM; cmd = next) {
		next = cmd->next;
		command(a, cmd);
	}
	for (struct bf_ntable *t = a->tables; t && !a->errors && !a->err; t = t->next)
		if (t->changed && !t->gone) {
			if (!bf_napply_settle(a, t))
				bf_nloops(a, t);
		}
	return a->err;
}

/* Back to lists, in the order of the table. */
int bf_napply_settle(struct bf_napply *a, struct bf_ntable *t)
{
	struct bf_ast_table *b = t->cmd->body;
	struct bf_ast_chain **chain = &b->chains;
	struct bf_ast_set **set = &b->sets;
	struct bf_ast_obj **obj = &b->objs;

	for (struct bf_nname *n = t->first[BF_OBJ_CHAIN]; n; n = n->after)
		if (!n->gone) {
			*chain = n->chain;
			chain = &n->chain->next;
		}
	for (struct bf_nname *n = t->first[BF_OBJ_SET]; n; n = n->after)
		if (!n->gone) {
			if (!bf_nset_settle(a, n))
				return -ENOMEM;
			*set = n->set;
			set = &n->set->next;
		}
	for (struct bf_nname *n = t->first[BF_OBJ_COUNTER]; n; n = n->after)
		if (!n->gone) {
			*obj = n->obj;
			obj = &n->obj->next;
		}
	*chain = NULL;
	*set = NULL;
	*obj = NULL;
	b->handle = t->handle;
	return 0;
}
