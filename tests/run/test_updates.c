/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_updates.c: rules come, go and are exchanged, up to three at once, one by
 * one through the library or with the whole table as iptables does it, while
 * two threads send packets from many addresses. Each packet must meet the
 * verdict of a ruleset that was in force between its sending and its arrival.
 * Most changes must have been made in place.
 *
 *   test_updates [UPDATES [SEED [whole|native]]]
 *
 * whole: never by the library's single changes; then each packet must have been
 * counted once. native: commands about rules of a native table.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <endian.h>
#include <stdio.h>
#include <sys/socket.h>

#include "bpfilter/bpfilter.h"
#include "kern/kern.h"
#include "lib/rng.h"
#include "run/flood.h"
#include "run/net.h"
#include "xt/build.h"

enum { RULES = 600, RULES_MAX = 900, HOSTS = FLOOD_HOSTS, PORT = 4000, SETS = 8 };

struct rule {
	uint32_t addr; /* source, host order */
	uint8_t len;
	uint8_t set;   /* native: one of so many of the table, + 1, which divide the hosts, and not an address */
	bool accept;
	uint64_t handle; /* native */
};

struct world {
	struct bf_ctx *ctx;
	struct rng r;
	struct rule rules[RULES_MAX];
	uint32_t n;
	struct flood flood;
	bool whole;      /* the table is always handed over as a whole: then nothing that was counted gets lost */
	uint64_t counted;
	bool native;
	uint64_t last;   /* handle given */
};

struct entry { /* -s ADDRESS -p udp -j ACCEPT or DROP */
	struct ipt_entry e;
	struct xt_standard_target t;
};

static struct rule random_rule(struct world *w)
{
	bool by_set = w->native && rng_percent(&w->r, 10);
	uint8_t len = rng_percent(&w->r, 70) ? 32 : 20 + (uint8_t)rng_below(&w->r, 12);

	/* Prefixes of few bits take many hosts. */
	return (struct rule){ flood_host(rng_below(&w->r, HOSTS)) & (uint32_t)(~0ull << (32 - len)), len,
		                  by_set ? 1 + (uint8_t)rng_below(&w->r, SETS) : 0, rng_percent(&w->r, 50) };
}

static bool takes(const struct rule *r, uint32_t host)
{
	return r->set ? host % SETS + 1u == r->set : !((flood_host(host) ^ r->addr) >> (32 - r->len));
}

static struct entry entry_of(const struct rule *r)
{
	struct entry e = { .e = { .ip = { .src.s_addr = htobe32(r->addr), .smsk.s_addr = htobe32((uint32_t)(~0ull << (32 - r->len))),
	                                  .proto = IPPROTO_UDP },
	                          .target_offset = sizeof(struct ipt_entry), .next_offset = sizeof(struct entry) },
		               .t = { .target.u.target_size = sizeof(struct xt_standard_target),
		                      .verdict = r->accept ? -NF_ACCEPT - 1 : -NF_DROP - 1 } };

	return e;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* What the rules say as they are now. */
static void note_verdicts(const struct world *w, uint8_t *passes)
{
	for (uint32_t i = 0; i < HOSTS; i++) {
		uint8_t accept = 1;

		for (uint32_t n = 0; n < w->n; n++)
			if (takes(&w->rules[n], i)) {
				accept = w->rules[n].accept;
				break;
			}
		passes[i] = accept;
	}
}

/* Most packets end at one of the first rules: half of the changes are there. */
static uint32_t random_place(struct world *w, uint32_t n)
{
	return rng_below(&w->r, rng_percent(&w->r, 50) ? BF_MIN(n, 40u) : n);
}

static void edit(struct world *w, struct bf_xt_rule_edit *e, struct entry *entry)
{
	enum bf_xt_edit_op op = w->n < RULES / 2 ? BF_XT_INSERT : w->n == RULES_MAX ? BF_XT_DELETE : (int)rng_below(&w->r, 3);
	uint32_t at = random_place(w, w->n + (op == BF_XT_INSERT));
	struct rule r = random_rule(w);

	*entry = entry_of(&r);
	*e = (struct bf_xt_rule_edit){ op, "INPUT", at + 1, entry, sizeof(*entry) };
	if (op == BF_XT_INSERT)
		memmove(&w->rules[at + 1], &w->rules[at], (w->n++ - at) * sizeof(r));
	if (op == BF_XT_DELETE)
		memmove(&w->rules[at], &w->rules[at + 1], (--w->n - at) * sizeof(r));
	else
		w->rules[at] = r;
}

static void print_address(struct bf_buf *out, uint32_t a)
{
	bf_buf_printf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

/* Half of the sets are of concatenations. */
static void print_match(struct bf_buf *out, const struct rule *r)
{
	if (r->set) {
		bf_buf_printf(out, r->set % 2 ? " ip saddr @s%u" : " ip saddr . ip protocol @s%u", r->set);
		return;
	}
	bf_buf_puts(out, " ip saddr ");
	print_address(out, r->addr);
	if (r->len < 32)
		bf_buf_printf(out, "/%u", r->len);
}

static void print_table(struct bf_buf *out)
{
	bf_buf_puts(out, "table inet t {\n");
	for (uint32_t s = 1; s <= SETS; s++) {
		bf_buf_printf(out, "set s%u { type ipv4_addr%s; elements = {", s, s % 2 ? "" : " . inet_proto");
		for (uint32_t i = s - 1; i < HOSTS; i += SETS) {
			bf_buf_puts(out, i < SETS ? " " : ", ");
			print_address(out, flood_host(i));
			bf_buf_puts(out, s % 2 ? "" : " . udp");
		}
		bf_buf_puts(out, " }; }\n");
	}
	bf_buf_puts(out, "chain i { type filter hook input priority 0; ct state invalid drop; }; }\n");
}

static void print_rule(struct bf_buf *out, const struct rule *r)
{
	print_match(out, r);
	bf_buf_printf(out, " udp dport %u-%u counter %s\n", PORT, PORT + FLOOD_SENDERS, r->accept ? "accept" : "drop");
}

/* A change of a native table, as a command. */
static void native_edit(struct world *w, struct bf_buf *text)
{
	bool grow = w->n < RULES / 2, full = w->n == RULES_MAX;
	uint32_t op = grow ? 0 : full ? 1 : rng_below(&w->r, 3), at = random_place(w, w->n + !op);
	struct rule r = random_rule(w);

	if (op == 1) {
		bf_buf_printf(text, "delete rule inet t i handle %llu\n", (unsigned long long)w->rules[at].handle);
		memmove(&w->rules[at], &w->rules[at + 1], (--w->n - at) * sizeof(r));
		return;
	}
	r.handle = ++w->last;
	if (op == 2)
		bf_buf_printf(text, "replace rule inet t i handle %llu", (unsigned long long)w->rules[at].handle);
	else if (at == w->n)
		bf_buf_puts(text, "add rule inet t i");
	else
		bf_buf_printf(text, "insert rule inet t i index %u", at + 1); /* behind the first, which is none of ours */
	print_rule(text, &r);
	if (!op)
		memmove(&w->rules[at + 1], &w->rules[at], (w->n++ - at) * sizeof(r));
	w->rules[at] = r;
}

static void native_run(struct world *w, const struct bf_buf *text)
{
	if (text->err || bf_native_run(w->ctx, "updates", text->data, text->len, 0, NULL))
		die("update", bf_ctx_message(w->ctx));
}

/* Is what is listed what should be there, in that order? */
static bool is_listed(struct world *w)
{
	static const char list[] = "list chain inet t i";
	_cleanup_buf_ struct bf_buf want = { 0 };
	const char *p;
	char *text;

	if (bf_native_run(w->ctx, "updates", list, strlen(list), 0, &text))
		die("list", bf_ctx_message(w->ctx));
	p = strstr(text, "invalid drop\n");
	p = p ? strchr(p, '\n') + 1 : text;
	for (uint32_t i = 0; i < w->n; i++) {
		want.len = 0;
		bf_buf_puts(&want, "\t\t");
		print_rule(&want, &w->rules[i]);
		if (strncmp(p, "\t\t", 2) || strncmp(p + 2, want.data + 3, want.len - 3))
			break;
		p += want.len - 1;
		if (i + 1 == w->n)
			return free(text), true;
	}
	fprintf(stderr, "the list differs at %.100s\n", p);
	free(text);
	return false;
}

static void put_chain(struct bb *b, unsigned hook, const struct rule *rules, uint32_t n)
{
	bb_hook(b, hook);
	for (uint32_t i = 0; i < n; i++) {
		struct entry e = entry_of(&rules[i]);

		memcpy(bb_entry(b), &e.e.ip, sizeof(e.e.ip));
		bb_verdict(b, e.t.verdict);
	}
	bb_policy(b, hook, -NF_ACCEPT - 1);
}

/* INPUT's rules and policy come first; behind them two policies and the end. */
static uint64_t input_packets(const struct xt_counters *c, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i + 3 < n; i++)
		sum += c[i].pcnt;
	return sum;
}

/* The whole table. The counters that come back are those since the last time, or since the rule came. */
static void hand_over(struct world *w)
{
	struct ipt_getinfo info;
	uint32_t n;
	void *old = NULL;
	struct bb b;

	if (bf_xt_info(w->ctx, AF_INET, "filter", &info))
		die("info", bf_ctx_message(w->ctx));
	n = info.num_entries;
	bb_begin(&b, NFPROTO_IPV4);
	put_chain(&b, NF_INET_LOCAL_IN, w->rules, w->n);
	put_chain(&b, NF_INET_FORWARD, NULL, 0);
	put_chain(&b, NF_INET_LOCAL_OUT, NULL, 0);
	bb_end(&b);
	memcpy(bb_num_counters(&b), &n, sizeof(n));
	if (bf_xt_set_entries(w->ctx, AF_INET, b.buf.data, b.buf.len, &old, &n))
		die("hand over", bf_ctx_message(w->ctx));
	w->counted += input_packets(old, n);
	free(old);
	bb_free(&b);
}

static void update(struct world *w, uint32_t n)
{
	static struct bf_xt_rule_edit e[RULES];
	static struct entry entry[RULES];
	_cleanup_buf_ struct bf_buf text = { 0 };
	uint64_t k = w->flood.done + 1;

	if (w->native && k == 1) {
		print_table(&text);
		w->last = SETS + 2;
	}
	for (uint32_t i = 0; i < n && !w->native; i++)
		edit(w, &e[i], &entry[i]);
	for (uint32_t i = 0; i < n && w->native; i++)
		native_edit(w, &text);
	note_verdicts(w, flood_next(&w->flood));
	flood_begin(&w->flood);
	if (w->native)
		native_run(w, &text);
	else if (k > 1 && (w->whole || rng_percent(&w->r, 30)))
		hand_over(w);
	else if (bf_xt_edit(w->ctx, AF_INET, "filter", e, n))
		die("update", bf_ctx_message(w->ctx));
	flood_done(&w->flood);
}

/* Changes in place since the table was compiled last. */
static uint64_t version(struct bf_ns *ns, const char *unit)
{
	struct bf_unit *u;
	uint64_t v = 0;
	size_t len;

	if (bf_unit_open(ns, unit, &u))
		return 0;
	bf_unit_journal(u, &len, &v);
	bf_unit_close(u);
	return v;
}

int main(int argc, char **argv)
{
	unsigned updates = argc > 1 ? (unsigned)atoi(argv[1]) : 400;
	static struct world w = { .flood.port = PORT };
	const struct flood *f = &w.flood;
	uint64_t in_place = 0, before, bad;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_ns *ns;

	w.r.state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	w.whole = argc > 3 && !strcmp(argv[3], "whole");
	w.native = argc > 3 && !strcmp(argv[3], "native");
	test_net_new();
	w.ctx = bf_ctx_new();
	note_verdicts(&w, w.flood.ring[0]);
	update(&w, RULES); /* the first table */
	if (bf_ns_open(&ns, -1, false, &d))
		die("state", d.text.data);
	flood_start(&w.flood);
	for (unsigned i = 0; i < updates; i++) {
		before = version(ns, w.native ? "n1" : "ip-filter");
		update(&w, 1 + rng_below(&w.r, 3));
		in_place += version(ns, w.native ? "n1" : "ip-filter") == before + 1;
	}
	flood_stop(&w.flood);
	bad = f->bad;
	bf_ns_close(ns);
	if (w.native)
		bad += !is_listed(&w);
	else
		hand_over(&w);
	if (w.whole && w.counted != f->sent) {
		printf("%llu packets were counted, %llu sent\n", (unsigned long long)w.counted, (unsigned long long)f->sent);
		bad++;
	}
	if (bf_flush(w.ctx))
		die("flush", bf_ctx_message(w.ctx));
	bf_ctx_free(w.ctx);
	printf("%u updates, %llu of them in place; %llu packets, %llu of them over too many updates to tell; %llu met a wrong ruleset\n",
	       updates, (unsigned long long)in_place, (unsigned long long)f->sent, (unsigned long long)f->skipped,
	       (unsigned long long)bad);
	return bad || in_place < updates / 2 || f->sent < updates || f->skipped > f->sent / 10;
}
