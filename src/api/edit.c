/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edit.c: changes of single rules. In place where that can be done (patch.c);
 * else the table that comes of them is checked, compiled and switched to as one
 * that was handed over, and the rules that stay go on counting.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "api/ctx.h"

struct change {
	struct bf_ctx *ctx;
	struct bf_ns *ns;
	int family;
	const char *table;
	struct bf_buf edits; /* those that come now */
};

static int make_edits(struct change *c, const struct bf_stored *t, const struct bf_xt_rule_edit *e, uint32_t n, bool *simple)
{
	static const enum bf_xt_op op[] = {
		[BF_XT_INSERT] = BF_XT_OP_INSERT, [BF_XT_DELETE] = BF_XT_OP_DELETE, [BF_XT_REPLACE] = BF_XT_OP_REPLACE };
	_cleanup_free_ struct bf_xt_splice *s = calloc(n, sizeof(*s));

	if (!s)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if ((unsigned)e[i].op >= BF_ARRAY_SIZE(op) || !e[i].chain || (e[i].op != BF_XT_DELETE && !e[i].entry))
			return bf_diag_error(&c->ctx->diag, -EINVAL, "change %u is not one: no chain, no entry, or what to do", i + 1);
		s[i] = (struct bf_xt_splice){ op[e[i].op], e[i].chain, e[i].number, e[i].entry, e[i].size };
	}
	return bf_xt_make_edits(&t->base, t->edits, t->edits_len, s, n, &c->edits, simple, &c->ctx->diag);
}

/* The state that comes of all edits; slots: whose counter is whose. */
static int apply_all(const struct change *c, const struct bf_stored *t, struct bf_buf *state, struct bf_buf *slots)
{
	_cleanup_buf_ struct bf_buf all = {};

	bf_buf_add(&all, t->edits, t->edits_len);
	bf_buf_add(&all, c->edits.data, c->edits.len);
	return all.err ? all.err : bf_xt_apply(&t->base, all.data, all.len, state, slots);
}

/* As if iptables had handed it over. */
static int check_whole(const struct change *c, const struct bf_buf *state, struct bf_buf *checked)
{
	_cleanup_buf_ struct bf_buf blob = {};
	struct bf_xt_replace info;
	int rc = bf_xt_encode_replace(state->data, state->len, &blob);
	uint32_t one = 1; /* counters are wanted by those who replace; how many is of no interest here */

	if (rc)
		return rc;
	memcpy(blob.data + offsetof(struct ipt_replace, num_counters), &one, sizeof(one));
	return bf_xt_decode_replace(bf_nfproto(c->family), blob.data, blob.len, &info, checked, &c->ctx->diag);
}

/* t is just opened. */
static int replace_whole(struct change *c, struct bf_stored *t)
{
	_cleanup_buf_ struct bf_buf state = {}, checked = {}, slots = {};
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_free_ struct bf_carried *carried = NULL;
	struct bf_counting counting = {};
	int rc = bf_stored_complete(t);

	if (!rc)
		rc = apply_all(c, t, &state, &slots);
	if (!rc)
		rc = check_whole(c, &state, &checked);
	if (!rc)
		rc = bf_stored_compile(c->ctx, &checked, &img);
	if (rc)
		return rc;
	counting.n_carried = (uint32_t)(slots.len / sizeof(uint32_t));
	counting.carried = carried = bf_stored_carry(t, (const void *)slots.data, counting.n_carried);
	if (!carried)
		return -ENOMEM;
	if (!t->unit)
		t->older = bf_count_names(c->ns, c->ctx->netns, c->family);
	return bf_stored_commit(c->ctx, c->ns, t, img, &checked, &counting);
}

static int edit(struct change *c, const struct bf_xt_rule_edit *e, uint32_t n)
{
	_cleanup_stored_ struct bf_stored t = {};
	bool simple = false;
	int rc = bf_stored_open(c->ns, c->family, c->table, &t);

	if (!rc)
		rc = make_edits(c, &t, e, n, &simple);
	if (rc)
		return rc;
	rc = simple ? bf_stored_edit(c->ctx, c->ns, &t, &c->edits) : -EAGAIN;
	return rc == -EAGAIN ? replace_whole(c, &t) : rc;
}

int bf_xt_edit(struct bf_ctx *ctx, int family, const char *table, const struct bf_xt_rule_edit *edits, uint32_t n)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	struct change c = {.ctx = ctx, .family = family, .table = table};
	int rc;

	bf_ctx_begin(ctx);
	if (!n)
		return 0;
	rc = bf_ctx_open_locked(ctx, &ns);
	if (rc)
		return rc;
	c.ns = ns;
	rc = edit(&c, edits, n);
	bf_buf_free(&c.edits);
	return bf_ctx_end(ctx, rc);
}
