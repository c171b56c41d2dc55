/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * box.c: see box.h. Each condition that a box can say is put in by say(): its
 * test becomes a list of prefixes or intervals that is intersected with what
 * is there already, or one more test of a word.
 *
 * Values of a field lie shifted in their word, as in TEST cells; the opposite
 * of an interval is an interval that wraps.
 */
#include "opt/box.h"

#include "match/match.h"

enum said { NO, YES, NEVER };

static unsigned width(uint8_t family)
{
	return family == NFPROTO_IPV4 ? 32 : 128;
}

static bf_u128 prefix_mask(unsigned bits, unsigned len)
{
	bf_u128 ones = bits == 128 ? ~(bf_u128)0 : ((bf_u128)1 << bits) - 1;

	return len == 0 ? 0 : ones >> (bits - len) << (bits - len);
}

/* The length of a mask that is one of a prefix, or -1. */
static int prefix_len(bf_u128 mask, unsigned bits)
{
	bf_u128 rest = ~mask & prefix_mask(bits, bits);
	int len = (int)bits;

	if (rest & (rest + 1) || mask & ~prefix_mask(bits, bits))
		return -1;
	if (rest >> 64)
		return len - 128 + __builtin_clzll((uint64_t)(rest >> 64));
	return rest ? len - 64 + __builtin_clzll((uint64_t)rest) : len;
}

/* ---------------------------------------------------------------- lists */

static unsigned parts(const struct bf_box *b)
{
	return (unsigned)b->n_addr[0] * b->n_addr[1] * b->n_port[0] * b->n_port[1];
}

static bool fits(const struct bf_box *b, uint8_t now, unsigned then)
{
	return then <= BF_BOX_PARTS && parts(b) / now * then <= BF_BOX_PARTS;
}

/* What both lists hold. Each is disjoint in itself, so this is, too. */
static enum said meet_prefixes(struct bf_box *b, unsigned side, const struct bf_box_prefix *with, unsigned n,
                               unsigned bits)
{
	struct bf_box_prefix out[BF_BOX_PARTS];
	unsigned n_out = 0;

	for (unsigned i = 0; i < b->n_addr[side]; i++)
		for (unsigned k = 0; k < n; k++) {
			const struct bf_box_prefix *x = &b->addr[side][i], *y = &with[k];

			if ((x->addr ^ y->addr) & prefix_mask(bits, BF_MIN(x->len, y->len)))
				continue;
			if (!fits(b, b->n_addr[side], n_out + 1))
				return NO;
			out[n_out++] = x->len > y->len ? *x : *y;
		}
	if (!n_out)
		return NEVER;
	memcpy(b->addr[side], out, n_out * sizeof(*out));
	b->n_addr[side] = (uint8_t)n_out;
	return YES;
}

static enum said meet_ports(struct bf_box *b, unsigned side, const struct bf_box_ports *with, unsigned n)
{
	struct bf_box_ports out[BF_BOX_PARTS];
	unsigned n_out = 0;

	for (unsigned i = 0; i < b->n_port[side]; i++)
		for (unsigned k = 0; k < n; k++) {
			struct bf_box_ports x = { BF_MAX(b->port[side][i].lo, with[k].lo), BF_MIN(b->port[side][i].hi, with[k].hi) };

			if (x.lo > x.hi)
				continue;
			if (!fits(b, b->n_port[side], n_out + 1))
				return NO;
			out[n_out++] = x;
		}
	if (!n_out)
		return NEVER;
	memcpy(b->port[side], out, n_out * sizeof(*out));
	b->n_port[side] = (uint8_t)n_out;
	return YES;
}

/* -------------------------------------------------------- tests of a word */

static enum said add_test(struct bf_box *b, uint32_t word, uint32_t mask, uint32_t lo, uint32_t span)
{
	for (uint32_t i = 0; i < b->n_tests; i++)
		if (b->test[i].word == word && b->test[i].mask == mask && b->test[i].lo == lo && b->test[i].span == span)
			return YES;
	if (b->n_tests == BF_BOX_TESTS)
		return NO;
	b->test[b->n_tests++] = (struct bf_class_test){ word, mask, lo, span };
	return YES;
}

static enum said add_meta(struct bf_box *b, uint32_t mask, uint32_t v)
{
	uint32_t both = b->meta_mask & mask;

	if (v & ~mask || (b->meta ^ v) & both)
		return NEVER;
	b->meta_mask |= mask;
	b->meta |= v;
	return YES;
}

/* (word & mask) in lo..hi, or not. */
static enum said add_interval(struct bf_box *b, uint32_t word, uint32_t mask, uint32_t lo, uint32_t hi, bool neg)
{
	bool all, none;

	hi = BF_MIN(hi, mask);
	all = lo == 0 && hi == mask;
	none = lo > hi;
	if (all || none)
		return all != neg ? YES : NEVER;
	if (neg)
		return add_test(b, word, mask, hi + 1, lo - hi - 2);
	if (word == BF_KEY_META && lo == hi)
		return add_meta(b, mask, lo);
	return add_test(b, word, mask, lo, hi - lo);
}

/* -------------------------------------------------------------- addresses */

/* lo..hi as prefixes; more than `max`: -1. */
static int range_prefixes(bf_u128 lo, bf_u128 hi, unsigned bits, struct bf_box_prefix *out, unsigned max)
{
	unsigned n = 0;

	for (;;) {
		unsigned len = bits;

		while (len > 0 && !(lo & ~prefix_mask(bits, len - 1)) && (lo | (prefix_mask(bits, bits) & ~prefix_mask(bits, len - 1))) <= hi)
			len--;
		if (n == max)
			return -1;
		out[n++] = (struct bf_box_prefix){ lo, (uint8_t)len };
		lo |= prefix_mask(bits, bits) & ~prefix_mask(bits, len);
		if (lo >= hi)
			return (int)n;
		lo++;
	}
}

/* The longest prefix that holds lo and hi. */
static struct bf_box_prefix bounding(bf_u128 lo, bf_u128 hi, unsigned bits)
{
	unsigned len = bits;

	while ((lo ^ hi) & prefix_mask(bits, len))
		len--;
	return (struct bf_box_prefix){ lo & prefix_mask(bits, len), (uint8_t)len };
}

/* An address in ranges, nothing masked. What is too much is bounded here and remains to be tested. */
static enum said say_ranges(struct bf_box *b, unsigned side, const struct bf_cond *c, unsigned bits)
{
	struct bf_box_prefix list[BF_BOX_PARTS], all;
	unsigned n = 0;
	enum said said;

	for (uint32_t i = 0; i < c->n_ranges; i++) {
		int more = range_prefixes(c->ranges[i].lo, c->ranges[i].hi, bits, list + n, BF_BOX_PARTS - n);

		if (more < 0)
			break;
		n += (unsigned)more;
		if (i + 1 < c->n_ranges)
			continue;
		said = meet_prefixes(b, side, list, n, bits);
		if (said != NO)
			return said;
	}
	all = bounding(c->ranges[0].lo, c->ranges[c->n_ranges - 1].hi, bits);
	said = meet_prefixes(b, side, &all, 1, bits);
	if (said == NEVER)
		return NEVER;
	if (c->n_ranges == 1 && bits == 32)
		return add_interval(b, side ? BF_KEY_DADDR : BF_KEY_SADDR, UINT32_MAX, (uint32_t)c->ranges->lo,
		                    (uint32_t)c->ranges->hi, false);
	return NO;
}

static bool ranges_valid(const struct bf_cond *c, bf_u128 ones)
{
	for (uint32_t i = 0; i < c->n_ranges; i++)
		if (c->ranges[i].lo > c->ranges[i].hi || c->ranges[i].hi > ones || (i && c->ranges[i].lo <= c->ranges[i - 1].hi))
			return false;
	return c->n_ranges > 0;
}

/* What prefixes can say; NO: try otherwise. */
static enum said say_address(struct bf_box *b, unsigned side, const struct bf_cond *c, unsigned bits)
{
	bf_u128 ones = prefix_mask(bits, bits), mask = c->mask & ones;
	int len = prefix_len(mask, bits);

	if (c->neg || len < 0 || !ranges_valid(c, ones))
		return NO;
	if (c->n_ranges == 1 && c->ranges->lo == c->ranges->hi) {
		struct bf_box_prefix p = { c->ranges->lo, (uint8_t)len };

		return p.addr & ~mask ? NEVER : meet_prefixes(b, side, &p, 1, bits);
	}
	return len == (int)bits ? say_ranges(b, side, c, bits) : NO;
}

/* ------------------------------------------------------------------ ports */

/* The ranges, or what lies between them. */
static unsigned port_list(const struct bf_cond *c, struct bf_box_ports *out)
{
	uint32_t from = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < c->n_ranges; i++) {
		uint32_t lo = (uint32_t)c->ranges[i].lo, hi = (uint32_t)c->ranges[i].hi;

		if (!c->neg)
			out[n++] = (struct bf_box_ports){ (uint16_t)lo, (uint16_t)hi };
		else if (lo > from)
			out[n++] = (struct bf_box_ports){ (uint16_t)from, (uint16_t)(lo - 1) };
		from = hi + 1;
	}
	if (c->neg && from <= 0xffff)
		out[n++] = (struct bf_box_ports){ (uint16_t)from, 0xffff };
	return n;
}

static enum said say_ports(struct bf_box *b, unsigned side, const struct bf_cond *c)
{
	struct bf_box_ports list[BF_BOX_PARTS + 1];
	unsigned n;
	enum said said;

	if ((c->mask & 0xffff) != 0xffff || !ranges_valid(c, 0xffff) || c->n_ranges > BF_BOX_PARTS ||
	    (c->neg && c->n_ranges == 1))
		return NO;
	n = port_list(c, list);
	said = n ? meet_ports(b, side, list, n) : NEVER;
	if (said != NO || c->neg)
		return said;
	list[0].hi = list[n - 1].hi;
	return meet_ports(b, side, list, 1) == NEVER ? NEVER : NO;
}

/* ----------------------------------------------------------------- others */

static enum said say_word(struct bf_box *b, const struct bf_cond *c)
{
	bf_u128 ones = bf_field_ones(c->field);
	uint32_t mask = (uint32_t)(c->mask & ones) << c->field->shift;
	bf_u128 lo = c->ranges[0].lo, hi = c->ranges[c->n_ranges - 1].hi;

	if (c->n_ranges == 1 && lo > ones)
		return c->neg ? YES : NEVER;
	if (c->n_ranges > 1 && (c->neg || lo > ones))
		return NO;
	hi = BF_MIN(hi, ones);
	if (c->n_ranges == 1)
		return add_interval(b, c->field->word, mask, (uint32_t)lo << c->field->shift, (uint32_t)hi << c->field->shift, c->neg);
	/* several ranges: at least between their ends */
	return add_interval(b, c->field->word, mask, (uint32_t)lo << c->field->shift, (uint32_t)hi << c->field->shift, false) ==
	       NEVER ? NEVER : NO;
}

/* Equal under a mask, in several words. Its opposite can be said where one word decides. */
static enum said say_words(struct bf_box *b, const struct bf_cond *c)
{
	unsigned n = (c->field->bits + 31u) / 32, masked = 0;
	bf_u128 mask = c->mask & bf_field_ones(c->field), v = c->ranges->lo;
	uint32_t before = b->n_tests;

	if (c->n_ranges != 1 || c->ranges->lo != c->ranges->hi)
		return NO;
	if (v & ~mask || !mask)
		return (v & ~mask ? false : true) != c->neg ? YES : NEVER;
	for (unsigned i = 0; i < n; i++)
		masked += (uint32_t)(mask >> 32 * i) != 0;
	if (c->neg && masked > 1)
		return NO;
	for (unsigned i = 0; i < n; i++) {
		uint32_t m = (uint32_t)(mask >> 32 * (n - 1 - i)), w = (uint32_t)(v >> 32 * (n - 1 - i));
		enum said said = m ? add_interval(b, c->field->word + i, m, w, w, c->neg) : YES;

		if (said == NO)
			b->n_tests = before;
		if (said != YES)
			return said;
	}
	return YES;
}

static enum said say_field(struct bf_box *b, const struct bf_cond *c, uint8_t family)
{
	enum bf_field_id id = bf_field_id(c->field);
	enum said said = NO;
	uint32_t tests = b->n_tests;

	if (c->field->loader >= 0)
		return NO;
	if (c->field->word == BF_KEY_SADDR || c->field->word == BF_KEY_DADDR)
		said = say_address(b, c->field->word == BF_KEY_DADDR, c, width(family));
	else if (id == BF_F_SPORT || id == BF_F_DPORT)
		said = say_ports(b, id == BF_F_DPORT, c);
	if (said == NO && b->n_tests == tests && id != BF_F_SPORT && id != BF_F_DPORT)
		said = c->field->bits <= 32 ? say_word(b, c) : say_words(b, c);
	else if (said == NO && c->n_ranges == 1)
		said = say_word(b, c);
	return said;
}

/* ------------------------------------------------------------------- rule */

static void reset(struct bf_box *b)
{
	b->rest = 0;
	b->state = false;
	b->needs = b->meta_mask = b->meta = b->n_tests = 0;
	for (unsigned side = 0; side < 2; side++) {
		b->n_addr[side] = b->n_port[side] = 1;
		b->addr[side][0] = (struct bf_box_prefix){ 0, 0 };
		b->port[side][0] = (struct bf_box_ports){ 0, 0xffff };
	}
}

void bf_box_make_with(struct bf_box *b, const struct bf_rule *r, uint32_t sorts, uint8_t family, struct bf_view_memo *memo)
{
	struct bf_cond_room room;
	bool barrier = false;
	struct bf_view v;

	reset(b);
	bf_view_make_with(&v, r, sorts, family, memo);
	b->end = v.end;
	for (uint32_t i = 0; i < r->n_conds; i++) {
		const struct bf_cond *c;
		enum said said = NO;

		if (!bf_view_has(v.left, i))
			continue;
		c = bf_cond_of(r->conds[i], &room);
		barrier |= bf_cond_acts(c);
		if (!barrier && c->kind == BF_COND_FIELD && i < 63)
			said = say_field(b, c, family);
		if (said == NEVER) {
			b->end = BF_END_NEVER;
			return;
		}
		if (c->kind == BF_COND_FIELD)
			b->needs |= c->field->needs;
		if (said == NO)
			b->rest |= (uint64_t)1 << BF_MIN(i, 63u);
		b->state |= c->kind == BF_COND_MATCH && c->match->stateful;
	}
}

static unsigned log2_of(uint64_t v)
{
	return v ? 63u - (unsigned)__builtin_clzll(v) : 0;
}

static bool is_name(uint32_t word)
{
	return word >= BF_KEY_IIFNAME && word < BF_KEY_OIFNAME + 4;
}

unsigned bf_box_selects(const struct bf_box *b)
{
	unsigned bits = (b->meta_mask & 0xff ? 2 : 0) + (b->meta_mask & ~0xffu ? 2 : 0), words = 0;

	for (unsigned side = 0; side < 2; side++) {
		uint32_t ports = 0;

		for (unsigned i = 0; i < b->n_port[side]; i++)
			ports += b->port[side][i].hi - b->port[side][i].lo + 1u;
		bits += b->addr[side][0].len + 16 - log2_of(ports);
	}
	for (uint32_t i = 0; i < b->n_tests; i++) {
		uint32_t word = b->test[i].word;

		if (is_name(word)) /* few names; their letters are no bits of choice */
			words |= 1u << (word >= BF_KEY_OIFNAME);
		else if (word == BF_KEY_CTSTATE || word == BF_KEY_CTSTATUS || word == BF_KEY_ODD)
			words |= 4;
		else
			bits += 32 - log2_of((uint64_t)b->test[i].span + 1);
	}
	return bits + 2 * (unsigned)__builtin_popcount(words);
}
