/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_owner.c: -m owner, revision 1 (kernel: xt_owner.c). What it answers goes
 * by the packet's socket, one case each:
 *
 *   no socket           asked and inverted are the same options: "! --uid-owner"
 *                       alone holds, "--uid-owner" does not
 *   socket, no file     the same of uid and gid; never with "! --socket-exists"
 *   socket with a file  uid and gid lie in their ranges, or not; never with
 *                       "! --socket-exists"
 *
 * --suppl-groups needs the file's credentials: the kernel's own match is asked.
 */
#include <linux/netfilter/xt_owner.h>

#include "front/xtables/cond.h"

#define IDS (XT_OWNER_UID | XT_OWNER_GID)

static bool ids_ok(uint32_t lo, uint32_t hi) /* all ones is no id */
{
	return lo <= hi && hi != UINT32_MAX;
}

static int check(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_owner_match_info *o = info;

	if (o->match & ~XT_OWNER_MASK)
		return bf_xt_error(c, d, -EINVAL, "match `owner': unknown options");
	if (o->match & XT_OWNER_UID && !ids_ok(o->uid_min, o->uid_max))
		return bf_xt_error(c, d, -EINVAL, "match `owner': bad range of user ids");
	if (o->match & XT_OWNER_GID && !ids_ok(o->gid_min, o->gid_max))
		return bf_xt_error(c, d, -EINVAL, "match `owner': bad range of group ids");
	return 0;
}

/* The conditions of a socket with a file, in `r`. */
static int with_file(struct bf_ruleset *rs, struct bf_rule *r, const struct xt_owner_match_info *o)
{
	int err = bf_rule_add_value(rs, r, BF_F_SOCKET, 0, BF_SOCKET_FILE, false);

	if (!err && o->match & XT_OWNER_UID)
		err = bf_xt_range(rs, r, BF_F_SKUID, o->uid_min, o->uid_max, o->invert & XT_OWNER_UID);
	if (!err && o->match & XT_OWNER_GID)
		err = bf_xt_range(rs, r, BF_F_SKGID, o->gid_min, o->gid_max, o->invert & XT_OWNER_GID);
	return err;
}

/* Sockets without a file match too, and packets without a socket when `first` is BF_SOCKET_NONE. */
static int any_of(struct bf_ruleset *rs, struct bf_rule *r, const struct xt_owner_match_info *o, unsigned first)
{
	struct bf_any_group *g = bf_arena_array(rs->arena, 2, struct bf_any_group);
	struct bf_any any = { .groups = g, .n = 2 };
	struct bf_rule file = { 0 }, other = { 0 };

	if (!g || with_file(rs, &file, o) || bf_rule_add_range(rs, &other, BF_F_SOCKET, 0, first, BF_SOCKET_BARE, false))
		return -ENOMEM;
	g[0] = (struct bf_any_group){ other.conds, other.n_conds };
	g[1] = (struct bf_any_group){ file.conds, file.n_conds };
	return bf_rule_add_match(rs, r, &bf_match_any, &any, false);
}

static int ask_kernel(struct bf_ruleset *rs, struct bf_rule *r, const struct xt_owner_match_info *o)
{
	struct bf_assist a = { .name = "owner", .revision = 1, .size = BF_XT_ALIGN(sizeof(*o)) };
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_buf_puts(&text, "owner");
	if (o->match & XT_OWNER_UID)
		bf_buf_printf(&text, "%s--uid-owner %u-%u", o->invert & XT_OWNER_UID ? " ! " : " ", o->uid_min, o->uid_max);
	if (o->match & XT_OWNER_GID)
		bf_buf_printf(&text, "%s--gid-owner %u-%u", o->invert & XT_OWNER_GID ? " ! " : " ", o->gid_min, o->gid_max);
	if (o->match & XT_OWNER_SOCKET)
		bf_buf_printf(&text, "%s--socket-exists", o->invert & XT_OWNER_SOCKET ? " ! " : " ");
	bf_buf_puts(&text, " --suppl-groups");
	a.info = bf_arena_memdup(rs->arena, o, a.size);
	a.text = text.err ? NULL : bf_arena_strdup(rs->arena, text.data);
	if (!a.info || !a.text)
		return -ENOMEM;
	return bf_rule_add_match(rs, r, &bf_match_assist, &a, false);
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d)
{
	const struct xt_owner_match_info *o = info;
	/* none implies bare, but for "! --socket-exists" */
	bool none = o->match == o->invert, bare = !((o->match ^ o->invert) & IDS);
	unsigned first = none ? BF_SOCKET_NONE : bare ? BF_SOCKET_BARE : BF_SOCKET_FILE;

	if (o->match & XT_OWNER_SUPPL_GROUPS && o->match & XT_OWNER_GID)
		return ask_kernel(rs, r, o);
	if (o->match & o->invert & XT_OWNER_SOCKET)
		return none ? bf_rule_add_value(rs, r, BF_F_SOCKET, 0, BF_SOCKET_NONE, false) : bf_xt_never(rs, r);
	if (!(o->match & IDS))
		return first == BF_SOCKET_NONE ? 0 : bf_rule_add_range(rs, r, BF_F_SOCKET, 0, first, BF_SOCKET_FILE, false);
	return first == BF_SOCKET_FILE ? with_file(rs, r, o) : any_of(rs, r, o, first);
}

const struct bf_xt_ext bf_xt_owner = {
	.name = "owner",
	.revision = 1,
	.size = sizeof(struct xt_owner_match_info),
	.hooks = 1 << NF_INET_LOCAL_OUT | 1 << NF_INET_POST_ROUTING,
	.check = check,
	.translate = translate,
};
