/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lower.h: building the graph of cells. Used by lower.c for chains, rules and
 * fields, and by the files in match/ for their own tests.
 *
 * Emit without checking: the functions that add cells are void; the first
 * error sticks in the builder and bf_gen_table reports it.
 *
 * Labels stand for cells that may not exist yet. Each test is told where to go
 * on a hit and on a miss, so negation is a swap of two labels, and ranges,
 * sets and "all of these words" are chains of tests that share their labels.
 */
#ifndef BF_LOWER_H
#define BF_LOWER_H

#include "base/diag.h"
#include "match/match.h"
#include "rt/abi.h"

struct bf_lower;

/* Where what is lowered will run: what rules do to packets is done by others there. */
enum bf_where {
	BF_AT_NETFILTER, /* the companion does it */
	BF_AT_PACKET,    /* the program, when it ends (enum bf_out) */
	BF_AT_CALL,      /* likewise; a system call, or a socket */
	BF_WHERES,
};
enum bf_where bf_lower_where(const struct bf_lower *l);

bf_label bf_lower_label(struct bf_lower *l);            /* a new label, bound later */
void bf_lower_bind(struct bf_lower *l, bf_label label); /* the next cell added is its cell */
void bf_lower_error(struct bf_lower *l, int err);

/* Cells. `next` labels are bound by the caller. */
void bf_lower_test(struct bf_lower *l, uint8_t word, uint32_t mask, uint32_t lo, uint32_t hi, bf_label hit,
                   bf_label miss);
void bf_lower_load(struct bf_lower *l, enum bf_loader loader, uint64_t arg, bf_label hit, bf_label miss);
void bf_lower_special(struct bf_lower *l, enum bf_special id, const void *params, size_t size, bf_label hit,
                      bf_label miss);
void bf_lower_bytecode(struct bf_lower *l, const struct bf_bytecode *b, bf_label hit, bf_label miss);
void bf_lower_program(struct bf_lower *l, const struct bf_program *p, bf_label hit, bf_label miss);
void bf_lower_assist(struct bf_lower *l, const struct bf_assist *a, bf_label hit, bf_label miss);
void bf_lower_count(struct bf_lower *l, uint32_t counter, bf_label next);
void bf_lower_drop(struct bf_lower *l, bf_label at); /* bind `at` to the shared DROP cell */

/* A field in a list of ranges under a mask (all ones: 0). A loaded field is loaded first; not available -> miss_na. */
void bf_lower_field(struct bf_lower *l, const struct bf_field *f, bf_u128 mask, const struct bf_range *r, uint32_t n,
                    bf_label hit, bf_label miss, bf_label miss_na);

/* One condition that is not a guard, negation included. */
void bf_lower_cond(struct bf_lower *l, const struct bf_cond *c, bf_label hit, bf_label miss);

/* Sets, maps and objects (lookup.c). A part of a key that is not there leads where the rule does not match. */
int bf_lower_lookup(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss);
int bf_lower_element(struct bf_lower *l, const struct bf_element_change *c, bf_label hit, bf_label miss);
int bf_lower_object(struct bf_lower *l, const struct bf_object *o, bf_label hit, bf_label miss); /* NULL: the one found */
int bf_lower_generator(struct bf_lower *l, const struct bf_generator *g, bf_label hit);
int bf_lower_jhash(struct bf_lower *l, const struct bf_jhash *j, bf_label hit, bf_label miss);

/* Fields against fields, outputs (compare.c). */
int bf_lower_compare(struct bf_lower *l, const struct bf_compare *c, bf_label hit, bf_label miss);
int bf_lower_put_here(struct bf_lower *l, const struct bf_put *p);   /* likewise, and goes on even if it could not be read */
void bf_lower_output(struct bf_lower *l, enum bf_out out, uint32_t value); /* here, and goes on */
int bf_lower_put(struct bf_lower *l, const struct bf_put *p, bf_label hit, bf_label miss);

void bf_lower_need(struct bf_lower *l, uint32_t needs);
uint32_t bf_lower_hz(const struct bf_lower *l);
uint8_t bf_lower_family(const struct bf_lower *l); /* of the packets: NFPROTO_IPV4, _IPV6; 0: neither */

#endif
