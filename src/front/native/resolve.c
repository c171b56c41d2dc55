/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * resolve.c: what values mean where they stand. A word is looked up among
 * those of its type, a number must fit; an error behind a variable shows the
 * place of use and the definition. One wrong value does not hide the next.
 */
#include "front/native/parse.h"

enum { WORDS_MAX = 12 }; /* are told, of a type that has no word like it */

struct place { /* where a value stands, for errors */
	const struct bf_ast_expr *var; /* or NULL: the outermost variable it came by */
	bool calc;                     /* in a calculation: masks of addresses may be numbers */
};

static bool wrong(struct bf_nparser *p, const struct bf_ast_expr *e, const struct place *w, const char *fmt, ...)
	bf_printf_like(4, 5);

static bool wrong(struct bf_nparser *p, const struct bf_ast_expr *e, const struct place *w, const char *fmt, ...)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	bf_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	bf_p_error(p, w->var ? w->var->loc : e->loc, "%s", text.data ? text.data : fmt);
	if (w->var && !p->err)
		bf_ast_note(p->ast, p->d, e->loc, "this is what $%s is", w->var->var.name);
	return false;
}

/* Types. */

static void type_of_key(const struct bf_ast_expr *e, const struct bf_ntype **type, unsigned *bits)
{
	const struct bf_nkey *k = e->key.row;

	*type = NULL;
	if (!k->group) /* misspelt */
		return;
	*type = &bf_ntypes[k->type];
	*bits = k->bits;
	if (e->key.more && e->key.more->bits) { /* raw */
		*bits = e->key.more->bits;
		*type = &bf_ntypes[BF_T_RAW];
	}
}

/* Of a part: false when nothing in it comes from the packet. */
static bool type_of(const struct bf_ast_expr *e, const struct bf_ntype **type, unsigned *bits)
{
	while (e->kind == BF_AST_BINOP) {
		if (e->two.r->kind != BF_AST_VALUE && type_of(e->two.r, type, bits))
			return true;
		e = e->two.l;
	}
	if (e->kind != BF_AST_KEY)
		return false;
	type_of_key(e, type, bits);
	return true;
}

void bf_native_types_of(const struct bf_ast_expr *e, struct bf_types *t)
{
	bool all = true;

	memset(t, 0, sizeof(*t));
	e = bf_ast_peel(e);
	if (e->kind == BF_AST_MAP) /* what a map gives is its own affair */
		return;
	if (e->kind != BF_AST_CONCAT) {
		t->n = type_of(e, &t->type[0], &t->bits[0]);
		return;
	}
	for (const struct bf_ast_expr *i = e->items.first; i && t->n < BF_NTYPE_PARTS; i = i->next) {
		all &= type_of(i, &t->type[t->n], &t->bits[t->n]);
		t->n++;
	}
	if (!all || e->items.n > BF_NTYPE_PARTS)
		t->n = 0;
}

/* Values. */

static unsigned width(const struct bf_ntype *t, unsigned bits)
{
	return bits && bits < 128 && t->form != BF_FORM_STRING ? bits : t->bits ? t->bits : 128;
}

static bool unknown_word(struct bf_nparser *p, const struct bf_ast_expr *e, const struct bf_ntype *t,
                         const struct place *w)
{
	_cleanup_buf_ struct bf_buf all = { 0 };
	struct bf_suggest s;
	char hint[80];
	unsigned n = 0;

	bf_suggest_start(&s, e->value.text, strlen(e->value.text));
	for (const struct bf_nsym *y = t->syms; y && y->name; y++) {
		bf_suggest_try(&s, y->name);
		bf_buf_printf(&all, "%s%s", n++ ? ", " : "; there are: ", y->name);
	}
	if (s.best || n > WORDS_MAX || !all.data)
		return wrong(p, e, w, "'%.80s' is no %s%s", e->value.text, t->name, bf_suggest_text(&s, hint, sizeof(hint)));
	return wrong(p, e, w, "'%.80s' is no %s%s", e->value.text, t->name, all.data);
}

static bool number(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                   const struct place *w)
{
	bf_u128 scale = t->form == BF_FORM_TIME ? 1000 : t->form == BF_FORM_DATE ? 1000000000 : 1;
	unsigned n = width(t, bits);

	if (!w->calc && t->form >= BF_FORM_IPV4 && t->form <= BF_FORM_MAC)
		return wrong(p, e, w, "a number where the type is %s", t->name);
	if (t->form == BF_FORM_DAY && e->value.num > 6)
		return wrong(p, e, w, "days are 0, Sunday, to 6");
	if (t == &bf_ntypes[BF_T_CTLABEL] && e->value.num > 127)
		return wrong(p, e, w, "labels are 0 to 127");
	if (t->form == BF_FORM_HOUR && e->value.num >= 86400)
		return wrong(p, e, w, "a day has 86400 seconds");
	if (n < 128 && (e->value.num >> n || (e->value.num * scale) >> (scale > 1 ? 64 : n)))
		return wrong(p, e, w, "the number does not fit in %u bit%s", n, n == 1 ? "" : "s");
	e->value.num *= scale;
	return e->value.known = true;
}

static bool is_number(const char *s, uint64_t *n, unsigned base)
{
	char *end;

	if (!*s || !strchr("0123456789abcdefABCDEF", *s))
		return false;
	*n = strtoull(s, &end, (int)base);
	return !*end;
}

/* major:minor, in hex as tc(8) has it */
static bool classid(const char *s, bf_u128 *out)
{
	const char *colon = strchr(s, ':');
	char major[8] = "";
	uint64_t a = 0, b = 0;

	if (!colon || colon - s > 4 || strlen(colon) > 5)
		return false;
	memcpy(major, s, (size_t)(colon - s));
	if ((*major && !is_number(major, &a, 16)) || (colon[1] && !is_number(colon + 1, &b, 16)))
		return false;
	*out = a << 16 | b;
	return true;
}

static bool digits(const char **s, unsigned n, unsigned max, unsigned *out)
{
	*out = 0;
	for (unsigned i = 0; i < n; i++, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (unsigned)(**s - '0');
	}
	return *out <= max;
}

/* HH:MM[:SS], in seconds */
static bool clock_time(const char *s, uint64_t *out)
{
	unsigned h, m, sec = 0;

	if (!digits(&s, 2, 23, &h) || *s++ != ':' || !digits(&s, 2, 59, &m))
		return false;
	if (*s == ':' && (s++, !digits(&s, 2, 59, &sec)))
		return false;
	*out = h * 3600 + m * 60 + sec;
	return !*s;
}

/* YYYY-MM-DD[ HH:MM[:SS]]: the wall clock as if it were UTC's; who loads it knows the zone */
static bool date(const char *s, bf_u128 *out)
{
	unsigned y, m, d, days;
	uint64_t sec = 0;

	if (!digits(&s, 4, 9999, &y) || *s++ != '-' || !digits(&s, 2, 12, &m) || *s++ != '-' || !digits(&s, 2, 31, &d) ||
		!m || !d || y < 1970)
		return false;
	if (*s && (*s++ != ' ' || !clock_time(s, &sec)))
		return false;
	y -= m <= 2; /* years begin in March: the leap day is the last */
	days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1 - 719468;
	*out = ((bf_u128)days * 86400 + sec) * 1000000000;
	return true;
}

static bool service(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, const struct place *w)
{
	struct bf_suggest s;
	char hint[80];
	uint16_t port;

	bf_suggest_start(&s, e->value.text, strlen(e->value.text));
	if (!bf_p_service(p, e->value.text, &port, &s))
		return wrong(p, e, w, "no service is called '%.80s'%s", e->value.text, bf_suggest_text(&s, hint, sizeof(hint)));
	e->value.num = port;
	return e->value.known = true;
}

static bool is_name(const struct bf_ntype *t)
{
	return t->form == BF_FORM_STRING || t->form == BF_FORM_INDEX || t->form == BF_FORM_OBJECT;
}

static bool string(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, const struct place *w)
{
	size_t max = t->bits ? t->bits / 8 - 1 : 63;

	if (strlen(e->value.text) > max)
		return wrong(p, e, w, "a name of this kind has at most %zu characters", max);
	if (!*e->value.text)
		return wrong(p, e, w, "an empty name");
	if (t == &bf_ntypes[BF_T_IFNAME] && !strcmp(e->value.text, "*"))
		return wrong(p, e, w, "every interface: leave it out");
	return true; /* the text is the value */
}

static bool text(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                 const struct place *w)
{
	uint32_t sym;
	uint64_t n;
	bool ok = true;

	if (bf_nsym_find(t, e->value.text, strlen(e->value.text), &sym)) {
		e->value.num = sym;
		return e->value.known = true;
	}
	if (e->value.lit == BF_LIT_WORD && is_name(t) && bf_p_reserved(e->value.text))
		return wrong(p, e, w, "'%s' is a word of the language: in quotes it is a name", e->value.text);
	switch (t->form) {
	case BF_FORM_STRING:
		return string(p, e, t, w);
	case BF_FORM_PORT:
		if (!is_number(e->value.text, &n, 10)) /* in quotes */
			return service(p, e, t, w);
		e->value.num = n;
		return number(p, e, t, bits, w);
	case BF_FORM_INDEX:
	case BF_FORM_OBJECT:
		return *e->value.text || wrong(p, e, w, "an empty name"); /* the system knows it, or the table */
	case BF_FORM_TIME:
		ok = bf_lex_time(e->value.text, strlen(e->value.text), &n);
		e->value.num = n;
		break;
	case BF_FORM_HOUR:
		ok = clock_time(e->value.text, &n);
		e->value.num = n;
		break;
	case BF_FORM_DATE:
		ok = date(e->value.text, &e->value.num);
		break;
	case BF_FORM_CLASSID:
		ok = classid(e->value.text, &e->value.num);
		break;
	default:
		ok = false;
	}
	if (!ok)
		return unknown_word(p, e, t, w);
	return e->value.known = true;
}

static bool address(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, const struct place *w)
{
	static const struct {
		enum bf_ast_lit lit;
		enum bf_nform form;
		const char *what;
	} kinds[] = { { BF_LIT_IPV4, BF_FORM_IPV4, "an IPv4 address" }, { BF_LIT_IPV6, BF_FORM_IPV6, "an IPv6 address" },
		          { BF_LIT_MAC, BF_FORM_MAC, "a link layer address" } };
	size_t i = 0;

	while (kinds[i].lit != e->value.lit)
		i++;
	if (kinds[i].form == t->form)
		return e->value.known = true;
	return wrong(p, e, w, "%s where the type is %s", kinds[i].what, t->name);
}

static bool value(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits,
                  const struct place *w)
{
	if (!t)
		return true;
	e->value.type = t;
	e->value.known = false;
	if (t->form == BF_FORM_VERDICT)
		return wrong(p, e, w, "expected a verdict: accept, drop, jump, ...");
	if (e->value.text)
		return text(p, e, t, bits, w);
	if (e->value.lit != BF_LIT_NUMBER)
		return address(p, e, t, w);
	if (t->form == BF_FORM_STRING || t->form == BF_FORM_OBJECT) { /* a name that looks like a number: as written */
		e->value.text = bf_arena_strndup(p->a, p->ast->sources[e->loc.src].text + e->loc.at, e->loc.len);
		if (!e->value.text)
			p->err = -ENOMEM;
		return e->value.text && text(p, e, t, bits, w);
	}
	return number(p, e, t, bits, w);
}

/* Expressions: one part against one type. */

static bool part(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w);

static bool known_number(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	return e->kind == BF_AST_VALUE && e->value.known;
}

static bool range(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w)
{
	if (!part(p, e->two.l, t, bits, w) || !part(p, e->two.r, t, bits, w))
		return false;
	if (t && t->form == BF_FORM_STRING)
		return wrong(p, e, &w, "names have no ranges");
	if (known_number(e->two.l) && known_number(e->two.r) && t && t->form != BF_FORM_HOUR &&
	    bf_ast_peel(e->two.l)->value.num > bf_ast_peel(e->two.r)->value.num)
		return wrong(p, e, &w, "the range ends before it begins");
	return true;
}

static bool prefix(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w)
{
	struct bf_ast_expr *v = (struct bf_ast_expr *)bf_ast_peel(e->two.l);
	struct bf_ast_expr *len = (struct bf_ast_expr *)bf_ast_peel(e->two.r);
	unsigned n = t ? width(t, bits) : v->kind == BF_AST_VALUE && v->value.lit == BF_LIT_IPV4 ? 32 : 128;

	if (!part(p, e->two.l, t, bits, w))
		return false;
	if (len->kind != BF_AST_VALUE || len->value.lit != BF_LIT_NUMBER || len->value.num > n)
		return wrong(p, e->two.r, &w, "the length of a prefix is a number up to %u here", n);
	if (t && (t->form == BF_FORM_STRING || t->form == BF_FORM_OBJECT))
		return wrong(p, e, &w, "names have no prefixes: \"eth*\" are all that begin so");
	if (v->kind == BF_AST_VALUE && v->value.known && len->value.num < n)
		v->value.num &= n - (unsigned)len->value.num == 128 ? 0 : ~(bf_u128)0 << (n - (unsigned)len->value.num);
	return true;
}

static bool binop(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w)
{
	bool shift = e->two.op >= BF_OP_LSHIFT;

	w.calc = true;
	if (!part(p, e->two.l, t, bits, w))
		return false;
	if (t && (t->form == BF_FORM_STRING || t->form == BF_FORM_OBJECT))
		return wrong(p, e, &w, "names cannot be calculated with");
	return shift ? part(p, e->two.r, &bf_ntypes[BF_T_INT], e->two.op >= BF_OP_ADD ? 32 : 8, w)
	             : part(p, e->two.r, t, bits, w);
}

static bool list(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w)
{
	bool ok = true;

	if (t && !t->flags)
		return wrong(p, e, &w, "a list is for bits; several values are a set: { a, b }");
	for (struct bf_ast_expr *i = e->items.first; i; i = i->next)
		ok &= part(p, i, t, bits, w);
	return ok;
}

static bool key(struct bf_nparser *p, const struct bf_ast_expr *e, const struct bf_ntype *t, const struct place *w)
{
	const struct bf_ntype *own;
	unsigned bits;

	type_of_key(e, &own, &bits);
	if (!t || !own || own->form == t->form)
		return true;
	if (own->form < BF_FORM_IPV4 && t->form < BF_FORM_IPV4) /* numbers */
		return true;
	if ((own->form == BF_FORM_PORT || own->form == BF_FORM_INDEX || own->form < BF_FORM_IPV4) &&
	    (t->form == BF_FORM_PORT || t->form == BF_FORM_INDEX || t->form < BF_FORM_IPV4 || t->form == BF_FORM_CLASSID))
		return true;
	return wrong(p, e, w, "%s where the type is %s", own->name, t->name);
}

static bool part(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_ntype *t, unsigned bits, struct place w)
{
	switch (e->kind) {
	case BF_AST_VALUE: return value(p, e, t, bits, &w);
	case BF_AST_KEY: return key(p, e, t, &w);
	case BF_AST_BINOP: return binop(p, e, t, bits, w);
	case BF_AST_RANGE: return range(p, e, t, bits, w);
	case BF_AST_PREFIX: return prefix(p, e, t, bits, w);
	case BF_AST_LIST: return list(p, e, t, bits, w);
	case BF_AST_VAR:
		w.var = w.var ? w.var : e;
		return part(p, e->var.value, t, bits, w);
	case BF_AST_VERDICT:
		return (t && t->form == BF_FORM_VERDICT) ||
			   wrong(p, e, &w, "a verdict where the type is %s", t ? t->name : "another");
	case BF_AST_SET:
	case BF_AST_SETREF: return wrong(p, e, &w, "a set cannot stand here");
	case BF_AST_CONCAT: return wrong(p, e, &w, "a concatenation where one value is wanted");
	case BF_AST_MAP:
	case BF_AST_ANY: return true;
	}
	return true;
}

static bool whole(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data,
                  struct place w);

static bool parts(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, struct place w)
{
	bool ok = true;
	uint32_t n = 0;

	if (!t->n)
		return true;
	if (e->kind != BF_AST_CONCAT)
		return t->n == 1 || e->kind == BF_AST_ANY ? part(p, e, t->type[0], t->bits[0], w)
		                                          : wrong(p, e, &w, "one value, the key has %u parts", t->n);
	if (e->items.n != t->n)
		return wrong(p, e, &w, "%u parts, the key has %u", e->items.n, t->n);
	for (struct bf_ast_expr *i = e->items.first; i; i = i->next, n++)
		ok &= part(p, i, t->type[n], t->bits[n], w);
	return ok;
}

static bool elements(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data,
                     struct place w)
{
	bool ok = true;

	for (struct bf_ast_elem *i = e->set.first; i && !p->err; i = i->next) {
		ok &= whole(p, i->key, t, data && !i->data ? data : NULL, w);
		if (i->data && !data)
			ok = wrong(p, i->data, &w, "an element of a set has no data; those of maps have");
		else if (i->data)
			ok &= whole(p, i->data, data, NULL, w);
		else if (data && !p->bare && bf_ast_peel(i->key)->kind != BF_AST_SET)
			ok = wrong(p, i->key, &w, "an element of a map without data: ':' and the data");
	}
	return ok;
}

static bool whole(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data,
                  struct place w)
{
	while (e->kind == BF_AST_VAR) {
		w.var = w.var ? w.var : e;
		e = e->var.value;
	}
	if (e->kind == BF_AST_SETREF)
		return true;
	if (e->kind == BF_AST_SET)
		return elements(p, e, t, data, w);
	return parts(p, e, t, w);
}

bool bf_p_resolve(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data)
{
	return whole(p, e, t, data, (struct place){ 0 });
}

bool bf_p_resolve_calc(struct bf_nparser *p, struct bf_ast_expr *e, const struct bf_types *t, const struct bf_types *data)
{
	return whole(p, e, t, data, (struct place){ .calc = true });
}

bool bf_p_resolve_one(struct bf_nparser *p, struct bf_ast_expr *e, enum bf_ntype_id type)
{
	struct bf_types t = { .type = { &bf_ntypes[type] }, .n = 1 };

	return bf_p_resolve(p, e, &t, NULL);
}
