/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.c: the maps that a namespace's directory holds, and what `open`
 * means when writers come and go: a directory may be removed (destroy, gc)
 * and made anew under the same name while somebody holds the old one. An
 * empty link count tells.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "kern/load.h"
#include "kern/ns.h"
#include "kern/sys.h"

static void close_arrays(struct bf_ns *ns, unsigned from)
{
	for (unsigned i = from; i < BF_HOOKS; i++) {
		if (ns->dispatch[i] >= 0)
			close(ns->dispatch[i]);
		ns->dispatch[i] = -1;
	}
}

static void close_objects(struct bf_ns *ns)
{
	bf_map_munmap(ns->gen, sizeof(*ns->gen));
	bf_map_munmap(ns->meta, sizeof(*ns->meta));
	ns->gen = NULL;
	ns->meta = NULL;
	close_arrays(ns, 0);
}

void bf_ns_forget(struct bf_ns *ns)
{
	close_objects(ns);
	if (ns->dir_fd >= 0)
		close(ns->dir_fd);
	ns->dir_fd = -1;
	ns->locked = false;
}

/* Maps a pinned one-element array. NULL and *err. */
static void *map_pinned(const struct bf_ns *ns, const char *name, size_t len, int *err)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;
	void *p = NULL;

	bf_path(path, "%s/%s", ns->dir, name);
	fd = bf_pin_get(path);
	if (fd >= 0)
		p = bf_map_mmap(fd, len, true);
	*err = p ? 0 : fd < 0 ? fd : -errno;
	return p;
}

static uint64_t gen_number(const struct bf_ns *ns)
{
	struct stat st;

	return fstatat(ns->dir_fd, "gen", &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_ino;
}

/* gen comes last: with it the directory is complete. */
static int open_objects(struct bf_ns *ns)
{
	char path[BF_PATH_MAX];
	int err;

	ns->gen_ino = gen_number(ns); /* before it is opened: should somebody put another one there, it is opened again */
	ns->gen = map_pinned(ns, "gen", sizeof(*ns->gen), &err);
	if (ns->gen)
		ns->meta = map_pinned(ns, "meta", sizeof(*ns->meta), &err);
	bf_path(path, "%s/dispatch", ns->dir);
	if (ns->meta)
		ns->dispatch[0] = err = bf_pin_get(path);
	if (err >= 0 && (ns->meta->magic != BF_META_MAGIC || ns->meta->version != BF_STATE_VERSION))
		err = -EPROTONOSUPPORT;
	if (err < 0)
		close_objects(ns);
	return err < 0 ? err : 0;
}

static bool still_there(const struct bf_ns *ns)
{
	struct stat st;

	return ns->dir_fd >= 0 && !fstat(ns->dir_fd, &st) && st.st_nlink;
}

static int open_dir(struct bf_ns *ns)
{
	ns->dir_fd = open(ns->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ns->dir_fd < 0 ? -errno : 0;
}

int bf_ns_refresh(struct bf_ns *ns)
{
	int err;

	if (!still_there(ns)) {
		bf_ns_forget(ns);
		err = open_dir(ns);
		if (err)
			return err;
	}
	return ns->gen ? 0 : open_objects(ns);
}

int bf_ns_reopen(struct bf_ns *ns)
{
	if (ns->gen && ns->gen_ino && gen_number(ns) == ns->gen_ino) {
		close_arrays(ns, 1); /* the others come and go while gen stays */
		return 0;
	}
	close_objects(ns);
	return open_objects(ns);
}

static int make_map(const struct bf_ns *ns, const char *name, const struct bf_map_desc *m, const void *value)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = bf_map_create(m);
	uint32_t key = 0;
	int err = fd < 0 ? fd : 0;

	if (!err && value)
		err = bf_map_update(fd, &key, value, BPF_ANY);
	bf_path(path, "%s/%s", ns->dir, name);
	return err ? err : bf_pin(fd, path);
}

static int make_all(const struct bf_ns *ns)
{
	struct bf_meta meta = { .magic = BF_META_MAGIC, .version = BF_STATE_VERSION, .cookie = ns->cookie };
	const struct bf_map_desc array = { "bf_meta", BPF_MAP_TYPE_ARRAY, 4, sizeof(meta), 1, BPF_F_MMAPABLE, 0 };
	const struct bf_map_desc gen = { "bf_gen", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE, 0 };
	const struct bf_map_desc progs = { "bf_dispatch", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2 * BF_DISPATCHERS, 0, 0 };
	char spare[BF_PATH_MAX];
	int err;

	bf_path(spare, "%s/spare", ns->dir);
	if (mkdir(spare, 0700))
		return -errno;
	while (!meta.owner)
		if (getrandom(&meta.owner, sizeof(meta.owner), 0) != sizeof(meta.owner))
			return -errno;
	err = make_map(ns, "meta", &array, &meta);
	if (!err)
		err = make_map(ns, "dispatch", &progs, NULL);
	return err ? err : make_map(ns, "gen", &gen, NULL);
}

int bf_ns_make_objects(struct bf_ns *ns, struct bf_diag *d)
{
	int err = bf_path_remove(ns->dir, true); /* a half-made set of a killed process */

	if (!err)
		err = make_all(ns);
	if (!err)
		err = open_objects(ns);
	if (err)
		bf_diag_error(d, err, "cannot make the maps in %s: %s%s", ns->dir, strerror(-err),
		              err == -EPERM ? ": CAP_BPF and CAP_NET_ADMIN are needed" : "");
	return err;
}
