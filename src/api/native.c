/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native.c: bf_native_run (bpfilter.h). The lock is taken before anything is
 * read, so what commands see is what they change.
 *
 *   text -> tree -> commands on the stored tables -> models -> images -> one switch -> counters go on
 */
#include "api/native.h"

static int read_table(void *arg, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	struct native_run *r = arg;
	const struct native_unit *u = t->owner;

	int rc = bf_nstored_parse(&u->stored, r->ast, out, &r->ctx->diag);

	return rc || !r->ns ? rc : bf_native_live_fill(r, r->ns, u, r->ast, (*out)->body, true);
}

static bool changes_nothing(const struct bf_ast *ast)
{
	for (const struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		if (c->verb != BF_VERB_LIST && c->verb != BF_VERB_GET)
			return false;
	return true;
}

/* No state: nothing is there. Who may not look (and only checks) sees the same. */
static int open_for_reading(struct native_run *r)
{
	int rc = bf_ns_open(&r->ns, r->ctx->netns, false, &r->ctx->diag);

	if (!rc)
		return 0;
	r->ns = NULL;
	if (rc == -ENOENT || (r->flags & BF_NATIVE_CHECK && (rc == -EPERM || rc == -EACCES))) {
		bf_ctx_begin(r->ctx);
		r->blind = rc != -ENOENT;
		return 0;
	}
	return rc;
}

static int open_state(struct native_run *r)
{
	if ((changes_nothing(r->ast) && !(r->flags & BF_NATIVE_REPLACE)) || (r->flags & BF_NATIVE_CHECK && geteuid()))
		return open_for_reading(r);
	return bf_ctx_open_locked(r->ctx, &r->ns);
}

static int apply(struct native_run *r)
{
	const struct bf_napply_ops ops = { .read = read_table, .show = bf_native_show,
		.made = r->flags & BF_NATIVE_ECHO ? bf_native_echo : NULL, .ctx = r };
	int rc = 0;

	bf_napply_init(&r->apply, r->ast, &ops, &r->ctx->diag);
	for (uint32_t i = 0; i < r->units.n && !rc; i++) {
		const struct bf_nstored *s = &r->units.v[i].stored;
		struct bf_ntable *t = bf_napply_have(&r->apply, s->family, s->name, s->head->handle, s->last);

		rc = t ? 0 : -ENOMEM;
		if (t)
			t->owner = &r->units.v[i];
		if (t)
			t->gone = r->flags & BF_NATIVE_REPLACE;
		r->apply.last_table = BF_MAX(r->apply.last_table, s->head->last_table);
	}
	if (!rc)
		rc = bf_napply_run(&r->apply);
	if (!rc)
		bf_restored_handles(r);
	else if (r->blind)
		bf_diag_warn(&r->ctx->diag, "checked without privileges: tables that are loaded are not seen");
	r->apply.ops = NULL;
	return rc;
}

static int run(struct native_run *r, const char *text, size_t len)
{
	bool check = r->flags & BF_NATIVE_CHECK;
	bool had_none = false, done = false;
	int rc;

	if (check && !geteuid() && !changes_nothing(r->ast)) { /* leave no trace where there was none */
		struct bf_ns *there = NULL;

		had_none = bf_ns_open(&there, r->ctx->netns, false, NULL) == -ENOENT;
		bf_ns_close(there);
	}
	rc = open_state(r);
	if (!rc)
		rc = bf_native_units(r->ctx, r->ns, &r->units);
	if (!rc && !check && !r->restored && !(r->flags & (BF_NATIVE_REPLACE | BF_NATIVE_ECHO)))
		rc = bf_native_patch(r, &done);
	if (done)
		return rc;
	if (!rc)
		rc = bf_restored_read(r, text, len);
	if (!rc)
		rc = apply(r);
	if (!rc && r->ns && !check)
		bf_ns_watch(r->ns, &r->ctx->progress);
	if (!rc)
		rc = bf_native_commit(r, check);
	if (!rc && !check)
		rc = bf_native_resets(r);
	if (had_none && r->ns)
		bf_ns_destroy(r->ns, NULL);
	return rc;
}

/*
 * Rules could not be read, or name what is not there: what is wrong with the others is told, too, so that one run tells all.
 * Nothing changes.
 */
static void look_further(struct native_run *r)
{
	r->flags |= BF_NATIVE_CHECK;
	if (!r->ns && bf_ns_open(&r->ns, r->ctx->netns, false, NULL))
		r->ns = NULL;
	if (!r->apply.ast && bf_native_units(r->ctx, r->ns, &r->units))
		return;
	if (!r->apply.ast)
		apply(r);
	if (r->apply.err != -ENOMEM && r->apply.errors == r->apply.missing)
		bf_native_evaluate(r);
}

static void free_run(struct native_run *r)
{
	bf_napply_free(&r->apply);
	bf_native_units_free(&r->units);
	bf_ns_close(r->ns);
	bf_buf_free(&r->out);
	bf_ast_free(r->ast);
	free(r->resets);
	bf_native_lives_free(r);
}

static int parse(struct bf_ctx *ctx, const char *name, const char *text, size_t len, struct bf_ast **ast)
{
	static const char *const dirs[] = { "/etc/bpfilter", NULL };
	const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs, .file = bf_native_file,
		.go_on = true, .max_nodes = UINT32_MAX };

	bf_ctx_begin(ctx);
	bf_ast_free(*ast);
	*ast = NULL;
	return bf_native_parse(ast, name, text, len, &o, &ctx->diag);
}

static int once(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags, char **out,
                struct restored *restored, struct imported *imported)
{
	_cleanup_(free_run) struct native_run r = { .ctx = ctx, .flags = flags, .restored = restored,
		.imported = imported };
	int rc = parse(ctx, name, text, len, &r.ast);
	bool done = false, unread = rc && r.ast;

	if (!rc && !restored && !imported && !(flags & (BF_NATIVE_CHECK | BF_NATIVE_REPLACE | BF_NATIVE_ECHO)))
		rc = bf_native_quick(ctx, r.ast, &done);
	if (!rc && !done && bf_native_is_quick(r.ast))
		rc = parse(ctx, name, text, len, &r.ast); /* its elements may have been typed */
	if (!rc && !done)
		rc = run(&r, text, len);
	if (rc && rc != -ESTALE && (unread || r.apply.errors) && !restored && !imported)
		look_further(&r);
	if (!rc && r.out.err)
		rc = r.out.err;
	if (!rc && out) {
		*out = r.out.data ? TAKE_PTR(r.out.data) : strdup("");
		rc = *out ? 0 : -ENOMEM;
	}
	return bf_ctx_end(ctx, rc);
}

int bf_native_run(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags, char **out)
{
	return bf_native_text(ctx, name, text, len, flags, out, NULL, NULL);
}

int bf_native_text(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags, char **out,
                   struct restored *restored, struct imported *imported)
{
	int rc;

	do { /* who only reads may meet a writer */
		rc = once(ctx, name, text, len, flags, out, restored, imported);
	} while (rc == -ESTALE);
	return rc;
}
