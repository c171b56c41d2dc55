/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conntrack.c: xt_conntrack revision 3, whole (struct bf_conntrack).
 *
 *   STATE asked and wrong           -> no
 *   no connection: STATE asked      -> yes, the other options are not looked at
 *                  STATE not asked  -> no
 *   each other option asked, in turn: wrong -> no
 *   -> yes
 */
#include <linux/netfilter/xt_conntrack.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

enum { SRC_ORIG, DST_ORIG, SRC_REPL, DST_REPL, SIDES };

/* One option: (field & mask) in lo..hi; `fixed` when the answer does not depend on the packet. */
struct option {
	uint16_t flag;
	const char *word;
	const struct bf_field *field;
	bf_u128 mask;
	struct bf_range range;
	enum { DEPENDS, ALWAYS, NEVER } fixed;
};

static const uint16_t addr_flag[SIDES] = {
	XT_CONNTRACK_ORIGSRC, XT_CONNTRACK_ORIGDST, XT_CONNTRACK_REPLSRC, XT_CONNTRACK_REPLDST,
};
static const uint16_t port_flag[SIDES] = {
	XT_CONNTRACK_ORIGSRC_PORT, XT_CONNTRACK_ORIGDST_PORT, XT_CONNTRACK_REPLSRC_PORT, XT_CONNTRACK_REPLDST_PORT,
};
static const enum bf_field_id addr4[SIDES] = {
	BF_F_CT_ORIG_IP_SADDR, BF_F_CT_ORIG_IP_DADDR, BF_F_CT_REPL_IP_SADDR, BF_F_CT_REPL_IP_DADDR,
};
static const enum bf_field_id addr6[SIDES] = {
	BF_F_CT_ORIG_IP6_SADDR, BF_F_CT_ORIG_IP6_DADDR, BF_F_CT_REPL_IP6_SADDR, BF_F_CT_REPL_IP6_DADDR,
};
static const enum bf_field_id port_field[SIDES] = {
	BF_F_CT_ORIG_SPORT, BF_F_CT_ORIG_DPORT, BF_F_CT_REPL_SPORT, BF_F_CT_REPL_DPORT,
};

enum { MAX_OPTIONS = 2 + 2 * SIDES + 3 };

struct options {
	struct option o[MAX_OPTIONS];
	unsigned n;
};

static void add(struct options *all, uint16_t flag, enum bf_field_id f, bf_u128 mask, bf_u128 lo, bf_u128 hi)
{
	const struct bf_field *field = &bf_fields[f];
	struct option *o = &all->o[all->n++];
	bf_u128 ones = bf_field_ones(field);

	*o = (struct option){ flag, field->name, field, mask & ones, { lo, hi }, DEPENDS };
	if (lo > hi || lo > ones)
		o->fixed = NEVER;
	else if (!o->mask)
		o->fixed = lo ? NEVER : ALWAYS;
}

/* The options asked for, STATE first, then in the kernel's order. */
static void collect(struct options *all, const struct bf_conntrack *p, uint8_t family)
{
	const enum bf_field_id *addr = family == NFPROTO_IPV4 ? addr4 : addr6;

	all->n = 0;
	if (p->match & XT_CONNTRACK_STATE) /* any of the bits: from 1 up to all of them */
		add(all, XT_CONNTRACK_STATE, BF_F_CT_STATE, p->state_mask, 1, p->state_mask);
	if (p->match & XT_CONNTRACK_DIRECTION)
		add(all, XT_CONNTRACK_DIRECTION, BF_F_CT_REPLY, 1, 0, 0);
	for (int i = 0; i < SIDES; i++)
		if (p->match & addr_flag[i])
			add(all, addr_flag[i], addr[i], p->mask[i], p->addr[i] & p->mask[i], p->addr[i] & p->mask[i]);
	if (p->match & XT_CONNTRACK_PROTO)
		add(all, XT_CONNTRACK_PROTO, BF_F_CT_PROTO, 0xff, p->l4proto, p->l4proto);
	for (int i = 0; i < SIDES; i++)
		if (p->match & port_flag[i])
			add(all, port_flag[i], port_field[i], 0xffff, p->port_lo[i], p->port_hi[i]);
	if (p->match & XT_CONNTRACK_STATUS)
		add(all, XT_CONNTRACK_STATUS, BF_F_CT_STATUS, p->status_mask, 1, p->status_mask);
	if (p->match & XT_CONNTRACK_EXPIRES)
		add(all, XT_CONNTRACK_EXPIRES, BF_F_CT_EXPIRES, UINT32_MAX, p->expires_min, p->expires_max);
}

static void print_value(struct bf_buf *out, const struct option *o, const struct bf_conntrack *p)
{
	bool bits = o->flag == XT_CONNTRACK_STATE || o->flag == XT_CONNTRACK_STATUS;

	if (bits) {
		bf_value_print(out, o->field, o->mask);
		return;
	}
	if (o->flag == XT_CONNTRACK_PROTO && p->l4proto > 255) {
		bf_buf_printf(out, "%u", p->l4proto);
		return;
	}
	bf_value_print(out, o->field, o->range.lo);
	if (o->range.lo != o->range.hi) {
		bf_buf_puts(out, "-");
		bf_value_print(out, o->field, o->range.hi);
	}
	if (o->mask != bf_field_ones(o->field)) {
		bf_buf_puts(out, "/");
		bf_value_print(out, o->field, o->mask);
	}
}

/* The family is not known here: addresses beyond 32 bits, or a wide mask, are IPv6's. */
static uint8_t family_of(const struct bf_conntrack *p)
{
	for (int i = 0; i < SIDES; i++)
		if (p->addr[i] >> 32 || p->mask[i] >> 32)
			return NFPROTO_IPV6;
	return NFPROTO_IPV4;
}

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_conntrack *p = data;
	struct options all;

	collect(&all, p, family_of(p));
	bf_buf_puts(out, neg ? "not conntrack {" : "conntrack {");
	for (unsigned i = 0; i < all.n; i++) {
		bf_buf_printf(out, "%s %s %s", i ? ";" : "", all.o[i].word, p->invert & all.o[i].flag ? "!= " : "");
		print_value(out, &all.o[i], p);
	}
	bf_buf_puts(out, " }");
}

/* One test: on to `yes` when it holds. Without a connection it never does. */
static void lower_option(struct bf_lower *l, const struct option *o, bool inv, bf_label yes, bf_label no)
{
	if (o->fixed != DEPENDS) /* a test that is always true leads where it must */
		bf_lower_test(l, BF_KEY_META, 0, 0, 0, (o->fixed == ALWAYS) != inv ? yes : no, no);
	else
		bf_lower_field(l, o->field, o->mask, &o->range, 1, inv ? no : yes, inv ? yes : no, no);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_conntrack *p = data;
	bool state = p->match & XT_CONNTRACK_STATE;
	const struct bf_range one = { 1, 1 };
	struct options all;
	bf_label next;

	collect(&all, p, bf_lower_family(l));
	if (state) {
		next = all.n == 1 ? hit : bf_lower_label(l);
		lower_option(l, &all.o[0], p->invert & XT_CONNTRACK_STATE, next, miss);
		if (all.n == 1)
			return 0;
		bf_lower_bind(l, next);
	}
	next = all.n ? bf_lower_label(l) : hit;
	bf_lower_field(l, &bf_fields[BF_F_CT_NONE], 0, &one, 1, state ? hit : miss, next, miss);
	for (unsigned i = state; i < all.n; i++) {
		bf_lower_bind(l, next);
		next = i + 1 < all.n ? bf_lower_label(l) : hit;
		lower_option(l, &all.o[i], p->invert & all.o[i].flag, next, miss);
	}
	return 0;
}

/* The oracle: word for word what xt_conntrack documents, not by way of collect(). */
static bool wrong(const struct bf_conntrack *p, uint16_t flag, bool holds)
{
	return p->match & flag && holds == !!(p->invert & flag);
}

static bool in(bf_u128 v, bf_u128 lo, bf_u128 hi)
{
	return v >= lo && v <= hi;
}

static bool connection_fits(const struct bf_conntrack *p, const struct bf_packet *pkt)
{
	const bf_u128 addr[SIDES] = { pkt->ct.saddr[0], pkt->ct.daddr[0], pkt->ct.saddr[1], pkt->ct.daddr[1] };
	const uint16_t port[SIDES] = { pkt->ct.sport[0], pkt->ct.dport[0], pkt->ct.sport[1], pkt->ct.dport[1] };

	if (wrong(p, XT_CONNTRACK_DIRECTION, !(pkt->ctstate & BF_CT_REPLY)) ||
	    wrong(p, XT_CONNTRACK_PROTO, pkt->ct.proto == p->l4proto) ||
	    wrong(p, XT_CONNTRACK_STATUS, pkt->ctstatus & p->status_mask) ||
	    wrong(p, XT_CONNTRACK_EXPIRES, in(pkt->ct.expires, p->expires_min, p->expires_max)))
		return false;
	for (int i = 0; i < SIDES; i++)
		if (wrong(p, addr_flag[i], !((addr[i] ^ p->addr[i]) & p->mask[i])) ||
		    wrong(p, port_flag[i], in(port[i], p->port_lo[i], p->port_hi[i])))
			return false;
	return true;
}

static bool eval(struct bf_interp *interp, const struct bf_packet *pkt, const void *data, bool *hotdrop)
{
	const struct bf_conntrack *p = data;

	if (wrong(p, XT_CONNTRACK_STATE, pkt->ctstate & p->state_mask))
		return false;
	if (pkt->ctstate & BF_CT_NONE)
		return p->match & XT_CONNTRACK_STATE;
	return connection_fits(p, pkt);
}

const struct bf_match_ops bf_match_conntrack = {
	.name = "conntrack",
	.data_size = sizeof(struct bf_conntrack),
	.needs = BF_NEED_CT,
	.pure = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};
