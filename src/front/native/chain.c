/* SPDX-License-Identifier: GPL-2.0-only */
/* chain.c: chains: what makes a base chain, policy, rules. */
#include "front/native/parse.h"

static const char *const types[] = {
	[BF_CHAIN_FILTER] = "filter",
	[BF_CHAIN_NAT] = "nat",
	[BF_CHAIN_ROUTE] = "route",
	[BF_CHAIN_SOCKOPS] = "sockops",
	NULL,
};

static bool read_type(struct bf_nparser *p, struct bf_ast_base *b)
{
	struct bf_suggest s;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "the type of the chain");
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (unsigned i = 0; types[i]; i++) {
		bf_suggest_try(&s, types[i]);
		if (bf_p_at(p, types[i])) {
			b->type = (enum bf_chain_type)i;
			if (i == BF_CHAIN_NAT || i == BF_CHAIN_ROUTE)
				return bf_p_error(p, bf_p_loc(p), "chains of type %s are nft's, bpfilter filters: leave them in a table of nft's", types[i]);
			bf_p_next(p);
			return true;
		}
	}
	return bf_p_unknown(p, bf_p_loc(p), "unknown chain type", &s);
}

static bool read_hook(struct bf_nparser *p, struct bf_ast_base *b)
{
	struct bf_ast_loc loc = bf_p_loc(p);
	struct bf_suggest s;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a hook");
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (size_t i = 0; i < bf_n_nhooks; i++) {
		bf_suggest_try(&s, bf_nhooks[i].name);
		if (!bf_p_at(p, bf_nhooks[i].name))
			continue;
		b->hook = &bf_nhooks[i];
		bf_p_next(p);
		if (!(b->hook->families & p->family->bit))
			return bf_p_error(p, loc, "tables of family %s have no hook '%s'", p->family->name, b->hook->name);
		return true;
	}
	if (bf_p_at(p, "sockops") || bf_p_at(p, "sock_ops"))
		return bf_p_error(p, loc, "what connections are given is said by chains of a type of their own: type sockops cgroup \"/\"");
	return bf_p_unknown(p, loc, "unknown hook", &s);
}

/* device "lo", device $if, devices = { lo, eth0 }, devices = $ifs */
static bool read_devices(struct bf_nparser *p, struct bf_ast_base *b)
{
	static const struct bf_pctx c = { 0 };
	bool many = bf_p_at(p, "devices");

	bf_p_next(p);
	if (many && !bf_p_expect(p, '=', "'='"))
		return false;
	if (many && p->tok.kind != '{' && p->tok.kind != BF_TOK_VAR)
		return bf_p_unexpected(p, "'{' and names of devices");
	b->devices = bf_p_concat(p, &c);
	if (b->devices && bf_ast_peel(b->devices)->kind == BF_AST_SET && !bf_ast_peel(b->devices)->set.n)
		return bf_p_error(p, b->devices->loc, "a set of nothing");
	return b->devices && bf_p_resolve_one(p, b->devices, BF_T_IFNAME);
}

static bool read_mode(struct bf_nparser *p, struct bf_ast_base *b)
{
	static const char *const modes[] = { "native", "generic", "offload", NULL };

	for (unsigned i = 0; modes[i]; i++)
		if (bf_p_eat_word(p, modes[i])) {
			b->mode = modes[i];
			return b->hook && !strcmp(b->hook->name, "xdp") ? true
			                                                : bf_p_unexpected(p, "'priority': only xdp has modes");
		}
	return bf_p_unexpected(p, "'native', 'generic' or 'offload'");
}

static bool read_prio_name(struct bf_nparser *p, struct bf_ast_base *b, const char *text, size_t len)
{
	const struct bf_nprio *prio = bf_nprio_find(text, len, p->family->bit);
	struct bf_suggest s;

	bf_suggest_start(&s, text, len);
	for (size_t i = 0; i < bf_n_nprios; i++)
		bf_suggest_try(&s, bf_nprios[i].name);
	if (!prio)
		return bf_p_unknown(p, bf_p_loc(p), "unknown priority", &s);
	if (prio->nf >= 0 && (!b->hook || prio->nf != b->hook->nf))
		return bf_p_error(p, bf_p_loc(p), "hook %s has no priority '%s'", b->hook ? b->hook->name : "sockops",
	                      prio->name);
	b->prio = prio->value;
	return true;
}

static bool read_prio_offset(struct bf_nparser *p, struct bf_ast_base *b)
{
	uint64_t n;
	bool minus = p->tok.kind == '-';

	if (p->tok.kind != '-' && p->tok.kind != '+')
		return true;
	bf_p_next(p);
	if (!bf_p_number(p, INT32_MAX, "a priority", &n))
		return false;
	if (__builtin_add_overflow(b->prio, minus ? -(int)n : (int)n, &b->prio))
		return bf_p_error(p, bf_p_loc(p), "the priority does not fit in 32 bits");
	return true;
}

/* NAME, NUM, -NUM, NAME + NUM, NAME-NUM (a word to the lexer), $var */
static bool read_prio(struct bf_nparser *p, struct bf_ast_base *b)
{
	const struct bf_ast_expr *v;
	const char *dash;
	uint64_t n;

	b->has_prio = true;
	if (p->tok.kind == BF_TOK_VAR) {
		v = bf_ast_peel(bf_p_var(p));
		if (!v || v->kind != BF_AST_VALUE)
			return v && bf_p_unexpected(p, "a priority");
		b->prio = (int)v->value.num;
		return v->value.lit == BF_LIT_NUMBER ? v->value.num <= INT32_MAX || bf_p_unexpected(p, "a priority")
		                                     : read_prio_name(p, b, v->value.text, strlen(v->value.text));
	}
	if (p->tok.kind == '-')
		return read_prio_offset(p, b);
	if (p->tok.kind == BF_TOK_NUMBER) {
		if (!bf_p_number(p, INT32_MAX, "a priority", &n))
			return false;
		b->prio = (int)n;
		return true;
	}
	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a priority: a name or a number");
	dash = memchr(p->tok.text, '-', p->tok.n);
	if (!read_prio_name(p, b, p->tok.text, dash ? (size_t)(dash - p->tok.text) : p->tok.n))
		return false;
	if (dash) { /* read it again from the dash on */
		p->lex.at = p->tok.at + (uint32_t)(dash - p->tok.text);
		p->tok.len = (uint32_t)(dash - p->tok.text);
	}
	bf_p_next(p);
	return read_prio_offset(p, b);
}

static bool check_base(struct bf_nparser *p, const struct bf_ast_base *b)
{
	enum bf_nattach attach = b->hook ? b->hook->attach : BF_ATTACH_CGROUP;
	const char *name = b->hook ? b->hook->name : "sockops";

	if (attach == BF_ATTACH_NETNS && (b->devices || b->cgroup.text))
		return bf_p_error(p, b->loc, "hook %s is not of a device or a control group", name);
	if (attach == BF_ATTACH_CGROUP && (!b->cgroup.text || b->devices))
		return bf_p_error(p, b->loc, "%s needs a control group: cgroup \"/\"", name);
	if (attach == BF_ATTACH_DEVICE && (!b->devices || b->cgroup.text))
		return bf_p_error(p, b->loc, "hook %s needs a device: device \"eth0\"", name);
	if (attach == BF_ATTACH_EITHER && !b->devices == !b->cgroup.text)
		return bf_p_error(p, b->loc, "hook %s needs a device or a control group", name);
	if (attach == BF_ATTACH_NETNS && !b->has_prio)
		return bf_p_error(p, b->loc, "hook %s needs a priority: priority filter", name);
	return true;
}

/* type T [hook H] [device D | devices = {} | cgroup "PATH"] [MODE] [priority P] */
static bool read_base(struct bf_nparser *p, struct bf_ast_chain *c)
{
	struct bf_ast_base *b = bf_p_new(p, struct bf_ast_base);

	if (!b)
		return false;
	b->loc = bf_p_loc(p);
	bf_p_next(p);
	if (c->base)
		return bf_p_error(p, b->loc, "the chain has a type already");
	c->base = b;
	if (!read_type(p, b))
		return false;
	if (b->type == BF_CHAIN_FILTER && (!bf_p_expect_word(p, "hook") || !read_hook(p, b)))
		return false;
	while (!bf_p_ends(p)) {
		bool ok;

		if (bf_p_at(p, "device") || bf_p_at(p, "devices"))
			ok = read_devices(p, b);
		else if (bf_p_eat_word(p, "cgroup"))
			ok = bf_p_string(p, "the path of a control group in quotes", &b->cgroup);
		else if (bf_p_eat_word(p, "priority"))
			ok = read_prio(p, b);
		else if (bf_p_eat_word(p, "mode"))
			ok = read_mode(p, b);
		else
			ok = bf_p_unexpected(p, "'device', 'cgroup', 'priority' or ';'");
		if (!ok)
			return false;
	}
	b->loc = bf_p_span(p, b->loc);
	return check_base(p, b);
}

static bool read_policy(struct bf_nparser *p, struct bf_ast_chain *c)
{
	static const char *const policies[] = { "accept", "drop", NULL };
	const struct bf_ast_expr *v = NULL;
	struct bf_ast_loc loc = bf_p_loc(p);

	if (p->tok.kind == BF_TOK_VAR && !(v = bf_ast_peel(bf_p_var(p))))
		return false;
	for (unsigned i = 0; policies[i]; i++)
		if (v ? v->kind == BF_AST_VALUE && v->value.text && !strcmp(v->value.text, policies[i])
			  : bf_p_eat_word(p, policies[i])) {
			c->policy = policies[i];
			return true;
		}
	return v ? bf_p_error(p, loc, "a policy is accept or drop") : bf_p_unexpected(p, "'accept' or 'drop'");
}

struct chain_block {
	struct bf_ast_chain *c;
	struct bf_ast_rule **tail;
};

static bool chain_item(struct bf_nparser *p, void *arg)
{
	static const char *const outer[] = { "chain", "set", "map", NULL };
	struct chain_block *b = arg;
	struct bf_ast_rule *r;

	if (bf_p_outer(p, outer))
		return true;
	if (bf_p_at(p, "type"))
		return read_base(p, b->c);
	if (bf_p_eat_word(p, "policy"))
		return read_policy(p, b->c);
	if (bf_p_eat_word(p, "comment"))
		return bf_p_comment(p, &b->c->comment);
	if (bf_p_at(p, "flags"))
		return bf_p_error(p, bf_p_loc(p), "bpfilter does not offload chains");
	r = bf_p_rule(p);
	if (!r)
		return false;
	*b->tail = r;
	b->tail = &r->next;
	return true;
}

struct bf_ast_chain *bf_p_chain_body(struct bf_nparser *p, struct bf_ast_word name)
{
	struct bf_ast_chain *c = bf_p_new(p, struct bf_ast_chain);
	struct chain_block b = { .c = c };

	if (!c)
		return NULL;
	c->name = name;
	b.tail = &c->rules;
	return bf_p_block(p, chain_item, &b) ? c : NULL; /* a policy without a type changes that of a chain that is there */
}
