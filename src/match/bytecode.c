/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytecode.c: a classic BPF program as match (xt_bpf, pcap). It sees the packet
 * from its network header on, or the frame; a non-zero result is a match.
 *
 * The oracle's machine: A, X, 16 words of memory. A load beyond the packet and
 * a division by zero end the program with 0. Programs are checked when they
 * come in; what this machine does not know also gives 0.
 */
#include <linux/filter.h>
#include <net/if_arp.h>
#include <linux/if_ether.h>

#include "gen/lower.h"
#include "interp/interp.h"
#include "match/match.h"

static void print(struct bf_buf *out, const void *data, bool neg)
{
	const struct bf_bytecode *p = data;

	bf_buf_printf(out, "%s%sbytecode \"%u", neg ? "not " : "", p->frame ? "frame " : "", p->len);
	for (unsigned i = 0; i < p->len; i++)
		bf_buf_printf(out, ",%u %u %u %u", p->insns[i].code, p->insns[i].jt, p->insns[i].jf, p->insns[i].k);
	bf_buf_puts(out, "\"");
}

static int lower(struct bf_lower *l, const void *data, bf_label hit, bf_label miss)
{
	bf_lower_bytecode(l, data, hit, miss);
	return 0;
}

enum { VLAN_LEN = 4 };

struct machine {
	const struct bf_packet *p;
	bool frame;
	uint32_t a, x, mem[BPF_MEMWORDS];
	bool over; /* a load failed */
};

/* What the kernel knows about the packet beside its bytes. */
static bool ancillary(struct machine *m, uint32_t what, uint32_t *v)
{
	switch (what) {
	case SKF_AD_PROTOCOL:
		*v = m->p->family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6;
		return true;
	case SKF_AD_PKTTYPE:
		*v = m->p->pkttype;
		return true;
	case SKF_AD_MARK:
		*v = m->p->mark;
		return true;
	case SKF_AD_HATYPE:
		*v = ARPHRD_ETHER;
		return m->p->link_len;
	}
	return false;
}

/* From where a capture would begin, an IP header or an Ethernet one: a tag that was taken off is back. */
static uint32_t load_frame(struct machine *m, uint32_t off, unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++) {
		int byte = bf_packet_frame_byte(m->p, off + i);

		m->over |= byte < 0;
		v = v << 8 | (uint8_t)byte;
	}
	return v;
}

/* From the link-layer header on, which stands right before the packet. */
static uint32_t load_link(struct machine *m, uint32_t off, unsigned size)
{
	uint32_t v = 0;

	if (!m->p->link_len || off + size > m->p->link_len + m->p->len) {
		m->over = true;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | (off + i < m->p->link_len ? m->p->link[off + i] : m->p->data[off + i - m->p->link_len]);
	return v;
}

static uint32_t load(struct machine *m, uint32_t off, unsigned size, bool absolute)
{
	uint32_t v = 0;

	if (absolute && (int32_t)off >= SKF_AD_OFF && (int32_t)off < 0) {
		m->over |= !ancillary(m, off - (uint32_t)SKF_AD_OFF, &v);
		return v;
	}
	if (m->frame && (int32_t)off >= 0)
		return load_frame(m, off, size);
	if ((int32_t)off < SKF_NET_OFF && (int32_t)off >= SKF_LL_OFF)
		return load_link(m, off - (uint32_t)SKF_LL_OFF, size);
	if ((int32_t)off < 0 && (int32_t)off >= SKF_NET_OFF)
		off -= (uint32_t)SKF_NET_OFF;
	if (off > INT32_MAX || off + size > m->p->len) {
		m->over = true;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | m->p->data[off + i];
	return v;
}

static uint32_t length(const struct machine *m)
{
	if (!m->frame)
		return m->p->len;
	return m->p->link_len + m->p->len + (m->p->tagged ? VLAN_LEN : 0u);
}

/* What either register is loaded with. */
static uint32_t load_plain(struct machine *m, const struct sock_filter *f)
{
	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		return f->k;
	case BPF_LEN:
		return length(m);
	case BPF_MEM:
		return m->mem[f->k % BPF_MEMWORDS];
	}
	m->over = true;
	return 0;
}

static uint32_t load_a(struct machine *m, const struct sock_filter *f)
{
	unsigned size = BPF_SIZE(f->code) == BPF_W ? 4 : BPF_SIZE(f->code) == BPF_H ? 2 : 1;

	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return load(m, f->k, size, true);
	case BPF_IND:
		return load(m, m->x + f->k, size, false);
	}
	return load_plain(m, f);
}

static uint32_t load_x(struct machine *m, const struct sock_filter *f)
{
	if (BPF_MODE(f->code) == BPF_MSH) /* the length of an IPv4 header; no ancillary data here */
		return (load(m, f->k, 1, false) & 0xf) * 4;
	return load_plain(m, f);
}

static uint32_t alu(struct machine *m, const struct sock_filter *f)
{
	uint32_t v = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		return m->a + v;
	case BPF_SUB:
		return m->a - v;
	case BPF_MUL:
		return m->a * v;
	case BPF_DIV:
		m->over |= v == 0;
		return v ? m->a / v : 0;
	case BPF_MOD:
		m->over |= v == 0;
		return v ? m->a % v : 0;
	case BPF_AND:
		return m->a & v;
	case BPF_OR:
		return m->a | v;
	case BPF_XOR:
		return m->a ^ v;
	case BPF_LSH: /* the kernel's machine masks the shift */
		return m->a << (v & 31);
	case BPF_RSH:
		return m->a >> (v & 31);
	case BPF_NEG:
		return -m->a;
	}
	m->over = true;
	return 0;
}

static uint32_t jump(const struct machine *m, const struct sock_filter *f)
{
	uint32_t v = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool taken = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		taken = m->a == v;
		break;
	case BPF_JGT:
		taken = m->a > v;
		break;
	case BPF_JGE:
		taken = m->a >= v;
		break;
	case BPF_JSET:
		taken = m->a & v;
		break;
	}
	return taken ? f->jt : f->jf;
}

static bool run(struct machine *m, const struct bf_bytecode *b)
{
	for (uint32_t pc = 0; pc < b->len && !m->over; pc++) {
		const struct sock_filter *f = &b->insns[pc];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			m->a = load_a(m, f);
			break;
		case BPF_LDX:
			m->x = load_x(m, f);
			break;
		case BPF_ST:
			m->mem[f->k % BPF_MEMWORDS] = m->a;
			break;
		case BPF_STX:
			m->mem[f->k % BPF_MEMWORDS] = m->x;
			break;
		case BPF_ALU:
			m->a = alu(m, f);
			break;
		case BPF_JMP:
			pc += jump(m, f);
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m->a : f->k;
		case BPF_MISC:
			*(BPF_MISCOP(f->code) == BPF_TAX ? &m->x : &m->a) = BPF_MISCOP(f->code) == BPF_TAX ? m->a : m->x;
			break;
		}
	}
	return false;
}

static bool eval(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop)
{
	const struct bf_bytecode *b = data;
	struct machine m = { .p = p, .frame = b->frame };

	return run(&m, b);
}

const struct bf_match_ops bf_match_bytecode = {
	.name = "bytecode",
	.data_size = sizeof(struct bf_bytecode),
	.print = print,
	.lower = lower,
	.eval = eval,
};
