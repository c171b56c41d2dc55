/* SPDX-License-Identifier: GPL-2.0-only */
/* spare.h: the unit before the live one serves the next change (spare.c). Inside kern/ only. */
#ifndef BF_KERN_SPARE_H
#define BF_KERN_SPARE_H

#include "kern/txn.h"

/*
 * Makes u of the spare if that fits: its pins are then in the idle slot, its maps are filled anew, and the descriptors
 * of all maps, and of those programs that are the same, are in u->loaded. u->recipe has been made. False: it does not.
 */
bool bf_spare_take(struct txn *t, struct txn_unit *u, const struct bf_given_maps *given);

/* Will the unit that u replaces be kept? */
bool bf_spare_wanted(const struct txn_unit *u);
/* Behind the switch, when no packet is in it any more: keeps it, if wanted, instead of what was kept before. */
void bf_spare_keep(struct txn *t, const struct txn_unit *u);

#endif
