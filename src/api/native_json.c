/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_json.c: a native table as JSON. What the language says stands as its
 * canonical text; what programs look for (handles, names, counters) by itself.
 *
 *   {"family": "inet", "name": "filter", "handle": 1,
 *    "objects": [{"type": "quota", "name": "q", "handle": 2, "state": "over 10 mbytes"}],
 *    "sets": [{"name": "s", "handle": 3, "type": "ipv4_addr", "elements": ["192.0.2.1", "198.51.100.0/24"]}],
 *    "chains": [{"name": "input", "handle": 4, "hook": "input", "priority": 0, "policy": "drop", "rules": [
 *      {"handle": 5, "rule": "tcp dport 22 counter accept", "counters": [{"packets": 5, "bytes": 300}]}]}]}
 */
#include <inttypes.h>

#include "api/native.h"
#include "front/native/print.h"
#include "rule/print.h"

static void string(struct bf_buf *out, const char *key, const char *value)
{
	bf_buf_printf(out, ", \"%s\": ", key);
	bf_json_string(out, value);
}

static void text(struct bf_buf *out, const char *key, const struct bf_buf *value)
{
	string(out, key, value->data ? value->data : "");
	out->err = out->err ? out->err : value->err;
}

static void head(struct bf_buf *out, const char *name, uint64_t handle)
{
	bf_buf_puts(out, "\"name\": ");
	bf_json_string(out, name);
	bf_buf_printf(out, ", \"handle\": %" PRIu64, handle);
}

static void comment(struct bf_buf *out, const char *c)
{
	if (c)
		string(out, "comment", c);
}

static void object(struct bf_buf *out, const struct bf_ast_obj *o, bool counters)
{
	_cleanup_buf_ struct bf_buf state = { 0 };

	bf_buf_puts(out, "{");
	head(out, o->name.text, o->handle);
	string(out, "type", o->type == BF_OBJ_COUNTER ? "counter" : o->type == BF_OBJ_QUOTA ? "quota" : "limit");
	if (o->state && (counters || o->state->kind != BF_STMT_COUNTER)) {
		bf_print_state(&state, o->state);
		text(out, "state", &state);
	}
	comment(out, o->comment);
	bf_buf_puts(out, "}");
}

static void types(struct bf_buf *out, const char *key, const struct bf_ntype *const *t, uint32_t n)
{
	bf_buf_printf(out, ", \"%s\": \"", key);
	for (uint32_t i = 0; i < n; i++)
		bf_buf_printf(out, "%s%s", i ? " . " : "", t[i] ? t[i]->name : "?");
	bf_buf_puts(out, "\"");
}

static void flags(struct bf_buf *out, uint32_t f)
{
	static const char *const words[] = { "constant", "interval", "timeout", "dynamic" };
	const char *comma = "";

	bf_buf_puts(out, ", \"flags\": [");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(words); i++)
		if (f & 1u << i) {
			bf_buf_printf(out, "%s\"%s\"", comma, words[i]);
			comma = ", ";
		}
	bf_buf_puts(out, "]");
}

static void elements(struct bf_buf *out, const struct bf_ast_elem *el)
{
	bf_buf_puts(out, ", \"elements\": [");
	for (const char *comma = ""; el; el = el->next, comma = ", ") {
		_cleanup_buf_ struct bf_buf one = { 0 };

		bf_print_elem(&one, el, false);
		bf_buf_puts(out, comma);
		bf_json_string(out, one.data ? one.data : "");
	}
	bf_buf_puts(out, "]");
}

static void set(struct bf_buf *out, const struct bf_ast_set *s)
{
	const struct bf_ast_expr *e = bf_ast_peel(s->elements);

	bf_buf_puts(out, "{");
	head(out, s->name.text, s->handle);
	bf_buf_printf(out, ", \"map\": %s", s->map ? "true" : "false");
	types(out, "type", s->key, s->n_key);
	if (s->map)
		types(out, "data", s->data, s->n_data);
	flags(out, s->flags);
	comment(out, s->comment);
	elements(out, e ? e->set.first : NULL);
	bf_buf_puts(out, "}");
}

static void counters_of(struct bf_buf *out, const struct bf_ast_rule *r)
{
	const char *comma = "";

	bf_buf_puts(out, ", \"counters\": [");
	for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
		if (s->kind != BF_STMT_COUNTER)
			continue;
		bf_buf_printf(out, "%s{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", comma, s->counter.packets,
		              s->counter.bytes);
		comma = ", ";
	}
	bf_buf_puts(out, "]");
}

/* The numbers stand apart from the text. */
static void rule(struct bf_buf *out, struct bf_ast_rule *r, bool counters)
{
	_cleanup_buf_ struct bf_buf line = { 0 };
	const char *words = r->comment;

	for (struct bf_ast_stmt *s = r->stmts; s; s = s->next)
		if (s->kind == BF_STMT_COUNTER)
			s->counter.bare = true;
	r->comment = NULL;
	bf_native_print_rule(&line, r);
	r->comment = words;
	bf_buf_printf(out, "\n    {\"handle\": %" PRIu64, r->handle);
	text(out, "rule", &line);
	if (counters)
		counters_of(out, r);
	comment(out, words);
	bf_buf_puts(out, "}");
}

static void base(struct bf_buf *out, const struct bf_ast_chain *c)
{
	const struct bf_ast_base *b = c->base;

	string(out, "type", b->type == BF_CHAIN_SOCKOPS ? "sockops" : "filter");
	if (b->hook)
		string(out, "hook", b->hook->name);
	bf_buf_printf(out, ", \"priority\": %d", b->prio);
	string(out, "policy", c->policy ? c->policy : "accept");
	if (b->cgroup.text)
		string(out, "cgroup", b->cgroup.text);
	if (b->devices) {
		_cleanup_buf_ struct bf_buf names = { 0 };

		bf_native_print_expr(&names, b->devices);
		text(out, "devices", &names);
	}
}

static void chain(struct bf_buf *out, const struct bf_ast_chain *c, bool counters)
{
	bf_buf_puts(out, "\n  {");
	head(out, c->name.text, c->handle);
	if (c->base)
		base(out, c);
	comment(out, c->comment);
	bf_buf_puts(out, ", \"rules\": [");
	for (struct bf_ast_rule *r = c->rules; r; r = r->next) {
		rule(out, r, counters);
		bf_buf_puts(out, r->next ? "," : "");
	}
	bf_buf_puts(out, "]}");
}

void bf_native_print_json(struct bf_buf *out, const struct bf_ast_cmd *cmd, bool counters)
{
	const struct bf_ast_table *t = cmd->body;

	bf_buf_printf(out, "{\"family\": \"%s\", ", cmd->family->name);
	head(out, cmd->table.text, t->handle);
	bf_buf_printf(out, ", \"dormant\": %s", t->dormant ? "true" : "false");
	comment(out, t->comment);
	bf_buf_puts(out, ", \"objects\": [");
	for (const struct bf_ast_obj *o = t->objs; o; o = o->next) {
		object(out, o, counters);
		bf_buf_puts(out, o->next ? ", " : "");
	}
	bf_buf_puts(out, "], \"sets\": [");
	for (const struct bf_ast_set *s = t->sets; s; s = s->next) {
		set(out, s);
		bf_buf_puts(out, s->next ? ", " : "");
	}
	bf_buf_puts(out, "], \"chains\": [");
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next) {
		chain(out, c, counters);
		bf_buf_puts(out, c->next ? "," : "");
	}
	bf_buf_puts(out, "]}");
}
