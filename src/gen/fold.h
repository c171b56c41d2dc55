/* SPDX-License-Identifier: GPL-2.0-only */
/* fold.h: a linked program without what its configuration makes superfluous (fold.c). */
#ifndef BF_FOLD_H
#define BF_FOLD_H

#include "base/image.h"

/*
 * Rewrites p->insns, p->relocs and p->funcs in place; they only get fewer.
 * config: the first bytes of the map "config", whose index is `map`. -ENOMEM: nothing is changed.
 */
int bf_fold(struct bf_prog_image *p, uint32_t map, const void *config, uint32_t size);

#endif
