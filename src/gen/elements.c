/* SPDX-License-Identifier: GPL-2.0-only */
/* elements.c: what hashes of sets that change begin with (elements.h). */
#include "gen/elements.h"

#include "gen/build.h"
#include "gen/gen.h"
#include "match/match.h"

enum { MS = 1000000, SECOND = 1000000000 };

uint64_t bf_ms_in_ns(uint64_t ms)
{
	return ms == UINT64_MAX ? 0 : ms * MS;
}

static struct bf_rt_state state_of(const struct bf_stateful *s)
{
	struct bf_rt_state r = { .kind = s->kind,
		                     .flags = (s->over ? BF_RT_STATE_OVER : 0) | (s->bytes ? BF_RT_STATE_BYTES : 0) };

	switch (s->kind) {
	case BF_STATEFUL_LIMIT:
		r.unit = s->per * SECOND;
		r.rate = s->rate;
		r.most = s->bytes ? r.unit * (s->rate + s->burst) / s->rate : r.unit / s->rate * (s->burst ? s->burst : 5);
		r.now[0] = -r.most; /* full, however short ago the clock began */
		break;
	case BF_STATEFUL_QUOTA:
		r.most = s->quota;
		r.now[0] = s->used;
		break;
	case BF_STATEFUL_COUNTER:
		r.now[0] = s->packets;
		r.now[1] = s->used;
	}
	return r;
}

void bf_put_states(struct bf_rt_elem *e, const struct bf_stateful *s, unsigned n)
{
	e->n_state = n;
	for (unsigned i = 0; i < n; i++)
		e->state[i] = state_of(&s[i]);
}

static uint32_t words_of(const struct bf_set *s)
{
	return s ? bf_set_words(s) + (s->flags & BF_SET_BOXES ? 1 : 0) : BF_OBJECT_WORDS;
}

bool bf_is_short(const struct bf_set *s)
{
	return words_of(s) <= BF_LIVE_KEY;
}

static void add_record(struct bf_record *r, const uint32_t *key, uint32_t words, const struct bf_rt_elem *e)
{
	uint32_t *k = bf_buf_reserve(&r->bytes, r->key * sizeof(*k));

	if (k)
		memcpy(k, key, words * sizeof(*k));
	bf_buf_add(&r->bytes, e, sizeof(*e));
}

static void object_record(const struct bf_object *o, struct bf_record *r)
{
	const uint32_t key[] = { (uint32_t)o->id, o->id >> 32 };
	struct bf_rt_elem e = { .born = BF_BORN };

	bf_put_states(&e, &o->what, 1);
	add_record(r, key, BF_OBJECT_WORDS, &e);
}

void bf_object_records(const struct bf_table *t, struct bf_record *r)
{
	for (uint32_t i = 0; i < t->n_objects; i++)
		object_record(t->objects[i], r);
}

void bf_gen_object(const struct bf_object *o, struct bf_buf *out)
{
	struct bf_record r = { .key = BF_LIVE_KEY };

	object_record(o, &r);
	bf_buf_add(out, r.bytes.data, r.bytes.len);
	if (r.bytes.err)
		out->err = r.bytes.err;
	bf_buf_free(&r.bytes);
}

static void element_of(const struct bf_set *s, uint32_t i, struct bf_rt_elem *e)
{
	const struct bf_element_life *life = s->life ? &s->life[i] : NULL;

	*e = (struct bf_rt_elem){ .born = life && life->noted ? BF_BORN_NOTED : BF_BORN };
	e->timeout = bf_ms_in_ns(life && life->timeout ? life->timeout : s->timeout);
	e->expires = life && e->timeout ? bf_ms_in_ns(life->expires) : 0;
	if (life && life->state)
		bf_put_states(e, life->state, life->n_state);
	else
		bf_put_states(e, s->state, s->n_state);
	if (s->datum)
		bf_datum_words(s, &s->datum[i], e->data);
}

static uint32_t put_key(uint32_t *to, bf_u128 v, unsigned bits)
{
	uint32_t n = 0;

	for (unsigned w = (bits + 31u) / 32; w-- > 0;)
		to[n++] = (uint32_t)(v >> 32 * w);
	return n;
}

static bf_u128 ones(unsigned bits)
{
	return bits >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << bits) - 1;
}

/* Boxes: each part is cut into prefixes, the element into all combinations of these. */

struct cut {
	const struct bf_set *s;
	const struct bf_range *box;
	struct bf_record *r;
	struct bf_rt_elem e;
	struct bf_rt_lengths *lens;
	uint32_t n; /* that came of it */
	uint32_t key[BF_LIVE_KEY_LONG];
	uint8_t len[BF_LIVE_PARTS];
};

/* That in which two differ have not the same number: one in 2^64 does. */
static uint64_t number_of_box(const struct bf_set *s, const struct bf_range *box)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t h = odd;

	for (unsigned i = 0; i < 2u * s->n_parts; i++) {
		bf_u128 v = i & 1 ? box[i / 2].hi : box[i / 2].lo;

		h = (h ^ (uint64_t)v) * odd;
		h = (h ^ h >> 32 ^ (uint64_t)(v >> 64)) * odd;
		h ^= h >> 29;
	}
	return h ? h : 1;
}

/* -E2BIG: more combinations than there is room for. */
static int note_lengths(struct bf_rt_lengths *l, const uint8_t *len)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (!memcmp(l->len + (size_t)i * l->parts, len, l->parts))
			return 0;
	if ((l->n + 1) * l->parts > BF_RT_LENGTHS)
		return -E2BIG;
	memcpy(l->len + (size_t)l->n++ * l->parts, len, l->parts);
	return 0;
}

/* All of them are one element. What it has counted is told by the first one alone. */
static void mark_parts(struct bf_record *r, size_t at, size_t size, uint64_t whole)
{
	bool first = true;

	for (; at < r->bytes.len; at += size) {
		struct bf_rt_elem *e = (void *)(r->bytes.data + at + r->key * sizeof(uint32_t));

		e->whole = whole;
		for (uint32_t i = 0; i < e->n_state && !first; i++)
			if (e->state[i].kind == BF_STATEFUL_COUNTER)
				e->state[i].now[0] = e->state[i].now[1] = 0;
		first = false;
	}
}

static int cut_parts(struct cut *c, unsigned part, uint32_t at);

static int cut_one(struct cut *c, unsigned part, uint32_t at, bf_u128 lo, unsigned wild)
{
	unsigned bits = c->s->bits[part];

	c->len[part] = (uint8_t)(BF_ALIGN(bits, 32u) - wild);
	return cut_parts(c, part + 1, at + put_key(&c->key[at], lo, bits));
}

static int cut_parts(struct cut *c, unsigned part, uint32_t at)
{
	bf_u128 lo, hi, last;
	int rc;

	if (part == c->s->n_parts) {
		c->key[at] = 0;
		for (unsigned i = 0; i < part; i++)
			c->key[at] |= (uint32_t)c->len[i] << 8 * i;
		c->n++;
		add_record(c->r, c->key, at + 1, &c->e);
		return note_lengths(c->lens, c->len);
	}
	hi = BF_MIN(c->box[part].hi, ones(c->s->bits[part]));
	for (lo = c->box[part].lo;; lo = last + 1) {
		unsigned wild = 0;

		while (wild < c->s->bits[part] && !(lo & ones(wild + 1)) && (lo | ones(wild + 1)) <= hi)
			wild++;
		rc = cut_one(c, part, at, lo, wild);
		last = lo | ones(wild);
		if (rc || last >= hi)
			return rc;
	}
}

/* Lengths come first: packets look for elements as soon as these are there. */
static int box_records(const struct bf_set *s, struct bf_record *r)
{
	struct bf_rt_lengths lens = { .parts = s->n_parts, .most = s->n };
	uint32_t words = bf_set_words(s), key[BF_LIVE_KEY_LONG] = { 0 };
	struct cut c = { .s = s, .r = r, .lens = &lens };
	int rc = 0;

	key[words] = UINT32_MAX;
	add_record(r, key, words + 1, (const void *)&lens);
	for (uint32_t i = 0; i < s->n && !rc; i++) {
		size_t at = r->bytes.len, size = r->key * sizeof(uint32_t) + sizeof(c.e);

		c.box = &s->keys[(size_t)i * s->n_parts];
		c.n = 0;
		element_of(s, i, &c.e);
		rc = cut_parts(&c, 0, 0);
		if (c.n > 1 && !r->bytes.err)
			mark_parts(r, at, size, number_of_box(s, c.box));
	}
	if (!r->bytes.err)
		memcpy(r->bytes.data + r->key * sizeof(uint32_t), &lens, sizeof(lens));
	return rc;
}

int bf_set_records(const struct bf_set *s, struct bf_record *r)
{
	if (s->flags & BF_SET_BOXES)
		return box_records(s, r);
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t key[BF_LIVE_KEY_LONG], n = 0;
		struct bf_rt_elem e;

		for (unsigned p = 0; p < s->n_parts; p++)
			n += put_key(&key[n], s->keys[(size_t)i * s->n_parts + p].lo, s->bits[p]);
		element_of(s, i, &e);
		add_record(r, key, n, &e);
	}
	return 0;
}

void bf_gen_elements(const struct bf_set *s, struct bf_buf *out)
{
	struct bf_record r = { .key = bf_is_short(s) ? BF_LIVE_KEY : BF_LIVE_KEY_LONG };
	int rc = bf_set_records(s, &r);

	bf_buf_add(out, r.bytes.data, r.bytes.len);
	if (r.bytes.err || rc)
		out->err = r.bytes.err ? r.bytes.err : rc;
	bf_buf_free(&r.bytes);
}

