/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patch.c: changes of a live unit in place (kern.h). What changes stands twice
 * in the unit's maps, and the journal's version says which half is looked at:
 *
 *   version v      packets and readers see half v & 1
 *   heal           the companion's table, should somebody have removed it
 *   wait           for packets that still see the other one, from version v - 1
 *   write          the other half; the record behind those that there are; its length for v + 1
 *   version v + 1  the commit: one store
 *
 * What is no rule has no half of its own and adds 2 to the version.
 *
 * Killed before the store nothing has happened; what lies in the other half
 * and behind the records is overwritten by the next patch.
 */
#include "kern/sys.h"
#include "kern/txn.h"

enum { PAGE = 4096 };

struct patch {
	const char *unit, *dir; /* where its pins are */
	struct bf_journal *journal;
	size_t journal_len;
	struct bf_diag *d;
};

struct target { /* the map that writes go to, one behind the other */
	const char *name; /* NULL: none yet */
	int fd;
	size_t len;
};

static int open_target(const struct patch *p, const char *map, struct target *t)
{
	char path[BF_PATH_MAX];
	struct bpf_map_info info;
	int err;

	if (t->name && !strcmp(t->name, map))
		return 0;
	if (t->fd >= 0)
		close(t->fd);
	bf_path(path, "%s/map-%s", p->dir, map);
	t->name = map;
	t->fd = bf_pin_get(path);
	err = t->fd < 0 ? t->fd : bf_map_info(t->fd, &info);
	if (err)
		return bf_diag_error(p->d, err, "cannot open the map %s: %s", map, strerror(-err));
	t->len = bf_map_bytes(info.value_size, info.max_entries);
	return 0;
}

/* The mark comes last: whoever is killed before it has not written it. */
static void put_once(char *to, const struct bf_write *w)
{
	size_t mark = w->len - sizeof(uint64_t);

	if (__atomic_load_n((uint64_t *)(to + mark), __ATOMIC_ACQUIRE))
		return;
	memcpy(to, w->bytes, mark);
	__atomic_store_n((uint64_t *)(to + mark), *(const uint64_t *)((const char *)w->bytes + mark), __ATOMIC_RELEASE);
}

/* Only the pages that it is about: mapping takes time for each. */
static int put_bytes(const struct target *t, const struct bf_write *w)
{
	uint64_t skip = w->at % PAGE;
	char *p = bf_map_mmap_at(t->fd, w->at - skip, skip + w->len, true);

	if (!p)
		return -errno;
	if (!w->once)
		memcpy(p + skip, w->bytes, w->len);
	else
		put_once(p + skip, w);
	bf_map_munmap(p, skip + w->len);
	return 0;
}

static int put(const struct patch *p, const struct bf_write *w, struct target *t)
{
	int err = open_target(p, w->map, t);

	if (err)
		return err;
	if (w->at > t->len || w->len > t->len - w->at)
		return bf_diag_error(p->d, -EINVAL, "a patch is written beyond the end of map %s", w->map);
	err = put_bytes(t, w);
	return err ? bf_diag_error(p->d, err, "cannot write to the map %s: %s", w->map, strerror(-err)) : 0;
}

static int put_all(const struct patch *p, const struct bf_write *w, uint32_t n)
{
	struct target t = { .fd = -1 };
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		err = put(p, &w[i], &t);
	if (t.fd >= 0)
		close(t.fd);
	return err;
}

/* As a transaction does for a unit that stays as it is. */
static int heal(struct bf_ns *ns, const char *unit, const struct bf_grace *g, struct bf_diag *d)
{
	struct txn_unit u = { .name = unit };
	struct txn t = { .ns = ns, .d = d, .units = &u, .n_units = 1, .maps = { -1, -1 } };
	int err;

	t.live = bf_slot(bf_ns_gen(ns));
	t.grace = *g;
	err = bf_unit_peek(ns, t.live, unit, &u.head);
	if (err || !u.head.companion)
		return err;
	err = bf_unit_open_at(ns, t.live, unit, &u.old);
	if (!err) {
		err = bf_txn_comp_open(&t, &u);
		if (!err)
			err = bf_txn_comp_maps(&t);
		if (!err)
			err = bf_txn_comp_build(&t);
		bf_comp_close(u.comp);
		bf_txn_comp_close(&t);
	}
	bf_unit_close(u.old);
	return err;
}

static int prepare(struct bf_ns *ns, const char *unit, struct bf_grace *g, struct bf_diag *d)
{
	int err = bf_grace_prepare(g, d);

	if (err)
		return err;
	g->fast = bf_grace_is_fast(ns->base);
	err = heal(ns, unit, g, d);
	if (!err)
		bf_grace_wait(g);
	return err;
}

static int check(const struct patch *p, uint64_t version, size_t len)
{
	const struct bf_journal *j = p->journal;

	if (j->version != version)
		return bf_diag_error(p->d, -EAGAIN, "the table was changed by somebody else");
	if (len % 8 || j->len[version & 3] > p->journal_len - sizeof(*j))
		return -EINVAL;
	return len > p->journal_len - sizeof(*j) - j->len[version & 3] ? -ENOSPC : 0;
}

static int apply(struct bf_ns *ns, const struct patch *p, uint64_t version, const struct bf_write *w, uint32_t n,
                 const void *record, size_t len, bool settle)
{
	_cleanup_grace_ struct bf_grace g = BF_GRACE_NONE;
	struct bf_journal *j = p->journal;
	uint64_t used = j->len[version & 3];
	int err = check(p, version, len);

	if (!err)
		err = prepare(ns, p->unit, &g, p->d);
	if (!err)
		err = put_all(p, w, n);
	if (err)
		return err;
	memcpy((char *)(j + 1) + used, record, len);
	__atomic_store_n(&j->len[(version + 1) & 3], used + len, __ATOMIC_RELEASE);
	__atomic_store_n(&j->version, version + 1, __ATOMIC_SEQ_CST);
	if (settle)
		bf_grace_wait(&g);
	return 0;
}

int bf_ns_patch(struct bf_ns *ns, const char *unit, uint64_t version, const struct bf_write *w, uint32_t n,
                const void *record, size_t len, bool settle, struct bf_diag *d)
{
	char dir[BF_PATH_MAX], path[BF_PATH_MAX];
	struct patch p = { .unit = unit, .dir = dir, .d = d };
	void *journal;
	int err;

	if (!ns->locked)
		return bf_diag_error(d, -EINVAL, "a change needs the namespace's lock");
	if (!bf_path_valid_name(unit) || !ns->gen)
		return -ENOENT;
	bf_path(dir, "%s/%u/%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit);
	bf_path(path, "%s/%u/%s/journal", ns->dir, bf_slot(bf_ns_gen(ns)), unit);
	err = bf_unit_map_array(path, true, &journal, &p.journal_len);
	if (err)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	p.journal = journal;
	err = apply(ns, &p, version, w, n, record, len, settle);
	bf_map_munmap(journal, p.journal_len);
	return err;
}
