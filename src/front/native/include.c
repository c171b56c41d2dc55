/* SPDX-License-Identifier: GPL-2.0-only */
/* include.c: files of an include; patterns as the shell's, in alphabetical order, and none is no error for a pattern.
 */
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "front/native/native.h"

enum { LARGEST = 1 << 30 };

static int read_all(int fd, struct bf_buf *out)
{
	for (;;) {
		char block[65536];
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0)
			return -errno;
		if (!n)
			return out->err;
		if (out->len + (size_t)n > LARGEST)
			return -EFBIG;
		bf_buf_add(out, block, (size_t)n);
	}
}

static int open_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return TAKE_FD(fd);
}

int bf_native_file(const char *path, struct bf_buf *out)
{
	_cleanup_close_ int fd = open_file(path);

	return fd < 0 ? fd : read_all(fd, out);
}

static int one_file(const char *path, int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	int err = bf_native_file(path, &text);

	return err ? err : each(arg, path, text.data ? text.data : "", text.len);
}

static bool is_pattern(const char *path)
{
	return strpbrk(path, "*?[");
}

static int in_directory(const char *dir, const char *pattern, size_t *found,
                        int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg)
{
	_cleanup_buf_ struct bf_buf path = { 0 };
	glob_t g = { 0 };
	int err = 0, st;

	bf_buf_printf(&path, "%s%s%s", dir, *dir ? "/" : "", pattern);
	if (path.err)
		return path.err;
	st = glob(path.data, is_pattern(pattern) ? 0 : GLOB_NOMAGIC, NULL, &g);
	if (st == GLOB_NOSPACE)
		return -ENOMEM;
	for (size_t i = 0; !st && i < g.gl_pathc && !err; i++) {
		struct stat s;

		if (is_pattern(pattern) && !stat(g.gl_pathv[i], &s) && S_ISDIR(s.st_mode))
			continue;
		err = one_file(g.gl_pathv[i], each, arg);
		if (err != -ENOENT)
			++*found;
	}
	globfree(&g);
	return err;
}

int bf_native_include(void *ctx, const char *pattern,
                      int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg)
{
	const char *const *dirs = ctx;
	bool plain = *pattern == '/' || !strncmp(pattern, "./", 2) || !dirs;
	size_t found = 0;
	int err = 0;

	if (plain)
		return in_directory("", pattern, &found, each, arg);
	for (; *dirs && !found; dirs++) {
		err = in_directory(*dirs, pattern, &found, each, arg);
		if (err && err != -ENOENT)
			return err;
	}
	return is_pattern(pattern) || found ? err : -ENOENT;
}
