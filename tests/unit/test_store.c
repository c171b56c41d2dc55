/* SPDX-License-Identifier: GPL-2.0-only */
/* test_store.c: what changed in place since a table was stored: packs of numbers, the log, both read back as the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "front/native/store.h"

static const char before[] =
	"table inet t {\n"
	"set a { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.5 }; }\n"
	"set p { type ipv6_addr; flags interval; elements = { 2001:db8::/32, fe80::-fe80::5 }; }\n"
	"set n { type ifname; elements = { \"lo\" }; }\n"
	"set e { type inet_service; }\n"
	"chain c { ip saddr @a accept; ip6 saddr @p drop; tcp dport @e accept; }\n"
	"}\n";

static int nothing(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	(void)ctx;
	(void)t;
	(void)out;
	return -ENOENT;
}

static void store(struct bf_buf *out)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	const struct bf_napply_ops ops = { .read = nothing };
	const struct bf_eval_counter c = { .handle = 6 };
	const struct bf_nstore_parts parts = { .counters = &c, .n_counters = 1, .link = "12345678", .link_len = 8 };
	struct bf_napply a;

	if (bf_native_parse(&ast, "t", before, strlen(before), NULL, &d))
		fail_msg("%s", d.text.data);
	bf_napply_init(&a, ast, &ops, &d);
	if (bf_napply_run(&a))
		fail_msg("%s", d.text.data);
	bf_nstored_write(out, a.tables, a.last_table, &parts);
	assert_int_equal(out->err, 0);
	bf_napply_free(&a);
}

static void show(const struct bf_buf *state, const struct bf_buf *log, struct bf_buf *out)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	struct bf_ast_cmd *cmd;

	assert_int_equal(bf_nstored_read(state->data, state->len, log->data, log->len, &s), 0);
	assert_int_equal(bf_native_parse(&ast, "", "", 0, NULL, NULL), 0);
	if (bf_nstored_parse(&s, ast, &cmd, &d))
		fail_msg("%s", d.text.data);
	bf_native_print_as(out, cmd, BF_PRINT_HANDLES);
}

static uint32_t pack_of(const struct bf_nstored *s, uint64_t set)
{
	for (uint32_t i = 0; i < s->head->n_packs; i++)
		if (s->packs[i].set == set)
			return i;
	fail_msg("set %u has no pack", (unsigned)set);
	return 0;
}

static void test_packs(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 };
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	bf_u128 box[2];

	(void)state;
	store(&b);
	assert_int_equal(bf_nstored_read(b.data, b.len, NULL, 0, &s), 0);
	assert_int_equal(s.head->n_packs, 3); /* interface names are not numbers */
	assert_int_equal(s.packs[pack_of(&s, 2)].n, 2);
	bf_npack_box(&s.packs[0], s.numbers + s.packs[0].at / 4, 1, box);
	assert_true(box[0] == 0x0a000005 && box[1] == box[0]);
	bf_npack_box(&s.packs[1], s.numbers + s.packs[1].at / 4, 0, box);
	assert_true(box[0] == (bf_u128)0x20010db8 << 96 && box[1] == (((bf_u128)0x20010db8 << 96) | ~(bf_u128)0 >> 32));
	assert_int_equal(s.packs[pack_of(&s, 5)].n, 0);
	assert_memory_equal(s.link, "12345678", 8);
	assert_non_null(strstr(s.types, "set n {\n\t\ttype ifname\n\t}"));
	assert_null(strstr(s.types, "elements"));
}

static void expect(const struct bf_buf *state, const struct bf_buf *log, const char *there, const char *not_there)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	show(state, log, &text);
	if (!strstr(text.data, there) || (not_there && strstr(text.data, not_there)))
		fail_msg("'%s' should be there, '%s' should not:\n%s", there, not_there ? not_there : "-", text.data);
}

static void test_elements(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 }, log = { 0 };
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	const bf_u128 five[] = { 0x0a000005, 0x0a000005 }, three[] = { 0x0a000003, 0x0a000003 }, ports[] = { 80, 80, 22, 22 };
	const bf_u128 db8 = (bf_u128)0x20010db8 << 96, net[] = { db8, db8 | ~(bf_u128)0 >> 32 }, half[] = { db8, db8 | ~(bf_u128)0 >> 33 };

	(void)state;
	store(&b);
	assert_int_equal(bf_nstored_read(b.data, b.len, NULL, 0, &s), 0);
	bf_nlog_elements(&log, &s.packs[0], pack_of(&s, 2), false, three, 1);
	expect(&b, &log, "elements = { 10.0.0.1, 10.0.0.3,", NULL);
	bf_nlog_elements(&log, &s.packs[0], pack_of(&s, 2), true, five, 1);
	expect(&b, &log, "elements = { 10.0.0.1, 10.0.0.3 }", NULL);
	bf_nlog_elements(&log, &s.packs[2], pack_of(&s, 5), false, ports, 2);
	expect(&b, &log, "elements = { 22, 80 }", NULL);
	bf_nlog_elements(&log, &s.packs[1], pack_of(&s, 3), true, net, 1);
	bf_nlog_elements(&log, &s.packs[1], pack_of(&s, 3), false, half, 1);
	expect(&b, &log, "elements = { 2001:db8::/33,", "::/32");
	bf_nlog_elements(&log, &s.packs[1], pack_of(&s, 3), true, half, 1);
	bf_nlog_elements(&log, &s.packs[1], pack_of(&s, 3), false, net, 1);
	expect(&b, &log, "elements = { 2001:db8::/32,", "::/33");
}

static void test_commands(void **state)
{
	static const char one[] = "add rule inet t c udp dport 53 accept\n", two[] = "delete rule inet t c handle 7";
	const struct bf_eval_counter c = { .handle = 9 };
	_cleanup_buf_ struct bf_buf b = { 0 }, log = { 0 };
	_cleanup_nstored_ struct bf_nstored s = { 0 };

	(void)state;
	store(&b);
	bf_nlog_commands(&log, 9, &c, 1, one, strlen(one));
	expect(&b, &log, "udp dport 53 accept # handle 9", NULL);
	bf_nlog_commands(&log, 9, NULL, 0, two, strlen(two));
	expect(&b, &log, "udp dport 53 accept # handle 9", "handle 7\n");
	assert_int_equal(bf_nstored_read(b.data, b.len, log.data, log.len, &s), 0);
	assert_int_equal(s.last, 9);
	assert_int_equal(s.n_counters, 2);
	assert_int_equal(s.counters[0].handle, 6);
	assert_int_equal(s.counters[1].handle, 9);
}

/* Cut anywhere, or with any byte another: it is refused, or what is read is whole. */
static void test_damaged(void **state)
{
	static const char one[] = "add rule inet t c udp dport 53 accept\n";
	const bf_u128 three[] = { 0x0a000003, 0x0a000003 };
	_cleanup_buf_ struct bf_buf b = { 0 }, log = { 0 };

	(void)state;
	store(&b);
	bf_nlog_commands(&log, 9, NULL, 0, one, strlen(one));
	bf_nlog_elements(&log, &(struct bf_nstore_pack){ .words = 1 }, 0, false, three, 1);
	for (size_t at = 0; at < log.len; at++)
		for (int i = 0; i < 3; i++) {
			char *copy = malloc(log.len);
			_cleanup_ast_ struct bf_ast *ast = NULL;
			_cleanup_nstored_ struct bf_nstored s = { 0 };
			struct bf_ast_cmd *cmd;

			assert_non_null(copy);
			memcpy(copy, log.data, log.len);
			copy[at] = i == 0 ? '\xff' : i == 1 ? 0 : copy[at] ^ 1;
			assert_int_equal(bf_native_parse(&ast, "", "", 0, NULL, NULL), 0);
			if (!bf_nstored_read(b.data, b.len, copy, log.len, &s))
				(void)!bf_nstored_parse(&s, ast, &cmd, NULL);
			free(copy);
		}
	for (size_t len = 1; len < log.len; len++) {
		struct bf_nstored s;
		int err = bf_nstored_read(b.data, b.len, log.data, len, &s);

		assert_true(err == -EBADMSG || (!err && s.last == 9)); /* the second record was cut off as a whole */
		if (!err)
			bf_nstored_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packs), cmocka_unit_test(test_elements), cmocka_unit_test(test_commands),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
