/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.h: talking to nf_tables by netlink, for companion.c. Transactions are
 * built in memory and sent in one piece: nf_tables applies all or nothing.
 *
 * Emit without checking: the functions that add messages, rules and
 * expressions are void; nft_commit reports the first error.
 *
 * Each message is about something (`about`, the caller's number), so that an
 * error can say what the kernel did not like.
 */
#ifndef BF_KERN_NFT_H
#define BF_KERN_NFT_H

#include <linux/netlink.h>

#include "base/buf.h"
#include "base/diag.h"
#include "kern/companion.h"

#define NFT_MESSAGE_MAX 8192 /* one message; the longest has a few xtables extensions of at most 2 KiB */

struct nft_batch {
	struct bf_buf out;    /* whole messages */
	struct bf_buf abouts; /* uint32_t for each of them */
	uint32_t n;           /* messages */
	uint8_t family;
	const char *table;
	struct nlmsghdr *msg; /* the one being made, in scratch */
	struct nlattr *exprs; /* the list of expressions of the rule being made */
	bool too_long;
	char scratch[NFT_MESSAGE_MAX] __attribute__((aligned(8)));
};

void nft_batch_init(struct nft_batch *b, uint8_t family, const char *table);
void nft_batch_free(struct nft_batch *b);

void nft_add_table(struct nft_batch *b, uint32_t about, const char *comment);
void nft_del_table(struct nft_batch *b, uint32_t about, uint8_t family, const char *table); /* fine if there is none */
void nft_add_chain(struct nft_batch *b, uint32_t about, const char *chain);
void nft_add_base_chain(struct nft_batch *b, uint32_t about, const char *chain, uint8_t hook, int priority);

/* A rule: begin, expressions, end. */
void nft_rule_begin(struct nft_batch *b, uint32_t about, const char *chain);
void nft_rule_end(struct nft_batch *b);
void nft_expr_match(struct nft_batch *b, const char *name, uint8_t revision, const void *info, size_t size);
void nft_expr_target(struct nft_batch *b, const char *name, uint8_t revision, const void *info, size_t size);
void nft_expr_bpf(struct nft_batch *b, int prog); /* xt match bpf running a SOCKET_FILTER program */
void nft_expr_reject(struct nft_batch *b, uint8_t type, uint8_t code);
void nft_expr_log(struct nft_batch *b, const struct bf_handoff_log *l);
void nft_expr_set(struct nft_batch *b, const struct bf_handoff_set *s);
void nft_expr_notrack(struct nft_batch *b);
void nft_expr_ask(struct nft_batch *b, const struct bf_assist_spec *a);   /* an expression: into register 0 and following */
void nft_expr_mark(struct nft_batch *b, unsigned reg, bool set);          /* the packet's, from or to a register of 32 bits */
void nft_expr_verdict(struct nft_batch *b, int code, const char *chain); /* NF_DROP, NFT_JUMP, ... */
void nft_expr_ct_state(struct nft_batch *b);                             /* loads it into register 1 */
void nft_expr_none_of(struct nft_batch *b, uint32_t mask);               /* does register 1 have none of these bits? */

/* What the kernel said. */
struct nft_error {
	int err;
	uint32_t about;
	char text[128]; /* its own words (extended acknowledgement), or empty */
};

/* Sends the batch. Returns 0 or -errno; *e tells the first error the kernel reported. */
int nft_commit(struct bf_nft *n, struct nft_batch *b, struct nft_error *e);

/* Looks at what is there: 0, -ENOENT, ... */
int nft_get_table(struct bf_nft *n, uint8_t family, const char *table, uint32_t *flags);
int nft_get_chain(struct bf_nft *n, uint8_t family, const char *table, const char *chain, uint32_t *use);
/* Calls fn for each table of the family; more than once if tables come and go meanwhile. */
int nft_each_table(struct bf_nft *n, uint8_t family, void (*fn)(const char *table, void *arg), void *arg);

/* Is there such an xtables extension, usable from nf_tables? 0; -EOPNOTSUPP: no nft_compat; -ENOENT: no such extension
 * or revision. */
int nft_has_xt(struct bf_nft *n, uint8_t family, bool target, const char *name, uint8_t revision);

#endif
