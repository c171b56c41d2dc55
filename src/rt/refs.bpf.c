/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refs.bpf.c: leaves that refer to rules of another run (struct bf_class_head).
 * Such are met by packets that are not ordinary ones, and in large tables only.
 */
#include "rt/classify.h"

/* Leaves the loop when the rule matches, or when no better one can come. */
#define REF                                                                                            \
	if (!n)                                                                                            \
		break;                                                                                         \
	place = at;                                                                                        \
	if (!is_there(&place, 1)) {                                                                        \
		answer = BAD_DATA;                                                                             \
		break;                                                                                         \
	}                                                                                                  \
	ref = *(const __u32 *)words_at(place);                                                             \
	place = HEAD(h)->rules + RULE_WORDS * (ref >> (HEAD(h)->ref_bits & 31));                           \
	if (!is_there(&place, RULE_WORDS)) {                                                               \
		answer = BAD_DATA;                                                                             \
		break;                                                                                         \
	}                                                                                                  \
	r = words_at(place);                                                                               \
	if (!below(r->order, BEST(f)))                                                                     \
		break;                                                                                         \
	if (addresses_match4(r, KEY(f, BF_KEY_SADDR), KEY(f, BF_KEY_DADDR)) < 0 && !is_below(floor, h, r->order)) { \
		__u32 order = r->order | (~HEAD(h)->unmarked & BF_CLASS_MARKS), svc = ref & ((1u << (HEAD(h)->ref_bits & 31)) - 1);                    \
		int is = ask_service(f, HEAD(h)->svcs + BF_CLASS_SVC_STEP * svc);                                \
                                                                                                       \
		if (is == BF_HIT) {                                                                            \
			BEST(f) = order;                                                                           \
			BEST_RULE(f) = at;                                                                         \
			break;                                                                                     \
		}                                                                                              \
		if (is == BF_HOTDROP) {                                                                        \
			answer = BAD_DATA;                                                                         \
			break;                                                                                     \
		}                                                                                              \
	}                                                                                                  \
	at++;                                                                                              \
	n--;

/* BAD_DATA or 0; what is found is noted as others note it, but its place is that of the reference. */
APART int VARIANT(bf_refs_)(struct bf_frame *f, __u32 head, __u64 leaf, __u32 floor)
{
	__u32 at = leaf, n = leaf >> 32 & BF_CLASS_LEAF_MAX;
	const struct bf_class_head *h;
	int answer = 0;

	if (!f || !config.structs)
		return BAD_DATA;
	h = head_at(head);
	if (!h)
		return BAD_DATA;
	LOOP_BEGIN(MAX_ROUNDS)
		const struct bf_class_rule4 *r;
		__u64 place;
		__u32 ref;

		REF
	LOOP_END
	return answer;
}
