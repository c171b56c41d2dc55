/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h: an image's maps and programs in the kernel, not yet attached or
 * pinned. Transactions build upon it; tests run the programs by
 * bf_prog_run (sys.h).
 */
#ifndef BF_KERN_LOAD_H
#define BF_KERN_LOAD_H

#include "base/diag.h"
#include "base/image.h"
#include "base/progress.h"
#include "kern/types.h"

struct bf_loaded {
	uint32_t n_maps, n_progs;
	int *maps;  /* descriptors, in the image's order */
	int *progs;
};

/* Maps that are there already and stay their owner's; -1: make one from its specification. */
struct bf_given_maps {
	int handoff, pending, assist;
	const char *base; /* not a map: where answers about the kernel's types are kept (types.h), or NULL */
	const char *dir; /* nor this: where the unit's present pins are, or NULL */
	const struct bf_progress *progress; /* nor this: who waits; may be NULL */
};

/* Makes maps, then programs. given NULL: nothing is. The image stays as it is. Everything is closed again on error. */
int bf_load(struct bf_loaded *out, const struct bf_image *img, const struct bf_given_maps *given, struct bf_diag *d);
/* In two steps: room for all descriptors, none there yet; then what is still missing. Closed again on error. */
int bf_loaded_open(struct bf_loaded *out, const struct bf_image *img);
int bf_load_rest(struct bf_loaded *l, const struct bf_image *img, const struct bf_given_maps *given, struct bf_diag *d);
void bf_loaded_close(struct bf_loaded *l);
#define _cleanup_loaded_ _cleanup_(bf_loaded_close)

/* The given map for s, or -1. */
int bf_given_map(const struct bf_map_spec *s, const struct bf_given_maps *given);

/* The descriptor of the first map with that role, or -1. */
int bf_loaded_map(const struct bf_loaded *l, const struct bf_image *img, enum bf_map_role role);

/* One map, filled, frozen where its role says so. Its descriptor or -errno. */
int bf_map_make(const struct bf_map_spec *s, struct bf_diag *d);

/* Writes bytes of a mmapable array; from NULL: zeroes. */
int bf_map_write(int fd, size_t at, const void *from, size_t len);

/* Writes all of a mmapable map anew: init, then zeroes. */
int bf_map_refill(int fd, const struct bf_map_spec *s);

/* Bytes that a mmapable array's elements take. */
size_t bf_map_bytes(uint32_t value_size, uint32_t max_entries);

/* Calls of a number from this one on: what relocation number - BF_FORBIDDEN asks for this kernel has not. */
#define BF_FORBIDDEN 0x7bf00000u

/* Puts this kernel's ids, offsets and the maps' descriptors into a copy of the instructions. */
int bf_relocate(const struct bf_prog_image *p, struct bpf_insn *insns, const int *maps, uint32_t n_maps,
                struct bf_types *types, struct bf_diag *d);

/* Types for the kernel that say which functions stand apart: a descriptor, and a record for each function. */
int bf_funcs_describe(const struct bf_prog_image *p, struct bpf_func_info *info);

/* Loads a program; only when the kernel refuses it a second time with the verifier's log, whose end is reported. */
int bf_prog_load_diag(const char *name, uint8_t hook, const struct bpf_insn *insns, uint32_t n, struct bf_diag *d);

#endif
