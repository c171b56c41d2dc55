/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_put.c: what rules set: marks and priorities, the way a packet takes, the
 * parameters of a connection.
 *
 * A program notes it as an output (rt/abi.h). At netfilter's hooks it cannot
 * write to the packet: there the program sees the new mark from then on, and
 * the kernel sets it behind the program (a hand-off), which can be a constant
 * or made of a mark. A rule that maps a key to a mark is a rule for each element.
 */
#include <stdio.h>

#include "base/image.h"
#include "front/native/evaluate.h"
#include "front/native/native.h"

#define NETFILTER ((1u << BF_HOOKS_NETFILTER) - 1)

/* Does it stand at netfilter's hooks, at others, or (refused) at both? */
bool bf_ev_one_kind(struct bf_ev *ev, struct bf_ast_loc loc, const char *what)
{
	uint32_t h = ev->chain->hooks;

	return !(h & NETFILTER) || !(h & ~NETFILTER) ||
	       bf_ev_unserved(ev, loc, "'%s' in a chain that netfilter's hooks and others lead to: make it two chains", what);
}

static bool at_netfilter(const struct bf_ev *ev)
{
	return ev->chain->hooks & NETFILTER;
}

bool bf_ev_put(struct bf_ev *ev, struct bf_ev_draft *d, enum bf_out out, uint32_t value)
{
	struct bf_put p;

	memset(&p, 0, sizeof(p));
	p.out = (uint8_t)out;
	p.value = value;
	d->state = true; /* what follows may see it */
	return bf_ev_add_match(ev, d, &bf_match_put, &p, false);
}

/* ------------------------------------------------------------ mark, priority */

struct target {
	const char *group, *name;
	enum bf_handoff_place place;
	int out;          /* enum bf_out, or -1 */
	uint32_t can;     /* BF_CAN_* */
};

static const struct target targets[] = {
	{ "meta", "mark", BF_PLACE_MARK, BF_OUT_MARK, BF_CAN_SET_MARK },
	{ "meta", "priority", BF_PLACE_PRIORITY, BF_OUT_PRIORITY, BF_CAN_PRIORITY },
	{ "ct", "mark", BF_PLACE_CT_MARK, BF_OUT_CT_MARK, BF_CAN_CT_SET },
	{ "ct", "label", BF_PLACE_CT_LABEL, -1, BF_CAN_CT_SET },
	{ "ct", "zone", BF_PLACE_CT_ZONE, -1, BF_CAN_CT_SET },
	{ "ct", "event", BF_PLACE_CT_EVENT, -1, BF_CAN_CT_SET },
	{ "meta", "nftrace", BF_PLACE_TRACE, -1, BF_CAN_COMPANION },
	{ "meta", "pkttype", BF_PLACE_PKTTYPE, -1, BF_CAN_COMPANION },
};

static const struct target *target_of(const struct bf_ast_expr *e)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(targets); i++)
		if (e->kind == BF_AST_KEY && !strcmp(targets[i].group, e->key.row->group) && !e->key.row->sub && e->key.row->name &&
		    !strcmp(targets[i].name, e->key.row->name))
			return &targets[i];
	return NULL;
}

/* Does some rule of the table change what the packet is marked with? */
bool bf_ev_sets_mark(const struct bf_ev *ev)
{
	for (const struct bf_ast_chain *c = ev->table->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
				const struct target *t = s->kind == BF_STMT_SET ? target_of(bf_ast_peel(s->match.l)) : NULL;

				if (t && t->place == BF_PLACE_MARK)
					return true;
			}
	return false;
}

struct value { /* (key & mask) ^ xor; key NULL: xor */
	const struct bf_ast_expr *key;
	uint32_t mask, xor;
};

static bool value_of(struct bf_ev *ev, const struct bf_ast_expr *e, const struct bf_ntype *t, struct value *v)
{
	bf_u128 c;

	e = bf_ast_peel(e);
	if (e->kind == BF_AST_KEY) {
		*v = (struct value){ e, UINT32_MAX, 0 };
		return true;
	}
	if (e->kind != BF_AST_BINOP) {
		*v = (struct value){ 0 };
		if (!bf_ev_number(ev, e, t, &c))
			return false;
		v->xor = (uint32_t)c;
		return true;
	}
	if (!value_of(ev, e->two.l, t, v) || !bf_ev_number(ev, e->two.r, t, &c))
		return false;
	switch (e->two.op) {
	case BF_OP_AND:
		v->mask &= (uint32_t)c;
		v->xor &= (uint32_t)c;
		return true;
	case BF_OP_OR:
		v->mask &= ~(uint32_t)c;
		v->xor = (v->xor & ~(uint32_t)c) | (uint32_t)c;
		return true;
	case BF_OP_XOR: v->xor ^= (uint32_t)c; return true;
	default: return bf_ev_unserved(ev, e->loc, "only &, | and ^ can be done with what is set");
	}
}

/* By the target that the kernel knows, too. What is behind it may see it: it is not done twice. */
static bool by_target(struct bf_ev *ev, struct bf_ev_draft *d, const struct target *t, const struct target *from,
                      const struct value *v)
{
	struct bf_handoff_set set;

	memset(&set, 0, sizeof(set));
	set.to = (uint8_t)t->place;
	set.from = from ? (uint8_t)from->place : BF_PLACE_NONE;
	set.mask = v->mask;
	set.value = v->xor;
	d->state = true;
	return bf_ev_add_action(ev, d, &bf_target_nft_set, &set);
}

/* By the program alone, or for what it sees from then on. */
static bool by_program(struct bf_ev *ev, struct bf_ev_draft *d, const struct target *t, const struct value *v)
{
	struct bf_put p;
	int64_t add;

	memset(&p, 0, sizeof(p));
	p.out = (uint8_t)t->out;
	p.value = v->xor;
	if (!bf_ev_operand(ev, d, v->key, &p.from, &add))
		return false;
	if (p.from.field->bits > 32)
		return bf_ev_error(ev, v->key->loc, "more than 32 bits");
	if (v->mask != UINT32_MAX)
		p.from.mask = (p.from.mask ? p.from.mask : bf_field_ones(p.from.field)) & (bf_u128)v->mask << p.from.shift;
	if (v->mask != UINT32_MAX && !p.from.mask)
		p.from.field = NULL; /* nothing of it is left */
	d->state = true;
	return bf_ev_add_match(ev, d, &bf_match_put, &p, false);
}

static bool is_read(const struct bf_ast_expr *e, const struct target *t)
{
	e = e ? bf_ast_peel(e) : NULL;
	if (!e)
		return false;
	if (e->kind == BF_AST_BINOP || e->kind == BF_AST_MAP)
		return is_read(e->two.l, t) || (e->kind == BF_AST_BINOP && is_read(e->two.r, t));
	if (e->kind == BF_AST_CONCAT)
		for (const struct bf_ast_expr *i = e->items.first; i; i = i->next)
			if (is_read(i, t))
				return true;
	return target_of(e) == t;
}

/* From statement s on, and in the rules behind it. */
static bool reads(const struct bf_ast_stmt *s, const struct bf_ast_rule *more, const struct target *t)
{
	for (; s || more; s = more ? more->stmts : NULL, more = more ? more->next : NULL)
		for (; s; s = s->next)
			if (s->kind == BF_STMT_MATCH || s->kind == BF_STMT_VMAP || s->kind == BF_STMT_SET)
				if ((s->kind != BF_STMT_SET && is_read(s->match.l, t)) || is_read(s->match.r, t))
					return true;
	return false;
}

/* The kernel sets it behind the program, which then must not look at it. A label may be set again and again. */
static bool is_seen(const struct bf_ev *ev, const struct bf_ast_stmt *s, const struct target *t)
{
	bool seen = reads(s->next, ev->rule->next, t);

	for (uint32_t i = 0; i < ev->n_chains && !seen; i++)
		seen = &ev->chains[i] != ev->chain && ev->chains[i].hooks & ev->chain->hooks &&
		       reads(NULL, ev->chains[i].ast->rules, t);
	return seen;
}

/* Constants only. */
static bool set_constant(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct target *t,
                         const struct bf_ast_expr *e)
{
	struct value v = { 0 };
	struct bf_types type;
	bf_u128 c;

	bf_native_types_of(s->match.l, &type);
	if (bf_ev_has_key(e))
		return bf_ev_unserved(ev, e->loc, "only constants can be set here");
	if (t->place == BF_PLACE_PKTTYPE && ev->chain->hooks & ~(1u << BF_HOOK_PREROUTING))
		return bf_ev_error(ev, s->loc, "what kind of packet it is can be set at prerouting only");
	if (is_seen(ev, s, t))
		return bf_ev_unserved(ev, s->loc, "'%s %s' is set behind all rules of the chain: rules that look at it afterwards "
		                      "belong into another table", t->group, t->name);
	if (!bf_ev_number(ev, e, type.type[0], &c))
		return false;
	v.xor = (uint32_t)c;
	if (t->place == BF_PLACE_CT_LABEL) /* its number, from the bit */
		for (v.xor = 0; c > 1; c >>= 1)
			v.xor++;
	return by_target(ev, d, t, NULL, &v);
}

static bool set_value(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct target *t,
                      const struct bf_ast_expr *e)
{
	const struct target *from;
	struct bf_types type;
	struct value v;

	bf_native_types_of(s->match.l, &type);
	if (!value_of(ev, e, type.type[0], &v))
		return false;
	from = v.key ? target_of(v.key) : NULL;
	if (v.key && (!from || from->place != BF_PLACE_MARK)) { /* the target does not know it for the program */
		if (!from && at_netfilter(ev))
			return bf_ev_unserved(ev, v.key->loc, "the kernel sets constants and what is made of a mark; a map makes one "
			                      "of the other");
		if (!bf_ev_one_kind(ev, s->loc, "set"))
			return false;
		if (!by_program(ev, d, t, &v))
			return false;
		if (!at_netfilter(ev))
			return true;
	}
	return by_target(ev, d, t, from, &v);
}

static bool of_header(enum bf_nkey_class c)
{
	return c <= BF_NK_IPOPT && c != BF_NK_META && c != BF_NK_CT;
}

bool bf_ev_set_value(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct bf_ast_expr *e)
{
	const struct bf_ast_expr *l = bf_ast_peel(s->match.l);
	const struct target *t = target_of(l);

	if (!t && l->kind == BF_AST_KEY && of_header(l->key.row->class))
		return bf_ev_unserved(ev, l->loc, "packets are not rewritten");
	if (!t)
		return bf_ev_unserved(ev, l->loc, "of meta only mark, priority, nftrace and pkttype can be set, of ct mark, label, "
		                      "zone and event");
	if (!bf_ev_need(ev, s->loc, t->can, "set"))
		return false;
	if (t->place >= BF_PLACE_CT_LABEL)
		return set_constant(ev, d, s, t, e);
	return set_value(ev, d, s, t, e);
}

/* ------------------------------------------------------------------- exits */

/* How the packet leaves: what a DROP behind it means. */
static bool leave(struct bf_ev *ev, struct bf_ev_draft *d, enum bf_exit how, uint32_t arg)
{
	return bf_ev_put(ev, d, BF_OUT_EXIT, how) && bf_ev_put(ev, d, BF_OUT_ARG, arg);
}

bool bf_ev_errno_exit(struct bf_ev *ev, struct bf_ev_draft *d, uint32_t err)
{
	return leave(ev, d, BF_EXIT_ERRNO, err);
}

static bool device(struct bf_ev *ev, const struct bf_ast_expr *e, uint32_t *index)
{
	const struct bf_ast_expr *v = bf_ast_peel(e);

	if (v->kind != BF_AST_VALUE || !v->value.text)
		return bf_ev_error(ev, e->loc, "the name of a device is wanted here");
	if (!ev->env || !ev->env->ifindex || ev->env->ifindex(ev->env->ctx, v->value.text, index))
		return bf_ev_error(ev, e->loc, "there is no device '%s'", v->value.text);
	return true;
}

static bool put_param(struct bf_ev *ev, struct bf_ev_draft *d, enum bf_out out, const void *param, uint32_t len)
{
	struct bf_put p;

	memset(&p, 0, sizeof(p));
	p.out = (uint8_t)out;
	p.param = bf_arena_memdup(ev->rs->arena, param, len);
	p.param_len = len;
	return p.param ? bf_ev_add_match(ev, d, &bf_match_put, &p, false) : bf_ev_nomem(ev);
}

static bool route(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *v = bf_ast_peel(s->to);
	bool v6 = v->kind == BF_AST_VALUE && v->value.lit == BF_LIT_IPV6;
	struct bf_rt_hop hop;
	bf_u128 a;

	if (!bf_ev_need(ev, s->loc, BF_CAN_REDIRECT, "route") || !bf_ev_number(ev, v, NULL, &a))
		return false;
	memset(&hop, 0, sizeof(hop));
	hop.family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	hop.addr[0] = (uint32_t)(v6 ? a >> 96 : a);
	for (int i = 1; v6 && i < 4; i++)
		hop.addr[i] = (uint32_t)(a >> (96 - 32 * i));
	return bf_ev_put(ev, d, BF_OUT_EXIT, BF_EXIT_ROUTE) && put_param(ev, d, BF_OUT_ARG, &hop, sizeof(hop));
}

bool bf_ev_way(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	uint32_t index;

	if (s->kind == BF_STMT_ROUTE)
		return route(ev, d, s);
	if (s->kind == BF_STMT_MIRROR)
		return bf_ev_need(ev, s->loc, BF_CAN_MIRROR, "mirror") && device(ev, s->to, &index) &&
		       bf_ev_put(ev, d, BF_OUT_MIRROR, index);
	return bf_ev_need(ev, s->loc, BF_CAN_REDIRECT, "redirect") && device(ev, s->to, &index) &&
	       leave(ev, d, BF_EXIT_REDIRECT, index);
}

/* -------------------------------------------------------------- connections */

bool bf_ev_sockset(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	static const uint8_t outs[] = {
		[BF_SOCK_RTO] = BF_OUT_RTO,       [BF_SOCK_INITCWND] = BF_OUT_CWND, [BF_SOCK_INITRWND] = BF_OUT_RWND,
		[BF_SOCK_CONGESTION] = BF_OUT_CONGESTION, [BF_SOCK_MARK] = BF_OUT_MARK,
	};
	char name[16] = "";
	uint64_t n = s->sock.n;

	if (!bf_ev_need(ev, s->loc, BF_CAN_SOCKSET, "set of a connection"))
		return false;
	if (s->sock.what == BF_SOCK_CONGESTION) {
		if (strlen(s->sock.text.text) >= sizeof(name))
			return bf_ev_error(ev, s->sock.text.loc, "such a name has at most %zu characters", sizeof(name) - 1);
		memcpy(name, s->sock.text.text, strlen(s->sock.text.text));
		return put_param(ev, d, BF_OUT_CONGESTION, name, sizeof(name));
	}
	if (s->sock.what == BF_SOCK_RTO) {
		n = (n * (ev->env ? ev->env->hz : 0) + 999) / 1000; /* jiffies, upwards */
		if (!n || n > INT32_MAX)
			return bf_ev_error(ev, s->loc, "a time-out that the kernel cannot keep");
	}
	return bf_ev_put(ev, d, outs[s->sock.what], (uint32_t)n);
}
