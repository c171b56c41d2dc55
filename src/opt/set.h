/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.h: "does a field have one of these values?" as data that the programs
 * read (rt/set.h), and how values come and go while they do. Pure functions:
 * no descriptor, the same bytes each time.
 */
#ifndef BF_OPT_SET_H
#define BF_OPT_SET_H

#include "base/base.h"
#include "base/buf.h"
#include "base/diag.h"
#include "rt/set.h"
#include "rule/rule.h"

struct bf_set_spec { /* (field & mask) lies in one of the ranges, as struct bf_cond has it */
	const struct bf_field *field;
	bf_u128 mask;
	const struct bf_range *ranges; /* sorted, disjoint */
	uint32_t n_ranges;
	bool open;   /* values come and go: there is room for it, even when there is none yet; */
	bool single; /* and none comes that is a range; then ranges may touch */
};

struct bf_set_stats {
	const char *kind;
	uint32_t ranges;  /* after those that touch were joined */
	uint32_t tables;  /* HASH: prefix lengths */
	uint32_t depth;   /* TREE: inner nodes on a way, at most */
	uint64_t elements; /* HASH: of all tables */
	uint64_t bytes;
};

/*
 * Appends the set to `out`, whose length is a multiple of 8 bytes (place = out->len / 4); *head: the place of its head.
 * -EOPNOTSUPP: ranges that no structure is good for (128 bits, far from prefixes); -E2BIG: more than the map can hold;
 * -ENOMEM.
 */
int bf_set_build(const struct bf_set_spec *s, struct bf_buf *out, uint32_t *head, struct bf_set_stats *stats);

/* What the program will do, in user space. data: all words; key: from the field's first word on. */
bool bf_set_find(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key);

/*
 * Values lo..hi of the field (masked already) come, or go, while readers go on: each of them finds each value in or out
 * as it was before or is afterwards. One writer at a time. -ENOSPC: nothing was changed; there is no room, or it cannot
 * be done in place, and the set is to be built anew.
 */
int bf_set_insert(uint32_t *data, uint32_t n_words, uint32_t head, bf_u128 lo, bf_u128 hi);
int bf_set_remove(uint32_t *data, uint32_t n_words, uint32_t head, bf_u128 lo, bf_u128 hi);

/*
 * Sets that were built `open` change for packets of a version on (rt/set.h). Noted changes are part of what is found by
 * that version. One writer at a time; these stand under the namespace's lock.
 */
enum { BF_SET_FOLD = 4 }; /* so many noted ones are worth folding: each costs a packet a comparison */
uint32_t bf_set_noted(const uint32_t *data, uint32_t n_words, uint32_t head);
/* -ENOSPC: as many are noted as can be. */
int bf_set_note(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version, bf_u128 lo, bf_u128 hi, bool in);
/* Those that are for a later version than this one, which is the present one: whoever noted them was killed. */
void bf_set_unnote(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version);
/* All noted ones become part of the set. Nobody sees an older version any more. -ENOSPC: not all, they stay noted, too. */
int bf_set_fold(uint32_t *data, uint32_t n_words, uint32_t head);
bool bf_set_find_at(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t version);

/*
 * Compares find with the ranges at their borders and between, at `budget` values or fewer. 0, or -EBADMSG with a
 * diagnostic: the set is wrong and must not be used.
 */
int bf_set_check(const struct bf_set_spec *s, const struct bf_buf *data, uint32_t head, uint64_t budget,
                 struct bf_diag *d);

/* What was built: "1000 ranges, hash of 1000, 1 length, 7168 bytes, 7.2 each". */
void bf_set_explain(struct bf_buf *b, const struct bf_set_stats *s);

#endif
