/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_cut.c: which window to cut a list of boxes by (forest.h). For each
 * dimension, some places to begin and all sensible widths, it counts how many
 * boxes meet each child and estimates from that what a packet has to look at
 * below. Of long lists a sample is counted.
 */
#include "opt/forest.h"

#define SAMPLE 1024
#define LARGE_SAMPLE 65536 /* where most boxes hide others: a box of a small sample seems to be seen from afar */

/*
 * What things cost a packet, in ns. A node and a rule are as they were measured; the others were found by trying, with
 * nine ClassBench-like sets of each size: least for the mean packet, and for the hundredth part that meets most.
 */
#define NODE_NS 3.0
#define RULE_NS 1.2
#define ASKED 3 /* times that, where the addresses match: then the service is looked at */
#define GOOD_LEAF 40 /* rules; of longer lists it is not known whether they can be cut so well */
#define NS_PER_HALVING 56.0
#define NS_PER_FILL 8.0 /* for the whole of the budget */
#define TREE_NS 30.0
#define TREE_NS_PER_HALVING 16.0
#define SPILL_NS 180.0 /* for all boxes: what is spilled must be handled all the same. With less, some large sets fall apart into too many trees */
#define FEW 112 /* boxes: wide ones are counted in the children that they meet, not in all */

/* More than so many children a box are never worth their place. */
static unsigned widest(uint32_t n)
{
	unsigned bits = CHILDREN_BITS;

	while (bits < WINDOW_BITS && n >> (bits - CHILDREN_BITS))
		bits++;
	return bits;
}

int cut_scratch(struct forest *f)
{
	f->diff = calloc((1u << f->window_bits) + 1, sizeof(*f->diff));
	f->sample = malloc(LARGE_SAMPLE * sizeof(*f->sample));
	f->sample_list = malloc(LARGE_SAMPLE * sizeof(*f->sample_list));
	f->sample_only = malloc(LARGE_SAMPLE * sizeof(*f->sample_only));
	f->sample_weight = malloc(LARGE_SAMPLE * sizeof(*f->sample_weight));
	f->open = malloc(((1u << f->window_bits) + 1) * sizeof(*f->open));
	return f->diff && f->sample && f->sample_list && f->sample_only && f->sample_weight && f->open ? 0 : -ENOMEM;
}

int cut_begin(struct forest *f)
{
	f->window_bits = widest(f->p->n_boxes);
	return cut_scratch(f);
}

void cut_borrow(struct forest *f, const struct forest *from)
{
	f->window_bits = from->window_bits;
	f->diff = from->diff;
	f->sample = from->sample;
	f->sample_list = from->sample_list;
	f->sample_only = from->sample_only;
	f->sample_weight = from->sample_weight;
	f->open = from->open;
}

void cut_end(struct forest *f)
{
	free(f->diff);
	free(f->sample);
	free(f->sample_list);
	free(f->sample_only);
	free(f->sample_weight);
	free(f->open);
}

struct sampled { /* a list, or every so manieth of it */
	const uint32_t *list;
	const struct range *range; /* in the dimension at hand */
	uint32_t n;
	double scale; /* n * scale boxes are meant */
	uint32_t closers; /* that hide what is behind them */
	uint64_t looks;   /* weights of all */
};

struct counted {
	double narrow, wide;  /* boxes */
	double looks;         /* at the wide ones, as many as at boxes whose addresses do not match */
	double expected;      /* the same for other boxes in the child of a narrow box, copies counted */
	double copies;        /* of narrow ones */
	uint32_t filled;      /* children with a narrow box */
};

/* log2, by a straight line between powers of two. */
static double doublings(double x)
{
	double n = 0;

	for (; x >= 2; x /= 2)
		n++;
	return n + x - 1;
}

/* What is left to do with a list of so many boxes. */
static double list_cost(double n)
{
	if (n <= GOOD_LEAF)
		return RULE_NS * n;
	return RULE_NS * GOOD_LEAF + NS_PER_HALVING * doublings(n / GOOD_LEAF);
}

static void count_starts(struct forest *f, const struct sampled *s, struct range hull, unsigned width, unsigned start,
                         unsigned bits, uint32_t most, struct counted *c)
{
	uint32_t wide = 0, narrow = 0, looks = 0, copies = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		struct range w = window_range(s->range[i], hull, width, start, bits);

		if (w.lo > w.hi)
			continue;
		if (w.hi - w.lo >= most) {
			wide++;
			looks += f->sample_weight[i];
			continue;
		}
		narrow++;
		copies += w.hi - w.lo + 1;
		f->diff[w.lo] += f->sample_weight[i];
		f->diff[w.hi + 1] -= f->sample_weight[i];
	}
	c->wide = wide * s->scale;
	c->looks = looks * s->scale;
	c->narrow = narrow * s->scale;
	c->copies = copies * s->scale;
}

struct range cut_hull(const struct forest *f, const struct cut *cut, struct range w)
{
	struct range hull = f->region.hull[cut->dim];
	unsigned width = f->dim[cut->dim].width, shift = width - cut->start - cut->bits;
	uint32_t base = cut->start ? hull.lo >> (width - cut->start) << (width - cut->start) : 0, below = (1u << shift) - 1;

	if (cut->start && hull.lo >> (width - cut->start) != hull.hi >> (width - cut->start))
		return hull; /* bits were passed over */
	return (struct range){ BF_MAX(hull.lo, base | w.lo << shift), BF_MIN(hull.hi, base | w.hi << shift | below) };
}

bool cut_fills(const struct forest *f, const struct cut *cut, struct range r, uint32_t child)
{
	struct range hull = cut_hull(f, cut, (struct range){ child, child });

	return r.lo <= hull.lo && r.hi >= hull.hi;
}

/* The same when some boxes hide those behind them: counts[child] instead of starts and ends. */
static void count_open(struct forest *f, const struct sampled *s, const struct cut *cut, uint32_t most, struct counted *c)
{
	uint32_t wide = 0, narrow = 0, looks = 0, copies = 0, n = 1u << cut->bits;
	unsigned width = f->dim[cut->dim].width;

	for (uint32_t i = 0; i <= n; i++)
		f->open[i] = i;
	for (uint32_t i = 0; i < s->n; i++) {
		struct range w = window_range(s->range[i], f->region.hull[cut->dim], width, cut->start, cut->bits);
		uint32_t met = 0, k = w.lo;

		for (k = next_open(f->open, w.lo); k <= w.hi && met <= most; k = next_open(f->open, k + 1))
			met++;
		narrow += met && met <= most;
		wide += met > most;
		looks += met > most ? f->sample_weight[i] : 0;
		copies += met <= most ? met : 0;
		for (k = next_open(f->open, w.lo); k <= w.hi; k = next_open(f->open, k + 1)) {
			f->diff[k] += met <= most ? f->sample_weight[i] : 0;
			if (f->sample_only[i] == (int)cut->dim && cut_fills(f, cut, s->range[i], k))
				f->open[k] = k + 1;
			else if (met > most && f->sample_only[i] != (int)cut->dim)
				break;
		}
	}
	c->wide = wide * s->scale;
	c->looks = looks * s->scale;
	c->narrow = narrow * s->scale;
	c->copies = copies * s->scale;
	for (uint32_t k = n - 1; k > 0; k--) /* as starts and ends are */
		f->diff[k] -= f->diff[k - 1];
}

static void count_children(struct forest *f, const struct sampled *s, unsigned bits, struct counted *c)
{
	uint64_t squares = 0, sum = 0;
	uint32_t n = 0;

	c->filled = 0;
	for (uint32_t i = 0; i < 1u << bits; i++) {
		n += f->diff[i];
		f->diff[i] = 0;
		squares += (uint64_t)n * n;
		sum += n;
		c->filled += n != 0;
	}
	f->diff[1u << bits] = 0;
	c->expected = sum ? ((double)squares / (double)sum - 1) * s->scale : 0;
}

/* What a tree of so many boxes costs all packets. */
static double tree_cost(double n)
{
	return n > 0 ? TREE_NS + TREE_NS_PER_HALVING * doublings(1 + n / GOOD_LEAF) : 0;
}

/* One more tree, or more in it, for every packet: as much as if all nodes of this tree spilled alike. */
static double spill_cost(const struct forest *f, double wide, uint32_t n)
{
	return tree_cost(f->n_spilled + wide * f->n_tree / n) - tree_cost(f->n_spilled) + SPILL_NS * wide / n;
}

/* Is a cut with these counts better than the best one so far? */
static void weigh(const struct forest *f, const struct counted *c, uint32_t n, uint64_t budget, struct cut *cut,
                  struct cut *best)
{
	double rules = c->copies + c->wide * (cut->spill ? 1 : c->filled);
	double bytes = 8.0 * (1u << cut->bits) + f->rule_bytes * rules;

	if (bytes > (double)budget)
		return;
	cut->cost = NODE_NS + list_cost(c->expected + 1) + NS_PER_FILL * bytes / (double)budget;
	cut->cost += cut->spill ? spill_cost(f, c->wide, n) : RULE_NS * c->looks;
	if (cut->cost < best->cost)
		*best = *cut;
}

/* With boxes of more than `most` children as wide ones. */
static void count(struct forest *f, const struct sampled *s, const struct cut *cut, uint32_t most, struct counted *c)
{
	if (s->closers)
		count_open(f, s, cut, most, c);
	else
		count_starts(f, s, f->region.hull[cut->dim], f->dim[cut->dim].width, cut->start, cut->bits, most, c);
	count_children(f, s, cut->bits, c);
	f->work += s->n + (1u << cut->bits);
}

static void try_window(struct forest *f, const struct sampled *s, uint32_t n, uint64_t budget, struct cut *cut,
                       struct cut *best)
{
	uint32_t most = wide_children(cut->bits);
	struct counted c, all;

	count(f, s, cut, most, &c);
	if (c.wide && n <= FEW)
		count(f, s, cut, UINT32_MAX, &all);
	else
		all = c;
	if (all.narrow)
		weigh(f, &all, n, budget, cut, best);
	cut->spill = c.narrow > 0 && c.wide > 0 && !f->last;
	if (cut->spill)
		weigh(f, &c, n, budget, cut, best);
}

static void try_start(struct forest *f, const struct sampled *s, uint32_t n, uint64_t budget, unsigned dim,
                      unsigned start, struct cut *best)
{
	unsigned left = f->dim[dim].width - start, most = BF_MIN(left, f->window_bits);

	for (unsigned bits = 1; bits <= most && (bits <= 2 || 1u << bits <= n); bits += bits < 8 ? 1 : 2) {
		struct cut cut = { .dim = dim, .start = start, .bits = bits };

		try_window(f, s, n, budget, &cut, best);
	}
}

/* The first bit, from `pos` on, in which boxes differ; the dimension's width: none. */
static unsigned first_difference(const struct sampled *s, struct range hull, unsigned width, unsigned pos)
{
	uint32_t ref = 0, differ = 0;
	bool have = false;

	for (uint32_t i = 0; i < s->n; i++) {
		struct range r = s->range[i];

		if (r.lo <= hull.lo && r.hi >= hull.hi)
			continue;
		if (!have)
			ref = r.lo;
		have = true;
		differ |= (r.lo ^ ref) | (r.hi ^ ref);
	}
	if (!have)
		return width;
	differ &= 0xffffffffu >> (32 - width);
	differ &= pos < width ? 0xffffffffu >> (32 - (width - pos)) : 0;
	return differ ? width - (32 - (unsigned)__builtin_clz(differ)) : width;
}

static void take_sample(struct forest *f, struct sampled *s, const uint32_t *list, uint32_t n, uint32_t most)
{
	*s = (struct sampled){ list, f->sample, BF_MIN(n, most), 1 };
	if (n > most) {
		s->scale = (double)n / most;
		s->list = f->sample_list;
		for (uint32_t i = 0; i < most; i++)
			f->sample_list[i] = list[(uint64_t)i * n / most];
	}
	for (uint32_t i = 0; i < s->n; i++) {
		f->sample_only[i] = (int8_t)dims_only(f, s->list[i], &f->region);
		f->sample_weight[i] = dims_asked(f, s->list[i], &f->region) ? ASKED : 1;
		s->looks += f->sample_weight[i];
	}
}

static void take_ranges(struct forest *f, struct sampled *s, unsigned dim)
{
	s->closers = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		f->sample[i] = dims_range(f, s->list[i], dim);
		s->closers += f->sample_only[i] == (int)dim;
	}
}

static void try_dim(struct forest *f, struct sampled *s, uint32_t n, uint64_t budget, unsigned dim, struct cut *best)
{
	unsigned width = f->dim[dim].width, start;

	take_ranges(f, s, dim);
	start = first_difference(s, f->region.hull[dim], width, f->region.pos[dim]);
	if (start < width)
		try_start(f, s, n, budget, dim, start, best);
}

bool cut_choose(struct forest *f, const uint32_t *list, uint32_t n, uint64_t budget, struct cut *best)
{
	struct sampled s = { 0 };
	bool large = false;
	double leaf;

	take_sample(f, &s, list, n, SAMPLE);
	leaf = best->cost = RULE_NS * s.looks * s.scale;
	for (unsigned d = 0; d < f->n_dims; d++) {
		if (f->region.pos[d] == f->dim[d].width)
			continue;
		if (large)
			take_sample(f, &s, list, n, SAMPLE);
		take_ranges(f, &s, d);
		large = s.n < n && s.closers > s.n / 4;
		if (large)
			take_sample(f, &s, list, n, LARGE_SAMPLE);
		try_dim(f, &s, n, budget, d, best);
	}
	return best->cost < leaf;
}
