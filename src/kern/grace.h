/* SPDX-License-Identifier: GPL-2.0-only */
/* grace.h: waiting until no packet is inside a hook that was inside when we began to wait. */
#ifndef BF_KERN_GRACE_H
#define BF_KERN_GRACE_H

#include "base/diag.h"

struct bf_grace {
	int inner, outer;
	bool fast; /* the expedited way is known to work here */
};

/* What can fail is done here, before a commit, so that waiting after it cannot. */
int bf_grace_prepare(struct bf_grace *g, struct bf_diag *d);
void bf_grace_wait(const struct bf_grace *g);
void bf_grace_close(struct bf_grace *g);
#define _cleanup_grace_ _cleanup_(bf_grace_close)
#define BF_GRACE_NONE { -1, -1, false }

/* grace_fast.c: does waiting by bf_grace_expedited work on this kernel? Found out once, kept in the directory `base`. */
bool bf_grace_is_fast(const char *base);
int bf_grace_expedited(void);

#endif
