/* SPDX-License-Identifier: GPL-2.0-only */
/* nflog.c: packets for a logging daemon (ulogd, tcpdump -i nflog), sent by the kernel's own NFLOG target. */
#include <linux/netfilter/xt_NFLOG.h>

#include "base/image.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data)
{
	const struct bf_nflog *p = data;

	bf_buf_puts(out, "log");
	if (p->prefix[0]) {
		bf_buf_puts(out, " prefix ");
		bf_text_quote(out, p->prefix, sizeof(p->prefix));
	}
	bf_buf_printf(out, " group %u", p->group);
	if (p->flags & XT_NFLOG_F_COPY_LEN)
		bf_buf_printf(out, " snaplen %u", p->len);
	if (p->threshold)
		bf_buf_printf(out, " queue-threshold %u", p->threshold);
}

static int handoff(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	const struct bf_nflog *p = data;
	struct xt_nflog_info info = {
		.len = p->len, .group = p->group, .threshold = p->threshold, .flags = p->flags,
	};

	memcpy(info.prefix, p->prefix, sizeof(info.prefix));
	out->kind = BF_HANDOFF_XT_TARGET;
	strcpy(out->name, "NFLOG");
	out->revision = 0;
	out->size = sizeof(info);
	memcpy(out->info, &info, sizeof(info));
	return 0;
}

const struct bf_target_ops bf_target_nflog = {
	.name = "nflog",
	.data_size = sizeof(struct bf_nflog),
	.print = print,
	.handoff = handoff,
};
