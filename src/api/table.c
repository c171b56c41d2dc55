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

const char *bf_unit_table(const char *unit, int *family)
{
	const char *dash = strchr(unit, '-');

	*family = !strncmp(unit, "ip6-", 4) ? AF_INET6 : AF_INET;
	return dash ? dash + 1 : unit;
}

void bf_stored_free(struct bf_stored *t)
{
	bf_unit_close(t->unit);
	bf_buf_free(&t->empty);
	bf_buf_free(&t->edited);
	bf_buf_free(&t->slots);
}

static void set_state(struct bf_stored *t, const void *state, size_t len)
{
	t->state = state;
	t->len = len;
	t->num_entries = ((const struct bf_xt_head *)state)->num_entries;
}

typedef int apply_fn(const struct bf_xt_base *base, const void *edits, size_t len, struct bf_buf *state, struct bf_buf *slots);

static int apply_edits(struct bf_stored *t, apply_fn *apply)
{
	int rc = apply(&t->base, t->edits, t->edits_len, &t->edited, &t->slots);

	if (rc)
		return rc == -ENOMEM ? rc : -EBADMSG;
	set_state(t, t->edited.data, t->edited.len);
	return 0;
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
	len -= sizeof(*h);
	len -= sizeof(*x);
	if (h->link_len > len || h->link_len % 8 || h->index_len > len - h->link_len || h->index_len % 8)
		return -EBADMSG;
	t->older = h->older;
	t->link = h + 1;
	t->link_len = h->link_len;
	t->base.index = (const char *)t->link + t->link_len;
	t->base.state = x = (const void *)((const char *)t->base.index + h->index_len);
	t->base.len = sizeof(*x) + x->size;
	if (x->magic != BF_XT_MAGIC || x->size > len - t->link_len - h->index_len ||
	    h->index_len != bf_xt_index_size(x->num_entries))
		return -EBADMSG;
	t->edits = bf_unit_journal(t->unit, &t->edits_len, &t->version);
	return 0;
}

int bf_stored_open(struct bf_ns *ns, int family, const char *table, struct bf_stored *t)
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
	if (!rc)
		return read_unit(t);
	t->base = (struct bf_xt_base){.state = t->empty.data, .len = t->empty.len};
	return rc == -ENOENT ? 0 : rc;
}

int bf_stored_load(struct bf_ns *ns, int family, const char *table, struct bf_stored *t)
{
	int rc = bf_stored_open(ns, family, table, t);

	return rc ? rc : bf_stored_complete(t);
}

int bf_stored_complete(struct bf_stored *t)
{
	int rc = 0;

	if (t->edits_len)
		rc = apply_edits(t, bf_xt_apply);
	else
		set_state(t, t->base.state, t->base.len);
	t->is_empty = !rc && t->len == t->empty.len && !memcmp(t->state, t->empty.data, t->len);
	return rc;
}

int bf_stored_outline(struct bf_stored *t)
{
	return t->edits_len ? apply_edits(t, bf_xt_outline) : bf_stored_complete(t);
}

uint32_t bf_stored_slot(const struct bf_stored *t, uint32_t i)
{
	return t->slots.len ? ((const uint32_t *)t->slots.data)[i] : i;
}

void bf_stored_gather(const struct bf_stored *t, const struct bf_rt_counter *all, uint32_t n, struct bf_rt_counter *out)
{
	for (uint32_t i = 0; i < t->num_entries; i++)
		out[i] = bf_stored_slot(t, i) < n ? all[bf_stored_slot(t, i)] : (struct bf_rt_counter){ 0 };
}

int bf_stored_counters(const struct bf_stored *t, struct bf_rt_counter **out)
{
	uint32_t n = t->unit ? bf_unit_n_counters(t->unit) : 0;
	_cleanup_free_ struct bf_rt_counter *all = calloc(n + 1, sizeof(*all));
	_cleanup_free_ struct bf_rt_counter *c = calloc(t->num_entries, sizeof(*c));
	int rc = 0;

	if (!c || !all)
		return -ENOMEM;
	if (n)
		rc = bf_unit_counters(t->unit, all, n);
	if (rc)
		return rc;
	bf_stored_gather(t, all, n, c);
	*out = TAKE_PTR(c);
	return 0;
}

int bf_stored_add_counters(const struct bf_stored *t, const struct bf_rt_counter *in)
{
	uint32_t n = bf_unit_n_counters(t->unit);
	_cleanup_free_ struct bf_rt_counter *all = calloc(n + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->num_entries; i++)
		if (bf_stored_slot(t, i) < n)
			all[bf_stored_slot(t, i)] = in[i];
	return bf_unit_add_counters(t->unit, all, n);
}

void bf_gen_here(struct bf_gen_opts *o)
{
	o->hz = bf_kernel_hz();
	o->tai = bf_kernel_tai();
	o->cpus = bf_possible_cpus();
	o->may_goto = bf_probe_one("may_goto");
}

static int compile(const struct bf_progress *p, const void *state, size_t len, uint32_t code_max, bool explain,
                   struct bf_image **img, struct bf_diag *d)
{
	struct bf_gen_opts o = {.code_max = code_max, .progress = p, .explain = explain};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	int rc = bf_progress_tell(p, "reading", 1, 2);

	bf_gen_here(&o);
	if (!rc)
		rc = bf_xt_to_ruleset(state, len, &rs, d);
	if (!rc)
		rc = bf_progress_tell(p, "reading", 2, 2);
	return rc ? rc : bf_gen_table(rs->tables[0], &o, img, d);
}

int bf_stored_compile(struct bf_ctx *ctx, const struct bf_buf *state, struct bf_image **img)
{
	return compile(&ctx->progress, state->data, state->len, BF_CODE_MAX, false, img, &ctx->diag);
}

int bf_stored_compile_data(const struct bf_buf *state, struct bf_image **img)
{
	return compile(NULL, state->data, state->len, 0, false, img, NULL);
}

int bf_stored_explain(struct bf_ctx *ctx, const struct bf_stored *t, struct bf_image **img)
{
	return compile(NULL, t->state, t->len, BF_CODE_MAX, true, img, &ctx->diag);
}

bool bf_verifier_refused(int rc)
{
	return rc == -E2BIG || rc == -EINVAL || rc == -EACCES || rc == -EFAULT || rc == -ENOSPC;
}

/* Straight code that the verifier refuses is tried once more as data. Then what it said of the code is of no interest. */
static int commit_image(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_change *change, const struct bf_buf *state)
{
	_cleanup_image_ struct bf_image *data = NULL;
	_cleanup_diag_ struct bf_diag first = {};
	int rc = bf_ns_commit(ns, change, 1, &first);

	if (!rc || !change->image || !change->image->straight || !bf_verifier_refused(rc) ||
	    compile(NULL, state->data, state->len, 0, false, &data, NULL)) {
		bf_diag_move(&ctx->diag, &first);
		return rc;
	}
	change->image = data;
	return bf_ns_commit(ns, change, 1, &ctx->diag);
}

int bf_stored_head(const struct bf_image *img, const struct bf_buf *state, uint32_t older, struct bf_buf *out)
{
	const struct bf_table_head h = {.magic = BF_TABLE_MAGIC, .older = older, .link_len = img->link_len,
		.index_len = bf_xt_index_size(((const struct bf_xt_head *)state->data)->num_entries)};
	int rc;

	bf_buf_add(out, &h, sizeof(h));
	bf_buf_add(out, img->link, img->link_len);
	rc = bf_xt_index(state->data, state->len, out);
	return rc ? rc : out->err;
}

/* A slot that no entry has is a rule's that went, or nobody's yet. */
struct bf_carried *bf_stored_carry(const struct bf_stored *t, const uint32_t *slots, uint32_t n)
{
	uint32_t n_old = t->unit ? bf_unit_n_counters(t->unit) : 0;
	struct bf_carried *c = calloc(n + 1ul, sizeof(*c));
	_cleanup_free_ bool *has = calloc(n_old + 1ul, sizeof(*has));

	if (!c || !has) {
		free(c);
		return NULL;
	}
	for (uint32_t i = 0; i < t->num_entries; i++)
		has[BF_MIN(bf_stored_slot(t, i), n_old)] = true;
	for (uint32_t i = 0; i < n; i++)
		c[i] = (struct bf_carried){.to = i, .from = slots[i] < n_old && has[slots[i]] ? slots[i] : BF_CARRIED_NONE};
	return c;
}

int bf_stored_commit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_image *img,
                     const struct bf_buf *state, const struct bf_counting *counting)
{
	const struct bf_counting c = counting ? *counting : (struct bf_counting){};
	uint32_t n_old = c.old && t->unit ? bf_unit_n_counters(t->unit) : 0;
	_cleanup_free_ struct bf_rt_counter *all = calloc(n_old + 1, sizeof(*all));
	struct bf_change change = {.unit = t->name, .image = img, .old = n_old ? all : NULL, .n_old = n_old,
		.carried = c.carried, .n_carried = c.n_carried, .switched = c.switched, .arg = c.arg};
	_cleanup_buf_ struct bf_buf head = {};
	int rc;

	if (!all)
		return -ENOMEM;
	if (img) {
		rc = bf_stored_head(img, state, t->older, &head);
		if (rc)
			return rc;
		change.head = head.data;
		change.head_len = head.len;
		change.state = state->data;
		change.state_len = state->len;
	}
	bf_ns_watch(ns, &ctx->progress);
	rc = commit_image(ctx, ns, &change, state);
	bf_ns_watch(ns, NULL);
	if (!rc && n_old)
		bf_stored_gather(t, all, n_old, c.old);
	return rc;
}
