/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ebpf.c: see ebpf.h. Registers hold tagged addresses; a tag and an offset
 * lead to the frame, the function's own stack, the packet or what it has in
 * front of it; nothing else is memory.
 */
#include "lib/ebpf.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdio.h>

#include "rt/code.h"

#define FRAME_TAG 0x1000000000000ull
#define STACK_TAG 0x2000000000000ull
#define COUNTERS_TAG 0x4000000000000ull
#define PACKET_TAG 0x8000000000000ull
#define CONTEXT 0x20000000000000ull
#define TAGS 0xffff000000000000ull
#define NH (PACKET_TAG + 256) /* of the network header */

enum { STACK = 64, MAX_STEPS = 1 << 20 };

struct cpu {
	struct cells_walk *w;
	const struct bf_rt_func *funcs;
	uint32_t n_funcs;
	const struct bf_rt_config *config;
	struct bf_frame frame;
	uint32_t steps, nowhere;
	uint8_t bytes[256]; /* the packet as the device has it */
	const char *broken;
};

static int64_t run(struct cpu *cpu, const char *name, uint64_t r1, uint64_t r2, uint64_t r3);

static int64_t packet_load(const struct bf_packet *p, int32_t offset, uint32_t size)
{
	int64_t at = offset, before = 0; /* bytes before the network header */
	uint32_t v = 0;

	if (offset < 0 && offset >= SKF_NET_OFF) {
		at -= SKF_NET_OFF;
	} else if (offset < 0 && offset >= SKF_LL_OFF) {
		before = p->link_len;
		at -= SKF_LL_OFF + before;
	}
	if (at < -before || at + size > p->len)
		return -1;
	for (int64_t i = at; i < at + size; i++)
		v = v << 8 | (i < 0 ? p->link[before + i] : p->data[i]);
	return v;
}

uint32_t ebpf_frame(const struct bf_packet *p, uint8_t *out)
{
	uint32_t n = 0, tag = (uint32_t)p->tag_proto << 16 | p->tag;

	for (uint32_t i = 0; i < p->link_len + p->len; i++) {
		for (uint32_t k = 0; i == 12 && p->tagged && k < 4; k++)
			out[n++] = (uint8_t)(tag >> (24 - 8 * k));
		out[n++] = i < p->link_len ? p->link[i] : p->data[i - p->link_len];
	}
	return n;
}

static int64_t frame_load(const struct bf_packet *p, int32_t offset, uint32_t size)
{
	uint8_t frame[256];
	const struct bf_packet all = { .data = frame, .len = ebpf_frame(p, frame) };

	return packet_load(offset < 0 ? p : &all, offset, size);
}

static int64_t packet_ad(const struct bf_packet *p, uint32_t ad)
{
	switch (ad) {
	case SKF_AD_PROTOCOL:
		return p->family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6;
	case SKF_AD_PKTTYPE:
		return p->pkttype;
	case SKF_AD_MARK:
		return p->mark;
	}
	return -1;
}

static int64_t load(struct cpu *cpu, uint32_t loader, uint64_t arg)
{
	int answer = cells_load(cpu->w, loader, arg);

	memcpy(&cpu->frame.key[BF_KEY_SCRATCH], &cpu->w->key[BF_KEY_SCRATCH], 4 * sizeof(cpu->w->key[0]));
	return answer < 0 ? BF_HOTDROP : answer;
}

static int64_t special(struct cpu *cpu, uint32_t id, uint64_t params)
{
	int answer = cells_special(cpu->w, id, params);

	return answer < 0 ? BF_HOTDROP : answer;
}

static int64_t note(struct cpu *cpu, uint32_t code)
{
	struct cells_outcome *out = cpu->w->out;

	if (out->n_codes < BF_HANDOFF_MAX)
		out->codes[out->n_codes] = code;
	out->n_codes++;
	return 0;
}

/* Every CPU's copy is one here. */
static void count(struct cpu *cpu, uint64_t address, uint64_t value)
{
	uint32_t n = cpu->config->n_counters * 2;
	uint64_t i = (address - COUNTERS_TAG) / 8;

	if (address % 8 || !n || i >= (uint64_t)n * (cpu->config->stripe_mask + 1))
		cpu->broken = "counter out of range";
	else if (i % 2)
		cpu->w->c->counters[i % n / 2].bytes += value;
	else
		cpu->w->c->counters[i % n / 2].packets += value;
}

/* In a set or map, for the key as it is in the frame: a mark may have been put there. What is found is there, too. */
static int64_t look(struct cpu *cpu, const char *name, const uint64_t *r)
{
	struct cells_walk *w = cpu->w;
	int64_t answer;

	memcpy(w->key, cpu->frame.key, sizeof(w->key));
	memcpy(w->kept, cpu->frame.kept, sizeof(w->kept));
	if (!strcmp(name, "bf_set"))
		answer = cells_set(w, r[2], r[3]);
	else if (!strcmp(name, "bf_live") || !strcmp(name, "bf_exact"))
		answer = cells_live(w, r[2], r[3]);
	else
		answer = cells_find(w, name[7] == '6', r[2], r[3], r[4]);
	memcpy(cpu->frame.key, w->key, sizeof(w->key));
	return answer;
}

static int64_t call(struct cpu *cpu, const char *name, uint64_t *r)
{
	if (!strcmp(name, "bpf_rdonly_cast"))
		return (int64_t)r[1];
	if (r[1] != FRAME_TAG)
		cpu->broken = "the first argument is not the frame";
	if ((!strcmp(name, "bf_far_load") || !strcmp(name, "bf_frame_load")) && r[2] != CONTEXT)
		cpu->broken = "the second argument is not the context";
	if (!strcmp(name, "bf_far_load"))
		return packet_load(cpu->w->p, r[3], r[4]);
	if (!strcmp(name, "bf_frame_load"))
		return frame_load(cpu->w->p, r[3], r[4]);
	if (!strcmp(name, "bf_frame_len"))
		return cpu->w->p->link_len + cpu->w->p->len + (cpu->w->p->tagged ? 4 : 0);
	if (!strcmp(name, "bf_pkt_ad"))
		return packet_ad(cpu->w->p, r[2]);
	if (!strcmp(name, "bf_load") || !strcmp(name, "bf_load_apart"))
		return load(cpu, r[2], r[3]);
	if (!strcmp(name, "bf_special") || !strcmp(name, "bf_special_apart"))
		return special(cpu, r[2], r[3]);
	if (!strcmp(name, "bf_set") || !strcmp(name, "bf_find4") || !strcmp(name, "bf_find6") || !strcmp(name, "bf_live") ||
	    !strcmp(name, "bf_exact"))
		return look(cpu, name, r);
	if (!strcmp(name, "bf_note"))
		return note(cpu, r[2]);
	return run(cpu, name, r[1], r[2], r[3]);
}

static uint32_t *memory(struct cpu *cpu, uint8_t *stack, uint64_t address)
{
	int64_t off = (int64_t)(address << 16) >> 16;

	if ((address & TAGS) == FRAME_TAG && off >= 0 && off + 4 <= (int64_t)sizeof(cpu->frame) && off % 4 == 0)
		return (uint32_t *)((char *)&cpu->frame + off);
	off = (int64_t)(address - STACK_TAG);
	if (off >= -STACK && off + 4 <= 0 && off % 4 == 0)
		return (uint32_t *)(stack + STACK + off);
	cpu->broken = "memory access out of bounds";
	return &cpu->nowhere;
}

/* A load of less than 4 bytes. */
static uint64_t load_part(struct cpu *cpu, uint8_t *stack, uint64_t address, uint8_t size)
{
	const uint8_t *p = (const uint8_t *)memory(cpu, stack, address & ~3ull) + (address & (size == BPF_B ? 3 : 2));
	uint16_t v;

	if (size == BPF_B)
		return *p;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* A load from the packet, of a size. */
static uint64_t load_packet(struct cpu *cpu, uint64_t address, uint8_t size)
{
	uint32_t n = size == BPF_W ? 4 : size == BPF_H ? 2 : 1, v = 0;
	int64_t off = (int64_t)(address - NH);

	if (off < -(int64_t)cpu->frame.link || off + n > cpu->frame.linear || size == BPF_DW) {
		cpu->broken = "a load that is not in place";
		return 0;
	}
	memcpy(&v, cpu->frame.near ? cpu->bytes + cpu->frame.link + off : cpu->w->p->data + off, n);
	return v;
}

static uint64_t swap(uint64_t v, int32_t bits)
{
	return bits == 16 ? be16toh((uint16_t)v) : be32toh((uint32_t)v);
}

static uint64_t alu(struct cpu *cpu, uint8_t op, uint64_t a, uint64_t b, bool wide)
{
	uint32_t x = a, y = b;

	if (wide && op == BPF_MOV)
		return b;
	if (wide && op == BPF_ADD)
		return a + b;
	if (wide && op == BPF_SUB)
		return a - b;
	if (wide && op == BPF_RSH)
		return a >> b;
	if (wide && op == BPF_LSH)
		return a << b;
	if (wide)
		cpu->broken = "64-bit arithmetic";
	if ((op == BPF_DIV || op == BPF_MOD) && !y) {
		cpu->broken = "division by zero";
		return 0;
	}
	switch (op) {
	case BPF_ADD: return (uint32_t)(x + y);
	case BPF_SUB: return (uint32_t)(x - y);
	case BPF_MUL: return (uint32_t)(x * y);
	case BPF_DIV: return x / y;
	case BPF_MOD: return x % y;
	case BPF_AND: return x & y;
	case BPF_OR: return x | y;
	case BPF_XOR: return x ^ y;
	case BPF_LSH: return (uint32_t)(x << (y & 31));
	case BPF_RSH: return x >> (y & 31);
	case BPF_NEG: return (uint32_t)-x;
	case BPF_MOV: return y;
	}
	cpu->broken = "unknown arithmetic";
	return 0;
}

static bool taken(struct cpu *cpu, uint8_t op, uint64_t a, uint64_t b, bool wide)
{
	bool is_signed = op == BPF_JSLT || op == BPF_JSGE || op == BPF_JSGT || op == BPF_JSLE;

	if (!wide) {
		a = is_signed ? (uint64_t)(int32_t)a : (uint32_t)a;
		b = is_signed ? (uint64_t)(int32_t)b : (uint32_t)b;
	}
	switch (op) {
	case BPF_JA: return true;
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSLT: return (int64_t)a < (int64_t)b;
	case BPF_JSGE: return (int64_t)a >= (int64_t)b;
	case BPF_JSGT: return (int64_t)a > (int64_t)b;
	case BPF_JSLE: return (int64_t)a <= (int64_t)b;
	case BPF_JLT: return a < b;
	}
	cpu->broken = "unknown jump";
	return false;
}

static const char *callee(const struct bf_rt_func *f, uint32_t insn)
{
	for (uint32_t i = 0; i < f->n_relocs; i++)
		if (f->relocs[i].insn == insn)
			return f->relocs[i].symbol;
	return "?";
}

/* Runs an instruction that is not an exit; returns how many to skip behind it. */
static int32_t insn(struct cpu *cpu, const struct bf_rt_func *f, uint32_t pc, uint64_t *r, uint8_t *stack)
{
	const struct bpf_insn *i = &f->insns[pc];
	uint64_t src = i->code & BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_OP(i->code) == BPF_END) {
			r[i->dst_reg] = swap(r[i->dst_reg], i->imm);
			return 0;
		}
		r[i->dst_reg] = alu(cpu, BPF_OP(i->code), r[i->dst_reg], src, BPF_CLASS(i->code) == BPF_ALU64);
		return 0;
	case BPF_LD: /* the address of the map "counters" */
		r[i->dst_reg] = COUNTERS_TAG;
		return 1;
	case BPF_LDX:
		if ((r[i->src_reg] & TAGS) == PACKET_TAG) {
			r[i->dst_reg] = load_packet(cpu, r[i->src_reg] + i->off, BPF_SIZE(i->code));
			return 0;
		}
		if (BPF_SIZE(i->code) == BPF_H || BPF_SIZE(i->code) == BPF_B) {
			r[i->dst_reg] = load_part(cpu, stack, r[i->src_reg] + i->off, BPF_SIZE(i->code));
			return 0;
		}
		r[i->dst_reg] = *memory(cpu, stack, r[i->src_reg] + i->off);
		if (BPF_SIZE(i->code) == BPF_DW)
			r[i->dst_reg] |= (uint64_t)*memory(cpu, stack, r[i->src_reg] + i->off + 4) << 32;
		return 0;
	case BPF_STX:
		if (BPF_MODE(i->code) == BPF_ATOMIC) {
			count(cpu, r[i->dst_reg] + i->off, r[i->src_reg]);
			return 0;
		}
		*memory(cpu, stack, r[i->dst_reg] + i->off) = r[i->src_reg];
		return 0;
	case BPF_JMP:
	case BPF_JMP32:
		if (i->code == (BPF_JMP | BPF_CALL)) {
			if (i->src_reg == 0 && i->imm == BPF_FUNC_get_smp_processor_id)
				r[0] = cpu->steps;
			else
				r[0] = call(cpu, callee(f, pc), r);
			for (int k = 1; k <= 5; k++)
				r[k] = 0xdeadbeefdeadbeef;
			return 0;
		}
		return taken(cpu, BPF_OP(i->code), r[i->dst_reg], src, BPF_CLASS(i->code) == BPF_JMP) ? i->off : 0;
	}
	cpu->broken = "unknown instruction";
	return 0;
}

static const struct bf_rt_func *find(struct cpu *cpu, const char *name)
{
	for (uint32_t i = 0; i < cpu->n_funcs; i++)
		if (!strcmp(cpu->funcs[i].name, name))
			return &cpu->funcs[i];
	cpu->broken = "call of an unknown function";
	return NULL;
}

static int64_t run(struct cpu *cpu, const char *name, uint64_t r1, uint64_t r2, uint64_t r3)
{
	const struct bf_rt_func *f = find(cpu, name);
	uint64_t r[11] = { [1] = r1, [2] = r2, [3] = r3, [10] = STACK_TAG };
	uint8_t stack[STACK];
	uint32_t pc = 0;

	memset(stack, 0xcd, sizeof(stack));
	while (f && !cpu->broken) {
		if (pc >= f->n_insns || cpu->steps++ > MAX_STEPS) {
			cpu->broken = "ran away";
			break;
		}
		if (f->insns[pc].code == (BPF_JMP | BPF_EXIT))
			return (int64_t)r[0];
		pc += insn(cpu, f, pc, r, stack) + 1;
	}
	return 0;
}

static int64_t start(struct cells_walk *w, const struct bf_rt_func *funcs, uint32_t n,
                     const struct bf_rt_config *config, const char *name, uint64_t arg, uint32_t linear)
{
	struct cpu cpu = { .w = w, .funcs = funcs, .n_funcs = n, .config = config };
	int64_t result;

	memcpy(cpu.frame.key, w->key, sizeof(w->key));
	cpu.frame.len = w->p->len;
	cpu.frame.linear = (uint16_t)BF_MIN(linear, w->p->len);
	cpu.frame.nh = NH;
	if (w->p->link_len && !w->p->tagged) {
		ebpf_frame(w->p, cpu.bytes);
		cpu.frame.link = (uint8_t)w->p->link_len;
		cpu.frame.near = (uint16_t)(w->p->link_len + cpu.frame.linear);
	}
	cpu.frame.ctx = (struct bf_ctx *)CONTEXT;
	result = run(&cpu, name, FRAME_TAG, arg, CONTEXT);
	if (w->out)
		memcpy(w->out->out, cpu.frame.out, sizeof(w->out->out));
	if (!cpu.broken)
		return result;
	fprintf(stderr, "%s: %s\n", name, cpu.broken);
	return -1;
}

static const char *function_of(const struct cells_walk *w)
{
	if (w->root->family != NFPROTO_NETDEV || w->p->family == NFPROTO_IPV4)
		return "bf_straight";
	return w->p->family == NFPROTO_IPV6 ? "bf_straight_ip6" : "bf_straight_other";
}

void ebpf_straight(struct cells *c, const struct bf_rt_func *funcs, uint32_t n, const struct bf_rt_config *config,
                   const struct bf_packet *p, struct cells_outcome *out)
{
	struct cells_walk w;
	int64_t verdict;

	cells_begin(&w, c, p, out);
	verdict = start(&w, funcs, n, config, function_of(&w), 0, p->len);
	out->lost = verdict != BF_DROP && verdict != BF_ACCEPT;
	out->verdict = verdict;
}

int ebpf_code(const struct bf_rt_func *funcs, uint32_t n, uint32_t step, const struct bf_packet *p, uint32_t linear)
{
	struct cells_walk w = { .p = p };

	return (int)start(&w, funcs, n, NULL, "bf_code", step, linear);
}

/* One step of the search: what follows instruction pc. */
static bool mark(const struct bf_rt_func *f, uint32_t pc, uint8_t *seen)
{
	const struct bpf_insn *i = &f->insns[pc];
	bool jump = BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32;
	uint8_t op = BPF_OP(i->code);
	int64_t to = (int64_t)pc + 1 + i->off;

	if (jump && op == BPF_EXIT)
		return true;
	if (jump && op != BPF_CALL) {
		if (to < 0 || to >= f->n_insns)
			return false;
		seen[to] = 1;
		if (op == BPF_JA)
			return true;
	}
	if (BPF_CLASS(i->code) == BPF_LD && pc + 2 < f->n_insns) /* two in one */
		seen[++pc] = 1;
	if (pc + 1 >= f->n_insns)
		return false;
	seen[pc + 1] = 1;
	return true;
}

bool ebpf_whole(const struct bf_rt_func *f)
{
	_cleanup_free_ uint8_t *seen = calloc(f->n_insns, 1);
	_cleanup_free_ uint8_t *done = calloc(f->n_insns, 1);
	bool more = true;

	if (!seen || !done)
		return false;
	seen[0] = 1;
	while (more) {
		more = false;
		for (uint32_t pc = 0; pc < f->n_insns; pc++) {
			if (!seen[pc] || done[pc])
				continue;
			if (f->insns[pc].code && !mark(f, pc, seen))
				return false;
			done[pc] = 1;
			more = true;
		}
	}
	return !memchr(seen, 0, f->n_insns);
}
