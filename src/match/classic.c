/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic.c: which classic BPF programs the kernel takes (linux/filter.h,
 * bpf_check_classic): known operations, jumps forward and inside, a RET at the
 * end, no division by the constant 0, no shift by 32 or more, and no scratch
 * word read that was not written on every way there.
 */
#include <linux/filter.h>

#include "match/match.h"

/* Taken by the kernel, but looking into things that a filter on netfilter's hooks has no use for. */
static bool is_exotic(uint32_t ad)
{
	return ad == SKF_AD_PAY_OFFSET || ad == SKF_AD_NLATTR || ad == SKF_AD_NLATTR_NEST;
}

static int check_load(const struct sock_filter *f)
{
	uint32_t ad = f->k - (uint32_t)SKF_AD_OFF;

	if (BPF_MODE(f->code) != BPF_ABS || f->k < (uint32_t)SKF_AD_OFF)
		return 0;
	/* What the kernel knows beside the packet: multiples of 4 below SKF_AD_MAX. */
	if (ad >= SKF_AD_MAX || ad % 4)
		return -EINVAL;
	return is_exotic(ad) ? -EOPNOTSUPP : 0;
}

static int check_ld(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
		return check_load(f);
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_B | BPF_MSH:
		return 0;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return f->k < BPF_MEMWORDS ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int check_alu(const struct sock_filter *f)
{
	bool k = BPF_SRC(f->code) == BPF_K;

	if (f->code & 0xff00)
		return -EINVAL;
	switch (BPF_OP(f->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return 0;
	case BPF_NEG:
		return k ? 0 : -EINVAL;
	case BPF_DIV:
	case BPF_MOD:
		return k && f->k == 0 ? -EINVAL : 0;
	case BPF_LSH:
	case BPF_RSH:
		return k && f->k >= 32 ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int check_jump(const struct sock_filter *f, uint32_t behind)
{
	if (f->code & 0xff00)
		return -EINVAL;
	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return BPF_SRC(f->code) == BPF_K && f->k < behind ? 0 : -EINVAL;
	case BPF_JEQ:
	case BPF_JGT:
	case BPF_JGE:
	case BPF_JSET:
		return f->jt < behind && f->jf < behind ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int check_insn(const struct sock_filter *f, uint32_t behind)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_ALU:
		return check_alu(f);
	case BPF_JMP:
		return check_jump(f, behind);
	case BPF_RET:
		return f->code == (BPF_RET | BPF_K) || f->code == (BPF_RET | BPF_A) ? 0 : -EINVAL;
	case BPF_MISC:
		return f->code == (BPF_MISC | BPF_TAX) || f->code == (BPF_MISC | BPF_TXA) ? 0 : -EINVAL;
	}
	return check_ld(f);
}

/* One pass suffices, jumps go forward: ways[pc] holds the words written on all jumps to pc so far. */
static int check_memory(const struct sock_filter *f, uint32_t n, uint16_t *ways)
{
	uint16_t valid = 0;

	memset(ways, 0xff, n * sizeof(*ways));
	for (uint32_t pc = 0; pc < n; pc++) {
		valid &= ways[pc];
		switch (f[pc].code) {
		case BPF_ST:
		case BPF_STX:
			valid |= 1u << f[pc].k;
			break;
		case BPF_LD | BPF_MEM:
		case BPF_LDX | BPF_MEM:
			if (!(valid >> f[pc].k & 1))
				return -EINVAL;
			break;
		}
		if (BPF_CLASS(f[pc].code) != BPF_JMP)
			continue;
		if (BPF_OP(f[pc].code) == BPF_JA) {
			ways[pc + 1 + f[pc].k] &= valid;
		} else {
			ways[pc + 1 + f[pc].jt] &= valid;
			ways[pc + 1 + f[pc].jf] &= valid;
		}
		valid = 0xffff; /* nothing falls through a jump */
	}
	return 0;
}

int bf_bytecode_check(const struct bf_bytecode *b)
{
	_cleanup_free_ uint16_t *ways = NULL;
	bool exotic = false;
	int err;

	if (!b->len || b->len > BPF_MAXINSNS || BPF_CLASS(b->insns[b->len - 1].code) != BPF_RET)
		return -EINVAL;
	for (uint32_t pc = 0; pc < b->len; pc++) {
		err = check_insn(&b->insns[pc], b->len - pc - 1);
		if (err && err != -EOPNOTSUPP)
			return err;
		exotic |= err != 0;
	}
	ways = malloc(b->len * sizeof(*ways));
	if (!ways)
		return -ENOMEM;
	err = check_memory(b->insns, b->len, ways);
	return err ? err : exotic ? -EOPNOTSUPP : 0;
}
