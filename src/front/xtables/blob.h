/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blob.h: access to the entries of a blob. IPv4 and IPv6 differ in nothing but
 * where the members of an entry lie, so one layout table serves both.
 *
 *   entry 0             entry 1                                      size
 *   |ipt_entry|match|match|target| |ipt_entry|target| ...             |
 *             |head|payload|
 *             ^ elems     target_offset ^  ^ next_offset (all from the entry's start)
 *
 * Members are fetched with memcpy: the bytes came from somebody else.
 */
#ifndef BF_XT_BLOB_H
#define BF_XT_BLOB_H

#include <linux/netfilter/x_tables.h>

#include "front/xtables/xtables.h"

struct bf_xt_layout {
	uint8_t family;
	uint16_t entry; /* sizeof(struct ipt_entry) */
	uint16_t ip;    /* sizeof(struct ipt_ip), at the start */
	uint16_t proto, flags, invflags;
	uint16_t target_offset, next_offset, comefrom, counters;
	uint8_t flag_mask, inv_mask, flag_goto;
};

const struct bf_xt_layout *bf_xt_layout(uint8_t family); /* NULL: neither IPv4 nor IPv6 */

struct bf_xt_blob {
	const struct bf_xt_layout *l;
	const struct bf_xt_head *head;
	uint8_t *base;           /* 8-aligned */
	const uint32_t *offsets; /* head->num_entries of them, ascending */
	const uint8_t *kinds;    /* likewise: BF_XT_IS_*. Of a state only, not of a blob that is being checked */
};
enum { BF_XT_IS_HEAD = 1 /* target ERROR */, BF_XT_IS_JUMP = 2 /* a verdict that is a place */ };

#define BF_XT_NONE UINT32_MAX
#define BF_XT_NAMELEN 29 /* of xt_entry_match.u.user.name */
#define BF_XT_HEAD 32    /* sizeof(struct xt_entry_match), of xt_entry_target too */
#define BF_XT_HOOKS 5
#define BF_XT_ALIGN(x) BF_ALIGN((uint32_t)(x), 8u)

static inline uint16_t bf_xt_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t bf_xt_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint8_t *bf_xt_entry(const struct bf_xt_blob *b, uint32_t i)
{
	return b->base + b->offsets[i];
}

static inline uint16_t bf_xt_target_offset(const struct bf_xt_layout *l, const uint8_t *e)
{
	return bf_xt_u16(e + l->target_offset);
}

static inline uint16_t bf_xt_next_offset(const struct bf_xt_layout *l, const uint8_t *e)
{
	return bf_xt_u16(e + l->next_offset);
}

static inline uint32_t bf_xt_comefrom(const struct bf_xt_layout *l, const uint8_t *e)
{
	return bf_xt_u32(e + l->comefrom);
}

static inline uint8_t *bf_xt_target(const struct bf_xt_layout *l, const uint8_t *e)
{
	return (uint8_t *)e + bf_xt_target_offset(l, e);
}

/* Of a match or target head. */
static inline uint16_t bf_xt_size(const uint8_t *head)
{
	return bf_xt_u16(head);
}

static inline const char *bf_xt_name(const uint8_t *head) /* perhaps not terminated: BF_XT_NAMELEN at most */
{
	return (const char *)head + 2;
}

static inline uint8_t bf_xt_rev(const uint8_t *head)
{
	return head[BF_XT_HEAD - 1];
}

static inline bool bf_xt_is_standard(const uint8_t *target)
{
	return bf_xt_name(target)[0] == '\0';
}

static inline bool bf_xt_is_error(const uint8_t *target)
{
	return !memcmp(bf_xt_name(target), XT_ERROR_TARGET, sizeof(XT_ERROR_TARGET));
}

static inline int32_t bf_xt_verdict(const uint8_t *target) /* of a standard target */
{
	return (int32_t)bf_xt_u32(target + BF_XT_HEAD);
}

/* Each match of entry e: m points to its head. */
#define bf_xt_foreach_match(m, l, e)                                                                                   \
	for (uint8_t *m = (uint8_t *)(e) + (l)->entry; m < bf_xt_target(l, e); m += bf_xt_size(m))

/* Is the entry at e whole, `left` bytes being there from it on? -EINVAL. */
int bf_xt_entry_bounds(const struct bf_xt_layout *l, const uint8_t *e, uint32_t left);

/* No match and nothing asked of the IP header: the entry takes every packet. */
bool bf_xt_unconditional(const struct bf_xt_layout *l, const uint8_t *e);

/* Index of the entry that begins at `offset`, or BF_XT_NONE. */
uint32_t bf_xt_find(const struct bf_xt_blob *b, uint32_t offset);

/* The members of a state: entries and what is known of them, from the index or (memory from a) by a walk. -EINVAL: no state. */
int bf_xt_open(const struct bf_xt_base *base, struct bf_arena *a, struct bf_xt_blob *b);
/* What an entry is, as b->kinds has it. */
uint8_t bf_xt_kind(const struct bf_xt_layout *l, const uint8_t *e);
/* The entry of a state that entry i jumps to; BF_XT_NONE: it does not, or to no entry. */
uint32_t bf_xt_jump_of(const struct bf_xt_blob *b, uint32_t i);

const char *bf_xt_hook_name(unsigned hook);

/* "filter table, chain INPUT, rule 3: " and the message; returns err. */
int bf_xt_error(const struct bf_xt_check *c, struct bf_diag *d, int err, const char *fmt, ...) bf_printf_like(4, 5);

/* Extension lookups. The cache makes long tables cheap; start it with zeroes. */
struct bf_xt_cache {
	const struct bf_xt_ext *slot[64];
};
int bf_xt_ext_find(struct bf_xt_cache *cache, uint8_t family, bool target, const uint8_t *head,
				   const struct bf_xt_ext **out);
/* What the kernel's xt_check_match and xt_check_target look at, in its order, then the extension's own check. */
int bf_xt_ext_check(const struct bf_xt_ext *x, const uint8_t *head, const struct bf_xt_check *c, struct bf_diag *d);

/* e: the entry; place: its number in b, or another's that messages shall name. */
void bf_xt_check_init(struct bf_xt_check *c, const struct bf_xt_blob *b, const uint8_t *e, uint32_t place);

#endif
