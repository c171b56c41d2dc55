/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xtables.h: the iptables front. The blob of IPT_SO_SET_REPLACE and its
 * answers, decoded defensively, with the kernel's errno for each defect
 * (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h).
 *
 * A stored table is a *state*: struct bf_xt_head, then the entries exactly as
 * the kernel would read them back (padding zeroed, comefrom set), counters 0.
 * In memory a state is 8-aligned.
 */
#ifndef BF_XTABLES_H
#define BF_XTABLES_H

#include "base/buf.h"
#include "base/diag.h"
#include "rt/abi.h"
#include "rule/rule.h"

struct bf_xt_head {
	uint32_t magic;  /* BF_XT_MAGIC */
	uint32_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 */
	char name[32];
	uint32_t valid_hooks;
	uint32_t hook_entry[5];
	uint32_t underflow[5];
	uint32_t num_entries;
	uint32_t size;     /* bytes of entries behind this head */
	uint32_t reserved; /* keeps the entries 8-aligned, as a state must be in memory */
};
#define BF_XT_MAGIC 0x31747862 /* "bxt1" */

struct bf_xt_table { /* a table kind: "filter" */
	const char *name;
	uint32_t valid_hooks;
	int priority; /* NF_IP_PRI_FILTER */
};

/* The table kinds bpfilter serves; others belong to the kernel. NULL: not ours. */
const struct bf_xt_table *bf_xt_table_find(uint8_t family, const char *name);

/* The state of a table nobody has touched: empty chains, policy ACCEPT. */
int bf_xt_state_empty(uint8_t family, const struct bf_xt_table *t, struct bf_buf *state);

/*
 * setsockopt IPT_SO_SET_REPLACE: `blob` is the caller's bytes (struct
 * ipt_replace and entries, len as given to setsockopt), untrusted. On success
 * *state holds the new state, *num_counters and *counters_ptr what the caller
 * wants back and where. Every error is the kernel's errno; an extension that is
 * not served is one the kernel does not know: -ENOENT, and named in d. Whether
 * num_counters is the present number of entries (else -EAGAIN) is for the caller.
 */
struct bf_xt_replace {
	char name[32];
	uint32_t num_counters;
	uint64_t counters_ptr;
};
int bf_xt_decode_replace(uint8_t family, const void *blob, size_t len, struct bf_xt_replace *info, struct bf_buf *state,
						 struct bf_diag *d);

/* The same without a copy: the blob, 8-aligned, becomes the state, of sizeof(struct bf_xt_head) + its size bytes. What it
 * is after an error can be decoded again, once its first 96 bytes have been put back. */
int bf_xt_decode_in_place(uint8_t family, void *blob, size_t len, struct bf_xt_replace *info, struct bf_diag *d);

/* What the kernel checks before it copies the entries: head is an aligned struct ipt_replace, len as given to
 * setsockopt. */
int bf_xt_check_head(const void *head, size_t len);

/* A state -> model. What is no state of ours is -EINVAL. Rule i's counter is entry i. -EOPNOTSUPP with a diagnostic for
 * what the kernel does and bpfilter cannot: QUEUE, a pinned program, hand-made jumps that overflow the kernel's jump
 * stack. */
int bf_xt_to_ruleset(const void *state, size_t len, struct bf_ruleset **out, struct bf_diag *d);

/*
 * A stored state, and what was found out about its entries when it was stored: with that nobody need walk over them, of
 * whom there may be a million, to change one. index: as bf_xt_index makes it; NULL: there is none.
 */
struct bf_xt_base {
	const void *state;
	size_t len;
	const void *index;
};
/* Appends it, 8-aligned if `out` is: an offset for each entry, then a byte (blob.h). -EINVAL: no state. -ENOMEM. */
int bf_xt_index(const void *state, size_t len, struct bf_buf *out);
size_t bf_xt_index_size(uint32_t num_entries);

/*
 * What turns one state into the next (diff.c, edit.c): entries at .. at + n_old - 1
 * make room for n_new others, which follow: `size` bytes of entries, in which
 * jumps hold the index of the entry they lead to.
 */
struct bf_xt_edit {
	uint32_t at, n_old, n_new, size;
};
/* n_new: no entry changes, but other hooks reach n_old of them than before: those that follow, as bits in 32 of 64. */
#define BF_XT_REACHED UINT32_MAX
/* Appends the edits that make `new` of `old` (diff.c): of what differs, if that is little, or of everything between the first
 * difference and the last. -EAGAIN: there are none, since hooks or jumps elsewhere lead to other places than before.
 * -EINVAL, -ENOMEM. */
int bf_xt_diff(const void *old, size_t old_len, const void *new, size_t new_len, struct bf_buf *out);
/*
 * The same for a blob as bf_xt_decode_in_place takes it, where it lies, of which all but some simple rules (splice.c) is as
 * in the state that `edits` make of the base; it is only read. runs: struct bf_xt_run for all entries of that state.
 * -EAGAIN: it is not so, it is wrong, or cannot be told: decode it. -ENOMEM.
 */
struct bf_xt_run { /* the counters of the next n entries have the numbers from `first` on */
	uint32_t first, n;
};
int bf_xt_near(const struct bf_xt_base *base, const void *edits, size_t edits_len, const void *blob, size_t len,
               struct bf_buf *out, struct bf_buf *runs);
uint32_t bf_xt_count_edits(const void *edits, size_t len);
/* Appends the state that edits, one behind the other, make of the base. slots (may be NULL): a uint32_t for each entry, the
 * number of its counter: entries of the base keep theirs, those that came are numbered on. -EINVAL: they do not fit. */
int bf_xt_apply(const struct bf_xt_base *base, const void *edits, size_t edits_len, struct bf_buf *out, struct bf_buf *slots);
/* Of that state only the head. */
int bf_xt_outline(const struct bf_xt_base *base, const void *edits, size_t edits_len, struct bf_buf *head, struct bf_buf *slots);

/*
 * Changes of single rules (splice.c). number: of the rule in its chain, from 1. INSERT: it has that number then; 0: behind
 * the last one. entry: as in a blob, `size` bytes from it on may be read; a jump's target has the chain's name and the
 * size of a standard target.
 */
enum bf_xt_op { BF_XT_OP_INSERT, BF_XT_OP_DELETE, BF_XT_OP_REPLACE };
struct bf_xt_splice {
	enum bf_xt_op op;
	const char *chain;
	uint32_t number;
	const void *entry;
	size_t size;
};
/*
 * Appends an edit for each, of the state that `edits` make of the base. *simple: what comes of them needs no look at other
 * rules; else the whole table must be checked as one that was handed over. Errors as for a blob; -ENOENT: no such chain
 * or rule.
 */
int bf_xt_make_edits(const struct bf_xt_base *base, const void *edits, size_t edits_len, const struct bf_xt_splice *s,
                     uint32_t n, struct bf_buf *out, bool *simple, struct bf_diag *d);

/* The number of the next entry's counter that comes. */
uint32_t bf_xt_next_slot(const struct bf_xt_base *base, const void *edits, size_t len);

/*
 * What edits come to, for gen/patch.h: *stub has the chains of the table that
 * the base is, in the order of bf_xt_to_ruleset, but only rules that changes
 * name. changes: a struct bf_changed for each rule that came or went, and for
 * those behind one that went that take some of the same addresses, and those of
 * spans that one touches; ascending
 * in place within each chain, what came before what was there. The second table
 * of *stub has chains as they are now that these rules lead to, where they are
 * small. -EAGAIN: more than rules and chains came or went, or too many rules are of interest.
 */
int bf_xt_changes(const struct bf_xt_base *base, const void *edits, size_t edits_len, const struct bf_span *spans,
                  uint32_t n_spans, struct bf_ruleset **stub, struct bf_buf *changes, struct bf_diag *d);

/* The state's answer to IPT_SO_GET_INFO (struct ipt_getinfo, 84 bytes; of the state its head is enough) and IPT_SO_GET_ENTRIES (entries with counters
 * put in). */
int bf_xt_get_info(const void *state, size_t len, struct bf_buf *out);
int bf_xt_get_entries(const void *state, size_t len, const struct bf_rt_counter *counters, struct bf_buf *out);
/* The same without a copy: the state becomes its entries. */
int bf_xt_take_entries(struct bf_buf *state, const struct bf_rt_counter *counters);

/* The blob for the kernel's own ip_tables (struct ipt_replace and entries), for export. The caller puts in num_counters
 * and the counters pointer: they belong to the table that is replaced. */
int bf_xt_encode_replace(const void *state, size_t len, struct bf_buf *out);

/* IPT_SO_GET_REVISION_MATCH/TARGET: 0, -EPROTONOSUPPORT (known name, other revision), -ENOENT. */
int bf_xt_revision(uint8_t family, const char *name, uint8_t revision, bool target);

/* One extension: front/xtables/xt_<name>.c. */
struct bf_xt_check { /* what an extension's own check may look at */
	uint8_t family;
	const char *table;
	uint32_t hooks; /* bit mask of the hooks that can reach the rule (comefrom) */
	uint16_t proto; /* of the rule */
	uint8_t invflags;
	uint8_t ipflags;               /* IPT_F_* / IP6T_F_* */
	const struct bf_xt_blob *blob; /* for bf_xt_error */
	uint32_t entry;
};

struct bf_xt_ext {
	const char *name;
	uint8_t revision;
	uint8_t family; /* 0: both */
	bool unspec;    /* the kernel registers it once for all families: asking for another revision is -EPROTOTYPE */
	bool target;
	uint16_t size;     /* sizeof the payload; the blob's is XT_ALIGN(size) */
	uint16_t usersize; /* bytes read back; the rest reads back zero. 0: all */
	const char *table; /* or NULL: any */
	uint32_t hooks;    /* allowed hooks; 0: any */
	uint16_t proto;    /* required protocol; 0: any */
	/* The kernel's checkentry: 0 or the errno it gives. May be NULL. */
	int (*check)(const void *info, const struct bf_xt_check *c, struct bf_diag *d);
	/* Adds conditions (match) or action and verdict (target) to the rule. NULL: nothing to add. */
	int (*translate)(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
					 struct bf_diag *d);
};

extern const struct bf_xt_ext *const bf_xt_exts[]; /* NULL-terminated; exts.c */

#endif
