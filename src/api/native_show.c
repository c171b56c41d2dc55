/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_show.c: tables for people. What is shown is read from the stored
 * bytes into a tree of its own, which is then cut, filled with counters and
 * marked: the one that commands work on stays as it is. Without any of that
 * the stored text is the listing.
 */
#include <inttypes.h>

#include "api/native.h"
#include "front/native/rules.h"

enum { DRESSED = BF_LIST_COUNTERS | BF_LIST_HANDLES | BF_LIST_NUMERIC | BF_LIST_JSON };

struct shown { /* a table as it is now */
	struct bf_nstored now;
	struct bf_buf bytes;             /* of one that changed in this run */
	const struct native_unit *unit;  /* whose counters are shown; or NULL */
	const struct bf_rt_counter *counters; /* of unit, if they are known already */
	uint32_t n_counters;
	bool take;                       /* objects are reset */
};

static int fill(struct bf_ast_table *t, const struct shown *s)
{
	uint32_t n = s->unit ? bf_unit_n_counters(s->unit->unit) : 0;
	_cleanup_free_ struct bf_rt_counter *c = calloc(n + 1ul, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	if (s->counters)
		return bf_native_fill(t, &s->unit->stored, s->counters, s->n_counters);
	if (!n)
		return bf_native_fill(t, &s->now, c, 0);
	rc = bf_unit_counters(s->unit->unit, c, n);
	return rc ? rc : bf_native_fill(t, &s->unit->stored, c, n);
}

static void print(struct bf_buf *out, struct bf_ast_cmd *tree, unsigned flags)
{
	bf_native_style(tree->body, (flags & BF_LIST_NUMERIC ? BF_STYLE_NUMBERS : 0) | (flags & LIST_WHOLE ? 0 : BF_STYLE_BRIEF));
	bf_native_once(tree->body, flags & LIST_WHOLE);
	if (flags & BF_LIST_JSON)
		bf_native_print_json(out, tree);
	else
		bf_native_print_as(out, tree, (flags & BF_LIST_HANDLES ? BF_PRINT_HANDLES : 0) |
		                              (flags & BF_LIST_NUMERIC ? BF_PRINT_NUMBERS : 0));
}

/* Nobody asks for counters but for their numbers. */
static bool is_counted(const struct bf_ast_cmd *cmd)
{
	return cmd && (cmd->object == BF_OBJ_COUNTER || cmd->object == BF_OBJ_COUNTERS || cmd->object == BF_OBJ_QUOTA ||
	               cmd->object == BF_OBJ_QUOTAS);
}

/* What is stored, with what the log says; -EAGAIN: not without reading it. */
static int put_text(struct bf_buf *out, const struct bf_nstored *s)
{
	_cleanup_nrules_ struct bf_nrules rules = {};
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_buf_ struct bf_buf text = {};
	int rc;

	if (memmem(s->text, s->head->text_len, " object \"", 9))
		return -EAGAIN;
	if (!s->log_len) {
		bf_buf_add(out, s->text, s->head->text_len);
		return 0;
	}
	if (!s->head->index_len)
		return -EAGAIN;
	rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);
	if (!rc)
		rc = bf_nrules_open(&rules, s, ast);
	if (!rc)
		rc = bf_nrules_text(&rules, s, &text);
	if (!rc)
		bf_buf_add(out, text.data, text.len);
	return rc;
}

/* cmd NULL: all of it. -ENOENT: what it is about is not there. */
static int show(struct bf_ctx *ctx, struct bf_buf *out, const struct shown *s, const struct bf_ast_cmd *cmd, unsigned flags)
{
	bool whole = !cmd || cmd->object == BF_OBJ_RULESET || cmd->object == BF_OBJ_TABLE;
	bool live = s->unit && s->unit->ns && bf_unit_has_elements(s->unit->ns, s->unit->name);
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_ast_cmd *tree;
	int rc;

	flags |= is_counted(cmd) ? BF_LIST_COUNTERS : 0;
	rc = whole && !(flags & DRESSED) && !live ? put_text(out, &s->now) : -EAGAIN;
	if (rc != -EAGAIN)
		return rc;
	rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);
	if (!rc)
		rc = bf_nstored_parse(&s->now, ast, &tree, &ctx->diag);
	if (!rc && live)
		rc = bf_native_live_fill(NULL, s->unit->ns, s->unit, ast, tree->body, flags & BF_LIST_COUNTERS);
	if (!rc && !whole && !bf_native_pick(ast, tree->body, cmd))
		return -ENOENT;
	if (!rc && s->take && live)
		rc = bf_native_live_take(s->unit->ns, s->unit, ast, tree->body);
	if (!rc && flags & BF_LIST_COUNTERS)
		rc = fill(tree->body, s);
	else if (!rc)
		bf_native_style(tree->body, BF_STYLE_STATELESS);
	if (!rc)
		print(out, tree, flags);
	return rc;
}

int bf_native_list_unit(struct bf_ctx *ctx, struct bf_buf *out, const struct native_unit *u, unsigned flags)
{
	const struct shown s = { .now = u->stored, .unit = u };

	return show(ctx, out, &s, NULL, flags);
}

/* Tables of a run. */

static int open_shown(struct native_run *r, struct bf_ntable *t, struct shown *s)
{
	*s = (struct shown){ .unit = t->owner };
	if (!t->changed) {
		s->now = s->unit->stored;
		return 0;
	}
	if (bf_napply_settle(&r->apply, t))
		return -ENOMEM;
	bf_nstored_write(&s->bytes, t, r->apply.last_table, NULL);
	return s->bytes.err ? s->bytes.err : bf_nstored_read(s->bytes.data, s->bytes.len, NULL, 0, &s->now);
}

static int show_table(struct native_run *r, struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	struct shown s;
	int rc;

	if (cmd->object == BF_OBJ_TABLES && !(r->flags & BF_LIST_JSON)) {
		bf_buf_printf(&r->out, "table %s %s\n", t->family->name, t->name);
		return 0;
	}
	rc = open_shown(r, t, &s);
	if (!rc)
		rc = show(r->ctx, &r->out, &s, cmd, r->flags);
	bf_buf_free(&s.bytes);
	return rc;
}

/* Of which tables; NULL: of all. */
static const struct bf_nfamily *family_of(const struct bf_ast_cmd *cmd)
{
	return cmd->family || !cmd->table.text ? cmd->family : &bf_nfamilies[0];
}

static bool fits(const struct bf_ntable *t, const struct bf_ast_cmd *cmd)
{
	return !t->gone && (!family_of(cmd) || t->family == family_of(cmd)) &&
	       (!cmd->table.text || !strcmp(t->name, cmd->table.text));
}

static void begin_json(struct native_run *r)
{
	bf_buf_puts(&r->out, r->flags & BF_LIST_JSON ? BF_LIST_JSON_HEAD : "");
}

static void end_json(struct native_run *r)
{
	bf_buf_puts(&r->out, r->flags & BF_LIST_JSON ? "]}\n" : "");
}

static int show_many(struct native_run *r, const struct bf_ast_cmd *cmd)
{
	int rc = 0;

	begin_json(r);
	for (struct bf_ntable *t = r->apply.tables; t && !rc; t = t->next)
		if (fits(t, cmd))
			rc = show_table(r, t, cmd);
	end_json(r);
	return rc;
}

static int show_one(struct native_run *r, const struct bf_ast_cmd *cmd)
{
	struct bf_ntable *t = bf_napply_table(&r->apply, cmd);
	unsigned errors = r->apply.errors;
	int rc;

	if (!t)
		return 0; /* told and counted */
	begin_json(r);
	rc = show_table(r, t, cmd);
	end_json(r);
	if (rc != -ENOENT)
		return rc;
	if (!bf_napply_name(&r->apply, t, cmd) || r->apply.errors > errors)
		return 0;
	if (cmd->elements)
		return bf_ast_error(r->ast, &r->ctx->diag, cmd->elements->loc, -ENOENT, "'%s' does not have all of these",
		                    cmd->name.text);
	return bf_ast_error(r->ast, &r->ctx->diag, cmd->loc, -ENOENT, "'%s' is not that", cmd->name.text);
}

int bf_native_show(void *arg, struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	bool many = cmd->object >= BF_OBJ_TABLES || cmd->object == BF_OBJ_RULESET;
	struct native_run *r = arg;
	int rc;

	(void)a;
	if ((cmd->table.text ? many : cmd->verb == BF_VERB_RESET && !many) && !bf_napply_table(&r->apply, cmd))
		return 0; /* told and counted */
	if (cmd->verb != BF_VERB_RESET)
		return many ? show_many(r, cmd) : show_one(r, cmd);
	rc = bf_grow(&r->resets, r->n_resets, &r->cap_resets, sizeof(const struct bf_ast_cmd *));
	if (!rc)
		r->resets[r->n_resets++] = cmd;
	return rc;
}

void bf_native_echo(void *arg, struct bf_ntable *t, const struct bf_ast_cmd *cmd, uint64_t handle)
{
	struct native_run *r = arg;

	if (cmd->body) { /* what is new in it has handles */
		cmd->body->handle = t->handle;
		bf_native_print_as(&r->out, cmd, BF_PRINT_HANDLES);
		return;
	}
	bf_native_print_cmd(&r->out, cmd);
	if (r->out.len && !r->out.err) /* in front of the newline */
		r->out.data[--r->out.len] = '\0';
	bf_buf_printf(&r->out, " # handle %" PRIu64 "\n", handle);
}

/* Reset: what is shown is what is taken. */

static bool is_reset(const struct bf_ast_cmd *cmd, const struct bf_eval_counter *c)
{
	return c->what != BF_EVAL_POLICY && (cmd->object == BF_OBJ_RULES || (cmd->object == BF_OBJ_RULE && c->handle == cmd->at));
}

static int reset_unit(struct native_run *r, const struct native_unit *u, const struct bf_ast_cmd *cmd)
{
	uint32_t n = bf_unit_n_counters(u->unit);
	_cleanup_free_ struct bf_rt_counter *c = calloc(n + 1ul, sizeof(*c));
	_cleanup_free_ bool *which = calloc(n + 1ul, sizeof(*which));
	const struct shown s = { .now = u->stored, .unit = u, .counters = c, .n_counters = n, .take = true };
	int rc;

	if (!c || !which)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && i < u->stored.n_counters; i++)
		which[i] = is_reset(cmd, &u->stored.counters[i]);
	rc = n ? bf_unit_take_counters(u->unit, which, c, n) : 0;
	return rc ? rc : show(r->ctx, &r->out, &s, cmd, r->flags | BF_LIST_COUNTERS);
}

static int reset(struct native_run *r, const struct native_units *units, const struct bf_ast_cmd *cmd)
{
	const struct bf_nfamily *f = family_of(cmd);
	int rc = 0;

	for (uint32_t i = 0; i < units->n && !rc; i++) {
		const struct native_unit *u = &units->v[i];

		if ((!f || u->stored.family == f) &&
		    (!cmd->table.text || !strcmp(u->stored.name, cmd->table.text)))
			rc = reset_unit(r, u, cmd);
	}
	if (rc == -ENOENT)
		rc = bf_ast_error(r->ast, &r->ctx->diag, cmd->loc, rc, "there is nothing to reset");
	return rc;
}

int bf_native_resets(struct native_run *r)
{
	_cleanup_units_ struct native_units now = {};
	int rc = r->n_resets ? bf_native_units(r->ctx, r->ns, &now) : 0;

	for (uint32_t i = 0; i < r->n_resets && !rc; i++) {
		begin_json(r);
		rc = reset(r, &now, r->resets[i]);
		end_json(r);
	}
	return rc;
}
