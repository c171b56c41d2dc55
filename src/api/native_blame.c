/* SPDX-License-Identifier: GPL-2.0-only */
/* native_blame.c: the kernel refused something: where does the text ask for it? Users' functions; devices and control groups. */
#include <stdio.h>

#include "api/native.h"
#include "base/func.h"
#include "match/match.h"

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void note_statements(struct native_run *r, const struct bf_ast_table *t, const struct bf_program *p)
{
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next)
		for (const struct bf_ast_rule *rule = c->rules; rule; rule = rule->next)
			for (const struct bf_ast_stmt *s = rule->stmts; s; s = s->next)
				if (s->kind == BF_STMT_PROGRAM && same(s->code.text.text, p->file) && same(s->code.section.text, p->section))
					bf_ast_note(r->ast, &r->ctx->diag, s->code.text.loc, "it is asked here");
}

/* The message has the function's name, kern/load.c: add_function. */
static bool is_named(const struct native_run *r, const struct bf_program *p)
{
	const char *name = strchr(p->funcs->name, '_');
	char text[300];

	snprintf(text, sizeof(text), "in the function %s of an object file", name ? name + 1 : "");
	return r->ctx->diag.text.data && strstr(r->ctx->diag.text.data, text);
}

/* The program that is the match of the condition, or NULL. */
static const struct bf_program *program_of(const struct bf_cond *c)
{
	return c->kind == BF_COND_MATCH && c->match == &bf_match_program ? c->data : NULL;
}

static const struct bf_program *find(const struct native_run *r, const struct bf_table *t)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		for (uint32_t k = 0; k < t->chains[i]->n_rules; k++) {
			const struct bf_rule *rule = &t->chains[i]->rules[k];

			for (uint32_t j = 0; j < rule->n_conds; j++) {
				const struct bf_program *p = program_of(bf_rule_cond(rule, j));

				if (p && is_named(r, p))
					return p;
			}
		}
	return NULL;
}

void bf_native_blame(struct native_run *r, const struct native_change *v, uint32_t n)
{
	if (!r->ctx->diag.text.data || !strstr(r->ctx->diag.text.data, "of an object file"))
		return;
	for (uint32_t i = 0; i < n; i++) {
		const struct bf_ruleset *rs = v[i].ev.rs;
		const struct bf_program *p = rs && rs->n_tables ? find(r, rs->tables[0]) : NULL;

		if (p && v[i].table->cmd)
			note_statements(r, v[i].table->cmd->body, p);
	}
}

/* Devices and control groups. */

struct blame {
	struct native_run *r;
	struct bf_eval_env env;
	char *told; /* what the kernel's side said */
	bool missing; /* those that are not there are looked for; else the one that was told */
	unsigned found;
};

static bool is_told(const struct blame *b, const char *kind, const char *name)
{
	char text[300];

	snprintf(text, sizeof(text), "of %s \"%s\": ", kind, name);
	return strstr(b->told, text);
}

static void blame_place(struct blame *b, const char *kind, const char *name, struct bf_ast_loc loc)
{
	bool device = !strcmp(kind, "device");
	uint32_t index;
	uint64_t id;

	if (!b->missing && is_told(b, kind, name)) {
		bf_ast_note(b->r->ast, &b->r->ctx->diag, loc, "it is named here");
		b->found++;
	} else if (b->missing && (device ? b->env.ifindex(b->env.ctx, name, &index) : b->env.cgroup(b->env.ctx, name, &id)) < 0) {
		bf_ast_error(b->r->ast, &b->r->ctx->diag, loc, -ENODEV, "there is no %s '%s'", kind, name);
		b->found++;
	}
}

static void blame_devices(struct blame *b, const struct bf_ast_expr *e)
{
	const struct bf_ast_expr *v = e ? bf_ast_peel(e) : NULL;

	if (v && v->kind == BF_AST_SET)
		for (const struct bf_ast_elem *i = v->set.first; i; i = i->next)
			blame_devices(b, i->key);
	else if (v && v->kind == BF_AST_VALUE && v->value.text)
		blame_place(b, "device", v->value.text, e->loc);
}

static void blame_chains(struct blame *b, const struct bf_ast_table *t)
{
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next) {
		if (!c->base)
			continue;
		blame_devices(b, c->base->devices);
		if (c->base->cgroup.text)
			blame_place(b, "control group", c->base->cgroup.text, c->base->cgroup.loc);
	}
}

static void blame_tables(struct blame *b, const struct native_change *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (v[i].table->cmd && v[i].image)
			blame_chains(b, v[i].table->cmd->body);
}

void bf_native_blame_places(struct native_run *r, const struct native_change *v, uint32_t n, int rc)
{
	struct bf_buf *text = &r->ctx->diag.text;
	struct blame b = { .r = r, .missing = rc == -ENODEV || rc == -ENOENT };

	b.told = text->len ? strndup(text->data, text->len) : NULL;
	if (!b.told || !strstr(b.told, "cannot attach to hook "))
		return free(b.told);
	bf_native_env(&b.env, r->ctx);
	if (b.missing)
		bf_diag_free(&r->ctx->diag);
	blame_tables(&b, v, n);
	if (b.missing && !b.found) { /* it is there again */
		bf_diag_error(&r->ctx->diag, rc, "%s", b.told);
		b.missing = false;
		blame_tables(&b, v, n);
	}
	free(b.told);
}
