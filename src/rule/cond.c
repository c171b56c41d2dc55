/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cond.c: one condition as text: field, operator, values.
 *
 *   ip saddr 10.0.0.0/8              a prefix
 *   ip saddr & 255.0.255.0 == 10.0.1.0
 *   ct state established,related     any of these bits
 *   ct state == new                  exactly this value
 *   tcp flags syn / fin,syn,rst,ack  these of those bits
 *   meta iifname "eth*"              the name begins so; a star at the end of a real name is written \*
 *   icmp type 3 code 1
 *   th dport != { 22, 80-90 }
 */
#include "match/match.h"
#include "rule/print.h"

/* How many leading bits of the field the mask covers, or -1 when it has holes. */
static int prefix_len(const struct bf_field *f, bf_u128 mask)
{
	bf_u128 rest = ~mask & bf_field_ones(f);
	int len = f->bits;

	if (rest & (rest + 1))
		return -1;
	for (; rest; rest >>= 1)
		len--;
	return len;
}

static bool single_values(const struct bf_cond *c)
{
	for (uint32_t i = 0; i < c->n_ranges; i++)
		if (c->ranges[i].lo != c->ranges[i].hi)
			return false;
	return true;
}

static void print_mask(struct bf_buf *out, const struct bf_field *f, bf_u128 mask)
{
	switch (f->type) {
	case BF_VT_IPV4:
	case BF_VT_IPV6:
	case BF_VT_MAC:
	case BF_VT_CTSTATE:
	case BF_VT_CTSTATUS:
	case BF_VT_TCPFLAGS:
	case BF_VT_WIDE:
		bf_value_print(out, f, mask);
		break;
	case BF_VT_IFNAME:
		bf_buf_printf(out, "0x%016llx%016llx", (unsigned long long)(mask >> 64), (unsigned long long)mask);
		break;
	default:
		bf_buf_printf(out, "0x%x", (unsigned)mask);
	}
}

/* All names that begin so; or the one, whatever lies behind its NUL. */
static bool print_beginning(struct bf_buf *out, const struct bf_range *r)
{
	char name[16];
	size_t n = 0;
	bf_u128 low = r->lo ^ r->hi;

	for (int i = 0; i < 16; i++)
		name[i] = (char)(r->lo >> (120 - 8 * i));
	n = strnlen(name, sizeof(name));
	if (low & (low + 1) || (low && (n == 16 || r->lo << 8 * n)))
		return false;
	if (low == (n < 15 ? ((bf_u128)1 << (120 - 8 * n)) - 1 : 0))
		bf_text_quote(out, name, n);
	else if (n && low == ((bf_u128)1 << (128 - 8 * n)) - 1)
		bf_text_quote_end(out, name, n, "*");
	else
		return false;
	return true;
}

static void print_ranges(struct bf_buf *out, const struct bf_cond *c, int prefix)
{
	bool set = c->n_ranges > 1;

	bf_buf_puts(out, set ? " {" : "");
	for (uint32_t i = 0; i < c->n_ranges; i++) {
		const struct bf_range *r = &c->ranges[i];

		bf_buf_puts(out, i ? ", " : " ");
		if (c->field->type == BF_VT_IFNAME && print_beginning(out, r))
			continue;
		bf_value_print(out, c->field, r->lo);
		if (r->lo != r->hi) {
			bf_buf_puts(out, "-");
			bf_value_print(out, c->field, r->hi);
		}
		if (prefix >= 0)
			bf_buf_printf(out, "/%d", prefix);
	}
	bf_buf_puts(out, set ? " }" : "");
}

static bool try_address(struct bf_buf *out, const struct bf_cond *c)
{
	int len = prefix_len(c->field, c->mask);

	if ((c->field->type != BF_VT_IPV4 && c->field->type != BF_VT_IPV6) || len < 0 || !single_values(c))
		return false;
	bf_buf_puts(out, c->neg ? " !=" : "");
	print_ranges(out, c, len);
	return true;
}

static bool try_bits(struct bf_buf *out, const struct bf_cond *c)
{
	const struct bf_range *r = c->ranges;

	if (c->n_ranges != 1)
		return false;
	switch (c->field->type) {
	case BF_VT_CTSTATE:
	case BF_VT_CTSTATUS:
		if (r->lo != 1 || r->hi != c->mask)
			return false;
		bf_buf_puts(out, c->neg ? " != " : " ");
		bf_value_print(out, c->field, c->mask);
		return true;
	case BF_VT_TCPFLAGS:
		if (r->lo == 1 && r->hi == c->mask && c->mask != 1) { /* any of them */
			bf_buf_puts(out, c->neg ? " ! " : " ");
			bf_value_print(out, c->field, c->mask);
			return true;
		}
		if (r->lo != r->hi)
			return false;
		bf_buf_puts(out, c->neg ? " != " : " ");
		bf_value_print(out, c->field, r->lo);
		bf_buf_puts(out, " / ");
		bf_value_print(out, c->field, c->mask);
		return true;
	default:
		return false;
	}
}

/* Names compare up to their NUL, or as a beginning when the mask ends before it. */
static bool try_ifname(struct bf_buf *out, const struct bf_cond *c)
{
	int len = prefix_len(c->field, c->mask), used = 0;
	char name[16];
	bf_u128 v = c->ranges[0].lo;

	if (c->field->type != BF_VT_IFNAME || c->n_ranges != 1 || !single_values(c) || len < 0 || len % 8)
		return false;
	for (int i = 0; i < 16; i++)
		name[i] = (char)(v >> (120 - 8 * i));
	while (used < 16 && name[used])
		used++;
	if (used == 16 || (used && v << 8 * used) || (!used && v))
		return false; /* no end, or bytes behind it */
	if (len != 8 * (used + 1) && (len != 8 * used || !used))
		return false;
	bf_buf_puts(out, c->neg ? " != " : " ");
	if (len == 8 * used)
		bf_text_quote_end(out, name, (size_t)used, "*");
	else if (used && name[used - 1] == '*')
		bf_text_quote_end(out, name, (size_t)used - 1, "\\*");
	else
		bf_text_quote(out, name, (size_t)used);
	return true;
}

static bool try_icmp(struct bf_buf *out, const struct bf_cond *c, const char *name)
{
	unsigned lo = (unsigned)c->ranges[0].lo, hi = (unsigned)c->ranges[0].hi;

	if (bf_field_id(c->field) != BF_F_ICMP || c->n_ranges != 1 || c->mask != bf_field_ones(c->field) || lo >> 8 != hi >> 8)
		return false;
	bf_buf_printf(out, "%s%s %u", name, c->neg ? " !=" : "", lo >> 8);
	lo &= 0xff;
	hi &= 0xff;
	if (lo == hi)
		bf_buf_printf(out, " code %u", lo);
	else if (lo != 0 || hi != 0xff)
		bf_buf_printf(out, " code %u-%u", lo, hi);
	return true;
}

static void print_plain(struct bf_buf *out, const struct bf_cond *c)
{
	bool masked = c->mask != bf_field_ones(c->field);
	bool bits = c->field->type == BF_VT_CTSTATE || c->field->type == BF_VT_CTSTATUS || c->field->type == BF_VT_TCPFLAGS ||
	            c->field->type == BF_VT_IFNAME;

	if (masked) {
		bf_buf_puts(out, " & ");
		print_mask(out, c->field, c->mask);
	}
	bf_buf_puts(out, c->neg ? " !=" : masked || bits ? " ==" : "");
	print_ranges(out, c, -1);
}

void bf_cond_print_named(struct bf_buf *out, const struct bf_cond *c, const char *name)
{
	if (c->kind == BF_COND_MATCH) {
		c->match->print(out, c->data, c->neg);
		return;
	}
	if (try_icmp(out, c, name))
		return;
	bf_buf_puts(out, bf_field_id(c->field) == BF_F_ICMP ? c->field->name : name);
	if (!try_address(out, c) && !try_bits(out, c) && !try_ifname(out, c))
		print_plain(out, c);
}

void bf_cond_print(struct bf_buf *out, const struct bf_cond *c)
{
	const char *name = c->kind == BF_COND_FIELD ? c->field->name : NULL;

	if (c->guard)
		bf_buf_puts(out, "guard ");
	if (name && bf_field_id(c->field) == BF_F_ICMP)
		name = "icmp type";
	bf_cond_print_named(out, c, name);
}
