/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.c: what rules change: elements of sets, and the state of elements and
 * objects, as nf_tables keeps them: an element that has expired is not there,
 * but it takes its place until somebody sweeps; a set that is full takes no
 * more. Nobody sweeps here but the rule that adds, when there is no place
 * left: programs and the oracle then agree whenever user space has swept.
 */
#include "interp/live.h"

enum { SECOND = 1000000000, MS = 1000000 };

struct live_set {
	const struct bf_set *set;
	struct bf_live_elem *elems;
	uint32_t n, cap;
};

struct live_object {
	const struct bf_object *object;
	struct bf_live_state now;
};

struct bf_live {
	struct live_set *sets;
	uint32_t n_sets, cap_sets;
	struct live_object *objects;
	uint32_t n_objects, cap_objects;
};

struct bf_live *bf_live_new(void)
{
	return calloc(1, sizeof(struct bf_live));
}

void bf_live_free(struct bf_live *l)
{
	for (uint32_t i = 0; l && i < l->n_sets; i++)
		free(l->sets[i].elems);
	if (l) {
		free(l->sets);
		free(l->objects);
	}
	free(l);
}

static uint64_t now_of(const struct bf_interp *in, const struct bf_packet *p)
{
	return p->jiffies * (SECOND / bf_interp_hz(in));
}

/* State. */

static uint64_t bucket(const struct bf_stateful *s)
{
	uint64_t unit = s->per * SECOND;

	return s->bytes ? unit * (s->rate + s->burst) / s->rate : unit / s->rate * (s->burst ? s->burst : 5);
}

static void begin_state(const struct bf_stateful *s, struct bf_live_state *n, uint64_t now)
{
	*n = (struct bf_live_state){ .packets = s->packets, .used = s->used };
	if (s->kind == BF_STATEFUL_LIMIT)
		n->empty = now - bucket(s);
}

static bool limit_holds(const struct bf_stateful *s, struct bf_live_state *n, uint64_t now, uint32_t len)
{
	uint64_t unit = s->per * SECOND, cost = s->bytes ? unit * len / s->rate : unit / s->rate;
	uint64_t tokens = BF_MIN(now - n->empty, bucket(s));

	n->empty = now - tokens;
	if (tokens < cost)
		return s->over;
	n->empty += cost;
	return !s->over;
}

static bool state_holds(const struct bf_stateful *s, struct bf_live_state *n, uint64_t now, uint32_t len)
{
	switch (s->kind) {
	case BF_STATEFUL_LIMIT:
		return limit_holds(s, n, now, len);
	case BF_STATEFUL_QUOTA:
		n->used += len;
		return (n->used >= s->quota) == s->over;
	}
	n->packets++;
	n->used += len;
	return true;
}

static bool all_hold(struct bf_live_elem *e, uint64_t now, uint32_t len)
{
	for (unsigned i = 0; i < e->n_state; i++)
		if (!state_holds(&e->state[i], &e->now[i], now, len))
			return false;
	return true;
}

/* Objects. */

static struct live_object *object_of(struct bf_interp *in, const struct bf_object *o, uint64_t now)
{
	struct bf_live *l = bf_interp_live_sets(in);

	for (uint32_t i = 0; l && i < l->n_objects; i++)
		if (l->objects[i].object == o)
			return &l->objects[i];
	if (!l || bf_grow(&l->objects, l->n_objects, &l->cap_objects, sizeof(*l->objects)) < 0)
		return NULL;
	l->objects[l->n_objects].object = o;
	begin_state(&o->what, &l->objects[l->n_objects].now, now);
	return &l->objects[l->n_objects++];
}

bool bf_interp_object(struct bf_interp *in, const struct bf_packet *p, const struct bf_object *o)
{
	uint64_t now = now_of(in, p);
	struct live_object *l = object_of(in, o, now);

	return l && state_holds(&o->what, &l->now, now, bf_packet_length(p));
}

const struct bf_live_state *bf_interp_object_state(struct bf_interp *in, const struct bf_object *o)
{
	struct live_object *l = object_of(in, o, 0);

	return l ? &l->now : NULL;
}

/* Sets. */

static uint64_t in_ns(uint64_t ms)
{
	return ms == UINT64_MAX ? 0 : ms * MS;
}

static struct bf_live_elem *append(struct live_set *l, const bf_u128 *key, uint64_t timeout, uint64_t left, uint64_t now)
{
	struct bf_live_elem *e;

	if (bf_grow(&l->elems, l->n, &l->cap, sizeof(*l->elems)) < 0)
		return NULL;
	e = &l->elems[l->n++];
	*e = (struct bf_live_elem){ .timeout = timeout, .expires = left ? now + left : 0 };
	memcpy(e->key, key, l->set->n_parts * sizeof(*key));
	memcpy(e->last, key, l->set->n_parts * sizeof(*key));
	return e;
}

static void begin_states(struct bf_live_elem *e, const struct bf_stateful *state, unsigned n, uint64_t now)
{
	e->state = state;
	e->n_state = n;
	for (unsigned i = 0; i < n; i++)
		begin_state(&state[i], &e->now[i], now);
}

/* What the set begins with. */
static void fill(struct live_set *l, uint64_t now)
{
	const struct bf_set *s = l->set;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct bf_element_life *life = s->life ? &s->life[i] : NULL;
		uint64_t timeout = in_ns(life && life->timeout ? life->timeout : s->timeout);
		bf_u128 key[BF_SET_PARTS];
		struct bf_live_elem *e;

		for (unsigned k = 0; k < s->n_parts; k++)
			key[k] = s->keys[(size_t)i * s->n_parts + k].lo;
		e = append(l, key, timeout, life && life->expires ? in_ns(life->expires) : timeout, now);
		for (unsigned k = 0; e && s->flags & BF_SET_BOXES && k < s->n_parts; k++)
			e->last[k] = s->keys[(size_t)i * s->n_parts + k].hi;
		if (e && s->datum)
			e->datum = s->datum[i];
		if (e)
			begin_states(e, life && life->state ? life->state : s->state, life && life->state ? life->n_state : s->n_state, now);
	}
}

static struct live_set *set_of(struct bf_interp *in, const struct bf_set *s, uint64_t now)
{
	struct bf_live *l = bf_interp_live_sets(in);

	for (uint32_t i = 0; l && i < l->n_sets; i++)
		if (l->sets[i].set == s)
			return &l->sets[i];
	if (!l || bf_grow(&l->sets, l->n_sets, &l->cap_sets, sizeof(*l->sets)) < 0)
		return NULL;
	l->sets[l->n_sets] = (struct live_set){ .set = s };
	fill(&l->sets[l->n_sets], now);
	return &l->sets[l->n_sets++];
}

static bool expired(const struct bf_live_elem *e, uint64_t now)
{
	return e->expires && e->expires <= now;
}

static bool lies_in(const struct bf_live_elem *e, const bf_u128 *key, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (key[i] < e->key[i] || key[i] > e->last[i])
			return false;
	return true;
}

static struct bf_live_elem *find(struct live_set *l, const bf_u128 *key, uint64_t now)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (lies_in(&l->elems[i], key, l->set->n_parts) && !expired(&l->elems[i], now))
			return &l->elems[i];
	return NULL;
}

static void sweep(struct live_set *l, uint64_t now)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n; i++)
		if (!expired(&l->elems[i], now))
			l->elems[n++] = l->elems[i];
	l->n = n;
}

const union bf_datum *bf_interp_live_look(struct bf_interp *in, const struct bf_packet *p, const struct bf_set *s,
                                          const bf_u128 *key)
{
	uint64_t now = now_of(in, p);
	struct live_set *l = set_of(in, s, now);
	struct bf_live_elem *e = l ? find(l, key, now) : NULL;

	return e && all_hold(e, now, bf_packet_length(p)) ? &e->datum : NULL;
}

static struct bf_live_elem *make(struct live_set *l, const struct bf_element_change *c, const bf_u128 *key, bf_u128 value,
                                 uint64_t now)
{
	uint64_t timeout = in_ns(c->timeout ? c->timeout : l->set->timeout);
	struct bf_live_elem *e;

	sweep(l, now);
	if (l->n >= (l->set->size ? l->set->size : 0xffff))
		return NULL;
	e = append(l, key, timeout, timeout, now);
	if (!e)
		return NULL;
	e->datum.value = value;
	begin_states(e, c->n_state ? c->state : l->set->state, c->n_state ? c->n_state : l->set->n_state, now);
	return e;
}

bool bf_interp_live_change(struct bf_interp *in, const struct bf_packet *p, const struct bf_element_change *c,
                           const bf_u128 *key, bf_u128 value)
{
	uint64_t now = now_of(in, p), timeout = in_ns(c->timeout ? c->timeout : c->key.set->timeout);
	struct live_set *l = set_of(in, c->key.set, now);
	struct bf_live_elem *e = l ? find(l, key, now) : NULL;

	if (c->verb == BF_ELEMENT_DELETE) {
		if (e)
			*e = l->elems[--l->n];
		return true;
	}
	if (e && c->verb == BF_ELEMENT_UPDATE && e->timeout)
		e->expires = now + timeout;
	if (!e && l)
		e = make(l, c, key, value, now);
	return e && all_hold(e, now, bf_packet_length(p));
}

const struct bf_live_elem *bf_interp_live(struct bf_interp *in, const struct bf_set *s, uint32_t *n)
{
	struct live_set *l = set_of(in, s, 0);

	*n = l ? l->n : 0;
	return l ? l->elems : NULL;
}
