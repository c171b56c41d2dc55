/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save.c: all of a namespace's rules as one text. Native tables stand in it as
 * what they are, with counters; what that cannot say stands in comments that
 * begin with #: so that the text is one of the native language all the same.
 *
 *   #:table inet filter 3 17 1 4 5 ...        handle, last handle given in it, handles in order; behind it the table
 *   #:hidden inet filter 4 0 1 17 1200 ...    counters that no statement shows, of the table in the line before, by five:
 *                                             handle of the rule or chain, what, ordinal (eval.h), packets, bytes
 *   #:iptables ip filter 0                    so many tables were there before it; the next two lines, in base64:
 *   #:rules ...                               struct ipt_replace and entries (or ip6t), without counters
 *   #:counters ...                            a struct bf_rt_counter for each entry
 */
#include <inttypes.h>
#include <sys/socket.h>

#include "api/native.h"
#include "base/base64.h"

static void print_handles(struct bf_buf *out, const struct bf_nstored *s, const uint64_t *handles, size_t n)
{
	bf_buf_printf(out, "#:table %s %s %" PRIu64 " %" PRIu64, s->family->name, s->name, s->head->handle, s->last);
	for (size_t i = 0; i < n; i++)
		bf_buf_printf(out, " %" PRIu64, handles[i]);
	bf_buf_puts(out, "\n");
}

static int save_handles(struct bf_ctx *ctx, struct bf_buf *out, const struct bf_nstored *s)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_buf_ struct bf_buf handles = {};
	struct bf_ast_cmd *tree;
	int rc;

	if (!s->log_len) {
		print_handles(out, s, s->handles, s->head->n_handles);
		return 0;
	}
	rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);
	if (!rc)
		rc = bf_nstored_parse(s, ast, &tree, &ctx->diag);
	if (rc)
		return rc;
	bf_nhandles_take(tree->body, &handles);
	print_handles(out, s, (const void *)handles.data, handles.len / sizeof(uint64_t));
	return handles.err;
}

static int save_hidden(struct bf_buf *out, const struct native_unit *u)
{
	const struct bf_nstored *s = &u->stored;
	uint32_t n = BF_MIN(bf_unit_n_counters(u->unit), s->n_counters), some = 0;
	_cleanup_free_ struct bf_rt_counter *c = calloc(n + 1ul, sizeof(*c));
	int rc = !c ? -ENOMEM : n ? bf_unit_counters(u->unit, c, n) : 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		const struct bf_eval_counter *w = &s->counters[i];

		if (w->stmt != BF_EVAL_NONE || !(c[i].packets | c[i].bytes))
			continue;
		if (!some++)
			bf_buf_printf(out, "#:hidden %s %s", s->family->name, s->name);
		bf_buf_printf(out, " %" PRIu64 " %d %u %llu %llu", w->handle, w->what, w->ordinal, (unsigned long long)c[i].packets,
		              (unsigned long long)c[i].bytes);
	}
	bf_buf_puts(out, some ? "\n" : "");
	return rc;
}

static int save_native(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_buf *out)
{
	_cleanup_units_ struct native_units units = {};
	int rc = bf_native_units(ctx, ns, &units);

	for (uint32_t i = 0; i < units.n && !rc; i++) {
		rc = save_handles(ctx, out, &units.v[i].stored);
		if (!rc)
			rc = save_hidden(out, &units.v[i]);
		if (!rc)
			rc = bf_native_list_unit(ctx, out, &units.v[i], BF_LIST_COUNTERS | LIST_WHOLE);
	}
	return rc;
}

static int save_iptables(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, struct bf_buf *out)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	_cleanup_buf_ struct bf_buf blob = {};
	int family, rc;
	const char *table = bf_unit_table(unit, &family);

	rc = bf_stored_load(ns, family, table, &t);
	if (!rc)
		rc = bf_stored_counters(&t, &counters);
	if (!rc)
		rc = bf_xt_encode_replace(t.state, t.len, &blob);
	if (rc == -ESTALE || rc == -ENOMEM || blob.err)
		return rc ? rc : blob.err;
	if (rc)
		return bf_diag_error(&ctx->diag, rc, "the stored table %s cannot be read: %s", unit, strerror(-rc));
	bf_buf_printf(out, "#:iptables %s %s %u\n#:rules ", family == AF_INET6 ? "ip6" : "ip", table, t.older);
	bf_base64_put(out, blob.data, blob.len);
	bf_buf_puts(out, "\n#:counters ");
	bf_base64_put(out, counters, t.num_entries * sizeof(*counters));
	bf_buf_puts(out, "\n");
	return 0;
}

static int save_all(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_buf *out)
{
	_cleanup_buf_ struct bf_buf names = {};
	int rc = bf_ns_units(ns, &names);

	if (!rc)
		rc = save_native(ctx, ns, out);
	for (const char *u = names.data; !rc && u && u < names.data + names.len; u += strlen(u) + 1)
		if (!bf_native_is_unit(u))
			rc = save_iptables(ctx, ns, u, out);
	return rc;
}

/* Counters are read where no lock may be held, so a writer may come in between: then all is read again. */
static int save_once(struct bf_ctx *ctx, char **text)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	int rc;

	bf_ctx_begin(ctx);
	bf_buf_puts(&out, "#:bpfilter 1\n# All rules of a network namespace; bpfilter restore brings them back.\n");
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (rc == -ENOENT)
		bf_ctx_begin(ctx); /* no rules */
	else if (!rc)
		rc = save_all(ctx, ns, &out);
	if ((rc && rc != -ENOENT) || out.err)
		return out.err ? out.err : rc;
	*text = TAKE_PTR(out.data);
	return 0;
}

int bf_save(struct bf_ctx *ctx, char **text)
{
	int rc;

	do
		rc = save_once(ctx, text);
	while (rc == -ESTALE);
	return rc;
}
