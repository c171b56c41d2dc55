/* SPDX-License-Identifier: GPL-2.0-only */
/* lookup.c: "this concatenation of fields is in that set" (rule/set.h). */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/lookup.h"

void bf_lookup_print(struct bf_buf *out, const struct bf_lookup *l)
{
	for (unsigned i = 0; i < l->set->n_parts; i++) {
		bf_buf_printf(out, "%s%s", i ? " . " : "", l->part[i].field->name);
		if (l->part[i].mask)
			bf_buf_printf(out, " & 0x%llx%016llx", (unsigned long long)(l->part[i].mask >> 64),
			              (unsigned long long)l->part[i].mask);
	}
}

void bf_set_name_print(struct bf_buf *out, const struct bf_set *s)
{
	if (s->name) {
		bf_buf_puts(out, "@");
		bf_name_print(out, s->name);
	} else {
		bf_buf_printf(out, "{ %u elements }", s->n);
	}
}

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_lookup *l = data;

	bf_lookup_print(out, l);
	bf_buf_puts(out, neg ? " != " : l->set->data == BF_DATA_NONE ? " " : " map ");
	bf_set_name_print(out, l->set);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_lookup(l, data, hit, miss);
}

bool bf_lookup_key(struct bf_interp *in, const struct bf_packet *p, const struct bf_lookup *l, bf_u128 *key)
{
	for (unsigned i = 0; i < l->set->n_parts; i++) {
		if (bf_interp_field(in, p, l->part[i].field, &key[i]) <= 0)
			return false;
		if (l->part[i].mask)
			key[i] &= l->part[i].mask;
	}
	return true;
}

static bool there(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	bf_u128 key[BF_SET_PARTS];

	return bf_lookup_key(in, p, data, key);
}

static const union bf_datum *look(struct bf_interp *in, const struct bf_packet *p, const struct bf_set *s,
                                  const bf_u128 *key)
{
	static const union bf_datum none;
	int64_t i;

	if (s->flags & BF_SET_LIVE)
		return bf_interp_live_look(in, p, s, key);
	i = bf_set_scan(s, key);
	return i < 0 ? NULL : s->datum ? &s->datum[i] : &none;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_lookup *l = data;
	bf_u128 key[BF_SET_PARTS];

	bf_lookup_key(in, p, l, key);
	bf_interp_set_found(in, look(in, p, l->set, key));
	return bf_interp_found(in) != NULL;
}

const struct bf_match_ops bf_match_lookup = {
	.name = "lookup",
	.data_size = sizeof(struct bf_lookup),
	.pure = true,
	.print = print,
	.lower = lower,
	.there = there,
	.eval = eval,
};
