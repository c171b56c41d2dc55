/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.c: the list that /proc/net/ip_tables_names would have if the kernel
 * knew our tables: newest first. Each table of ours remembers how many were
 * there before it, so it is put behind as many of the kernel's oldest:
 *
 *   kernel, oldest first:  nat  raw          filter.older = 1
 *   with ours:             nat  filter  raw
 *
 * A kernel table of a name that is ours is left out: who asks for it by our
 * programs gets ours.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "api/ctx.h"

#define NAME_MAX_LEN 32
#define LIST_MAX 32 /* the kernel has five tables a family */

struct list { /* oldest first */
	char names[LIST_MAX][NAME_MAX_LEN];
	uint32_t n;
};

static void copy_name(char to[NAME_MAX_LEN], const char *name)
{
	size_t len = strnlen(name, NAME_MAX_LEN - 1);

	memcpy(to, name, len);
	to[len] = '\0';
}

static void insert(struct list *l, uint32_t at, const char *name)
{
	if (l->n == LIST_MAX)
		return;
	at = BF_MIN(at, l->n);
	memmove(l->names[at + 1], l->names[at], (l->n - at) * NAME_MAX_LEN);
	copy_name(l->names[at], name);
	l->n++;
}

static FILE *open_names(int netns, int family)
{
	int fd = bf_netns_open_proc(netns, family == AF_INET6 ? "ip6_tables_names" : "ip_tables_names");
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* A kernel without ip_tables has no such file, and no tables. */
static void read_kernel(int netns, int family, bool with_ours, struct list *l)
{
	FILE *f = open_names(netns, family);
	char name[NAME_MAX_LEN + 1];

	if (!f)
		return;
	while (fscanf(f, "%32s", name) == 1)
		if (with_ours || !bf_xt_owns(family, name))
			insert(l, 0, name);
	fclose(f);
}

bool bf_kernel_has(int netns, int family, const char *table)
{
	struct list l = {};

	read_kernel(netns, family, true, &l);
	for (uint32_t i = 0; i < l.n; i++)
		if (!strcmp(l.names[i], table))
			return true;
	return false;
}

struct ours {
	char name[NAME_MAX_LEN];
	uint32_t older;
};

static int by_age(const void *a, const void *b)
{
	const struct ours *x = a, *y = b;

	return (x->older > y->older) - (x->older < y->older);
}

static uint32_t read_ours(struct bf_ns *ns, int family, struct ours out[LIST_MAX])
{
	const char *prefix = family == AF_INET6 ? "ip6-" : "ip-";
	_cleanup_buf_ struct bf_buf units = {};
	uint32_t n = 0;

	if (!ns || bf_ns_units(ns, &units))
		return 0;
	for (const char *u = units.data, *end = u + units.len; u && u < end && n < LIST_MAX; u += strlen(u) + 1) {
		_cleanup_stored_ struct bf_stored t = {};

		if (strncmp(u, prefix, strlen(prefix)) || bf_stored_load(ns, family, u + strlen(prefix), &t) || !t.unit)
			continue;
		copy_name(out[n].name, u + strlen(prefix));
		out[n++].older = t.older;
	}
	qsort(out, n, sizeof(*out), by_age);
	return n;
}

static void read_all(struct bf_ns *ns, int netns, int family, struct list *l)
{
	struct ours ours[LIST_MAX];
	uint32_t n = read_ours(ns, family, ours);

	read_kernel(netns, family, false, l);
	for (uint32_t i = 0; i < n; i++)
		insert(l, ours[i].older, ours[i].name);
}

uint32_t bf_count_names(struct bf_ns *ns, int netns, int family)
{
	struct list l = {};

	read_all(ns, netns, family, &l);
	return l.n;
}

int bf_xt_names(struct bf_ctx *ctx, int family, char **text)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	struct list l = {};

	bf_ctx_begin(ctx);
	if (bf_ns_open(&ns, ctx->netns, false, NULL))
		ns = NULL;
	read_all(ns, ctx->netns, family, &l);
	bf_buf_puts(&out, "");
	while (l.n)
		bf_buf_printf(&out, "%s\n", l.names[--l.n]);
	if (out.err)
		return out.err;
	*text = out.data ? TAKE_PTR(out.data) : strdup("");
	return *text ? 0 : -ENOMEM;
}
