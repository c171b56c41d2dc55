/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * errnos.c: calls that go wrong, one line for each: what was asked, what came
 * back. Printed natively and under the supervisor it must be the same text.
 *   errnos 4|6
 */
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int family, level, fd;
static char *page;    /* two pages, the second not there: page + 4096 - n has n bytes */
#define PAGE 4096

static void result(const char *what, int rc)
{
	printf("%-44s %s\n", what, rc ? strerror(errno) : "ok");
}

/* By the raw call: glibc must not look at the pointers. */
static int get(int s, int lvl, int opt, void *val, void *len)
{
	return (int)syscall(SYS_getsockopt, s, lvl, opt, val, len);
}

static int set(int s, int lvl, int opt, const void *val, int len)
{
	return (int)syscall(SYS_setsockopt, s, lvl, opt, val, len);
}

static void *at_end(const void *data, size_t len)
{
	return memcpy(page + PAGE - len, data, len);
}

static void info_lengths(void)
{
	static const int lens[] = {84, 83, 85, 0, 32, -1, 1 << 20};

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct ipt_getinfo info = {.name = "filter"};
		char what[64];
		int len = lens[i];

		snprintf(what, sizeof(what), "GET_INFO optlen %d", len);
		result(what, get(fd, level, 64, &info, &len));
		printf("%46s optlen %d\n", "", len);
	}
}

static void info_pointers(void)
{
	struct ipt_getinfo info = {.name = "filter"};
	int len = sizeof(info);

	result("GET_INFO optval NULL", get(fd, level, 64, NULL, &len));
	result("GET_INFO optlen NULL", get(fd, level, 64, &info, NULL));
	result("GET_INFO optval ends early", get(fd, level, 64, at_end(&info, 83), &len));
	result("GET_INFO optval just fits", get(fd, level, 64, at_end(&info, 84), &len));
	result("GET_INFO name only", get(fd, level, 64, at_end(&info, 32), &len));
	result("GET_INFO optlen ends early", get(fd, level, 64, &info, page + PAGE - 3));
	mprotect(at_end(&info, 84), 1, PROT_READ);
	mprotect(page, PAGE, PROT_READ);
	result("GET_INFO optval read-only", get(fd, level, 64, page + PAGE - 84, &len));
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	memcpy(page, &len, sizeof(len));
	mprotect(page, PAGE, PROT_READ);
	result("GET_INFO optlen read-only", get(fd, level, 64, &info, page));
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

static void info_names(void)
{
	static const char *const names[] = {"filter", "Filter", "nosuch", "", "filter2", "mangle"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct ipt_getinfo info = {};
		int len = sizeof(info);
		char what[64];

		strcpy(info.name, names[i]);
		snprintf(what, sizeof(what), "GET_INFO of \"%s\"", names[i]);
		result(what, get(fd, level, 64, &info, &len));
		printf("%46s %s hooks %x entries %u size %u\n", "", info.name, info.valid_hooks, info.num_entries, info.size);
	}
	struct ipt_getinfo info;
	int len = sizeof(info);

	memset(&info, 'f', sizeof(info));
	result("GET_INFO of a name without end", get(fd, level, 64, &info, &len));
}

static void sockets(void)
{
	static const struct {
		const char *name;
		int domain, type, proto;
	} s[] = {
		{"raw4", AF_INET, SOCK_RAW, IPPROTO_RAW}, {"raw6", AF_INET6, SOCK_RAW, IPPROTO_RAW},
		{"udp4", AF_INET, SOCK_DGRAM, 0},         {"udp6", AF_INET6, SOCK_DGRAM, 0},
		{"tcp4", AF_INET, SOCK_STREAM, 0},        {"tcp6", AF_INET6, SOCK_STREAM, 0},
		{"unix", AF_UNIX, SOCK_STREAM, 0},        {"netlink", AF_NETLINK, SOCK_RAW, 0},
		{"packet", AF_PACKET, SOCK_RAW, 0},
	};

	for (size_t i = 0; i < sizeof(s) / sizeof(*s); i++) {
		struct ipt_getinfo info = {.name = "filter"};
		int len = sizeof(info), f = socket(s[i].domain, s[i].type, s[i].proto);
		char what[64];

		snprintf(what, sizeof(what), "GET_INFO on %s", s[i].name);
		result(what, get(f, level, 64, &info, &len));
		snprintf(what, sizeof(what), "REPLACE of nothing on %s", s[i].name);
		result(what, set(f, level, 64, &info, 0));
		close(f);
	}
	struct ipt_getinfo info = {.name = "filter"};
	int len = sizeof(info), file = open("/dev/null", O_RDWR);

	result("GET_INFO on a file", get(file, level, 64, &info, &len));
	result("GET_INFO on descriptor 999", get(999, level, 64, &info, &len));
	result("GET_INFO on descriptor -1", get(-1, level, 64, &info, &len));
	result("REPLACE on a file", set(file, level, 64, &info, sizeof(info)));
}

static void entries(void)
{
	struct ipt_getinfo info = {.name = "filter"};
	int len = sizeof(info);
	static const int delta[] = {0, 8, -8, 1 << 20};

	get(fd, level, 64, &info, &len);
	for (size_t i = 0; i < sizeof(delta) / sizeof(*delta); i++) {
		size_t room = 40 + (size_t)((int)info.size + delta[i]);
		struct ipt_get_entries *e = calloc(1, room);
		char what[64];

		strcpy(e->name, "filter");
		e->size = (unsigned)((int)info.size + delta[i]);
		len = (int)room;
		snprintf(what, sizeof(what), "GET_ENTRIES size %+d", delta[i]);
		result(what, get(fd, level, 65, e, &len));
		len = (int)room - 1;
		snprintf(what, sizeof(what), "GET_ENTRIES size %+d optlen one less", delta[i]);
		result(what, get(fd, level, 65, e, &len));
		len = (int)room;
		strcpy(e->name, "nosuch");
		result("GET_ENTRIES of nosuch", get(fd, level, 65, e, &len));
		free(e);
	}
	struct ipt_get_entries head = {.name = "filter", .size = info.size};

	len = (int)(sizeof(head) + info.size);
	result("GET_ENTRIES without room behind the head", get(fd, level, 65, at_end(&head, sizeof(head)), &len));
	len = 39;
	result("GET_ENTRIES optlen 39", get(fd, level, 65, &head, &len));
}

static void revisions(void)
{
	static const char *const names[] = {"tcp", "udp", "conntrack", "multiport", "limit", "string", "nosuch", "",
		"REJECT", "LOG", "MASQUERADE", "ACCEPT", "ERROR", "standard"};
	int match = family == 4 ? 66 : 68;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (int rev = 0; rev < 5; rev++)
			for (int target = 0; target < 2; target++) {
				struct xt_get_revision r = {.revision = (__u8)rev};
				int len = sizeof(r);
				char what[64];

				strcpy(r.name, names[i]);
				snprintf(what, sizeof(what), "GET_REVISION %s \"%s\" %d", target ? "target" : "match", names[i], rev);
				result(what, get(fd, level, match + target, &r, &len));
			}
	struct xt_get_revision r = {.name = "tcp"};

	for (int len = 29; len < 33; len += 2) {
		int l = len;

		result("GET_REVISION wrong optlen", get(fd, level, match, &r, &l));
	}
}

static void replaces(void)
{
	static const int lens[] = {0, -1, 1, 95, 96, 97, 4096};
	char zero[8192] = {};
	struct ipt_replace r = {.name = "filter", .num_counters = 4};

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		char what[64];

		snprintf(what, sizeof(what), "REPLACE of zeroes, optlen %d", lens[i]);
		result(what, set(fd, level, 64, zero, lens[i]));
		memcpy(zero, "filter", 7);
		snprintf(what, sizeof(what), "REPLACE of \"filter\", optlen %d", lens[i]);
		result(what, set(fd, level, 64, zero, lens[i]));
		snprintf(what, sizeof(what), "ADD_COUNTERS of \"filter\", optlen %d", lens[i]);
		result(what, set(fd, level, 65, zero, lens[i]));
		memset(zero, 0, 7);
	}
	result("REPLACE NULL", set(fd, level, 64, NULL, 4096));
	result("REPLACE size beyond optlen", (r.size = 5000, set(fd, level, 64, at_end(&r, 96), 96)));
	result("REPLACE entries not there", set(fd, level, 64, at_end(&r, 96), 96 + 5000));
	result("REPLACE of 600 MB", (r.size = 600 << 20, set(fd, level, 64, at_end(&r, 96), 0x7fffffff)));
	result("REPLACE of no counters", (r.size = 1000, r.num_counters = 0, set(fd, level, 64, at_end(&r, 96), 4096)));
	result("REPLACE of 2^28 counters", (r.num_counters = 1 << 28, set(fd, level, 64, at_end(&r, 96), 4096)));
}

static void counters(void)
{
	static char buf[1 << 16];
	struct xt_counters_info *c = (void *)buf;
	static const unsigned n[] = {0, 1, 3, 4, 5, 0x10000000, 0xffffffff};

	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++)
		for (int extra = -1; extra < 2; extra++) {
			char what[64];

			strcpy(c->name, "filter");
			c->num_counters = n[i];
			snprintf(what, sizeof(what), "ADD_COUNTERS %u, optlen %+d", n[i], extra);
			result(what, set(fd, level, 65, buf, (int)(40 + 16 * (n[i] & 0xff)) + extra));
		}
	c->num_counters = 4;
	strcpy(c->name, "nosuch");
	result("ADD_COUNTERS of nosuch", set(fd, level, 65, buf, 40 + 64));
	strcpy(c->name, "filter");
	result("ADD_COUNTERS ends early", set(fd, level, 65, at_end(buf, 100), 40 + 64));
	c->num_counters = 255;
	result("ADD_COUNTERS wrong length, and ends early", set(fd, level, 65, at_end(buf, 100), 40 + 64));
	result("ADD_COUNTERS NULL", set(fd, level, 65, NULL, 40 + 64));
}

static void others(void)
{
	for (int opt = 60; opt < 72; opt++) {
		char buf[256] = "filter", what[64];
		int len = sizeof(buf);

		snprintf(what, sizeof(what), "getsockopt %d", opt);
		result(what, get(fd, level, opt, buf, &len));
		snprintf(what, sizeof(what), "setsockopt %d", opt);
		result(what, set(fd, level, opt, buf, 4));
	}
}

int main(int argc, char **argv)
{
	family = argc > 1 ? atoi(argv[1]) : 4;
	level = family == 4 ? SOL_IP : SOL_IPV6;
	fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW);
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || page == MAP_FAILED || munmap(page + PAGE, PAGE))
		return perror("errnos"), 1;
	info_lengths();
	info_pointers();
	info_names();
	sockets();
	entries();
	revisions();
	replaces();
	counters();
	others();
	return 0;
}
