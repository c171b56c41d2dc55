/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch.c: small changes of a large table (ctx.h). What is stored is the table
 * as it was compiled and the edits since then; a change is one more edit and,
 * for the programs, the sum of all of them compiled anew. The cost is that of
 * the edits, and of looking for them.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "api/ctx.h"
#include "gen/gen.h"
#include "gen/patch.h"

enum { EDIT_MAX = 256 << 10 }; /* bytes of one; beyond it compiling is as good */
enum { EDITS_MAX = 128 }; /* beyond it looking for them takes longer than compiling the table now and then */

struct attempt {
	const struct bf_stored *t;
	struct bf_buf edits; /* all since the table was compiled */
	size_t had;          /* of these are in the journal */
	struct bf_patch patch;
	const struct bf_gear *gear; /* what programs have to learn before that; or NULL */
	bool counts; /* the old rules' counters are asked for: no packet may add to them any more */
};

static void begin(struct attempt *a)
{
	bf_buf_add(&a->edits, a->t->edits, a->t->edits_len);
	a->had = a->edits.len;
}

/* The table as it is, with programs that can do what the change wants of them. */
static int shift(struct bf_ns *ns, const struct attempt *a, const struct bf_changes *c)
{
	const struct bf_buf state = { .data = (char *)a->t->base.state, .len = a->t->base.len };
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_buf_ struct bf_buf head = {};
	_cleanup_diag_ struct bf_diag d = {};
	struct bf_gen_opts o = {};
	int rc;

	bf_gen_here(&o);
	rc = bf_gen_gear(c, a->gear, &o, &img, &d);
	if (!rc)
		rc = bf_stored_head(img, &state, a->t->older, &head);
	if (!rc)
		rc = bf_ns_commit(ns, &(struct bf_change){ .unit = a->t->name, .image = img, .head = head.data, .head_len = head.len,
			                                      .state = state.data, .state_len = state.len }, 1, &d);
	return rc && rc != -ENOMEM ? -EAGAIN : rc;
}

static int compile(struct bf_ns *ns, struct attempt *a, struct bf_arena *arena, struct bf_diag *d)
{
	_cleanup_ruleset_ struct bf_ruleset *stub = NULL;
	_cleanup_buf_ struct bf_buf changes = {}, spans = {};
	const struct bf_stored *t = a->t;
	struct bf_changes c = { .link = t->link, .len = t->link_len, .version = t->version };
	int rc = bf_gen_patch_spans(t->link, t->link_len, &spans);

	if (!rc)
		rc = bf_xt_changes(&t->base, a->edits.data, a->edits.len, (const void *)spans.data,
		                   (uint32_t)(spans.len / sizeof(struct bf_span)), &stub, &changes, d);
	if (rc)
		return rc;
	c.fresh = bf_xt_next_slot(&t->base, t->edits, t->edits_len);
	c.stub = stub->tables[0];
	c.now = stub->tables[1];
	c.changes = (const void *)changes.data;
	c.n = changes.len / sizeof(struct bf_changed);
	rc = bf_gen_patch(&c, arena, &a->patch, &a->gear, d);
	return rc || !a->gear ? rc : shift(ns, a, &c);
}

static int put(struct bf_ns *ns, const struct attempt *a, struct bf_diag *d)
{
	int rc = bf_ns_patch(ns, a->t->name, a->t->version, a->patch.writes, a->patch.n, a->edits.data + a->had,
	                     a->edits.len - a->had, a->counts, d);

	return rc == -ENOSPC || rc == -EOPNOTSUPP ? -EAGAIN : rc;
}

static int commit(struct bf_ctx *ctx, struct bf_ns *ns, struct attempt *a)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	bool many = a->edits.len - a->had > EDIT_MAX || bf_xt_count_edits(a->edits.data, a->edits.len) > EDITS_MAX;
	int rc = !arena || a->edits.err ? -ENOMEM : many ? -EAGAIN : 0;

	if (!rc)
		rc = compile(ns, a, arena, &ctx->diag);
	return rc ? rc : put(ns, a, &ctx->diag);
}

static bool can_patch(const struct bf_stored *t)
{
	return t->unit && t->edits && t->link_len;
}

/* Of the old rules only: those that came count already. To where their entries stand. */
static int take_runs(const struct bf_stored *t, const struct bf_buf *runs, struct bf_rt_counter *old)
{
	const struct bf_xt_run *run = (const void *)runs->data, *end = run + runs->len / sizeof(*run);
	uint32_t n = bf_unit_n_counters(t->unit);
	_cleanup_free_ struct bf_rt_counter *all = calloc(n + 1, sizeof(*all));
	_cleanup_free_ bool *which = calloc(n + 1, sizeof(*which));
	int rc;

	if (!all || !which)
		return -ENOMEM;
	for (const struct bf_xt_run *r = run; r < end; r++)
		memset(which + BF_MIN(r->first, n), true, BF_MIN(r->n, n - BF_MIN(r->first, n)));
	rc = bf_unit_take_counters(t->unit, which, all, n);
	for (; !rc && run < end; old += run++->n)
		memcpy(old, all + BF_MIN(run->first, n), BF_MIN(run->n, n - BF_MIN(run->first, n)) * sizeof(*all));
	return rc;
}

static void list_runs(const struct bf_stored *t, struct bf_buf *runs)
{
	struct bf_xt_run *last = NULL;

	for (uint32_t i = 0; i < t->num_entries; i++) {
		struct bf_xt_run one = { bf_stored_slot(t, i), 1 };

		if (last && last->first + last->n == one.first) {
			last->n++;
			continue;
		}
		bf_buf_add(runs, &one, sizeof(one));
		last = runs->err ? NULL : (void *)(runs->data + runs->len - sizeof(one));
	}
}

int bf_stored_patch(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_buf *state,
                    struct bf_rt_counter *old)
{
	struct attempt a = { .t = t, .counts = old };
	_cleanup_buf_ struct bf_buf runs = {};
	int rc;

	if (!can_patch(t))
		return -EAGAIN;
	begin(&a);
	rc = bf_xt_diff(t->state, t->len, state->data, state->len, &a.edits);
	if (!rc)
		rc = commit(ctx, ns, &a);
	bf_buf_free(&a.edits);
	if (rc || !old)
		return rc;
	list_runs(t, &runs);
	return runs.err ? runs.err : take_runs(t, &runs, old);
}

int bf_stored_near(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const void *blob, size_t len,
                   struct bf_rt_counter **old)
{
	struct attempt a = { .t = t, .counts = true };
	_cleanup_buf_ struct bf_buf runs = {};
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	int rc;

	if (!can_patch(t))
		return -EAGAIN;
	begin(&a);
	rc = a.edits.err ? a.edits.err : bf_xt_near(&t->base, t->edits, t->edits_len, blob, len, &a.edits, &runs);
	if (!rc) {
		counters = calloc(((const struct ipt_replace *)blob)->num_counters, sizeof(*counters));
		rc = counters ? commit(ctx, ns, &a) : -ENOMEM;
	}
	bf_buf_free(&a.edits);
	if (!rc)
		rc = take_runs(t, &runs, counters);
	if (!rc)
		*old = TAKE_PTR(counters);
	return rc;
}

int bf_stored_edit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_buf *edits)
{
	struct attempt a = { .t = t };
	int rc;

	if (!can_patch(t))
		return -EAGAIN;
	begin(&a);
	bf_buf_add(&a.edits, edits->data, edits->len);
	rc = commit(ctx, ns, &a);
	bf_buf_free(&a.edits);
	return rc;
}
