/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quick.c: changes of a live unit that take microseconds (kern.h). The journal
 * is patch.c's: a record is written behind those that there are, its length
 * for the next version, and the store of the version is the commit. Killed
 * before it nothing has happened. It adds 2: the lowest bit is that of rules.
 */
#include <sys/stat.h>

#include "kern/grace.h"
#include "kern/sys.h"
#include "kern/unit.h"

struct quick {
	struct bf_quick q;
	uint64_t gen, ino; /* when it was opened */
	char base[BF_PATH_MAX];
	size_t journal_len, class_len;
	struct bf_grace grace;
	bool can_wait;
	struct bf_unit *unit;
};

static int map_class(struct quick *k, const char *dir)
{
	char path[BF_PATH_MAX];
	void *p = NULL;
	int err;

	bf_path(path, "%s/map-class", dir);
	err = bf_unit_map_array(path, true, &p, &k->class_len);
	if (err)
		return err == -ENOENT ? 0 : err;
	k->q.class = p;
	k->q.n_class = (uint32_t)(k->class_len / sizeof(uint32_t));
	return 0;
}

static int open_maps(struct bf_ns *ns, struct quick *k, const char *unit)
{
	char dir[BF_PATH_MAX], path[BF_PATH_MAX];
	void *p;
	int err = bf_unit_open_at(ns, bf_slot(bf_ns_gen(ns)), unit, &k->unit);

	if (err)
		return err;
	k->q.state = bf_unit_state(k->unit, &k->q.state_len);
	bf_path(dir, "%s/%u/%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit);
	bf_path(path, "%s/%u/%s/journal", ns->dir, bf_slot(bf_ns_gen(ns)), unit);
	err = bf_unit_map_array(path, true, &p, &k->journal_len);
	if (err)
		return err == -ENOENT ? 0 : err;
	k->q.journal = p;
	k->q.room = k->journal_len - sizeof(struct bf_journal);
	return map_class(k, dir);
}

int bf_quick_open(struct bf_ns *ns, const char *unit, struct bf_quick **out)
{
	struct quick *k = bf_path_valid_name(unit) && ns->gen ? calloc(1, sizeof(*k)) : NULL;
	int err = k ? 0 : !ns->gen ? -ENOENT : -ENOMEM;

	if (!err) {
		k->grace = (struct bf_grace)BF_GRACE_NONE;
		k->gen = bf_ns_gen(ns);
		k->ino = ns->gen_ino;
		memcpy(k->base, ns->base, sizeof(k->base));
		err = open_maps(ns, k, unit);
	}
	if (err)
		bf_quick_close(&k->q);
	else
		*out = &k->q;
	return err;
}

void bf_quick_close(struct bf_quick *q)
{
	struct quick *k = (struct quick *)q;

	if (!k)
		return;
	bf_grace_close(&k->grace);
	bf_map_munmap(k->q.journal, k->journal_len);
	bf_map_munmap(k->q.class, k->class_len);
	bf_unit_close(k->unit);
	free(k);
}

bool bf_quick_fits(const struct bf_ns *ns, const struct bf_quick *q)
{
	const struct quick *k = (const struct quick *)q;

	return ns->locked && ns->gen && bf_ns_gen(ns) == k->gen && ns->gen_ino == k->ino;
}

const void *bf_quick_log(const struct bf_quick *q, size_t *len)
{
	*len = BF_MIN(q->journal->len[q->journal->version & 3], q->room);
	return q->journal + 1;
}

int bf_quick_wait(struct bf_quick *q, struct bf_diag *d)
{
	struct quick *k = (struct quick *)q;

	if (!k->can_wait) {
		int err = bf_grace_prepare(&k->grace, d);

		if (err)
			return err;
		k->grace.fast = bf_grace_is_fast(k->base);
		k->can_wait = true;
	}
	bf_grace_wait(&k->grace);
	return 0;
}

int bf_quick_commit(struct bf_quick *q, const void *record, size_t len)
{
	struct bf_journal *j = q->journal;
	uint64_t v = j->version;
	size_t used;

	bf_quick_log(q, &used);
	if (len % 8 || len > q->room - used)
		return len % 8 ? -EINVAL : -ENOSPC;
	memcpy((char *)(j + 1) + used, record, len);
	__atomic_store_n(&j->len[(v + 2) & 3], used + len, __ATOMIC_RELEASE);
	__atomic_store_n(&j->version, v + 2, __ATOMIC_SEQ_CST);
	return 0;
}
