/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unit before the live one serves the next change (kern/spare.c). The
 * programs of these tests drop what is as long as the number in their map says,
 * and count the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "kern/ns.h"
#include "kern/sys.h"
#include "run/fixture.h"
#include "run/image.h"

struct shape { /* of an image; what is 0 is as usual */
	uint32_t length;  /* what is dropped: bytes of the IP packet */
	uint32_t room;    /* of the map */
	int extra;        /* instructions more at OUTPUT */
	uint32_t pad;     /* bytes more of the map are set */
	uint32_t flags;   /* of the map */
	size_t frozen;    /* bytes of a frozen map */
};

static uint32_t maps(struct bf_image *img, const struct shape *s)
{
	static const char constants[64] = { 1 };
	uint32_t room = s->room ? s->room : 64, *init = bf_arena_alloc(img->arena, room);

	*init = s->length;
	memset(init + 1, 0xff, s->pad);
	if (s->frozen)
		test_image_map(img, (struct bf_map_spec){ .name = "config", .role = BF_MAP_RODATA, .type = BPF_MAP_TYPE_ARRAY,
		                                          .key_size = 4, .value_size = 64, .max_entries = 1,
		                                          .init = constants, .init_len = s->frozen });
	test_image_map(img, (struct bf_map_spec){ .name = "cells", .role = BF_MAP_DATA, .type = BPF_MAP_TYPE_ARRAY,
	                                          .key_size = 4, .value_size = room, .max_entries = 1,
	                                          .map_flags = s->flags ? s->flags & ~1u : BPF_F_MMAPABLE, .init = init,
	                                          .init_len = 4 + s->pad });
	return img->n_maps - 1;
}

static void add_prog(struct bf_image *img, uint8_t hook, uint32_t map, int extra)
{
	const struct bpf_insn insns[] = {
		I_LDX(BPF_DW, 1, 1, 8), /* ctx->skb */
		I_LDX(BPF_W, 2, 1, 0),  /* skb->len */
		I_LD64(3), I_ZERO,
		I_LDX(BPF_W, 3, 3, 0),
		I_LD64(5), I_ZERO,
		I_MOV64(4, 1),
		I_ADD_MEM(5, 4, 0),
		I_ADD_MEM(5, 2, 8),
		I_MOV64(0, NF_DROP),
		{ .code = BPF_JMP | BPF_JEQ | BPF_X, .dst_reg = 2, .src_reg = 3, .off = 1 },
		I_MOV64(0, NF_ACCEPT),
		I_EXIT,
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 1, .kind = BF_RELOC_OFFSET, .type = "sk_buff", .member = "len" },
		{ .insn = 2, .kind = BF_RELOC_MAP_VALUE, .map = map },
		{ .insn = 5, .kind = BF_RELOC_MAP_VALUE, .map = map + 1, .addend = (hook == NF_INET_LOCAL_IN) * 16 },
	};
	struct bpf_insn copy[BF_ARRAY_SIZE(insns)];

	memcpy(copy, insns, sizeof(insns));
	copy[10].imm = extra == 2 ? NF_ACCEPT : NF_DROP;
	test_image_prog(img, hook, 0, copy, BF_ARRAY_SIZE(insns) - 1, relocs, BF_ARRAY_SIZE(relocs));
}

/* A unit with programs at INPUT and OUTPUT. */
static struct bf_image *image(const struct shape *s)
{
	struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 2, 2);
	uint32_t map = maps(img, s);

	test_image_map(img, (struct bf_map_spec){ .name = "counters", .role = BF_MAP_COUNTERS, .type = BPF_MAP_TYPE_ARRAY,
	                                          .key_size = 4, .value_size = 64, .max_entries = 1,
	                                          .map_flags = BPF_F_MMAPABLE });
	add_prog(img, NF_INET_LOCAL_IN, map, 0);
	add_prog(img, NF_INET_LOCAL_OUT, map, s->extra);
	return img;
}

static int try_commit(struct fixture *f, const struct shape *s, struct bf_rt_counter *old)
{
	_cleanup_image_ struct bf_image *img = image(s);
	const struct bf_change c = { "ip-filter", img, "state", 5, old, old ? 2 : 0 };

	return bf_ns_commit(f->ns, &c, 1, &f->d);
}

static void commit(struct fixture *f, const struct shape *s, struct bf_rt_counter *old)
{
	if (try_commit(f, s, old))
		fail_msg("commit: %s", f->d.text.data);
}

/* The id of a program or map that is live. */
static uint32_t id_of(struct fixture *f, const char *pin)
{
	char path[BF_PATH_MAX];
	union {
		struct bpf_prog_info prog;
		struct bpf_map_info map;
	} info;
	int fd;

	bf_path(path, "%s/%u/ip-filter/%s", f->ns->dir, bf_slot(bf_ns_gen(f->ns)), pin);
	fd = bf_pin_get(path);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	if (pin[0] == 'p')
		assert_int_equal(bf_prog_info(fd, &info.prog), 0);
	else
		assert_int_equal(bf_map_info(fd, &info.map), 0);
	close(fd);
	return pin[0] == 'p' ? info.prog.id : info.map.id;
}

/* What drops packets of n bytes, IP header included, lets those of another length pass. */
static void drops(struct fixture *f, uint32_t n)
{
	for (uint32_t len = 100; len < 104; len++)
		assert_int_equal(test_udp_send(&f->v4, len - 28), len != n);
}

static void is_taken_and_filled(void **state)
{
	struct fixture *f = *state;
	uint32_t in[2], out[2], counters[2];

	for (uint32_t i = 0; i < 10; i++) {
		struct bf_rt_counter old[2] = { 0 };

		commit(f, &(struct shape){ .length = 100 + i % 4, .pad = i & 1 ? 40 : 0 }, i ? old : NULL);
		drops(f, 100 + i % 4);
		assert_int_equal(old[0].packets, i ? 4 : 0);
		assert_int_equal(old[1].packets, i ? 3 : 0);
		if (i < 2) {
			in[i] = id_of(f, "prog-0");
			out[i] = id_of(f, "prog-1");
			counters[i] = id_of(f, "counters");
		}
		assert_int_equal(in[i & 1], id_of(f, "prog-0"));
		assert_int_equal(out[i & 1], id_of(f, "prog-1"));
		assert_int_equal(counters[i & 1], id_of(f, "counters"));
	}
	assert_int_not_equal(in[0], in[1]);
}

/* Bytes that the next image does not set are zero again. */
static void nothing_is_left_of_it(void **state)
{
	struct fixture *f = *state;
	char path[BF_PATH_MAX];
	uint32_t key = 0, value[16];
	int fd;

	commit(f, &(struct shape){ .length = 1, .pad = 40 }, NULL);
	commit(f, &(struct shape){ .length = 2, .pad = 20 }, NULL);
	commit(f, &(struct shape){ .length = 3, .pad = 8 }, NULL);
	bf_path(path, "%s/%u/ip-filter/map-cells", f->ns->dir, bf_slot(bf_ns_gen(f->ns)));
	fd = bf_pin_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bf_map_lookup(fd, &key, value), 0);
	close(fd);
	assert_int_equal(value[0], 3);
	for (int i = 1; i < 16; i++)
		assert_int_equal(value[i], i < 3 ? ~0u : 0);
}

/* Only what differs is made anew. */
static void parts_of_it(void **state)
{
	struct fixture *f = *state;
	uint32_t in, out, map;

	commit(f, &(struct shape){ .length = 100 }, NULL);
	in = id_of(f, "prog-0");
	out = id_of(f, "prog-1");
	map = id_of(f, "map-cells");
	commit(f, &(struct shape){ .length = 100 }, NULL);
	commit(f, &(struct shape){ .length = 101, .extra = 2 }, NULL);
	drops(f, 101);
	assert_int_equal(id_of(f, "prog-0"), in);
	assert_int_equal(id_of(f, "map-cells"), map);
	assert_int_not_equal(id_of(f, "prog-1"), out);
	commit(f, &(struct shape){ .length = 102 }, NULL);
	drops(f, 102);
}

static void does_not_fit(void **state)
{
	static const struct shape others[] = {
		{ .length = 100, .room = 128 },
		{ .length = 100, .frozen = 8 },
		{ .length = 100, .flags = 1 }, /* not mmapable: cannot be a spare */
		{ .length = 100, .room = 9 << 20 }, /* too large */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < BF_ARRAY_SIZE(others); i++) {
		uint32_t map[3];

		commit(f, &(struct shape){ .length = 100 }, NULL);
		map[0] = id_of(f, "counters");
		commit(f, &(struct shape){ .length = 101 }, NULL);
		map[1] = id_of(f, "counters");
		commit(f, &others[i], NULL);
		drops(f, 100);
		map[2] = id_of(f, "counters");
		assert_true(map[2] != map[0] && map[2] != map[1]);
		commit(f, &others[i], NULL);
		commit(f, &others[i], NULL);
		assert_int_equal(id_of(f, "counters") == map[2], i < 2);
		drops(f, 100);
	}
}

/* What is stored with it counts as well: it would be kept, too. */
static void large_state(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = image(&(struct shape){ .length = 100 });
	_cleanup_free_ char *big = calloc(9 << 20, 1);
	const struct bf_change c = { "ip-filter", img, big, 9 << 20 };
	char path[BF_PATH_MAX];

	bf_path(path, "%s/spare/ip-filter", f->ns->dir);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bf_ns_commit(f->ns, &c, 1, &f->d), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	drops(f, 100);
}

/* A frozen map's content makes programs what they are. */
static void constants_count(void **state)
{
	struct fixture *f = *state;
	uint32_t in;

	commit(f, &(struct shape){ .length = 100, .frozen = 1 }, NULL);
	in = id_of(f, "prog-0");
	commit(f, &(struct shape){ .length = 100, .frozen = 1 }, NULL);
	commit(f, &(struct shape){ .length = 100, .frozen = 2 }, NULL);
	assert_int_not_equal(id_of(f, "prog-0"), in);
}

/* A counter that is kept at another place is read and handed back as what it is. */
static void moved_counters(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = image(&(struct shape){ .length = 100 });
	const struct bf_rt_counter add[1] = { { 10, 100 } };
	const struct bf_change c = { "ip-filter", img, "state", 5 };
	struct bf_rt_counter old[2];
	struct bf_unit *u;

	img->moved[img->n_moved++] = (struct bf_moved_counter){ .counter = 0, .place = 1 };
	if (bf_ns_commit(f->ns, &c, 1, &f->d))
		fail_msg("%s", f->d.text.data);
	drops(f, 100); /* OUTPUT counts all four at place 0, INPUT three of them at place 1 */
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_add_counters(u, add, 1), 0);
	assert_int_equal(bf_unit_counters(u, old, 1), 0);
	bf_unit_close(u);
	assert_int_equal(old[0].packets, 4 + 3 + 10);
	commit(f, &(struct shape){ .length = 101 }, old);
	assert_int_equal(old[0].packets, 4 + 3 + 10);
	img->moved[0].place = 2;
	assert_int_equal(bf_ns_commit(f->ns, &c, 1, &f->d), -EINVAL);
}

/* Who still has the unit open whose counters are another's by now is told. */
static void readers_are_told(void **state)
{
	struct fixture *f = *state;
	struct bf_rt_counter c[2];
	struct bf_unit *u;

	commit(f, &(struct shape){ .length = 100 }, NULL);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	drops(f, 100);
	commit(f, &(struct shape){ .length = 101 }, NULL);
	assert_int_equal(bf_unit_counters(u, c, 2), 0);
	assert_int_equal(c[1].packets, 3);
	commit(f, &(struct shape){ .length = 102 }, NULL);
	assert_int_equal(bf_unit_counters(u, c, 2), -ESTALE);
	bf_unit_close(u);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_counters(u, c, 2), 0);
	bf_unit_close(u);
}

/* Rules that go take their memory with them. */
static void none_of_what_is_gone(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *none = test_image(NFPROTO_IPV4, "ip-filter", 2, 2);
	char path[BF_PATH_MAX];

	bf_path(path, "%s/spare/ip-filter", f->ns->dir);
	commit(f, &(struct shape){ .length = 100 }, NULL);
	commit(f, &(struct shape){ .length = 101 }, NULL);
	assert_int_equal(access(path, F_OK), 0);
	if (bf_ns_commit(f->ns, &(struct bf_change){ "ip-filter", none, "state", 5 }, 1, &f->d))
		fail_msg("%s", f->d.text.data);
	assert_int_not_equal(access(path, F_OK), 0);
	commit(f, &(struct shape){ .length = 102 }, NULL);
	drops(f, 102);
	if (bf_ns_commit(f->ns, &(struct bf_change){ "ip-filter" }, 1, &f->d))
		fail_msg("%s", f->d.text.data);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Killed at any time while spares are filled: what is enforced is one of two tables, all of it. */
static void killed(void **state)
{
	struct fixture *f = *state;
	uint32_t now = 100;

	commit(f, &(struct shape){ .length = now }, NULL);
	for (int i = 0; i < 300; i++) {
		uint32_t next = 100 + ((uint32_t)rand() & 3), seen = 0;
		pid_t pid;

		bf_ns_unlock(f->ns);
		pid = fork();
		if (!pid) {
			if (bf_ns_lock(f->ns, 5000))
				_exit(1);
			for (;;)
				commit(f, &(struct shape){ .length = next, .pad = next & 1 ? 56 : 0 }, NULL);
		}
		nanosleep(&(struct timespec){ .tv_nsec = rand() % 3000000 }, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (uint32_t len = 100; len < 104; len++)
			if (!test_udp_send(&f->v4, len - 28))
				seen = seen ? 1 : len;
		if (seen != now && seen != next)
			fail_msg("round %d: %u is dropped, neither %u nor %u", i, seen, now, next);
		now = seen;
		assert_int_equal(bf_ns_lock(f->ns, 1000), 0);
		if (i % 7 == 0) {
			commit(f, &(struct shape){ .length = now }, NULL);
			drops(f, now);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_taken_and_filled, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_left_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(large_state, setup, teardown),
		cmocka_unit_test_setup_teardown(constants_count, setup, teardown),
		cmocka_unit_test_setup_teardown(moved_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(none_of_what_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
