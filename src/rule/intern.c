/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.c: conditions of rules, in little memory: field conditions of the same
 * content are one object as long as there are not too many, found by hash while
 * the model is built; lists of pointers lie one behind the other, so that the
 * list of the rule that is being built grows where it is.
 *
 * A condition in a list itself:
 *
 *   63            32 31    24 23  16 15    8         1     0
 *   │     value     │        │ len  │ field │ ... │ neg │ 1 │      len: of the prefix, 1 .. 32
 */
#include "rule/intern.h"

enum { SLOTS_MIN = 64, SLOTS_MAX = 1 << 17, LIST_MIN = 64, LIST_MAX = 8192 };

/* Memory far apart is what costs time here: a byte of the hash tells nearly always whether to look there. */
struct bf_cond_pool {
	const struct bf_cond **slots;
	uint8_t *tags; /* 0: the slot is free */
	size_t n, cap; /* cap: 0 or a power of two */
	struct bf_cond_ref *end; /* of the last list; `left` free places follow */
	size_t left, chunk;
};

static uint64_t mix(uint64_t h, bf_u128 v)
{
	h = (h ^ (uint64_t)v) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 32 ^ (uint64_t)(v >> 64)) * 0xc2b2ae3d27d4eb4fu;
	return h ^ h >> 29;
}

static uint64_t hash(const struct bf_cond *c)
{
	uint64_t h = mix(c->neg | c->guard << 1 | (uint64_t)c->n_ranges << 2, (uintptr_t)c->field);

	h = mix(h, c->mask);
	for (uint32_t i = 0; i < c->n_ranges; i++)
		h = mix(mix(h, c->ranges[i].lo), c->ranges[i].hi);
	return h;
}

static bool same(const struct bf_cond *a, const struct bf_cond *b)
{
	return a->field == b->field && a->mask == b->mask && a->neg == b->neg && a->guard == b->guard &&
	       a->n_ranges == b->n_ranges && !memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges));
}

static uint8_t tag_of(uint64_t h)
{
	return (uint8_t)(h >> 56) | 1;
}

static size_t find(const struct bf_cond_pool *p, const struct bf_cond *c, uint64_t h)
{
	size_t i = h & (p->cap - 1);

	while (p->tags[i] && (p->tags[i] != tag_of(h) || !same(p->slots[i], c)))
		i = (i + 1) & (p->cap - 1);
	return i;
}

static void put(struct bf_cond_pool *p, size_t i, const struct bf_cond *c, uint64_t h)
{
	p->slots[i] = c;
	p->tags[i] = tag_of(h);
	p->n++;
}

/* All that is there differs: the first free slot will do. */
static void put_again(struct bf_cond_pool *p, const struct bf_cond *c)
{
	uint64_t h = hash(c);
	size_t i = h & (p->cap - 1);

	while (p->tags[i])
		i = (i + 1) & (p->cap - 1);
	put(p, i, c, h);
}

static int grow(struct bf_cond_pool *p)
{
	struct bf_cond_pool bigger = { .cap = p->cap ? p->cap * 2 : SLOTS_MIN };

	bigger.slots = malloc(bigger.cap * sizeof(*bigger.slots));
	bigger.tags = calloc(bigger.cap, 1);
	if (!bigger.slots || !bigger.tags) {
		bf_cond_pool_shrink(&bigger);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->cap; i++)
		if (p->tags[i])
			put_again(&bigger, p->slots[i]);
	bf_cond_pool_shrink(p);
	p->slots = bigger.slots;
	p->tags = bigger.tags;
	p->n = bigger.n;
	p->cap = bigger.cap;
	return 0;
}

/*
 * Of a million rules nearly all addresses would be looked for in vain, or found far away, by now and by who reads them
 * later: copies that lie where they are needed take half the time. What all rules share is soon there again.
 */
static void forget(struct bf_cond_pool *p)
{
	memset(p->tags, 0, p->cap);
	p->n = 0;
}

static const struct bf_cond *copy(struct bf_arena *a, const struct bf_cond *c)
{
	size_t ranges = c->kind == BF_COND_FIELD ? c->n_ranges * sizeof(*c->ranges) : 0;
	struct bf_cond *new = bf_arena_alloc(a, sizeof(*new) + ranges);

	if (!new)
		return NULL;
	*new = *c;
	if (ranges)
		new->ranges = memcpy(new + 1, c->ranges, ranges);
	return new;
}

const struct bf_cond *bf_cond_intern(struct bf_ruleset *rs, const struct bf_cond *c)
{
	struct bf_cond_pool *p = rs->pool;
	const struct bf_cond *new;
	uint64_t h;
	size_t i;

	if (c->kind != BF_COND_FIELD)
		return copy(rs->arena, c);
	if (p->n >= p->cap / 4 * 3 && p->cap >= SLOTS_MAX)
		forget(p);
	else if (p->n >= p->cap / 4 * 3 && grow(p))
		return NULL;
	h = hash(c);
	i = find(p, c, h);
	if (p->tags[i])
		return p->slots[i];
	new = copy(rs->arena, c);
	if (new)
		put(p, i, new, h);
	return new;
}

static uint32_t prefix_mask(unsigned len)
{
	return UINT32_MAX << (32 - len);
}

struct bf_cond_ref bf_cond_pack(const struct bf_cond *c)
{
	uint64_t id, len;

	if (c->kind != BF_COND_FIELD || c->guard || c->n_ranges != 1 || c->field->bits != 32 || c->field->fixed || !c->mask || c->mask > UINT32_MAX)
		return (struct bf_cond_ref){ 0 };
	id = bf_field_id(c->field);
	len = 32 - (unsigned)__builtin_ctz((uint32_t)c->mask);
	if (id == BF_FIELDS || c->mask != prefix_mask((unsigned)len) || c->ranges->lo != c->ranges->hi || c->ranges->lo > UINT32_MAX)
		return (struct bf_cond_ref){ 0 };
	return (struct bf_cond_ref){ (uint64_t)c->ranges->lo << 32 | len << 16 | id << 8 | (uint64_t)c->neg << 1 | 1 };
}

const struct bf_cond *bf_cond_unpack(struct bf_cond_ref ref, struct bf_cond_room *room)
{
	_Static_assert(BF_FIELDS <= 256, "a byte");

	room->range.lo = room->range.hi = ref.v >> 32;
	room->cond = (struct bf_cond){ .kind = BF_COND_FIELD, .neg = ref.v >> 1 & 1, .n_ranges = 1, .field = bf_cond_packed(ref),
	                               .ranges = &room->range, .mask = prefix_mask(ref.v >> 16 & 255) };
	return &room->cond;
}

/* A new chunk for a list that has n already. */
static int open_chunk(struct bf_ruleset *rs, size_t n)
{
	struct bf_cond_pool *p = rs->pool;

	p->chunk = BF_MIN(BF_MAX(p->chunk * 2, (size_t)LIST_MIN), (size_t)LIST_MAX);
	p->left = BF_MAX(p->chunk, 2 * n + 2);
	p->end = bf_arena_array(rs->arena, p->left, struct bf_cond_ref);
	if (!p->end)
		p->left = 0;
	return p->end ? 0 : -ENOMEM;
}

int bf_conds_append(struct bf_ruleset *rs, struct bf_rule *r, struct bf_cond_ref c)
{
	struct bf_cond_pool *p = rs->pool;
	size_t n = r->n_conds;
	bool last = n && r->conds + n == p->end;

	if (n == UINT16_MAX)
		return -E2BIG;
	if (p->left < (last ? 1 : n + 1)) {
		if (open_chunk(rs, n))
			return -ENOMEM;
		last = false;
	}
	if (!last) {
		if (n)
			memcpy(p->end, r->conds, n * sizeof(*p->end));
		r->conds = p->end;
		p->end += n;
		p->left -= n;
	}
	*p->end++ = c;
	p->left--;
	r->n_conds++;
	return 0;
}

struct bf_cond_pool *bf_cond_pool_new(void)
{
	return calloc(1, sizeof(struct bf_cond_pool));
}

void bf_cond_pool_shrink(struct bf_cond_pool *p)
{
	free(p->slots);
	free(p->tags);
	p->slots = NULL;
	p->tags = NULL;
	p->n = p->cap = 0;
}

void bf_cond_pool_free(struct bf_cond_pool *p)
{
	if (!p)
		return;
	bf_cond_pool_shrink(p);
	free(p);
}
