/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_check.c: malformed blobs and the errno that the kernel gives for
 * each (test_xt_kernel.c lets the kernel say so itself). Nothing of a refused
 * blob is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "lib/alloc.h"
#include "xt/build.h"

static const uint8_t both[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* Where it lies: the same answer and the same state, also a second time, when its head has been put back. */
static void decode_in_place(const struct bb *b, size_t len, int err, const struct bf_buf *state)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);
	struct bf_xt_replace info;

	memcpy(copy, b->buf.data, len);
	for (int i = 0; i < 2; i++) {
		memcpy(copy, b->buf.data, BF_MIN(len, sizeof(struct bf_xt_head)));
		assert_int_equal(bf_xt_decode_in_place(b->family, copy, len, &info, NULL), err);
		if (!err)
			assert_memory_equal(copy, state->data, state->len);
	}
}

static int decode(const struct bb *b, size_t len, struct bf_diag *d)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	struct bf_xt_replace info;
	/* an own copy of just that size: a sanitizer sees the first byte behind it */
	_cleanup_free_ void *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, b->buf.data, len);
	err = bf_xt_decode_replace(b->family, copy, len, &info, &state, d);
	assert_true(err ? state.data == NULL : state.len > sizeof(struct bf_xt_head));
	decode_in_place(b, len, err, &state);
	return err;
}

static void expect(struct bb *b, int err)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	int have = decode(b, b->buf.len, &d);

	if (have != err)
		fail_msg("%s instead of %s: %s", strerror(-have), strerror(-err), d.text.data ? d.text.data : "(no message)");
	bb_free(b);
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put16(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 2);
}

/* INPUT holds one rule: no condition, ACCEPT. */
static void plain_rule(struct bb *b, void *arg)
{
	bb_entry(b);
	bb_verdict(b, -NF_ACCEPT - 1);
}

static void tcp_rule(struct bb *b, void *arg)
{
	struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 22, 22 } };

	bb_entry(b);
	bb_match(b, "tcp", 0, &tcp, sizeof(tcp));
	bb_verdict(b, -NF_DROP - 1);
	bb_proto(b, 6, 0);
}

static struct bb plain(uint8_t family)
{
	struct bb b;

	bb_filter(&b, family, plain_rule, NULL);
	return b;
}

static struct bb with_tcp(uint8_t family)
{
	struct bb b;

	bb_filter(&b, family, tcp_rule, NULL);
	return b;
}

static void test_good(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct bb b = plain(both[i]);

		expect(&b, 0);
		b = with_tcp(both[i]);
		expect(&b, 0);
		b = with_tcp(both[i]);
		bf_buf_add(&b.buf, "more than told", 14);
		expect(&b, 0);
	}
}

/* Each length short of the whole is refused, and no byte behind it is touched. */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct bb b = with_tcp(both[i]);

		for (size_t len = 0; len < b.buf.len; len++)
			assert_int_equal(decode(&b, len, NULL), -EINVAL);
		for (uint32_t size = bb_offset(&b) - 1; size > 0; size--) { /* the size says so, too */
			put32(bb_size(&b), size);
			assert_int_equal(decode(&b, b.buf.len, NULL), -EINVAL);
		}
		bb_free(&b);
	}
}

static void test_head(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		int err;
	} cases[] = {
		{ offsetof(struct ipt_replace, num_counters), 0, -EINVAL },
		{ offsetof(struct ipt_replace, num_counters), 0x7ffffff, -ENOMEM },
		{ offsetof(struct ipt_replace, num_counters), 0x2000001, -ENOMEM },
		{ offsetof(struct ipt_replace, num_counters), 0x2000000, 0 },
		{ offsetof(struct ipt_replace, num_entries), 4, -EINVAL },
		{ offsetof(struct ipt_replace, num_entries), 6, -EINVAL },
		{ offsetof(struct ipt_replace, num_entries), 0x8000001, -ENOMEM },
		{ offsetof(struct ipt_replace, size), 0, -EINVAL },
		{ offsetof(struct ipt_replace, size), UINT32_MAX, -EINVAL },
		{ offsetof(struct ipt_replace, valid_hooks), 0x1f, -EINVAL },
		{ offsetof(struct ipt_replace, valid_hooks), 0x6, -EINVAL },
		{ offsetof(struct ipt_replace, valid_hooks), 0x2e, -EINVAL },
		{ offsetof(struct ipt_replace, hook_entry[1]), 8, -EINVAL },
		{ offsetof(struct ipt_replace, hook_entry[3]), 0, -EINVAL },
		{ offsetof(struct ipt_replace, underflow[1]), 8, -EINVAL },
		{ offsetof(struct ipt_replace, hook_entry[0]), 12345, 0 }, /* no hook of the table */
		{ offsetof(struct ipt_replace, name), 'x', -ENOENT },
	};

	for (size_t i = 0; i < BF_ARRAY_SIZE(cases); i++) {
		struct bb b = plain(NFPROTO_IPV4);

		put32((uint8_t *)b.buf.data + cases[i].at, cases[i].value);
		expect(&b, cases[i].err);
	}
}

static void test_entry(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		const struct bf_xt_layout *l = bf_xt_layout(both[i]);
		const struct {
			uint32_t at, value;
		} cases[] = {
			{ l->target_offset, 0 },
			{ l->target_offset, l->entry - 8u },
			{ l->target_offset, l->entry + 8u },
			{ l->target_offset, 0xfff8 },
			{ l->next_offset, 0 },
			{ l->next_offset, l->entry + 32u },
			{ l->next_offset, l->entry + 47u },
			{ l->next_offset, 0xffff },
			{ l->entry, 31 }, /* target size */
			{ l->entry, 48 },
			{ l->entry, 0xffff },
		};

		for (size_t k = 0; k < BF_ARRAY_SIZE(cases); k++) {
			struct bb b = plain(both[i]);

			put16(bb_at(&b, cases[k].at), cases[k].value);
			expect(&b, -EINVAL);
		}
	}
}

static void test_flags(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		const struct bf_xt_layout *l = bf_xt_layout(both[i]);
		struct bb b = plain(both[i]);

		*bb_at(&b, l->flags) = (uint8_t)(l->flag_mask + 1);
		expect(&b, -EINVAL);
		b = plain(both[i]);
		*bb_at(&b, l->invflags) = 0x80;
		expect(&b, -EINVAL);
		b = plain(both[i]);
		*bb_at(&b, l->flags) = l->flag_mask;
		*bb_at(&b, l->invflags) = 0x7f;
		expect(&b, 0);
	}
}

static void verdict_rule(struct bb *b, void *arg)
{
	bb_entry(b);
	bb_verdict(b, *(int32_t *)arg);
}

static void test_verdicts(void **state)
{
	static const struct {
		int32_t v;
		int err;
	} cases[] = {
		{ -1, 0 },     { -2, 0 },       { -3, -EINVAL },        { -4, 0 },
		{ -5, 0 },     { -6, -EINVAL }, { INT32_MIN, -EINVAL }, { 0, -EINVAL }, /* a jump to the table's begin */
		{ 152, 0 },                                                             /* to the next entry */
		{ 1, -ELOOP }, { 153, -ELOOP }, { 99999, -ELOOP },      { INT32_MAX, -ELOOP },
	};

	for (size_t i = 0; i < BF_ARRAY_SIZE(cases); i++) {
		struct bb b;

		bb_filter(&b, NFPROTO_IPV4, verdict_rule, (void *)(uintptr_t)&cases[i].v);
		expect(&b, cases[i].err);
	}
}

static void test_extensions(void **state)
{
	const uint32_t match = sizeof(struct ipt_entry);
	struct bb b = with_tcp(NFPROTO_IPV4);

	strcpy((char *)bb_at(&b, match + 2), "nosuch");
	expect(&b, -ENOENT);
	b = with_tcp(NFPROTO_IPV4);
	*bb_at(&b, match + 31) = 9; /* revision; of a family's own extension */
	expect(&b, -ENOENT);
	b = with_tcp(NFPROTO_IPV4);
	strcpy((char *)bb_at(&b, match + 2), "conntrack"); /* registered for all families */
	expect(&b, -EPROTOTYPE);
	b = with_tcp(NFPROTO_IPV4);
	memset(bb_at(&b, match + 2), 'x', BF_XT_NAMELEN);
	expect(&b, -EINVAL);
	b = with_tcp(NFPROTO_IPV4);
	put16(bb_at(&b, match), 40); /* less than its parameters, and no longer up to the target */
	expect(&b, -EINVAL);
	b = with_tcp(NFPROTO_IPV4);
	bb_at(&b, offsetof(struct ipt_entry, ip.proto))[0] = 17;
	expect(&b, -EINVAL);
	b = with_tcp(NFPROTO_IPV4);
	*bb_at(&b, offsetof(struct ipt_entry, ip.invflags)) = IPT_INV_PROTO;
	expect(&b, -EINVAL);
	b = with_tcp(NFPROTO_IPV4);
	*bb_at(&b, match + BF_XT_HEAD + offsetof(struct xt_tcp, invflags)) = 0x10;
	expect(&b, -EINVAL);
}

/* What is refused because bpfilter does not have it is named: extension, table, chain, rule. */
static void test_message(void **state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bb b = with_tcp(NFPROTO_IPV4);

	strcpy((char *)bb_at(&b, sizeof(struct ipt_entry) + 2), "string");
	assert_int_equal(decode(&b, b.buf.len, &d), -ENOENT);
	assert_non_null(strstr(
		d.text.data,
		"filter table, chain INPUT, rule 1: extension `string' (match, revision 0) is not supported by bpfilter"));
	bb_free(&b);
}

static void test_bad_policy(void **state)
{
	static const int32_t bad[] = { -4, -5, 152 };

	for (size_t i = 0; i < BF_ARRAY_SIZE(bad); i++) {
		struct bb b;

		bb_filter(&b, NFPROTO_IPV4, NULL, NULL);
		put32(bb_at(&b, b.underflow[1] + sizeof(struct ipt_entry) + BF_XT_HEAD), (uint32_t)bad[i]);
		expect(&b, -EINVAL);
	}
}

static void self_loop(struct bb *b, void *arg)
{
	bb_entry(b);
	bb_proto(b, 6, 0);
	bb_verdict(b, *(int32_t *)arg);
}

/* a jumps to b, b to a; `enter`: INPUT jumps to a. */
static void two_chains(struct bb *b, bool enter)
{
	uint32_t jump, a;
	int32_t to;

	bb_begin(b, NFPROTO_IPV4);
	bb_hook(b, 1);
	jump = bb_offset(b);
	bb_entry(b);
	bb_verdict(b, -NF_ACCEPT - 1);
	bb_policy(b, 1, -1);
	for (unsigned h = 2; h <= 3; h++) {
		bb_hook(b, h);
		bb_policy(b, h, -1);
	}
	bb_head(b, "a");
	a = bb_offset(b);
	to = (int32_t)(a + 2 * 152 + 176);
	bb_entry(b);
	bb_verdict(b, to);
	bb_entry(b);
	bb_verdict(b, XT_RETURN);
	bb_head(b, "b");
	assert_int_equal(bb_offset(b), to);
	bb_entry(b);
	bb_verdict(b, (int32_t)a);
	bb_entry(b);
	bb_verdict(b, XT_RETURN);
	bb_end(b);
	if (enter)
		put32(bb_at(b, jump + sizeof(struct ipt_entry) + BF_XT_HEAD), a);
}

static void test_loops(void **state)
{
	int32_t second = 152;
	struct bb b;

	bb_begin(&b, NFPROTO_IPV4); /* INPUT's second rule jumps to itself */
	bb_hook(&b, 1);
	plain_rule(&b, NULL);
	bb_at(&b, 0)[0] = 10; /* not for every packet, so that the next rule is reached */
	self_loop(&b, &second);
	bb_policy(&b, 1, -2);
	for (unsigned h = 2; h <= 3; h++) {
		bb_hook(&b, h);
		bb_policy(&b, h, -2);
	}
	bb_end(&b);
	expect(&b, -ELOOP);
	two_chains(&b, true);
	expect(&b, -ELOOP);
	two_chains(&b, false); /* nobody gets there: allowed */
	expect(&b, 0);
}

/* As many chains, each jumping to the next, as make recursion or quadratic time show. */
static void deep(struct bb *b, uint32_t chains)
{
	bb_begin(b, NFPROTO_IPV4);
	for (unsigned h = 1; h <= 3; h++) {
		bb_hook(b, h);
		bb_entry(b);
		bb_verdict(b, (int32_t)(3 * 2 * 152 + 176));
		bb_policy(b, h, -2);
	}
	for (uint32_t i = 0; i < chains; i++) {
		bb_head(b, "c");
		bb_entry(b);
		/* here + target + RETURN + the next head */
		bb_verdict(b, i + 1 < chains ? (int32_t)(bb_offset(b) + 40 + 152 + 176) : -1);
		bb_entry(b);
		bb_verdict(b, XT_RETURN);
	}
	bb_end(b);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_deep(void **state)
{
	_cleanup_buf_ struct bf_buf st = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	struct bb b;
	double start;

	deep(&b, 50000);
	start = now();
	if (bf_xt_decode_replace(NFPROTO_IPV4, b.buf.data, b.buf.len, &info, &st, &d))
		fail_msg("%s", d.text.data);
	printf("# %u entries, %zu bytes, 50000 jumps deep: checked in %.1f ms", b.n, b.buf.len, (now() - start) * 1e3);
	start = now();
	assert_int_equal(bf_xt_to_ruleset(st.data, st.len, &rs, NULL), 0);
	printf(", model in %.1f ms\n", (now() - start) * 1e3);
	assert_int_equal(rs->tables[0]->n_chains, 50003);
	bb_free(&b);
}

/* The 100,000 rules of the issue. */
static void test_large(void **state)
{
	_cleanup_buf_ struct bf_buf st = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bf_xt_replace info;
	struct bb b;
	double start, took;

	bb_begin(&b, NFPROTO_IPV4);
	bb_hook(&b, 1);
	for (uint32_t i = 0; i < 100000; i++)
		tcp_rule(&b, NULL);
	bb_policy(&b, 1, -1);
	for (unsigned h = 2; h <= 3; h++) {
		bb_hook(&b, h);
		bb_policy(&b, h, -2);
	}
	bb_end(&b);
	start = now();
	assert_int_equal(bf_xt_decode_replace(NFPROTO_IPV4, b.buf.data, b.buf.len, &info, &st, NULL), 0);
	took = now() - start;
	printf("# 100000 rules, %zu bytes: checked in %.1f ms", b.buf.len, took * 1e3);
	start = now();
	assert_int_equal(bf_xt_to_ruleset(st.data, st.len, &rs, NULL), 0);
	printf(", model in %.1f ms\n", (now() - start) * 1e3);
	assert_int_equal(rs->tables[0]->chains[0]->n_rules, 100000);
	assert_true(took < 2); /* a hundred times what it takes */
	bb_free(&b);
}

/* A blob of every extension, decoded, modelled and exported. */
struct all {
	uint8_t family;
	char *blob;
	size_t len;
};

static int all_steps(void *ctx)
{
	const struct all *a = ctx;
	_cleanup_buf_ struct bf_buf st = { 0 }, out = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	int err = bf_xt_decode_replace(a->family, a->blob, a->len, &info, &st, &d);

	if (!err)
		err = bf_xt_to_ruleset(st.data, st.len, &rs, &d);
	if (!err)
		err = bf_xt_encode_replace(st.data, st.len, &out);
	return err;
}

static const char *dir;

static void test_memory(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct all a = { .family = both[i] };
		char path[4096];
		FILE *f;

		snprintf(path, sizeof(path), "%s/rules%c.blob", dir, i ? '6' : '4');
		f = fopen(path, "rb");
		assert_non_null(f);
		a.blob = malloc(1 << 20);
		a.len = fread(a.blob, 1, 1 << 20, f);
		fclose(f);
		assert_true(test_alloc_each(all_steps, &a) > 5);
		free(a.blob);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_truncated), cmocka_unit_test(test_head),
		cmocka_unit_test(test_entry),      cmocka_unit_test(test_flags),     cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_extensions), cmocka_unit_test(test_message),   cmocka_unit_test(test_bad_policy),
		cmocka_unit_test(test_loops),      cmocka_unit_test(test_deep),      cmocka_unit_test(test_large),
		cmocka_unit_test(test_memory),
	};

	dir = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
