/* SPDX-License-Identifier: GPL-2.0-only */
/* random.c: see random.h. */
#include "gen/random.h"

#include <linux/filter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>

enum { POOL = 5, MAX_RANGES = 12 };

uint32_t rng_next(struct rng *r)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->state >> 33) ^ (uint32_t)(r->state >> 11);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return n ? rng_next(r) % n : 0;
}

bool rng_chance(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

/* One of the few values that a field mostly has. */
static bf_u128 pool(struct rng *r, enum bf_field_id f)
{
	static const uint8_t protos[POOL] = { 6, 6, 17, 1, 58 };
	static const uint16_t lengths[POOL] = { 40, 60, 28, 100, 120 };
	struct rng fixed = { .state = (uint64_t)f * 77 + rng_below(r, POOL) * 1000003 };
	uint32_t n = rng_below(r, POOL);
	bf_u128 v = 0;

	if (f == BF_F_L4PROTO || f == BF_F_CT_PROTO)
		return protos[n];
	if (f == BF_F_IP_LENGTH || f == BF_F_IP6_LENGTH || f == BF_F_L4_AVAIL)
		return lengths[n];
	rng_next(&fixed);
	for (int i = 0; i < 4; i++) /* addresses share leading words */
		v = v << 32 | (i < 2 && f < BF_F_IP6_HOPLIMIT ? 0x20010db8 : rng_next(&fixed) & (i == 3 ? ~0u : 0xf0000003));
	return v & bf_field_ones(&bf_fields[f]);
}

static bf_u128 near(struct rng *r, enum bf_field_id f)
{
	bf_u128 v = pool(r, f), ones = bf_field_ones(&bf_fields[f]);

	switch (rng_below(r, 8)) {
	case 0:
		return (v + 1) & ones;
	case 1:
		return v ? v - 1 : v;
	case 2:
		return 0;
	case 3:
		return ones;
	default:
		return v;
	}
}

static bf_u128 random_mask(struct rng *r, enum bf_field_id f)
{
	const struct bf_field *field = &bf_fields[f];
	bf_u128 ones = bf_field_ones(field), m = 0;

	if (rng_chance(r, 60))
		return ones;
	if (rng_chance(r, 60))
		return ones & ~(ones >> rng_below(r, field->bits));
	for (int i = 0; i < 4; i++)
		m = m << 32 | rng_next(r);
	return m & ones;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorted, disjoint ranges of masked values (or of any: then some never hold). */
static uint32_t random_ranges(struct rng *r, enum bf_field_id f, bf_u128 mask, struct bf_range *out)
{
	uint32_t want = rng_chance(r, 70) ? 1 : 1 + rng_below(r, MAX_RANGES), n = 0;
	bf_u128 keep = rng_chance(r, 90) ? mask : ~(bf_u128)0;

	for (uint32_t i = 0; i < want; i++) {
		bf_u128 a = near(r, f) & keep, b = rng_chance(r, 50) ? a : near(r, f) & keep;

		out[i] = (struct bf_range){ a < b ? a : b, a < b ? b : a };
	}
	qsort(out, want, sizeof(*out), compare_ranges);
	for (uint32_t i = 1; i < want; i++)
		if (out[i].lo > out[n].hi)
			out[++n] = out[i];
	return n + 1;
}

static void fill_field(struct bf_ruleset *rs, struct rng *r, struct bf_cond *c, uint8_t family)
{
	struct bf_range ranges[MAX_RANGES];
	enum bf_field_id f;

	do
		f = rng_below(r, BF_FIELDS);
	while (bf_fields[f].family && bf_fields[f].family != family);
	c->kind = BF_COND_FIELD;
	c->field = &bf_fields[f];
	c->mask = random_mask(r, f);
	c->n_ranges = random_ranges(r, f, c->mask, ranges);
	c->ranges = bf_arena_memdup(rs->arena, ranges, c->n_ranges * sizeof(*ranges));
	c->neg = rng_chance(r, 25);
}

static struct sock_filter load_insn(struct rng *r)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_B | BPF_IND, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_B | BPF_MSH, BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM, BPF_LDX | BPF_W | BPF_LEN,
	};
	uint32_t k = rng_below(r, 48);

	if (rng_chance(r, 10))
		k += SKF_NET_OFF;
	else if (rng_chance(r, 10))
		k = SKF_AD_OFF + (rng_chance(r, 50) ? SKF_AD_MARK : SKF_AD_PKTTYPE);
	return (struct sock_filter){ codes[rng_below(r, BF_ARRAY_SIZE(codes))], 0, 0, k };
}

static struct sock_filter alu_insn(struct rng *r)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH,
		                           BPF_RSH, BPF_NEG };
	uint8_t op = ops[rng_below(r, sizeof(ops))];
	bool x = op != BPF_NEG && rng_chance(r, 40);

	return (struct sock_filter){ BPF_ALU | op | (x ? BPF_X : BPF_K), 0, 0,
		                         rng_chance(r, 70) ? 1 + rng_below(r, 31) : rng_next(r) };
}

static struct sock_filter jump_insn(struct rng *r, uint32_t behind)
{
	static const uint8_t ops[] = { BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint8_t op = ops[rng_below(r, sizeof(ops))];

	return (struct sock_filter){ BPF_JMP | op | (op != BPF_JA && rng_chance(r, 30) ? BPF_X : BPF_K),
		                         rng_below(r, behind), rng_below(r, behind),
		                         op == BPF_JA ? rng_below(r, behind) : rng_chance(r, 50) ? rng_below(r, 64) : rng_next(r) };
}

static struct sock_filter random_insn(struct rng *r, uint32_t behind)
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
		return load_insn(r);
	}
}

/* One that the kernel would take. */
struct bf_bytecode *random_bytecode(struct bf_arena *a, struct rng *r)
{
	struct bf_bytecode *b = bf_arena_new_of(a, struct bf_bytecode);
	struct sock_filter *f = bf_arena_array(a, 64, struct sock_filter);

	if (!b || !f)
		return NULL;
	b->insns = f;
	do {
		b->len = 2 + rng_below(r, 20);
		for (uint32_t i = 0; i + 1 < b->len; i++)
			f[i] = random_insn(r, b->len - i - 1);
		f[b->len - 1] = (struct sock_filter){ BPF_RET | (rng_chance(r, 70) ? BPF_A : BPF_K), 0, 0, rng_below(r, 2) };
	} while (bf_bytecode_check(b) < 0);
	return b;
}

static void fill_conntrack(struct rng *r, struct bf_conntrack *c)
{
	c->match = rng_next(r) & 0x1fff;
	c->invert = rng_next(r) & 0x1fff;
	c->state_mask = 1u << rng_below(r, 4) | (rng_chance(r, 50) ? 1u << rng_below(r, 9) : 0);
	c->status_mask = rng_below(r, 16);
	c->l4proto = pool(r, BF_F_L4PROTO);
	c->expires_max = rng_below(r, 100);
	for (int i = 0; i < 4; i++) {
		c->mask[i] = rng_chance(r, 50) ? 0 : 0xffffff00;
		c->addr[i] = pool(r, BF_F_IP_SADDR) & c->mask[i];
		c->port_lo[i] = pool(r, BF_F_SPORT);
		c->port_hi[i] = c->port_lo[i] + rng_below(r, 3);
	}
}

static const void *random_data(struct bf_ruleset *rs, struct rng *r, const struct bf_match_ops *m, uint8_t family)
{
	void *data = bf_arena_alloc(rs->arena, m->data_size);

	if (m == &bf_match_limit) {
		*(struct bf_limit *)data = (struct bf_limit){ 100 + rng_below(r, 20000), 1 + rng_below(r, 5) };
	} else if (m == &bf_match_statistic) {
		uint32_t every = rng_below(r, 4);

		*(struct bf_statistic *)data = (struct bf_statistic){ .mode = rng_below(r, 2), .invert = rng_chance(r, 30),
			.probability = rng_next(r) & 0x7fffffff, .every = every, .count = rng_below(r, every + 1) };
	} else if (m == &bf_match_tcpopt) {
		*(struct bf_tcpopt *)data = (struct bf_tcpopt){ 1 + rng_below(r, 4), rng_chance(r, 30) };
	} else if (m == &bf_match_tcpmss) {
		*(struct bf_tcpmss *)data = (struct bf_tcpmss){ 500 + rng_below(r, 1000), 1500, rng_chance(r, 30) };
	} else if (m == &bf_match_conntrack) {
		fill_conntrack(r, data);
	} else if (m == &bf_match_bytecode) {
		*(struct bf_bytecode *)data = *random_bytecode(rs->arena, r);
	} else if (m == &bf_match_assist) {
		uint8_t *info = bf_arena_alloc(rs->arena, 4);

		info[0] = rng_below(r, 8);
		*(struct bf_assist *)data = (struct bf_assist){ "addrtype", 1, 4, info, "addrtype" };
	} else if (m == &bf_match_any) {
		struct bf_any *any = data;
		struct bf_any_group *groups = bf_arena_array(rs->arena, 3, struct bf_any_group);

		any->n = rng_below(r, 4);
		any->groups = groups;
		for (uint32_t i = 0; i < any->n; i++) {
			struct bf_cond *conds = bf_arena_array(rs->arena, 3, struct bf_cond);

			groups[i] = (struct bf_any_group){ conds, rng_below(r, 4) };
			for (uint32_t k = 0; k < groups[i].n; k++)
				fill_field(rs, r, &conds[k], family);
		}
	}
	return data;
}

static void random_cond(struct bf_ruleset *rs, struct rng *r, struct bf_rule *rule, uint8_t family)
{
	struct bf_cond *c = bf_rule_add_cond(rs, rule);
	uint32_t n = 0;

	while (bf_matches[n])
		n++;
	if (rng_chance(r, 75)) {
		fill_field(rs, r, c, family);
		c->guard = rng_chance(r, 10);
		return;
	}
	c->kind = BF_COND_MATCH;
	c->match = bf_matches[rng_below(r, n)];
	c->data = random_data(rs, r, c->match, family);
	c->neg = rng_chance(r, 25);
}

static void random_actions(struct bf_ruleset *rs, struct rng *r, struct bf_rule *rule, uint8_t family)
{
	struct bf_log log = { .level = rng_below(r, 3) };
	struct bf_reject reject = { rng_below(r, 2), family };

	snprintf(log.prefix, sizeof(log.prefix), "p%u", rng_below(r, 3));
	if (rng_chance(r, 80))
		return;
	if (rng_chance(r, 60))
		bf_rule_add_action(rs, rule, &bf_target_log, &log);
	if (rng_chance(r, 40)) {
		bf_rule_add_action(rs, rule, &bf_target_reject, &reject);
		rule->verdict.kind = BF_VERDICT_ACTION;
	}
}

/* Chains enter only later ones, or later rules of their own, so that no packet runs in circles. */
static void random_verdict(const struct bf_table *t, struct rng *r, uint32_t chain, uint32_t rule, const uint32_t *n_rules,
                           struct bf_verdict *v)
{
	static const uint8_t plain[] = { BF_VERDICT_CONTINUE, BF_VERDICT_CONTINUE, BF_VERDICT_ACCEPT, BF_VERDICT_DROP,
		                             BF_VERDICT_RETURN };
	uint32_t to = chain + 1 + rng_below(r, t->n_chains - chain - 1);

	v->kind = plain[rng_below(r, sizeof(plain))];
	if (rng_chance(r, 2) && rule + 1 < n_rules[chain]) {
		*v = (struct bf_verdict){ BF_VERDICT_JUMP, t->chains[chain], rule + 1 + rng_below(r, n_rules[chain] - rule) };
	} else if (rng_chance(r, 35) && to < t->n_chains) {
		v->kind = rng_chance(r, 70) ? BF_VERDICT_JUMP : BF_VERDICT_GOTO;
		v->chain = t->chains[to];
		v->index = rng_chance(r, 95) ? 0 : rng_below(r, n_rules[to] + 1);
	}
}

struct bf_table *random_table(struct bf_ruleset *rs, struct rng *r, uint8_t family)
{
	struct bf_table *t = bf_ruleset_add_table(rs, family, "filter");
	uint32_t bases = 1 + rng_below(r, 3), users = rng_below(r, 7), n_rules[16];
	char name[16];

	for (uint32_t i = 0; i < bases + users; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		bf_table_add_chain(rs, t, name);
		n_rules[i] = rng_below(r, 7);
	}
	for (uint32_t i = 0; i < t->n_chains; i++) {
		struct bf_chain *c = t->chains[i];

		c->base = i < bases;
		c->hook = i + 1;
		c->counter = rng_chance(r, 80) ? t->n_counters++ : BF_NO_COUNTER;
		if (c->base)
			c->policy = rng_chance(r, 50) ? BF_VERDICT_ACCEPT : BF_VERDICT_DROP;
		for (uint32_t k = 0; k < n_rules[i]; k++) {
			struct bf_rule *rule = bf_chain_add_rule(rs, c);

			for (uint32_t n = rng_below(r, 4); n; n--)
				random_cond(rs, r, rule, family);
			rule->counter = rng_chance(r, 90) ? t->n_counters++ : BF_NO_COUNTER;
			random_verdict(t, r, i, k, n_rules, &rule->verdict);
			random_actions(rs, r, rule, family);
		}
	}
	return t;
}

/* Packets. */

static void put(uint8_t *at, bf_u128 v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = v >> (8 * (bytes - 1 - i));
}

static uint32_t put_ip4(struct packet *k, struct rng *r, uint32_t len)
{
	static const uint16_t frags[] = { 0, 0, 0, 0, 0x2000, 1, 0x2001, 5, 0x1fff };
	uint32_t ihl = rng_chance(r, 80) ? 20 : 24;

	k->data[0] = 0x40 | ihl / 4;
	put(k->data + 1, pool(r, BF_F_IP_TOS), 1);
	put(k->data + 2, len, 2);
	put(k->data + 6, frags[rng_below(r, BF_ARRAY_SIZE(frags))], 2);
	put(k->data + 8, pool(r, BF_F_IP_TTL), 1);
	put(k->data + 9, pool(r, BF_F_L4PROTO), 1);
	put(k->data + 12, pool(r, BF_F_IP_SADDR), 4);
	put(k->data + 16, pool(r, BF_F_IP_DADDR), 4);
	return ihl;
}

static uint32_t put_ip6(struct packet *k, struct rng *r, uint32_t len)
{
	uint8_t *next = &k->data[6];
	uint32_t off = 40;

	put(k->data, 6u << 28 | (uint32_t)pool(r, BF_F_IP6_TCLASS) << 20, 4);
	put(k->data + 4, len - 40, 2);
	put(k->data + 7, pool(r, BF_F_IP6_HOPLIMIT), 1);
	put(k->data + 8, pool(r, BF_F_IP6_SADDR), 16);
	put(k->data + 24, pool(r, BF_F_IP6_DADDR), 16);
	for (uint32_t n = rng_chance(r, 60) ? 0 : rng_below(r, 4); n; n--) {
		static const uint8_t kinds[] = { 0, 60, 43, 44, 51 };

		*next = kinds[rng_below(r, 5)];
		next = &k->data[off];
		k->data[off + 1] = *next == 44 ? 0 : rng_below(r, 2);
		if (*next == 44)
			put(k->data + off + 2, rng_chance(r, 50) ? 1 : 8, 2);
		off += 8;
	}
	*next = pool(r, BF_F_L4PROTO);
	return off;
}

static void put_l4(uint8_t *at, struct rng *r)
{
	put(at, rng_chance(r, 50) ? pool(r, BF_F_SPORT) : pool(r, BF_F_ICMP), 2);
	put(at + 2, pool(r, BF_F_DPORT), 2);
	at[12] = rng_chance(r, 80) ? 0x60 : rng_next(r);
	put(at + 13, pool(r, BF_F_TCP_FLAGS), 1);
	if (rng_chance(r, 60))
		put(at + 20, 0x02040000 | (400 + rng_below(r, 1300)), 4);
}

static bool kernel_says(const struct bf_packet *p, const struct bf_assist *a)
{
	return (uintptr_t)p->user >> (*(const uint8_t *)a->info & 7) & 1;
}

void random_packet(struct packet *k, struct rng *r, uint8_t family)
{
	bool v4 = family == NFPROTO_IPV4;
	uint32_t min = v4 ? 24 : 40, len = rng_chance(r, 60) ? 120 : min + rng_below(r, 100), l4;
	struct bf_packet *p = &k->p;

	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < sizeof(k->data); i++)
		k->data[i] = rng_chance(r, 50) ? 0 : rng_next(r);
	l4 = v4 ? put_ip4(k, r, len) : put_ip6(k, r, len);
	if (rng_chance(r, 90))
		put_l4(k->data + l4, r);
	*p = (struct bf_packet){ .family = family, .hook = 1 + rng_below(r, 3), .data = k->data, .len = len,
		.pkttype = rng_below(r, 4), .mark = pool(r, BF_F_MARK), .has_mac = rng_chance(r, 60),
		.socket = rng_below(r, 3), .skuid = pool(r, BF_F_SKUID), .skgid = pool(r, BF_F_SKGID), .assist = kernel_says,
		.user = (void *)(uintptr_t)rng_next(r), .ctstate = rng_chance(r, 30) ? BF_CT_NONE | 1 : 1u << rng_below(r, 4) };
	put((uint8_t *)p->iif, pool(r, BF_F_IIFNAME), 16);
	put((uint8_t *)p->oif, pool(r, BF_F_OIFNAME), 16);
	put(p->ether_saddr, pool(r, BF_F_ETHER_SADDR), 6);
	if (p->ctstate & BF_CT_NONE)
		return;
	p->ctstate |= rng_chance(r, 50) ? BF_CT_REPLY : 0;
	p->ctstatus = pool(r, BF_F_CT_STATUS);
	p->ct.proto = pool(r, BF_F_CT_PROTO);
	p->ct.expires = rng_below(r, 100);
	for (int i = 0; i < 2; i++) {
		p->ct.saddr[i] = pool(r, v4 ? BF_F_IP_SADDR : BF_F_IP6_SADDR);
		p->ct.daddr[i] = pool(r, v4 ? BF_F_IP_DADDR : BF_F_IP6_DADDR);
		p->ct.sport[i] = pool(r, BF_F_SPORT);
		p->ct.dport[i] = pool(r, BF_F_DPORT);
	}
}
