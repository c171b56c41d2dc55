/* SPDX-License-Identifier: GPL-2.0-only */
/* map.c: maps made from their specifications (load.h). */
#include "kern/load.h"

#include <stdio.h>

#include "base/shelf.h"
#include "kern/sys.h"

size_t bf_map_bytes(uint32_t value_size, uint32_t max_entries)
{
	return BF_ALIGN((size_t)value_size, (size_t)8) * max_entries;
}

enum { PAGE = 4096, WINDOW = 4 << 20 };

/* Window by window: a process that fills hundreds of MiB has what it fills them with, and not all of them as well. */
int bf_map_write(int fd, size_t at, const void *from, size_t len)
{
	while (len) {
		size_t skip = at % PAGE, n = BF_MIN(len, (size_t)WINDOW - skip);
		char *p = bf_map_mmap_at(fd, at - skip, skip + n, true);

		if (!p)
			return -errno;
		if (from)
			memcpy(p + skip, from, n);
		else
			memset(p + skip, 0, n);
		bf_map_munmap(p, skip + n);
		if (from)
			bf_shelf_put(from, n);
		from = from ? (const char *)from + n : NULL;
		at += n;
		len -= n;
	}
	return 0;
}

static int fill_mapped(int fd, const struct bf_map_spec *s, bool fresh)
{
	size_t len = bf_map_bytes(s->value_size, s->max_entries);
	int err = s->init_len > len ? -EINVAL : bf_map_write(fd, 0, s->init, s->init_len);

	return err || fresh ? err : bf_map_write(fd, s->init_len, NULL, len - s->init_len);
}

static int fill_copied(int fd, const struct bf_map_spec *s)
{
	_cleanup_free_ char *value = calloc(1, s->value_size);
	uint32_t key = 0;

	if (!value)
		return -ENOMEM;
	if (s->init_len > s->value_size)
		return -EINVAL;
	memcpy(value, s->init, s->init_len);
	return bf_map_update(fd, &key, value, BPF_ANY);
}

static int fill(int fd, const struct bf_map_spec *s)
{
	if (!s->init || !s->init_len)
		return 0;
	/* What programs only read cannot be mapped for writing, mmapable or not. */
	return s->map_flags & BPF_F_MMAPABLE && s->role != BF_MAP_RODATA ? fill_mapped(fd, s, true) : fill_copied(fd, s);
}

int bf_map_refill(int fd, const struct bf_map_spec *s)
{
	return fill_mapped(fd, s, false);
}

static int make_failed(const struct bf_map_spec *s, int err, struct bf_diag *d)
{
	const char *hint = "";

	if (err == -EPERM)
		hint = ": CAP_BPF and CAP_NET_ADMIN are needed";
	else if (err == -E2BIG)
		hint = ": larger than this kernel allows";
	return bf_diag_error(d, err, "cannot make the map \"%s\" (%u x %u bytes): %s%s", s->name, s->max_entries,
	                     s->value_size, strerror(-err), hint);
}

int bf_map_make(const struct bf_map_spec *s, struct bf_diag *d)
{
	struct bf_map_desc m = {
		.name = s->name,
		.type = s->type,
		.key_size = s->key_size,
		.value_size = s->value_size,
		.max_entries = s->max_entries,
		/* Without RDONLY_PROG the verifier does not take a frozen map's values for constants. */
		.flags = s->map_flags | (s->role == BF_MAP_RODATA ? BPF_F_RDONLY_PROG : 0),
	};
	_cleanup_close_ int fd = bf_map_create(&m);
	int err;

	if (fd < 0)
		return make_failed(s, fd, d);
	err = fill(fd, s);
	if (!err && s->role == BF_MAP_RODATA)
		err = bf_map_freeze(fd);
	if (err)
		return make_failed(s, err, d);
	return TAKE_FD(fd);
}
