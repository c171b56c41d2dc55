/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * txn.h: a change in the making. Inside kern/ only; txn.c tells the story.
 */
#ifndef BF_KERN_TXN_H
#define BF_KERN_TXN_H

#include "kern/companion.h"
#include "kern/dispatch.h"
#include "kern/grace.h"
#include "kern/load.h"
#include "kern/ns.h"
#include "kern/unit.h"

struct txn_unit {
	const char *name;
	const struct bf_change *change; /* NULL: carried over as it is */
	struct bf_unit *old;            /* NULL: it is new */
	bool gone;                      /* not in the next generation */
	struct bf_unit_head head;       /* of the next generation */
	unsigned dispatcher[BF_UNIT_PLACES]; /* by place */
	struct bf_loaded loaded;        /* of a changed one */
	struct bf_buf recipe;           /* of a changed one; empty: its objects are of no use to later ones */
	bool taken;                     /* made of the spare; its pins are in the idle slot */
	bool reused[BF_UNIT_PROGS];     /* then: these programs as well */
	struct bf_comp *comp;
};

struct txn {
	struct bf_ns *ns;
	struct bf_diag *d;
	unsigned live, idle; /* slots */
	struct bf_buf names; /* of the live units */
	struct txn_unit *units;
	uint32_t n_units;
	int accept[BF_HOOKS], stop[BF_HOOKS]; /* programs, by bf_hook_array, or 0: not needed so far */
	struct bf_grace grace;
	bool counting;                 /* the old generation has programs */
	bool exists[BF_DISPATCHERS];   /* dispatchers with a link */
	bool made[BF_DISPATCHERS];     /* those that this transaction made */
	bool wanted[BF_DISPATCHERS];   /* those of the next generation */
	bool backstop[BF_DISPATCHERS]; /* those of them that need a backstop */
	bool backstop_made[BF_DISPATCHERS];
	bool companion; /* some unit of the next generation has one */
	struct bf_companion_maps maps;
	struct bf_nft *nft; /* NULL: no tables, before and after */
};

/* txn_units.c: which units there are, and what the next generation needs. */
int bf_txn_units(struct txn *t, const struct bf_change *changes, uint32_t n);
void bf_txn_units_free(struct txn *t);

/* txn_comp.c: the companions. */
int bf_txn_comp_open(struct txn *t, struct txn_unit *u);
int bf_txn_comp_maps(struct txn *t);
int bf_txn_comp_build(struct txn *t);
void bf_txn_comp_sweep(struct txn *t, bool old);
void bf_txn_comp_close(struct txn *t);

/* txn_build.c: the idle slot. */
int bf_txn_build(struct txn *t);
/* The program of that verdict for a hook, loaded when it is needed first; of: t->accept or t->stop. Or -errno. */
int bf_txn_const(struct txn *t, int of[BF_HOOKS], uint8_t hook, int verdict);

#endif
