/* SPDX-License-Identifier: GPL-2.0-only */
/* native_blame.c: the verifier refused a user's function: which statements ask it? */
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
