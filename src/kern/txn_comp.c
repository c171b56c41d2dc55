/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * txn_comp.c: a transaction's dealings with the companions (companion.h). The
 * tables of the next generation stand beside the live ones from before the
 * switch; behind it the old ones are swept away, after a failure the new ones.
 * Namespaces that never had a companion do not talk to nf_tables at all.
 */
#include <linux/netfilter.h>

#include "kern/sys.h"
#include "kern/txn.h"

static int old_assist(const struct txn *t, const struct txn_unit *u)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/%u/%s/assist", t->ns->dir, t->live, u->name);
	return u->old ? bf_pin_get(path) : -ENOENT;
}

static void describe(const struct txn *t, const struct txn_unit *u, struct bf_companion_hook hooks[BF_UNIT_PLACES],
                     struct bf_companion_desc *desc)
{
	const struct bf_image *img = u->change->image;
	uint32_t n = 0;

	for (uint32_t i = 0; i < u->head.n_places; i++) {
		const struct bf_unit_place *p = &u->head.place[i];
		int priority;
		uint32_t k = 0;

		if (p->hook >= BF_HOOKS_NETFILTER)
			continue;
		priority = t->ns->meta->dispatcher[u->dispatcher[i]].priority;
		while (k < n && (hooks[k].hook != p->hook || hooks[k].priority != priority))
			k++;
		if (k == n) /* else both families stand there */
			hooks[n++] = (struct bf_companion_hook){ .hook = p->hook, .priority = priority };
		hooks[k].handoff |= p->handoff;
	}
	*desc = (struct bf_companion_desc){
		.unit = u->name,
		.owner = t->ns->meta->owner,
		.family = img->family == NFPROTO_NETDEV ? NFPROTO_INET : img->family,
		.conntrack = img->conntrack,
		.spec = img->companion,
		.hooks = hooks,
		.n_hooks = n,
	};
}

int bf_txn_comp_open(struct txn *t, struct txn_unit *u)
{
	struct bf_companion_hook hooks[BF_UNIT_PLACES];
	struct bf_companion_desc desc;
	_cleanup_close_ int assist = -1;
	const void *record = NULL;
	size_t len = 0;
	int err;

	if (u->old)
		record = bf_unit_record(u->old, &len);
	if (!u->change && !len)
		return 0;
	if (len) {
		assist = old_assist(t, u);
		if (assist < 0 && assist != -ENOENT)
			return bf_diag_error(t->d, assist, "cannot open a pinned map: %s", strerror(-assist));
	}
	if (u->change)
		describe(t, u, hooks, &desc);
	err = bf_comp_open(&u->comp, u->change ? &desc : NULL, len ? record : NULL, len, assist, t->d);
	if (err)
		return err;
	u->head.companion = bf_comp_id(u->comp);
	t->companion |= u->head.companion != 0;
	return 0;
}

static int pin_map(const struct txn *t, int fd, const char *name)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/%s", t->ns->dir, name);
	unlink(path); /* one of the two may be there: a writer was killed between them */
	return bf_pin(fd, path);
}

static int get_map(const struct txn *t, const char *name)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/%s", t->ns->dir, name);
	return bf_pin_get(path);
}

/* The namespace's maps; made at the first use. */
int bf_txn_comp_maps(struct txn *t)
{
	int err;

	if (!t->companion)
		return 0;
	t->maps.handoff = get_map(t, "handoff");
	if (t->maps.handoff >= 0)
		t->maps.pending = get_map(t, "pending");
	err = t->maps.handoff < 0 ? t->maps.handoff : t->maps.pending < 0 ? t->maps.pending : 0;
	if (err == -ENOENT) {
		bf_closep(&t->maps.handoff);
		t->maps.handoff = -1;
		err = bf_companion_maps_create(&t->maps, t->d);
		if (!err)
			err = pin_map(t, t->maps.handoff, "handoff");
		if (!err)
			err = pin_map(t, t->maps.pending, "pending");
	}
	return err ? bf_diag_error(t->d, err, "cannot make the maps of hand-offs: %s", strerror(-err)) : 0;
}

static int put_backstops(struct txn *t)
{
	_cleanup_close_ int prog = -1;
	int err;

	for (unsigned n = 0; n < BF_DISPATCHERS; n++) {
		if (!t->backstop[n] || bf_dispatch_has_backstop(t->ns, n))
			continue;
		if (prog < 0)
			prog = bf_backstop_load(&t->maps, t->d);
		if (prog < 0)
			return prog;
		err = bf_dispatch_backstop(t->ns, n, prog, t->d);
		if (err)
			return err;
		t->backstop_made[n] = true;
	}
	return 0;
}

static int open_nft(struct txn *t)
{
	int back, err = bf_ns_enter(t->ns, &back, t->d), err2;

	if (err)
		return err;
	err = bf_nft_open(&t->nft, t->d);
	err2 = bf_ns_leave(back);
	return err ? err : err2;
}

/* Backstops and tables. The mark is set before: whoever comes after a kill knows that there may be tables. */
int bf_txn_comp_build(struct txn *t)
{
	bool changed = false;
	int err = 0;

	if (!t->companion && !t->ns->meta->companion)
		return 0;
	err = open_nft(t);
	if (!err && t->companion)
		t->ns->meta->companion = 1;
	if (!err)
		err = put_backstops(t);
	for (uint32_t i = 0; !err && i < t->n_units; i++)
		if (!t->units[i].gone && t->units[i].comp)
			err = bf_comp_build(t->units[i].comp, t->nft, &t->maps, &changed, t->d);
	if (!err && changed)
		bf_grace_wait(&t->grace);
	return err;
}

/* Removes all tables but those of the old generation or the new. */
void bf_txn_comp_sweep(struct txn *t, bool old)
{
	_cleanup_free_ uint64_t *keep = NULL;
	uint32_t n = 0;

	if (!t->nft)
		return;
	keep = calloc(t->n_units + 1, sizeof(*keep));
	if (!keep)
		return; /* the next transaction will */
	for (uint32_t i = 0; i < t->n_units; i++) {
		const struct txn_unit *u = &t->units[i];
		uint64_t id = old ? (u->old ? u->old->head->companion : 0) : (u->gone ? 0 : u->head.companion);

		if (id)
			keep[n++] = id;
	}
	if (!bf_companion_sweep(t->nft, t->ns->meta->owner, keep, n, NULL) && !n)
		t->ns->meta->companion = 0;
}

void bf_txn_comp_close(struct txn *t)
{
	bf_nft_close(t->nft);
	bf_closep(&t->maps.handoff);
	bf_closep(&t->maps.pending);
}
