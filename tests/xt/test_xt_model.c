/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_model.c: tables that iptables never writes, but anybody may: hooks,
 * jumps and chains' ends at odd places, and the model they become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "xt/build.h"

#define ACCEPT (-NF_ACCEPT - 1)
#define DROP (-NF_DROP - 1)

/* A rule for the source address 0.0.0.n: the text shows which it is. */
static void rule(struct bb *b, uint8_t n, int32_t verdict)
{
	uint8_t *e = bb_entry(b);

	e[3] = n;               /* src */
	memset(e + 8, 0xff, 4); /* smsk */
	bb_verdict(b, verdict);
}

static void end_table(struct bb *b, unsigned from)
{
	for (unsigned h = from; h <= NF_INET_LOCAL_OUT; h++) {
		bb_hook(b, h);
		bb_policy(b, h, ACCEPT);
	}
}

static int make(struct bb *b, struct bf_ruleset **rs)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	int err = bf_xt_decode_replace(b->family, b->buf.data, b->buf.len, &info, &state, &d);

	if (err)
		fail_msg("%s: %s", strerror(-err), d.text.data);
	err = bf_xt_to_ruleset(state.data, state.len, rs, &d);
	bb_free(b);
	return err;
}

/* "counter packets 3 bytes 0" -> "#3" */
static void shorten(struct bf_buf *out, const char *line)
{
	const char *at = strstr(line, "counter packets ");

	bf_buf_add(out, line, at ? (size_t)(at - line) : strlen(line));
	if (at)
		bf_buf_printf(out, "#%d%s", atoi(at + 16), strstr(at, "bytes 0") + 7);
	bf_buf_puts(out, "\n");
}

/* The text does not say which counter the end of a user chain has. */
static void add_end(struct bf_buf *out, const struct bf_table *t, const char *line)
{
	char name[32] = "";
	const struct bf_chain *c;

	sscanf(line, "chain %31s {", name);
	c = bf_table_find_chain(t, name);
	if (c && !c->base && c->counter != BF_NO_COUNTER)
		bf_buf_printf(out, "end #%u\n", c->counter);
}

/* The table's chains but FORWARD and OUTPUT, which hold nothing; without indentation; #n is counter n. */
static void expect(struct bb *b, const char *want)
{
	_cleanup_buf_ struct bf_buf text = { 0 }, have = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bf_rt_counter c[20] = { 0 };
	char *save, *line;
	bool skip = true;

	assert_int_equal(make(b, &rs), 0);
	for (uint32_t i = 0; i < 20; i++)
		c[i].packets = i;
	bf_table_print(&text, rs->tables[0], c);
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, "\t ");
		if (!strncmp(line, "chain ", 6))
			skip = strstr(line, "FORWARD") || strstr(line, "OUTPUT");
		if (!skip && *line != '}' && strncmp(line, "table ", 6) != 0)
			shorten(&have, line);
		if (!skip)
			add_end(&have, rs->tables[0], line);
	}
	assert_string_equal(have.data, want);
}

#define INPUT(policy) "chain INPUT {\ntype filter hook input priority 0; policy " policy "\n"

static void begin(struct bb *b)
{
	bb_begin(b, NFPROTO_IPV4);
	bb_hook(b, NF_INET_LOCAL_IN);
}

static void test_usual(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 5 * 152 + 176);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	rule(&b, 9, ACCEPT); /* belongs to nothing, and nothing gets there: no chain */
	bb_head(&b, "user");
	assert_int_equal(bb_offset(&b), 5 * 152 + 176);
	rule(&b, 2, ACCEPT);
	bb_entry(&b);
	bb_verdict(&b, XT_RETURN);
	bb_end(&b);
	expect(&b, INPUT("drop; #1") "ip saddr 0.0.0.1/32 #0 jump user\n"
								 "chain user {\nend #7\nip saddr 0.0.0.2/32 #6 accept\n");
}

static void test_middle(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 4 * 152 + 176 + 152);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_head(&b, "user");
	rule(&b, 2, ACCEPT);
	rule(&b, 3, DROP);
	bb_entry(&b);
	bb_verdict(&b, XT_RETURN);
	bb_end(&b);
	expect(&b, INPUT("drop; #1") "ip saddr 0.0.0.1/32 #0 jump user rule 1\n"
								 "chain user {\nend #7\nip saddr 0.0.0.2/32 #5 accept\nip saddr 0.0.0.3/32 #6 drop\n");
}

/* To the head itself: counted there and dropped. It becomes rule 0, other jumps pass it by. */
static void test_head(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 5 * 152);
	rule(&b, 2, 5 * 152 + 176);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_head(&b, "user");
	rule(&b, 3, ACCEPT);
	bb_entry(&b);
	bb_verdict(&b, XT_RETURN);
	bb_end(&b);
	expect(&b, INPUT("drop; #2") "ip saddr 0.0.0.1/32 #0 jump user\nip saddr 0.0.0.2/32 #1 jump user rule 1\n"
								 "chain user {\nend #7\n#5 drop\nip saddr 0.0.0.3/32 #6 accept\n");
}

/* Without RETURN: into the next chain's head, that is, dropped and counted there. */
static void test_no_return(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 4 * 152 + 176);
	bb_policy(&b, NF_INET_LOCAL_IN, ACCEPT);
	end_table(&b, NF_INET_FORWARD);
	bb_head(&b, "one");
	rule(&b, 2, ACCEPT);
	bb_head(&b, "two");
	rule(&b, 3, ACCEPT);
	bb_entry(&b);
	bb_verdict(&b, XT_RETURN);
	bb_end(&b);
	expect(&b, INPUT("accept; #1") "ip saddr 0.0.0.1/32 #0 jump one\n"
								   "chain one {\nend #6\npolicy drop;\nip saddr 0.0.0.2/32 #5 accept\n"
								   "chain two {\nend #8\nip saddr 0.0.0.3/32 #7 accept\n");
}

/* Into another base chain: RETURN there goes back, so its rules move to a chain of their own. */
static void test_other_base(void **state)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	const struct bf_table *t;
	struct bb b;

	begin(&b);
	rule(&b, 1, 3 * 152);
	bb_policy(&b, NF_INET_LOCAL_IN, ACCEPT);
	bb_hook(&b, NF_INET_FORWARD);
	rule(&b, 2, DROP);
	rule(&b, 3, XT_RETURN);
	bb_policy(&b, NF_INET_FORWARD, DROP);
	end_table(&b, NF_INET_LOCAL_OUT);
	bb_end(&b);
	assert_int_equal(make(&b, &rs), 0);
	t = rs->tables[0];
	assert_int_equal(t->n_chains, 4);
	assert_string_equal(t->chains[3]->name, ".FORWARD");
	assert_ptr_equal(t->chains[0]->rules[0].verdict.chain, t->chains[3]);
	assert_int_equal(t->chains[0]->rules[0].verdict.index, 1);
	assert_int_equal(t->chains[1]->n_rules, 1);
	assert_int_equal(t->chains[1]->rules[0].verdict.kind, BF_VERDICT_GOTO);
	assert_int_equal(t->chains[1]->rules[0].counter, BF_NO_COUNTER);
	assert_int_equal(t->chains[1]->policy, BF_VERDICT_DROP);
	assert_int_equal(t->chains[1]->counter, 4);
	/* the policy is a rule there too, with the same counter */
	assert_int_equal(t->chains[3]->n_rules, 3);
	assert_int_equal(t->chains[3]->rules[2].verdict.kind, BF_VERDICT_DROP);
	assert_int_equal(t->chains[3]->rules[2].counter, 4);
}

/* A jump to the very next entry is none; a policy behind a hook's own rules may belong to another hook. */
static void test_next(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 152);
	rule(&b, 2, DROP);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_end(&b);
	expect(&b, INPUT("drop; #2") "ip saddr 0.0.0.1/32 #0\nip saddr 0.0.0.2/32 #1 drop\n");
}

static void test_goto(void **state)
{
	struct bb b;

	begin(&b);
	rule(&b, 1, 4 * 152 + 176);
	*bb_at(&b, b.l->flags) = b.l->flag_goto;
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_head(&b, "user");
	bb_entry(&b);
	bb_verdict(&b, XT_RETURN);
	bb_end(&b);
	expect(&b, INPUT("drop; #1") "ip saddr 0.0.0.1/32 #0 goto user\nchain user {\nend #5\n");
}

/* One place on the kernel's jump stack (one ERROR entry), two jumps of which each is one on the stack. */
static void test_too_deep(void **state)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bb b;

	begin(&b);
	rule(&b, 1, 2 * 152);
	rule(&b, 2, ACCEPT);
	rule(&b, 3, 4 * 152);
	rule(&b, 4, ACCEPT);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_end(&b);
	assert_int_equal(make(&b, &rs), -EOPNOTSUPP);
}

static void test_queue(void **state)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bb b;

	begin(&b);
	rule(&b, 1, -NF_QUEUE - 1);
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_end(&b);
	assert_int_equal(make(&b, &rs), -EOPNOTSUPP);
}

/* IPv6 matches on the transport header need the protocol looked for; the kernel does not insist, and reads elsewhere.
 */
static void test_no_proto(void **state)
{
	static const uint8_t udp[10] = { 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bb b;

	bb_begin(&b, NFPROTO_IPV6);
	bb_hook(&b, NF_INET_LOCAL_IN);
	bb_entry(&b);
	bb_match(&b, "udp", 0, udp, sizeof(udp));
	bb_verdict(&b, DROP);
	bb_proto(&b, 17, 0);
	*bb_at(&b, b.l->flags) = 0;
	bb_policy(&b, NF_INET_LOCAL_IN, DROP);
	end_table(&b, NF_INET_FORWARD);
	bb_end(&b);
	assert_int_equal(make(&b, &rs), -EOPNOTSUPP);
}

/* Garbage where a state should be. */
static void test_no_state(void **state)
{
	_cleanup_buf_ struct bf_buf st = { 0 }, out = { 0 };
	struct bf_ruleset *rs = NULL;
	uint32_t *word;

	assert_int_equal(bf_xt_state_empty(NFPROTO_IPV4, bf_xt_table_find(NFPROTO_IPV4, "filter"), &st), 0);
	for (size_t len = 0; len < st.len; len++) {
		assert_int_equal(bf_xt_to_ruleset(st.data, len, &rs, NULL), -EINVAL);
		assert_int_equal(bf_xt_get_entries(st.data, len, NULL, &out), -EINVAL);
		assert_int_equal(bf_xt_encode_replace(st.data, len, &out), -EINVAL);
	}
	word = (uint32_t *)(void *)st.data;
	word[0]++;
	assert_int_equal(bf_xt_to_ruleset(st.data, st.len, &rs, NULL), -EINVAL);
	assert_int_equal(bf_xt_get_info(st.data, st.len, &out), -EINVAL);
	assert_null(bf_xt_table_find(NFPROTO_IPV4, "nat"));
	assert_null(bf_xt_table_find(NFPROTO_ARP, "filter"));
}

static void test_counters(void **state)
{
	_cleanup_buf_ struct bf_buf st = { 0 }, out = { 0 };
	struct bf_rt_counter c[4] = { { 1, 100 }, { 2, 200 }, { 3, 300 }, { 0, 0 } };

	assert_int_equal(bf_xt_state_empty(NFPROTO_IPV6, bf_xt_table_find(NFPROTO_IPV6, "filter"), &st), 0);
	assert_int_equal(bf_xt_get_entries(st.data, st.len, c, &out), 0);
	assert_int_equal(out.len, 3 * 208 + 232);
	for (unsigned i = 0; i < 3; i++) {
		const struct xt_counters *x = (void *)(out.data + i * 208 + 152);

		assert_int_equal(x->pcnt, c[i].packets);
		assert_int_equal(x->bcnt, c[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),     cmocka_unit_test(test_middle),     cmocka_unit_test(test_head),
		cmocka_unit_test(test_no_return), cmocka_unit_test(test_other_base), cmocka_unit_test(test_next),
		cmocka_unit_test(test_goto),      cmocka_unit_test(test_too_deep),   cmocka_unit_test(test_queue),
		cmocka_unit_test(test_no_proto),  cmocka_unit_test(test_no_state),   cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
