/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * import.c: a table moves between the kernel's ip_tables and us.
 *
 * Packets must be filtered all the time, so the new owner filters before the
 * old one stops. While both do, each packet gets the same verdict twice. The
 * counters that move are those of the moment when the new owner began, so that
 * what passes meanwhile is counted once. Killed before these are known, it has
 * those of a look at the old one's rules some milliseconds before.
 *
 * iptables' own lock (/run/xtables.lock) keeps native commands away.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "api/ctx.h"
#include "serve/serve.h"

#define TABLE "filter"

static const char *iptables(int family)
{
	return family == AF_INET6 ? "ip6tables" : "iptables";
}

struct move {
	struct bf_ctx *ctx;
	struct bf_ns *ns;
	int xtables_lock;
	struct bf_kernel_table kernel;
	struct bf_stored ours;
	bool enforced; /* import: ours has the kernel's rules */
	struct bf_kernel_table again; /* import: the kernel's right behind the switch */
	int again_rc;
};

static void end_move(struct move *m)
{
	bf_stored_free(&m->ours);
	bf_kernel_table_free(&m->kernel);
	bf_kernel_table_free(&m->again);
	bf_ns_close(m->ns);
	bf_closep(&m->xtables_lock);
}

/* Both locks, both tables. Served by a supervisor, our own questions to the kernel would be answered by it. */
static int begin_move(struct move *m, struct bf_ctx *ctx, int family)
{
	int rc;

	bf_ctx_begin(ctx);
	*m = (struct move){.ctx = ctx, .xtables_lock = -1, .kernel.sock = -1, .again.sock = -1};
	if (bf_serve_is_served())
		return bf_diag_error(&ctx->diag, -EBUSY, "this cannot be done under `bpfilter run`: the kernel's own table is hidden here");
	m->xtables_lock = bf_ctx_lock_xtables(ctx);
	if (m->xtables_lock < 0)
		return m->xtables_lock;
	rc = bf_ctx_open_locked(ctx, &m->ns);
	if (!rc)
		rc = bf_stored_load(m->ns, family, TABLE, &m->ours);
	return rc;
}

/* Ours counts from now on, what the kernel's has counted so far is ours. */
static void look_again(void *arg)
{
	struct move *m = arg;

	m->enforced = true;
	m->again_rc = bf_kernel_read(m->ctx->netns, m->kernel.family, TABLE, &m->again, &m->ctx->diag);
}

/* What the kernel's has counted between the first look and the switch. Differences: sums go over their end and back. */
static int add_missed(struct move *m)
{
	_cleanup_stored_ struct bf_stored now = {};
	struct bf_rt_counter *c = m->again.counters;
	int rc = bf_stored_load(m->ns, m->kernel.family, TABLE, &now);

	for (uint32_t i = 0; i < m->again.num_entries; i++) {
		c[i].packets -= m->kernel.counters[i].packets;
		c[i].bytes -= m->kernel.counters[i].bytes;
	}
	return rc ? rc : bf_stored_add_counters(&now, c);
}

/* Ours filters, and counts on from where the kernel's counters are now. */
static int enforce(struct move *m, struct bf_image *img)
{
	const struct bf_buf *state = &m->kernel.state;
	_cleanup_free_ struct bf_carried *carried = calloc(m->kernel.num_entries + 1ul, sizeof(*carried));
	const struct bf_counting counting = {.carried = carried, .n_carried = m->kernel.num_entries, .switched = look_again, .arg = m};
	int rc;

	if (!carried)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->kernel.num_entries; i++)
		carried[i] = (struct bf_carried){i, BF_CARRIED_NONE, m->kernel.counters[i].packets, m->kernel.counters[i].bytes};
	if (!m->ours.unit)
		m->ours.older = bf_count_names(m->ns, m->ctx->netns, m->kernel.family);
	rc = bf_stored_commit(m->ctx, m->ns, &m->ours, img, state, &counting);
	if (rc || m->again_rc)
		return rc ? rc : m->again_rc;
	if (m->again.state.len != state->len || memcmp(m->again.state.data, state->data, state->len))
		return bf_diag_error(&m->ctx->diag, -EAGAIN, "the kernel's table was changed meanwhile");
	return add_missed(m);
}

/* The kernel's table still has its rules; ours shall have none again. */
static void take_back(struct move *m)
{
	_cleanup_image_ struct bf_image *none = NULL;
	bf_progress_fn watch = m->ctx->watch;

	m->ctx->watch = NULL; /* who does not want it any more must not stop this */
	if (bf_stored_compile(m->ctx, &m->ours.empty, &none) ||
	    bf_stored_commit(m->ctx, m->ns, &m->ours, none, &m->ours.empty, NULL))
		bf_diag_error(&m->ctx->diag, 0, "both tables filter now; `bpfilter flush` removes bpfilter's");
	m->ctx->watch = watch;
}

static int import(struct move *m, int family, unsigned flags)
{
	_cleanup_image_ struct bf_image *img = NULL;
	struct bf_diag *d = &m->ctx->diag;
	int rc;

	if (!m->ours.is_empty)
		return bf_diag_error(d, -EEXIST, "bpfilter's own %s %s table has rules; see `bpfilter list`, `bpfilter flush`",
		                     iptables(family), TABLE);
	rc = bf_kernel_read(m->ctx->netns, family, TABLE, &m->kernel, d);
	if (!rc)
		rc = bf_stored_compile(m->ctx, &m->kernel.state, &img);
	if (rc || (flags & BF_IMPORT_CHECK))
		return rc;
	rc = enforce(m, img);
	if (!rc)
		rc = bf_kernel_write(&m->kernel, m->ours.empty.data, m->ours.empty.len, d);
	if (rc && m->enforced)
		take_back(m);
	return rc;
}

int bf_import(struct bf_ctx *ctx, int family, unsigned flags)
{
	struct move m;
	int rc = begin_move(&m, ctx, family);

	if (!rc && bf_kernel_has(ctx->netns, family, TABLE))
		rc = import(&m, family, flags);
	end_move(&m);
	return bf_ctx_end(ctx, rc);
}

static int export(struct move *m, int family)
{
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	struct bf_diag *d = &m->ctx->diag;
	int rc = bf_kernel_read(m->ctx->netns, family, TABLE, &m->kernel, d);

	if (rc)
		return rc;
	if (!bf_kernel_is_empty(&m->kernel))
		return bf_diag_error(d, -EEXIST, "the kernel's own %s %s table has rules; see `%s-legacy -S`", iptables(family),
		                     TABLE, iptables(family));
	rc = bf_kernel_write(&m->kernel, m->ours.state, m->ours.len, d);
	if (!rc)
		rc = bf_stored_counters(&m->ours, &counters);
	if (!rc)
		rc = bf_kernel_add_counters(&m->kernel, counters, d);
	if (!rc)
		rc = bf_stored_commit(m->ctx, m->ns, &m->ours, NULL, NULL, NULL);
	if (rc)
		(void)bf_kernel_write(&m->kernel, m->ours.empty.data, m->ours.empty.len, NULL);
	return rc;
}

int bf_export(struct bf_ctx *ctx, int family)
{
	struct move m;
	int rc = begin_move(&m, ctx, family);

	if (!rc && m.ours.unit)
		rc = export(&m, family);
	end_move(&m);
	return bf_ctx_end(ctx, rc);
}
