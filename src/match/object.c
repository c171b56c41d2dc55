/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * object.c: counters, limits and quotas with nft's arithmetic: those that
 * rules share by name, and a rule's own. (The limit of xtables is limit.c.)
 */
#include <inttypes.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/lookup.h"

static const char *unit_of(uint64_t seconds)
{
	switch (seconds) {
	case 1:
		return "second";
	case 60:
		return "minute";
	case 3600:
		return "hour";
	case 86400:
		return "day";
	}
	return "week";
}

void bf_stateful_print(struct bf_buf *out, const struct bf_stateful *s)
{
	const char *over = s->over ? "over " : "";

	switch (s->kind) {
	case BF_STATEFUL_COUNTER:
		return bf_buf_puts(out, "counter");
	case BF_STATEFUL_LIMIT:
		bf_buf_printf(out, "limit rate %s%" PRIu64 "%s/%s burst %" PRIu64 " %s", over, s->rate, s->bytes ? " bytes" : "",
		              unit_of(s->per), s->burst, s->bytes ? "bytes" : "packets");
		return;
	case BF_STATEFUL_QUOTA:
		return bf_buf_printf(out, "quota %s%" PRIu64 " bytes", over, s->quota);
	}
}

static void print(struct bf_buf *out, const void *data, bool neg)
{
	static const char *const kinds[] = { "", "counter", "limit", "quota" };
	const struct bf_object *o = ((const struct bf_object_use *)data)->object;

	bf_buf_puts(out, neg ? "not " : "");
	if (!o->name)
		return bf_stateful_print(out, &o->what);
	bf_buf_printf(out, "%s name ", kinds[o->what.kind]);
	bf_name_print(out, o->name);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_object(l, ((const struct bf_object_use *)data)->object, hit, miss);
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	return bf_interp_object(in, p, ((const struct bf_object_use *)data)->object);
}

const struct bf_match_ops bf_match_object = {
	.name = "object",
	.data_size = sizeof(struct bf_object_use),
	.stateful = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};

static void print_found(struct bf_buf *out, const void *data, bool neg)
{
	bf_buf_puts(out, neg ? "not the object of the map" : "the object of the map");
}

static int lower_found(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_object(l, NULL, hit, miss);
}

static bool eval_found(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const union bf_datum *d = bf_interp_found(in);

	return d && bf_interp_object(in, p, d->object);
}

const struct bf_match_ops bf_match_found_object = {
	.name = "found object",
	.data_size = 1,
	.stateful = true,
	.print = print_found,
	.lower = lower_found,
	.eval = eval_found,
};
