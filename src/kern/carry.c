/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * carry.c: what a unit's counters begin with. Packets count in the old unit
 * until the last of them has left it, so it is known only behind the switch; a
 * writer that is killed there leaves enough for the next one to end it:
 *
 *   before the switch   <unit>/base       zeroes; added to what the unit counts
 *                       <unit>/last       the old unit's counters, last-base its base
 *                       <unit>/carry      head, then who has what of whom
 *   switch, wait        base := as carry says; the same numbers however often that is done
 *                       carry is unlinked: done
 *
 * An unfinished change shows in the other slot, which is there still. Where
 * memory is short it stays there, and the next writer ends it.
 */
#include "kern/carry.h"

#include "kern/grace.h"
#include "kern/sys.h"

struct head { /* of the map "carry": so much of the old unit's as reading its counters takes */
	uint32_t n, n_counters, stripes, n_moved;
	struct bf_moved_counter moved[BF_MOVED_COUNTERS];
};

enum { HEAD = (sizeof(struct head) + sizeof(struct bf_carried) - 1) / sizeof(struct bf_carried) }; /* elements */

static const char *const pins[] = { "carry", "last", "last-base", "base" };
enum { NOTES = 3 }; /* of them: what goes when it is done */

static void unit_path(char out[BF_PATH_MAX], const struct bf_ns *ns, unsigned slot, const char *unit, const char *name)
{
	bf_path(out, "%s/%u/%s/%s", ns->dir, slot, unit, name);
}

static int make(const char *name, uint32_t size, uint32_t n)
{
	const struct bf_map_desc m = { name, BPF_MAP_TYPE_ARRAY, 4, size, n, BPF_F_MMAPABLE, 0 };

	return bf_map_create(&m);
}

static int make_carry(const struct txn_unit *u)
{
	const struct bf_change *c = u->change;
	size_t len = bf_map_bytes(sizeof(struct bf_carried), HEAD + c->n_carried);
	_cleanup_close_ int fd = make("carry", sizeof(struct bf_carried), HEAD + c->n_carried);
	struct head h = { .n = c->n_carried };
	char *p = fd < 0 ? NULL : bf_map_mmap(fd, len, true);

	if (!p)
		return fd < 0 ? fd : -errno;
	if (u->old) {
		h.n_counters = u->old->head->n_counters;
		h.stripes = u->old->head->stripes;
		h.n_moved = u->old->head->n_moved;
		memcpy(h.moved, u->old->head->moved, sizeof(h.moved));
	}
	memcpy(p, &h, sizeof(h));
	memcpy(p + HEAD * sizeof(struct bf_carried), c->carried, c->n_carried * sizeof(struct bf_carried));
	bf_map_munmap(p, len);
	return TAKE_FD(fd);
}

static int pin(const struct txn *t, const struct txn_unit *u, const char *name, int fd)
{
	char path[BF_PATH_MAX];

	unit_path(path, t->ns, t->idle, u->name, name);
	return fd < 0 ? fd : bf_pin(fd, path);
}

int bf_carry_prepare(const struct txn *t, const struct txn_unit *u)
{
	_cleanup_close_ int base = -1, carry = -1;
	char path[BF_PATH_MAX];
	int err;

	for (size_t i = 0; u->taken && i < BF_ARRAY_SIZE(pins); i++) { /* a spare's */
		unit_path(path, t->ns, t->idle, u->name, pins[i]);
		unlink(path);
	}
	if (!u->change->n_carried || !u->head.n_counters)
		return 0;
	base = make("base", sizeof(struct bf_rt_counter), u->head.n_counters);
	carry = make_carry(u);
	err = pin(t, u, "base", base);
	if (!err && u->old && u->old->counters_fd >= 0)
		err = pin(t, u, "last", u->old->counters_fd);
	if (!err && u->old && u->old->base_fd >= 0)
		err = pin(t, u, "last-base", u->old->base_fd);
	if (!err)
		err = pin(t, u, "carry", carry);
	return err ? bf_diag_error(t->d, err, "cannot note the counters of %s: %s", u->name, strerror(-err)) : 0;
}

/* Behind the switch. */

struct ending {
	struct head *head;
	size_t len;
	struct bf_unit_head last; /* the old unit's, so far as it is needed */
	struct bf_unit old;
	struct bf_rt_counter *from, *to;
	uint32_t n; /* of the new unit */
};

static void end_free(struct ending *e)
{
	bf_map_munmap(e->head, e->len);
	bf_closep(&e->old.counters_fd);
	bf_closep(&e->old.base_fd);
	free(e->from);
	free(e->to);
}

static int get(const struct bf_ns *ns, unsigned slot, const char *unit, const char *name)
{
	char path[BF_PATH_MAX];

	unit_path(path, ns, slot, unit, name);
	return bf_pin_get(path);
}

static int read_old(struct ending *e, const struct bf_ns *ns, unsigned slot, const char *unit)
{
	struct bpf_map_info info = { 0 };
	int err;

	e->last.n_counters = e->head->n_counters;
	e->last.stripes = e->head->stripes;
	e->last.n_moved = BF_MIN(e->head->n_moved, (uint32_t)BF_MOVED_COUNTERS);
	memcpy(e->last.moved, e->head->moved, sizeof(e->last.moved));
	e->old.head = &e->last;
	e->old.counters_fd = get(ns, slot, unit, "last");
	e->old.base_fd = get(ns, slot, unit, "last-base");
	e->from = calloc(e->last.n_counters + 1ul, sizeof(*e->from));
	if (!e->from)
		return -ENOMEM;
	if (e->old.counters_fd == -ENOENT) /* it had none, or there was none */
		return 0;
	err = e->old.counters_fd < 0 ? e->old.counters_fd : bf_map_info(e->old.counters_fd, &info);
	if (err || (e->old.base_fd < 0 && e->old.base_fd != -ENOENT))
		return err ? err : e->old.base_fd;
	e->old.counters_len = bf_map_bytes(info.value_size, info.max_entries);
	return bf_unit_counters(&e->old, e->from, e->last.n_counters);
}

static void add(struct bf_rt_counter *to, uint64_t packets, uint64_t bytes)
{
	to->packets += packets;
	to->bytes += bytes;
}

static void compute(struct ending *e)
{
	const struct bf_carried *c = (const struct bf_carried *)e->head + HEAD;

	for (uint32_t i = 0; i < e->head->n; i++) {
		if (c[i].to >= e->n)
			continue;
		add(&e->to[c[i].to], c[i].packets, c[i].bytes);
		if (c[i].from < e->last.n_counters)
			add(&e->to[c[i].to], e->from[c[i].from].packets, e->from[c[i].from].bytes);
	}
}

/* Readers may look on, so each number is stored by itself. */
static int store(const struct ending *e, const struct bf_ns *ns, unsigned slot, const char *unit)
{
	char path[BF_PATH_MAX];
	struct bf_rt_counter *base;
	size_t len;
	void *p;
	int err;

	unit_path(path, ns, slot, unit, "base");
	err = bf_unit_map_array(path, true, &p, &len);
	if (err)
		return err;
	base = p;
	for (uint32_t i = 0; i < e->n && (i + 1) * sizeof(*base) <= len; i++) {
		__atomic_store_n(&base[i].packets, e->to[i].packets, __ATOMIC_RELAXED);
		__atomic_store_n(&base[i].bytes, e->to[i].bytes, __ATOMIC_RELAXED);
	}
	bf_map_munmap(p, len);
	return 0;
}

int bf_carry_finish(const struct bf_ns *ns, unsigned slot, const char *unit)
{
	_cleanup_(end_free) struct ending e = { .old = { .counters_fd = -1, .base_fd = -1 } };
	struct bf_unit_head now;
	char path[BF_PATH_MAX];
	void *p;
	int err;

	unit_path(path, ns, slot, unit, "carry");
	err = bf_unit_map_array(path, false, &p, &e.len);
	if (err)
		return err == -ENOENT ? 0 : err;
	e.head = p;
	err = bf_unit_peek(ns, slot, unit, &now);
	if (err || (HEAD + (size_t)e.head->n) * sizeof(struct bf_carried) > e.len)
		return err ? err : -EPROTO;
	e.n = now.n_counters;
	e.to = calloc(e.n + 1ul, sizeof(*e.to));
	err = e.to ? read_old(&e, ns, slot, unit) : -ENOMEM;
	if (err)
		return err;
	compute(&e);
	err = store(&e, ns, slot, unit);
	for (size_t i = 0; !err && i < NOTES; i++) {
		unit_path(path, ns, slot, unit, pins[i]);
		unlink(path);
	}
	return err;
}

int bf_carry_all(struct bf_ns *ns)
{
	_cleanup_grace_ struct bf_grace grace = BF_GRACE_NONE;
	_cleanup_buf_ struct bf_buf names = { 0 };
	char path[BF_PATH_MAX];
	int err;

	if (!ns->gen)
		return 0;
	bf_path(path, "%s/%u", ns->dir, !bf_slot(bf_ns_gen(ns)));
	if (access(path, F_OK))
		return 0;
	err = bf_grace_prepare(&grace, NULL);
	if (err)
		return err;
	bf_grace_wait(&grace);
	err = bf_ns_units(ns, &names);
	for (const char *u = names.data; !err && u && u < names.data + names.len; u += strlen(u) + 1)
		err = bf_carry_finish(ns, bf_slot(bf_ns_gen(ns)), u);
	return err;
}
