/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/image.h"

void bf_image_free(struct bf_image *img)
{
	if (img)
		bf_arena_free(img->arena); /* the image lies in its own arena */
}
