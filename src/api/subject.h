/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subject.h: a table as it stands, ready to be asked what it does with packets
 * that are described: its model for the oracle, and programs that look into
 * the live data (kern/trial.h).
 */
#ifndef BF_API_SUBJECT_H
#define BF_API_SUBJECT_H

#include "api/ctx.h"
#include "interp/interp.h"
#include "kern/trial.h"

struct bf_subject {
	char title[64];          /* "ip filter" */
	struct bf_ruleset *rs;   /* of one table, as it is now */
	struct bf_interp *in;
	struct bf_image *img;    /* NULL: it has no programs */
	struct bf_trial *trial;
	/* Counter number i of the model is counter slot[i] of the programs; NULL: i. */
	uint32_t *slot;
};

struct bf_subjects {
	struct bf_subject *s;
	uint32_t n;
};

/* All tables of the namespace. Errors are told. */
int bf_subjects_open(struct bf_ctx *ctx, struct bf_ns *ns, struct bf_subjects *out);
void bf_subjects_close(struct bf_subjects *s);
#define _cleanup_subjects_ _cleanup_(bf_subjects_close)

/* The program of base chain c for packets of that family, or -1. */
int bf_subject_prog(const struct bf_subject *s, const struct bf_chain *c, uint8_t family);

#endif
