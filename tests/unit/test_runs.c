/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_runs.c: small tables, classified, to the letter: the rules; for each
 * chain what became of them, with the boxes; the cells. What the structures
 * look like inside is not shown: it changes with their tuning.
 *
 *   box of a rule   source, destination -> service's tests; "then" what remains to be tested; where it leads
 */
#include <linux/in.h>
#include <stdio.h>

#include "gen/explain.h"
#include "gen/graph.h"
#include "lib/golden.h"
#include "match/match.h"
#include "opt/run.h"
#include "rule/print.h"

struct table;

struct line { /* a rule. 0: not asked */
	uint32_t src, dst;
	uint8_t slen, dlen;
	uint8_t proto;
	uint16_t port, last; /* destination port(s) */
	enum bf_verdict_kind verdict;
	uint8_t to;          /* chain number */
	void (*more)(struct table *b, struct bf_rule *r);
	uint8_t chain;       /* 0: INPUT */
};

struct table {
	struct bf_ruleset *rs;
	struct bf_table *t;
};

#define ACCEPT BF_VERDICT_ACCEPT
#define DROP BF_VERDICT_DROP
#define JUMP BF_VERDICT_JUMP
#define GOTO BF_VERDICT_GOTO
#define RETURN BF_VERDICT_RETURN
enum { NET = 0x0a000000, TCP = IPPROTO_TCP, UDP = IPPROTO_UDP };
#define FROM(n) .src = NET + ((n) << 8), .slen = 24
#define TO(n) .dst = NET + (n), .dlen = 32

static void log_it(struct table *b, struct bf_rule *r)
{
	struct bf_log log = { .level = 4, .prefix = "seen " };

	bf_rule_add_action(b->rs, r, &bf_target_log, &log);
}

static void half(struct table *b, struct bf_rule *r)
{
	const struct bf_statistic s = { .mode = 0, .probability = 1u << 30 };

	bf_rule_add_match(b->rs, r, &bf_match_statistic, &s, false);
}

static void limit(struct table *b, struct bf_rule *r)
{
	struct bf_limit l = { 10000, 5 };

	bf_rule_add_match(b->rs, r, &bf_match_limit, &l, false);
}

static void established(struct table *b, struct bf_rule *r)
{
	bf_rule_add_range(b->rs, r, BF_F_CT_STATE, 6, 1, 6, false);
}

static void from_eth(struct table *b, struct bf_rule *r)
{
	bf_rule_add_value(b->rs, r, BF_F_IIFNAME, (bf_u128)0xffffff << 104, (bf_u128)0x657468 << 104, false);
}

static void not_net(struct table *b, struct bf_rule *r)
{
	bf_rule_add_value(b->rs, r, BF_F_IP_SADDR, 0xffffff00, NET, true);
}

static void odd_mask(struct table *b, struct bf_rule *r)
{
	bf_rule_add_value(b->rs, r, BF_F_IP_DADDR, 0xff0000ff, NET + 1, false);
}

static void add_ranges(struct table *b, struct bf_rule *r, enum bf_field_id f, const struct bf_range *v, uint32_t n, bool neg)
{
	bf_rule_add_cond(b->rs, r, &(struct bf_cond){ .field = &bf_fields[f], .mask = bf_field_ones(&bf_fields[f]), .neg = neg,
	                                              .ranges = v, .n_ranges = n });
}

static void marks(struct table *b, struct bf_rule *r)
{
	static const struct bf_range v[] = { { 1, 3 }, { 7, 7 } };

	add_ranges(b, r, BF_F_MARK, v, 2, false);
}

static void multiport(struct table *b, struct bf_rule *r)
{
	static const struct bf_range v[] = { { 22, 22 }, { 80, 81 }, { 443, 443 } };

	add_ranges(b, r, BF_F_DPORT, v, 3, false);
}

static void address_range(struct table *b, struct bf_rule *r)
{
	bf_rule_add_range(b->rs, r, BF_F_IP_SADDR, 0, NET + 5, NET + 8, false);
}

static void owner(struct table *b, struct bf_rule *r)
{
	bf_rule_add_value(b->rs, r, BF_F_SKUID, 0, 1000, false);
}

static void no_counter(struct table *b, struct bf_rule *r)
{
	r->counter = BF_NO_COUNTER;
}

static void add_prefix(struct table *b, struct bf_rule *r, enum bf_field_id f4, enum bf_field_id f6, uint32_t addr, unsigned len)
{
	bool ip6 = b->t->family == NFPROTO_IPV6;

	bf_rule_add_value(b->rs, r, ip6 ? f6 : f4, ip6 ? ~(bf_u128)0 << (32 - len) : ~0u << (32 - len), addr, false);
}

static void add(struct table *b, const struct line *l)
{
	struct bf_rule *r = bf_chain_add_rule(b->rs, b->t->chains[l->chain]);
	bool enters = l->verdict == BF_VERDICT_JUMP || l->verdict == BF_VERDICT_GOTO;

	r->counter = b->t->n_counters++;
	r->verdict = (struct bf_verdict){ l->verdict, 0, { enters ? b->t->chains[l->to] : NULL } };
	if (l->slen)
		add_prefix(b, r, BF_F_IP_SADDR, BF_F_IP6_SADDR, l->src, l->slen);
	if (l->dlen)
		add_prefix(b, r, BF_F_IP_DADDR, BF_F_IP6_DADDR, l->dst, l->dlen);
	if (l->proto && b->t->family == NFPROTO_IPV6)
		bf_rule_add_guard(b->rs, r, BF_F_L4_BADEXT, 1, 1);
	if (l->proto)
		bf_rule_add_value(b->rs, r, BF_F_L4PROTO, 0, l->proto, false);
	if (l->port) {
		if (l->proto == TCP && b->t->family == NFPROTO_IPV4)
			bf_rule_add_guard(b->rs, r, BF_F_L4_FRAG1, 1, 1);
		bf_rule_add_value(b->rs, r, BF_F_L4_FRAG, 0, 0, false);
		bf_rule_add_guard(b->rs, r, BF_F_L4_AVAIL, 0, l->proto == TCP ? 19 : 7);
		bf_rule_add_range(b->rs, r, BF_F_DPORT, 0, l->port, l->last ? l->last : l->port, false);
	}
	if (l->more)
		l->more(b, r);
}

/* The tables. */

#define SIX(...) { FROM(1), __VA_ARGS__ }, { FROM(2), __VA_ARGS__ }, { FROM(3), __VA_ARGS__ }, { TO(1), __VA_ARGS__ }, \
	{ TO(2), __VA_ARGS__ }, { TO(3), __VA_ARGS__ }

static const struct line services[] = { /* six boxes, two services */
	SIX(.proto = 50, .verdict = ACCEPT), { FROM(4), .verdict = DROP }, { FROM(5), .verdict = DROP },
};
static const struct line front_and_back[] = {
	{ .more = established, .verdict = ACCEPT }, { .more = from_eth, .verdict = ACCEPT }, SIX(.verdict = DROP),
	{ .more = log_it }, { .verdict = DROP },
};
static const struct line log_and_go_on[] = {
	{ FROM(1), .more = log_it }, { FROM(2) }, SIX(.verdict = ACCEPT), { FROM(3), .more = log_it, .verdict = DROP },
};
static const struct line limits[] = { /* state: tested behind the box, each its own */
	{ FROM(1), .more = limit, .verdict = ACCEPT }, { FROM(2), .more = limit, .verdict = ACCEPT },
	SIX(.verdict = DROP),
};
static const struct line returns[] = { /* packets come back behind the rule that jumped */
	{ FROM(1), .to = 1, .verdict = JUMP }, { FROM(2), .to = 1, .verdict = JUMP }, SIX(.verdict = DROP),
	{ .chain = 1, TO(1), .verdict = ACCEPT }, { .chain = 1, TO(2), .verdict = RETURN },
};
static const struct line never_returns[] = { /* one target for all who go there */
	{ FROM(1), .to = 1, .verdict = JUMP }, { FROM(2), .to = 1, .verdict = GOTO }, SIX(.to = 1, .verdict = GOTO),
	{ .chain = 1, .more = log_it }, { .chain = 1, .verdict = DROP },
};
static const struct line known[] = { /* what led to a chain is not asked again; ports are a table; one draw is enough */
	{ TO(1), .proto = TCP, .to = 1, .verdict = JUMP }, SIX(.verdict = DROP), { FROM(4), .verdict = DROP },
	{ .chain = 1, TO(1), .proto = TCP, .port = 22, .verdict = ACCEPT }, { .chain = 1, .proto = TCP, .port = 25, .verdict = DROP },
	{ .chain = 1, .proto = TCP, .port = 80, .verdict = ACCEPT }, { .chain = 1, TO(1), .proto = TCP, .port = 110, .verdict = DROP },
	{ .chain = 1, .proto = TCP, .port = 143, .verdict = ACCEPT },
	{ .chain = 1, .more = half, .verdict = ACCEPT }, { .chain = 1, .more = half, .verdict = DROP },
};
static const struct line lists[] = {
	{ FROM(1), .more = multiport, .verdict = ACCEPT }, { .more = address_range, .verdict = DROP }, SIX(.verdict = DROP),
	{ FROM(1), .more = marks, .verdict = ACCEPT },
};
static const struct line tests[] = { /* what is neither prefix nor port */
	{ TO(9), .more = from_eth, .verdict = ACCEPT }, { TO(9), .more = not_net, .verdict = DROP },
	{ FROM(1), .more = odd_mask, .verdict = DROP }, { TO(9), .more = owner, .verdict = ACCEPT }, SIX(.verdict = DROP),
};
static const struct line only_ports[] = { /* odd packets: all TCP rules are one, so are all of UDP */
	{ TO(1), .proto = TCP, .port = 22, .verdict = ACCEPT }, { TO(1), .proto = TCP, .port = 80, .verdict = ACCEPT },
	{ TO(1), .proto = TCP, .port = 443, .verdict = ACCEPT }, { TO(1), .proto = UDP, .port = 53, .verdict = ACCEPT },
	{ TO(1), .proto = UDP, .port = 123, .last = 200, .verdict = ACCEPT }, { TO(1), .proto = UDP, .port = 69, .verdict = DROP },
};
static const struct line hidden[] = {
	SIX(.verdict = ACCEPT), SIX(.verdict = DROP), { FROM(1), .more = log_it, .verdict = DROP }, { FROM(9), .verdict = DROP },
};
static const struct line parted[] = { /* a rule for all packets in the middle */
	SIX(.verdict = ACCEPT), { .more = limit, .verdict = ACCEPT }, SIX(.proto = 50, .verdict = DROP),
};
static const struct line by_counter[] = {
	{ FROM(1), .to = 1, .verdict = JUMP }, { FROM(2), .to = 1, .verdict = JUMP }, { FROM(3), .to = 1, .verdict = JUMP },
	SIX(.verdict = DROP), { FROM(7), .more = no_counter, .verdict = DROP }, { .chain = 1, TO(2), .verdict = RETURN },
};
#define PASSING { .proto = TCP, .to = 1, .verdict = JUMP }
static const struct line passing[] = { /* what most packets match and come back from is not worth a question each time */
	{ FROM(1), .verdict = DROP }, PASSING, PASSING, PASSING, PASSING, PASSING, { FROM(2), .verdict = DROP },
	{ .chain = 1, TO(1), .verdict = ACCEPT },
};
static const struct line dead[] = {
	SIX(.verdict = ACCEPT), { .verdict = DROP }, SIX(.verdict = ACCEPT),
};

#define TABLE(lines, min) { #lines, lines, BF_ARRAY_SIZE(lines), min, NFPROTO_IPV4 }
#define TABLE6(lines, min) { #lines "6", lines, BF_ARRAY_SIZE(lines), min, NFPROTO_IPV6 }

static const struct {
	const char *name;
	const struct line *lines;
	size_t n;
	uint32_t class_min;
	uint8_t family;
} tables[] = {
	TABLE(services, 4), TABLE(front_and_back, 4), TABLE(log_and_go_on, 4), TABLE(limits, 4), TABLE(returns, 4),
	TABLE(never_returns, 4), TABLE(lists, 4), TABLE(tests, 4), TABLE(only_ports, 2), TABLE(hidden, 4), TABLE(parted, 4),
	TABLE(by_counter, 4), TABLE(dead, 4), TABLE(known, 8), TABLE6(only_ports, 2), TABLE(passing, 4),
};

/* Printing. */

static void print_test(struct bf_buf *out, const char *what, uint32_t mask, uint32_t lo, uint32_t span)
{
	bf_buf_printf(out, ", %s", what);
	if (mask != UINT32_MAX)
		bf_buf_printf(out, " & 0x%x", mask);
	if (span)
		bf_buf_printf(out, " - 0x%x <= 0x%x", lo, span);
	else
		bf_buf_printf(out, " == 0x%x", lo);
}

static void print_ports(struct bf_buf *out, const char *what, const struct bf_box *b, unsigned side)
{
	if (b->n_port[side] == 1 && b->port[side][0].lo == 0 && b->port[side][0].hi == 0xffff)
		return;
	bf_buf_printf(out, ", %s", what);
	for (unsigned i = 0; i < b->n_port[side]; i++)
		bf_buf_printf(out, " %u-%u", b->port[side][i].lo, b->port[side][i].hi);
}

static void print_side(struct bf_buf *out, const struct bf_box *b, unsigned side)
{
	for (unsigned i = 0; i < b->n_addr[side]; i++) {
		bf_buf_puts(out, i ? "|" : " ");
		bf_value_print(out, &bf_fields[BF_F_IP_SADDR], b->addr[side][i].addr);
		bf_buf_printf(out, "/%u", b->addr[side][i].len);
	}
}

static void print_box(struct bf_buf *out, const struct bf_rule *r, const struct bf_box *b)
{
	static const char *const ends[] = { "never", "-> no match", "-> hot drop", "-> body" };
	char word[16];

	if (b->end == BF_END_NEVER)
		return bf_buf_puts(out, " never\n");
	print_side(out, b, 0);
	print_side(out, b, 1);
	print_ports(out, "sport", b, 0);
	print_ports(out, "dport", b, 1);
	if (b->meta_mask)
		print_test(out, "meta", b->meta_mask, b->meta, 0);
	for (uint32_t i = 0; i < b->n_tests; i++) {
		snprintf(word, sizeof(word), "key[%u]", b->test[i].word);
		print_test(out, word, b->test[i].mask, b->test[i].lo, b->test[i].span);
	}
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_view_has(b->rest, i)) {
			bf_buf_puts(out, " then ");
			bf_cond_print(out, bf_rule_cond(r, i));
		}
	bf_buf_printf(out, " %s\n", ends[b->end]);
}

static void print_boxes(struct bf_buf *out, const struct bf_table *t, bool split)
{
	static const char *const names[] = { "ordinary packets", "later fragments", "broken packets", "odd packets" };

	for (int set = split ? 0 : BF_SORTS_ALL; set < BF_SORTS_SETS; set++) {
		if (!bf_sorts(set, split, t->family))
			continue;
		bf_buf_printf(out, "\nboxes, %s:\n", split ? names[set] : "all packets");
		for (uint32_t c = 0; c < t->n_chains; c++)
			for (uint32_t i = 0; i < t->chains[c]->n_rules; i++) {
				struct bf_box b;

				bf_box_make(&b, &t->chains[c]->rules[i], bf_sorts(set, split, t->family), t->family);
				bf_buf_printf(out, "  %s %u:", t->chains[c]->name, i + 1);
				print_box(out, &t->chains[c]->rules[i], &b);
			}
	}
}

/* Without the structure's own lines, which are indented deepest. */
static void print_pieces(struct bf_buf *out, const struct bf_graph *g)
{
	_cleanup_buf_ struct bf_buf all = { 0 };
	const struct bf_image img = { .pieces = g->pieces, .n_pieces = g->n_pieces };

	bf_image_explain(&all, &img);
	bf_buf_puts(out, "\n");
	for (const char *line = all.data; line && *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, "    ", 4))
			bf_buf_add(out, line, strcspn(line, "\n") + 1);
}

/* Runs by number: where their heads lie depends on how large the structures are. */
static void print_cells(struct bf_buf *out, const struct bf_graph *g)
{
	for (uint32_t i = 0; i < g->n_cells; i++)
		for (uint32_t k = 0; k < g->n_runs; k++)
			if (g->cells[i].op == BF_CELL_CLASS && g->cells[i].arg == g->runs[k].head) {
				g->cells[i].arg = k;
				break;
			}
	bf_buf_puts(out, "\ncells:\n");
	bf_cells_print(out, g->cells, g->n_cells);
	for (uint32_t k = 0; k < g->n_runs; k++) {
		bf_buf_printf(out, "run @%u leads to", k);
		for (uint32_t i = 0; i < g->runs[k].n_targets; i++)
			bf_buf_printf(out, " %u", g->runs[k].targets[i]);
		bf_buf_puts(out, "\n");
	}
}

static bool asks_for_headers(const struct bf_table *t)
{
	for (uint32_t c = 0; c < t->n_chains; c++)
		for (uint32_t i = 0; i < t->chains[c]->n_rules; i++)
			for (uint32_t k = 0; k < t->chains[c]->rules[i].n_conds; k++)
				if (bf_sorts_matter(bf_rule_cond(&t->chains[c]->rules[i], k)))
					return true;
	return false;
}

static bool make(struct bf_buf *out, size_t i)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct table b = { .rs = rs, .t = bf_ruleset_add_table(rs, tables[i].family, "filter") };
	struct bf_gen_opts o = { .hz = 250, .cpus = 1, .copy_max = 1, .class_min = tables[i].class_min, .own_max = 2,
		                     .explain = true };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bf_chain *input = bf_table_add_chain(rs, b.t, "INPUT"), *user = bf_table_add_chain(rs, b.t, "user");
	struct bf_graph g;

	input->base = true;
	input->at.hook = NF_INET_LOCAL_IN;
	input->policy = BF_VERDICT_ACCEPT;
	user->policy = BF_VERDICT_RETURN;
	for (size_t k = 0; k < tables[i].n; k++)
		add(&b, &tables[i].lines[k]);
	input->counter = b.t->n_counters++;
	user->counter = BF_NO_COUNTER;
	if (bf_graph_build(&g, a, b.t, &o, NULL) < 0)
		return false;
	bf_table_print(out, b.t, NULL);
	print_boxes(out, b.t, asks_for_headers(b.t));
	print_pieces(out, &g);
	print_cells(out, &g);
	return true;
}

int main(int argc, char **argv)
{
	struct golden g;

	if (!golden_begin(&g, argc, argv))
		return 2;
	for (size_t i = 0; i < BF_ARRAY_SIZE(tables); i++) {
		_cleanup_buf_ struct bf_buf got = { 0 };

		golden_check(&g, tables[i].name, make(&got, i) ? &got : NULL);
	}
	return golden_end(&g);
}
