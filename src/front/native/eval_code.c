/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_code.c: classic BPF: written down, or compiled by libpcap from a filter
 * expression. It sees what a capture has: the Ethernet frame, where there are
 * frames (xdp and tc, in chains that are met only there), else the packet from
 * its network header on, which libpcap calls DLT_RAW.
 */
#include <linux/filter.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "base/lazy.h"
#include "front/native/evaluate.h"

#define PCAP(F) F(pcap_open_dead) F(pcap_compile) F(pcap_geterr) F(pcap_freecode) F(pcap_close)
BF_LAZY(pcap, PCAP, "libpcap.so.1", "libpcap.so.0.8" /* as Debian has it */)

enum { SNAPLEN = 65535 };

static bool is_of_frames(const struct bf_ev *ev)
{
	const uint32_t frames = 1u << BF_HOOK_XDP | 1u << BF_HOOK_TC_INGRESS | 1u << BF_HOOK_TC_EGRESS;

	return ev->chain->hooks && !(ev->chain->hooks & ~frames);
}

static bool add(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct sock_filter *insns,
                size_t n)
{
	struct bf_bytecode b = { .len = (uint16_t)n, .frame = is_of_frames(ev) };
	int err;

	if (!n || n > BPF_MAXINSNS)
		return bf_ev_error(ev, s->code.text.loc, "a program of %zu instructions; %d are the most", n, BPF_MAXINSNS);
	b.insns = bf_arena_memdup(ev->rs->arena, insns, n * sizeof(*insns));
	if (!b.insns)
		return bf_ev_nomem(ev);
	err = bf_bytecode_check(&b);
	if (err == -ENOMEM)
		return bf_ev_nomem(ev);
	if (err == -EOPNOTSUPP)
		return bf_ev_unserved(ev, s->code.text.loc, "the program loads what there is none of here");
	if (err && s->kind == BF_STMT_PCAP)
		return bf_ev_error(ev, s->code.text.loc, "this takes a loop, which classic BPF has not in the kernel");
	if (err)
		return bf_ev_error(ev, s->code.text.loc, "this is no valid program of classic BPF");
	return bf_ev_add_match(ev, d, &bf_match_bytecode, &b, s->code.neg);
}

/* "N,code jt jf k,...": the parser has seen that it is in order, but not that the numbers fit. */
static bool bytecode(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	static const unsigned long long most[] = { 0xffff, 0xff, 0xff, 0xffffffff };
	_cleanup_buf_ struct bf_buf insns = { 0 };
	char *at;
	unsigned long n = strtoul(s->code.text.text, &at, 10);

	for (unsigned long i = 0; i < n; i++) {
		unsigned long long v[4];
		struct sock_filter f;

		at += strspn(at, ", ");
		for (unsigned k = 0; k < 4; k++) {
			v[k] = strtoull(at, &at, 0);
			if (v[k] > most[k])
				return bf_ev_error(ev, s->code.text.loc, "instruction %lu: %llu is too large", i, v[k]);
		}
		f = (struct sock_filter){ (uint16_t)v[0], (uint8_t)v[1], (uint8_t)v[2], (uint32_t)v[3] };
		bf_buf_add(&insns, &f, sizeof(f));
	}
	if (insns.err)
		return bf_ev_nomem(ev);
	return add(ev, d, s, (const struct sock_filter *)(void *)insns.data, n);
}

/* An expression for one kind of packets. -EINVAL: libpcap cannot, or it never matches; `why` says it. */
static int compile(struct bf_ev *ev, const struct bf_ast_stmt *s, int link, struct bf_buf *out, char *why)
{
	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout, two names");
	pcap_t *p = pcap.pcap_open_dead(link, SNAPLEN);
	struct bpf_program prog;
	int err = 0;

	if (!p)
		return -ENOMEM;
	if (pcap.pcap_compile(p, &prog, s->code.text.text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", pcap.pcap_geterr(p));
		err = -EINVAL;
	} else {
		bf_buf_add(out, prog.bf_insns, prog.bf_len * sizeof(*prog.bf_insns));
		pcap.pcap_freecode(&prog);
	}
	pcap.pcap_close(p);
	return err ? err : out->err;
}

/* At tc there may be devices without Ethernet headers: the program for them stands behind the other. */
static int compile_frame(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_buf *out, char *why)
{
	static const struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	_cleanup_buf_ struct bf_buf ether = { 0 }, raw = { 0 };
	char ignored[PCAP_ERRBUF_SIZE];
	int err = compile(ev, s, DLT_EN10MB, &ether, why);
	struct sock_filter choice[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_ETHER, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(ether.len / sizeof(struct sock_filter))),
	};

	if (!err && ev->chain->hooks != 1u << BF_HOOK_XDP) {
		err = compile(ev, s, DLT_RAW, &raw, ignored);
		if (err == -EINVAL) {
			bf_buf_add(&raw, &nothing, sizeof(nothing));
			err = raw.err;
		}
		bf_buf_add(out, choice, sizeof(choice));
	}
	bf_buf_add(out, ether.data, ether.len);
	bf_buf_add(out, raw.data, raw.len);
	return err ? err : out->err;
}

static bool expression(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	_cleanup_buf_ struct bf_buf insns = { 0 };
	char why[PCAP_ERRBUF_SIZE];
	int err;

	if (pcap_load())
		return bf_ev_unserved(ev, s->code.text.loc, "libpcap, which compiles filter expressions, is not installed");
	err = is_of_frames(ev) ? compile_frame(ev, s, &insns, why) : compile(ev, s, DLT_RAW, &insns, why);
	if (err == -EINVAL)
		return bf_ev_error(ev, s->code.text.loc, "libpcap: %s", why);
	if (err)
		return bf_ev_nomem(ev);
	return add(ev, d, s, (const struct sock_filter *)(void *)insns.data, insns.len / sizeof(struct sock_filter));
}

bool bf_ev_code(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const char *word = s->kind == BF_STMT_PCAP ? "pcap" : s->kind == BF_STMT_BYTECODE ? "bytecode" : "program";

	if (!bf_ev_need(ev, s->loc, s->kind == BF_STMT_PROGRAM ? BF_CAN_TUPLE : BF_CAN_IP, word))
		return false;
	return s->kind == BF_STMT_PCAP ? expression(ev, d, s) : s->kind == BF_STMT_BYTECODE ? bytecode(ev, d, s) : bf_ev_program(ev, d, s);
}
