/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * key.c: what a rule looks at: `tcp dport`, `ct original ip saddr`, `tcp option
 * maxseg size`, `@nh,8,8`, `numgen inc mod 2`. A name that is not in the tables
 * is reported and read over as if it were: the rule behind it is looked at too.
 */
#include <linux/netfilter.h>
#include <stdio.h>

#include "front/native/parse.h"

static const struct bf_nkey nobody; /* stands for a name that was reported */

static void try_names(struct bf_suggest *s, const struct bf_nkey_group *g, const char *sub)
{
	for (const struct bf_nkey *k = g->first; k < g->first + g->n; k++)
		if (sub ? k->sub && !strcmp(k->sub, sub) && k->name : k->name && !k->sub)
			bf_suggest_try(s, k->name);
}

/* "header field", "option field": says that there is none, and goes on. */
static const struct bf_nkey *no_name(struct bf_nparser *p, const struct bf_nkey_group *g, const char *sub)
{
	struct bf_suggest s;
	char what[80];

	if (p->tok.kind != BF_TOK_WORD) {
		snprintf(what, sizeof(what), "a field of '%s%s%s'", g->name, sub ? " " : "", sub ? sub : "");
		bf_p_unexpected(p, what);
		return NULL;
	}
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	try_names(&s, g, sub);
	snprintf(what, sizeof(what), "'%s%s%s' has no", g->name, sub ? " " : "", sub ? sub : "");
	bf_p_unknown(p, bf_p_loc(p), what, &s);
	return &nobody;
}

static const struct bf_nkey *field(struct bf_nparser *p, const struct bf_nkey_group *g, const char *sub)
{
	const struct bf_nkey *k = NULL;

	if (p->tok.kind == BF_TOK_WORD)
		k = bf_nkey_find(g, sub, sub ? strlen(sub) : 0, p->tok.text, p->tok.n);
	if (!k)
		k = no_name(p, g, sub);
	if (k)
		bf_p_next(p);
	return k;
}

static bool index_of(struct bf_nparser *p, uint32_t *index)
{
	uint64_t n;

	if (!bf_p_expect(p, '[', "'[' and a number") || !bf_p_number(p, 15, "an index", &n))
		return false;
	*index = (uint32_t)n;
	return bf_p_expect(p, ']', "']'");
}

static bool comma_number(struct bf_nparser *p, uint64_t max, const char *what, uint32_t *out)
{
	uint64_t n;

	if (!bf_p_expect(p, ',', "','") || !bf_p_number(p, max, what, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

/* @nh,8,16 */
static const struct bf_nkey *raw(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	static const char *const bases[] = { "ll", "nh", "th", "ih", NULL };

	for (unsigned i = 0; bases[i]; i++)
		if (bf_p_eat_word(p, bases[i]))
			m->base = bases[i][0];
	if (!m->base)
		return bf_p_unexpected(p, "'ll', 'nh', 'th' or 'ih'"), NULL;
	if (!comma_number(p, 65535, "an offset in bits", &m->at))
		return NULL;
	if (!comma_number(p, 128, "a length in bits", &m->bits))
		return NULL;
	return m->bits ? g->first : (bf_p_error(p, bf_p_loc(p), "a length of no bits"), NULL);
}

static bool is_field_of(const struct bf_nparser *p, const struct bf_nkey_group *g, const char *sub)
{
	return p->tok.kind == BF_TOK_WORD && bf_nkey_find(g, sub, strlen(sub), p->tok.text, p->tok.n);
}

/* Behind an option without a field: words that can stand there. */
static bool goes_on(const struct bf_nparser *p)
{
	static const char *const words[] = { "exists", "missing", "eq", "ne", "vmap", "map", "set", NULL };

	for (unsigned i = 0; words[i]; i++)
		if (bf_p_at(p, words[i]))
			return true;
	return p->tok.kind != BF_TOK_WORD;
}

static bool has_fields(const struct bf_nkey_group *g, const char *sub)
{
	for (const struct bf_nkey *k = g->first; k < g->first + g->n; k++)
		if (k->sub && !strcmp(k->sub, sub) && k->name)
			return true;
	return false;
}

/* The option's name, the one that is printed: "mss" is "maxseg". NULL: none. */
static const char *sub_name(struct bf_nparser *p, const struct bf_nkey_group *g)
{
	struct bf_suggest s;
	char what[40];

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a name"), NULL;
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (const struct bf_nkey *k = g->first; k < g->first + g->n; k++) {
		bf_suggest_try(&s, k->sub);
		if (bf_p_at(p, k->sub)) {
			bf_p_next(p);
			return k->same ? k->same : k->sub;
		}
	}
	snprintf(what, sizeof(what), "'%s' has no", g->name);
	bf_p_unknown(p, bf_p_loc(p), what, &s);
	return NULL;
}

/* tcp option 254, tcp option @254,16,4 */
static const struct bf_nkey *numbered(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	bool at = bf_p_eat(p, '@');
	uint64_t n;

	if (!bf_p_number(p, 255, "the number of an option", &n))
		return NULL;
	m->index = (uint32_t)n;
	if (at &&
		(!comma_number(p, 320, "an offset in bits", &m->at) || !comma_number(p, 128, "a length in bits", &m->bits)))
		return NULL;
	if (at && !m->bits)
		return bf_p_error(p, bf_p_loc(p), "a length of no bits"), NULL;
	return bf_nkey_find(g, "#", 1, NULL, 0);
}

/* tcp option maxseg size, ip option lsrr, sctp chunk data tsn, exthdr frag */
static const struct bf_nkey *option(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	const struct bf_nkey *k;
	const char *sub;

	if (!strcmp(g->name, "tcp option") && (p->tok.kind == BF_TOK_NUMBER || p->tok.kind == '@'))
		return numbered(p, g, m);
	sub = sub_name(p, g);
	if (!sub)
		return NULL;
	if (!p->whole && (is_field_of(p, g, sub) || (!goes_on(p) && has_fields(g, sub))))
		return field(p, g, sub);
	k = bf_nkey_find(g, sub, strlen(sub), NULL, 0);
	return k ? k : no_name(p, g, sub);
}

/* An older nft's `ct original saddr`: the table says of which family, or the rule so far. */
static const char *side_of(struct bf_nparser *p)
{
	const char *l3 = p->l3;

	if (p->family && (p->family->nfproto == NFPROTO_IPV4 || p->family->nfproto == NFPROTO_IPV6))
		l3 = p->family->name;
	if (!l3)
		bf_p_error(p, bf_p_loc(p), "of which family? Write 'ip %.*s' or 'ip6 %.*s'", (int)p->tok.n, p->tok.text, (int)p->tok.n,
		           p->tok.text);
	return l3;
}

/* Some keys say what packets the rule is about. */
static void note_l3(struct bf_nparser *p, const struct bf_nkey *k)
{
	static const char *const says[][2] = { { "ip", "ip" }, { "ip6", "ip6" }, { "icmp", "ip" }, { "icmpv6", "ip6" } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(says) && k->group; i++)
		if (!strcmp(k->group, says[i][0]))
			p->l3 = says[i][1];
}

static const struct bf_nkey *ct(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	struct bf_ast_loc loc = bf_p_loc(p);
	const char *sub = NULL;
	const struct bf_nkey *k;

	m->dir = bf_p_eat_word(p, "original") ? 1 : bf_p_eat_word(p, "reply") ? 2 : 0;
	if (bf_p_eat_word(p, "ip"))
		sub = "ip";
	else if (bf_p_eat_word(p, "ip6"))
		sub = "ip6";
	else if ((bf_p_at(p, "saddr") || bf_p_at(p, "daddr")) && !(sub = side_of(p)))
		return NULL;
	k = field(p, g, sub);
	if (!k || k == &nobody)
		return k;
	if (m->dir && !(k->flags & (BF_NKF_DIR | BF_NKF_MAYDIR)))
		return bf_p_error(p, loc, "'ct %s' has no direction", k->name), NULL;
	if (!m->dir && k->flags & BF_NKF_DIR)
		return bf_p_error(p, loc, "'ct %s' needs a direction: ct original or ct reply", k->name), NULL;
	return k;
}

static const struct bf_nkey *fib(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	static const char *const words[] = { "saddr", "daddr", "mark", "iif", "oif", NULL };
	const struct bf_nkey *k;

	do {
		struct bf_suggest s;
		unsigned i = 0;

		if (p->tok.kind != BF_TOK_WORD)
			return bf_p_unexpected(p, "'saddr', 'daddr', 'mark', 'iif' or 'oif'"), NULL;
		bf_suggest_start(&s, p->tok.text, p->tok.n);
		while (words[i] && !bf_p_at(p, words[i]))
			bf_suggest_try(&s, words[i++]);
		if (!words[i])
			return bf_p_unknown(p, bf_p_loc(p), "fib looks up no", &s), NULL;
		m->fib |= (uint8_t)(1u << i);
		bf_p_next(p);
	} while (bf_p_eat(p, '.'));
	k = field(p, g, NULL);
	return k;
}

static bool mod(struct bf_nparser *p, struct bf_ast_key *m)
{
	uint64_t n;

	if (!bf_p_expect_word(p, "mod") || !bf_p_number(p, UINT32_MAX, "a modulus", &n))
		return false;
	if (!n)
		return bf_p_error(p, bf_p_loc(p), "a modulus of 0");
	m->mod = (uint32_t)n;
	if (bf_p_eat_word(p, "seed")) {
		m->seeded = true;
		if (!bf_p_number(p, UINT32_MAX, "a seed", &n))
			return false;
		m->seed = (uint32_t)n;
	}
	if (bf_p_eat_word(p, "offset")) {
		if (!bf_p_number(p, UINT32_MAX - m->mod, "an offset", &n))
			return false;
		m->offset = (uint32_t)n;
	}
	return true;
}

static const struct bf_nkey *generator(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	static const struct bf_pctx c = { .keys = true };

	if (g->first->class == BF_NK_NUMGEN) {
		m->random = bf_p_at(p, "random");
		if (!bf_p_eat_word(p, "inc") && !bf_p_eat_word(p, "random"))
			return bf_p_unexpected(p, "'inc' or 'random'"), NULL;
	} else if (g->first->class == BF_NK_JHASH) {
		m->arg = bf_p_concat(p, &c);
		if (!m->arg)
			return NULL;
	}
	return mod(p, m) ? g->first : NULL;
}

static const struct bf_nkey *ipsec(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	uint64_t n = 0;

	m->side = bf_p_at(p, "in") ? 'i' : 'o';
	if (!bf_p_eat_word(p, "in") && !bf_p_eat_word(p, "out"))
		return bf_p_unexpected(p, "'in' or 'out'"), NULL;
	if (bf_p_eat_word(p, "spnum") && !bf_p_number(p, 255, "a number", &n))
		return NULL;
	m->index = (uint32_t)n;
	if (bf_p_eat_word(p, "ip"))
		return field(p, g, "ip");
	return bf_p_eat_word(p, "ip6") ? field(p, g, "ip6") : field(p, g, NULL);
}

static const struct bf_nkey *osf(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	if (bf_p_eat_word(p, "ttl")) {
		m->side = bf_p_at(p, "loose") ? 'l' : 's';
		if (!bf_p_eat_word(p, "loose") && !bf_p_eat_word(p, "skip"))
			return bf_p_unexpected(p, "'loose' or 'skip'"), NULL;
	}
	return field(p, g, NULL);
}

static const struct bf_nkey *socket_key(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	const struct bf_nkey *k = field(p, g, NULL);
	uint64_t n;

	if (!k || k == &nobody || strcmp(k->name, "cgroupv2"))
		return k;
	if (!bf_p_expect_word(p, "level") || !bf_p_number(p, 255, "a level", &n))
		return NULL;
	m->index = (uint32_t)n;
	return k;
}

/* rt ip nexthop, arp saddr ip: the word before or behind. */
static const struct bf_nkey *two_words(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	static const char *const subs[] = { "ip", "ip6", "saddr", "daddr", NULL };

	for (unsigned i = 0; subs[i]; i++)
		if (has_fields(g, subs[i]) && bf_p_eat_word(p, subs[i]))
			return field(p, g, subs[i]);
	return field(p, g, NULL);
}

static const struct bf_nkey *indexed(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	const struct bf_nkey *k = field(p, g, NULL);

	return k && k->flags & BF_NKF_INDEX && !index_of(p, &m->index) ? NULL : k;
}

static const struct {
	const char *group, *word; /* the word behind it makes another group: tcp option */
	const struct bf_nkey *(*read)(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m);
} shapes[] = { /* those that are more than two words */
	{ "tcp option", "option", option }, { "ip option", "option", option }, { "sctp chunk", "chunk", option },
	{ "exthdr", NULL, option }, { "ct", NULL, ct }, { "fib", NULL, fib }, { "numgen", NULL, generator },
	{ "jhash", NULL, generator }, { "symhash", NULL, generator }, { "ipsec", NULL, ipsec }, { "osf", NULL, osf },
	{ "socket", NULL, socket_key }, { "rt", NULL, two_words }, { "arp", NULL, two_words }, { "srh", NULL, indexed },
	{ "rt0", NULL, indexed }, { "@", NULL, raw },
};

static const struct bf_nkey *read_shape(struct bf_nparser *p, const struct bf_nkey_group *g, struct bf_ast_key *m)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(shapes); i++) {
		size_t n = strlen(g->name);

		if (shapes[i].word && !strncmp(shapes[i].group, g->name, n) && shapes[i].group[n] == ' ' &&
			bf_p_eat_word(p, shapes[i].word))
			return shapes[i].read(p, bf_nkey_group_find(shapes[i].group, strlen(shapes[i].group)), m);
		if (!shapes[i].word && !strcmp(shapes[i].group, g->name))
			return shapes[i].read(p, g, m);
	}
	return field(p, g, NULL);
}

static bool is_field(const struct bf_nkey_group *g, const struct bf_token *t)
{
	if (t->kind != BF_TOK_WORD)
		return false;
	if (bf_nkey_find(g, NULL, 0, t->text, t->n))
		return true;
	for (size_t i = 0; i < BF_ARRAY_SIZE(shapes); i++)
		if (shapes[i].word && bf_tok_is(t, shapes[i].word) && !strncmp(shapes[i].group, g->name, strlen(g->name)))
			return true;
	return false;
}

/* @nh,8,8, and no set of that name */
static bool raw_starts(const struct bf_nparser *p)
{
	struct bf_lexer l = p->lex;
	struct bf_token base, comma;

	bf_lex(&l, &base);
	bf_lex(&l, &comma);
	return comma.kind == ',' && base.kind == BF_TOK_WORD && base.n == 2 && strchr("lnti", base.text[0]) &&
	       base.text[1] == (base.text[0] == 'l' ? 'l' : 'h');
}

/* A word that a value can be too (`ip protocol tcp`, `ct event set mark`) is a field only when one of its names
 * follows. */
bool bf_p_key_starts(struct bf_nparser *p, const struct bf_ntype *want, bool right)
{
	const struct bf_nkey_group *g;
	struct bf_token t;
	uint32_t v;

	if (p->tok.kind != BF_TOK_WORD && p->tok.kind != '@')
		return false;
	if (p->tok.kind == '@')
		return raw_starts(p);
	g = bf_nkey_group_find(p->tok.text, p->tok.n);
	if ((g && right) || (want && bf_nsym_find(want, p->tok.text, p->tok.n, &v))) {
		bf_p_peek(p, &t);
		return g && is_field(g, &t);
	}
	return g || bf_nkey_bare(p->tok.text, p->tok.n);
}

struct bf_ast_expr *bf_p_key(struct bf_nparser *p)
{
	static const struct bf_ast_key none;
	struct bf_ast_expr *e = bf_p_expr_new(p, BF_AST_KEY, bf_p_loc(p));
	const struct bf_nkey_group *g = bf_nkey_group_find(p->tok.text, p->tok.n);
	struct bf_ast_key m;

	memset(&m, 0, sizeof(m)); /* with what lies between its members */
	if (!e)
		return NULL;
	e->key.row = g ? NULL : bf_nkey_bare(p->tok.text, p->tok.n);
	bf_p_next(p);
	if (g)
		e->key.row = read_shape(p, g, &m);
	if (!e->key.row)
		return NULL;
	note_l3(p, e->key.row);
	e->loc = bf_p_span(p, e->loc);
	if (!memcmp(&m, &none, sizeof(m)))
		return e;
	e->key.more = bf_p_alloc(p, sizeof(m));
	if (!e->key.more)
		return NULL;
	memcpy((void *)e->key.more, &m, sizeof(m));
	return e;
}
