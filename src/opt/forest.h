/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest.h: how the decision forest is built. One tree after the other, each
 * from the top down:
 *
 *   dims   the bits of the key's words on which rules differ, cut into
 *          dimensions. To each of them a box is an interval, so a box is a
 *          product of intervals: what its tests say beyond that (their
 *          intervals are then too wide) the leaf asks again anyway.
 *   cut    at a node, the window of a dimension's bits after which a packet
 *          has the least left to look at. Boxes that would be copied into many
 *          children are *spilled*: they go to the next tree instead.
 *   tree   the children: equal neighbours share what is below them, lists end
 *          with a final box that covers all of the region.
 *
 * Memory is bounded from the top: each node has a budget of bytes, of which
 * its children get shares by their number of boxes. A cut that does not fit is
 * not made; a leaf always does.
 */
#ifndef BF_OPT_FOREST_H
#define BF_OPT_FOREST_H

#include <stdatomic.h>

#include "opt/class.h"

#define FOREST_DIMS 32  /* at most; what matters least is not cut on */
#define FOREST_ADDRS 8  /* the first dims are the addresses' words */
#define WINDOW_BITS 20  /* widest window */
#define CHILDREN_BITS 6 /* and of few boxes: their number times 2^CHILDREN_BITS */

struct range {
	uint32_t lo, hi;
};

struct dim { /* bits shift .. shift + width - 1 of a word */
	uint8_t word, shift, width;
	bool by_svc;     /* services say something about it */
	bool part;       /* of an address, which is a dimension as a whole, too: what odd masks take of it */
	uint8_t column;  /* where, in forest.svc */
	uint32_t weight; /* tests of services */
};

/* What is known of the packets that come to a node. */
struct region {
	struct range hull[FOREST_DIMS]; /* they lie therein */
	uint8_t pos[FOREST_DIMS];       /* bits from the top that have been cut or passed over */
};

struct cut {
	unsigned dim, start, bits; /* the window: start bits of the dimension are skipped */
	bool spill;                /* boxes of more than wide_children() children go to the next tree */
	double cost;
};

struct told { /* what threads that build one forest have in common */
	atomic_ullong done; /* boxes put into leaves, or passed on to them */
	atomic_bool stop;   /* nobody waits for it any more */
};

struct forest {
	const struct bf_class_problem *p;
	const struct bf_class_opts *o;
	struct bf_buf *out;
	size_t begin;       /* of out */
	size_t nodes;       /* of head and nodes */
	struct bf_buf rules; /* of all leaves; goes behind the nodes in the end */
	struct bf_buf numbers; /* of the boxes of these rules, unless there are references */
	uint64_t max_bytes; /* of both, from there */
	int err;            /* sticky */

	struct dim dim[FOREST_DIMS];
	unsigned n_dims, n_addrs, n_columns;
	struct range *svc;  /* [service][column]; by service_number() */
	bool *inexact;      /* by service: its intervals say less than its tests */
	unsigned rule_words;
	unsigned rule_bytes; /* with what stands beside it in a table of counters */

	bool last;          /* the tree being built is the last: no spilling */
	uint32_t part;      /* of large trees shorter lists are put off; 0: none is */
	struct parts *parts;
	uint32_t *ref;      /* by box: what stands for it in leaves instead of a rule, or NULL */
	unsigned ref_bits;
	uint8_t *spilled;   /* boxes that the next tree will hold; a bit each */
	uint32_t n_spilled, n_tree; /* how many; boxes of this tree, with them */
	struct region region;
	unsigned window_bits; /* widest window of this problem */
	uint32_t *diff;     /* scratch of 2^window_bits + 1, all 0 between uses */
	struct range *sample;
	uint32_t *sample_list;
	int8_t *sample_only; /* dims_only() of each */
	uint8_t *sample_weight; /* what a look at it costs, in looks at boxes whose addresses do not match */
	uint32_t *open;      /* like diff, for children; see next_open() */

	unsigned depth, depth_now; /* nodes on the deepest way of this tree, on the one being built */
	uint32_t copies, worst_leaf;
	struct told *told;
	bool tells;         /* progress, to who waits: the caller's thread */
	uint64_t work, done; /* since told was */
};

/* forest_dims.c */
int dims_plan(struct forest *f); /* which dimensions there are */
/* Then services are filled in, by index; or all at once. */
void dims_fill(struct forest *f, uint32_t index);
int dims_make(struct forest *f);
void dims_free(struct forest *f);
struct range dims_range(const struct forest *f, uint32_t box, unsigned dim);
struct range dims_box_range(const struct forest *f, const struct bf_class_box *b, unsigned dim);
/* The only dimension in which a final box does not cover all of the region, or one of DIMS_*. */
int dims_only(const struct forest *f, uint32_t box, const struct region *r);
/* Do the addresses of all packets of the region match? */
bool dims_asked(const struct forest *f, uint32_t box, const struct region *r);
#define DIMS_NONE (-1) /* it covers all of it */
#define DIMS_MANY (-2) /* several, or what it covers is not known, or it is not final */

/* The children of a window that an interval meets. */
static inline struct range window_range(struct range r, struct range hull, unsigned width, unsigned start,
                                        unsigned bits)
{
	unsigned shift = width - start - bits;
	uint32_t mask = (1u << bits) - 1;
	uint32_t lo = BF_MAX(r.lo, hull.lo), hi = BF_MIN(r.hi, hull.hi);

	if (start && lo >> (width - start) != hi >> (width - start))
		return (struct range){ 0, mask };
	return (struct range){ lo >> shift & mask, hi >> shift & mask };
}

/* A box of more children than that is wide. */
static inline uint32_t wide_children(unsigned bits)
{
	return bits >= 6 ? 8 : 1u << (bits / 2);
}

/* By its place: a number that no other service has. */
static inline size_t service_number(uint32_t svc)
{
	return svc / (sizeof(struct bf_class_svc) / BF_SVC_UNIT);
}

static inline bool forest_spilled(const struct forest *f, uint32_t box)
{
	return f->spilled[box / 8] >> (box % 8) & 1;
}

/* forest_cut.c */
int cut_begin(struct forest *f);
int cut_scratch(struct forest *f); /* for windows of window_bits */
void cut_borrow(struct forest *f, const struct forest *from); /* its scratch */
void cut_end(struct forest *f);
/* What packets with these values of the window are known to have in its dimension; does an interval cover that? */
struct range cut_hull(const struct forest *f, const struct cut *cut, struct range window);
bool cut_fills(const struct forest *f, const struct cut *cut, struct range r, uint32_t child);
/* The next child, itself included, that is not closed: it points to itself. */
static inline uint32_t next_open(uint32_t *open, uint32_t child)
{
	while (open[child] != child)
		child = open[child] = open[open[child]];
	return child;
}
/* The best cut of a list; false: none is better than a leaf, or fits. */
bool cut_choose(struct forest *f, const uint32_t *list, uint32_t n, uint64_t budget, struct cut *best);

/* forest.c: how much is done now, if that is known. May end it all with -ECANCELED. */
void forest_tell(struct forest *f);

/* forest_tree.c: the length of a list, ascending, up to the first final box that covers the region */
uint32_t tree_visible(const struct forest *f, const uint32_t *list, uint32_t n);
/* The node of a tree of these boxes. Consumes the list's order. */
uint64_t tree_build(struct forest *f, uint32_t *list, uint32_t n, uint64_t budget);
/* Builds children from `first` to before `end`; their nodes stand at that place. */
struct children;
void tree_children_build(struct forest *f, struct children *c, uint32_t place, uint32_t first, uint32_t end, uint64_t budget);
struct children *tree_children_hold(struct children *c);
void tree_children_drop(struct children *c);

/* forest_part.c: before a tree of so many boxes, children of it that can wait, when its top is there, at the end of all */
int parts_begin(struct forest *f, uint32_t n);
void parts_put_off(struct forest *f, struct children *c, uint32_t place, uint32_t first, uint32_t end, uint64_t budget);
void parts_build(struct forest *f);
void parts_end(struct forest *f);

/* A box as it stands in a leaf. Then, as often, free places. */
void forest_put_rule(bool ip6, uint32_t *to, const struct bf_class_box *b);
void forest_put_free(bool ip6, uint32_t *to, uint32_t n);
static inline uint32_t forest_rule_words(bool ip6)
{
	return (ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;
}
/*
 * slots.c: what tells counters from rules; does it take a table? The rules lie at the places from `rules` on, up to the end of out, and whatever
 * else. -ENOMEM, -E2BIG.
 */
/* refs.c: references instead of rules, where that saves much. 0, or an error; f->ref is NULL: not here. */
int forest_make_refs(struct forest *f);

bool forest_reckons_slots(const struct bf_class_problem *p, uint32_t *shift); /* no table */
int forest_put_slots(const struct bf_class_problem *p, struct bf_buf *out, uint32_t head, uint32_t rules, uint64_t max_len);

static inline uint64_t forest_used(const struct forest *f)
{
	return f->out->len - f->begin + f->rules.len / 4 / f->rule_words * f->rule_bytes;
}

/* forest_mark.c: marks for the orders in leaves, where there is room; the nodes begin at that place */
int forest_mark(struct forest *f, uint32_t head, uint32_t nodes);
bool forest_has_room(const struct bf_class_problem *p);

/* forest_find.c */
struct walk { /* what a look-up meets */
	uint32_t trees, nodes, rules;
};
bool forest_find(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                 struct bf_class_found *found);
bool forest_walk(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                 struct bf_class_found *found, struct walk *w);

#endif
