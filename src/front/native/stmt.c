/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stmt.c: rules. A statement is a verdict, or starts with a word of its own (a
 * row here and a function in action.c, beyond.c, element.c, state.c), or is a match.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "front/native/parse.h"

static const char nat[] = "addresses and ports are translated by the kernel: leave it to a chain of type nat of nft's";

/* What nft has and is not served: why, and what to do instead. */
static const struct { const char *word, *why; } refused[] = {
	{ "queue", "packets are not queued to programs: leave it to a table of nft's, or look at them by log group N" },
	{ "snat", nat },
	{ "dnat", nat },
	{ "masquerade", nat },
	{ "tproxy", "packets are not given to sockets: leave it to a table of nft's" },
	{ "synproxy", "it does not answer for servers: leave it to a table of nft's" },
	{ "meter", "write add @set { ... }" },
	{ "flow", "there are no flow tables: leave it to a table of nft's" },
	{ "xt", "rules of iptables are iptables' to load: bpfilter run" },
};

static bool refuse(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	const char *word = p->lex.text + s->loc.at, *why = "";

	for (size_t i = 0; i < BF_ARRAY_SIZE(refused); i++)
		if (strlen(refused[i].word) == s->loc.len && !memcmp(refused[i].word, word, s->loc.len))
			why = refused[i].why;
	return bf_p_error(p, s->loc, "nft's '%.*s' is not served by bpfilter: %s", (int)s->loc.len, word, why);
}

static const struct {
	const char *word;
	bool (*read)(struct bf_nparser *p, struct bf_ast_stmt *s);
} stmts[] = {
	{ "counter", bf_p_counter },
	{ "limit", bf_p_limit },
	{ "quota", bf_p_quota },
	{ "log", bf_p_log },
	{ "reject", bf_p_reject },
	{ "notrack", bf_p_notrack },
	{ "add", bf_p_element },
	{ "update", bf_p_element },
	{ "delete", bf_p_element },
	{ "set", bf_p_set_stmt },
	{ "reset", bf_p_strip },
	{ "pcap", bf_p_pcap },
	{ "bytecode", bf_p_bytecode },
	{ "program", bf_p_program },
	{ "redirect", bf_p_redirect },
	{ "mirror", bf_p_mirror },
	{ "route", bf_p_route },
	{ "sample", bf_p_sample },
	{ "queue", refuse },
	{ "snat", refuse },
	{ "dnat", refuse },
	{ "masquerade", refuse },
	{ "tproxy", refuse },
	{ "synproxy", refuse },
	{ "fwd", bf_p_fwd },
	{ "dup", bf_p_mirror },
	{ "meter", refuse },
	{ "flow", refuse },
	{ "xt", refuse },
};

enum { HEADERS_MAX = 4 }; /* are named where a field stands alone */

static const char *const verdicts[] = { "accept", "drop", "continue", "return", "jump", "goto", "comment" };

/* Bare, these words are never names of interfaces, users, counters: `iifname accept` lacks its interface. */
bool bf_p_reserved(const char *word)
{
	static const char *const others[] = { "map", "vmap", "and", "or", "xor", "eq", "ne", "lt", "gt", "le", "ge" };
	size_t len = strlen(word);

	for (size_t i = 0; i < BF_ARRAY_SIZE(verdicts); i++)
		if (!strcmp(word, verdicts[i]))
			return true;
	for (size_t i = 0; i < BF_ARRAY_SIZE(others); i++)
		if (!strcmp(word, others[i]))
			return true;
	for (size_t i = 0; i < BF_ARRAY_SIZE(stmts); i++)
		if (!strcmp(word, stmts[i].word))
			return true;
	return len && (bf_nkey_group_find(word, len) || bf_nkey_bare(word, len));
}

/* A field without its header: "dport". The error is told. */
static bool lacks_header(struct bf_nparser *p)
{
	_cleanup_buf_ struct bf_buf where = { 0 };
	const char *last = "";
	unsigned n = 0;

	for (size_t i = 0; i < bf_n_nkeys && n < HEADERS_MAX; i++) {
		const struct bf_nkey *k = &bf_nkeys[i];

		if (!k->name || k->sub || strlen(k->name) != p->tok.n || memcmp(k->name, p->tok.text, p->tok.n) || !strcmp(k->group, last))
			continue;
		bf_buf_printf(&where, "%s'%s %s'", n++ ? ", " : "", k->group, k->name);
		last = k->group;
	}
	if (n)
		bf_p_error(p, bf_p_loc(p), "'%.*s' of what? There are %s%s", (int)p->tok.n, p->tok.text, where.data ? where.data : "",
		           n == HEADERS_MAX ? ", ..." : "");
	return n;
}

static bool unknown(struct bf_nparser *p)
{
	static const char *const words[] = { "policy", "priority", "prefix", "level", "group", "burst", "timeout", "comment", NULL };
	const struct bf_nkey_group *g;
	struct bf_suggest s;
	size_t n;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a match, a statement or a verdict");
	if (bf_p_at(p, "comment"))
		return bf_p_error(p, bf_p_loc(p), "a comment stands behind the rule it is about");
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (size_t i = 0; i < BF_ARRAY_SIZE(verdicts); i++)
		bf_suggest_try(&s, verdicts[i]);
	for (size_t i = 0; i < BF_ARRAY_SIZE(stmts); i++)
		if (stmts[i].read != refuse)
			bf_suggest_try(&s, stmts[i].word);
	for (size_t i = 0; words[i]; i++)
		bf_suggest_try(&s, words[i]);
	g = bf_nkey_groups(&n);
	for (size_t i = 0; i < n; i++)
		bf_suggest_try(&s, g[i].name);
	for (size_t i = 0; i < bf_n_nkeys; i++)
		if (bf_nkeys[i].flags & BF_NKF_BARE)
			bf_suggest_try(&s, bf_nkeys[i].name);
	if (lacks_header(p))
		return false;
	return bf_p_unknown(p, bf_p_loc(p), "unknown statement", &s);
}

static bool read_stmt(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_token t;

	for (size_t i = 0; i < BF_ARRAY_SIZE(stmts); i++)
		if (bf_p_eat_word(p, stmts[i].word))
			return stmts[i].read(p, s);
	if (bf_p_at(p, "ct")) {
		bf_p_peek(p, &t);
		if (bf_tok_is(&t, "count"))
			return bf_p_ct_count(p, s);
		if (bf_tok_is(&t, "timeout") || bf_tok_is(&t, "expectation"))
			return bf_p_error(p, s->loc, "nft's 'ct %.*s' is not served by bpfilter: leave it to a table of nft's", (int)t.n,
			                  t.text);
	}
	if (p->tok.kind == '(' || bf_p_key_starts(p, NULL, false))
		return bf_p_match(p, s);
	return unknown(p);
}

struct bf_ast_stmt *bf_p_stmt(struct bf_nparser *p)
{
	struct bf_ast_stmt *s = bf_p_new(p, struct bf_ast_stmt);
	unsigned errors = p->errors;

	if (!s)
		return NULL;
	s->loc = bf_p_loc(p);
	s->verdict = bf_p_verdict(p);
	s->kind = BF_STMT_VERDICT;
	if (!s->verdict && (p->errors > errors || !read_stmt(p, s)))
		return NULL;
	s->loc = bf_p_span(p, s->loc);
	return s;
}

/* `meta nfproto ipv4`, `ether type ip6`. Header fields say it themselves. */
static void note_l3(struct bf_nparser *p, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *l = s->kind == BF_STMT_MATCH ? s->match.l : NULL, *r = l ? s->match.r : NULL;

	if (!r || l->kind != BF_AST_KEY || r->kind != BF_AST_VALUE || !r->value.known ||
	    (s->match.rel != BF_REL_IMPLICIT && s->match.rel != BF_REL_EQ))
		return;
	if (l->key.row->type == BF_T_NFPROTO && l->key.row->class == BF_NK_META)
		p->l3 = r->value.num == NFPROTO_IPV4 ? "ip" : r->value.num == NFPROTO_IPV6 ? "ip6" : NULL;
	else if (l->key.row->type == BF_T_ETHERTYPE && l->key.row->class == BF_NK_LL)
		p->l3 = r->value.num == ETH_P_IP ? "ip" : r->value.num == ETH_P_IPV6 ? "ip6" : NULL;
}

static struct bf_ast_rule *read_rule(struct bf_nparser *p)
{
	struct bf_ast_rule *r = bf_p_new(p, struct bf_ast_rule);
	struct bf_ast_stmt **tail = r ? &r->stmts : NULL, *last = NULL;

	if (!r)
		return NULL;
	r->loc = bf_p_loc(p);
	p->l3 = NULL;
	while (!bf_p_ends(p) && !(last && bf_p_at(p, "comment"))) {
		bool ended = last && (last->kind == BF_STMT_REJECT ||
		                      (last->kind == BF_STMT_VERDICT && last->verdict->verdict.kind != BF_AST_CONTINUE));

		if (ended)
			return bf_p_error(p, bf_p_loc(p), "nothing behind a verdict has an effect"), NULL;
		last = *tail = bf_p_stmt(p);
		if (!last)
			return NULL;
		note_l3(p, last);
		tail = &last->next;
	}
	p->l3 = NULL;
	if (!last)
		return bf_p_unexpected(p, "a rule"), NULL;
	if (bf_p_eat_word(p, "comment") && !bf_p_comment(p, &r->comment))
		return NULL;
	r->loc = bf_p_span(p, r->loc);
	return r;
}

struct bf_ast_rule *bf_p_rule(struct bf_nparser *p)
{
	unsigned errors = p->errors;
	struct bf_ast_rule *r = read_rule(p);

	p->rule_errors += p->errors - errors;
	return p->errors == errors ? r : NULL; /* some errors are read over, to find more of them */
}
