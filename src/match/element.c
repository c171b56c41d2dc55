/* SPDX-License-Identifier: GPL-2.0-only */
/* element.c: a rule adds, updates or deletes an element of a set (nft's dynset). */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/lookup.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	static const char *const verbs[] = { "add", "update", "delete" };
	const struct bf_element_change *c = data;

	bf_buf_printf(out, "%s%s ", neg ? "not " : "", verbs[c->verb]);
	bf_set_name_print(out, c->key.set);
	bf_buf_puts(out, " { ");
	bf_lookup_print(out, &c->key);
	if (c->timeout)
		bf_buf_printf(out, " timeout %llums", (unsigned long long)c->timeout);
	for (unsigned i = 0; i < c->n_state; i++) {
		bf_buf_puts(out, " ");
		bf_stateful_print(out, &c->state[i]);
	}
	if (c->data.field)
		bf_buf_printf(out, " : %s", c->data.field->name);
	bf_buf_puts(out, " }");
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_element(l, data, hit, miss);
}

static bool value_of(struct bf_interp *in, const struct bf_packet *p, const struct bf_element_change *c, bf_u128 *v)
{
	*v = c->value;
	if (!c->data.field)
		return true;
	if (bf_interp_field(in, p, c->data.field, v) <= 0)
		return false;
	if (c->data.mask)
		*v &= c->data.mask;
	return true;
}

static bool there(struct bf_interp *in, const struct bf_packet *p, const void *data)
{
	const struct bf_element_change *c = data;
	bf_u128 key[BF_SET_PARTS], value;

	return bf_lookup_key(in, p, &c->key, key) && value_of(in, p, c, &value);
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_element_change *c = data;
	bf_u128 key[BF_SET_PARTS], value;

	bf_lookup_key(in, p, &c->key, key);
	value_of(in, p, c, &value);
	return bf_interp_live_change(in, p, c, key, value);
}

const struct bf_match_ops bf_match_element = {
	.name = "element",
	.data_size = sizeof(struct bf_element_change),
	.stateful = true,
	.print = print,
	.lower = lower,
	.there = there,
	.eval = eval,
};
