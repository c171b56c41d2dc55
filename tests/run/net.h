/* SPDX-License-Identifier: GPL-2.0-only */
/* net.h: a network namespace of one's own, and packets in it. */
#ifndef BF_TEST_NET_H
#define BF_TEST_NET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A fresh network namespace for the calling thread, its lo up. */
void test_net_new(void);
/* Descriptor of the namespace the calling thread is in. */
int test_net_fd(void);

struct test_udp {
	int rx, tx; /* a bound and a connected socket, on loopback */
};
struct test_udp test_udp_open(int family);
void test_udp_close(struct test_udp *u);
/* Sends one datagram of 28 (IPv4) or 48 (IPv6) + len bytes; was it delivered? */
bool test_udp_send(const struct test_udp *u, unsigned len);

/* A thread that sends IPv4 datagrams of 38 bytes as fast as it goes, and counts. */
struct test_flood {
	struct test_udp udp;
	pthread_t thread;
	bool stop;
	unsigned long sent, delivered; /* sent may be looked at meanwhile, atomically */
};
void test_flood_start(struct test_flood *f);
/* Returns when the last packet is counted. */
void test_flood_stop(struct test_flood *f);

#endif
