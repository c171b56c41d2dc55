/* SPDX-License-Identifier: GPL-2.0-only */
/* companion_table.h: a companion's nf_tables table as a batch of messages (companion_table.c). */
#ifndef BF_KERN_COMPANION_TABLE_H
#define BF_KERN_COMPANION_TABLE_H

#include "kern/companion_prog.h"
#include "kern/companion_record.h"
#include "kern/nft.h"

/* What a message of the batch is about: kind << 24 | number. */
enum comp_about {
	COMP_ABOUT_TABLE,
	COMP_ABOUT_CHAIN,
	COMP_ABOUT_PLUMBING,
	COMP_ABOUT_CODE,
	COMP_ABOUT_ASSIST,
	COMP_ABOUT_CT
};
#define COMP_ABOUT(kind, n) ((uint32_t)(kind) << 24 | (n))

struct comp_chain {
	char name[24];
	uint32_t use; /* what the kernel counts: its rules, and the rules that lead to it */
};

struct comp_table {
	struct nft_batch batch;
	struct bf_buf chains; /* struct comp_chain */
	struct bf_buf progs;  /* descriptors to close */
	const struct bf_companion_desc *desc;
	const struct bf_companion_maps *maps; /* NULL: dry run, no programs are loaded */
	int assist;
	bool trees;   /* there is one for each hook; */
	uint8_t hook; /* that of this hook is being made */
	uint64_t tag;
	int begin, step, last, consume, finish, open; /* programs, -1: not loaded yet */
	int digit[8][COMP_DIGIT_BASE - 1];
	int err;
	struct bf_diag *d;
};

/* maps NULL: only counts chains and their rules. Free with comp_table_free whatever it returns. */
int comp_table_make(struct comp_table *t, const char *name, const struct comp_content *content,
					const struct bf_companion_maps *maps, int assist, struct bf_diag *d);
void comp_table_free(struct comp_table *t);

#endif
