/* SPDX-License-Identifier: GPL-2.0-only */
/* Namespaces that only our links keep are released; whatever else refers to one keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kern/kern.h"
#include "kern/netlist.h"
#include "kern/sys.h"
#include "run/image.h"
#include "run/net.h"

static struct bf_diag diag;
static int home;

static bool has_dir(uint64_t cookie)
{
	char path[100];

	snprintf(path, sizeof(path), "/run/bpfilter/%llu", (unsigned long long)cookie);
	return !access(path, F_OK);
}

static bool is_alive(uint64_t cookie)
{
	_cleanup_netlist_ struct bf_netlist l = BF_NETLIST_NONE;
	const struct bf_netns *list;
	uint32_t n;

	assert_int_equal(bf_netlist_open(&l, NULL, &diag), 0);
	for (int i = 0; i < 10; i++)
		if (!bf_netlist_look(&l, &list, &n)) {
			for (uint32_t k = 0; k < n; k++)
				if (list[k].cookie == cookie)
					return true;
			return false;
		}
	fail_msg("the list of namespaces is never complete");
	return false;
}

/* A namespace with rules; the thread is in it afterwards. */
static uint64_t filtered_ns(bool programs)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "t", 1, 1);
	struct bf_ns *ns;
	uint64_t cookie;

	test_net_new();
	if (programs) {
		test_image_verdict(img, NF_INET_LOCAL_IN, 0, 0, NF_DROP);
		test_image_verdict(img, NF_INET_LOCAL_OUT, 0, 0, NF_DROP);
	}
	if (bf_ns_open(&ns, -1, true, &diag) || bf_ns_lock(ns, 1000) ||
	    bf_ns_commit(ns, &(struct bf_change){ "t", img }, 1, &diag))
		fail_msg("%s", diag.text.data);
	cookie = bf_ns_cookie(ns);
	bf_ns_close(ns);
	return cookie;
}

static void go_home(void)
{
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
}

static void stays(uint64_t cookie, const char *why)
{
	assert_true(bf_ns_collect(&diag) >= 0);
	if (!has_dir(cookie))
		fail_msg("released although %s", why);
}

static void goes(uint64_t cookie)
{
	for (int i = 0; i < 100 && has_dir(cookie); i++) { /* references are dropped a moment after a process ends */
		assert_true(bf_ns_collect(&diag) >= 0);
		usleep(10000);
	}
	assert_false(has_dir(cookie));
	for (int i = 0; i < 100 && is_alive(cookie); i++)
		usleep(10000);
	assert_false(is_alive(cookie));
}

static void process_keeps(void **state)
{
	uint64_t cookie = filtered_ns(true);
	int pipes[2];
	char c;
	pid_t pid;

	stays(cookie, "we are in it");
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		_exit(read(pipes[0], &c, 1));
	}
	go_home();
	stays(cookie, "a process is in it");
	close(pipes[0]);
	close(pipes[1]);
	waitpid(pid, NULL, 0);
	goes(cookie);
}

static void descriptor_keeps(void **state)
{
	uint64_t cookie = filtered_ns(true);
	int fd = test_net_fd();

	go_home();
	stays(cookie, "a descriptor is open");
	close(fd);
	goes(cookie);
}

static void socket_keeps(void **state)
{
	uint64_t cookie = filtered_ns(true);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	go_home();
	stays(cookie, "a socket is open");
	close(fd);
	goes(cookie);
}

static void mount_keeps(void **state)
{
	uint64_t cookie = filtered_ns(true);
	char file[] = "/tmp/bf-gc-XXXXXX";

	close(mkstemp(file));
	assert_int_equal(mount("/proc/thread-self/ns/net", file, NULL, MS_BIND, NULL), 0);
	go_home();
	stays(cookie, "it is mounted");
	assert_int_equal(umount(file), 0);
	unlink(file);
	goes(cookie);
}

static void handle_keeps(void **state)
{
	uint64_t cookie = filtered_ns(true);
	struct bf_ns *ns;

	assert_int_equal(bf_ns_open(&ns, -1, false, &diag), 0);
	go_home();
	stays(cookie, "somebody works on it");
	bf_ns_close(ns);
	goes(cookie);
}

/* A pinned link that somebody detached holds no reference: it must not be taken for one that is held by others. */
static void detached_link_does_not_count(void **state)
{
	uint64_t cookie = filtered_ns(true);
	int fd = test_net_fd(), link;
	char path[100];

	go_home();
	snprintf(path, sizeof(path), "/run/bpfilter/%llu/link-0", (unsigned long long)cookie);
	link = bf_pin_get(path);
	assert_true(link >= 0);
	assert_int_equal(bf_link_detach(link), 0);
	close(link);
	stays(cookie, "a descriptor is open, and one link is detached");
	close(fd);
	goes(cookie);
}

/* Nothing keeps such a namespace; only the directory is left. */
static void state_without_links(void **state)
{
	uint64_t cookie = filtered_ns(false);

	stays(cookie, "we are in it");
	go_home();
	goes(cookie);
}

/* The first use in a new namespace looks after those that are left over. */
static void first_use_collects(void **state)
{
	uint64_t cookie = filtered_ns(true), another = 0;

	go_home();
	for (int i = 0; i < 100 && has_dir(cookie); i++) {
		another = filtered_ns(true);
		go_home();
		usleep(10000);
	}
	assert_false(has_dir(cookie));
	goes(another);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_keeps),
		cmocka_unit_test(descriptor_keeps),
		cmocka_unit_test(socket_keeps),
		cmocka_unit_test(mount_keeps),
		cmocka_unit_test(handle_keeps),
		cmocka_unit_test(detached_link_does_not_count),
		cmocka_unit_test(state_without_links),
		cmocka_unit_test(first_use_collects),
	};

	home = test_net_fd();
	return cmocka_run_group_tests_name("kern_gc", tests, NULL, NULL);
}
