/* SPDX-License-Identifier: GPL-2.0-only */
/* set.c: building sets and objects (set.h). */
#include "rule/set.h"

int bf_stateful_check(const struct bf_stateful *s)
{
	const uint64_t second = 1000000000;

	switch (s->kind) {
	case BF_STATEFUL_COUNTER:
		return 0;
	case BF_STATEFUL_LIMIT:
		if (!s->rate || !s->per || s->per > UINT64_MAX / second || s->burst > UINT64_MAX - s->rate)
			return -EOVERFLOW;
		if (s->bytes) /* nft multiplies these, too, and wraps */
			return s->per * second > UINT64_MAX / (s->rate + s->burst) ? -EOVERFLOW : 0;
		return s->burst && s->per * second / s->rate > UINT64_MAX / s->burst ? -EOVERFLOW : 0;
	case BF_STATEFUL_QUOTA:
		if (s->quota > INT64_MAX)
			return -EOVERFLOW;
		return s->used > s->quota ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* The list with room for one more: lists begin with 4 and double at powers of two. */
static void **one_more(struct bf_arena *a, void **list, uint32_t n)
{
	void **bigger;

	if (n != 0 && (n < 4 || n & (n - 1)))
		return list;
	bigger = bf_arena_array(a, n ? (size_t)n * 2 : 4, void *);
	if (bigger && n)
		memcpy(bigger, list, n * sizeof(*list));
	return bigger;
}

struct bf_set *bf_table_add_set(struct bf_ruleset *rs, struct bf_table *t, const char *name)
{
	struct bf_set *s = bf_arena_new_of(rs->arena, struct bf_set);
	struct bf_set **list = (struct bf_set **)one_more(rs->arena, (void **)t->sets, t->n_sets);

	if (!s || !list)
		return NULL;
	s->name = name ? bf_arena_strdup(rs->arena, name) : NULL;
	if (name && !s->name)
		return NULL;
	t->sets = list;
	return t->sets[t->n_sets++] = s;
}

struct bf_object *bf_table_add_object(struct bf_ruleset *rs, struct bf_table *t, const char *name, uint64_t id,
                                      const struct bf_stateful *what)
{
	struct bf_object *o = bf_arena_new_of(rs->arena, struct bf_object);
	struct bf_object **list = (struct bf_object **)one_more(rs->arena, (void **)t->objects, t->n_objects);

	if (!o || !list)
		return NULL;
	*o = (struct bf_object){ .name = name ? bf_arena_strdup(rs->arena, name) : NULL, .id = id, .what = *what };
	if (name && !o->name)
		return NULL;
	t->objects = list;
	return t->objects[t->n_objects++] = o;
}

static void *larger(struct bf_ruleset *rs, const void *old, uint32_t n, uint32_t room, size_t size)
{
	void *p = bf_arena_calloc(rs->arena, room, size);

	if (p && old)
		memcpy(p, old, n * size);
	return p;
}

static int make_room(struct bf_ruleset *rs, struct bf_set *s)
{
	uint32_t room = BF_MAX(4u, s->room * 2);
	size_t key = s->n_parts * sizeof(*s->keys);
	struct bf_range *keys;
	union bf_datum *datum = NULL;
	struct bf_element_life *life = NULL;

	if (s->room > UINT32_MAX / 2)
		return -ENOMEM;
	keys = larger(rs, s->keys, s->n, room, key);
	if (s->datum)
		datum = larger(rs, s->datum, s->n, room, sizeof(*datum));
	if (s->life)
		life = larger(rs, s->life, s->n, room, sizeof(*life));
	if (!keys || (s->datum && !datum) || (s->life && !life))
		return -ENOMEM;
	s->keys = keys;
	s->datum = datum;
	s->life = life;
	s->room = room;
	return 0;
}

int bf_set_add(struct bf_ruleset *rs, struct bf_set *s, const struct bf_range *key, const union bf_datum *datum,
               const struct bf_element_life *life)
{
	if (s->n == s->room && make_room(rs, s))
		return -ENOMEM;
	if (datum && !s->datum)
		s->datum = bf_arena_array(rs->arena, s->room, union bf_datum);
	if (life && !s->life)
		s->life = bf_arena_array(rs->arena, s->room, struct bf_element_life);
	if ((datum && !s->datum) || (life && !s->life))
		return -ENOMEM;
	memcpy(&s->keys[(size_t)s->n * s->n_parts], key, s->n_parts * sizeof(*key));
	if (datum)
		s->datum[s->n] = *datum;
	if (life)
		s->life[s->n] = *life;
	s->n++;
	return 0;
}

static bool same_verdict(const struct bf_verdict *a, const struct bf_verdict *b)
{
	return a->kind == b->kind && a->index == b->index && a->chain == b->chain;
}

int bf_set_add_verdict(struct bf_ruleset *rs, struct bf_set *s, const struct bf_verdict *v, uint32_t *number)
{
	enum { LOOK_BACK = 64 }; /* one that is there twice does no harm */
	struct bf_verdict *bigger;

	for (uint32_t i = s->n_verdicts; i > 0 && s->n_verdicts - i < LOOK_BACK; i--)
		if (same_verdict(&s->verdicts[i - 1], v)) {
			*number = i - 1;
			return 0;
		}
	if (s->n_verdicts == s->verdict_room) {
		bigger = larger(rs, s->verdicts, s->n_verdicts, BF_MAX(4u, s->verdict_room * 2), sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		s->verdict_room = BF_MAX(4u, s->verdict_room * 2);
		s->verdicts = bigger;
	}
	*number = s->n_verdicts;
	s->verdicts[s->n_verdicts++] = *v;
	return 0;
}

uint32_t bf_set_words(const struct bf_set *s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->n_parts; i++)
		n += (s->bits[i] + 31u) / 32;
	return n;
}

static bool holds(const struct bf_range *r, const bf_u128 *key, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (key[i] < r[i].lo || key[i] > r[i].hi)
			return false;
	return true;
}

int64_t bf_set_scan(const struct bf_set *s, const bf_u128 *key)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (holds(&s->keys[(size_t)i * s->n_parts], key, s->n_parts))
			return i;
	return -1;
}
