/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_code.c: classic BPF: written down, or compiled by libpcap from a filter
 * expression. It sees the packet from its network header on, which libpcap
 * calls DLT_RAW: the same at every hook. What speaks of the link layer, and
 * only that, is compiled for Ethernet, where there are frames: xdp and tc.
 */
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "front/native/evaluate.h"

enum { SNAPLEN = 65535 };

static bool add(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, const struct sock_filter *insns,
                uint32_t n)
{
	struct bf_bytecode b = { .len = (uint16_t)n };
	int err;

	if (!n || n > BPF_MAXINSNS)
		return bf_ev_error(ev, s->code.text.loc, "a program of %u instructions; %d are the most", n, BPF_MAXINSNS);
	b.insns = bf_arena_memdup(ev->rs->arena, insns, n * sizeof(*insns));
	if (!b.insns)
		return bf_ev_nomem(ev);
	err = bf_bytecode_check(&b);
	if (err == -ENOMEM)
		return bf_ev_nomem(ev);
	if (err == -EOPNOTSUPP)
		return bf_ev_unserved(ev, s->code.text.loc, "the program loads what there is none of here");
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
	return add(ev, d, s, (const struct sock_filter *)(void *)insns.data, (uint32_t)n);
}

/*
 * libpcap counts from the first byte of the Ethernet header; programs here from
 * the network header, or, below SKF_LL_OFF, from the link layer's.
 */
static bool from_link(struct sock_filter *insns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint16_t class = BPF_CLASS(insns[i].code), mode = BPF_MODE(insns[i].code);

		if (class != BPF_LD && class != BPF_LDX)
			continue;
		if (mode == BPF_LEN)
			return false; /* of what it is the length, nobody could say */
		if ((mode == BPF_ABS && insns[i].k < (uint32_t)SKF_LL_OFF) || mode == BPF_IND || mode == BPF_MSH)
			insns[i].k += (uint32_t)SKF_LL_OFF;
	}
	return true;
}

/* 1: libpcap cannot, and says why in `why` */
static int compile(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s, int link, char *why,
                   size_t size)
{
	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout, two names");
	pcap_t *p = pcap_open_dead(link, SNAPLEN);
	struct sock_filter *insns;
	struct bpf_program prog;
	bool ok;

	if (!p)
		return bf_ev_nomem(ev), -ENOMEM;
	if (pcap_compile(p, &prog, s->code.text.text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(why, size, "%s", pcap_geterr(p));
		pcap_close(p);
		return 1;
	}
	insns = (struct sock_filter *)(void *)prog.bf_insns;
	ok = link == DLT_RAW || from_link(insns, prog.bf_len) ||
	     bf_ev_unserved(ev, s->code.text.loc, "lengths together with the link layer");
	ok = ok && add(ev, d, s, insns, prog.bf_len);
	pcap_freecode(&prog);
	pcap_close(p);
	return ok ? 0 : -EINVAL;
}

static bool expression(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const uint32_t frames = 1u << BF_HOOK_XDP | 1u << BF_HOOK_TC_INGRESS | 1u << BF_HOOK_TC_EGRESS;
	char why[PCAP_ERRBUF_SIZE], other[PCAP_ERRBUF_SIZE];
	int err = compile(ev, d, s, DLT_RAW, why, sizeof(why));

	if (err == 1 && ev->chain->hooks && !(ev->chain->hooks & ~frames))
		err = compile(ev, d, s, DLT_EN10MB, other, sizeof(other));
	return !err || (err == 1 && bf_ev_error(ev, s->code.text.loc, "libpcap: %s", why));
}

bool bf_ev_code(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	if (!bf_ev_need(ev, s->loc, BF_CAN_IP, s->kind == BF_STMT_PCAP ? "pcap" : "bytecode"))
		return false;
	return s->kind == BF_STMT_PCAP ? expression(ev, d, s) : bytecode(ev, d, s);
}
