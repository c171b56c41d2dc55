/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.c: the running kernel's own ip_tables (kernel.h). */
#include "xt/kernel.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

int xk_enter(void)
{
	return unshare(CLONE_NEWNET) ? -errno : 0;
}

static int sock(uint8_t family)
{
	static int fd[2] = { -1, -1 };
	int *s = &fd[family != NFPROTO_IPV4];

	if (*s < 0)
		*s = socket(family == NFPROTO_IPV4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	return *s;
}

static int level(uint8_t family)
{
	return family == NFPROTO_IPV4 ? 0 /* SOL_IP */ : 41 /* SOL_IPV6 */;
}

/* The kernel writes the old counters where the blob says. */
int xk_replace(uint8_t family, const void *blob, size_t len)
{
	static struct xt_counters old[1 << 17];
	_cleanup_free_ char *copy = malloc(len + 1);
	uint64_t ptr = (uintptr_t)old;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, blob, len);
	if (len >= sizeof(struct ipt_replace))
		memcpy(copy + offsetof(struct ipt_replace, counters), &ptr, sizeof(ptr));
	return setsockopt(sock(family), level(family), IPT_SO_SET_REPLACE, copy, (socklen_t)len) ? -errno : 0;
}

int xk_info(uint8_t family, void *getinfo)
{
	socklen_t len = sizeof(struct ipt_getinfo);

	memset(getinfo, 0, len);
	strcpy(getinfo, "filter");
	return getsockopt(sock(family), level(family), IPT_SO_GET_INFO, getinfo, &len) ? -errno : 0;
}

uint32_t xk_num_entries(uint8_t family)
{
	struct ipt_getinfo info;

	return xk_info(family, &info) ? 0 : info.num_entries;
}

int xk_entries(uint8_t family, struct bf_buf *entries)
{
	struct ipt_getinfo info;
	_cleanup_free_ struct ipt_get_entries *get = NULL;
	socklen_t len;
	int err = xk_info(family, &info);

	if (err)
		return err;
	len = (socklen_t)(sizeof(*get) + info.size);
	get = calloc(1, len);
	if (!get)
		return -ENOMEM;
	strcpy(get->name, "filter");
	get->size = info.size;
	if (getsockopt(sock(family), level(family), IPT_SO_GET_ENTRIES, get, &len))
		return -errno;
	bf_buf_add(entries, get->entrytable, info.size);
	return entries->err;
}

int xk_revision(uint8_t family, const char *name, uint8_t rev, bool target)
{
	struct xt_get_revision r = { .revision = rev };
	socklen_t len = sizeof(r);
	int opt = (family == NFPROTO_IPV4 ? IPT_SO_GET_REVISION_MATCH : IP6T_SO_GET_REVISION_MATCH) + target;

	strncpy(r.name, name, sizeof(r.name) - 1);
	return getsockopt(sock(family), level(family), opt, &r, &len) < 0 ? -errno : 0;
}

int xk_capture(uint8_t family, struct bf_buf *blob)
{
	struct ipt_getinfo info;
	struct ipt_replace r = { .num_counters = 4 };
	int err = xk_info(family, &info);

	if (err)
		return err;
	strcpy(r.name, "filter");
	r.valid_hooks = info.valid_hooks;
	r.num_entries = info.num_entries;
	r.size = info.size;
	memcpy(r.hook_entry, info.hook_entry, sizeof(r.hook_entry));
	memcpy(r.underflow, info.underflow, sizeof(r.underflow));
	bf_buf_add(blob, &r, sizeof(r));
	return xk_entries(family, blob);
}

/* Behind a file: a pipe would have to be fed while the program runs. */
static int input_file(const char *text)
{
	FILE *f = tmpfile();

	if (!f)
		return -1;
	fputs(text, f);
	rewind(f);
	return fileno(f); /* closed with the child */
}

int xk_iptables(const char *input, const char *const argv[])
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setenv("XTABLES_LOCKFILE", "/dev/null", 1);
		if (dup2(input_file(input), 0) < 0)
			_exit(126);
		execvp("xtables-legacy-multi", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

uint32_t xk_first_difference(const struct bb *b, const struct bf_rt_counter *want)
{
	_cleanup_buf_ struct bf_buf now = { 0 };
	const uint8_t *e;

	if (xk_entries(b->family, &now))
		return 0;
	e = (const uint8_t *)now.data;
	for (uint32_t i = 0; i < b->n; i++, e += bf_xt_next_offset(b->l, e)) {
		struct xt_counters c;

		memcpy(&c, e + b->l->counters, sizeof(c));
		if (c.pcnt != want[i].packets || c.bcnt != want[i].bytes)
			return i;
	}
	return BF_XT_NONE;
}
