/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h: what relocations ask about the kernel's types. Reading these takes
 * 3 ms, the answers are always the same: they are kept in a pinned map until
 * the next boot.
 */
#ifndef BF_KERN_TYPES_H
#define BF_KERN_TYPES_H

#include "base/diag.h"
#include "base/image.h"
#include "kern/btf.h"

struct bf_types {
	int known;          /* hash: question -> answer, or -1 */
	uint64_t module;    /* tells one loading of the module nf_conntrack from another: its types are among the answers */
	struct bf_btf *btf; /* opened when something is not known */
};
#define BF_TYPES_NONE { -1, 0, NULL }

/* base: directory of bpffs where the answers are kept; NULL: nowhere. Cannot fail. */
void bf_types_open(struct bf_types *t, const char *base);
void bf_types_close(struct bf_types *t);
#define _cleanup_types_ _cleanup_(bf_types_close)

/*
 * KFUNC, BTF_ID: the id; OFFSET, SIZE: of the member, in bytes; EXISTS: 0 or 1.
 * -ENOENT: this kernel has none. Without types, or memory, another error, which d tells.
 */
int bf_types_ask(struct bf_types *t, enum bf_reloc_kind kind, const char *type, const char *member, uint32_t *answer,
                 struct bf_diag *d);

#endif
