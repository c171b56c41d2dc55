/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * func.h: functions of BPF before they are a program: what they refer to has
 * names. From rt/, compiled at build time (rt_funcs.h, written by tools/rtgen);
 * generated; or read from a user's object file. gen/link.h puts them together.
 */
#ifndef BF_FUNC_H
#define BF_FUNC_H

#include <linux/bpf.h>

#include "base/image.h"

struct bf_rt_reloc {
	uint32_t insn;
	uint8_t kind;       /* enum bf_reloc_kind, or BF_RT_RELOC_CALL */
	const char *symbol; /* CALL: function; MAP_*: map name; KFUNC: function; BTF_ID, OFFSET, SIZE, EXISTS: type */
	const char *member;
	int32_t addend;
};
enum { BF_RT_RELOC_CALL = 100 }; /* call, or address, of another function: compiled, or generated */

struct bf_rt_func {
	const char *name;
	const struct bpf_insn *insns;
	uint32_t n_insns;
	const struct bf_rt_reloc *relocs;
	uint32_t n_relocs;
	const char *args; /* it stands apart (rt/code.h); its arguments, as in struct bf_func. NULL: it does not */
	const struct bf_line *lines; /* users': instructions are counted from its first one */
	uint32_t n_lines;
};

#endif
