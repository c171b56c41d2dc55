/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disasm.c: eBPF instructions as text, in the style of the verifier's log:
 * r0..r10 are 64 bits, w0..w10 their lower halves; jumps name the instruction
 * they lead to.
 */
#include <linux/bpf.h>

#include "gen/graph.h"
#include "gen/print.h"

static const char *const alu_ops[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "bswap",
};
static const char *const jump_ops[16] = {
	"", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=",
};
static const char *const sizes[4] = { "u32", "u16", "u8", "u64" };

static void print_operand(struct bf_buf *out, const struct bpf_insn *i, char reg)
{
	if (i->code & BPF_X)
		bf_buf_printf(out, "%c%u", reg, i->src_reg);
	else
		bf_buf_printf(out, "%d", i->imm);
}

static void print_alu(struct bf_buf *out, const struct bpf_insn *i)
{
	char reg = BPF_CLASS(i->code) == BPF_ALU64 ? 'r' : 'w';

	if (BPF_OP(i->code) == BPF_NEG)
		return bf_buf_printf(out, "%c%u = -%c%u", reg, i->dst_reg, reg, i->dst_reg);
	if (BPF_OP(i->code) == BPF_END)
		return bf_buf_printf(out, "r%u = %s%d r%u", i->dst_reg, i->code & BPF_X ? "be" : "le", i->imm, i->dst_reg);
	bf_buf_printf(out, "%c%u %s ", reg, i->dst_reg, alu_ops[BPF_OP(i->code) >> 4]);
	print_operand(out, i, reg);
}

static void print_jump(struct bf_buf *out, const struct bpf_insn *i, uint32_t pc)
{
	char reg = BPF_CLASS(i->code) == BPF_JMP ? 'r' : 'w';
	uint32_t to = pc + 1 + (i->code == (BPF_JMP32 | BPF_JA) ? i->imm : i->off);

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return bf_buf_printf(out, "goto %u", to);
	case BPF_EXIT:
		return bf_buf_puts(out, "exit");
	case BPF_CALL:
		return bf_buf_printf(out, "call %s%d", i->src_reg == BPF_PSEUDO_CALL ? "" : "#",
		                     i->src_reg == BPF_PSEUDO_CALL ? (int)pc + 1 + i->imm : i->imm);
	}
	bf_buf_printf(out, "if %c%u %s ", reg, i->dst_reg, jump_ops[BPF_OP(i->code) >> 4]);
	print_operand(out, i, reg);
	bf_buf_printf(out, " goto %u", to);
}

static void print_load(struct bf_buf *out, const struct bpf_insn *i)
{
	if (BPF_CLASS(i->code) == BPF_LD)
		bf_buf_printf(out, "r%u = 0x%x%08x", i->dst_reg, i[1].imm, i->imm);
	else
		bf_buf_printf(out, "%c%u = *(%s *)(r%u %+d)", BPF_SIZE(i->code) == BPF_DW ? 'r' : 'w', i->dst_reg,
		              sizes[BPF_SIZE(i->code) >> 3], i->src_reg, i->off);
}

static void print_store(struct bf_buf *out, const struct bpf_insn *i)
{
	const char *atomic = BPF_MODE(i->code) == BPF_ATOMIC ? "atomic " : "";

	bf_buf_printf(out, "%s*(%s *)(r%u %+d) ", atomic, sizes[BPF_SIZE(i->code) >> 3], i->dst_reg, i->off);
	if (BPF_CLASS(i->code) == BPF_ST)
		bf_buf_printf(out, "= %d", i->imm);
	else if (*atomic)
		bf_buf_printf(out, "%s r%u", i->imm == BPF_ADD ? "+=" : "?=", i->src_reg);
	else
		bf_buf_printf(out, "= r%u", i->src_reg);
}

uint32_t bf_insn_print(struct bf_buf *out, const struct bpf_insn *i, uint32_t pc)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		print_alu(out, i);
		return 1;
	case BPF_JMP:
	case BPF_JMP32:
		print_jump(out, i, pc);
		return 1;
	case BPF_LD:
	case BPF_LDX:
		print_load(out, i);
		return BPF_CLASS(i->code) == BPF_LD ? 2 : 1;
	default:
		print_store(out, i);
		return 1;
	}
}

void bf_func_print(struct bf_buf *out, const struct bf_rt_func *f)
{
	bf_buf_printf(out, "%s:\n", f->name);
	for (uint32_t i = 0, r = 0; i < f->n_insns;) {
		uint32_t at = i;

		while (r < f->n_relocs && f->relocs[r].insn < at)
			r++;
		bf_buf_printf(out, "  %5u  ", at);
		if (r < f->n_relocs && f->relocs[r].insn == at && BPF_CLASS(f->insns[at].code) == BPF_JMP) {
			bf_buf_printf(out, "call %s", f->relocs[r].symbol);
			i++;
		} else if (r < f->n_relocs && f->relocs[r].insn == at) {
			bf_buf_printf(out, "r%u = %s", f->insns[at].dst_reg, f->relocs[r].symbol);
			i += 2;
		} else {
			i += bf_insn_print(out, &f->insns[at], at);
		}
		bf_buf_puts(out, "\n");
	}
}
