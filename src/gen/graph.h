/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * graph.h: what a table becomes before it becomes programs: one run of cells
 * (rt/abi.h) with a starting cell for each base chain, the parameters of its
 * special matches, and what the kernel shall do or answer beside them. Both
 * ways to programs (cells as data, straight code) start from here.
 */
#ifndef BF_GRAPH_H
#define BF_GRAPH_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/image.h"
#include "gen/gen.h"
#include "match/match.h"
#include "rt/abi.h"

struct bf_uses { /* what cells use, as bits; see struct bf_rt_config */
	uint32_t needs, ops, loaders, specials;
	uint32_t assists; /* answers of the kernel's matches */
	uint32_t structs; /* kinds of structures in the class data */
	uint32_t levels, tests, trees; /* of a tree, of a service, of a run: at most; changes in place included, but for tests of runs' */
	uint32_t runs;    /* 1: there are some, which changes in place may give deltas; not only gates */
};

struct bf_graph_run { /* a run of rules that is class data */
	uint32_t head;           /* its place there; CLASS cells name it */
	const uint32_t *targets; /* the cells its rules lead to */
	uint32_t n_targets;
};

struct bf_code { /* one of them */
	const struct bf_bytecode *filter;
	const struct bf_program *program;
	uint8_t family; /* of the packets that program sees, 0: neither */
};

struct bf_users_func { /* a function that is made for users' functions: what it asks (rt/users.h) */
	const char *symbol;
	enum { BF_USERS_CLASS, BF_USERS_SHORT, BF_USERS_LONG } how;
	uint32_t place;  /* CLASS: head; else: of its parameters */
	uint32_t what;   /* CLASS: words of the key; else: BF_USERS_WHAT */
	uint64_t object; /* its id, where it is one */
};

/* codes[code]; goes on to the next one when it matches, or when it does not. */
#define BF_STEP(code, on_match) ((code) << 1 | (on_match))
#define BF_STEP_END UINT32_MAX

struct bf_graph_root { /* a base chain, for packets of one family or of all */
	const struct bf_chain *chain;
	uint8_t family;      /* NFPROTO_IPV4, NFPROTO_IPV6; NFPROTO_NETDEV: all that its hook sees, */
	uint32_t start;      /* its first cell; of all families: IPv4's, */
	uint32_t start_ip6, start_other; /* IPv6's, and that of what is neither */
	struct bf_uses uses; /* by everything it can reach */
	uint32_t depth;      /* deepest nesting of CALL cells */
};

struct bf_graph {
	struct bf_cell *cells;
	uint32_t n_cells;
	uint8_t *params; /* first bytes of the map "params" */
	uint32_t n_params;
	uint32_t *class; /* first words of the map "class" (rt/class.h) */
	uint32_t n_class;
	const struct bf_graph_run *runs; /* ascending by head */
	uint32_t n_runs;
	struct bf_graph_root *roots; /* none: nothing to do in any hook */
	uint32_t n_roots;
	const struct bf_code *codes;
	uint32_t n_codes;
	const struct bf_users_func *users; /* what users' functions call */
	uint32_t n_users;
	const uint32_t *steps; /* BF_STEP(...) of CODE cell `lo` is steps[lo]; behind those of each run BF_STEP_END (steps.c) */
	uint32_t n_steps;
	uint32_t drop_code; /* see struct bf_rt_config */
	uint32_t spare_cells, spare_counters, spare_params; /* room for changes in place, behind what is used */
	void *link;         /* what they have to know (patch_link.h); NULL: there can be none */
	size_t link_len;
	const struct bf_set_place *places; /* sets that change in place */
	uint32_t n_places;
	struct bf_map_spec *lives; /* hashes of sets that rules change (role BF_MAP_LIVE), those with short keys first, */
	uint32_t n_lives, n_short; /* so many of these */
	bool conntrack;     /* some rule of the table, reachable or not, looks at connections */
	struct bf_companion companion;
	const struct bf_piece *pieces; /* gen/explain.h, when opts say so */
	uint32_t n_pieces;
	const char *sets; /* likewise */
};

/* Pairs of words that a BRANCH cell's table has. */
static inline uint32_t bf_branch_slots(const struct bf_cell *c)
{
	return 1u << (32 - c->span);
}

/* Lowers t; what g points to lives in arena a. -errno with a diagnostic. */
int bf_graph_build(struct bf_graph *g, struct bf_arena *a, const struct bf_table *t, const struct bf_gen_opts *o,
                   struct bf_diag *d);

/* One line of text for each cell (golden tests). */
void bf_cells_print(struct bf_buf *out, const struct bf_cell *cells, uint32_t n);

#endif
