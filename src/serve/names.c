/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.c: iptables-save reads /proc/net/ip_tables_names to learn which tables
 * exist, and the kernel does not know of ours. The caller gets a memfd with the
 * kernel's names and ours; every other file is opened by the kernel as if
 * nobody had looked.
 *
 * Who may not read the kernel's file gets the kernel's own error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "serve/serve.h"

static const struct {
	const char *path;
	int family;
} files[] = {
	{"/proc/net/ip_tables_names", AF_INET},
	{"/proc/net/ip6_tables_names", AF_INET6},
};
#define PATH_MAX_LEN 32 /* of those above, and some */

static int family_of(const struct bf_client *c, uint64_t addr)
{
	char path[PATH_MAX_LEN] = "";
	size_t n = bf_client_read_some(c, addr, path, sizeof(path));

	for (size_t i = 0; i < BF_ARRAY_SIZE(files); i++)
		if (n > strlen(files[i].path) && !memcmp(path, files[i].path, strlen(files[i].path) + 1))
			return (int)i;
	return -1;
}

/* The file belongs to root of the namespace's owner, mode 0440. Where the kernel has none, real root's rights are asked for. */
static bool may_read(struct bf_client *c, const char *path)
{
	struct stat st = {};
	char own[64];

	snprintf(own, sizeof(own), "/proc/%u%s", c->req.pid, path + strlen("/proc"));
	if (stat(own, &st) && errno != ENOENT)
		return false;
	return bf_client_may_read(c, st.st_uid, st.st_gid);
}

static int names_file(struct bf_client *c, int family)
{
	_cleanup_close_ int netns = bf_client_netns(c), fd = -1;
	_cleanup_free_ char *text = NULL;
	struct bf_ctx *ctx;
	int rc;

	if (netns < 0)
		return netns;
	ctx = bf_ctx_new();
	rc = ctx ? bf_ctx_set_netns(ctx, netns) : -ENOMEM;
	if (!rc)
		rc = bf_xt_names(ctx, family, &text);
	bf_ctx_free(ctx);
	if (rc)
		return rc;
	fd = memfd_create(family == AF_INET ? "ip_tables_names" : "ip6_tables_names", MFD_CLOEXEC);
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		return -errno;
	return TAKE_FD(fd);
}

void bf_serve_open(struct bf_client *c, bool at)
{
	int i = family_of(c, c->req.data.args[at ? 1 : 0]);
	_cleanup_close_ int fd = -1;
	int rc;

	if (i < 0 || bf_client_alive(c) || !may_read(c, files[i].path)) {
		bf_reply_continue(c);
		return;
	}
	fd = names_file(c, files[i].family);
	rc = fd < 0 ? fd : bf_reply_fd(c, fd);
	if (rc) /* the caller's table of descriptors may be full */
		bf_reply(c, rc);
}
