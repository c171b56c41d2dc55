/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sets.c: what a look into a set costs inside the kernel, beside the kernel's
 * own maps with the same elements, all in one run.
 *
 *   sets [-q] [SHAPE:N ...]      SHAPE: addr4 prefix4 range4 addr6 prefix6 port
 *
 * A program (BPF_PROG_TEST_RUN) takes one address after the other out of a
 * trace and looks it up, 64 in a run, each only when the answer to the one
 * before is there. What the same program costs without looking up is taken
 * off. Columns, in nanoseconds: hot (one element, again and again), random
 * (elements in random order), absent (random values that are mostly not in).
 */
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gen/asm.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "lib/ranges.h"
#include "opt/set.h"
#include "rt/code.h"

enum { LOOKS = 64, TRACE = 1 << 20, FRAME = (BF_FRAME_APART + 15) / 8 * 8, ROUNDS = 9 };
enum { STATE = BPF_REG_7, SUM = BPF_REG_8, TURN = BPF_REG_9 };

enum how { NOTHING, SET, KERNEL_HASH, KERNEL_LPM };

struct trace { /* the value of the map "trace" */
	uint64_t at, mask;
	uint32_t words[TRACE][4]; /* as key words, host order */
};

struct bench {
	enum bf_field_id field;
	struct bf_range *ranges;
	uint32_t n;
	bool open; /* it can be changed in place */
	struct bf_buf data;
	uint32_t head;
	struct bf_set_stats stats;
	double build_seconds;
	struct trace *trace;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, struct bf_diag *d)
{
	fprintf(stderr, "sets: %s\n%s\n", what, d && d->text.data ? d->text.data : "");
	exit(1);
}

/* The program. */

static void load(struct bf_asm *a, uint8_t dst, uint8_t base, int16_t off)
{
	bf_asm_emit(a, BPF_LDX | BPF_DW | BPF_MEM, dst, base, off, 0);
}

static void store(struct bf_asm *a, uint8_t base, int16_t off, uint8_t src, uint8_t size)
{
	bf_asm_emit(a, BPF_STX | size | BPF_MEM, base, src, off, 0);
}

static void add(struct bf_asm *a, uint8_t dst, uint8_t src, int32_t imm)
{
	bf_asm_emit(a, BPF_ALU64 | BPF_ADD | (src ? BPF_X : BPF_K), dst, src, 0, imm);
}

/* r1 = the words of the trace at `at`, which then is one more (and as much more as r0 / 2: nothing, but known late). */
static void next_words(struct bf_asm *a)
{
	bf_asm_emit(a, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 1);
	add(a, SUM, BPF_REG_0, 0);
	add(a, SUM, 0, 1);
	bf_asm_mov(a, BPF_REG_2, SUM);
	load(a, BPF_REG_3, STATE, offsetof(struct trace, mask));
	bf_asm_emit(a, BPF_ALU64 | BPF_AND | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0);
	bf_asm_emit(a, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, TRACE - 1);
	bf_asm_emit(a, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_2, 0, 0, 4);
	bf_asm_mov(a, BPF_REG_1, STATE);
	add(a, BPF_REG_1, BPF_REG_2, 0);
	add(a, BPF_REG_1, 0, offsetof(struct trace, words));
}

/* To `at` on the stack, in host order for sets, as the packet has it for maps. */
static void copy_words(struct bf_asm *a, int16_t at, unsigned n, bool swap)
{
	for (unsigned i = 0; i < n; i++) {
		bf_asm_load(a, BPF_REG_2, BPF_REG_1, 4 * i);
		if (swap)
			bf_asm_emit(a, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_2, 0, 0, 32);
		store(a, BPF_REG_10, at + 4 * i, BPF_REG_2, BPF_W);
	}
}

static void look_up_map(struct bf_asm *a, int fd, bool lpm, unsigned n)
{
	bf_asm_label none = bf_asm_new_label(a);

	if (lpm) {
		bf_asm_mov_imm(a, BPF_REG_2, 32 * n);
		store(a, BPF_REG_10, -24, BPF_REG_2, BPF_W);
	}
	copy_words(a, -20, n, true);
	bf_asm_emit(a, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, fd);
	bf_asm_emit(a, 0, 0, 0, 0, 0);
	bf_asm_mov(a, BPF_REG_2, BPF_REG_10);
	add(a, BPF_REG_2, 0, lpm ? -24 : -20);
	bf_asm_emit(a, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	bf_asm_jump(a, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, none);
	bf_asm_load(a, BPF_REG_0, BPF_REG_0, 0);
	bf_asm_bind(a, none);
}

static void look_up_set(struct bf_asm *a, uint32_t head, unsigned n)
{
	copy_words(a, -FRAME, n, false);
	bf_asm_mov(a, BPF_REG_1, BPF_REG_10);
	add(a, BPF_REG_1, 0, -FRAME);
	bf_asm_mov_imm(a, BPF_REG_2, 0);
	bf_asm_mov_imm(a, BPF_REG_3, head);
	bf_asm_call(a, "bf_set");
}

static void emit(struct bf_asm *a, enum how how, int fd, uint32_t head, unsigned n)
{
	bf_asm_label again = bf_asm_new_label(a);

	bf_asm_mov_imm(a, BPF_REG_0, 0);
	for (int i = 0; i < FRAME; i += 8)
		store(a, BPF_REG_10, -FRAME + i, BPF_REG_0, BPF_DW);
	bf_asm_map_value(a, STATE, "trace");
	load(a, SUM, STATE, offsetof(struct trace, at));
	bf_asm_mov_imm(a, TURN, 0);
	bf_asm_bind(a, again);
	next_words(a);
	if (how == NOTHING) {
		copy_words(a, -FRAME, n, false);
		bf_asm_mov_imm(a, BPF_REG_0, 0);
	} else if (how == SET) {
		look_up_set(a, head, n);
	} else {
		look_up_map(a, fd, how == KERNEL_LPM, n);
	}
	add(a, TURN, 0, 1);
	bf_asm_jump(a, BPF_JMP | BPF_JLT | BPF_K, TURN, 0, LOOKS, again);
	store(a, STATE, offsetof(struct trace, at), SUM, BPF_DW);
	bf_asm_mov_imm(a, BPF_REG_0, 1);
	bf_asm_exit(a);
}

/* An image with that program. */

static void add_map(struct bf_image *img, const char *name, enum bf_map_role role, size_t size, uint32_t flags, const void *init)
{
	img->maps[img->n_maps++] = (struct bf_map_spec){ .name = name, .role = role, .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
		.value_size = size, .max_entries = 1, .map_flags = flags, .init = init, .init_len = init ? size : 0 };
}

static struct bf_image *image_of(const struct bench *b, enum how how, int fd)
{
	const struct bf_set_head *h = (const void *)(b->data.data + 4 * b->head);
	struct bf_arena *arena = bf_arena_new();
	struct bf_image *img = bf_arena_new_of(arena, struct bf_image);
	struct bf_rt_config *c = bf_arena_new_of(arena, struct bf_rt_config);
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_asm_ struct bf_asm a = { 0 };
	struct bf_rt_func f;

	*img = (struct bf_image){ .arena = arena, .family = NFPROTO_IPV4, .name = "bench", .n_counters = 1, .stripes = 1,
		                      .maps = bf_arena_array(arena, 4, struct bf_map_spec),
		                      .progs = bf_arena_array(arena, 1, struct bf_prog_image), .n_progs = 1 };
	*c = (struct bf_rt_config){ .n_class = b->data.len / 4, .structs = BF_SET_STRUCT(h->kind), .changes = b->open, .ops = 1u << BF_CELL_SET };
	img->progs[0] = (struct bf_prog_image){ .name = "bench", .family = NFPROTO_IPV4 };
	add_map(img, "config", BF_MAP_RODATA, sizeof(*c), BPF_F_RDONLY_PROG, c);
	add_map(img, "class", BF_MAP_DATA, b->data.len, BPF_F_MMAPABLE, b->data.data);
	add_map(img, "trace", BF_MAP_DATA, sizeof(struct trace), BPF_F_MMAPABLE, b->trace);
	emit(&a, how, fd, b->head, b->n ? (bf_fields[b->field].bits + 31) / 32 : 1);
	if (bf_asm_finish(&a, arena, "bench_mg", &f) || bf_link(img, &img->progs[0], "bench_mg", &f, 1, &d))
		fail("cannot make the program", &d);
	return img;
}

/* Nanoseconds for a look, the least of all rounds. */
static double measure(struct bench *b, enum how how, int fd, uint64_t mask)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_loaded_ struct bf_loaded l = { 0 };
	uint8_t state[48] = { NF_INET_PRE_ROUTING, NFPROTO_IPV4 }, frame[64] = { [12] = 8, [14] = 0x45, [17] = 50 };
	struct bf_image *img;
	struct bf_run_desc r;
	unsigned best = ~0u;

	b->trace->mask = mask;
	img = image_of(b, how, fd);
	if (bf_load(&l, img, NULL, &d))
		fail("the kernel refuses the program", &d);
	r = (struct bf_run_desc){ .prog = l.progs[0], .data = frame, .data_len = sizeof(frame), .ctx = state, .ctx_len = 48,
		                      .repeat = 1000 };
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (bf_prog_run(&r) < 0)
			fail("cannot run the program", NULL);
		if (i)
			best = BF_MIN(best, r.duration);
		r.repeat = BF_MAX(20000000 / (r.duration + 10), 100u); /* 20 ms */
	}
	bf_image_free(img);
	return (double)best / LOOKS;
}

/* Traces. */

static void put_value(struct bench *b, uint32_t i, bf_u128 v)
{
	unsigned n = (bf_fields[b->field].bits + 31) / 32;

	for (unsigned k = 0; k < n; k++)
		b->trace->words[i][k] = (uint32_t)(v >> 32 * (n - 1 - k)) << (n == 1 ? bf_fields[b->field].shift : 0);
}

static void fill_trace(struct bench *b, struct rng *r, bool present)
{
	bf_u128 ones = bf_field_ones(&bf_fields[b->field]);

	for (uint32_t i = 0; i < TRACE; i++) {
		const struct bf_range *x = &b->ranges[rng_below(r, b->n)];
		bf_u128 v = x->lo + rng_u128(r) % (x->hi - x->lo + 1 ? x->hi - x->lo + 1 : 1);

		/* Absent ones lie near present ones where addresses are sparse. */
		put_value(b, i, present ? v : ones >> 32 ? v ^ (bf_u128)(1 + rng_below(r, 0xffff)) << 80 : rng_u128(r) & ones);
	}
}

/* The kernel's maps. */

struct lpm_key {
	uint32_t len;
	uint32_t addr[4];
};

static void add_to_map(int fd, bool lpm, bf_u128 v, unsigned len, unsigned n)
{
	struct lpm_key k = { .len = len };
	uint32_t one = 1;

	for (unsigned i = 0; i < n; i++)
		k.addr[i] = __builtin_bswap32((uint32_t)(v >> 32 * (n - 1 - i)));
	bf_map_update(fd, lpm ? (void *)&k : (void *)k.addr, &one, 0);
}

/* The ranges as prefixes; those that are no prefix are cut in two as long as it takes. */
static uint32_t add_range(int fd, bf_u128 lo, bf_u128 hi, bf_u128 from, bf_u128 to, unsigned len, unsigned n)
{
	bf_u128 mid = from + (to - from) / 2;

	if (lo <= from && to <= hi) {
		add_to_map(fd, true, from, len, n);
		return 1;
	}
	return (lo <= mid ? add_range(fd, lo, hi, from, mid, len + 1, n) : 0) +
	       (hi > mid ? add_range(fd, lo, hi, mid + 1, to, len + 1, n) : 0);
}

static int kernel_map(const struct bench *b, bool lpm, double *seconds)
{
	unsigned n = (bf_fields[b->field].bits + 31) / 32;
	struct bf_map_desc m = { .name = "peer", .type = lpm ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH,
		                     .key_size = 4 * n + 4 * lpm, .value_size = 4, .max_entries = 4 * b->n,
		                     .flags = BPF_F_NO_PREALLOC };
	double t = now();
	int fd = bf_map_create(&m);

	for (uint32_t i = 0; fd >= 0 && i < b->n; i++) {
		if (lpm)
			add_range(fd, b->ranges[i].lo, b->ranges[i].hi, 0, bf_field_ones(&bf_fields[b->field]), 0, n);
		else
			add_to_map(fd, false, b->ranges[i].lo, 0, n);
	}
	*seconds = now() - t;
	return fd;
}

/* All of it. */

static const struct {
	const char *name;
	enum bf_field_id field;
	enum test_shape shape;
} shapes[] = {
	{ "addr4", BF_F_IP_SADDR, SHAPE_VALUES },   { "prefix4", BF_F_IP_SADDR, SHAPE_ANY_PREFIX },
	{ "range4", BF_F_IP_SADDR, SHAPE_RANGES },  { "addr6", BF_F_IP6_SADDR, SHAPE_VALUES },
	{ "prefix6", BF_F_IP6_SADDR, SHAPE_PREFIXES }, { "port", BF_F_DPORT, SHAPE_RANGES },
};

static void row(struct bench *b, const char *name, enum how how, int fd, double bytes, double seconds)
{
	struct rng r = { 11 };
	double hot, random, absent;

	fill_trace(b, &r, true);
	hot = measure(b, how, fd, 0) - measure(b, NOTHING, -1, 0);
	random = measure(b, how, fd, TRACE - 1) - measure(b, NOTHING, -1, TRACE - 1);
	fill_trace(b, &r, false);
	absent = measure(b, how, fd, TRACE - 1) - measure(b, NOTHING, -1, TRACE - 1);
	printf("  %-22s %7.1f %7.1f %7.1f", name, hot, random, absent);
	if (bytes > 0)
		printf("  %7.1f bytes each", bytes);
	printf("  %6.2f s\n", seconds);
	fflush(stdout);
}

static void peers(struct bench *b, bool single)
{
	double seconds;
	int fd;

	if (single) {
		fd = kernel_map(b, false, &seconds);
		row(b, "kernel hash", KERNEL_HASH, fd, 0, seconds);
		close(fd);
	}
	fd = kernel_map(b, true, &seconds);
	if (fd >= 0)
		row(b, "kernel LPM trie", KERNEL_LPM, fd, 0, seconds);
	close(fd);
}

/* Built so that it can be changed in place; as it is, and with as many changes noted as there mostly are. */
static void open_set(struct bench *b, bool single)
{
	const struct bf_field *f = &bf_fields[b->field];
	struct bf_set_spec s = { f, bf_field_ones(f), b->ranges, b->n, true, single };
	double t = now();

	b->open = true;
	bf_buf_free(&b->data);
	bf_buf_reserve(&b->data, 64);
	if (bf_set_build(&s, &b->data, &b->head, &b->stats))
		fail("cannot build the set so that it can change", NULL);
	row(b, "in place", SET, -1, (double)b->stats.bytes / b->n, now() - t);
	for (unsigned i = 0; i < BF_SET_FOLD; i++)
		bf_set_note((void *)b->data.data, b->data.len / 4, b->head, 0, b->ranges[i].lo, b->ranges[i].hi, true);
	row(b, "in place, 4 noted", SET, -1, 0, 0);
}

static void bench(unsigned shape, uint32_t n, bool quick, struct trace *trace)
{
	struct bench b = { .field = shapes[shape].field, .trace = trace };
	const struct bf_field *f = &bf_fields[b.field];
	struct rng r = { 10 };
	char name[32];

	b.ranges = test_ranges(&r, f, bf_field_ones(f), shapes[shape].shape, n, &b.n);
	bf_buf_reserve(&b.data, 64);
	b.build_seconds = now();
	if (bf_set_build(&(struct bf_set_spec){ f, bf_field_ones(f), b.ranges, b.n }, &b.data, &b.head, &b.stats))
		fail("cannot build the set", NULL);
	b.build_seconds = now() - b.build_seconds;
	printf("%s %u (%u ranges)\n", shapes[shape].name, n, b.n);
	snprintf(name, sizeof(name), "set: %s", b.stats.kind);
	row(&b, name, SET, -1, (double)b.stats.bytes / b.n, b.build_seconds);
	open_set(&b, shapes[shape].shape == SHAPE_VALUES);
	if (!quick && b.field != BF_F_DPORT)
		peers(&b, shapes[shape].shape == SHAPE_VALUES);
	free(b.ranges);
	bf_buf_free(&b.data);
}

int main(int argc, char **argv)
{
	static const char *const all[] = { "addr4:1000", "addr4:100000", "addr4:1000000", "addr4:4000000", "prefix4:1000",
		                               "prefix4:100000", "prefix4:1000000", "prefix4:4000000", "range4:100000",
		                               "addr6:1000", "addr6:1000000", "prefix6:1000", "prefix6:1000000", "port:100" };
	struct trace *trace = calloc(1, sizeof(*trace));
	bool quick = argc > 1 && !strcmp(argv[1], "-q");
	const char *const *what = argc > 1 + quick ? (const char *const *)argv + 1 + quick : all;
	unsigned n = argc > 1 + quick ? (unsigned)argc - 1 - quick : BF_ARRAY_SIZE(all);

	printf("%-24s %7s %7s %7s\n", "ns", "hot", "random", "absent");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < BF_ARRAY_SIZE(shapes); k++) {
			size_t len = strlen(shapes[k].name);

			if (!strncmp(what[i], shapes[k].name, len) && what[i][len] == ':')
				bench(k, (uint32_t)atoi(what[i] + len + 1), quick, trace);
		}
	free(trace);
	return 0;
}
