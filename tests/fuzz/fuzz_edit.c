/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_edit.c: edits of iptables' tables, as they are stored and as callers
 * ask for them. Byte 0 chooses the table, 1 what the rest is: edits as
 * stored, an entry to put in, or a second table's rules. What is taken makes
 * a state that reads back; nothing beyond the bytes is looked at.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "xt/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void reads_back(const struct bf_buf *state)
{
	const struct bf_xt_head *h = (const void *)state->data;
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf entries = { 0 };
	_cleanup_free_ struct bf_rt_counter *c = calloc(h->num_entries + 1ul, sizeof(*c));
	int err = bf_xt_to_ruleset(state->data, state->len, &rs, &d);

	expect(c && err <= 0);
	if (!err || err == -EOPNOTSUPP)
		expect(!bf_xt_get_entries(state->data, state->len, c, &entries) && entries.len == h->size);
}

/* The state, handed over as a whole beside what is stored. */
static void hand_over(const struct bf_xt_base *base, const void *edits, size_t len, const struct bf_buf *state)
{
	_cleanup_buf_ struct bf_buf blob = { 0 }, edit = { 0 }, runs = { 0 };
	uint32_t n = ((const struct bf_xt_head *)base->state)->num_entries;

	if (bf_xt_encode_replace(state->data, state->len, &blob))
		return;
	memcpy(blob.data + offsetof(struct ipt_replace, num_counters), &n, sizeof(n));
	expect(bf_xt_near(base, edits, len, blob.data, blob.len, &edit, &runs) <= 0);
}

static void apply(const struct bf_xt_base *base, const void *edits, size_t len)
{
	_cleanup_buf_ struct bf_buf out = { 0 }, slots = { 0 }, changes = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *stub = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };

	bf_xt_count_edits(edits, len);
	if (!bf_xt_apply(base, edits, len, &out, &slots)) {
		reads_back(&out);
		hand_over(base, edits, len, &out);
	}
	bf_xt_changes(base, edits, len, NULL, 0, &stub, &changes, &d);
}

/* op, number (2), chain's first letter, then the entry */
static void splice(const struct bf_xt_base *base, const uint8_t *data, size_t size)
{
	static const char *const chains[] = { "INPUT", "FORWARD", "OUTPUT", "D", "E", "nope", "" };
	_cleanup_buf_ struct bf_buf edits = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_free_ void *entry = size > 4 ? malloc(size - 4) : NULL;
	struct bf_xt_splice s;
	bool simple = false;
	int err;

	if (!entry)
		return;
	memcpy(entry, data + 4, size - 4);
	s = (struct bf_xt_splice){ .op = data[0] % 3, .chain = chains[data[3] % BF_ARRAY_SIZE(chains)],
		.number = data[1] | (uint32_t)data[2] << 8, .entry = entry, .size = size - 4 };
	err = bf_xt_make_edits(base, NULL, 0, &s, 1, &edits, &simple, &d);
	expect(err || edits.len);
	if (!err)
		apply(base, edits.data, edits.len);
}

/* The state with some bytes others (place, value): what was stored may be damaged. */
static void damaged(const struct bf_xt_base *base, const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct bf_buf other = { 0 }, edit = { 0 }, index = { 0 };
	const struct bf_buf whole = { .data = (char *)base->state, .len = base->len };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };

	bf_buf_add(&other, base->state, base->len);
	for (size_t i = 0; i + 3 <= size; i += 3)
		other.data[(data[i] | (size_t)data[i + 1] << 8) % other.len] = (char)data[i + 2];
	bf_xt_to_ruleset(other.data, other.len, &rs, &d);
	if (!bf_xt_index(base->state, base->len, &index))
		hand_over(&(struct bf_xt_base){ .state = other.data, .len = other.len, .index = index.data }, NULL, 0, &whole);
	if (!bf_xt_diff(base->state, base->len, other.data, other.len, &edit))
		apply(base, edit.data, edit.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_free_ void *rest = size > 2 ? malloc(size - 2) : NULL;
	struct bf_xt_base base;
	struct test_table t;
	struct rng r;

	if (!rest)
		return 0;
	r = (struct rng){ 1 + (data[0] & 15) };
	table_random(&r, &t, data[0] & 128 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	table_state(&t, &state);
	base = (struct bf_xt_base){ .state = state.data, .len = state.len };
	memcpy(rest, data + 2, size - 2);
	if (data[1] % 3 == 0)
		apply(&base, rest, size - 2);
	else if (data[1] % 3 == 1)
		splice(&base, rest, size - 2);
	else
		damaged(&base, rest, size - 2);
	return 0;
}
