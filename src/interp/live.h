/* SPDX-License-Identifier: GPL-2.0-only */
/* live.h: the oracle's sets that rules change. Inside interp/ only. */
#ifndef BF_INTERP_LIVE_H
#define BF_INTERP_LIVE_H

#include "interp/interp.h"

struct bf_live;
struct bf_live *bf_live_new(void);
void bf_live_free(struct bf_live *l);
struct bf_live *bf_interp_live_sets(struct bf_interp *in); /* NULL: no memory */

#endif
