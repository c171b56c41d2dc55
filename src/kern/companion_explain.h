/* SPDX-License-Identifier: GPL-2.0-only */
/* companion_explain.h: why nf_tables refused a companion (companion_explain.c). */
#ifndef BF_KERN_COMPANION_EXPLAIN_H
#define BF_KERN_COMPANION_EXPLAIN_H

#include "kern/nft.h"

/* Puts into d what the kernel refused and, when it lacks something, the option that provides it. Returns the error that
 * bf_comp_build gives: -EOPNOTSUPP when something is missing, else err. */
int comp_explain(struct bf_nft *n, const struct bf_companion_desc *desc, const struct nft_error *e, int err,
				 struct bf_diag *d);

#endif
