/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed.c: real packets into network namespaces, and how long each takes.
 *
 *   feed [-6] [-s | -r] [-n ROUNDS] [-t MILLISECONDS] [-w MILLISECONDS] [-e NETNS] TRACE NETNS...
 *   feed [-6] -c PACKETS TRACE NETNS...
 *
 *   XDP live frames ──▶ receive path ──▶ IP ──▶ netfilter: the filter ──▶ the gate
 *   (a BPF program writes headers from the trace)        (a BPF program at INPUT and FORWARD counts and drops)
 *
 * All of it runs in this one thread, so its CPU time is the packets'; what else
 * the machine does costs little of it. Rounds go through all namespaces in
 * turn, so that a machine getting slower or faster does so for all of them;
 * each goes on in the trace where it was, and around. A turn begins with packets
 * that are not timed (-w), so that the caches hold what this traffic needs and
 * not what the others left there.
 *
 * TRACE: a power of two of entries (classgen.c). Each namespace has a device
 * in0, up. One line for each namespace: its name, packets sent, packets that
 * came through the filter, then nanoseconds a packet of each round.
 *
 * -c: no figures; exactly so many packets from the trace's beginning, to see
 * what becomes of them. -s: UDP sockets with a filter that takes nothing instead
 * of the gate, for connection tracking, which only keeps what arrives. -r: the
 * same, and before measuring each flow gets an answer, so that it is established.
 * -e: this namespace gets a BPF program at INPUT that does nothing but accept:
 * the least that filtering by BPF costs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "feed.h"
#include "kern/sys.h"

enum { PORT = 5000, PORTS = 16, BATCH = 64, MOST_ROUNDS = 1000, MOST_FRAME = 80 };
enum { SLOW_NS = 20000 }; /* a packet that takes longer is not sent more often than it must be */

static const struct feed_family v4 = {.entry = 24, .changes = 24, .frame = 60};
static const struct feed_family v6 = {.v6 = true, .entry = 48, .changes = 44, .frame = 80};

struct options {
	const struct feed_family *family;
	unsigned rounds;
	double ms, warm_ms;
	size_t count;
	bool sockets, answers;
	const char *empty;
};

struct trace {
	struct feed_trace *t;
	size_t n;
	int map, writer;
};

struct world {
	const char *name;
	unsigned index;
	int ns, sockets[PORTS];
	uint8_t frame[MOST_FRAME];
	struct xdp_md ctx;
	uint32_t repeat, warm;
	uint64_t sent, passed, next;
	double ns_per_packet[MOST_ROUNDS];
};

/* Sockets whose filter throws everything away: the cheapest end a packet can come to. */
static int make_sink(uint16_t port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {1, &nothing};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
		bind(s, (struct sockaddr *)&a, sizeof(a)))
		feed_die("socket at port %u", port);
	return s;
}

/* What the trace does not write: Ethernet, and UDP's length (in TCP's place it means nothing). */
static void make_frame(struct world *w, const struct feed_family *f)
{
	struct ifreq r = {.ifr_name = "in0"};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || ioctl(s, SIOCGIFHWADDR, &r))
		feed_die("%s: in0", w->name);
	close(s);
	memcpy(w->frame, r.ifr_hwaddr.sa_data, ETH_ALEN);
	memset(w->frame + ETH_ALEN, 2, ETH_ALEN);
	w->frame[12] = (f->v6 ? ETH_P_IPV6 : ETH_P_IP) >> 8;
	w->frame[13] = (f->v6 ? ETH_P_IPV6 : ETH_P_IP) & 0xff;
	w->frame[f->frame - 21] = 26;
	w->ctx = (struct xdp_md){.data_end = f->frame, .ingress_ifindex = if_nametoindex("in0")};
}

static void enter(const struct world *w)
{
	if (setns(w->ns, CLONE_NEWNET))
		feed_die("%s", w->name);
}

static void open_world(struct world *w, const char *name, unsigned index, const struct options *o, const struct trace *tr)
{
	char path[256];

	w->name = name;
	w->index = index;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	w->ns = open(path, O_RDONLY | O_CLOEXEC);
	if (w->ns < 0)
		feed_die("%s", path);
	enter(w);
	if (!o->sockets)
		feed_attach_gate(o->family, tr->map, index);
	for (int i = 0; o->sockets && i < PORTS; i++)
		w->sockets[i] = make_sink((uint16_t)(PORT + i));
	if (!strcmp(name, o->empty))
		feed_attach_empty(o->family);
	make_frame(w, o->family);
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

static uint64_t passed(const struct world *w, const struct options *o, const struct trace *tr)
{
	return o->sockets ? udp_received() : ((volatile struct feed_trace *)tr->t)->passed[w->index];
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Sends n packets; nanoseconds for each. */
static double send_packets(struct world *w, const struct options *o, const struct trace *tr, uint32_t n)
{
	union bpf_attr attr = {.test = {.prog_fd = (uint32_t)tr->writer,
							   .data_in = (uintptr_t)w->frame,
							   .data_size_in = o->family->frame,
							   .ctx_in = (uintptr_t)&w->ctx,
							   .ctx_size_in = sizeof(w->ctx),
							   .repeat = n,
							   .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
							   .batch_size = BATCH}};
	double start;
	int rc;

	tr->t->next = w->next;
	start = cpu_ns();
	rc = bf_sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	start = (cpu_ns() - start) / n;
	if (rc) {
		errno = -rc;
		feed_die("XDP live frames");
	}
	w->next += n;
	return start;
}

static void answer_flows(const struct world *w, const struct trace *tr)
{
	for (size_t i = 0; i < tr->n; i++) {
		const uint8_t *e = tr->t->entries + i * v4.entry;
		struct sockaddr_in to = {.sin_family = AF_INET};
		unsigned port = ((unsigned)e[22] << 8 | e[23]) - PORT;

		memcpy(&to.sin_addr, e + 12, 4);
		memcpy(&to.sin_port, e + 20, 2);
		if (i && !memcmp(e, tr->t->entries, v4.entry))
			return; /* the flows begin again */
		if (port < PORTS && sendto(w->sockets[port], "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			feed_die("%s: answer", w->name);
	}
}

/* So many packets take that long, whole batches. */
static uint32_t in_time(double ms, double ns_each)
{
	return (uint32_t)BF_MIN(ms * 1e6 / ns_each / BATCH + 1, 10000) * BATCH;
}

/* The first packets warm caches up, and tell how many take about so long. */
static void warm_up(struct world *w, const struct options *o, const struct trace *tr)
{
	double each;
	uint32_t n;

	enter(w);
	n = send_packets(w, o, tr, BATCH) > SLOW_NS ? BATCH : 512;
	if (o->answers)
		answer_flows(w, tr);
	each = send_packets(w, o, tr, n);
	each = BF_MIN(each, send_packets(w, o, tr, n));
	w->repeat = in_time(o->ms, each);
	w->warm = in_time(o->warm_ms, each);
}

static double send_counted(struct world *w, const struct options *o, const struct trace *tr, uint32_t n)
{
	uint64_t before;
	double ns;

	enter(w);
	before = passed(w, o, tr);
	ns = send_packets(w, o, tr, n);
	w->passed += passed(w, o, tr) - before;
	w->sent += n;
	return ns;
}

static void measure(struct world *w, const struct options *o, const struct trace *tr, unsigned round)
{
	enter(w);
	send_packets(w, o, tr, w->warm);
	w->ns_per_packet[round] = send_counted(w, o, tr, w->repeat);
}

static void measure_all(struct world *worlds, int n, const struct options *o, const struct trace *tr)
{
	for (int i = 0; i < n; i++)
		warm_up(&worlds[i], o, tr);
	for (unsigned r = 0; r < o->rounds; r++)
		for (int i = 0; i < n; i++)
			measure(&worlds[i], o, tr, r);
}

static void print(const struct world *w, unsigned rounds)
{
	printf("%s %lu %lu", w->name, w->sent, w->passed);
	for (unsigned i = 0; i < rounds; i++)
		printf(" %.1f", w->ns_per_packet[i]);
	printf("\n");
}

static int usage(void)
{
	fputs("usage: feed [-6] [-s | -r] [-c PACKETS] [-n ROUNDS] [-t MILLISECONDS] [-w MILLISECONDS] [-e NETNS] TRACE NETNS...\n", stderr);
	return 2;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	int opt;

	while ((opt = getopt(argc, argv, "6src:n:t:w:e:")) != -1) {
		if (opt == '6')
			o->family = &v6;
		else if (opt == 's' || opt == 'r')
			o->sockets = true, o->answers = o->answers || opt == 'r';
		else if (opt == 'c')
			o->count = (size_t)atoll(optarg);
		else if (opt == 'n')
			o->rounds = BF_MIN((unsigned)atoi(optarg), (unsigned)MOST_ROUNDS);
		else if (opt == 't')
			o->ms = atof(optarg);
		else if (opt == 'w')
			o->warm_ms = atof(optarg);
		else if (opt == 'e')
			o->empty = optarg;
		else
			return false;
	}
	return !(o->sockets && o->family->v6);
}

int main(int argc, char **argv)
{
	static struct world worlds[FEED_WORLDS];
	struct options o = {.family = &v4, .rounds = 15, .ms = 20, .empty = ""};
	struct trace tr;
	int n;

	if (!read_options(argc, argv, &o))
		return usage();
	n = argc - optind - 1;
	if (n < 1 || n > FEED_WORLDS)
		return usage();
	tr.t = feed_map_trace(o.family, argv[optind], &tr.map, &tr.n);
	tr.writer = feed_load_writer(o.family, tr.map, tr.n);
	for (int i = 0; i < n; i++)
		open_world(&worlds[i], argv[optind + 1 + i], (unsigned)i, &o, &tr);
	if (!o.count)
		measure_all(worlds, n, &o, &tr);
	for (int i = 0; o.count && i < n; i++)
		send_counted(&worlds[i], &o, &tr, (uint32_t)o.count);
	for (int i = 0; i < n; i++)
		print(&worlds[i], o.count ? 0 : o.rounds);
	return 0;
}
