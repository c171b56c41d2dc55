/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * limit.c: a token bucket, with xt_limit's arithmetic to the bit. All of it is
 * 32-bit and wraps, which users see: 1/hour with burst 50 lets 12 packets pass
 * at first, not 50.
 *
 *   A jiffy is worth `per_jiffy` credits: the greatest power of two with which
 *   a day still fits 32 bits. A packet costs credits(avg), the bucket holds
 *   credits(avg * burst).
 */
#include <linux/netfilter/xt_limit.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static uint32_t per_jiffy(uint32_t hz)
{
	uint32_t most = UINT32_MAX / (hz * 60 * 60 * 24), p = 1;

	while (p <= most / 2)
		p *= 2;
	return p;
}

static uint32_t credits(uint32_t avg, uint32_t hz)
{
	uint32_t second = hz * per_jiffy(hz);

	if (avg > UINT32_MAX / second) /* it would overflow: less precision instead */
		return avg / XT_LIMIT_SCALE * second;
	return avg * second / XT_LIMIT_SCALE;
}

int bf_limit_check(const struct bf_limit *l, uint32_t hz)
{
	return l->burst == 0 || credits(l->avg * l->burst, hz) < credits(l->avg, hz) ? -ERANGE : 0;
}

static const struct {
	const char *name;
	uint32_t avg; /* of 1/unit */
} units[] = {
	{ "second", XT_LIMIT_SCALE },
	{ "minute", XT_LIMIT_SCALE * 60 },
	{ "hour", XT_LIMIT_SCALE * 60 * 60 },
	{ "day", XT_LIMIT_SCALE * 60 * 60 * 24 },
};

/* The first unit in which the rate is a whole number that reads back as the same avg. */
static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_limit *p = data;

	bf_buf_puts(out, neg ? "not limit rate " : "limit rate ");
	for (size_t i = 0; i <= BF_ARRAY_SIZE(units); i++) {
		uint32_t n;

		if (i == BF_ARRAY_SIZE(units)) { /* none: the interval in 1/10000 s */
			bf_buf_printf(out, "1/%u.%04us", p->avg / XT_LIMIT_SCALE, p->avg % XT_LIMIT_SCALE);
			break;
		}
		n = p->avg ? units[i].avg / p->avg : 0;
		if (n && units[i].avg / n == p->avg) {
			bf_buf_printf(out, "%u/%s", n, units[i].name);
			break;
		}
	}
	bf_buf_printf(out, " burst %u packets", p->burst);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	const struct bf_limit *p = data;
	uint32_t hz = bf_lower_hz(l);
	struct bf_rt_limit params = {
		.cost = credits(p->avg, hz), .cap = credits(p->avg * p->burst, hz), .cpj = per_jiffy(hz),
	};

	params.state = params.cap; /* full; prev 0: not begun */
	bf_lower_special(l, BF_SPECIAL_LIMIT, &params, sizeof(params), hit, miss);
	return 0;
}

struct bucket {
	bool begun;
	uint64_t prev;
	uint32_t credit;
};

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_limit *limit = data;
	struct bucket *b = bf_interp_state(in, data);
	uint32_t hz = bf_interp_hz(in);
	uint32_t cost = credits(limit->avg, hz), cap = credits(limit->avg * limit->burst, hz);

	if (!b->begun)
		*b = (struct bucket){ true, p->jiffies, cap };
	b->credit += (uint32_t)(p->jiffies - b->prev) * per_jiffy(hz);
	b->prev = p->jiffies;
	if (b->credit > cap)
		b->credit = cap;
	if (b->credit < cost)
		return false;
	b->credit -= cost;
	return true;
}

const struct bf_match_ops bf_match_limit = {
	.name = "limit",
	.data_size = sizeof(struct bf_limit),
	.stateful = true,
	.state_size = sizeof(struct bucket),
	.print = print,
	.lower = lower,
	.eval = eval,
};
