/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_live.c: rules of a live table come, go and are exchanged through the
 * library. After each change the table reads back as one that was handed over
 * whole, byte for byte, and counters are where their rules are.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "bpfilter/bpfilter.h"
#include "lib/unit.h"
#include "xt/tables.h"

enum { ROUNDS = 6, CHANGES = 40 };

static int setup(void **state)
{
	struct bf_ctx *ctx = bf_ctx_new();

	if (!ctx || unshare(CLONE_NEWNET))
		return -1;
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	int err = bf_flush(*state);

	bf_ctx_free(*state);
	return err;
}

static int family_of(const struct test_table *t)
{
	return t->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET;
}

static void check(struct bf_ctx *ctx, int rc)
{
	if (rc)
		fail_msg("%d: %s", rc, bf_ctx_message(ctx));
}

static struct ipt_getinfo info_of(struct bf_ctx *ctx, int family)
{
	struct ipt_getinfo info;

	check(ctx, bf_xt_info(ctx, family, "filter", &info));
	return info;
}

static void hand_over(struct bf_ctx *ctx, const struct test_table *t)
{
	uint32_t n = info_of(ctx, family_of(t)).num_entries;
	void *old = NULL;
	struct bb b;

	table_put(&b, t);
	memcpy(bb_num_counters(&b), &n, sizeof(n));
	check(ctx, bf_xt_set_entries(ctx, family_of(t), b.buf.data, b.buf.len, &old, &n));
	free(old);
	bb_free(&b);
}

/* Entries with their counters taken out, into counters. */
static void *read_back(struct bf_ctx *ctx, int family, uint32_t *size, uint64_t *packets, uint32_t *n)
{
	const struct bf_xt_layout *l = bf_xt_layout(family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	void *entries;

	check(ctx, bf_xt_entries(ctx, family, "filter", info_of(ctx, family).size, &entries, size));
	*n = 0;
	for (uint32_t off = 0; off < *size; ++*n) {
		uint8_t *e = (uint8_t *)entries + off;

		memcpy(&packets[*n], e + l->counters, sizeof(*packets));
		memset(e + l->counters, 0, sizeof(struct xt_counters));
		off += bf_xt_next_offset(l, e);
	}
	return entries;
}

enum { MAX_ENTRIES = TABLE_CHAINS * (TABLE_RULES + 2) + 1 };

static void assert_reads(struct bf_ctx *ctx, const struct test_table *t)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	uint64_t packets[MAX_ENTRIES];
	uint32_t size, n;
	void *entries;

	table_state(t, &state);
	entries = read_back(ctx, family_of(t), &size, packets, &n);
	assert_int_equal(size, ((struct bf_xt_head *)state.data)->size);
	assert_memory_equal(entries, state.data + sizeof(struct bf_xt_head), size);
	free(entries);
}

static const char *chain_name(unsigned c, char name[2])
{
	static const char *const hooks[] = { "INPUT", "FORWARD", "OUTPUT" };

	name[0] = (char)('A' + c);
	name[1] = '\0';
	return c < TABLE_HOOKS ? hooks[c] : name;
}

struct change { /* as the library takes it; e points into it */
	struct bf_xt_rule_edit e;
	char name[2];
	struct bb b;
};

static bool random_edit(struct rng *r, struct test_table *t, struct change *ch)
{
	unsigned c = rng_below(r, TABLE_CHAINS), at = rng_below(r, t->n[c] + 1), op = rng_below(r, 3);
	struct test_rule *rules = t->rules[c], rule = table_random_rule(r, c);

	if (op == BF_XT_INSERT ? t->n[c] == TABLE_RULES : at == t->n[c])
		return false;
	ch->e = (struct bf_xt_rule_edit){ .op = op, .chain = chain_name(c, ch->name), .number = at + 1 };
	if (op == BF_XT_INSERT && at == t->n[c] && rng_below(r, 2))
		ch->e.number = 0;
	bb_begin(&ch->b, t->family);
	table_put_rule(&ch->b, &rule);
	ch->e.entry = bb_at(&ch->b, 0);
	ch->e.size = ch->b.buf.len - BB_REPLACE;
	if (op == BF_XT_INSERT)
		memmove(&rules[at + 1], &rules[at], (t->n[c]++ - at) * sizeof(*rules));
	if (op == BF_XT_DELETE)
		memmove(&rules[at], &rules[at + 1], (--t->n[c] - at) * sizeof(*rules));
	else
		rules[at] = rule;
	return true;
}

/* Up to three changes by one call. */
static void change(struct bf_ctx *ctx, struct rng *r, struct test_table *t)
{
	struct bf_xt_rule_edit e[3];
	struct change ch[3];
	uint32_t n = 0, wanted = 1 + rng_below(r, 3);

	while (n < wanted) {
		if (!random_edit(r, t, &ch[n]))
			continue;
		n++;
	}
	for (uint32_t i = 0; i < n; i++)
		e[i] = ch[i].e;
	check(ctx, bf_xt_edit(ctx, family_of(t), "filter", e, n));
	for (uint32_t i = 0; i < n; i++)
		bb_free(&ch[i].b);
}

static void reads_as_handed_over(void **state)
{
	struct rng r = { 5 };

	for (int i = 0; i < ROUNDS; i++) {
		struct test_table t;

		table_random(&r, &t, i % 2 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		hand_over(*state, &t);
		for (int k = 0; k < CHANGES; k++) {
			change(*state, &r, &t);
			assert_reads(*state, &t);
		}
	}
}

/* Each rule's counter is made its own by ADD_COUNTERS; a rule keeps it wherever it moves. */
static void counters_stay(void **state)
{
	struct rng r = { 7 };
	struct test_table t;
	uint64_t before[MAX_ENTRIES], after[MAX_ENTRIES];
	_cleanup_free_ struct xt_counters_info *add = calloc(1, sizeof(*add) + MAX_ENTRIES * sizeof(struct xt_counters));
	struct change ch;
	uint32_t n, size;

	table_random(&r, &t, NFPROTO_IPV4);
	t.n[0] = 5; /* INPUT is entries 0 .. 4 */
	for (int i = 0; i < 5; i++)
		t.rules[0][i] = (struct test_rule){ 1, -1, false };
	hand_over(*state, &t);
	strcpy(add->name, "filter");
	add->num_counters = info_of(*state, AF_INET).num_entries;
	for (uint32_t i = 0; i < add->num_counters; i++)
		add->counters[i] = (struct xt_counters){ 1000 + i, 0 };
	check(*state, bf_xt_add_counters(*state, AF_INET, add, sizeof(*add) + add->num_counters * sizeof(add->counters[0])));
	bb_begin(&ch.b, NFPROTO_IPV4);
	table_put_rule(&ch.b, &(struct test_rule){ 2, -1, true });
	ch.e = (struct bf_xt_rule_edit){ BF_XT_INSERT, "INPUT", 3, bb_at(&ch.b, 0), ch.b.buf.len - BB_REPLACE };
	free(read_back(*state, AF_INET, &size, before, &n));
	check(*state, bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1));
	free(read_back(*state, AF_INET, &size, after, &n));
	assert_int_equal(n, add->num_counters + 1);
	assert_int_equal(after[2], 0);
	assert_memory_equal(after, before, 2 * sizeof(*after));
	assert_memory_equal(&after[3], &before[2], (n - 3) * sizeof(*after));
	ch.e = (struct bf_xt_rule_edit){ BF_XT_DELETE, "INPUT", 1, NULL, 0 };
	check(*state, bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1));
	free(read_back(*state, AF_INET, &size, after, &n));
	assert_int_equal(after[0], 1001);
	assert_int_equal(after[1], 0);
	assert_memory_equal(&after[2], &before[2], (n - 2) * sizeof(*after));
	bb_free(&ch.b);
}

static void refuses(void **state)
{
	struct rng r = { 9 };
	struct test_table t;
	struct change ch;

	table_random(&r, &t, NFPROTO_IPV4);
	t.n[0] = 0;
	hand_over(*state, &t);
	bb_begin(&ch.b, NFPROTO_IPV4);
	table_put_rule(&ch.b, &(struct test_rule){ 2, -1, true });
	ch.e = (struct bf_xt_rule_edit){ BF_XT_INSERT, "NONE", 1, bb_at(&ch.b, 0), ch.b.buf.len - BB_REPLACE };
	assert_int_equal(bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1), -ENOENT);
	assert_non_null(strstr(bf_ctx_message(*state), "NONE"));
	ch.e.chain = "INPUT";
	ch.e.number = 2;
	assert_int_equal(bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1), -ENOENT);
	ch.e.number = 1;
	ch.e.size -= 8;
	assert_int_equal(bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1), -EINVAL);
	ch.e = (struct bf_xt_rule_edit){ BF_XT_DELETE, "INPUT", 1, NULL, 0 };
	assert_int_equal(bf_xt_edit(*state, AF_INET, "filter", &ch.e, 1), -ENOENT);
	assert_int_equal(bf_xt_edit(*state, AF_INET, "nat", &ch.e, 1), -ENOENT);
	assert_reads(*state, &t);
	bb_free(&ch.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_as_handed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
