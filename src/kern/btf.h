/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * btf.h: questions to the kernel's type information: ids, offsets, sizes.
 *
 * Names are compared exactly. libbpf's CO-RE takes "nf_conn___init" for a
 * flavour of nf_conn and calls the relocation ambiguous; here it is another
 * struct.
 */
#ifndef BF_KERN_BTF_H
#define BF_KERN_BTF_H

#include "base/base.h"

struct bf_btf;

/* The running kernel's, and nf_conntrack's where that is a module. -ENOENT: this kernel has none. */
int bf_btf_open(struct bf_btf **out);
/* Is it there? 0 or -errno, in a hundredth of the time. */
int bf_btf_peek(void);
/* The same from memory (kept by reference). base: what a module's types refer to, or NULL. */
int bf_btf_parse(struct bf_btf **out, const void *data, size_t len, const struct bf_btf *base);
void bf_btf_close(struct bf_btf *b);
#define _cleanup_btf_ _cleanup_(bf_btf_closep)
static inline void bf_btf_closep(struct bf_btf **b)
{
	bf_btf_close(*b);
}

/* Ids in the kernel proper (modules' are of no use to a program): > 0, or -ENOENT. */
int bf_btf_struct(const struct bf_btf *b, const char *name);
int bf_btf_func(const struct bf_btf *b, const char *name);

struct bf_btf_member {
	uint32_t offset; /* bytes; of a bit field: the byte its first bit is in */
	uint32_t size;
	uint32_t first, bits; /* of a bit field: its first bit, from the struct's on, and how many. 0: it is none */
	bool is_signed;
};
/*
 * Member of struct (or union) `type`, also one of an anonymous struct within.
 * The path is dotted, numbers choose array elements: "tuplehash.0.tuple.dst". Of an enum: an enumerator, whose value is the
 * offset.
 * NULL or "": the type itself, which then may be any. -ENOENT: no such type or member.
 */
int bf_btf_find(const struct bf_btf *b, const char *type, const char *path, struct bf_btf_member *out);

#endif
