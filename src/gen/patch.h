/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch.h: a table that changed a little since it was compiled -> what
 * bf_ns_patch writes. All changes since then are compiled together: small runs
 * that are looked at before those of the table as it was.
 */
#ifndef BF_GEN_PATCH_H
#define BF_GEN_PATCH_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/image.h"
#include "rule/rule.h"

/* Appends a struct bf_span for each of the table's pieces that change as a whole. */
int bf_gen_patch_spans(const void *link, size_t len, struct bf_buf *out);

/*
 * link, len: the image's (bf_image.link). stub: the table's chains as it was
 * compiled, their rules only those that changes name. changes: n of them,
 * ascending in place within each chain; what came before what was there. Rules
 * behind one that went whose packets it may have taken must be among them
 * (BF_STAYS): the table's data may know nothing of them; so must those of spans
 * where something changed. The counter of a rule that came lies behind those of the table.
 * now, or NULL: chains as they are now, complete, found by name: what rules that
 * came may jump to. A chain that is not the stub's is in no other place.
 * version: the journal's; what is written is for version + 1.
 */
struct bf_changes {
	const void *link;
	size_t len;
	const struct bf_table *stub, *now;
	const struct bf_changed *changes;
	uint32_t n;
	uint32_t fresh; /* rules with counters from this one on were not in the patch before: their matches begin anew */
	uint64_t version;
};

/* What the programs lack for a change. */
struct bf_gear;

/*
 * Memory from a. gear: NULL, or *gear is NULL then, or says what the programs must learn (bf_gen_gear) before *out is written.
 * -EAGAIN: it cannot be said this way, compile the table. -ENOMEM, and what
 * bf_gen_table says of rules that cannot be compiled.
 */
int bf_gen_patch(const struct bf_changes *c, struct bf_arena *a, struct bf_patch *out, const struct bf_gear **gear,
                 struct bf_diag *d);

/*
 * An image of the same table, as it was compiled, whose programs have
 * learned that; it goes by the maps of the live unit, and takes over those of its programs that know enough
 * (bf_image.geared). Its link is the one for what is patched from then on. -EAGAIN: compile the table.
 */
struct bf_gen_opts;
int bf_gen_gear(const struct bf_changes *c, const struct bf_gear *gear, const struct bf_gen_opts *o, struct bf_image **out,
                struct bf_diag *d);

/* Was the table compiled by this version of the library? len 0 (it cannot be patched) tells nothing: false. */
bool bf_gen_is_ours(const void *link, size_t len);

#endif
