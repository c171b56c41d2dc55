/* SPDX-License-Identifier: GPL-2.0-only */
/* packet.c: building packets (packet.h). Layouts: RFC 791, 8200, 4302, 793, 768, 792. */
#include "lib/packet.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter.h>

static uint8_t *room(struct test_packet *t, size_t n)
{
	uint8_t *p = t->bytes + t->len;

	if (t->len + n > TEST_PACKET_MAX)
		abort();
	memset(p, 0, n);
	t->len += (uint32_t)n;
	return p;
}

static void put(uint8_t *p, bf_u128 v, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)(v >> 8 * n);
}

static void start(struct test_packet *t, uint8_t family)
{
	memset(t, 0, sizeof(*t));
	t->p.family = family;
	t->ethertype = family == NFPROTO_IPV4 ? ETH_P_IP : family == NFPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_ARP;
	t->p.hook = NF_INET_LOCAL_IN;
	t->p.ctstate = BF_CT_NONE | 1; /* INVALID */
}

void test_packet_ip4(struct test_packet *t, uint32_t saddr, uint32_t daddr)
{
	uint8_t *h;

	start(t, NFPROTO_IPV4);
	h = room(t, 20);
	h[0] = 0x45;
	h[8] = 64;
	put(h + 12, saddr, 4);
	put(h + 16, daddr, 4);
	t->next_at = 9;
}

void test_packet_ip6(struct test_packet *t, bf_u128 saddr, bf_u128 daddr)
{
	uint8_t *h;

	start(t, NFPROTO_IPV6);
	h = room(t, 40);
	h[0] = 0x60;
	h[6] = IPPROTO_NONE;
	h[7] = 64;
	put(h + 8, saddr, 16);
	put(h + 24, daddr, 16);
	t->next_at = 6;
}

void test_packet_other(struct test_packet *t, uint32_t len)
{
	start(t, NFPROTO_UNSPEC);
	memset(room(t, len), 0x45, len); /* what looks like IPv4 */
	test_packet_fix(t);
}

void test_packet_frag4(struct test_packet *t, unsigned offset8, bool more)
{
	put(t->bytes + 6, (offset8 & 0x1fff) | (more ? 0x2000 : 0), 2);
}

void test_packet_options4(struct test_packet *t, unsigned words)
{
	memset(room(t, 4u * words), 1, 4u * words); /* no operation */
	t->bytes[0] = (uint8_t)(0x45 + words);
}

static uint8_t *header(struct test_packet *t, uint8_t proto, size_t n)
{
	t->bytes[t->next_at] = proto;
	return room(t, n);
}

static uint8_t *extension(struct test_packet *t, uint8_t kind, size_t n)
{
	uint8_t *h = header(t, kind, n);

	t->next_at = (uint32_t)(h - t->bytes);
	h[0] = IPPROTO_NONE;
	return h;
}

void test_packet_ext6(struct test_packet *t, uint8_t kind, unsigned len8)
{
	extension(t, kind, 8u * (len8 + 1))[1] = (uint8_t)len8;
}

void test_packet_ah6(struct test_packet *t, unsigned len4)
{
	extension(t, IPPROTO_AH, 4u * (len4 + 2))[1] = (uint8_t)len4;
}

void test_packet_frag6(struct test_packet *t, unsigned offset8, bool more)
{
	put(extension(t, IPPROTO_FRAGMENT, 8) + 2, (offset8 & 0x1fff) << 3 | more, 2);
}

void test_packet_tcp(struct test_packet *t, uint16_t sport, uint16_t dport, uint8_t flags, const void *options, size_t len)
{
	size_t whole = BF_ALIGN(len, 4u);
	uint8_t *h = header(t, IPPROTO_TCP, 20 + whole);

	put(h, sport, 2);
	put(h + 2, dport, 2);
	h[12] = (uint8_t)((5 + whole / 4) << 4);
	h[13] = flags;
	if (len)
		memcpy(h + 20, options, len);
}

void test_packet_udp(struct test_packet *t, uint16_t sport, uint16_t dport)
{
	uint8_t *h = header(t, IPPROTO_UDP, 8);

	put(h, sport, 2);
	put(h + 2, dport, 2);
	put(h + 4, 8, 2);
}

void test_packet_icmp(struct test_packet *t, uint8_t proto, uint8_t type, uint8_t code)
{
	uint8_t *h = header(t, proto, 8);

	h[0] = type;
	h[1] = code;
}

void test_packet_proto(struct test_packet *t, uint8_t proto)
{
	t->bytes[t->next_at] = proto;
}

void test_packet_payload(struct test_packet *t, const void *p, size_t len)
{
	uint8_t *h = room(t, len);

	if (p)
		memcpy(h, p, len);
}

void test_packet_fix(struct test_packet *t)
{
	t->p.data = t->bytes;
	t->p.len = t->len;
}

void test_packet_done(struct test_packet *t)
{
	if (t->p.family == NFPROTO_IPV4)
		put(t->bytes + 2, t->len, 2);
	else
		put(t->bytes + 4, t->len - 40, 2);
	test_packet_fix(t);
}

void test_packet_cut(struct test_packet *t, uint32_t len)
{
	t->len = BF_MIN(t->len, len);
	test_packet_fix(t);
}

static void print_field(struct bf_buf *out, const struct test_packet *t, enum bf_field_id f)
{
	struct bf_range r = { 0 };
	const struct bf_field *field = &bf_fields[f];
	bf_u128 v = 0;

	for (unsigned i = 0; i < field->bits / 8; i++)
		v = v << 8 | t->bytes[(f == BF_F_IP_SADDR ? 12 : f == BF_F_IP_DADDR ? 16 : f == BF_F_IP6_SADDR ? 8 : 24) + i];
	r.lo = v;
	bf_buf_printf(out, " %s ", field->name);
	bf_value_print(out, field, r.lo);
}

void test_packet_print(struct bf_buf *out, const struct test_packet *t)
{
	bool v4 = t->p.family == NFPROTO_IPV4;
	struct bf_l4 l4;

	bf_packet_l4(&t->p, &l4);
	bf_buf_printf(out, "hook %u len %u", t->p.hook, t->len);
	print_field(out, t, v4 ? BF_F_IP_SADDR : BF_F_IP6_SADDR);
	print_field(out, t, v4 ? BF_F_IP_DADDR : BF_F_IP6_DADDR);
	bf_buf_printf(out, " proto %u at %u avail %u%s%s%s type %u mark 0x%x ct 0x%x status 0x%x iif ", l4.proto, l4.off, l4.avail,
	              l4.frag ? " fragment" : "", l4.frag_one ? " at-8" : "", l4.bad ? " broken" : "", t->p.pkttype, t->p.mark, t->p.ctstate,
	              t->p.ctstatus);
	bf_text_quote(out, t->p.iif, sizeof(t->p.iif));
	bf_buf_puts(out, " oif ");
	bf_text_quote(out, t->p.oif, sizeof(t->p.oif));
	bf_buf_puts(out, "\n");
	for (uint32_t i = 0; i < t->len; i++)
		bf_buf_printf(out, "%s%02x%s", i % 16 ? " " : "    ", t->bytes[i], i % 16 == 15 || i + 1 == t->len ? "\n" : "");
}

void test_packet_settle(struct test_packet *t, bool alone)
{
	const uint8_t *b = t->bytes;
	uint32_t end = t->len, header = 40;

	if (t->p.family == NFPROTO_IPV4) {
		header = (b[0] & 15u) * 4;
		end = (uint32_t)b[2] << 8 | b[3];
	} else if (t->p.family == NFPROTO_IPV6) {
		end = 40 + ((uint32_t)b[4] << 8 | b[5]);
		if (end == 40 && !alone)
			end = t->len;
	} else {
		return;
	}
	if (t->len < (t->p.family == NFPROTO_IPV4 ? 20 : 40) || header < 20 || end < header || end > t->len)
		t->p.family = NFPROTO_UNSPEC;
	else
		t->p.len = end;
}
