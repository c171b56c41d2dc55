/* SPDX-License-Identifier: GPL-2.0-only */
/* check.h: what the steps of checking a blob share. */
#ifndef BF_XT_CHECK_H
#define BF_XT_CHECK_H

#include "front/xtables/blob.h"

struct bf_xt_decode {
	struct bf_xt_blob blob;
	struct bf_xt_head head; /* blob.head while it is being filled */
	struct bf_arena *arena;
	struct bf_xt_cache cache;
};

/* Finds loops and sets comefrom of each entry to the hooks that reach it (loops.c). -ELOOP, -ENOMEM. */
int bf_xt_mark_hooks(struct bf_xt_decode *c, struct bf_diag *d);

/* Step 5 for one entry, brought into the form in which it is read back. place: its number in b, or another's that messages
 * shall name. */
int bf_xt_check_entry(const struct bf_xt_blob *b, uint8_t *e, uint32_t place, struct bf_xt_cache *cache, struct bf_diag *d);

#endif
