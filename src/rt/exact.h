/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.h: maps and concatenations without ranges whose elements come and go by
 * commands, as data in the map "class"; the same rules for places as in class.h.
 *
 *   LIVE cell (BF_LIVE_EXACT) ──key──▶ slot: half of its hash, number ──▶ entry: from, until, key, data
 *
 * An entry is in the set for packets of the versions (struct bf_journal) from ..
 * until - 1. So a new one is written where nobody sees it, one that goes is
 * given its end, and all of it becomes valid for a packet as a whole or not at
 * all, by the store of the version; two of one key may lie there at a time.
 *
 * Readers take no lock. A slot is one store; what lies in an entry does not
 * change, but for these two words, until nobody can have read the slot that led
 * to it. For that user space keeps lists:
 *
 *   free ──▶ changed: of this version or an earlier one ──wait──▶ 0 is its first version, or its slot goes: left ──wait──▶ free
 */
#ifndef BF_RT_EXACT_H
#define BF_RT_EXACT_H

#include "rt/abi.h"
#include "rt/set.h"

struct bf_exact_head { /* 16 words, at a place that 16 divides */
	__u64 seed;
	__u32 slots;     /* how many; BF_EXACT_PROBES more follow behind */
	__u32 place;     /* of the slots, 64 bits each */
	__u32 entries;   /* place of the entries, four words behind the last one are nobody's */
	__u32 size;      /* words of each */
	__u32 key;       /* of these the key's, as it is stored: 4, 8 or 16 */
	__u32 data;
	/* Of no interest to programs. */
	__u32 room;      /* for so many entries */
	__u32 n;         /* elements when it was made */
	__u32 fresh;     /* entries that were never used begin here */
	__u32 free;      /* the first one that can be used again, + 1; `from` names the next one so */
	__u32 changes;   /* place of BF_EXACT_CHANGES struct bf_exact_change, and of so many words: entries that were left */
	__u32 n_changes, n_left;
	__u32 names;     /* place of verdicts as text, in the order of their numbers, NUL behind each, one more behind all; or 0 */
};

struct bf_exact_entry {
	__u32 from;  /* 0: ever since */
	__u32 until; /* 0: it stays; or for nobody, from BF_EXACT_NEVER on */
	__u32 key[]; /* and its data */
};
/* For nobody: its transaction came to nothing; it is on no list, or on `left` or `free`. */
#define BF_EXACT_NEVER 0xfffffffeu
#define BF_EXACT_LEFT 0xffffffffu

struct bf_exact_change {
	__u32 entry; /* BF_EXACT_OUT: it goes */
	__u32 version;
};
#define BF_EXACT_OUT (1u << 31)
#define BF_EXACT_CHANGES 512
#define BF_EXACT_PROBES 16
#define BF_EXACT_GONE (~0ull) /* a slot: look on. 0: what is looked for is not there */

/* The words are 0 behind those of the key. n: 4, 8 or 16. */
static inline __attribute__((always_inline)) __u64 bf_exact_hash(const __u32 *key, __u32 n, __u64 seed)
{
	for (__u32 i = 0; i < n; i += 2) {
		seed = (seed ^ key[i] ^ (__u64)key[i + 1] << 32) * BF_SET_K;
		seed ^= seed >> 32;
	}
	seed *= BF_SET_K;
	return seed ^ seed >> 32;
}

static inline __u32 bf_exact_home(__u64 hash, __u32 slots)
{
	return (__u64)(__u32)hash * slots >> 32;
}

static inline __u32 bf_exact_words(__u32 key)
{
	return key <= 4 ? 4 : key <= 8 ? 8 : 16;
}

#endif
