/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.c: a connection between real sockets: connect, one write, read to its
 * end, reset. The kernels' own TCP makes the packets (checksums left to the
 * device, GSO, options); a reset at the end leaves no timer running. A SYN
 * without answer is given up before it would be sent again.
 *
 * TCP also acts by the clock: acknowledgements are delayed by 40 ms, data is
 * sent again after 200 ms. When the machine let us wait so long, more packets
 * than meant have been seen, in one world only: flow_run says so, and what
 * was compared counts for nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "twin.h"

#define PATIENCE_MS 60
#define DELAYED_ACK_MS 30
#define RESEND_MS 190

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t make_address(union address *a, int family, const char *text, unsigned port)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		a->v4.sin_port = htons((uint16_t)port);
		inet_pton(family, text, &a->v4.sin_addr);
		return sizeof(a->v4);
	}
	a->v6.sin6_port = htons((uint16_t)port);
	inet_pton(family, text, &a->v6.sin6_addr);
	return sizeof(a->v6);
}

static int tcp_socket(struct world *w, enum space s, int family)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd, one = 1;

	if (world_enter(w, s))
		return -1;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	world_leave();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static size_t read_all(int fd, size_t want)
{
	static char buf[1 << 16];
	size_t got = 0;
	ssize_t n;

	while (got < want && ready(fd, POLLIN) && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	return got;
}

/* -> all went through */
static bool talk(struct world *w, int client, int listener, unsigned bytes)
{
	static char data[1 << 16];
	int server = ready(listener, POLLIN) ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
	size_t got;

	if (server < 0) {
		record_add(&w->rec, "flow connected, not accepted\n");
		return false;
	}
	if (bytes && send(client, data, bytes < sizeof(data) ? bytes : sizeof(data), 0) < 0)
		record_add(&w->rec, "flow send: errno %d\n", errno);
	got = read_all(server, bytes);
	record_add(&w->rec, "flow connected, %zu of %u bytes\n", got, bytes);
	close(client);
	close(server);
	return got == bytes;
}

static int try_connect(int client, const union address *to, socklen_t len)
{
	int err = 0;
	socklen_t errlen = sizeof(err);

	if (!connect(client, &to->sa, len))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (!ready(client, POLLOUT))
		return ETIMEDOUT;
	getsockopt(client, SOL_SOCKET, SO_ERROR, &err, &errlen);
	return err;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

bool flow_run(struct world *w, const struct flow_spec *f)
{
	double start = now_ms();
	bool whole = false;
	int listener = tcp_socket(w, f->to, f->family), client = tcp_socket(w, f->from, f->family), err;
	union address from, to;
	socklen_t len = make_address(&to, f->family, f->dst, f->port);

	/* A fixed source port: rules and conntrack see the same tuple in both worlds. */
	make_address(&from, f->family, f->src, 40000 + f->port % 20000);
	if (bind(listener, &to.sa, len) || listen(listener, 4) || bind(client, &from.sa, len)) {
		record_add(&w->rec, "flow not possible: errno %d\n", errno);
	} else {
		err = try_connect(client, &to, len);
		if (err)
			record_add(&w->rec, "flow connect: errno %d\n", err);
		else
			whole = talk(w, client, listener, f->bytes);
	}
	close(client);
	close(listener);
	return now_ms() - start < (whole ? DELAYED_ACK_MS : RESEND_MS);
}
