/* SPDX-License-Identifier: GPL-2.0-only */
/* asm.c: see asm.h. */
#include "gen/asm.h"

#define UNBOUND UINT32_MAX

struct jump {
	uint32_t insn;
	bf_asm_label to;
};

static uint32_t n_insns(const struct bf_asm *a)
{
	return a->insns.len / sizeof(struct bpf_insn);
}

void bf_asm_free(struct bf_asm *a)
{
	bf_buf_free(&a->insns);
	bf_buf_free(&a->relocs);
	bf_buf_free(&a->labels);
	bf_buf_free(&a->jumps);
}

void bf_asm_emit(struct bf_asm *a, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn insn = { .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };

	bf_buf_add(&a->insns, &insn, sizeof(insn));
}

bf_asm_label bf_asm_new_label(struct bf_asm *a)
{
	uint32_t unbound = UNBOUND;

	bf_buf_add(&a->labels, &unbound, sizeof(unbound));
	return a->labels.len / sizeof(uint32_t) - 1;
}

void bf_asm_bind(struct bf_asm *a, bf_asm_label label)
{
	uint32_t *at = (uint32_t *)a->labels.data + label;

	if (a->labels.err)
		return;
	if (*at != UNBOUND)
		a->err = a->err ? a->err : -EINVAL;
	*at = n_insns(a);
}

void bf_asm_jump(struct bf_asm *a, uint8_t code, uint8_t dst, uint8_t src, int32_t imm, bf_asm_label to)
{
	struct jump j = { n_insns(a), to };

	bf_buf_add(&a->jumps, &j, sizeof(j));
	bf_asm_emit(a, code, dst, src, 0, imm);
}

static void add_reloc(struct bf_asm *a, uint8_t kind, const char *symbol, const char *member)
{
	struct bf_rt_reloc r = { .insn = n_insns(a), .kind = kind, .symbol = symbol, .member = member };

	bf_buf_add(&a->relocs, &r, sizeof(r));
}

void bf_asm_call(struct bf_asm *a, const char *function)
{
	add_reloc(a, BF_RT_RELOC_CALL, function, NULL);
	bf_asm_emit(a, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, -1);
}

void bf_asm_kfunc(struct bf_asm *a, const char *function)
{
	add_reloc(a, BF_RELOC_KFUNC, function, NULL);
	bf_asm_emit(a, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, -1);
}

void bf_asm_type(struct bf_asm *a, uint8_t dst, const char *type)
{
	add_reloc(a, BF_RELOC_BTF_ID, type, NULL);
	bf_asm_emit(a, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, 0);
}

void bf_asm_member(struct bf_asm *a, uint8_t size, uint8_t dst, uint8_t src, const char *type, const char *member)
{
	add_reloc(a, BF_RELOC_OFFSET, type, member);
	bf_asm_emit(a, BPF_LDX | size | BPF_MEM, dst, src, 0, 0);
}

void bf_asm_map_value(struct bf_asm *a, uint8_t dst, const char *map)
{
	add_reloc(a, BF_RELOC_MAP_VALUE, map, NULL);
	bf_asm_emit(a, BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, 0);
	bf_asm_emit(a, 0, 0, 0, 0, 0);
}

static int resolve(struct bf_asm *a)
{
	const struct jump *j = (const struct jump *)a->jumps.data;
	const uint32_t *labels = (const uint32_t *)a->labels.data;
	struct bpf_insn *insns = (struct bpf_insn *)a->insns.data;

	for (size_t i = 0; i < a->jumps.len / sizeof(*j); i++) {
		int64_t off = (int64_t)labels[j[i].to] - j[i].insn - 1;

		if (labels[j[i].to] == UNBOUND)
			return -EINVAL;
		if (off < INT16_MIN || off > INT16_MAX)
			return -E2BIG;
		insns[j[i].insn].off = off;
	}
	return 0;
}

int bf_asm_finish(struct bf_asm *a, struct bf_arena *arena, const char *name, struct bf_rt_func *out)
{
	int err = a->err;

	if (a->insns.err || a->relocs.err || a->labels.err || a->jumps.err)
		err = -ENOMEM;
	if (!err)
		err = resolve(a);
	if (err)
		return err;
	*out = (struct bf_rt_func){
		.name = name,
		.insns = bf_arena_memdup(arena, a->insns.data, a->insns.len),
		.n_insns = n_insns(a),
		.relocs = bf_arena_memdup(arena, a->relocs.data, a->relocs.len),
		.n_relocs = a->relocs.len / sizeof(struct bf_rt_reloc),
	};
	return out->insns && out->relocs ? 0 : -ENOMEM;
}
