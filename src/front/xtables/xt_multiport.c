/* SPDX-License-Identifier: GPL-2.0-only */
/* xt_multiport.c: -m multiport, revision 1 (kernel: xt_multiport.c). --ports asks for either port: two tests, joined by
 * "or", or by "and" when inverted. */
#include <linux/netfilter/xt_multiport.h>
#include <linux/in.h>

#include "front/xtables/cond.h"

#ifndef IPPROTO_DCCP
#define IPPROTO_DCCP 33
#endif

static bool proto_ok(uint16_t p)
{
	return p == IPPROTO_TCP || p == IPPROTO_UDP || p == IPPROTO_UDPLITE || p == IPPROTO_SCTP || p == IPPROTO_DCCP;
}

static bool ranges_ok(const struct xt_multiport_v1 *m)
{
	for (unsigned i = 0; i < m->count; i++) {
		if (!m->pflags[i])
			continue;
		if (++i >= m->count || m->pflags[i] || m->ports[i - 1] > m->ports[i])
			return false;
	}
	return true;
}

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_multiport_v1 *m = info;

	if (!proto_ok(c->proto) || c->invflags & XT_INV_PROTO)
		return bf_xt_error(c, d, -EINVAL, "match `multiport' needs -p tcp, udp, udplite, sctp or dccp");
	if (m->flags > XT_MULTIPORT_EITHER || m->count > XT_MULTI_PORTS || !ranges_ok(m))
		return bf_xt_error(c, d, -EINVAL, "match `multiport': bad list of ports");
	return 0;
}

static uint32_t get_ranges(const struct xt_multiport_v1 *m, struct bf_range *out)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < m->count; i++) {
		bool range = m->pflags[i];

		out[n].lo = m->ports[i];
		out[n++].hi = m->ports[range ? ++i : i];
	}
	return n;
}

/* The one condition that bf_xt_ranges adds to a rule of its own is one group of "any". */
static int either(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_range *v, uint32_t n)
{
	struct bf_rule s = { 0 }, t = { 0 };
	struct bf_any_group *g = bf_arena_array(rs->arena, 2, struct bf_any_group);
	struct bf_any any = { .groups = g, .n = 2 };

	if (!g || bf_xt_ranges(rs, &s, BF_F_SPORT, v, n, false) || bf_xt_ranges(rs, &t, BF_F_DPORT, v, n, false))
		return -ENOMEM;
	if (!s.n_conds) /* all ports */
		return 0;
	g[0] = (struct bf_any_group){ s.conds, s.n_conds };
	g[1] = (struct bf_any_group){ t.conds, t.n_conds };
	return bf_rule_add_match(rs, r, &bf_match_any, &any, false);
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_multiport_v1 *m = info;
	struct bf_range v[XT_MULTI_PORTS];
	uint32_t n = get_ranges(m, v);
	int err = bf_xt_l4(rs, r, 4, c, d);

	if (err || bf_xt_always(m->invert))
		return err;
	if (m->flags == XT_MULTIPORT_EITHER && !m->invert && n)
		return either(rs, r, v, n);
	if (m->flags != XT_MULTIPORT_DESTINATION)
		err = bf_xt_ranges(rs, r, BF_F_SPORT, v, n, m->invert);
	if (!err && m->flags != XT_MULTIPORT_SOURCE)
		err = bf_xt_ranges(rs, r, BF_F_DPORT, v, n, m->invert);
	return err;
}

const struct bf_xt_ext bf_xt_multiport = {
	.name = "multiport",
	.revision = 1,
	.size = sizeof(struct xt_multiport_v1),
	.check = check,
	.translate = translate,
};
