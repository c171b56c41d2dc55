/* SPDX-License-Identifier: GPL-2.0-only */
/* native_units.c: native tables as units of the namespace, n<handle>: read, compiled, committed together. */
#include <inttypes.h>
#include <stdio.h>

#include "api/native.h"
#include "gen/gen.h"

/* "n12": other units are called ip-filter. */
bool bf_native_is_unit(const char *name)
{
	return name[0] == 'n' && name[1] && !name[1 + strspn(name + 1, "0123456789")];
}

void bf_native_units_free(struct native_units *u)
{
	for (uint32_t i = 0; i < u->n; i++) {
		bf_nstored_free(&u->v[i].stored);
		bf_unit_close(u->v[i].unit);
	}
	free(u->v);
	*u = (struct native_units){};
}

static int by_handle(const void *a, const void *b)
{
	const struct native_unit *x = a, *y = b;

	return (x->stored.head->handle > y->stored.head->handle) - (x->stored.head->handle < y->stored.head->handle);
}

static int read_unit(struct bf_ctx *ctx, struct bf_ns *ns, const char *name, struct native_units *out)
{
	struct native_unit *u;
	const void *state, *log;
	size_t len, log_len;
	uint64_t version;
	int rc = bf_grow(&out->v, out->n, &out->cap, sizeof(*out->v));

	if (rc)
		return rc;
	u = &out->v[out->n];
	*u = (struct native_unit){ .ns = ns };
	snprintf(u->name, sizeof(u->name), "%s", name);
	rc = bf_unit_open(ns, name, &u->unit);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc; /* a writer was here */
	out->n++;
	state = bf_unit_state(u->unit, &len);
	log = bf_unit_journal(u->unit, &log_len, &version);
	rc = bf_nstored_read(state, len, log, log_len, &u->stored);
	if (rc) {
		bf_nstored_free(&u->stored);
		bf_unit_close(u->unit);
		out->n--;
		return bf_diag_error(&ctx->diag, rc, "the stored table %s cannot be read: it was written by another version", name);
	}
	return 0;
}

int bf_native_units(struct bf_ctx *ctx, struct bf_ns *ns, struct native_units *out)
{
	_cleanup_buf_ struct bf_buf names = {};
	int rc = ns ? bf_ns_units(ns, &names) : 0;

	for (const char *p = names.data; !rc && p && p < names.data + names.len; p += strlen(p) + 1)
		if (strlen(p) < sizeof(out->v->name) && bf_native_is_unit(p))
			rc = read_unit(ctx, ns, p, out);
	if (rc)
		bf_native_units_free(out);
	else if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_handle);
	return rc;
}

void bf_native_doze(const struct bf_ast_cmd *cmd, struct bf_table *t)
{
	if (!cmd->body->dormant)
		return;
	for (uint32_t i = 0; i < t->n_chains; i++)
		if (t->chains[i]->base) {
			t->chains[i]->base = false;
			t->chains[i]->policy = BF_VERDICT_RETURN;
		}
}

int bf_native_explain(struct bf_ctx *ctx, const struct native_unit *u, struct bf_image **img, struct bf_buf *counts)
{
	struct bf_gen_opts o = { .code_max = BF_CODE_MAX, .explain = true };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_evaluated ev = {};
	struct bf_eval_env env;
	struct bf_ast_cmd *cmd;
	int rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);

	bf_native_env(&env, ctx);
	if (!rc)
		rc = bf_nstored_parse(&u->stored, ast, &cmd, &ctx->diag);
	if (!rc)
		rc = bf_native_eval(ast, cmd, &env, &ev, &ctx->diag);
	if (rc)
		return rc;
	bf_native_doze(cmd, ev.rs->tables[0]);
	bf_gen_here(&o);
	rc = bf_gen_table(ev.rs->tables[0], &o, img, &ctx->diag);
	if (counts)
		bf_list_counts(counts, ev.rs->tables[0]);
	bf_evaluated_free(&ev);
	return rc;
}

static int generate(struct native_run *r, const struct native_change *c, uint32_t code_max, struct bf_image **img,
                    struct bf_diag *d)
{
	struct bf_gen_opts o = { .code_max = code_max, .progress = &r->ctx->progress };

	bf_gen_here(&o);
	return bf_gen_table(c->ev.rs->tables[0], &o, img, d);
}

static void write_state(struct native_run *r, struct native_change *c)
{
	const struct bf_nstore_parts parts = { .counters = c->ev.counters, .n_counters = c->ev.n_counters,
		.places = c->image->places, .n_places = c->image->n_places, .link = c->image->link, .link_len = c->image->link_len,
		.ev = c->image->link ? &c->ev : NULL };

	bf_buf_free(&c->state);
	bf_nstored_write(&c->state, c->table, r->apply.last_table, &parts);
}

static int check_size(struct native_run *r, const struct native_change *c)
{
	uint32_t progs = c->image->n_progs, places = bf_image_places(c->image);

	if (progs <= BF_UNIT_PROGS && places <= BF_UNIT_PLACES)
		return 0;
	return bf_ast_error(r->ast, &r->ctx->diag, c->table->cmd->table.loc, -EINVAL,
	                    "table %s %s has too many base chains: they need %u programs (at most %d: one for each hook and "
	                    "priority, in inet for each family, too) at %u hooks and devices (at most %d): divide it into "
	                    "several tables",
	                    c->table->family->name, c->table->name, progs, BF_UNIT_PROGS, places, BF_UNIT_PLACES);
}

/* What is loaded and what is stored. */
static int make_image(struct native_run *r, struct native_change *c)
{
	int rc = generate(r, c, BF_CODE_MAX, &c->image, &r->ctx->diag);

	if (!rc)
		rc = check_size(r, c);
	if (rc)
		return rc;
	bf_native_live_strip(r->ast, c->table->cmd->body, c->image);
	write_state(r, c);
	return c->state.err;
}

static int compile(struct native_run *r, struct native_change *c)
{
	struct bf_diag *d = &r->ctx->diag;
	struct bf_eval_env env;
	int rc;

	bf_native_env(&env, r->ctx);
	rc = bf_native_take_starts(c);
	if (!rc)
		rc = bf_restored_starts(r, c);
	if (r->imported)
		c->n_starts = 0; /* the kernel's are read behind the switch */
	if (!rc)
		rc = bf_native_eval(r->ast, c->table->cmd, &env, &c->ev, d);
	if (rc)
		return rc;
	bf_native_doze(c->table->cmd, c->ev.rs->tables[0]);
	c->live_only = bf_native_live_only(r, c);
	return c->live_only ? 0 : make_image(r, c);
}

static void free_changes(struct native_change *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bf_evaluated_free(&v[i].ev);
		bf_image_free(v[i].image);
		bf_buf_free(&v[i].state);
		free(v[i].carried);
		free(v[i].starts);
	}
	free(v);
}

/* A table that is restored has the handle that it had: it takes the unit over. */
static bool taken_over(const struct native_run *r, const struct bf_ntable *gone)
{
	for (const struct bf_ntable *t = r->restored ? r->apply.tables : NULL; t; t = t->next)
		if (!t->gone && t->changed && t->handle == gone->handle)
			return true;
	return false;
}

/* A new table that went again was never there; one that was not touched stays. */
static bool concerns(const struct native_run *r, const struct bf_ntable *t)
{
	return t->gone ? t->owner && !taken_over(r, t) : t->changed;
}

static void start_change(struct native_change *c, const struct bf_ntable *t)
{
	c->table = t;
	c->old = t->owner;
	snprintf(c->name, sizeof(c->name), "n%" PRIu64, t->handle);
}

static void list_changes(const struct native_run *r, const struct native_change *v, uint32_t n, struct bf_change *out)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (struct bf_change){ .unit = v[i].name, .image = v[i].image, .state = v[i].state.data,
			.state_len = v[i].state.len, .carried = v[i].carried, .n_carried = v[i].n_carried };
	if (n && r->imported) {
		out[0].switched = bf_imported_switched;
		out[0].arg = r->imported;
	}
}

/* Straight code once more as data. */
static bool without_code(struct native_run *r, struct native_change *v, uint32_t n)
{
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		struct bf_image *data = NULL;

		if (!v[i].image || !v[i].image->straight)
			continue;
		if (generate(r, &v[i], 0, &data, NULL))
			return false;
		bf_image_free(v[i].image);
		v[i].image = data;
		write_state(r, &v[i]);
		if (v[i].state.err)
			return false;
		any = true;
	}
	return any;
}

static int switch_over(struct native_run *r, struct native_change *v, uint32_t n, bool only_check)
{
	int (*go)(struct bf_ns *, const struct bf_change *, uint32_t, struct bf_diag *) = only_check ? bf_ns_check : bf_ns_commit;
	uint32_t all = n + bf_restored_changes(r->restored, NULL);
	_cleanup_free_ struct bf_change *changes = calloc(all + 1ul, sizeof(*changes));
	_cleanup_diag_ struct bf_diag first = {};
	int rc = changes ? 0 : -ENOMEM;

	for (uint32_t i = 0; !rc && !only_check && i < n; i++)
		rc = v[i].image ? bf_native_carry(&v[i]) : 0;
	if (rc)
		return rc;
	list_changes(r, v, n, changes);
	bf_restored_changes(r->restored, changes + n);
	rc = go(r->ns, changes, all, &first);
	if (bf_verifier_refused(rc) && without_code(r, v, n) + bf_restored_without_code(r)) {
		list_changes(r, v, n, changes);
		bf_restored_changes(r->restored, changes + n);
		rc = go(r->ns, changes, all, &r->ctx->diag);
	} else {
		bf_diag_move(&r->ctx->diag, &first);
	}
	if (bf_verifier_refused(rc) || rc == -EACCES)
		bf_native_blame(r, v, n);
	else if (rc)
		bf_native_blame_places(r, v, n, rc);
	if (!rc && !only_check)
		rc = bf_imported_begin(r, v, n);
	for (uint32_t i = 0; !rc && !only_check && i < n; i++)
		if (v[i].image)
			bf_native_live_delete(r, &v[i]);
	return rc;
}

static int compile_all(struct native_run *r, struct native_change *v, uint32_t *n)
{
	int rc = 0, err;

	for (const struct bf_ntable *t = r->apply.tables; t; t = t->next) {
		if (!concerns(r, t))
			continue;
		start_change(&v[*n], t);
		err = t->gone ? 0 : compile(r, &v[*n]);
		++*n;
		rc = rc ? rc : err; /* the next table's errors are told, too */
	}
	return rc;
}

void bf_native_evaluate(struct native_run *r)
{
	struct bf_evaluated ev;
	struct bf_eval_env env;

	bf_native_env(&env, r->ctx);
	for (struct bf_ntable *t = r->apply.tables; t; t = t->next) {
		ev = (struct bf_evaluated){};
		if (!t->gone && t->changed && t->cmd && !bf_napply_settle(&r->apply, t))
			bf_native_eval(r->ast, t->cmd, &env, &ev, &r->ctx->diag);
		bf_evaluated_free(&ev);
	}
}

static bool all_live(const struct native_change *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!v[i].live_only)
			return false;
	return n > 0;
}

/* Of those that could do without, but go along with others. */
static int make_images(struct native_run *r, struct native_change *v, uint32_t n)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++)
		if (v[i].live_only)
			rc = make_image(r, &v[i]);
	return rc;
}

/* Where there is no room left for all elements there will be in a new table's sets. */
static int change_live(struct native_run *r, struct native_change *v, uint32_t n)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = bf_native_live_change(r, &v[i]);
	if (rc == -E2BIG)
		rc = make_images(r, v, n);
	else
		return rc;
	for (uint32_t i = 0; i < n; i++)
		v[i].live_only = false;
	return rc;
}

int bf_native_commit(struct native_run *r, bool only_check)
{
	struct native_change *v;
	uint32_t n = 0;
	int rc;

	for (const struct bf_ntable *t = r->apply.tables; t; t = t->next)
		n++;
	v = calloc(n + 1ul, sizeof(*v));
	n = 0;
	rc = v ? compile_all(r, v, &n) : -ENOMEM;
	if (!rc && all_live(v, n) && !only_check)
		rc = change_live(r, v, n);
	else if (!rc && !all_live(v, n))
		rc = make_images(r, v, n);
	if (!rc && !all_live(v, n) && (n || bf_restored_changes(r->restored, NULL)) && r->ns)
		rc = switch_over(r, v, n, only_check);
	if (v)
		free_changes(v, n);
	return rc;
}
