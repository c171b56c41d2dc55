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
	bf_nstored_free(&s->nstored);
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

static int fill(const struct bf_subject *s, struct bf_ast *ast, struct bf_ast_table *t)
{
	struct native_unit u = { 0 };

	snprintf(u.name, sizeof(u.name), "%.23s", s->unit); /* n<handle> */
	return bf_native_live_fill(NULL, s->filled, &u, ast, t, true);
}

/* The table that is stored: its tree and its model. */
static int eval_native(struct bf_ctx *ctx, const struct bf_subject *s, const struct bf_nstored *stored, struct bf_ast **ast,
                       struct bf_ast_cmd **cmd, struct bf_evaluated *ev)
{
	struct bf_eval_env env;
	int rc = bf_native_parse(ast, "", "", 0, NULL, NULL);

	if (!rc)
		rc = bf_nstored_parse(stored, *ast, cmd, &ctx->diag);
	if (!rc && s->filled)
		rc = fill(s, *ast, (*cmd)->body);
	if (rc)
		return rc;
	bf_native_env(&env, ctx);
	rc = bf_native_eval(*ast, *cmd, &env, ev, &ctx->diag);
	if (!rc)
		bf_native_doze(*cmd, ev->rs->tables[0]);
	return rc;
}

static int read_native(struct bf_ctx *ctx, struct bf_subject *s)
{
	int rc;

	snprintf(s->family, sizeof(s->family), "%s", s->nstored.family->name);
	snprintf(s->name, sizeof(s->name), "%s", s->nstored.name);
	rc = eval_native(ctx, s, &s->nstored, &s->ast, &s->cmd, &s->ev);
	if (rc)
		return rc;
	s->rs = s->ev.rs;
	bf_native_style(s->cmd->body, BF_STYLE_STATELESS | BF_STYLE_BRIEF);
	if (s->nstored.log_len)
		rc = bf_native_slots(s->ev.counters, s->ev.n_counters, &s->nstored, &s->slot);
	return rc ? rc : list_rules(s);
}

static int open_native(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_subject *s)
{
	const void *state, *log;
	size_t len, log_len;
	uint64_t version;
	int rc = bf_unit_open(ns, s->unit, &s->own);

	if (rc)
		return rc;
	s->native = true;
	state = bf_unit_state(s->own, &len);
	log = bf_unit_journal(s->own, &log_len, &version);
	rc = bf_nstored_read(state, len, log, log_len, &s->nstored);
	return rc ? rc : read_native(ctx, s);
}

static int open_unit(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, bool elements, struct bf_subjects *all)
{
	struct bf_subject *more = realloc(all->s, (all->n + 1) * sizeof(*more)), *s;
	int rc;

	if (!more)
		return -ENOMEM;
	all->s = more;
	s = &all->s[all->n++];
	*s = (struct bf_subject){ .filled = elements ? ns : NULL };
	snprintf(s->unit, sizeof(s->unit), "%s", unit);
	rc = bf_native_is_unit(unit) ? open_native(ctx, ns, s) : open_xt(ctx, ns, s);
	return rc && !ctx->diag.n_errors ? bf_diag_error(&ctx->diag, rc, "table %s: %s", unit, strerror(-rc)) : rc;
}

int bf_subjects_open(struct bf_ctx *ctx, struct bf_ns *ns, bool elements, struct bf_subjects *out)
{
	_cleanup_buf_ struct bf_buf names = {};
	int rc = bf_ns_units(ns, &names);

	for (const char *u = names.data; !rc && u < names.data + names.len; u += strlen(u) + 1)
		rc = open_unit(ctx, ns, u, elements, out);
	return rc;
}

/* A native table as it was compiled. */
static int eval_base(struct bf_ctx *ctx, const struct bf_subject *s, struct bf_ast **ast, struct bf_evaluated *ev)
{
	struct bf_nstored compiled = s->nstored;
	struct bf_ast_cmd *cmd;

	compiled.log_len = 0;
	return eval_native(ctx, s, &compiled, ast, &cmd, ev);
}

/* Both. */

int bf_subject_compile(struct bf_ctx *ctx, const struct bf_subject *s, struct bf_gen_opts o, bool live,
                       struct bf_image **img)
{
	_cleanup_ruleset_ struct bf_ruleset *base = NULL;
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_evaluated ev = {};
	int rc = 0;

	bf_gen_here(&o);
	if (live && !s->native)
		rc = bf_xt_to_ruleset(s->stored.base.state, s->stored.base.len, &base, &ctx->diag);
	else if (live && s->nstored.log_len)
		rc = eval_base(ctx, s, &ast, &ev);
	if (!rc)
		rc = bf_gen_table((base ? base : ev.rs ? ev.rs : s->rs)->tables[0], &o, img, &ctx->diag);
	bf_evaluated_free(&ev);
	return rc;
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

/* What is stored of it as it is now, with other programs. */
static int write_native(struct bf_ctx *ctx, const struct bf_subject *s, const struct bf_image *img, struct bf_buf *out)
{
	const struct bf_nstored *n = &s->nstored;
	const struct bf_nstore_parts parts = { .counters = s->ev.counters, .n_counters = s->ev.n_counters,
		.places = img->places, .n_places = img->n_places, .link = img->link, .link_len = img->link_len,
		.ev = img->link ? &s->ev : NULL };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_ntable t = { .family = n->family, .name = n->name, .handle = n->head->handle, .last = n->last };
	int rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);

	if (!rc)
		rc = bf_nstored_parse(n, ast, &t.cmd, &ctx->diag);
	if (!rc)
		bf_nstored_write(out, &t, n->head->last_table, &parts);
	return rc ? rc : out->err;
}

static int commit_native(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img)
{
	uint32_t n = s->ev.n_counters;
	_cleanup_free_ struct bf_carried *carried = calloc(n + 1ul, sizeof(*carried));
	struct bf_change c = { .unit = s->unit, .image = img, .carried = carried, .n_carried = n };
	_cleanup_buf_ struct bf_buf state = {};
	int rc = carried ? write_native(ctx, s, img, &state) : -ENOMEM;

	for (uint32_t i = 0; i < n && !rc; i++)
		carried[i] = (struct bf_carried){ .to = i, .from = bf_subject_slot(s, i) };
	c.state = state.data;
	c.state_len = state.len;
	return rc ? rc : bf_ns_commit(ns, &c, 1, &ctx->diag);
}

static int commit_xt(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_subject *s, const struct bf_image *img)
{
	const struct bf_stored *t = &s->stored;
	_cleanup_free_ uint32_t *slots = calloc(t->num_entries + 1ul, sizeof(*slots));
	_cleanup_free_ struct bf_carried *carried = NULL;
	_cleanup_buf_ struct bf_buf state = {};

	for (uint32_t i = 0; slots && i < t->num_entries; i++)
		slots[i] = bf_stored_slot(t, i);
	if (slots)
		carried = bf_stored_carry(t, slots, t->num_entries);
	bf_buf_add(&state, t->state, t->len);
	if (!carried || state.err)
		return -ENOMEM;
	return bf_stored_commit(ctx, ns, t, img, &state,
	                        &(struct bf_counting){ .carried = carried, .n_carried = t->num_entries });
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
