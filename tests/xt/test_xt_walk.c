/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_walk.c: ways through hand-made tables. Random tables whose rules
 * jump to anywhere, chains that end nowhere, hooks that begin in odd places: the
 * kernel sends a few packets through them, the oracle sends the same through
 * our model, and every counter must be the same, policies and ends of chains
 * included.
 *
 *   test_xt_walk [ROUNDS [SEED]]
 */
#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "interp/interp.h"
#include "xt/kernel.h"
#include "xt/mutate.h"

#define SOURCES 4
#define PROTO 253 /* for experiments: nothing answers */

static unsigned differ;

/* Rules of every verdict, for each source and for all packets; a verdict of 8 becomes a jump (mutate.c). */
static struct pool simple_rules(struct bb *b, struct bf_arena *a)
{
	static const int32_t verdicts[] = { -NF_ACCEPT - 1, -NF_DROP - 1, XT_RETURN, 8, 8, 8, 8, 8 };

	bb_begin(b, NFPROTO_IPV4);
	for (uint8_t src = 0; src <= SOURCES; src++)
		for (size_t v = 0; v < BF_ARRAY_SIZE(verdicts); v++) {
			uint8_t *e = bb_entry(b);
			const uint8_t addr[4] = { 127, 0, 0, src }, mask[4] = { 255, 255, 255, 255 };

			if (src) {
				memcpy(e, addr, 4);
				memcpy(e + 8, mask, 4);
			}
			bb_verdict(b, verdicts[v]);
		}
	return pool_of(NFPROTO_IPV4, &b->buf, a);
}

static int open_socket(void)
{
	int s = socket(AF_INET, SOCK_RAW, PROTO), on = 1;
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (s < 0 || setsockopt(s, IPPROTO_IP, 3 /* IP_HDRINCL */, &on, sizeof(on)) || ioctl(s, SIOCSIFFLAGS, &ifr))
		return -1;
	return s;
}

static void make_packet(uint8_t *p, uint8_t src)
{
	const uint8_t header[28] = { 0x45, 0, 0, 28, 0, 1, 0, 0, 64, PROTO, 0, 0, 127, 0, 0, src, 127, 0, 0, 9 };

	memcpy(p, header, sizeof(header));
}

static void kernel_sends(int s, uint8_t src)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009) };
	uint8_t p[28];

	make_packet(p, src);
	sendto(s, p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)); /* EPERM: dropped */
}

/* What arrived is taken away: a full socket would have the kernel answer. */
static void drain(int s)
{
	uint8_t p[64];

	while (recv(s, p, sizeof(p), MSG_DONTWAIT) > 0)
		;
}

static void oracle_sends(struct bf_interp *in, uint8_t src)
{
	uint8_t data[28];
	struct bf_packet p = { .family = NFPROTO_IPV4,
						   .hook = NF_INET_LOCAL_OUT,
						   .data = data,
						   .len = sizeof(data),
						   .oif = "lo",
						   .ctstate = BF_CT_NONE };
	struct bf_outcome out;

	make_packet(data, src);
	bf_interp_run(in, &p, &out);
	if (out.verdict == BF_DROP)
		return;
	p.hook = NF_INET_LOCAL_IN;
	memset(p.oif, 0, sizeof(p.oif));
	strcpy(p.iif, "lo");
	bf_interp_run(in, &p, &out);
}

static void report(uint32_t round, uint32_t entry, const struct bf_interp *in, const struct bf_table *t)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	fprintf(stderr, "round %u: the kernel counts otherwise at entry %u of our model's\n", round, entry);
	bf_table_print(&text, t, bf_interp_counters(in));
	fprintf(stderr, "%s", text.data);
	differ++;
}

/* Loopback may take a moment: the kernel is asked again for a while. */
static void compare(const struct bb *b, uint32_t round, const struct bf_interp *in, const struct bf_table *t)
{
	uint32_t at = 0;

	for (unsigned tries = 0; tries < 200; tries++) {
		at = xk_first_difference(b, bf_interp_counters(in));
		if (at == BF_XT_NONE)
			return;
		usleep(1000);
	}
	report(round, at, in, t);
}

/* 1: done, 0: the table is refused. */
static int walk(struct bb *b, uint32_t round, int s)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bf_xt_replace info;
	struct bf_interp *in;
	uint32_t entries = xk_num_entries(NFPROTO_IPV4);

	memcpy(bb_num_counters(b), &entries, sizeof(entries));
	if (bf_xt_decode_replace(b->family, b->buf.data, b->buf.len, &info, &state, NULL) ||
		bf_xt_to_ruleset(state.data, state.len, &rs, NULL) || xk_replace(b->family, b->buf.data, b->buf.len))
		return 0;
	in = bf_interp_new(rs->tables[0], 250);
	for (uint8_t src = 1; src <= SOURCES; src++) {
		kernel_sends(s, src);
		oracle_sends(in, src);
	}
	compare(b, round, in, rs->tables[0]);
	drain(s);
	bf_interp_free(in);
	return 1;
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 3000, done = 0;
	struct rng r = { argc > 2 ? strtoull(argv[2], NULL, 10) : 4711 };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bb rules;
	struct pool p = simple_rules(&rules, a);
	int s;

	if (xk_enter() || (s = open_socket()) < 0) {
		printf("no network namespace or raw socket: %s\n", strerror(errno));
		return 77;
	}
	for (uint32_t i = 0; i < rounds && differ < 5; i++) {
		struct bb b;

		make_table(&r, &p, &b);
		done += (uint32_t)walk(&b, i, s);
		bb_free(&b);
	}
	bb_free(&rules);
	printf("%u tables, %u of them loaded, %u differ\n", rounds, done, differ);
	return differ || !done;
}
