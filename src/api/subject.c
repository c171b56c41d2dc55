/* SPDX-License-Identifier: GPL-2.0-only */
/* subject.c: see subject.h. */
#include "api/subject.h"

#include <stdio.h>
#include <sys/socket.h>

#include "rule/print.h"

static void subject_close(struct bf_subject *s)
{
	bf_evaluated_free(&s->ev);
	bf_ast_free(s->ast);
	bf_unit_close(s->own);
	if (!s->native) {
		bf_ruleset_free(s->rs);
		bf_stored_free(&s->stored);
	}
	free(s->rules);
	free(s->slot);
}

void bf_subjects_close(struct bf_subjects *all)
{
	for (uint32_t i = 0; i < all->n; i++)
		subject_close(&all->s[i]);
	free(all->s);
	*all = (struct bf_subjects){ 0 };
}

const struct bf_table *bf_subject_table(const struct bf_subject *s)
{
	return s->rs->tables[0];
}

/* iptables' tables. */

/* Where a change in place added rules, their counters are not in the order of the rules. */
static int take_slots(struct bf_subject *s)
{
	const struct bf_stored *t = &s->stored;

	if (!t->slots.len)
		return 0;
	s->slot = calloc(t->num_entries, sizeof(*s->slot));
	for (uint32_t i = 0; s->slot && i < t->num_entries; i++)
		s->slot[i] = bf_stored_slot(t, i);
	return s->slot ? 0 : -ENOMEM;
}

static int open_xt(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_subject *s)
{
	int family, rc;
	const char *table = bf_unit_table(s->unit, &family);

	snprintf(s->family, sizeof(s->family), "%s", family == AF_INET6 ? "ip6" : "ip");
	snprintf(s->name, sizeof(s->name), "%s", table);
	rc = bf_stored_load(ns, family, table, &s->stored);
	if (!rc)
		rc = bf_xt_to_ruleset(s->stored.state, s->stored.len, &s->rs, &ctx->diag);
	return rc ? rc : take_slots(s);
}

/* Native ones. */

static int by_handle(const void *a, const void *b)
{
	const struct bf_subject_rule *x = a, *y = b;

	return (x->handle > y->handle) - (x->handle < y->handle);
}

static int list_rules(struct bf_subject *s)
{
	uint32_t n = 0;

	for (const struct bf_ast_chain *c = s->cmd->body->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			n++;
	s->rules = calloc(n + 1ul, sizeof(*s->rules));
	if (!s->rules)
		return -ENOMEM;
	for (const struct bf_ast_chain *c = s->cmd->body->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			s->rules[s->n_rules++] = (struct bf_subject_rule){ r->handle, r };
	qsort(s->rules, n, sizeof(*s->rules), by_handle);
	return 0;
}

static int read_native(struct bf_ctx *ctx, struct bf_subject *s, const struct bf_nstored *stored)
{
	struct bf_eval_env env;
	int rc = bf_native_parse(&s->ast, "", "", 0, NULL, NULL);

	snprintf(s->family, sizeof(s->family), "%s", stored->family->name);
	snprintf(s->name, sizeof(s->name), "%s", stored->name);
	if (!rc)
		rc = bf_nstored_parse(stored, s->ast, &s->cmd, &ctx->diag);
	if (rc)
		return rc;
	bf_native_env(&env, ctx);
	rc = bf_native_eval(s->ast, s->cmd, &env, &s->ev, &ctx->diag);
	if (rc)
		return rc;
	s->rs = s->ev.rs;
	bf_native_doze(s->cmd, s->rs->tables[0]);
	bf_native_style(s->cmd->body, BF_STYLE_STATELESS);
	return list_rules(s);
}

static int open_native(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_subject *s)
{
	struct bf_nstored stored;
	const void *state;
	size_t len;
	int rc = bf_unit_open(ns, s->unit, &s->own);

	if (rc)
		return rc;
	s->native = true;
	state = bf_unit_state(s->own, &len);
	rc = bf_nstored_read(state, len, &stored);
	return rc ? rc : read_native(ctx, s, &stored);
}

static int open_unit(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, struct bf_subjects *all)
{
	struct bf_subject *more = realloc(all->s, (all->n + 1) * sizeof(*more)), *s;
	int rc;

	if (!more)
		return -ENOMEM;
	all->s = more;
	s = &all->s[all->n++];
	*s = (struct bf_subject){ 0 };
	snprintf(s->unit, sizeof(s->unit), "%s", unit);
	rc = bf_native_is_unit(unit) ? open_native(ctx, ns, s) : open_xt(ctx, ns, s);
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

/* Both. */

int bf_subject_compile(struct bf_ctx *ctx, const struct bf_subject *s, struct bf_gen_opts o, bool live,
                       struct bf_image **img)
{
	_cleanup_ruleset_ struct bf_ruleset *base = NULL;
	int rc = 0;

	o.hz = bf_kernel_hz();
	o.cpus = bf_possible_cpus();
	o.may_goto = bf_probe_one("may_goto");
	if (live && !s->native)
		rc = bf_xt_to_ruleset(s->stored.base.state, s->stored.base.len, &base, &ctx->diag);
	return rc ? rc : bf_gen_table((base ? base : s->rs)->tables[0], &o, img, &ctx->diag);
}

uint32_t bf_subject_slot(const struct bf_subject *s, uint32_t i)
{
	return s->slot ? s->slot[i] : i;
}

int bf_subject_counters(const struct bf_subject *s, struct bf_rt_counter **out)
{
	const struct bf_unit *u = s->native ? s->own : s->stored.unit;
	uint32_t n = bf_unit_n_counters(u), want = bf_subject_table(s)->n_counters;
	_cleanup_free_ struct bf_rt_counter *all = calloc(n + 1ul, sizeof(*all)), *c = calloc(want + 1ul, sizeof(*c));
	int rc;

	if (!all || !c)
		return -ENOMEM;
	rc = n ? bf_unit_counters(u, all, n) : 0;
	if (rc)
		return rc;
	for (uint32_t i = 0; i < want; i++)
		if (bf_subject_slot(s, i) < n)
			c[i] = all[bf_subject_slot(s, i)];
	*out = TAKE_PTR(c);
	return 0;
}

static int add_counters(struct bf_ns *ns, const char *unit, const struct bf_rt_counter *c, uint32_t n)
{
	struct bf_unit *u = NULL;
	int rc = bf_unit_open(ns, unit, &u);

	if (!rc)
		rc = bf_unit_add_counters(u, c, BF_MIN(n, bf_unit_n_counters(u)));
	bf_unit_close(u);
	return rc;
}

static int commit_native(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img)
{
	struct bf_change c = { .unit = s->unit, .image = img, .n_old = bf_unit_n_counters(s->own) };
	_cleanup_free_ struct bf_rt_counter *old = calloc(c.n_old + 1ul, sizeof(*old));
	int rc;

	if (!old)
		return -ENOMEM;
	c.old = c.n_old ? old : NULL;
	c.state = bf_unit_state(s->own, &c.state_len);
	rc = bf_ns_commit(ns, &c, 1, &ctx->diag);
	return rc ? rc : add_counters(ns, s->unit, old, s->ev.n_counters);
}

static int commit_xt(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img)
{
	const struct bf_stored *t = &s->stored;
	_cleanup_free_ struct bf_rt_counter *old = calloc(t->num_entries + 1ul, sizeof(*old));
	_cleanup_buf_ struct bf_buf state = {};
	int rc;

	bf_buf_add(&state, t->state, t->len);
	if (!old || state.err)
		return -ENOMEM;
	rc = bf_stored_commit(ctx, ns, t, img, &state, old);
	return rc ? rc : add_counters(ns, s->unit, old, t->num_entries);
}

int bf_subject_commit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img)
{
	return s->native ? commit_native(ctx, ns, s, img) : commit_xt(ctx, ns, s, img);
}

static const struct bf_ast_rule *find_rule(const struct bf_subject *s, uint64_t handle)
{
	const struct bf_subject_rule key = { .handle = handle }, *r;

	r = s->n_rules ? bsearch(&key, s->rules, s->n_rules, sizeof(key), by_handle) : NULL;
	return r ? r->rule : NULL;
}

void bf_subject_name(const struct bf_subject *s, const struct bf_chain *c, uint32_t rule, struct bf_subject_name *out)
{
	uint32_t counter = rule < c->n_rules ? c->rules[rule].counter : BF_NO_COUNTER;

	*out = (struct bf_subject_name){ .chain = c->name, .number = rule < c->n_rules ? rule + 1 : 0 };
	if (s->native && counter < s->ev.n_counters)
		out->handle = s->ev.counters[counter].handle;
}

void bf_subject_print(const struct bf_subject *s, const struct bf_chain *c, uint32_t rule, struct bf_buf *out)
{
	const struct bf_ast_rule *r = NULL;
	struct bf_subject_name n;

	bf_subject_name(s, c, rule, &n);
	if (n.handle)
		r = find_rule(s, n.handle);
	if (r)
		bf_native_print_rule(out, r);
	else if (rule < c->n_rules)
		bf_rule_print(out, &c->rules[rule], c->table->family);
	else
		bf_buf_printf(out, "policy %s", bf_verdict_name(c->policy));
}
