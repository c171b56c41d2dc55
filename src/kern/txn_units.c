/* SPDX-License-Identifier: GPL-2.0-only */
/* txn_units.c: the units of a transaction: the live ones, and those that the changes bring or take away. */
#include "kern/txn.h"

static int bad_change(const struct txn *t, const struct bf_change *c, const char *why)
{
	return bf_diag_error(t->d, -EINVAL, "unit \"%s\": %s", c->unit ? c->unit : "", why);
}

/* A program stands at each of its devices. */
static uint32_t n_places(const struct bf_prog_image *p)
{
	return bf_hook_kinds[p->at.hook].point == BF_POINT_DEVICE ? p->at.n_devices : 1;
}

uint32_t bf_image_places(const struct bf_image *img)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < img->n_progs; i++)
		n += n_places(&img->progs[i]);
	return n;
}

static const char *at_of(const struct bf_prog_image *p, uint32_t k)
{
	switch (bf_hook_kinds[p->at.hook].point) {
	case BF_POINT_DEVICE:
		return p->at.devices[k];
	case BF_POINT_CGROUP:
		return p->at.cgroup;
	default:
		return "";
	}
}

static int check_image(const struct txn *t, const struct bf_change *c)
{
	const struct bf_image *img = c->image;

	if (img->n_progs > BF_UNIT_PROGS)
		return bad_change(t, c, "too many programs");
	for (uint32_t i = 0; i < img->n_progs; i++) {
		if (img->progs[i].at.hook >= BF_HOOKS)
			return bad_change(t, c, "no such hook");
		for (uint32_t k = 0; k < n_places(&img->progs[i]); k++)
			if (strlen(at_of(&img->progs[i], k)) >= BF_AT_MAX)
				return bad_change(t, c, "the path of a control group is too long");
	}
	if (bf_image_places(img) > BF_UNIT_PLACES)
		return bad_change(t, c, "at too many hooks and devices");
	if (img->n_counters && !img->stripes)
		return bad_change(t, c, "counters without stripes");
	for (uint32_t i = 0; i < img->n_moved; i++)
		if (img->n_moved > BF_MOVED_COUNTERS || img->moved[i].place >= img->n_counters)
			return bad_change(t, c, "a counter has no place");
	for (uint32_t i = 0; i < img->n_maps; i++)
		if (img->maps[i].role == BF_MAP_COUNTERS &&
		    bf_map_bytes(img->maps[i].value_size, img->maps[i].max_entries) <
			    (size_t)img->n_counters * img->stripes * sizeof(struct bf_rt_counter))
			return bad_change(t, c, "the map of counters is too small");
	return 0;
}

static void add_place(struct bf_unit_head *h, const struct bf_prog_image *p, uint32_t prog, const char *at)
{
	struct bf_unit_place *to = &h->place[h->n_places++];

	*to = (struct bf_unit_place){
		.family = p->family,
		.hook = p->at.hook,
		.handoff = p->handoff,
		.xdp_mode = p->at.hook == BF_HOOK_XDP ? p->at.xdp_mode : 0,
		.prog = prog,
		.wish = p->at.priority,
	};
	snprintf(to->at, sizeof(to->at), "%s", at);
}

static void head_of_image(struct bf_unit_head *h, const struct bf_change *c)
{
	const struct bf_image *img = c->image;

	*h = (struct bf_unit_head){
		.magic = BF_UNIT_MAGIC,
		.n_counters = img->n_counters,
		.stripes = 1,
		.n_progs = img->n_progs,
		.state_len = c->head_len + c->state_len,
		.n_moved = img->n_moved,
	};
	memcpy(h->moved, img->moved, sizeof(h->moved));
	for (uint32_t i = 0; i < img->n_maps; i++)
		if (img->maps[i].role == BF_MAP_COUNTERS)
			h->stripes = img->stripes;
	for (uint32_t i = 0; i < img->n_progs; i++)
		for (uint32_t k = 0; k < n_places(&img->progs[i]); k++)
			add_place(h, &img->progs[i], i, at_of(&img->progs[i], k));
}

static struct txn_unit *find_unit(struct txn *t, const char *name)
{
	for (uint32_t i = 0; i < t->n_units; i++)
		if (!strcmp(t->units[i].name, name))
			return &t->units[i];
	return NULL;
}

static int live_units(struct txn *t)
{
	const char *end;
	int err;

	for (const char *p = t->names.data; p && p < t->names.data + t->names.len; p = end) {
		struct txn_unit *u = &t->units[t->n_units];

		end = p + strlen(p) + 1;
		err = bf_unit_open_at(t->ns, t->live, p, &u->old);
		if (err)
			return bf_diag_error(t->d, err, "cannot read the stored unit \"%s\": %s", p, strerror(-err));
		u->name = p;
		u->head = *u->old->head;
		t->counting |= u->head.n_progs > 0;
		t->n_units++;
	}
	return 0;
}

static int apply_change(struct txn *t, const struct bf_change *c)
{
	struct txn_unit *u;
	uint32_t n_old;
	int err;

	if (!c->unit || !bf_path_valid_name(c->unit))
		return bad_change(t, c, "not a valid name");
	u = find_unit(t, c->unit);
	if (!u)
		t->units[t->n_units] = (struct txn_unit){ .name = c->unit };
	if (u && u->change)
		return bad_change(t, c, "changed twice");
	n_old = u ? u->head.n_counters : 0;
	if (c->old && c->n_old > n_old)
		return bad_change(t, c, "wrong number of old counters");
	u = u ? u : &t->units[t->n_units++];
	u->change = c;
	u->gone = !c->image;
	if (u->gone)
		return 0;
	err = check_image(t, c);
	if (!err)
		head_of_image(&u->head, c);
	return err;
}

static uint32_t count_names(const struct bf_buf *b)
{
	uint32_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += !b->data[i];
	return n;
}

int bf_txn_units(struct txn *t, const struct bf_change *changes, uint32_t n)
{
	char path[BF_PATH_MAX];
	int err;

	bf_path(path, "%s/%u", t->ns->dir, t->live);
	err = bf_path_list(path, &t->names);
	if (err && err != -ENOENT)
		return bf_diag_error(t->d, err, "cannot list %s: %s", path, strerror(-err));
	t->units = calloc(count_names(&t->names) + (size_t)n + 1, sizeof(*t->units));
	if (!t->units)
		return -ENOMEM;
	err = live_units(t);
	for (uint32_t i = 0; !err && i < n; i++)
		err = apply_change(t, &changes[i]);
	return err;
}

void bf_txn_units_free(struct txn *t)
{
	for (uint32_t i = 0; i < t->n_units; i++) {
		bf_unit_close(t->units[i].old);
		bf_loaded_close(&t->units[i].loaded);
		bf_buf_free(&t->units[i].recipe);
		bf_comp_close(t->units[i].comp);
	}
	free(t->units);
	bf_buf_free(&t->names);
}
