/* SPDX-License-Identifier: GPL-2.0-only */
/* mutate.c: tables out of pieces of a real one, and spoiling them (mutate.h). */
#include "xt/mutate.h"

#include <linux/netfilter_ipv4/ip_tables.h>

uint32_t rng_next(struct rng *r) /* xorshift64* */
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return (uint32_t)(r->s * 2685821657736338717ull >> 32);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return n ? rng_next(r) % n : 0;
}

static bool chance(struct rng *r, unsigned percent)
{
	return rng_below(r, 100) < percent;
}

struct pool pool_of(uint8_t family, const struct bf_buf *blob, struct bf_arena *a)
{
	struct pool p = { .l = bf_xt_layout(family) };
	const uint8_t *e = (const uint8_t *)blob->data + BB_REPLACE, *end = (const uint8_t *)blob->data + blob->len;
	const uint8_t **v = bf_arena_array(a, (size_t)(end - e) / p.l->entry + 1, const uint8_t *);

	for (; e < end; e += bf_xt_next_offset(p.l, e))
		v[p.n++] = e;
	p.entries = v;
	return p;
}

/*
 * Tables.
 */

static void copy_entry(struct bb *b, const uint8_t *e)
{
	b->entry = b->buf.len;
	b->n++;
	bf_buf_add(&b->buf, e, bf_xt_next_offset(b->l, e));
}

static void some_entries(struct rng *r, const struct pool *p, struct bb *b)
{
	for (uint32_t n = rng_below(r, 4); n > 0; n--)
		copy_entry(b, p->entries[rng_below(r, p->n)]);
}

/* Offsets of all entries; the caller's array has room. */
static uint32_t offsets_of(struct bb *b, uint32_t *out)
{
	uint32_t n = 0;

	for (uint32_t off = 0; off < bb_offset(b); n++) {
		out[n] = off;
		off += bf_xt_next_offset(b->l, bb_at(b, off));
	}
	return n;
}

/* A random place, mostly behind the jump so that loops are not the rule, mostly a chain's first entry. */
static uint32_t destination(struct rng *r, struct bb *b, const uint32_t *off, uint32_t n, uint32_t from)
{
	uint32_t to = chance(r, 85) ? from + 1 + rng_below(r, n - from - 1) : rng_below(r, n);

	for (uint32_t i = to; chance(r, 80) && i + 1 < n; i++)
		if (bf_xt_is_error(bf_xt_target(b->l, bb_at(b, off[i]))) && i + 2 < n)
			return off[i + 1];
	return off[to < n ? to : n - 1];
}

static void set_jumps(struct rng *r, struct bb *b)
{
	uint32_t off[256], n = offsets_of(b, off);

	for (uint32_t i = 0; i + 1 < n; i++) {
		uint8_t *e = bb_at(b, off[i]), *t = bf_xt_target(b->l, e);
		uint32_t to;

		if (!bf_xt_is_standard(t) || (bf_xt_verdict(t) < 0 && !(chance(r, 20) && bf_xt_verdict(t) == XT_RETURN)))
			continue;
		to = chance(r, 75) ? off[i + 1] : destination(r, b, off, n, i);
		memcpy(t + BF_XT_HEAD, &to, sizeof(to));
		if (chance(r, 10))
			e[b->l->flags] |= b->l->flag_goto;
	}
}

void make_table(struct rng *r, const struct pool *p, struct bb *b)
{
	char name[8] = "c0";

	bb_begin(b, p->l->family);
	for (unsigned h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		bool policy_first = chance(r, 5);

		if (chance(r, 3))
			some_entries(r, p, b);
		if (policy_first)
			bb_policy(b, h, chance(r, 50) ? -NF_ACCEPT - 1 : -NF_DROP - 1);
		bb_hook(b, h);
		some_entries(r, p, b);
		if (!policy_first)
			bb_policy(b, h, chance(r, 50) ? -NF_ACCEPT - 1 : -NF_DROP - 1);
	}
	for (uint32_t n = rng_below(r, 4); n > 0; n--) {
		name[1]++;
		bb_head(b, name);
		some_entries(r, p, b);
		if (chance(r, 80)) {
			bb_entry(b);
			bb_verdict(b, XT_RETURN);
		}
	}
	bb_end(b);
	set_jumps(r, b);
}

/*
 * Spoiling.
 */

static uint32_t odd_number(struct rng *r, struct bb *b)
{
	static const uint32_t odd[] = { 0,
									1,
									2,
									3,
									6,
									7,
									8,
									16,
									17,
									31,
									32,
									39,
									40,
									58,
									64,
									111,
									112,
									113,
									151,
									152,
									168,
									208,
									255,
									256,
									0x7fff,
									0xffff,
									0x7fffffff,
									0x80000000u,
									0xfffffff0u,
									0xfffffffeu,
									UINT32_MAX,
									(uint32_t)-2,
									(uint32_t)-4,
									(uint32_t)-5,
									(uint32_t)-6 };

	switch (rng_below(r, 4)) {
	case 0:
		return rng_next(r);
	case 1:
		return rng_below(r, bb_offset(b) + 64) & ~7u;
	}
	return odd[rng_below(r, BF_ARRAY_SIZE(odd))];
}

static void put(uint8_t *p, uint32_t v, size_t size)
{
	memcpy(p, &v, size); /* little end first, as the machine these numbers are for */
}

static void spoil_head(struct rng *r, struct bb *b)
{
	uint8_t *head = (uint8_t *)b->buf.data;
	uint32_t counters[] = { 0, 1, 5, 77, 0x7ffffff, 0x10000000, 0x2000001 };
	unsigned which = rng_below(r, 15);

	switch (which) {
	case 0:
		head[rng_below(r, 32)] ^= 1u << rng_below(r, 8);
		return;
	case 1:
		put(head + offsetof(struct ipt_replace, valid_hooks), rng_below(r, 64), 4);
		return;
	case 2: /* not so many that the kernel takes its time to find memory */
		put(bb_num_entries(b), chance(r, 10) ? 0x8000001 : rng_below(r, b->n + 3), 4);
		return;
	case 3:
		put(bb_size(b), odd_number(r, b), 4);
		return;
	case 4:
		put(bb_num_counters(b), counters[rng_below(r, BF_ARRAY_SIZE(counters))], 4);
		return;
	}
	put(head + offsetof(struct ipt_replace, hook_entry) + 4 * (which - 5), odd_number(r, b), 4);
}

static uint8_t *random_entry(struct rng *r, struct bb *b)
{
	uint32_t off[256], n = offsets_of(b, off);

	return bb_at(b, off[rng_below(r, n)]);
}

static void spoil_entry(struct rng *r, struct bb *b)
{
	uint8_t *e = random_entry(r, b);
	const struct bf_xt_layout *l = b->l;

	switch (rng_below(r, 8)) {
	case 0:
		put(e + l->target_offset, odd_number(r, b), 2);
		return;
	case 1:
		put(e + l->next_offset, odd_number(r, b), 2);
		return;
	case 2:
		e[l->flags] = (uint8_t)rng_below(r, 9);
		return;
	case 3:
		e[l->invflags] ^= 1u << rng_below(r, 8);
		return;
	case 4:
		put(e + l->proto, chance(r, 50) ? 6 : odd_number(r, b), 2);
		return;
	case 5: /* comefrom and counters are the kernel's own */
		put(e + l->comefrom, rng_next(r), 4);
		put(e + l->counters, rng_next(r), 4);
		return;
	}
	e[rng_below(r, l->entry)] = (uint8_t)rng_next(r);
}

/* The head of a match or target, now and then not at its place. */
static uint8_t *random_ext(struct rng *r, struct bb *b)
{
	uint8_t *e = random_entry(r, b), *t = bf_xt_target(b->l, e), *m = e + b->l->entry;

	if (m < t && chance(r, 70))
		return m;
	return t;
}

/* Bytes behind the head at x, up to the end of the blob. */
static uint32_t room(const struct bb *b, const uint8_t *x)
{
	return (uint32_t)((const uint8_t *)b->buf.data + b->buf.len - x) - BF_XT_HEAD;
}

static void spoil_ext(struct rng *r, struct bb *b)
{
	uint8_t *x = random_ext(r, b);
	uint32_t n = 0;

	switch (rng_below(r, 8)) {
	case 0:
		put(x, odd_number(r, b), 2);
		return;
	case 1:
		x[BF_XT_HEAD - 1] = (uint8_t)rng_below(r, 4);
		return;
	case 2: /* another name of the list */
		while (bf_xt_exts[n])
			n++;
		memset(x + 2, 0, BF_XT_NAMELEN);
		strcpy((char *)x + 2, bf_xt_exts[rng_below(r, n)]->name);
		return;
	case 3:
		x[2 + rng_below(r, BF_XT_NAMELEN)] = (uint8_t)rng_next(r);
		return;
	case 4:
		put(x + BF_XT_HEAD, odd_number(r, b), 4);
		return;
	}
	n = bf_xt_size(x) > BF_XT_HEAD ? bf_xt_size(x) - (uint32_t)BF_XT_HEAD : 8;
	n = BF_MIN(n, BF_MIN(64u, room(b, x)));
	x[BF_XT_HEAD + rng_below(r, n)] = chance(r, 50) ? (uint8_t)rng_next(r) : (uint8_t)rng_below(r, 10);
}

static void spoil_length(struct rng *r, struct bb *b)
{
	uint8_t junk[64] = { 0 };

	if (chance(r, 50))
		b->buf.len -= rng_below(r, 65) < b->buf.len ? rng_below(r, 65) : 0;
	else
		bf_buf_add(&b->buf, junk, rng_below(r, sizeof(junk)));
}

void mutate(struct rng *r, struct bb *b)
{
	switch (rng_below(r, 12)) {
	case 0:
	case 1:
		spoil_head(r, b);
		break;
	case 2:
	case 3:
	case 4:
		spoil_entry(r, b);
		break;
	case 5:
		spoil_length(r, b);
		break;
	case 6:
		*bb_at(b, rng_below(r, bb_offset(b))) ^= 1u << rng_below(r, 8);
		break;
	default:
		spoil_ext(r, b);
	}
}
