/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.c: hashes of sets that rules change (rt/abi.h). One that the unit had
 * before goes on with all that is in it, old and new programs work on the same
 * one during a switch: nothing that packets changed is lost. Only when the set
 * has another shape a new one is made, with the elements that it begins with.
 */
#include "kern/live.h"

#include <time.h>

#include "kern/ns.h"
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

_Static_assert(sizeof(struct bf_rt_lengths) == sizeof(struct bf_rt_elem) &&
               offsetof(struct bf_rt_lengths, born) == offsetof(struct bf_rt_elem, born), "lengths lie among elements");

/* Those that are there, and these. */
static int put_lengths(int fd, const char *key, const struct bf_rt_lengths *new)
{
	struct bf_rt_lengths l;

	if (bf_map_lookup(fd, key, &l)) {
		l = *new;
		l.more = 1;
		return bf_map_update(fd, key, &l, BPF_ANY);
	}
	l.more = l.more + 1 ? l.more + 1 : 1;
	l.most = new->more ? l.most + new->most : new->most;
	for (uint32_t i = 0; i < new->n; i++) {
		const uint8_t *len = new->len + (size_t)i * new->parts;
		uint32_t k = 0;

		while (k < l.n && memcmp(l.len + (size_t)k * l.parts, len, l.parts))
			k++;
		if (k < l.n)
			continue;
		if (l.parts != new->parts || (l.n + 1) * l.parts > BF_RT_LENGTHS)
			return -E2BIG;
		memcpy(l.len + (size_t)l.n++ * l.parts, len, l.parts);
	}
	return bf_map_update(fd, key, &l, BPF_ANY);
}

/* Who was killed before the switch may have left a limit that nobody has seen, and another comes with the same handle. */
static bool says_otherwise(const struct bf_rt_elem *a, const struct bf_rt_elem *b)
{
	bool other = false;

	for (uint32_t i = 0; a->n_state == b->n_state && i < BF_MIN(a->n_state, (uint32_t)BF_RT_STATES); i++)
		other |= memcmp(&a->state[i], &b->state[i], offsetof(struct bf_rt_state, now)) != 0;
	return other;
}

/* One that is there already goes on; with the time that is told now, if that is another. One that has expired was not there. */
static int put_again(int fd, const char *key, struct bf_rt_elem *e, uint64_t now)
{
	struct bf_rt_elem old;
	int err = bf_map_lookup(fd, key, &old);
	bool gone = !err && ((old.expires && old.expires <= now) || says_otherwise(&old, e));

	if (!err && !gone && (old.timeout == e->timeout || !e->timeout) && old.whole == e->whole)
		return 0;
	if (!err && !gone) {
		memcpy(e->state, old.state, sizeof(e->state));
		e->n_state = old.n_state;
	}
	return bf_map_update(fd, key, e, BPF_ANY);
}

/* An element's end is told as what is left of its time. */
static int put(int fd, const struct bf_map_spec *s, const char *element, uint64_t now)
{
	struct bf_rt_elem e;
	int err;

	memcpy(&e, element + s->key_size, sizeof(e));
	if (!e.born)
		return put_lengths(fd, element, (const void *)(element + s->key_size));
	if (e.timeout)
		e.expires = now + (e.expires ? e.expires : e.timeout);
	err = bf_map_update(fd, element, &e, BPF_NOEXIST);
	return err == -EEXIST ? put_again(fd, element, &e, now) : err;
}

static int fill(int fd, const struct bf_map_spec *s, struct bf_diag *d)
{
	size_t size = s->key_size + sizeof(struct bf_rt_elem);
	uint64_t now = bf_live_now();
	int err = !s->init_len || s->value_size == sizeof(struct bf_rt_elem) ? 0 : -EINVAL;

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

/* Readers. */

struct batch {
	int fd;
	char *keys;
	struct bf_rt_elem *values;
	uint32_t key_size, room, n;
	uint32_t at; /* where the kernel goes on */
	bool begun, done;
};

/* The next elements: whole buckets of the hash, each element once, however they change meanwhile. */
static int read_batch(struct batch *b)
{
	union bpf_attr a = { .batch = { .in_batch = b->begun ? (uintptr_t)&b->at : 0, .out_batch = (uintptr_t)&b->at,
		                            .keys = (uintptr_t)b->keys, .values = (uintptr_t)b->values, .count = b->room,
		                            .map_fd = (uint32_t)b->fd } };
	int err = bf_sys_bpf(BPF_MAP_LOOKUP_BATCH, &a, sizeof(a));

	b->begun = true;
	b->n = a.batch.count;
	b->done = err == -ENOENT;
	return err == -ENOENT ? 0 : err;
}

/* Gone by now, and nobody has made it young again since it was read. */
static void sweep(const struct batch *b, const char *key)
{
	struct bf_rt_elem e;

	if (!bf_map_lookup(b->fd, key, &e) && e.expires && e.expires <= bf_live_now())
		bf_map_delete(b->fd, key);
}

static int tell(const struct batch *b, uint64_t now, bf_element_fn *each, void *arg)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->n && !rc; i++) {
		const char *key = b->keys + (size_t)i * b->key_size;

		if (b->values[i].expires && b->values[i].expires <= now)
			sweep(b, key);
		else if (b->values[i].born)
			rc = each(arg, (const void *)key, &b->values[i], now);
	}
	return rc;
}

static int read_all(struct batch *b, bf_element_fn *each, void *arg)
{
	uint64_t now = bf_live_now();
	int rc = 0;

	b->keys = calloc(b->room, b->key_size);
	b->values = calloc(b->room, sizeof(*b->values));
	if (!b->keys || !b->values)
		rc = -ENOMEM;
	while (!rc && !b->done) {
		rc = read_batch(b);
		if (!rc)
			rc = tell(b, now, each, arg);
	}
	free(b->keys);
	free(b->values);
	return rc;
}

int bf_live_open(struct bf_ns *ns, const char *unit, const char *set)
{
	char path[BF_PATH_MAX];

	if (!bf_path_valid_name(unit) || !bf_path_valid_name(set) || !ns->gen)
		return -ENOENT;
	bf_path(path, "%s/%u/%s/map-%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit, set);
	return bf_pin_get(path);
}

int bf_unit_elements(struct bf_ns *ns, const char *unit, const char *set, bf_element_fn *each, void *arg)
{
	_cleanup_close_ int fd = bf_live_open(ns, unit, set);
	struct bpf_map_info info = { 0 };
	struct batch b = { .fd = fd, .room = 4096 };
	int err = fd < 0 ? fd : bf_map_info(fd, &info);

	if (err)
		return err;
	if (info.value_size != sizeof(struct bf_rt_elem))
		return -EBADMSG;
	b.key_size = info.key_size;
	do {
		b.begun = b.done = false;
		err = read_all(&b, each, arg);
		b.room *= 4;
	} while (err == -ENOSPC && b.room < 1u << 24 && !b.at); /* a bucket larger than the room, the first one */
	return err;
}

int bf_unit_elements_add(struct bf_ns *ns, const char *unit, const char *set, const void *elements, size_t len, struct bf_diag *d)
{
	_cleanup_close_ int fd = bf_live_open(ns, unit, set);
	struct bpf_map_info info = { 0 };
	int err = fd < 0 ? fd : bf_map_info(fd, &info);
	const struct bf_map_spec s = { .name = set, .key_size = info.key_size, .value_size = info.value_size,
		                           .max_entries = info.max_entries, .init = elements, .init_len = len };

	return err ? err : fill(fd, &s, d);
}

bool bf_unit_has_elements(struct bf_ns *ns, const char *unit)
{
	_cleanup_buf_ struct bf_buf names = { 0 };
	char path[BF_PATH_MAX];

	if (!bf_path_valid_name(unit) || !ns->gen)
		return false;
	bf_path(path, "%s/%u/%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit);
	if (bf_path_list(path, &names))
		return false;
	for (const char *p = names.data; p && p < names.data + names.len; p += strlen(p) + 1)
		if (!strncmp(p, "map-set-", 8) || !strcmp(p, "map-objects"))
			return true;
	return false;
}

int bf_unit_element_delete(struct bf_ns *ns, const char *unit, const char *set, const uint32_t *key)
{
	_cleanup_close_ int fd = bf_live_open(ns, unit, set);

	return fd < 0 ? fd : bf_map_delete(fd, key);
}

int bf_unit_elements_open(struct bf_ns *ns, const char *unit, const char *set)
{
	return bf_live_open(ns, unit, set);
}

int bf_element_get(int fd, const uint32_t *key, struct bf_rt_elem *e)
{
	int err = bf_map_lookup(fd, key, e);

	return err ? err : e->expires && e->expires <= bf_live_now() ? -ENOENT : 0;
}

int bf_element_delete(int fd, const uint32_t *key)
{
	return bf_map_delete(fd, key);
}
