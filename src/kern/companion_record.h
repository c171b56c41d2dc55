/* SPDX-License-Identifier: GPL-2.0-only */
/* companion_record.h: a companion's content as bytes, to be kept with its unit and compared (companion_record.c). */
#ifndef BF_KERN_COMPANION_RECORD_H
#define BF_KERN_COMPANION_RECORD_H

#include "base/buf.h"
#include "kern/companion.h"

#define COMP_HOOKS_MAX 16 /* the programs of two families may stand at two priorities of a hook, and there may be several chains */

/*
 * Writes desc, in its normal form: what no hook asks for is left out, padding
 * is zero. Equal content gives equal bytes but for the id. -EINVAL for what
 * cannot be a companion.
 */
int comp_record_write(struct bf_buf *out, const struct bf_companion_desc *desc, struct bf_diag *d);
uint64_t comp_record_id(const struct bf_buf *r);
void comp_record_set_id(struct bf_buf *r, uint64_t id);
bool comp_record_same(const struct bf_buf *r, const void *other, size_t len); /* but for the id */

struct comp_content {
	struct bf_companion_desc desc;
	uint64_t id;
	uint64_t tag; /* of the codes as they were given: the programs know them by it */
};

/* Reads it back; memory from a. -EINVAL when it is damaged. */
int comp_record_read(const void *p, size_t len, struct bf_arena *a, struct comp_content *out);

/* Is there anything to make? */
bool comp_desc_empty(const struct bf_companion_desc *desc);
bool comp_desc_assists(const struct bf_companion_desc *desc, uint8_t hook); /* any assist for that hook? */

#endif
