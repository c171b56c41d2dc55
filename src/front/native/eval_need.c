/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_need.c: what a rule needs against what the hooks can that it is reached
 * from; and which hooks could.
 */
#include "front/native/evaluate.h"

static const char *of_what(enum bf_hook h)
{
	bool two = h >= BF_HOOK_TC_INGRESS && h <= BF_HOOK_CGROUP_EGRESS; /* of one name */

	return !two ? "" : bf_hook_kinds[h].point == BF_POINT_DEVICE ? " of devices" : " of control groups";
}

static void hooks(struct bf_buf *out, uint32_t set)
{
	const char *comma = "";

	for (unsigned h = 0; h < BF_HOOKS; h++)
		if (set & 1u << h) {
			bf_buf_printf(out, "%s%s%s", comma, bf_hook_kinds[h].name, of_what(h));
			comma = ", ";
		}
}

bool bf_ev_need(struct bf_ev *ev, struct bf_ast_loc loc, uint32_t can, const char *what)
{
	/* nft takes these at each of netfilter's hooks; where they are not, nothing matches. */
	const uint32_t never = BF_CAN_IIF | BF_CAN_OIF | BF_CAN_OWNER | BF_CAN_CGROUP | BF_CAN_LINK;
	_cleanup_buf_ struct bf_buf here = { 0 }, there = { 0 };
	uint32_t lack = 0, able = 0;

	if (!ev->chain) /* a set's: where it is used is not known */
		return true;
	for (unsigned h = 0; h < BF_HOOKS; h++) {
		bool fits = (bf_hook_kinds[h].can & can) == can;

		able |= fits ? 1u << h : 0;
		fits |= h < BF_HOOKS_NETFILTER && !(can & ~bf_hook_kinds[h].can & ~never);
		lack |= !fits && ev->chain->hooks & 1u << h ? 1u << h : 0;
	}
	if (!lack)
		return true;
	hooks(&here, lack);
	hooks(&there, able);
	if (here.err || there.err)
		return bf_ev_nomem(ev);
	if (!able)
		return bf_ev_unserved(ev, loc, "'%s' cannot be had at any hook", what);
	return bf_ev_error(ev, loc, "'%s' cannot be had at hook %s; it can at: %s", what, here.data, there.data);
}
