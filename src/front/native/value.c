/* SPDX-License-Identifier: GPL-2.0-only */
/* value.c: values as text (types.h). */
#include <arpa/inet.h>

#include "front/native/types.h"

void bf_ntime_print(struct bf_buf *out, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
	size_t start = out->len;

	for (size_t i = 0; i < BF_ARRAY_SIZE(units); i++) {
		if (ms >= units[i].ms)
			bf_buf_printf(out, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
		ms %= units[i].ms;
	}
	if (out->len == start)
		bf_buf_puts(out, "0s");
}

static void print_dec(struct bf_buf *out, bf_u128 v)
{
	char digits[40];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + (int)(v % 10));
	while (v /= 10);
	bf_buf_add(out, digits + n, sizeof(digits) - n);
}

static void print_hex(struct bf_buf *out, unsigned digits, bf_u128 v)
{
	while (digits < 32 && v >> 4 * digits)
		digits++;
	bf_buf_puts(out, "0x");
	while (digits--)
		bf_buf_add(out, &"0123456789abcdef"[(v >> 4 * digits) & 15], 1);
}

static void print_bytes(struct bf_buf *out, bf_u128 v, int family)
{
	unsigned n = family == AF_INET ? 4 : 16;
	unsigned char a[16];
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < n; i++)
		a[i] = (unsigned char)(v >> 8 * (n - 1 - i));
	bf_buf_puts(out, inet_ntop(family, a, text, sizeof(text)));
}

static void print_mac(struct bf_buf *out, bf_u128 v)
{
	for (int i = 40; i >= 0; i -= 8)
		bf_buf_printf(out, "%02x%s", (unsigned)(v >> i) & 0xff, i ? ":" : "");
}

static void print_clock(struct bf_buf *out, uint64_t s, bool always)
{
	bf_buf_printf(out, "%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	if (s % 60 || always)
		bf_buf_printf(out, ":%02u", (unsigned)(s % 60));
}

static void print_date(struct bf_buf *out, uint64_t ns)
{
	uint64_t s = ns / 1000000000, z = s / 86400 + 719468, era = z / 146097;
	unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned m = mp < 10 ? mp + 3 : mp - 9;

	bf_buf_printf(out, "\"%04llu-%02u-%02u ", (unsigned long long)(yoe + era * 400 + (m <= 2)), m,
	              doy - (153 * mp + 2) / 5 + 1);
	print_clock(out, s % 86400, true);
	bf_buf_puts(out, "\"");
}

static bool print_symbol(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v)
{
	const char *quote = t->form == BF_FORM_DAY ? "\"" : "";

	for (const struct bf_nsym *s = t->syms; s && s->name; s++)
		if (s->value == v) {
			bf_buf_printf(out, "%s%s%s", quote, s->name, quote);
			return true;
		}
	return false;
}

/* Bits by their names, if all have one. */
static bool print_flags(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v)
{
	bf_u128 left = v;
	const char *comma = "";

	for (const struct bf_nsym *s = t->syms; s && s->name; s++)
		left &= ~(bf_u128)s->value;
	if (left || !v)
		return false;
	for (const struct bf_nsym *s = t->syms; s && s->name; s++)
		if (v & s->value) {
			bf_buf_printf(out, "%s%s", comma, s->name);
			comma = ",";
		}
	return true;
}

void bf_nvalue_print(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v)
{
	if (!t || !((t->flags && print_flags(out, t, v)) || print_symbol(out, t, v)))
		bf_nnumber_print(out, t, v);
}

void bf_nnumber_print(struct bf_buf *out, const struct bf_ntype *t, bf_u128 v)
{
	switch (t ? t->form : BF_FORM_DEC) {
	case BF_FORM_HEX: print_hex(out, (t->bits + 3u) / 4, v); break;
	case BF_FORM_RAW: print_hex(out, 1, v); break;
	case BF_FORM_IPV4: print_bytes(out, v, AF_INET); break;
	case BF_FORM_IPV6: print_bytes(out, v, AF_INET6); break;
	case BF_FORM_MAC: print_mac(out, v); break;
	case BF_FORM_TIME: bf_ntime_print(out, (uint64_t)v); break;
	case BF_FORM_CLASSID: bf_buf_printf(out, "%x:%x", (unsigned)(v >> 16), (unsigned)v & 0xffff); break;
	case BF_FORM_DATE: print_date(out, (uint64_t)v); break;
	case BF_FORM_HOUR:
		bf_buf_puts(out, "\"");
		print_clock(out, (uint64_t)v, false);
		bf_buf_puts(out, "\"");
		break;
	default: print_dec(out, v);
	}
}
