/* SPDX-License-Identifier: GPL-2.0-only */
#include "front/native/fields.h"
#include "front/native/native.h"

#include <net/if.h>
#include <stdio.h>

#include "keys.h"

static bf_u128 ones(unsigned bits)
{
	return bits >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << bits) - 1;
}

/* Strings as fields have them: padded to 16 bytes, the first one on top. */
static bf_u128 number(const struct bf_ast_expr *e)
{
	bf_u128 v = 0;

	if (e->value.known)
		return e->value.num;
	if (e->value.type == &bf_ntypes[BF_T_IFINDEX])
		return if_nametoindex(e->value.text);
	for (int i = 0; i < 16; i++)
		v = v << 8 | (uint8_t)(strlen(e->value.text) > (size_t)i ? e->value.text[i] : 0);
	return v;
}

/* What lies in the range, of the key's bits. */
static bool range_of(const struct bf_ast_stmt *s, unsigned bits, struct bf_range *r, bool *neg)
{
	const struct bf_ast_expr *e = bf_ast_peel(s->match.r);
	bool range = e->kind == BF_AST_RANGE;

	*neg = s->match.rel == BF_REL_NE;
	r->lo = number(bf_ast_peel(range ? e->two.l : e));
	if (e->kind == BF_AST_VALUE && e->value.type == &bf_ntypes[BF_T_BOOL] && bits > 1) { /* is there any? */
		r->hi = r->lo ? ones(bits) : 0;
		return true;
	}
	r->hi = number(bf_ast_peel(range ? e->two.r : e));
	switch (s->match.rel) {
	case BF_REL_LT:
		r->hi = r->lo - 1;
		r->lo = 0;
		break;
	case BF_REL_LE:
		r->lo = 0;
		break;
	case BF_REL_GT:
		r->lo = r->hi + 1;
		r->hi = ones(bits);
		break;
	case BF_REL_GE:
		r->hi = ones(bits);
		break;
	default:
		break;
	}
	return true;
}

static int add_match(struct bf_ruleset *rs, struct bf_chain *chain, struct bf_rule *rule, const struct bf_ast_stmt *s,
                     struct bf_diag *d)
{
	struct bf_native_key k;
	struct bf_range r;
	const char *why;
	bool neg, flags;
	struct bf_cond c;
	int err = bf_native_field(rs, s->match.l, chain->table->family, 1u << chain->at.hook, &k, &why);

	if (err)
		return bf_diag_error(d, err, "no such field: %s", why ? why : "");
	for (uint32_t i = 0; i < k.n_deps; i++)
		if (bf_rule_add_cond(rs, rule, k.deps[i]))
			return -ENOMEM;
	range_of(s, k.bits, &r, &neg);
	flags = bf_ntypes[s->match.l->key.row->type].flags && s->match.rel == BF_REL_IMPLICIT;
	c = (struct bf_cond){ .kind = BF_COND_FIELD, .field = k.field, .mask = ones(k.bits) << k.shift, .ranges = &r,
	                      .n_ranges = 1, .neg = neg };
	r.lo <<= k.shift;
	r.hi <<= k.shift;
	if (flags) { /* any of the bits */
		c.mask = r.lo;
		r.lo = r.hi = 0;
		c.neg = true;
	}
	return bf_rule_add_cond(rs, rule, &c);
}

int keys_add_rule(struct bf_ruleset *rs, struct bf_chain *chain, const char *text, const char *family, struct bf_diag *d)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_rule *r = bf_chain_add_rule(rs, chain);
	char all[512];
	int err;

	snprintf(all, sizeof(all), "add rule %s t c %s\n", family, text);
	err = bf_native_parse(&ast, "keys.t", all, strlen(all), NULL, d);
	if (err)
		return err;
	r->counter = chain->table->n_counters++;
	for (const struct bf_ast_stmt *s = ast->cmds->rule->stmts; s; s = s->next) {
		if (s->kind != BF_STMT_MATCH || s->match.l->kind != BF_AST_KEY)
			return bf_diag_error(d, -EINVAL, "not a match: %s", text);
		err = add_match(rs, chain, r, s, d);
		if (err)
			return err;
	}
	return 0;
}
