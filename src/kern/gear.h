/* SPDX-License-Identifier: GPL-2.0-only */
/* gear.h: programs of a live unit that learn something (gear.c). Inside kern/ only. */
#ifndef BF_KERN_GEAR_H
#define BF_KERN_GEAR_H

#include "kern/txn.h"

/* u's pins are those of the live unit, in the idle slot: what a geared image shares with it goes to u->loaded. */
int bf_gear_take(struct txn *t, struct txn_unit *u);

#endif
