/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unit.h: what a slot stores of a unit. Inside kern/ only.
 *
 *   <unit>/state      array of pages: struct bf_unit_head, the companion's record, the recipe, the caller's bytes
 *   <unit>/counters   the image's counters map; one of our own when it has none but has counters
 *   <unit>/prog-<i>   its programs
 *   <unit>/journal    records of changes in place, if it can be patched (patch.c)
 *   <unit>/map-<name> the other maps, if the unit can be patched or has a recipe (spare.c)
 *   <unit>/map-<name> hashes of sets that rules change (live.c); they go on in the next unit of that name
 *   <unit>/base       what its counters began with; carry, last, last-base: until that is known (carry.c)
 *   <unit>/assist     map of the companion's assist chain, if it has one
 *
 * Nothing of it is exchanged while it lives, so a unit that a transaction does
 * not touch is carried into the next slot by linking its pins there.
 */
#ifndef BF_KERN_UNIT_H
#define BF_KERN_UNIT_H

#include "base/image.h"
#include "kern/ns.h"

enum { BF_UNIT_MAGIC = 0x62706675 };

struct bf_unit_place { /* a program at one hook; at several devices it has as many places */
	uint8_t family, hook, handoff, xdp_mode;
	uint32_t prog;
	int32_t wish;
	char at[BF_AT_MAX];
};

struct bf_unit_head {
	uint32_t magic;
	uint32_t n_counters, stripes, n_progs, n_places;
	size_t state_len, record_len, recipe_len;
	uint64_t recycled; /* not 0: its counters and other maps are another unit's by now */
	uint64_t companion; /* id of its nf_tables table, 0: none */
	struct bf_unit_place place[BF_UNIT_PLACES];
	struct bf_moved_counter moved[BF_MOVED_COUNTERS];
	uint32_t n_moved;
};

struct bf_unit {
	size_t mapped_len;
	const struct bf_unit_head *head;
	int counters_fd;                /* -1: it has none */
	int base_fd;                    /* what they began with (carry.c), or -1 */
	size_t counters_len;            /* of them, mapped when they are looked at: [stripes][n_counters] */
	size_t journal_len;             /* mapped */
	const struct bf_journal *journal; /* NULL: it cannot be patched */
	uint64_t version;               /* when it was opened */
	size_t records;                 /* bytes, then */
	void *copy;                     /* of them: another unit's may be written there one day (spare.c) */
};

/* A unit of a slot, by path. The lock is not needed, but without it -ENOENT may mean that a writer was here. */
int bf_unit_open_at(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit **out);
/* Only the head, which costs nothing however large the rest is. */
int bf_unit_peek(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit_head *out);
const void *bf_unit_record(const struct bf_unit *u, size_t *len);

/* Pins of a unit whose directory that is: a map; -1: it is not the unit's own; program i. Descriptors or -errno. */
int bf_unit_map(const char *dir, const struct bf_map_spec *m);
int bf_unit_prog(const char *dir, uint32_t i);

/* Maps a whole pinned array. */
int bf_unit_map_array(const char *path, bool write, void **p, size_t *len);

const void *bf_unit_recipe(const struct bf_unit *u, size_t *len);

/* Makes the map of a unit's head, record, recipe and the change's bytes. Its descriptor or -errno. */
int bf_unit_make_state(const struct bf_unit_head *h, const void *record, const void *recipe, const struct bf_change *c);
/* Makes the counters of a unit that has no program to count. */
int bf_unit_make_counters(uint32_t n);

#endif
