/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * noter.c: registers: r6 sk_buff, r7 the plan. fp-8 key, fp-80..-17 the first
 * 64 bytes of the packet, fp-88 number of a counter.
 */
#include "run/noter.h"

#include <linux/netfilter.h>
#include <stdio.h>

#include "kern/btf.h"
#include "kern/sys.h"
#include "run/image.h"

#define I_ALU(op, d, v) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_K | (op), .dst_reg = (d), .imm = (v) })
#define I_ALUR(op, d, s) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_X | (op), .dst_reg = (d), .src_reg = (s) })
#define I_MOV32R(d, s) ((struct bpf_insn){ .code = BPF_ALU | BPF_X | BPF_MOV, .dst_reg = (d), .src_reg = (s) })
#define I_STX(sz, d, o, s)                                                                                             \
	((struct bpf_insn){ .code = BPF_STX | BPF_MEM | (sz), .dst_reg = (d), .src_reg = (s), .off = (o) })
#define I_JMP(op, d, v, o) ((struct bpf_insn){ .code = BPF_JMP | BPF_K | (op), .dst_reg = (d), .imm = (v), .off = (o) })
#define I_JMPR(op, d, s) ((struct bpf_insn){ .code = BPF_JMP | BPF_X | (op), .dst_reg = (d), .src_reg = (s) })

enum map { HANDOFF, PENDING, ASSIST, PLAN_MAP, COUNTS, MAPS };

#define PLAN(m) ((int16_t)offsetof(struct noter_plan, m))

struct code {
	struct bpf_insn i[160];
	uint32_t n, out[16], n_out;
	struct {
		uint32_t insn;
		enum map map;
	} refs[16]; /* instructions that load a map */
	uint32_t n_refs;
};

#define ADD(c, ...)                                                                                                    \
	do {                                                                                                               \
		const struct bpf_insn more[] = { __VA_ARGS__ };                                                                \
		memcpy(&(c)->i[(c)->n], more, sizeof(more));                                                                   \
		(c)->n += (uint32_t)BF_ARRAY_SIZE(more);                                                                       \
	} while (0)

static void load_map(struct code *c, uint8_t reg, enum map map)
{
	c->refs[c->n_refs].insn = c->n;
	c->refs[c->n_refs++].map = map;
	ADD(c, I_LD64(reg), I_ZERO);
	c->i[c->n - 2].src_reg = map == PENDING || map == PLAN_MAP ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
}

static void out_if(struct code *c, struct bpf_insn jump) /* to the ACCEPT at the end */
{
	c->out[c->n_out++] = c->n;
	ADD(c, jump);
}

static void stripe(struct code *c) /* r3 */
{
	ADD(c, I_MOV32R(2, 6), I_ALU(BPF_RSH, 2, 8), I_ALU(BPF_AND, 2, BF_PENDING_STRIPES - 1), I_ALU(BPF_LSH, 2, 6));
	load_map(c, 3, PENDING);
	ADD(c, I_ALUR(BPF_ADD, 3, 2));
}

static void count(struct code *c, int by)
{
	stripe(c);
	ADD(c, I_MOV64(1, by), I_ADD_MEM(3, 1, 0));
}

static void key(struct code *c)
{
	ADD(c, I_MOV64R(2, 10), I_ALU(BPF_ADD, 2, -8));
}

static void forget_old(struct code *c)
{
	uint32_t none, gone;

	stripe(c);
	ADD(c, I_LDX(BPF_DW, 1, 3, 0));
	none = c->n;
	ADD(c, I_JMP(BPF_JEQ, 1, 0, 0));
	load_map(c, 1, HANDOFF);
	key(c);
	ADD(c, I_CALL(BPF_FUNC_map_delete_elem));
	gone = c->n;
	ADD(c, I_JMP(BPF_JNE, 0, 0, 0));
	count(c, -1);
	c->i[none].off = (int16_t)(c->n - none - 1);
	c->i[gone].off = (int16_t)(c->n - gone - 1);
}

static void ask_assist(struct code *c)
{
	load_map(c, 1, ASSIST);
	key(c);
	ADD(c, I_CALL(BPF_FUNC_map_lookup_elem), I_JMP(BPF_JNE, 0, 0, 2), I_MOV64(0, BF_DROP), I_EXIT,
		I_LDX(BPF_W, 8, 0, 0));
	load_map(c, 1, ASSIST);
	key(c);
	ADD(c, I_CALL(BPF_FUNC_map_delete_elem), I_STX(BPF_W, 10, -88, 8));
	load_map(c, 1, COUNTS);
	ADD(c, I_MOV64R(2, 10), I_ALU(BPF_ADD, 2, -88), I_CALL(BPF_FUNC_map_lookup_elem), I_JMP(BPF_JEQ, 0, 0, 2),
		I_MOV64(1, 1), I_ADD_MEM(0, 1, 0));
}

static void match(struct code *c, uint8_t family, const struct bf_btf *b)
{
	bool v4 = family == NFPROTO_IPV4;
	struct bf_btf_member head, nh;

	if (bf_btf_find(b, "sk_buff", "head", &head) || bf_btf_find(b, "sk_buff", "network_header", &nh))
		abort();
	ADD(c, I_LDX(BPF_DW, 3, 6, (int16_t)head.offset), I_LDX(BPF_H, 2, 6, (int16_t)nh.offset), I_ALUR(BPF_ADD, 3, 2),
		I_MOV64R(1, 10), I_ALU(BPF_ADD, 1, -80), I_MOV64(2, 64), I_CALL(BPF_FUNC_probe_read_kernel),
		I_LDX(BPF_B, 1, 10, v4 ? -80 + 9 : -80 + 6), I_LDX(BPF_W, 2, 7, PLAN(proto)));
	out_if(c, I_JMPR(BPF_JNE, 1, 2));
	ADD(c, I_LDX(BPF_W, 2, 7, PLAN(dport)), I_JMP(BPF_JEQ, 2, 0, 2), I_LDX(BPF_H, 1, 10, v4 ? -80 + 22 : -80 + 42));
	out_if(c, I_JMPR(BPF_JNE, 1, 2));
	ADD(c, I_LDX(BPF_W, 2, 7, PLAN(daddr)), I_JMP(BPF_JEQ, 2, 0, 2), I_LDX(BPF_W, 1, 10, v4 ? -80 + 16 : -80 + 36));
	out_if(c, I_JMPR(BPF_JNE, 1, 2));
}

static void note(struct code *c)
{
	ADD(c, I_LDX(BPF_W, 1, 7, PLAN(entry) + (int16_t)offsetof(struct bf_handoff, n)));
	out_if(c, I_JMP(BPF_JEQ, 1, 0, 0));
	ADD(c, I_MOV64(1, 1), I_ADD_MEM(7, 1, PLAN(seen)));
	count(c, 1);
	load_map(c, 1, HANDOFF);
	key(c);
	ADD(c, I_MOV64R(3, 7), I_ALU(BPF_ADD, 3, PLAN(entry)), I_MOV64(4, BPF_NOEXIST), I_CALL(BPF_FUNC_map_update_elem));
	out_if(c, I_JMP(BPF_JEQ, 0, 0, 0));
	count(c, -1);
	ADD(c, I_MOV64(1, 1), I_ADD_MEM(7, 1, PLAN(full)), I_MOV64(0, BF_DROP), I_EXIT);
}

int noter_plan_map(void)
{
	return bf_map_create(&(struct bf_map_desc){ .name = "plan",
												.type = BPF_MAP_TYPE_ARRAY,
												.key_size = 4,
												.value_size = sizeof(struct noter_plan),
												.max_entries = 1 });
}

static void make(struct code *c, uint8_t family, bool assist)
{
	_cleanup_btf_ struct bf_btf *b = NULL;

	if (bf_btf_open(&b))
		abort();
	ADD(c, I_LDX(BPF_DW, 6, 1, 8), I_STX(BPF_DW, 10, -8, 6));
	load_map(c, 7, PLAN_MAP);
	forget_old(c);
	if (assist)
		ask_assist(c);
	match(c, family, b);
	note(c);
	for (uint32_t i = 0; i < c->n_out; i++)
		c->i[c->out[i]].off = (int16_t)(c->n - c->out[i] - 1);
	ADD(c, I_MOV64(0, BF_ACCEPT), I_EXIT);
}

int noter_load(uint8_t family, const struct bf_companion_maps *m, int plan, int assist, int counts)
{
	const int fds[MAPS] = { m->handoff, m->pending, assist, plan, counts };
	struct code c = { .n = 0 };
	static char log[65536];
	int fd;

	make(&c, family, assist >= 0);
	for (uint32_t i = 0; i < c.n_refs; i++)
		c.i[c.refs[i].insn].imm = fds[c.refs[i].map];
	fd = bf_prog_load(&(struct bf_prog_desc){ .name = "noter",
											  .type = BF_PROG_TYPE_NETFILTER,
											  .attach_type = BF_ATTACH_NETFILTER,
											  .insns = c.i,
											  .n_insns = c.n,
											  .log = log,
											  .log_size = sizeof(log) });
	if (fd < 0)
		fprintf(stderr, "noter: %s\n%s\n", strerror(-fd), log);
	return fd;
}

void noter_image(struct bf_image *img, uint8_t hook, int priority, const struct noter_plan *plan, bool assist)
{
	const struct bf_map_spec maps[MAPS] = {
		[HANDOFF] = { .name = "handoff",
					  .role = BF_MAP_HANDOFF,
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 8,
					  .value_size = sizeof(struct bf_handoff),
					  .max_entries = 1 },
		[PENDING] = { .name = "pending",
					  .role = BF_MAP_PENDING,
					  .type = BPF_MAP_TYPE_ARRAY,
					  .key_size = 4,
					  .value_size = sizeof(struct bf_pending),
					  .max_entries = 1 },
		[ASSIST] = { .name = "assist",
					 .role = assist ? BF_MAP_ASSIST : BF_MAP_DATA,
					 .type = BPF_MAP_TYPE_HASH,
					 .key_size = 8,
					 .value_size = sizeof(struct bf_rt_assist),
					 .max_entries = 1 },
		[PLAN_MAP] = { .name = "plan",
					   .type = BPF_MAP_TYPE_ARRAY,
					   .key_size = 4,
					   .value_size = sizeof(*plan),
					   .max_entries = 1,
					   .init = bf_arena_memdup(img->arena, plan, sizeof(*plan)),
					   .init_len = sizeof(*plan) },
		[COUNTS] = { .name = "counts", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16 },
	};
	struct bf_reloc relocs[16];
	struct code c = { .n = 0 };
	uint32_t first = img->n_maps;

	for (int i = 0; i < MAPS; i++)
		test_image_map(img, maps[i]);
	make(&c, img->family, assist);
	for (uint32_t i = 0; i < c.n_refs; i++) {
		bool value = c.i[c.refs[i].insn].src_reg == BPF_PSEUDO_MAP_VALUE;

		relocs[i] = (struct bf_reloc){ .insn = c.refs[i].insn,
									   .map = first + c.refs[i].map,
									   .kind = value ? BF_RELOC_MAP_VALUE : BF_RELOC_MAP_FD };
		c.i[c.refs[i].insn].src_reg = 0;
	}
	test_image_prog(img, hook, priority, c.i, c.n, relocs, c.n_refs);
	img->progs[img->n_progs - 1].handoff = true;
}

void noter_left(const struct bf_companion_maps *m, uint64_t *entries, uint64_t *pending)
{
	struct bf_pending p;
	uint64_t k, next;
	uint32_t zero = 0;

	*entries = *pending = 0;
	for (int ret = bf_map_next_key(m->handoff, NULL, &next); !ret; ret = bf_map_next_key(m->handoff, &k, &next)) {
		(*entries)++;
		k = next;
	}
	if (bf_map_lookup(m->pending, &zero, &p))
		abort();
	for (int i = 0; i < BF_PENDING_STRIPES; i++)
		*pending += p.stripe[i].n;
}
