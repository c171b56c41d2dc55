/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

void test_net_new(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r))
		die("lo up");
	close(s);
}

int test_net_fd(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("ns/net");
	return fd;
}

struct test_udp test_udp_open(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *a = family == AF_INET ? (void *)&a4 : (void *)&a6;
	socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
	struct test_udp u = { .rx = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	                      .tx = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0) };

	if (bind(u.rx, a, len) || getsockname(u.rx, a, &len) || connect(u.tx, a, len))
		die("udp");
	return u;
}

void test_udp_close(struct test_udp *u)
{
	close(u->rx);
	close(u->tx);
}

bool test_udp_send(const struct test_udp *u, unsigned len)
{
	char data[2048] = { 0 };
	bool sent = send(u->tx, data, len, 0) == (ssize_t)len; /* a drop at OUTPUT is EPERM */

	/* Over loopback the packet is in the receiver's queue when send returns. */
	return recv(u->rx, data, sizeof(data), 0) == (ssize_t)len && sent;
}

static void *flood(void *arg)
{
	struct test_flood *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		f->delivered += test_udp_send(&f->udp, 10);
		f->sent++;
	}
	return NULL;
}

void test_flood_start(struct test_flood *f)
{
	*f = (struct test_flood){ .udp = test_udp_open(AF_INET) };
	if (pthread_create(&f->thread, NULL, flood, f))
		die("flood");
}

void test_flood_stop(struct test_flood *f)
{
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	pthread_join(f->thread, NULL);
	test_udp_close(&f->udp);
}
