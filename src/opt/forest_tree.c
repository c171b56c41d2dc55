/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_tree.c: one tree, from the top down (forest.h). A node's children are
 * first made as lists of boxes, one behind the other in one allocation; equal
 * neighbours become one.
 */
#include "opt/forest.h"

#define WORK_STEP (1u << 16)

static void check_progress(struct forest *f, uint32_t n)
{
	f->done += n;
	f->work += n;
	if (f->work >= WORK_STEP)
		forest_tell(f);
}

/* Room in one of the two; its place. */
static uint32_t take_room(struct forest *f, struct bf_buf *in, size_t bytes, void **room)
{
	uint64_t place = in->len / 4;

	*room = NULL;
	if (f->err)
		return 0;
	if (forest_used(f) + bytes > f->max_bytes || (f->out->len + f->rules.len + bytes) / 4 > UINT32_MAX)
		f->err = -E2BIG;
	else if (!(*room = bf_buf_reserve(in, bytes)))
		f->err = -ENOMEM;
	return (uint32_t)place;
}

static void put_rule4(uint32_t *to, const struct bf_class_box *b)
{
	struct bf_class_rule4 r = { { (uint32_t)b->addr[0], (uint32_t)b->addr[1] },
		                    (32u - b->len[0]) | (32u - b->len[1]) << 6 | b->svc << 12, b->order };

	memcpy(to, &r, sizeof(r));
}

static void put_rule6(uint32_t *to, const struct bf_class_box *b)
{
	struct bf_class_rule6 r = { .svc = b->svc, .order = b->order, .slot = b->slot };

	for (unsigned i = 0; i < 2; i++)
		for (unsigned half = 0; half < 2; half++) {
			r.addr[i][half] = (uint64_t)(b->addr[i] >> 64 * (1 - half));
			r.shift[i][half] = (uint8_t)BF_CLASS_SHIFT6(b->len[i], half);
		}
	memcpy(to, &r, sizeof(r));
}

void forest_put_rule(bool ip6, uint32_t *to, const struct bf_class_box *b)
{
	(ip6 ? put_rule6 : put_rule4)(to, b);
}

void forest_put_free(bool ip6, uint32_t *to, uint32_t n)
{
	const struct bf_class_box none = { .order = UINT32_MAX, .len = { 32, 32 } };

	for (uint32_t i = 0; i < n; i++, to += forest_rule_words(ip6))
		forest_put_rule(ip6, to, &none);
}

static uint64_t put_leaf(struct forest *f, const uint32_t *list, uint32_t n)
{
	void *room;
	uint32_t place = take_room(f, &f->rules, n * f->rule_words * 4ull, &room), *to = room;

	check_progress(f, n);
	if (f->err)
		return 0;
	for (uint32_t i = 0; i < n; i++, to += f->rule_words)
		if (f->ref)
			*to = f->ref[list[i]];
		else
			forest_put_rule(f->p->ip6, to, &f->p->boxes[list[i]]);
	if (!f->ref)
		bf_buf_add(&f->numbers, list, n * sizeof(*list));
	f->err = f->numbers.err;
	f->copies += n;
	f->worst_leaf = BF_MAX(f->worst_leaf, n);
	return BF_CLASS_LEAF | (uint64_t)n << 32 | (n ? place : 0);
}

static uint32_t drop_spilled(const struct forest *f, uint32_t *list, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!forest_spilled(f, list[i]))
			list[kept++] = list[i];
	return kept;
}

/* Other packets than those that some box of the list may match do not matter. */
static void shrink_region(struct forest *f, const uint32_t *list, uint32_t n)
{
	for (unsigned d = 0; d < f->n_dims; d++) {
		struct range *hull = &f->region.hull[d], all = { UINT32_MAX, 0 };

		for (uint32_t i = 0; i < n && (all.lo > hull->lo || all.hi < hull->hi); i++) {
			struct range r = dims_range(f, list[i], d);

			all.lo = BF_MIN(all.lo, r.lo);
			all.hi = BF_MAX(all.hi, r.hi);
		}
		hull->lo = BF_MAX(all.lo, hull->lo);
		hull->hi = BF_MIN(all.hi, hull->hi);
	}
}

uint32_t tree_visible(const struct forest *f, const uint32_t *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (dims_only(f, list[i], &f->region) == DIMS_NONE)
			return i + 1;
	return n;
}

struct children {
	struct cut cut;
	unsigned others;      /* who need it, too */
	struct range *window; /* by box of the list; lo > hi: none */
	bool *covers;         /* final, and only in the dimension of the cut it does not cover all */
	uint32_t *open;       /* child -> the next one, itself included, that no box has closed yet */
	uint32_t *end;        /* child -> end of its list in boxes */
	uint32_t *boxes;
	uint32_t n;           /* children */
	uint64_t total;       /* boxes in their lists */
};

struct children *tree_children_hold(struct children *c)
{
	c->others++;
	return c;
}

void tree_children_drop(struct children *c)
{
	if (!c || c->others--)
		return;
	free(c->window);
	free(c->covers);
	free(c->open);
	free(c->end);
	free(c->boxes);
	free(c);
}

static void drop(struct children **c)
{
	tree_children_drop(*c);
}

static void spill(struct forest *f, uint32_t box)
{
	f->spilled[box / 8] |= (uint8_t)(1 << box % 8);
	f->n_spilled++;
}

static void find_windows(struct forest *f, struct children *c, const uint32_t *list, uint32_t n)
{
	unsigned d = c->cut.dim, width = f->dim[d].width;

	for (uint32_t i = 0; i < n; i++) {
		struct range r = dims_range(f, list[i], d);

		c->window[i] = window_range(r, f->region.hull[d], width, c->cut.start, c->cut.bits);
		c->covers[i] = dims_only(f, list[i], &f->region) == (int)d;
	}
}

/* A window that meets more children than it may, of those that are open? */
static bool is_wide(struct children *c, struct range w)
{
	uint32_t most = wide_children(c->cut.bits), k = next_open(c->open, w.lo);

	if (w.hi - w.lo < most)
		return false;
	for (uint32_t met = 0; k <= w.hi; k = next_open(c->open, k + 1))
		if (++met > most)
			return true;
	return false;
}

static void visit(struct forest *f, struct children *c, uint32_t box, struct range w, bool covers, bool fill, bool keep)
{
	struct range r = { 0 };

	if (covers)
		r = dims_range(f, box, c->cut.dim);
	for (uint32_t k = next_open(c->open, w.lo); k <= w.hi; k = next_open(c->open, k + 1)) {
		if (keep && fill)
			c->boxes[c->end[k]] = box;
		c->end[k] += keep;
		if (covers && cut_fills(f, &c->cut, r, k))
			c->open[k] = k + 1;
	}
}

/*
 * Visits each (box, child) that remains when the list of a child ends with the first final box that covers it; what is
 * spilled covers, too: the next tree will find it. Once counting, once filling: both see the same.
 */
static void distribute(struct forest *f, struct children *c, const uint32_t *list, uint32_t n, bool fill)
{
	for (uint32_t i = 0; i <= c->n; i++)
		c->open[i] = i;
	for (uint32_t i = 0; i < n; i++) {
		struct range w = c->window[i];

		if (w.lo > w.hi)
			continue;
		if (!fill && c->cut.spill && is_wide(c, w))
			spill(f, list[i]);
		if (c->covers[i] || !forest_spilled(f, list[i]))
			visit(f, c, list[i], w, c->covers[i], fill, !forest_spilled(f, list[i]));
	}
}

/* Counts; then end[k] is where the list of child k begins. How many boxes in all. */
static uint64_t count_lists(struct forest *f, struct children *c, const uint32_t *list, uint32_t n)
{
	uint64_t total = 0;

	distribute(f, c, list, n, false);
	for (uint32_t k = 0; k < c->n; k++) {
		uint32_t count = c->end[k];

		c->end[k] = (uint32_t)total;
		total += count;
	}
	f->work += total;
	c->total = total;
	return total;
}

static bool make_lists(struct forest *f, struct children *c, const uint32_t *list, uint32_t n)
{
	c->boxes = malloc((c->total + 1) * sizeof(*c->boxes));
	if (!c->boxes) {
		f->err = -ENOMEM;
		return false;
	}
	distribute(f, c, list, n, true); /* now end[k] is what it says */
	return true;
}

static bool same_lists(const struct children *c, uint32_t a, uint32_t b)
{
	uint32_t a0 = a ? c->end[a - 1] : 0, b0 = c->end[b - 1], n = c->end[a] - a0;

	return n == c->end[b] - b0 && !memcmp(c->boxes + a0, c->boxes + b0, n * sizeof(*c->boxes));
}

/* The children from `first` to before `end` are one. */
static uint64_t build_child(struct forest *f, struct children *c, uint32_t first, uint32_t end, uint64_t budget)
{
	unsigned d = c->cut.dim;
	struct range saved = f->region.hull[d];
	uint8_t pos = f->region.pos[d];
	uint32_t start = first ? c->end[first - 1] : 0;
	uint64_t node;

	f->region.hull[d] = cut_hull(f, &c->cut, (struct range){ first, end - 1 });
	f->region.pos[d] = (uint8_t)(c->cut.start + (end - first == 1 ? c->cut.bits : 0));
	node = tree_build(f, c->boxes + start, c->end[first] - start, budget);
	f->region.hull[d] = saved;
	f->region.pos[d] = pos;
	return node;
}

/* What is spilled takes its place in another tree. */
static uint64_t spent(const struct forest *f)
{
	return forest_used(f) + (uint64_t)f->n_spilled * f->rule_bytes;
}

/* The length of the list that child k has, and equal ones behind it before `to`. */
static uint32_t next_list(const struct children *c, uint32_t k, uint32_t to, uint32_t *end)
{
	for (*end = k + 1; *end < to && same_lists(c, k, *end); (*end)++)
		;
	return c->end[k] - (k ? c->end[k - 1] : 0);
}

static uint64_t sum_lists(const struct children *c, uint32_t first, uint32_t to)
{
	uint64_t total = 0;

	for (uint32_t k = first, end; k < to; k = end)
		total += next_list(c, k, to, &end);
	return total;
}

static uint64_t share(uint64_t budget, uint64_t n, uint64_t total)
{
	return total ? (uint64_t)((double)budget * (double)n / (double)total) : 0;
}

/* Children from k to before `end` are one, which is built now. */
static void build_now(struct forest *f, struct children *c, uint32_t place, uint32_t k, uint32_t end, uint64_t budget)
{
	uint64_t node = build_child(f, c, k, end, budget);

	for (; k < end && !f->err; k++, place += 2)
		memcpy(f->out->data + 4ull * place, &node, sizeof(node));
}

void tree_children_build(struct forest *f, struct children *c, uint32_t place, uint32_t first, uint32_t to, uint64_t budget)
{
	uint64_t total = sum_lists(c, first, to);

	for (uint32_t k = first, end; k < to && !f->err; k = end) {
		uint64_t before = spent(f);
		uint32_t n = next_list(c, k, to, &end);

		build_now(f, c, place + 2 * (k - first), k, end, share(budget, n, total));
		budget -= BF_MIN(budget, spent(f) - before); /* what one leaves the others may have */
		total -= n;
	}
}

/* Long lists now; the others in parts, neighbours together. */
static void put_off_children(struct forest *f, struct children *c, uint32_t place, uint64_t budget)
{
	uint64_t total = sum_lists(c, 0, c->n), together = 0;
	uint32_t first = 0, end;

	for (uint32_t k = 0; k < c->n && !f->err; k = end) {
		uint32_t n = next_list(c, k, c->n, &end);
		bool now = n >= f->part;

		if (first < k && (now || together + n > f->part)) {
			parts_put_off(f, c, place + 2 * first, first, k, share(budget, together, total));
			together = 0;
			first = k;
		}
		together += n;
		if (now) {
			build_now(f, c, place + 2 * k, k, end, share(budget, n, total));
			together = 0;
			first = end;
		}
	}
	if (first < c->n && !f->err)
		parts_put_off(f, c, place + 2 * first, first, c->n, share(budget, together, total));
}

static void unspill(struct forest *f, const uint32_t *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (forest_spilled(f, list[i])) {
			f->spilled[list[i] / 8] &= (uint8_t)~(1 << list[i] % 8);
			f->n_spilled--;
		}
}

/* The lists of a cut's children. False: it takes more than the budget, and nothing has changed. */
static bool children_make(struct forest *f, struct children *c, const uint32_t *list, uint32_t n, uint64_t budget)
{
	uint32_t before = f->n_spilled;
	uint64_t need;

	c->window = calloc(n, sizeof(*c->window));
	c->covers = calloc(n, sizeof(*c->covers));
	c->open = calloc(c->n + 1, sizeof(*c->open));
	c->end = calloc(c->n, sizeof(*c->end));
	if (!c->window || !c->covers || !c->open || !c->end)
		f->err = -ENOMEM;
	if (f->err)
		return false;
	find_windows(f, c, list, n);
	need = 8ull * c->n + (count_lists(f, c, list, n) + f->n_spilled - before) * f->rule_bytes;
	if (need <= budget && make_lists(f, c, list, n))
		return true;
	unspill(f, list, n);
	return false;
}

static uint64_t put_cut(struct forest *f, struct children *c, uint64_t budget)
{
	const struct dim *d = &f->dim[c->cut.dim];
	unsigned a = 32u - d->shift - d->width + c->cut.start, b = 32 - c->cut.bits;
	uint64_t bytes = 8ull * c->n;
	void *room;
	uint32_t place = take_room(f, f->out, bytes, &room);

	if (f->part)
		put_off_children(f, c, place, budget - bytes);
	else
		tree_children_build(f, c, place, 0, c->n, budget - bytes);
	return (uint64_t)d->word << 48 | (uint64_t)b << 40 | (uint64_t)a << 32 | place;
}

/* What a sample promises may not hold: then less of the room beside the rules is allowed. */
#define TRIES 5
#define TRY_AGAIN 4 /* with a share of that */

static bool build_cut(struct forest *f, uint32_t *list, uint32_t n, uint64_t budget, uint64_t *node)
{
	uint64_t rules = (uint64_t)n * f->rule_bytes, room = budget - BF_MIN(budget, rules);
	bool done = false;

	for (unsigned i = 0; i < TRIES && !done && !f->err; i++, room /= TRY_AGAIN) {
		_cleanup_(drop) struct children *c = calloc(1, sizeof(*c));
		uint32_t before = f->n_spilled;

		if (!c)
			f->err = -ENOMEM;
		if (f->err || !cut_choose(f, list, n, rules + room, &c->cut))
			return false;
		c->n = 1u << c->cut.bits;
		done = children_make(f, c, list, n, budget);
		if (done)
			*node = put_cut(f, c, budget - (uint64_t)(f->n_spilled - before) * f->rule_bytes);
	}
	return done;
}

uint64_t tree_build(struct forest *f, uint32_t *list, uint32_t n, uint64_t budget)
{
	struct region saved = f->region;
	uint64_t node;
	bool done = false;

	check_progress(f, 0);
	if (f->err)
		return 0;
	n = drop_spilled(f, list, n);
	shrink_region(f, list, n);
	n = tree_visible(f, list, n);
	if (n > 2 && f->depth_now < (f->o->levels ? f->o->levels : BF_CLASS_DEPTH)) {
		f->depth_now++;
		done = build_cut(f, list, n, budget, &node);
		if (done)
			f->depth = BF_MAX(f->depth, f->depth_now);
		f->depth_now--;
	}
	f->region = saved;
	return done ? node : put_leaf(f, list, n);
}
