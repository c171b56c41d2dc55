/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.h: "is this key of several words in the set, and what stands behind
 * it?" as data that the programs read (rt/exact.h), and how elements come and go
 * while they do. Pure functions: no descriptor, the same bytes each time.
 */
#ifndef BF_OPT_EXACT_H
#define BF_OPT_EXACT_H

#include "base/buf.h"
#include "rt/exact.h"

struct bf_exact_spec {
	uint32_t key, data;   /* words: of a key, up to 16; of what stands behind it, up to 4 */
	uint32_t n;           /* elements, */
	const uint32_t *rows; /* both words of each; of several with one key the first counts */
	const char *names;    /* verdicts (struct bf_exact_head), or NULL */
	size_t names_len;
};

/*
 * Appends the set to `out`; *head: the place of its head. -EOPNOTSUPP: keys that all collide; -E2BIG: more than the map can
 * hold; -ENOMEM.
 */
int bf_exact_build(const struct bf_exact_spec *s, struct bf_buf *out, uint32_t *head);

/*
 * What packets of a version find: the place of the data behind the key, or 0. key: as many words as keys have there. The head
 * is `head`, data all n_words words.
 */
uint32_t bf_exact_find(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t version);
const struct bf_exact_head *bf_exact_head(const uint32_t *data, uint32_t n_words, uint32_t head);
/* The number of a verdict, or -1. */
int64_t bf_exact_name(const uint32_t *data, uint32_t n_words, uint32_t head, const char *name);

/*
 * Changes that packets of `version` will be the first to see. One writer at a time; these stand under the namespace's lock.
 * Whoever makes one may be killed at any time: bf_exact_undo() tells what is not valid from what is.
 */
bool bf_exact_may(uint32_t version);
uint32_t bf_exact_changed(const uint32_t *data, uint32_t n_words, uint32_t head); /* of BF_EXACT_CHANGES */
/* -ENOSPC: there is no room. */
int bf_exact_insert(uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *row, uint32_t version);
/* The element that packets of the version before see. -ENOENT */
int bf_exact_remove(uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t before, uint32_t version);
/* Those that are for a later version than this one, which is the present one. */
void bf_exact_undo(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version);
/* All packets have seen them: nobody is of an older version any more. */
void bf_exact_settle(uint32_t *data, uint32_t n_words, uint32_t head);

#endif
