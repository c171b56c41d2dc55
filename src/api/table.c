/* SPDX-License-Identifier: GPL-2.0-only */
/* table.c: tables as they are stored, compiled and replaced (ctx.h). */
#include <stdio.h>
#include <sys/socket.h>

#include "api/ctx.h"
#include "gen/gen.h"


uint8_t bf_nfproto(int family)
{
	return family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

void bf_unit_name(int family, const char *table, char name[48])
{
	snprintf(name, 48, "%s-%s", family == AF_INET6 ? "ip6" : "ip", table);
}

void bf_stored_free(struct bf_stored *t)
{
	bf_unit_close(t->unit);
	bf_buf_free(&t->empty);
}

/* The bytes come from our own pinned map; still, another version's or a damaged one must not be followed. */
static int read_unit(struct bf_stored *t)
{
	const struct bf_table_head *h;
	const struct bf_xt_head *x;
	size_t len;

	h = bf_unit_state(t->unit, &len);
	if (!h || len < sizeof(*h) + sizeof(*x) || h->magic != BF_TABLE_MAGIC)
		return -EBADMSG;
	x = (const void *)(h + 1);
	t->older = h->older;
	t->state = x;
	t->len = sizeof(*x) + x->size;
	t->num_entries = x->num_entries;
	return x->magic == BF_XT_MAGIC && t->len <= len - sizeof(*h) ? 0 : -EBADMSG;
}

static int use_empty(struct bf_stored *t)
{
	t->state = t->empty.data;
	t->len = t->empty.len;
	t->num_entries = ((const struct bf_xt_head *)t->state)->num_entries;
	return 0;
}

int bf_stored_load(struct bf_ns *ns, int family, const char *table, struct bf_stored *t)
{
	const struct bf_xt_table *kind = bf_xt_table_find(bf_nfproto(family), table);
	int rc;

	memset(t, 0, sizeof(*t));
	if (!kind)
		return -ENOENT;
	bf_unit_name(family, table, t->name);
	rc = bf_xt_state_empty(bf_nfproto(family), kind, &t->empty);
	if (rc)
		return rc;
	rc = ns ? bf_unit_open(ns, t->name, &t->unit) : -ENOENT;
	if (rc == -ENOENT)
		rc = use_empty(t);
	else if (!rc)
		rc = read_unit(t);
	t->is_empty = !rc && t->len == t->empty.len && !memcmp(t->state, t->empty.data, t->len);
	return rc;
}

int bf_stored_counters(const struct bf_stored *t, struct bf_rt_counter **out)
{
	_cleanup_free_ struct bf_rt_counter *c = calloc(t->num_entries, sizeof(*c));
	uint32_t n = t->unit ? bf_unit_n_counters(t->unit) : 0;
	int rc = 0;

	if (!c)
		return -ENOMEM;
	if (n)
		rc = bf_unit_counters(t->unit, c, BF_MIN(n, t->num_entries));
	if (!rc)
		*out = TAKE_PTR(c);
	return rc;
}

static int compile(const void *state, size_t len, uint32_t code_max, bool explain, struct bf_image **img,
                   struct bf_diag *d)
{
	const struct bf_gen_opts o = {.hz = bf_kernel_hz(),
		.cpus = bf_possible_cpus(),
		.may_goto = bf_probe_one("may_goto"),
		.code_max = code_max,
		.explain = explain};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	int rc = bf_xt_to_ruleset(state, len, &rs, d);

	return rc ? rc : bf_gen_table(rs->tables[0], &o, img, d);
}

int bf_stored_compile(struct bf_ctx *ctx, const struct bf_buf *state, struct bf_image **img)
{
	return compile(state->data, state->len, BF_CODE_MAX, false, img, &ctx->diag);
}

int bf_stored_explain(struct bf_ctx *ctx, const struct bf_stored *t, struct bf_image **img)
{
	return compile(t->state, t->len, BF_CODE_MAX, true, img, &ctx->diag);
}

/* What a verifier says to code that is right but more than it can follow; which errno depends on where it gives up. */
static bool verifier_refused(int rc)
{
	return rc == -E2BIG || rc == -EINVAL || rc == -EACCES || rc == -EFAULT || rc == -ENOSPC;
}

/* Straight code that the verifier refuses is tried once more as data. Then what it said of the code is of no interest. */
static int commit_image(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_change *change, const struct bf_buf *state)
{
	_cleanup_image_ struct bf_image *data = NULL;
	_cleanup_diag_ struct bf_diag first = {};
	int rc = bf_ns_commit(ns, change, 1, &first);

	if (!rc || !change->image || !change->image->straight || !verifier_refused(rc) ||
	    compile(state->data, state->len, 0, false, &data, NULL)) {
		bf_diag_move(&ctx->diag, &first);
		return rc;
	}
	change->image = data;
	return bf_ns_commit(ns, change, 1, &ctx->diag);
}

int bf_stored_commit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_image *img,
                     const struct bf_buf *state, struct bf_rt_counter *old)
{
	struct bf_table_head head = {.magic = BF_TABLE_MAGIC, .older = t->older};
	struct bf_change change = {.unit = t->name, .image = img};

	if (img) {
		change.head = &head;
		change.head_len = sizeof(head);
		change.state = state->data;
		change.state_len = state->len;
	}
	if (old && t->unit) {
		change.old = old;
		change.n_old = BF_MIN(bf_unit_n_counters(t->unit), t->num_entries);
	}
	return commit_image(ctx, ns, &change, state);
}
