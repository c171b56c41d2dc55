/* SPDX-License-Identifier: GPL-2.0-only */
/* eval_act.c: what is done with packets besides a verdict: reject, log. What no rule of the model can do is refused. */
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

static bool answer(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_answer *a)
{
	static const uint8_t with[] = {
		[BF_REJECT_DEFAULT] = BF_ANSWER_ICMPX, [BF_REJECT_ICMP] = BF_ANSWER_ICMP, [BF_REJECT_ICMPV6] = BF_ANSWER_ICMPV6,
		[BF_REJECT_ICMPX] = BF_ANSWER_ICMPX,   [BF_REJECT_TCP] = BF_ANSWER_RESET,
	};
	bf_u128 code = NFT_REJECT_ICMPX_PORT_UNREACH;

	if ((s->reject.with == BF_REJECT_ICMP && ev->family == NFPROTO_IPV6) ||
	    (s->reject.with == BF_REJECT_ICMPV6 && ev->family == NFPROTO_IPV4))
		return bf_ev_error(ev, s->loc, "no packet of this table is answered so: it is of the other family");
	if (s->reject.code && !bf_ev_number(ev, s->reject.code, NULL, &code))
		return false;
	*a = (struct bf_answer){ with[s->reject.with], (uint8_t)code };
	return code <= (a->with == BF_ANSWER_ICMPX ? NFT_REJECT_ICMPX_MAX : 255) ||
	       bf_ev_error(ev, s->reject.code->loc, "there is no such code");
}

/* Of a system call. */
static bool fail(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	bf_u128 err = ECONNREFUSED;

	if (s->reject.code && !bf_ev_number(ev, s->reject.code, NULL, &err))
		return false;
	if (!err || err > 4095)
		return bf_ev_error(ev, s->reject.code ? s->reject.code->loc : s->loc, "errors are 1 to 4095");
	return bf_ev_need(ev, s->loc, BF_CAN_ERRNO, "reject with errno") && bf_ev_errno_exit(ev, d, (uint32_t)err);
}

/* By the kernel at netfilter's hooks (postrouting has no reject); by a packet of the program's, or by an error of the
 * call, at others. */
static bool reject(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, enum bf_verdict_kind *end)
{
	struct bf_answer a;

	*end = s->reject.with == BF_REJECT_ERRNO ? BF_VERDICT_DROP : BF_VERDICT_ACTION;
	if (s->reject.with == BF_REJECT_ERRNO)
		return fail(ev, d, s);
	return answer(ev, s, &a) && bf_ev_need(ev, s->loc, BF_CAN_REJECT, "reject") && bf_ev_add_action(ev, d, &bf_target_answer, &a);
}

/* Log: by the kernel at netfilter's hooks; at others nobody but `bpfilter monitor` hears of it. */

static bool log_stmt(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	enum { GROUPED = BF_LOG_GROUP | BF_LOG_SNAPLEN | BF_LOG_THRESHOLD };
	struct bf_handoff_log l;

	if (!bf_ev_need(ev, s->loc, s->log.set & GROUPED ? BF_CAN_COMPANION : BF_CAN_EVENT, s->log.set & GROUPED ? "log group" : "log"))
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
	return bf_ev_need(ev, s->loc, BF_CAN_COMPANION, "notrack") && bf_ev_add_action(ev, d, &bf_target_nft_notrack, "");
}

/* All of them. */

bool bf_ev_act(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, enum bf_verdict_kind *end)
{
	switch (s->kind) {
	case BF_STMT_LOG: return log_stmt(ev, d, s);
	case BF_STMT_NOTRACK: return notrack(ev, d, s);
	case BF_STMT_REJECT: return reject(ev, d, s, end);
	case BF_STMT_SET: return bf_ev_set_value(ev, d, s, s->match.r);
	case BF_STMT_MIRROR: return bf_ev_way(ev, d, s);
	case BF_STMT_REDIRECT:
	case BF_STMT_ROUTE:
		*end = BF_VERDICT_DROP;
		return bf_ev_way(ev, d, s);
	case BF_STMT_SOCKSET: return bf_ev_sockset(ev, d, s);
	case BF_STMT_CT_COUNT: return bf_ev_unserved(ev, s->loc, "connections are not counted by rules: leave 'ct count' to a table of nft's");
	case BF_STMT_STRIP: return bf_ev_unserved(ev, s->loc, "options are not taken out of packets: leave it to a table of nft's");
	default: return bf_ev_unserved(ev, s->loc, "this is not served");
	}
}
