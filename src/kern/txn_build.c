/* SPDX-License-Identifier: GPL-2.0-only */
/* txn_build.c: everything of the next generation, made before the switch: all that can fail. */
#include <fcntl.h>
#include <sys/stat.h>

#include "kern/attach.h"
#include "kern/carry.h"
#include "kern/gear.h"
#include "kern/recipe.h"
#include "kern/spare.h"
#include "kern/sys.h"
#include "kern/txn.h"

static int failed(const struct txn *t, int err, const char *what)
{
	return bf_diag_error(t->d, err, "cannot %s: %s", what, strerror(-err));
}

/* What a killed writer left half made goes first. */
static void find_existing(struct txn *t)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++) {
		t->exists[n] = bf_dispatch_linked(t->ns, n);
		if (!t->exists[n] && t->ns->meta->dispatcher[n].used)
			bf_dispatch_remove(t->ns, n);
	}
}

int bf_txn_const(struct txn *t, int of[BF_HOOKS], uint8_t hook, int verdict)
{
	unsigned array = bf_hook_array(hook);
	int fd = of[array];

	if (fd > 0)
		return fd;
	fd = bf_const_prog(verdict == BF_ACCEPT ? "bf_accept" : "bf_stop", hook, verdict, t->d);
	if (fd > 0)
		of[array] = fd;
	return fd;
}

static int get_accept(struct txn *t, uint8_t hook)
{
	return bf_txn_const(t, t->accept, hook, BF_ACCEPT);
}

/* What finish() will need, it shall not have to make. */
static int get_stop(struct txn *t)
{
	int fd = 0;

	for (uint32_t i = 0; i < t->n_units; i++) {
		const struct txn_unit *u = &t->units[i];

		if (u->change && u->old && !bf_spare_wanted(u))
			for (uint32_t p = 0; fd >= 0 && p < u->old->head->n_places; p++)
				fd = bf_txn_const(t, t->stop, u->old->head->place[p].hook, BF_DROP);
	}
	return fd < 0 ? fd : 0;
}

static int make_dispatcher(struct txn *t, const struct txn_unit *u, const struct bf_unit_place *p, struct bf_diag *d)
{
	int n = get_accept(t, p->hook);

	if (n >= 0)
		n = bf_dispatch_make(t->ns, u->name, p, n, d);
	if (n >= 0)
		t->exists[n] = t->made[n] = true;
	return n;
}

/* Will whoever has this device's XDP link have none in the next generation? Nobody is known who was killed. */
static bool is_given_up(const struct txn *t, unsigned n)
{
	const struct bf_dispatcher *r = &t->ns->meta->dispatcher[n];

	for (uint32_t i = 0; i < t->n_units; i++)
		for (uint32_t k = 0; !t->units[i].gone && !strcmp(t->units[i].name, r->unit) && k < t->units[i].head.n_places; k++)
			if (t->units[i].head.place[k].hook == BF_HOOK_XDP && !strcmp(t->units[i].head.place[k].at, r->at))
				return false;
	return true;
}

/*
 * Where there is room for one link only, it goes from hand to hand; before the
 * switch nobody else could make one. Its mode it cannot change.
 */
static int find_dispatcher(const struct txn *t, const struct txn_unit *u, const struct bf_unit_place *p)
{
	struct bf_unit_place any = *p;
	int n = bf_dispatch_find(t->ns, u->name, p, false);

	if (n != -ENOENT || p->hook != BF_HOOK_XDP)
		return n;
	any.xdp_mode = BF_XDP_ANY;
	n = bf_dispatch_find(t->ns, NULL, &any, false);
	if (n < 0 || (!is_given_up(t, (unsigned)n) && strcmp(t->ns->meta->dispatcher[n].unit, u->name)))
		return -ENOENT;
	if (bf_dispatch_find(t->ns, NULL, p, false) == n)
		return n;
	return bf_diag_error(t->d, -EBUSY, "device \"%s\" has a chain of ours in another mode of XDP: it has to be deleted first", p->at);
}

/*
 * The dispatcher of a place. Where a device came back under its name a new one
 * is made. That this cannot be shall not keep others from changing their units.
 */
static int get_dispatcher(struct txn *t, const struct txn_unit *u, const struct bf_unit_place *p)
{
	int n = find_dispatcher(t, u, p), old = -ENOENT;

	if (n != -ENOENT)
		return n;
	if (!u->change)
		old = bf_dispatch_find(t->ns, u->name, p, true);
	n = make_dispatcher(t, u, p, old < 0 ? t->d : NULL);
	return n < 0 && old >= 0 ? old : n;
}

static int get_dispatchers(struct txn *t, struct txn_unit *u)
{
	for (uint32_t i = 0; i < u->head.n_places; i++) {
		const struct bf_unit_place *p = &u->head.place[i];
		int n = get_dispatcher(t, u, p);

		if (n < 0)
			return n;
		if (t->wanted[n])
			return bf_diag_error(t->d, -EINVAL, "unit \"%s\" has two programs for one place", u->name);
		t->wanted[n] = true;
		t->backstop[n] = p->handoff;
		u->dispatcher[i] = (unsigned)n;
	}
	return 0;
}

static int pin_in(const struct txn *t, const struct txn_unit *u, int fd, const char *name)
{
	char path[BF_PATH_MAX];
	int err;

	bf_path(path, "%s/%u/%s/%s", t->ns->dir, t->idle, u->name, name);
	if (u->taken)
		unlink(path);
	err = fd < 0 ? fd : bf_pin(fd, path);
	return err ? bf_diag_error(t->d, err, "cannot make %s: %s", path, strerror(-err)) : 0;
}

static int pin_counters(const struct txn *t, const struct txn_unit *u)
{
	int fd = bf_loaded_map(&u->loaded, u->change->image, BF_MAP_COUNTERS);
	_cleanup_close_ int own = -1;

	if (!u->head.n_counters)
		return 0;
	if (fd < 0)
		fd = own = bf_unit_make_counters(u->head.n_counters);
	return pin_in(t, u, fd, "counters");
}

static int pin_state(const struct txn *t, struct txn_unit *u)
{
	const void *record = bf_comp_record(u->comp, &u->head.record_len);
	_cleanup_close_ int fd = -1;

	u->head.recipe_len = u->recipe.len;
	fd = bf_unit_make_state(&u->head, record, u->recipe.data, u->change);
	return pin_in(t, u, fd, "state");
}

/* What bf_ns_patch needs to find again, bf_spare_take, or bf_gear_take. */
static int pin_maps(const struct txn *t, const struct txn_unit *u)
{
	const struct bf_image *img = u->change->image;
	int journal = bf_loaded_map(&u->loaded, img, BF_MAP_JOURNAL), err = 0;
	char name[24];

	for (uint32_t i = 0; !err && i < img->n_maps; i++) {
		const struct bf_map_spec *m = &img->maps[i];
		bool own = m->role == BF_MAP_DATA || m->role == BF_MAP_RODATA;

		snprintf(name, sizeof(name), "map-%s", m->name);
		if (m->patched || (own && u->recipe.len) || (m->role == BF_MAP_DATA && journal >= 0) || m->role == BF_MAP_EVENTS ||
		    m->role == BF_MAP_WATCH || m->role == BF_MAP_LIVE)
			err = pin_in(t, u, u->loaded.maps[i], name);
	}
	return err || journal < 0 ? err : pin_in(t, u, journal, "journal");
}

static int pin_progs(const struct txn *t, const struct txn_unit *u)
{
	char name[16];
	int err = 0;

	for (uint32_t i = 0; !err && i < u->loaded.n_progs; i++) {
		snprintf(name, sizeof(name), "prog-%u", i);
		if (!u->reused[i])
			err = pin_in(t, u, u->loaded.progs[i], name);
	}
	return err;
}

static int pin_assist(const struct txn *t, const struct txn_unit *u)
{
	int fd = bf_comp_assist_fd(u->comp);

	return fd >= 0 ? pin_in(t, u, fd, "assist") : 0;
}

static int pin_unit(struct txn *t, struct txn_unit *u)
{
	char path[BF_PATH_MAX];
	int err;

	bf_path(path, "%s/%u/%s", t->ns->dir, t->idle, u->name);
	if (!u->taken && mkdir(path, 0700))
		return failed(t, -errno, "make a directory of pins");
	err = pin_state(t, u);
	if (!err && !u->taken)
		err = pin_counters(t, u);
	if (!err && !u->taken)
		err = pin_maps(t, u);
	if (!err && !u->change->image->geared)
		err = bf_carry_prepare(t, u);
	if (!err)
		err = pin_assist(t, u);
	return err ? err : pin_progs(t, u);
}

static int carry_over(struct txn *t, struct txn_unit *u)
{
	char from[BF_PATH_MAX], to[BF_PATH_MAX];
	int err;

	bf_path(from, "%s/%u/%s", t->ns->dir, t->live, u->name);
	bf_path(to, "%s/%u/%s", t->ns->dir, t->idle, u->name);
	err = bf_path_link_all(from, to);
	return err ? failed(t, err, "carry a unit over") : 0;
}

static int make_unit(struct txn *t, struct txn_unit *u)
{
	struct bf_given_maps given = { t->maps.handoff, t->maps.pending, -1, t->ns->base, NULL, t->ns->progress };
	char dir[BF_PATH_MAX];
	int err;

	if (!u->change)
		return carry_over(t, u);
	bf_path(dir, "%s/%u/%s", t->ns->dir, t->live, u->name);
	given.dir = u->old ? dir : NULL;
	given.assist = bf_comp_assist_fd(u->comp);
	if (u->change->image->geared) {
		err = carry_over(t, u);
		if (!err)
			err = bf_gear_take(t, u);
		if (!err)
			err = bf_load_rest(&u->loaded, u->change->image, &given, t->d);
		return err ? err : pin_unit(t, u);
	}
	if (bf_recipe_make(u->change->image, &given, u->head.state_len, &u->recipe))
		bf_buf_free(&u->recipe);
	if (bf_spare_take(t, u, &given))
		err = bf_load_rest(&u->loaded, u->change->image, &given, t->d);
	else
		err = bf_load(&u->loaded, u->change->image, &given, t->d);
	return err ? err : pin_unit(t, u);
}

static int set_program(struct txn *t, const struct txn_unit *u, uint32_t i)
{
	uint32_t prog = u->head.place[i].prog;
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (u->change)
		return bf_dispatch_set(t->ns, t->idle, u->dispatcher[i], u->loaded.progs[prog]);
	bf_path(path, "%s/%u/%s/prog-%u", t->ns->dir, t->live, u->name, prog);
	fd = bf_pin_get(path);
	return fd < 0 ? fd : bf_dispatch_set(t->ns, t->idle, u->dispatcher[i], fd);
}

static int set_programs(struct txn *t)
{
	int err = 0;

	for (unsigned n = 0; !err && n < BF_DISPATCHERS; n++)
		if (t->exists[n] && !t->wanted[n]) { /* each change of the array waits for all CPUs */
			err = get_accept(t, t->ns->meta->dispatcher[n].hook);
			if (err >= 0)
				err = bf_dispatch_set(t->ns, t->idle, n, err);
		}
	for (uint32_t i = 0; i < t->n_units; i++)
		for (uint32_t p = 0; !err && !t->units[i].gone && p < t->units[i].head.n_places; p++)
			err = set_program(t, &t->units[i], p);
	return err ? failed(t, err, "fill the program array") : 0;
}

/* Calls f for each unit of the next generation. */
static int for_units(struct txn *t, int (*f)(struct txn *t, struct txn_unit *u))
{
	int err = 0;

	for (uint32_t i = 0; !err && i < t->n_units; i++)
		if (!t->units[i].gone)
			err = f(t, &t->units[i]);
	return err;
}

int bf_txn_build(struct txn *t)
{
	char path[BF_PATH_MAX];
	int err = 0;

	find_existing(t);
	err = get_stop(t);
	if (!err)
		err = for_units(t, get_dispatchers);
	if (!err)
		err = for_units(t, bf_txn_comp_open);
	if (!err)
		err = bf_txn_comp_maps(t);
	bf_path(path, "%s/%u", t->ns->dir, t->idle);
	if (!err && mkdir(path, 0700))
		err = failed(t, -errno, "make a directory of pins");
	if (!err)
		err = for_units(t, make_unit);
	if (!err)
		err = set_programs(t);
	return err ? err : bf_txn_comp_build(t);
}
