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
enum { MOST_MADE = 1024 };

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
	const char *group, *sub, *name;
	enum bf_handoff_place place;
	int out;          /* enum bf_out, or -1 */
	uint32_t can;     /* BF_CAN_* */
};

#define OF_HEADER(group, name) { group, NULL, name, BF_PLACE_HEADER, -1, BF_CAN_COMPANION | BF_CAN_IP }
static const struct target targets[] = {
	{ "meta", NULL, "mark", BF_PLACE_MARK, BF_OUT_MARK, BF_CAN_SET_MARK },
	{ "meta", NULL, "priority", BF_PLACE_PRIORITY, BF_OUT_PRIORITY, BF_CAN_PRIORITY },
	{ "ct", NULL, "mark", BF_PLACE_CT_MARK, BF_OUT_CT_MARK, BF_CAN_CT_SET },
	{ "ct", NULL, "label", BF_PLACE_CT_LABEL, -1, BF_CAN_CT_SET },
	{ "ct", NULL, "zone", BF_PLACE_CT_ZONE, -1, BF_CAN_CT_SET },
	{ "ct", NULL, "event", BF_PLACE_CT_EVENT, -1, BF_CAN_CT_SET },
	{ "meta", NULL, "nftrace", BF_PLACE_TRACE, -1, BF_CAN_COMPANION },
	{ "meta", NULL, "pkttype", BF_PLACE_PKTTYPE, -1, BF_CAN_COMPANION },
	{ "tcp option", "maxseg", "size", BF_PLACE_MSS, -1, BF_CAN_COMPANION | BF_CAN_IP },
	OF_HEADER("ip", "dscp"), OF_HEADER("ip", "ecn"), OF_HEADER("ip", "ttl"),
	OF_HEADER("ip6", "dscp"), OF_HEADER("ip6", "ecn"), OF_HEADER("ip6", "hoplimit"),
};

static bool same_word(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static const struct target *target_of(const struct bf_ast_expr *e)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(targets); i++)
		if (e->kind == BF_AST_KEY && same_word(targets[i].group, e->key.row->group) &&
		    same_word(targets[i].sub, e->key.row->sub) && same_word(targets[i].name, e->key.row->name))
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
	if (t->place >= BF_PLACE_MSS && e->kind == BF_AST_KEY && e->key.row->class == BF_NK_RAW)
		return true;
	return target_of(e) == t;
}

/* From statement s on, and in the rules behind it. */
static bool reads(const struct bf_ast_stmt *s, const struct bf_ast_rule *more, const struct target *t)
{
	for (; s || more; s = more ? more->stmts : NULL, more = more ? more->next : NULL)
		for (; s; s = s->next) {
			bool pair = s->kind == BF_STMT_MATCH || s->kind == BF_STMT_VMAP || s->kind == BF_STMT_SET;

			if (pair && ((s->kind != BF_STMT_SET && is_read(s->match.l, t)) || is_read(s->match.r, t)))
				return true;
			if (t->place >= BF_PLACE_MSS && (s->kind == BF_STMT_PCAP || s->kind == BF_STMT_BYTECODE))
				return true;
		}
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

/* nft's: what cannot be written breaks the rule. Here its kind is known, and that it is there: else the rule does not match. */
static bool is_there(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key)
{
	_cleanup_ranges_ struct bf_ev_ranges all = { 0 };

	return bf_ev_add_range(ev, &all, 0, ~(bf_u128)0) && bf_ev_test(ev, d, key, ~(bf_u128)0, &all, false);
}

static const struct bf_cond_ref *one_cond(struct bf_ev *ev, const struct bf_field *f, bf_u128 lo, bf_u128 hi)
{
	const struct bf_range r = { lo, hi };
	const struct bf_cond c = { .kind = BF_COND_FIELD, .field = f, .mask = f ? bf_field_ones(f) : 0, .ranges = &r, .n_ranges = 1 };
	struct bf_cond_ref *ref = bf_arena_new_of(ev->rs->arena, struct bf_cond_ref);

	if (ref && f)
		*ref = bf_cond_at(bf_cond_intern(ev->rs, &c));
	if (!ref || !ref->v)
		bf_ev_nomem(ev);
	return ref && ref->v ? ref : NULL;
}

static const struct bf_field *tcp_field(struct bf_ev *ev, const char *name, enum bf_loader loader, uint64_t arg, uint8_t bits)
{
	const struct bf_field f = { .name = name, .bits = bits, .type = BF_VT_INT, .word = BF_KEY_WORDS - 1,
		                        .loader = (int8_t)loader, .loader_arg = arg, .needs = BF_NEED_L4 };

	return bf_ruleset_field(ev->rs, &f);
}

/*
 * The header is whole; there is no such option, or it is as long as it must be. (Of an option whose length lies programs see
 * no more than that there is none; nft ends the rule for it. Nobody changes it.)
 */
static bool fits_mss(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key)
{
	const struct bf_field *doff = tcp_field(ev, "tcp doff", BF_LOAD_PAYLOAD, BF_LOAD_BITS(BF_BASE_TRANSPORT, 96, 4), 4);
	const struct bf_field *there = tcp_field(ev, "tcp option maxseg", BF_LOAD_TCP_OPTION, BF_LOAD_BITS(2, 0, 0), 1);
	const struct bf_cond_ref *whole = one_cond(ev, doff, 5, 15), *none = one_cond(ev, there, 0, 0);
	struct bf_any_group *g = bf_arena_array(ev->rs->arena, 2, struct bf_any_group);
	const struct bf_any any = { g, 2 };
	struct bf_native_key k = { 0 };
	struct bf_compare fits;

	memset(&fits, 0, sizeof(fits));
	fits.relation = BF_LE;
	fits.a = (struct bf_operand){ .field = doff, .mask = 15, .shift = -2 };
	fits.b = (struct bf_operand){ .field = &bf_fields[BF_F_L4_AVAIL] };
	if (!whole || !none || !bf_ev_key(ev, key, &k))
		return false;
	if (!g)
		return bf_ev_nomem(ev);
	g[0] = (struct bf_any_group){ one_cond(ev, k.field, 0, bf_field_ones(k.field)), 1 };
	g[1] = (struct bf_any_group){ none, 1 };
	return g[0].conds && bf_ev_depends(ev, d, key, &k) && bf_ev_add_cond(ev, d, (const struct bf_cond *)(uintptr_t)whole->v) &&
	       bf_ev_add_match(ev, d, &bf_match_compare, &fits, false) && bf_ev_add_match(ev, d, &bf_match_any, &any, false);
}

static bool is_route_mss(const struct bf_ast_expr *e)
{
	return e->kind == BF_AST_KEY && e->key.row->class == BF_NK_RT && same_word(e->key.row->name, "mtu");
}

static void fill_constant(const struct target *t, const struct bf_nkey *row, bf_u128 c, struct bf_handoff_set *set)
{
	unsigned shift = 16 - row->off % 16 - row->bits;

	set->value = (uint32_t)c;
	if (t->place == BF_PLACE_CT_LABEL) /* its number, from the bit */
		for (set->value = 0; c > 1; c >>= 1)
			set->value++;
	if (t->place != BF_PLACE_HEADER)
		return;
	set->at = (uint8_t)(row->off / 16 * 2);
	set->sum = row->group[2] ? 0 : 10; /* IPv4 has one */
	set->mask = 0xffff & ~(((1u << row->bits) - 1) << shift);
	set->value <<= shift;
}

/* What the kernel sets behind all rules. */
static bool set_behind(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct target *t,
                       const struct bf_ast_expr *e)
{
	const struct bf_ast_expr *l = bf_ast_peel(s->match.l);
	struct bf_handoff_set set;
	struct bf_types type;
	bf_u128 c = 0;

	memset(&set, 0, sizeof(set));
	set.to = (uint8_t)t->place;
	bf_native_types_of(l, &type);
	e = bf_ast_peel(e);
	if (t->place == BF_PLACE_MSS && is_route_mss(e))
		set.from = BF_PLACE_ROUTE_MSS;
	else if (bf_ev_has_key(e))
		return bf_ev_unserved(ev, e->loc, "only constants can be set here");
	else if (!bf_ev_number(ev, e, type.type[0], &c))
		return false;
	if (set.from && !bf_ev_need(ev, e->loc, BF_CAN_FIB_OUT, "rt mtu"))
		return false;
	if (t->place == BF_PLACE_PKTTYPE && ev->chain->hooks & ~(1u << BF_HOOK_PREROUTING))
		return bf_ev_error(ev, s->loc, "what kind of packet it is can be set at prerouting only");
	if (is_seen(ev, s, t))
		return bf_ev_unserved(ev, s->loc, "'%s%s%s %s' is set behind all rules of the chain: rules that look at it "
		                      "afterwards belong into another table", t->group, t->sub ? " " : "", t->sub ? t->sub : "", t->name);
	fill_constant(t, l->key.row, c, &set);
	d->state = true;
	if (t->place == BF_PLACE_MSS ? !fits_mss(ev, d, l) : t->place == BF_PLACE_HEADER && !is_there(ev, d, s->match.l))
		return false;
	return bf_ev_add_action(ev, d, &bf_target_nft_set, &set);
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
	char what[64];

	if (!t && l->kind == BF_AST_KEY && of_header(l->key.row->class))
		return bf_ev_unserved(ev, l->loc, "of packets only dscp, ecn, ttl, hoplimit and TCP's maxseg size can be set");
	if (!t && l->kind == BF_AST_KEY && l->key.row->class == BF_NK_CT && !strcmp(l->key.row->name, "helper"))
		return bf_ev_unserved(ev, l->loc, "helpers are not given to connections: leave it to a table of nft's");
	if (!t)
		return bf_ev_unserved(ev, l->loc, "of meta only mark, priority, nftrace and pkttype can be set, of ct mark, label, "
		                      "zone and event");
	snprintf(what, sizeof(what), "%s%s%s %s set", t->group, t->sub ? " " : "", t->sub ? t->sub : "", t->name);
	if (!bf_ev_need(ev, s->loc, t->can, what))
		return false;
	if (t->place >= BF_PLACE_CT_LABEL)
		return set_behind(ev, d, s, t, e);
	return set_value(ev, d, s, t, e);
}

const struct bf_ast_expr *bf_ev_made(const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *e = bf_ast_peel(s->match.r);

	while (e->kind == BF_AST_BINOP)
		e = bf_ast_peel(e->two.l);
	if (e->kind != BF_AST_KEY)
		return NULL;
	return e->key.row->class == BF_NK_NUMGEN || e->key.row->class == BF_NK_JHASH || e->key.row->class == BF_NK_SYMHASH ? e : NULL;
}

static struct bf_ast_expr *constant(struct bf_ev *ev, struct bf_ast_loc loc, const struct bf_ntype *type, uint32_t v)
{
	struct bf_ast_expr *e = bf_arena_new_of(ev->rs->arena, struct bf_ast_expr);

	if (e)
		*e = (struct bf_ast_expr){ .kind = BF_AST_VALUE, .loc = loc,
			                       .value = { .lit = BF_LIT_NUMBER, .known = true, .type = type, .num = v } };
	else
		bf_ev_nomem(ev);
	return e;
}

/*
 * The kernel sets constants: what is made of a number that was made (`meta mark set jhash ip saddr mod 2`) is a map from
 * each of the numbers that there are.
 */
bool bf_ev_set_made(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, uint32_t number)
{
	struct bf_ast_expr map = { .kind = BF_AST_MAP, .loc = s->match.r->loc }, set = { .kind = BF_AST_SET, .loc = map.loc };
	const struct bf_ast_key *made = bf_ev_made(s)->key.more;
	uint32_t mod = made->mod, from = made->offset;
	struct bf_ast_elem *list;
	struct bf_ast_stmt copy = *s;
	struct bf_types type;
	struct value v;

	bf_native_types_of(s->match.l, &type);
	if (!value_of(ev, s->match.r, type.type[0], &v))
		return false;
	if (mod > MOST_MADE)
		return bf_ev_unserved(ev, s->match.r->loc, "more than %d numbers that the kernel could have to set", MOST_MADE);
	list = bf_arena_array(ev->rs->arena, mod, struct bf_ast_elem);
	if (!list)
		return bf_ev_nomem(ev);
	for (uint32_t i = 0; i < mod; i++) {
		list[i] = (struct bf_ast_elem){ .next = i + 1 < mod ? &list[i + 1] : NULL,
			                            .key = constant(ev, map.loc, NULL, from + i),
			                            .data = constant(ev, map.loc, type.type[0], ((from + i) & v.mask) ^ v.xor) };
		if (!list[i].key || !list[i].data)
			return false;
	}
	set.set.first = list;
	set.set.n = mod;
	map.two.l = (struct bf_ast_expr *)bf_ev_made(s);
	map.two.r = &set;
	copy.match.r = &map;
	return bf_ev_set_map(ev, d, &copy, number);
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
	char name[16] = "", what[32];
	uint64_t n = s->sock.n;

	snprintf(what, sizeof(what), "set %s", bf_socksets[s->sock.what]);
	if (!bf_ev_need(ev, s->loc, BF_CAN_SOCKSET, what))
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
