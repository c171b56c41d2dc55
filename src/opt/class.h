/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * class.h: "which rule of this run matches first?" as data that the programs
 * read (rt/class.h). A structure is one file that ends in one const
 * struct bf_class_ops, listed in class.c, which chooses one for each problem.
 * Pure functions: no descriptor, the same bytes each time.
 */
#ifndef BF_OPT_CLASS_H
#define BF_OPT_CLASS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/pool.h"
#include "rt/class.h"

/*
 * A rule of the run, or one part of a rule that had to be split (parts share
 * order, slot, and where their services lead). It matches when both addresses lie in their prefixes and
 * the service holds. 48 bytes.
 */
struct bf_class_box {
	bf_u128 addr[2];  /* source, destination, as fields have them (IPv4: below 2^32); bits behind the prefix are 0 */
	uint32_t order;   /* see struct bf_class_rule4; boxes come in ascending order */
	uint32_t slot;    /* number of the counter */
	uint32_t svc;     /* place in the problem's svcs: bytes / BF_SVC_UNIT */
	uint8_t len[2];   /* prefix lengths: 0 .. 32 or 128 */
	uint16_t flags;   /* BF_BOX_* */
};

/*
 * A promise: no packet that this box matches is ever looked for with a floor above its order. True of a rule that ends
 * the run for good (its target comes back to no place behind it) when every other way into the run enters at or before
 * it. Then what it hides need not be kept: where it covers a whole region, the list of the region ends with it. 0 is
 * always right, and costs.
 */
#define BF_BOX_FINAL (1u << 0)

#define BF_SVC_UNIT (4 * BF_CLASS_SVC_STEP)
_Static_assert(sizeof(struct bf_class_svc) == 24 && sizeof(struct bf_class_svc) % BF_SVC_UNIT == 0, "there are many");

struct bf_class_problem {
	bool ip6;
	const struct bf_class_box *boxes;
	uint32_t n_boxes;
	/*
	 * Services, one behind the other: struct bf_class_svc and its tests each. Copied as they are to the place
	 * head.svcs, so who builds the problem may set `target` there later, when cells have numbers.
	 */
	const void *svcs;
	uint32_t svcs_size; /* bytes */
	/* Rules that lie in the same data already, n_base of them in a row: a large structure refers to those that ask for the same
	 * addresses and have the same order. 0: none. */
	uint32_t base_rules, n_base;
	uint32_t first_slot, n_slots; /* n_slots > 0: a table of targets is wanted (BF_CLASS_BY_SLOT), set later, too */
};

struct bf_class_opts {
	uint64_t max_bytes; /* of data, everything included; 0: 64 MiB + 256 bytes a box */
	uint32_t levels;    /* most nodes on a way; 0: BF_CLASS_DEPTH */
	bool one_tree;
	bool unmarked;                 /* orders have no marks (struct bf_class_head) */
	/* Called by the caller's thread now and then while building: fraction done, 0 .. 1. Not 0: stop, -ECANCELED. May be NULL. */
	int (*progress)(void *arg, double done);
	void *progress_arg;
	struct bf_pool *pool; /* shares the work, what comes of it is the same; NULL: none */
};

struct bf_class_stats { /* of one built structure */
	const char *kind;
	char why[64];                  /* it was chosen */
	uint32_t boxes, trees, depth;  /* depth: most nodes on a way, summed over the trees */
	uint32_t levels;               /* most nodes on a way of one tree */
	uint32_t copies;               /* boxes in leaves, copies counted */
	uint32_t worst_leaf;
	double expected_nodes, expected_rules; /* a packet meets, averaged over the boxes */
	uint64_t bytes;
	uint32_t rules, n_rules; /* IPv4, and no references: where they lie, and how many (base_rules) */
};

struct bf_class_found {
	uint32_t order, slot, target;
	bool counted;
	bool skip; /* in a delta: the rule of this order has gone (BF_SVC_SKIP) */
	uint16_t tests; /* of its service */
};

struct bf_class_ops {
	const char *name;
	/* What a packet costs, in ns, and bytes of data, roughly; negative: cannot hold this problem. */
	double (*estimate)(const struct bf_class_problem *p, uint64_t *bytes);
	/*
	 * Appends the structure to `out` (place = out->len / 4, 8-byte aligned); *head: the place of its head.
	 * -E2BIG when max_bytes do not suffice, -ENOMEM, -ECANCELED.
	 */
	int (*build)(const struct bf_class_problem *p, const struct bf_class_opts *o, struct bf_buf *out, uint32_t *head,
	             struct bf_class_stats *stats);
	/* What the program will do, in user space. data: all words; key: BF_KEY_WORDS words. True: found. */
	bool (*find)(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
	             struct bf_class_found *found);
};

extern const struct bf_class_ops bf_class_forest;
extern const struct bf_class_ops bf_class_hash;

/* Chooses a structure and builds it. Fails with -ENOMEM, -ECANCELED, -E2BIG (more than the map can hold) only. */
int bf_class_build(const struct bf_class_problem *p, const struct bf_class_opts *o, struct bf_buf *out, uint32_t *head,
                   struct bf_class_stats *stats);

/* The answer is that of bf_class_scan, but for floors above a final box that matches. */
bool bf_class_find(const uint32_t *data, uint32_t n_words, uint32_t head, bool ip6, const uint32_t *key, uint32_t floor,
                   struct bf_class_found *found);

/* The answer of a run with its delta of this version (rt/class.h). */
bool bf_class_find_at(const uint32_t *data, uint32_t n_words, uint32_t head, uint64_t version, bool ip6, const uint32_t *key,
                      uint32_t floor, struct bf_class_found *found);

/* The first box whose order is at least this one, or the place behind the last. */
const struct bf_class_box *bf_class_box_from(const struct bf_class_problem *p, uint32_t order);

/* The same answer by looking at one box after the other: the oracle. */
bool bf_class_scan(const struct bf_class_problem *p, const uint32_t *key, uint32_t floor, struct bf_class_found *found);

/*
 * Compares find with scan on keys at the borders of boxes, for about `budget` looks at a box; a find meets some
 * `rules` of them (stats.expected_rules). Of the options, which may be NULL, pool and progress matter. 0, -ECANCELED, or
 * -EBADMSG with a diagnostic: the structure is wrong and must not be used.
 */
int bf_class_check(const struct bf_class_problem *p, const struct bf_buf *data, uint32_t head, double rules, uint64_t budget,
                   const struct bf_class_opts *o, struct bf_diag *d);

/* A line or two about what was built. */
void bf_class_explain(struct bf_buf *b, const struct bf_class_stats *s);

#endif
