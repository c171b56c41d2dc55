/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.c: a table as JSON, in the schema of libnftables-json(5): objects one
 * behind the other, what others name before these.
 *
 *   {"table": {"family": "inet", "name": "filter", "handle": 1}},
 *   {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 4, "type": "filter", "hook": "input",
 *              "prio": 0, "policy": "drop"}},
 *   {"set": {"family": "inet", "table": "filter", "name": "s", "handle": 3, "type": "ipv4_addr", "elem": ["192.0.2.1"]}},
 *   {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 5, "expr": [{"accept": null}]}}
 *
 * What nft does not have: hooks, "cgroup" and "mode" of chains, "dynamic" of sets, and statements, as {"bpfilter": their
 * text}.
 */
#include "front/native/json.h"
#include "rule/print.h"

struct whose {
	struct bf_buf *out;
	const char *family, *table;
};

/* Each object on a line of its own. */
static void new_line(struct bf_buf *out)
{
	bf_buf_puts(out, out->len && out->data[out->len - 1] == '}' ? ",\n" : "\n");
}

/* {"word": {"family": ..., "table": ...: the rest and end() are the caller's. */
static void begin(const struct whose *w, const char *word, const char *name, uint64_t handle)
{
	struct bf_buf *out = w->out;

	new_line(out);
	bf_json_open(out, word);
	bf_buf_puts(out, "{");
	bf_json_text(out, "family", w->family);
	bf_json_text(out, "table", w->table);
	if (name)
		bf_json_text(out, "name", name);
	if (handle)
		bf_json_int(out, "handle", handle);
}

static void end(const struct whose *w, const char *comment)
{
	if (comment)
		bf_json_text(w->out, "comment", comment);
	bf_buf_puts(w->out, "}}");
}

static void put_object(const struct whose *w, const struct bf_ast_obj *o)
{
	begin(w, o->type == BF_OBJ_COUNTER ? "counter" : o->type == BF_OBJ_QUOTA ? "quota" : "limit", o->name.text, o->handle);
	if (o->state)
		bf_json_state(w->out, o->state);
	end(w, o->comment);
}

static void put_types(const struct whose *w, const char *key, const struct bf_ntype *const *t, uint32_t n)
{
	bf_json_key(w->out, key);
	bf_buf_puts(w->out, n > 1 ? "[" : "");
	for (uint32_t i = 0; i < n; i++) {
		bf_json_next(w->out);
		bf_json_string(w->out, t[i] ? t[i]->name : "integer");
	}
	bf_buf_puts(w->out, n > 1 ? "]" : "");
}

static void put_flags(const struct whose *w, const struct bf_ast_set *s)
{
	static const char *const words[] = { "constant", "interval", "timeout" };
	uint32_t flags = (s->flags & ~BF_SET_DYNAMIC) | (bf_ast_set_timed(s) ? BF_SET_TIMEOUT : 0);

	if (s->flags & BF_SET_DYNAMIC) /* no flag: nft 1.0.6 would not read it */
		bf_buf_puts(w->out, ", \"dynamic\": true");
	if (!flags)
		return;
	bf_json_key(w->out, "flags");
	bf_buf_puts(w->out, "[");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(words); i++)
		if (flags & 1u << i) {
			bf_json_next(w->out);
			bf_json_string(w->out, words[i]);
		}
	bf_buf_puts(w->out, "]");
}

static void put_elements(const struct whose *w, const struct bf_ast_set *s)
{
	const struct bf_ast_expr *e = bf_ast_peel(s->elements);

	if (!e || !e->set.first)
		return;
	bf_json_key(w->out, "elem");
	bf_buf_puts(w->out, "[");
	bf_json_elems(w->out, e->set.first);
	bf_buf_puts(w->out, "]");
}

static void put_set(const struct whose *w, const struct bf_ast_set *s)
{
	begin(w, s->map ? "map" : "set", s->name.text, s->handle);
	put_types(w, "type", s->key, s->n_key);
	if (s->map)
		put_types(w, "map", s->data, s->n_data);
	if (s->has_size)
		bf_json_int(w->out, "size", s->size);
	if (s->policy)
		bf_json_text(w->out, "policy", s->policy);
	put_flags(w, s);
	if (s->has_timeout)
		bf_json_int(w->out, "timeout", s->timeout / 1000);
	if (s->has_gc)
		bf_json_int(w->out, "gc-interval", s->gc / 1000);
	if (s->auto_merge)
		bf_buf_puts(w->out, ", \"auto-merge\": true");
	if (s->stmts)
		bf_json_fresh(w->out, s->stmts);
	put_elements(w, s);
	end(w, s->comment);
}

/* One device by its name, several as a list. */
static void put_devices(const struct whose *w, const struct bf_ast_expr *e)
{
	bool many = bf_ast_peel(e)->kind == BF_AST_SET;

	bf_json_key(w->out, "dev");
	bf_buf_puts(w->out, many ? "[" : "");
	if (many)
		bf_json_elems(w->out, bf_ast_peel(e)->set.first);
	else
		bf_json_expr(w->out, e);
	bf_buf_puts(w->out, many ? "]" : "");
}

static void put_base(const struct whose *w, const struct bf_ast_chain *c)
{
	const struct bf_ast_base *b = c->base;

	bf_json_text(w->out, "type", b->type == BF_CHAIN_SOCKOPS ? "sockops" : "filter");
	if (b->hook)
		bf_json_text(w->out, "hook", b->hook->name);
	bf_json_key(w->out, "prio");
	bf_buf_printf(w->out, "%d", b->prio);
	if (b->devices)
		put_devices(w, b->devices);
	if (b->cgroup.text)
		bf_json_text(w->out, "cgroup", b->cgroup.text);
	if (b->mode)
		bf_json_text(w->out, "mode", b->mode);
	bf_json_text(w->out, "policy", c->policy ? c->policy : "accept");
}

static void put_chain(const struct whose *w, const struct bf_ast_chain *c)
{
	begin(w, "chain", c->name.text, c->handle);
	if (c->base)
		put_base(w, c);
	end(w, c->comment);
}

static void put_rule(const struct whose *w, const struct bf_ast_chain *c, const struct bf_ast_rule *r)
{
	begin(w, "rule", NULL, 0);
	bf_json_text(w->out, "chain", c->name.text);
	if (r->handle)
		bf_json_int(w->out, "handle", r->handle);
	bf_json_key(w->out, "expr");
	bf_buf_puts(w->out, "[");
	bf_json_stmts(w->out, r->stmts);
	bf_buf_puts(w->out, "]");
	end(w, r->comment);
}

void bf_native_print_json(struct bf_buf *out, const struct bf_ast_cmd *cmd)
{
	const struct whose w = { out, cmd->family->name, cmd->table.text };
	const struct bf_ast_table *t = cmd->body;

	new_line(out);
	bf_json_open(out, "table");
	bf_buf_puts(out, "{");
	bf_json_text(out, "family", w.family);
	bf_json_text(out, "name", w.table);
	bf_json_int(out, "handle", t->handle);
	if (t->dormant)
		bf_json_text(out, "flags", "dormant");
	end(&w, t->comment);
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next)
		put_chain(&w, c);
	for (const struct bf_ast_obj *o = t->objs; o; o = o->next)
		put_object(&w, o);
	for (const struct bf_ast_set *s = t->sets; s; s = s->next)
		put_set(&w, s);
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			put_rule(&w, c, r);
}
