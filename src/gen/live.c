/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.c: sets that rules change, and objects: what
 * LIVE cells gather as a key (KEEP cells save what is loaded), and the hashes they do it in.
 */
#include <stdio.h>

#include "gen/build.h"
#include "gen/elements.h"
#include "gen/gen.h"
#include "match/match.h"
#include "rule/set.h"

enum { SIZE = 0xffff, OBJECTS = 1 << 16, GROWS = 1 << 16 };

/* -------------------------------------------------------------------- keys */

/* What is gathered for a cell. */
struct key {
	struct bf_rt_live *p;
	uint32_t n, kept; /* words; those of them that are kept */
};

static void keep(struct bf_lower *l, uint8_t word, uint32_t mask, uint32_t to)
{
	bf_label next = bf_lower_label(l);
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_KEEP, next, BF_NO_LABEL);

	c->word = word;
	c->mask = mask;
	c->lo = to;
	bf_lower_bind(l, next);
}

static void add_word(struct bf_lower *l, struct key *k, const struct bf_field *f, unsigned word, unsigned shift, uint32_t mask)
{
	struct bf_rt_gather *g = &k->p->word[k->n];

	if (k->n == BF_LIVE_KEY_LONG || (f->loader >= 0 && k->kept == BF_KEPT_WORDS)) {
		if (!l->err)
			bf_diag_error(l->diag, -EOPNOTSUPP, "the key of a set is too long: %s does not fit", f->name);
		return bf_lower_error(l, -EOPNOTSUPP);
	}
	k->n++;
	if (f->loader < 0) {
		*g = (struct bf_rt_gather){ .word = word, .shift = shift, .mask = mask };
		return;
	}
	keep(l, word, mask, k->kept);
	*g = (struct bf_rt_gather){ .kept = k->kept++, .kept_mask = UINT32_MAX };
}

/* The words of a part; how many. */
static uint32_t add_part(struct bf_lower *l, struct key *k, const struct bf_key_part *p, bf_label na)
{
	const struct bf_field *f = p->field;
	bf_u128 mask = p->mask ? p->mask & bf_field_ones(f) : bf_field_ones(f);
	unsigned n = (f->bits + 31u) / 32;

	if (f->fixed) {
		k->p->word[k->n++ % BF_LIVE_KEY_LONG].constant = l->family & (uint32_t)mask;
		return 1;
	}
	bf_lower_fetch(l, f, na);
	for (unsigned i = 0; i < n && !l->err; i++)
		add_word(l, k, f, f->word + i, n == 1 ? f->shift : 0, (uint32_t)(mask >> 32 * (n - 1 - i)));
	return n;
}

/* ------------------------------------------------------------------- which */

static uint32_t known_number(struct bf_lower *l, const struct bf_set *s)
{
	uint32_t i = 0;
	const struct bf_known_set *x = bf_lower_known(l, BF_KNOWN_LIVE, s, &i);

	return x ? x->at : (bf_lower_error(l, -EAGAIN), 0);
}

/* The set's number among those with keys of its kind. */
static uint32_t number_of(struct bf_lower *l, const struct bf_set *s)
{
	uint32_t n = 0;

	if (l->cell_base)
		return known_number(l, s);

	for (uint32_t i = 0; i < l->n_lives; i++) {
		if (l->lives[i] == s)
			return n;
		n += bf_is_short(l->lives[i]) == bf_is_short(s);
	}
	if (bf_grow(&l->lives, l->n_lives, &l->cap_lives, sizeof(*l->lives)) < 0)
		return bf_lower_error(l, -ENOMEM), 0;
	l->lives[l->n_lives++] = s;
	return n;
}

static void use(struct bf_lower *l, const struct bf_set *s)
{
	bf_lower_uses(l)->structs |= bf_is_short(s) ? BF_LIVE_SHORT : BF_LIVE_LONG;
	if (s && s->flags & BF_SET_BOXES)
		bf_lower_uses(l)->structs |= BF_LIVE_CUTS;
}

void bf_lower_tell_lives(const struct bf_lower *l, struct bf_buf *out)
{
	uint32_t n[2] = { 0 };

	for (uint32_t i = 0; i < l->n_lives; i++) {
		const struct bf_set *s = l->lives[i];
		const struct bf_known_set x = { .set = s ? s->id : 0, .kind = BF_KNOWN_LIVE,
			.flags = s ? s->flags & BF_KNOWN_FLAGS : 0, .at = n[bf_is_short(s)]++ };

		bf_buf_add(out, &x, sizeof(x));
	}
}

/* A change in place has little room: who asks the same shares it. */
static uint32_t same_params(const struct bf_lower *l, const struct bf_rt_live *p)
{
	uint32_t at = 0;

	while (at < l->params.len && memcmp(l->params.data + at, p, sizeof(*p)))
		at += BF_ALIGN(sizeof(*p), 16);
	return at;
}

static uint32_t put_params(struct bf_lower *l, const struct bf_rt_live *p)
{
	uint32_t at = l->cell_base ? same_params(l, p) : l->params.len;
	void *room = at < l->params.len ? l->params.data + at : bf_buf_reserve(&l->params, BF_ALIGN(sizeof(*p), 16));

	if (!room)
		return bf_lower_error(l, -ENOMEM), 0;
	memcpy(room, p, sizeof(*p));
	return l->param_base + at;
}

static void live_cell(struct bf_lower *l, enum bf_live_verb verb, const struct bf_rt_live *p, bf_label hit, bf_label miss)
{
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_LIVE, hit, miss);

	c->lo = verb;
	c->arg = put_params(l, p);
}

static void fresh_element(const struct bf_element_change *c, struct bf_rt_live *p)
{
	const struct bf_set *s = c->key.set;

	p->timeout = p->fresh.timeout = bf_ms_in_ns(c->timeout ? c->timeout : s->timeout);
	p->fresh.born = !c->data.field;
	bf_put_states(&p->fresh, c->n_state ? c->state : s->state, c->n_state ? c->n_state : s->n_state);
	if (s->data == BF_DATA_VALUE && !c->data.field)
		bf_datum_words(s, &(union bf_datum){ .value = c->value }, p->fresh.data);
}

/* Which words are which part's, and behind them that of lengths. */
static void cut_words(struct bf_lower *l, struct key *k, const struct bf_set *s)
{
	struct bf_rt_gather *g = k->p->word;

	if (k->n >= BF_LIVE_KEY_LONG || s->n_parts > BF_LIVE_PARTS)
		return bf_lower_error(l, -EINVAL);
	for (unsigned i = 0; i < s->n_parts; i++)
		for (unsigned w = 0; w < (s->bits[i] + 31u) / 32; w++)
			(g++)->cut = (uint8_t)BF_LIVE_CUT(i, w);
	g->cut = BF_LIVE_IS_LENGTHS;
	g->constant = s->n_parts < 4 ? (1u << 8 * s->n_parts) - 1 : UINT32_MAX;
	k->p->parts = s->n_parts;
	k->n++;
}

/* Gathered as a part of a key of its own. */
static void gather_data(struct bf_lower *l, const struct key *k, const struct bf_key_part *data, bf_label na)
{
	struct bf_rt_live own = { 0 };
	struct key key = { .p = &own, .kept = k->kept };

	k->p->data = add_part(l, &key, data, na);
	if (!l->err && k->p->data > BF_LIVE_DATA)
		return bf_lower_error(l, -EINVAL);
	memcpy(k->p->from, own.word, sizeof(k->p->from));
}

void bf_lower_live(struct bf_lower *l, enum bf_live_verb verb, const struct bf_lookup *k,
                   const struct bf_element_change *c, bf_label hit, bf_label miss, bf_label na)
{
	struct bf_rt_live p = { .set = number_of(l, k->set) };
	struct key key = { .p = &p };

	for (unsigned i = 0; i < k->set->n_parts; i++)
		add_part(l, &key, &k->part[i], na);
	if (k->set->flags & BF_SET_BOXES)
		cut_words(l, &key, k->set);
	p.words = key.n;
	if (c)
		fresh_element(c, &p);
	if (c && c->data.field && verb != BF_LIVE_DELETE)
		gather_data(l, &key, &c->data, na);
	use(l, k->set);
	live_cell(l, verb, &p, hit, miss);
}

void bf_lower_gather(struct bf_lower *l, const struct bf_lookup *k, uint32_t head, bf_label hit, bf_label miss, bf_label na)
{
	struct bf_rt_live p = { .set = head };
	struct key key = { .p = &p };

	for (unsigned i = 0; i < k->set->n_parts; i++)
		add_part(l, &key, &k->part[i], na);
	p.words = key.n;
	live_cell(l, BF_LIVE_EXACT, &p, hit, miss);
}

uint32_t bf_lower_live_params(struct bf_lower *l, const struct bf_set *s)
{
	struct bf_rt_live p = { .set = number_of(l, s), .words = s ? bf_set_words(s) : BF_OBJECT_WORDS };

	if (s) {
		p.timeout = p.fresh.timeout = bf_ms_in_ns(s->timeout);
		p.fresh.born = 1;
		bf_put_states(&p.fresh, s->state, s->n_state);
	}
	return put_params(l, &p);
}

void bf_lower_live_use(struct bf_lower *l, const struct bf_set *s)
{
	use(l, s);
}

int bf_lower_object(struct bf_lower *l, const struct bf_object *o, bf_label hit, bf_label miss)
{
	struct bf_rt_live p = { .set = number_of(l, NULL), .words = BF_OBJECT_WORDS };

	for (unsigned i = 0; i < BF_OBJECT_WORDS; i++)
		if (o)
			p.word[i].constant = (uint32_t)(o->id >> 32 * i);
		else
			p.word[i] = (struct bf_rt_gather){ .word = BF_KEY_SCRATCH + i, .mask = UINT32_MAX };
	use(l, NULL);
	live_cell(l, BF_LIVE_LOOK, &p, hit, miss);
	return 0;
}

/* ---------------------------------------------------------- what is made */

static void turn(struct bf_lower *l, const struct bf_generator *g, bf_label made)
{
	struct bf_rt_live p = { .set = number_of(l, NULL), .words = BF_OBJECT_WORDS, .timeout = g->offset, .data = g->mod };

	for (unsigned i = 0; i < BF_OBJECT_WORDS; i++)
		p.word[i].constant = (uint32_t)(g->object->id >> 32 * i);
	use(l, NULL);
	live_cell(l, BF_LIVE_TURN, &p, made, made);
}

int bf_lower_generator(struct bf_lower *l, const struct bf_generator *g, bf_label hit)
{
	bf_label made = bf_lower_label(l);

	if (g->object)
		turn(l, g, made);
	else
		bf_lower_load(l, BF_LOAD_PICK, BF_PICK(g->mod, g->offset, false), made, made);
	bf_lower_bind(l, made);
	keep(l, g->object ? BF_KEY_SCRATCH : BF_KEY_WORDS - 1, UINT32_MAX, BF_KEPT_MADE); /* own values are right-aligned */
	bf_lower_goto(l, hit);
	return 0;
}

/* A part's words as they lie in memory, the first one first. */
static void hash_part(struct bf_lower *l, struct key *k, const struct bf_jhash_part *p, bf_label na)
{
	const struct bf_field *f = p->field;
	unsigned n = (f->bits + 31u) / 32, left = (4 - p->bytes % 4u) % 4 * 8, before = k->n;

	if (f->fixed) {
		k->p->word[k->n++ % BF_LIVE_KEY_LONG].constant = l->family;
		return;
	}
	bf_lower_fetch(l, f, na);
	for (unsigned i = 0; i < n && !l->err; i++) {
		unsigned at = p->host ? n - 1 - i : i; /* numbers begin with their highest word; the machine's with the lowest */
		unsigned bits = n == 1 ? p->bytes * 8u : at ? 32 : f->bits % 32;

		add_word(l, k, f, f->word + at, n == 1 ? f->shift + p->shift : 0, bits % 32 ? (1u << bits % 32) - 1 : UINT32_MAX);
		if (!p->host && !l->err)
			k->p->word[k->n - 1].form = (uint8_t)(BF_GATHER_NET | left | (left && i + 1 < n ? BF_GATHER_JOIN : 0));
	}
	if (p->host && p->bytes > n * 4u)
		k->n += p->bytes / 4 - n; /* what the field has fewer bits of */
	if (k->n - before != (p->bytes + 3u) / 4)
		bf_lower_error(l, -EINVAL);
}

static void seed_of(struct bf_lower *l, const struct bf_object *o)
{
	struct bf_rt_live p = { .set = number_of(l, NULL), .words = BF_OBJECT_WORDS };
	bf_label next = bf_lower_label(l);

	for (unsigned i = 0; i < BF_OBJECT_WORDS; i++)
		p.word[i].constant = (uint32_t)(o->id >> 32 * i);
	use(l, NULL);
	live_cell(l, BF_LIVE_SEED, &p, next, next);
	bf_lower_bind(l, next);
}

int bf_lower_jhash(struct bf_lower *l, const struct bf_jhash *j, bf_label hit, bf_label miss)
{
	struct bf_rt_live p = { .data = j->mod, .timeout = j->offset, .parts = j->seed, .sweep = j->object ? 0 : BF_HASH_SEEDED };
	struct key key = { .p = &p };
	bf_label made;

	for (uint32_t i = 0; i < j->n; i++)
		if (!bf_field_there(j->part[i].field, l->family))
			return bf_lower_goto(l, miss), 0;
	for (uint32_t i = 0; i < j->n; i++) {
		hash_part(l, &key, &j->part[i], miss);
		p.set += j->n > 1 ? BF_ALIGN(j->part[i].bytes, 4u) : j->part[i].bytes;
	}
	if (key.kept > BF_KEPT_MADE && j->object) {
		bf_diag_error(l->diag, -EOPNOTSUPP, "what is hashed is too long for a seed by chance: it needs one of its own");
		return -EOPNOTSUPP;
	}
	if (j->object)
		seed_of(l, j->object);
	p.words = key.n;
	made = bf_lower_label(l);
	bf_lower_uses(l)->structs |= BF_LIVE_HASHES;
	live_cell(l, BF_LIVE_HASH, &p, made, miss);
	bf_lower_bind(l, made);
	keep(l, BF_KEY_SCRATCH, UINT32_MAX, BF_KEPT_MADE);
	bf_lower_goto(l, hit);
	return l->err;
}

/* ------------------------------------------------------------------ hashes */

/* n: that it begins with. Where a set may grow there is room for twice as many; when that is full, a new one is made. */
static uint32_t size_of(const struct bf_set *s, uint32_t n)
{
	uint32_t room = GROWS;

	if (!s)
		return OBJECTS;
	if (!(s->flags & BF_SET_LIVE))
		return BF_MAX(s->n, 1u);
	if (!(s->flags & (BF_SET_GROWS | BF_SET_BOXES)))
		return s->size ? s->size : SIZE;
	while (room < 1u << 31 && room / 2 < BF_MAX(n, s->size))
		room *= 2;
	return room;
}

/* Verdicts and objects are told by numbers of this very table: such maps begin anew. */
static bool goes_on(const struct bf_set *s)
{
	return !s || (s->id && s->flags & BF_SET_LIVE && (s->data == BF_DATA_NONE || s->data == BF_DATA_VALUE));
}

static void make_spec(struct bf_lower *l, const struct bf_set *s, uint32_t number, struct bf_map_spec *m)
{
	struct bf_record r = { .key = bf_is_short(s) ? BF_LIVE_KEY : BF_LIVE_KEY_LONG };
	char name[16] = "objects";

	if (s && s->id)
		snprintf(name, sizeof(name), "set-%llx", (unsigned long long)s->id & 0xffffffffff);
	else if (s)
		snprintf(name, sizeof(name), "anon-%u", number);
	if (s && bf_set_records(s, &r)) {
		bf_diag_error(l->diag, -EOPNOTSUPP, "the set %s has too many combinations of prefix lengths", s->name ? s->name : "");
		bf_lower_error(l, -EOPNOTSUPP);
	}
	if (!s)
		bf_object_records(l->table, &r);
	*m = (struct bf_map_spec){ .role = BF_MAP_LIVE, .type = BPF_MAP_TYPE_HASH, .key_size = r.key * sizeof(uint32_t),
		                       .value_size = sizeof(struct bf_rt_elem), .max_entries = size_of(s, (uint32_t)(r.bytes.len / (r.key * sizeof(uint32_t) + sizeof(struct bf_rt_elem)))),
		                       .map_flags = BPF_F_NO_PREALLOC, .kept = goes_on(s),
		                       .merged = true };
	m->name = bf_arena_strdup(l->arena, name);
	m->init_len = r.bytes.len;
	m->init = bf_lower_keep(l, r.bytes.data ? r.bytes.data : "", r.bytes.len);
	if (!m->name || r.bytes.err)
		bf_lower_error(l, -ENOMEM);
	bf_buf_free(&r.bytes);
}

/* Short ones first, each kind in the order of its numbers. */
void bf_lower_finish_lives(struct bf_lower *l)
{
	struct bf_graph *g = l->g;

	if (l->err)
		return;
	g->lives = bf_arena_array(l->arena, l->n_lives, struct bf_map_spec);
	if (!g->lives)
		return bf_lower_error(l, -ENOMEM);
	for (int shorts = 1; shorts >= 0; shorts--)
		for (uint32_t i = 0; i < l->n_lives && !l->err; i++)
			if (bf_is_short(l->lives[i]) == shorts) {
				make_spec(l, l->lives[i], i, &g->lives[g->n_lives++]);
				g->n_short += shorts;
			}
}
