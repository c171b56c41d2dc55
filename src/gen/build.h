/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h: the builder's state, private to gen/. lower.c adds cells and binds
 * labels, fields.c lowers one field condition, chains.c walks the chains,
 * plan.c decides beforehand which chain is copied, linked or called.
 *
 * Labels. A label is unbound, stands for a cell, or is another name of a label
 * (union-find). `here` is the label of the place where the next cell will go:
 * binding a label here makes it a name of `here`, adding a cell binds `here`,
 * and "continue at label x" makes `here` a name of x, so that control flow
 * between rules costs no cell. No `here` means that nothing leads to this
 * place, cells added there vanish; binding a label that nobody used does not
 * change that. Who binds a label before its first use says so (bf_lower_use).
 */
#ifndef BF_BUILD_H
#define BF_BUILD_H

#include "gen/explain.h"
#include "gen/graph.h"
#include "gen/idmap.h"
#include "gen/lower.h"
#include "gen/plan.h"
#include "rt/class.h"
#include "rule/set.h"

#define BF_NO_LABEL UINT32_MAX
#define BF_NO_CELL UINT32_MAX

enum bf_label_kind { BF_LABEL_UNBOUND, BF_LABEL_CELL, BF_LABEL_ALIAS };

struct bf_label_slot {
	uint32_t kind : 2;
	uint32_t used : 1; /* something leads there */
	uint32_t to : 29;
};

#define BF_ROOTS_MARKED 32

struct bf_inst { /* a chain as it is lowered once, with its way back */
	uint32_t chain;  /* index into the plan */
	bf_label ret;    /* where RETURN leads; l->ret when that is on the stack */
	bf_label first;  /* first + i: rule i; first + n_rules: the chain's end */
	bf_label last;   /* its policy: behind the chain's end, where a gate may stand */
	bool copied;     /* one of several copies: everything below it is a copy too */
	enum bf_sorts set; /* of packets that it sees; what it enters sees the same */
	uint8_t pass;    /* set and family */
	struct bf_uses uses; /* its own; after summing up: of all it reaches */
	uint32_t depth;  /* after summing up: deepest nesting of calls from here on */
	uint32_t edges;  /* last of its edges, linked by edge.next; BF_IDMAP_NONE: none */
	uint32_t roots;  /* bits: those that reach it, unless there are more than BF_ROOTS_MARKED */
	uint8_t state;   /* of the summing walk */
};

struct bf_inst_edge {
	uint32_t callee, next;
	bool push;
};

struct bf_lower_target { /* a place in the class data that gets the number of a cell */
	uint32_t place;
	bf_label to;
	uint32_t asked, n_asked; /* bf_lower.asked: what packets that get there were asked */
};

struct bf_lower_switch {
	uint32_t place, n;
	bf_label first;
};

struct bf_lower_run { /* a run of rules that is class data */
	uint32_t head;
	struct bf_lower_target *targets;
	uint32_t n_targets;
	uint32_t inst;     /* whose rules */
	uint32_t from, to; /* from .. to - 1 they are, */
	uint32_t gap;      /* rule i has the order (i - from + 1) * gap */
	bf_label miss;
	uint32_t rules, n_rules; /* see struct bf_class_stats */
};

/*
 * Rules outside of runs may change without compiling the table, too: where a piece of a chain begins that is cells, and
 * behind its last rule, there is a gate. It is a TEST of the version that leads to the same cell either way, until a change lets one of them lead to
 * another piece instead.
 */
struct bf_lower_gate {
	uint32_t inst, from, to; /* rules of the piece: up to the next run, or the chain's end */
	uint32_t cell;
	bf_label next, end;      /* the piece; what is behind it */
	bool behind_run, last;   /* what comes right behind the run is the run's; behind the last rule there is no piece */
};

/*
 * A set as it was compiled, for rules that come in place and look into it: by its id, or all objects (0). A set of single
 * fields has one for each kind of field that it is asked with.
 */
enum bf_known_kind { BF_KNOWN_OPEN, BF_KNOWN_EXACT, BF_KNOWN_LIVE };
#define BF_KNOWN_FLAGS (BF_SET_OPEN | BF_SET_SINGLE | BF_SET_EXACT | BF_SET_LIVE | BF_SET_BOXES)
struct bf_known_set {
	uint64_t set;
	uint64_t mask[2];    /* OPEN: of the field, high half first, as its */
	uint32_t bits, shift;
	uint32_t kind;
	uint32_t flags;      /* BF_KNOWN_FLAGS of the set */
	uint32_t at;         /* place of its head; LIVE: its number among those with keys of its kind */
	uint32_t structs;    /* OPEN: what programs need for it */
};
struct bf_known_verdict { /* of a map's: in the order of their numbers */
	uint64_t set;
	uint32_t kind;       /* enum bf_verdict_kind */
	uint32_t chain;      /* of the table, where it jumps */
};

struct bf_lower {
	struct bf_graph *g;
	struct bf_arena *arena;
	const struct bf_table *table;
	struct bf_plan plan;
	struct bf_diag *diag;
	uint32_t hz;
	int err;

	struct bf_cell *cells; /* hit and miss are labels until bf_lower_finish */
	uint32_t n_cells, cap_cells;
	uint32_t cell_base;    /* the number of cells[0] */
	struct bf_label_slot *labels;
	uint32_t n_labels, cap_labels;
	bf_label here;
	bf_label drop, accept, ret; /* shared cells, added at the end where used */
	/* What packets are like that see what is lowered: */
	enum bf_sorts set;
	uint32_t sorts;    /* the same as bits */
	uint8_t family;    /* NFPROTO_IPV4, NFPROTO_IPV6; 0: neither */
	enum bf_where where;
	unsigned pass;     /* bf_pass(where, fam, set) */
	struct bf_view_memo memo; /* of the table's conditions */

	struct bf_buf class; /* words of the map "class" */
	uint32_t spare_at, spare_half; /* room for deltas in it: two halves of so many words; 0: no run yet */
	struct bf_piece *pieces; /* noted when explain is asked for */
	uint32_t n_pieces, cap_pieces;
	bool explain;
	struct bf_lower_run *runs;
	uint32_t n_runs, cap_runs;
	struct bf_class_test *asked;
	uint32_t n_asked, cap_asked;
	uint32_t run_last;  /* the last rule of the run being lowered, */
	bf_label run_after; /* behind which packets come back here: there rules may come, too */
	struct bf_lower_gate *gates;
	uint32_t n_gates, cap_gates;
	bool gates_all;   /* all chains get them */
	bool gate_open;   /* the last one's piece has not ended yet */
	bf_label gated;   /* place of the rule where it stands */
	uint32_t class_min, own_max; /* see gen.h */
	uint64_t class_bytes;
	const struct bf_progress *progress;
	struct bf_pool *pool; /* shares what takes long */
	uint64_t rules, rules_done, rules_told; /* all that will be lowered, about; so far; when it was told last */

	struct bf_lower_set *sets; /* those in it */
	uint32_t n_sets, cap_sets;
	struct bf_idmap set_ids; /* place and content of a list of ranges -> number */

	struct bf_lower_open *opens; /* sets that change in place */
	uint32_t n_opens, cap_opens;
	struct bf_lower_exact *exacts; /* likewise, of several fields, and maps */
	uint32_t n_exacts, cap_exacts;

	struct bf_lower_found *found; /* sets that are class data (lookup_class.c) */
	uint32_t n_found, cap_found;
	struct bf_lower_data *data;   /* tables of elements' data (lookup.c) */
	uint32_t n_data, cap_data;
	struct bf_lower_switch *switches;
	uint32_t n_switches, cap_switches;
	const struct bf_set **lives;  /* live.c; NULL: the objects */
	uint32_t n_lives, cap_lives;

	struct bf_users_func *users;
	uint32_t n_users, cap_users;

	const struct bf_known_set *known; /* of a change in place */
	uint32_t n_known;
	uint32_t param_base; /* likewise: where `params` begins in the map */
	struct bf_uses idle; /* what rules that come will ask of programs who look into sets that no rule looks into yet */

	struct bf_buf params;
	struct bf_buf slots; /* of a change in place: parameters with a state. What is at slot_from and behind goes to slot_at, and behind */
	uint32_t slot_from, slot_at;
	struct bf_idmap param_ids; /* condition and ordinal -> offset in params: copies share their state */
	const struct bf_cond *cond; /* being lowered */
	uint32_t nth_param;        /* specials of cond so far */

	struct bf_buf handoffs, assists, codes; /* arrays, moved to the arena at the end */
	uint32_t n_handoffs, n_assists, n_codes;
	uint8_t n_values; /* words that answers take */
	struct bf_idmap content_ids; /* hash of content -> number */

	struct bf_inst *insts;
	uint32_t n_insts, cap_insts;
	uint32_t inst; /* being lowered */
	struct bf_inst_edge *edges;
	uint32_t n_edges, cap_edges;
	struct bf_idmap copies; /* chain and way back -> inst */
	uint32_t copy_budget;
};

bf_label bf_lower_labels(struct bf_lower *l, uint32_t n); /* n labels in a row */
bf_label bf_lower_find(struct bf_lower *l, bf_label label);
bool bf_lower_used(struct bf_lower *l, bf_label label);
void bf_lower_use(struct bf_lower *l, bf_label label);
void bf_lower_goto(struct bf_lower *l, bf_label to); /* continue at `to` */
struct bf_uses *bf_lower_uses(struct bf_lower *l);
struct bf_cell *bf_lower_cell(struct bf_lower *l, enum bf_cell_op op, bf_label hit, bf_label miss);
uint32_t bf_lower_add_cell(struct bf_lower *l, const struct bf_cell *c); /* its number; hit and miss are numbers of cells */
uint32_t bf_lower_param(struct bf_lower *l, const void *p, size_t size); /* its place in params; the condition's */
void bf_lower_handoff(struct bf_lower *l, const struct bf_action *a, bf_label next);
uint32_t bf_lower_drop_code(struct bf_lower *l); /* of a packet that is dropped, and has others */
void bf_lower_know_codes(struct bf_lower *l, const struct bf_handoff_spec *s, uint32_t n); /* numbers 0 .. n - 1 */
bf_label bf_lower_at(struct bf_lower *l, uint32_t cell); /* a label for a cell that is there */
uint32_t bf_lower_try_cell(struct bf_lower *l, bf_label label); /* the number of its cell, or BF_NO_CELL */
uint32_t bf_lower_cell_of(struct bf_lower *l, bf_label label); /* the number of its cell, at the end */
void *bf_lower_keep(struct bf_lower *l, const void *p, size_t size); /* a copy in the arena */
/*
 * sets.c: so many ranges, if they are enough for a set, in one cell. False: not to be had. A look into a set takes 12 to 15
 * ns; a tree of tests 1 ns for each doubling as long as packets are alike, so that the processor foresees the way, and 3
 * to 5 when they are not.
 */
#define BF_SET_MIN 64
bool bf_lower_set(struct bf_lower *l, const struct bf_field *f, bf_u128 mask, const struct bf_range *r, uint32_t n,
                  bf_label hit, bf_label miss);
/* The same for a set whose elements come and go; where it is noted, and all others of it, says bf_graph.places. */
bool bf_lower_open_set(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss, bf_label na);
void bf_lower_finish_sets(struct bf_lower *l);
/* Sets that commands change and no rule looks into, for rules that come; what these need goes to l->idle. */
void bf_lower_idle_sets(struct bf_lower *l);
bool bf_lower_idle_exact(struct bf_lower *l, const struct bf_set *s);
/* As struct bf_known_set, each kind of them, to out. */
void bf_lower_tell_opens(const struct bf_lower *l, struct bf_buf *out);
void bf_lower_tell_exacts(const struct bf_lower *l, struct bf_buf *out);
void bf_lower_tell_lives(const struct bf_lower *l, struct bf_buf *out);
/* Changes in place: the set (NULL: objects) as it was compiled, from *i on, which is behind it then. NULL: it was not, so. */
const struct bf_known_set *bf_lower_known(const struct bf_lower *l, enum bf_known_kind kind, const struct bf_set *s, uint32_t *i);
/* The set as it is looked into by whatever key; the place of its head, or 0. */
uint32_t bf_lower_any_set(struct bf_lower *l, const struct bf_set *s);
/* fields.c: its words are in the key then; na: it is not available. Not for fields of other families, or fixed ones. */
void bf_lower_fetch(struct bf_lower *l, const struct bf_field *f, bf_label na);

/* lookup.c */
uint32_t bf_lower_class_room(struct bf_lower *l, uint64_t n); /* words of the map "class": their place */
void bf_lower_switch(struct bf_lower *l, bf_label first, uint32_t n); /* to label first + scratch[0] */
void bf_lower_finish_switches(struct bf_lower *l);
void bf_lower_free_lookups(struct bf_lower *l);
/*
 * lookup_class.c: the set as class data, for keys all of whose parts the prologue fetches. *head: its place; 0: it cannot be
 * had. `needs` and structures in use are noted.
 */
void bf_lower_boxes(struct bf_lower *l, const struct bf_lookup *k, uint32_t *head);
/* live.c; what an element leads to, as it stands in the scratch words */
uint32_t bf_data_words(const struct bf_set *s);
void bf_datum_words(const struct bf_set *s, const union bf_datum *d, uint32_t *out);
void bf_lower_live(struct bf_lower *l, enum bf_live_verb verb, const struct bf_lookup *k,
                   const struct bf_element_change *c, bf_label hit, bf_label miss, bf_label na);
void bf_lower_finish_lives(struct bf_lower *l);
/* A cell that gathers the key and looks into the hash at that place of the class data. */
void bf_lower_gather(struct bf_lower *l, const struct bf_lookup *k, uint32_t head, bf_label hit, bf_label miss, bf_label na);
/* exact.c. False: the set cannot be had so, and not_exact() says that it is somewhere else. */
bool bf_lower_exact(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss, bf_label na);
void bf_lower_not_exact(struct bf_lower *l, const struct bf_set *s);
uint32_t bf_lower_exact_places(const struct bf_lower *l, struct bf_set_place *out); /* n_exacts of them at most */
void bf_lower_explain_exacts(const struct bf_lower *l, struct bf_buf *text);
/* Parameters for what is gathered elsewhere; its place among them. NULL: the objects. */
uint32_t bf_lower_live_params(struct bf_lower *l, const struct bf_set *s);
void bf_lower_live_use(struct bf_lower *l, const struct bf_set *s); /* who comes here does */

/* users.c: what a user's function asks of the table */
void bf_lower_users(struct bf_lower *l, const struct bf_program *p);
/* tidy.c: all cells once more, when hit and miss are numbers */
void bf_lower_tidy(struct bf_lower *l);
/* steps.c: CODE cells, when hit and miss are numbers */
void bf_lower_steps(struct bf_lower *l);
void bf_lower_resolve(struct bf_lower *l); /* shared cells; hit and miss become numbers */
void bf_lower_finish(struct bf_lower *l); /* resolves labels into g->cells and moves the rest */
void bf_lower_free(struct bf_lower *l);

/* Tells who waits that so many more rules are done, `ahead` others in part. May end it all with -ECANCELED. */
void bf_lower_progress(struct bf_lower *l, uint64_t more, double ahead);

void bf_lower_chains(struct bf_lower *l);

/* chains.c: of the instance being lowered */
enum bf_count { /* who counts a packet that matches */
	BF_COUNT_RULE, /* a COUNT cell that names the counter */
	BF_COUNT_SLOT, /* one that takes the counter that a CLASS cell found */
	BF_COUNT_DONE, /* a CLASS cell has */
};
void bf_lower_rule(struct bf_lower *l, uint32_t i);
void bf_lower_action(struct bf_lower *l, const struct bf_action *a);
/* Here; found: the counter of the rule that a run found, whichever. */
void bf_lower_count_here(struct bf_lower *l, uint32_t counter, bool found);
/* ACCEPT, DROP, and ACTION: the end of who is handed the packet. */
void bf_lower_leave(struct bf_lower *l, enum bf_verdict_kind kind);
/* Here: what a view leaves of rule i, and what it does. next: it does not match, or has no verdict. */
void bf_lower_view(struct bf_lower *l, uint32_t i, const struct bf_view *v, enum bf_count how, bf_label next);

/* classes.c: all its rules; runs to the map "class" at the end */
void bf_lower_rules(struct bf_lower *l);
void bf_lower_add_spare(struct bf_lower *l); /* room for deltas, when there is none yet */
void bf_lower_finish_runs(struct bf_lower *l);
void bf_lower_free_runs(struct bf_lower *l);

/* gates.c, of the instance being lowered: before rule `place`, here, whose label is bound. */
bool bf_lower_wants_gates(const struct bf_lower *l, const struct bf_plan_chain *c);
void bf_lower_gate(struct bf_lower *l, uint32_t place);
/* The piece that the gate opened, if there is one, ends before rule `place`: a run, or the chain's end, where the next is. */
void bf_lower_end_gate(struct bf_lower *l, uint32_t place);
/* Behind the last rule. */
void bf_lower_last_gate(struct bf_lower *l);
/* Is rule `place` of it right behind a run? */
bool bf_lower_behind_run(const struct bf_lower *l, uint32_t place);
/* Rule `place` begins here: as bf_lower_bind, unless the gate before it has done that. */
void bf_lower_bind_rule(struct bf_lower *l, uint32_t place);
void bf_lower_no_gates(struct bf_lower *l); /* nothing can change in place */

/* patch_link.c: what changes in place have to know, to g->link */
void bf_lower_finish_link(struct bf_lower *l);

static inline struct bf_inst *bf_lower_inst(struct bf_lower *l)
{
	return &l->insts[l->inst];
}

static inline struct bf_plan_chain *bf_lower_chain(struct bf_lower *l)
{
	return &l->plan.chains[bf_lower_inst(l)->chain];
}

#endif
