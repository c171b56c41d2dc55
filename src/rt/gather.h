/* SPDX-License-Identifier: GPL-2.0-only */
/* gather.h: keys of LIVE cells. */
#ifndef BF_RT_GATHER_H
#define BF_RT_GATHER_H

#include "rt/kernel.h"

#define KEY_WORD(f, w) ((f)->key[(w) & (BF_KEY_WORDS - 1)])

static __always_inline __u32 gather(const struct bf_frame *f, const struct bf_rt_gather *g)
{
	return (KEY_WORD(f, g->word) >> (g->shift & 31) & g->mask) | (f->kept[g->kept & (BF_KEPT_WORDS - 1)] & g->kept_mask) |
	       g->constant;
}

#endif
