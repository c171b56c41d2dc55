/* SPDX-License-Identifier: GPL-2.0-only */
/* path.c: directories of pins (path.h). */
#include "kern/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

void bf_path(char out[BF_PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, BF_PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= BF_PATH_MAX)
		out[0] = '\0';
}

bool bf_path_valid_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len && len < 32 && !name[len];
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Opens a directory, relative to at. NULL and errno. */
static DIR *open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d) {
		err = errno;
		close(fd);
		errno = err;
	}
	return d;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static int remove_content(int at, const char *path)
{
	_cleanup_(closedirp) DIR *dir = open_dir(at, path);
	struct dirent *e;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		bool sub = e->d_type == DT_DIR;
		int r = 0;

		if (is_dots(e->d_name))
			continue;
		if (sub)
			r = remove_content(dirfd(dir), e->d_name);
		if (!r && unlinkat(dirfd(dir), e->d_name, sub ? AT_REMOVEDIR : 0) && errno != ENOENT)
			r = -errno;
		if (r && !err)
			err = r;
	}
	return err;
}

int bf_path_remove(const char *path, bool keep_dir)
{
	int err = remove_content(AT_FDCWD, path);

	if (!err && !keep_dir && rmdir(path) && errno != ENOENT)
		err = -errno;
	return err;
}

int bf_path_link_all(const char *from, const char *to)
{
	_cleanup_(closedirp) DIR *src = open_dir(AT_FDCWD, from), *dst = NULL;
	struct dirent *e;

	if (!src || mkdir(to, 0700))
		return -errno;
	dst = open_dir(AT_FDCWD, to);
	if (!dst)
		return -errno;
	while ((e = readdir(src)))
		if (!is_dots(e->d_name) && linkat(dirfd(src), e->d_name, dirfd(dst), e->d_name, 0))
			return -errno;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Packs n NUL-terminated names in order. */
static int sort_names(const struct bf_buf *names, size_t n, struct bf_buf *b)
{
	_cleanup_free_ char **v = calloc(n + 1, sizeof(*v));
	char *p = names->data;

	if (!v || names->err)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++, p += strlen(p) + 1)
		v[i] = p;
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		bf_buf_add(b, v[i], strlen(v[i]) + 1);
	return b->err;
}

int bf_path_list(const char *path, struct bf_buf *b)
{
	_cleanup_(closedirp) DIR *dir = open_dir(AT_FDCWD, path);
	_cleanup_buf_ struct bf_buf names = { 0 };
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (is_dots(e->d_name))
			continue;
		bf_buf_add(&names, e->d_name, strlen(e->d_name) + 1);
		n++;
	}
	return n ? sort_names(&names, n, b) : 0;
}
