/* SPDX-License-Identifier: GPL-2.0-only */
/* ruling.c: rulesets that change at random (ruling.h). Jumps go to chains of higher numbers only. */
#include "run/ruling.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_LOG.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <stdio.h>
#include <sys/socket.h>

#include "run/flood.h"

enum { RETURNED = -1, JUMPS = 0x40000000 }; /* a verdict that waits for the chain's place */

#define ALL_OPS                                                                                                        \
	{                                                                                                                  \
		[RULING_INSERT] = 30, [RULING_DELETE] = 25, [RULING_REPLACE] = 20, [RULING_NEW] = 8, [RULING_FLUSH] = 4,       \
		[RULING_REMOVE] = 6                                                                                            \
	}
#define ALL_SHAPES                                                                                                     \
	{                                                                                                                  \
		[RULING_UDP] = 30, [RULING_OTHER_PORT] = 12, [RULING_LO] = 8, [RULING_ETH] = 8, [RULING_LENGTH] = 4,           \
		[RULING_MARK] = 4, [RULING_LIMIT] = 2, [RULING_SET] = 6                                                        \
	}
#define SOME_TARGETS                                                                                                   \
	[RULING_ACCEPT] = 24, [RULING_DROP] = 24, [RULING_RETURN] = 14, [RULING_NONE] = 8, [RULING_LOG] = 3,               \
	[RULING_JUMP] = 20, [RULING_GOTO] = 8

static const struct ruling_weights rows[] = {
	{ "plain", 600, 900, .in_place = 60, .op = { [RULING_INSERT] = 1, [RULING_DELETE] = 1, [RULING_REPLACE] = 1 },
	  .target = { [RULING_ACCEPT] = 1, [RULING_DROP] = 1 }, .shape = { [RULING_UDP] = 9, [RULING_SET] = 1 } },
	{ "chains", 3400, 3900, 4, 90, .op = ALL_OPS, .target = { SOME_TARGETS, [RULING_REJECT] = 4 },
	  .shape = ALL_SHAPES },
	{ "counted", 3400, 3900, 4, 90, .op = ALL_OPS, .target = { SOME_TARGETS }, .shape = ALL_SHAPES },
	/* (answers of REJECT would be counted, too) */
	{ "few", 40, 60, 3, 20, .op = ALL_OPS, .target = { SOME_TARGETS, [RULING_REJECT] = 4 }, .shape = ALL_SHAPES },
};

const struct ruling_weights *ruling_weights(const char *name)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

/* ---------------------------------------------------------------- changes */

static struct ruling_rule *rules_of(struct ruling *u, unsigned chain)
{
	return chain ? u->more[chain - 1] : u->root;
}

static const struct ruling_rule *rules(const struct ruling *u, unsigned chain)
{
	return chain ? u->more[chain - 1] : u->root;
}

static uint32_t most(const struct ruling *u, unsigned chain)
{
	return chain ? RULING_MORE : u->w->most;
}

static unsigned weighted(struct rng *r, const uint8_t *weights, unsigned n)
{
	uint32_t sum = 0, at;
	unsigned i = 0;

	for (unsigned k = 0; k < n; k++)
		sum += weights[k];
	for (at = rng_below(r, sum); at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

/* One of the chains behind `after` that are there, or not; 0: none. */
static unsigned some_chain(const struct ruling *u, struct rng *r, unsigned after, bool there)
{
	unsigned found[RULING_CHAINS], n = 0;

	for (unsigned c = after + 1; c < RULING_CHAINS; c++)
		if (u->there[c] == there)
			found[n++] = c;
	return n ? found[rng_below(r, n)] : 0;
}

static uint32_t mask(uint8_t len)
{
	return (uint32_t)(~0ull << (32 - len));
}

/* Of the prefix that all its hosts have: 16 of them share 28 bits. */
static uint8_t all_len(const struct ruling *u)
{
	return u->hosts == FLOOD_HOSTS ? 20 : 21;
}

/* Prefixes of few bits take many hosts. */
static struct ruling_rule some_rule(struct ruling *u, struct rng *r, unsigned chain)
{
	struct ruling_rule x = { .shape = (uint8_t)weighted(r, u->w->shape, RULING_SHAPES),
							 .target = (uint8_t)weighted(r, u->w->target, RULING_TARGETS),
							 .to = (uint8_t)rng_below(r, 2),
							 .set = (uint8_t)rng_below(r, RULING_SETS) };
	bool away = x.target == RULING_JUMP || x.target == RULING_GOTO;

	if (away) {
		x.to = (uint8_t)some_chain(u, r, chain, true);
		x.target = x.to ? x.target : RULING_DROP;
	}
	x.len = rng_percent(r, away ? 20 : 70) ? 32 : all_len(u) + (uint8_t)rng_below(r, 32u - all_len(u));
	if (x.shape == RULING_SET && !u->native)
		x.shape = RULING_UDP;
	if (x.shape == RULING_LIMIT) /* its packets are few: it always holds */
		x.len = 32;
	x.addr = rng_percent(r, u->w->elsewhere) ? 0x0a000000 | rng_below(r, 1 << 24)
											 : flood_host(u->first + rng_below(r, u->hosts));
	x.addr &= mask(x.len);
	return x;
}

/* Most packets end at one of the first rules: half of the changes are there. */
static uint32_t some_place(struct rng *r, uint32_t n)
{
	return rng_below(r, rng_percent(r, 50) ? BF_MIN(n, 40u) : n);
}

static void insert(struct ruling *u, unsigned chain, uint32_t at, struct ruling_rule x)
{
	struct ruling_rule *list = rules_of(u, chain);

	memmove(&list[at + 1], &list[at], (u->n[chain]++ - at) * sizeof(x));
	list[at] = x;
}

static struct ruling_step delete (struct ruling *u, unsigned chain, uint32_t at)
{
	struct ruling_rule *list = rules_of(u, chain), was = list[at];

	memmove(&list[at], &list[at + 1], (--u->n[chain] - at) * sizeof(was));
	return (struct ruling_step){ RULING_DELETE, (uint8_t)chain, .at = at, .was = was };
}

static struct ruling_step change_rule(struct ruling *u, struct rng *r, enum ruling_op op, unsigned chain)
{
	uint32_t least = chain ? 1 : u->w->rules * 5 / 6, at;
	struct ruling_step s;

	op = u->n[chain] < least ? RULING_INSERT : u->n[chain] == most(u, chain) ? RULING_DELETE : op;
	at = some_place(r, u->n[chain] + (op == RULING_INSERT));
	if (op == RULING_DELETE)
		return delete (u, chain, at);
	s = (struct ruling_step){ op, (uint8_t)chain, at == u->n[chain], at, .rule = some_rule(u, r, chain) };
	s.rule.handle = ++u->last;
	if (op == RULING_INSERT) {
		insert(u, chain, at, s.rule);
	} else {
		s.was = rules(u, chain)[at];
		rules_of(u, chain)[at] = s.rule;
	}
	return s;
}

static bool leads_to(const struct ruling_rule *x, unsigned chain)
{
	return (x->target == RULING_JUMP || x->target == RULING_GOTO) && x->to == chain;
}

/* -D of each jump to it, -F, -X. */
static unsigned remove_chain(struct ruling *u, unsigned chain, struct ruling_step *steps)
{
	unsigned n = 0;

	for (unsigned c = 0; c < chain; c++)
		for (uint32_t i = u->n[c]; i-- > 0 && n < RULING_STEPS - 2;)
			if (leads_to(&rules(u, c)[i], chain))
				steps[n++] = delete (u, c, i);
	if (n == RULING_STEPS - 2)
		return n; /* there may be more */
	steps[n++] = (struct ruling_step){ RULING_FLUSH, (uint8_t)chain };
	steps[n++] = (struct ruling_step){ RULING_REMOVE, (uint8_t)chain };
	u->n[chain] = 0;
	u->there[chain] = false;
	return n;
}

static unsigned change_chain(struct ruling *u, struct rng *r, enum ruling_op op, struct ruling_step *steps)
{
	unsigned chain = some_chain(u, r, 0, op != RULING_NEW);

	if (!chain)
		return 0;
	if (op == RULING_REMOVE)
		return remove_chain(u, chain, steps);
	if (op == RULING_NEW) {
		u->there[chain] = true;
		u->handle[chain] = ++u->last;
	}
	u->n[chain] = 0;
	steps[0] = (struct ruling_step){ op, (uint8_t)chain };
	return 1;
}

static unsigned change_one(struct ruling *u, struct rng *r, struct ruling_step *steps)
{
	enum ruling_op op = weighted(r, u->w->op, RULING_OPS);

	if (op > RULING_REPLACE)
		return change_chain(u, r, op, steps);
	*steps = change_rule(u, r, op, rng_percent(r, 50) ? 0 : some_chain(u, r, 0, true));
	return 1;
}

unsigned ruling_change(struct ruling *u, struct rng *r, struct ruling_step *steps)
{
	unsigned n = 0, times = 1 + rng_below(r, 3);

	for (unsigned i = 0; !n || (i < times && n < 3); i++)
		n += change_one(u, r, steps + n);
	return n;
}

void ruling_begin(struct ruling *u, const struct ruling_weights *w, struct rng *r, bool native, char id)
{
	*u = (struct ruling){
		.w = w, .native = native, .id = id, .hosts = id ? FLOOD_HOSTS / 2 : FLOOD_HOSTS, .there[0] = true
	};
	u->first = id == 'b' ? u->hosts : 0;
	for (unsigned c = 1; c <= w->chains; c++)
		u->there[c] = true;
	for (unsigned c = 0; c <= w->chains; c++)
		while (u->n[c] < (c ? 6 : w->rules))
			insert(u, c, some_place(r, u->n[c] + 1), some_rule(u, r, c));
}

/* ---------------------------------------------------------------- meaning */

static bool matches(const struct ruling_rule *x, uint32_t host)
{
	if (x->shape == RULING_SET)
		return host % RULING_SETS == x->set;
	return !((flood_host(host) ^ x->addr) & mask(x->len)) && x->shape != RULING_OTHER_PORT && x->shape != RULING_ETH;
}

static int walk(const struct ruling *u, unsigned chain, uint32_t host)
{
	for (uint32_t i = 0; i < u->n[chain]; i++) {
		const struct ruling_rule *x = &rules(u, chain)[i];
		int verdict;

		if (!matches(x, host) || x->target == RULING_NONE || x->target == RULING_LOG)
			continue;
		if (x->target == RULING_RETURN)
			return RETURNED;
		if (x->target < RULING_RETURN)
			return x->target == RULING_ACCEPT;
		verdict = walk(u, x->to, host);
		if (verdict != RETURNED || x->target == RULING_GOTO)
			return verdict;
	}
	return RETURNED;
}

bool ruling_passes(const struct ruling *u, uint32_t host)
{
	return walk(u, 0, host) != false;
}

/* --------------------------------------------------------------- iptables */

static const char *chain_name(const struct ruling *u, unsigned chain, char *name)
{
	if (!chain && !u->id)
		return "INPUT";
	sprintf(name, "%c%u", u->id ? u->id : 'c', chain);
	return name;
}

static void put_match(struct bb *b, enum ruling_shape shape)
{
	const struct xt_udp port = { .spts = { 0, 65535 }, .dpts = { 22, 22 } };
	const struct xt_length_info length = { 29, 29 };
	const struct xt_mark_mtinfo1 mark = { 0, 0xffffffff };
	const struct xt_rateinfo limit = { XT_LIMIT_SCALE / 10000, 10000 };

	switch (shape) {
	case RULING_OTHER_PORT:
		bb_match(b, "udp", 0, &port, sizeof(port));
		break;
	case RULING_LENGTH:
		bb_match(b, "length", 0, &length, sizeof(length));
		break;
	case RULING_MARK:
		bb_match(b, "mark", 1, &mark, sizeof(mark));
		break;
	case RULING_LIMIT:
		bb_match(b, "limit", 0, &limit, sizeof(limit));
		break;
	default:
		break;
	}
}

static void put_ip(struct ipt_ip *ip, const struct ruling_rule *x)
{
	*ip = (struct ipt_ip){ .src.s_addr = htobe32(x->addr),
						   .smsk.s_addr = htobe32(mask(x->len)),
						   .proto = IPPROTO_UDP,
						   .flags = x->target == RULING_GOTO ? IPT_F_GOTO : 0 };
	if (x->shape == RULING_LO || x->shape == RULING_ETH) {
		strcpy(ip->iniface, x->shape == RULING_LO ? "lo" : "eth");
		memset(ip->iniface_mask, 0xff, 3);
	}
}

/* jump: what a jump's target says; by: the name that an edit has there. */
static void put_rule(struct bb *b, const struct ruling_rule *x, int32_t jump, const char *by)
{
	static const int32_t verdicts[] = {
		[RULING_ACCEPT] = -NF_ACCEPT - 1, [RULING_DROP] = -NF_DROP - 1, [RULING_RETURN] = XT_RETURN
	};
	const struct ipt_reject_info reject = { IPT_ICMP_PORT_UNREACHABLE };
	struct ipt_log_info log = { .level = 4 };
	struct ipt_ip ip;

	put_ip(&ip, x);
	memcpy(bb_entry(b), &ip, sizeof(ip));
	put_match(b, x->shape);
	snprintf(log.prefix, sizeof(log.prefix), "p%u", x->to);
	switch ((enum ruling_target)x->target) {
	case RULING_LOG:
		bb_target(b, "LOG", 0, &log, sizeof(log));
		break;
	case RULING_REJECT:
		bb_target(b, "REJECT", 0, &reject, sizeof(reject));
		break;
	case RULING_NONE:
		bb_verdict(b, (int32_t)bb_offset(b) + (int32_t)sizeof(struct xt_standard_target));
		break;
	case RULING_JUMP:
	case RULING_GOTO:
		bb_target(b, by, 0, &jump, sizeof(jump));
		break;
	default:
		bb_verdict(b, verdicts[x->target]);
	}
}

static void put_chain(struct bb *b, const struct ruling *u, unsigned number, unsigned chain)
{
	for (uint32_t i = 0; i < u->n[chain]; i++) {
		const struct ruling_rule *x = &rules(u, chain)[i];

		put_rule(b, x, JUMPS + (int32_t)(number * RULING_CHAINS + x->to), "");
	}
}

/* Rulesets beside each other: each begins with a chain of its own. */
static void put_ways(struct bb *b, const struct ruling *const *u, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		const struct ruling_rule all = { flood_host(u[k]->first) & mask(all_len(u[k])), all_len(u[k]), RULING_UDP,
										 RULING_GOTO };

		put_rule(b, &all, JUMPS + (int32_t)(k * RULING_CHAINS), "");
	}
}

static void resolve_jumps(struct bb *b, const uint32_t *heads)
{
	for (uint32_t off = 0; off < bb_offset(b); off += bf_xt_next_offset(b->l, bb_at(b, off))) {
		uint8_t *t = bb_at(b, off + bf_xt_target_offset(b->l, bb_at(b, off)));
		int32_t verdict;

		memcpy(&verdict, t + BF_XT_HEAD, sizeof(verdict));
		if (!t[2] && verdict >= JUMPS)
			memcpy(t + BF_XT_HEAD, &heads[verdict - JUMPS], sizeof(verdict));
	}
}

void ruling_blob(struct bb *b, const struct ruling *const *u, unsigned n)
{
	uint32_t heads[2 * RULING_CHAINS];

	bb_begin(b, NFPROTO_IPV4);
	for (unsigned h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		bb_hook(b, h);
		if (h == NF_INET_LOCAL_IN && !u[0]->id)
			put_chain(b, u[0], 0, 0);
		else if (h == NF_INET_LOCAL_IN)
			put_ways(b, u, n);
		bb_policy(b, h, -NF_ACCEPT - 1);
	}
	for (unsigned k = 0; k < n; k++)
		for (unsigned c = u[k]->id ? 0 : 1; c < RULING_CHAINS; c++) {
			char name[16];

			if (!u[k]->there[c])
				continue;
			bb_head(b, chain_name(u[k], c, name));
			heads[k * RULING_CHAINS + c] = bb_offset(b);
			put_chain(b, u[k], k, c);
			bb_entry(b);
			bb_verdict(b, XT_RETURN);
		}
	bb_end(b);
	resolve_jumps(b, heads);
}

bool ruling_is_edits(const struct ruling_step *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (s[i].op > RULING_REPLACE || (s[i].op != RULING_DELETE && s[i].rule.target == RULING_NONE))
			return false;
	return true;
}

void ruling_edits(struct ruling_room *room, const struct ruling *u, const struct ruling_step *s, unsigned n)
{
	static const enum bf_xt_edit_op ops[] = { BF_XT_INSERT, BF_XT_DELETE, BF_XT_REPLACE };
	size_t at[RULING_STEPS];

	bb_begin(&room->b, NFPROTO_IPV4);
	for (unsigned i = 0; i < n; i++) {
		struct bf_xt_rule_edit *e = &room->edit[i];
		char to[16];

		*e = (struct bf_xt_rule_edit){ ops[s[i].op], chain_name(u, s[i].chain, room->name[i]), s[i].at + 1 };
		if (s[i].op != RULING_DELETE)
			put_rule(&room->b, &s[i].rule, 0, chain_name(u, s[i].rule.to, to));
		at[i] = room->b.entry;
		e->size = room->b.buf.len - at[i];
	}
	for (unsigned i = 0; i < n; i++)
		room->edit[i].entry = room->b.buf.data + at[i];
}

/* ----------------------------------------------------------------- native */

const char *ruling_table(const struct ruling *u)
{
	return !u->id ? "t" : u->id == 'a' ? "a" : "b";
}

static void print_address(struct bf_buf *out, uint32_t a)
{
	bf_buf_printf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

/* Half of the sets are of concatenations. */
static void print_source(struct bf_buf *out, const struct ruling_rule *x)
{
	if (x->shape == RULING_SET) {
		bf_buf_printf(out, x->set % 2 ? "ip saddr @s%u" : "ip saddr . ip protocol @s%u", x->set);
		return;
	}
	bf_buf_puts(out, "ip saddr ");
	print_address(out, x->addr);
	if (x->len < 32)
		bf_buf_printf(out, "/%u", x->len);
}

/* Of its own hosts: others' packets come by all tables. */
static void print_set(struct bf_buf *out, const struct ruling *u, unsigned set)
{
	bf_buf_printf(out, "set s%u { type ipv4_addr%s; elements = {", set, set % 2 ? "" : " . inet_proto");
	for (uint32_t i = set; i < u->hosts; i += RULING_SETS) {
		bf_buf_puts(out, i < RULING_SETS ? " " : ", ");
		print_address(out, flood_host(u->first + i));
		bf_buf_puts(out, set % 2 ? "" : " . udp");
	}
	bf_buf_puts(out, " }; }\n");
}

static void print_rule(struct bf_buf *out, const struct ruling_rule *x)
{
	static const char *const shapes[] = {
		[RULING_OTHER_PORT] = "udp dport 22",   [RULING_LO] = "iifname \"lo\"",
		[RULING_ETH] = "iifname \"eth*\"",      [RULING_LENGTH] = "meta length 29",
		[RULING_MARK] = "meta mark 0x00000000", [RULING_LIMIT] = "limit rate 10000/second burst 10000 packets"
	};
	static const char *const targets[] = {
		[RULING_ACCEPT] = " accept", [RULING_DROP] = " drop",  [RULING_REJECT] = " reject",
		[RULING_RETURN] = " return", [RULING_NONE] = "",       [RULING_LOG] = " log prefix \"p",
		[RULING_JUMP] = " jump c",   [RULING_GOTO] = " goto c"
	};

	print_source(out, x);
	if (x->shape == RULING_UDP || x->shape == RULING_SET)
		bf_buf_printf(out, " udp dport %u-%u", RULING_PORT, RULING_PORT + RULING_PORTS - 1);
	else
		bf_buf_printf(out, " %s", shapes[x->shape]);
	bf_buf_printf(out, " counter%s", targets[x->target]);
	if (x->target >= RULING_LOG)
		bf_buf_printf(out, x->target == RULING_LOG ? "%u\"" : "%u", x->to);
}

void ruling_text(struct bf_buf *out, struct ruling *u)
{
	const char *t = ruling_table(u);

	bf_buf_printf(out, "table inet %s {\n", t);
	for (unsigned i = 0; i < RULING_SETS; i++)
		print_set(out, u, i);
	u->handle[0] = 1; /* chains come first */
	u->last = 1 + RULING_SETS;
	bf_buf_puts(out, "chain c0 { type filter hook input priority 0; }; }\n");
	for (unsigned c = 1; c < RULING_CHAINS; c++) {
		if (!u->there[c])
			continue;
		u->handle[c] = ++u->last;
		bf_buf_printf(out, "add chain inet %s c%u\n", t, c);
	}
	for (unsigned c = 0; c < RULING_CHAINS; c++)
		for (uint32_t i = 0; i < u->n[c]; i++) {
			rules_of(u, c)[i].handle = ++u->last;
			bf_buf_printf(out, "add rule inet %s c%u ", t, c);
			print_rule(out, &rules(u, c)[i]);
			bf_buf_puts(out, "\n");
		}
}

void ruling_commands(struct bf_buf *out, const struct ruling *u, const struct ruling_step *s, unsigned n)
{
	static const char *const verbs[] = { "insert rule", "delete rule", "replace rule",
										 "add chain",   "flush chain", "delete chain" };

	for (unsigned i = 0; i < n; i++) {
		bool behind = s[i].op == RULING_INSERT && s[i].behind;

		bf_buf_printf(out, "%s inet %s c%u", behind ? "add rule" : verbs[s[i].op], ruling_table(u), s[i].chain);
		if (s[i].op == RULING_INSERT && !behind)
			bf_buf_printf(out, " index %u", s[i].at);
		if (s[i].op == RULING_DELETE || s[i].op == RULING_REPLACE)
			bf_buf_printf(out, " handle %llu", (unsigned long long)s[i].was.handle);
		if (s[i].op == RULING_INSERT || s[i].op == RULING_REPLACE) {
			bf_buf_puts(out, " ");
			print_rule(out, &s[i].rule);
		}
		bf_buf_puts(out, "\n");
	}
}

void ruling_listed(struct bf_buf *out, const struct ruling *u, unsigned chain)
{
	bf_buf_printf(out, "table inet %s { # handle %u\n\tchain c%u { # handle %llu\n", ruling_table(u),
				  u->id == 'b' ? 2 : 1, chain, (unsigned long long)u->handle[chain]);
	if (!chain)
		bf_buf_puts(out, "\t\ttype filter hook input priority filter; policy accept;\n");
	for (uint32_t i = 0; i < u->n[chain]; i++) {
		bf_buf_puts(out, "\t\t");
		print_rule(out, &rules(u, chain)[i]);
		bf_buf_printf(out, " # handle %llu\n", (unsigned long long)rules(u, chain)[i].handle);
	}
	bf_buf_puts(out, "\t}\n}\n");
}
