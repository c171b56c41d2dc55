/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_explain.c: nf_tables answers ENOENT to whatever it does not have.
 * The message it stumbled on says which feature of the rules was meant; the
 * pieces that feature stands on are asked for one by one.
 */
#include "kern/companion_explain.h"

#include <ctype.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "kern/companion_table.h"

/* CONFIG_NETFILTER_XT_TARGET_LOG, CONFIG_NETFILTER_XT_MATCH_ADDRTYPE, ... */
static void xt_option(char out[96], bool target, const char *name)
{
	int n = snprintf(out, 96, "CONFIG_NETFILTER_XT_%s_", target ? "TARGET" : "MATCH");

	for (; *name && n < 95; name++)
		out[n++] = (char)toupper((unsigned char)*name);
	out[n] = '\0';
}

static int lacks(struct bf_diag *d, const char *what, const char *option)
{
	return bf_diag_error(d, -EOPNOTSUPP, "the kernel lacks %s, which %s needs", option, what);
}

/* An xtables extension and what lies under it. 0: all of it is there. */
static int missing_xt(struct bf_nft *n, uint8_t family, bool target, const char *name, uint8_t revision,
					  const char *what, struct bf_diag *d)
{
	int ret = nft_has_xt(n, family == NFPROTO_INET ? NFPROTO_IPV4 : family, target, name, revision); /* inet cannot be asked about */
	char option[128];

	if (ret == -EOPNOTSUPP)
		return lacks(d, what, "CONFIG_NFT_COMPAT");
	if (ret != -ENOENT)
		return 0;
	xt_option(option, target, name);
	snprintf(option + strlen(option), sizeof(option) - strlen(option), " (revision %u)", revision);
	return lacks(d, what, option);
}

static int missing_for_code(struct bf_nft *n, const struct bf_companion_desc *desc, uint32_t code, const char *what,
							struct bf_diag *d)
{
	const struct bf_handoff_spec *s = &desc->spec.codes[code];
	bool v4 = desc->family == NFPROTO_IPV4;
	int ret;

	if (s->kind == BF_HANDOFF_NFT_LOG)
		return lacks(d, what, "CONFIG_NFT_LOG");
	if (s->kind == BF_HANDOFF_NFT_SET || s->kind == BF_HANDOFF_NFT_NOTRACK)
		return lacks(d, what, "CONFIG_NFT_CT");
	if (s->kind == BF_HANDOFF_NFT_REJECT && desc->family == NFPROTO_INET)
		return lacks(d, what, "CONFIG_NFT_REJECT_INET");
	if (s->kind == BF_HANDOFF_NFT_REJECT)
		return lacks(d, what, v4 ? "CONFIG_NFT_REJECT_IPV4" : "CONFIG_NFT_REJECT_IPV6");
	if (s->kind != BF_HANDOFF_XT_TARGET)
		return 0;
	ret = missing_xt(n, desc->family, true, s->name, s->revision, what, d);
	if (ret || (strcmp(s->name, "LOG") && strcmp(s->name, "NFLOG")))
		return ret;
	return lacks(d, what,
				 strcmp(s->name, "LOG") ? "CONFIG_NETFILTER_NETLINK_LOG"
				 : v4                   ? "CONFIG_NF_LOG_IPV4"
										: "CONFIG_NF_LOG_IPV6");
}

static int missing(struct bf_nft *n, const struct bf_companion_desc *desc, uint32_t about, const char *what,
				   struct bf_diag *d)
{
	bool v4 = desc->family == NFPROTO_IPV4;
	uint32_t number = about & 0xffffff;
	int ret;

	switch ((enum comp_about)(about >> 24)) {
	case COMP_ABOUT_TABLE:
	case COMP_ABOUT_CHAIN:
		return lacks(d, what, desc->family == NFPROTO_INET ? "CONFIG_NF_TABLES_INET" :
		                      v4 ? "CONFIG_NF_TABLES_IPV4" : "CONFIG_NF_TABLES_IPV6");
	case COMP_ABOUT_CT:
		return lacks(d, what, "CONFIG_NFT_CT");
	case COMP_ABOUT_PLUMBING:
	case COMP_ABOUT_CODE:
	case COMP_ABOUT_ASSIST:
		break;
	}
	ret = missing_xt(n, desc->family, false, "bpf", 1, what, d);
	if (ret || about >> 24 == COMP_ABOUT_PLUMBING)
		return ret;
	if (about >> 24 == COMP_ABOUT_CODE)
		return missing_for_code(n, desc, number, what, d);
	if (desc->spec.assists[number].kind == BF_ASSIST_SOCKET)
		return lacks(d, what, "CONFIG_NFT_SOCKET");
	if (desc->spec.assists[number].kind == BF_ASSIST_FIB)
		return lacks(d, what, desc->family == NFPROTO_INET ? "CONFIG_NFT_FIB_INET" :
		                      v4 ? "CONFIG_NFT_FIB_IPV4" : "CONFIG_NFT_FIB_IPV6");
	if (desc->spec.assists[number].kind == BF_ASSIST_CT)
		return lacks(d, what, "CONFIG_NFT_CT");
	if (desc->spec.assists[number].kind != BF_ASSIST_XT)
		return 0; /* always there */
	return missing_xt(n, desc->family, false, desc->spec.assists[number].name, desc->spec.assists[number].revision,
					  what, d);
}

/* The feature of the rules that the message serves. */
static void describe(char out[64], const struct bf_companion_desc *desc, uint32_t about)
{
	uint32_t number = about & 0xffffff;
	static const char *const names[] = {
		[BF_HANDOFF_NFT_REJECT] = "REJECT", [BF_HANDOFF_DROP] = "DROP", [BF_HANDOFF_NFT_LOG] = "log",
		[BF_HANDOFF_NFT_SET] = "setting a mark", [BF_HANDOFF_NFT_NOTRACK] = "notrack",
	};
	const char *s = "REJECT, LOG and NFLOG", *prefix = "";

	if (about >> 24 == COMP_ABOUT_CT) {
		s = "connection tracking";
	} else if (about >> 24 == COMP_ABOUT_ASSIST && number < desc->spec.n_assists) {
		prefix = desc->spec.assists[number].kind == BF_ASSIST_XT ? "match " : "";
		s = desc->spec.assists[number].name;
	} else if (about >> 24 == COMP_ABOUT_CODE && number < desc->spec.n_codes) {
		const struct bf_handoff_spec *c = &desc->spec.codes[number];

		prefix = c->kind < BF_HANDOFF_NFT_LOG ? "target " : "";
		s = c->kind == BF_HANDOFF_XT_TARGET ? c->name : names[c->kind];
	}
	snprintf(out, 64, "%s%s", prefix, s);
}

int comp_explain(struct bf_nft *n, const struct bf_companion_desc *desc, const struct nft_error *e, int err,
				 struct bf_diag *d)
{
	char what[64];
	int ret = 0;

	if (!e->err) /* nothing reported: the message did not even arrive */
		return bf_diag_error(d, err, "cannot send rules to nf_tables: %s", strerror(-err));
	describe(what, desc, e->about);
	if (err == -EPERM)
		return bf_diag_error(d, err, "not allowed to change nf_tables (CAP_NET_ADMIN)");
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT || err == -EPROTONOSUPPORT)
		ret = missing(n, desc, e->about, what, d);
	if (ret)
		return ret;
	return bf_diag_error(d, err, "%s: nf_tables refuses it: %s%s%s", what, strerror(-err), *e->text ? ": " : "",
						 e->text);
}
