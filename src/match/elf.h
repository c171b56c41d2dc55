/* SPDX-License-Identifier: GPL-2.0-only */
/* elf.h: an object file while it is read: between elf.c and elf_btf.c. */
#ifndef BF_ELF_H
#define BF_ELF_H

#include <gelf.h>
#include <linux/bpf.h>
#include <linux/btf.h>

#include "base/func.h"
#include "match/match.h"

struct bf_elf {
	struct bf_arena *arena;
	Elf *elf;
	size_t names;      /* section of section names */
	Elf_Scn *symtab;
	GElf_Shdr symbols;
	const struct btf_type **types; /* from 1 on; n_types 0: there are none */
	uint32_t n_types;
	const char *strings;
	uint32_t strings_len;
	const char *ext;       /* .BTF.ext, or NULL */
	size_t ext_len;
	char id[10];       /* of the file, by what is in it */
	struct bf_rt_func *funcs;
	uint32_t *begin, *in;  /* where each begins, in its section, which one that is */
	uint32_t n_funcs;
	struct bf_map_spec *maps;
	uint32_t n_maps;
	struct bf_users_call *calls;
	uint32_t n_calls;
	struct bf_users_config *configs;
	uint32_t n_configs;
	struct bf_map_spec *config; /* the map that holds them, or NULL */
	bool *seen;            /* maps */
	char *why;
	size_t why_size;
};

int bf_elf_error(struct bf_elf *e, int err, const char *fmt, ...) bf_printf_like(3, 4);
int bf_elf_broken(struct bf_elf *e); /* -EINVAL, and it says so */
size_t bf_elf_section(const struct bf_elf *e, const char *name); /* its number; 0: there is none */
int bf_elf_func_at(const struct bf_elf *e, size_t section, uint64_t insn); /* -1: none */
void bf_elf_add_reloc(struct bf_elf *e, int func, const struct bf_rt_reloc *r);

/* elf_core.c: what the compiler wants to know of the kernel's types. */
int bf_elf_core(struct bf_elf *e);
int bf_elf_lines(struct bf_elf *e); /* whose lines instructions are */

/* elf_check.c: what the linker relies on: no jump leaves the function. Its relocations are there, in order. */
int bf_elf_check(struct bf_elf *e, const struct bf_rt_func *f);

int bf_elf_types(struct bf_elf *e, const void *btf, size_t len);
const char *bf_elf_name(const struct bf_elf *e, uint32_t off); /* a string of .BTF */
const struct btf_type *bf_elf_type(const struct bf_elf *e, uint32_t id); /* looked through to what it is; NULL */
/* What .maps says about the variable `name`: types, sizes. */
int bf_elf_map(struct bf_elf *e, const char *name, struct bf_map_spec *out);
/* What the function's arguments behind the first one point to: bytes, 0 for those that are not there. False: it has no type. */
bool bf_elf_args(const struct bf_elf *e, const char *name, uint32_t *key, uint32_t *value);

/* elf_config.c: the address of a variable that the file does not define. -ENOENT: it is not of the kernel's configuration. */
int bf_elf_config(struct bf_elf *e, const char *name, bool weak, int32_t imm, struct bf_rt_reloc *r);

/* elf_calls.c: "bf_set_NAME" and the like, which ask the table. *symbol: NULL if it is not of these. 0 or -ENOMEM. */
int bf_elf_call(struct bf_elf *e, const char *name, const char **symbol);

#endif
