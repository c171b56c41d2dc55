/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keys.h"
#include "run/net.h"

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void run(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(2);
	}
}

void keys_world_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}

static int open_link(struct keys_world *w)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = 0 };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	w->index = if_nametoindex("k1");
	a.sll_ifindex = (int)w->index;
	if (s < 0 || !w->index || bind(s, (struct sockaddr *)&a, sizeof(a)))
		die("packet socket");
	return s;
}

static int open_raw(int family)
{
	const int one = 1;
	int s = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (s < 0 || (family == AF_INET6 && setsockopt(s, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one))) ||
	    setsockopt(s, SOL_SOCKET, SO_PRIORITY, &(int){ 0x30005 }, sizeof(int)))
		die("raw socket");
	return s;
}

/* 10.9.0.1, fd09::1 inside; what is for 10.9.0.2 or fd09::2 leaves. */
static void set_up(int out)
{
	char line[512];

	snprintf(line, sizeof(line), "ip link add k0 address 02:00:00:00:09:01 group 7 type veth peer name k1 address "
	         "02:00:00:00:09:02 netns /proc/%d/fd/%d", getpid(), out);
	run(line);
	run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.k0.rp_filter=0 net.ipv4.conf.all.accept_source_route=1 "
	    "net.ipv4.conf.k0.accept_source_route=1 net.ipv6.conf.k0.accept_dad=0");
	/* Errors that the kernel answers with are packets too: no limit may depend on how fast others were sent. */
	run("sysctl -qew net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 net.ipv4.icmp_msgs_per_sec=1000000 "
	    "net.ipv4.icmp_msgs_burst=1000000 net.ipv6.icmp.ratelimit=0 net.ipv4.conf.all.send_redirects=0 "
	    "net.ipv4.conf.k0.send_redirects=0");
	run("sysctl -qew net.ipv4.neigh.k0.mcast_solicit=0 net.ipv6.neigh.k0.mcast_solicit=0");
	run("ip addr add 10.9.0.1/24 dev k0; ip -6 addr add fd09::1/64 dev k0 nodad; ip link set k0 up");
	run("ip neigh add 10.9.0.2 lladdr 02:00:00:00:09:02 dev k0; ip -6 neigh add fd09::2 lladdr 02:00:00:00:09:02 dev k0");
	run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; ip link set lo up");
	run("ip route add blackhole 10.11.0.0/16; ip route add unreachable 10.12.0.0/16; ip route add prohibit 10.13.0.0/16");
	run("ip -6 route add blackhole fd11::/16; ip -6 route add unreachable fd12::/16; ip -6 route add prohibit fd13::/16");
	run("ip route add 10.14.0.0/16 dev lo; ip -6 route add fd14::/16 dev lo");
	run("ip rule add fwmark 7 to 10.9.0.2 table 7; ip route add 10.9.0.2 dev lo table 7");
	run("ip rule add fwmark 7 to 10.9.0.99 table 7; ip route add blackhole 10.9.0.99 table 7");
	run("ip -6 rule add fwmark 7 to fd09::2 table 7; ip -6 route add fd09::2 dev lo table 7");
	run("ip route add 10.10.0.0/16 via 10.9.0.2 realm 5/6; ip -6 route add fd10::/16 via fd09::2");
}

void keys_world_open(struct keys_world *w)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 9, 1 };

	memcpy(w->mac, mac, 6);
	test_net_new();
	w->out = test_net_fd();
	run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
	test_net_new();
	w->in = test_net_fd();
	set_up(w->out);
	keys_world_enter(w->out);
	run("ip link set k1 up");
	w->raw = open_link(w);
	keys_world_enter(w->in);
	w->raw4 = open_raw(AF_INET);
	w->raw6 = open_raw(AF_INET6);
}

void keys_world_close(struct keys_world *w)
{
	close(w->raw);
	close(w->raw4);
	close(w->raw6);
	close(w->in);
	close(w->out);
}

static bool send_link(const struct keys_world *w, const struct keys_packet *p)
{
	uint8_t frame[ETH_HLEN + 4 + TEST_PACKET_MAX] = { 0 };
	uint16_t type = p->t.p.family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6;
	size_t n = 12;

	memcpy(frame, w->mac, 6);
	memcpy(frame + 6, "\2\0\0\0\11\2", 6);
	if (p->tag) {
		frame[n++] = ETH_P_8021Q >> 8;
		frame[n++] = ETH_P_8021Q & 0xff;
		frame[n++] = (uint8_t)(p->tag >> 8);
		frame[n++] = (uint8_t)p->tag;
	}
	frame[n++] = (uint8_t)(type >> 8);
	frame[n++] = (uint8_t)type;
	memcpy(frame + n, p->t.bytes, p->t.len);
	return send(w->raw, frame, n + p->t.len, 0) >= 0;
}

bool keys_send(const struct keys_world *w, const struct keys_packet *p, bool local)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };

	if (!local)
		return send_link(w, p);
	if (p->t.p.family == NFPROTO_IPV4) {
		memcpy(&a4.sin_addr, p->t.bytes + 16, 4);
		return sendto(w->raw4, p->t.bytes, p->t.len, 0, (struct sockaddr *)&a4, sizeof(a4)) >= 0;
	}
	memcpy(&a6.sin6_addr, p->t.bytes + 24, 16);
	return sendto(w->raw6, p->t.bytes, p->t.len, 0, (struct sockaddr *)&a6, sizeof(a6)) >= 0;
}
