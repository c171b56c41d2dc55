/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest.c: the decision forest as one of the structures (class.h): how much
 * memory it may take, its head, one tree after the other, and what a packet
 * meets in it.
 */
#include "opt/forest.h"

#include "opt/corner.h"

#define ROOM_PER_BOX 10      /* bytes for nodes and copies beside each rule; */
#define ROOM_PER_MANY 11     /* where there are many: with less the last tree has long leaves */
#define MANY 300000
#define ROOM_PER_REF 1.5     /* the same where there are references: these packets are rare */
#define REF_BYTES 4
#define ROOM_SMALL (1u << 17) /* small problems may be lavish: it all stays in the cache; */
#define ROOM_SMALL_PER_BOX 128
#define SMALL 40000          /* boxes; of more, the less they get beyond what is usual */
#define ROOM_LAST 200        /* more, for each box in the last tree, but not more than that for each of all: */
#define ROOM_LAST_PER_BOX 5
#define MOST_TIMES 16        /* that room, when a packet would meet so many rules: */
#define LONG 100
#define PROBES 512           /* boxes whose packets are sent through what was built */

static uint64_t rule_bytes(const struct bf_class_problem *p)
{
	return 4ull * forest_rule_words(p->ip6);
}

static uint64_t fixed_bytes(const struct bf_class_problem *p)
{
	return sizeof(struct bf_class_head) + p->svcs_size + 4ull * p->n_slots + 40 + BF_CLASS_GROUP * rule_bytes(p);
}

/* More room, where memory costs nothing yet. */
static uint64_t small_room(uint64_t n)
{
	return n <= SMALL ? BF_MIN(ROOM_SMALL_PER_BOX * n, (uint64_t)ROOM_SMALL) : (uint64_t)ROOM_SMALL * SMALL / n;
}

/* Beside head and services, with `times` the usual room. */
static uint64_t wanted_bytes(uint64_t n, unsigned bytes, unsigned times)
{
	double room = bytes == REF_BYTES ? ROOM_PER_REF : n > MANY ? ROOM_PER_MANY : ROOM_PER_BOX;

	return bytes * n + (uint64_t)(times * room * (double)n) + (bytes == REF_BYTES ? 0 : small_room(n));
}

/* An IPv4 rule has few bits for its service. */
static bool too_many_svcs(const struct bf_class_problem *p)
{
	return !p->ip6 && p->svcs_size / BF_SVC_UNIT > BF_CLASS_SVC_MAX;
}

static double estimate(const struct bf_class_problem *p, uint64_t *bytes)
{
	*bytes = fixed_bytes(p) + wanted_bytes(p->n_boxes, (unsigned)rule_bytes(p), 1);
	double ns = 15;

	if (too_many_svcs(p))
		return -1;
	for (uint32_t n = p->n_boxes; n > 1; n /= 2)
		ns += 4;
	return ns;
}

void forest_tell(struct forest *f)
{
	double done = (double)(atomic_fetch_add(&f->told->done, f->done) + f->done) / f->p->n_boxes / 2;

	f->work = f->done = 0;
	if (f->tells && !f->told->stop && f->o->progress && f->o->progress(f->o->progress_arg, BF_MIN(done, 0.99)))
		f->told->stop = true;
	if (f->told->stop)
		f->err = -ECANCELED;
}

static void append(struct forest *f, const void *p, size_t len)
{
	if (forest_used(f) + len > f->max_bytes)
		f->err = f->err ? f->err : -E2BIG;
	else
		bf_buf_add(f->out, p, len);
	if (f->out->err)
		f->err = f->out->err;
}

static void append_zeros(struct forest *f, size_t len)
{
	if (forest_used(f) + len > f->max_bytes)
		f->err = f->err ? f->err : -E2BIG;
	else if (!bf_buf_reserve(f->out, len))
		f->err = -ENOMEM;
}

static void align(struct forest *f, size_t to)
{
	append_zeros(f, BF_ALIGN(f->out->len, to) - f->out->len);
}

/* Head, services, targets; what is known of them so far. */
static uint32_t put_head(struct forest *f)
{
	const struct bf_class_problem *p = f->p;
	struct bf_class_head h = { .kind = BF_CLASS_FOREST, .first_slot = p->first_slot, .n_slots = p->n_slots };
	uint32_t head;

	align(f, 8);
	head = (uint32_t)(f->out->len / 4);
	h.svcs = head + sizeof(h) / 4;
	h.targets = p->n_slots ? h.svcs + p->svcs_size / 4 : 0;
	if (f->ref) {
		h.ref_bits = f->ref_bits;
		h.rules = p->base_rules;
	}
	append(f, &h, sizeof(h));
	append(f, p->svcs, p->svcs_size);
	append_zeros(f, 4ull * p->n_slots);
	align(f, 8);
	return head;
}

static struct bf_class_head *head_of(const struct forest *f, uint32_t head)
{
	return (struct bf_class_head *)(f->out->data + 4ull * head);
}

static int by_first(const void *a, const void *b)
{
	const struct bf_class_tree *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Moves what was spilled to the front of `list`, ascending; how many. *first: the least order of the others. */
static uint32_t take_spilled(struct forest *f, uint32_t *list, uint32_t n, uint32_t *first)
{
	uint32_t kept = 0;

	*first = UINT32_MAX;
	for (uint32_t i = 0; i < n; i++)
		if (forest_spilled(f, list[i]))
			list[kept++] = list[i];
		else
			*first = BF_MIN(*first, f->p->boxes[list[i]].order);
	memset(f->spilled, 0, f->p->n_boxes / 8 + 1);
	return kept;
}

/*
 * A tree's budget. Of the room beside the rules, later trees shall have some, too: theirs are the harder boxes. The
 * last one, which has to take all that is left, may go beyond what was wanted.
 */
static uint64_t tree_budget(const struct forest *f, uint32_t n, uint64_t left)
{
	uint64_t rules = (uint64_t)n * f->rule_bytes, extra = ROOM_LAST * (uint64_t)n, room;

	if (!f->last)
		return left > rules ? rules + (left - rules) / 10 * 7 : left;
	room = f->max_bytes - BF_MIN(f->max_bytes, forest_used(f));
	extra = BF_MIN(extra, ROOM_LAST_PER_BOX * (uint64_t)f->p->n_boxes);
	return BF_MIN(room, BF_MAX(left, rules) + extra);
}

static void build_trees(struct forest *f, uint32_t head, uint32_t *list, uint32_t *work, uint32_t n, uint64_t budget,
                        struct bf_class_stats *stats)
{
	uint32_t t;

	for (t = 0; t < BF_CLASS_TREES && n && !f->err; t++) {
		uint64_t before = forest_used(f);
		struct bf_class_tree tree = { 0 };

		f->last = t == BF_CLASS_TREES - 1 || f->o->one_tree;
		f->depth = 0;
		f->n_tree = n;
		f->n_spilled = 0;
		memcpy(work, list, n * sizeof(*list));
		f->err = parts_begin(f, n);
		if (!f->err)
			tree.root = tree_build(f, work, n, tree_budget(f, n, budget));
		parts_build(f);
		if (f->err)
			return;
		budget -= BF_MIN(budget, forest_used(f) - before);
		n = take_spilled(f, list, n, &tree.first);
		head_of(f, head)->tree[t] = tree;
		stats->depth += f->depth;
		stats->levels = BF_MAX(stats->levels, f->depth);
	}
	if (f->err)
		return;
	head_of(f, head)->n_trees = stats->trees = t;
	qsort(head_of(f, head)->tree, t, sizeof(struct bf_class_tree), by_first);
}

static uint64_t moved(uint64_t node, uint32_t by)
{
	return node & BF_CLASS_LEAF && node >> 32 & BF_CLASS_LEAF_MAX ? node + by : node;
}

/* The rules go behind the nodes, which begin at `nodes`: leaves have to know where. */
static void put_rules(struct forest *f, uint32_t head, size_t nodes, struct bf_class_stats *stats)
{
	uint64_t *node, *end;
	struct bf_class_tree *t;
	uint32_t by;

	align(f, 16);
	if (f->err)
		return;
	by = (uint32_t)(f->out->len / 4);
	end = (uint64_t *)(f->out->data + f->out->len);
	for (node = (uint64_t *)(f->out->data + nodes); node < end; node++)
		*node = moved(*node, by);
	for (t = head_of(f, head)->tree; t < head_of(f, head)->tree + BF_CLASS_TREES; t++)
		t->root = moved(t->root, by);
	bf_buf_add(f->out, f->rules.data, f->rules.len);
	f->rules.len = 0;
	if (!f->ref) {
		append_zeros(f, (BF_CLASS_GROUP - 1) * rule_bytes(f->p));
		if (!f->err)
			forest_put_free(f->p->ip6, (uint32_t *)(f->out->data + f->out->len) - (BF_CLASS_GROUP - 1) * f->rule_words,
			                BF_CLASS_GROUP - 1);
		stats->rules = by;
		stats->n_rules = f->p->ip6 ? 0 : f->copies;
	}
	if (!f->err && !f->p->ip6)
		f->err = forest_put_slots(f->p, f->out, head, by, f->begin + f->max_bytes);
}

/* Sends packets of evenly spread boxes through. */
static void probe(const struct forest *f, uint32_t head, struct bf_class_stats *stats)
{
	const struct bf_class_problem *p = f->p;
	uint32_t n = BF_MIN(p->n_boxes, (uint32_t)PROBES);
	struct walk w = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t key[BF_KEY_WORDS] = { 0 };
		struct bf_class_found found;

		bf_class_inside(p, (uint32_t)((uint64_t)i * p->n_boxes / n), i, key);
		forest_walk((const uint32_t *)f->out->data, (uint32_t)(f->out->len / 4), head, p->ip6, key, 0, &found, &w);
	}
	stats->expected_nodes = n ? (double)w.nodes / n : 0;
	stats->expected_rules = n ? (double)w.rules / n : 0;
}

/* One try. */
static int build_within(struct forest *f, unsigned times, uint32_t *head, struct bf_class_stats *stats)
{
	uint32_t n = f->p->n_boxes;
	_cleanup_free_ uint32_t *list = malloc(4ull * n + 4), *work = malloc(4ull * n + 4);
	uint64_t fixed = fixed_bytes(f->p);
	uint64_t room = f->max_bytes - BF_MIN(fixed, f->max_bytes);
	size_t nodes;

	if (!list || !work)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		list[i] = i;
	f->copies = f->worst_leaf = 0;
	f->done = f->told->done = 0;
	*stats = (struct bf_class_stats){ .kind = "forest", .boxes = n };
	*head = put_head(f);
	nodes = f->out->len;
	if (!f->err)
		build_trees(f, *head, list, work, n, BF_MIN(wanted_bytes(n, f->rule_bytes, times), room), stats);
	if (!f->err)
		f->err = forest_mark(f, *head, (uint32_t)(nodes / 4));
	if (!f->err)
		put_rules(f, *head, nodes, stats);
	if (f->err)
		return f->err;
	stats->copies = f->copies;
	stats->worst_leaf = f->worst_leaf;
	stats->bytes = f->out->len - f->begin;
	probe(f, *head, stats);
	return 0;
}

/* Where the usual room leads to long leaves, more of it is tried: 3 times as much, then 15 times. */
static int build_best(struct forest *f, uint32_t *head, struct bf_class_stats *stats)
{
	int r = 0;

	for (unsigned times = 1; !r && times <= MOST_TIMES; times *= times + 2) {
		f->out->len = f->nodes;
		f->rules.len = f->numbers.len = 0;
		r = build_within(f, times, head, stats);
		if (stats->expected_rules < LONG)
			break;
	}
	return r;
}

static int forest_build(const struct bf_class_problem *p, const struct bf_class_opts *o, struct bf_buf *out,
                        uint32_t *head, struct bf_class_stats *stats)
{
	struct told told = { 0 };
	struct forest f = { .p = p, .o = o, .out = out, .begin = out->len, .told = &told, .tells = true };
	uint32_t shift;
	int r;

	*stats = (struct bf_class_stats){ .kind = "forest" };
	if (too_many_svcs(p))
		return -E2BIG;
	f.max_bytes = o->max_bytes ? o->max_bytes : (64ull << 20) + 256ull * p->n_boxes;
	f.rule_words = forest_rule_words(p->ip6);
	f.rule_bytes = 4 * (f.rule_words + (!p->ip6 && !forest_reckons_slots(p, &shift)));
	f.spilled = calloc(p->n_boxes / 8 + 1, 1);
	r = f.spilled ? dims_make(&f) : -ENOMEM;
	if (!r)
		r = cut_begin(&f);
	if (!r)
		r = forest_make_refs(&f);
	if (f.ref) {
		f.rule_words = 1;
		f.rule_bytes = REF_BYTES;
	}
	f.nodes = out->len;
	if (!r)
		r = build_best(&f, head, stats);
	free(f.ref);
	free(f.spilled);
	bf_buf_free(&f.rules);
	bf_buf_free(&f.numbers);
	parts_end(&f);
	cut_end(&f);
	if (r)
		out->len = f.begin;
	dims_free(&f);
	return r;
}

bool forest_find(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                 struct bf_class_found *found)
{
	struct walk w = { 0 };

	return forest_walk(data, n_words, head, ip6, key, floor, found, &w);
}

const struct bf_class_ops bf_class_forest = {
	.name = "forest",
	.estimate = estimate,
	.build = forest_build,
	.find = forest_find,
};
