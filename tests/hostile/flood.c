/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flood.c: a flood of UDP packets over loopback, and what arrives of it.
 *
 *   flood PORT...      for each port "PORT SENT RECEIVED" as one line, when standard input ends
 *
 * Even ports are sent to 127.0.0.1, odd ones to ::1. Packets that are in the
 * queue when the input ends are counted, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS_MAX = 16, BURST = 32 };

struct lane {
	int port, tx, rx;
	unsigned long sent, received;
};

static int bound(int family, int port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const void *a = family == AF_INET6 ? (void *)&a6 : (void *)&a4;
	socklen_t len = family == AF_INET6 ? sizeof(a6) : sizeof(a4);
	int rx = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (rx < 0 || bind(rx, a, len))
		return -1;
	return rx;
}

static bool open_lane(struct lane *l)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int family = l->port & 1 ? AF_INET6 : AF_INET;

	l->rx = bound(family, l->port);
	l->tx = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return l->rx >= 0 && l->tx >= 0 && !getsockname(l->rx, (void *)&a, &len) && !connect(l->tx, (void *)&a, len);
}

static void drain(struct lane *l)
{
	char byte[8];

	while (recv(l->rx, byte, sizeof(byte), 0) > 0)
		l->received++;
}

static void burst(struct lane *l)
{
	for (int i = 0; i < BURST; i++)
		l->sent += send(l->tx, "x", 1, 0) == 1; /* EPERM and ECONNREFUSED are verdicts, too */
	drain(l);
}

int main(int argc, char **argv)
{
	struct lane lane[PORTS_MAX] = {};
	struct pollfd in = {.fd = 0, .events = POLLIN};
	int n = argc - 1;

	for (int i = 0; i < n; i++) {
		lane[i].port = atoi(argv[i + 1]);
		if (i >= PORTS_MAX || !open_lane(&lane[i])) {
			fprintf(stderr, "flood: port %s: %s\n", argv[i + 1], strerror(errno));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (poll(&in, 1, 0) == 0) {
		for (int i = 0; i < n; i++)
			burst(&lane[i]);
		usleep(100); /* the others want the processor, too */
	}
	usleep(100000);
	for (int i = 0; i < n; i++) {
		drain(&lane[i]);
		printf("%d %lu %lu\n", lane[i].port, lane[i].sent, lane[i].received);
	}
	return 0;
}
