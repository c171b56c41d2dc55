/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_words.c: any bytes as a packet in words. What is taken is a frame that
 * keeps its own promises, and given back as `frame BYTES` it is the same.
 */
#include <stdio.h>

#include "front/native/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void again(struct bf_arena *a, const struct bf_npacket *p)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_npacket second;

	bf_buf_puts(&text, "frame ");
	for (uint32_t i = 0; i < p->len; i++)
		bf_buf_printf(&text, "%02x", p->frame[i]);
	expect(!bf_native_packet(a, "again", 1, text.data, text.len, &second, &d));
	expect(second.len == p->len && !memcmp(second.frame, p->frame, p->len));
	expect(second.family == p->family && second.nh == p->nh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_free_ char *text = malloc(size ? size : 1); /* of just this size: a read beyond it is seen */
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_npacket p;
	int err;

	if (!text || !a)
		return 0;
	memcpy(text, data, size);
	err = bf_native_packet(a, "words", 1, text, size, &p, &d);
	expect(err ? err == -ENOMEM || d.n_errors : !d.n_errors);
	if (err)
		return 0;
	expect(p.nh <= p.len && (!p.len || p.frame));
	expect(memchr(p.iif, 0, sizeof(p.iif)) && memchr(p.oif, 0, sizeof(p.oif)) && memchr(p.comm, 0, sizeof(p.comm)));
	if (p.len)
		again(a, &p);
	return 0;
}
