/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt.c: the iptables interface. A look at a table that nobody has touched
 * answers the empty table; as in the kernel the look also makes it exist, so
 * that iptables-save lists it from then on. Where that cannot be done (no
 * right to use BPF, say) the look still answers; but not on a kernel that can
 * never filter, where "no rules" would be taken for the truth.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "api/ctx.h"

bool bf_xt_owns(int family, const char *table)
{
	return bf_xt_table_find(bf_nfproto(family), table);
}

int bf_xt_get_revision(int family, const char *name, uint8_t revision, bool target)
{
	return bf_xt_revision(bf_nfproto(family), name, revision, target);
}

int bf_xt_check_replace(const void *head, size_t len)
{
	return bf_xt_check_head(head, len);
}

static int create_empty(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_stored *t, int family)
{
	_cleanup_image_ struct bf_image *img = NULL;
	int rc = bf_stored_compile(ctx, &t->empty, &img);

	if (rc)
		return rc;
	t->older = bf_count_names(ns, ctx->netns, family);
	return bf_stored_commit(ctx, ns, t, img, &t->empty, NULL);
}

/* Best effort; a writer that is at work makes the table exist anyway. */
static void touch(struct bf_ctx *ctx, int family, const char *table)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_stored_ struct bf_stored t = {};

	if (bf_ns_open_kept(&ctx->ns, &ns, ctx->netns, true, NULL) || bf_ns_lock(ns, 0) || bf_stored_load(ns, family, table, &t) || t.unit)
		return;
	create_empty(ctx, ns, &t, family);
	bf_ctx_begin(ctx); /* its messages are nobody's concern */
}

/* For readers: the stored table, just opened, or the empty one. */
static int look(struct bf_ctx *ctx, int family, const char *table, struct bf_stored *t)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open_kept(&ctx->ns, &ns, ctx->netns, false, &ctx->diag);
	if (rc && rc != -ENOENT)
		return rc;
	bf_ctx_begin(ctx);
	rc = bf_stored_open(rc ? NULL : ns, family, table, t);
	if (rc || t->unit)
		return rc;
	rc = bf_check_kernel(&ctx->diag);
	if (!rc)
		touch(ctx, family, table);
	return rc;
}

int bf_xt_info(struct bf_ctx *ctx, int family, const char *table, void *getinfo)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_buf_ struct bf_buf out = {};
	int rc = look(ctx, family, table, &t);

	if (!rc)
		rc = bf_stored_outline(&t);
	if (!rc)
		rc = bf_xt_get_info(t.state, t.len, &out);
	if (!rc)
		rc = out.err;
	if (!rc)
		memcpy(getinfo, out.data, out.len);
	return rc;
}

static int entries_once(struct bf_ctx *ctx, int family, const char *table, uint32_t expect, void **entries, uint32_t *size)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	int rc = look(ctx, family, table, &t);

	if (!rc)
		rc = bf_stored_complete(&t);
	if (rc)
		return rc;
	if (((const struct bf_xt_head *)t.state)->size != expect)
		return -EAGAIN;
	rc = bf_stored_counters(&t, &counters);
	if (!rc)
		rc = t.edited.len ? bf_xt_take_entries(&t.edited, counters) : bf_xt_get_entries(t.state, t.len, counters, &out);
	if (rc || out.err)
		return rc ? rc : out.err;
	*size = (uint32_t)(t.edited.len ? t.edited.len : out.len);
	*entries = t.edited.len ? TAKE_PTR(t.edited.data) : TAKE_PTR(out.data);
	return 0;
}

/* Writers may replace the counters while they are read. Then the new ones are. */
int bf_xt_entries(struct bf_ctx *ctx, int family, const char *table, uint32_t expect, void **entries, uint32_t *size)
{
	int rc;

	do {
		rc = entries_once(ctx, family, table, expect, entries, size);
	} while (rc == -ESTALE);
	return rc;
}

/* Both tables drop: a forgotten kernel ruleset is the hardest thing to find. Said once, when ours is made. */
static void warn_of_kernel_rules(struct bf_ctx *ctx, int family, const char *table)
{
	_cleanup_kernel_table_ struct bf_kernel_table k = {.sock = -1};

	if (!bf_kernel_has(ctx->netns, family, table) || bf_kernel_read(ctx->netns, family, table, &k, NULL) ||
	    bf_kernel_is_empty(&k))
		return;
	bf_diag_warn(&ctx->diag, "the kernel's own %s table has rules, too; packets pass only if both let them "
	                         "(bpfilter import takes them over)", table);
}

/* These errnos say that the caller's blob is wrong (xtables.h), which it is not when compiling or loading gives them. */
static int not_the_callers(int rc)
{
	return rc == -EINVAL || rc == -ELOOP || rc == -EAGAIN || rc == -EFAULT ? -EIO : rc;
}

/* The table as it is now, locked. */
static int open_table(struct bf_ctx *ctx, int family, const struct bf_xt_replace *info, struct bf_ns *ns, struct bf_stored *t)
{
	int rc = bf_ctx_lock(ctx, ns);

	if (!rc)
		rc = bf_stored_load(ns, family, info->name, t);
	return !rc && info->num_counters != t->num_entries ? -EAGAIN : rc;
}

/* In place; 1: it has to be compiled. */
static int replace_in_place(struct bf_ctx *ctx, int family, const struct bf_xt_replace *info, const struct bf_buf *state,
                            struct bf_rt_counter **old)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc = bf_ns_open_kept(&ctx->ns, &ns, ctx->netns, false, NULL);

	if (rc)
		return 1; /* nothing is there yet, or the reason is told when it is compiled */
	rc = open_table(ctx, family, info, ns, &t);
	if (rc)
		return rc;
	counters = calloc(t.num_entries, sizeof(*counters));
	if (!counters)
		return -ENOMEM;
	rc = bf_stored_patch(ctx, ns, &t, state, counters);
	if (!rc)
		*old = TAKE_PTR(counters);
	return rc == -EAGAIN ? 1 : not_the_callers(rc);
}

static int replace_whole(struct bf_ctx *ctx, int family, const struct bf_xt_replace *info, const struct bf_buf *state,
                         struct bf_rt_counter **old)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc = not_the_callers(bf_stored_compile(ctx, state, &img));

	if (!rc)
		rc = bf_ctx_open_locked(ctx, &ns);
	if (!rc)
		rc = bf_stored_load(ns, family, info->name, &t);
	if (rc)
		return rc;
	if (info->num_counters != t.num_entries)
		return -EAGAIN;
	counters = calloc(t.num_entries, sizeof(*counters));
	if (!counters)
		return -ENOMEM;
	if (!t.unit)
		t.older = bf_count_names(ns, ctx->netns, family);
	rc = not_the_callers(bf_stored_commit(ctx, ns, &t, img, state, &(struct bf_counting){.old = counters}));
	if (rc)
		return rc;
	*old = TAKE_PTR(counters);
	if (t.is_empty)
		warn_of_kernel_rules(ctx, family, info->name);
	return 0;
}

static int replace(struct bf_ctx *ctx, int family, const struct bf_xt_replace *info, const struct bf_buf *state,
                   struct bf_rt_counter **old)
{
	int rc = replace_in_place(ctx, family, info, state, old);

	return rc == 1 ? replace_whole(ctx, family, info, state, old) : rc;
}

/*
 * With one rule more, and nobody else at work: 0, an error, or 1: it has to be decoded, and then is told what is wrong.
 * The name is looked at here: whoever decodes it takes what it is from the same bytes.
 */
static int replace_near(struct bf_ctx *ctx, int family, const void *blob, size_t len, struct bf_xt_replace *info,
                        struct bf_rt_counter **old)
{
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_ns_ struct bf_ns *ns = NULL;
	struct ipt_replace head;
	int rc;

	if (len < sizeof(head))
		return 1;
	memcpy(&head, blob, sizeof(head));
	head.name[sizeof(head.name) - 1] = '\0';
	if (bf_ns_open_kept(&ctx->ns, &ns, ctx->netns, false, NULL) || bf_ns_lock(ns, 0) || bf_stored_open(ns, family, head.name, &t))
		return 1;
	rc = bf_stored_near(ctx, ns, &t, blob, len, old);
	if (rc == -EAGAIN)
		bf_ctx_begin(ctx);
	info->num_counters = head.num_counters;
	return rc == -EAGAIN ? 1 : not_the_callers(rc);
}

/* As it comes. */
static int replace_any(struct bf_ctx *ctx, int family, void *blob, size_t len, struct bf_xt_replace *info,
                       struct bf_rt_counter **old)
{
	struct bf_buf state = {.data = blob};
	int rc = bf_xt_decode_in_place(bf_nfproto(family), blob, len, info, &ctx->diag);

	if (rc)
		return rc;
	state.len = sizeof(struct bf_xt_head) + ((struct bf_xt_head *)blob)->size;
	return replace(ctx, family, info, &state, old);
}

int bf_xt_set_entries(struct bf_ctx *ctx, int family, void *blob, size_t len, void **old, uint32_t *n_old)
{
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	struct bf_xt_replace info;
	int rc;

	_Static_assert(sizeof(struct bf_rt_counter) == sizeof(struct xt_counters), "packets, bytes");
	bf_ctx_begin(ctx);
	rc = bf_progress_tell(&ctx->progress, "reading", 0, 2);
	if (!rc)
		rc = replace_near(ctx, family, blob, len, &info, &counters);
	if (rc == 1)
		rc = replace_any(ctx, family, blob, len, &info, &counters);
	bf_ctx_end(ctx, rc);
	if (rc || !old)
		return rc;
	*n_old = info.num_counters;
	*old = TAKE_PTR(counters);
	return 0;
}

static int add_locked(struct bf_ctx *ctx, struct bf_ns *ns, int family, const struct xt_counters_info *info)
{
	_cleanup_stored_ struct bf_stored t = {};
	int rc = bf_stored_open(ns, family, info->name, &t);

	if (!rc)
		rc = bf_stored_outline(&t);
	if (rc)
		return rc;
	if (info->num_counters != t.num_entries)
		return -EINVAL;
	if (!t.unit) {
		rc = create_empty(ctx, ns, &t, family);
		if (!rc)
			rc = bf_unit_open(ns, t.name, &t.unit);
	}
	return rc ? rc : bf_stored_add_counters(&t, (const void *)info->counters);
}

int bf_xt_add_counters(struct bf_ctx *ctx, int family, const void *blob, size_t len)
{
	_cleanup_free_ struct xt_counters_info *info = NULL;
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc;

	bf_ctx_begin(ctx);
	if (len <= sizeof(*info))
		return -EINVAL;
	info = malloc(len); /* a copy that is aligned and has a terminated name */
	if (!info)
		return -ENOMEM;
	memcpy(info, blob, len);
	info->name[sizeof(info->name) - 1] = '\0';
	if (len != sizeof(*info) + (uint64_t)info->num_counters * sizeof(info->counters[0]))
		return -EINVAL;
	if (!bf_xt_owns(family, info->name))
		return -ENOENT;
	rc = bf_ctx_open_locked(ctx, &ns);
	return rc ? rc : add_locked(ctx, ns, family, info);
}
