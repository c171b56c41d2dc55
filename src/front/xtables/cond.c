/* SPDX-License-Identifier: GPL-2.0-only */
/* cond.c: conditions whose test may turn out constant (cond.h). */
#include "front/xtables/cond.h"

#include <linux/netfilter_ipv6/ip6_tables.h>

int bf_xt_never(struct bf_ruleset *rs, struct bf_rule *r)
{
	return bf_rule_add_range(rs, r, BF_F_MARK, 0, 0, UINT32_MAX, true);
}

int bf_xt_const(struct bf_ruleset *rs, struct bf_rule *r, bool holds)
{
	return holds ? 0 : bf_xt_never(rs, r);
}

/* A loaded field that is not available never holds: a test of it is not constant, even of all its values. */
static bool loaded(enum bf_field_id f)
{
	return bf_fields[f].loader >= 0;
}

int bf_xt_range(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 lo, bf_u128 hi, bool neg)
{
	bf_u128 ones = bf_field_ones(&bf_fields[f]);

	if (hi > ones)
		hi = ones;
	if (lo > hi) { /* no value: the opposite of all values */
		lo = 0;
		hi = ones;
		neg = !neg;
	}
	if (lo == 0 && hi == ones && !loaded(f))
		return bf_xt_const(rs, r, !neg);
	return bf_rule_add_range(rs, r, f, 0, lo, hi, neg);
}

int bf_xt_masked(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bf_u128 value, bool neg)
{
	bf_u128 ones = bf_field_ones(&bf_fields[f]);

	mask &= ones;
	if (value & ~mask)
		return bf_xt_range(rs, r, f, 1, 0, neg);
	if (mask == 0)
		return bf_xt_range(rs, r, f, 0, ones, neg);
	return bf_rule_add_value(rs, r, f, mask, value, neg);
}

int bf_xt_bits(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, bf_u128 mask, bool neg)
{
	mask &= bf_field_ones(&bf_fields[f]);
	if (mask == 0)
		return bf_xt_range(rs, r, f, 1, 0, neg);
	return bf_rule_add_range(rs, r, f, mask, 1, mask, neg);
}

static int by_lo(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorts and joins ranges that touch or overlap; returns how many are left. */
static uint32_t join(struct bf_range *v, uint32_t n)
{
	uint32_t out = 0;

	qsort(v, n, sizeof(*v), by_lo);
	for (uint32_t i = 1; i < n; i++) {
		if (v[i].lo > v[out].hi && v[i].lo - v[out].hi > 1)
			v[++out] = v[i];
		else if (v[i].hi > v[out].hi)
			v[out].hi = v[i].hi;
	}
	return out + 1;
}

int bf_xt_ranges(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, const struct bf_range *ranges,
				 uint32_t n, bool neg)
{
	_cleanup_free_ struct bf_range *v = NULL;

	if (n == 0)
		return bf_xt_range(rs, r, f, 1, 0, neg);
	v = malloc(n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v, ranges, n * sizeof(*v));
	n = join(v, n);
	if (n == 1)
		return bf_xt_range(rs, r, f, v->lo, v->hi, neg);
	return bf_rule_add_cond(rs, r, &(struct bf_cond){
		.kind = BF_COND_FIELD,
		.neg = neg,
		.field = &bf_fields[f],
		.mask = bf_field_ones(&bf_fields[f]),
		.ranges = v,
		.n_ranges = n,
	});
}

int bf_xt_needs_l4(const struct bf_xt_check *c, struct bf_diag *d)
{
	if (c->family == NFPROTO_IPV6 && !(c->ipflags & IP6T_F_PROTO))
		return bf_xt_error(c, d, -EOPNOTSUPP, "looks at the transport header without -p");
	return 0;
}

int bf_xt_l4(struct bf_ruleset *rs, struct bf_rule *r, uint32_t avail, const struct bf_xt_check *c, struct bf_diag *d)
{
	int err = bf_xt_needs_l4(c, d);

	if (!err)
		err = bf_rule_add_value(rs, r, BF_F_L4_FRAG, 0, 0, false);
	return err ? err : bf_rule_add_guard(rs, r, BF_F_L4_AVAIL, 0, avail - 1);
}

bf_u128 bf_xt_be(const void *p, size_t len)
{
	const uint8_t *b = p;
	bf_u128 v = 0;

	while (len--)
		v = v << 8 | *b++;
	return v;
}
