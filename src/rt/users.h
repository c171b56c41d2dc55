/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.h: what users' functions (bpfilter/program.h) ask of the table's sets
 * and objects. For each that is asked for gen/users.c makes a function with
 * the numbers in it, which calls one of these.
 *
 *   bf_users_set     sets of one part, as class data (set.h)
 *   bf_users_short   the others, as hashes whose keys have up to 4 words, and objects
 *   bf_users_long    hashes with longer keys
 */
#ifndef BF_RT_USERS_H
#define BF_RT_USERS_H

/* What struct bf_packet has in reserve. */
enum bf_users_reserve {
	BF_USERS_VERSION, /* of the journal */
	BF_USERS_LEFT,    /* changes of a set that are not looked at yet */
	BF_USERS_LENGTH,  /* bytes, as counters count them */
};

/* The fifth argument of bf_users_short and _long. */
#define BF_USERS_WHAT(verb, words, data) ((verb) | (words) << 8 | (data) << 16) /* words of the key, and of the datum */

#ifdef __bpf__
#include "../../include/bpfilter/program.h"

int VARIANT(bf_users_in_)(struct bf_packet *p, __u64 head, __u64 high, __u64 low);
int VARIANT(bf_users_new_)(struct bf_packet *p, __u64 head, __u64 high, __u64 low);
int VARIANT(bf_users_set_)(struct bf_packet *p, const __u32 *key, __u64 head, __u32 words);
int VARIANT(bf_users_short_)(struct bf_packet *p, const __u32 *key, __u32 *to, __u64 off, __u32 what);
int VARIANT(bf_users_long_)(struct bf_packet *p, const __u32 *key, __u32 *to, __u64 off, __u32 what);
#endif

#endif
