/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed.c: real packets into network namespaces, and how long each takes.
 *
 *   feed [-r] [-n ROUNDS] [-t MILLISECONDS] [-e NETNS] TRACE NETNS...
 *
 *   XDP live frames ──▶ receive path ──▶ IP ──▶ netfilter ──▶ UDP socket with a filter that takes nothing
 *   (a BPF program fills in addresses and ports from the trace)
 *
 * All of it runs in this one thread, so its CPU time is the packets'; what else
 * the machine does costs little of it. Rounds go through all namespaces in
 * turn, so that a machine getting slower or faster does so for all of them.
 *
 * TRACE: 65,536 struct entry. Each namespace has a device in0, up. One line for
 * each namespace: its name, packets sent, packets that reached the sockets, then
 * nanoseconds a packet of each round. -r: before measuring each flow gets an
 * answer, so that connection tracking takes it for established. -e: this
 * namespace gets a BPF program at INPUT that does nothing but accept: the least
 * that filtering by BPF costs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kern/insn.h"
#include "kern/sys.h"

enum { ENTRIES = 65536, PORT = 5000, PORTS = 16, BATCH = 64, MAX_WORLDS = 8, MAX_ROUNDS = 1000 };
enum { FRAME = 60, AT_CHECKSUM = 24, AT_SADDR = 26, AT_DADDR = 30, AT_PORTS = 34 };

struct entry { /* as in the packet */
	uint32_t saddr, daddr, ports;
	uint16_t checksum, pad;
};

struct shared { /* the program's map */
	uint64_t next;
	uint64_t pad;
	struct entry trace[ENTRIES];
};

struct world {
	const char *name;
	int ns, sockets[PORTS];
	uint8_t frame[FRAME];
	struct xdp_md ctx;
	uint32_t repeat;
	uint64_t sent, received;
	double ns_per_packet[MAX_ROUNDS];
};

static _Noreturn void die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fputs("feed: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(err));
	va_end(ap);
	exit(1);
}

static int bpf(int cmd, union bpf_attr *attr, const char *what)
{
	int rc = bf_sys_bpf(cmd, attr, sizeof(*attr));

	if (rc < 0) {
		errno = -rc;
		die("%s", what);
	}
	return rc;
}

static struct shared *make_shared(int *fd, const char *path)
{
	struct bf_map_desc m = {"bench_trace", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct shared), 1, BPF_F_MMAPABLE, 0};
	struct shared *s;
	FILE *f = fopen(path, "r");

	*fd = bf_map_create(&m);
	s = *fd < 0 ? NULL : bf_map_mmap(*fd, sizeof(*s), true);
	if (!s)
		die("a map for the trace");
	if (!f || fread(s->trace, sizeof(s->trace), 1, f) != 1)
		die("%s", path);
	fclose(f);
	return s;
}

/* Writes the next entry of the trace into the frame, and passes it. */
static int make_writer(int map)
{
	const struct bpf_insn insns[] = {
		LOAD32(7, 1, offsetof(struct xdp_md, data)),
		LOAD32(8, 1, offsetof(struct xdp_md, data_end)),
		MOVR(2, 7),
		ADD(2, FRAME),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 2, 8, 15, 0), /* short: pass */
		LD_MAP(6, BPF_PSEUDO_MAP_VALUE, map),
		LOAD(3, 6, offsetof(struct shared, next)),
		MOVR(4, 3),
		ADD(4, 1),
		STORE(6, 4, offsetof(struct shared, next)),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, ENTRIES - 1),
		LSH(3, 4),
		ADDR(6, 3),
		LOAD(2, 6, offsetof(struct shared, trace)),
		STORE(7, 2, AT_SADDR),
		LOAD32(2, 6, offsetof(struct shared, trace) + offsetof(struct entry, ports)),
		STORE32(7, 2, AT_PORTS),
		INSN(BPF_LDX | BPF_MEM | BPF_H, 2, 6, offsetof(struct shared, trace) + offsetof(struct entry, checksum), 0),
		INSN(BPF_STX | BPF_MEM | BPF_H, 7, 2, AT_CHECKSUM, 0),
		MOV(0, XDP_PASS),
		EXIT,
	};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = BF_ARRAY_SIZE(insns),
		.license = (uintptr_t) "GPL"};

	return bpf(BPF_PROG_LOAD, &attr, "the program that writes the packets");
}

static void attach_empty(void)
{
	const struct bpf_insn insns[] = {MOV(0, NF_ACCEPT), EXIT};
	const struct bf_prog_desc p = {.name = "bench_empty",
		.type = BF_PROG_TYPE_NETFILTER,
		.attach_type = BF_ATTACH_NETFILTER,
		.insns = insns,
		.n_insns = BF_ARRAY_SIZE(insns)};
	int prog = bf_prog_load(&p);
	int link = prog < 0 ? prog : bf_link_netfilter(prog, NFPROTO_IPV4, NF_INET_LOCAL_IN, -3, 0); /* kept until we end */

	if (link < 0) {
		errno = -link;
		die("an empty program at INPUT");
	}
}

/* Sockets whose filter throws everything away: the cheapest end a packet can come to. */
static int make_sink(uint16_t port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {1, &nothing};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
		bind(s, (struct sockaddr *)&a, sizeof(a)))
		die("socket at port %u", port);
	return s;
}

static void make_frame(struct world *w)
{
	static const uint8_t ip[20] = {0x45, 0, 0, FRAME - ETH_HLEN, 0, 0, 0x40, 0, 64, IPPROTO_UDP};
	static const uint8_t udp_len[2] = {0, FRAME - ETH_HLEN - 20};
	struct ifreq r = {.ifr_name = "in0"};

	if (ioctl(w->sockets[0], SIOCGIFHWADDR, &r))
		die("%s: in0", w->name);
	memcpy(w->frame, r.ifr_hwaddr.sa_data, ETH_ALEN);
	memset(w->frame + ETH_ALEN, 2, ETH_ALEN);
	w->frame[12] = ETH_P_IP >> 8;
	memcpy(w->frame + ETH_HLEN, ip, sizeof(ip));
	memcpy(w->frame + AT_PORTS + 4, udp_len, sizeof(udp_len));
	w->ctx = (struct xdp_md){.data_end = FRAME, .ingress_ifindex = if_nametoindex("in0")};
}

static void enter(const struct world *w)
{
	if (setns(w->ns, CLONE_NEWNET))
		die("%s", w->name);
}

static void open_world(struct world *w, const char *name)
{
	char path[256];

	w->name = name;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	w->ns = open(path, O_RDONLY | O_CLOEXEC);
	if (w->ns < 0)
		die("%s", path);
	enter(w);
	for (int i = 0; i < PORTS; i++)
		w->sockets[i] = make_sink((uint16_t)(PORT + i));
	make_frame(w);
}

/* Datagrams that came as far as a socket of this namespace: not wanted there, they count as errors. */
static uint64_t udp_received(void)
{
	char line[512];
	uint64_t in = 0, no_port = 0, errors = 0;
	FILE *f = fopen("/proc/thread-self/net/snmp", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Udp: %lu %lu %lu", &in, &no_port, &errors) == 3)
			break;
	if (f)
		fclose(f);
	return errors;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Sends n packets; nanoseconds for each. */
static double send_packets(struct world *w, int prog, uint32_t n)
{
	union bpf_attr attr = {.test = {.prog_fd = (uint32_t)prog,
							   .data_in = (uintptr_t)w->frame,
							   .data_size_in = sizeof(w->frame),
							   .ctx_in = (uintptr_t)&w->ctx,
							   .ctx_size_in = sizeof(w->ctx),
							   .repeat = n,
							   .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
							   .batch_size = BATCH}};
	double start = cpu_ns();

	bpf(BPF_PROG_TEST_RUN, &attr, "XDP live frames");
	return (cpu_ns() - start) / n;
}

static void answer_flows(const struct world *w, const struct shared *s)
{
	for (uint32_t i = 0; i < ENTRIES; i++) {
		const uint8_t *p = (const void *)&s->trace[i].ports;
		struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = s->trace[i].saddr};
		unsigned port = ((unsigned)p[2] << 8 | p[3]) - PORT;

		memcpy(&to.sin_port, p, 2);
		if (i && s->trace[i].saddr == s->trace[0].saddr && s->trace[i].ports == s->trace[0].ports)
			return; /* the flows begin again */
		if (port < PORTS && sendto(w->sockets[port], "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("%s: answer", w->name);
	}
}

/* The first packets warm caches up, and tell how many take about so long. */
static void warm_up(struct world *w, int prog, struct shared *s, double ms, bool answers)
{
	double each;

	enter(w);
	send_packets(w, prog, 512);
	if (answers)
		answer_flows(w, s);
	each = send_packets(w, prog, 512);
	each = BF_MIN(each, send_packets(w, prog, 512));
	w->repeat = (uint32_t)BF_MIN(ms * 1e6 / each / BATCH + 1, 10000) * BATCH;
}

static void measure(struct world *w, int prog, struct shared *s, unsigned round)
{
	uint64_t before;

	enter(w);
	before = udp_received();
	s->next = 0;
	w->ns_per_packet[round] = send_packets(w, prog, w->repeat);
	w->received += udp_received() - before;
	w->sent += w->repeat;
}

static void print(const struct world *w, unsigned rounds)
{
	printf("%s %lu %lu", w->name, w->sent, w->received);
	for (unsigned i = 0; i < rounds; i++)
		printf(" %.1f", w->ns_per_packet[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct world worlds[MAX_WORLDS];
	unsigned rounds = 15;
	double ms = 20;
	bool answers = false;
	const char *empty = "";
	struct shared *s;
	int opt, map, prog, n;

	while ((opt = getopt(argc, argv, "rn:t:e:")) != -1) {
		if (opt == 'r')
			answers = true;
		else if (opt == 'n')
			rounds = BF_MIN((unsigned)atoi(optarg), (unsigned)MAX_ROUNDS);
		else if (opt == 't')
			ms = atof(optarg);
		else if (opt == 'e')
			empty = optarg;
		else
			return 2;
	}
	n = argc - optind - 1;
	if (n < 1 || n > MAX_WORLDS) {
		fputs("usage: feed [-r] [-n ROUNDS] [-t MILLISECONDS] [-e NETNS] TRACE NETNS...\n", stderr);
		return 2;
	}
	s = make_shared(&map, argv[optind]);
	prog = make_writer(map);
	for (int i = 0; i < n; i++) {
		open_world(&worlds[i], argv[optind + 1 + i]);
		if (!strcmp(worlds[i].name, empty))
			attach_empty();
		warm_up(&worlds[i], prog, s, ms, answers);
	}
	for (unsigned r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++)
			measure(&worlds[i], prog, s, r);
	for (int i = 0; i < n; i++)
		print(&worlds[i], rounds);
	return 0;
}
