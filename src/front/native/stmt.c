/* SPDX-License-Identifier: GPL-2.0-only */
/* stmt.c: rules: matches, verdicts, and what starts with a word of its own (one row and one function each; state: state.c). */
#include <linux/netfilter/nf_log.h>
#include <syslog.h>

#include "front/native/parse.h"

static const struct bf_pctx keys = { .keys = true };

/* Matches. */

static enum bf_ast_rel read_rel(struct bf_nparser *p)
{
	static const struct {
		int tok;
		const char *word;
		enum bf_ast_rel rel;
	} rels[] = { { BF_TOK_EQ, "eq", BF_REL_EQ }, { BF_TOK_NE, "ne", BF_REL_NE }, { '<', "lt", BF_REL_LT }, { '>', "gt", BF_REL_GT },
		         { BF_TOK_LE, "le", BF_REL_LE }, { BF_TOK_GE, "ge", BF_REL_GE }, { '!', NULL, BF_REL_NEG } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(rels); i++)
		if (bf_p_eat(p, rels[i].tok) || (rels[i].word && bf_p_eat_word(p, rels[i].word)))
			return rels[i].rel;
	return BF_REL_IMPLICIT;
}

/* Is there a route at all? */
static bool fib_exists(const struct bf_nparser *p, const struct bf_ast_expr *l)
{
	return l->kind == BF_AST_KEY && l->key.row->class == BF_NK_FIB && (bf_p_at(p, "exists") || bf_p_at(p, "missing"));
}

static bool relational(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	static const struct bf_types boolean = { .type = { &bf_ntypes[BF_T_BOOL] }, .n = 1 };
	struct bf_pctx c = { .want = t->n == 1 ? t->type[0] : NULL };

	s->kind = BF_STMT_MATCH;
	s->match.rel = read_rel(p);
	c.keys = c.right = s->match.rel != BF_REL_IMPLICIT;
	if (fib_exists(p, s->match.l))
		t = &boolean;
	s->match.r = bf_p_list(p, &c);
	if (!s->match.r || !bf_p_resolve(p, s->match.r, t, NULL))
		return false;
	if (bf_ast_peel(s->match.r)->kind == BF_AST_SET && !bf_ast_peel(s->match.r)->set.n)
		return bf_p_error(p, s->match.r->loc, "a set of nothing");
	if (!(t->n == 1 && t->type[0] && t->type[0]->flags) || !bf_p_eat(p, '/'))
		return true;
	s->match.mask = bf_p_list(p, &c);
	return s->match.mask && bf_p_resolve(p, s->match.mask, t, NULL);
}

static bool vmap(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	static const struct bf_pctx c = { 0 };
	struct bf_types data = { .type = { &bf_ntypes[BF_T_VERDICT] }, .n = 1 };

	s->kind = BF_STMT_VMAP;
	if (p->tok.kind != '{' && p->tok.kind != '@' && p->tok.kind != BF_TOK_VAR)
		return bf_p_unexpected(p, "'{' or '@' and the name of a map");
	s->match.r = bf_p_concat(p, &c);
	return s->match.r && bf_p_resolve(p, s->match.r, t, &data);
}

/* What is set, or names an object: a value, a field, EXPR map { } or EXPR map @m. */
static struct bf_ast_expr *mapped(struct bf_nparser *p, const struct bf_types *want)
{
	static const struct bf_pctx none = { 0 };
	struct bf_pctx c = { .keys = true, .want = want->n == 1 ? want->type[0] : NULL };
	struct bf_ast_expr *e = bf_p_list(p, &c), *map;
	struct bf_types key;

	if (!e || !bf_p_eat_word(p, "map"))
		return e && bf_p_resolve(p, e, want, NULL) ? e : NULL;
	map = bf_p_expr_new(p, BF_AST_MAP, e->loc);
	if (!map)
		return NULL;
	if (p->tok.kind != '{' && p->tok.kind != '@' && p->tok.kind != BF_TOK_VAR)
		return bf_p_unexpected(p, "'{' or '@' and the name of a map"), NULL;
	map->two.l = e;
	map->two.r = bf_p_concat(p, &none);
	bf_native_types_of(e, &key);
	map->loc = bf_p_span(p, map->loc);
	return map->two.r && bf_p_resolve(p, map->two.r, &key, want) ? map : NULL;
}

static bool can_set(struct bf_nparser *p, const struct bf_ast_expr *l)
{
	const struct bf_nkey *k = l->kind == BF_AST_KEY ? l->key.row : NULL;

	if (!k)
		return bf_p_error(p, l->loc, "this cannot be set");
	if (k->group && k->class >= BF_NK_META && k->class != BF_NK_TCPOPT && k->class != BF_NK_EXTHDR && !(k->flags & BF_NKF_SET))
		return bf_p_error(p, l->loc, "'%s %s' cannot be set", k->group, k->name);
	return true;
}

static bool assign(struct bf_nparser *p, struct bf_ast_stmt *s, const struct bf_types *t)
{
	s->kind = BF_STMT_SET;
	if (!can_set(p, s->match.l))
		return false;
	s->match.r = mapped(p, t);
	return s->match.r;
}

static bool match(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_types t;
	const struct bf_nkey *k;

	s->match.l = bf_p_concat(p, &keys);
	if (!s->match.l)
		return false;
	bf_native_types_of(s->match.l, &t);
	if (!t.n)
		return bf_p_error(p, s->match.l->loc, "a value alone matches nothing: a field belongs before it");
	if (!bf_p_resolve(p, s->match.l, &t, NULL))
		return false;
	if (bf_p_eat_word(p, "set"))
		return assign(p, s, &t);
	if (bf_p_at(p, "map"))
		return bf_p_error(p, bf_p_loc(p), "a map gives a value: it stands behind set; vmap gives verdicts");
	k = s->match.l->kind == BF_AST_KEY ? s->match.l->key.row : NULL;
	if (k && k->flags & BF_NKF_WRITE)
		return bf_p_error(p, s->match.l->loc, "'%s %s' can only be set", k->group, k->name);
	return bf_p_eat_word(p, "vmap") ? vmap(p, s, &t) : relational(p, s, &t);
}

/* Statements of a word. */

static bool notrack(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_NOTRACK;
	return true;
}

static bool reject_code(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ntype_id type)
{
	static const struct bf_pctx c = { 0 };

	if (type != BF_T_ERRNO)
		bf_p_eat_word(p, "type");
	s->reject.code = bf_p_concat(p, &c);
	return s->reject.code && bf_p_resolve_one(p, s->reject.code, type);
}

static bool reject(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const struct {
		const char *word;
		enum bf_ast_reject with;
		enum bf_ntype_id type;
	} withs[] = { { "icmp", BF_REJECT_ICMP, BF_T_ICMPCODE }, { "icmpv6", BF_REJECT_ICMPV6, BF_T_ICMP6CODE },
		          { "icmpx", BF_REJECT_ICMPX, BF_T_ICMPXCODE }, { "errno", BF_REJECT_ERRNO, BF_T_ERRNO } };

	s->kind = BF_STMT_REJECT;
	if (!bf_p_eat_word(p, "with"))
		return true;
	for (size_t i = 0; i < BF_ARRAY_SIZE(withs); i++)
		if (bf_p_eat_word(p, withs[i].word)) {
			s->reject.with = withs[i].with;
			return reject_code(p, s, withs[i].type);
		}
	s->reject.with = BF_REJECT_TCP;
	if (!bf_p_eat_word(p, "tcp"))
		return bf_p_unexpected(p, "'icmp', 'icmpv6', 'icmpx', 'tcp reset' or 'errno'");
	return bf_p_expect_word(p, "reset");
}

static bool log_flag(struct bf_nparser *p, uint32_t *flags)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} plain[] = { { "skuid", NF_LOG_UID }, { "ether", NF_LOG_MACDECODE },
		          { "all", NF_LOG_TCPSEQ | NF_LOG_TCPOPT | NF_LOG_IPOPT | NF_LOG_UID | NF_LOG_MACDECODE } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(plain); i++)
		if (bf_p_eat_word(p, plain[i].word)) {
			*flags |= plain[i].flag;
			return true;
		}
	if (bf_p_eat_word(p, "ip")) {
		*flags |= NF_LOG_IPOPT;
		return bf_p_expect_word(p, "options");
	}
	if (!bf_p_eat_word(p, "tcp"))
		return bf_p_unexpected(p, "'tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether' or 'all'");
	do {
		bool sequence = bf_p_eat_word(p, "sequence");

		if (!sequence && !bf_p_expect_word(p, "options"))
			return false;
		*flags |= sequence ? NF_LOG_TCPSEQ : NF_LOG_TCPOPT;
	} while (bf_p_eat(p, ','));
	return true;
}

static bool log_level(struct bf_nparser *p, uint32_t *level)
{
	static const struct {
		const char *word;
		uint32_t level;
	} levels[] = { { "emerg", LOG_EMERG }, { "panic", LOG_EMERG }, { "alert", LOG_ALERT }, { "crit", LOG_CRIT }, { "err", LOG_ERR },
		           { "error", LOG_ERR }, { "warn", LOG_WARNING }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		           { "info", LOG_INFO }, { "debug", LOG_DEBUG }, { "audit", 8 } };
	struct bf_suggest g;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a level");
	bf_suggest_start(&g, p->tok.text, p->tok.n);
	for (size_t i = 0; i < BF_ARRAY_SIZE(levels); i++) {
		bf_suggest_try(&g, levels[i].word);
		if (bf_p_eat_word(p, levels[i].word)) {
			*level = levels[i].level;
			return true;
		}
	}
	return bf_p_unknown(p, bf_p_loc(p), "unknown level", &g);
}

/* Variables in a prefix: "$name: " */
static bool expand(struct bf_nparser *p, struct bf_ast_word *w)
{
	_cleanup_buf_ struct bf_buf out = { 0 };
	const char *s = w->text, *dollar;

	for (; (dollar = strchr(s, '$')); s = dollar) {
		size_t n = strspn(dollar + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		const char *value = bf_p_var_text(p, dollar + 1, n);

		bf_buf_add(&out, s, (size_t)(dollar - s));
		if (!value || strchr(value, '$'))
			return bf_p_error(p, w->loc, "no text is in the variable '%.*s'", (int)n, dollar + 1);
		bf_buf_puts(&out, value);
		dollar += n + 1;
	}
	bf_buf_puts(&out, s);
	w->text = out.err ? NULL : bf_arena_strdup(p->a, out.data);
	if (!w->text)
		p->err = -ENOMEM;
	return w->text;
}

static bool log_prefix(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_word w;

	if (!bf_p_string(p, "a prefix in quotes", &w))
		return false;
	if (strchr(w.text, '$') && !expand(p, &w))
		return false;
	if (strlen(w.text) > 127)
		return bf_p_error(p, w.loc, "a prefix has at most 127 characters");
	s->log.prefix = w.text;
	return true;
}

static bool number32(struct bf_nparser *p, uint64_t max, const char *what, uint32_t *out)
{
	uint64_t n;

	if (!bf_p_number(p, max, what, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool log_option(struct bf_nparser *p, struct bf_ast_stmt *s, unsigned i)
{
	switch (1u << i) {
	case BF_LOG_PREFIX: return log_prefix(p, s);
	case BF_LOG_LEVEL: return log_level(p, &s->log.level);
	case BF_LOG_GROUP: return number32(p, 65535, "a group", &s->log.group);
	case BF_LOG_SNAPLEN: return number32(p, UINT32_MAX, "a length", &s->log.snaplen);
	case BF_LOG_THRESHOLD: return number32(p, 65535, "a threshold", &s->log.threshold);
	default: return log_flag(p, &s->log.flags);
	}
}

static bool log_stmt(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const char *const words[] = { "prefix", "level", "group", "snaplen", "queue-threshold", "flags", NULL };
	unsigned i;

	s->kind = BF_STMT_LOG;
	do {
		for (i = 0; words[i] && !bf_p_at(p, words[i]); i++)
			;
		if (!words[i])
			break;
		if (s->log.set & 1u << i && 1u << i != BF_LOG_FLAGS)
			return bf_p_error(p, bf_p_loc(p), "log has a %s already", words[i]);
		bf_p_next(p);
		s->log.set |= 1u << i;
		if (!log_option(p, s, i))
			return false;
	} while (true);
	if (s->log.set & BF_LOG_GROUP && s->log.set & (BF_LOG_LEVEL | BF_LOG_FLAGS))
		return bf_p_error(p, bf_p_span(p, s->loc), "log to a group has no level and no flags");
	return true;
}

/* Elements of sets. */

static bool set_word(struct bf_nparser *p, struct bf_ast_word *out)
{
	out->loc = bf_p_loc(p);
	return bf_p_expect(p, '@', "'@' and the name of a set") && bf_p_name(p, "the name of a set", out);
}

static bool type_elem(struct bf_nparser *p, struct bf_ast_stmt *s, struct bf_ast_loc loc)
{
	struct bf_types key;

	bf_native_types_of(s->element.elem->key, &key);
	if (!key.n)
		return bf_p_error(p, loc, "what is put into a set comes from the packet: a field");
	if (s->element.elem->data) { /* by the map's type, when all of the table is read */
		struct bf_nlater *l = bf_p_new(p, struct bf_nlater);

		if (!l)
			return false;
		*l = (struct bf_nlater){ p->later, s };
		p->later = l;
	}
	return bf_p_resolve(p, s->element.elem->key, &key, NULL);
}

void bf_p_later(struct bf_nparser *p)
{
	struct bf_types key, data;

	for (struct bf_nlater *l = p->later; l; l = l->next) {
		struct bf_ast_set *set = bf_p_find_set(p, l->stmt->element.set.text);

		if (!set)
			continue;
		bf_native_set_types(set, &key, &data);
		if (set->map)
			bf_p_resolve(p, l->stmt->element.elem->data, &data, NULL);
		else
			bf_p_error(p, l->stmt->element.elem->data->loc, "'%s' is a set, it has no data", set->name.text);
	}
	p->later = NULL;
}

/* add @set { ip saddr timeout 30s } */
static bool element(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_loc loc;

	s->kind = BF_STMT_ELEMENT;
	s->element.verb = p->lex.text[s->loc.at];
	if (!set_word(p, &s->element.set) || !bf_p_expect(p, '{', "'{'"))
		return false;
	loc = bf_p_loc(p);
	s->element.elem = bf_p_elem(p, true);
	if (!s->element.elem)
		return bf_p_skip(p), bf_p_eat(p, '}'), false;
	return bf_p_expect(p, '}', "'}'") && type_elem(p, s, loc);
}

/* set add ip saddr timeout 30s @set */
static bool old_element(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_loc loc = bf_p_loc(p);

	s->kind = BF_STMT_ELEMENT;
	s->element.verb = p->tok.text[0];
	bf_p_next(p);
	s->element.elem = bf_p_elem(p, true);
	return s->element.elem && set_word(p, &s->element.set) && type_elem(p, s, loc);
}

static bool set_stmt(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_suggest g;
	unsigned i = 0;

	if (bf_p_at(p, "add") || bf_p_at(p, "update") || bf_p_at(p, "delete"))
		return old_element(p, s);
	s->kind = BF_STMT_SOCKSET;
	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "what is set: 'rto', 'initcwnd', 'initrwnd', 'congestion' or 'mark'");
	bf_suggest_start(&g, p->tok.text, p->tok.n);
	while (bf_socksets[i] && !bf_p_at(p, bf_socksets[i]))
		bf_suggest_try(&g, bf_socksets[i++]);
	if (!bf_socksets[i])
		return bf_p_unknown(p, bf_p_loc(p), "a connection has no", &g);
	bf_p_next(p);
	s->sock.what = (enum bf_sockset)i;
	if (i == BF_SOCK_RTO)
		return bf_p_time(p, &s->sock.n) && (s->sock.n || bf_p_error(p, s->loc, "a time-out of nothing"));
	if (i == BF_SOCK_CONGESTION)
		return bf_p_string(p, "the name of a congestion control in quotes", &s->sock.text);
	return bf_p_number(p, i == BF_SOCK_MARK ? UINT32_MAX : 65535, i == BF_SOCK_MARK ? "a mark" : "a number of segments", &s->sock.n);
}

static bool strip(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_STRIP;
	if (!bf_p_at(p, "tcp"))
		return bf_p_unexpected(p, "'tcp option' and its name");
	p->whole = true;
	s->strip = bf_p_key(p);
	p->whole = false;
	if (!s->strip)
		return false;
	if (s->strip->key.row->class != BF_NK_TCPOPT || s->strip->key.row->name)
		return bf_p_error(p, s->strip->loc, "only a whole TCP option can be taken away");
	return true;
}

/* Beyond nft. */

static bool number_list(const char **s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *end;

		*s += strspn(*s, " ");
		if (!strchr("0123456789", **s) || !**s)
			return false;
		strtoull(*s, &end, 0);
		*s = end;
	}
	*s += strspn(*s, " ");
	return true;
}

/* "N,code jt jf k,...": N instructions */
static bool check_bytecode(struct bf_nparser *p, const struct bf_ast_word *w)
{
	const char *s = w->text;
	unsigned long n = strtoul(s, NULL, 10), have = 0;

	if (!number_list(&s, 1) || !n || n > 4096)
		return bf_p_error(p, w->loc, "bytecode starts with the number of its instructions, 1 to 4096");
	while (*s == ',' && s[1] && s[1 + strspn(s + 1, " ")]) {
		s++;
		if (!number_list(&s, 4))
			return bf_p_error(p, w->loc, "instruction %lu is not four numbers", have);
		have++;
	}
	s += *s == ',';
	if (s[strspn(s, " ")])
		return bf_p_error(p, w->loc, "instruction %lu does not end in ','", have);
	return have == n || bf_p_error(p, w->loc, "%lu instructions are announced, %lu are there", n, have);
}

static bool code(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ast_stmt_kind kind, const char *what)
{
	s->kind = kind;
	s->code.neg = bf_p_eat(p, BF_TOK_NE);
	if (!s->code.neg && p->tok.kind == BF_TOK_EQ)
		bf_p_next(p);
	return bf_p_string(p, what, &s->code.text);
}

static bool pcap(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return code(p, s, BF_STMT_PCAP, "a pcap-filter expression in quotes");
}

static bool bytecode(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return code(p, s, BF_STMT_BYTECODE, "bytecode in quotes") && check_bytecode(p, &s->code.text);
}

static bool program(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	if (!code(p, s, BF_STMT_PROGRAM, "the name of an object file in quotes"))
		return false;
	return !bf_p_eat_word(p, "section") || bf_p_string(p, "the name of a section in quotes", &s->code.section);
}

static bool to_device(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ast_stmt_kind kind)
{
	static const struct bf_pctx c = { 0 };

	s->kind = kind;
	if (!bf_p_expect_word(p, "to"))
		return false;
	if (p->tok.kind == ':')
		return bf_p_error(p, bf_p_span(p, s->loc), "bpfilter does not translate addresses: redirect to \"IF\" sends through a device");
	s->to = bf_p_concat(p, &c);
	return s->to && bf_p_resolve_one(p, s->to, BF_T_IFNAME);
}

static bool redirect(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return to_device(p, s, BF_STMT_REDIRECT);
}

static bool mirror(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return to_device(p, s, BF_STMT_MIRROR);
}

static bool route(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const struct bf_pctx c = { 0 };
	const struct bf_ast_expr *v;

	s->kind = BF_STMT_ROUTE;
	if (!bf_p_expect_word(p, "via"))
		return false;
	s->to = bf_p_concat(p, &c);
	v = bf_ast_peel(s->to);
	if (!v)
		return false;
	if (v->kind != BF_AST_VALUE || (v->value.lit != BF_LIT_IPV4 && v->value.lit != BF_LIT_IPV6))
		return bf_p_error(p, s->to->loc, "the next hop is an address");
	return bf_p_resolve_one(p, s->to, v->value.lit == BF_LIT_IPV4 ? BF_T_IPV4 : BF_T_IPV6);
}

/* sample 1/100 */
static bool sample(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_SAMPLE;
	if (!bf_p_number(p, UINT32_MAX, "how many", &s->sample.n) || !bf_p_expect(p, '/', "'/' and of how many") ||
	    !bf_p_number(p, UINT32_MAX, "of how many", &s->sample.of))
		return false;
	if (!s->sample.n || s->sample.n > s->sample.of)
		return bf_p_error(p, bf_p_span(p, s->loc), "a sample is 1/N up to N/N");
	return true;
}

static bool refuse(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const char *const why[] = { "queue", "packets cannot be queued", "fwd", "write redirect to \"IF\"", "dup",
		                               "write mirror to \"IF\"", "meter", "write add @set { ... }", "flow", "there are no flow tables", NULL };
	unsigned i = 0;

	while (why[i] && strncmp(p->lex.text + s->loc.at, why[i], s->loc.len))
		i += 2;
	return bf_p_error(p, s->loc, "nft's '%.*s' is not served by bpfilter: %s", (int)s->loc.len, p->lex.text + s->loc.at,
	                  why[i] ? why[i + 1] : "it does not translate addresses");
}

static const struct {
	const char *word;
	bool (*read)(struct bf_nparser *p, struct bf_ast_stmt *s);
} stmts[] = {
	{ "counter", bf_p_counter }, { "limit", bf_p_limit }, { "quota", bf_p_quota }, { "log", log_stmt }, { "reject", reject },
	{ "notrack", notrack }, { "add", element }, { "update", element }, { "delete", element }, { "set", set_stmt },
	{ "reset", strip }, { "pcap", pcap }, { "bytecode", bytecode }, { "program", program }, { "redirect", redirect },
	{ "mirror", mirror }, { "route", route }, { "sample", sample },
	{ "queue", refuse }, { "snat", refuse }, { "dnat", refuse }, { "masquerade", refuse }, { "tproxy", refuse },
	{ "synproxy", refuse }, { "fwd", refuse }, { "dup", refuse }, { "meter", refuse }, { "flow", refuse },
};

static bool unknown(struct bf_nparser *p)
{
	static const char *const verdicts[] = { "accept", "drop", "continue", "return", "jump", "goto", "comment" };
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
	g = bf_nkey_groups(&n);
	for (size_t i = 0; i < n; i++)
		bf_suggest_try(&s, g[i].name);
	for (size_t i = 0; i < bf_n_nkeys; i++)
		if (bf_nkeys[i].flags & BF_NKF_BARE)
			bf_suggest_try(&s, bf_nkeys[i].name);
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
	}
	if (p->tok.kind == '(' || bf_p_key_starts(p, NULL, false))
		return match(p, s);
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

struct bf_ast_rule *bf_p_rule(struct bf_nparser *p)
{
	struct bf_ast_rule *r = bf_p_new(p, struct bf_ast_rule);
	struct bf_ast_stmt **tail = r ? &r->stmts : NULL, *last = NULL;

	if (!r)
		return NULL;
	r->loc = bf_p_loc(p);
	while (!bf_p_ends(p) && !(last && bf_p_at(p, "comment"))) {
		bool ended = last && (last->kind == BF_STMT_VERDICT || last->kind == BF_STMT_REJECT);

		if (ended)
			return bf_p_error(p, bf_p_loc(p), "nothing behind a verdict has an effect"), NULL;
		last = *tail = bf_p_stmt(p);
		if (!last)
			return NULL;
		tail = &last->next;
	}
	if (!last)
		return bf_p_unexpected(p, "a rule"), NULL;
	if (bf_p_eat_word(p, "comment") && !bf_p_comment(p, &r->comment))
		return NULL;
	r->loc = bf_p_span(p, r->loc);
	return r;
}
