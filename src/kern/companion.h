/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion.h: the kernel's own actions, run for our programs. A BPF_NETFILTER
 * program can only accept or drop; REJECT, LOG, NFLOG and matches such as
 * addrtype are done by nf_tables chains right beside it:
 *
 *   p - 1  assist chain     xt matches answer beforehand: bits in assist[skb]
 *   p      dispatcher       our program; notes hand-offs in handoff[skb]
 *   p + 1  companion chain  "noted for me?" (xt_bpf), then the kernel's action for each code, then the verdict
 *   p + 2  backstop         BPF_NETFILTER program: still noted -> forget it; was terminal -> drop
 *
 * None of the four places should be one that others use: a chain added later
 * at the same priority runs first. For a table at 0 take p = -3.
 *
 * Each unit with something to do has one nf_tables table "bpfilter-<unit>-<id>"
 * of its family. The maps `handoff` and `pending` are the namespace's: all
 * units and generations note there; the tag in an entry (bf_companion_tag, the
 * hash of what the codes mean) tells whose it is, so that old and new tables
 * can stand side by side during a change. `assist` belongs to one table.
 *
 * A transaction:
 *   for each unit of the next generation (changed or not)  bf_comp_open
 *   load programs (handoff, pending, bf_comp_assist_fd)
 *   bf_comp_build for each; bf_grace_wait if one said it changed something
 *   the switch
 *   bf_grace_wait: packets noted by the old programs have left the old tables
 *   bf_companion_sweep(ids to keep): the old tables, and what killed writers left
 * A transaction that fails before the switch sweeps with the old ids.
 */
#ifndef BF_KERN_COMPANION_H
#define BF_KERN_COMPANION_H

#include "base/diag.h"
#include "base/image.h"

/* A netlink socket to nf_tables of the network namespace the calling thread is in; it stays with that namespace. */
struct bf_nft;
int bf_nft_open(struct bf_nft **out, struct bf_diag *d); /* -EOPNOTSUPP: no nf_tables */
void bf_nft_close(struct bf_nft *n);

/* The namespace's maps, one pair for all of its units; the caller pins them. */
struct bf_companion_maps {
	int handoff; /* hash: sk_buff address -> struct bf_handoff */
	int pending; /* array, one struct bf_pending */
};
int bf_companion_maps_create(struct bf_companion_maps *m, struct bf_diag *d);

/*
 * The backstop: one program for all hooks and both families. Attach it at
 * p + 2 of each hook whose programs hand off *before* the first such program
 * goes live, and keep it while one may be. Returns its descriptor or -errno.
 */
int bf_backstop_load(const struct bf_companion_maps *m, struct bf_diag *d);

/* Where a unit's programs sit. */
struct bf_companion_hook {
	uint8_t hook; /* NF_INET_* */
	bool handoff; /* the program may hand off (bf_prog_image.handoff) */
	int priority; /* p: where the dispatcher really is */
};

struct bf_companion_desc {
	const char *unit;         /* at most 32 characters */
	uint32_t owner;           /* of the table: only tables of the same one are swept. Not 0 */
	uint8_t family;           /* NFPROTO_IPV4, NFPROTO_IPV6, or NFPROTO_INET: both */
	bool conntrack;           /* keep connection tracking of this family switched on */
	struct bf_companion spec; /* assists whose hook has no program here are left out */
	const struct bf_companion_hook *hooks;
	uint32_t n_hooks;
};

/* One unit's companion. */
struct bf_comp;

/*
 * Prepares the companion of a unit. record: what bf_comp_record gave when the
 * live generation was made (NULL: none), old_assist its pinned assist map or
 * -1. desc NULL: the unit does not change, all is taken from the record. When
 * the content is the same the live table is kept. Makes the assist map of a
 * new one, no table yet. A unit that needs nothing gives an object with id 0.
 */
int bf_comp_open(struct bf_comp **out, const struct bf_companion_desc *desc, const void *record, size_t record_len,
				 int old_assist, struct bf_diag *d);
void bf_comp_close(struct bf_comp *c); /* removes nothing */
#define _cleanup_comp_ _cleanup_(bf_comp_closep)
static inline void bf_comp_closep(struct bf_comp **c)
{
	bf_comp_close(*c);
}

uint64_t bf_comp_id(const struct bf_comp *c);   /* names the table; 0: there is none */
int bf_comp_assist_fd(const struct bf_comp *c); /* owned by c; -1: no assists */
const void *bf_comp_record(const struct bf_comp *c,
						   size_t *len); /* to be kept with the unit, for the next bf_comp_open */

/*
 * Makes the table, unless it is there and whole (a user may have flushed it).
 * *changed is set when something was made: then bf_grace_wait must be
 * called before the switch, or packets that are already on their way through the hook
 * miss the new chains. One batch: on failure nothing is left behind.
 * -EOPNOTSUPP: the kernel lacks something; the diagnostic names the option.
 */
int bf_comp_build(struct bf_comp *c, struct bf_nft *n, const struct bf_companion_maps *m, bool *changed,
				  struct bf_diag *d);

/* Removes all of an owner's tables in this namespace but those with the ids in keep. */
int bf_companion_sweep(struct bf_nft *n, uint32_t owner, const uint64_t *keep, uint32_t n_keep, struct bf_diag *d);

#endif
