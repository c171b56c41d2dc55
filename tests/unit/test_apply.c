/* SPDX-License-Identifier: GPL-2.0-only */
/* test_apply.c: commands on tables where memory runs out; stored tables that are cut short or damaged. (What commands
 * mean: tests/t/apply.a, elements.a.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "front/native/store.h"
#include "lib/alloc.h"

static const char before[] =
	"table inet t {\n"
	"counter k { }\n quota q { 5 mbytes }\n"
	"set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9 }; }\n"
	"set m { type inet_service; flags interval; auto-merge; elements = { 1-5, 9 }; }\n"
	"set b { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-5, 11.0.0.0/8 . 1-5 }; }\n"
	"map v { type inet_service : verdict; elements = { 22 : jump c, 80 : drop }; }\n"
	"chain i { type filter hook input priority 0; tcp dport vmap @v; ip saddr @s counter name \"k\" drop; jump c; }\n"
	"chain c { accept; }\n"
	"}\n";
static const char commands[] =
	"add rule inet t c tcp dport 5 counter; insert rule inet t c index 0 drop; replace rule inet t c handle 12 drop\n"
	"delete rule inet t i handle 9; add element inet t s { 1.1.1.1, 2.0.0.0/8 }; delete element inet t m { 2 }\n"
	"add element inet t m { 6-8 }; add element inet t b { 10.0.0.0/8 . 6 }; delete element inet t v { 22 }\n"
	"rename chain inet t c d; add chain inet t e\n"
	"add map inet t n { type ipv4_addr : mark; elements = { 1.2.3.4 : 5 }; }\n"
	"add rule inet t e update @n { ip saddr : 7 }; flush chain inet t d; destroy rule inet t d handle 99\n"
	"add table ip u { flags dormant; }; delete table ip u; add table ip u\n";

struct world {
	struct bf_buf stored;
	struct bf_diag *d;
	const char *text;
};

static int read_table(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	struct bf_napply *a = ctx;
	const struct bf_buf *b = t->owner;
	struct bf_nstored s;
	int err = bf_nstored_read(b->data, b->len, NULL, 0, &s);

	return err ? err : bf_nstored_parse(&s, a->ast, out, a->d);
}

/* The first table as it is then; 0 or what went wrong. */
static int apply(struct world *w, struct bf_buf *out)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_napply a = { 0 };
	const struct bf_napply_ops ops = { .read = read_table, .ctx = &a };
	struct bf_nstored s;
	int err = bf_native_parse(&ast, "t", w->text, strlen(w->text), NULL, w->d);

	if (err)
		return err;
	bf_napply_init(&a, ast, &ops, w->d);
	if (w->stored.len && !bf_nstored_read(w->stored.data, w->stored.len, NULL, 0, &s)) {
		struct bf_ntable *t = bf_napply_have(&a, s.family, s.name, s.head->handle, s.head->last);

		if (t)
			t->owner = &w->stored;
	}
	err = a.err ? a.err : bf_napply_run(&a);
	if (!err && !a.tables->gone)
		bf_nstored_write(out, a.tables, a.last_table, NULL);
	bf_napply_free(&a);
	return err ? err : out->err;
}

static void store(struct world *w)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf out = { 0 };

	w->d = &d;
	w->text = before;
	if (apply(w, &out))
		fail_msg("%s", d.text.data);
	w->stored = out;
	out = (struct bf_buf){ 0 };
	w->d = NULL;
}

static int allocate(void *ctx)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf out = { 0 };
	struct world *w = ctx;
	int err;

	w->d = &d;
	err = apply(w, &out);
	w->d = NULL;
	if (err && err != -ENOMEM)
		fprintf(stderr, "%s", d.text.data ? d.text.data : "");
	return err;
}

static void test_memory(void **state)
{
	struct world w = { 0 };

	store(&w);
	w.text = commands;
	assert_true(test_alloc_each(allocate, &w) > 10);
	bf_buf_free(&w.stored);
}

/* A copy at the end of its memory, so that a read behind it is seen. */
static int read_bytes(const char *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct bf_nstored s;
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = bf_nstored_read(copy, len, NULL, 0, &s);
	if (!err) {
		_cleanup_ast_ struct bf_ast *ast = NULL;
		struct bf_ast_cmd *cmd;

		assert_int_equal(bf_native_parse(&ast, "", "", 0, NULL, NULL), 0);
		err = bf_nstored_parse(&s, ast, &cmd, NULL);
	}
	free(copy);
	return err;
}

static void test_cut(void **state)
{
	struct world w = { 0 };

	store(&w);
	assert_int_equal(read_bytes(w.stored.data, w.stored.len), 0);
	for (size_t len = 0; len < w.stored.len; len++)
		assert_int_equal(read_bytes(w.stored.data, len), -EBADMSG);
	bf_buf_free(&w.stored);
}

/* Any byte of the head may be any: it is refused, or what is read is whole. */
static void test_damaged(void **state)
{
	struct world w = { 0 };

	store(&w);
	for (size_t at = 0; at < sizeof(struct bf_nstore_head); at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			w.stored.data[at] ^= (char)(1 << bit);
			read_bytes(w.stored.data, w.stored.len);
			w.stored.data[at] ^= (char)(1 << bit);
		}
	assert_int_equal(read_bytes(w.stored.data, w.stored.len), 0);
	bf_buf_free(&w.stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
