/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twin: does the actions it reads in two worlds and prints where they differ.
 *
 *   twin [-l] [-n GROUPS] [-a ADDRESS]... [-i DEVICE]... [-v] A B < actions
 *     -l  watch the kernel log (LOG)     -n  watch NFLOG groups (bit mask)     -v  print the record of every action
 *     -a  one more IPv4 address of the router     -i  a device of the router, for the kernel log
 *
 * One action a line:
 *   p END HEX                                   a frame put in at an end
 *   g END GSO_TYPE HDR_LEN GSO_SIZE CSUM_START CSUM_OFFSET HEX    a GSO frame (virtio_net_hdr's fields)
 *   o UID MARK HEX                              an IP packet from a socket of the router
 *   t FAMILY FROM SRC TO DST PORT BYTES         a TCP connection between namespaces (c, r, s)
 *
 * Exit status 0: the worlds were equal; 1: they were not; 2: trouble; 3: they were not, but the machine was so slow
 * that TCP's timers ran (flow.c): to be done again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "twin.h"

#define MAX_PACKET 70000
#define MAX_SHOWN 20

struct action {
	char kind;
	enum end end;
	struct virtio_net_hdr vnet;
	unsigned uid, mark;
	struct flow_spec flow;
	uint8_t *data;
	size_t len;
};

static bool verbose, disturbed;

static int hex_digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct action *a, const char *s)
{
	static uint8_t buf[MAX_PACKET];

	a->data = buf;
	for (a->len = 0; hex_digit(s[0]) >= 0 && hex_digit(s[1]) >= 0 && a->len < sizeof(buf); s += 2)
		buf[a->len++] = (uint8_t)(hex_digit(s[0]) << 4 | hex_digit(s[1]));
	return (*s == '\n' || !*s) && a->len >= 20;
}

static bool parse_frame(struct action *a, const char *line)
{
	char end[8];
	int at = 0;

	return sscanf(line, "p %7s %n", end, &at) == 1 && at && !if_by_end(end, &a->end) && parse_hex(a, line + at);
}

static bool parse_gso(struct action *a, const char *line)
{
	unsigned type, hdr, size, start, off;
	char end[8];
	int at = 0;

	if (sscanf(line, "g %7s %u %u %u %u %u %n", end, &type, &hdr, &size, &start, &off, &at) != 6 || !at)
		return false;
	a->vnet = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = (uint8_t)type,
		.hdr_len = (uint16_t)hdr, .gso_size = (uint16_t)size, .csum_start = (uint16_t)start,
		.csum_offset = (uint16_t)off };
	return !if_by_end(end, &a->end) && parse_hex(a, line + at);
}

static bool parse_out(struct action *a, const char *line)
{
	int at = 0;

	return sscanf(line, "o %u %u %n", &a->uid, &a->mark, &at) == 2 && at && parse_hex(a, line + at);
}

static bool parse_flow(struct action *a, const char *line)
{
	static const char spaces[] = "crs";
	struct flow_spec *f = &a->flow;
	char from, to;
	int family;

	if (sscanf(line, "t %d %c %63s %c %63s %u %u", &family, &from, f->src, &to, f->dst, &f->port, &f->bytes) != 7 ||
	    !strchr(spaces, from) || !strchr(spaces, to))
		return false;
	f->family = family == 6 ? AF_INET6 : AF_INET;
	f->from = (enum space)(strchr(spaces, from) - spaces);
	f->to = (enum space)(strchr(spaces, to) - spaces);
	return true;
}

static bool parse(struct action *a, const char *line)
{
	*a = (struct action){ .kind = line[0] };
	switch (line[0]) {
	case 'p':
		return parse_frame(a, line);
	case 'g':
		return parse_gso(a, line);
	case 'o':
		return parse_out(a, line);
	case 't':
		return parse_flow(a, line);
	default:
		return false;
	}
}

static void perform(struct world *w, const struct action *a)
{
	int err = 0;

	record_clear(&w->rec);
	switch (a->kind) {
	case 'p':
		err = world_send_frame(w, a->end, a->data, a->len, NULL);
		break;
	case 'g':
		err = world_send_frame(w, a->end, a->data, a->len, &a->vnet);
		break;
	case 'o':
		err = world_send_raw(w, a->data, a->len, a->uid, a->mark);
		break;
	case 't':
		disturbed |= !flow_run(w, &a->flow);
		break;
	}
	if (err)
		record_add(&w->rec, "send: errno %d (%s)\n", -err, strerror(-err));
	observe(w, a->kind == 't');
}

static bool equal(const struct world *a, const struct world *b)
{
	return a->rec.len == b->rec.len && (!a->rec.len || !memcmp(a->rec.text, b->rec.text, a->rec.len));
}

/* On a loaded machine a softirq may be handed to ksoftirqd: give it a moment before believing in a difference. */
static bool settle(struct world *w, bool flow)
{
	struct timespec wait = { .tv_nsec = 20 * 1000 * 1000 };

	for (int i = 0; i < 5 && !equal(&w[0], &w[1]); i++) {
		nanosleep(&wait, NULL);
		observe(&w[0], flow);
		observe(&w[1], flow);
	}
	return equal(&w[0], &w[1]);
}

static void show(const char *what, unsigned n, const char *line, const struct world *w)
{
	printf("%s %u: %.*s\n", what, n, (int)strcspn(line, "\n"), line);
	for (int i = 0; i < 2; i++) {
		printf("  %s:%s", w[i].name, w[i].rec.len ? "\n" : " nothing\n");
		for (const char *s = w[i].rec.text; s && *s; s += strcspn(s, "\n") + 1)
			printf("    %.*s\n", (int)strcspn(s, "\n"), s);
	}
}

/* -> 1 if they differ */
static int compare_stats(struct world *w, const struct stats *before, unsigned n)
{
	struct stats now;

	for (int i = 0; i < 2; i++) {
		record_clear(&w[i].rec);
		if (!world_read_stats(&w[i], &now))
			world_record_stats(&w[i], &before[i], &now);
	}
	if (equal(&w[0], &w[1]))
		return 0;
	show("different", n, "statistics", w);
	return 1;
}

static int run(struct world *w)
{
	unsigned n = 0, different = 0;
	struct stats before[2];
	struct action a;
	char *line = NULL;
	size_t cap = 0;

	if (world_read_stats(&w[0], &before[0]) || world_read_stats(&w[1], &before[1]))
		return 2;
	while (getline(&line, &cap, stdin) > 0) {
		if (!parse(&a, line)) {
			fprintf(stderr, "twin: action %u is none: %.80s\n", n, line);
			return 2;
		}
		perform(&w[0], &a);
		perform(&w[1], &a);
		if (!equal(&w[0], &w[1]) && !settle(w, a.kind == 't') && different++ < MAX_SHOWN)
			show("different", n, line, w);
		else if (verbose)
			show("action", n, line, w);
		n++;
	}
	free(line);
	different += (unsigned)compare_stats(w, before, n);
	printf("%u actions, %u different\n", n, different);
	return different && disturbed ? 3 : different ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct world w[2];
	uint32_t groups = 0;
	bool log = false;
	cpu_set_t cpu;
	int c, err;

	while ((c = getopt(argc, argv, "a:i:ln:v")) != -1) {
		if (c == 'a' && !observe_add_own(optarg))
			continue;
		if (c == 'i' && !observe_add_device(optarg))
			continue;
		if (c == 'l')
			log = true;
		else if (c == 'n')
			groups = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'v')
			verbose = true;
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	CPU_ZERO(&cpu);
	CPU_SET((unsigned)sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	home_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		err = world_open(&w[i], argv[optind + i], groups);
		if (err) {
			fprintf(stderr, "twin: world %s: %s\n", argv[optind + i], strerror(-err));
			return 2;
		}
	}
	if (log && observe_open_log()) {
		perror("twin: /dev/kmsg");
		return 2;
	}
	return run(w);
}
