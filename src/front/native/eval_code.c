/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_code.c: classic BPF: written down, or compiled by libpcap from a filter
 * expression. It sees the packet from its network header on, which libpcap
 * calls DLT_RAW: the same at every hook.
 */
#include <linux/filter.h>
#include <pcap/pcap.h>

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

static bool expression(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout, two names");
	pcap_t *p = pcap_open_dead(DLT_RAW, SNAPLEN);
	struct bpf_program prog;
	bool ok;

	if (!p)
		return bf_ev_nomem(ev);
	if (pcap_compile(p, &prog, s->code.text.text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		bf_ev_error(ev, s->code.text.loc, "libpcap: %s", pcap_geterr(p));
		pcap_close(p);
		return false;
	}
	ok = add(ev, d, s, (const struct sock_filter *)(void *)prog.bf_insns, prog.bf_len);
	pcap_freecode(&prog);
	pcap_close(p);
	return ok;
}

bool bf_ev_code(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	if (!bf_ev_need(ev, s->loc, BF_CAN_IP, s->kind == BF_STMT_PCAP ? "pcap" : "bytecode"))
		return false;
	return s->kind == BF_STMT_PCAP ? expression(ev, d, s) : bytecode(ev, d, s);
}
