/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch_link.h: what a change in place has to know of the table as it was
 * compiled (bf_image.link). It is stored with the unit and read by the same
 * version of the library: native sizes and byte order, 8-aligned. Its magic has
 * the print of the programs (gen/link.h), for these walk the data that a change
 * writes: of a table that another version compiled nothing is changed in place.
 *
 *   struct bf_link_head | struct bf_link_root [n_roots] | struct bf_link_run [n_runs] | struct bf_link_chain [n_chains]
 *   | struct bf_link_entry [n_chains][n_passes] | struct bf_link_param [n_params] | struct bf_known_set [n_known]
 *   | struct bf_known_verdict [n_verdicts] | struct bf_handoff_spec [n_codes]
 *
 * What programs can do may become more (bf_gen_gear): then roots and codes are others. The rest stays.
 */
#ifndef BF_PATCH_LINK_H
#define BF_PATCH_LINK_H

#include "gen/build.h"

#define BF_LINK_MAGIC 0x376b6c62 /* "blk7" */

struct bf_link_head {
	uint32_t magic; /* ^ bf_rt_print */
	uint32_t n_runs, n_chains, n_passes, n_params, n_codes, n_known, n_verdicts, n_roots;
	uint32_t hz;
	uint32_t log_room;              /* so many hand-offs to go on after may come to the ways of a packet; 0: none ever */
	uint64_t passes;                /* bits: those for which chains were lowered (plan.h) */
	uint32_t class_at, class_half;  /* places: the half of version bit v begins at class_at + v * class_half */
	uint32_t cells_at, cells_half;  /* cells, likewise */
	uint32_t params_at, params_half; /* bytes of the map "params", likewise; half 0: there are none */
	uint32_t slots_at;              /* parameters of a rule that came, of its matches with a state: BF_LINK_SLOT */
	uint32_t n_rules, n_counters;   /* those of the table when it was compiled, and all that there are: of rules that come, too */
	uint32_t max_codes;             /* bf_companion.max_codes_per_packet */
	uint32_t stripes, places;       /* of the counters' map: copies, and how many in each */
	uint32_t n_moved;
	struct bf_moved_counter moved[BF_MOVED_COUNTERS];
	uint8_t headers;                /* plan.h */
	uint8_t codes;                  /* there are generated functions; each program has those that it could get to */
	uint8_t fixed;                  /* programs stay as they are: there is more to them than what is told here */
	uint8_t conntrack;
	uint8_t pad[4];
};

struct bf_link_run {
	uint32_t chain;
	uint32_t pass;     /* plan.h */
	uint32_t from, to; /* its rules in the chain */
	uint32_t first, last; /* what comes before these rules, or one between them, is its */
	uint32_t gap;      /* between orders */
	uint32_t head;     /* place; of a gate: none */
	uint32_t gate;     /* its cell; BF_NO_CELL: it is a run */
	uint32_t start;    /* of a gate: cell where its piece begins */
	uint32_t miss;     /* cell behind the run or piece, or BF_NO_CELL */
	uint32_t ret;      /* cell where RETURN leads, or BF_NO_CELL: to nowhere */
	uint32_t roots;    /* bits: whose packets come here */
};

struct bf_link_chain {
	uint32_t end;      /* the first rule that no packet gets past; the chain's length: none */
	uint32_t indexed;
	uint32_t visits, codes; /* plan.h */
	uint32_t leaves;   /* a base chain: rules lead to its policy from elsewhere than its end */
};

struct bf_link_entry { /* of a chain, in a pass */
	uint32_t cell;     /* the first one of a chain that does not return, or BF_NO_CELL */
	uint32_t roots;    /* whose packets come there: others' programs may lack what it needs */
	uint32_t insts;    /* so many times it was lowered */
};

struct bf_link_param { /* of a match in a gate's piece, which may have a state */
	uint32_t chain, rule;
	uint16_t cond, nth; /* condition of the rule, and which of its parameters */
	uint32_t at;        /* among all parameters */
};

struct bf_link_root { /* a program */
	struct bf_rt_config config; /* of gen.c, as class_first: 0 until bf_link_put_roots */
	struct bf_uses uses;
	uint32_t chain;
	uint8_t family;
	uint8_t class_first; /* it begins with a run */
	uint8_t pad[2];
};

struct bf_link {
	const struct bf_link_head *head;
	const struct bf_link_root *roots;
	const struct bf_link_run *runs;
	const struct bf_link_chain *chains;
	const struct bf_link_entry *entries;
	const struct bf_link_param *params;
	const struct bf_handoff_spec *codes;
	const struct bf_known_set *known;
	const struct bf_known_verdict *verdicts;
};

/* Its parts; false: it is none of ours. */
bool bf_link_open(const void *link, size_t len, struct bf_link *out);

/* What all programs of those roots can do. */
struct bf_uses bf_link_uses(const struct bf_link *l, uint32_t roots);
/* Bytes of a link, as its head says. */
size_t bf_link_size(const struct bf_link_head *h);
/* Its programs, and where counters lie, once that is known. */
void bf_link_put_roots(struct bf_link_head *h, const struct bf_rt_config *configs, const bool *class_first, const struct bf_image *img);

/*
 * Parameters of rules that came: so many bytes for each of the first that may come, by the number of its counter. The last
 * 8 are not 0 when they have been written: a rule may come where no packet gets to for now.
 */
enum { BF_LINK_SLOT = 64, BF_LINK_SLOTS = 512, BF_LINK_SLOT_USED = BF_LINK_SLOT - 8 };
/* There are so many. */
static inline uint32_t bf_link_slots(const struct bf_link_head *h)
{
	return BF_MIN(h->n_counters - h->n_rules, (uint32_t)BF_LINK_SLOTS);
}
/* Levels and tests that class data has at least where rules may come. */
enum { BF_LINK_LEAST = 2 };

/* So many hand-offs to go on after may come to the ways of a packet, where there are some. */
enum { BF_LINK_LOGS = 8 };

struct bf_gear { /* what programs have to learn (bf_gen_gear) */
	bool wanted;
	struct bf_uses roots[BF_ROOTS_MARKED];
	const struct bf_handoff_spec *codes; /* all */
	uint32_t n_codes;
	bool logs; /* hand-offs to go on after come, where none were, */
	uint32_t drop_code; /* and then the number of this one */
};
void bf_gear_add(struct bf_uses *to, const struct bf_uses *more);
/* The link that goes with it, the companion's tag still that of before; memory from a. NULL: it cannot be. */
struct bf_link_head *bf_gear_link(const struct bf_link *l, const struct bf_gear *g, struct bf_arena *a);

/* Which entry of a chain is that of a pass. */
static inline uint32_t bf_link_pass(const struct bf_link_head *h, unsigned pass)
{
	return (uint32_t)__builtin_popcountll(h->passes & ((1ull << pass) - 1));
}

#endif
