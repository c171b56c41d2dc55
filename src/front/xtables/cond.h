/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cond.h: what the xt_<name>.c files build conditions with. The tests of
 * xtables may be constant (a mask of 0, a range that is empty): these helpers
 * add nothing for a test that always holds and "never" for one that cannot.
 * All return 0 or -ENOMEM unless they say otherwise.
 */
#ifndef BF_XT_COND_H
#define BF_XT_COND_H

#include <linux/netfilter/x_tables.h>

#include "front/xtables/blob.h"
#include "match/match.h"

/* The rule matches no packet (guards before it still drop). */
int bf_xt_never(struct bf_ruleset *rs, struct bf_rule *r);
/* A constant: adds never when it does not hold. */
int bf_xt_const(struct bf_ruleset *rs, struct bf_rule *r, bool holds);

/* lo <= field <= hi, or not; lo > hi: holds for no value. */
int bf_xt_range(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 lo, bf_u128 hi, bool neg);
/* (field & mask) == value, or not; bits of value outside mask make it unequal. */
int bf_xt_masked(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 value, bool neg);
/* (field & mask) != 0, or not. */
int bf_xt_bits(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bool neg);
/* field lies in one of the ranges, or not; they need be neither sorted nor disjoint, but lo <= hi. */
int bf_xt_ranges(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, const struct bf_range *ranges,
				 uint32_t n, bool neg);

/* The kernel computes `test ^ info->invert` with invert as the caller sent it and takes the result for true when it is
 * not 0: any invert above 1 makes the match true. */
static inline bool bf_xt_always(unsigned invert)
{
	return invert > 1;
}

/* Matches on the L4 header: no later fragment, and `avail` bytes there, else the packet is dropped. -EOPNOTSUPP with
 * a diagnostic for an IPv6 rule that has no IP6T_F_PROTO (hand-made): the kernel would read the wrong bytes. */
int bf_xt_l4(struct bf_ruleset *rs, struct bf_rule *r, uint32_t avail, const struct bf_xt_check *c, struct bf_diag *d);
int bf_xt_needs_l4(const struct bf_xt_check *c, struct bf_diag *d);

/* Addresses in memory as numbers, first byte on top. */
bf_u128 bf_xt_be(const void *p, size_t len);
static inline bf_u128 bf_xt_addr(const void *p, uint8_t family)
{
	return bf_xt_be(p, family == NFPROTO_IPV4 ? 4 : 16);
}

/* What struct ipt_ip and ip6t_ip6 ask. */
int bf_xt_ip_conds(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_xt_layout *l, const uint8_t *e);

#endif
