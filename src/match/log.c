/* SPDX-License-Identifier: GPL-2.0-only */
/* log.c: a line in the kernel's log, written by the kernel's own LOG target. */
#include <linux/netfilter/xt_LOG.h>

#include "base/image.h"
#include "match/match.h"

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" };

static const struct {
	uint8_t flag;
	const char *text;
} flags[] = {
	{ XT_LOG_TCPSEQ, "tcp sequence" }, { XT_LOG_TCPOPT, "tcp options" }, { XT_LOG_IPOPT, "ip options" },
	{ XT_LOG_UID, "skuid" },           { XT_LOG_MACDECODE, "ether" },
};

static void print(struct bf_buf *out, const void *data)
{
	const struct bf_log *p = data;

	bf_buf_puts(out, "log");
	if (p->prefix[0]) {
		bf_buf_puts(out, " prefix ");
		bf_text_quote(out, p->prefix, sizeof(p->prefix));
	}
	if (p->level < BF_ARRAY_SIZE(levels))
		bf_buf_printf(out, " level %s", levels[p->level]);
	else
		bf_buf_printf(out, " level %u", p->level);
	for (size_t i = 0; i < BF_ARRAY_SIZE(flags); i++)
		if (p->flags & flags[i].flag)
			bf_buf_printf(out, " flags %s", flags[i].text);
}

static int handoff(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	const struct bf_log *p = data;
	struct xt_log_info info = { .level = p->level, .logflags = p->flags };

	memcpy(info.prefix, p->prefix, sizeof(info.prefix));
	out->kind = BF_HANDOFF_XT_TARGET;
	strcpy(out->name, "LOG");
	out->revision = 0;
	out->size = sizeof(info);
	memcpy(out->info, &info, sizeof(info));
	return 0;
}

const struct bf_target_ops bf_target_log = {
	.name = "log",
	.data_size = sizeof(struct bf_log),
	.print = print,
	.handoff = handoff,
};
