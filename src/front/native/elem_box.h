/* SPDX-License-Identifier: GPL-2.0-only */
/* elem_box.h: keys of elements as boxes (elems.h), and back. */
#ifndef BF_NELEM_BOX_H
#define BF_NELEM_BOX_H

#include "front/native/native.h"

/* box: lo, hi of each part. `*` is ~0, 0: behind all others, and it overlaps none. False: the key is not constant. */
bool bf_nbox_read(bf_u128 *box, const struct bf_ast_expr *key, const struct bf_types *t);

/* The canonical expression; parts that are no plain numbers are those of `like`, which has this box. NULL: no memory. */
struct bf_ast_expr *bf_nbox_expr(struct bf_arena *a, const bf_u128 *box, const struct bf_types *t,
                                 const struct bf_ast_expr *like);

/* Are elements of this type nothing but numbers, of how many bits? 0: no. */
unsigned bf_nbox_bits(const struct bf_types *t);
/* The canonical expression of such a one. */
struct bf_ast_expr *bf_nbox_number(struct bf_arena *a, const bf_u128 *box, const struct bf_types *t);

#endif
