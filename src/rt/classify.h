/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classify.h: the first rule of a run that matches, found in the class data
 * (rt/class.h).
 *
 * Nothing that is read from the data is trusted: each place is compared with
 * the size of the map, which is a constant to the verifier, before it is
 * looked at. A place that is not there drops the packet.
 */
#ifndef BF_RT_CLASSIFY_H
#define BF_RT_CLASSIFY_H

#include "rt/kernel.h"

#include "rt/class.h"

#ifdef BF_LOOP_MAY_GOTO
#define RULES(one) one
#else
#define RULES(one) one one one one /* a round costs a call */
#endif

extern const __u32 class[];

enum {
	HEAD_WORDS = sizeof(struct bf_class_head) / 4,
	TREES_AT = __builtin_offsetof(struct bf_class_head, tree) / 4,
	TREE_WORDS = sizeof(struct bf_class_tree) / 4,
	SVC_WORDS = sizeof(struct bf_class_svc) / 4,
	TEST_WORDS = sizeof(struct bf_class_test) / 4,
	ORDER4_AT = __builtin_offsetof(struct bf_class_rule4, order) / 4,
	ORDER6_AT = __builtin_offsetof(struct bf_class_rule6, order) / 4,
};
#ifndef NO_TESTS
#define NO_TESTS config.no_tests
#endif
#define NO_CELL 0xffffffffu
#define NO_ORDER 0xffffffffu
#define BAD_ORDER 0 /* no rule comes before it, so the search ends */
/* What searches that stand apart answer: the place of the rule, its order in the key, or one of these. */
enum { NONE_FOUND = -1, BAD_DATA = -2 };

/* What is kept in registers from one place to another is kept on the stack, of which there is none left: so read it anew. */
#define KEY(f, word) (*(const volatile __u32 *)&(f)->key[word])

/* What has been found so far, in the key: the least order (NO_ORDER: nothing yet; BAD_ORDER: the data is wrong), and the place of
 * its rule. */
#define BEST(f) (*(volatile __u32 *)&(f)->key[BF_KEY_ORDER])
#define BEST_RULE(f) (*(volatile __u32 *)&(f)->key[BF_KEY_FOUND])

/*
 * Constants that the verifier takes for any number. It follows loops until no state is new, and what is a constant at first
 * and any number later makes the states, and so what it has to look at, multiply from loop to loop.
 */
static __always_inline __u32 no_order(const struct bf_frame *f)
{
	return NO_ORDER - KEY(f, BF_KEY_ZERO);
}

static __always_inline __u32 bad_order(const struct bf_frame *f)
{
	return KEY(f, BF_KEY_ZERO) + BAD_ORDER;
}

/* a < b, from which the verifier learns nothing about a and b: what it knows of them stays the same from round to round. */
static __always_inline bool below(__u64 a, __u64 b)
{
	__s64 difference = a - b;

	opaque(difference);
	return difference < 0;
}

/*
 * Are there n words at a place? Then its address is words_at(place). The caller hands over a copy: what the verifier learns
 * of it, it does not learn of the original. Places are kept in 32 bits, which wrap: so they do not grow from round to round.
 */
static __always_inline bool is_there(__u64 *place, __u32 n)
{
	asm volatile("%0 &= 0x1fffffff" : "+r"(*place));
	return *place <= config.n_class - n;
}

static __always_inline const void *words_at(__u64 place)
{
	const __u32 *p;

	opaque(place); /* the address is made behind the check, whatever the optimiser thinks */
	p = class + place;
	opaque(p);
	return p;
}

/* Shifts as instructions do them, by the low 6 bits (32-bit ones: 5). */
#define shift_right(x, by) asm("%0 >>= %1" : "+r"(x) : "r"(by))

/* The bits of a key's word that a node looks at. */
static __always_inline __u32 window(__u32 word, __u64 node)
{
	__u32 a = node >> 32, b = node >> 40;

	asm("%0 <<= %1" : "+w"(word) : "w"(a));
	asm("%0 >>= %1" : "+w"(word) : "w"(b));
	return word;
}

/* One node on the way down: of the sum is_there() leaves the place. Those that no tree has are not there for the verifier, which
 * looks at each many times. */
#define LEVEL(i)                                                                                 \
	if ((__s64)node < 0 || (i) + config.no_levels >= BF_CLASS_DEPTH)                             \
		return node;                                                                             \
	word = KEY(f, node >> 48 & (BF_KEY_WORDS - 1));                                              \
	child = node + 2 * (__u64)window(word, node);                                                \
	if (!is_there(&child, 2))                                                                    \
		return 0;                                                                                \
	node = *(const __u64 *)words_at(child);

/* A tree from its root to a leaf; not a leaf: the data is wrong. (A loop would cost more, here and in the verifier.) */
static __always_inline __u64 descend(const struct bf_frame *f, __u64 node)
{
	__u64 child;
	__u32 word;

	_Static_assert(BF_CLASS_DEPTH == 16, "so many levels");
	LEVEL(0) LEVEL(1) LEVEL(2) LEVEL(3)
	LEVEL(4) LEVEL(5) LEVEL(6) LEVEL(7)
	LEVEL(8) LEVEL(9) LEVEL(10) LEVEL(11)
	LEVEL(12) LEVEL(13) LEVEL(14) LEVEL(15)
	return node;
}

/* One more test of a service. */
#define ONE_TEST(i)                                                                     \
	if (!n)                                                                              \
		return BF_HIT;                                                                   \
	if ((i) + NO_TESTS >= BF_SVC_TESTS)                                                  \
		return BF_HOTDROP;                                                               \
	at = place;                                                                          \
	if (!is_there(&at, TEST_WORDS))                                                      \
		return BF_HOTDROP;                                                               \
	t = words_at(at);                                                                    \
	if ((KEY(f, t->word & (BF_KEY_WORDS - 1)) & t->mask) - t->lo > t->span)              \
		return BF_MISS;                                                                  \
	place += TEST_WORDS;                                                                 \
	n--;

/* The tests of a service that are not part of every service. */
static __always_inline int ask_tests(const struct bf_frame *f, __u32 place, __u32 n)
{
	const struct bf_class_test *t;
	__u64 at;

	_Static_assert(BF_SVC_TESTS == 8, "so many tests");
	ONE_TEST(0) ONE_TEST(1) ONE_TEST(2) ONE_TEST(3)
	ONE_TEST(4) ONE_TEST(5) ONE_TEST(6) ONE_TEST(7)
	return n ? BF_HOTDROP : BF_HIT;
}

/* All bits set in the sign if v is not in lo .. lo + span. (A comparison would be a branch.) */
static __always_inline __u64 outside(__u32 v, __u32 lo, __u32 span)
{
	__u64 above = (__u64)v - lo;

	return above | (span - above);
}

/* BF_HIT, BF_MISS; BF_HOTDROP: the data is wrong. */
static __always_inline int ask_service(const struct bf_frame *f, __u32 place)
{
	const struct bf_class_svc *s;
	__u32 ports = KEY(f, BF_KEY_PORTS);
	__u64 at = place, wrong;

	if (!is_there(&at, SVC_WORDS))
		return BF_HOTDROP;
	s = words_at(at);
	wrong = (outside(ports & 0xffff, s->dport, s->dport_span) | outside(ports >> 16, s->sport, s->sport_span)) >> 63;
	wrong |= (KEY(f, BF_KEY_META) & s->meta_mask) ^ s->meta;
	if (wrong)
		return BF_MISS;
	return s->n_tests ? ask_tests(f, place + SVC_WORDS, s->n_tests) : BF_HIT;
}

/* Negative: the addresses match. */
static __always_inline __s64 addresses_match4(const struct bf_class_rule4 *r, __u32 saddr, __u32 daddr)
{
	__u64 s = saddr ^ r->addr[0], d = daddr ^ r->addr[1], what = r->what;

	shift_right(s, what);
	what >>= 6;
	shift_right(d, what);
	return (s | d) - 1;
}

static __always_inline __u64 differ6(const struct bf_frame *f, __u32 word, __u64 half, __u32 shift)
{
	__u64 key = (__u64)KEY(f, word) << 32 | KEY(f, word + 1);

	return (key ^ half) >> (shift & 63) >> (shift >> 6 & 1);
}

static __always_inline bool addresses_match6(const struct bf_frame *f, const struct bf_class_rule6 *r)
{
	return !(differ6(f, BF_KEY_SADDR, r->addr[0][0], r->shift[0][0]) |
	         differ6(f, BF_KEY_SADDR + 2, r->addr[0][1], r->shift[0][1]) |
	         differ6(f, BF_KEY_DADDR, r->addr[1][0], r->shift[1][0]) |
	         differ6(f, BF_KEY_DADDR + 2, r->addr[1][1], r->shift[1][1]));
}

/* What is read anew each time need not be kept. */
#define HEAD(h) ((const volatile struct bf_class_head *)(h))

static __always_inline bool has_refs(const struct bf_class_head *h, bool ip6)
{
	return !ip6 && in_use(structs, BF_CLASS_REFS) && HEAD(h)->ref_bits;
}

/* An order without marks. */
static __always_inline __u32 plain(const struct bf_class_head *h, __u32 order)
{
	return order & (HEAD(h)->unmarked | ~BF_CLASS_MARKS);
}

static __always_inline bool is_below(__u32 floor, const struct bf_class_head *h, __u32 order)
{
	return __builtin_constant_p(floor) && !floor ? false : below(plain(h, order), floor);
}

/* Does the rule at a place match? */
static __always_inline int ask_rule4(const struct bf_frame *f, const struct bf_class_rule4 *r, const struct bf_class_head *h,
                                     __u32 floor)
{
	if (is_below(floor, h, r->order))
		return BF_MISS;
	return ask_service(f, HEAD(h)->svcs + BF_CLASS_SVC_STEP * (r->what >> 12));
}

static __always_inline int ask_rule6(const struct bf_frame *f, const struct bf_class_rule6 *r, const struct bf_class_head *h,
                                     __u32 floor)
{
	if (!addresses_match6(f, r) || is_below(floor, h, r->order))
		return BF_MISS;
	return ask_service(f, HEAD(h)->svcs + BF_CLASS_SVC_STEP * r->svc);
}

/* The beginning of a leaf: the packet's slot. */
static __always_inline __u64 hashed_leaf(const struct bf_frame *f, __u64 node, bool ip6)
{
	__u32 words = (ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;
	const struct bf_class_hash *h;
	__u64 at = (__u32)node;

	if (!is_there(&at, sizeof(*h) / 4))
		return 0;
	h = words_at(at);
	return BF_CLASS_LEAF | (__u64)h->most << 32 | (h->place + bf_class_hash_slot(h, f->key, ip6) * words);
}

static __always_inline bool is_hashed(__u64 root)
{
	return in_use(structs, BF_CLASS_HASH) && root & BF_CLASS_HASHED && (__s64)root >= 0;
}

static __always_inline __u64 leaf_of(const struct bf_frame *f, __u64 root, bool ip6)
{
	if (is_hashed(root))
		return hashed_leaf(f, root, ip6);
	return descend(f, root);
}

enum { RULE_WORDS = sizeof(struct bf_class_rule4) / 4, GROUP_WORDS = BF_CLASS_GROUP * RULE_WORDS };

/*
 * Where there are many counters, that of the rule just found is waited for; and adding to it does not begin before all else is
 * done. So it is read now: the line comes while other trees are walked.
 */
enum { MANY_COUNTERS = 16384 };
static __always_inline void fetch_counter(const struct bf_class_head *h, __u32 order)
{
	__u64 n = config.n_counters, stripe, slot;

	if (n < MANY_COUNTERS || HEAD(h)->slots)
		return;
	stripe = bpf_get_smp_processor_id() & config.stripe_mask;
	slot = (__u32)(HEAD(h)->slot_base + (order >> (HEAD(h)->slot_shift & 31)));
	if (slot < n)
		(void)*(const volatile __u64 *)&counters[stripe * n + slot];
}

/*
 * Nearly all rules that a packet meets are not for it, for their addresses. So a group of them is compared without a
 * branch; then what is left of the one that may be right, if one may.
 */
static __always_inline void search_leaf4(struct bf_frame *f, __u64 leaf, const struct bf_class_head *h, __u32 floor)
{
	__u32 at = leaf;
	__u64 end = at + RULE_WORDS * (leaf >> 32 & BF_CLASS_LEAF_MAX);

	_Static_assert(BF_CLASS_GROUP == 2, "so many");
	LOOP_BEGIN(MAX_ROUNDS)
		const struct bf_class_rule4 *r;
		__u32 saddr = KEY(f, BF_KEY_SADDR), daddr = KEY(f, BF_KEY_DADDR);
		__u64 place = at;
		__s64 first, second;

		if (!below(at, end))
			break;
		if (!is_there(&place, GROUP_WORDS)) {
			BEST(f) = bad_order(f);
			break;
		}
		r = words_at(place);
		if (!below(r->order, BEST(f)))
			break;
		first = addresses_match4(&r[0], saddr, daddr);
		second = addresses_match4(&r[1], saddr, daddr);
		at += GROUP_WORDS;
		if ((first | second) < 0) {
			__u32 other = first >> 63 & RULE_WORDS; /* to be looked at again */
			int answer;

			at -= other;
			r = (const void *)r + 4 * (RULE_WORDS - other);
			if (below(r->order, BEST(f))) {
				answer = ask_rule4(f, r, h, floor);
				if (answer == BF_HIT) {
					BEST(f) = r->order;
					BEST_RULE(f) = at - RULE_WORDS;
					fetch_counter(h, r->order);
					break;
				}
				if (answer == BF_HOTDROP) {
					BEST(f) = bad_order(f);
					break;
				}
			}
		}
	LOOP_END
}

/* The same where the rules are another run's. */
static __always_inline void search_refs(struct bf_frame *f, __u64 leaf, __u32 head, __u32 floor)
{
	if (VARIANT(bf_refs_)(f, head, leaf, floor) == BAD_DATA)
		BEST(f) = bad_order(f);
}

/* The next rule of a leaf: leaves the loop when it matches, or when no better one can come. */
#define RULE6                                                                \
	if (!n)                                                                  \
		break;                                                               \
	place = at;                                                              \
	if (!is_there(&place, sizeof(struct bf_class_rule6) / 4)) {              \
		BEST(f) = bad_order(f);                                          \
		break;                                                               \
	}                                                                        \
	{                                                                        \
		const struct bf_class_rule6 *r = words_at(place);                    \
		int answer;                                                          \
                                                                             \
		if (!below(r->order, BEST(f)))                                   \
			break;                                                           \
		answer = ask_rule6(f, r, h, floor);                                          \
		if (answer == BF_HIT) {                                              \
			BEST(f) = r->order;                                          \
			BEST_RULE(f) = at;                                                 \
			break;                                                           \
		}                                                                    \
		if (answer == BF_HOTDROP) {                                          \
			BEST(f) = bad_order(f);                                      \
			break;                                                           \
		}                                                                    \
		at += sizeof(struct bf_class_rule6) / 4;                             \
		n--;                                                                 \
	}

static __always_inline void search_leaf6(struct bf_frame *f, __u64 leaf, const struct bf_class_head *h, __u32 floor)
{
	__u32 at = leaf, n = leaf >> 32 & BF_CLASS_LEAF_MAX;

	LOOP_BEGIN(MAX_ROUNDS)
		__u64 place;

		RULES(RULE6)
	LOOP_END
}

static __always_inline void search_leaf(struct bf_frame *f, const struct bf_class_head *h, __u32 head, __u64 leaf, __u32 floor,
                                        bool ip6)
{
	if (ip6)
		search_leaf6(f, leaf, h, floor);
	else if (has_refs(h, ip6))
		search_refs(f, leaf, head, floor);
	else
		search_leaf4(f, leaf, h, floor);
}

/*
 * What is left of a leaf without the rules below the floor, but for a few: a packet that goes on above a rule does not look again at
 * all that stand before it. (A hash's are not in order; the orders of what references lead to lie elsewhere.)
 */
enum { SKIP_LEAST = 4 };
static __always_inline __u64 skip_rules(const struct bf_class_head *h, __u64 leaf, __u32 floor, bool ip6)
{
	__u32 words = (ip6 ? sizeof(struct bf_class_rule6) : sizeof(struct bf_class_rule4)) / 4;
	__u32 order_at = ip6 ? ORDER6_AT : ORDER4_AT;
	__u32 from = leaf, n = leaf >> 32 & BF_CLASS_LEAF_MAX;

	LOOP_BEGIN(MAX_ROUNDS)
		__u32 half = n / 2;
		__u64 place = from + half * words + order_at;

		if (half < SKIP_LEAST || !is_there(&place, 1))
			break;
		if (is_below(floor, h, *(const __u32 *)words_at(place)))
			from += half * words;
		else
			half = n - half;
		n -= half;
	LOOP_END
	return leaf + (from - (__u32)leaf) - ((__u64)((from - (__u32)leaf) / words) << 32);
}

/* False: the data is wrong. */
static __always_inline bool search_tree(struct bf_frame *f, const struct bf_class_head *h, __u32 head,
                                        const struct bf_class_tree *t, __u32 floor, bool ip6)
{
	__u64 leaf = leaf_of(f, t->root, ip6);

	if ((__s64)leaf >= 0)
		return false;
	if (!(__builtin_constant_p(floor) && !floor) && !is_hashed(t->root) && !has_refs(h, ip6))
		leaf = skip_rules(h, leaf, floor, ip6);
	search_leaf(f, h, head, leaf, floor, ip6);
	return true;
}

/* By the marks of what has been found. */
static __always_inline bool is_worth_it(const struct bf_frame *f, const struct bf_class_head *h, __u32 tree)
{
	return config.one_tree || (BEST(f) | HEAD(h)->unmarked) >> (tree & 31) & 1;
}

static __always_inline void search_forest(struct bf_frame *f, const struct bf_class_head *h, __u32 head,
                                          __u32 floor, bool ip6)
{
	__u32 i = KEY(f, BF_KEY_ZERO);

	LOOP_BEGIN(BF_CLASS_TREES)
		const struct bf_class_tree *t;
		__u64 place = head + TREES_AT + i * TREE_WORDS;

		if (!below(i, HEAD(h)->n_trees) || !is_there(&place, TREE_WORDS))
			break;
		t = words_at(place);
		if (!below(t->first, BEST(f)))
			break;
		if (is_worth_it(f, h, i) && !search_tree(f, h, head, t, floor, ip6)) {
			BEST(f) = bad_order(f);
			break;
		}
		if (config.one_tree)
			break;
		i++;
	LOOP_END
	if ((!config.one_tree || in_use(structs, BF_CLASS_REFS)) && BEST(f) != NO_ORDER)
		BEST(f) = plain(h, BEST(f));
}

/* The cell where a rule leads. */
static __always_inline __u32 target_of(const struct bf_class_head *h, const struct bf_class_svc *s, __u32 slot)
{
	__u32 i = slot - h->first_slot, cell;
	__u64 place = h->targets + i;

	if (s->target != BF_CLASS_BY_SLOT)
		return s->target;
	if (i >= h->n_slots || !is_there(&place, 1))
		return NO_CELL;
	cell = *(const __u32 *)words_at(place);
	return cell ? cell : NO_CELL;
}

static __always_inline __u32 slot_of4(const struct bf_class_head *h, __u64 rule, __u32 order)
{
	__u64 place = h->slots + (rule >> 2);

	if (!h->slots)
		return h->slot_base + (order >> (h->slot_shift & 31));
	return is_there(&place, 1) ? *(const __u32 *)words_at(place) : NO_CELL;
}

/* The service of the rule at a place, and the rule's counter. A place that is not there: something is wrong. */
static __always_inline __u64 svc_of(const struct bf_class_head *h, __u32 rule, __u32 order, bool ip6, __u32 *slot)
{
	const struct bf_class_rule4 *r4;
	const struct bf_class_rule6 *r6;
	__u64 place = rule;

	if (has_refs(h, ip6)) {
		if (!is_there(&place, 1))
			return ~0ull;
		*slot = h->slot_base + (order >> (h->slot_shift & 31));
		return h->svcs + BF_CLASS_SVC_STEP * (*(const __u32 *)words_at(place) & ((1u << (h->ref_bits & 31)) - 1));
	}
	if (!is_there(&place, (ip6 ? sizeof(*r6) : sizeof(*r4)) / 4))
		return ~0ull;
	r4 = words_at(place);
	r6 = words_at(place);
	*slot = ip6 ? r6->slot : slot_of4(h, rule, order);
	return h->svcs + BF_CLASS_SVC_STEP * (ip6 ? r6->svc : r4->what >> 12);
}

/* The rule that was found is counted, if it is to be; the next cell. */
static __always_inline __u32 take_rule(struct bf_frame *f, const struct bf_class_head *h, __u32 rule, bool ip6)
{
	const struct bf_class_svc *s;
	__u32 slot = 0;
	__u64 at = svc_of(h, rule, BEST(f), ip6, &slot);

	if (!is_there(&at, SVC_WORDS))
		return NO_CELL;
	s = words_at(at);
	f->key[BF_KEY_SLOT] = slot;
	if (!(s->flags & BF_SVC_UNCOUNTED))
		count(f, slot);
	return target_of(h, s, slot);
}

/* The head of a run; NULL: not there. */
static __always_inline const struct bf_class_head *head_at(__u64 head)
{
	return is_there(&head, HEAD_WORDS) ? words_at(head) : NULL;
}

static __always_inline __u32 floor_of(const struct bf_frame *f, const struct bf_cell *c)
{
	return c->word ? f->key[BF_KEY_ORDER] + 1 : c->lo;
}

/* A CLASS cell: the next cell; NO_CELL: the data is wrong; or HAS_DELTA: bf_changed (delta.bpf.c) has to look. */
#define HAS_DELTA 0xfffffffeu
static __always_inline __u32 classify(struct bf_frame *f, const struct bf_cell *c, __u32 floor, bool ip6)
{
	const struct bf_class_head *h = head_at(c->arg);

	if (!h)
		return NO_CELL;
	if (config.deltas && h->next[f->version & 1])
		return HAS_DELTA;
	BEST(f) = no_order(f);
	BEST_RULE(f) = no_order(f); /* any number from the first tree on: else the verifier looks at trees twice as often */
	if (in_use(structs, BF_CLASS_FOREST) || in_use(structs, BF_CLASS_HASH)) /* a hash is one of the trees */
		search_forest(f, h, c->arg, floor, ip6);
	if (BEST(f) == NO_ORDER)
		return c->miss;
	return BEST(f) == BAD_ORDER ? NO_CELL : take_rule(f, h, BEST_RULE(f), ip6);
}

#endif
