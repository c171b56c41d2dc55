/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elems.h: the elements of a named set, in order: found, joined, checked
 * against each other. A key is a box, a range for each part of the set's type;
 * a single value is a range of one.
 *
 *   type ipv4_addr . inet_service      10.0.0.0/8 . 80   =   [10.0.0.0, 10.255.255.255] x [80, 80]
 */
#ifndef BF_NELEMS_H
#define BF_NELEMS_H

#include "front/native/native.h"

struct bf_nelem {
	struct bf_ast_elem *el;
	bf_u128 *box; /* lo, hi of each part */
	bool fresh;   /* of this command */
};

struct bf_nelems {
	struct bf_arena *arena;
	const struct bf_ast_set *set;
	struct bf_types types;
	struct bf_nelem *v; /* sorted */
	uint32_t n, cap;
};

enum bf_nelem_wrong {
	BF_ELEM_OK,
	BF_ELEM_MEMORY,
	BF_ELEM_EXISTS,  /* and this was to create it */
	BF_ELEM_DATA,    /* exists, with other data */
	BF_ELEM_OVERLAP,
	BF_ELEM_ABSENT,
	BF_ELEM_RANGE,   /* the set has no intervals */
	BF_ELEM_VALUE,   /* its key is not constant */
	BF_ELEM_FULL,    /* the set's size */
};

struct bf_nelem_error {
	enum bf_nelem_wrong what;
	const struct bf_ast_elem *el, *other; /* other: what it is in conflict with */
};

/* Of a set whose elements are all right. NULL: out of memory. */
struct bf_nelems *bf_nelems_new(struct bf_arena *a, const struct bf_ast_set *set);
void bf_nelems_free(struct bf_nelems *s);

/*
 * All of e (a SET) are added, or nothing. added() is called with each that is new. create: none may be there already.
 */
struct bf_nelem_error bf_nelems_add(struct bf_nelems *s, const struct bf_ast_expr *e, bool create,
                                    void (*added)(void *arg, const struct bf_ast_elem *el), void *arg);
/* bare: it is no mistake when one is not there. gone() is called with each that goes. */
struct bf_nelem_error bf_nelems_delete(struct bf_nelems *s, const struct bf_ast_expr *e, bool absent_is_fine,
                                       void (*gone)(void *arg, const struct bf_ast_elem *el), void *arg);
/* The element with exactly this key, or (intervals) the one it lies in. el: NULL when there is none. */
struct bf_nelem_error bf_nelems_get(struct bf_nelems *s, const struct bf_ast_elem *key);
/* As an expression; NULL: none, or out of memory. */
struct bf_ast_expr *bf_nelems_expr(struct bf_nelems *s);

#endif
