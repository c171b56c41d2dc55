/* SPDX-License-Identifier: GPL-2.0-only */
/* test_eval.c: the tree of a table to the model where memory runs out. (What rules mean: tests/t/model.t.) */
#include "front/native/eval.h"
#include "front/native/native.h"
#include "lib/alloc.h"
#include "lib/unit.h"

static const char text[] =
	"table inet t {\n"
	"set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22, 10.0.0.1 . 80-90 }; }\n"
	"set d { type ipv4_addr; flags dynamic; size 10; }\n"
	"map v { type inet_service : verdict; elements = { 22 : accept, 80 : jump other }; }\n"
	"counter cc { }\n"
	"chain other { }\n"
	"chain c { type filter hook input priority 0; policy drop;\n"
	"ip saddr . tcp dport @s accept comment \"x\"\n"
	"tcp dport vmap @v\n"
	"limit rate 5/second tcp dport vmap { 22 : continue, 80 : goto other } quota 1 mbytes counter accept\n"
	"log prefix \"x\" tcp dport 22 counter name \"cc\" counter accept\n"
	"add @d { ip saddr } meta mark set ip saddr map { 1.2.3.4 : 5, 1.2.3.5 : 6 }\n"
	"tcp sport == tcp dport tcp flags & (syn | ack) ^ 3 > 1 reject\n"
	"pcap \"udp\" bytecode \"1,6 0 0 1\" drop\n"
	"}\n}\n";

static int evaluate(void *ctx)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_evaluated e = { 0 };
	const struct bf_ast *ast = ctx;
	int err = bf_native_eval(ast, ast->cmds, NULL, &e, &d);

	bf_evaluated_free(&e);
	return err;
}

static void test_memory(void **state)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_native_parse(&ast, "t", text, strlen(text), NULL, &d), 0);
	assert_true(test_alloc_each(evaluate, ast) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_memory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
