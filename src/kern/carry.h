/* SPDX-License-Identifier: GPL-2.0-only */
/* carry.h: what a unit's counters begin with (carry.c tells the story). Inside kern/ only. */
#ifndef BF_KERN_CARRY_H
#define BF_KERN_CARRY_H

#include "kern/txn.h"

/* Before the switch: what the change says is noted beside the unit in the idle slot. */
int bf_carry_prepare(const struct txn *t, const struct txn_unit *u);
/* Behind it, when no packet counts in the old unit any more. Nothing noted: nothing to do. An error (no memory, no
 * descriptors): the old unit has to stay until another try. */
int bf_carry_finish(const struct bf_ns *ns, unsigned slot, const char *unit);
/* What a killed writer has left of that, when no packet is in what it replaced any more. Needs the lock. */
int bf_carry_all(struct bf_ns *ns);

#endif
