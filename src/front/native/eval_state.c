/* SPDX-License-Identifier: GPL-2.0-only */
/* eval_state.c: statements that remember: limits and quotas of a rule; and samples. */
#include "front/native/evaluate.h"

bool bf_ev_stateful(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_stateful *out)
{
	*out = (struct bf_stateful){ 0 };
	switch (s->kind) {
	case BF_STMT_COUNTER:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_COUNTER, .packets = s->counter.packets, .used = s->counter.bytes };
		break;
	case BF_STMT_LIMIT:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_LIMIT, .over = s->limit.over, .bytes = s->limit.bytes,
			                         .rate = s->limit.rate, .per = s->limit.per, .burst = s->limit.burst };
		break;
	case BF_STMT_QUOTA:
		*out = (struct bf_stateful){ .kind = BF_STATEFUL_QUOTA, .over = s->quota.over, .quota = s->quota.bytes,
			                         .used = s->quota.used };
		break;
	default: return bf_ev_unserved(ev, s->loc, "this cannot be kept for an element");
	}
	if (bf_stateful_check(out))
		return bf_ev_error(ev, s->loc, "such a rate cannot be kept: the kernel's clock counts nanoseconds in 64 bits");
	return true;
}

static uint64_t id_of(const struct bf_ev *ev)
{
	return BF_EVAL_OWN | ev->rule->handle << 16 | (ev->stmt & 0xffff);
}

static bool own(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_object_use use;
	struct bf_stateful what;

	if (!bf_ev_stateful(ev, s, &what))
		return false;
	use.object = bf_table_add_object(ev->rs, ev->t, NULL, id_of(ev), &what);
	return use.object ? bf_ev_add_match(ev, d, &bf_match_object, &use, false) : bf_ev_nomem(ev);
}

static bool sample(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_statistic p = { .probability = (uint32_t)(0x80000000ull * s->sample.n / s->sample.of) };

	return bf_ev_add_match(ev, d, &bf_match_statistic, &p, false);
}

bool bf_ev_state(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	return s->kind == BF_STMT_SAMPLE ? sample(ev, d, s) : own(ev, d, s);
}
