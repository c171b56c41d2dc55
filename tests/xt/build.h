/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h: blobs made by hand, entry by entry:
 *
 *   bb_begin(&b, NFPROTO_IPV4);
 *   bb_hook(&b, NF_INET_LOCAL_IN);
 *   bb_entry(&b);  bb_match(&b, "tcp", 0, &tcp, sizeof(tcp));  bb_verdict(&b, -NF_DROP - 1);
 *   bb_policy(&b, NF_INET_LOCAL_IN, -NF_ACCEPT - 1);
 *   ...
 *   bb_end(&b);
 *
 * b.buf is then the argument of IPT_SO_SET_REPLACE. Nothing is checked: blobs
 * may be as wrong as a test wants them.
 */
#ifndef TESTS_XT_BUILD_H
#define TESTS_XT_BUILD_H

#include "front/xtables/blob.h"

struct bb {
	uint8_t family;
	const struct bf_xt_layout *l;
	struct bf_buf buf;
	uint32_t hook_entry[5], underflow[5];
	uint32_t n;   /* entries */
	size_t entry; /* where in buf the last one begins */
};

#define BB_REPLACE 96 /* sizeof(struct ipt_replace) */

void bb_begin(struct bb *b, uint8_t family);
void bb_hook(struct bb *b, unsigned hook); /* the chain begins at the next entry */
uint8_t *bb_entry(struct bb *b);           /* of no conditions; valid until more is added */
void bb_match(struct bb *b, const char *name, uint8_t rev, const void *info, size_t size);
void bb_target(struct bb *b, const char *name, uint8_t rev, const void *info, size_t size);
void bb_verdict(struct bb *b, int32_t v);
void bb_policy(struct bb *b, unsigned hook, int32_t v);        /* an entry that is the hook's underflow */
void bb_head(struct bb *b, const char *chain);                 /* ERROR entry */
uint32_t bb_offset(const struct bb *b);                        /* of the next entry: what a jump's verdict holds */
void bb_proto(struct bb *b, uint16_t proto, uint8_t invflags); /* of the last entry */
void bb_end(struct bb *b);                                     /* the last ERROR entry, and the head */
void bb_free(struct bb *b);

/* The filter table whose chains are empty but for what `rule` adds to INPUT. */
void bb_filter(struct bb *b, uint8_t family, void (*rule)(struct bb *b, void *arg), void *arg);

/* Do entries follow one another to the end, each with a target, and few enough for mutate()? Sets b->n. */
bool bb_has_form(struct bb *b);

/* Members of the head, for spoiling them. */
uint8_t *bb_num_entries(struct bb *b);
uint8_t *bb_size(struct bb *b);
uint8_t *bb_num_counters(struct bb *b);
uint8_t *bb_at(struct bb *b, uint32_t offset); /* byte of the entries */

#endif
