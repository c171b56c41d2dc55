/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes in place. The program of these tests reads two numbers of the half
 * that the journal's version names, one at its begin and one a millisecond
 * later, and drops the packet when they differ: a half that is written while a
 * packet reads it would show.
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
#include "run/fixture.h"
#include "run/image.h"

enum { ROOM = 4096, HALF = 16 };

static void add_maps(struct bf_image *img)
{
	test_image_map(img, (struct bf_map_spec){ "journal", BF_MAP_JOURNAL, BPF_MAP_TYPE_ARRAY, 4,
	                                          sizeof(struct bf_journal) + ROOM, 1, BPF_F_MMAPABLE });
	test_image_map(img, (struct bf_map_spec){ "class", BF_MAP_DATA, BPF_MAP_TYPE_ARRAY, 4, 2 * HALF, 1, BPF_F_MMAPABLE,
	                                          .patched = true });
}

/* 1 when both numbers of the half are equal, whatever happens in the millisecond between. */
static void add_prog(struct bf_image *img)
{
	const struct bpf_insn insns[] = {
		I_LD64(6), I_ZERO,        /* 0: journal */
		I_LDX(BPF_DW, 7, 6, 0),   /* version */
		{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 7, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = 7, .imm = 4 },
		I_LD64(6), I_ZERO,        /* 5: class */
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 6, .src_reg = 7 },
		I_LDX(BPF_DW, 8, 6, 0),
		I_CALL(5),                /* ktime_get_ns */
		I_MOV64R(7, 0),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 7, .imm = 1000000 },
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_MOV64(2, 0), I_MOV64(3, 1 << 22),
		I_CALL(0),                /* 16: new */
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_CALL(0),                /* 19: next */
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 2 },
		I_CALL(5),
		{ .code = BPF_JMP | BPF_JLT | BPF_X, .dst_reg = 0, .src_reg = 7, .off = -6 },
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_CALL(0),                /* 25: destroy */
		I_LDX(BPF_DW, 1, 6, 8),
		I_MOV64(0, NF_DROP),
		{ .code = BPF_JMP | BPF_JNE | BPF_X, .dst_reg = 1, .src_reg = 8, .off = 1 },
		I_MOV64(0, NF_ACCEPT),
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 0, .kind = BF_RELOC_MAP_VALUE, .map = 0 },
		{ .insn = 5, .kind = BF_RELOC_MAP_VALUE, .map = 1 },
		{ .insn = 16, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_new" },
		{ .insn = 19, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_next" },
		{ .insn = 25, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_destroy" },
	};

	test_image_prog(img, NF_INET_LOCAL_OUT, 0, insns, BF_ARRAY_SIZE(insns), relocs, BF_ARRAY_SIZE(relocs));
}

static void commit_with(struct fixture *f, bool conntrack)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 0, 1);
	const struct bf_change c = { "ip-filter", img, "state", 5, NULL, 0 };

	img->conntrack = conntrack;
	add_maps(img);
	add_prog(img);
	if (bf_ns_commit(f->ns, &c, 1, &f->d))
		fail_msg("commit: %s", f->d.text.data);
}

static void commit(struct fixture *f)
{
	commit_with(f, false);
}

/* What the unit tells: its version, and the last record. */
static uint64_t look(struct fixture *f, size_t *len, uint64_t *last)
{
	struct bf_unit *u;
	const char *records;
	uint64_t version;

	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	records = bf_unit_journal(u, len, &version);
	assert_non_null(records);
	*last = 0;
	if (*len)
		memcpy(last, records + *len - 8, 8);
	bf_unit_close(u);
	return version;
}

/* Both numbers of the half that is not looked at become v. */
static int patch(struct fixture *f, uint64_t version, uint64_t v)
{
	const uint64_t half[2] = { v, v };
	const struct bf_write w = { "class", !(version & 1) * HALF, half, sizeof(half) };

	return bf_ns_patch(f->ns, "ip-filter", version, &w, 1, &v, sizeof(v), false, &f->d);
}

static void records_are_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t last;
	size_t len;

	commit(f);
	assert_int_equal(look(f, &len, &last), 0);
	assert_int_equal(len, 0);
	for (uint64_t v = 0; v < ROOM / 8; v++) {
		assert_int_equal(patch(f, v, 1000 + v), 0);
		assert_int_equal(look(f, &len, &last), v + 1);
		assert_int_equal(len, 8 * (v + 1));
		assert_int_equal(last, 1000 + v);
	}
	assert_int_equal(patch(f, ROOM / 8, 1), -ENOSPC);
	assert_int_equal(look(f, &len, &last), ROOM / 8);
	commit(f); /* a new table begins without records */
	assert_int_equal(look(f, &len, &last), 0);
}

static void refuses(void **state)
{
	struct fixture *f = *state;
	const uint64_t v = 0;
	const struct bf_write beyond = { "class", 2 * HALF + 4096, &v, 8 }, other = { "cells", 0, &v, 8 };
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV6, "ip6-filter", 1, 1);
	const struct bf_change plain = { "ip6-filter", img, NULL, 0, NULL, 0 };
	uint64_t last;
	size_t len;

	commit(f);
	assert_int_equal(bf_ns_commit(f->ns, &plain, 1, &f->d), 0);
	assert_int_equal(bf_ns_patch(f->ns, "ip6-filter", 0, NULL, 0, &v, 8, false, &f->d), -EOPNOTSUPP);
	assert_int_equal(bf_ns_patch(f->ns, "none", 0, NULL, 0, &v, 8, false, &f->d), -EOPNOTSUPP);
	assert_int_equal(patch(f, 1, 1), -EAGAIN);
	assert_int_equal(bf_ns_patch(f->ns, "ip-filter", 0, &beyond, 1, &v, 8, false, &f->d), -EINVAL);
	assert_int_equal(bf_ns_patch(f->ns, "ip-filter", 0, &other, 1, &v, 8, false, &f->d), -ENOENT);
	assert_int_equal(bf_ns_patch(f->ns, "ip-filter", 0, NULL, 0, &v, 7, false, &f->d), -EINVAL);
	assert_int_equal(look(f, &len, &last), 0);
	assert_int_equal(len, 0);
}

/* Somebody's `nft flush ruleset` lasts until the next change, this way too. */
static void heals_the_companion(void **state)
{
	struct fixture *f = *state;

	commit_with(f, true);
	assert_int_equal(system("nft list tables | grep -q bpfilter-ip-filter"), 0);
	assert_int_equal(system("nft flush ruleset"), 0);
	assert_int_equal(patch(f, 0, 1), 0);
	assert_int_equal(system("nft list tables | grep -q bpfilter-ip-filter"), 0);
	assert_int_equal(patch(f, 1, 1), 0);
}

/* No packet sees a half that is being written. */
static void halves_are_whole(void **state)
{
	struct fixture *f = *state;
	struct test_flood fl[2];

	commit(f);
	for (int i = 0; i < 2; i++)
		test_flood_start(&fl[i]);
	for (uint64_t v = 0; v < 400; v++)
		assert_int_equal(patch(f, v, v + 1), 0);
	for (int i = 0; i < 2; i++) {
		test_flood_stop(&fl[i]);
		assert_true(fl[i].sent > 20);
		assert_int_equal(fl[i].sent, fl[i].delivered);
	}
}

/* Killed wherever it was: the number of records is the version, the last record is in the half that is looked at. */
static void killed(void **state)
{
	struct fixture *f = *state;
	uint64_t version = 0, seen = 0, last;
	size_t len;

	commit(f);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid)
			for (uint64_t v = version;; v++)
				if (patch(f, v, 1000 + v))
					_exit(1);
		nanosleep(&(struct timespec){ .tv_nsec = 1 + rand() % 4000000 }, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		seen -= version;
		version = look(f, &len, &last);
		seen += version;
		assert_int_equal(len, 8 * version);
		if (version)
			assert_int_equal(last, 999 + version);
		if (len > ROOM / 2) {
			commit(f);
			version = 0;
		}
	}
	assert_true(seen > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(heals_the_companion, setup, teardown),
		cmocka_unit_test_setup_teardown(halves_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
