/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_cut.c: which window to cut a list of boxes by (forest.h). For each
 * dimension, some places to begin and all sensible widths, it counts how many
 * boxes meet each child and estimates from that what a packet has to look at
 * below. Of long lists a sample is counted.
 */
#include "opt/forest.h"

#define SAMPLE 1024

/* What things cost a packet, in ns. Measured; only their proportions matter. */
#define NODE_NS 4.0
#define RULE_NS 1.2
#define GOOD_LEAF 8   /* rules; shorter ones are not worth much */
#define NS_PER_HALVING 2.0
#define SPILL_NS 30.0
#define NS_PER_FILL 6.0 /* for the whole of the budget */

int cut_begin(struct forest *f)
{
	f->diff = calloc((1u << WINDOW_BITS) + 1, sizeof(*f->diff));
	f->sample = malloc(SAMPLE * sizeof(*f->sample));
	f->sample_list = malloc(SAMPLE * sizeof(*f->sample_list));
	return f->diff && f->sample && f->sample_list ? 0 : -ENOMEM;
}

void cut_end(struct forest *f)
{
	free(f->diff);
	free(f->sample);
	free(f->sample_list);
}

struct sampled { /* a list, or every so manieth of it */
	const struct range *range; /* in the dimension at hand */
	uint32_t n;
	double scale; /* n * scale boxes are meant */
};

struct counted {
	double narrow, wide;  /* boxes */
	double expected;      /* other boxes in the child of a narrow box, copies counted */
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

/* Of 0 .. 1, near enough. */
static double square_root(double x)
{
	double r = (x + 1) / 2;

	for (unsigned i = 0; i < 4; i++)
		r = (r + x / r) / 2;
	return r;
}

/* What is left to do with a list of so many boxes. */
static double list_cost(double n)
{
	if (n <= GOOD_LEAF)
		return RULE_NS * n;
	return RULE_NS * GOOD_LEAF + NS_PER_HALVING * doublings(n / GOOD_LEAF);
}

static void count_starts(struct forest *f, const struct sampled *s, struct range hull, unsigned width, unsigned start,
                         unsigned bits, struct counted *c)
{
	uint32_t most = wide_children(bits), wide = 0, narrow = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		struct range w = window_range(s->range[i], hull, width, start, bits);

		if (w.lo > w.hi)
			continue;
		if (w.hi - w.lo >= most) {
			wide++;
			continue;
		}
		narrow++;
		f->diff[w.lo]++;
		f->diff[w.hi + 1]--;
	}
	c->wide = wide * s->scale;
	c->narrow = narrow * s->scale;
}

static void count_children(struct forest *f, const struct sampled *s, unsigned bits, struct counted *c)
{
	uint64_t squares = 0, copies = 0;
	uint32_t n = 0;

	c->filled = 0;
	for (uint32_t i = 0; i < 1u << bits; i++) {
		n += f->diff[i];
		f->diff[i] = 0;
		squares += (uint64_t)n * n;
		copies += n;
		c->filled += n != 0;
	}
	f->diff[1u << bits] = 0;
	c->copies = (double)copies * s->scale;
	c->expected = copies ? (double)(squares - copies) / (double)copies * s->scale : 0;
}

/* Is a cut good and does it fit? Sets its cost. */
static bool weigh(const struct forest *f, const struct counted *c, uint32_t n, uint64_t budget, struct cut *cut)
{
	double rule = f->rule_words * 4.0, list = c->expected + 1, bytes = 8.0 * (1u << cut->bits) + rule * (c->copies + c->wide);

	cut->spill = c->wide > 0 && !f->last && (c->wide > 2 || c->wide > c->narrow / 8);
	if (!c->narrow)
		return false;
	if (!cut->spill) {
		list += c->wide;
		bytes += rule * c->wide * c->filled;
	}
	if (bytes > (double)budget)
		return false;
	cut->cost = NODE_NS + list_cost(list) + NS_PER_FILL * bytes / (double)budget;
	if (cut->spill)
		cut->cost += SPILL_NS * square_root(c->wide / n);
	return true;
}

static void try_window(struct forest *f, const struct sampled *s, uint32_t n, uint64_t budget, struct cut *cut,
                       struct cut *best)
{
	struct counted c;

	count_starts(f, s, f->region.hull[cut->dim], f->dim[cut->dim].width, cut->start, cut->bits, &c);
	count_children(f, s, cut->bits, &c);
	f->work += s->n + (1u << cut->bits);
	if (weigh(f, &c, n, budget, cut) && cut->cost < best->cost)
		*best = *cut;
}

static void try_start(struct forest *f, const struct sampled *s, uint32_t n, uint64_t budget, unsigned dim, unsigned start,
                      struct cut *best)
{
	unsigned left = f->dim[dim].width - start;

	for (unsigned bits = 1; bits <= left && bits <= WINDOW_BITS && (bits <= 2 || 1u << bits <= n); bits += bits < 8 ? 1 : 2) {
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

static void try_dim(struct forest *f, struct sampled *s, const uint32_t *sampled, uint32_t n, uint64_t budget, unsigned dim,
                    struct cut *best)
{
	unsigned width = f->dim[dim].width, start;

	for (uint32_t i = 0; i < s->n; i++)
		f->sample[i] = dims_range(f, sampled[i], dim);
	start = first_difference(s, f->region.hull[dim], width, f->region.pos[dim]);
	if (start < width)
		try_start(f, s, n, budget, dim, start, best);
}

bool cut_choose(struct forest *f, const uint32_t *list, uint32_t n, uint64_t budget, struct cut *best)
{
	struct sampled s = { f->sample, BF_MIN(n, (uint32_t)SAMPLE), 1 };
	const uint32_t *sampled = list;

	if (n > SAMPLE) {
		s.scale = (double)n / SAMPLE;
		for (uint32_t i = 0; i < SAMPLE; i++)
			f->sample_list[i] = list[(uint64_t)i * n / SAMPLE];
		sampled = f->sample_list;
	}
	best->cost = RULE_NS * n;
	for (unsigned d = 0; d < f->n_dims; d++)
		if (f->region.pos[d] < f->dim[d].width)
			try_dim(f, &s, sampled, n, budget, d, best);
	return best->cost < RULE_NS * n;
}
