/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tidy.h: cells once more, when all of them are there. Rules are lowered one by
 * one, so a packet is asked again and again for what is known of it by then:
 *
 *   -d 10.1.0.9 -p tcp --dport 80     ──▶     daddr ── proto ── ports ─┬─ 80
 *   -d 10.1.0.9 -p tcp --dport 443                                     ├─ 443
 *   -o br2 -m conntrack ...                   oif ─┬─ br2 ── ctstate   └─ ...
 *   -o br2 -j DOCKER                               ├─ br3 ── ...
 *   -o br3 ...                                     └─ (one look into a table, however many there are)
 *
 * thread.c   ways that skip tests whose answer is known
 * branch.c   one cell for a sequence of tests of one thing; one draw for a sequence of rules that go by chance
 * tidy.c     what is left moves together
 *
 * Counting cells stay where they were on each packet's way, so nothing changes but time. Only tables that have class
 * data are done so: straight code has its own ways. What changes in place may lead to cells that bf_link_* names
 * (patch_link.h), by ways that are not there yet: of packets that come to them nothing is known.
 */
#ifndef BF_TIDY_H
#define BF_TIDY_H

#include "gen/build.h"

#define BF_FACTS 8 /* kept of each cell, at most */

struct bf_facts { /* tests that were passed: index << 1 | missed. Below n_cells it is a cell's, behind that l->asked's */
	uint32_t n, fact[BF_FACTS];
};

struct bf_tidy_cell {
	uint32_t pending;     /* ways from cells that were not looked at yet */
	bool entered;         /* from elsewhere than from cells */
	bool reached;         /* some packet gets there; then: */
	struct bf_facts facts; /* what is known of all of them */
};

struct bf_tidy {
	struct bf_lower *l;
	uint32_t n; /* cells that were lowered; what branch.c adds stands behind them */
	struct bf_tidy_cell *cell;
	uint32_t *todo, n_todo; /* room for n of them */
};

enum { BF_WAY_HIT = 1, BF_WAY_MISS = 2 };
/* Which of a cell's numbers are ways on. (Those of SWITCH and to a run's targets stand in the class data.) */
unsigned bf_cell_ways(const struct bf_cell *c);

/* A packet may come to that cell from elsewhere: n of l->asked hold for it, from `first` on. */
void bf_thread_enter(struct bf_tidy *t, uint32_t cell, uint32_t first, uint32_t n);
void bf_thread(struct bf_tidy *t);
/* Packets always take one way from here: where they get. */
uint32_t bf_thread_end(const struct bf_lower *l, uint32_t cell);
/* Words of the key that are the same wherever a packet is. */
bool bf_thread_is_fixed(const struct bf_cell *c);

void bf_branch(struct bf_tidy *t);
void bf_chance(struct bf_tidy *t);

#endif
