/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval.c: a table: its chains, where they stand, who sends packets to whom, and
 * then every rule (eval_rule.c).
 *
 * What a statement needs is asked of the hooks it can be reached from. So the
 * jumps are known before the rules are looked at: they are walked depth first
 * (without recursion: a file may have a hundred thousand chains in a row), which
 * finds loops, and in the reverse of the order in which chains are left each
 * chain passes its hooks on.
 */
#include "front/native/evaluate.h"
#include "front/native/parse.h"

/* Errors. */

static bool verror(struct bf_ev *ev, struct bf_ast_loc loc, int err, const char *fmt, va_list ap)
{
	if (!ev->err || ev->err == -EOPNOTSUPP)
		ev->err = err;
	if (ev->errors++ < BF_EV_ERRORS)
		bf_ast_verror(ev->ast, ev->d, loc, err, fmt, ap);
	return false;
}

bool bf_ev_error(struct bf_ev *ev, struct bf_ast_loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verror(ev, loc, -EINVAL, fmt, ap);
	va_end(ap);
	return false;
}

bool bf_ev_unserved(struct bf_ev *ev, struct bf_ast_loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verror(ev, loc, ev->err ? ev->err : -EOPNOTSUPP, fmt, ap);
	va_end(ap);
	return false;
}

bool bf_ev_nomem(struct bf_ev *ev)
{
	ev->err = -ENOMEM;
	return false;
}

/* Names. */

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h % BF_EV_BUCKETS;
}

struct bf_ev_chain *bf_ev_chain_find(struct bf_ev *ev, const char *name)
{
	struct bf_ev_chain *c = ev->by_name[hash(name)];

	while (c && strcmp(c->ast->name.text, name))
		c = c->same;
	return c;
}

bool bf_ev_no_chain(struct bf_ev *ev, const struct bf_ast_word *w)
{
	struct bf_suggest s;
	char hint[80];

	bf_suggest_start(&s, w->text, strlen(w->text));
	for (uint32_t i = 0; i < ev->n_chains; i++)
		bf_suggest_try(&s, ev->chains[i].ast->name.text);
	return bf_ev_error(ev, w->loc, "the table has no chain '%s'%s", w->text, bf_suggest_text(&s, hint, sizeof(hint)));
}

const struct bf_ast_set *bf_ev_set_find(struct bf_ev *ev, const struct bf_ast_expr *ref, bool map)
{
	const char *name = ref->name.text;
	struct bf_suggest s;
	char hint[80];

	bf_suggest_start(&s, name, strlen(name));
	for (const struct bf_ast_set *i = ev->table->sets; i; i = i->next) {
		if (!strcmp(i->name.text, name)) {
			if (i->map == map)
				return i;
			bf_ev_error(ev, ref->loc, "'%s' is a %s, not a %s", name, i->map ? "map" : "set", map ? "map" : "set");
			return NULL;
		}
		bf_suggest_try(&s, i->name.text);
	}
	bf_ev_error(ev, ref->loc, "the table has no %s '%s'%s", map ? "map" : "set", name,
	            bf_suggest_text(&s, hint, sizeof(hint)));
	return NULL;
}

uint32_t bf_ev_counter(struct bf_ev *ev, uint64_t handle, enum bf_eval_what what, uint32_t stmt)
{
	struct bf_eval_counter c = { handle, what == BF_EVAL_POLICY ? 0 : ev->ordinal++, stmt, what };

	if (ev->env && ev->env->counter)
		return ev->env->counter(ev->env->counter_ctx, &c);
	bf_buf_add(&ev->counters, &c, sizeof(c));
	if (ev->counters.err)
		bf_ev_nomem(ev);
	return ev->t->n_counters++;
}

/* Chains. */

static bool add_chain(struct bf_ev *ev, const struct bf_ast_chain *ast)
{
	struct bf_ev_chain *c = &ev->chains[ev->n_chains], *same = bf_ev_chain_find(ev, ast->name.text);
	uint32_t h = hash(ast->name.text);

	if (same)
		return bf_ev_error(ev, ast->name.loc, "the table has a chain '%s' already", ast->name.text);
	*c = (struct bf_ev_chain){ .ast = ast, .same = ev->by_name[h], .hooks = ast->hooks };
	c->model = bf_table_add_chain(ev->rs, ev->t, ast->name.text);
	if (!c->model)
		return bf_ev_nomem(ev);
	ev->by_name[h] = c;
	ev->n_chains++;
	return true;
}

static bool add_chains(struct bf_ev *ev)
{
	uint32_t n = 0;

	for (const struct bf_ast_chain *c = ev->table->chains; c; c = c->next)
		n++;
	ev->chains = bf_arena_array(ev->rs->arena, n + 1, struct bf_ev_chain);
	if (!ev->chains)
		return bf_ev_nomem(ev);
	for (const struct bf_ast_chain *c = ev->table->chains; c && ev->err != -ENOMEM; c = c->next)
		add_chain(ev, c);
	return ev->err != -ENOMEM;
}

/* Where they stand. */

static enum bf_hook hook_of(const struct bf_ast_base *b)
{
	static const struct {
		const char *name;
		enum bf_hook device, cgroup;
	} hooks[] = { { "ingress", BF_HOOK_TC_INGRESS, BF_HOOK_CGROUP_INGRESS },
		          { "egress", BF_HOOK_TC_EGRESS, BF_HOOK_CGROUP_EGRESS },
		          { "xdp", BF_HOOK_XDP, BF_HOOK_XDP },
		          { "connect4", BF_HOOK_CONNECT4, BF_HOOK_CONNECT4 },
		          { "connect6", BF_HOOK_CONNECT6, BF_HOOK_CONNECT6 },
		          { "sendmsg4", BF_HOOK_SENDMSG4, BF_HOOK_SENDMSG4 },
		          { "sendmsg6", BF_HOOK_SENDMSG6, BF_HOOK_SENDMSG6 } };

	if (!b->hook)
		return BF_HOOK_SOCKOPS;
	if (b->hook->nf >= 0)
		return (enum bf_hook)b->hook->nf;
	for (size_t i = 0; i < BF_ARRAY_SIZE(hooks); i++)
		if (!strcmp(b->hook->name, hooks[i].name))
			return b->cgroup.text ? hooks[i].cgroup : hooks[i].device;
	return BF_HOOKS;
}

static bool add_device(struct bf_ev *ev, struct bf_attach *at, const struct bf_ast_expr *e)
{
	const struct bf_ast_expr *v = bf_ast_peel(e);
	const char **list;

	if (v->kind == BF_AST_SET) {
		for (const struct bf_ast_elem *i = v->set.first; i; i = i->next)
			if (!add_device(ev, at, i->key))
				return false;
		return true;
	}
	if (v->kind != BF_AST_VALUE || !v->value.text)
		return bf_ev_error(ev, e->loc, "the name of a device is wanted here");
	if (strchr(v->value.text, '*'))
		return bf_ev_error(ev, e->loc, "a chain stands at devices that are named one by one");
	for (uint32_t i = 0; i < at->n_devices; i++)
		if (!strcmp(at->devices[i], v->value.text))
			return bf_ev_error(ev, e->loc, "device '%s' is named twice", v->value.text);
	list = bf_arena_array(ev->rs->arena, at->n_devices + 1, const char *);
	if (!list)
		return bf_ev_nomem(ev);
	if (at->n_devices)
		memcpy(list, at->devices, at->n_devices * sizeof(*list));
	list[at->n_devices] = bf_arena_strdup(ev->rs->arena, v->value.text);
	at->devices = list;
	return list[at->n_devices++] || bf_ev_nomem(ev);
}

static bool set_mode(struct bf_ev *ev, struct bf_attach *at, const struct bf_ast_base *b)
{
	if (!b->mode)
		return true;
	if (!strcmp(b->mode, "offload"))
		return bf_ev_unserved(ev, b->loc, "programs are not offloaded to devices: native or generic");
	at->xdp_mode = !strcmp(b->mode, "native") ? BF_XDP_NATIVE : BF_XDP_GENERIC;
	return true;
}

static bool set_base(struct bf_ev *ev, struct bf_ev_chain *c)
{
	const struct bf_ast_base *b = c->ast->base;
	struct bf_chain *m = c->model;

	m->at.hook = (uint8_t)hook_of(b);
	m->at.priority = b->prio;
	m->policy = c->ast->policy && !strcmp(c->ast->policy, "drop") ? BF_VERDICT_DROP : BF_VERDICT_ACCEPT;
	m->base = !ev->table->dormant;
	c->hooks = 1u << m->at.hook;
	if (m->policy == BF_VERDICT_DROP && !(bf_hook_kinds[m->at.hook].can & BF_CAN_DROP))
		return bf_ev_error(ev, b->loc, "nothing can be dropped at hook %s", bf_hook_kinds[m->at.hook].name);
	if (b->cgroup.text && !(m->at.cgroup = bf_arena_strdup(ev->rs->arena, b->cgroup.text)))
		return bf_ev_nomem(ev);
	return set_mode(ev, &m->at, b) && (!b->devices || add_device(ev, &m->at, b->devices));
}

static void set_bases(struct bf_ev *ev)
{
	for (uint32_t i = 0; i < ev->n_chains; i++) {
		struct bf_ev_chain *c = &ev->chains[i];

		if (c->ast->base)
			set_base(ev, c);
		else if (c->ast->policy)
			bf_ev_error(ev, c->ast->name.loc, "only chains at a hook have a policy: '%s' has none", c->ast->name.text);
	}
}

/* Jumps. */

static bool add_edge(struct bf_ev *ev, struct bf_ev_chain *from, const struct bf_ast_expr *v)
{
	struct bf_ev_chain *to;
	struct bf_ev_edge *e;

	v = bf_ast_peel(v);
	if (v->kind != BF_AST_VERDICT || v->verdict.kind < BF_AST_JUMP)
		return true;
	to = bf_ev_chain_find(ev, v->verdict.chain.text);
	if (!to)
		return true; /* the rule says so */
	e = bf_arena_new_of(ev->rs->arena, struct bf_ev_edge);
	if (!e)
		return bf_ev_nomem(ev);
	*e = (struct bf_ev_edge){ from->edges, to, v->verdict.chain.loc };
	from->edges = e;
	return true;
}

static void add_map_edges(struct bf_ev *ev, struct bf_ev_chain *from, const struct bf_ast_expr *map)
{
	map = bf_ast_peel(map);
	if (map->kind == BF_AST_SETREF)
		for (const struct bf_ast_set *s = ev->table->sets; s; s = s->next)
			if (!strcmp(s->name.text, map->name.text))
				map = s->elements ? bf_ast_peel(s->elements) : map;
	if (map->kind != BF_AST_SET)
		return;
	for (const struct bf_ast_elem *i = map->set.first; i; i = i->next) {
		if (i->data)
			add_edge(ev, from, i->data);
		else if (i->key)
			add_map_edges(ev, from, i->key); /* a variable of elements */
	}
}

static void add_edges(struct bf_ev *ev)
{
	for (uint32_t i = 0; i < ev->n_chains; i++)
		for (const struct bf_ast_rule *r = ev->chains[i].ast->rules; r; r = r->next)
			for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
				if (s->kind == BF_STMT_VERDICT)
					add_edge(ev, &ev->chains[i], s->verdict);
				else if (s->kind == BF_STMT_VMAP)
					add_map_edges(ev, &ev->chains[i], s->match.r);
			}
}

static void loop(struct bf_ev *ev, struct bf_ev_chain *const *stack, uint32_t n, const struct bf_ev_edge *e)
{
	_cleanup_buf_ struct bf_buf way = { 0 };
	uint32_t from = n;

	while (from && stack[from - 1] != e->to)
		from--;
	for (uint32_t i = from ? from - 1 : 0; i < n; i++)
		bf_buf_printf(&way, "%s > ", stack[i]->ast->name.text);
	bf_ev_error(ev, e->loc, "a loop: %s%s", way.data ? way.data : "", e->to->ast->name.text);
}

/* Depth first from one chain; order gets the chains as they are left. */
static void walk(struct bf_ev *ev, struct bf_ev_chain *start, struct bf_ev_chain **stack, struct bf_ev_edge **at,
                 struct bf_ev_chain **order, uint32_t *n_order)
{
	uint32_t n = 0;

	if (start->walk)
		return;
	start->walk = 1;
	at[0] = start->edges;
	stack[n++] = start;
	while (n) {
		struct bf_ev_edge *e = at[n - 1];

		if (!e) {
			stack[--n]->walk = 2;
			order[(*n_order)++] = stack[n];
			continue;
		}
		at[n - 1] = e->next;
		if (e->to->walk == 1) {
			loop(ev, stack, n, e);
		} else if (!e->to->walk) {
			e->to->walk = 1;
			at[n] = e->to->edges;
			stack[n++] = e->to;
		}
	}
}

static bool reach(struct bf_ev *ev)
{
	struct bf_ev_chain **stack = bf_arena_array(ev->rs->arena, 2 * ev->n_chains + 1, struct bf_ev_chain *);
	struct bf_ev_edge **at = bf_arena_array(ev->rs->arena, ev->n_chains + 1, struct bf_ev_edge *);
	uint32_t n = 0;

	if (!stack || !at)
		return bf_ev_nomem(ev);
	for (uint32_t i = 0; i < ev->n_chains; i++)
		walk(ev, &ev->chains[i], stack, at, stack + ev->n_chains, &n);
	for (uint32_t i = n; i-- > 0;)
		for (struct bf_ev_edge *e = stack[ev->n_chains + i]->edges; e; e = e->next)
			e->to->hooks |= stack[ev->n_chains + i]->hooks;
	return true;
}

/* All of it. */

static void rules(struct bf_ev *ev)
{
	for (uint32_t i = 0; i < ev->n_chains && ev->err != -ENOMEM; i++) {
		struct bf_ev_chain *c = &ev->chains[i];

		ev->into = c->model;
		for (const struct bf_ast_rule *r = c->ast->rules; r && ev->err != -ENOMEM && ev->errors < BF_EV_ERRORS; r = r->next)
			bf_ev_rule(ev, c, r);
		if (c->model->base)
			c->model->counter = bf_ev_counter(ev, c->ast->handle, BF_EVAL_POLICY, BF_EVAL_NONE);
	}
}

static int evaluate(struct bf_ev *ev, const struct bf_ast_cmd *cmd)
{
	if (cmd->family && !cmd->family->served)
		return bf_ev_unserved(ev, cmd->loc, "tables of family %s are not served: ip, ip6, inet and netdev are",
		                      cmd->family->name), ev->err;
	ev->family = cmd->family ? cmd->family->nfproto : NFPROTO_IPV4;
	ev->t = bf_ruleset_add_table(ev->rs, ev->family, cmd->table.text);
	if (!ev->t || !add_chains(ev))
		return -ENOMEM;
	ev->t->auth_ends = true;
	set_bases(ev);
	bf_ev_places(ev);
	add_edges(ev);
	if (!reach(ev) || !bf_ev_sets(ev))
		return ev->err;
	rules(ev);
	return ev->err;
}

void bf_evaluated_free(struct bf_evaluated *e)
{
	bf_ruleset_free(e->rs);
	*e = (struct bf_evaluated){ 0 };
}

static int hand_out(struct bf_ev *ev, struct bf_evaluated *out)
{
	out->n_counters = ev->t->n_counters;
	out->counters = bf_arena_memdup(ev->rs->arena, ev->counters.data, ev->counters.len);
	out->hooks = bf_arena_array(ev->rs->arena, ev->n_chains + 1, uint32_t);
	if (!out->counters || !out->hooks)
		return -ENOMEM;
	for (uint32_t i = 0; i < ev->n_chains; i++)
		out->hooks[i] = ev->chains[i].hooks;
	return 0;
}

int bf_native_eval(const struct bf_ast *ast, const struct bf_ast_cmd *cmd, const struct bf_eval_env *env,
                   struct bf_evaluated *out, struct bf_diag *d)
{
	static const struct bf_ast_table nothing;
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_ev *ev = calloc(1, sizeof(*ev)); /* large for a stack */
	int err = -ENOMEM;

	*out = (struct bf_evaluated){ 0 };
	if (ev && rs) {
		*ev = (struct bf_ev){ .ast = ast, .table = cmd->body ? cmd->body : &nothing, .env = env, .d = d, .rs = rs };
		err = evaluate(ev, cmd);
		if (!err)
			err = hand_out(ev, out);
	}
	if (ev) {
		bf_buf_free(&ev->counters);
		free(ev->changed);
	}
	free(ev);
	if (err)
		return *out = (struct bf_evaluated){ 0 }, err;
	bf_ruleset_done(rs);
	out->rs = TAKE_PTR(rs);
	return 0;
}
