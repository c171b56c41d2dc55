/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * liar.c: a caller of ip_tables that is up to no good:
 *
 *   another thread goes on changing what it hands over while it is looked at;
 *   sizes that are not so, memory that is not there or cannot be written
 *
 *   liar CALLS     prints what the calls returned; 0 if the table can be read and written at the end
 */
#include <netinet/in.h>
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define HUGE_LEN (600u << 20)
#define PAGE 4096

static struct ipt_getinfo info;
static struct ipt_replace *good, *bad;
static size_t len;
static atomic_bool stop;
static int sock;

/* Mostly right, so that looks at it go far before they meet something else. */
static void *change(void *arg)
{
	volatile uint8_t *b = (void *)bad;
	const uint8_t *g = (void *)good;
	uint64_t r = 88172645463325252ull;

	while (!atomic_load(&stop)) {
		size_t at;

		r ^= r << 13, r ^= r >> 7, r ^= r << 17;
		at = r % len;
		b[at] = (uint8_t)(r >> 40);
		for (int i = 0; i < 50; i++)
			__asm__ volatile("" ::: "memory");
		b[at] = g[at];
	}
	return arg;
}

static void *map(size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static bool read_table(void)
{
	socklen_t n = sizeof(info);
	struct ipt_get_entries *e;

	memset(&info, 0, sizeof(info));
	strcpy(info.name, "filter");
	if (getsockopt(sock, SOL_IP, IPT_SO_GET_INFO, &info, &n))
		return false;
	n = sizeof(*e) + info.size;
	e = map(n, PROT_READ | PROT_WRITE);
	strcpy(e->name, "filter");
	e->size = info.size;
	if (getsockopt(sock, SOL_IP, IPT_SO_GET_ENTRIES, e, &n))
		return false;
	len = sizeof(*good) + info.size;
	good = map(len, PROT_READ | PROT_WRITE);
	strcpy(good->name, "filter");
	good->valid_hooks = info.valid_hooks;
	good->num_entries = good->num_counters = info.num_entries;
	good->size = info.size;
	memcpy(good->hook_entry, info.hook_entry, sizeof(info.hook_entry));
	memcpy(good->underflow, info.underflow, sizeof(info.underflow));
	good->counters = map(info.num_entries * sizeof(struct xt_counters), PROT_READ | PROT_WRITE);
	memcpy(good->entries, e->entrytable, info.size);
	return true;
}

static int replace(void *blob, size_t n)
{
	return setsockopt(sock, SOL_IP, IPT_SO_SET_REPLACE, blob, (socklen_t)n) ? errno : 0;
}

static void race(int calls)
{
	unsigned count[200] = {0};
	pthread_t t;

	bad = map(len, PROT_READ | PROT_WRITE);
	memcpy(bad, good, len);
	pthread_create(&t, NULL, change, NULL);
	for (int i = 0; i < calls; i++)
		count[replace(bad, len) % 200]++;
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	for (int i = 0; i < 200; i++)
		if (count[i])
			printf("%s: %u\n", i ? strerror(i) : "accepted", count[i]);
}

static int expect(const char *what, int got, int want)
{
	if (got == want)
		return 0;
	printf("%s: %s, not %s\n", what, strerror(got), strerror(want));
	return 1;
}

static int get(int opt, void *p, socklen_t *n)
{
	return getsockopt(sock, SOL_IP, opt, p, n) ? errno : 0;
}

static int lies(void)
{
	struct ipt_replace *r = map(HUGE_LEN, PROT_READ | PROT_WRITE);
	socklen_t n = sizeof(info);
	char *at_edge;
	int wrong = 0;

	memcpy(r, good, len);
	r->size = HUGE_LEN - sizeof(*r);
	wrong += expect("600 MiB of rules", replace(r, HUGE_LEN), ENOMEM);
	r->size = 400u << 20;
	wrong += expect("400 MiB of which only the first are rules", replace(r, HUGE_LEN), EINVAL);
	mprotect((char *)r + PAGE, PAGE, PROT_NONE);
	at_edge = (char *)r + PAGE - len + 8;
	memcpy(at_edge, good, len - 8);
	wrong += expect("memory that ends within the rules", replace(at_edge, len), EFAULT);
	wrong += expect("memory that ends within the head", replace((char *)r + PAGE - 8, len), EFAULT);
	munmap(r, HUGE_LEN);
	wrong += expect("no memory", replace(NULL, len), EFAULT);
	wrong += expect("the kernel's memory", replace((void *)0xffffffff81000000ul, len), EFAULT);
	wrong += expect("a length at NULL", get(IPT_SO_GET_INFO, &info, NULL), EFAULT);
	r = map(PAGE, PROT_READ);
	wrong += expect("a place that cannot be written", get(IPT_SO_GET_INFO, r, &n), ENOENT);
	munmap(r, PAGE);
	memcpy(bad, good, len);
	bad->counters = (void *)8;
	wrong += expect("no place for the counters", replace(bad, len), 0);
	return wrong;
}

int main(int argc, char **argv)
{
	int wrong;

	sock = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (sock < 0 || !read_table()) {
		perror("the table");
		return 1;
	}
	race(argc > 1 ? atoi(argv[1]) : 100);
	wrong = expect("the good one again", replace(good, len), 0);
	wrong += lies();
	wrong += !read_table();
	return wrong != 0;
}
