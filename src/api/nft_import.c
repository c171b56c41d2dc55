/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft_import.c: tables of the kernel's nf_tables become ours.
 *
 *   nft list ruleset ─▶ what filters ─▶ load (one switch) ─▶ nft list ruleset ─▶ the same still? ─▶ nft: delete
 *                                             │                     └─ counters, elements
 *                                             └─ from here on both filter, with the same verdicts
 *
 * Between the switch and the removal each packet is counted by both. Ours begin
 * with what the kernel's have counted right behind the switch, so it is counted
 * once. Killed there, a table of ours says the same as one of the kernel's: the
 * next import makes it anew from the kernel's, which missed nothing.
 */
#include <stdio.h>

#include "api/nft.h"

#define LISTING "nft list ruleset"
#define OURS "bpfilter-" /* companions of our programs (kern/companion.h) */

struct imported {
	struct bf_ctx *ctx;
	unsigned flags;
	int lock;
	struct bf_nft_said said;
	struct nft_tables tables;
	struct bf_buf bare;   /* what is moved, as bf_nft_bare() says it */
	struct bf_buf again;  /* tables of ours that an earlier import left: they are made anew */
	struct bf_buf elements; /* commands for elements that rules add */
	struct bf_ast *seen;    /* the kernel's tables right behind the switch */
	int seen_rc;
};

/* What changes by itself: counters, quotas, elements that rules add. */
static void strip(struct bf_ast_table *t)
{
	bf_native_style(t, BF_STYLE_STATELESS);
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		if (s->flags & BF_SET_DYNAMIC || bf_ast_set_timed(s))
			s->elements = NULL;
	for (struct bf_ast_obj *o = t->objs; o; o = o->next) {
		if (o->state && o->type == BF_OBJ_COUNTER)
			o->state->counter.packets = o->state->counter.bytes = 0;
		if (o->state && o->type == BF_OBJ_QUOTA)
			o->state->quota.used = 0;
	}
}

static void bare_of(struct bf_ast *ast, struct bf_buf *out)
{
	for (struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		if (c->body) {
			strip(c->body);
			bf_native_print_cmd(out, c);
		}
}

int bf_nft_bare(const char *text, size_t len, struct bf_buf *out, struct bf_diag *d)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	int rc = bf_native_parse(&ast, LISTING, text, len, &o, d);

	if (!rc)
		bare_of(ast, out);
	return rc ? rc : out->err;
}

/* The text, with blanks for all tables but one (NULL: for those that are out). */
static int cut(const struct imported *m, const struct nft_table *only, struct bf_buf *out)
{
	bf_buf_add(out, m->said.out.data, m->said.out.len);
	for (uint32_t i = 0; i < m->tables.n && !out->err; i++) {
		struct nft_table t = m->tables.v[i];

		t.out |= only && &m->tables.v[i] != only;
		bf_nft_blank(out->data, &t);
	}
	return out->err;
}

static int read_kernel(struct imported *m)
{
	static const char *const list[] = { "list", "ruleset", NULL };
	int rc = bf_nft_run(m->ctx, m->lock, list, NULL, &m->said);

	if (!rc && m->said.status)
		return bf_nft_refused(m->ctx, &m->said, "nft cannot list the kernel's tables:");
	if (!rc && bf_nft_split(m->said.out.data ? m->said.out.data : "", m->said.out.len, &m->tables))
		return bf_diag_error(&m->ctx->diag, -EBADMSG, "what `nft list ruleset` prints cannot be read");
	return rc;
}

/* nft says so itself: it cannot show all that such tables hold. */
static bool is_managed(const struct imported *m, const struct nft_table *t)
{
	char said[320];

	snprintf(said, sizeof(said), "table %s %s is managed by iptables-nft", t->family, t->name);
	return (m->said.err.data && strstr(m->said.err.data, said)) || (m->said.out.data && strstr(m->said.out.data, said));
}

static bool is_ours(const struct nft_table *t)
{
	return !strncmp(t->name, OURS, sizeof(OURS) - 1);
}

/* Not to be moved at all, or not all of it: told once. */
static void look_at(struct imported *m, struct nft_table *t)
{
	struct bf_diag *d = &m->ctx->diag;
	const char *six = !strcmp(t->family, "ip6") ? "6" : "";

	if (is_ours(t)) {
		t->out = true;
	} else if (is_managed(m, t)) {
		t->out = true;
		bf_diag_warn(d, "table %s %s is one of iptables-nft's and stays with the kernel; to move it: "
		             "ip%stables-nft-save -c -t filter | ip%stables-bpf-restore -c && ip%stables-nft -t filter -F", t->family, t->name,
		             six, six, six);
	} else if (t->any_kernels && !t->any_ours) {
		t->out = true;
		bf_diag_warn(d, "table %s %s stays with the kernel: its chains translate addresses or choose routes", t->family,
		             t->name);
	} else if (t->any_kernels) {
		bf_diag_warn(d, "table %s %s: its chains of type nat and route, and what they use, stay with the kernel",
		             t->family, t->name);
	}
}

/* Messages of a call that begins with none, behind those that are there. */
static int quietly(struct imported *m, const char *name, const struct bf_buf *text, unsigned flags, char **out,
                   struct bf_diag *said)
{
	_cleanup_diag_ struct bf_diag before = {};
	int rc;

	bf_diag_move(&before, &m->ctx->diag);
	rc = bf_native_text(m->ctx, name, text->data, text->len, flags, out, NULL, NULL);
	bf_diag_move(said, &m->ctx->diag);
	bf_diag_move(&m->ctx->diag, &before);
	return rc;
}

/* Ours has a table of that name: left by an import that did not end, or somebody else's. */
static int look_for(struct imported *m, struct nft_table *t, const struct bf_buf *text)
{
	_cleanup_buf_ struct bf_buf list = {}, there = {}, wanted = {};
	_cleanup_diag_ struct bf_diag said = {};
	_cleanup_free_ char *out = NULL;
	int rc;

	bf_buf_printf(&list, "list table %s %s", t->family, t->name);
	rc = list.err ? list.err : quietly(m, "", &list, 0, &out, &said);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = bf_nft_bare(out, strlen(out), &there, NULL);
	if (!rc)
		rc = bf_nft_bare(text->data, text->len, &wanted, NULL);
	if (!rc && (there.len != wanted.len || memcmp(there.data, wanted.data, there.len)))
		return bf_diag_error(&m->ctx->diag, -EEXIST, "table %s %s: bpfilter has another one of that name; delete or rename either",
		                     t->family, t->name);
	bf_buf_printf(&m->again, "delete table %s %s; ", t->family, t->name);
	return rc;
}

/* One table by itself, all of it but the switch. What is wrong with it is told; then it may stay where it is. */
static int try(struct imported *m, struct nft_table *t)
{
	_cleanup_buf_ struct bf_buf text = {}, first = {};
	_cleanup_diag_ struct bf_diag said = {};
	size_t again = m->again.len;
	int rc = cut(m, t, &text);

	if (rc)
		return rc;
	rc = look_for(m, t, &text);
	if (!rc) {
		bf_buf_add(&first, m->again.data + again, m->again.len - again);
		bf_buf_add(&first, text.data, text.len);
		rc = first.err ? first.err : quietly(m, LISTING, &first, BF_NATIVE_CHECK, NULL, &said);
	}
	bf_diag_move(&m->ctx->diag, &said);
	if (!rc)
		return 0;
	t->out = m->flags & BF_IMPORT_LEAVE && rc != -ENOMEM;
	if (t->out)
		bf_diag_warn(&m->ctx->diag, "table %s %s stays with the kernel", t->family, t->name);
	m->again.len = again; /* not to be replaced */
	return t->out ? 0 : rc;
}

/* All mistakes of all tables. */
static int try_all(struct imported *m, uint32_t *n)
{
	int rc = 0, err;

	*n = 0;
	for (uint32_t i = 0; i < m->tables.n; i++) {
		look_at(m, &m->tables.v[i]);
		if (m->tables.v[i].out)
			continue;
		err = try(m, &m->tables.v[i]);
		rc = rc ? rc : err;
		*n += !m->tables.v[i].out;
	}
	return rc;
}

static const struct bf_ast_table *body_of(const struct bf_ast *ast, const struct bf_ntable *t)
{
	for (const struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		if (c->body && c->family == t->family && !strcmp(c->table.text, t->name))
			return c->body;
	return NULL;
}

/* Elements that rules have added since the first look. They expire as they would have. */
static void keep_elements(struct bf_buf *out, const struct bf_ast *ast)
{
	for (const struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		for (const struct bf_ast_set *s = c->body ? c->body->sets : NULL; s; s = s->next) {
			const struct bf_ast_cmd add = { .verb = BF_VERB_ADD, .object = BF_OBJ_ELEMENT, .family = c->family,
				.table = c->table, .name = s->name, .elements = s->elements };

			if (s->flags & BF_SET_DYNAMIC && s->elements)
				bf_native_print_cmd(out, &add);
		}
}

/* Behind the switch: the kernel's tables as they are now. */
static int look_again(struct imported *m, struct bf_ast **ast)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	struct imported now = { .ctx = m->ctx, .flags = m->flags, .lock = m->lock };
	_cleanup_buf_ struct bf_buf text = {};
	int rc = read_kernel(&now);

	for (uint32_t i = 0, at = 0; i < now.tables.n && !rc; i++) {
		struct nft_table *t = &now.tables.v[i];

		for (at = 0; at < m->tables.n; at++) /* what is not moved may change, come and go */
			if (!strcmp(m->tables.v[at].family, t->family) && !strcmp(m->tables.v[at].name, t->name))
				break;
		t->out = at == m->tables.n || m->tables.v[at].out;
	}
	if (!rc)
		rc = cut(&now, NULL, &text);
	if (!rc)
		rc = bf_native_parse(ast, LISTING, text.data ? text.data : "", text.len, &o, NULL) ? -EAGAIN : 0;
	bf_nft_said_free(&now.said);
	bf_nft_tables_free(&now.tables);
	return rc;
}

void bf_imported_switched(void *arg)
{
	struct imported *m = arg;

	m->seen_rc = look_again(m, &m->seen);
}

int bf_imported_begin(struct native_run *r, struct native_change *v, uint32_t n)
{
	_cleanup_buf_ struct bf_buf bare = {};
	struct imported *m = r->imported;
	int rc = m ? m->seen_rc : 0;

	if (!m || rc)
		return rc;
	for (uint32_t i = 0; i < n && !rc; i++) {
		const struct bf_ast_table *t = v[i].image ? body_of(m->seen, v[i].table) : NULL;

		rc = t ? bf_native_starts_of(&v[i], t) : 0;
		if (t && !rc)
			bf_native_begin(r->ns, &v[i]);
	}
	if (!rc)
		keep_elements(&m->elements, m->seen);
	bare_of(m->seen, &bare);
	if (rc || bare.err || m->elements.err)
		return -ENOMEM;
	return bare.len == m->bare.len && !memcmp(bare.data, m->bare.data, bare.len) ? 0 : -EAGAIN;
}

/* The kernel's tables are there still; ours shall not be. */
static int take_back(struct imported *m, int rc)
{
	_cleanup_diag_ struct bf_diag said = {};
	_cleanup_buf_ struct bf_buf text = {};
	bf_progress_fn watch = m->ctx->watch;

	for (uint32_t i = 0; i < m->tables.n; i++)
		if (!m->tables.v[i].out)
			bf_buf_printf(&text, "destroy table %s %s\n", m->tables.v[i].family, m->tables.v[i].name);
	m->ctx->watch = NULL; /* who does not want it any more must not stop this */
	if (text.err || quietly(m, "", &text, 0, NULL, &said))
		bf_diag_error(&m->ctx->diag, 0, "the tables filter in both places now; do it again, or `bpfilter delete table` ours");
	m->ctx->watch = watch;
	return rc;
}

static int remove_kernels(struct imported *m)
{
	static const char *const args[] = { "-f", "-", NULL };
	_cleanup_said_ struct bf_nft_said said = {};
	_cleanup_buf_ struct bf_buf script = {};
	int rc;

	for (uint32_t i = 0; i < m->tables.n; i++)
		if (!m->tables.v[i].out)
			bf_nft_removal(&script, &m->tables.v[i]);
	rc = script.err ? script.err : bf_nft_run(m->ctx, m->lock, args, &script, &said);
	if (!rc && said.status)
		rc = bf_nft_refused(m->ctx, &said, "nft does not remove the kernel's tables:");
	return rc;
}

static int move(struct imported *m)
{
	_cleanup_buf_ struct bf_buf text = {}, all = {};
	_cleanup_diag_ struct bf_diag before = {}, said = {};
	int rc = cut(m, NULL, &text);

	if (!rc)
		rc = bf_nft_bare(text.data, text.len, &m->bare, &m->ctx->diag);
	bf_buf_add(&all, m->again.data, m->again.len);
	bf_buf_add(&all, text.data, text.len);
	if (rc || all.err)
		return rc ? rc : all.err;
	bf_diag_move(&before, &m->ctx->diag);
	rc = bf_native_text(m->ctx, LISTING, all.data, all.len, 0, NULL, NULL, m);
	bf_diag_move(&said, &m->ctx->diag);
	bf_diag_move(&m->ctx->diag, &before);
	bf_diag_move(&m->ctx->diag, &said);
	if (rc == -EAGAIN)
		bf_diag_error(&m->ctx->diag, rc, "the kernel's tables were changed meanwhile: nothing is moved; do it again");
	if (!rc && m->elements.len)
		rc = quietly(m, LISTING, &m->elements, 0, NULL, &said);
	bf_diag_move(&m->ctx->diag, &said);
	if (!rc)
		rc = remove_kernels(m);
	return rc ? take_back(m, rc) : 0;
}

int bf_import_nft(struct bf_ctx *ctx, unsigned flags)
{
	struct imported m = { .ctx = ctx, .flags = flags };
	uint32_t n = 0;
	int rc;

	bf_ctx_begin(ctx);
	m.lock = bf_ctx_lock_xtables(ctx);
	rc = m.lock < 0 ? m.lock : read_kernel(&m);
	if (!rc)
		rc = try_all(&m, &n);
	if (!rc && n && !(flags & BF_IMPORT_CHECK))
		rc = move(&m);
	bf_nft_said_free(&m.said);
	bf_nft_tables_free(&m.tables);
	bf_buf_free(&m.bare);
	bf_buf_free(&m.again);
	bf_buf_free(&m.elements);
	bf_ast_free(m.seen);
	bf_closep(&m.lock);
	return rc;
}
