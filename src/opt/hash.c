/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.c: runs in which nearly all boxes test the same bits exactly: a verdict
 * for each of many addresses, pairs of them, or whole connections.
 *
 *   head ──▶ tree 0: hash ──▶ slot: box, box, free ...
 *       └──▶ tree 1 ...       the other boxes, as the forest has them
 *
 * The most frequent *shape* (prefix lengths, which ports are given, which bits
 * of META), or what all frequent ones have in common, is the mask. Every box that tests these bits, and perhaps more,
 * is put by their values into an open hash table of rules as they are in
 * leaves. So a slot is the beginning of a leaf, which ends with a free place:
 * one whose order is above all others. Boxes of one key come in ascending
 * order, and boxes of other keys do not match: the first that does is it.
 */
#include "opt/forest.h"

static const struct bf_class_svc *hash_svc(const struct bf_class_problem *p, const struct bf_class_box *b)
{
	return (const void *)((const char *)p->svcs + (size_t)b->svc * BF_SVC_UNIT);
}

/* The bits of an address's word w that a prefix tests. */
static uint32_t hash_mask(unsigned len, unsigned w)
{
	return len > 32 * w ? ~(uint32_t)(0xffffffffull >> BF_MIN(len - 32 * w, 32u)) : 0;
}

/* The key of the packets that the box is for, where it says something exactly. */
static void hash_key(const struct bf_class_problem *p, const struct bf_class_box *b, uint32_t *key)
{
	const struct bf_class_svc *s = hash_svc(p, b);
	unsigned words = p->ip6 ? 4 : 1;

	for (unsigned w = 0; w < words; w++) {
		key[BF_KEY_SADDR + w] = (uint32_t)(b->addr[0] >> 32 * (words - 1 - w));
		key[BF_KEY_DADDR + w] = (uint32_t)(b->addr[1] >> 32 * (words - 1 - w));
	}
	key[BF_KEY_PORTS] = (uint32_t)s->sport << 16 | s->dport;
	key[BF_KEY_META] = s->meta;
}

enum { SHAPES = 64, LEAST = 64, FAR = 96, MOST_TRIES = 4 };

struct shape { /* bits that are tested */
	uint8_t len[2];
	uint32_t ports, meta;
};

struct hash {
	const struct bf_class_problem *p;
	const struct bf_class_opts *o;
	struct bf_buf *out;
	struct bf_class_hash h;
	struct shape shape;
	uint32_t n; /* boxes in it */
	unsigned rule_words;
};

static struct shape shape_of(const struct bf_class_problem *p, const struct bf_class_box *b)
{
	const struct bf_class_svc *s = hash_svc(p, b);

	return (struct shape){ { b->len[0], b->len[1] }, (s->sport_span ? 0 : 0xffff0000u) | (s->dport_span ? 0 : 0xffffu),
		                   s->meta_mask };
}

static bool same(const struct shape *a, const struct shape *b)
{
	return a->len[0] == b->len[0] && a->len[1] == b->len[1] && a->ports == b->ports && a->meta == b->meta;
}

static bool tests_all_of(const struct shape *s, const struct shape *mask)
{
	return s->len[0] >= mask->len[0] && s->len[1] >= mask->len[1] && !(mask->ports & ~s->ports) &&
	       !(mask->meta & ~s->meta);
}

struct shapes { /* those that come first, and how many boxes have them */
	struct shape shape[SHAPES];
	uint32_t count[SHAPES];
	unsigned n, most; /* most: the most frequent */
};

static void count_shapes(const struct bf_class_problem *p, struct shapes *t)
{
	unsigned k = 0;

	*t = (struct shapes){ 0 };
	for (uint32_t i = 0; i < p->n_boxes; i++) {
		struct shape s = shape_of(p, &p->boxes[i]);

		if (k >= t->n || !same(&t->shape[k], &s)) /* mostly that of the one before */
			for (k = 0; k < t->n && !same(&t->shape[k], &s); k++)
				;
		if (k == t->n && t->n < SHAPES)
			t->shape[t->n++] = s;
		if (k < t->n && ++t->count[k] > t->count[t->most])
			t->most = k;
	}
}

/* What all shapes test that are not rare. */
static struct shape common(const struct shapes *t, uint32_t n_boxes)
{
	struct shape s = t->shape[t->most];

	for (unsigned i = 0; i < t->n; i++) {
		const struct shape *x = &t->shape[i];

		if (32ull * t->count[i] < n_boxes)
			continue;
		s = (struct shape){ { BF_MIN(s.len[0], x->len[0]), BF_MIN(s.len[1], x->len[1]) }, s.ports & x->ports, s.meta & x->meta };
	}
	return s;
}

static void set_mask(struct hash *h)
{
	unsigned words = h->p->ip6 ? 4 : 1;

	h->h = (struct bf_class_hash){ .ports = h->shape.ports, .meta = h->shape.meta, .most = FAR };
	for (unsigned i = 0; i < 2; i++)
		for (unsigned w = 0; w < words; w++)
			h->h.addr[i][w] = hash_mask(h->shape.len[i], w);
}

static uint32_t slot_of(const struct hash *h, const struct bf_class_box *b)
{
	uint32_t key[BF_KEY_WORDS];

	hash_key(h->p, b, key);
	return bf_class_hash_slot(&h->h, key, h->p->ip6);
}

static bool is_hashed(const struct hash *h, const struct bf_class_box *b)
{
	struct shape s = shape_of(h->p, b);

	return tests_all_of(&s, &h->shape);
}

/* Are they at least so many? */
static bool count_boxes(struct hash *h, uint32_t least)
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < h->p->n_boxes; i++) {
		others += !is_hashed(h, &h->p->boxes[i]);
		if (others > h->p->n_boxes - least)
			return false;
	}
	h->n = h->p->n_boxes - others;
	h->h.slots = h->n + h->n / 2 + 1;
	h->rule_words = forest_rule_words(h->p->ip6);
	return true;
}

static bool try_shape(struct hash *h, struct shape s)
{
	h->shape = s;
	if (!s.len[0] && !s.len[1] && !s.ports)
		return false;
	set_mask(h);
	return count_boxes(h, BF_MAX(h->p->n_boxes / 16 * 15, (uint32_t)LEAST));
}

static bool begin(struct hash *h)
{
	struct shapes t;

	if (h->p->n_boxes < LEAST || (!h->p->ip6 && h->p->svcs_size / BF_SVC_UNIT > BF_CLASS_SVC_MAX))
		return false;
	count_shapes(h->p, &t);
	return try_shape(h, t.shape[t.most]) || try_shape(h, common(&t, h->p->n_boxes));
}

/* How many boxes a packet meets in its slot on average, to within what 16 bits a slot can tell. */
static double crowd(const struct hash *h)
{
	_cleanup_free_ uint16_t *count = calloc(h->h.slots, sizeof(*count));
	uint64_t sum = 0;

	if (!count)
		return 1e9;
	for (uint32_t i = 0; i < h->p->n_boxes; i++)
		if (is_hashed(h, &h->p->boxes[i])) {
			uint16_t *c = &count[slot_of(h, &h->p->boxes[i])];

			*c += *c < UINT16_MAX;
			sum += *c;
		}
	return (double)sum / h->n;
}

#define MEETS_AT_MOST 4.0
#define NS_MORE 5          /* than the forest where all of it is in the caches: multiplying takes longer than two levels */
#define NS_LESS 8          /* for each doubling above that: a level is a load from memory */
#define CACHED_BOXES 32768

/* Against the forest, measured. */
static double estimate(const struct bf_class_problem *p, uint64_t *bytes)
{
	struct hash h = { .p = p };
	struct bf_class_problem rest = *p;
	uint64_t forest_bytes;
	double meets, ns;

	if (!begin(&h))
		return -1;
	meets = crowd(&h);
	ns = bf_class_forest.estimate(p, &forest_bytes);
	if (meets > MEETS_AT_MOST || ns < 0)
		return -1;
	*bytes = h.h.slots * 4ull * h.rule_words + p->svcs_size + 4ull * p->n_slots;
	for (uint32_t n = p->n_boxes; n > CACHED_BOXES; n /= 2)
		ns -= NS_LESS;
	ns += NS_MORE + 3 * (meets - 1);
	rest.n_boxes -= h.n;
	if (rest.n_boxes) {
		ns += bf_class_forest.estimate(&rest, &forest_bytes) / 2;
		*bytes += forest_bytes;
	}
	return ns;
}

/* The table. */

static uint32_t order_at(const struct hash *h, const uint32_t *rule)
{
	return rule[h->p->ip6 ? offsetof(struct bf_class_rule6, order) / 4 : offsetof(struct bf_class_rule4, order) / 4];
}

static bool put_box(const struct hash *h, uint32_t *table, const struct bf_class_box *b)
{
	uint32_t *at = table + (size_t)slot_of(h, b) * h->rule_words;

	for (unsigned i = 0; i < FAR - 1; i++, at += h->rule_words)
		if (order_at(h, at) == UINT32_MAX) {
			forest_put_rule(h->p->ip6, at, b);
			return true;
		}
	return false;
}

static int told(const struct hash *h, uint32_t i)
{
	if (i % 65536 || !h->o->progress || !h->o->progress(h->o->progress_arg, (double)i / h->p->n_boxes))
		return 0;
	return -ECANCELED;
}

static int fill(const struct hash *h, uint32_t *table)
{
	int err = 0;

	forest_put_free(h->p->ip6, table, h->h.slots + FAR);
	for (uint32_t i = 0; i < h->p->n_boxes && !err; i++) {
		err = told(h, i);
		if (!err && is_hashed(h, &h->p->boxes[i]) && !put_box(h, table, &h->p->boxes[i]))
			err = -E2BIG;
	}
	return err;
}

static void align(struct bf_buf *out)
{
	if (out->len % 16)
		bf_buf_reserve(out, 16 - out->len % 16);
}

/* More room, where they crowd. */
static int put_table(struct hash *h, size_t begin, uint64_t max_bytes, uint32_t *place)
{
	size_t len;
	int err = -E2BIG;

	align(h->out);
	*place = h->out->len / 4;
	bf_buf_reserve(h->out, sizeof(h->h));
	align(h->out);
	len = h->out->len;
	h->h.place = len / 4;
	for (unsigned i = 0; i < MOST_TRIES && err == -E2BIG && !h->out->err; i++) {
		uint64_t bytes = ((uint64_t)h->h.slots + FAR) * h->rule_words * 4;

		h->out->len = len;
		if (len + bytes - begin > max_bytes)
			return -E2BIG;
		if (!bf_buf_reserve(h->out, bytes))
			return h->out->err;
		err = fill(h, (uint32_t *)(void *)(h->out->data + len));
		if (err == -E2BIG)
			h->h.slots += h->h.slots / 2;
	}
	if (h->out->err)
		return h->out->err;
	memcpy(h->out->data + 4ull * *place, &h->h, sizeof(h->h));
	align(h->out);
	return err ? err : h->out->err;
}

/* Head, services, and the forest of all the others. */
static int put_rest(const struct hash *h, uint32_t *head, struct bf_class_stats *stats)
{
	_cleanup_free_ struct bf_class_box *boxes = malloc((h->p->n_boxes - h->n + 1) * sizeof(*boxes));
	struct bf_class_problem rest = *h->p;
	struct bf_class_opts o = *h->o;

	if (!boxes)
		return -ENOMEM;
	rest.boxes = boxes;
	rest.n_boxes = 0;
	for (uint32_t i = 0; i < h->p->n_boxes; i++)
		if (!is_hashed(h, &h->p->boxes[i]))
			boxes[rest.n_boxes++] = h->p->boxes[i];
	o.unmarked = true; /* trees get other numbers */
	return bf_class_forest.build(&rest, &o, h->out, head, stats);
}

static int build(const struct bf_class_problem *p, const struct bf_class_opts *o, struct bf_buf *out, uint32_t *head,
                 struct bf_class_stats *stats)
{
	struct hash h = { .p = p, .o = o, .out = out };
	uint64_t max_bytes = o->max_bytes ? o->max_bytes : (64ull << 20) + 256ull * p->n_boxes;
	size_t begin_len = out->len;
	struct bf_class_head *to;
	uint32_t place;
	int err;

	*stats = (struct bf_class_stats){ .kind = "hash" };
	if (!begin(&h))
		return -E2BIG;
	err = put_rest(&h, head, stats);
	if (!err)
		err = put_table(&h, begin_len, max_bytes, &place);
	if (!err && !p->ip6)
		err = forest_put_slots(p, out, *head, (uint32_t)(BF_ALIGN(begin_len, 16) / 4), begin_len + max_bytes);
	to = err ? NULL : (struct bf_class_head *)(void *)(out->data + 4ull * *head);
	if (!err && to->n_trees == BF_CLASS_TREES)
		err = -E2BIG;
	if (err) {
		out->len = begin_len;
		return err;
	}
	to->kind = BF_CLASS_HASH;
	/* The first, whatever may come later. */
	memmove(to->tree + 1, to->tree, to->n_trees++ * sizeof(to->tree[0]));
	to->tree[0] = (struct bf_class_tree){ .root = BF_CLASS_HASHED | place, .first = 1 };
	stats->kind = "hash";
	stats->boxes = p->n_boxes;
	stats->copies += h.n;
	stats->trees++;
	stats->expected_rules += crowd(&h);
	stats->bytes = out->len - begin_len;
	return 0;
}

const struct bf_class_ops bf_class_hash = {
	.name = "hash", .estimate = estimate, .build = build, .find = forest_find
};
