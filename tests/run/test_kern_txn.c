/* SPDX-License-Identifier: GPL-2.0-only */
/* Transactions: what is enforced, stored and counted before and after each, with real packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <sys/stat.h>

#include "kern/load.h"
#include "kern/ns.h"
#include "kern/sys.h"
#include "run/fixture.h"
#include "run/image.h"

static void commit(struct fixture *f, const struct bf_change *c, uint32_t n)
{
	if (bf_ns_commit(f->ns, c, n, &f->d))
		fail_msg("commit: %s", f->d.text.data);
}

/* Replaces a unit by one with a program at one hook; old may be NULL. */
static void commit_verdict(struct fixture *f, const char *unit, uint8_t family, uint8_t hook, int verdict,
                           struct bf_rt_counter *old, uint32_t n_old)
{
	_cleanup_image_ struct bf_image *img = test_image(family, unit, 2, 4);

	test_image_verdict(img, hook, 0, 1, verdict);
	commit(f, &(struct bf_change){ unit, img, "state", 5, old, n_old }, 1);
}

static void counters(struct fixture *f, const char *unit, struct bf_rt_counter *c, uint32_t n)
{
	struct bf_unit *u;

	assert_int_equal(bf_unit_open(f->ns, unit, &u), 0);
	assert_int_equal(bf_unit_n_counters(u), n);
	assert_int_equal(bf_unit_counters(u, c, n), 0);
	bf_unit_close(u);
}

static void nothing_at_first(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct bf_buf b = { 0 };
	struct bf_unit *u;

	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), -ENOENT);
	assert_int_equal(bf_ns_units(f->ns, &b), 0);
	assert_int_equal(b.len, 0);
}

static void drop_and_accept(void **state)
{
	struct fixture *f = *state;
	struct bf_rt_counter c[2], old[2];

	assert_true(test_udp_send(&f->v4, 100));
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_DROP, NULL, 0);
	for (int i = 0; i < 3; i++)
		assert_false(test_udp_send(&f->v4, 100));
	assert_true(test_udp_send(&f->v6, 100));
	counters(f, "ip-filter", c, 2);
	assert_int_equal(c[1].packets, 3);
	assert_int_equal(c[1].bytes, 3 * 128);
	assert_int_equal(c[0].packets, 0);
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_ACCEPT, old, 2);
	assert_int_equal(old[1].packets, 3);
	assert_int_equal(old[1].bytes, 3 * 128);
	assert_true(test_udp_send(&f->v4, 100));
	counters(f, "ip-filter", c, 2);
	assert_int_equal(c[1].packets, 1);
}

/* A hook that the next ruleset does not need is left; one that it needs is attached. */
static void hooks_come_and_go(void **state)
{
	struct fixture *f = *state;

	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 1));
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_FORWARD, NF_DROP, NULL, 0);
	assert_true(test_udp_send(&f->v4, 1));
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 1));
	commit(f, &(struct bf_change){ .unit = "ip-filter" }, 1);
	assert_true(test_udp_send(&f->v4, 1));
}

/* Links of ours in the directory: those of hooks, without backstops. */
static unsigned links(struct fixture *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++) {
		char path[200];

		snprintf(path, sizeof(path), "/run/bpfilter/%llu/link-%u", (unsigned long long)bf_ns_cookie(f->ns), i);
		n += !access(path, F_OK);
	}
	return n;
}

static void no_programs_nothing_attached(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 3, 4);
	const struct bf_rt_counter add[3] = { { 1, 2 }, { 0, 0 }, { 5, 6 } };
	struct bf_rt_counter c[3];
	char big[100000];
	struct bf_unit *u;
	const void *p;
	size_t len;

	memset(big, 'x', sizeof(big));
	commit(f, &(struct bf_change){ "ip-filter", img, big, sizeof(big) }, 1);
	assert_int_equal(links(f), 0);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	p = bf_unit_state(u, &len);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(p, big, len);
	assert_int_equal(bf_unit_add_counters(u, add, 3), 0);
	assert_int_equal(bf_unit_add_counters(u, add, 4), -EINVAL);
	bf_unit_close(u);
	counters(f, "ip-filter", c, 3);
	assert_memory_equal(c, add, sizeof(add));
	/* with programs, links come; without, they go, and counters are handed back */
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_ACCEPT, c, 3);
	assert_memory_equal(c, add, sizeof(add));
	assert_int_equal(links(f), 1);
	commit(f, &(struct bf_change){ "ip-filter", img, big, sizeof(big) }, 1);
	assert_int_equal(links(f), 0);
}

/* A unit that is not touched goes on: programs, state and counters. */
static void carried_over(void **state)
{
	struct fixture *f = *state;
	struct bf_rt_counter c[2];
	struct bf_unit *u;
	size_t len;

	commit_verdict(f, "ip6-filter", NFPROTO_IPV6, NF_INET_LOCAL_IN, NF_DROP, NULL, 0);
	for (int i = 0; i < 5; i++) {
		assert_false(test_udp_send(&f->v6, 10));
		commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, i % 2, NULL, 0);
		assert_int_equal(test_udp_send(&f->v4, 10), i % 2);
		counters(f, "ip6-filter", c, 2);
		assert_int_equal(c[1].packets, i + 1);
		assert_int_equal(c[1].bytes, (i + 1) * 58);
	}
	assert_int_equal(bf_unit_open(f->ns, "ip6-filter", &u), 0);
	assert_memory_equal(bf_unit_state(u, &len), "state", 5);
	assert_int_equal(len, 5);
	bf_unit_close(u);
	assert_int_equal(links(f), 2);
}

/* Both or none: the second program is refused, and the first unit stays what it was as well. */
static void failure_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct bpf_insn bad[] = { I_LDX(BPF_DW, 0, 10, 8), I_EXIT };
	_cleanup_image_ struct bf_image *good = test_image(NFPROTO_IPV4, "ip-filter", 2, 1);
	_cleanup_image_ struct bf_image *broken = test_image(NFPROTO_IPV6, "ip6-filter", 2, 1);
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_rt_counter c[2];
	const struct bf_change both[] = { { "ip-filter", good, "new", 3 }, { "ip6-filter", broken, "new", 3 } };
	struct bf_unit *u;
	size_t len;

	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 10));
	test_image_verdict(good, NF_INET_LOCAL_IN, 0, 1, NF_ACCEPT);
	test_image_prog(broken, NF_INET_LOCAL_OUT, 0, bad, 2, NULL, 0);
	assert_int_equal(bf_ns_commit(f->ns, both, 2, &d), -EACCES);
	assert_non_null(strstr(d.text.data, "verifier"));
	assert_false(test_udp_send(&f->v4, 10));
	assert_true(test_udp_send(&f->v6, 10));
	assert_int_equal(links(f), 1);
	assert_int_equal(bf_unit_open(f->ns, "ip6-filter", &u), -ENOENT);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_memory_equal(bf_unit_state(u, &len), "state", 5);
	assert_int_equal(bf_unit_counters(u, c, 2), 0);
	assert_int_equal(c[1].packets, 2);
	bf_unit_close(u);
}

static void refuses_nonsense(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "x", 2, 1);
	struct bf_rt_counter c[2];
	const struct bf_change dots = { "a.b", img }, slash = { "a/b", img }, none = { "", img };
	const struct bf_change twice[] = { { "x", img }, { "x", img } }, olds = { "x", img, NULL, 0, c, 2 };

	assert_int_equal(bf_ns_commit(f->ns, &dots, 1, NULL), -EINVAL);
	assert_int_equal(bf_ns_commit(f->ns, &slash, 1, NULL), -EINVAL);
	assert_int_equal(bf_ns_commit(f->ns, &none, 1, NULL), -EINVAL);
	assert_int_equal(bf_ns_commit(f->ns, twice, 2, NULL), -EINVAL);
	assert_int_equal(bf_ns_commit(f->ns, &olds, 1, NULL), -EINVAL);
	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 1, NF_DROP);
	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 1, NF_DROP);
	assert_int_equal(bf_ns_commit(f->ns, &(struct bf_change){ "x", img }, 1, NULL), -EINVAL);
	assert_true(test_udp_send(&f->v4, 10));
	bf_ns_unlock(f->ns);
	assert_int_equal(bf_ns_commit(f->ns, NULL, 0, NULL), -EINVAL);
	assert_int_equal(bf_ns_lock(f->ns, 0), 0);
}

/* Somebody sits at the places we like: the next four are taken. */
static void places_taken(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "t", 2, 1);
	_cleanup_loaded_ struct bf_loaded l = { 0 };
	int a, b;

	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 1, NF_ACCEPT);
	assert_int_equal(bf_load(&l, img, NULL, NULL), 0);
	a = bf_link_netfilter(l.progs[0], NFPROTO_IPV4, NF_INET_LOCAL_IN, -3, 0);
	b = bf_link_netfilter(l.progs[0], NFPROTO_IPV4, NF_INET_LOCAL_IN, -7, 0);
	assert_true(a >= 0 && b >= 0);
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_DROP, NULL, 0);
	assert_int_equal(bf_link_netfilter(l.progs[0], NFPROTO_IPV4, NF_INET_LOCAL_IN, -11, 0), -EBUSY);
	assert_false(test_udp_send(&f->v4, 10));
	close(a);
	close(b);
}

/* Tables of ours in nf_tables, as nft lists them. */
static void tables(char *out, size_t size)
{
	FILE *p = popen("nft list tables | grep bpfilter- | tr '\\n' ' '", "r");

	memset(out, 0, size);
	fread(out, 1, size - 1, p);
	pclose(p);
}

static void commit_conntrack(struct fixture *f, const char *unit, bool conntrack)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, unit, 2, 4);

	img->conntrack = conntrack;
	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 1, NF_ACCEPT);
	commit(f, &(struct bf_change){ unit, img }, 1);
}

/* The companion's table comes with the unit that needs it, stays when others change, is healed, and goes. */
static void companion_tables(void **state)
{
	struct fixture *f = *state;
	char first[200], then[200];

	commit_conntrack(f, "ip-filter", false);
	tables(first, sizeof(first));
	assert_string_equal(first, "");
	commit_conntrack(f, "ip-filter", true);
	tables(first, sizeof(first));
	assert_memory_equal(first, "table ip bpfilter-ip-filter-", 28);
	commit_verdict(f, "other", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_ACCEPT, NULL, 0);
	tables(then, sizeof(then));
	assert_string_equal(first, then);
	assert_int_equal(system("nft flush ruleset"), 0);
	commit_verdict(f, "other", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_ACCEPT, NULL, 0);
	tables(then, sizeof(then));
	assert_string_equal(first, then);
	commit_conntrack(f, "ip-filter", false);
	tables(then, sizeof(then));
	assert_string_equal(then, "");
}

/* Switches under a flood; gives the sum of all counters of all generations. */
static uint64_t switches(struct fixture *f, struct test_flood *fl, int n, int verdict)
{
	struct bf_rt_counter old[2] = { 0 };
	uint64_t sum = 0;

	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, verdict, NULL, 0);
	test_flood_start(fl);
	for (int i = 0; i < n; i++) {
		commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_IN, verdict, old, 2);
		sum += old[1].packets;
	}
	test_flood_stop(fl);
	counters(f, "ip-filter", old, 2);
	return sum + old[1].packets;
}

/* A program that a packet needs 2 ms to go through, counted at its end. */
static void commit_slow(struct fixture *f, struct bf_rt_counter *old, uint32_t n_old)
{
	const struct bpf_insn insns[] = {
		I_CALL(5), /* ktime_get_ns */
		I_MOV64R(7, 0),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 7, .imm = 2000000 },
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_MOV64(2, 0), I_MOV64(3, 1 << 22),
		I_CALL(0), /* 7: new */
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_CALL(0), /* 10: next */
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 2 },
		I_CALL(5),
		{ .code = BPF_JMP | BPF_JLT | BPF_X, .dst_reg = 0, .src_reg = 7, .off = -6 },
		I_MOV64R(1, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		I_CALL(0), /* 16: destroy */
		I_LD64(3), I_ZERO, /* 17: counters */
		I_MOV64(4, 1),
		I_ADD_MEM(3, 4, 0),
		I_MOV64(0, NF_ACCEPT),
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 7, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_new" },
		{ .insn = 10, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_next" },
		{ .insn = 16, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_destroy" },
		{ .insn = 17, .kind = BF_RELOC_MAP_VALUE },
	};
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 1, 1);

	test_image_map(img, (struct bf_map_spec){ "counters", BF_MAP_COUNTERS, BPF_MAP_TYPE_ARRAY, 4, 16, 1,
	                                          BPF_F_MMAPABLE });
	test_image_prog(img, NF_INET_LOCAL_OUT, 0, insns, BF_ARRAY_SIZE(insns), relocs, BF_ARRAY_SIZE(relocs));
	commit(f, &(struct bf_change){ "ip-filter", img, NULL, 0, old, n_old }, 1);
}

/* Packets that are inside the old program at the switch count there: the old counters are read when they have left. */
static void old_counters_are_final(void **state)
{
	struct fixture *f = *state;
	struct test_flood fl;
	struct bf_rt_counter old;
	uint64_t sum = 0;

	commit_slow(f, NULL, 0);
	test_flood_start(&fl);
	for (int i = 0; i < 50 || __atomic_load_n(&fl.sent, __ATOMIC_RELAXED) < 100; i++) {
		commit_slow(f, &old, 1);
		sum += old.packets;
	}
	test_flood_stop(&fl);
	counters(f, "ip-filter", &old, 1);
	assert_int_equal(sum + old.packets, fl.sent);
	assert_true(fl.sent > 20);
}

static int n_switches(void)
{
	const char *s = getenv("BF_TEST_SWITCHES");

	return s ? atoi(s) : 1000;
}

static void accept_loses_none(void **state)
{
	struct test_flood fl;
	uint64_t counted = switches(*state, &fl, n_switches(), NF_ACCEPT);

	print_message("%lu packets, %d switches\n", fl.sent, n_switches());
	assert_int_equal(fl.sent, fl.delivered);
	assert_int_equal(counted, fl.sent);
}

static void drop_leaks_none(void **state)
{
	struct test_flood fl;
	uint64_t counted = switches(*state, &fl, n_switches(), NF_DROP);

	print_message("%lu packets, %d switches\n", fl.sent, n_switches());
	assert_int_equal(fl.delivered, 0);
	assert_int_equal(counted, fl.sent);
}

/* Destroyed state leaves neither directory nor filtering; a handle can be used on. */
static void destroy(void **state)
{
	struct fixture *f = *state;
	char path[200];

	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 10));
	assert_int_equal(bf_ns_destroy(f->ns, &f->d), 0);
	assert_true(test_udp_send(&f->v4, 10));
	snprintf(path, sizeof(path), "/run/bpfilter/%llu", (unsigned long long)bf_ns_cookie(f->ns));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(bf_ns_lock(f->ns, 0), 0);
	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 10));
}

/* Another namespace than the caller's, by descriptor; the caller stays where it is. */
static void foreign_namespace(void **state)
{
	struct fixture *f = *state, there = { .ns = NULL };
	struct stat before, after;
	int fd = test_net_fd();
	char text[200];

	test_net_new();
	assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
	assert_int_equal(bf_ns_open(&there.ns, fd, true, &there.d), 0);
	assert_int_equal(bf_ns_cookie(there.ns), bf_ns_cookie(f->ns));
	bf_ns_unlock(f->ns);
	assert_int_equal(bf_ns_lock(there.ns, 0), 0);
	commit_verdict(&there, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_DROP, NULL, 0);
	assert_false(test_udp_send(&f->v4, 10)); /* sockets stay in their namespace */
	commit_conntrack(&there, "ip-filter", true);
	tables(text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
	close(fd);
	tables(text, sizeof(text));
	assert_memory_equal(text, "table ip bpfilter-ip-filter-", 28);
	bf_ns_close(there.ns);
	assert_int_equal(bf_ns_lock(f->ns, 0), 0);
}

/* What another version stored is neither misread nor overwritten. */
static void another_version(void **state)
{
	struct fixture *f = *state;
	_cleanup_diag_ struct bf_diag d = { 0 };
	uint32_t *meta;
	struct bf_ns *ns;
	char path[200];
	int fd;

	commit_verdict(f, "ip-filter", NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_DROP, NULL, 0);
	snprintf(path, sizeof(path), "/run/bpfilter/%llu/meta", (unsigned long long)bf_ns_cookie(f->ns));
	fd = bf_pin_get(path);
	meta = bf_map_mmap(fd, 4096, true);
	assert_non_null(meta);
	meta[1]++;
	assert_int_equal(bf_ns_open(&ns, -1, true, &d), -EPROTONOSUPPORT);
	assert_non_null(strstr(d.text.data, "rm -r /run/bpfilter/"));
	meta[1]--;
	bf_map_munmap(meta, 4096);
	close(fd);
	assert_false(test_udp_send(&f->v4, 10));
}

/* What is asked of the kernel's types is asked once, in all processes: the second time nobody opens them. */
static void types_are_remembered(void **state)
{
	struct fixture *f = *state;
	struct bf_types t;
	uint32_t first, again;

	for (int i = 0; i < 2; i++) {
		bf_types_open(&t, f->ns->base);
		assert_true(t.known >= 0);
		assert_int_equal(bf_types_ask(&t, BF_RELOC_OFFSET, "sk_buff", "hash", i ? &again : &first, NULL), 0);
		if (i)
			assert_null(t.btf);
		assert_int_equal(bf_types_ask(&t, BF_RELOC_SIZE, "sk_buff", "hash", &again, NULL), 0);
		assert_int_equal(again, 4);
		assert_int_equal(bf_types_ask(&t, BF_RELOC_OFFSET, "sk_buff", "no_such", &again, NULL), -ENOENT);
		bf_types_close(&t);
	}
	bf_types_open(&t, NULL);
	assert_int_equal(bf_types_ask(&t, BF_RELOC_OFFSET, "sk_buff", "hash", &again, NULL), 0);
	assert_int_equal(again, first);
	bf_types_close(&t);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_at_first),
		CASE(drop_and_accept),
		CASE(hooks_come_and_go),
		CASE(no_programs_nothing_attached),
		CASE(carried_over),
		CASE(failure_changes_nothing),
		CASE(refuses_nonsense),
		CASE(places_taken),
		CASE(companion_tables),
		CASE(old_counters_are_final),
		CASE(accept_loses_none),
		CASE(drop_leaks_none),
		CASE(foreign_namespace),
		CASE(another_version),
		CASE(types_are_remembered),
		CASE(destroy),
	};

	return cmocka_run_group_tests_name("kern_txn", tests, NULL, NULL);
}
