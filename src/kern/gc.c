/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gc.c: a pinned link keeps its network namespace alive, so the rules of a
 * container that ended would stay for ever, and its devices with them. When
 * all references that a namespace still has are our links', it is released:
 * nobody can reach it any more.
 *
 * Whoever works on a namespace's state holds a descriptor of it, so it has one
 * reference more. The lock is taken all the same, and the count looked at
 * again under it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>

#include "kern/ns.h"
#include "kern/netlist.h"
#include "kern/sys.h"

struct dir {
	char path[BF_PATH_MAX];
	uint64_t cookie;
};

static bool parse_cookie(const char *name, uint64_t *cookie)
{
	char *end;

	if (*name < '1' || *name > '9')
		return false;
	errno = 0;
	*cookie = strtoull(name, &end, 10);
	return !*end && !errno;
}

/* Calls f for each link that is pinned in a directory. The sum of what it returns, or the first error. */
static int each_link(const struct dir *dir, int (*f)(const struct bf_netlist *l, const char *path),
                     const struct bf_netlist *l)
{
	_cleanup_buf_ struct bf_buf names = { 0 };
	int sum = 0, err = bf_path_list(dir->path, &names);

	for (const char *p = names.data; !err && p && p < names.data + names.len; p += strlen(p) + 1) {
		char path[BF_PATH_MAX];
		int r;

		if (strncmp(p, "link-", 5))
			continue;
		bf_path(path, "%s/%s", dir->path, p);
		r = f(l, path);
		if (r < 0)
			err = r;
		else
			sum += r;
	}
	return err ? err : sum;
}

/* References that the link holds: a detached one holds none, nor do links to devices and control groups. */
static int references(const struct bf_netlist *l, const char *path)
{
	_cleanup_close_ int fd = bf_pin_get(path);
	struct bf_link_info info;
	int err = fd < 0 ? fd : bf_link_info(fd, &info);

	if (!err && info.type != BF_LINK_TYPE_NETFILTER)
		return 0;
	return err ? err : bf_link_is_alive(l->dead, fd);
}

static int remove_link(const struct bf_netlist *l, const char *path)
{
	_cleanup_close_ int fd = bf_pin_get(path);

	if (!unlink(path) && fd >= 0)
		bf_link_detach(fd);
	return 0;
}

/* Nothing but our links keeps it? Of a namespace that is gone only a directory without links can be left. */
static bool is_abandoned(const struct bf_netlist *l, const struct dir *dir)
{
	const struct bf_netns *list;
	uint32_t n;
	int links = each_link(dir, references, l);

	if (links < 0 || bf_netlist_look(l, &list, &n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (list[i].cookie == dir->cookie)
			return links && list[i].refs == (uint32_t)links;
	return !links;
}

static bool release(const struct bf_netlist *l, const struct dir *dir)
{
	_cleanup_close_ int fd = -1;
	char gen[BF_PATH_MAX];

	if (!is_abandoned(l, dir))
		return false;
	fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || !is_abandoned(l, dir))
		return false;
	each_link(dir, remove_link, l); /* first: killed in between, the rest still tells what the directory is */
	bf_path(gen, "%s/gen", dir->path);
	unlink(gen);
	return !bf_path_remove(dir->path, false);
}

static int collect(const char *base, const struct bf_buf *names, struct bf_diag *d)
{
	_cleanup_netlist_ struct bf_netlist l = BF_NETLIST_NONE;
	int n = 0, err = bf_netlist_open(&l, base, d);

	for (const char *p = names->data; !err && p < names->data + names->len; p += strlen(p) + 1) {
		struct dir dir;

		if (!parse_cookie(p, &dir.cookie))
			continue;
		bf_path(dir.path, "%s/%s", base, p);
		n += release(&l, &dir);
	}
	return err ? err : n;
}

static bool has_other(const struct bf_buf *names, uint64_t own)
{
	uint64_t cookie;

	for (const char *p = names->data; p && p < names->data + names->len; p += strlen(p) + 1)
		if (parse_cookie(p, &cookie) && cookie != own)
			return true;
	return false;
}

int bf_ns_collect_others(const char *base, uint64_t own, struct bf_diag *d)
{
	_cleanup_buf_ struct bf_buf names = { 0 };
	int err = bf_path_list(base, &names);

	if (err && err != -ENOENT)
		bf_diag_error(d, err, "cannot read %s: %s%s", base, strerror(-err), err == -EACCES ? " (only root may)" : "");
	if (err)
		return err == -ENOENT ? 0 : err;
	return has_other(&names, own) ? collect(base, &names, d) : 0;
}

int bf_ns_collect(struct bf_diag *d)
{
	char base[BF_PATH_MAX];
	int err = bf_path_base(base, false, d);

	if (err)
		return err == -ENOENT ? 0 : err;
	return bf_ns_collect_others(base, 0, d);
}
