/* SPDX-License-Identifier: GPL-2.0-only */
/* json_expr.c: expressions and elements as libnftables-json(5) has them. */
#include "front/native/json.h"
#include "front/native/print.h"
#include "rule/print.h"

void bf_json_next(struct bf_buf *out)
{
	char last = out->len ? out->data[out->len - 1] : '[';

	if (last != '{' && last != '[' && last != ' ')
		bf_buf_puts(out, ", ");
}

void bf_json_key(struct bf_buf *out, const char *key)
{
	bf_json_next(out);
	bf_json_string(out, key);
	bf_buf_puts(out, ": ");
}

void bf_json_text(struct bf_buf *out, const char *key, const char *value)
{
	bf_json_key(out, key);
	bf_json_string(out, value);
}

void bf_json_int(struct bf_buf *out, const char *key, uint64_t value)
{
	bf_json_key(out, key);
	bf_buf_printf(out, "%llu", (unsigned long long)value);
}

void bf_json_open(struct bf_buf *out, const char *key)
{
	bf_buf_puts(out, "{");
	bf_json_key(out, key);
}

/* Values: the language's own words, as strings, lists of bits and numbers. */

static bool is_number(const char *s, unsigned long long *v)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &end, strncmp(s, "0x", 2) ? 10 : 16);
	return !*end && !errno && *v <= INT64_MAX;
}

static void put_bits(struct bf_buf *out, char *words)
{
	char *save, *w = strtok_r(words, ",", &save);

	bf_buf_puts(out, "[");
	for (; w; w = strtok_r(NULL, ",", &save)) {
		bf_json_next(out);
		bf_json_string(out, w);
	}
	bf_buf_puts(out, "]");
}

static void put_word(struct bf_buf *out, const struct bf_ast_expr *e, char *word)
{
	const struct bf_ntype *t = e->kind == BF_AST_VALUE ? e->value.type : NULL;
	size_t len = strlen(word);
	unsigned long long n;

	if (len > 1 && word[0] == '"' && word[len - 1] == '"') {
		word[len - 1] = '\0';
		bf_json_string(out, word + 1);
	} else if (is_number(word, &n)) {
		bf_buf_printf(out, "%llu", n);
	} else if (strchr(word, ',') && (!t || t->flags)) {
		put_bits(out, word);
	} else {
		bf_json_string(out, word);
	}
}

static void put_value(struct bf_buf *out, const struct bf_ast_expr *e)
{
	const struct bf_ntype *t = e->kind == BF_AST_VALUE ? e->value.type : NULL;
	_cleanup_buf_ struct bf_buf word = { 0 };

	if (t == &bf_ntypes[BF_T_BOOL] && e->value.known) {
		bf_buf_puts(out, e->value.num ? "true" : "false");
		return;
	}
	if (t && t->form == BF_FORM_TIME && e->value.known) {
		bf_buf_printf(out, "%llu", (unsigned long long)e->value.num / 1000);
		return;
	}
	bf_print_expr(&word, e);
	out->err = out->err ? out->err : word.err;
	if (word.data)
		put_word(out, e, word.data);
}

/* Keys. */

static void put_names(struct bf_buf *out, const char *key, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	_cleanup_buf_ struct bf_buf name = { 0 };

	bf_buf_printf(&name, "%s%s%s", k->sub ? k->sub : "", k->sub ? " " : "", k->name);
	if (k->flags & BF_NKF_INDEX)
		bf_buf_printf(&name, "[%u]", m->index);
	bf_json_text(out, key, name.data ? name.data : "");
}

/* A field of a header that has a name: an option, a chunk, an extension header. */
static void put_option(struct bf_buf *out, const char *what, const char *name, const struct bf_nkey *k,
                       const struct bf_ast_key *m)
{
	bf_json_key(out, what);
	bf_buf_puts(out, "{");
	if (name[0] == '#') {
		bf_json_int(out, "base", m->index);
		bf_json_int(out, "offset", m->at);
		bf_json_int(out, "len", m->bits ? m->bits : 8); /* does it exist? */
	} else {
		bf_json_text(out, "name", name);
		if (k->name)
			put_names(out, "field", &(struct bf_nkey){ .name = k->name, .flags = k->flags }, m);
	}
	bf_buf_puts(out, "}");
}

static void put_fib(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	static const char *const flags[] = { "saddr", "daddr", "mark", "iif", "oif" };

	bf_json_text(out, "result", k->name);
	bf_json_key(out, "flags");
	bf_buf_puts(out, "[");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(flags); i++)
		if (m->fib & 1u << i) {
			bf_json_next(out);
			bf_json_string(out, flags[i]);
		}
	bf_buf_puts(out, "]");
}

static void put_generator(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	if (k->class == BF_NK_NUMGEN)
		bf_json_text(out, "mode", m->random ? "random" : "inc");
	bf_json_int(out, "mod", m->mod);
	if (m->seeded)
		bf_json_int(out, "seed", m->seed);
	if (m->offset || k->class == BF_NK_NUMGEN)
		bf_json_int(out, "offset", m->offset);
	if (m->arg) {
		bf_json_key(out, "expr");
		bf_json_expr(out, m->arg);
	}
}

static void put_raw(struct bf_buf *out, const struct bf_ast_key *m)
{
	static const char *const bases[] = { ['l'] = "ll", ['n'] = "nh", ['t'] = "th", ['i'] = "ih" };

	bf_json_text(out, "base", bases[(unsigned char)m->base]);
	bf_json_int(out, "offset", m->at);
	bf_json_int(out, "len", m->bits);
}

static void put_ipsec(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	bf_json_text(out, "key", k->name);
	if (k->sub)
		bf_json_text(out, "family", k->sub);
	bf_json_text(out, "dir", m->side == 'i' ? "in" : "out");
	bf_json_int(out, "spnum", m->index);
}

static const char *word_of(const struct bf_nkey *k)
{
	switch (k->class) {
	case BF_NK_LL:
	case BF_NK_NH:
	case BF_NK_TH:
	case BF_NK_RAW: return "payload";
	default: return k->group;
	}
}

/* The members of {"payload": { }} and its like. */
static void put_members(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	switch (k->class) {
	case BF_NK_LL:
	case BF_NK_NH:
	case BF_NK_TH:
		bf_json_text(out, "protocol", k->group);
		put_names(out, "field", k, m);
		break;
	case BF_NK_RAW: put_raw(out, m); break;
	case BF_NK_FIB: put_fib(out, k, m); break;
	case BF_NK_NUMGEN:
	case BF_NK_JHASH:
	case BF_NK_SYMHASH: put_generator(out, k, m); break;
	case BF_NK_IPSEC: put_ipsec(out, k, m); break;
	case BF_NK_RT:
		bf_json_text(out, "key", k->name);
		if (k->sub)
			bf_json_text(out, "family", k->sub);
		break;
	case BF_NK_OSF:
		bf_json_text(out, "key", k->name);
		if (m->side)
			bf_json_text(out, "ttl", m->side == 'l' ? "loose" : "skip");
		break;
	default:
		put_names(out, "key", k, m);
		if (m->dir)
			bf_json_text(out, "dir", m->dir == 1 ? "original" : "reply");
	}
}

static void put_key(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *more)
{
	static const struct bf_ast_key none;
	const struct bf_ast_key *m = more ? more : &none;

	bf_buf_puts(out, "{");
	switch (k->class) {
	case BF_NK_EXTHDR: put_option(out, "exthdr", k->sub ? k->sub : k->group, k, m); break;
	case BF_NK_TCPOPT:
	case BF_NK_IPOPT:
	case BF_NK_CHUNK: put_option(out, k->group, k->sub, k, m); break;
	default:
		bf_json_key(out, word_of(k));
		bf_buf_puts(out, "{");
		put_members(out, k, m);
		bf_buf_puts(out, "}");
	}
	bf_buf_puts(out, "}");
}

/* Compound ones. */

static void put_list(struct bf_buf *out, const struct bf_ast_expr *e)
{
	bf_buf_puts(out, "[");
	for (; e; e = e->next) {
		bf_json_next(out);
		bf_json_expr(out, e);
	}
	bf_buf_puts(out, "]");
}

static void put_two(struct bf_buf *out, const char *key, const struct bf_ast_expr *e)
{
	bf_json_open(out, key);
	bf_buf_puts(out, "[");
	bf_json_expr(out, e->two.l);
	bf_buf_puts(out, ", ");
	bf_json_expr(out, e->two.r);
	bf_buf_puts(out, "]}");
}

/* syn | ack */
static bool are_bits(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP)
		return e->two.op == BF_OP_OR && are_bits(e->two.l) && are_bits(e->two.r);
	return e->kind == BF_AST_VALUE && e->value.type && e->value.type->flags;
}

static void put_ored(struct bf_buf *out, const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP) {
		put_ored(out, e->two.l);
		put_ored(out, e->two.r);
		return;
	}
	bf_json_next(out);
	bf_json_expr(out, e);
}

static void put_binop(struct bf_buf *out, const struct bf_ast_expr *e)
{
	static const char *const signs[] = { [BF_OP_AND] = "&", [BF_OP_OR] = "|", [BF_OP_XOR] = "^", [BF_OP_LSHIFT] = "<<",
		                                 [BF_OP_RSHIFT] = ">>", [BF_OP_ADD] = "+", [BF_OP_SUB] = "-" };

	if (are_bits(e)) {
		bf_buf_puts(out, "[");
		put_ored(out, e);
		bf_buf_puts(out, "]");
	} else {
		put_two(out, signs[e->two.op], e);
	}
}

static void put_pair(struct bf_buf *out, const char *word, const char *l, const char *r, const struct bf_ast_expr *e)
{
	bf_json_open(out, word);
	bf_buf_puts(out, "{");
	bf_json_key(out, l);
	bf_json_expr(out, e->two.l);
	bf_json_key(out, r);
	bf_json_expr(out, e->two.r);
	bf_buf_puts(out, "}}");
}

static void put_verdict(struct bf_buf *out, const struct bf_ast_expr *e)
{
	static const char *const words[] = { [BF_AST_ACCEPT] = "accept", [BF_AST_DROP] = "drop", [BF_AST_CONTINUE] = "continue",
		                                 [BF_AST_RETURN] = "return", [BF_AST_JUMP] = "jump", [BF_AST_GOTO] = "goto" };

	bf_json_open(out, words[e->verdict.kind]);
	if (e->verdict.chain.text) {
		bf_buf_puts(out, "{");
		bf_json_text(out, "target", e->verdict.chain.text);
		bf_buf_puts(out, "}}");
	} else {
		bf_buf_puts(out, "null}");
	}
}

void bf_json_expr(struct bf_buf *out, const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE:
	case BF_AST_SETREF:
	case BF_AST_ANY: put_value(out, e); break;
	case BF_AST_KEY: put_key(out, e->key.row, e->key.more); break;
	case BF_AST_BINOP: put_binop(out, e); break;
	case BF_AST_RANGE: put_two(out, "range", e); break;
	case BF_AST_PREFIX: put_pair(out, "prefix", "addr", "len", e); break;
	case BF_AST_CONCAT:
		bf_json_open(out, "concat");
		put_list(out, e->items.first);
		bf_buf_puts(out, "}");
		break;
	case BF_AST_LIST: put_list(out, e->items.first); break;
	case BF_AST_SET:
		bf_json_open(out, "set");
		bf_buf_puts(out, "[");
		bf_json_elems(out, e->set.first);
		bf_buf_puts(out, "]}");
		break;
	case BF_AST_MAP: put_pair(out, "map", "key", "data", e); break;
	case BF_AST_VERDICT: put_verdict(out, e); break;
	case BF_AST_VAR: break; /* peeled */
	}
}

/* As one value, where a list would be several: {"|": [{"|": [a, b]}, c]}. */
void bf_json_one(struct bf_buf *out, const struct bf_ast_expr *e)
{
	_cleanup_buf_ struct bf_buf words = { 0 };
	char *save, *w;

	if (!are_bits(e) && bf_ast_peel(e)->kind != BF_AST_LIST) {
		bf_json_expr(out, e);
		return;
	}
	bf_print_expr(&words, e);
	out->err = out->err ? out->err : words.err;
	if (!words.data)
		return;
	for (const char *c = words.data; *c; c++)
		bf_buf_puts(out, *c == ',' || *c == '|' ? "{\"|\": [" : "");
	w = strtok_r(words.data, " ,|", &save);
	put_word(out, bf_ast_peel(e), w);
	while ((w = strtok_r(NULL, " ,|", &save))) {
		bf_buf_puts(out, ", ");
		put_word(out, bf_ast_peel(e), w);
		bf_buf_puts(out, "]}");
	}
}

/* Elements. */

static void put_more(struct bf_buf *out, const struct bf_ast_elem_more *m, bool stmts)
{
	if (m->has_timeout)
		bf_json_int(out, "timeout", m->timeout / 1000);
	if (m->has_expires)
		bf_json_int(out, "expires", m->expires / 1000);
	if (m->comment)
		bf_json_text(out, "comment", m->comment);
	for (const struct bf_ast_stmt *s = stmts ? m->stmts : NULL; s; s = s->next) {
		_cleanup_buf_ struct bf_buf one = { 0 };
		struct bf_ast_stmt alone = *s;

		alone.next = NULL;
		bf_json_stmts(&one, &alone); /* {"counter": ...}: a member here, not an object */
		bf_json_next(out);
		if (one.len > 2)
			bf_buf_add(out, one.data + 1, one.len - 2);
	}
}

void bf_json_elem_key(struct bf_buf *out, const struct bf_ast_elem *el, bool stmts)
{
	const struct bf_ast_elem_more *m = el->more;

	if (!m || !(m->has_timeout || m->has_expires || m->comment || (stmts && m->stmts))) {
		bf_json_one(out, el->key);
		return;
	}
	bf_json_open(out, "elem");
	bf_buf_puts(out, "{");
	bf_json_key(out, "val");
	bf_json_one(out, el->key);
	put_more(out, m, stmts);
	bf_buf_puts(out, "}}");
}

void bf_json_elems(struct bf_buf *out, const struct bf_ast_elem *el)
{
	for (; el; el = el->next) {
		const struct bf_ast_expr *key = bf_ast_peel(el->key);

		if (key->kind == BF_AST_SET && !el->data && !el->more) {
			bf_json_elems(out, key->set.first);
			continue;
		}
		bf_json_next(out);
		bf_buf_puts(out, el->data ? "[" : "");
		bf_json_elem_key(out, el, true);
		if (el->data) {
			bf_buf_puts(out, ", ");
			bf_json_expr(out, el->data);
			bf_buf_puts(out, "]");
		}
	}
}
