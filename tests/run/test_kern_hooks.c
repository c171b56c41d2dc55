/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs at XDP, tc and control groups: each hook, with real packets; what becomes of them when devices and groups go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kern/attach.h"
#include "kern/sys.h"
#include "run/fixture.h"
#include "run/image.h"

/* A kernel without tcx, when a test wants one: its links are -EINVAL there. */
static bool no_tcx;
static unsigned bpf_calls, kill_at;

int __real_bf_sys_bpf(int cmd, void *attr, unsigned size);
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size);
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size)
{
	const union bpf_attr *a = attr;

	if (++bpf_calls == kill_at)
		kill(getpid(), SIGKILL);
	if (no_tcx && cmd == BPF_LINK_CREATE &&
	    (a->link_create.attach_type == bf_hook_kinds[BF_HOOK_TC_INGRESS].attach ||
	     a->link_create.attach_type == bf_hook_kinds[BF_HOOK_TC_EGRESS].attach))
		return -EINVAL;
	return __real_bf_sys_bpf(cmd, attr, size);
}

static char group[64]; /* the control group that the test runs in */

static void run(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static void join(const char *path)
{
	int dir = bf_cgroup_open(path), fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%d", getpid()) > 0);
	close(fd);
	close(dir);
}

static int make_group(void **state)
{
	int root = bf_cgroup_open("/"), err;

	snprintf(group, sizeof(group), "/bf-hooks-%d", getpid());
	err = mkdirat(root, group + 1, 0755);
	close(root);
	if (!err)
		join(group);
	return err;
}

static int remove_group(void **state)
{
	int root = bf_cgroup_open("/"), err;

	join("/");
	err = unlinkat(root, group + 1, AT_REMOVEDIR);
	close(root);
	return err;
}

static int commit_image(struct fixture *f, const char *unit, struct bf_image *img)
{
	const struct bf_change c = { .unit = unit, .image = img, .state = "s", .state_len = 1 };

	bf_diag_free(&f->d);
	f->d = (struct bf_diag){ 0 };
	return bf_ns_commit(f->ns, &c, 1, &f->d);
}

static int try(struct fixture *f, const char *unit, uint8_t hook, const char *at, int priority, int verdict)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_NETDEV, unit, 1, 1);

	test_image_hook(img, hook, at, priority, 0, verdict);
	return commit_image(f, unit, img);
}

static void commit(struct fixture *f, const char *unit, uint8_t hook, const char *at, int priority, int verdict)
{
	if (try(f, unit, hook, at, priority, verdict))
		fail_msg("%s: %s", bf_hook_kinds[hook].name, f->d.text.data);
}

static void remove_unit(struct fixture *f, const char *unit)
{
	assert_int_equal(bf_ns_commit(f->ns, &(struct bf_change){ .unit = unit }, 1, &f->d), 0);
}

static uint64_t count(struct fixture *f, const char *unit)
{
	struct bf_rt_counter c;
	struct bf_unit *u;

	assert_int_equal(bf_unit_open(f->ns, unit, &u), 0);
	assert_int_equal(bf_unit_counters(u, &c, 1), 0);
	bf_unit_close(u);
	return c.packets;
}

/* Packets pass, are dropped, pass again; all count; nothing is left. */
static void each_packet_hook(void **state)
{
	static const uint8_t hooks[] = { BF_HOOK_XDP, BF_HOOK_TC_INGRESS, BF_HOOK_TC_EGRESS, BF_HOOK_CGROUP_INGRESS,
	                                 BF_HOOK_CGROUP_EGRESS };
	struct fixture *f = *state;

	for (size_t i = 0; i < BF_ARRAY_SIZE(hooks); i++) {
		const char *at = bf_hook_kinds[hooks[i]].point == BF_POINT_DEVICE ? "lo" : group;
		struct test_udp v4 = test_udp_open(AF_INET), v6 = test_udp_open(AF_INET6); /* a socket belongs to its maker's group */

		for (int verdict = 2; verdict--;) {
			commit(f, "u", hooks[i], at, 0, verdict);
			assert_int_equal(test_udp_send(&v4, 10), verdict);
			assert_int_equal(test_udp_send(&v6, 10), verdict);
			assert_int_equal(count(f, "u"), 2);
		}
		remove_unit(f, "u");
		assert_true(test_udp_send(&v4, 10));
		test_udp_close(&v4);
		test_udp_close(&v6);
	}
}

static int connects(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(family, SOCK_DGRAM, 0);
	int r = family == AF_INET ? connect(s, (void *)&a4, sizeof(a4)) : connect(s, (void *)&a6, sizeof(a6));

	r = r ? errno : 0;
	close(s);
	return r;
}

static int sends(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(family, SOCK_DGRAM, 0);
	ssize_t r = family == AF_INET ? sendto(s, "x", 1, 0, (void *)&a4, sizeof(a4)) : sendto(s, "x", 1, 0, (void *)&a6, sizeof(a6));
	int err = r == 1 ? 0 : errno;

	close(s);
	return err;
}

static void each_call_hook(void **state)
{
	static const struct {
		uint8_t hook;
		int (*call)(int family);
		int family;
	} t[] = {
		{ BF_HOOK_CONNECT4, connects, AF_INET }, { BF_HOOK_CONNECT6, connects, AF_INET6 },
		{ BF_HOOK_SENDMSG4, sends, AF_INET }, { BF_HOOK_SENDMSG6, sends, AF_INET6 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < BF_ARRAY_SIZE(t); i++)
		for (int verdict = 2; verdict--;) {
			commit(f, "u", t[i].hook, group, 0, verdict);
			assert_int_equal(t[i].call(t[i].family), verdict ? 0 : EPERM);
			assert_int_equal(t[i].call(t[i].family == AF_INET ? AF_INET6 : AF_INET), 0);
			assert_int_equal(count(f, "u"), 1);
		}
}

static void sock_ops(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	struct fixture *f = *state;

	commit(f, "u", BF_HOOK_SOCKOPS, group, 0, BF_ACCEPT);
	assert_int_equal(bind(l, (void *)&a, len) | listen(l, 1) | getsockname(l, (void *)&a, &len), 0);
	assert_int_equal(connect(c, (void *)&a, len), 0);
	assert_true(count(f, "u") >= 2);
	close(c);
	close(l);
}

/* Two units at one hook: the lower priority is asked first, whichever came first. */
static void order(void **state)
{
	struct fixture *f = *state;

	for (int turn = 0; turn < 4; turn++) {
		const uint8_t hook = turn & 1 ? BF_HOOK_TC_EGRESS : BF_HOOK_TC_INGRESS;

		no_tcx = turn & 2;
		commit(f, "late", hook, "lo", 20, BF_DROP);
		commit(f, "early", hook, "lo", -5, BF_ACCEPT);
		commit(f, "middle", hook, "lo", 7, BF_DROP);
		assert_false(test_udp_send(&f->v4, 10));
		assert_int_equal(count(f, "early"), 1);
		assert_int_equal(count(f, "middle"), 1);
		assert_int_equal(count(f, "late"), 0);
		remove_unit(f, "middle");
		assert_false(test_udp_send(&f->v4, 10));
		assert_int_equal(count(f, "late"), 1);
		remove_unit(f, "early");
		remove_unit(f, "late");
		assert_true(test_udp_send(&f->v4, 10));
		no_tcx = false;
	}
}

static void several_devices(void **state)
{
	static const char *const names[] = { "lo", "va", "vb" };
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_NETDEV, "u", 1, 1);
	struct fixture *f = *state;

	run("ip link add va type veth peer vb");
	test_image_hook(img, BF_HOOK_TC_INGRESS, "lo", 0, 0, BF_DROP);
	img->progs[0].at.devices = names;
	img->progs[0].at.n_devices = 3;
	assert_int_equal(commit_image(f, "u", img), 0);
	assert_false(test_udp_send(&f->v4, 10));
	run("ip link set va up; ip link set vb up; ip addr add 192.0.2.1/24 dev va; ping -c1 -W1 192.0.2.2 >/dev/null; true");
	assert_true(count(f, "u") > 1); /* ARP */
}

static void no_such_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(try(f, "u", BF_HOOK_XDP, "nonesuch", 0, BF_DROP), -ENODEV);
	assert_non_null(strstr(f->d.text.data, "device \"nonesuch\""));
	assert_int_equal(try(f, "u", BF_HOOK_TC_EGRESS, "nonesuch", 0, BF_DROP), -ENODEV);
	assert_int_equal(try(f, "u", BF_HOOK_CONNECT4, "/none/such", 0, BF_DROP), -ENOENT);
	assert_non_null(strstr(f->d.text.data, "control group \"/none/such\""));
}

/* XDP has one place for each device. */
static void xdp_is_taken(void **state)
{
	struct fixture *f = *state;

	commit(f, "u", BF_HOOK_XDP, "lo", 0, BF_DROP);
	assert_int_equal(try(f, "v", BF_HOOK_XDP, "lo", 0, BF_ACCEPT), -EBUSY);
	assert_non_null(strstr(f->d.text.data, "another XDP program"));
	assert_false(test_udp_send(&f->v4, 10));
	remove_unit(f, "u");
	commit(f, "v", BF_HOOK_XDP, "lo", 0, BF_ACCEPT);
}

/* Whoever attaches to a group without BPF_F_ALLOW_MULTI wants to be alone there. He is left alone. */
static void group_is_taken(void **state)
{
	struct fixture *f = *state;
	const struct bpf_insn accept[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 }, { .code = BPF_JMP | BPF_EXIT } };
	const struct bf_prog_desc p = { .name = "other", .type = BPF_PROG_TYPE_CGROUP_SKB, .attach_type = BPF_CGROUP_INET_EGRESS,
		                            .insns = accept, .n_insns = 2 };
	int prog = bf_prog_load(&p), dir = bf_cgroup_open(group);
	union bpf_attr a = { .target_fd = (uint32_t)dir, .attach_bpf_fd = (uint32_t)prog, .attach_type = BPF_CGROUP_INET_EGRESS };

	assert_true(prog >= 0 && dir >= 0);
	for (int i = 0; i < 2; i++) {
		a.attach_flags = i ? BPF_F_ALLOW_OVERRIDE : 0;
		assert_int_equal(bf_sys_bpf(BPF_PROG_ATTACH, &a, sizeof(a)), 0);
		assert_int_equal(try(f, "u", BF_HOOK_CGROUP_EGRESS, group, 0, BF_DROP), -EPERM);
		assert_non_null(strstr(f->d.text.data, "allows no second one"));
		assert_true(test_udp_send(&f->v4, 10));
		a.attach_flags = 0;
		assert_int_equal(bf_sys_bpf(BPF_PROG_DETACH, &a, sizeof(a)), 0); /* it was there */
	}
	commit(f, "u", BF_HOOK_CGROUP_EGRESS, group, 0, BF_DROP);
	assert_true(bf_sys_bpf(BPF_PROG_ATTACH, &a, sizeof(a)) < 0);
	assert_false(test_udp_send(&f->v4, 10));
	close(dir);
	close(prog);
}

/* The changes in a child that is killed at its n-th call of bpf(2). True: it came to its end before. */
static bool commit_killed(struct fixture *f, const struct bf_change *c, uint32_t n_changes, unsigned n)
{
	int status;
	pid_t pid;

	bf_ns_unlock(f->ns);
	pid = fork();
	if (!pid) {
		if (bf_ns_lock(f->ns, 1000))
			_exit(2);
		bpf_calls = 0;
		kill_at = n;
		_exit(bf_ns_commit(f->ns, c, n_changes, NULL) ? 3 : 0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) ? !WEXITSTATUS(status) : WTERMSIG(status) == SIGKILL);
	return WIFEXITED(status);
}

/* One unit goes, another takes its place by the same switch; killed at each call of it, too. The device never is without. */
static void xdp_goes_on(void **state)
{
	struct fixture *f = *state;
	bool finished = false;

	commit(f, "u", BF_HOOK_XDP, "lo", 0, BF_DROP);
	for (unsigned n = 1; !finished; n++) {
		const char *old = n & 1 ? "u" : "v", *new = n & 1 ? "v" : "u";
		_cleanup_image_ struct bf_image *img = test_image(NFPROTO_NETDEV, new, 1, 1);
		const struct bf_change c[] = { { .unit = old }, { .unit = new, .image = img, .state = "s", .state_len = 1 } };

		test_image_hook(img, BF_HOOK_XDP, "lo", (int)n, 0, BF_DROP);
		finished = commit_killed(f, c, 2, n);
		assert_false(test_udp_send(&f->v4, 10));
		assert_int_equal(bf_ns_lock(f->ns, 1000), 0);
		assert_int_equal(bf_ns_commit(f->ns, c, 2, &f->d), 0);
		assert_false(test_udp_send(&f->v4, 10));
		assert_int_equal(try(f, old, BF_HOOK_XDP, "lo", 0, BF_ACCEPT), -EBUSY);
	}
	run("ip link show lo | grep -q xdpgeneric");
}

static void xdp_modes(void **state)
{
	struct fixture *f = *state;
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_NETDEV, "u", 1, 1);

	test_image_hook(img, BF_HOOK_XDP, "lo", 0, 0, BF_ACCEPT);
	img->progs[0].at.xdp_mode = BF_XDP_NATIVE;
	assert_int_equal(commit_image(f, "u", img), -EOPNOTSUPP); /* lo has no driver of that kind */
	assert_non_null(strstr(f->d.text.data, "natively"));
	run("ip link add va type veth peer vb");
	img->progs[0].at.devices = (const char *const[]){ "va" };
	assert_int_equal(commit_image(f, "u", img), 0);
	run("ip -d link show va | grep -q 'prog/xdp'");
	img->progs[0].at.xdp_mode = BF_XDP_GENERIC;
	assert_int_equal(commit_image(f, "u", img), -EBUSY);
	assert_non_null(strstr(f->d.text.data, "another mode"));
	remove_unit(f, "u");
	assert_int_equal(commit_image(f, "u", img), 0);
	run("ip link show va | grep -q xdpgeneric");
}

/* Gone, come back as another one, renamed: other units can be changed all the same, and the chain finds its device again. */
static void devices_come_and_go(void **state)
{
	struct fixture *f = *state;

	for (int turn = 0; turn < 3; turn++) {
		const uint8_t hook = turn ? BF_HOOK_TC_EGRESS : BF_HOOK_XDP;

		no_tcx = turn == 2;
		run("ip link add va type veth peer vb");
		commit(f, "u", hook, "va", 0, BF_DROP);
		run("ip link del va");
		commit(f, "v", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
		commit(f, "u", hook, "va", 0, BF_ACCEPT); /* there is no a, but there was */
		run("ip link add va type veth peer vb");
		commit(f, "v", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
		run(turn == 0 ? "ip -d link show va | grep -q prog/xdp" : turn == 1 ? "bpftool -j net show >/dev/null; true" :
		    "tc filter show dev va egress | grep -q bpfilter");
		run("ip link set va name vc");
		commit(f, "v", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
		if (!turn)
			run("ip -d link show vc | grep -q prog/xdp");
		run("ip link add va type veth peer vd");
		commit(f, "v", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
		if (!turn)
			run("ip -d link show va | grep -q prog/xdp && ! ip -d link show vc | grep -q prog/xdp");
		if (turn == 2)
			run("tc filter show dev va egress | grep -q bpfilter && ! tc filter show dev vc egress | grep -q bpfilter");
		remove_unit(f, "u");
		remove_unit(f, "v");
		run("ip link del va; ip link del vc");
		no_tcx = false;
	}
}

static void groups_come_and_go(void **state)
{
	struct fixture *f = *state;
	int root = bf_cgroup_open("/");
	char sub[100];

	snprintf(sub, sizeof(sub), "%s/sub", group);
	for (int i = 0; i < 2; i++) {
		struct test_udp v4;

		assert_int_equal(mkdirat(root, sub + 1, 0755), 0);
		commit(f, i ? "v" : "u", i ? BF_HOOK_CGROUP_INGRESS : BF_HOOK_CGROUP_EGRESS, i ? group : sub, 0, i ? BF_ACCEPT : BF_DROP);
		join(sub);
		v4 = test_udp_open(AF_INET);
		assert_false(test_udp_send(&v4, 10));
		test_udp_close(&v4);
		join(group);
		assert_int_equal(unlinkat(root, sub + 1, AT_REMOVEDIR), 0);
		commit(f, "w", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
	}
	close(root);
}

/* Killed at each call of a change that brings all kinds of links: the old or the new is there, and the next change works. */
static void killed(void **state)
{
	struct fixture *f = *state;
	bool finished = false;
	unsigned n;

	for (int turn = 0; turn < 2; turn++, finished = false) {
		no_tcx = turn;
		for (n = 1; !finished; n++) {
			_cleanup_image_ struct bf_image *img = test_image(NFPROTO_NETDEV, "u", 4, 1);
			struct bf_change c = { .unit = "u", .image = img, .state = "s", .state_len = 1 };

			test_image_hook(img, BF_HOOK_XDP, "lo", 0, 0, BF_ACCEPT);
			test_image_hook(img, BF_HOOK_TC_EGRESS, "lo", 0, 1, BF_ACCEPT);
			test_image_hook(img, BF_HOOK_CGROUP_EGRESS, group, 0, 2, BF_DROP);
			test_image_hook(img, BF_HOOK_SOCKOPS, group, 0, 3, BF_ACCEPT);
			finished = commit_killed(f, &c, 1, n);
			assert_int_equal(bf_ns_lock(f->ns, 1000), 0);
			commit(f, "u", BF_HOOK_TC_INGRESS, "lo", 0, BF_ACCEPT);
			assert_true(test_udp_send(&f->v4, 10));
			commit(f, "v", BF_HOOK_XDP, "lo", 0, BF_ACCEPT); /* the place is free */
			remove_unit(f, "v");
			run("! tc filter show dev lo egress | grep -q bpfilter");
			remove_unit(f, "u");
		}
		print_message("%u calls\n", n - 2);
		no_tcx = false;
	}
}

static void writer(int net, int i)
{
	for (int k = 0; k < 15; k++) {
		struct fixture f = { 0 };
		const char *unit = i ? "one" : "two";

		if (bf_ns_open(&f.ns, net, true, NULL) || bf_ns_lock(f.ns, 10000))
			_exit(2);
		if (try(&f, unit, i ? BF_HOOK_TC_INGRESS : BF_HOOK_XDP, "lo", i, BF_ACCEPT))
			_exit(3);
		if (k % 3 == 2 && bf_ns_commit(f.ns, &(struct bf_change){ .unit = unit }, 1, NULL))
			_exit(4);
		bf_ns_close(f.ns);
	}
	_exit(0);
}

static void two_writers(void **state)
{
	struct fixture *f = *state;
	int net = test_net_fd(), status;
	pid_t pid[2];

	bf_ns_unlock(f->ns);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			writer(net, i);
	}
	for (int i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		assert_int_equal(status, 0);
	}
	close(net);
	assert_int_equal(bf_ns_lock(f->ns, 1000), 0);
	assert_true(test_udp_send(&f->v4, 10));
}

/* Links to devices and groups keep no namespace alive, and do not stay behind. */
static void abandoned(void **state)
{
	struct fixture *f = *state, there = { .ns = NULL };
	int net = test_net_fd();
	char path[100];

	test_net_new();
	assert_int_equal(bf_ns_open(&there.ns, -1, true, &there.d), 0);
	assert_int_equal(bf_ns_lock(there.ns, 1000), 0);
	commit(&there, "u", BF_HOOK_XDP, "lo", 0, BF_ACCEPT);
	commit(&there, "v", BF_HOOK_CGROUP_EGRESS, group, 0, BF_DROP);
	snprintf(path, sizeof(path), "/run/bpfilter/%llu", (unsigned long long)bf_ns_cookie(there.ns));
	bf_ns_close(there.ns);
	assert_int_equal(setns(net, CLONE_NEWNET), 0);
	close(net);
	for (int i = 0; i < 100 && !access(path, F_OK); i++) {
		bf_ns_collect(NULL);
		usleep(50000);
	}
	assert_int_not_equal(access(path, F_OK), 0);
	assert_true(test_udp_send(&f->v4, 10));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_packet_hook),
		CASE(each_call_hook),
		CASE(sock_ops),
		CASE(order),
		CASE(several_devices),
		CASE(no_such_place),
		CASE(xdp_is_taken),
		CASE(group_is_taken),
		CASE(xdp_goes_on),
		CASE(xdp_modes),
		CASE(devices_come_and_go),
		CASE(groups_come_and_go),
		CASE(killed),
		CASE(two_writers),
		CASE(abandoned),
	};

	return cmocka_run_group_tests_name("kern_hooks", tests, make_group, remove_group);
}
