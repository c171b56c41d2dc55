/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spare.c: the verifier takes longer than all the rest of a small change, and
 * often it has seen the same program before: only data has changed. So the unit
 * that was replaced is kept, until the next is, and if its maps have the shape
 * that the new image asks for, they are filled anew; programs that are the same
 * are taken as they are, only the others are loaded.
 *
 *   live slot/<unit> ──switch, wait, rename──▶ spare/<unit> ──rename──▶ idle slot/<unit>, fill, switch
 *
 * What is in spare/ no packet looks at: it gets there after the wait, and is
 * renamed away before it is written to. Killed in between, it lies in the idle
 * slot, which the next change clears. Whatever a spare holds does not matter:
 * every byte that programs may write or that differs is written anew. Readers
 * that still have the old unit open are told by `recycled`.
 */
#include "kern/spare.h"

#include <sys/stat.h>

#include "kern/recipe.h"
#include "kern/sys.h"

struct spare {
	struct txn *t;
	struct txn_unit *u;
	const struct bf_given_maps *given;
	char dir[BF_PATH_MAX];
	struct bf_unit_head *head; /* of the spare; mapped for writing */
	size_t mapped_len;
};

static void close_spare(struct spare *s)
{
	bf_map_munmap(s->head, s->mapped_len);
}

static bool open_spare(struct spare *s)
{
	char path[BF_PATH_MAX];
	void *p;

	bf_path(path, "%s/spare/%s/state", s->t->ns->dir, s->u->name);
	if (bf_unit_map_array(path, true, &p, &s->mapped_len))
		return false;
	s->head = p;
	return true;
}

static bool same(const struct spare *s, uint32_t section)
{
	const char *old = (const char *)(s->head + 1) + s->head->record_len;

	return bf_recipe_same(old, s->head->recipe_len, s->u->recipe.data, s->u->recipe.len, section);
}

static bool fits(const struct spare *s)
{
	const struct bf_unit_head *h = s->head;
	size_t room = s->mapped_len - sizeof(*h);

	return s->mapped_len > sizeof(*h) && h->magic == BF_UNIT_MAGIC && h->record_len <= room &&
	       h->recipe_len <= room - h->record_len && h->n_progs == s->u->head.n_progs && same(s, 0);
}

static int take_maps(const struct spare *s)
{
	const struct bf_image *img = s->u->change->image;

	for (uint32_t i = 0; i < img->n_maps; i++) {
		const struct bf_map_spec *m = &img->maps[i];
		int fd = bf_unit_map(s->dir, m), err = 0;

		if (bf_given_map(m, s->given) >= 0)
			continue;
		if (fd < 0)
			return fd;
		s->u->loaded.maps[i] = fd;
		if (m->role != BF_MAP_RODATA)
			err = bf_map_refill(fd, m);
		if (err)
			return err;
	}
	return 0;
}

static int take_progs(const struct spare *s)
{
	for (uint32_t i = 0; i < s->u->head.n_progs; i++) {
		int fd;

		if (!same(s, 1 + i))
			continue;
		fd = bf_unit_prog(s->dir, i);
		if (fd < 0)
			return fd;
		s->u->loaded.progs[i] = fd;
		s->u->reused[i] = true;
	}
	return 0;
}

/* First of all it leaves spare/: what happens to it from here on no later change may take for a spare. */
static int take(struct spare *s)
{
	char from[BF_PATH_MAX];
	int err = bf_loaded_open(&s->u->loaded, s->u->change->image);

	if (err)
		return err;
	bf_path(from, "%s/spare/%s", s->t->ns->dir, s->u->name);
	if (rename(from, s->dir))
		return -errno;
	s->u->taken = true;
	__atomic_store_n(&s->head->recycled, 1, __ATOMIC_SEQ_CST);
	err = take_maps(s);
	return err ? err : take_progs(s);
}

static void give_up(struct spare *s)
{
	bf_loaded_close(&s->u->loaded);
	memset(s->u->reused, 0, sizeof(s->u->reused));
	if (s->u->taken)
		bf_path_remove(s->dir, false);
	s->u->taken = false;
}

bool bf_spare_take(struct txn *t, struct txn_unit *u, const struct bf_given_maps *given)
{
	_cleanup_(close_spare) struct spare s = { .t = t, .u = u, .given = given };

	if (!u->recipe.len || !open_spare(&s) || !fits(&s))
		return false;
	bf_path(s.dir, "%s/%u/%s", t->ns->dir, t->idle, u->name);
	if (take(&s))
		give_up(&s);
	return u->taken;
}

bool bf_spare_wanted(const struct txn_unit *u)
{
	return u->change && u->old && !u->gone && !u->change->image->geared && u->head.n_progs && u->old->head->n_progs &&
	       u->old->head->recipe_len;
}

void bf_spare_keep(struct txn *t, const struct txn_unit *u)
{
	char from[BF_PATH_MAX], to[BF_PATH_MAX];

	bf_path(from, "%s/%u/%s", t->ns->dir, t->live, u->name);
	bf_path(to, "%s/spare/%s", t->ns->dir, u->name);
	if (!bf_path_remove(to, false) && bf_spare_wanted(u))
		(void)rename(from, to); /* else it goes with the slot */
}
