/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.c: calls that iptables itself never makes so.
 *   calls N M        N threads, each M times GET_INFO and GET_ENTRIES, all answers the same
 *   calls --drop-caps  open the socket, give up all capabilities, ask
 *   calls --orphan     kill the supervisor, which is the parent, and ask
 */
#include <netinet/in.h>
#include <linux/capability.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int n = argc > 2 ? atoi(argv[1]) : 0;
	long bad = 0;

	if (argc > 1 && !strcmp(argv[1], "--drop-caps"))
		return drop_caps();
	if (argc > 1 && !strcmp(argv[1], "--orphan"))
		return orphan();
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
