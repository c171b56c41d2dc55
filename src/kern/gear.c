/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gear.c: a table stays as it is, but some of its programs are to do what they
 * could not: look at ports, hand packets on, match a limit. Building all of it
 * anew would take a second where it is large. So a unit is made that has the live one's
 * maps and journal, and those of its programs that know enough:
 *
 *   live slot/<unit> ── link all pins ──▶ idle slot/<unit> ── other programs, state ── switch
 *
 * Packets of both go by the same rules and count in the same places, so
 * nothing is to be carried from one to the other. What they were taught for
 * is written behind the switch, in place (patch.c). Killed in between, the
 * table is what it was.
 */
#include "kern/gear.h"

#include "kern/sys.h"

static int take_maps(struct txn_unit *u, const char *dir)
{
	const struct bf_image *img = u->change->image;

	for (uint32_t i = 0; i < img->n_maps; i++) {
		if (!img->maps[i].same)
			continue;
		u->loaded.maps[i] = bf_unit_map(dir, &img->maps[i]);
		if (u->loaded.maps[i] < 0)
			return u->loaded.maps[i];
	}
	return 0;
}

static int take_progs(struct txn_unit *u, const char *dir)
{
	const struct bf_image *img = u->change->image;

	for (uint32_t i = 0; i < img->n_progs; i++) {
		if (!img->progs[i].same)
			continue;
		u->loaded.progs[i] = bf_unit_prog(dir, i);
		if (u->loaded.progs[i] < 0)
			return u->loaded.progs[i];
		u->reused[i] = true;
	}
	return 0;
}

int bf_gear_take(struct txn *t, struct txn_unit *u)
{
	char dir[BF_PATH_MAX];
	int err = u->old && u->old->journal && u->old->head->n_progs == u->change->image->n_progs ? 0 : -ESTALE;

	bf_path(dir, "%s/%u/%s", t->ns->dir, t->idle, u->name);
	if (!err)
		err = bf_loaded_open(&u->loaded, u->change->image);
	if (!err)
		err = take_maps(u, dir);
	if (!err)
		err = take_progs(u, dir);
	u->taken = true;
	return err ? bf_diag_error(t->d, err, "cannot take over the maps of %s: %s", u->name, strerror(-err)) : 0;
}
