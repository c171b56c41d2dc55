/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elem_box.c: keys of elements as ranges of numbers. Names that the system
 * knows (interfaces by index, users) have no number here: they stand behind
 * all numbers, apart from each other.
 */
#include "front/native/elem_box.h"

static unsigned width(const struct bf_types *t, uint32_t part)
{
	const struct bf_ntype *type = t->type[part];

	if (type && type->form == BF_FORM_STRING)
		return 128;
	if (t->bits[part] && t->bits[part] < 128)
		return t->bits[part];
	return type && type->bits ? type->bits : 128;
}

static bf_u128 ones(unsigned n)
{
	return n >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << n) - 1;
}

/* Interface names: their bytes, the first on top; eth* is all that begin so. */
static void read_string(bf_u128 *lo, bf_u128 *hi, const char *s)
{
	size_t len = strlen(s);
	bool wild = len && s[len - 1] == '*';

	len -= wild;
	*lo = 0;
	for (size_t i = 0; i < 16; i++)
		*lo = *lo << 8 | (i < len ? (unsigned char)s[i] : 0);
	*hi = wild ? *lo | ones(128 - 8 * (unsigned)len) : *lo;
}

/* Longer ones, and those of the system. */
static bf_u128 read_name(const char *s)
{
	uint64_t h = 14695981039346656037u;
	bf_u128 top = 0;

	for (const char *p = s; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (unsigned i = 0; i < 7; i++) {
		top = top << 8 | (unsigned char)*s;
		s += *s != '\0';
	}
	return (bf_u128)1 << 127 | top << 64 | h;
}

static bool read_value(bf_u128 *lo, bf_u128 *hi, const struct bf_ast_expr *e)
{
	if (e->value.known || !e->value.text) {
		*lo = *hi = e->value.num;
		return true;
	}
	if (e->value.type && e->value.type->form == BF_FORM_STRING && strlen(e->value.text) <= 16)
		read_string(lo, hi, e->value.text);
	else
		*lo = *hi = read_name(e->value.text);
	return true;
}

static bool read_part(bf_u128 *lo, bf_u128 *hi, const struct bf_ast_expr *e, unsigned bits);

static bool read_binop(bf_u128 *out, const struct bf_ast_expr *e, unsigned bits)
{
	bf_u128 l, r, l2, r2;

	if (!read_part(&l, &l2, e->two.l, bits) || !read_part(&r, &r2, e->two.r, bits) || l != l2 || r != r2)
		return false;
	switch (e->two.op) {
	case BF_OP_AND: *out = l & r; break;
	case BF_OP_OR: *out = l | r; break;
	case BF_OP_XOR: *out = l ^ r; break;
	case BF_OP_LSHIFT: *out = r < 128 ? l << (unsigned)r : 0; break;
	case BF_OP_RSHIFT: *out = r < 128 ? l >> (unsigned)r : 0; break;
	case BF_OP_ADD: *out = l + r; break;
	case BF_OP_SUB: *out = l - r; break;
	}
	*out &= ones(bits);
	return true;
}

static bool read_range(bf_u128 *lo, bf_u128 *hi, const struct bf_ast_expr *e, unsigned bits)
{
	bf_u128 a, b;

	if (!read_part(lo, &a, e->two.l, bits) || !read_part(&b, hi, e->two.r, bits) || *lo != a || *hi != b)
		return false;
	if (e->kind == BF_AST_PREFIX) { /* *hi is its length */
		if (*hi > bits)
			return false;
		b = ones(bits - (unsigned)*hi);
		*lo &= ~b;
		*hi = *lo | b;
	}
	return true;
}

/* Bits in a list are or'ed. */
static bool read_list(bf_u128 *out, const struct bf_ast_expr *e, unsigned bits)
{
	bf_u128 lo, hi;

	*out = 0;
	for (const struct bf_ast_expr *i = e->items.first; i; i = i->next) {
		if (!read_part(&lo, &hi, i, bits) || lo != hi)
			return false;
		*out |= lo;
	}
	return true;
}

static bool read_part(bf_u128 *lo, bf_u128 *hi, const struct bf_ast_expr *e, unsigned bits)
{
	bool ok;

	e = bf_ast_peel(e);
	switch (e->kind) {
	case BF_AST_VALUE: return read_value(lo, hi, e);
	case BF_AST_RANGE:
	case BF_AST_PREFIX: return read_range(lo, hi, e, bits);
	case BF_AST_BINOP: ok = read_binop(lo, e, bits); break;
	case BF_AST_LIST: ok = read_list(lo, e, bits); break;
	default: return false;
	}
	*hi = *lo;
	return ok;
}

bool bf_nbox_read(bf_u128 *box, const struct bf_ast_expr *key, const struct bf_types *t)
{
	uint32_t n = 0;

	key = bf_ast_peel(key);
	if (key->kind == BF_AST_ANY) {
		for (; n < t->n; n++) {
			box[2 * n] = ~(bf_u128)0;
			box[2 * n + 1] = 0;
		}
		return true;
	}
	if (key->kind != BF_AST_CONCAT)
		return t->n == 1 && read_part(&box[0], &box[1], key, width(t, 0));
	for (const struct bf_ast_expr *i = key->items.first; i && n < t->n; i = i->next, n++)
		if (!read_part(&box[2 * n], &box[2 * n + 1], i, width(t, n)))
			return false;
	return n == t->n && key->items.n == n;
}

/* And back. */

/* Parts that are rewritten; others keep the way they were written, which may say more than the number. */
static bool is_plain(const struct bf_ntype *t)
{
	if (!t || t->flags)
		return false;
	switch (t->form) {
	case BF_FORM_DEC:
	case BF_FORM_HEX:
	case BF_FORM_IPV4:
	case BF_FORM_IPV6:
	case BF_FORM_MAC:
	case BF_FORM_PORT: return true;
	default: return false;
	}
}

static struct bf_ast_expr *make(struct bf_arena *a, enum bf_ast_expr_kind kind)
{
	struct bf_ast_expr *e = bf_arena_new_of(a, struct bf_ast_expr);

	if (e)
		e->kind = kind;
	return e;
}

static struct bf_ast_expr *value(struct bf_arena *a, bf_u128 n, const struct bf_ntype *t)
{
	struct bf_ast_expr *e = make(a, BF_AST_VALUE);

	if (e) {
		e->value.lit = t && t->form == BF_FORM_IPV4 ? BF_LIT_IPV4 : t && t->form == BF_FORM_IPV6 ? BF_LIT_IPV6 :
		               t && t->form == BF_FORM_MAC  ? BF_LIT_MAC  : BF_LIT_NUMBER;
		e->value.known = true;
		e->value.type = t;
		e->value.num = n;
	}
	return e;
}

/* How many leading bits lo and hi have in common, when they are the first and last with them; else -1. */
static int prefix_len(bf_u128 lo, bf_u128 hi, unsigned bits)
{
	bf_u128 differ = lo ^ hi;
	unsigned n = 0;

	if (differ & (differ + 1) || lo & differ)
		return -1;
	while (n < bits && differ >> n)
		n++;
	return (int)(bits - n);
}

static bool has_prefixes(const struct bf_ntype *t)
{
	return t->form == BF_FORM_IPV4 || t->form == BF_FORM_IPV6 || t == &bf_ntypes[BF_T_MARK];
}

static struct bf_ast_expr *range(struct bf_arena *a, const bf_u128 *box, const struct bf_ntype *type, unsigned bits)
{
	int len = has_prefixes(type) ? prefix_len(box[0], box[1], bits) : -1;
	struct bf_ast_expr *e = make(a, len >= 0 ? BF_AST_PREFIX : BF_AST_RANGE);

	if (!e)
		return NULL;
	e->two.l = value(a, box[0], type);
	e->two.r = len >= 0 ? value(a, (bf_u128)len, NULL) : value(a, box[1], type);
	return e->two.l && e->two.r ? e : NULL;
}

static struct bf_ast_expr *part_expr(struct bf_arena *a, const bf_u128 *box, const struct bf_types *t, uint32_t part,
                                     const struct bf_ast_expr *like)
{
	const struct bf_ntype *type = t->type[part];
	struct bf_ast_expr *e;

	if (!is_plain(type))
		e = bf_arena_memdup(a, like, sizeof(*like));
	else if (box[0] == box[1])
		e = value(a, box[0], type);
	else
		e = range(a, box, type, width(t, part));
	if (e) {
		e->loc = like->loc;
		e->next = NULL;
	}
	return e;
}

struct bf_ast_expr *bf_nbox_expr(struct bf_arena *a, const bf_u128 *box, const struct bf_types *t,
                                 const struct bf_ast_expr *like)
{
	struct bf_ast_expr *e, **tail;
	const struct bf_ast_expr *i;
	uint32_t n = 0;

	like = bf_ast_peel(like);
	if (like->kind == BF_AST_ANY)
		return bf_arena_memdup(a, like, sizeof(*like));
	if (like->kind != BF_AST_CONCAT)
		return part_expr(a, box, t, 0, like);
	e = make(a, BF_AST_CONCAT);
	tail = e ? &e->items.first : NULL;
	for (i = like->items.first; e && i; i = i->next, n++) {
		*tail = part_expr(a, box + 2 * n, t, n, bf_ast_peel(i));
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
	}
	if (e) {
		e->items.n = n;
		e->loc = like->loc;
	}
	return e;
}

unsigned bf_nbox_bits(const struct bf_types *t)
{
	return t->n == 1 && is_plain(t->type[0]) ? width(t, 0) : 0;
}

struct bf_ast_expr *bf_nbox_number(struct bf_arena *a, const bf_u128 *box, const struct bf_types *t)
{
	static const struct bf_ast_expr like = { .kind = BF_AST_VALUE };

	return part_expr(a, box, t, 0, &like);
}
