/* SPDX-License-Identifier: GPL-2.0-only */
/* own.bpf.c: what generated functions are where a ruleset has none (code.h). */
#include "rt/kernel.h"

int bf_code(struct bf_frame *f, __u32 id)
{
	return BF_HOTDROP;
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
