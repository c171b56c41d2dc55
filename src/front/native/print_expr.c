/* SPDX-License-Identifier: GPL-2.0-only */
/* print_expr.c: expressions as nft lists them; what a variable stands for in its place. */
#include "front/native/print.h"

void bf_print_quoted(struct bf_buf *out, const char *s)
{
	bf_buf_printf(out, "\"%s\"", s); /* a string has no quotes in it */
}

static void print_value(struct bf_buf *out, const struct bf_ast_expr *e, bool number)
{
	bool quoted = e->value.lit == BF_LIT_STRING;

	if (e->value.type && e->value.text)
		quoted = e->value.type->form == BF_FORM_STRING || e->value.type->form == BF_FORM_INDEX ||
		         e->value.type->form == BF_FORM_OBJECT;
	if (e->value.known && e->value.lit == BF_LIT_NUMBER && e->value.type &&
	    (e->value.type->form == BF_FORM_DATE || e->value.type->form == BF_FORM_HOUR))
		/* seconds of UTC, not of the wall clock: as a number again */
		bf_nvalue_print(out, NULL, e->value.type->form == BF_FORM_DATE ? e->value.num / 1000000000 : e->value.num);
	else if (e->value.known && (e->value.type || e->value.lit == BF_LIT_NUMBER))
		(number || e->value.plain ? bf_nnumber_print : bf_nvalue_print)(out, e->value.type, e->value.num);
	else if (e->value.text)
		bf_buf_printf(out, quoted ? "\"%s\"" : "%s", e->value.text);
	else
		bf_nvalue_print(out,
	                    &bf_ntypes[e->value.lit == BF_LIT_IPV4   ? BF_T_IPV4
	                               : e->value.lit == BF_LIT_IPV6 ? BF_T_IPV6
	                                                             : BF_T_ETHER],
	                    e->value.num);
}

static void print_fib(struct bf_buf *out, const struct bf_ast_key *m)
{
	static const char *const words[] = { "saddr", "daddr", "mark", "iif", "oif" };
	const char *dot = " ";

	bf_buf_puts(out, "fib");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(words); i++)
		if (m->fib & 1u << i) {
			bf_buf_printf(out, "%s%s", dot, words[i]);
			dot = " . ";
		}
}

static void print_generator(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	bf_buf_puts(out, k->group);
	if (k->class == BF_NK_NUMGEN)
		bf_buf_puts(out, m->random ? " random" : " inc");
	if (m->arg) {
		bf_buf_puts(out, " ");
		bf_print_expr(out, m->arg);
	}
	bf_buf_printf(out, " mod %u", m->mod);
	if (m->seeded)
		bf_buf_printf(out, " seed 0x%x", m->seed);
	if (m->offset)
		bf_buf_printf(out, " offset %u", m->offset);
}

static void print_names(struct bf_buf *out, const struct bf_nkey *k)
{
	if (k->sub)
		bf_buf_printf(out, " %s", k->sub);
	if (k->name)
		bf_buf_printf(out, " %s", k->name);
}

static void print_words(struct bf_buf *out, const struct bf_nkey *k)
{
	if (k->flags & BF_NKF_SHORT) {
		bf_buf_puts(out, k->name);
		return;
	}
	bf_buf_puts(out, k->group);
	print_names(out, k);
}

static void print_key(struct bf_buf *out, const struct bf_nkey *k, const struct bf_ast_key *m)
{
	static const struct bf_ast_key none;
	static const char *const bases[] = { ['l'] = "ll", ['n'] = "nh", ['t'] = "th", ['i'] = "ih" };

	m = m ? m : &none;
	switch (k->class) {
	case BF_NK_FIB:
		print_fib(out, m);
		bf_buf_printf(out, " %s", k->name);
		break;
	case BF_NK_NUMGEN:
	case BF_NK_JHASH:
	case BF_NK_SYMHASH: print_generator(out, k, m); break;
	case BF_NK_RAW: bf_buf_printf(out, "@%s,%u,%u", bases[(unsigned char)m->base], m->at, m->bits); break;
	case BF_NK_CT:
		bf_buf_printf(out, "ct%s", m->dir == 1 ? " original" : m->dir == 2 ? " reply" : "");
		print_names(out, k);
		break;
	case BF_NK_IPSEC:
		bf_buf_printf(out, "ipsec %s", m->side == 'i' ? "in" : "out");
		if (m->index)
			bf_buf_printf(out, " spnum %u", m->index);
		print_names(out, k);
		break;
	case BF_NK_OSF:
		bf_buf_printf(out, "osf%s %s", m->side == 'l' ? " ttl loose" : m->side == 's' ? " ttl skip" : "", k->name);
		break;
	case BF_NK_TCPOPT:
		if (k->sub[0] == '#') {
			bf_buf_printf(out, m->bits ? "tcp option @%u,%u,%u" : "tcp option %u", m->index, m->at, m->bits);
			break;
		}
		/* fall through */
	default:
		print_words(out, k);
		if (k->flags & BF_NKF_INDEX)
			bf_buf_printf(out, "[%u]", m->index);
		if (k->class == BF_NK_SOCKET && !strcmp(k->name, "cgroupv2"))
			bf_buf_printf(out, " level %u", m->index);
	}
}

static unsigned strength(const struct bf_ast_expr *e)
{
	static const unsigned of[] = { [BF_OP_OR] = 1,     [BF_OP_XOR] = 2, [BF_OP_AND] = 3, [BF_OP_LSHIFT] = 4,
	                               [BF_OP_RSHIFT] = 4, [BF_OP_ADD] = 4, [BF_OP_SUB] = 4 };

	e = bf_ast_peel(e);
	if (e->kind == BF_AST_BINOP)
		return of[e->two.op];
	return e->kind == BF_AST_LIST || e->kind == BF_AST_CONCAT || e->kind == BF_AST_RANGE || e->kind == BF_AST_PREFIX
	           ? 0
	           : 5;
}

/* The value of several bits may be printed as a list, which binds like nothing else. */
static bool is_list(const struct bf_ast_expr *e)
{
	const struct bf_nsym *s;

	e = bf_ast_peel(e);
	if (e->kind != BF_AST_VALUE || !e->value.known || !e->value.type || !e->value.type->flags)
		return false;
	for (s = e->value.type->syms; s && s->name; s++)
		if (s->value == e->value.num)
			return false;
	return e->value.num & (e->value.num - 1);
}

void bf_print_number(struct bf_buf *out, const struct bf_ast_expr *e)
{
	if (is_list(e))
		bf_buf_printf(out, "0x%llx", (unsigned long long)bf_ast_peel(e)->value.num);
	else
		bf_print_expr(out, e);
}

static void print_inside(struct bf_buf *out, const struct bf_ast_expr *e, bool parens)
{
	parens |= is_list(e);
	bf_buf_puts(out, parens ? "(" : "");
	bf_print_expr(out, e);
	bf_buf_puts(out, parens ? ")" : "");
}

static void print_binop(struct bf_buf *out, const struct bf_ast_expr *e)
{
	static const char *const signs[] = { [BF_OP_AND] = "&", [BF_OP_OR] = "|", [BF_OP_XOR] = "^", [BF_OP_LSHIFT] = "<<",
		                                 [BF_OP_RSHIFT] = ">>", [BF_OP_ADD] = "+", [BF_OP_SUB] = "-" };

	print_inside(out, e->two.l, strength(e->two.l) < strength(e));
	bf_buf_printf(out, " %s ", signs[e->two.op]);
	print_inside(out, e->two.r, strength(e->two.r) <= strength(e));
}

/* All items are bits with a known value: then they are one value, in the order of the bits. */
static bool print_bits(struct bf_buf *out, const struct bf_ast_expr *e)
{
	const struct bf_ntype *t = NULL;
	bf_u128 v = 0;

	for (const struct bf_ast_expr *i = e->items.first; i; i = i->next) {
		const struct bf_ast_expr *x = bf_ast_peel(i);

		if (x->kind != BF_AST_VALUE || !x->value.known || !x->value.type || !x->value.type->flags || !x->value.num)
			return false;
		t = x->value.type;
		v |= x->value.num;
	}
	bf_nvalue_print(out, t, v);
	return true;
}

static void print_items(struct bf_buf *out, const struct bf_ast_expr *e)
{
	const char *sign = "";

	if (e->kind == BF_AST_LIST && print_bits(out, e))
		return;
	for (const struct bf_ast_expr *i = e->items.first; i; i = i->next) {
		enum bf_ast_expr_kind k = bf_ast_peel(i)->kind;

		bf_buf_puts(out, sign);
		print_inside(out, i, k == BF_AST_LIST || (k == BF_AST_CONCAT && e->kind == BF_AST_CONCAT));
		sign = e->kind == BF_AST_LIST ? "," : " . ";
	}
}

static void print_verdict(struct bf_buf *out, const struct bf_ast_expr *e)
{
	static const char *const words[] = {
		[BF_AST_ACCEPT] = "accept", [BF_AST_DROP] = "drop", [BF_AST_CONTINUE] = "continue", [BF_AST_RETURN] = "return",
		[BF_AST_JUMP] = "jump", [BF_AST_GOTO] = "goto",
	};

	bf_buf_puts(out, words[e->verdict.kind]);
	if (e->verdict.chain.text)
		bf_buf_printf(out, " %s", e->verdict.chain.text);
}

/* Of a range or a prefix. */
static void print_end(struct bf_buf *out, const struct bf_ast_expr *e)
{
	const struct bf_ast_expr *v = bf_ast_peel(e);

	if (v->kind == BF_AST_VALUE && v->value.known)
		print_value(out, v, true);
	else
		print_inside(out, e, strength(e) == 0);
}

void bf_print_expr(struct bf_buf *out, const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE: print_value(out, e, false); break;
	case BF_AST_KEY: print_key(out, e->key.row, e->key.more); break;
	case BF_AST_BINOP: print_binop(out, e); break;
	case BF_AST_RANGE:
	case BF_AST_PREFIX:
		print_end(out, e->two.l);
		bf_buf_puts(out, e->kind == BF_AST_RANGE ? "-" : "/");
		print_end(out, e->two.r);
		break;
	case BF_AST_CONCAT:
	case BF_AST_LIST: print_items(out, e); break;
	case BF_AST_SET: bf_print_set(out, e, NULL); break;
	case BF_AST_SETREF: bf_buf_printf(out, "@%s", e->name.text); break;
	case BF_AST_MAP:
		bf_print_expr(out, e->two.l);
		bf_buf_puts(out, " map ");
		bf_print_expr(out, e->two.r);
		break;
	case BF_AST_ANY: bf_buf_puts(out, "*"); break;
	case BF_AST_VERDICT: print_verdict(out, e); break;
	case BF_AST_VAR: break; /* peeled */
	}
}

static void print_elem_stmts(struct bf_buf *out, const struct bf_ast_stmt *s, bool fresh)
{
	for (; s; s = s->next) {
		bf_buf_puts(out, " ");
		if (fresh && s->kind == BF_STMT_COUNTER && !s->counter.packets && !s->counter.bytes)
			bf_buf_puts(out, "counter");
		else
			bf_print_stmt(out, s);
	}
}

void bf_print_elem(struct bf_buf *out, const struct bf_ast_elem *el, bool fresh)
{
	const struct bf_ast_elem_more *m = el->more;

	bf_print_expr(out, el->key);
	if (m && m->has_timeout) {
		bf_buf_puts(out, " timeout ");
		bf_ntime_print(out, m->timeout);
	}
	if (m && m->has_expires) {
		bf_buf_puts(out, " expires ");
		bf_ntime_print(out, m->expires);
	}
	if (m)
		print_elem_stmts(out, m->stmts, fresh);
	if (m && m->comment)
		bf_buf_printf(out, " comment \"%s\"", m->comment);
	if (el->data) {
		bf_buf_puts(out, " : ");
		bf_print_expr(out, el->data);
	}
}

struct elems { /* of a set and of those in it */
	struct bf_buf *out;
	const char *wrap;
	size_t line; /* where the line began */
	bool any;
};

enum { LINE = 90 };

static void print_elems(struct elems *s, const struct bf_ast_elem *el)
{
	for (; el; el = el->next) {
		const struct bf_ast_expr *key = bf_ast_peel(el->key);

		if (key->kind == BF_AST_SET && !el->data && !el->more) {
			print_elems(s, key->set.first);
			continue;
		}
		if (s->any && s->wrap && s->out->len - s->line > LINE) {
			bf_buf_printf(s->out, ",%s", s->wrap);
			s->line = s->out->len;
		} else {
			bf_buf_puts(s->out, s->any ? ", " : " ");
		}
		s->any = true;
		bf_print_elem(s->out, el, false);
	}
}

void bf_print_set(struct bf_buf *out, const struct bf_ast_expr *e, const char *wrap)
{
	struct elems s = { out, wrap, out->len, false };

	e = bf_ast_peel(e);
	bf_buf_puts(out, "{");
	print_elems(&s, e->set.first);
	bf_buf_puts(out, " }");
}

void bf_native_print_expr(struct bf_buf *out, const struct bf_ast_expr *e)
{
	bf_print_expr(out, e);
}
