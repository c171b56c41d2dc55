/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft_export.c: native tables become the kernel's. nft loads them with their
 * counters while ours filter still; then ours go. nft cannot add to counters,
 * so what passes in the milliseconds between is counted by ours alone.
 */
#include <stdio.h>

#include "api/nft.h"

static int list(struct bf_ctx *ctx, struct bf_buf *out)
{
	_cleanup_free_ char *text = NULL;
	int rc = bf_list(ctx, BF_LIST_NATIVE | BF_LIST_COUNTERS, &text);

	if (!rc)
		bf_buf_puts(out, text);
	return rc ? rc : out->err;
}

static bool has(const struct nft_table *k, const struct nft_block *b)
{
	for (uint32_t i = 0; i < k->n; i++)
		if (k->blocks[i].stays && k->blocks[i].name_len == b->name_len && !memcmp(k->blocks[i].name, b->name, b->name_len))
			return true;
	return false;
}

/* The kernel's part of a table that was imported is there still: ours joins it, but for what both parts have. */
static void join(struct nft_table *t, const struct nft_table *k)
{
	t->any_kernels = true;
	for (uint32_t i = 0; i < t->n; i++) {
		const char *kind = t->blocks[i].kind;

		t->blocks[i].stays = has(k, &t->blocks[i]);
		t->blocks[i].comes = !t->blocks[i].stays || !strcmp(kind, "set") || !strcmp(kind, "map");
	}
}

/* The kernel's table k filters: left by an export that did not end, or it is somebody else's. */
static int compare(struct bf_ctx *ctx, const char *text, const struct nft_table *t, char *listed, const struct nft_table *k)
{
	_cleanup_buf_ struct bf_buf there = {}, ours = {};
	int rc = bf_nft_bare(text + t->at, t->end - t->at, &ours, &ctx->diag);

	bf_nft_blank(listed, k);
	if (!rc && (bf_nft_bare(listed + k->at, k->end - k->at, &there, NULL) || there.len != ours.len ||
	            memcmp(there.data, ours.data, ours.len)))
		return bf_diag_error(&ctx->diag, -EEXIST, "the kernel has another table %s %s; see `nft list table %s %s`", t->family,
		                     t->name, t->family, t->name);
	return rc;
}

static int look_for(struct bf_ctx *ctx, int lock, const char *text, struct nft_table *t, struct bf_buf *script)
{
	char name[300];
	const char *const args[] = { "list", name, NULL };
	_cleanup_said_ struct bf_nft_said said = {};
	_cleanup_tables_ struct nft_tables there = {};
	int rc;

	snprintf(name, sizeof(name), "table %s %s", t->family, t->name);
	rc = bf_nft_run(ctx, lock, args, NULL, &said);
	if (rc || said.status || !said.out.data)
		return rc; /* it is not there */
	rc = bf_nft_split(said.out.data, said.out.len, &there);
	if (rc || !there.n)
		return rc;
	if (!there.v->any_kernels || there.v->any_ours) {
		rc = compare(ctx, text, t, said.out.data, there.v);
		bf_nft_removal(script, there.v);
	}
	if (there.v->any_kernels)
		join(t, there.v);
	return rc;
}

static int load(struct bf_ctx *ctx, int lock, const struct bf_buf *script, bool only_check)
{
	const char *const args[] = { only_check ? "-cf" : "-f", "-", NULL };
	_cleanup_said_ struct bf_nft_said said = {};
	int rc = bf_nft_run(ctx, lock, args, script, &said);

	return rc || !said.status ? rc : bf_nft_refused(ctx, &said, "nft does not take these tables, nothing is changed:");
}

/* Ours, if they are what nft was given. */
static int remove_ours(struct bf_ctx *ctx, const struct bf_buf *before)
{
	static const char flush[] = "flush ruleset";
	_cleanup_buf_ struct bf_buf now = {}, was = {}, is = {};
	int rc = list(ctx, &now);

	if (!rc)
		rc = bf_nft_bare(before->data, before->len, &was, &ctx->diag);
	if (!rc)
		rc = bf_nft_bare(now.data ? now.data : "", now.len, &is, &ctx->diag);
	if (!rc && (was.len != is.len || memcmp(was.data, is.data, is.len)))
		return bf_diag_error(&ctx->diag, -EAGAIN, "bpfilter's tables were changed meanwhile: do it again");
	return rc ? rc : bf_native_run(ctx, "", flush, sizeof(flush) - 1, 0, NULL);
}

static int take_back(struct bf_ctx *ctx, int lock, const struct nft_tables *tables, int rc)
{
	_cleanup_buf_ struct bf_buf script = {};

	for (uint32_t i = 0; i < tables->n; i++)
		bf_nft_removal(&script, &tables->v[i]);
	if (script.err || load(ctx, lock, &script, false))
		bf_diag_error(&ctx->diag, rc, "the tables filter in both places now");
	return rc;
}

static int export(struct bf_ctx *ctx, int lock)
{
	_cleanup_buf_ struct bf_buf text = {}, script = {}, rules = {};
	_cleanup_tables_ struct nft_tables tables = {};
	int rc = list(ctx, &text);

	if (rc || !text.len)
		return rc;
	rc = bf_nft_split(text.data, text.len, &tables);
	for (uint32_t i = 0; i < tables.n && !rc; i++)
		rc = look_for(ctx, lock, text.data, &tables.v[i], &script);
	bf_buf_add(&rules, text.data, text.len);
	for (uint32_t i = 0; i < tables.n && !rules.err; i++)
		bf_nft_blank(rules.data, &tables.v[i]);
	bf_buf_add(&script, rules.data, rules.err ? 0 : rules.len);
	rc = rc ? rc : rules.err ? rules.err : script.err;
	if (!rc)
		rc = load(ctx, lock, &script, true);
	if (!rc)
		rc = load(ctx, lock, &script, false);
	if (rc)
		return rc;
	rc = remove_ours(ctx, &text);
	return rc ? take_back(ctx, lock, &tables, rc) : 0;
}

int bf_export_nft(struct bf_ctx *ctx)
{
	_cleanup_close_ int lock = -1;

	bf_ctx_begin(ctx);
	lock = bf_ctx_lock_xtables(ctx);
	return lock < 0 ? lock : export(ctx, lock);
}
