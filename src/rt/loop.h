/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h: loops whose end the verifier cannot see. Two kinds, by kernel:
 *
 *   BF_LOOP_MAY_GOTO  an instruction that jumps out after enough rounds (Linux
 *                     6.9). Written as bytes: clang 14 does not know it.
 *   otherwise         an open-coded iterator (6.4), a call per round.
 *
 *   LOOP_BEGIN(rounds)
 *       ... `break` leaves the loop; nothing else may ...
 *   LOOP_END
 *   leaving because the rounds are used up looks the same as `break`
 *
 * Files with loops are compiled once for each kind; VARIANT(name) tells their
 * functions apart. Variables that a round hands to the next should be unknown
 * numbers to the verifier (loaded from memory), so that all rounds look alike.
 */
#ifndef BF_RT_LOOP_H
#define BF_RT_LOOP_H

#ifdef BF_LOOP_MAY_GOTO

#define VARIANT(name) name##mg
#define LOOP_BEGIN(rounds)  \
	{                       \
		__label__ out;      \
		for (;;) {
#define LOOP_END                                                                                                    \
			asm volatile goto("1:.byte 0xe5; .byte 0; .long ((%l[out] - 1b - 8) / 8) & 0xffff; .short 0" : : : : out); \
		}                                                                                                           \
	out:;                                                                                                           \
	}

#else

#define VARIANT(name) name##it
#define LOOP_BEGIN(rounds)                     \
	{                                          \
		struct bpf_iter_num iter;              \
		bpf_iter_num_new(&iter, 0, (rounds));  \
		while (bpf_iter_num_next(&iter)) {
#define LOOP_END                               \
		}                                      \
		bpf_iter_num_destroy(&iter);           \
	}

#endif

enum { GO_ON = -1 }; /* what functions answer that have not come to an end yet */

#define MAX_ROUNDS (1 << 23) /* the most an iterator takes */

#endif
