/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_prog.c: the companion's programs, written out as instructions:
 * each is a dozen of them, and what they share is easier seen here than in
 * nine objects of a compiler.
 *
 *   r6         the sk_buff's address (SOCKET_FILTER: the context *is* it)
 *   r7         answer
 *   fp-8       the key: the sk_buff's address
 *   fp-16      a value
 *
 * Every packet that passes a hook with a companion runs COMP_BEGIN and the
 * backstop, so both look at `pending` first and leave when it is 0.
 */
#include "kern/companion_prog.h"

#include "kern/sys.h"
#include "rt/abi.h"

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP };

#define INSN(op, d, s, o, i) ((struct bpf_insn){ .code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV32(d, s) INSN(BPF_ALU | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVI(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ALU(op, d, s) INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALUI(op, d, i) INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define LOAD(size, d, s, o) INSN(BPF_LDX | (size) | BPF_MEM, d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | (size) | BPF_MEM, d, s, o, 0)
#define STOREI(size, d, o, i) INSN(BPF_ST | (size) | BPF_MEM, d, 0, o, i)
#define JUMP(op, d, s) INSN(BPF_JMP | (op) | BPF_X, d, s, 0, 0)
#define JUMPI(op, d, i) INSN(BPF_JMP | (op) | BPF_K, d, 0, 0, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define MAX_INSNS 96

struct code {
	struct bpf_insn i[MAX_INSNS];
	uint32_t n;
	uint32_t out[8]; /* jumps to the common exit */
	uint32_t n_out;
};

static void add(struct code *c, struct bpf_insn i)
{
	if (c->n < MAX_INSNS)
		c->i[c->n++] = i;
}

/* A jump to the exit of the program, see leave(). */
static void add_out(struct code *c, struct bpf_insn i)
{
	if (c->n_out < BF_ARRAY_SIZE(c->out))
		c->out[c->n_out++] = c->n;
	add(c, i);
}

static void add_imm64(struct code *c, int d, uint8_t src, uint32_t lo, uint32_t hi)
{
	add(c, INSN(BPF_LD | BPF_IMM | BPF_DW, d, src, 0, (int32_t)lo));
	add(c, INSN(0, 0, 0, 0, (int32_t)hi));
}

static void add_map(struct code *c, int d, int fd)
{
	add_imm64(c, d, BPF_PSEUDO_MAP_FD, (uint32_t)fd, 0);
}

/* r3 := address of the packet's stripe. The 32-bit move makes a number of the pointer. */
static void add_stripe(struct code *c, const struct comp_prog *p)
{
	add(c, MOV32(R2, R6));
	add(c, ALUI(BPF_RSH, R2, 8));
	add(c, ALUI(BPF_AND, R2, BF_PENDING_STRIPES - 1));
	add(c, ALUI(BPF_LSH, R2, 6));
	add_imm64(c, R3, BPF_PSEUDO_MAP_VALUE, (uint32_t)p->pending, 0);
	add(c, ALU(BPF_ADD, R3, R2));
}

_Static_assert(sizeof(((struct bf_pending *)0)->stripe[0]) == 1 << 6, "stride of the stripes");

/* Leaves with r7 when nothing can be noted for this packet. */
static void add_quick_exit(struct code *c, const struct comp_prog *p)
{
	add_stripe(c, p);
	add(c, LOAD(BPF_DW, R3, R3, 0));
	add_out(c, JUMPI(BPF_JEQ, R3, 0));
}

/* r0 := the packet's entry in the map; leaves with r7 when there is none. */
static void add_lookup(struct code *c, int map)
{
	add(c, STORE(BPF_DW, FP, -8, R6));
	add_map(c, R1, map);
	add(c, MOV(R2, FP));
	add(c, ALUI(BPF_ADD, R2, -8));
	add(c, CALL(BPF_FUNC_map_lookup_elem));
	add_out(c, JUMPI(BPF_JEQ, R0, 0));
}

/* Deletes the packet's entry and takes it off its stripe: only who really deleted it does. The key is at fp-8. */
static void add_delete(struct code *c, const struct comp_prog *p)
{
	add_map(c, R1, p->handoff);
	add(c, MOV(R2, FP));
	add(c, ALUI(BPF_ADD, R2, -8));
	add(c, CALL(BPF_FUNC_map_delete_elem));
	add_out(c, JUMPI(BPF_JNE, R0, 0));
	add_stripe(c, p);
	add(c, MOVI(R1, -1));
	add(c, INSN(BPF_STX | BPF_DW | BPF_ATOMIC, R3, R1, 0, BPF_ADD));
}

/* The exit: returns r7. */
static void leave(struct code *c)
{
	for (uint32_t k = 0; k < c->n_out; k++)
		c->i[c->out[k]].off = (int16_t)(c->n - c->out[k] - 1);
	add(c, MOV(R0, R7));
	add(c, EXIT());
}

#define ENTRY(m) ((int16_t)offsetof(struct bf_handoff, m))

static void begin(struct code *c, const struct comp_prog *p)
{
	add_quick_exit(c, p);
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_DW, R1, R0, ENTRY(tag)));
	add_imm64(c, R2, 0, (uint32_t)p->tag, (uint32_t)(p->tag >> 32));
	add_out(c, JUMP(BPF_JNE, R1, R2));
	add(c, MOVI(R7, 1));
}

static void step(struct code *c, const struct comp_prog *p)
{
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_W, R1, R0, ENTRY(next)));
	add(c, LOAD(BPF_W, R2, R0, ENTRY(n)));
	add_out(c, JUMP(BPF_JGE, R1, R2));
	add(c, ALUI(BPF_ADD, R1, 1));
	add(c, STORE(BPF_W, R0, ENTRY(next), R1));
	add(c, MOVI(R7, 1));
}

static void last(struct code *c, const struct comp_prog *p)
{
	add(c, MOVI(R7, 1));
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_W, R1, R0, ENTRY(next)));
	add(c, LOAD(BPF_W, R2, R0, ENTRY(n)));
	add_out(c, JUMP(BPF_JGE, R1, R2));
	add(c, MOVI(R7, 0));
}

static void digit(struct code *c, const struct comp_prog *p)
{
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_W, R1, R0, ENTRY(next)));
	add(c, ALUI(BPF_SUB, R1, 1));
	add_out(c, JUMPI(BPF_JGT, R1, BF_HANDOFF_MAX - 1));
	add(c, ALUI(BPF_LSH, R1, 1));
	add(c, ALU(BPF_ADD, R0, R1));
	add(c, LOAD(BPF_H, R1, R0, ENTRY(code)));
	add(c, ALUI(BPF_RSH, R1, (int32_t)(p->arg * COMP_DIGIT_BITS)));
	add(c, ALUI(BPF_AND, R1, COMP_DIGIT_BASE - 1));
	add_out(c, JUMPI(BPF_JNE, R1, (int32_t)p->value));
	add(c, MOVI(R7, 1));
}

static void consume(struct code *c, const struct comp_prog *p)
{
	add(c, MOVI(R7, 1));
	add(c, STORE(BPF_DW, FP, -8, R6));
	add_delete(c, p);
}

/* No entry: somebody else took it while we were at it, which nobody may: drop. */
static void finish(struct code *c, const struct comp_prog *p)
{
	add(c, MOVI(R7, 1));
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_W, R7, R0, ENTRY(terminal)));
	add_delete(c, p);
}

static void open_assist(struct code *c, const struct comp_prog *p)
{
	const int16_t size = sizeof(struct bf_rt_assist);

	_Static_assert(sizeof(struct bf_rt_assist) % 8 == 0, "written by 8 bytes");
	add(c, STORE(BPF_DW, FP, -8, R6));
	for (int16_t at = 0; at < size; at += 8)
		add(c, STOREI(BPF_DW, FP, (int16_t)(at - size - 8), 0));
	add_map(c, R1, p->assist);
	add(c, MOV(R2, FP));
	add(c, ALUI(BPF_ADD, R2, -8));
	add(c, MOV(R3, FP));
	add(c, ALUI(BPF_ADD, R3, -size - 8));
	add(c, MOVI(R4, BPF_ANY));
	add(c, CALL(BPF_FUNC_map_update_elem));
}

static void answer(struct code *c, const struct comp_prog *p)
{
	add_lookup(c, p->assist);
	add(c, LOAD(BPF_W, R1, R0, 0));
	add(c, ALUI(BPF_OR, R1, (int32_t)(1u << p->arg)));
	add(c, STORE(BPF_W, R0, 0, R1));
	add(c, MOVI(R7, 1));
}

/* Always true: what follows in the rule gives the packet its own mark back. */
static void value(struct code *c, const struct comp_prog *p)
{
	add(c, MOVI(R7, 1));
	add_lookup(c, p->assist);
	add(c, LOAD(BPF_W, R1, R6, offsetof(struct __sk_buff, mark)));
	if (p->value)
		add(c, INSN(BPF_ALU | BPF_END | BPF_TO_BE, R1, 0, 0, 32));
	add(c, STORE(BPF_W, R0, (int16_t)(offsetof(struct bf_rt_assist, value) + 4 * p->arg), R1));
}

static void backstop(struct code *c, const struct comp_prog *p)
{
	add(c, MOVI(R7, BF_ACCEPT));
	add_quick_exit(c, p);
	add_lookup(c, p->handoff);
	add(c, LOAD(BPF_W, R1, R0, ENTRY(terminal)));
	add(c, JUMPI(BPF_JEQ, R1, 0));
	c->i[c->n - 1].off = 1;
	add(c, MOVI(R7, BF_DROP));
	add_delete(c, p);
}

static const struct {
	const char *name;
	void (*make)(struct code *c, const struct comp_prog *p);
} kinds[] = {
	[COMP_BEGIN] = { "bf_noted", begin },
	[COMP_STEP] = { "bf_step", step },
	[COMP_LAST] = { "bf_last", last },
	[COMP_DIGIT] = { "bf_digit", digit },
	[COMP_CONSUME] = { "bf_consume", consume },
	[COMP_FINISH] = { "bf_finish", finish },
	[COMP_OPEN] = { "bf_open", open_assist },
	[COMP_ANSWER] = { "bf_answer", answer },
	[COMP_VALUE] = { "bf_value", value },
	[COMP_BACKSTOP] = { "bf_backstop", backstop },
};

static int load(const struct comp_prog *p, const struct code *c, char *log, uint32_t log_size)
{
	bool nf = p->kind == COMP_BACKSTOP;

	return bf_prog_load(&(struct bf_prog_desc){
		.name = kinds[p->kind].name,
		.type = nf ? BF_PROG_TYPE_NETFILTER : BPF_PROG_TYPE_SOCKET_FILTER,
		.attach_type = nf ? BF_ATTACH_NETFILTER : 0,
		.insns = c->i,
		.n_insns = c->n,
		.log = log,
		.log_size = log_size,
	});
}

int comp_prog_load(const struct comp_prog *p, struct bf_diag *d)
{
	struct code c = { .n = 0 };
	char log[4096] = "";
	int fd;

	if (p->kind == COMP_BACKSTOP)
		add(&c, LOAD(BPF_DW, R6, R1, 8)); /* struct bpf_nf_ctx { state, skb } */
	else
		add(&c, MOV(R6, R1));
	add(&c, MOVI(R7, 0));
	kinds[p->kind].make(&c, p);
	leave(&c);
	fd = load(p, &c, NULL, 0);
	if (fd >= 0 || fd == -EPERM)
		return fd >= 0 ? fd : bf_diag_error(d, fd, "not allowed to load BPF programs (CAP_BPF and CAP_NET_ADMIN)");
	load(p, &c, log, sizeof(log));
	return bf_diag_error(d, fd, "cannot load program %s: %s\n%s", kinds[p->kind].name, strerror(-fd), log);
}
