/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_apply.c: any bytes as commands, on nothing, and once more on what came
 * of them. What comes is stored, read again and prints the same; handles are
 * given once; what is refused says why.
 */
#include "front/native/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLES = 32 };

struct world {
	struct bf_buf tables[TABLES];
	unsigned n;
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int read_table(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	struct bf_napply *a = ctx;
	const struct bf_buf *b = t->owner;
	struct bf_nstored s;

	expect(!bf_nstored_read(b->data, b->len, NULL, 0, &s));
	return bf_nstored_parse(&s, a->ast, out, a->d);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_handles(const struct bf_nstored *s)
{
	_cleanup_free_ uint64_t *h = malloc(s->head->n_handles * sizeof(*h) + 1);

	expect(h);
	memcpy(h, s->handles, s->head->n_handles * sizeof(*h));
	qsort(h, s->head->n_handles, sizeof(*h), by_number);
	for (uint32_t i = 0; i < s->head->n_handles; i++)
		expect(h[i] && h[i] <= s->head->last && (!i || h[i] != h[i - 1]));
}

static void check_stored(const struct bf_buf *b)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf print = { 0 };
	struct bf_ast_cmd *cmd;
	struct bf_nstored s;

	expect(!b->err && !bf_nstored_read(b->data, b->len, NULL, 0, &s));
	expect(!bf_native_parse(&ast, "", "", 0, NULL, NULL));
	expect(!bf_nstored_parse(&s, ast, &cmd, &d));
	bf_native_print_cmd(&print, cmd);
	expect(print.len == s.head->text_len && !memcmp(print.data, s.text, print.len));
	check_handles(&s);
}

static void keep(struct world *w, struct bf_napply *a)
{
	struct world now = { .n = 0 };

	for (struct bf_ntable *t = a->tables; t && now.n < TABLES; t = t->next) {
		struct bf_buf *old = t->owner;

		if (t->gone)
			continue;
		if (t->changed)
			bf_nstored_write(&now.tables[now.n], t, a->last_table, NULL);
		else
			bf_buf_add(&now.tables[now.n], old->data, old->len);
		check_stored(&now.tables[now.n++]);
	}
	for (unsigned i = 0; i < w->n; i++)
		bf_buf_free(&w->tables[i]);
	*w = now;
}

static void have(struct world *w, struct bf_napply *a)
{
	struct bf_nstored s;

	for (unsigned i = 0; i < w->n; i++) {
		expect(!bf_nstored_read(w->tables[i].data, w->tables[i].len, NULL, 0, &s));
		bf_napply_have(a, s.family, s.name, s.head->handle, s.head->last)->owner = &w->tables[i];
	}
}

static int show(void *ctx, struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	return 0;
}

static void run(struct world *w, const char *text, size_t len)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_napply a;
	const struct bf_napply_ops ops = { .read = read_table, .show = show, .ctx = &a };
	int err;

	if (bf_native_parse(&ast, "f", text, len, NULL, &d))
		return;
	bf_napply_init(&a, ast, &ops, &d);
	have(w, &a);
	err = bf_napply_run(&a);
	expect(!err == !a.errors && (!err || err == -ENOMEM || d.text.len));
	if (!err)
		keep(w, &a);
	bf_napply_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .n = 0 };

	run(&w, (const char *)data, size);
	run(&w, (const char *)data, size);
	for (unsigned i = 0; i < w.n; i++)
		bf_buf_free(&w.tables[i]);
	return 0;
}
