/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of a real stack at the hooks, for what a test run does not have:
 * devices, marks, connections, sockets, MAC addresses, and sk_buffs whose
 * headers lie in fragments.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "rt/code.h"
#include "run/net.h"
#include "run/rtprog.h"

static const char *const hows[] = { "mg", "it" };
enum { V4 = NFPROTO_IPV4, V6 = NFPROTO_IPV6, PRIORITY = 5 };

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s: %s", c->how, d.text.data);
}

static int attach(const struct rtprog *c, unsigned hook)
{
	int link = bf_link_netfilter(rtprog_prog(c), c->family, hook, PRIORITY, 0);

	assert_true(link >= 0);
	return link;
}

static void run(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

/* Watches one hook while do_it runs, once for each kind of loop; at least one packet must come by, and all must be as
 * expected. */
#define WATCH(family, hook, needs, do_it, ...)                                                                         \
	do {                                                                                                               \
		const struct rtprog_word w_[] = { __VA_ARGS__ };                                                               \
		for (size_t h_ = 0; h_ < 2; h_++) {                                                                            \
			struct rtprog c_;                                                                                          \
			int link_, bad_;                                                                                           \
			uint64_t seen_;                                                                                            \
                                                                                                                       \
			rtprog_expect(&c_, (family), hows[h_], (needs), w_, BF_ARRAY_SIZE(w_));                                    \
			load(&c_);                                                                                                 \
			link_ = attach(&c_, (hook));                                                                               \
			do_it;                                                                                                     \
			close(link_);                                                                                              \
			bad_ = rtprog_unexpected(&c_);                                                                             \
			seen_ = rtprog_seen(&c_).packets;                                                                          \
			rtprog_unload(&c_);                                                                                        \
			if (!seen_ || bad_ >= 0)                                                                                   \
				fail_msg("line %d (%s): %llu packets, entry %d is not as expected", __LINE__, hows[h_],                \
						 (unsigned long long)seen_, bad_);                                                             \
		}                                                                                                              \
	} while (0)

static void udp(int family)
{
	struct test_udp u = test_udp_open(family);

	assert_true(test_udp_send(&u, 100));
	test_udp_close(&u);
}

static uint32_t name_word(const char *name)
{
	char padded[4] = { 0 };

	memcpy(padded, name, BF_MIN(strlen(name), 4u));
	return ntohl(*(uint32_t *)(void *)padded);
}

static void interfaces(void **state)
{
	enum { IN = BF_KEY_IIFNAME, OUT = BF_KEY_OIFNAME, NAMES = BF_NEED_IIFNAME | BF_NEED_OIFNAME };
	uint32_t lo = name_word("lo");

	test_net_new();
	WATCH(V4, NF_INET_LOCAL_OUT, NAMES, udp(AF_INET), { IN, 0 }, { IN + 3, 0 }, { OUT, lo }, { OUT + 1, 0 },
		  { OUT + 3, 0 });
	WATCH(V4, NF_INET_LOCAL_IN, NAMES, udp(AF_INET), { IN, lo }, { IN + 1, 0 }, { OUT, 0 }, { OUT + 3, 0 });
	WATCH(V6, NF_INET_LOCAL_OUT, NAMES, udp(AF_INET6), { IN, 0 }, { OUT, lo });
	WATCH(V6, NF_INET_LOCAL_IN, NAMES, udp(AF_INET6), { IN, lo }, { OUT, 0 });
	WATCH(V4, NF_INET_LOCAL_IN, BF_NEED_PKTTYPE, udp(AF_INET), { BF_KEY_META, 0 });
}

static void marked(int family, int mark)
{
	struct test_udp u = test_udp_open(family);

	assert_int_equal(setsockopt(u.tx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_true(test_udp_send(&u, 10));
	test_udp_close(&u);
}

static void marks(void **state)
{
	test_net_new();
	WATCH(V4, NF_INET_LOCAL_OUT, BF_NEED_MARK, marked(AF_INET, (int)0x87654321), { BF_KEY_MARK, 0x87654321 });
	WATCH(V6, NF_INET_POST_ROUTING, BF_NEED_MARK, marked(AF_INET6, 7), { BF_KEY_MARK, 7 });
}

static void owned(int family, unsigned uid, unsigned gid)
{
	struct test_udp u;

	assert_int_equal(setegid(gid), 0);
	assert_int_equal(seteuid(uid), 0);
	u = test_udp_open(family);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_true(test_udp_send(&u, 10));
	test_udp_close(&u);
}

static void owners(void **state)
{
	enum {
		UID = LOADED(BF_LOAD_SKUID, 0, 0),
		GID = LOADED(BF_LOAD_SKGID, 0, 0),
		SOCKET = LOADED(BF_LOAD_SOCKET, 0, 0)
	};

	test_net_new();
	WATCH(V4, NF_INET_LOCAL_OUT, 0, owned(AF_INET, 1234, 77), { UID, 1234 }, { GID, 77 }, { SOCKET, BF_SOCKET_FILE });
	WATCH(V6, NF_INET_LOCAL_OUT, 0, owned(AF_INET6, 0, 0), { UID, 0 }, { GID, 0 }, { SOCKET, BF_SOCKET_FILE });
}

/* The kernel's own packets: here an ICMP error. It has a socket, but nobody's file. */
static void unreachable(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(s, (void *)&to, sizeof(to)), 0);
	assert_int_equal(send(s, "x", 1, 0), 1);
	close(s);
}

/* Only the ICMP packets count: UDP ones are let through before they are looked at. */
static void the_kernels_own_socket(void **state)
{
	struct bf_cell cells[] = {
		{ .op = BF_CELL_TEST, .word = BF_KEY_META, .mask = 255, .lo = IPPROTO_ICMP, .hit = 1, .miss = 6 },
		{ .op = BF_CELL_LOAD, .lo = BF_LOAD_SKUID, .hit = 6, .miss = 2 },
		{ .op = BF_CELL_LOAD, .lo = BF_LOAD_SOCKET, .hit = 3, .miss = 6 },
		{ .op = BF_CELL_TEST, .word = BF_KEY_SCRATCH, .mask = ~0u, .lo = BF_SOCKET_BARE, .hit = 4, .miss = 6 },
		{ .op = BF_CELL_COUNT, .arg = 0, .hit = 6 },
		{ .op = BF_CELL_RET },
		{ .op = BF_CELL_VERDICT, .lo = BF_ACCEPT },
	};

	test_net_new();
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = {
			.family = V4, .how = hows[h], .cells = cells, .n_cells = 7, .n_counters = 1, .config.needs = BF_NEED_L4
		};
		int link;

		load(&c);
		link = attach(&c, NF_INET_LOCAL_OUT);
		unreachable();
		close(link);
		assert_int_equal(rtprog_counter(&c, 0).packets, 1);
		rtprog_unload(&c);
	}
}

/* ------------------------------------------------------------------ connections */

static struct test_udp flow;

/* `send` goes there, `back` comes back. */
static void send_there(void)
{
	assert_int_equal(send(flow.tx, "x", 1, 0), 1);
}

static void send_back(void)
{
	char c;
	struct sockaddr_in6 from;
	socklen_t n = sizeof(from);

	assert_int_equal(recvfrom(flow.rx, &c, 1, 0, (void *)&from, &n), 1);
	assert_int_equal(sendto(flow.rx, "y", 1, 0, (void *)&from, n), 1);
}

static uint32_t port_of(int s)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	assert_int_equal(getsockname(s, (void *)&a, &n), 0);
	return ntohs(a.sin_port);
}

/* Until something in the namespace asks for conntrack (and once nobody does any more) no packet has a connection: what
 * rules for them would do is not known, so nothing passes. */
static void no_tracking(void **state)
{
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET, nf = i ? V6 : V4;

		test_net_new();
		for (size_t h = 0; h < 2; h++) {
			const struct rtprog_word any = { BF_KEY_CTSTATUS, 0 };
			struct test_udp u = test_udp_open(family);
			struct rtprog c;
			int link;

			rtprog_expect(&c, nf, hows[h], BF_NEED_CT, &any, 1);
			load(&c);
			link = attach(&c, NF_INET_LOCAL_OUT);
			assert_false(test_udp_send(&u, 1));
			run("nft 'add table inet t { chain unhooked { ct state new accept; }; }'");
			assert_true(test_udp_send(&u, 1));
			run("nft flush ruleset"); /* which is done a little later */
			for (int tries = 0; tries < 100 && test_udp_send(&u, 1); tries++)
				usleep(20000);
			assert_false(test_udp_send(&u, 1));
			close(link);
			rtprog_unload(&c);
			test_udp_close(&u);
		}
	}
}

/* An answer that nobody asked for. */
static void echo_reply(int family)
{
	static const struct in6_addr loop6 = IN6ADDR_LOOPBACK_INIT;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr = loop6 };
	bool v6 = family == AF_INET6;
	uint8_t reply[8] = { v6 ? 129 : 0, 0, 0, 0, 1 };
	int s = socket(family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	if (!v6)
		reply[2] = 0xfe, reply[3] = 0xff; /* the checksum; IPv6's is the kernel's work */
	assert_int_equal(sendto(s, reply, sizeof(reply), 0, v6 ? (void *)&to6 : (void *)&to, v6 ? sizeof(to6) : sizeof(to)),
					 sizeof(reply));
	close(s);
}

static void connections(void **state)
{
	enum { CT = BF_NEED_CT, NEW = 8 | 8 << BF_CT_NFT, ESTABLISHED = 2 | 2 << BF_CT_NFT, UNTRACKED = 256 | 64 << BF_CT_NFT,
	       INVALID = 1 | 1 << BF_CT_NFT };

	test_net_new();
	run("nft 'add table inet t { chain unhooked { ct state new accept; }; }'");
	WATCH(V4, NF_INET_LOCAL_OUT, CT, echo_reply(AF_INET), { BF_KEY_CTSTATE, INVALID | BF_CT_NONE }, { BF_KEY_CTSTATUS, 0 },
		  { NOT_LOADED(BF_LOAD_CT_PROTO), 0 }, { NOT_LOADED(BF_LOAD_CT_SRC), 0 },
		  { NOT_LOADED(BF_LOAD_CT_EXPIRES), 0 });
	WATCH(V6, NF_INET_LOCAL_OUT, CT, echo_reply(AF_INET6), { BF_KEY_CTSTATE, INVALID | BF_CT_NONE });
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET, nf = i ? V6 : V4;
		uint32_t at = i ? 0 : INADDR_LOOPBACK, last = i ? 3 : 0, last_word = i ? 1 : INADDR_LOOPBACK, there, back;

		WATCH(nf, NF_INET_LOCAL_OUT, CT, udp(family), { BF_KEY_CTSTATE, NEW },
			  { LOADED(BF_LOAD_CT_PROTO, 0, 0), IPPROTO_UDP });
		flow = test_udp_open(family);
		there = port_of(flow.tx), back = port_of(flow.rx);
		send_there();
		send_there();
		WATCH(nf, NF_INET_LOCAL_OUT, CT, send_back(), { BF_KEY_CTSTATE, ESTABLISHED | BF_CT_REPLY });
		WATCH(nf, NF_INET_LOCAL_OUT, CT, send_there(), { BF_KEY_CTSTATE, ESTABLISHED });
		WATCH(nf, NF_INET_LOCAL_OUT, CT, send_there();
			  send_back(), /* one direction or the other, the same connection */
			  { LOADED(BF_LOAD_CT_SPORT, 0, 0), there }, { LOADED(BF_LOAD_CT_DPORT, 0, 0), back },
			  { LOADED(BF_LOAD_CT_SPORT, 1, 0), back }, { LOADED(BF_LOAD_CT_DPORT, 1, 0), there },
			  { LOADED(BF_LOAD_CT_SRC, 0, 0), at }, { LOADED(BF_LOAD_CT_SRC, 0, last), last_word },
			  { LOADED(BF_LOAD_CT_DST, 1, last), last_word }, { LOADED(BF_LOAD_CT_PROTO, 0, 0), IPPROTO_UDP });
		test_udp_close(&flow);
	}
	run("nft 'add chain inet t raw { type filter hook output priority -300; notrack; }'");
	WATCH(V4, NF_INET_LOCAL_OUT, CT, udp(AF_INET), { BF_KEY_CTSTATE, UNTRACKED | BF_CT_NONE }, { BF_KEY_CTSTATUS, 0 });
}

/* Seconds left, as conntrack counts them: the unanswered flow's timeout, cut down to whole seconds. */
static void expiry(void **state)
{
	struct bf_cell cells[] = {
		{ .op = BF_CELL_LOAD, .lo = BF_LOAD_CT_EXPIRES, .hit = 1, .miss = 3 },
		{ .op = BF_CELL_TEST, .word = BF_KEY_SCRATCH, .mask = ~0u, .lo = 95, .span = 5, .hit = 2, .miss = 3 },
		{ .op = BF_CELL_COUNT, .arg = 0, .hit = 3 },
		{ .op = BF_CELL_VERDICT, .lo = BF_ACCEPT },
	};

	test_net_new();
	run("nft 'add table inet t { chain unhooked { ct state new accept; }; }'");
	run("echo 100 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout");
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = { .family = V4,
							.how = hows[h],
							.cells = cells,
							.n_cells = 4,
							.n_counters = 1,
							.config = { .needs = BF_NEED_CT, .hz = bf_kernel_hz() } };
		int link;

		flow = test_udp_open(AF_INET);
		send_there(); /* confirmed, its timer runs */
		load(&c);
		link = attach(&c, NF_INET_LOCAL_OUT);
		send_there();
		close(link);
		assert_int_equal(rtprog_counter(&c, 0).packets, 1);
		rtprog_unload(&c);
		test_udp_close(&flow);
	}
}

/* ------------------------------------------------------------------ Ethernet */

static void ping(void)
{
	run("ping -c 1 -W 2 10.9.0.2 > /dev/null");
}

static void mac_addresses(void **state)
{
	enum { MAC = BF_LOAD_ETHER_SADDR };
	int other, here;

	test_net_new();
	other = test_net_fd();
	test_net_new();
	here = test_net_fd();
	assert_true(dup2(other, 200) == 200);
	run("ip link add va address 02:11:22:33:44:55 type veth peer name vb address 02:66:77:88:99:aa netns "
		"/proc/self/fd/200 && "
		"ip link set va up && ip addr add 10.9.0.1/24 dev va");
	assert_int_equal(setns(other, CLONE_NEWNET), 0);
	run("ip link set vb up && ip addr add 10.9.0.2/24 dev vb");
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	ping(); /* neighbours know each other now */
	WATCH(V4, NF_INET_PRE_ROUTING, 0, ping(), { LOADED(MAC, 0, 0), 0x0266 }, { LOADED(MAC, 0, 1), 0x778899aa });
	WATCH(V4, NF_INET_LOCAL_IN, BF_NEED_IIFNAME, ping(), { LOADED(MAC, 0, 1), 0x778899aa },
		  { BF_KEY_IIFNAME, name_word("va") });
	WATCH(V4, NF_INET_LOCAL_OUT, BF_NEED_OIFNAME, ping(), { NOT_LOADED(MAC), 0 }, { BF_KEY_OIFNAME, name_word("va") });
	close(200);
	close(other);
	close(here);
}

/* ------------------------------------------------------------------ headers in fragments */

static int tun;

/* A packet of 6,000 bytes of which only the first `linear` are in the sk_buff's head. */
static void inject(const uint8_t *packet, unsigned linear)
{
	uint8_t buf[sizeof(struct virtio_net_hdr) + 6000] = { 0 };
	struct virtio_net_hdr h = { .hdr_len = (uint16_t)linear };

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), packet, 6000);
	assert_int_equal(write(tun, buf, sizeof(buf)), sizeof(buf));
}

static void open_tun(void)
{
	struct ifreq r = { .ifr_name = "t0", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };

	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_true(tun >= 0);
	assert_int_equal(ioctl(tun, TUNSETIFF, &r), 0);
	run("ip link set t0 mtu 9000 up && ip addr add 10.8.0.1/24 dev t0 && ip addr add fd08::1/64 dev t0 nodad");
}

/* A multicast packet that comes back to its sender: PACKET_LOOPBACK in the sk_buff, multicast to xt_pkttype. */
static void multicast(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xef010101) };
	struct ip_mreqn group = { .imr_multiaddr = to.sin_addr, .imr_address.s_addr = htonl(0x0a080001) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	assert_int_equal(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)), 0);
	assert_int_equal(sendto(s, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	close(s);
}

static void looped_back_multicast(void **state)
{
	test_net_new();
	open_tun();
	WATCH(V4, NF_INET_PRE_ROUTING, BF_NEED_PKTTYPE, multicast(), { BF_KEY_META, 2 << 24 });
	close(tun);
}

/* Proof that the packet is as it should be: the frame's own view of it. */
static void has_linear(uint8_t family, const uint8_t *packet, int linear)
{
	static const struct bf_rt_func own[1];
	struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_H, .dst_reg = 2, .src_reg = 1, .off = offsetof(struct bf_frame, linear) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 2, .off = 3, .imm = linear },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bf_rt_reloc call = { 5, BF_RT_RELOC_CALL, "bf_count", NULL, 0 };
	struct bf_rt_func f = own[0];
	struct bf_cell cells[] = { { .op = BF_CELL_TEST } };
	struct rtprog c = {
		.family = family, .how = "smg", .cells = cells, .n_cells = 1, .n_counters = 1, .own = &f, .n_own = 1
	};
	int link;

	f = (struct bf_rt_func){ "bf_straight", code, BF_ARRAY_SIZE(code), &call, 1 };
	load(&c);
	link = attach(&c, NF_INET_PRE_ROUTING);
	inject(packet, (unsigned)linear);
	close(link);
	assert_int_equal(rtprog_counter(&c, 0).packets, 1);
	rtprog_unload(&c);
}

static const uint8_t tcp_header[28] = { 0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x70, 0x02,
										1,    0,    0, 0,  0, 0, 1, 1, 1, 1, 2, 4, 0x05, 0xa0 };

static uint16_t ip_checksum(const uint8_t *b, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void tcp_in_fragments(void **state)
{
	enum { L4 = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO };
	uint8_t p[6000] = { 0x45, 0, 6000 >> 8, 6000 & 255, 0, 1, 0, 0, 64, 6, 0, 0, 10, 8, 0, 2, 10, 8, 0, 1 };
	uint16_t sum = ip_checksum(p, 20);

	p[10] = sum >> 8;
	p[11] = sum & 255;
	memcpy(p + 20, tcp_header, sizeof(tcp_header));
	test_net_new();
	open_tun();
	for (unsigned linear = 20; linear <= 50; linear += linear < 24 ? 1 : 13) {
		has_linear(V4, p, (int)linear);
		WATCH(V4, NF_INET_PRE_ROUTING, L4, inject(p, linear), { BF_KEY_PORTS, 0x12340050 },
			  { BF_KEY_DADDR, 0x0a080001 }, { BF_KEY_LEN, 6000 }, { BF_KEY_L4INFO, 0x1234 | 2 << 16 | 7 << 24 },
			  { BF_KEY_ODD, 5980 }, { LOADED(BF_LOAD_TCP_MSS, 0, 0), 0x5a0 });
	}
	close(tun);
}

static void extension_headers_in_fragments(void **state)
{
	enum { L4 = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO, N = 300 };
	static const uint8_t head[40] = { 0x60, 0, 0, 0, 5960 >> 8, 5960 & 255, 60, 64, 0xfd, 8, 0,    0, 0, 0,
									  0,    0, 0, 0, 0,         0,          0,  0,  0,    2, 0xfd, 8, 0, 0,
									  0,    0, 0, 0, 0,         0,          0,  0,  0,    0, 0,    1 };
	uint8_t p[6000] = { 0 };

	memcpy(p, head, sizeof(head));
	for (int i = 0; i < N; i++)
		memcpy(p + 40 + 8 * i, (const uint8_t[8]){ i + 1 == N ? 6 : 60, 0, 1, 4 }, 8);
	memcpy(p + 40 + 8 * N, tcp_header, sizeof(tcp_header));
	test_net_new();
	open_tun();
	for (unsigned linear = 40; linear <= 1300; linear += linear < 48 ? 1 : 411) {
		has_linear(V6, p, (int)linear);
		WATCH(V6, NF_INET_PRE_ROUTING, L4, inject(p, linear), { BF_KEY_PORTS, 0x12340050 }, { BF_KEY_LEN, 6000 },
			  { BF_KEY_META, 6 | 64 << 8 }, { BF_KEY_L4INFO, 0x1234 | 2 << 16 | 7 << 24 },
			  { BF_KEY_ODD, 6000 - 40 - 8 * N }, { LOADED(BF_LOAD_TCP_MSS, 0, 0), 0x5a0 });
	}
	close(tun);
}

/* A TCP stream over loopback: packets of up to 64 KiB, most of them in fragments. Every byte is counted once. */
static void large_packets(void **state)
{
	enum { SIZE = 4 << 20 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	static char data[65536];
	struct rtprog c;
	int l, tx, rx, link;
	size_t got = 0, sent = 0;

	test_net_new();
	rtprog_expect(&c, V4, "mg", 0x1f, (const struct rtprog_word[]){ { BF_KEY_META, IPPROTO_TCP | 64 << 8 } }, 1);
	load(&c);
	link = attach(&c, NF_INET_LOCAL_IN);
	l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l, (void *)&a, n) | listen(l, 1) | getsockname(l, (void *)&a, &n), 0);
	assert_int_equal(connect(tx, (void *)&a, n), 0);
	rx = accept(l, NULL, NULL);
	while (got < SIZE) {
		ssize_t s = sent < SIZE ? send(tx, data, sizeof(data), MSG_DONTWAIT) : 0,
				r = recv(rx, data, sizeof(data), MSG_DONTWAIT);

		sent += s > 0 ? (size_t)s : 0;
		got += r > 0 ? (size_t)r : 0;
	}
	close(link);
	assert_int_equal(rtprog_unexpected(&c), -1);
	assert_true(rtprog_seen(&c).bytes > SIZE);
	assert_true(rtprog_seen(&c).bytes < SIZE + 100 * rtprog_seen(&c).packets);
	assert_true(rtprog_seen(&c).bytes / rtprog_seen(&c).packets > 3000); /* large ones were among them */
	rtprog_unload(&c);
	close(l);
	close(tx);
	close(rx);
}

static void drops(void **state)
{
	struct bf_cell cells[] = { { .op = BF_CELL_VERDICT, .lo = BF_DROP } };

	test_net_new();
	for (size_t h = 0; h < 2; h++) {
		struct rtprog c = { .family = V4, .how = hows[h], .cells = cells, .n_cells = 1, .n_counters = 1 };
		struct test_udp u = test_udp_open(AF_INET);
		int link;

		load(&c);
		assert_true(test_udp_send(&u, 1));
		link = attach(&c, NF_INET_LOCAL_IN);
		assert_false(test_udp_send(&u, 1));
		close(link);
		assert_true(test_udp_send(&u, 1));
		rtprog_unload(&c);
		test_udp_close(&u);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(interfaces),
		cmocka_unit_test(marks),
		cmocka_unit_test(owners),
		cmocka_unit_test(the_kernels_own_socket),
		cmocka_unit_test(no_tracking),
		cmocka_unit_test(connections),
		cmocka_unit_test(expiry),
		cmocka_unit_test(mac_addresses),
		cmocka_unit_test(looped_back_multicast),
		cmocka_unit_test(tcp_in_fragments),
		cmocka_unit_test(extension_headers_in_fragments),
		cmocka_unit_test(large_packets),
		cmocka_unit_test(drops),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
