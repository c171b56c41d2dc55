/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vars.c: variables. A use gets a copy of the value: values are typed where
 * they stand, and one variable may stand where a port is wanted and where a
 * mark is. Copies are counted, so that no chain of definitions grows
 * without end, and their depth is bounded like that of what is written out.
 */
#include "front/native/parse.h"

static uint32_t hash(const char *s, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h % BF_PARSE_BUCKETS;
}

static struct bf_ndef *find(struct bf_nparser *p, const char *name, size_t len)
{
	for (struct bf_ndef *d = p->defs[hash(name, len)]; d; d = d->next)
		if (!d->gone && !strncmp(d->name.text, name, len) && !d->name.text[len])
			return d;
	return NULL;
}

void bf_p_scope(struct bf_nparser *p, bool enter)
{
	if (enter) {
		p->scope++;
		return;
	}
	for (; p->last_def && p->last_def->scope == p->scope; p->last_def = p->last_def->older) {
		struct bf_ndef *d = p->last_def;

		p->defs[hash(d->name.text, strlen(d->name.text))] = d->next; /* it is the newest in its bucket too */
	}
	p->scope--;
}

enum { LEVEL = 3 }; /* what a level costs at most when it is written out and read again (expr.c) */

static void *new_copy(struct bf_nparser *p, size_t size)
{
	uint32_t max = p->o->max_copies ? p->o->max_copies : 8u << 20;

	if (p->err || p->copies++ < max)
		return bf_p_alloc(p, size);
	bf_p_error(p, bf_p_loc(p), "variables stand for too much: more than %u values and lists in all, counted at each use", max);
	p->err = -EINVAL;
	return NULL;
}

static struct bf_ast_expr *copy(struct bf_nparser *p, const struct bf_ast_expr *e, unsigned depth);

static struct bf_ast_elem *copy_elems(struct bf_nparser *p, const struct bf_ast_elem *e, unsigned depth)
{
	struct bf_ast_elem *first = NULL, **tail = &first;

	for (; e; e = e->next) {
		struct bf_ast_elem *n = new_copy(p, sizeof(*n));

		if (!n)
			return NULL;
		n->key = copy(p, e->key, depth);
		n->data = e->data ? copy(p, e->data, depth) : NULL;
		n->more = e->more; /* has no value that is typed by its place */
		if (!n->key || (e->data && !n->data))
			return NULL;
		*tail = n;
		tail = &n->next;
	}
	return first;
}

static bool copy_items(struct bf_nparser *p, struct bf_ast_expr *to, const struct bf_ast_expr *from, unsigned depth)
{
	struct bf_ast_expr **tail = &to->items.first;

	for (const struct bf_ast_expr *e = from->items.first; e; e = e->next) {
		*tail = copy(p, e, depth);
		if (!*tail)
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

static struct bf_ast_expr *copy(struct bf_nparser *p, const struct bf_ast_expr *e, unsigned depth)
{
	struct bf_ast_expr *n;

	if (depth > BF_PARSE_DEPTH)
		return bf_p_error(p, bf_p_loc(p), "variables of variables of variables: too deep"), NULL;
	n = new_copy(p, sizeof(*n));
	if (!n)
		return NULL;
	*n = *e;
	n->next = NULL;
	switch (e->kind) {
	case BF_AST_BINOP:
	case BF_AST_RANGE:
	case BF_AST_PREFIX:
	case BF_AST_MAP:
		n->two.l = copy(p, e->two.l, depth + LEVEL);
		n->two.r = n->two.l ? copy(p, e->two.r, depth + LEVEL) : NULL;
		return n->two.r ? n : NULL;
	case BF_AST_CONCAT:
	case BF_AST_LIST:
		return copy_items(p, n, e, depth + LEVEL) ? n : NULL;
	case BF_AST_SET:
		n->set.first = copy_elems(p, e->set.first, depth + LEVEL);
		return n->set.first || !e->set.first ? n : NULL;
	case BF_AST_VAR:
		n->var.value = copy(p, e->var.value, depth + LEVEL);
		return n->var.value ? n : NULL;
	default:
		return n;
	}
}

static void unknown(struct bf_nparser *p)
{
	struct bf_suggest s;

	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (const struct bf_ndef *d = p->last_def; d; d = d->older)
		if (!d->gone)
			bf_suggest_try(&s, d->name.text);
	bf_p_unknown(p, bf_p_loc(p), "unknown variable", &s);
}

/* $low-10.0.0.9, $a.5: a name may have - and . in it, so the longest that is defined counts. */
static struct bf_ndef *find_longest(struct bf_nparser *p)
{
	for (uint32_t n = BF_MIN(p->tok.n, (uint32_t)BF_PARSE_NAME); n; n--) {
		bool cut = n == p->tok.n || p->tok.text[n] == '-' || p->tok.text[n] == '.';
		struct bf_ndef *d = cut ? find(p, p->tok.text, n) : NULL;

		if (!d)
			continue;
		p->lex.at -= p->tok.n - n;
		p->tok.len -= p->tok.n - n;
		p->tok.n = n;
		return d;
	}
	return NULL;
}

struct bf_ast_expr *bf_p_var(struct bf_nparser *p)
{
	struct bf_ndef *d = find_longest(p);
	struct bf_ast_expr *e;

	if (!d) {
		unknown(p);
		return NULL;
	}
	e = bf_p_expr_new(p, BF_AST_VAR, bf_p_loc(p));
	if (!e)
		return NULL;
	e->var.name = d->name.text;
	e->var.defined = d->name.loc;
	e->var.value = copy(p, d->value, p->depth);
	if (!e->var.value)
		return NULL;
	bf_p_next(p);
	return e;
}

const char *bf_p_var_text(struct bf_nparser *p, const char *name, size_t len)
{
	struct bf_ndef *d = find(p, name, len);
	const struct bf_ast_expr *e = d ? bf_ast_peel(d->value) : NULL;

	return e && e->kind == BF_AST_VALUE ? e->value.text : NULL;
}

static bool bind(struct bf_nparser *p, const struct bf_ast_word *name, struct bf_ast_expr *value)
{
	struct bf_ndef *d = bf_p_new(p, struct bf_ndef);
	uint32_t h = hash(name->text, strlen(name->text));

	if (!d)
		return false;
	*d = (struct bf_ndef){ .next = p->defs[h], .older = p->last_def, .name = *name, .scope = p->scope, .value = value };
	p->defs[h] = p->last_def = d;
	return true;
}

static bool define(struct bf_nparser *p, bool again)
{
	static const struct bf_pctx c = { 0 };
	struct bf_ast_word name;
	struct bf_ndef *old;
	struct bf_ast_expr *value;

	if (!bf_p_name(p, "the name of a variable", &name) || !bf_p_expect(p, '=', "'='"))
		return false;
	value = bf_p_list(p, &c);
	if (!value)
		return false;
	old = find(p, name.text, strlen(name.text));
	if (old && old->scope == p->scope) {
		if (!again) {
			bf_p_error(p, name.loc, "'%s' is defined already; redefine changes it", name.text);
			bf_ast_note(p->ast, p->d, old->name.loc, "here");
			return false;
		}
		old->gone = true;
	}
	return bind(p, &name, value);
}

static bool undefine(struct bf_nparser *p)
{
	struct bf_ndef *d = p->tok.kind == BF_TOK_WORD ? find(p, p->tok.text, p->tok.n) : NULL;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "the name of a variable");
	if (!d)
		return unknown(p), false;
	d->gone = true;
	bf_p_next(p);
	return true;
}

static bool include(struct bf_nparser *p);

bool bf_p_var_cmd(struct bf_nparser *p, bool *done)
{
	*done = true;
	if (bf_p_eat_word(p, "define"))
		return define(p, false);
	if (bf_p_eat_word(p, "redefine"))
		return define(p, true);
	if (bf_p_eat_word(p, "undefine"))
		return undefine(p);
	if (bf_p_eat_word(p, "include"))
		return include(p);
	*done = false;
	return true;
}

/* Includes. */

struct included {
	struct bf_nparser *p;
	struct bf_ast_loc from;
};

/* Is it one of those that are being read? */
static bool is_open(const struct bf_nparser *p, const char *path)
{
	const struct bf_ast_source *s = &p->ast->sources[p->src];

	while (strcmp(s->name, path) && s->from.len)
		s = &p->ast->sources[s->from.src];
	return !strcmp(s->name, path);
}

static int read_file(void *arg, const char *path, const char *text, size_t len)
{
	struct included *i = arg;

	if (is_open(i->p, path)) {
		bf_p_error(i->p, i->from, "'%s' includes itself", path);
		return 0;
	}
	bf_p_source(i->p, path, text, len, i->from);
	return i->p->err;
}

static bool include(struct bf_nparser *p)
{
	struct included i = { p, bf_p_loc(p) };
	struct bf_ast_word path;
	int err;

	if (!bf_p_string(p, "the path of a file in quotes", &path))
		return false;
	if (!p->o->include)
		return bf_p_error(p, i.from, "includes are not allowed here");
	if (p->includes >= BF_PARSE_INCLUDES)
		return bf_p_error(p, i.from, "includes of includes of includes: %d at most", BF_PARSE_INCLUDES);
	if (p->ast->n_sources >= BF_PARSE_SOURCES)
		return bf_p_error(p, i.from, "these are more than %d files", BF_PARSE_SOURCES);
	p->includes++;
	err = p->o->include(p->o->include_ctx, path.text, read_file, &i);
	p->includes--;
	if (err == -ENOMEM)
		p->err = err;
	return !err || bf_p_error(p, i.from, "cannot read '%s': %s", path.text, strerror(-err));
}
