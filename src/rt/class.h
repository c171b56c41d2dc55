/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * class.h: "the first rule of this run that matches", as data. What the
 * structures of opt/ build in user space, the programs of rt/ read from the map
 * "class": one array-map value, taken as an array of 32-bit words. All places
 * below are indices of such words; what holds 64-bit numbers begins at an even
 * one. Numbers are in host byte order. Place 0 is never used: 0 means "none".
 *
 *   CLASS cell ──▶ head ──▶ tree 0: node ──window of a key word──▶ node ... ──▶ leaf: rules ──▶ svc
 *                      └──▶ tree 1 ...
 *
 * A run of rules, in order, each a *box*: a prefix of the source address, one
 * of the destination address, and a *service*: all other tests of the rule and
 * where it leads. Many rules share a service. The answer is the box with the
 * least `order` that is not below the floor asked for.
 *
 * What changed in a run since it was built stands in a small second one, its
 * *delta*: the answer is the least order in both, of equal ones the delta's. A
 * rule that went is there as a box that says so (BF_SVC_SKIP): then the answer
 * is that above it. There is a delta for each of the two versions (bf_journal).
 */
#ifndef BF_RT_CLASS_H
#define BF_RT_CLASS_H

#include "rt/abi.h"

enum bf_class_kind {
	BF_CLASS_FOREST, /* decision trees over bit windows */
	BF_CLASS_HASH,   /* all boxes test the same bits exactly */
	BF_CLASS_KINDS,
	/* Beside kinds in use: */
	BF_CLASS_REFS = BF_CLASS_KINDS, /* some head says ref_bits */
};

/*
 * Forest. A node is 64 bits: the low half a place, the high half says what is there.
 *
 *   inner   bits 32-36 a, 40-44 b, 48-52 word:  child = place + 2 * ((key[word] << a) >> b), 32-bit arithmetic.
 *           The window is key[word]'s bits from the top: a are skipped, 32 - b taken. 1 <= b <= 31
 *   leaf    bit 63 set, bits 32-55 n: n rules in a row begin at the place, ascending in order; none: n = 0
 *
 * A way from a root passes at most BF_CLASS_DEPTH inner nodes.
 *
 * The walk goes from tree to tree, ascending in `first`, and ends with the tree whose `first` (the least order that it
 * holds) is above what has been found. Where the head does not say otherwise, a rule's order is a multiple of 256, and in its
 * lowest bits, the *marks*, stands which trees are worth the walk after that rule has been found: bit t of tree t, if it may
 * hold a rule that comes before this one and takes some packet that this one takes. So the order of what has been found is kept
 * with its marks; all ones, nothing has been found, says all trees.
 */
#define BF_CLASS_MARKS 0xffu
#define BF_CLASS_LEAF (1ull << 63)

/*
 * Hash. One of the trees is a node with bit 62 set; its low half is the place of a struct bf_class_hash, which leads to the
 * rules of one slot and those behind it: a leaf that ends with a free place, whose order is 2^32 - 1.
 */
#define BF_CLASS_HASHED (1ull << 62)

struct bf_class_hash {
	__u32 addr[2][4]; /* masks of the key words that are hashed: source and destination, */
	__u32 ports, meta; /* ports, META */
	__u32 place;      /* of the rules */
	__u32 slots;
	__u32 most;       /* rules that follow from a slot on, at most */
	__u32 pad;
};

#define BF_CLASS_HASH_K 0x9e3779b97f4a7c15ull

/* The slot of a packet: the key under the masks, multiplied until each bit has met each other. */
static inline __u32 bf_class_hash_slot(const struct bf_class_hash *h, const __u32 *key, int ip6)
{
	__u64 x = (__u64)(key[BF_KEY_SADDR] & h->addr[0][0]) << 32 | (key[BF_KEY_DADDR] & h->addr[1][0]);

	for (int i = 1; ip6 && i < 4; i++) {
		x = (x ^ x >> 32) * BF_CLASS_HASH_K;
		x ^= (__u64)(key[BF_KEY_SADDR + i] & h->addr[0][i]) << 32 | (key[BF_KEY_DADDR + i] & h->addr[1][i]);
	}
	x = (x ^ x >> 32) * BF_CLASS_HASH_K;
	x ^= (__u64)(key[BF_KEY_PORTS] & h->ports) << 32 | (key[BF_KEY_META] & h->meta);
	x = (x ^ x >> 32) * BF_CLASS_HASH_K;
	x = (x ^ x >> 32) * BF_CLASS_HASH_K;
	return (x >> 32) * h->slots >> 32;
}

#define BF_CLASS_LEAF_MAX ((1u << 24) - 1)
#define BF_CLASS_DEPTH 16
#define BF_CLASS_TREES 8

struct bf_class_tree {
	__u64 root;
	__u32 first;
	__u32 pad;
};

struct bf_class_head {
	__u32 kind;      /* enum bf_class_kind */
	__u32 n_trees;
	__u32 svcs;      /* services: index x of a rule's word svc is the place svcs + BF_CLASS_SVC_STEP * x */
	__u32 targets;   /* cells by slot, for services that say so: targets[slot - first_slot]; 0: none */
	__u32 first_slot;
	__u32 n_slots;
	__u32 next[2];   /* head of the delta, by the lowest bit of the version; 0: none */
	/* IPv4: the number of a rule's counter is slot_base + (order >> slot_shift); or, if slots is not 0, it stands at
	 * slots + a quarter of the rule's place, in 32-bit arithmetic. */
	__u32 slots, slot_base, slot_shift;
	/*
	 * IPv4: not 0: leaves hold a word for each rule instead of the rule, which is one of another run. The lowest so many
	 * bits say what its service is here, the others where the rule lies: as many rules behind the place `rules`.
	 * (slots is 0 then.)
	 */
	__u32 ref_bits, rules;
	__u32 unmarked;  /* all ones: orders are just that; 0: they have marks. (Then references are to rules with marks of their
	                  * own run, which mean nothing here.) */
	struct bf_class_tree tree[BF_CLASS_TREES];
};

/*
 * A rule in a leaf, IPv4: 4 words, at a place that is a multiple of 4. An address matches when (address ^ key) >>
 * (32 - prefix length) is 0 in 64-bit arithmetic.
 *
 * Programs look at BF_CLASS_GROUP rules at a time, and so at some behind the leaf. These are rules of the same run, or
 * free places: all rules lie side by side, and behind the last come free places. What matches there matches.
 */
struct bf_class_rule4 {
	__u32 addr[2];   /* source, destination; bits behind the prefix are 0 */
	__u32 what;      /* bits 0-5: 32 - length of the source prefix, 6-11: destination, 12-31: service */
	__u32 order;     /* 1 .. 2^32 - 2, ascending with the rules, with gaps for those that may come; marks.
	                  * 2^32 - 1: a free place */
};
#define BF_CLASS_GROUP 2
#define BF_CLASS_SVC_MAX (1u << 20)
#define BF_CLASS_SVC_STEP 2

/*
 * The same for IPv6: 12 words, at an even place. Of each half of an address, (address ^ key) >> (shift & 63) >> (shift >> 6)
 * must be 0.
 */
struct bf_class_rule6 {
	__u64 addr[2][2]; /* halves, as numbers, the high one first */
	__u8 shift[2][2]; /* BF_CLASS_SHIFT6 */
	__u32 svc;
	__u32 order;
	__u32 slot;
};

/* Of half 0 or 1, for that length of the prefix. */
#define BF_CLASS_SHIFT6(len, half) \
	((len) >= 64u * (half) + 64 ? 0 : (len) > 64u * (half) ? 64u * (half) + 64 - (len) : 127u)

/* One more test of a service, as a TEST cell has it: ((key[word] & mask) - lo) <= span. */
struct bf_class_test {
	__u32 word;
	__u32 mask;
	__u32 lo;
	__u32 span;
};

/* 6 words, then 4 for each test. All of it must hold. */
struct bf_class_svc {
	__u16 dport, sport;         /* least port; together one word: sport << 16 | dport */
	__u16 dport_span, sport_span; /* greatest minus least */
	__u32 meta_mask, meta;      /* (key[BF_KEY_META] & meta_mask) == meta */
	__u32 target;               /* the cell where the packet goes on; BF_CLASS_BY_SLOT: see head */
	__u16 n_tests;
	__u16 flags;                /* BF_SVC_* */
};
#define BF_SVC_TESTS 8 /* at most */
#define BF_CLASS_BY_SLOT 0xffffffffu
#define BF_SVC_UNCOUNTED (1u << 0) /* the target does the counting: there is more to test */
#define BF_SVC_SKIP (1u << 1)      /* in a delta: the rule of this order has gone, look above it */

#endif
