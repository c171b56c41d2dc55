/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * jhash.c: makes a number of some fields, the same one that nft's jhash makes of
 * them: Bob Jenkins' lookup3 as linux/jhash.h has it, over the bytes that lie in
 * nf_tables' registers.
 *
 *   jhash ip saddr . tcp dport     a1 a2 a3 a4 | p1 p2 0 0      8 bytes
 *   jhash tcp dport                p1 p2                        2 bytes
 *   jhash meta mark                m4 m3 m2 m1                  as the machine keeps numbers
 */
#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_jhash *j = data;

	bf_buf_printf(out, "%smake jhash", neg ? "not " : "");
	for (uint32_t i = 0; i < j->n; i++)
		bf_buf_printf(out, "%s%s", i ? " . " : " ", j->part[i].field->name);
	bf_buf_printf(out, " mod %u", j->mod);
	if (!j->object)
		bf_buf_printf(out, " seed 0x%x", j->seed);
	if (j->offset)
		bf_buf_printf(out, " offset %u", j->offset);
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	return bf_lower_jhash(l, data, hit, miss);
}

/* Its bytes; false: the packet does not have it. */
static bool put_part(struct bf_interp *in, const struct bf_packet *p, const struct bf_jhash_part *part, uint8_t *out)
{
	bf_u128 v;

	if (bf_interp_field(in, p, part->field, &v) <= 0)
		return false;
	v >>= part->shift;
	for (unsigned i = 0; i < part->bytes; i++)
		out[i] = (uint8_t)(v >> 8 * (part->host == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? i : part->bytes - 1u - i));
	return true;
}

static uint32_t left(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint32_t word(const uint8_t *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* lookup3: so far each of the three is changed by the one before, six times; and seven times at the end. */
static uint32_t jhash(const uint8_t *b, uint32_t len, uint32_t seed)
{
	static const uint8_t mix[] = { 4, 6, 8, 16, 19, 4 }, last[] = { 14, 11, 25, 16, 4, 14, 24 };
	uint32_t s[3];

	s[0] = s[1] = s[2] = 0xdeadbeef + len + seed;
	for (;; len -= 12, b += 12) {
		for (unsigned i = 0; i < 3; i++)
			s[i] += word(b + 4 * i);
		if (len <= 12)
			break;
		for (unsigned i = 0; i < 6; i++) {
			uint32_t *x = &s[i % 3], *y = &s[(i + 1) % 3], *z = &s[(i + 2) % 3];

			*x = (*x - *z) ^ left(*z, mix[i]);
			*z += *y;
		}
	}
	for (unsigned i = 0; i < 7; i++)
		s[(i + 2) % 3] = (s[(i + 2) % 3] ^ s[(i + 1) % 3]) - left(s[(i + 1) % 3], last[i]);
	return s[2];
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	uint8_t bytes[BF_JHASH_PARTS * 16 + 12] = { 0 };
	const struct bf_jhash *j = data;
	uint32_t len = 0;

	for (uint32_t i = 0; i < j->n; i++) {
		if (!put_part(in, p, &j->part[i], bytes + len))
			return false;
		len += j->n > 1 ? BF_ALIGN(j->part[i].bytes, 4u) : j->part[i].bytes;
	}
	bf_interp_make(in, (uint32_t)((uint64_t)jhash(bytes, len, j->seed) * j->mod >> 32) + j->offset);
	return true;
}

const struct bf_match_ops bf_match_jhash = {
	.name = "jhash",
	.data_size = sizeof(struct bf_jhash),
	.stateful = true,
	.print = print,
	.lower = lower,
	.eval = eval,
};
