/* SPDX-License-Identifier: GPL-2.0-only */
/* odd.c: see odd.h. */
#include "opt/odd.h"

#include <linux/in.h>

#include "match/match.h"

enum { TRUE_FOR_SOME = 1, FALSE_FOR_SOME = 2, SORTS = 8 };
enum { ALL = (1 << SORTS) - 1, ORDINARY = BF_SORT_TCP | BF_SORT_PLAIN };

/* What word ODD holds in packets of each sort: flags, and bytes from .. to. */
static const struct {
	uint32_t flags, from, to;
} odd_of[SORTS] = {
	{ 0, BF_ODD_TCP_LEAST, BF_ODD_AVAIL },
	{ 0, BF_ODD_LEAST, BF_ODD_AVAIL },
	{ BF_ODD_FRAG, 0, BF_ODD_AVAIL },
	{ BF_ODD_FRAG | BF_ODD_FRAG1, 0, BF_ODD_AVAIL },
	{ 0, 0, 3 },
	{ 0, 4, BF_ODD_LEAST - 1 },
	{ 0, BF_ODD_LEAST, BF_ODD_TCP_LEAST - 1 },
	{ BF_ODD_BADEXT, 0, 0 },
};

uint32_t bf_sorts(enum bf_sorts set, bool split, uint8_t family)
{
	uint32_t all = ALL & ~(uint32_t)(family == NFPROTO_IPV4 ? BF_SORT_BROKEN : BF_SORT_FRAG1);

	if (!split)
		return all;
	if (set == BF_SORTS_ORDINARY)
		return ORDINARY;
	if (set == BF_SORTS_LATE)
		return BF_SORT_LATE;
	return set == BF_SORTS_BROKEN ? all & BF_SORT_BROKEN : all & ~(uint32_t)(ORDINARY | BF_SORT_LATE | BF_SORT_BROKEN);
}

static bool inside(const struct bf_cond *c, uint32_t v)
{
	for (uint32_t i = 0; i < c->n_ranges; i++)
		if (v >= c->ranges[i].lo && v <= c->ranges[i].hi)
			return true;
	return false;
}

/* Of the bytes present. A mask may tear the values from .. to apart: then both answers are possible. */
static unsigned bytes_give(const struct bf_cond *c, uint32_t from, uint32_t to)
{
	bool whole = ((uint32_t)c->mask & BF_ODD_AVAIL) == BF_ODD_AVAIL, some = false;

	if (from == to)
		return inside(c, from & (uint32_t)c->mask) ? TRUE_FOR_SOME : FALSE_FOR_SOME;
	if (!whole)
		return TRUE_FOR_SOME | FALSE_FOR_SOME;
	for (uint32_t i = 0; i < c->n_ranges; i++) {
		if (c->ranges[i].lo <= from && c->ranges[i].hi >= to)
			return TRUE_FOR_SOME;
		some |= c->ranges[i].lo <= to && c->ranges[i].hi >= from;
	}
	return some ? TRUE_FOR_SOME | FALSE_FOR_SOME : FALSE_FOR_SOME; /* two ranges that touch: rather unsure than wrong */
}

static unsigned odd_gives(const struct bf_cond *c, unsigned sort)
{
	uint32_t flag = odd_of[sort].flags >> c->field->shift & (uint32_t)bf_field_ones(c->field);

	if (bf_field_id(c->field) == BF_F_L4_AVAIL)
		return bytes_give(c, odd_of[sort].from, odd_of[sort].to);
	return inside(c, flag & (uint32_t)c->mask) ? TRUE_FOR_SOME : FALSE_FOR_SOME;
}

/* Of the protocol: all that matters is whether it is TCP. */
static unsigned proto_gives(const struct bf_cond *c, unsigned sort)
{
	bool tcp = inside(c, IPPROTO_TCP & (uint32_t)c->mask);
	unsigned gives = 0;

	if ((BF_SORT_TCP | BF_SORT_CUT8) >> sort & 1)
		return tcp ? TRUE_FOR_SOME : FALSE_FOR_SOME;
	if (!(BF_SORT_PLAIN >> sort & 1))
		return TRUE_FOR_SOME | FALSE_FOR_SOME;
	if (c->n_ranges == 1 && c->ranges->lo == c->ranges->hi && c->mask >= 0xff) /* nearly always */
		return FALSE_FOR_SOME | (c->ranges->lo <= 0xff && !tcp ? TRUE_FOR_SOME : 0);
	for (uint32_t v = 0; v < 256; v++)
		if (v != IPPROTO_TCP)
			gives |= inside(c, v & (uint32_t)c->mask) ? TRUE_FOR_SOME : FALSE_FOR_SOME;
	return gives;
}

bool bf_sorts_matter(const struct bf_cond *c)
{
	return c->kind == BF_COND_FIELD && c->field->loader < 0 && c->field->word == BF_KEY_ODD;
}

static bool is_proto(const struct bf_cond *c)
{
	return c->kind == BF_COND_FIELD && bf_field_id(c->field) == BF_F_L4PROTO;
}

static unsigned swapped(unsigned gives)
{
	return (gives & TRUE_FOR_SOME ? FALSE_FOR_SOME : 0) | (gives & FALSE_FOR_SOME ? TRUE_FOR_SOME : 0);
}

enum known { OPEN, HOLDS, FAILS };

/* What is known of the test c (negation included). Packets for which the rule goes on after it are left in *sorts. */
static enum known known(uint32_t *sorts, const struct bf_cond *c, uint8_t family)
{
	unsigned go_on = c->guard ? FALSE_FOR_SOME : TRUE_FOR_SOME, gives, all = 0;
	uint32_t left = 0;

	if (c->kind == BF_COND_FIELD && !bf_field_there(c->field, family))
		return FAILS;
	if (c->kind == BF_COND_FIELD && c->field->fixed)
		return inside(c, family & (uint32_t)c->mask) != c->neg ? HOLDS : FAILS;
	if (!bf_sorts_matter(c) && !is_proto(c))
		return OPEN;
	for (unsigned i = 0; i < SORTS; i++) {
		if (!(*sorts >> i & 1))
			continue;
		gives = is_proto(c) ? proto_gives(c, i) : odd_gives(c, i);
		if (c->neg)
			gives = swapped(gives);
		all |= gives;
		left |= gives & go_on ? 1u << i : 0;
	}
	*sorts = left;
	if (all == TRUE_FOR_SOME)
		return HOLDS;
	return all == FALSE_FOR_SOME ? FAILS : OPEN;
}

static bool any_acts(const struct bf_any *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t k = 0; k < a->groups[i].n; k++)
			if (bf_cond_acts(bf_rule_cond(&a->groups[i], k)))
				return true;
	return false;
}

bool bf_cond_acts(const struct bf_cond *c)
{
	if (c->guard)
		return true;
	if (c->kind == BF_COND_FIELD)
		return c->field->loader == BF_LOAD_TCP_MSS;
	if (c->match == &bf_match_any)
		return any_acts(c->data);
	if (c->match == &bf_match_lookup && ((const struct bf_lookup *)c->data)->set->flags & BF_SET_LIVE)
		return true; /* elements count, or have quotas and limits: these, or some that will come */
	return !c->match->pure;
}

/* The conditions up to the end that make no difference: a guard in front of a drop, plain ones in front of a miss. */
static void trim(struct bf_view *v, const struct bf_rule *r)
{
	for (uint32_t i = BF_MIN(r->n_conds, 63u); i-- > 0;) {
		const struct bf_cond *c = bf_rule_cond(r, i);

		if (!(v->left >> i & 1))
			continue;
		if (v->end == BF_END_DROPS ? !c->guard || (c->kind == BF_COND_MATCH && c->match->stateful) : bf_cond_acts(c))
			return;
		v->left &= ~((uint64_t)1 << i);
	}
	if (v->end == BF_END_MISSES)
		v->end = BF_END_NEVER;
}

/* The same of an object that stays where it is. */
static enum known known_before(uint32_t *sorts, const struct bf_cond *c, uint8_t family, struct bf_view_memo *memo)
{
	struct bf_view_known *k = &memo->known[(uintptr_t)c / sizeof(*c) % BF_ARRAY_SIZE(memo->known)];

	if (k->cond != c || k->sorts != *sorts || k->family != family) {
		*k = (struct bf_view_known){ .cond = c, .sorts = *sorts, .left = *sorts, .family = family };
		k->what = known(&k->left, c, family);
	}
	*sorts = k->left;
	return k->what;
}

void bf_view_make_with(struct bf_view *v, const struct bf_rule *r, uint32_t sorts, uint8_t family, struct bf_view_memo *memo)
{
	*v = (struct bf_view){ .end = BF_END_BODY };
	for (uint32_t i = 0; i < r->n_conds; i++) {
		const struct bf_field *packed = bf_cond_packed(r->conds[i]);
		const struct bf_cond *c;
		enum known what = OPEN;

		if (packed && bf_field_there(packed, family)) { /* no sort of packet decides it; this is quicker */
			v->left |= (uint64_t)1 << BF_MIN(i, 63u);
			continue;
		}
		c = bf_rule_cond(r, i);
		if (i < 63)
			what = memo && !packed ? known_before(&sorts, c, family, memo) : known(&sorts, c, family);
		if (what == OPEN) {
			v->left |= (uint64_t)1 << BF_MIN(i, 63u);
		} else if ((what == HOLDS) == c->guard) {
			v->end = c->guard ? BF_END_DROPS : BF_END_MISSES;
			return trim(v, r);
		}
	}
}
