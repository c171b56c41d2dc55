/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_golden.c: small tables, what the compiler makes of them, to the letter:
 * the table's text, its cells, its straight code. A change of the compiler
 * shows here as a difference that a person can read.
 *
 *   test_golden DIR            compares with DIR/<name>.txt
 *   test_golden DIR --update   writes them anew
 */
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <stdio.h>

#include "gen/code.h"
#include "gen/print.h"
#include "lib/golden.h"

struct table { /* being built; the last rule added */
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_chain *input;
	struct bf_rule *r;
};

static struct bf_chain *chain(struct table *b, const char *name)
{
	return bf_table_add_chain(b->rs, b->t, name);
}

static void rule(struct table *b, struct bf_chain *c, enum bf_verdict_kind v, struct bf_chain *to)
{
	b->r = bf_chain_add_rule(b->rs, c);
	b->r->counter = b->t->n_counters++;
	b->r->verdict = (struct bf_verdict){ v, 0, { to } };
}

static void value(struct table *b, enum bf_field_id f, bf_u128 v)
{
	bf_rule_add_value(b->rs, b->r, f, 0, v, false);
}

static void tcp(struct table *b)
{
	value(b, BF_F_L4PROTO, IPPROTO_TCP);
	bf_rule_add_guard(b->rs, b->r, BF_F_L4_FRAG1, 1, 1);
	value(b, BF_F_L4_FRAG, 0);
	bf_rule_add_guard(b->rs, b->r, BF_F_L4_AVAIL, 0, 19);
}

static bf_u128 net6(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return (bf_u128)a << 96 | (bf_u128)b << 64 | (bf_u128)c << 32 | d;
}

static void reject(struct table *b)
{
	struct bf_reject r = { IPT_ICMP_PORT_UNREACHABLE, b->t->family };

	bf_rule_add_action(b->rs, b->r, &bf_target_reject, &r);
}

static void log_packet(struct table *b, const char *prefix)
{
	struct bf_log log = { .level = 4 };

	memcpy(log.prefix, prefix, strlen(prefix));
	bf_rule_add_action(b->rs, b->r, &bf_target_log, &log);
}

/* The tables. */

static void policy_only(struct table *b)
{
	b->input->policy = BF_VERDICT_DROP;
}

static void empty(struct table *b)
{
}

static void ssh(struct table *b)
{
	struct bf_conntrack ct = { .match = XT_CONNTRACK_STATE, .state_mask = XT_CONNTRACK_STATE_BIT(0) | 4 };

	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_conntrack, &ct, false);
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_value(b->rs, b->r, BF_F_IIFNAME, ~(bf_u128)0 << 104, (bf_u128)0x6c6f << 112, false);
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	tcp(b);
	value(b, BF_F_DPORT, 22);
	b->input->policy = BF_VERDICT_DROP;
}

static void negations(struct table *b)
{
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_value(b->rs, b->r, BF_F_IP_SADDR, 0xffffff00, 0xc0000200, true);
	bf_rule_add_range(b->rs, b->r, BF_F_DPORT, 0, 1024, 65535, true);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_value(b->rs, b->r, BF_F_SKUID, 0, 1000, true); /* not available: no match either */
}

static void whole_masks(struct table *b)
{
	rule(b, b->input, BF_VERDICT_CONTINUE, NULL);
	bf_rule_add_cond(b->rs, b->r, &(struct bf_cond){ .field = &bf_fields[BF_F_IP_SADDR],
		.ranges = &(struct bf_range){ 0, 0 }, .n_ranges = 1 });
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_value(b->rs, b->r, BF_F_IP_SADDR, 0xff000000, 0x0a000001, false); /* bits outside the mask: never */
}

static void port_set(struct table *b)
{
	static const uint16_t ports[] = { 21, 22, 25, 53, 80, 110, 143, 443, 993, 995, 3306 };
	struct bf_range r[BF_ARRAY_SIZE(ports)];

	for (size_t i = 0; i < BF_ARRAY_SIZE(ports); i++)
		r[i] = (struct bf_range){ ports[i], ports[i] + (i == 2) };
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_cond(b->rs, b->r, &(struct bf_cond){ .field = &bf_fields[BF_F_DPORT], .mask = 0xffff, .ranges = r,
		.n_ranges = BF_ARRAY_SIZE(ports) });
}

static void address6(struct table *b)
{
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_value(b->rs, b->r, BF_F_IP6_SADDR, ~(bf_u128)0 << 64, net6(0x20010db8, 1, 0, 0), false);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_range(b->rs, b->r, BF_F_IP6_DADDR, 0, net6(0x20010db8, 0, 0, 5), net6(0x20010db8, 2, 0, 9), false);
}

static void linked_chain(struct table *b) /* one call site: nothing is pushed */
{
	struct bf_chain *c = chain(b, "one");

	rule(b, b->input, BF_VERDICT_JUMP, c);
	value(b, BF_F_L4PROTO, IPPROTO_UDP);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	rule(b, c, BF_VERDICT_RETURN, NULL);
	value(b, BF_F_IP_TTL, 1);
	rule(b, c, BF_VERDICT_ACCEPT, NULL);
	value(b, BF_F_IP_TTL, 64);
}

static void called_chain(struct table *b) /* the same from two sites: copied, or called through the stack */
{
	struct bf_chain *c = chain(b, "two"), *end = chain(b, "end");

	for (int i = 0; i < 2; i++) {
		rule(b, b->input, BF_VERDICT_JUMP, c);
		value(b, BF_F_L4PROTO, i ? IPPROTO_UDP : IPPROTO_TCP);
	}
	rule(b, c, BF_VERDICT_GOTO, end);
	value(b, BF_F_IP_TTL, 1);
	rule(b, end, BF_VERDICT_DROP, NULL);
	value(b, BF_F_IP_TOS, 4);
}

static void dead_end(struct table *b) /* a chain that never returns is entered without a push, whoever calls */
{
	struct bf_chain *c = chain(b, "logdrop");

	for (int i = 0; i < 2; i++) {
		rule(b, b->input, BF_VERDICT_JUMP, c);
		value(b, BF_F_IP_TTL, i);
	}
	rule(b, c, BF_VERDICT_CONTINUE, NULL);
	log_packet(b, "dropped ");
	rule(b, c, BF_VERDICT_DROP, NULL);
}

static void rejects(struct table *b)
{
	rule(b, b->input, BF_VERDICT_ACTION, NULL);
	value(b, BF_F_IP_TTL, 1);
	reject(b);
	rule(b, b->input, BF_VERDICT_ACTION, NULL); /* the same code again */
	reject(b);
}

static void specials(struct table *b)
{
	static const struct sock_filter insns[] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 9 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 6 }, { BPF_RET | BPF_K, 0, 0, 1 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct bf_bytecode code = { BF_ARRAY_SIZE(insns), insns };
	struct bf_limit limit = { 10000, 5 };
	struct bf_assist assist = { .name = "addrtype", .revision = 1, .size = 1, .info = "", .text = "addrtype" };

	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_limit, &limit, false);
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_bytecode, &code, true);
	rule(b, b->input, BF_VERDICT_ACCEPT, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_assist, &assist, false);
}

static struct bf_operand operand(enum bf_field_id f)
{
	return (struct bf_operand){ .field = &bf_fields[f] };
}

/* Of both families: fields against fields, of one word, of four, both loaded; a mark that a later test sees. */
static void comparisons(struct table *b)
{
	struct bf_compare ports = { BF_LT, operand(BF_F_DPORT), operand(BF_F_SPORT), 10 };
	struct bf_compare addresses = { BF_NE, operand(BF_F_IP6_SADDR), operand(BF_F_IP6_DADDR), 0 };
	struct bf_compare loaded = { BF_EQ, operand(BF_F_CT_ORIG_SPORT), operand(BF_F_CT_REPL_DPORT), 0 };
	struct bf_put mark = { .out = BF_OUT_MARK, .from = { .field = &bf_fields[BF_F_SPORT], .mask = 0xff00, .shift = 8 }, .value = 1 };

	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_compare, &ports, false);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_compare, &addresses, false);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	bf_rule_add_match(b->rs, b->r, &bf_match_compare, &loaded, false);
	rule(b, b->input, BF_VERDICT_DROP, NULL);
	value(b, BF_F_NFPROTO, NFPROTO_IPV4);
	bf_rule_add_match(b->rs, b->r, &bf_match_put, &mark, false);
	value(b, BF_F_MARK, 7);
}

static const struct {
	const char *name;
	void (*fill)(struct table *b);
	uint8_t family;
	uint32_t copy_max;
} tables[] = {
	{ "empty", empty, NFPROTO_IPV4, 0 },
	{ "policy", policy_only, NFPROTO_IPV4, 0 },
	{ "ssh", ssh, NFPROTO_IPV4, 0 },
	{ "negations", negations, NFPROTO_IPV4, 0 },
	{ "whole-masks", whole_masks, NFPROTO_IPV4, 0 },
	{ "port-set", port_set, NFPROTO_IPV4, 0 },
	{ "address6", address6, NFPROTO_IPV6, 0 },
	{ "linked-chain", linked_chain, NFPROTO_IPV4, 0 },
	{ "copied-chain", called_chain, NFPROTO_IPV4, 0 },
	{ "called-chain", called_chain, NFPROTO_IPV4, 1 },
	{ "dead-end", dead_end, NFPROTO_IPV4, 1 },
	{ "rejects", rejects, NFPROTO_IPV4, 0 },
	{ "specials", specials, NFPROTO_IPV4, 0 },
	{ "comparisons", comparisons, NFPROTO_INET, 0 },
};

static void print_root(struct bf_buf *out, struct bf_arena *a, const struct bf_graph *g, const struct bf_graph_root *r)
{
	struct bf_rt_config c = { .n_counters = r->chain->table->n_counters, .stripe_mask = 1 };
	struct bf_rt_func *own;
	bool straight;
	uint32_t n;

	bf_buf_printf(out, "\nhook %u: start %u, needs 0x%x, depth %u\n", r->chain->at.hook, r->start, r->uses.needs, r->depth);
	if (bf_code_funcs(a, g, r, &c, 1000, &own, &n, &straight, NULL) < 0)
		n = 0;
	for (uint32_t i = 0; i < n; i++)
		bf_func_print(out, &own[i]);
}

static int print_table(struct bf_buf *out, const struct bf_table *t, uint32_t copy_max)
{
	struct bf_gen_opts o = { .hz = 250, .cpus = 1, .copy_max = copy_max };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_graph g;
	int err = bf_graph_build(&g, a, t, &o, &d);

	if (err < 0) {
		fprintf(stderr, "%s", d.text.data ? d.text.data : strerror(-err));
		return err;
	}
	bf_table_print(out, t, NULL);
	bf_buf_printf(out, "\ncells, drop code %d%s:\n", (int)g.drop_code, g.conntrack ? ", conntrack" : "");
	bf_cells_print(out, g.cells, g.n_cells);
	for (uint32_t i = 0; i < g.companion.n_codes; i++)
		bf_buf_printf(out, "code %u: %s%s\n", i,
		              g.companion.codes[i].kind == BF_HANDOFF_DROP ? "drop" : g.companion.codes[i].name,
		              g.companion.codes[i].terminal ? ", terminal" : "");
	for (uint32_t i = 0; i < g.n_roots; i++)
		print_root(out, a, &g, &g.roots[i]);
	return 0;
}

static int make(struct bf_buf *out, size_t i)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct table b = { .rs = rs, .t = bf_ruleset_add_table(rs, tables[i].family, "filter") };

	b.input = chain(&b, "INPUT");
	b.input->base = true;
	b.input->at.hook = NF_INET_LOCAL_IN;
	b.input->policy = BF_VERDICT_ACCEPT;
	tables[i].fill(&b);
	b.input->counter = b.t->n_counters++;
	return print_table(out, b.t, tables[i].copy_max);
}

int main(int argc, char **argv)
{
	struct golden g;

	if (!golden_begin(&g, argc, argv))
		return 2;
	for (size_t i = 0; i < BF_ARRAY_SIZE(tables); i++) {
		_cleanup_buf_ struct bf_buf got = { 0 };

		golden_check(&g, tables[i].name, make(&got, i) ? NULL : &got);
	}
	return golden_end(&g);
}
