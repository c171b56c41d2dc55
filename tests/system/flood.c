/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flood: UDP from one network namespace to another as fast as it goes, until
 * SIGTERM, then one line: "SENT RECEIVED LOST".
 *
 *   flood FROM TO ADDRESS [-l]      FROM, TO: nsfs paths
 *
 * With -l packets are expected to arrive: the sender keeps at most WINDOW of
 * them on the way, so that a full socket buffer is never the reason of a loss.
 * A packet that has not come after WAIT_MS is lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7777
#define WINDOW 64
#define WAIT_MS 500

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	stop = sig;
}

static int socket_in(const char *ns)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC), s, size = 32 << 20;

	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror(ns);
		exit(2);
	}
	close(fd);
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return s;
}

/* Takes what is there, waiting up to ms for the first. */
static uint64_t take(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;
	char buf[64];

	if (ms && poll(&p, 1, ms) <= 0)
		return 0;
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) }, any = to;
	uint64_t sent = 0, received = 0, lost = 0;
	bool expect = argc == 5 && !strcmp(argv[4], "-l");
	int in, out;

	if (argc < 4 || inet_pton(AF_INET, argv[3], &to.sin_addr) != 1)
		return 2;
	in = socket_in(argv[2]);
	out = socket_in(argv[1]);
	if (bind(in, (struct sockaddr *)&any, sizeof(any)))
		return 2;
	signal(SIGTERM, on_term);
	while (!stop) {
		if (sendto(out, &sent, sizeof(sent), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(sent))
			sent++;
		else if (expect)
			lost++;
		received += take(in, 0);
		while (expect && sent - received - lost >= WINDOW) {
			uint64_t n = take(in, WAIT_MS);

			received += n;
			if (!n)
				lost = sent - received;
		}
	}
	for (uint64_t n = 1; n && received + lost < sent; received += n) /* a busy machine brings the last ones one by one */
		n = take(in, WAIT_MS);
	if (expect)
		lost += sent - received - lost;
	printf("%llu %llu %llu\n", (unsigned long long)sent, (unsigned long long)received, (unsigned long long)lost);
	return 0;
}
