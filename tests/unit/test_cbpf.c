/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cbpf.c: classic BPF against the running kernel, which takes filters on
 * a socket from anybody: random programs are accepted or refused alike, and
 * our translation, the oracle's machine and the kernel agree whether a packet
 * matches, whatever part of it lies in one piece; also where filters are steps
 * of runs, some of them negated, in several functions.
 *
 *   test_cbpf [ROUNDS [SEED]]
 */
#include <linux/filter.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gen/cbpf.h"
#include "lib/ebpf.h"
#include "lib/rng.h"

enum { MAX_LEN = 24, PACKETS = 4, MANY = 400 };

static struct sock_filter load_insn(struct rng *r, bool extras)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_B | BPF_IND, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_B | BPF_MSH, BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM, BPF_LDX | BPF_W | BPF_LEN,
	};
	uint32_t k = rng_below(r, 48);

	if (extras && rng_percent(r, 10))
		k += SKF_NET_OFF;
	else if (extras && rng_percent(r, 10))
		k = SKF_AD_OFF + (rng_percent(r, 50) ? SKF_AD_MARK : SKF_AD_PKTTYPE);
	return (struct sock_filter){ codes[rng_below(r, BF_ARRAY_SIZE(codes))], 0, 0, k };
}

static struct sock_filter alu_insn(struct rng *r)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH,
		                           BPF_RSH, BPF_NEG };
	uint8_t op = ops[rng_below(r, sizeof(ops))];
	bool x = op != BPF_NEG && rng_percent(r, 40);

	return (struct sock_filter){ BPF_ALU | op | (x ? BPF_X : BPF_K), 0, 0,
		                         rng_percent(r, 70) ? 1 + rng_below(r, 31) : (uint32_t)rng_u64(r) };
}

static struct sock_filter jump_insn(struct rng *r, uint32_t behind)
{
	static const uint8_t ops[] = { BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint8_t op = ops[rng_below(r, sizeof(ops))];
	uint32_t k = rng_percent(r, 50) ? rng_below(r, 64) : (uint32_t)rng_u64(r);

	return (struct sock_filter){ BPF_JMP | op | (op != BPF_JA && rng_percent(r, 30) ? BPF_X : BPF_K),
		                         rng_below(r, behind), rng_below(r, behind),
		                         op == BPF_JA ? rng_below(r, behind) : k };
}

static struct sock_filter random_insn(struct rng *r, uint32_t behind, bool extras)
{
	static const uint16_t moves[] = { BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA, BPF_ST, BPF_STX, BPF_LD | BPF_MEM,
		                              BPF_LDX | BPF_MEM };

	switch (rng_below(r, 5)) {
	case 0:
		return (struct sock_filter){ moves[rng_below(r, BF_ARRAY_SIZE(moves))], 0, 0, rng_below(r, BPF_MEMWORDS) };
	case 1:
		return alu_insn(r);
	case 2:
		return jump_insn(r, behind);
	default:
		return load_insn(r, extras);
	}
}

/* Mostly well formed; or any bits in one instruction. */
static void random_filter(struct rng *r, struct sock_filter *f, uint16_t *len, bool extras)
{
	static const uint8_t odd[] = { 0x16, 0x0e, 0x60, 0x81, 0xb7, 0x84, 0x8d, 0x0f };

	*len = 1 + rng_below(r, MAX_LEN - 1);
	for (uint32_t i = 0; i + 1 < *len; i++)
		f[i] = random_insn(r, *len - i - 1u, extras);
	f[*len - 1] = (struct sock_filter){ BPF_RET | (rng_percent(r, 70) ? BPF_A : BPF_K), 0, 0, rng_below(r, 2) };
	if (rng_percent(r, 15)) {
		struct sock_filter *one = &f[rng_below(r, *len)];

		one->code = rng_percent(r, 50) ? odd[rng_below(r, sizeof(odd))] : (uint16_t)(rng_u64(r) & 0x1ff);
		one->k = rng_percent(r, 50) ? one->k : (uint32_t)rng_u64(r);
		one->jt = rng_below(r, 30);
	}
}

struct kernel {
	int in, out;
};

static bool kernel_takes(const struct kernel *k, const struct bf_bytecode *b)
{
	struct sock_fprog p = { b->len, (struct sock_filter *)b->insns };

	return !setsockopt(k->out, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
}

/* A datagram that the filter ends with 0 is not delivered. */
static bool kernel_matches(const struct kernel *k, const uint8_t *data, size_t len)
{
	uint8_t sink[256];

	(void)!send(k->in, data, len, MSG_DONTWAIT);
	return recv(k->out, sink, sizeof(sink), MSG_DONTWAIT) >= 0;
}

static int complain(const struct bf_bytecode *b, const char *what, int ours, int theirs)
{
	_cleanup_buf_ struct bf_buf out = { 0 };

	bf_match_bytecode.print(&out, b, false);
	fprintf(stderr, "%s: %d, should be %d: %s\n", what, ours, theirs, out.data);
	return 1;
}

static int run_packets(struct rng *r, const struct kernel *k, const struct bf_bytecode *b,
                       const struct bf_rt_func *code, bool on_match, bool compare_kernel)
{
	for (int i = 0; i < PACKETS; i++) {
		uint8_t frame[128], bytes[14 + 64], *data = bytes + 14;
		struct bf_packet p = { .family = NFPROTO_IPV4, .data = data, .len = 24 + rng_below(r, 40), .mark = 7, .pkttype = 3,
			.link = bytes, .link_len = 14, .tagged = rng_percent(r, 50), .tag_proto = 1, .tag = 0x0203, .protocol = 0x0405 };
		bool hotdrop = false, oracle;
		int ours;

		for (size_t n = 0; n < sizeof(bytes); n++)
			bytes[n] = rng_percent(r, 60) ? rng_below(r, 6) : (uint8_t)rng_u64(r);
		memcpy(bytes + 12, "\4\5", 2);
		oracle = bf_match_bytecode.eval(NULL, &p, b, &hotdrop);
		ours = ebpf_code(code, 1, 0, &p, rng_percent(r, 50) ? p.len : rng_below(r, p.len)) == on_match;
		if (ours != oracle)
			return complain(b, "translation against oracle", ours, oracle);
		if (compare_kernel && kernel_matches(k, b->frame ? frame : data, b->frame ? ebpf_frame(&p, frame) : p.len) != oracle)
			return complain(b, "oracle against kernel", oracle, !oracle);
	}
	return 0;
}

/* Whether a step goes on when it matches or when it does not: it ends with 0, or with the number behind it. */
static int one_round(struct rng *r, const struct kernel *k, unsigned *taken)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct sock_filter insns[MAX_LEN];
	struct bf_bytecode b = { .insns = insns, .frame = rng_percent(r, 50) };
	const struct bf_code list = { .filter = &b };
	bool extras = rng_percent(r, 30), on_match = rng_percent(r, 50);
	const uint32_t steps[] = { BF_STEP(0, on_match), BF_STEP_END };
	const struct bf_graph g = { .codes = &list, .n_codes = 1, .steps = steps, .n_steps = 2 };
	static const bool used[] = { true, true };
	struct bf_rt_func code[2];
	uint32_t n;
	int err;

	random_filter(r, insns, &b.len, extras);
	err = bf_bytecode_check(&b);
	if ((err == 0 || err == -EOPNOTSUPP) != kernel_takes(k, &b))
		return complain(&b, "check", err, err ? 0 : -EINVAL);
	if (err)
		return 0;
	*taken += 1;
	err = bf_cbpf_funcs(arena, &g, used, BF_RT_NETFILTER, code, &n, NULL);
	if (err || n != 1)
		return complain(&b, "translate", err, 0);
	if (!ebpf_whole(code))
		return complain(&b, "unreachable instructions", 1, 0);
	return run_packets(r, k, &b, code, on_match, !extras);
}

static void random_steps(struct rng *r, struct bf_bytecode *b, struct sock_filter (*insns)[MAX_LEN], struct bf_code *codes,
                         uint32_t *steps, bool *used)
{
	for (uint32_t i = 0; i < MANY; i++) {
		do {
			b[i] = (struct bf_bytecode){ .insns = insns[i], .frame = rng_percent(r, 50) };
			random_filter(r, insns[i], &b[i].len, false);
		} while (bf_bytecode_check(&b[i]));
		codes[i].filter = &b[i];
		steps[i] = i && i + 1 < MANY && rng_percent(r, 5) && steps[i - 1] != BF_STEP_END ? BF_STEP_END :
		           BF_STEP(i, rng_percent(r, 30));
	}
	steps[MANY] = BF_STEP_END;
	for (uint32_t from = 0, to; from <= MANY; from = to + 1) {
		for (to = from; steps[to] != BF_STEP_END; to++)
			;
		memset(&used[from], rng_percent(r, 80), to - from + 1);
	}
}

/* Where the oracle's machine gets from that step on. */
static uint32_t follow(const struct bf_graph *g, uint32_t step, const struct bf_packet *p)
{
	bool hotdrop = false;

	while (g->steps[step] != BF_STEP_END &&
	       bf_match_bytecode.eval(NULL, p, g->codes[g->steps[step] >> 1].filter, &hotdrop) == (g->steps[step] & 1))
		step++;
	return step;
}

/* Filters in runs, in more than one function, not all of them used. */
static int many(struct rng *r)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	static struct sock_filter insns[MANY][MAX_LEN];
	static struct bf_bytecode b[MANY];
	static struct bf_code codes[MANY];
	static uint32_t steps[MANY + 1];
	static bool used[MANY + 1];
	const struct bf_graph g = { .codes = codes, .n_codes = MANY, .steps = steps, .n_steps = MANY + 1 };
	struct bf_rt_func funcs[MANY + 2];
	uint8_t bytes[14 + 64];
	uint32_t n;

	random_steps(r, b, insns, codes, steps, used);
	if (bf_cbpf_funcs(arena, &g, used, BF_RT_NETFILTER, funcs, &n, NULL) || n < 3 || n > bf_cbpf_most(&g))
		return complain(b, "translate many", (int)n, 3);
	for (uint32_t i = 0; i < n; i++)
		if (!ebpf_whole(&funcs[i]))
			return complain(b, "unreachable instructions of many", (int)i, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct bf_packet p = { .family = NFPROTO_IPV4, .data = bytes + 14, .len = 24 + rng_below(r, 40), .link = bytes, .link_len = 14 };
		int ours;

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = rng_percent(r, 60) ? rng_below(r, 6) : (uint8_t)rng_u64(r);
		if (!used[i] || steps[i] == BF_STEP_END)
			continue;
		ours = ebpf_code(funcs, n, i, &p, rng_percent(r, 50) ? p.len : rng_below(r, p.len));
		if (ours != (int)follow(&g, i, &p))
			return complain(&b[i], "steps", ours, (int)follow(&g, i, &p));
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 20000, taken = 0;
	struct rng r = { argc > 2 ? strtoull(argv[2], NULL, 0) : 1 };
	int fds[2], failed = 0;
	struct kernel k;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0)
		return perror("socketpair"), 77;
	k = (struct kernel){ fds[0], fds[1] };
	for (unsigned i = 0; i < rounds && failed < 3; i++)
		failed += one_round(&r, &k, &taken);
	for (unsigned i = 0; i < 1 + rounds / 1000 && failed < 3; i++)
		failed += many(&r);
	printf("%u filters, %u of them taken, %d failed\n", rounds, taken, failed);
	return failed || taken < rounds / 20;
}
