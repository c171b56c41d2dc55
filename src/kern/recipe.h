/* SPDX-License-Identifier: GPL-2.0-only */
/* recipe.h: can the kernel objects of one image serve another? Inside kern/ only. */
#ifndef BF_KERN_RECIPE_H
#define BF_KERN_RECIPE_H

#include "base/buf.h"
#include "base/image.h"

struct bf_given_maps;

/* Appends the recipe. state_len: bytes that are stored with it. -ENOENT: its objects cannot be used again, or are too
 * large to be kept for it; -ENOMEM. */
int bf_recipe_make(const struct bf_image *img, const struct bf_given_maps *given, size_t state_len, struct bf_buf *out);

/* Is section n the same in both? 0: the maps; 1 + i: program i. What is cut off is not. */
bool bf_recipe_same(const void *a, size_t a_len, const void *b, size_t b_len, uint32_t n);

#endif
