/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replay.c: runs a fuzz target over the files of its corpus, as an ordinary
 * test: what a fuzzer once found stays found.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	_cleanup_free_ uint8_t *data = malloc(size > 0 ? (size_t)size : 1);

	if (size < 0 || !data || pread(fd, data, (size_t)size, 0) != size) {
		perror(name);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, (size_t)size);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	DIR *d = opendir(argc > 1 ? argv[1] : ".");

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && (replay(dirfd(d), e->d_name) < 0 || !++n))
			return 1;
	if (d)
		closedir(d);
	printf("%u inputs\n", n);
	return n == 0;
}
