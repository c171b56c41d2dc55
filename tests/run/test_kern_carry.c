/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters go on from unit to unit (kern/carry.c), wherever the writer is
 * killed: at each of its calls of some functions, one after the other; and
 * wherever it has no memory left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <sys/wait.h>

#include "kern/grace.h"
#include "kern/ns.h"
#include "kern/sys.h"
#include "run/fixture.h"
#include "run/image.h"

static int left = -1; /* calls until the process ends; -1: it does not */
static int fails = -1; /* calls of bf_map_mmap until one fails; -1: none does */

static void maybe_die(void)
{
	if (left >= 0 && !left--)
		_exit(7);
}

void __real_bf_grace_wait(const struct bf_grace *g);
void __wrap_bf_grace_wait(const struct bf_grace *g);
void __wrap_bf_grace_wait(const struct bf_grace *g)
{
	maybe_die();
	__real_bf_grace_wait(g);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	maybe_die();
	return __real_unlink(path);
}

void *__real_bf_map_mmap(int fd, size_t len, bool write);
void *__wrap_bf_map_mmap(int fd, size_t len, bool write);
void *__wrap_bf_map_mmap(int fd, size_t len, bool write)
{
	maybe_die();
	if (fails >= 0 && !fails--) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_bf_map_mmap(fd, len, write);
}

int __real_bf_pin(int fd, const char *path);
int __wrap_bf_pin(int fd, const char *path);
int __wrap_bf_pin(int fd, const char *path)
{
	maybe_die();
	return __real_bf_pin(fd, path);
}

static int commit(struct fixture *f, const char *state, const struct bf_carried *carried, uint32_t n)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 2, 1);
	const struct bf_change c = { .unit = "ip-filter", .image = img, .state = state, .state_len = 1, .carried = carried, .n_carried = n };

	test_image_map(img, (struct bf_map_spec){ .name = "counters", .role = BF_MAP_COUNTERS, .type = BPF_MAP_TYPE_ARRAY,
	                                          .key_size = 4, .value_size = 32, .max_entries = 1, .map_flags = BPF_F_MMAPABLE });
	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 0, NF_ACCEPT);
	return bf_ns_commit(f->ns, &c, 1, &f->d);
}

static void expect(struct fixture *f, uint64_t a, uint64_t b)
{
	struct bf_rt_counter c[2];
	struct bf_unit *u;

	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_counters(u, c, 2), 0);
	bf_unit_close(u);
	if (c[0].packets != a || c[1].packets != b || c[0].bytes != 10 * a || c[1].bytes != 10 * b)
		fail_msg("counters %llu %llu, not %llu %llu", c[0].packets, c[1].packets, (unsigned long long)a, (unsigned long long)b);
}

static char state_of(struct fixture *f)
{
	struct bf_unit *u;
	size_t len;
	char c;

	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	c = *(const char *)bf_unit_state(u, &len);
	bf_unit_close(u);
	return c;
}

static void begin(struct fixture *f)
{
	const struct bf_rt_counter first[2] = { { 3, 30 }, { 5, 50 } };
	struct bf_unit *u;

	if (commit(f, "a", NULL, 0))
		fail_msg("commit: %s", f->d.text.data);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_add_counters(u, first, 2), 0);
	bf_unit_close(u);
	expect(f, 3, 5);
}

/* They change places, and one has some more. */
static const struct bf_carried swapped[] = { { 0, 1, 0, 0 }, { 1, 0, 0, 0 }, { 1, BF_CARRIED_NONE, 100, 1000 } };
static const struct bf_carried same[] = { { 0, 0, 0, 0 }, { 1, 1, 0, 0 } };

/* In a child that ends at its n-th call: true when it was killed. */
static bool commit_until(struct fixture *f, int n)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		left = n;
		_exit(commit(f, "b", swapped, 3) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 1)
		fail_msg("the change failed at call %d", n);
	return WEXITSTATUS(status) == 7;
}

static void killed(void **state)
{
	struct fixture *f = *state;
	unsigned before = 0, behind = 0;
	bool was_killed;
	int n = 0;

	do {
		begin(f);
		was_killed = commit_until(f, n++);
		bf_ns_unlock(f->ns);
		assert_int_equal(bf_ns_lock(f->ns, -1), 0); /* the next writer */
		if (state_of(f) == 'a') {
			before++;
			expect(f, 3, 5);
		} else {
			behind++;
			expect(f, 5, 103);
			bf_ns_unlock(f->ns);
			assert_int_equal(bf_ns_lock(f->ns, -1), 0); /* nothing is done twice */
			expect(f, 5, 103);
			assert_int_equal(commit(f, "c", same, 2), 0);
			expect(f, 5, 103);
		}
	} while (was_killed);
	print_message("killed at %d calls: %u times before the switch, %u times behind it\n", n - 1, before, behind - 1);
	assert_true(before > 3 && behind > 5);
}

/* Behind the switch a change has happened: what it has no memory for the next writer does. */
static void short_of_memory(void **state)
{
	struct fixture *f = *state;
	unsigned behind = 0;
	int n = 0, unused;

	do {
		begin(f);
		fails = n++;
		behind += !commit(f, "b", swapped, 3);
		unused = fails;
		fails = -1;
		if (state_of(f) == 'a') {
			expect(f, 3, 5);
			continue;
		}
		if (n % 2) { /* else the next change in the same process does */
			bf_ns_unlock(f->ns);
			assert_int_equal(bf_ns_lock(f->ns, -1), 0);
			expect(f, 5, 103);
		}
		assert_int_equal(commit(f, "c", same, 2), 0);
		expect(f, 5, 103);
	} while (unused < 0);
	print_message("no memory at %d calls, %u times behind the switch\n", n - 1, behind - 1);
	assert_true(behind > 4);
}

/* What is taken is the base's as well, and only what is asked for. */
static void taken(void **state)
{
	struct fixture *f = *state;
	const bool which[2] = { false, true };
	struct bf_rt_counter c[2];
	struct bf_unit *u;

	begin(f);
	assert_int_equal(commit(f, "b", swapped, 3), 0);
	expect(f, 5, 103);
	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_take_counters(u, which, c, 2), 0);
	bf_unit_close(u);
	assert_int_equal(c[1].packets, 103);
	expect(f, 5, 0);
	assert_int_equal(commit(f, "c", same, 2), 0);
	expect(f, 5, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(short_of_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
