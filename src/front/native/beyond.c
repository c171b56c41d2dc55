/* SPDX-License-Identifier: GPL-2.0-only */
/* beyond.c: what nft has not: connections' parameters, filter expressions, bytecode, programs, ways out. */
#include "base/base64.h"
#include "front/native/parse.h"

enum { LARGEST_OBJECT = 1 << 20 };

bool bf_p_set_stmt(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_suggest g;
	unsigned i = 0;

	if (bf_p_at(p, "add") || bf_p_at(p, "update") || bf_p_at(p, "delete"))
		return bf_p_old_element(p, s);
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
	return bf_p_number(p, i == BF_SOCK_MARK ? UINT32_MAX : 65535, i == BF_SOCK_MARK ? "a mark" : "a number of segments",
	                   &s->sock.n);
}

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

bool bf_p_pcap(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return code(p, s, BF_STMT_PCAP, "a pcap-filter expression in quotes");
}

bool bf_p_bytecode(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return code(p, s, BF_STMT_BYTECODE, "bytecode in quotes") && check_bytecode(p, &s->code.text);
}

static struct bf_nfile *last_of(struct bf_nparser *p, const char *file)
{
	for (uint32_t i = 0; i < p->n_files; i++)
		if (!strcmp(p->files[i].name, file))
			return &p->files[i];
	return NULL;
}

/* For statements behind it. */
static bool remember(struct bf_nparser *p, const struct bf_ast_stmt *s)
{
	struct bf_nfile *last = last_of(p, s->code.text.text);

	if (!last && bf_grow(&p->files, p->n_files, &p->cap_files, sizeof(*p->files)) < 0) {
		p->err = -ENOMEM;
		return false;
	}
	if (!last)
		last = &p->files[p->n_files++];
	*last = (struct bf_nfile){ s->code.text.text, s->code.object };
	return true;
}

/* A file is read once, whatever becomes of it meanwhile. */
static bool read_object(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	_cleanup_buf_ struct bf_buf bytes = { 0 }, text = { 0 };
	struct bf_nfile *last = last_of(p, s->code.text.text);
	int err;

	if (!p->o->file)
		return true;
	if (last) {
		s->code.object = last->object;
		return true;
	}
	err = p->o->file(s->code.text.text, &bytes);
	if (!err && bytes.len > LARGEST_OBJECT)
		err = -EFBIG;
	if (err)
		return bf_p_error(p, s->code.text.loc, "cannot read \"%s\": %s", s->code.text.text, strerror(-err));
	bf_base64_put(&text, bytes.data, bytes.len);
	s->code.object = text.err ? NULL : bf_arena_strdup(p->a, text.len ? text.data : "");
	p->err = s->code.object ? p->err : -ENOMEM;
	return s->code.object && remember(p, s);
}

/* The file itself stands there when the table is stored or saved: nobody needs it again. */
bool bf_p_program(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_word object;

	if (!code(p, s, BF_STMT_PROGRAM, "the name of an object file in quotes"))
		return false;
	if (bf_p_eat_word(p, "section") && !bf_p_string(p, "the name of a section in quotes", &s->code.section))
		return false;
	if (!bf_p_eat_word(p, "object"))
		return read_object(p, s);
	if (!bf_p_string(p, "the bytes of the file in base64, in quotes", &object))
		return false;
	if (!strcmp(object.text, "=")) {
		struct bf_nfile *last = last_of(p, s->code.text.text);

		s->code.object = last ? last->object : NULL;
		return true;
	}
	s->code.object = object.text;
	return remember(p, s);
}

static bool to_device(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ast_stmt_kind kind)
{
	static const struct bf_pctx c = { 0 };
	const struct bf_ast_expr *v;
	bool bare = kind == BF_STMT_REDIRECT && bf_p_ends(p); /* nft's: to this host */

	s->kind = kind;
	if (!bare && !bf_p_expect_word(p, "to"))
		return false;
	if (bare || p->tok.kind == ':')
		return bf_p_error(p, bf_p_span(p, s->loc),
	                      "bpfilter does not translate addresses: redirect to \"IF\" sends through a device");
	if (bf_p_key_starts(p, NULL, false))
		return bf_p_error(p, bf_p_loc(p), "one device is named here, it does not hang on the packet: make it a rule for each");
	s->to = bf_p_concat(p, &c);
	v = bf_ast_peel(s->to);
	if (v && v->kind == BF_AST_VALUE && (v->value.lit == BF_LIT_IPV4 || v->value.lit == BF_LIT_IPV6))
		return bf_p_error(p, v->loc, "packets are %s through a device here: %s", kind == BF_STMT_MIRROR ? "copied" : "sent",
		                  kind == BF_STMT_MIRROR ? "mirror to \"IF\"" : "redirect to \"IF\"; to a next hop: route via ADDRESS");
	return v && bf_p_resolve_one(p, s->to, BF_T_IFNAME);
}

bool bf_p_redirect(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return to_device(p, s, BF_STMT_REDIRECT);
}

/* nft's words for redirect and, as dup, mirror. */
bool bf_p_fwd(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	if (bf_p_at(p, "ip") || bf_p_at(p, "ip6"))
		return bf_p_error(p, s->loc, "nft's 'fwd %.*s' is not served by bpfilter: write route via ADDRESS", (int)p->tok.n,
		                  p->tok.text);
	return bf_p_redirect(p, s);
}

bool bf_p_mirror(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return to_device(p, s, BF_STMT_MIRROR);
}

bool bf_p_route(struct bf_nparser *p, struct bf_ast_stmt *s)
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
bool bf_p_sample(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_SAMPLE;
	if (!bf_p_number(p, UINT32_MAX, "how many", &s->sample.n) || !bf_p_expect(p, '/', "'/' and of how many") ||
	    !bf_p_number(p, UINT32_MAX, "of how many", &s->sample.of))
		return false;
	if (!s->sample.n || s->sample.n > s->sample.of)
		return bf_p_error(p, bf_p_span(p, s->loc), "a sample is 1/N up to N/N");
	return true;
}
