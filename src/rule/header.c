/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * header.c: the conditions of a rule as text, with words for the idioms that
 * make a rule safe. Looking at a transport header takes several conditions:
 *
 *   tcp dport 22   =  [ip6: guard exthdr broken 1]  meta l4proto tcp    unless the rule has tested it before
 *                     [ip: guard th fragment-one 1]  th fragment 0       unless the rule has "entered" the tcp
 *                     guard th available 0-19                            header before
 *                     th dport 22
 *
 * Where nothing of the header is looked at, "tcp header" stands for it. "th"
 * is any protocol's first four bytes: no protocol is implied. In ip6 tables
 * `meta l4proto` means: behind extension headers that can be followed, else
 * the packet is dropped; "unguarded meta l4proto" is without that guard.
 *
 * Every other condition is printed as it is, so a reader who expands these
 * words by the rules above has the same conditions in the same order again.
 */
#include <linux/in.h>
#include <linux/in6.h>

#include "rule/print.h"

/* An idiom: the tests before a header may be looked at. */
struct header {
	const char *word;
	uint8_t proto;      /* 0: any */
	bool no_fragment_one; /* ip: the fragment at 8 bytes, which could overwrite it, is dropped */
	uint16_t size;        /* bytes that have to be there */
};

static const struct header headers[] = {
	{ "tcp", IPPROTO_TCP, true, 20 },         { "udp", IPPROTO_UDP, false, 8 },
	{ "udplite", IPPROTO_UDPLITE, false, 8 }, { "icmp", IPPROTO_ICMP, false, 8 },
	{ "icmpv6", IPPROTO_ICMPV6, false, 8 },   { "th", 0, false, 4 },
};

/* Which fields a header has. */
static const struct {
	enum bf_field_id field;
	const char *header, *name;
} members[] = {
	{ BF_F_SPORT, "tcp", "tcp sport" },         { BF_F_DPORT, "tcp", "tcp dport" },
	{ BF_F_TCP_FLAGS, "tcp", "tcp flags" },     { BF_F_SPORT, "udp", "udp sport" },
	{ BF_F_DPORT, "udp", "udp dport" },         { BF_F_SPORT, "udplite", "udplite sport" },
	{ BF_F_DPORT, "udplite", "udplite dport" }, { BF_F_ICMP, "icmp", "icmp type" },
	{ BF_F_ICMP, "icmpv6", "icmpv6 type" },     { BF_F_SPORT, "th", "th sport" },
	{ BF_F_DPORT, "th", "th dport" },
};

struct walk {
	struct bf_buf *out;
	const struct bf_cond_ref *conds;
	uint32_t n, i;
	uint8_t family;
	int proto;                 /* the protocol the rule has tested for, or -1 */
	const struct header *in;   /* the header it has entered last */
};

/* Is condition i: field in exactly lo..hi, unmasked, not negated? */
static bool is(const struct walk *w, uint32_t i, enum bf_field_id f, bool guard, bf_u128 lo, bf_u128 hi)
{
	const struct bf_cond *c = i < w->n ? bf_rule_cond(w, i) : NULL;

	return c && c->kind == BF_COND_FIELD && bf_field_id(c->field) == f && c->guard == guard && !c->neg &&
	       c->n_ranges == 1 && c->mask == bf_field_ones(c->field) && c->ranges[0].lo == lo && c->ranges[0].hi == hi;
}

static bool is_field(const struct walk *w, uint32_t i, enum bf_field_id f)
{
	const struct bf_cond *c = i < w->n ? bf_rule_cond(w, i) : NULL;

	return c && c->kind == BF_COND_FIELD && bf_field_id(c->field) == f && !c->guard;
}

/* The name of condition i as a field of header h, or NULL. */
static const char *member(const struct walk *w, const struct header *h, uint32_t i)
{
	for (size_t m = 0; h && m < BF_ARRAY_SIZE(members); m++)
		if (!strcmp(members[m].header, h->word) && is_field(w, i, members[m].field))
			return members[m].name;
	return NULL;
}

/* How many conditions from i on are the idiom of h, the protocol known; 0: they are not. */
static uint32_t idiom(const struct walk *w, uint32_t i, const struct header *h)
{
	uint32_t at = i;

	if (h->no_fragment_one && w->family != NFPROTO_IPV6 && !is(w, at++, BF_F_L4_FRAG1, true, 1, 1))
		return 0;
	if (!is(w, at++, BF_F_L4_FRAG, false, 0, 0) || !is(w, at++, BF_F_L4_AVAIL, true, 0, h->size - 1u))
		return 0;
	return at - i;
}

/* The header entered at condition i by a rule that knows the protocol. */
static const struct header *enters(const struct walk *w, uint32_t i, int proto, uint32_t *used)
{
	for (size_t k = 0; k < BF_ARRAY_SIZE(headers); k++) {
		*used = idiom(w, i, &headers[k]);
		if (*used && (!headers[k].proto || headers[k].proto == proto))
			return &headers[k];
	}
	return NULL;
}

static void word(struct walk *w, const char *text)
{
	if (w->out->len && w->out->data[w->out->len - 1] != '\t' && w->out->data[w->out->len - 1] != ' ')
		bf_buf_puts(w->out, " ");
	bf_buf_puts(w->out, text);
}

static void enter(struct walk *w, const struct header *h, uint32_t used)
{
	w->i += used;
	w->in = h;
	if (member(w, h, w->i))
		return; /* the field says it */
	word(w, h->word);
	bf_buf_puts(w->out, " header");
}

static int tested_proto(const struct walk *w, uint32_t i)
{
	bf_u128 v = is_field(w, i, BF_F_L4PROTO) ? bf_rule_cond(w, i)->ranges[0].lo : 0;

	return is_field(w, i, BF_F_L4PROTO) && is(w, i, BF_F_L4PROTO, false, v, v) ? (int)v : -1;
}

/* meta l4proto, with its guard in ip6; together with the header that follows if one does. */
static bool protocol(struct walk *w)
{
	bool ip6 = w->family == NFPROTO_IPV6, guarded = ip6 && is(w, w->i, BF_F_L4_BADEXT, true, 1, 1);
	uint32_t i = w->i + guarded, used;
	const struct header *h;
	int proto = tested_proto(w, i);

	if (!is_field(w, i, BF_F_L4PROTO))
		return false;
	h = proto < 0 || w->proto >= 0 || ip6 != guarded ? NULL : enters(w, i + 1, proto, &used);
	if (proto >= 0 && w->proto < 0 && ip6 == guarded)
		w->proto = proto;
	if (h && h->proto) {
		w->i = i + 1;
		enter(w, h, used);
		return true;
	}
	word(w, ip6 && !guarded ? "unguarded " : "");
	bf_cond_print_named(w->out, bf_rule_cond(w, i), "meta l4proto");
	w->i = i + 1;
	return true;
}

void bf_conds_print(struct bf_buf *out, const struct bf_rule *r, uint8_t family)
{
	struct walk w = { .out = out, .conds = r->conds, .n = r->n_conds, .family = family, .proto = -1 };

	while (w.i < w.n) {
		const struct bf_cond *c = bf_rule_cond(&w, w.i);
		const struct header *h;
		const char *name;
		uint32_t used;

		if (protocol(&w))
			continue;
		h = enters(&w, w.i, w.proto, &used);
		if (h) {
			enter(&w, h, used);
			continue;
		}
		name = member(&w, w.in, w.i);
		word(&w, !name && (is_field(&w, w.i, BF_F_SPORT) || is_field(&w, w.i, BF_F_DPORT) ||
		                   is_field(&w, w.i, BF_F_TCP_FLAGS) || is_field(&w, w.i, BF_F_ICMP))
		                 ? "unguarded "
		                 : "");
		if (name)
			bf_cond_print_named(out, c, name);
		else
			bf_cond_print(out, c);
		w.i++;
	}
}
