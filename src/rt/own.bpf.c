/* SPDX-License-Identifier: GPL-2.0-only */
/* own.bpf.c: what generated functions are where a ruleset has none (code.h). */
#include "rt/kernel.h"

APART int bf_code(struct bf_frame *f, __u32 step, struct bf_ctx *ctx)
{
	return -1;
}

APART int bf_users_ask(struct bf_frame *f, __u32 step, struct bf_ctx *ctx)
{
	return -1;
}

int bf_straight(struct bf_frame *f)
{
	return BF_DROP;
}

int bf_straight_ip6(struct bf_frame *f)
{
	return BF_DROP;
}

int bf_straight_other(struct bf_frame *f)
{
	return BF_DROP;
}
