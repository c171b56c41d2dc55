/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_check.c: a function as it stands in a file: is it in such order that it
 * can be linked and folded (gen/link.h, gen/fold.h)? The verifier will look at
 * all the rest; but it sees what we made of it.
 */
#include "match/elf.h"

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* -1: not a jump inside of the function. */
static int64_t target(const struct bpf_insn *i, uint32_t at)
{
	if (i->code == (BPF_JMP32 | BPF_JA))
		return (int64_t)at + 1 + i->imm;
	return (int64_t)at + 1 + i->off;
}

static bool jumps(const struct bpf_insn *i)
{
	uint8_t class = BPF_CLASS(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && BPF_OP(i->code) != BPF_CALL && BPF_OP(i->code) != BPF_EXIT;
}

static const struct bf_rt_reloc *reloc_at(const struct bf_rt_func *f, uint32_t at, uint32_t *next)
{
	while (*next < f->n_relocs && f->relocs[*next].insn < at)
		++*next;
	return *next < f->n_relocs && f->relocs[*next].insn == at ? &f->relocs[*next] : NULL;
}

/* Numbers of maps, functions and so on come from us alone. */
static bool is_known(const struct bpf_insn *i, const struct bf_rt_reloc *r)
{
	if (is_wide(i) || i->code == (BPF_JMP | BPF_CALL))
		return r || !i->src_reg;
	return true;
}

static bool is_sound(const struct bf_rt_func *f, bool *begins)
{
	uint32_t next = 0, n = f->n_insns;
	const struct bpf_insn *last = &f->insns[n - 1];

	for (uint32_t at = 0; at < n; at += 1u + is_wide(&f->insns[at])) {
		const struct bpf_insn *i = &f->insns[at];

		begins[at] = true;
		if (i->dst_reg > BPF_REG_10 || i->src_reg > BPF_REG_10 || !is_known(i, reloc_at(f, at, &next)) ||
		    (is_wide(i) && (at + 1 == n || i[1].code)))
			return false;
	}
	for (uint32_t at = 0; at < n; at++) {
		int64_t to = begins[at] && jumps(&f->insns[at]) ? target(&f->insns[at], at) : 0;

		if (to < 0 || to >= n || !begins[to])
			return false;
	}
	for (uint32_t i = 0; i < f->n_relocs; i++)
		if (!begins[f->relocs[i].insn] || (i && f->relocs[i - 1].insn == f->relocs[i].insn))
			return false;
	for (uint32_t i = 0; i < f->n_lines; i++)
		if (!begins[f->lines[i].insn])
			return false;
	return begins[n - 1] && (last->code == (BPF_JMP | BPF_EXIT) || last->code == (BPF_JMP | BPF_JA) || last->code == (BPF_JMP32 | BPF_JA));
}

int bf_elf_check(struct bf_elf *e, const struct bf_rt_func *f)
{
	_cleanup_free_ bool *begins = calloc(f->n_insns, sizeof(*begins));

	if (!begins)
		return -ENOMEM;
	return is_sound(f, begins) ? 0 : bf_elf_broken(e);
}
