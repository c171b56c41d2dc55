/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_exact.c: elements of maps and concatenations (opt/exact.h) that a
 * command names, as rows of words: evaluated as if the set, with these elements
 * alone, were all of the table. Verdicts are known by their text: that one which
 * no element had when the table was compiled leads nowhere yet.
 */
#include "api/native.h"
#include "front/native/print.h"
#include "gen/gen.h"
#include "opt/exact.h"
#include "rule/set.h"

struct rows {
	struct bf_ctx *ctx;
	struct bf_ast *ast;
	const struct bf_ast_cmd *types;
	const struct bf_ast_set *set;
	const struct native_exact *x;
	const struct bf_exact_head *h;
	bool bare; /* nothing but keys */
	struct bf_buf *out;
};

/* Nothing that the set's elements cannot have. */
static bool is_plain(const struct rows *r, const struct bf_ast_elem *el)
{
	enum bf_ast_expr_kind kind = bf_ast_peel(el->key)->kind;
	const struct bf_ast_elem_more *m = el->more;

	if (kind == BF_AST_SET || kind == BF_AST_ANY || (m && (m->has_timeout || m->has_expires || m->stmts)))
		return false;
	return !el->data == (r->bare || !r->set->map);
}

static bool put_verdict(const struct rows *r, const struct bf_ast_elem *el, uint32_t *to)
{
	_cleanup_buf_ struct bf_buf name = {};
	int64_t number = -1;

	bf_print_expr(&name, el->data);
	bf_buf_add(&name, "", 1);
	if (!name.err)
		number = bf_exact_name(r->x->class, r->x->n_class, r->x->head, name.data);
	*to = (uint32_t)number;
	return number >= 0;
}

static bool put_rows(const struct rows *r, const struct bf_set *s, const struct bf_ast_elem *el)
{
	if (!bf_gen_is_exact(s) || bf_set_words(s) > r->h->key)
		return false;
	for (uint32_t i = 0; i < s->n; i++, el = el->next) {
		uint32_t row[BF_SET_WORDS + 4] = { 0 }, *to;

		bf_gen_row(s, i, row);
		to = el ? bf_buf_reserve(r->out, (r->h->key + r->h->data) * sizeof(*to)) : NULL;
		if (!to)
			return false;
		memcpy(to, row, bf_set_words(s) * sizeof(*to));
		if (!r->bare && r->set->map && !put_verdict(r, el, to + r->h->key))
			return false;
	}
	return !el;
}

/* Each element has some verdict while it is evaluated. */
static int eval(const struct rows *r, struct bf_ast_expr *elements, struct bf_evaluated *ev, struct bf_diag *d)
{
	static struct bf_ast_expr some = { .kind = BF_AST_VERDICT, .verdict.kind = BF_AST_ACCEPT };
	struct bf_ast_elem *el = elements->set.first;
	struct bf_ast_expr **own = calloc(elements->set.n + 1ul, sizeof(*own)), **p = own;
	int rc;

	if (!own)
		return -ENOMEM;
	for (; el && r->set->map; el = el->next) {
		*p++ = el->data;
		el->data = &some;
	}
	rc = bf_native_eval_set(r->ctx, r->ast, r->types, r->set, elements, ev, d);
	p = own;
	for (el = elements->set.first; el && r->set->map; el = el->next)
		el->data = *p++;
	free(own);
	return rc;
}

static bool make(const struct rows *r, struct bf_ast_expr *e, struct bf_diag *d)
{
	struct bf_ast_expr *elements = (struct bf_ast_expr *)(uintptr_t)bf_ast_peel(e);
	struct bf_evaluated ev = {};
	struct bf_types key, data;
	bool ok;

	bf_native_set_types(r->set, &key, &data);
	for (const struct bf_ast_elem *el = elements->set.first; el; el = el->next)
		if (!is_plain(r, el))
			return false;
	if (bf_native_type(r->ast, e, &key, r->set->map ? &data : NULL, r->bare, d))
		return false;
	ok = !eval(r, elements, &ev, d) && put_rows(r, ev.rs->tables[0]->sets[0], elements->set.first);
	bf_evaluated_free(&ev);
	return ok;
}

bool bf_native_exact_rows(struct bf_ctx *ctx, struct bf_ast *ast, const struct bf_ast_cmd *types, const struct bf_ast_set *set,
                          const struct native_exact *x, const struct bf_ast_cmd *cmd, struct bf_buf *out)
{
	struct rows r = { .ctx = ctx, .ast = ast, .types = types, .set = set, .x = x, .out = out,
		.h = bf_exact_head(x->class, x->n_class, x->head), .bare = cmd->verb == BF_VERB_DELETE || cmd->verb == BF_VERB_DESTROY };
	_cleanup_diag_ struct bf_diag d = {}; /* mistakes are told by the long way */

	return r.h && make(&r, cmd->elements, &d) && !out->err;
}
