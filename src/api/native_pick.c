/* SPDX-License-Identifier: GPL-2.0-only */
/* native_pick.c: of a table's tree, the part that a command shows. The tree is made for that: the rest goes. */
#include "api/native.h"
#include "front/native/elems.h"

/* Keeps those of a list that fit; n: how many. */
#define keep_if(list, item, fits)                                   \
	({                                                          \
		__typeof__(list) *_to = &(list), item = (list);     \
		uint32_t _n = 0;                                    \
		for (; item; item = item->next)                     \
			if (fits) {                                 \
				*_to = item;                        \
				_to = &item->next;                  \
				_n++;                               \
			}                                           \
		*_to = NULL;                                        \
		_n;                                                 \
	})

static bool is_named(const struct bf_ast_cmd *cmd, const char *name, uint64_t handle)
{
	return cmd->name.text ? !strcmp(cmd->name.text, name) : handle == cmd->at;
}

static bool pick_chain(struct bf_ast_table *t, const struct bf_ast_cmd *cmd)
{
	t->objs = NULL;
	t->sets = NULL;
	return keep_if(t->chains, c, is_named(cmd, c->name.text, c->handle));
}

static bool pick_rule(struct bf_ast_table *t, const struct bf_ast_cmd *cmd)
{
	return pick_chain(t, cmd) && keep_if(t->chains->rules, r, r->handle == cmd->at);
}

static bool pick_chains(struct bf_ast_table *t)
{
	t->objs = NULL;
	t->sets = NULL;
	for (struct bf_ast_chain *c = t->chains; c; c = c->next)
		c->rules = NULL;
	return true;
}

static bool pick_set(struct bf_ast_table *t, const struct bf_ast_cmd *cmd)
{
	t->objs = NULL;
	t->chains = NULL;
	return keep_if(t->sets, s, is_named(cmd, s->name.text, s->handle));
}

static bool pick_sets(struct bf_ast_table *t, bool maps)
{
	t->objs = NULL;
	t->chains = NULL;
	keep_if(t->sets, s, s->map == maps);
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		s->elements = NULL;
	return true;
}

static bool pick_objs(struct bf_ast_table *t, const struct bf_ast_cmd *cmd, enum bf_ast_object type, bool one)
{
	t->sets = NULL;
	t->chains = NULL;
	return keep_if(t->objs, o, o->type == type && (!one || is_named(cmd, o->name.text, o->handle))) || !one;
}

/* The elements that are asked for, each as it is in the set. */
static bool pick_elements(struct bf_ast *ast, struct bf_ast_table *t, const struct bf_ast_cmd *cmd)
{
	struct bf_ast_expr *want = cmd->elements;
	struct bf_ast_elem **tail;
	struct bf_types key, data;
	struct bf_nelems *all;
	bool ok = true;

	if (!pick_set(t, cmd) || !t->sets->elements)
		return false;
	bf_native_set_types(t->sets, &key, &data);
	if (bf_native_type(ast, want, &key, t->sets->map ? &data : NULL, true, NULL))
		return false;
	all = bf_nelems_new(ast->arena, t->sets);
	tail = &t->sets->elements->set.first;
	for (const struct bf_ast_elem *el = bf_ast_peel(want)->set.first; all && ok && el; el = el->next) {
		struct bf_nelem_error e = bf_nelems_get(all, el);
		struct bf_ast_elem *copy = e.what ? NULL : bf_arena_memdup(ast->arena, e.el, sizeof(*copy));

		ok = copy;
		if (copy) {
			*tail = copy;
			tail = &copy->next;
		}
	}
	*tail = NULL;
	ok &= all != NULL;
	bf_nelems_free(all);
	return ok;
}

bool bf_native_pick(struct bf_ast *ast, struct bf_ast_table *t, const struct bf_ast_cmd *cmd)
{
	switch (cmd->object) {
	case BF_OBJ_CHAIN: return pick_chain(t, cmd);
	case BF_OBJ_RULE: return pick_rule(t, cmd);
	case BF_OBJ_RULES:
		t->objs = NULL;
		t->sets = NULL;
		return true;
	case BF_OBJ_CHAINS: return pick_chains(t);
	case BF_OBJ_SET:
	case BF_OBJ_MAP: return pick_set(t, cmd);
	case BF_OBJ_SETS: return pick_sets(t, false);
	case BF_OBJ_MAPS: return pick_sets(t, true);
	case BF_OBJ_ELEMENT: return pick_elements(ast, t, cmd);
	case BF_OBJ_COUNTER:
	case BF_OBJ_QUOTA:
	case BF_OBJ_LIMIT: return pick_objs(t, cmd, cmd->object, true);
	case BF_OBJ_COUNTERS: return pick_objs(t, cmd, BF_OBJ_COUNTER, false);
	case BF_OBJ_QUOTAS: return pick_objs(t, cmd, BF_OBJ_QUOTA, false);
	case BF_OBJ_LIMITS: return pick_objs(t, cmd, BF_OBJ_LIMIT, false);
	default: return true;
	}
}
