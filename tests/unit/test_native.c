/* SPDX-License-Identifier: GPL-2.0-only */
/* test_native.c: of the native language what a line of data (tests/t) cannot say: files, whole messages, limits,
 * memory. */
#include "lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "front/native/native.h"
#include "lib/alloc.h"

static char dir[] = "/tmp/test_native.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	char sub[128];

	if (!mkdtemp(dir))
		return -1;
	snprintf(sub, sizeof(sub), "%s/rules", dir);
	return mkdir(sub, 0700);
}

static int tear_down(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static const char *const *dirs(void)
{
	static const char *list[2];

	list[0] = dir;
	return list;
}

/* What parsing says and prints, each to be freed. */
static int run(const char *text, const struct bf_native_opts *o, struct bf_buf *print, struct bf_diag *d)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	int err = bf_native_parse(&ast, "rules", text, strlen(text), o, d);

	assert_true(!err == !!ast);
	if (!err && print)
		bf_native_print(print, ast);
	return err;
}

static void expect_print(const char *text, const char *want)
{
	const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs() };
	_cleanup_buf_ struct bf_buf print = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (run(text, &o, &print, &d))
		fail_msg("%s", d.text.data);
	assert_string_equal(print.data ? print.data : "", want);
}

static void expect_error(const char *text, const char *want)
{
	const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs() };
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(run(text, &o, NULL, &d), -EINVAL);
	assert_true(d.n_errors > 0);
	assert_string_equal(d.text.data, want);
}

static void includes(void **state)
{
	put("rules/20-b.nft", "tcp dport 2 accept\n");
	put("rules/10-a.nft", "define port = 1\ntcp dport $port accept");
	put("rules/.hidden.nft", "nonsense");
	put("table.nft", "table ip t { chain c { include \"rules/*.nft\"; drop; }; }\n");
	expect_print(
		"include \"table.nft\"\nflush ruleset\n",
		"table ip t {\n\tchain c {\n\t\ttcp dport 1 accept\n\t\ttcp dport 2 accept\n\t\tdrop\n\t}\n}\nflush ruleset\n");
	expect_print("include \"nothing/*\"\n", "");
	put("vars.nft", "define a = 5\n");
	expect_print("include \"vars.nft\"\nadd rule t c tcp dport $a\n", "add rule ip t c tcp dport 5\n");
	put("els.nft", "elements = { 1.1.1.1 }\n");
	expect_print("add set t s { type ipv4_addr; include \"els.nft\"; }",
	             "add set ip t s { type ipv4_addr; elements = { 1.1.1.1 }; }\n");
	put("chain.nft", "chain d { accept; }\n");
	expect_print("table t { chain c { }; include \"chain.nft\"; }",
	             "table ip t {\n\tchain c {\n\t}\n\n\tchain d {\n\t\taccept\n\t}\n}\n");
}

static void include_errors(void **state)
{
	char want[1024], path[128];

	expect_error("include \"nowhere.nft\"\n",
	             "rules:1:9: error: cannot read 'nowhere.nft': No such file or directory\n"
	             "include \"nowhere.nft\"\n        ^~~~~~~~~~~~~\n");
	snprintf(path, sizeof(path), "%s/bad.nft", dir);
	put("bad.nft", "\n\tadd rule t c acept\n");
	snprintf(want, sizeof(want),
	         "%s:2:15: error: unknown statement 'acept'; did you mean 'accept'?\n\tadd rule t c acept\n\t             "
	         "^~~~~\n"
	         "rules:1:9: note: included from here\ninclude \"bad.nft\"\n        ^~~~~~~~~\n",
	         path);
	expect_error("include \"bad.nft\"\n", want);
	put("loop.nft", "include \"loop.nft\"\n");
	{
		const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs() };
		_cleanup_diag_ struct bf_diag d = { 0 };

		assert_int_equal(run("include \"loop.nft\"", &o, NULL, &d), -EINVAL);
		assert_int_equal(d.n_errors, 1);
		assert_non_null(strstr(d.text.data, "loop.nft' includes itself"));
	}
	for (int i = 0; i < 12; i++) { /* 8 to the power of 12 */
		char name[16], text[512] = "";

		for (int n = 0; n < 8; n++)
			snprintf(text + strlen(text), 64, "include \"many%d.nft\"\n", i + 1);
		snprintf(name, sizeof(name), "many%d.nft", i);
		put(name, i < 11 ? text : "");
	}
	{
		const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs(), .max_errors = 1 };
		_cleanup_diag_ struct bf_diag d = { 0 };

		assert_int_equal(run("include \"many0.nft\"", &o, NULL, &d), -EINVAL);
		assert_non_null(strstr(d.text.data, "more than 20000 files"));
	}
	put("outer.nft", "chain x { accept; }\naccept\n");
	{
		const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs() };
		_cleanup_diag_ struct bf_diag d = { 0 };

		assert_int_equal(run("table t { chain c { include \"outer.nft\"; }; }", &o, NULL, &d), -EINVAL);
		assert_int_equal(d.n_errors, 1);
		assert_non_null(strstr(d.text.data, "cannot stand in the block that includes it"));
	}
	put("brace.nft", "}\n");
	{
		const struct bf_native_opts o = { .include = bf_native_include, .include_ctx = (void *)dirs() };
		_cleanup_diag_ struct bf_diag d = { 0 };

		assert_int_equal(run("table t { include \"brace.nft\"; chain c { accept; }; }", &o, NULL, &d), -EINVAL);
		assert_int_equal(d.n_errors, 1);
	}
}

/* One mistake, one message, at its place; and none hides another. */
static void all_errors(void **state)
{
	expect_error("define ports = { 22, sshh }\n"
	             "tabel inet t {\n"
	             "\tset s { type ipv4_addr; elements = { 1.2.3.4, 300.1.1.1,\n"
	             "\t\tfe80::1, 5.6.7.8 }; }\n"
	             "\tchian c {\n"
	             "\t\tip sadr 1.2.3.4 tcp dprot 22 accept\n"
	             "\t\ttcp dport $ports accept\n"
	             "\t\ttcp dport { 22, 80\n"
	             "\t\taccept\n"
	             "\t}\n"
	             "}\n",
	             "rules:2:1: error: unknown command 'tabel'; did you mean 'table'?\n"
	             "tabel inet t {\n"
	             "^~~~~\n"
	             "rules:3:48: error: '300.1.1.1' is no ipv4_addr\n"
	             "\tset s { type ipv4_addr; elements = { 1.2.3.4, 300.1.1.1,\n"
	             "\t                                              ^~~~~~~~~\n"
	             "rules:4:3: error: an IPv6 address where the type is ipv4_addr\n"
	             "\t\tfe80::1, 5.6.7.8 }; }\n"
	             "\t\t^~~~~~~\n"
	             "rules:5:2: error: a table has no 'chian'; did you mean 'chain'?\n"
	             "\tchian c {\n"
	             "\t^~~~~\n"
	             "rules:6:6: error: 'ip' has no 'sadr'; did you mean 'saddr'?\n"
	             "\t\tip sadr 1.2.3.4 tcp dprot 22 accept\n"
	             "\t\t   ^~~~\n"
	             "rules:6:23: error: 'tcp' has no 'dprot'; did you mean 'dport'?\n"
	             "\t\tip sadr 1.2.3.4 tcp dprot 22 accept\n"
	             "\t\t                    ^~~~~\n"
	             "rules:7:13: error: no service is called 'sshh'; did you mean 'ssh'?\n"
	             "\t\ttcp dport $ports accept\n"
	             "\t\t          ^~~~~~\n"
	             "rules:1:22: note: this is what $ports is\n"
	             "define ports = { 22, sshh }\n"
	             "                     ^~~~\n"
	             "rules:9:3: error: expected ',' or '}', found 'accept'\n"
	             "\t\taccept\n"
	             "\t\t^~~~~~\n"
	             "rules:8:13: note: the set begins here\n"
	             "\t\ttcp dport { 22, 80\n"
	             "\t\t          ^\n");
}

static void missing_brace(void **state)
{
	expect_error("table t {\n\tchain c {\n\t\taccept\n\n\tchain d {\n\t\tdrop\n\t}\n}\n",
	             "rules:5:2: error: a '}' is missing before this\n\tchain d {\n\t^~~~~\n"
	             "rules:2:10: note: it would close this one\n\tchain c {\n\t        ^\n");
	expect_error("table t {\n", "rules:2:1: error: expected '}', found the end of the file\n\n^\n"
	                            "rules:1:9: note: it would close this one\ntable t {\n        ^\n");
}

static void long_lines(void **state)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };

	bf_buf_puts(&text, "add element t s { ");
	for (int i = 0; i < 100000; i++)
		bf_buf_puts(&text, i == 50000 ? "x$ \033," : "\303\244, ");
	bf_buf_puts(&text, "}");
	assert_int_equal(run(text.data, NULL, NULL, &d), -EINVAL);
	assert_true(d.text.len < 2000); /* not the whole line */
	assert_null(strchr(d.text.data, '\033'));
}

/* A text of some lines that stands for a thousand thousands of millions: no option is needed that it ends soon. */
static void doubled(void **state)
{
	const struct bf_native_opts as_api = { .max_nodes = UINT32_MAX }, few = { .max_nodes = UINT32_MAX, .max_copies = 1000 };
	_cleanup_buf_ struct bf_buf text = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 }, d2 = { 0 }, d3 = { 0 };

	bf_buf_puts(&text, "define a0 = { 1, 2 }\n");
	assert_int_equal(run("define a = { 1, 2 }\ndefine b = { $a, $a }\n", &few, NULL, &d), 0);
	for (int i = 1; i < 40; i++)
		bf_buf_printf(&text, "define a%d = { $a%d, $a%d }\n", i, i - 1, i - 1);
	assert_int_equal(run(text.data, &few, NULL, &d2), -EINVAL);
	assert_non_null(strstr(d2.text.data, "rules:7:20: error: variables stand for too much"));
	assert_int_equal(run(text.data, &as_api, NULL, &d3), -EINVAL);
	assert_non_null(strstr(d3.text.data, ": error: variables stand for too much"));
}

static void limits(void **state)
{
	const struct bf_native_opts few = { .max_errors = 3, .max_nodes = 100000 };
	_cleanup_buf_ struct bf_buf text = { 0 }, deep = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 }, d2 = { 0 }, d3 = { 0 };

	bf_buf_puts(&text, "define a0 = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }\n");
	for (int i = 1; i < 30; i++) /* a laugh a thousand millions of millions of times */
		bf_buf_printf(&text, "define a%d = { $a%d, $a%d, $a%d }\n", i, i - 1, i - 1, i - 1);
	assert_int_equal(run(text.data, &few, NULL, &d), -EINVAL);
	assert_non_null(strstr(d.text.data, "too much"));

	for (int i = 0; i < 100; i++)
		bf_buf_puts(&deep, "acept\n");
	assert_int_equal(run(deep.data, &few, NULL, &d2), -EINVAL);
	assert_int_equal(d2.n_errors, 3);
	bf_buf_free(&deep);

	bf_buf_puts(&deep, "add rule t c meta mark ");
	for (int i = 0; i < 100000; i++)
		bf_buf_puts(&deep, "(");
	assert_int_equal(run(deep.data, NULL, NULL, &d3), -EINVAL);
	assert_non_null(strstr(d3.text.data, "too deeply"));
}

static void long_chains(void **state)
{
	static const char *const parts[] = { "1 | ", "1 . ", "1, ", "{ ", "1-" };

	for (size_t i = 0; i < BF_ARRAY_SIZE(parts); i++) {
		_cleanup_buf_ struct bf_buf text = { 0 }, print = { 0 };
		_cleanup_diag_ struct bf_diag d = { 0 };

		bf_buf_puts(&text, "add rule t c meta mark ");
		for (int n = 0; n < 100000; n++)
			bf_buf_puts(&text, parts[i]);
		bf_buf_puts(&text, "1");
		assert_int_equal(run(text.data, NULL, &print, &d), -EINVAL); /* and does not crash */
	}
}

/* What could take time to the square takes none. */
static void no_squares(void **state)
{
	_cleanup_buf_ struct bf_buf counters = { 0 }, name = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 }, d2 = { 0 };

	bf_buf_puts(&counters, "add element t s { 1");
	bf_buf_puts(&name, "add rule t c tcp dport $a");
	for (int i = 0; i < 500000; i++) {
		bf_buf_puts(&counters, " counter");
		bf_buf_puts(&name, "-a");
	}
	bf_buf_puts(&counters, " }");
	assert_int_equal(run(counters.data, NULL, NULL, &d), -EINVAL);
	assert_non_null(strstr(d.text.data, "are enough"));
	assert_int_equal(run(name.data, NULL, NULL, &d2), -EINVAL);
	assert_non_null(strstr(d2.text.data, "unknown variable"));
}

static void nul_bytes(void **state)
{
	static const char text[] = "add table t\0\nadd table u\n";
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_native_parse(&ast, "nul", text, sizeof(text) - 1, NULL, &d), -EINVAL);
	assert_int_equal(d.n_errors, 1);
	assert_null(ast);
}

/* Elements of a set that another text declares. */
static void typed_later(void **state)
{
	static const char text[] = "add element t s { 1.2.3.4 . ssh }\nadd element t s { fe80::1 . 5 }\n";
	const struct bf_types key = { .type = { &bf_ntypes[BF_T_IPV4], &bf_ntypes[BF_T_SERVICE] }, .n = 2 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf print = { 0 };

	assert_int_equal(bf_native_parse(&ast, "later", text, strlen(text), NULL, &d), 0);
	bf_native_print(&print, ast);
	assert_string_equal(print.data, "add element ip t s { 1.2.3.4 . ssh }\nadd element ip t s { fe80::1 . 5 }\n");
	assert_int_equal(bf_native_type(ast, ast->cmds->elements, &key, NULL, false, &d), 0);
	bf_buf_free(&print);
	bf_native_print_cmd(&print, ast->cmds);
	assert_string_equal(print.data, "add element ip t s { 1.2.3.4 . 22 }\n");
	assert_int_equal(bf_native_type(ast, ast->cmds->next->elements, &key, NULL, false, &d), -EINVAL);
	assert_string_equal(d.text.data, "later:2:19: error: an IPv6 address where the type is ipv4_addr\n"
	                                 "add element t s { fe80::1 . 5 }\n                  ^~~~~~~\n");
}

static int allocate(void *ctx)
{
	static const char text[] =
		"define p = { 22, ssh }\n"
		"table inet t {\n"
		"\tset s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 comment \"x\" } }\n"
		"\tmap m { type ipv4_addr : verdict; elements = { 1.2.3.4 : jump o } }\n"
		"\tcounter k { packets 1 bytes 2 }\n"
		"\tchain o { }\n"
		"\tchain c {\n"
		"\t\ttype filter hook input priority filter + 5; policy drop;\n"
		"\t\ttcp dport $p ip saddr . tcp dport @s counter log prefix \"x\" reject with icmpx 1 comment \"y\"\n"
		"\t\tadd @s { ip saddr . tcp dport timeout 5s } limit rate 5/second pcap \"tcp\" meta mark set ct mark | 5\n"
		"\t}\n"
		"}\n";
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf print = { 0 };
	int err = bf_native_parse(&ast, "memory", ctx ? ctx : text, strlen(ctx ? ctx : text), NULL, &d);

	if (err)
		return ctx && err == -EINVAL ? 0 : err;
	bf_native_print(&print, ast);
	return print.err;
}

static void no_memory(void **state)
{
	assert_true(test_alloc_each(allocate, NULL) > 5);
	assert_true(test_alloc_each(allocate, (void *)"add rule t c acept\nip sadr 5\ntcp dport shs\n") > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(includes), cmocka_unit_test(include_errors), cmocka_unit_test(all_errors),
		cmocka_unit_test(missing_brace), cmocka_unit_test(long_lines), cmocka_unit_test(limits), cmocka_unit_test(doubled),
		cmocka_unit_test(long_chains), cmocka_unit_test(no_squares), cmocka_unit_test(nul_bytes), cmocka_unit_test(typed_later),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
