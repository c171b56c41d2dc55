/* SPDX-License-Identifier: GPL-2.0-only */
/* corner.h: packets in boxes and on their borders. */
#ifndef BF_OPT_CORNER_H
#define BF_OPT_CORNER_H

#include "opt/class.h"

/*
 * A key (BF_KEY_WORDS words) of the box: each prefix, port range and test at its least or its greatest value, what is
 * not tested at random; sometimes one of them is just missed. `seed` says which. Tests that contradict each other are
 * not all met.
 */
void bf_class_corner(const struct bf_class_problem *p, uint32_t box, uint64_t seed, uint32_t *key);

/* One in the middle of the box. */
void bf_class_inside(const struct bf_class_problem *p, uint32_t box, uint64_t seed, uint32_t *key);

#endif
