/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dispatch.h: dispatchers, the only programs that are attached to hooks.
 *
 *   hook ──▶ dispatcher n ──gen & 1 == 0──▶ dispatch[n]       program of slot 0
 *                         └─gen & 1 == 1──▶ dispatch[64 + n]  program of slot 1
 *
 * The generation word is read from the map's memory and the prog array is
 * indexed with constants (a direct jump: +1 ns). Both elements hold a program
 * from before the link exists until it is gone: the unit's, ACCEPT where its
 * ruleset has none for the hook, or STOP in a slot that is not live. Should
 * one be missing all the same, the packet is dropped. Each kind of hook but
 * netfilter's has an array of its own: all programs in one must be of a kind.
 *
 * Places: 4 in a row below the wished priority, since the companion and the
 * backstop sit beside the dispatcher (companion.h). For 0: -3, else -7, -11, ...
 */
#ifndef BF_KERN_DISPATCH_H
#define BF_KERN_DISPATCH_H

#include "kern/ns.h"
#include "kern/unit.h"

/* A program for a hook that always says the verdict. Its descriptor or -errno. */
int bf_const_prog(const char *name, uint8_t hook, int verdict, struct bf_diag *d);

/* The dispatcher of that place, or -ENOENT; anywhere: also where its link stands at what has another name now, or at nothing
 * any more. unit NULL: whosever it is. */
int bf_dispatch_find(struct bf_ns *ns, const char *unit, const struct bf_unit_place *p, bool anywhere);
/* So many stand elsewhere than they should, and could: a device or control group came, again, under its name. */
unsigned bf_dispatch_astray(struct bf_ns *ns);
bool bf_dispatch_linked(const struct bf_ns *ns, unsigned n);
/* Makes one; both slots get program `accept`. Its number or -errno. */
int bf_dispatch_make(struct bf_ns *ns, const char *unit, const struct bf_unit_place *p, int accept, struct bf_diag *d);
/* It is that unit's from now on. */
void bf_dispatch_give(struct bf_ns *ns, unsigned n, const char *unit, const struct bf_unit_place *p);
/* Puts the backstop program behind it, unless it is there. */
int bf_dispatch_backstop(struct bf_ns *ns, unsigned n, int prog, struct bf_diag *d);
bool bf_dispatch_has_backstop(const struct bf_ns *ns, unsigned n);
void bf_dispatch_remove_backstop(struct bf_ns *ns, unsigned n);
void bf_dispatch_remove(struct bf_ns *ns, unsigned n);
/* What dispatcher n runs when that slot is live. */
int bf_dispatch_set(struct bf_ns *ns, unsigned slot, unsigned n, int prog);

#endif
