/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt_bpf.c: -m bpf, revisions 0 and 1, with bytecode (kernel: xt_bpf.c). A
 * pinned program (--object-pinned) or a descriptor cannot be run at this hook:
 * refused.
 */
#include <linux/filter.h>
#include <linux/netfilter/xt_bpf.h>

#include "front/xtables/cond.h"

static int check_program(const struct sock_filter *p, uint16_t n, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct bf_bytecode b = { .len = n, .insns = p };
	int err = n <= XT_BPF_MAX_NUM_INSTR ? bf_bytecode_check(&b) : -EINVAL;

	if (err == -EOPNOTSUPP)
		return bf_xt_error(c, d, err, "match `bpf': the program looks at what bpfilter does not have at this hook");
	return err ? bf_xt_error(c, d, err, "match `bpf': no valid program") : 0;
}

static int check_v0(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_bpf_info *i = info;

	return check_program(i->bpf_program, i->bpf_program_num_elem, c, d);
}

static int check_v1(const void *info, const struct bf_xt_check *c, struct bf_diag *d)
{
	const struct xt_bpf_info_v1 *i = info;

	switch (i->mode) {
	case XT_BPF_MODE_BYTECODE:
		return check_program(i->bpf_program, i->bpf_program_num_elem, c, d);
	case XT_BPF_MODE_PATH_PINNED:
	case XT_BPF_MODE_FD_ELF:
		return bf_xt_error(c, d, -EOPNOTSUPP,
						   "match `bpf': pinned programs are not supported by bpfilter, only --bytecode");
	}
	return bf_xt_error(c, d, -EINVAL, "match `bpf': unknown mode %u", i->mode);
}

static int translate(struct bf_ruleset *rs, struct bf_rule *r, const struct sock_filter *p, uint16_t n)
{
	struct bf_bytecode b = { .len = n };

	b.insns = bf_arena_memdup(rs->arena, p, n * sizeof(*p));
	return b.insns ? bf_rule_add_match(rs, r, &bf_match_bytecode, &b, false) : -ENOMEM;
}

static int translate_v0(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	const struct xt_bpf_info *i = info;

	return translate(rs, r, i->bpf_program, i->bpf_program_num_elem);
}

static int translate_v1(struct bf_ruleset *rs, struct bf_rule *r, const void *info, const struct bf_xt_check *c,
						struct bf_diag *d)
{
	const struct xt_bpf_info_v1 *i = info;

	return translate(rs, r, i->bpf_program, i->bpf_program_num_elem);
}

const struct bf_xt_ext bf_xt_bpf0 = {
	.name = "bpf",
	.unspec = true,
	.size = sizeof(struct xt_bpf_info),
	.usersize = offsetof(struct xt_bpf_info, filter),
	.check = check_v0,
	.translate = translate_v0,
};

const struct bf_xt_ext bf_xt_bpf = {
	.name = "bpf",
	.revision = 1,
	.unspec = true,
	.size = sizeof(struct xt_bpf_info_v1),
	.usersize = offsetof(struct xt_bpf_info_v1, filter),
	.check = check_v1,
	.translate = translate_v1,
};
