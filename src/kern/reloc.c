/* SPDX-License-Identifier: GPL-2.0-only */
/* reloc.c: what an image leaves open until the kernel is known (base/image.h, enum bf_reloc_kind). */
#include "kern/load.h"

#define IS_LD_IMM64(i) ((i)->code == (BPF_LD | BPF_IMM | BPF_DW))

struct ctx {
	const struct bf_prog_image *p;
	struct bpf_insn *insns;
	const int *maps;
	uint32_t n_maps;
	struct bf_types *types;
	struct bf_diag *d;
	const struct bf_reloc *asked[8]; /* generated code asks the same few things again and again; answers */
	uint32_t answers[8];
};

static int missing(const struct ctx *c, const struct bf_reloc *r, const char *what)
{
	return bf_diag_error(c->d, -EOPNOTSUPP, "program \"%s\": this kernel has no %s %s%s%s", c->p->name, what, r->type,
	                     r->member && *r->member ? "." : "", r->member ? r->member : "");
}

static int bad(const struct ctx *c, const struct bf_reloc *r)
{
	return bf_diag_error(c->d, -EINVAL, "program \"%s\": relocation %d does not fit instruction %u", c->p->name,
	                     r->kind, r->insn);
}

static int put_imm(const struct ctx *c, const struct bf_reloc *r, uint32_t value)
{
	struct bpf_insn *i = c->insns + r->insn;

	i->imm = (int32_t)value;
	if (IS_LD_IMM64(i)) {
		if (r->insn + 1 >= c->p->n_insns)
			return bad(c, r);
		i[1].imm = 0;
	}
	return 0;
}

static int put_map(const struct ctx *c, const struct bf_reloc *r)
{
	struct bpf_insn *i = c->insns + r->insn;

	if (!IS_LD_IMM64(i) || r->insn + 1 >= c->p->n_insns || r->map >= c->n_maps)
		return bad(c, r);
	i->src_reg = r->kind == BF_RELOC_MAP_FD ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
	i->imm = c->maps[r->map];
	i[1].imm = r->kind == BF_RELOC_MAP_FD ? 0 : r->addend;
	return 0;
}

/* What has no answer is missing `what`, but for want of all types, which was told already. */
static int ask(struct ctx *c, const struct bf_reloc *r, const char *what, uint32_t *answer)
{
	uint32_t slot = ((uint32_t)(uintptr_t)r->type >> 3 ^ (uint32_t)r->kind) % BF_ARRAY_SIZE(c->asked);
	const struct bf_reloc *last = c->asked[slot];
	int err;

	if (last && last->kind == r->kind && last->type == r->type && last->member == r->member) {
		*answer = c->answers[slot];
		return 0;
	}
	err = bf_types_ask(c->types, r->kind, r->type, r->member, answer, c->d);
	if (!err) {
		c->asked[slot] = r;
		c->answers[slot] = *answer;
	}
	return err == -ENOENT ? missing(c, r, what) : err;
}

static int put_kfunc(struct ctx *c, const struct bf_reloc *r)
{
	struct bpf_insn *i = c->insns + r->insn;
	uint32_t id;
	int err = ask(c, r, "function", &id);

	if (err)
		return err;
	if (i->code != (BPF_JMP | BPF_CALL))
		return bad(c, r);
	i->src_reg = BPF_PSEUDO_KFUNC_CALL;
	i->off = 0; /* in the kernel proper, not in a module */
	i->imm = (int32_t)id;
	return 0;
}

static int put_offset(const struct ctx *c, const struct bf_reloc *r, uint32_t offset)
{
	struct bpf_insn *i = c->insns + r->insn;
	int64_t off = (int64_t)offset + r->addend;

	switch (BPF_CLASS(i->code)) {
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		if (off < INT16_MIN || off > INT16_MAX)
			return bad(c, r);
		i->off = (int16_t)off;
		return 0;
	}
	return put_imm(c, r, (uint32_t)off);
}

static int put_type(struct ctx *c, const struct bf_reloc *r)
{
	uint32_t answer;
	int err;

	if (r->kind != BF_RELOC_BTF_ID && r->kind != BF_RELOC_OFFSET && r->kind != BF_RELOC_SIZE && r->kind != BF_RELOC_EXISTS)
		return bad(c, r);
	err = ask(c, r, "struct", &answer);
	if (err)
		return err;
	return r->kind == BF_RELOC_OFFSET ? put_offset(c, r, answer) : put_imm(c, r, answer);
}

/* A call of what there is not: the verifier refuses it if it can be reached, and its log has the number. */
static void forbid(const struct ctx *c, const struct bf_reloc *r)
{
	struct bpf_insn *i = c->insns + r->insn;
	const struct bpf_insn no = { .code = BPF_JMP | BPF_CALL, .imm = (int32_t)(BF_FORBIDDEN + (uint32_t)(r - c->p->relocs)) };

	if (IS_LD_IMM64(i) && r->insn + 1 < c->p->n_insns)
		i[1] = no;
	*i = no;
}

static void resize(struct bpf_insn *i, uint32_t size)
{
	static const uint8_t codes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	uint8_t class = BPF_CLASS(i->code);

	if ((class == BPF_LDX || class == BPF_ST || class == BPF_STX) && (size == 1 || size == 2 || size == 4 || size == 8))
		i->code = (uint8_t)((i->code & ~0x18) | codes[size]);
}

static int put_field(const struct ctx *c, const struct bf_reloc *r)
{
	uint32_t answer, size;
	int err = bf_types_ask(c->types, r->kind, r->type, r->member, &answer, c->d);

	if (!err && r->kind == BF_RELOC_FIELD)
		err = bf_types_ask(c->types, BF_RELOC_FIELD_SIZE, r->type, r->member, &size, c->d);
	if (err == -ENOENT) {
		forbid(c, r);
		return 0;
	}
	if (err)
		return err;
	if (r->kind != BF_RELOC_FIELD)
		return put_imm(c, r, answer);
	resize(c->insns + r->insn, size);
	return put_offset(c, r, answer);
}

static int put(struct ctx *c, const struct bf_reloc *r)
{
	if (r->insn >= c->p->n_insns)
		return bad(c, r);
	if (r->kind == BF_RELOC_MAP_FD || r->kind == BF_RELOC_MAP_VALUE)
		return put_map(c, r);
	if (r->kind >= BF_RELOC_FIELD)
		return put_field(c, r);
	return r->kind == BF_RELOC_KFUNC ? put_kfunc(c, r) : put_type(c, r);
}

int bf_relocate(const struct bf_prog_image *p, struct bpf_insn *insns, const int *maps, uint32_t n_maps,
                struct bf_types *types, struct bf_diag *d)
{
	struct ctx c = { .p = p, .insns = insns, .maps = maps, .n_maps = n_maps, .types = types, .d = d };

	for (uint32_t i = 0; i < p->n_relocs; i++) {
		int err = put(&c, &p->relocs[i]);

		if (err)
			return err;
	}
	return 0;
}
