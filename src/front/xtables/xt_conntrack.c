/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_conntrack.c: -m conntrack, revisions 1 to 3, and -m state (kernel:
 * xt_conntrack.c, xt_state.c). The revisions are laid out alike up to the
 * flags; 1 and 2 have no port ranges.
 *
 * A packet without connection is answered before the other options are looked
 * at: it matches when --ctstate is asked and agrees, and never otherwise.
 * Where that cannot be said by conditions one after the other the whole match
 * is handed to bf_match_conntrack; else, nearly always, it is plain fields.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <endian.h>

#include "front/xtables/cond.h"

/* i: 0 to 3, in the order of struct bf_conntrack's arrays */
#define ADDR_FLAGS(i) ((unsigned)XT_CONNTRACK_ORIGSRC << (i))
#define PORT_FLAGS(i) ((unsigned)XT_CONNTRACK_ORIGSRC_PORT << (i))

_Static_assert(XT_CONNTRACK_REPLDST == ADDR_FLAGS(3) && XT_CONNTRACK_REPLDST_PORT == PORT_FLAGS(3), "flags in a row");
_Static_assert(offsetof(struct xt_conntrack_mtinfo1, invert_flags) ==
					   offsetof(struct xt_conntrack_mtinfo3, invert_flags) &&
				   offsetof(struct xt_conntrack_mtinfo2, status_mask) ==
					   offsetof(struct xt_conntrack_mtinfo3, status_mask),
			   "one layout");

static const enum bf_field_id addr_fields[2][4] = {
	{ BF_F_CT_ORIG_IP_SADDR, BF_F_CT_ORIG_IP_DADDR, BF_F_CT_REPL_IP_SADDR, BF_F_CT_REPL_IP_DADDR },
	{ BF_F_CT_ORIG_IP6_SADDR, BF_F_CT_ORIG_IP6_DADDR, BF_F_CT_REPL_IP6_SADDR, BF_F_CT_REPL_IP6_DADDR },
};
static const enum bf_field_id port_fields[4] = { BF_F_CT_ORIG_SPORT, BF_F_CT_ORIG_DPORT, BF_F_CT_REPL_SPORT,
												 BF_F_CT_REPL_DPORT };

static void get_addrs(struct bf_conntrack *m, const struct xt_conntrack_mtinfo3 *i, uint8_t family)
{
	const union nf_inet_addr *addr[4] = { &i->origsrc_addr, &i->origdst_addr, &i->replsrc_addr, &i->repldst_addr };
	const union nf_inet_addr *mask[4] = { &i->origsrc_mask, &i->origdst_mask, &i->replsrc_mask, &i->repldst_mask };

	for (unsigned n = 0; n < 4; n++) {
		m->mask[n] = bf_xt_addr(mask[n], family);
		m->addr[n] = bf_xt_addr(addr[n], family) & m->mask[n];
	}
}

/* Revision 3 holds ports in host order, the others in network order. */
static void get_ports(struct bf_conntrack *m, const struct xt_conntrack_mtinfo3 *i, unsigned revision)
{
	const uint16_t lo[4] = { i->origsrc_port, i->origdst_port, i->replsrc_port, i->repldst_port };
	const uint16_t hi[4] = { i->origsrc_port_high, i->origdst_port_high, i->replsrc_port_high, i->repldst_port_high };

	for (unsigned n = 0; n < 4; n++) {
		m->port_lo[n] = revision == 3 ? lo[n] : be16toh(lo[n]);
		m->port_hi[n] = revision == 3 ? hi[n] : m->port_lo[n];
	}
}

static struct bf_conntrack get(const struct xt_conntrack_mtinfo3 *i, unsigned revision, uint8_t family)
{
	struct bf_conntrack m = {
		.match = i->match_flags,
		.invert = i->invert_flags,
		.state_mask = i->state_mask,
		.status_mask = i->status_mask,
		.l4proto = i->l4proto,
		.expires_min = i->expires_min,
		.expires_max = i->expires_max,
	};

	get_addrs(&m, i, family);
	get_ports(&m, i, revision);
	return m;
}

/* The state test lets no packet through that has no connection. */
static bool implies_connection(const struct bf_conntrack *m)
{
	const uint16_t without = XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_UNTRACKED;

	return (m->invert & XT_CONNTRACK_STATE ? m->state_mask & without : without & ~m->state_mask) == without;
}

static int ports_and_proto(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_conntrack *m)
{
	int err = 0;

	if (m->match & XT_CONNTRACK_PROTO)
		err = bf_xt_range(rs, r, BF_F_CT_PROTO, m->l4proto, m->l4proto, m->invert & XT_CONNTRACK_PROTO);
	for (unsigned i = 0; i < 4 && !err; i++)
		if (m->match & PORT_FLAGS(i))
			err = bf_xt_range(rs, r, port_fields[i], m->port_lo[i], m->port_hi[i], m->invert & PORT_FLAGS(i));
	return err;
}

/* What is asked of the connection: all but the state. */
static int of_connection(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_conntrack *m, uint8_t family)
{
	const enum bf_field_id *addrs = addr_fields[family != NFPROTO_IPV4];
	int err = 0;

	if (m->match & XT_CONNTRACK_DIRECTION)
		err = bf_rule_add_value(rs, r, BF_F_CT_REPLY, 0, !!(m->invert & XT_CONNTRACK_DIRECTION), false);
	for (unsigned i = 0; i < 4 && !err; i++)
		if (m->match & ADDR_FLAGS(i))
			err = bf_xt_masked(rs, r, addrs[i], m->mask[i], m->addr[i], m->invert & ADDR_FLAGS(i));
	if (!err)
		err = ports_and_proto(rs, r, m);
	if (!err && m->match & XT_CONNTRACK_STATUS)
		err = bf_xt_bits(rs, r, BF_F_CT_STATUS, m->status_mask, m->invert & XT_CONNTRACK_STATUS);
	if (!err && m->match & XT_CONNTRACK_EXPIRES)
		err = bf_xt_range(rs, r, BF_F_CT_EXPIRES, m->expires_min, m->expires_max, m->invert & XT_CONNTRACK_EXPIRES);
	return err;
}

static int add(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_conntrack *m, uint8_t family)
{
	const uint16_t others = XT_CONNTRACK_STATE_ALIAS - 1u - XT_CONNTRACK_STATE; /* all that ask something of it */
	bool state = m->match & XT_CONNTRACK_STATE;
	int err;

	if (state && m->match & others && !implies_connection(m))
		return bf_rule_add_match(rs, r, &bf_match_conntrack, m, false);
	if (state)
		err = bf_xt_bits(rs, r, BF_F_CT_STATE, m->state_mask, m->invert & XT_CONNTRACK_STATE);
	else
		err = bf_rule_add_value(rs, r, BF_F_CT_NONE, 0, 0, false);
	return err ? err : of_connection(rs, r, m, family);
}

static int translate_v3(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	struct bf_conntrack m = get(info, 3, c->family);

	return add(rs, r, &m, c->family);
}

static int translate_v2(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	struct xt_conntrack_mtinfo3 i = { 0 };
	struct bf_conntrack m;

	memcpy(&i, info, sizeof(struct xt_conntrack_mtinfo2));
	m = get(&i, 2, c->family);
	return add(rs, r, &m, c->family);
}

static int translate_v1(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	const struct xt_conntrack_mtinfo1 *old = info;
	struct xt_conntrack_mtinfo3 i = { 0 };
	struct bf_conntrack m;

	memcpy(&i, info, offsetof(struct xt_conntrack_mtinfo1, state_mask));
	i.state_mask = old->state_mask;
	i.status_mask = old->status_mask;
	m = get(&i, 1, c->family);
	return add(rs, r, &m, c->family);
}

static int translate_state(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						   struct bf_diag *d)
{
	const struct xt_state_info *i = info;
	/* SNAT and DNAT took UNTRACKED's bit in the newer match */
	unsigned mask = i->statemask & (XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
									XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) | XT_CONNTRACK_STATE_BIT(IP_CT_NEW));

	if (i->statemask & XT_STATE_UNTRACKED)
		mask |= XT_CONNTRACK_STATE_UNTRACKED;
	return bf_xt_bits(rs, r, BF_F_CT_STATE, mask, false);
}

#define CONNTRACK(rev)                                                                                                 \
	{                                                                                                                  \
		.name = "conntrack", .revision = (rev), .unspec = true, .size = sizeof(struct xt_conntrack_mtinfo##rev),       \
		.translate = translate_v##rev,                                                                                 \
	}

const struct bf_xt_ext bf_xt_conntrack1 = CONNTRACK(1);
const struct bf_xt_ext bf_xt_conntrack2 = CONNTRACK(2);
const struct bf_xt_ext bf_xt_conntrack = CONNTRACK(3);

const struct bf_xt_ext bf_xt_state = {
	.name = "state",
	.unspec = true,
	.size = sizeof(struct xt_state_info),
	.translate = translate_state,
};
