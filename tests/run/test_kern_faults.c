/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every system call and every allocation of a change fails once, and the
 * process dies before each of them once. After each: the old rules or the new
 * ones are enforced, whole, and what is stored says the same; nothing is left
 * open or pinned; the next change works at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <dirent.h>
#include <linux/netfilter.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kern/kern.h"
#include "kern/ns.h"
#include "kern/path.h"
#include "run/fault.h"
#include "run/image.h"
#include "run/net.h"

static struct test_udp v4, v6;
static struct bf_diag diag;
static unsigned rules_dir_entries;

static enum fault next_fault; /* for the next commit, and only there */
static unsigned next_at;

/* Images and the like are made before: only what a change itself does shall fail. */
static void arm(void)
{
	fault_arm(next_fault, next_at);
}

static struct bf_ns *open_ns(void)
{
	struct bf_ns *ns;

	if (bf_ns_open(&ns, -1, true, &diag))
		fail_msg("open: %s", diag.text.data);
	return ns;
}

/* "old": IPv4 input dropped. "new": output of both families dropped. The third unit is never touched. */
static int change(struct bf_ns *ns, const char *state)
{
	bool is_old = !strcmp(state, "old");
	_cleanup_image_ struct bf_image *a = test_image(NFPROTO_IPV4, "ip-filter", 2, 2);
	_cleanup_image_ struct bf_image *b = test_image(NFPROTO_IPV6, "ip6-filter", 2, 2);
	const struct bf_change c[] = { { "ip-filter", a, state, 3 }, { "ip6-filter", b, state, 3 } };

	a->conntrack = !is_old;
	test_image_verdict(a, is_old ? NF_INET_LOCAL_IN : NF_INET_LOCAL_OUT, 0, 1, NF_DROP);
	test_image_verdict(b, NF_INET_LOCAL_OUT, 0, 1, is_old ? NF_ACCEPT : NF_DROP);
	if (!is_old) {
		test_image_hook(a, BF_HOOK_XDP, "lo", 0, 0, BF_DROP);
		test_image_hook(a, BF_HOOK_TC_EGRESS, "lo", 0, 0, BF_DROP);
	}
	arm();
	return bf_ns_commit(ns, c, 2, &diag);
}

static void carried_unit(struct bf_ns *ns)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "carried", 1, 1);

	img->conntrack = true;
	test_image_verdict(img, NF_INET_POST_ROUTING, 0, 0, NF_ACCEPT);
	arm();
	if (bf_ns_commit(ns, &(struct bf_change){ "carried", img, "c", 1 }, 1, &diag))
		fail_msg("%s", diag.text.data);
}

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.' && strncmp(e->d_name, "dispatch-", 9); /* prog arrays stay, once made */
	if (d)
		closedir(d);
	return n;
}

static unsigned dir_entries(struct bf_ns *ns)
{
	char path[100];

	snprintf(path, sizeof(path), "/run/bpfilter/%llu", (unsigned long long)bf_ns_cookie(ns));
	return entries(path);
}

static char stored(struct bf_ns *ns, const char *unit)
{
	struct bf_unit *u;
	size_t len;
	char c;

	if (bf_unit_open(ns, unit, &u))
		return '-';
	c = *(const char *)bf_unit_state(u, &len);
	bf_unit_close(u);
	return c;
}

/* What is stored and what packets experience agree, and are all old or all new. */
static bool is_new(struct bf_ns *ns, const char *when)
{
	char a = stored(ns, "ip-filter"), b = stored(ns, "ip6-filter"), c = stored(ns, "carried");
	bool ok4 = test_udp_send(&v4, 10), ok6 = test_udp_send(&v6, 10);

	if (a != b || ok4 || ok6 != (a == 'o') || c != 'c')
		fail_msg("%s: stored %c %c %c, IPv4 %s, IPv6 %s", when, a, b, c, ok4 ? "passes" : "dropped",
		         ok6 ? "passes" : "dropped");
	return a == 'n';
}

static int tables(void)
{
	FILE *p = popen("nft list tables | grep -c bpfilter-", "r");
	int n = -1;

	if (fscanf(p, "%d", &n) != 1)
		n = -1;
	pclose(p);
	return n;
}

static void back_to_old(struct bf_ns *ns, const char *when)
{
	if (bf_ns_lock(ns, 0) || change(ns, "old"))
		fail_msg("%s: next change: %s", when, diag.text.data);
	assert_false(is_new(ns, when));
	if (dir_entries(ns) != rules_dir_entries)
		fail_msg("%s: %u entries instead of %u", when, dir_entries(ns), rules_dir_entries);
	if (tables() != 1)
		fail_msg("%s: %d tables instead of 1", when, tables());
}

static struct bf_ns *start_here(void)
{
	struct bf_ns *ns;

	v4 = test_udp_open(AF_INET);
	v6 = test_udp_open(AF_INET6);
	ns = open_ns();
	assert_int_equal(bf_ns_lock(ns, 1000), 0);
	carried_unit(ns);
	if (change(ns, "old"))
		fail_msg("%s", diag.text.data);
	rules_dir_entries = dir_entries(ns);
	return ns;
}

static struct bf_ns *start(void)
{
	test_net_new();
	return start_here();
}

static void end(struct bf_ns *ns)
{
	assert_int_equal(bf_ns_lock(ns, 1000), 0);
	assert_int_equal(bf_ns_destroy(ns, &diag), 0);
	bf_ns_close(ns);
	test_udp_close(&v4);
	test_udp_close(&v6);
	bf_diag_free(&diag);
}

static void each_call_fails(void **state)
{
	struct bf_ns *ns = start();
	unsigned fds, n, calls;

	assert_int_equal(change(ns, "new"), 0); /* the handle keeps what it opened once */
	back_to_old(ns, "at first");
	fds = entries("/proc/self/fd");
	for (n = 1;; n++) {
		char when[100];
		bool was_new;
		int err;

		bf_diag_free(&diag);
		next_fault = FAULT_FAIL;
		next_at = n;
		err = change(ns, "new");
		next_fault = FAULT_NONE;
		calls = fault_disarm();
		snprintf(when, sizeof(when), "call %u (%s) failed, commit gave %d", n, fault_where(), err);
		was_new = is_new(ns, when);
		if (was_new == !!err)
			fail_msg("%s, but the %s rules are enforced", when, was_new ? "new" : "old");
		if (err && dir_entries(ns) > rules_dir_entries)
			fail_msg("%s: %u entries instead of %u", when, dir_entries(ns), rules_dir_entries);
		back_to_old(ns, when);
		if (entries("/proc/self/fd") != fds)
			fail_msg("%s: descriptors leaked", when);
		if (calls < n)
			break;
	}
	print_message("%u calls\n", n - 1);
	end(ns);
}

/* All of a first use and of the last: opening, locking, the first change, destroying. */
static int whole_life(void)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 2, 2);
	struct bf_ns *ns;
	int err;

	test_image_verdict(img, NF_INET_LOCAL_IN, 0, 1, NF_DROP);
	arm();
	err = bf_ns_open(&ns, -1, true, &diag);
	if (err)
		return err;
	err = bf_ns_lock(ns, 0);
	if (!err)
		err = bf_ns_commit(ns, &(struct bf_change){ "ip-filter", img, "o", 1 }, 1, &diag);
	if (!err)
		err = bf_ns_destroy(ns, &diag);
	bf_ns_close(ns);
	return err;
}

static void each_call_fails_at_first_use(void **state)
{
	unsigned fds = entries("/proc/self/fd"), n;
	bool all = false;

	for (n = 1; !all; n++) {
		struct bf_ns *ns;
		int err;

		test_net_new();
		bf_diag_free(&diag);
		next_fault = FAULT_FAIL;
		next_at = n;
		err = whole_life();
		next_fault = FAULT_NONE;
		all = fault_disarm() < n;
		if (all && err)
			fail_msg("without a failure: %d %s", err, diag.text.data);
		if (entries("/proc/self/fd") != fds)
			fail_msg("call %u (%s) failed: descriptors leaked", n, fault_where());
		ns = start_here();
		back_to_old(ns, fault_where());
		end(ns);
	}
	print_message("%u calls\n", n - 1);
}

/* A kernel without what is needed: told in words, nothing changed. */
static void kernel_lacks(enum fault what, const char *name, const char *hint)
{
	struct bf_ns *ns = start();
	char known[BF_PATH_MAX];
	int err;

	bf_path(known, "%s/types", ns->base);
	unlink(known); /* what it remembers of its types, it would not know either */
	next_fault = what;
	err = change(ns, "new");
	next_fault = FAULT_NONE;
	fault_disarm();
	assert_true(err < 0);
	if (!strstr(diag.text.data, name) || !strstr(diag.text.data, hint))
		fail_msg("not told: %s, %s; but: %s", name, hint, diag.text.data);
	assert_false(is_new(ns, name));
	end(ns);
}

static void no_netfilter_programs(void **state)
{
	kernel_lacks(FAULT_NO_NETFILTER, "missing: netfilter_link", "Linux 6.4");
}

static void no_btf(void **state)
{
	kernel_lacks(FAULT_NO_BTF, "missing: btf", "CONFIG_DEBUG_INFO_BTF");
}

static void child_dies(unsigned n, void (*what)(struct bf_ns *ns), bool *finished)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct bf_ns *ns;

		if (bf_ns_open(&ns, -1, true, NULL) || bf_ns_lock(ns, 5000))
			_exit(2);
		next_fault = FAULT_KILL;
		next_at = n;
		what(ns);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fail_msg("child: %d", WEXITSTATUS(status));
	*finished = WIFEXITED(status);
}

static void to_new(struct bf_ns *ns)
{
	if (change(ns, "new"))
		_exit(3);
}

static void killed_at_each_call(void **state)
{
	struct bf_ns *ns = start();
	unsigned n, new = 0;
	bool finished = false;

	for (n = 1; !finished; n++) {
		char when[100];

		bf_ns_unlock(ns);
		snprintf(when, sizeof(when), "killed at call %u", n);
		child_dies(n, to_new, &finished);
		new += is_new(ns, when);
		back_to_old(ns, when);
	}
	print_message("%u calls, %u of them behind the switch\n", n - 2, new - 1);
	assert_true(new > 1);
	end(ns);
}

static void first_change(struct bf_ns *ns)
{
	to_new(ns);
}

/* The first use, killed; the next one must find its way. */
static void killed_at_first_use(void **state)
{
	bool finished = false;

	for (unsigned n = 1; !finished; n++) {
		struct bf_ns *ns;

		test_net_new();
		v4 = test_udp_open(AF_INET);
		v6 = test_udp_open(AF_INET6);
		child_dies(n, first_change, &finished);
		ns = open_ns();
		assert_int_equal(bf_ns_lock(ns, 0), 0);
		carried_unit(ns);
		back_to_old(ns, "after first use");
		end(ns);
	}
}

static void destroy(struct bf_ns *ns)
{
	arm();
	if (bf_ns_destroy(ns, NULL))
		_exit(3);
}

static void killed_destroying(void **state)
{
	bool finished = false;

	for (unsigned n = 1; !finished; n++) {
		struct bf_ns *ns = start();

		bf_ns_unlock(ns);
		child_dies(n, destroy, &finished);
		assert_int_equal(bf_ns_lock(ns, 0), 0);
		carried_unit(ns);
		back_to_old(ns, "after destroy");
		end(ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_netfilter_programs),
		cmocka_unit_test(no_btf),
		cmocka_unit_test(each_call_fails),
		cmocka_unit_test(each_call_fails_at_first_use),
		cmocka_unit_test(killed_at_each_call),
		cmocka_unit_test(killed_at_first_use),
		cmocka_unit_test(killed_destroying),
	};

	return cmocka_run_group_tests_name("kern_faults", tests, NULL, NULL);
}
