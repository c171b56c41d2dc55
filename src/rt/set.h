/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.h: "is the value in the set?" as data in the map "class", beside what
 * class.h has there; the same rules for places. A SET cell names the head.
 *
 *   SET cell ──▶ head ──▶ BITS   one bit for each value                      narrow fields, dense sets
 *                    ├──▶ TREE   windows of the value's bits, flips at the leaves      32 bits, any ranges
 *                    └──▶ HASH   a table for each prefix length in use       single values, 128 bits
 *
 * Readers take no lock. A value comes or goes by one store of 4 or 8 bytes, and
 * nothing that a reader may be looking at is used for something else.
 */
#ifndef BF_RT_SET_H
#define BF_RT_SET_H

#include "rt/abi.h"

enum bf_set_kind { BF_SET_BITS, BF_SET_TREE, BF_SET_HASH, BF_SET_KINDS };

/* Its bit in bf_rt_config.structs. */
#define BF_SET_STRUCT(kind) (1u << (8 + (kind)))

struct bf_set_head { /* 16 words, at a place that 16 divides */
	__u32 kind;
	__u32 n_words;   /* of the key that the field takes: 1, 2 or 4 */
	__u32 mask;      /* BITS, TREE: of the key word, in place */
	__u32 shift;     /* BITS: bit number ((key & mask) >> shift) - base */
	__u32 base;
	__u32 n;         /* BITS: how many bits; others are not in the set. HASH: tables */
	__u32 place;     /* BITS: of the bits, 32 to a word. HASH: of the tables, struct bf_set_table each */
	__u32 spare;     /* TREE: words from here to spare_end are nobody's yet */
	__u64 root;      /* TREE: a node */
	__u64 seed;      /* HASH */
	__u32 spare_end;
	__u32 changes;   /* place of two banks of struct bf_set_change; 0: nothing of it changes */
	__u32 n_changes; /* those noted, in the bank that the top bit says */
	__u32 whole;     /* HASH: what goes is what came once; lengths need not be looked through */
};

/*
 * A change of the set is noted first: "from version v on, values lo..hi are in it (or are not)". The newest that a packet's
 * version knows of wins over what follows in the set. So a change is valid for a packet as a whole or not at all, becomes
 * valid by the store of the version, and waits for nobody. When there are some, and no packet of an older version is on its
 * way any more, they become part of the set under the notes' cover, and the other bank is used; the first one only when
 * packets that may still read it have gone, too.
 */
struct bf_set_change {
	__u32 version;
	__u32 in;
	__u32 range[]; /* lo, hi: n_words each, the most significant first; BITS: values, else as in the key */
};
#define BF_SET_CHANGES 128 /* in a bank */
#define BF_SET_CHANGE_WORDS(n_words) (2 + 2 * (n_words))
#define BF_SET_BANK(n_words) (BF_SET_CHANGES * BF_SET_CHANGE_WORDS(n_words))
#define BF_SET_SECOND (1u << 31)
#define BF_SET_UNCHANGED 2 /* no change knows of the value */

/*
 * TREE. A node says what is in a block of 2^r values. 64 bits, the top three tell its form:
 *
 *   flips   the values where the set begins or ends inside the block, each as its low bits; bit 60: the block's last value
 *           is in the set. A value is in it, too, when as many flips lie above it as make that true: an even number,
 *           if bit 60 is set, else an odd one. Places that are left over hold 0. All of it 0: nothing
 *   bits    bit v & 31 of the low half says it for each value v; r <= 5
 *   inner   bits 32-36 a, 40-44 b: the node of the smaller block is at place + 2 * ((v << a) >> b), 32-bit arithmetic
 *
 * A way from the root passes at most BF_SET_DEPTH inner nodes.
 */
enum bf_set_node { BF_SET_FLIPS12, BF_SET_FLIPS15, BF_SET_FLIPS20, BF_SET_FLIPS30, BF_SET_NODE_BITS, BF_SET_INNER };
#define BF_SET_FORM 61
#define BF_SET_LAST (1ull << 60)
#define BF_SET_DEPTH 10

/*
 * HASH. Values are cut to the table's prefix by its mask, and stored changed (bf_set_mix): so that no element is 0 (an empty
 * slot: what is looked for is not there) or all ones (an element that went: look on), which the seed is chosen for. An
 * element lies in one of the BF_SET_PROBES slots from its own on; so many slots follow behind the last one.
 *
 * Elements of 4 words are written back half first. The second word is mixed with the first one, so that halves that do
 * not belong together (a reader was in between) are some value that nobody asks for.
 */
struct bf_set_table {
	__u32 mask[4]; /* of the key words from the field's first on */
	__u32 place;   /* of the slots; 16 divides it */
	__u32 slots;
	__u32 words;   /* of an element: 1, 2 or 4 */
	__u32 len;     /* of its prefixes, counted from the first bit of the first key word */
};
#define BF_SET_PROBES 16
#define BF_SET_TABLES 32 /* at most */

struct bf_set_elem {
	__u64 a, b; /* b: elements of 4 words only */
};

#define BF_SET_K 0x9e3779b97f4a7c15ull

/* What is stored for a value: its words from the most significant one on; what an element has not got is 0. */
static inline struct bf_set_elem bf_set_mix(__u64 hi, __u64 lo, __u32 words, __u64 seed)
{
	struct bf_set_elem e = { hi ^ seed, 0 };

	if (words == 1)
		e.a = (__u32)(hi >> 32 ^ seed);
	if (words == 4) {
		lo *= BF_SET_K; /* odd: one to one */
		e.a ^= lo ^ lo >> 32;
		e.b = lo ^ e.a * BF_SET_K;
	}
	return e;
}

/* Its slot. */
static inline __u32 bf_set_slot(__u64 a, __u32 slots)
{
	a *= BF_SET_K;
	a ^= a >> 32;
	a *= BF_SET_K;
	return (a >> 32) * slots >> 32;
}

#endif
