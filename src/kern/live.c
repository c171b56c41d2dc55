/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.c: hashes of sets that rules change (rt/abi.h). One that the unit had
 * before goes on with all that is in it, old and new programs work on the same
 * one during a switch: nothing that packets changed is lost. Only when the set
 * has another shape a new one is made, with the elements that it begins with.
 */
#include "kern/live.h"

#include <time.h>

#include "kern/path.h"
#include "kern/sys.h"
#include "rt/abi.h"

uint64_t bf_live_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* what bpf_ktime_get_ns() tells */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool fits(int fd, const struct bf_map_spec *s)
{
	struct bpf_map_info i = { 0 };

	return !bf_map_info(fd, &i) && i.type == s->type && i.key_size == s->key_size && i.value_size == s->value_size &&
	       i.max_entries == s->max_entries && i.map_flags == s->map_flags;
}

/* An element's end is told as what is left of its time. */
static int put(int fd, const struct bf_map_spec *s, const char *element, uint64_t now)
{
	struct bf_rt_elem e;
	int err;

	memcpy(&e, element + s->key_size, sizeof(e));
	if (e.timeout)
		e.expires = now + (e.expires ? e.expires : e.timeout);
	err = bf_map_update(fd, element, &e, BPF_NOEXIST);
	return err == -EEXIST ? 0 : err;
}

static int fill(int fd, const struct bf_map_spec *s, struct bf_diag *d)
{
	size_t size = s->key_size + sizeof(struct bf_rt_elem);
	uint64_t now = bf_live_now();
	int err = s->value_size == sizeof(struct bf_rt_elem) ? 0 : -EINVAL;

	for (size_t at = 0; !err && at + size <= s->init_len; at += size)
		err = put(fd, s, (const char *)s->init + at, now);
	if (err == -E2BIG)
		return bf_diag_error(d, err, "the set \"%s\" begins with more elements than its size, %u, allows", s->name,
		                     s->max_entries);
	return err ? bf_diag_error(d, err, "cannot fill the set \"%s\": %s", s->name, strerror(-err)) : 0;
}

/* The one that goes on, or -1. */
static int take(const struct bf_map_spec *s, const char *dir)
{
	char path[BF_PATH_MAX];
	int fd;

	if (!s->kept || !dir)
		return -1;
	bf_path(path, "%s/map-%s", dir, s->name);
	fd = bf_pin_get(path);
	if (fd >= 0 && !fits(fd, s)) {
		close(fd);
		return -1;
	}
	return fd;
}

int bf_live_make(const struct bf_map_spec *s, const char *dir, struct bf_diag *d)
{
	const struct bf_map_desc m = { .name = s->name, .type = s->type, .key_size = s->key_size, .value_size = s->value_size,
		                           .max_entries = s->max_entries, .flags = s->map_flags };
	_cleanup_close_ int fd = take(s, dir);
	bool old = fd >= 0;
	int err = 0;

	if (!old)
		fd = bf_map_create(&m);
	if (fd < 0)
		return bf_diag_error(d, fd, "cannot make the set \"%s\": %s", s->name, strerror(-fd));
	if (!old || s->merged)
		err = fill(fd, s, d);
	return err ? err : TAKE_FD(fd);
}

int bf_lives_make(const struct bf_map_spec *s, const int *maps, struct bf_diag *d)
{
	const struct bf_map_desc m = { .name = s->name, .type = s->type, .key_size = s->key_size, .value_size = s->value_size,
		                           .max_entries = s->max_entries, .flags = s->map_flags, .inner_fd = maps[s->first] };
	_cleanup_close_ int fd = bf_map_create(&m);
	int err = fd < 0 ? fd : 0;

	for (uint32_t i = 0; !err && i < s->n; i++)
		err = bf_map_update(fd, &i, &maps[s->first + i], BPF_ANY);
	return err ? bf_diag_error(d, err, "cannot make the map of sets: %s", strerror(-err)) : TAKE_FD(fd);
}
