/* SPDX-License-Identifier: GPL-2.0-only */
/* subject.c: see subject.h. */
#include "api/subject.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/socket.h>

static void subject_close(struct bf_subject *s)
{
	bf_trial_close(s->trial);
	bf_image_free(s->img);
	bf_interp_free(s->in);
	bf_ruleset_free(s->rs);
	free(s->slot);
}

void bf_subjects_close(struct bf_subjects *all)
{
	for (uint32_t i = 0; i < all->n; i++)
		subject_close(&all->s[i]);
	free(all->s);
	*all = (struct bf_subjects){ 0 };
}

/* Where a change in place added rules, their counters are not in the order of the rules. */
static int take_slots(struct bf_subject *s, const struct bf_stored *t)
{
	if (!t->slots.len)
		return 0;
	s->slot = calloc(t->num_entries, sizeof(*s->slot));
	for (uint32_t i = 0; s->slot && i < t->num_entries; i++)
		s->slot[i] = bf_stored_slot(t, i);
	return s->slot ? 0 : -ENOMEM;
}

/* Straight code that the verifier refuses is data, as it was when the table was loaded. */
static int load_programs(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, struct bf_subject *s)
{
	_cleanup_diag_ struct bf_diag first = {};
	int rc = bf_stored_try(ctx, t, true, &s->img);

	if (rc || !s->img->n_progs)
		return rc;
	rc = bf_trial_open(&s->trial, ns, t->name, s->img, &first);
	if (!rc || !s->img->straight) {
		bf_diag_move(&ctx->diag, &first);
		return rc;
	}
	bf_image_free(TAKE_PTR(s->img));
	rc = bf_stored_try(ctx, t, false, &s->img);
	return rc ? rc : bf_trial_open(&s->trial, ns, t->name, s->img, &ctx->diag);
}

static int open_xt(struct bf_ctx *ctx, struct bf_ns *ns, int family, const char *table, struct bf_subject *s)
{
	_cleanup_stored_ struct bf_stored t = {};
	int rc = bf_stored_load(ns, family, table, &t);

	if (!rc)
		rc = bf_xt_to_ruleset(t.state, t.len, &s->rs, &ctx->diag);
	if (!rc)
		rc = take_slots(s, &t);
	if (!rc)
		rc = load_programs(ctx, ns, &t, s);
	if (rc)
		return rc;
	snprintf(s->title, sizeof(s->title), "%s %s", family == AF_INET6 ? "ip6" : "ip", table);
	s->in = bf_interp_new(s->rs->tables[0], bf_kernel_hz());
	return s->in ? 0 : -ENOMEM;
}

static int open_unit(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, struct bf_subjects *all)
{
	struct bf_subject *more = realloc(all->s, (all->n + 1) * sizeof(*more));
	int family, rc;
	const char *table = bf_unit_table(unit, &family);

	if (!more)
		return -ENOMEM;
	all->s = more;
	all->s[all->n] = (struct bf_subject){ 0 };
	rc = open_xt(ctx, ns, family, table, &all->s[all->n++]);
	return rc && !ctx->diag.n_errors ? bf_diag_error(&ctx->diag, rc, "table %s: %s", unit, strerror(-rc)) : rc;
}

int bf_subjects_open(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_subjects *out)
{
	_cleanup_buf_ struct bf_buf names = {};
	int rc = bf_ns_units(ns, &names);

	for (const char *u = names.data; !rc && u < names.data + names.len; u += strlen(u) + 1)
		rc = open_unit(ctx, ns, u, out);
	return rc;
}

int bf_subject_prog(const struct bf_subject *s, const struct bf_chain *c, uint8_t family)
{
	for (uint32_t i = 0; s->img && i < s->img->n_progs; i++) {
		const struct bf_prog_image *p = &s->img->progs[i];

		if (p->at.hook == c->at.hook && p->at.priority == c->at.priority && p->family == family)
			return (int)i;
	}
	return -1;
}
