/* SPDX-License-Identifier: GPL-2.0-only */
/* stats.c: bf_stats (bpfilter.h): what every rule and policy of the namespace has counted. */
#include "api/subject.h"

struct stats {
	struct bf_ctx *ctx;
	int (*fn)(void *arg, const struct bf_stat *s);
	void *arg;
};

static void add(struct bf_stat *s, const struct bf_rt_counter *c, uint32_t n, uint32_t counter)
{
	if (counter >= n)
		return;
	s->packets += c[counter].packets;
	s->bytes += c[counter].bytes;
}

/* A native rule may be several of the model, one behind the other. The number of those from i on that are one. */
static uint32_t span(const struct bf_subject *s, const struct bf_chain *c, uint32_t i, struct bf_subject_name *name)
{
	struct bf_subject_name next;
	uint32_t n = 1;

	bf_subject_name(s, c, i, name);
	for (; name->handle && i + n < c->n_rules; n++) {
		bf_subject_name(s, c, i + n, &next);
		if (next.handle != name->handle)
			break;
	}
	return n;
}

/* A log in the middle: what it counted has not matched all of the rule. */
static bool is_step(const struct bf_rule *r, bool last)
{
	return !last && r->n_actions && r->verdict.kind == BF_VERDICT_CONTINUE;
}

static int tell(struct stats *t, const struct bf_subject *s, const struct bf_chain *c, uint32_t i, struct bf_stat *out)
{
	_cleanup_buf_ struct bf_buf text = {};

	bf_subject_print(s, c, i, &text);
	if (text.err)
		return text.err;
	out->rule = text.data ? text.data : "";
	return t->fn(t->arg, out);
}

static int tell_chain(struct stats *t, const struct bf_subject *s, const struct bf_chain *c, const struct bf_rt_counter *all)
{
	uint32_t n_counters = bf_subject_table(s)->n_counters, i, n;
	int rc = 0;

	for (i = 0; i < c->n_rules && !rc; i += n) {
		struct bf_stat out = { .family = s->family, .table = s->name, .chain = c->name };
		struct bf_subject_name name;

		n = span(s, c, i, &name);
		out.handle = name.handle;
		out.number = name.number;
		for (uint32_t k = i; k < i + n; k++)
			if (!is_step(&c->rules[k], k + 1 == i + n))
				add(&out, all, n_counters, c->rules[k].counter);
		rc = tell(t, s, c, i, &out);
	}
	if (!rc && c->base) {
		struct bf_stat out = { .family = s->family, .table = s->name, .chain = c->name };

		add(&out, all, n_counters, c->counter);
		rc = tell(t, s, c, c->n_rules, &out);
	}
	return rc;
}

static int tell_table(struct stats *t, const struct bf_subject *s)
{
	_cleanup_free_ struct bf_rt_counter *all = NULL;
	const struct bf_table *table = bf_subject_table(s);
	int rc = bf_subject_counters(s, &all);

	for (uint32_t i = 0; i < table->n_chains && !rc; i++)
		rc = tell_chain(t, s, table->chains[i], all);
	return rc;
}

static int tell_all(struct stats *t)
{
	_cleanup_subjects_ struct bf_subjects all = {};
	_cleanup_ns_ struct bf_ns *ns = NULL;
	int rc = bf_ns_open(&ns, t->ctx->netns, false, &t->ctx->diag);

	if (rc == -ENOENT) {
		bf_ctx_begin(t->ctx);
		return 0;
	}
	if (!rc)
		rc = bf_subjects_open(t->ctx, ns, false, &all);
	for (uint32_t i = 0; i < all.n && !rc; i++)
		rc = tell_table(t, &all.s[i]);
	return rc;
}

int bf_stats(struct bf_ctx *ctx, int (*fn)(void *arg, const struct bf_stat *s), void *arg)
{
	struct stats t = { ctx, fn, arg };

	bf_ctx_begin(ctx);
	return tell_all(&t);
}
