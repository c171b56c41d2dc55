/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_blob.c: any bytes as the argument of IPT_SO_SET_REPLACE (the first one
 * chooses the family). What is taken is a table that reads back and exports as
 * itself, and has a model, or a reason why not.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "xt/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak)); /* libFuzzer's */

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* Exported and taken again it is the same state. */
static void try_again(uint8_t family, const struct bf_buf *state)
{
	_cleanup_buf_ struct bf_buf blob = { 0 }, again = { 0 };
	struct bf_xt_replace info;
	uint32_t one = 1;

	expect(!bf_xt_encode_replace(state->data, state->len, &blob));
	memcpy(blob.data + offsetof(struct ipt_replace, num_counters), &one, sizeof(one));
	expect(!bf_xt_decode_replace(family, blob.data, blob.len, &info, &again, NULL));
	expect(again.len == state->len && !memcmp(again.data, state->data, state->len));
}

static void read_back(const struct bf_buf *state)
{
	const struct bf_xt_head *h = (const void *)state->data;
	_cleanup_buf_ struct bf_buf info = { 0 }, entries = { 0 };
	_cleanup_free_ struct bf_rt_counter *c = calloc(h->num_entries, sizeof(*c));

	expect(!bf_xt_get_info(state->data, state->len, &info) && info.len == sizeof(struct ipt_getinfo));
	expect(!bf_xt_get_entries(state->data, state->len, c, &entries) && entries.len == h->size);
	expect(!memcmp(entries.data, h + 1, h->size)); /* all counters are 0 */
}

static void make_model(const struct bf_buf *state)
{
	const struct bf_xt_head *h = (const void *)state->data;
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_buf_ struct bf_buf text = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	int err = bf_xt_to_ruleset(state->data, state->len, &rs, &d);

	expect(!err || (err == -EOPNOTSUPP && d.n_errors));
	if (err)
		return;
	expect(rs->n_tables == 1 && rs->tables[0]->n_counters == h->num_entries);
	bf_table_print(&text, rs->tables[0], NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	_cleanup_free_ uint8_t *blob = malloc(size); /* of just this size and aligned, as the caller's copy is */
	uint8_t family;
	int err;

	if (size < 1 || !blob)
		return 0;
	family = data[0] & 1 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	memcpy(blob, data + 1, size - 1);
	err = bf_xt_decode_replace(family, blob, size - 1, &info, &state, &d);
	expect(bf_xt_decode_in_place(family, blob, size - 1, &info, NULL) == err);
	if (err) {
		expect(!state.data);
		return 0;
	}
	expect(!memcmp(blob, state.data, state.len));
	try_again(family, &state);
	read_back(&state);
	make_model(&state);
	return 0;
}

/* Blobs that still have the form of a table are spoilt with sense: their members, names, parameters. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct rng r = { seed * 2654435761u + 1ull };
	struct bb b = { .family = size && data[0] & 1 ? NFPROTO_IPV6 : NFPROTO_IPV4 };

	b.l = bf_xt_layout(b.family);
	if (size > 1)
		bf_buf_add(&b.buf, data + 1, size - 1);
	if (rng_below(&r, 4) == 0 || !bb_has_form(&b)) {
		bb_free(&b);
		return LLVMFuzzerMutate(data, size, max);
	}
	for (uint32_t n = 1 + rng_below(&r, 3); n > 0 && bb_has_form(&b); n--)
		mutate(&r, &b);
	if (b.buf.len < max) {
		memcpy(data + 1, b.buf.data, b.buf.len);
		size = b.buf.len + 1;
	}
	bb_free(&b);
	return size;
}
