/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtgen.h: what the two halves of rtgen share: one ELF object of BPF code, cut
 * into functions with symbolic relocations.
 */
#ifndef BF_RTGEN_H
#define BF_RTGEN_H

#include <bpf/btf.h>
#include <gelf.h>

#include "base/buf.h"
#include "gen/link.h"

struct func {
	char *name;
	size_t section;      /* ELF section, */
	uint32_t begin;      /* first instruction in it, */
	uint32_t n;          /* how many */
	struct bpf_insn *insns;
	struct bf_rt_reloc *relocs;
	uint32_t n_relocs;
	char args[6];        /* of a function that stands apart, else empty */
};

struct object {
	const char *path;
	char base[64];       /* file name up to the first dot: makes names of static functions unique */
	Elf *elf;
	size_t strings;      /* index of the section name string table */
	Elf_Scn *symtab;
	size_t n_symbols;
	struct btf *btf;
	const uint8_t *ext;  /* .BTF.ext */
	size_t ext_len;
	struct func *funcs;
	uint32_t n_funcs;
};

/* Prints and exits: a build tool has nobody to return an error to. */
void die(const struct object *o, const char *fmt, ...) bf_printf_like(2, 3) __attribute__((noreturn));
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);

const char *section_name(const struct object *o, size_t section);
struct func *func_at(struct object *o, size_t section, uint32_t insn); /* NULL: none */
void add_reloc(struct func *f, struct bf_rt_reloc r);

/* rtgen_btf.c */
bool btf_is_kfunc(const struct object *o, const char *name);
void btf_apart_args(const struct object *o, const char *name, char args[6]); /* empty: it does not stand apart */
void read_core_relocs(struct object *o);

#endif
