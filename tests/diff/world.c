/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.c: sockets inside the namespaces of one world. They are opened once;
 * a socket stays in the namespace it was opened in wherever the process goes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "twin.h"

int home_ns = -1;

static const struct {
	const char *name, *dev;
	enum space space;
} ends[N_ENDS] = {
	[END_C0] = { "c0", "c0", NS_C }, [END_C1] = { "c1", "c1", NS_C }, [END_S0] = { "s0", "s0", NS_S },
	[END_S1] = { "s1", "s1", NS_S }, [END_LO] = { "lo", "lo", NS_R },
};

int if_by_end(const char *name, enum end *e)
{
	for (int i = 0; i < N_ENDS; i++) {
		if (!strcmp(ends[i].name, name)) {
			*e = (enum end)i;
			return 0;
		}
	}
	return -ENOENT;
}

int world_enter(const struct world *w, enum space s)
{
	return setns(w->ns[s], CLONE_NEWNET) ? -errno : 0;
}

void world_leave(void)
{
	if (setns(home_ns, CLONE_NEWNET)) {
		perror("setns back");
		exit(2);
	}
}

static int open_packet(int ifindex, bool capture)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(capture ? ETH_P_ALL : 0),
				   .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, size = 64 << 20;

	if (fd < 0)
		return -errno;
	if (capture && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		return -errno;
	if (!capture && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, capture ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &size, sizeof(size));
	return bind(fd, (struct sockaddr *)&sll, sizeof(sll)) ? -errno : fd;
}

static int open_end(struct world *w, enum end e)
{
	int err = world_enter(w, ends[e].space);

	if (err)
		return err;
	w->ifindex[e] = (int)if_nametoindex(ends[e].dev);
	w->cap[e] = w->inject[e] = -1;
	if (w->ifindex[e]) {
		w->cap[e] = open_packet(w->ifindex[e], true);
		w->inject[e] = open_packet(w->ifindex[e], false);
	}
	world_leave();
	return !w->ifindex[e] ? -ENODEV : w->cap[e] < 0 ? w->cap[e] : w->inject[e] < 0 ? w->inject[e] : 0;
}

int world_open(struct world *w, const char *name, uint32_t nflog_groups)
{
	static const char *const spaces[N_SPACES] = { "c", "r", "s" };
	char path[128];
	int err = 0;

	*w = (struct world){ .name = name, .nflog = -1 };
	for (int i = 0; i < N_SPACES; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s-%s", name, spaces[i]);
		w->ns[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (w->ns[i] < 0)
			return -errno;
	}
	for (int i = 0; i < N_ENDS && !err; i++)
		err = open_end(w, (enum end)i);
	if (err || !nflog_groups)
		return err;
	err = world_enter(w, NS_R);
	if (err)
		return err;
	w->nflog = nflog_open(nflog_groups);
	world_leave();
	return w->nflog < 0 ? w->nflog : 0;
}

int world_send_frame(struct world *w, enum end e, const uint8_t *frame, size_t len, const void *vnet_hdr)
{
	struct virtio_net_hdr none = { 0 };
	struct iovec v[2] = {
		{ .iov_base = vnet_hdr ? (void *)vnet_hdr : &none, .iov_len = sizeof(none) },
		{ .iov_base = (void *)frame, .iov_len = len },
	};

	return writev(w->inject[e], v, 2) < 0 ? -errno : 0;
}

static int open_raw(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW), one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	return fd;
}

/* The owner of a socket is whoever made it: one pair of sockets for each user. */
static struct raw_sock *raw_for(struct world *w, unsigned uid)
{
	struct raw_sock *r;

	for (unsigned i = 0; i < w->n_raw; i++)
		if (w->raw[i].uid == uid)
			return &w->raw[i];
	if (w->n_raw == MAX_UIDS || world_enter(w, NS_R))
		return NULL;
	r = &w->raw[w->n_raw++];
	r->uid = uid;
	setfsgid(uid);
	setfsuid(uid);
	r->fd4 = open_raw(AF_INET);
	r->fd6 = open_raw(AF_INET6);
	setfsuid(0);
	setfsgid(0);
	world_leave();
	return r;
}

int world_send_raw(struct world *w, const uint8_t *pkt, size_t len, unsigned uid, uint32_t mark)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct raw_sock *r = raw_for(w, uid);
	bool v6 = pkt[0] >> 4 == 6;
	int fd;

	if (!r)
		return -EMFILE;
	fd = v6 ? r->fd6 : r->fd4;
	memcpy(&to4.sin_addr, pkt + 16, 4);
	if (v6)
		memcpy(&to6.sin6_addr, pkt + 24, 16);
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	if (v6)
		return sendto(fd, pkt, len, 0, (struct sockaddr *)&to6, sizeof(to6)) < 0 ? -errno : 0;
	return sendto(fd, pkt, len, 0, (struct sockaddr *)&to4, sizeof(to4)) < 0 ? -errno : 0;
}

/* Only what filtering decides; the rest of these files counts sockets' affairs and time. */
static const char *const stats6[] = { "Ip6InReceives", "Ip6InDelivers", "Ip6OutForwDatagrams", "Ip6OutRequests",
				      "Ip6InDiscards", "Ip6OutDiscards", "Icmp6OutMsgs", "Icmp6InMsgs" };

static void read_snmp6(uint64_t *v)
{
	FILE *f = fopen("/proc/thread-self/net/snmp6", "re");
	unsigned long value;
	char name[64];

	while (f && fscanf(f, "%63s %lu", name, &value) == 2)
		for (unsigned i = 0; i < N_STATS6; i++)
			if (!strcmp(name, stats6[i]))
				v[i] = value;
	if (f)
		fclose(f);
}

/* Lines come in pairs, names and values, each after "Ip:" or "Icmp:". */
static void read_snmp4(uint64_t *v)
{
	FILE *f = fopen("/proc/thread-self/net/snmp", "re");
	char line[1024], *s;
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Ip: ", 4) && strncmp(line, "Icmp: ", 6))
			continue;
		s = strchr(line, ':') + 1;
		for (char *end; s[1] >= '0' && s[1] <= '9' && n < N_STATS4; s = end)
			v[n++] = strtoull(s, &end, 10);
	}
	if (f)
		fclose(f);
}

int world_read_stats(struct world *w, struct stats *out)
{
	int err = world_enter(w, NS_R), n;
	FILE *f;

	if (err)
		return err;
	*out = (struct stats){ 0 };
	read_snmp4(out->v4);
	read_snmp6(out->v6);
	f = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	if (f && fscanf(f, "%d", &n) == 1)
		out->conntrack = n;
	if (f)
		fclose(f);
	world_leave();
	return 0;
}

/* What happened since `before`: the setting up of the interfaces counted too. */
void world_record_stats(struct world *w, const struct stats *before, const struct stats *now)
{
	for (unsigned i = 0; i < N_STATS4; i++)
		if (now->v4[i] != before->v4[i])
			record_add(&w->rec, "/proc/net/snmp Ip+Icmp value %u: %lu\n", i, now->v4[i] - before->v4[i]);
	for (unsigned i = 0; i < N_STATS6; i++)
		if (now->v6[i] != before->v6[i])
			record_add(&w->rec, "%s: %lu\n", stats6[i], now->v6[i] - before->v6[i]);
	record_add(&w->rec, "conntrack entries: %d\n", now->conntrack);
}
