/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keys.h: what a rule can look at, one row a name, and the other name tables
 * of the language: families, hooks, priorities. The grammar knows no name but
 * those that change the shape of what follows.
 */
#ifndef BF_KEYS_H
#define BF_KEYS_H

#include "base/base.h"
#include "front/native/types.h"

enum bf_nkey_class {
	BF_NK_LL,     /* header fields: off, bits from the start of the header */
	BF_NK_NH,
	BF_NK_TH,
	BF_NK_META,
	BF_NK_CT,
	BF_NK_EXTHDR, /* IPv6 extension headers; bits 0: does it exist? */
	BF_NK_TCPOPT, /* off from the option's kind byte on; bits 0: does it exist? */
	BF_NK_IPOPT,
	BF_NK_CHUNK,  /* sctp */
	BF_NK_FIB,
	BF_NK_SOCKET,
	BF_NK_RT,
	BF_NK_RAW,
	BF_NK_NUMGEN,
	BF_NK_JHASH,
	BF_NK_SYMHASH,
	BF_NK_OSF,
	BF_NK_IPSEC,
};

enum {
	BF_NKF_BARE = 1,    /* meta: the word "meta" may be left out */
	BF_NKF_SHORT = 2,   /* ... and is, in print */
	BF_NKF_DIR = 4,     /* ct: needs a direction */
	BF_NKF_MAYDIR = 8,  /* ct: may have one */
	BF_NKF_INDEX = 16,  /* name[N] */
	BF_NKF_SET = 32,    /* ct, meta, ...: can be set */
	BF_NKF_WRITE = 64,  /* only set, never compared */
	BF_NKF_OURS = 256,  /* nft has no such name */
};

struct bf_nkey {
	const char *group, *sub, *name; /* "tcp" NULL "dport"; "tcp option" "maxseg" "size"; name NULL: does it exist? */
	enum bf_ntype_id type;
	enum bf_nkey_class class;
	uint16_t off, bits;
	uint16_t flags;
	uint8_t number;   /* protocol, option, header or chunk */
	const char *same; /* another name for that one, in the same group (and sub); printed so */
};

extern const struct bf_nkey bf_nkeys[];
extern const size_t bf_n_nkeys;

/* A range of rows with one group, sorted as the table is; NULL: no such group. */
struct bf_nkey_group {
	const char *name;
	const struct bf_nkey *first;
	size_t n;
};
const struct bf_nkey_group *bf_nkey_group_find(const char *name, size_t len);
extern const struct bf_nkey_group *bf_nkey_groups(size_t *n);

/* name len 0: the row of existence. What is found is never a row with ->same. */
const struct bf_nkey *bf_nkey_find(const struct bf_nkey_group *g, const char *sub, size_t sub_len, const char *name,
                                   size_t len);
/* "mark", "iifname", ...: meta keys that need no "meta" */
const struct bf_nkey *bf_nkey_bare(const char *name, size_t len);

unsigned bf_nkey_bits(const struct bf_nkey *k);

enum { BF_FIB_SADDR = 1, BF_FIB_DADDR = 2, BF_FIB_MARK = 4, BF_FIB_IIF = 8, BF_FIB_OIF = 16 };

/* Families, hooks, chain types, priorities. */

enum { BF_NFAM_IP = 1, BF_NFAM_IP6 = 2, BF_NFAM_INET = 4, BF_NFAM_NETDEV = 8, BF_NFAM_ARP = 16, BF_NFAM_BRIDGE = 32 };

struct bf_nfamily {
	const char *name;
	uint8_t bit;
	uint8_t nfproto; /* NFPROTO_* */
	bool served;     /* tables of it can be loaded */
};

extern const struct bf_nfamily bf_nfamilies[];
extern const size_t bf_n_nfamilies;

enum bf_chain_type { BF_CHAIN_FILTER, BF_CHAIN_NAT, BF_CHAIN_ROUTE, BF_CHAIN_SOCKOPS };

enum bf_nattach { /* what a hook is of */
	BF_ATTACH_NETNS,  /* nothing: the network namespace */
	BF_ATTACH_DEVICE, /* device(s) */
	BF_ATTACH_CGROUP,
	BF_ATTACH_EITHER, /* ingress, egress: devices or a control group */
};

struct bf_nhook {
	const char *name;
	uint8_t families; /* BF_NFAM_* */
	enum bf_nattach attach;
	int nf;           /* NF_INET_* for those of netfilter, else -1 */
};

extern const struct bf_nhook bf_nhooks[];
extern const size_t bf_n_nhooks;

struct bf_nprio {
	const char *name;
	uint8_t families;
	int value;
	int nf; /* only at this hook; -1: at all */
};

extern const struct bf_nprio bf_nprios[];
extern const size_t bf_n_nprios;
/* NULL: no such name there; families 0: anywhere */
const struct bf_nprio *bf_nprio_find(const char *name, size_t len, uint8_t families);

enum bf_sockset { BF_SOCK_RTO, BF_SOCK_INITCWND, BF_SOCK_INITRWND, BF_SOCK_CONGESTION, BF_SOCK_MARK };
extern const char *const bf_socksets[]; /* names, NULL at the end */

#endif
