/* SPDX-License-Identifier: GPL-2.0-only */
/* rules_index.c: the index of a table's rules (rules.h). */
#include <netinet/in.h>

#include "front/native/change.h"
#include "front/native/rules.h"

enum { ALL_FAMS = 7 };

struct maker {
	struct bf_buf *out;
	const struct bf_ast_table *t;
	const struct bf_evaluated *ev;
	const struct bf_table *model;
	const char *text, *end, *at; /* at: what has not been looked at yet */
	struct bf_buf lines;         /* of a chain: offsets */
	struct bf_buf chains, rules;
	struct bf_buf names;         /* struct name, sorted */
	uint32_t n_rules;
};

/* ------------------------------------------------- what a rule of the model wants */

static uint32_t top(const struct bf_field *f, bf_u128 v)
{
	return (uint32_t)(f->bits > 32 ? v >> (f->bits - 32) : v);
}

/* The field's least and greatest value that the condition lets through, all bits below a prefix free. */
static void bounds(const struct bf_cond *c, bf_u128 *lo, bf_u128 *hi)
{
	bf_u128 ones = bf_field_ones(c->field), mask = c->mask & ones;

	*lo = 0;
	*hi = ones;
	if (mask == ones) {
		*lo = c->ranges[0].lo;
		*hi = c->ranges[c->n_ranges - 1].hi;
	} else if (c->n_ranges == 1 && c->ranges->lo == c->ranges->hi && !((mask | (mask - 1)) ^ ones)) {
		*lo = c->ranges->lo; /* the mask is a prefix's */
		*hi = c->ranges->lo | (ones & ~mask);
	}
}

static void narrow(struct bf_nindex_rule *r, unsigned side, const struct bf_cond *c)
{
	bf_u128 lo, hi;

	bounds(c, &lo, &hi);
	r->lo[side] = BF_MAX(r->lo[side], top(c->field, lo));
	r->hi[side] = BF_MIN(r->hi[side], top(c->field, hi));
}

static void take_cond(struct bf_nindex_rule *r, const struct bf_cond *c)
{
	if (c->kind != BF_COND_FIELD || c->guard)
		return;
	for (int fam = BF_FAM_IP; fam <= BF_FAM_OTHER; fam++)
		if (!bf_field_there(c->field, fam == BF_FAM_IP ? NFPROTO_IPV4 : fam == BF_FAM_IP6 ? NFPROTO_IPV6 : 0))
			r->fams &= (uint8_t)~(1u << fam);
	if (c->neg)
		return;
	switch (bf_field_id(c->field)) {
	case BF_F_IP_SADDR:
	case BF_F_IP6_SADDR: return narrow(r, 0, c);
	case BF_F_IP_DADDR:
	case BF_F_IP6_DADDR: return narrow(r, 1, c);
	case BF_F_L4PROTO:
		if (c->n_ranges == 1 && c->ranges->lo == c->ranges->hi && (c->mask & 0xff) == 0xff)
			r->proto = (uint8_t)c->ranges->lo;
		return;
	default: return;
	}
}

static void want_all(struct bf_nindex_rule *r)
{
	r->lo[0] = r->lo[1] = 0;
	r->hi[0] = r->hi[1] = UINT32_MAX;
	r->proto = 0;
	r->fams = ALL_FAMS;
}

/* ---------------------------------------------------------------- rules of a chain */

static uint64_t handle_of(const struct maker *m, const struct bf_rule *r)
{
	return r->counter == BF_NO_COUNTER ? 0 : m->ev->counters[r->counter].handle;
}

/* Rules of the model up to the last one that this rule became; those without a counter are the next one's. */
static uint32_t model_rules(const struct maker *m, const struct bf_chain *c, uint32_t from, uint64_t handle)
{
	uint32_t to = from;

	for (uint32_t i = from; i < c->n_rules; i++) {
		uint64_t of = handle_of(m, &c->rules[i]);

		if (of && of != handle)
			break;
		if (of)
			to = i + 1;
	}
	return to;
}

static bool leads_on(const struct bf_rule *r)
{
	return r->verdict.kind == BF_VERDICT_JUMP || r->verdict.kind == BF_VERDICT_GOTO || r->verdict.kind == BF_VERDICT_MAP;
}

static void add_rules(struct maker *m, const struct bf_ast_chain *ast, const struct bf_chain *c,
                      struct bf_nindex_chain *out)
{
	const uint32_t *line = (const uint32_t *)m->lines.data;
	uint32_t n = 0, at = 0, skip;

	for (const struct bf_ast_rule *r = ast->rules; r; r = r->next)
		n++;
	skip = (uint32_t)(m->lines.len / sizeof(*line)) - n - 1; /* what stands before the rules */
	out->n = n;
	for (const struct bf_ast_rule *r = ast->rules; r; r = r->next, line++) {
		struct bf_nindex_rule x = { .text = line[skip], .len = line[skip + 1] - line[skip], .model = at };
		uint32_t to = model_rules(m, c, at, r->handle);

		want_all(&x);
		for (uint32_t k = 0; to == at + 1 && k < c->rules[at].n_conds; k++)
			take_cond(&x, bf_rule_cond(&c->rules[at], k));
		for (; at < to; at++)
			out->jumps |= leads_on(&c->rules[at]);
		bf_buf_add(&m->rules, &x, sizeof(x));
	}
	out->model = at;
}

/* Lines of the next chain's block, and where its last one ends. False: there is no chain. */
static bool find_lines(struct maker *m)
{
	const char *p = strstr(m->at, "\n\tchain ");

	m->lines.len = 0;
	if (!p || !(p = strchr(p + 1, '\n')))
		return false;
	for (p++; p < m->end && strncmp(p, "\t}", 2); p++) {
		uint32_t at = (uint32_t)(p - m->text);

		bf_buf_add(&m->lines, &at, sizeof(at));
		p = strchr(p, '\n');
		if (!p)
			return false;
	}
	m->at = p;
	return true;
}

static bool add_chain(struct maker *m, const struct bf_ast_chain *ast, uint32_t i)
{
	const struct bf_chain *c = m->model->chains[i];
	struct bf_nindex_chain x = { .handle = ast->handle, .first = m->n_rules, .hooks = m->ev->hooks[i] };
	uint32_t end;

	if (strcmp(ast->name.text, c->name) || !find_lines(m))
		return false;
	x.end = end = (uint32_t)(m->at - m->text);
	bf_buf_add(&m->lines, &end, sizeof(end));
	add_rules(m, ast, c, &x);
	m->n_rules += x.n;
	bf_buf_add(&m->chains, &x, sizeof(x));
	return x.model == c->n_rules;
}

/* The first counter of each rule. */
static void number(struct maker *m)
{
	struct bf_nindex_rule *x = (void *)m->rules.data;
	uint32_t k = 0;

	for (const struct bf_ast_chain *c = m->t->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next, x++) {
			while (k < m->ev->n_counters &&
			       (m->ev->counters[k].what == BF_EVAL_POLICY || m->ev->counters[k].handle != r->handle))
				k++;
			x->counter = k;
		}
}

/* ------------------------------------------------------------------ who leads where */

struct name {
	const char *name;
	uint32_t chain;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static bool count_use(void *arg, const struct bf_nref *ref)
{
	struct maker *m = arg;
	const struct name key = { .name = *ref->name }, *x = NULL;

	if (ref->kind == BF_OBJ_CHAIN)
		x = bsearch(&key, m->names.data, m->names.len / sizeof(key), sizeof(key), by_name);
	if (x)
		((struct bf_nindex_chain *)(void *)m->chains.data)[x->chain].uses++;
	return true;
}

static void count_uses(struct maker *m)
{
	uint32_t i = 0;

	for (const struct bf_ast_chain *c = m->t->chains; c; c = c->next) {
		struct name n = { c->name.text, i++ };

		bf_buf_add(&m->names, &n, sizeof(n));
	}
	if (!i || m->names.err)
		return;
	qsort(m->names.data, i, sizeof(struct name), by_name);
	for (const struct bf_ast_chain *c = m->t->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			bf_nrefs_stmts(r->stmts, count_use, m);
	for (const struct bf_ast_set *s = m->t->sets; s; s = s->next) {
		const struct bf_ast_expr *e = s->map && s->elements ? bf_ast_peel(s->elements) : NULL;

		for (const struct bf_ast_elem *el = e && e->kind == BF_AST_SET ? e->set.first : NULL; el; el = el->next)
			bf_nrefs_elem(el, count_use, m);
	}
}

/* The table's text with chains that have no rules. */
static void print_bare(struct bf_buf *out, struct bf_ast_cmd *table)
{
	struct bf_ast_table *t = table->body, bare = *t;
	struct bf_ast_chain **tail = &bare.chains;
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();

	bare.sets = NULL;
	bare.objs = NULL;
	for (const struct bf_ast_chain *c = t->chains; a && c; c = c->next, tail = &(*tail)->next) {
		*tail = bf_arena_memdup(a, c, sizeof(*c));
		if (!*tail)
			break;
		(*tail)->rules = NULL;
	}
	if (!a || *tail) {
		out->err = -ENOMEM;
		return;
	}
	table->body = &bare;
	bf_native_print_cmd(out, table);
	table->body = t;
}

static void put(struct maker *m, struct bf_ast_cmd *table)
{
	_cleanup_buf_ struct bf_buf bare = { 0 };
	struct bf_nindex_head h = { .n_rules = m->n_rules };

	print_bare(&bare, table);
	h.n_chains = (uint32_t)(m->chains.len / sizeof(struct bf_nindex_chain));
	h.text_len = (uint32_t)bare.len;
	if (bare.err || m->chains.err || m->rules.err || m->lines.err || m->names.err) {
		m->out->err = -ENOMEM;
		return;
	}
	bf_buf_add(m->out, &h, sizeof(h));
	bf_buf_add(m->out, m->chains.data, m->chains.len);
	bf_buf_add(m->out, m->rules.data, m->rules.len);
	bf_buf_add(m->out, bare.data, bare.len + 1);
}

void bf_nindex_make(struct bf_buf *out, struct bf_ast_cmd *table, const char *text, size_t len,
                    const struct bf_evaluated *ev)
{
	struct maker m = { .out = out, .t = table->body, .ev = ev, .model = ev->rs->tables[0], .text = text,
		               .end = text + len, .at = text };
	const struct bf_ast_chain *c = m.t->chains;
	uint32_t i = 0;
	bool ok = !m.t->dormant && len < UINT32_MAX;

	for (; ok && c; c = c->next)
		ok = i < m.model->n_chains && add_chain(&m, c, i++);
	if (ok && i == m.model->n_chains) { /* else rules were taken apart into chains of their own */
		number(&m);
		count_uses(&m);
		put(&m, table);
	}
	bf_buf_free(&m.lines);
	bf_buf_free(&m.chains);
	bf_buf_free(&m.rules);
	bf_buf_free(&m.names);
}
