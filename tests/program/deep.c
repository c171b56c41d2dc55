/* SPDX-License-Identifier: GPL-2.0-only */
/* A function that takes all the stack that docs/hooks.md promises it (tests/program/deep). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpfilter/program.h>

SEC("deep") int takes_stack(struct bf_packet *p, struct bf_handle *h)
{
	__u32 b[28] = { 0 };

	for (int i = 0; i < 28; i++)
		b[i] = p->saddr[i & 3] + i;
	if (!p->transport || bf_packet_read(p, h, p->transport, b, sizeof(b)))
		return BF_NO_MATCH;
	return b[1] == b[27];
}
