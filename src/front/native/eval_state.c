/* SPDX-License-Identifier: GPL-2.0-only */
/* eval_state.c: statements that remember: limits and quotas of a rule, numgen, jhash; and samples. */
#include "front/native/evaluate.h"

bool bf_ev_stateful(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_stateful *out)
{
	*out = (struct bf_stateful){ 0 };
	switch (s->kind) {
	case BF_STMT_COUNTER:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_COUNTER, .packets = s->counter.packets, .used = s->counter.bytes };
		break;
	case BF_STMT_LIMIT:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_LIMIT, .over = s->limit.over, .bytes = s->limit.bytes,
			                         .rate = s->limit.rate, .per = s->limit.per, .burst = s->limit.burst };
		break;
	case BF_STMT_QUOTA:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_QUOTA, .over = s->quota.over, .quota = s->quota.bytes,
			                         .used = s->quota.used };
		break;
	case BF_STMT_CT_COUNT:
		return bf_ev_unserved(ev, s->loc, "connections are not counted by rules: leave 'ct count' to a table of nft's");
	default: return bf_ev_unserved(ev, s->loc, "this cannot be kept for an element");
	}
	if (bf_stateful_check(out))
		return bf_ev_error(ev, s->loc, "such a rate cannot be kept: the kernel's clock counts nanoseconds in 64 bits");
	return true;
}

static uint64_t id_of(const struct bf_ev *ev)
{
	return BF_EVAL_OWN | ev->rule->handle << 16 | (ev->stmt & 0xffff);
}

static bool own(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_object_use use;
	struct bf_stateful what;

	if (!bf_ev_stateful(ev, s, &what))
		return false;
	use.object = bf_table_add_object(ev->rs, ev->t, NULL, id_of(ev), &what);
	return use.object ? bf_ev_add_match(ev, d, &bf_match_object, &use, false) : bf_ev_nomem(ev);
}

static bool sample(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_statistic p = { .probability = (uint32_t)(0x80000000ull * s->sample.n / s->sample.of) };

	return bf_ev_add_match(ev, d, &bf_match_statistic, &p, false);
}

bool bf_ev_state(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	return s->kind == BF_STMT_SAMPLE ? sample(ev, d, s) : own(ev, d, s);
}

/*
 * Numbers that are made. What one statement says may become several model
 * rules, each of which would make another one.
 */

/* How many in an expression; *first: the first one. By chance is a field like others where it is looked at but once. */
static unsigned generators(const struct bf_ast_expr *e, bool chance, const struct bf_ast_expr **first)
{
	unsigned n = 0;

	e = e ? bf_ast_peel(e) : NULL;
	if (!e)
		return 0;
	if (e->kind == BF_AST_BINOP || e->kind == BF_AST_MAP)
		return generators(e->two.l, chance, first) + (e->kind == BF_AST_BINOP ? generators(e->two.r, chance, first) : 0);
	if (e->kind == BF_AST_CONCAT)
		for (const struct bf_ast_expr *i = e->items.first; i; i = i->next)
			n += generators(i, chance, first);
	if (e->kind != BF_AST_KEY || (e->key.row->class != BF_NK_NUMGEN && e->key.row->class != BF_NK_JHASH) ||
	    (e->key.more->random && !chance))
		return n;
	*first = *first ? *first : e;
	return 1;
}

static unsigned generators_of(const struct bf_ast_stmt *s, const struct bf_ast_expr **first)
{
	bool chance = s->kind != BF_STMT_MATCH;

	if (s->kind != BF_STMT_MATCH && s->kind != BF_STMT_VMAP && s->kind != BF_STMT_SET)
		return 0;
	return generators(s->match.l, chance, first) + generators(s->match.r, chance, first);
}

const struct bf_ast_expr *bf_ev_generator(const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *first = NULL;

	generators_of(s, &first);
	return first;
}

static const struct bf_ast_expr *innermost(const struct bf_ast_expr *e)
{
	e = bf_ast_peel(e);
	while (e->kind == BF_AST_BINOP || e->kind == BF_AST_MAP)
		e = bf_ast_peel(e->two.l);
	return e;
}

/*
 * What other parts of a key need is asked before a number is made, as nft does:
 * of those in front all of it, of those behind what protocol it is.
 */
static bool parts_depend(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key)
{
	const struct bf_ast_expr *i = key->kind == BF_AST_CONCAT ? key->items.first : NULL;
	bool behind = false;

	for (; i; i = i->next) {
		const struct bf_ast_expr *e = innermost(i);
		struct bf_native_key k = { 0 };
		uint32_t n = 0;

		if (!bf_ev_key(ev, e, &k))
			return false;
		behind |= e == ev->generated;
		for (uint32_t j = 0; j < k.n_deps; j++)
			if (!behind || k.deps[j]->field == &bf_fields[BF_F_L4PROTO] || k.deps[j]->field == &bf_fields[BF_F_NFPROTO])
				k.deps[n++] = k.deps[j];
		k.n_deps = n;
		if (!bf_ev_depends(ev, d, e, &k))
			return false;
	}
	return true;
}

/* Remembers the next number, or the seed. NULL: said so. */
static const struct bf_object *memory(struct bf_ev *ev)
{
	const struct bf_stateful what = { .kind = BF_STATEFUL_COUNTER };
	const struct bf_object *o = bf_table_add_object(ev->rs, ev->t, NULL, id_of(ev), &what);

	if (!o)
		bf_ev_nomem(ev);
	return o;
}

static bool numgen(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_key *m)
{
	struct bf_generator g;

	memset(&g, 0, sizeof(g));
	g.mod = m->mod;
	g.offset = m->offset;
	if (!m->random && !(g.object = memory(ev)))
		return false;
	return bf_ev_add_match(ev, d, &bf_match_generator, &g, false);
}

/* What nf_tables has in the machine's order; all else comes as it lies in the packet. */
static bool is_number(const struct bf_nkey *row)
{
	if (bf_ntypes[row->type].form == BF_FORM_STRING || bf_ntypes[row->type].form == BF_FORM_IPV4 ||
	    bf_ntypes[row->type].form == BF_FORM_IPV6 || row->type == BF_T_IFNAME || row->type == BF_T_SERVICE ||
	    row->type == BF_T_ETHERTYPE)
		return false;
	return row->class >= BF_NK_META && row->class != BF_NK_EXTHDR && row->class != BF_NK_TCPOPT && row->class != BF_NK_IPOPT &&
	       row->class != BF_NK_CHUNK && row->class != BF_NK_RAW;
}

static bool hashed(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e, struct bf_jhash *j)
{
	const struct bf_ast_expr *i = bf_ast_peel(e);
	struct bf_jhash_part *p = &j->part[j->n];
	struct bf_native_key k = { 0 };
	unsigned bits;

	if (i->kind != BF_AST_KEY)
		return bf_ev_unserved(ev, e->loc, "fields are hashed as they are");
	if (!bf_ev_key(ev, i, &k) || !bf_ev_depends(ev, d, i, &k))
		return false;
	p->field = k.field;
	p->shift = k.shift;
	p->host = is_number(i->key.row);
	bits = p->host && bf_nkey_bits(i->key.row) ? bf_nkey_bits(i->key.row) : k.bits;
	if (k.n_values || bits % 8 || i->key.row->type == BF_T_BOOL || i->key.row->type == BF_T_CTLABEL)
		return bf_ev_unserved(ev, e->loc, "fields of whole bytes are hashed");
	p->bytes = (uint8_t)(bits / 8);
	j->n++;
	return true;
}

/* Words that are loaded, and kept until all are there; so is a seed by chance. */
static unsigned kept_words(const struct bf_jhash *j)
{
	unsigned n = j->object ? 1 : 0;

	for (uint32_t i = 0; i < j->n; i++)
		n += j->part[i].field->loader >= 0 ? (j->part[i].field->bits + 31u) / 32 : 0;
	return n;
}

static bool jhash(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e)
{
	const struct bf_ast_key *m = e->key.more;
	const struct bf_ast_expr *arg = bf_ast_peel(m->arg);
	bool many = arg->kind == BF_AST_CONCAT;
	unsigned bytes = 0;
	struct bf_jhash j;

	memset(&j, 0, sizeof(j));
	j.mod = m->mod;
	j.offset = m->offset;
	j.seed = m->seed;
	ev->generated = NULL; /* what is hashed is looked at as it is */
	for (const struct bf_ast_expr *i = many ? arg->items.first : arg; i; i = many ? i->next : NULL) {
		if (j.n == BF_JHASH_PARTS || !hashed(ev, d, i, &j))
			return j.n == BF_JHASH_PARTS ? bf_ev_unserved(ev, i->loc, "more than %d fields", BF_JHASH_PARTS) : false;
		bytes += BF_ALIGN(j.part[j.n - 1].bytes, 4u);
	}
	ev->generated = e;
	if (bytes > BF_JHASH_BYTES)
		return bf_ev_unserved(ev, arg->loc, "more than %d bytes", BF_JHASH_BYTES);
	if (!m->seeded && !(j.object = memory(ev)))
		return false;
	if (kept_words(&j) > BF_KEPT_WORDS)
		return bf_ev_unserved(ev, arg->loc, "more than %d bytes that are not in the packet's headers%s",
		                      4 * BF_KEPT_WORDS, j.object ? ", a seed among them: give one" : "");
	return bf_ev_add_match(ev, d, &bf_match_jhash, &j, false);
}

bool bf_ev_generate(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *e = NULL;
	unsigned n = generators_of(s, &e);

	ev->generated = e;
	if (!e)
		return true;
	if (n > 1)
		return bf_ev_unserved(ev, e->loc, "two numgen or jhash in one statement");
	if (s->kind == BF_STMT_VMAP && s->next)
		return bf_ev_unserved(ev, s->next->loc, "statements behind a verdict map of %s", e->key.row->group);
	if (e->key.more->offset >> 31)
		return bf_ev_unserved(ev, e->loc, "'%s': its offset is 2147483647 at most", e->key.row->group);
	if (!parts_depend(ev, d, innermost(s->kind == BF_STMT_SET ? s->match.r : s->match.l)))
		return false;
	return e->key.row->class == BF_NK_JHASH ? jhash(ev, d, e) : numgen(ev, d, e->key.more);
}
