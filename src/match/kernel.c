/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.c: what nft's own expressions do for us behind a rule: log, set a mark, notrack. */
#include <linux/netfilter/nf_log.h>

#include "base/image.h"
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void give(struct bf_handoff_spec *out, enum bf_handoff_kind kind, const void *info, size_t size)
{
	out->kind = kind;
	out->size = (uint16_t)size;
	memcpy(out->info, info, size);
}

/* Log. */

static void print_log_flags(struct bf_buf *out, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} names[] = { { NF_LOG_TCPSEQ, "tcp sequence" }, { NF_LOG_TCPOPT, "tcp options" }, { NF_LOG_IPOPT, "ip options" },
		          { NF_LOG_UID, "skuid" },           { NF_LOG_MACDECODE, "ether" } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			bf_buf_printf(out, " flags %s", names[i].text);
}

static void print_log(struct bf_buf *out, const void *data)
{
	static const char *const levels[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit" };
	const struct bf_handoff_log *p = data;

	bf_buf_puts(out, "log");
	if (p->prefix[0]) {
		bf_buf_puts(out, " prefix ");
		bf_text_quote(out, p->prefix, sizeof(p->prefix));
	}
	if (!p->grouped) {
		bf_buf_printf(out, " level %s", p->level < BF_ARRAY_SIZE(levels) ? levels[p->level] : "?");
		print_log_flags(out, p->flags);
		return;
	}
	bf_buf_printf(out, " group %u", p->group);
	if (p->snaplen)
		bf_buf_printf(out, " snaplen %u", p->snaplen);
	if (p->threshold)
		bf_buf_printf(out, " queue-threshold %u", p->threshold);
}

static int handoff_log(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	give(out, BF_HANDOFF_NFT_LOG, data, sizeof(struct bf_handoff_log));
	return 0;
}

/* Where there is no companion, a program that is watched tells of the rule, and that is all. */
static int lower_log(struct bf_lower *l, const void *data)
{
	return 0;
}

const struct bf_target_ops bf_target_nft_log = {
	.name = "nft log",
	.lower = lower_log,
	.data_size = sizeof(struct bf_handoff_log),
	.print = print_log,
	.handoff = handoff_log,
};

/* Marks. */

static void print_set(struct bf_buf *out, const void *data)
{
	static const char *const places[] = {
		[BF_PLACE_NONE] = "", [BF_PLACE_MARK] = "meta mark", [BF_PLACE_PRIORITY] = "meta priority",
		[BF_PLACE_CT_MARK] = "ct mark", [BF_PLACE_CT_LABEL] = "ct label", [BF_PLACE_CT_ZONE] = "ct zone",
		[BF_PLACE_CT_EVENT] = "ct event", [BF_PLACE_TRACE] = "meta nftrace", [BF_PLACE_PKTTYPE] = "meta pkttype",
		[BF_PLACE_MSS] = "tcp option maxseg size", [BF_PLACE_ROUTE_MSS] = "rt mtu",
	};
	const struct bf_handoff_set *p = data;

	if (p->to == BF_PLACE_HEADER) {
		bf_buf_printf(out, "@nh,%u,16 set @nh,%u,16 & 0x%04x ^ 0x%04x", p->at * 8u, p->at * 8u, p->mask, p->value);
		return;
	}
	bf_buf_printf(out, "%s set ", places[p->to]);
	if (p->from != BF_PLACE_NONE)
		bf_buf_printf(out, "%s & 0x%08x ^ ", places[p->from], p->mask);
	bf_buf_printf(out, "0x%08x", p->value);
}

static int handoff_set(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	give(out, BF_HANDOFF_NFT_SET, data, sizeof(struct bf_handoff_set));
	return 0;
}

/* A mark that is set is what the rules behind see. */
static bool of_packet(const struct bf_handoff_set *p, struct bf_put *put)
{
	static const uint8_t outs[] = { [BF_PLACE_MARK] = BF_OUT_MARK, [BF_PLACE_PRIORITY] = BF_OUT_PRIORITY,
		                            [BF_PLACE_CT_MARK] = BF_OUT_CT_MARK };

	*put = (struct bf_put){ .out = p->to < BF_ARRAY_SIZE(outs) ? outs[p->to] : 0, .value = p->value };
	if (p->from == BF_PLACE_MARK)
		put->from = (struct bf_operand){ .field = &bf_fields[BF_F_MARK], .mask = p->mask };
	if (put->from.field && !p->mask)
		put->from.field = NULL;
	return put->out && (p->from == BF_PLACE_NONE || p->from == BF_PLACE_MARK);
}

static int lower_set(struct bf_lower *l, const void *data)
{
	struct bf_put put;

	if (of_packet(data, &put))
		return bf_lower_put_here(l, &put);
	return bf_lower_where(l) == BF_AT_NETFILTER ? 0 : -EOPNOTSUPP;
}

static void run_set(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	struct bf_put put;

	if (of_packet(data, &put))
		bf_match_put.eval(in, p, &put, NULL);
}

const struct bf_target_ops bf_target_nft_set = {
	.lower = lower_set,
	.run = run_set,
	.name = "nft set",
	.data_size = sizeof(struct bf_handoff_set),
	.print = print_set,
	.handoff = handoff_set,
};

/* Notrack. */

static void print_notrack(struct bf_buf *out, const void *data)
{
	bf_buf_puts(out, "notrack");
}

static int handoff_notrack(const void *data, uint8_t family, struct bf_handoff_spec *out)
{
	out->kind = BF_HANDOFF_NFT_NOTRACK;
	return 0;
}

const struct bf_target_ops bf_target_nft_notrack = {
	.name = "nft notrack",
	.data_size = 1,
	.print = print_notrack,
	.handoff = handoff_notrack,
};
