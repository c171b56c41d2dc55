/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * observe.c: takes what arrived at the ends, in the kernel log and in NFLOG,
 * as text that is equal in both worlds when the same thing happened.
 *
 * What no two kernels do alike is blanked: the IPv4 id of packets that a
 * kernel made (its addresses are 10.x.0.1 .. 10.x.0.3 and those given by -a; NAT may hide them in
 * ICMP errors), the IPv6 fragment id
 * (conntrack puts packets together and IPv6 output takes them apart again with
 * a new one) and, in connections between real sockets, sequence numbers.
 * Everything else is compared to the last byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twin.h"

#define MAX_OWN 64

static const char *const end_names[N_ENDS] = { "c0", "c1", "s0", "s1", "lo" };
static int kmsg = -1;

static uint8_t more_own[MAX_OWN][4];
static unsigned n_own;

int observe_add_own(const char *address)
{
	if (n_own == MAX_OWN || inet_pton(AF_INET, address, more_own[n_own]) != 1)
		return -EINVAL;
	n_own++;
	return 0;
}

static bool own4(const uint8_t *addr)
{
	for (unsigned i = 0; i < n_own; i++)
		if (!memcmp(addr, more_own[i], 4))
			return true;
	return (addr[0] == 10 && addr[1] <= 3 && addr[2] == 0 && addr[3] >= 1 && addr[3] <= 3) || addr[0] == 127;
}

static void blank(uint8_t *p, size_t off, size_t n, size_t len)
{
	if (off + n <= len)
		memset(p + off, 0, n);
}

static void blank_tcp(uint8_t *p, size_t len)
{
	blank(p, 4, 8, len);   /* sequence, acknowledgement */
	blank(p, 16, 2, len);  /* checksum */
}

static void normalise4(uint8_t *p, size_t len, bool flow, int depth)
{
	size_t hl = len >= 20 ? (p[0] & 15u) * 4u : 0;
	bool first, error;

	if (hl < 20 || hl > len)
		return;
	first = !(p[6] & 0x1f) && !p[7];
	error = p[9] == IPPROTO_ICMP && first && !depth && len >= hl + 8 && (p[hl] == 3 || p[hl] == 11 || p[hl] == 12 || p[hl] == 5);
	if (own4(p + 12) || error) {
		blank(p, 4, 2, len);
		blank(p, 10, 2, len);
	}
	if (p[9] == IPPROTO_TCP && flow && first)
		blank_tcp(p + hl, len - hl);
	if (error) {
		normalise4(p + hl + 8, len - hl - 8, flow, 1);
		blank(p + hl, 2, 2, len - hl);
	}
}

static void normalise6(uint8_t *p, size_t len, bool flow)
{
	if (flow && len >= 40 && p[6] == IPPROTO_TCP)
		blank_tcp(p + 40, len - 40);
	if (flow && len >= 48 && p[6] == IPPROTO_ICMPV6 && p[40] < 128) {
		blank(p, 42, 2, len);
		normalise6(p + 48, len - 48, flow);
	}
	if (len >= 48 && p[6] == IPPROTO_FRAGMENT)
		blank(p, 44, 4, len);
}

static void observe_frame(struct world *w, enum end e, uint8_t *p, size_t len, size_t full, bool flow)
{
	uint16_t type = len >= 14 ? (uint16_t)(p[12] << 8 | p[13]) : 0;
	char what[64];

	if (type == ETHERTYPE_ARP)
		return;
	if (type == ETHERTYPE_IP)
		normalise4(p + 14, len - 14, flow, 0);
	if (type == ETHERTYPE_IPV6)
		normalise6(p + 14, len - 14, flow);
	snprintf(what, sizeof(what), "%s %zu", end_names[e], full);
	record_hex(&w->rec, what, p, len);
}

static void observe_end(struct world *w, enum end e, bool flow)
{
	static uint8_t buf[2048];

	for (;;) {
		ssize_t n = recv(w->cap[e], buf, sizeof(buf), MSG_TRUNC);

		if (n < 0)
			return;
		observe_frame(w, e, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf), (size_t)n, flow);
	}
}

int observe_open_log(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		return -errno;
	lseek(kmsg, 0, SEEK_END);
	return 0;
}

static void blank_number(char *line, const char *name)
{
	char *s = strstr(line, name), *end;

	if (!s)
		return;
	s += strlen(name);
	end = s + strspn(s, "0123456789abcdef");
	memmove(s, end, strlen(end) + 1);
}

static const char *own_devs[MAX_OWN] = { "lo", "" };
static unsigned n_own_devs = 2;

int observe_add_device(const char *name)
{
	if (n_own_devs == MAX_OWN)
		return -ENOSPC;
	own_devs[n_own_devs++] = name;
	return 0;
}

/* Is what follows key in the line, to the next blank, a device of these worlds? */
static bool own_dev(const char *line, const char *key)
{
	const char *s = strstr(line, key);
	size_t len;

	if (!s)
		return false;
	s += strlen(key);
	len = strcspn(s, " ");
	for (unsigned i = 0; i < n_own_devs; i++)
		if (strlen(own_devs[i]) == len && !memcmp(own_devs[i], s, len))
			return true;
	return false;
}

/* The log is one for all namespaces: others' lines have others' devices. */
static bool ours(const char *line)
{
	return own_dev(line, "IN=") && own_dev(line, " OUT=");
}

/* The ID of a packet that is this machine's own: chance chooses it. s: where the packet's words begin, src: its source. */
static void blank_id(char *s, const char *src)
{
	char *at = strstr(s, src);
	struct in_addr a;
	char addr[64];

	if (at && sscanf(at + strlen(src), "%63s", addr) == 1 && inet_pton(AF_INET, addr, &a) == 1 && own4((uint8_t *)&a))
		blank_number(at, " ID=");
}

static void normalise_log(char *s, bool flow)
{
	char *quoted = strchr(s, '['); /* by an ICMP error */

	if (quoted)
		blank_id(quoted, "[SRC=");
	blank_id(s, " SRC=");
	blank_number(s, " ID:"); /* of an IPv6 fragment */
	if (!flow)
		return;
	blank_number(s, " SEQ=");
	blank_number(s, " ACK=");
}

static void observe_log(struct world *w, bool flow)
{
	char buf[8192], *text, *end;
	ssize_t n;

	while (kmsg >= 0 && ((n = read(kmsg, buf, sizeof(buf) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		if (n < 0)
			continue;
		buf[n] = 0;
		text = strchr(buf, ';');
		end = text ? strchr(text, '\n') : NULL;
		if (!end)
			continue;
		*end = 0;
		if (!ours(text))
			continue;
		normalise_log(text, flow);
		record_add(&w->rec, "log %d%s\n", atoi(buf) & 7, text);
	}
}

void observe(struct world *w, bool flow)
{
	for (int e = 0; e < N_ENDS; e++)
		observe_end(w, (enum end)e, flow);
	observe_log(w, flow);
	if (w->nflog >= 0)
		nflog_read(w->nflog, &w->rec);
}
