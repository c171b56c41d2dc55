/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/flood.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/rng.h"

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint32_t flood_host(uint32_t i)
{
	return 0x7f010001u + (i & 15) + ((i >> 4) << 8);
}

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htobe32(0x7f000001), .sin_port = htobe16(port) };
}

static int socket_at(uint16_t port)
{
	struct sockaddr_in a = local(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

/* Was a datagram from that host delivered? */
static bool deliver(int tx, int rx, uint32_t from, uint16_t port)
{
	struct sockaddr_in a = local(port);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htobe32(from) };
	char control[CMSG_SPACE(sizeof(info))] = { 0 }, byte = 'x';
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
		                .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	if (sendmsg(tx, &m, 0) < 0)
		die("sendmsg");
	return recv(rx, &byte, 1, MSG_DONTWAIT) == 1;
}

void flood_begin(struct flood *f)
{
	__atomic_store_n(&f->begun, f->done + 1, __ATOMIC_SEQ_CST);
}

void flood_done(struct flood *f)
{
	__atomic_store_n(&f->done, f->begun, __ATOMIC_SEQ_CST);
}

void flood_stays(struct flood *f)
{
	__atomic_store_n(&f->begun, f->done, __ATOMIC_SEQ_CST);
}

static void send_one(struct flood_sender *s, int tx, int rx, uint32_t i)
{
	struct flood *f = s->f;
	uint64_t first = __atomic_load_n(&f->done, __ATOMIC_SEQ_CST), last;
	bool passed = deliver(tx, rx, flood_host(i), (uint16_t)(f->port + s->i)), allowed = false;

	last = __atomic_load_n(&f->begun, __ATOMIC_SEQ_CST);
	for (uint64_t k = first; k <= last && last - first < FLOOD_RING - 2; k++)
		allowed |= f->ring[k % FLOOD_RING][i] == passed;
	s->sent++;
	if (last - first >= FLOOD_RING - 2)
		s->skipped++;
	else if (!allowed)
		s->bad++;
}

static void *send_all(void *arg)
{
	struct flood_sender *s = arg;
	struct rng r = { 100 + s->i };
	int rx = socket_at((uint16_t)(s->f->port + s->i)), tx = socket(AF_INET, SOCK_DGRAM, 0);

	while (!__atomic_load_n(&s->f->stop, __ATOMIC_RELAXED))
		send_one(s, tx, rx, s->f->first + rng_below(&r, s->f->hosts ? s->f->hosts : FLOOD_HOSTS));
	close(rx);
	close(tx);
	return NULL;
}

void flood_start(struct flood *f)
{
	f->stop = false;
	for (unsigned i = 0; i < FLOOD_SENDERS; i++) {
		f->s[i] = (struct flood_sender){ .f = f, .i = i };
		pthread_create(&f->s[i].thread, NULL, send_all, &f->s[i]);
	}
}

void flood_stop(struct flood *f)
{
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < FLOOD_SENDERS; i++) {
		pthread_join(f->s[i].thread, NULL);
		f->sent += f->s[i].sent;
		f->skipped += f->s[i].skipped;
		f->bad += f->s[i].bad;
	}
}

unsigned flood_once(uint16_t port, const uint8_t *passes)
{
	int rx = socket_at(port), tx = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned wrong = 0;

	for (uint32_t i = 0; i < FLOOD_HOSTS; i++)
		wrong += deliver(tx, rx, flood_host(i), port) != passes[i];
	close(rx);
	close(tx);
	return wrong;
}
