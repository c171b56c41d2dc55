/* SPDX-License-Identifier: GPL-2.0-only */
/* eval_act.c: what is done with packets besides a verdict: reject, log. What no rule of the model can do yet is refused. */
#include <linux/in.h>
#include <linux/netfilter/nf_log.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <syslog.h>

#include "base/image.h"
#include "front/native/evaluate.h"

/* Reject. */

static bool require(struct bf_ev *ev, struct bf_ev_draft *d, enum bf_field_id f, uint32_t v)
{
	struct bf_range r = { v, v };
	struct bf_cond c = { .kind = BF_COND_FIELD, .field = &bf_fields[f], .mask = bf_field_ones(&bf_fields[f]),
		                 .ranges = &r, .n_ranges = 1 };
	const struct bf_cond *one = bf_cond_intern(ev->rs, &c);

	return one ? bf_ev_add_cond(ev, d, one) : bf_ev_nomem(ev);
}

/* As in nft: a rule that answers in one protocol only is for packets of that one, from its first statement on. */
bool bf_ev_before(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_rule *r)
{
	for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
		if (s->kind != BF_STMT_REJECT)
			continue;
		if (s->reject.with == BF_REJECT_TCP && !require(ev, d, BF_F_L4PROTO, IPPROTO_TCP))
			return false;
		if (s->reject.with == BF_REJECT_ICMP && ev->family != NFPROTO_IPV4 && !require(ev, d, BF_F_NFPROTO, NFPROTO_IPV4))
			return false;
		if (s->reject.with == BF_REJECT_ICMPV6 && ev->family != NFPROTO_IPV6 && !require(ev, d, BF_F_NFPROTO, NFPROTO_IPV6))
			return false;
	}
	return true;
}

static bool reject(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	static const uint8_t with[] = {
		[BF_REJECT_DEFAULT] = BF_ANSWER_ICMPX, [BF_REJECT_ICMP] = BF_ANSWER_ICMP, [BF_REJECT_ICMPV6] = BF_ANSWER_ICMPV6,
		[BF_REJECT_ICMPX] = BF_ANSWER_ICMPX,   [BF_REJECT_TCP] = BF_ANSWER_RESET,
	};
	struct bf_answer a = { .code = NFT_REJECT_ICMPX_PORT_UNREACH };
	bf_u128 code;

	if (s->reject.with == BF_REJECT_ERRNO)
		return bf_ev_need(ev, s->loc, BF_CAN_ERRNO, "reject with errno") &&
		       bf_ev_unserved(ev, s->loc, "'reject with errno' is not served yet");
	if (!bf_ev_need(ev, s->loc, BF_CAN_COMPANION, "reject"))
		return false;
	if ((s->reject.with == BF_REJECT_ICMP && ev->family == NFPROTO_IPV6) ||
	    (s->reject.with == BF_REJECT_ICMPV6 && ev->family == NFPROTO_IPV4))
		return bf_ev_error(ev, s->loc, "no packet of this table is answered so: it is of the other family");
	a.with = with[s->reject.with];
	if (s->reject.code) {
		if (!bf_ev_number(ev, s->reject.code, NULL, &code))
			return false;
		if (code > (a.with == BF_ANSWER_ICMPX ? NFT_REJECT_ICMPX_MAX : 255))
			return bf_ev_error(ev, s->reject.code->loc, "there is no such code");
		a.code = (uint8_t)code;
	}
	return bf_ev_add_action(ev, d, &bf_target_answer, &a);
}

/* Log. */

static bool log_stmt(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	enum { GROUPED = BF_LOG_GROUP | BF_LOG_SNAPLEN | BF_LOG_THRESHOLD };
	struct bf_handoff_log l;

	if (!bf_ev_need(ev, s->loc, BF_CAN_COMPANION, "log"))
		return false;
	memset(&l, 0, sizeof(l));
	l.grouped = !!(s->log.set & GROUPED);
	l.level = s->log.set & BF_LOG_LEVEL ? s->log.level : l.grouped ? 0 : LOG_WARNING;
	if (l.level > LOG_DEBUG)
		return bf_ev_unserved(ev, s->loc, "packets are not logged to the audit system");
	l.flags = s->log.flags;
	l.group = (uint16_t)s->log.group;
	l.snaplen = s->log.snaplen;
	l.threshold = (uint16_t)s->log.threshold;
	if (s->log.prefix)
		snprintf(l.prefix, sizeof(l.prefix), "%s", s->log.prefix);
	return bf_ev_add_action(ev, d, &bf_target_nft_log, &l);
}

/* Notrack. */

static bool notrack(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const uint32_t here = 1u << BF_HOOK_PREROUTING | 1u << BF_HOOK_OUTPUT;

	if (!bf_ev_need(ev, s->loc, BF_CAN_COMPANION, "notrack"))
		return false;
	if (ev->chain->hooks & ~here)
		return bf_ev_error(ev, s->loc, "connections are found at prerouting and output: notrack must come before, at priority raw");
	return bf_ev_add_action(ev, d, &bf_target_nft_notrack, "");
}

/* All of them. */

static const char *stmt_name(const struct bf_ast_stmt *s)
{
	static const char *const names[] = {
		[BF_STMT_SET] = "set", [BF_STMT_CT_COUNT] = "ct count", [BF_STMT_STRIP] = "reset", [BF_STMT_PROGRAM] = "program",
		[BF_STMT_REDIRECT] = "redirect", [BF_STMT_MIRROR] = "mirror", [BF_STMT_ROUTE] = "route",
		[BF_STMT_SOCKSET] = "set of a connection",
	};

	return (size_t)s->kind < BF_ARRAY_SIZE(names) && names[s->kind] ? names[s->kind] : "this";
}

bool bf_ev_act(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, bool *terminal)
{
	switch (s->kind) {
	case BF_STMT_LOG: return log_stmt(ev, d, s);
	case BF_STMT_NOTRACK: return notrack(ev, d, s);
	case BF_STMT_REJECT:
		*terminal = reject(ev, d, s);
		return *terminal;
	default: return bf_ev_unserved(ev, s->loc, "'%s' is not served yet", stmt_name(s));
	}
}
