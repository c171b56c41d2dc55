/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explain.h: what became of the rules: for each chain, and each set of packets
 * that it is lowered for, the pieces it fell into and why.
 */
#ifndef BF_EXPLAIN_H
#define BF_EXPLAIN_H

#include "base/image.h"
#include "opt/class.h"
#include "opt/odd.h"

enum bf_piece_kind {
	BF_PIECE_FEW,    /* cells: too few rules to classify */
	BF_PIECE_LITTLE, /* cells: rules that choose little */
	BF_PIECE_DEAD,   /* nothing: no packet gets there */
	BF_PIECE_CLASS,
	BF_PIECE_HUGE,   /* cells: class data of it would be more than it may be */
};

struct bf_piece {
	const char *chain;
	uint32_t inst;        /* chains are lowered for each set, and copied: pieces of one go together */
	const char *packets;  /* which ones come here */
	enum bf_piece_kind kind;
	uint32_t from, to;    /* rules, from 0; to: behind the last */
	uint32_t live;        /* of these can match */
	/* CLASS, and what was to be classified but is too little then */
	uint32_t services, hidden, rest, by_counter; /* hidden: boxes; rest: rules with more to test behind their box */
	struct bf_class_stats stats;
};

/* Text, or JSON: an array of objects, one for each instance of a chain. */
void bf_image_explain(struct bf_buf *out, const struct bf_image *img);
void bf_image_explain_json(struct bf_buf *out, const struct bf_image *img);

#endif
