/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_addrtype.c: -m addrtype, revisions 0 (IPv4) and 1 (kernel: xt_addrtype.c).
 * It asks the routing table, which no program of ours can do with the same
 * answer: the kernel's own match is run beforehand (an assist).
 */
#include <linux/netfilter/xt_addrtype.h>

#include "front/xtables/cond.h"

#define IN_HOOKS (1u << NF_INET_PRE_ROUTING | 1u << NF_INET_LOCAL_IN)
#define OUT_HOOKS (1u << NF_INET_POST_ROUTING | 1u << NF_INET_LOCAL_OUT)

static int check6(unsigned types, const struct bf_xt_check *c, struct bf_diag *d)
{
	if (types & (XT_ADDRTYPE_BLACKHOLE | XT_ADDRTYPE_BROADCAST) || types >= XT_ADDRTYPE_PROHIBIT)
		return bf_xt_error(c, d, -EINVAL, "match `addrtype': an address type that IPv6 does not have");
	return 0;
}

static int check_v1(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_addrtype_info_v1 *i = info;
	bool in = i->flags & XT_ADDRTYPE_LIMIT_IFACE_IN, out = i->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT;

	if (in && out)
		return bf_xt_error(c, d, -EINVAL,
						   "match `addrtype': --limit-iface-in and --limit-iface-out exclude each other");
	if (out && c->hooks & IN_HOOKS)
		return bf_xt_error(c, d, -EINVAL, "match `addrtype': no output interface in PREROUTING and INPUT");
	if (in && c->hooks & OUT_HOOKS)
		return bf_xt_error(c, d, -EINVAL, "match `addrtype': no input interface in POSTROUTING and OUTPUT");
	return c->family == NFPROTO_IPV6 ? check6(i->source | i->dest, c, d) : 0;
}

static void put_types(struct bf_buf *b, const char *option, bool neg, unsigned types)
{
	static const char *const names[] = { "UNSPEC",    "UNICAST",     "LOCAL",    "BROADCAST", "ANYCAST", "MULTICAST",
										 "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",     "NAT",     "XRESOLVE" };
	const char *sep = "";

	if (!types)
		return;
	bf_buf_printf(b, " %s%s ", neg ? "! " : "", option);
	for (unsigned i = 0; i < 16; i++) {
		if (!(types & 1u << i))
			continue;
		if (i < BF_ARRAY_SIZE(names))
			bf_buf_printf(b, "%s%s", sep, names[i]);
		else
			bf_buf_printf(b, "%s0x%x", sep, 1u << i);
		sep = ",";
	}
}

static int add_assist(struct bf_ruleset *rs, struct bf_rule *r, struct bf_assist *a, const void *info,
					  struct bf_buf *text)
{
	strcpy(a->name, "addrtype");
	a->info = bf_arena_memdup(rs->arena, info, a->size);
	a->text = text->err ? NULL : bf_arena_strdup(rs->arena, text->data);
	if (!a->info || !a->text)
		return -ENOMEM;
	return bf_rule_add_match(rs, r, &bf_match_assist, a, false);
}

static int translate_v0(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	const struct xt_addrtype_info *i = info;
	struct bf_assist a = { .revision = 0, .size = BF_XT_ALIGN(sizeof(*i)) };
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_buf_puts(&text, "addrtype");
	put_types(&text, "--src-type", i->invert_source, i->source);
	put_types(&text, "--dst-type", i->invert_dest, i->dest);
	return add_assist(rs, r, &a, info, &text);
}

static int translate_v1(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	const struct xt_addrtype_info_v1 *i = info;
	struct bf_assist a = { .revision = 1, .size = BF_XT_ALIGN(sizeof(*i)) };
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_buf_puts(&text, "addrtype");
	put_types(&text, "--src-type", i->flags & XT_ADDRTYPE_INVERT_SOURCE, i->source);
	put_types(&text, "--dst-type", i->flags & XT_ADDRTYPE_INVERT_DEST, i->dest);
	if (i->flags & XT_ADDRTYPE_LIMIT_IFACE_IN)
		bf_buf_puts(&text, " --limit-iface-in");
	if (i->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		bf_buf_puts(&text, " --limit-iface-out");
	return add_assist(rs, r, &a, info, &text);
}

const struct bf_xt_ext bf_xt_addrtype0 = {
	.name = "addrtype",
	.family = NFPROTO_IPV4,
	.size = sizeof(struct xt_addrtype_info),
	.translate = translate_v0,
};

const struct bf_xt_ext bf_xt_addrtype = {
	.name = "addrtype",
	.revision = 1,
	.size = sizeof(struct xt_addrtype_info_v1),
	.check = check_v1,
	.translate = translate_v1,
};
