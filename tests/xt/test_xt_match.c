/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_match.c: packets against matches, with parameters as iptables sets
 * them and with parameters that nobody would. Rules of rules4.t and rules6.t
 * whose answer depends on the packet alone, spoilt or not, stand in OUTPUT
 * without a target; packets of all sorts (cut short, fragments, extension
 * headers) are sent, and the kernel's counters must be those of the oracle on
 * our model.
 *
 *   test_xt_match DIR [ROUNDS [SEED]]
 */
#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "interp/interp.h"
#include "xt/kernel.h"
#include "xt/mutate.h"

#define PACKETS 16

static unsigned differ, loaded, sent;

static uint8_t one_of(struct rng *r, const uint8_t *list, uint32_t n)
{
	return list[rng_below(r, n)];
}
#define ONE_OF(r, ...) one_of(r, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/*
 * Packets.
 */

struct packet {
	uint8_t data[256];
	uint32_t len;
	uint8_t family;
};

static void add(struct packet *p, const void *bytes, uint32_t n)
{
	memcpy(p->data + p->len, bytes, n);
	p->len += n;
}

static uint16_t port(struct rng *r)
{
	static const uint16_t ports[] = {
		0, 1, 2, 3, 4, 5, 10, 20, 22, 53, 80, 100, 123, 150, 443, 1024, 1500, 2001, 65535
	};

	return htons(ports[rng_below(r, BF_ARRAY_SIZE(ports))]);
}

static void add_tcp(struct rng *r, struct packet *p)
{
	uint8_t h[60] = { 0 };
	uint16_t ports[2] = { port(r), port(r) };
	uint8_t words = rng_below(r, 3) ? (uint8_t)(5 + rng_below(r, 5)) : (uint8_t)rng_below(r, 16);

	memcpy(h, ports, 4);
	h[12] = (uint8_t)(words << 4);
	h[13] = rng_below(r, 2) ? ONE_OF(r, 1, 2, 4, 16, 18, 3, 0) : (uint8_t)rng_next(r);
	for (unsigned i = 20; i < 60;) { /* options, now and then lying about their length */
		uint8_t kind = ONE_OF(r, 0, 1, 1, 2, 2, 5, 8, 3), len = ONE_OF(r, 4, 4, 2, 3, 10, 0, 1);

		h[i++] = kind;
		if (kind == 2 && i < 57) {
			h[i] = rng_below(r, 8) ? 4 : len;
			h[i + 1] = ONE_OF(r, 2, 3, 5);
			h[i + 2] = ONE_OF(r, 24, 180, 0xe8, 0xb4, 0);
			i += 3;
		} else if (kind > 1 && i < 60) {
			h[i] = len;
			i += len > 1 ? len - 1u : 1u;
		}
	}
	add(p, h, BF_MAX(words * 4u, 20u));
}

static void add_other(struct rng *r, struct packet *p, uint8_t proto)
{
	uint8_t h[24] = { 0 };
	uint16_t ports[2] = { port(r), port(r) };

	memcpy(h, ports, 4);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		h[0] = ONE_OF(r, 0, 1, 3, 8, 128, 255);
		h[1] = ONE_OF(r, 0, 1, 4, 255);
	}
	add(p, h, 8 + rng_below(r, 17));
}

static uint8_t any_proto(struct rng *r, uint8_t icmp)
{
	return ONE_OF(r, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, icmp, icmp, 33, 132, 136, 50,
				  253);
}

static void add_l4(struct rng *r, struct packet *p, uint8_t proto, uint32_t header)
{
	if (proto == IPPROTO_TCP)
		add_tcp(r, p);
	else
		add_other(r, p, proto);
	if (rng_below(r, 5) == 0) /* cut short */
		p->len = header + rng_below(r, p->len - header + 1);
}

static void make_v4(struct rng *r, struct packet *p)
{
	static const uint8_t addrs[][4] = { { 127, 0, 0, 1 }, { 192, 0, 2, 1 }, { 192, 0, 2, 9 },
										{ 10, 0, 0, 5 },  { 10, 9, 9, 5 },  { 1, 2, 3, 4 },
										{ 5, 6, 7, 8 },   { 10, 0, 0, 2 },  { 255, 255, 255, 255 } };
	uint8_t proto = any_proto(r, IPPROTO_ICMP), words = rng_below(r, 6) ? 5 : (uint8_t)(5 + rng_below(r, 3));
	uint8_t h[28] = { 0 };

	h[0] = 0x40 | words;
	h[1] = ONE_OF(r, 0, 0x10, 0xb8, 0x20, 0xff);
	h[5] = 1; /* the id: 0 would be filled in */
	if (rng_below(r, 4) == 0) {
		h[6] = ONE_OF(r, 0x20, 0x40, 0x00, 0x1f);
		h[7] = ONE_OF(r, 0, 1, 1, 2, 185);
	}
	h[8] = ONE_OF(r, 64, 1, 4, 5, 255, 251);
	h[9] = proto;
	memcpy(h + 12, addrs[rng_below(r, BF_ARRAY_SIZE(addrs))], 4);
	memcpy(h + 16, addrs[rng_below(r, BF_ARRAY_SIZE(addrs))], 4);
	memset(h + 20, 1, 8); /* options: do nothing */
	add(p, h, words * 4u);
	add_l4(r, p, proto, words * 4u);
	p->data[2] = (uint8_t)(p->len >> 8); /* as the kernel fills it in */
	p->data[3] = (uint8_t)p->len;
}

/* One extension header in front of `next`. */
static uint8_t add_extension(struct rng *r, struct packet *p, uint8_t kind, uint8_t next)
{
	uint8_t h[24] = { next };
	uint32_t len = 8;

	if (kind == 44) { /* fragment */
		h[3] = ONE_OF(r, 0, 1, 8, 0xb8);
	} else if (kind == 51) { /* authentication: in words of 4, less 2 */
		h[1] = (uint8_t)(2 + 2 * rng_below(r, 2));
		len = (h[1] + 2u) * 4;
	} else {
		h[1] = (uint8_t)rng_below(r, 2);
		len = (h[1] + 1u) * 8;
	}
	add(p, h, len);
	return kind;
}

static void make_v6(struct rng *r, struct packet *p)
{
	static const char *const addrs[] = { "::1",     "2001:db8::1", "2001:db8::5", "2001:db8:1::ff",
										 "ff02::1", "2001:db8::ff" };
	uint8_t h[40] = { 0x60 }, proto = rng_below(r, 20) ? any_proto(r, IPPROTO_ICMPV6) : 59, kinds[8], n = 0;
	uint32_t header;

	for (uint32_t k = rng_below(r, 2) ? 0 : rng_below(r, 5); k > 0; k--)
		kinds[n++] = ONE_OF(r, 0, 43, 44, 60, 51, 60, 44);
	h[0] |= ONE_OF(r, 0, 1, 0xb, 0);
	h[1] = ONE_OF(r, 0, 0x80, 0x40, 0xf0);
	h[6] = n ? kinds[0] : proto;
	h[7] = ONE_OF(r, 255, 64, 9, 10, 11, 1);
	inet_pton(AF_INET6, addrs[rng_below(r, BF_ARRAY_SIZE(addrs))], h + 8);
	inet_pton(AF_INET6, addrs[rng_below(r, BF_ARRAY_SIZE(addrs))], h + 24);
	add(p, h, 40);
	for (uint8_t i = 0; i < n; i++)
		add_extension(r, p, kinds[i], i + 1 < n ? kinds[i + 1] : proto);
	header = rng_below(r, 4) ? p->len : 40; /* now and then cut within the extensions */
	add_l4(r, p, proto, header);
	p->data[4] = (uint8_t)((p->len - 40) >> 8);
	p->data[5] = (uint8_t)(p->len - 40);
}

/* True: it reached OUTPUT, whose policy drops everything. */
static bool kernel_sends(const struct packet *p, uint32_t mark)
{
	static int fd[2] = { -1, -1 };
	bool six = p->family == NFPROTO_IPV6;
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr.s6_addr[15] = 1 };

	if (fd[six] < 0)
		fd[six] = socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	setsockopt(fd[six], SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (six)
		return sendto(fd[1], p->data, p->len, 0, (struct sockaddr *)&to6, sizeof(to6)) < 0 && errno == EPERM;
	return sendto(fd[0], p->data, p->len, 0, (struct sockaddr *)&to4, sizeof(to4)) < 0 && errno == EPERM;
}

static void oracle_sends(struct bf_interp *in, const struct packet *p, uint32_t mark)
{
	struct bf_packet b = { .family = p->family,
						   .hook = NF_INET_LOCAL_OUT,
						   .len = p->len,
						   .oif = "lo",
						   .mark = mark,
						   .ctstate = BF_CT_NONE | 1 /* invalid */,
						   .socket = BF_SOCKET_FILE };
	struct bf_outcome out;

	b.data = p->data;
	bf_interp_run(in, &b, &out);
}

/*
 * Tables.
 */

/* Its answer depends on more than the packet, or it does not belong in OUTPUT. */
static bool is_unfit(const struct bf_xt_layout *l, const uint8_t *e)
{
	static const char *const names[] = { "conntrack", "state", "limit", "statistic", "addrtype", "mac" };

	bf_xt_foreach_match (m, l, e)
		for (size_t i = 0; i < BF_ARRAY_SIZE(names); i++)
			if (!strcmp(bf_xt_name(m), names[i]))
				return true;
	return false;
}

static struct pool fit_entries(const char *dir, uint8_t family, struct bf_buf *blob, struct bf_arena *a)
{
	char path[4096], buf[4096];
	struct pool all, fit = { .l = bf_xt_layout(family) };
	const uint8_t **v;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/rules%c.blob", dir, family == NFPROTO_IPV4 ? '4' : '6');
	f = fopen(path, "rb");
	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		bf_buf_add(blob, buf, n);
	if (f)
		fclose(f);
	all = pool_of(family, blob, a);
	v = bf_arena_array(a, all.n, const uint8_t *);
	for (uint32_t i = 0; i < all.n; i++)
		if (!is_unfit(all.l, all.entries[i]))
			v[fit.n++] = all.entries[i];
	fit.entries = v;
	return fit;
}

/* The entry's conditions, with no target. */
static void add_rule(struct rng *r, const struct pool *p, struct bb *b)
{
	const uint8_t *from = p->entries[rng_below(r, p->n)];
	uint8_t *e = bb_entry(b);

	memcpy(e, from, p->l->ip);
	bf_xt_foreach_match (m, p->l, from)
		bb_match(b, bf_xt_name(m), bf_xt_rev(m), m + BF_XT_HEAD, bf_xt_size(m) - (size_t)BF_XT_HEAD);
	bb_verdict(b, (int32_t)(bb_offset(b) + 40));
	if (rng_below(r, 3) == 0) {
		e = (uint8_t *)b->buf.data + b->entry;
		e[rng_below(r, p->l->ip)] ^= 1u << rng_below(r, 8);
	}
}

/* Other parameters for a match; mostly they are still accepted. */
static void spoil(struct rng *r, struct bb *b, uint32_t offset)
{
	bf_xt_foreach_match (m, b->l, bb_at(b, offset)) {
		uint32_t size = bf_xt_size(m) - (uint32_t)BF_XT_HEAD;

		for (uint32_t n = rng_below(r, 4); n > 1; n--)
			m[BF_XT_HEAD + rng_below(r, BF_MIN(size, 72u))] = ONE_OF(r, 0, 1, 2, 3, 4, 8, 22, 53, 128, 255, 16);
	}
}

static void make_rules(struct rng *r, const struct pool *p, struct bb *b)
{
	bb_begin(b, p->l->family);
	for (unsigned h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		bb_hook(b, h);
		for (uint32_t n = h == NF_INET_LOCAL_OUT ? 1 + rng_below(r, 4) : 0; n > 0; n--) {
			uint32_t at = bb_offset(b);

			add_rule(r, p, b);
			if (rng_below(r, 2))
				spoil(r, b, at);
		}
		bb_policy(b, h, h == NF_INET_LOCAL_OUT ? -NF_DROP - 1 : -NF_ACCEPT - 1);
	}
	bb_end(b);
}

static bool asks_kernel(const struct bf_table *t)
{
	for (uint32_t c = 0; c < t->n_chains; c++)
		for (uint32_t i = 0; i < t->chains[c]->n_rules; i++)
			for (uint32_t k = 0; k < t->chains[c]->rules[i].n_conds; k++)
				if (bf_rule_cond(&t->chains[c]->rules[i], k)->match == &bf_match_assist)
					return true;
	return false;
}

static void report(const struct packet *p, uint32_t mark, uint32_t entry, const struct bf_interp *in,
				   const struct bf_table *t)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_table_print(&text, t, bf_interp_counters(in));
	fprintf(stderr, "the kernel counts otherwise at entry %u; mark %u, packet", entry, mark);
	for (uint32_t i = 0; i < p->len; i++)
		fprintf(stderr, "%s%02x", i % 4 ? "" : " ", p->data[i]);
	fprintf(stderr, "\n%s", text.data);
	differ++;
}

static void try_packets(struct rng *r, const struct bb *b, const struct bf_table *t)
{
	struct bf_interp *in = bf_interp_new(t, 250);

	for (unsigned i = 0; i < PACKETS; i++) {
		struct packet p = { .family = b->family };
		uint32_t mark = ONE_OF(r, 0, 1, 5, 16), at;

		if (b->family == NFPROTO_IPV4)
			make_v4(r, &p);
		else
			make_v6(r, &p);
		if (!kernel_sends(&p, mark))
			continue;
		sent++;
		oracle_sends(in, &p, mark);
		at = xk_first_difference(b, bf_interp_counters(in));
		if (at != BF_XT_NONE) {
			report(&p, mark, at, in, t);
			break;
		}
	}
	bf_interp_free(in);
}

static void round_of(struct rng *r, struct bb *b)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bf_xt_replace info;
	uint32_t entries = xk_num_entries(b->family);

	memcpy(bb_num_counters(b), &entries, sizeof(entries));
	if (bf_xt_decode_replace(b->family, b->buf.data, b->buf.len, &info, &state, NULL) ||
		bf_xt_to_ruleset(state.data, state.len, &rs, NULL) || asks_kernel(rs->tables[0]) ||
		xk_replace(b->family, b->buf.data, b->buf.len))
		return;
	loaded++;
	try_packets(r, b, rs->tables[0]);
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1500;
	struct rng r = { argc > 3 ? strtoull(argv[3], NULL, 10) : 1701 };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();

	if (argc < 2 || xk_enter() || loopback_up()) {
		printf("no network namespace: %s\n", strerror(errno));
		return 77;
	}
	for (unsigned six = 0; six < 2; six++) {
		_cleanup_buf_ struct bf_buf blob = { 0 };
		struct pool p = fit_entries(argv[1], six ? NFPROTO_IPV6 : NFPROTO_IPV4, &blob, a);

		for (uint32_t i = 0; i < rounds && differ < 5; i++) {
			struct bb b;

			make_rules(&r, &p, &b);
			round_of(&r, &b);
			bb_free(&b);
		}
	}
	printf("%u tables, %u packets, %u differ\n", loaded, sent, differ);
	return differ || !loaded || !sent;
}
