/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_update.c: boxes come and go while packets are looked for (class.h).
 *
 * A tree's inner nodes stay as they are. The lists of rules that change are
 * written anew, in the room kept for that, and then the nodes that lead to
 * them are stored, 8 bytes each. A packet meets one list in each tree, and a
 * box lives in one tree; so between two stores some packets are answered as
 * before, others as afterwards, none otherwise.
 *
 *   comes   to the tree in which the fewest rules must be written anew. If it
 *           is in too many lists everywhere, it goes to a tree of its own
 *           kind, the first one: a single list, which all packets look at.
 *   goes    from all lists. If it was final, it may have hidden others, which
 *           had no place for that: they come to the lists it leaves.
 *
 * What was replaced is waste until the structure is built anew.
 */
#include "opt/forest.h"

#define MOST_LISTS 64    /* of one box */
#define MOST_ASIDE 64    /* rules in the first tree */
#define MOST_WORDS (1u << 22)

struct edit { /* a list, written anew */
	uint32_t slot, n_slots; /* place of the first node that shall lead to it, how many in a row */
	uint32_t at, n;         /* where it begins, in words of what is written, how many rules */
};

struct update {
	struct forest f; /* dimensions, and what is known of the packets on the way */
	const struct bf_class_data *d;
	struct bf_class_head *head;
	const struct bf_class_box *box;
	bool removes;
	const uint32_t *hidden; /* that may have been, when it goes; ascending */
	uint32_t n_hidden;
	bool elsewhere; /* or it may have been hidden in another tree */
	uint8_t loose[FOREST_DIMS]; /* so many windows of it were cut of which the hull does not tell */
	struct bf_buf edits, words;
	int err;
};

static struct bf_class_head *head_at(const struct bf_class_data *d)
{
	return (struct bf_class_head *)(d->data + d->head);
}

static const uint32_t *words_at(const struct update *u, uint64_t place, uint64_t n)
{
	return place + n <= u->d->n_words ? u->d->data + place : NULL;
}

static uint64_t node_at(const struct update *u, uint32_t slot)
{
	const uint32_t *w = words_at(u, slot, 2);

	return w ? w[0] | (uint64_t)w[1] << 32 : BF_CLASS_LEAF;
}

/* A rule's order lies behind its addresses in either form. */
static uint32_t order_of(const struct update *u, const uint32_t *rule)
{
	return u->f.p->ip6 ? ((const struct bf_class_rule6 *)rule)->order : ((const struct bf_class_rule4 *)rule)->order;
}

static void add_edit(struct update *u, uint32_t slot, uint32_t n_slots, size_t begin)
{
	struct edit e = { slot, n_slots, (uint32_t)(begin / 4), (uint32_t)((u->words.len - begin) / 4 / u->f.rule_words) };

	bf_buf_add(&u->edits, &e, sizeof(e));
	if (u->edits.err || u->words.err)
		u->err = -ENOMEM;
	else if (u->edits.len / sizeof(e) > MOST_LISTS || u->words.len / 4 > MOST_WORDS)
		u->err = -ENOSPC;
}

static void list_with(struct update *u, const uint32_t *rules, uint32_t n)
{
	uint32_t rule[sizeof(struct bf_class_rule6) / 4], before = 0, size = u->f.rule_words * 4;

	while (before < n && order_of(u, rules + before * u->f.rule_words) <= u->box->order)
		before++;
	tree_rule(&u->f, u->box, rule);
	bf_buf_add(&u->words, rules, (size_t)before * size);
	bf_buf_add(&u->words, rule, size);
	bf_buf_add(&u->words, rules + before * u->f.rule_words, (size_t)(n - before) * size);
}

static uint32_t first_of_order(const struct bf_class_problem *p, uint32_t order)
{
	uint32_t lo = 0, hi = p->n_boxes;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->boxes[mid].order < order)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_rule(const struct update *u, const uint32_t *rule, const struct bf_class_box *b)
{
	uint32_t same[sizeof(struct bf_class_rule6) / 4];

	tree_rule(&u->f, b, same);
	return !memcmp(same, rule, u->f.rule_words * 4);
}

/* Which box a rule is; n_boxes: none. Of equal ones, which have equal rules, the first, but for `not`. */
static uint32_t box_of(const struct update *u, const uint32_t *rule, const struct bf_class_box *not)
{
	const struct bf_class_problem *p = u->f.p;
	uint32_t order = order_of(u, rule);

	for (uint32_t i = first_of_order(p, order); i < p->n_boxes && p->boxes[i].order == order; i++)
		if (&p->boxes[i] != not && is_rule(u, rule, &p->boxes[i]))
			return i;
	return p->n_boxes;
}

static bool meet(struct range a, struct range b)
{
	return a.lo <= b.hi && a.hi >= b.lo;
}

static bool boxes_meet(const struct update *u, const struct bf_class_box *a, const struct bf_class_box *b)
{
	for (unsigned d = 0; d < u->f.n_dims; d++)
		if (!meet(dims_box_range(&u->f, a, d), dims_box_range(&u->f, b, d)))
			return false;
	return true;
}

/*
 * May the box that goes have hidden this one here? Then it covers what of it is here. What came to a later tree may have
 * hidden it in the earlier ones already, before it was spilled: then these regions say nothing.
 */
static bool was_hidden(const struct update *u, const struct bf_class_box *b)
{
	for (unsigned d = 0; d < u->f.n_dims; d++) {
		struct range r = dims_box_range(&u->f, b, d), hull = u->f.region.hull[d], by = dims_box_range(&u->f, u->box, d);

		if (!meet(r, hull))
			return false;
		if (!u->elsewhere && !u->loose[d] && (BF_MAX(r.lo, hull.lo) < by.lo || BF_MIN(r.hi, hull.hi) > by.hi))
			return false;
	}
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* A list without the box, and with what that may have hidden there, as numbers of boxes. False: it is not there. */
static bool numbers_without(struct update *u, const uint32_t *rules, uint32_t n, uint32_t *list, uint32_t *count)
{
	bool there = false;

	*count = 0;
	for (uint32_t i = 0; i < n && !u->err; i++) {
		const uint32_t *rule = rules + i * u->f.rule_words;
		uint32_t box = box_of(u, rule, NULL);

		if (is_rule(u, rule, u->box))
			there = true;
		else if (box == u->f.p->n_boxes)
			u->err = -ENOSPC; /* it does not know what is there: not ours to change */
		else
			list[(*count)++] = box;
	}
	if (!there)
		return false;
	for (uint32_t i = 0; i < u->n_hidden; i++)
		if (was_hidden(u, &u->f.p->boxes[u->hidden[i]]))
			list[(*count)++] = u->hidden[i];
	qsort(list, *count, sizeof(*list), by_number);
	return true;
}

static uint32_t drop_twins(uint32_t *list, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!kept || list[kept - 1] != list[i])
			list[kept++] = list[i];
	return kept;
}

static bool list_without(struct update *u, const uint32_t *rules, uint32_t n)
{
	_cleanup_free_ uint32_t *list = malloc(((size_t)n + u->n_hidden + 1) * sizeof(*list));
	uint32_t count, rule[sizeof(struct bf_class_rule6) / 4];

	if (!list)
		u->err = -ENOMEM;
	if (u->err || !numbers_without(u, rules, n, list, &count))
		return false;
	count = drop_twins(list, count);
	for (uint32_t i = 0; i < count; i++)
		dims_fill(&u->f, u->f.p->boxes[list[i]].svc);
	count = tree_visible(&u->f, list, count);
	for (uint32_t i = 0; i < count; i++) {
		tree_rule(&u->f, &u->f.p->boxes[list[i]], rule);
		bf_buf_add(&u->words, rule, u->f.rule_words * 4);
	}
	return true;
}

static void edit_leaf(struct update *u, uint32_t slot, uint32_t n_slots, uint64_t leaf)
{
	uint32_t n = leaf >> 32 & BF_CLASS_LEAF_MAX;
	const uint32_t *rules = words_at(u, (uint32_t)leaf, (uint64_t)n * u->f.rule_words);
	size_t begin = u->words.len;

	if (!rules)
		u->err = -ENOSPC;
	else if (!u->removes)
		list_with(u, rules, n);
	else if (!list_without(u, rules, n))
		return;
	add_edit(u, slot, n_slots, begin);
}

/* The dimension in which a node's window lies; false: in none that is known now. */
static bool find_cut(const struct update *u, uint64_t node, struct cut *cut)
{
	unsigned a = node >> 32 & 31, b = node >> 40 & 31, word = node >> 48 & (BF_KEY_WORDS - 1), low = b - a;

	cut->bits = 32 - b;
	for (cut->dim = 0; cut->dim < u->f.n_dims; cut->dim++) {
		const struct dim *d = &u->f.dim[cut->dim];
		unsigned end = d->shift + d->width;

		if (d->word != word || low < d->shift || low + cut->bits > end)
			continue;
		cut->start = end - low - cut->bits;
		return true;
	}
	return false;
}

static void walk(struct update *u, uint32_t slot, uint32_t n_slots, unsigned depth);

static bool same_above(struct range r, unsigned bits)
{
	return r.lo >> bits == r.hi >> bits;
}

/* A window of that word was cut, of bits that are no longer in one dimension. */
static void loosen(struct update *u, unsigned word, int by)
{
	for (unsigned d = 0; d < u->f.n_dims; d++)
		if (u->f.dim[d].word == word)
			u->loose[d] = (uint8_t)(u->loose[d] + by);
}

/* The children of `run` are one node; the box meets those of `met`. */
static void walk_run(struct update *u, const struct cut *cut, unsigned word, uint32_t place, struct range run,
                     struct range met, unsigned depth)
{
	bool leaf = node_at(u, place + 2 * run.lo) & BF_CLASS_LEAF, loose;
	struct range saved;

	if (!cut) {
		loosen(u, word, 1);
		walk(u, place + 2 * met.lo, met.hi - met.lo + 1, depth + 1);
		loosen(u, word, -1);
		return;
	}
	saved = u->f.region.hull[cut->dim];
	loose = cut->start && !same_above(saved, u->f.dim[cut->dim].width - cut->start);
	u->f.region.hull[cut->dim] = cut_hull(&u->f, cut, leaf ? met : run);
	u->loose[cut->dim] += loose;
	walk(u, place + 2 * met.lo, met.hi - met.lo + 1, depth + 1);
	u->loose[cut->dim] -= loose;
	u->f.region.hull[cut->dim] = saved;
}

static void walk_children(struct update *u, uint64_t node, unsigned depth)
{
	uint32_t place = (uint32_t)node, last = (uint32_t)(0xffffffffull >> (node >> 40 & 31)), next;
	struct range w = { 0, last };
	struct cut cut;
	unsigned word = node >> 48 & (BF_KEY_WORDS - 1);
	bool known = find_cut(u, node, &cut);

	if (!words_at(u, place, 2ull * last + 2)) {
		u->err = -ENOSPC;
		return;
	}
	if (known)
		w = window_range(dims_box_range(&u->f, u->box, cut.dim), u->f.region.hull[cut.dim], u->f.dim[cut.dim].width,
		                 cut.start, cut.bits);
	for (uint32_t k = w.lo; k <= w.hi && !u->err; k = next) {
		uint64_t child = node_at(u, place + 2 * k);
		struct range run = { k, k };

		while (run.lo > 0 && node_at(u, place + 2 * (run.lo - 1)) == child)
			run.lo--;
		while (run.hi < last && node_at(u, place + 2 * (run.hi + 1)) == child)
			run.hi++;
		next = run.hi + 1;
		walk_run(u, known ? &cut : NULL, word, place, run, (struct range){ k, BF_MIN(run.hi, w.hi) }, depth);
	}
}

static void walk(struct update *u, uint32_t slot, uint32_t n_slots, unsigned depth)
{
	uint64_t node = node_at(u, slot);

	if (node & BF_CLASS_LEAF)
		edit_leaf(u, slot, n_slots, node);
	else if (depth == BF_CLASS_DEPTH)
		u->err = -ENOSPC;
	else
		walk_children(u, node, depth);
}

static uint32_t root_slot(const struct update *u, uint32_t tree)
{
	return u->d->head + (uint32_t)(offsetof(struct bf_class_head, tree) + tree * sizeof(struct bf_class_tree) +
	                               offsetof(struct bf_class_tree, root)) / 4;
}

/* Services that are new, behind those that are there. */
int forest_put_svcs(const struct bf_class_data *d, const struct bf_class_problem *p)
{
	struct bf_class_head *head = head_at(d);
	uint32_t end = p->svcs_size / 16, used = head->svcs_used;

	if (end > head->svcs_end || (!p->ip6 && end > BF_CLASS_SVC_MAX))
		return -ENOSPC;
	if (end > used)
		memcpy(d->data + head->svcs + 4ull * used, (const char *)p->svcs + 16ull * used, 16ull * (end - used));
	head->svcs_used = BF_MAX(end, used);
	return 0;
}

static void store_node(struct update *u, uint32_t slot, uint64_t node)
{
	__atomic_store_n((uint64_t *)(u->d->data + slot), node, __ATOMIC_RELEASE);
}

/* Room that was given out is never given out again, even if this ends in the middle. */
static int publish(struct update *u)
{
	uint32_t n = (uint32_t)(u->words.len / 4), place = u->head->room;
	const struct edit *e = (const struct edit *)u->edits.data;

	if (n > u->head->room_end - BF_MIN(place, u->head->room_end))
		return -ENOSPC;
	__atomic_store_n(&u->head->room, place + n, __ATOMIC_RELEASE);
	if (n)
		memcpy(u->d->data + place, u->words.data, u->words.len);
	for (size_t i = 0; i < u->edits.len / sizeof(*e); i++)
		for (uint32_t k = 0; k < e[i].n_slots; k++)
			store_node(u, e[i].slot + 2 * k, BF_CLASS_LEAF | (uint64_t)e[i].n << 32 | (e[i].n ? place + e[i].at : 0));
	return 0;
}

/* A tree that comes to be looked at too late for the new rule is looked at earlier, and all before it. */
static void lower_first(struct update *u, uint32_t tree)
{
	for (uint32_t t = 0; t <= tree; t++)
		if (u->head->tree[t].first > u->box->order)
			__atomic_store_n(&u->head->tree[t].first, u->box->order, __ATOMIC_RELEASE);
}

static void forget_edits(struct update *u)
{
	u->edits.len = u->words.len = 0;
	u->err = 0;
}

/* The tree that costs least; n_trees: none. Leaves no edits. */
static uint32_t choose_tree(struct update *u, bool aside)
{
	uint32_t best = u->head->n_trees;
	size_t least = SIZE_MAX;

	for (uint32_t t = aside ? 1 : 0; t < u->head->n_trees; t++) {
		forget_edits(u);
		walk(u, root_slot(u, t), 1, 0);
		if (!u->err && u->words.len < least) {
			least = u->words.len;
			best = t;
		}
	}
	if (aside && best == u->head->n_trees && (u->head->tree[0].root >> 32 & BF_CLASS_LEAF_MAX) < MOST_ASIDE)
		best = 0;
	forget_edits(u);
	return best;
}

static int insert_box(struct update *u)
{
	bool aside = u->head->n_trees && !u->head->tree[0].first;
	uint32_t tree = choose_tree(u, aside);
	int r;

	if (tree == u->head->n_trees)
		return -ENOSPC;
	walk(u, root_slot(u, tree), 1, 0);
	r = u->err ? u->err : forest_put_svcs(u->d, u->f.p);
	if (r)
		return r;
	if (u->words.len / 4 > u->head->room_end - BF_MIN(u->head->room, u->head->room_end))
		return -ENOSPC;
	lower_first(u, tree);
	return publish(u);
}

/* Two prefixes, one of which lies in the other? Quick, before services are asked. */
static bool prefixes_meet(const struct bf_class_box *a, const struct bf_class_box *b, unsigned width)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned len = BF_MIN(a->len[i], b->len[i]);

		if (len && (a->addr[i] ^ b->addr[i]) >> (width - len))
			return false;
	}
	return true;
}

/* Boxes behind it that meet it. */
static int find_hidden(struct update *u, uint32_t box)
{
	const struct bf_class_problem *p = u->f.p;
	struct bf_buf found = { 0 };

	for (uint32_t i = first_of_order(p, u->box->order); i < p->n_boxes && u->box->flags & BF_BOX_FINAL; i++) {
		if (i == box || !prefixes_meet(u->box, &p->boxes[i], p->ip6 ? 128 : 32))
			continue;
		dims_fill(&u->f, p->boxes[i].svc);
		if (boxes_meet(u, u->box, &p->boxes[i]))
			bf_buf_add(&found, &i, sizeof(i));
	}
	u->hidden = (const uint32_t *)found.data;
	u->n_hidden = (uint32_t)(found.len / sizeof(uint32_t));
	return found.err;
}

/* One of several equal boxes: the others are found in its place, as long as they promise the same. */
static int remove_box(struct update *u, uint32_t box)
{
	uint32_t rule[sizeof(struct bf_class_rule6) / 4], twin;
	int r;

	tree_rule(&u->f, u->box, rule);
	twin = box_of(u, rule, u->box);
	if (twin < u->f.p->n_boxes)
		return u->f.p->boxes[twin].flags == u->box->flags ? 0 : -ENOSPC;
	r = find_hidden(u, box);
	for (uint32_t t = 0; t < u->head->n_trees && !r; t++) {
		u->elsewhere = u->head->tree[t].nth > 0;
		walk(u, root_slot(u, t), 1, 0);
		r = u->err;
	}
	return r ? r : publish(u);
}

static int update_begin(struct update *u)
{
	if (u->d->head % 2 || u->d->head + sizeof(struct bf_class_head) / 4 > u->d->n_words)
		return -ENOSPC;
	u->head = head_at(u->d);
	u->f.rule_words = (u->f.p->ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;
	return dims_plan(&u->f);
}

static void update_end(struct update *u)
{
	dims_free(&u->f);
	bf_buf_free(&u->edits);
	bf_buf_free(&u->words);
	free((void *)u->hidden);
}

int forest_insert(const struct bf_class_data *d, const struct bf_class_problem *p, const struct bf_class_box *box)
{
	struct update u = { .f.p = p, .d = d, .box = box };
	int r = update_begin(&u);

	if (!r) {
		dims_fill(&u.f, box->svc);
		r = insert_box(&u);
	}
	update_end(&u);
	return r;
}

int forest_remove(const struct bf_class_data *d, const struct bf_class_problem *p, uint32_t box)
{
	struct update u = { .f.p = p, .d = d, .box = &p->boxes[box], .removes = true };
	int r = update_begin(&u);

	if (!r) {
		dims_fill(&u.f, p->boxes[box].svc);
		r = remove_box(&u, box);
	}
	update_end(&u);
	return r;
}
