/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h: the kinds of values: how wide, how they are written, which words
 * stand for which numbers. One row a type; names are nft's (nft describe).
 */
#ifndef BF_NTYPE_H
#define BF_NTYPE_H

#include "base/base.h"
#include "base/buf.h"

enum { BF_NTYPE_PARTS = 16 }; /* of a concatenation */

enum bf_nform {
	BF_FORM_DEC,
	BF_FORM_HEX,     /* 0x, as many digits as the type is wide */
	BF_FORM_RAW,     /* 0x, as few digits as needed */
	BF_FORM_IPV4,
	BF_FORM_IPV6,
	BF_FORM_MAC,
	BF_FORM_STRING,  /* up to bits/8 characters; interface names may end in * */
	BF_FORM_INDEX,   /* a number, or a name the system knows: interface, user, group, ... */
	BF_FORM_PORT,    /* a number or a service's name */
	BF_FORM_TIME,    /* seconds, kept in ms */
	BF_FORM_DATE,    /* seconds since 1970, local time; kept in ns */
	BF_FORM_DAY,
	BF_FORM_HOUR,    /* seconds of the day, local time */
	BF_FORM_CLASSID, /* major:minor */
	BF_FORM_VERDICT, /* data of maps */
	BF_FORM_OBJECT,  /* data of maps: name of a counter, quota, limit */
};

struct bf_nsym {
	const char *name;
	uint32_t value;
};

struct bf_ntype {
	const char *name;
	uint8_t bits; /* 0: as wide as the key says */
	enum bf_nform form;
	bool flags;   /* a bit mask: lists are or'ed */
	const struct bf_nsym *syms; /* ends in a NULL name; of several names for a value the first is printed */
};

enum bf_ntype_id {
	BF_T_INT,
	BF_T_RAW,
	BF_T_STRING,
	BF_T_IPV4,
	BF_T_IPV6,
	BF_T_ETHER,
	BF_T_PROTO,
	BF_T_SERVICE,
	BF_T_MARK,
	BF_T_IFNAME,
	BF_T_IFINDEX,
	BF_T_IFTYPE,
	BF_T_UID,
	BF_T_GID,
	BF_T_CTSTATE,
	BF_T_CTDIR,
	BF_T_CTSTATUS,
	BF_T_CTLABEL,
	BF_T_CTEVENT,
	BF_T_TIME,
	BF_T_ETHERTYPE,
	BF_T_NFPROTO,
	BF_T_PKTTYPE,
	BF_T_TCPFLAG,
	BF_T_ICMPTYPE,
	BF_T_ICMPCODE,
	BF_T_ICMP6TYPE,
	BF_T_ICMP6CODE,
	BF_T_ICMPXCODE,
	BF_T_IGMPTYPE,
	BF_T_DCCPTYPE,
	BF_T_DSCP,
	BF_T_ECN,
	BF_T_ADDRTYPE,
	BF_T_BOOL,
	BF_T_ARPOP,
	BF_T_MHTYPE,
	BF_T_CLASSID,
	BF_T_REALM,
	BF_T_DEVGROUP,
	BF_T_CGROUPV2,
	BF_T_DATE,
	BF_T_DAY,
	BF_T_HOUR,
	BF_T_ERRNO,
	BF_T_BITMASK,
	BF_T_VERDICT,
	BF_T_COUNTER,
	BF_T_QUOTA,
	BF_T_LIMIT,
	BF_NTYPES,
};

extern const struct bf_ntype bf_ntypes[BF_NTYPES];

const struct bf_ntype *bf_ntype_find(const char *name, size_t len);

/* The number a word stands for; false: none. */
bool bf_nsym_find(const struct bf_ntype *t, const char *word, size_t len, uint32_t *value);

/* The canonical text of a value; t NULL: a number. */
void bf_nvalue_print(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v);
/* The same without words: as the ends of ranges stand, for echo-reply-redirect would be a word itself. */
void bf_nnumber_print(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v);

/* Like 1d2h3m4s5ms; in ms. */
void bf_ntime_print(struct bf_buf *out, uint64_t ms);

#endif
