/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.h: between the files that move tables between the kernel's nf_tables and us.
 *
 *   nft.c         runs nft(8): it knows how the kernel's expressions are said in words
 *   nft_split.c   which parts of a table filter, and which must stay with the kernel
 *   nft_import.c  bf_import_nft
 *   nft_export.c  bf_export_nft
 */
#ifndef BF_API_NFT_H
#define BF_API_NFT_H

#include "api/native.h"

/*
 * `nft ARG [ARG2]` in that network namespace, with input (or NULL) on its standard input. 0 or -errno when it cannot be
 * run. lock (bf_ctx_lock_xtables): who moves tables next waits for this nft, too.
 */
struct bf_nft_said {
	struct bf_buf out, err;
	int status; /* of its exit */
};
#define _cleanup_said_ _cleanup_(bf_nft_said_free)
void bf_nft_said_free(struct bf_nft_said *s);
int bf_nft_run(struct bf_ctx *ctx, int lock, const char *const args[], const struct bf_buf *input, struct bf_nft_said *out);
/* Its message, as ours. */
int bf_nft_refused(struct bf_ctx *ctx, const struct bf_nft_said *s, const char *what);

/* nft_split.c: what `nft list ruleset` prints, in tables and what is in them. Places are bytes of the text. */
struct nft_block { /* chain, set, map, counter, ... */
	const char *name; /* into the text */
	uint32_t name_len;
	uint32_t at, end;
	char kind[12];
	bool base, kernels;   /* a chain with a hook; of a type that does not filter */
	bool stays, comes;    /* reached from the kernel's chains; from ours */
};

struct nft_table {
	char family[8], name[256];
	uint32_t at, end;
	struct nft_block *blocks;
	uint32_t n, cap;
	bool any_kernels; /* some chain translates addresses or routes */
	bool any_ours;
	bool out;         /* it is not moved */
};

struct nft_tables {
	struct nft_table *v;
	uint32_t n, cap;
};
#define _cleanup_tables_ _cleanup_(bf_nft_tables_free)
void bf_nft_tables_free(struct nft_tables *t);
/* -EBADMSG: nft prints something else. */
int bf_nft_split(const char *text, size_t len, struct nft_tables *out);
/* Makes blank what stays with the kernel; places of the rest do not move. */
void bf_nft_blank(char *text, const struct nft_table *t);
/* Commands of nft that leave in the kernel what stays there. */
void bf_nft_removal(struct bf_buf *out, const struct nft_table *t);

/* The tables of a text, canonical, without what changes by itself. bf_buf empty: it cannot be read, d says why. */
int bf_nft_bare(const char *text, size_t len, struct bf_buf *out, struct bf_diag *d);

#endif
