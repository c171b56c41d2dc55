/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.c: calls that iptables itself never makes so.
 *   calls N M        N threads, each M times GET_INFO and GET_ENTRIES, all answers the same
 *   calls --drop-caps  open the socket, give up all capabilities, ask
 *   calls --orphan     kill the supervisor, which is the parent, and ask
 *   calls --compat     by the 32-bit entry: ours are refused, others work
 */
#include <netinet/in.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int rounds;

static int ask(int fd)
{
	struct ipt_getinfo info = {.name = "filter"};
	struct ipt_get_entries *e;
	socklen_t len = sizeof(info);
	int rc;

	if (getsockopt(fd, SOL_IP, IPT_SO_GET_INFO, &info, &len) || len != sizeof(info))
		return perror("GET_INFO"), 1;
	len = (socklen_t)(sizeof(*e) + info.size);
	e = calloc(1, len);
	strcpy(e->name, "filter");
	e->size = info.size;
	rc = getsockopt(fd, SOL_IP, IPT_SO_GET_ENTRIES, e, &len);
	if (rc)
		perror("GET_ENTRIES");
	else if (e->entrytable[0].next_offset < sizeof(struct ipt_entry))
		rc = fprintf(stderr, "no entries came\n");
	free(e);
	return rc;
}

static void *thread(void *arg)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	long bad = 0;

	(void)arg;
	for (int i = 0; i < rounds; i++)
		bad += ask(fd) != 0;
	close(fd);
	return (void *)bad;
}

static int drop_caps(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {};

	if (fd < 0 || syscall(SYS_capset, &h, d))
		return perror("capset"), 2;
	return ask(fd);
}

static int orphan(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	pid_t parent = getppid();

	kill(parent, SIGKILL);
	while (getppid() == parent)
		usleep(1000);
	return ask(fd);
}

#ifdef __x86_64__
/* int 0x80 enters the kernel as a 32-bit program does, with pointers below 4 GiB. */
static int call32(int nr, long a, long b, long c, long d, long e)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return (int)rc;
}

static int compat(void)
{
	struct {
		uint32_t args[5];
		int len, type;
		struct ipt_getinfo info;
	} *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), bad = 0;
	long len = (long)&m->len, info = (long)&m->info;

	if (m == MAP_FAILED || fd < 0)
		return 2;
	m->len = sizeof(m->info);
	strcpy(m->info.name, "filter");
	bad |= call32(365, fd, SOL_IP, IPT_SO_GET_INFO, info, len) != -ENOPROTOOPT;
	memcpy(m->args, (uint32_t[]){(uint32_t)fd, SOL_IP, IPT_SO_GET_INFO, (uint32_t)info, (uint32_t)len}, sizeof(m->args));
	bad |= (call32(102, 15, (long)m->args, 0, 0, 0) != -ENOPROTOOPT) << 1;
	m->len = sizeof(m->type);
	memcpy(m->args, (uint32_t[]){(uint32_t)fd, SOL_SOCKET, SO_TYPE, (uint32_t)(long)&m->type, (uint32_t)len},
	       sizeof(m->args));
	bad |= (call32(102, 15, (long)m->args, 0, 0, 0) || m->type != SOCK_RAW) << 2;
	bad |= (call32(102, 15, 16, 0, 0, 0) != -EFAULT) << 3;
	printf("32-bit calls: %s (%x)\n", bad ? "wrong" : "right", bad);
	return bad;
}
#else
static int compat(void)
{
	return 0;
}
#endif

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int n = argc > 2 ? atoi(argv[1]) : 0;
	long bad = 0;

	if (argc > 1 && !strcmp(argv[1], "--drop-caps"))
		return drop_caps();
	if (argc > 1 && !strcmp(argv[1], "--orphan"))
		return orphan();
	if (argc > 1 && !strcmp(argv[1], "--compat"))
		return compat();
	if (n < 1 || n > 64)
		return 2;
	rounds = atoi(argv[2]);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, thread, NULL))
			return 2;
	for (int i = 0; i < n; i++) {
		void *b;

		pthread_join(threads[i], &b);
		bad += (long)b;
	}
	printf("%d asked, %ld wrong\n", n * rounds, bad);
	return bad != 0;
}
