/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * txn.c: one change of a namespace, all of it or nothing.
 *
 *           live slot 0                     idle slot 1
 *   begin   enforced                        cleared: a killed writer may have left something
 *   build   enforced                        programs, maps, state; dispatchers for new hooks,
 *                                           running ACCEPT until the switch
 *   ------- gen++ : one store, the switch for packets and readers --------------------------
 *   wait    packets leave it                enforced
 *   finish  counters are final: read;       enforced
 *           programs, pins, links not
 *           needed any more go
 *
 * What is killed above the line leaves the old generation, below it the new
 * one; either way the next transaction clears the idle slot. Nothing below the
 * line is reported as a failure: the change has happened.
 */
#include "kern/attach.h"
#include "kern/carry.h"
#include "kern/probe.h"
#include "kern/spare.h"
#include "kern/txn.h"

#include <sys/stat.h>

static void slot_path(char out[BF_PATH_MAX], const struct txn *t, unsigned slot)
{
	bf_path(out, "%s/%u", t->ns->dir, slot);
}

/* Packets may still be on their way through what a writer that was killed right behind its switch left. */
static int clear_idle(struct txn *t)
{
	char path[BF_PATH_MAX];
	int err;

	slot_path(path, t, t->idle);
	if (access(path, F_OK))
		return 0;
	err = bf_carry_all(t->ns); /* waits for them */
	if (!err)
		err = bf_path_remove(path, false);
	return err ? bf_diag_error(t->d, err, "cannot remove %s: %s", path, strerror(-err)) : 0;
}

static int begin(struct txn *t, const struct bf_change *changes, uint32_t n)
{
	int err;

	if (!t->ns->locked)
		return bf_diag_error(t->d, -EINVAL, "a change needs the namespace's lock");
	err = bf_grace_prepare(&t->grace, t->d);
	if (!err && !t->ns->gen)
		err = bf_ns_make_objects(t->ns, t->d);
	if (err)
		return err;
	t->live = bf_slot(bf_ns_gen(t->ns));
	t->idle = !t->live;
	err = clear_idle(t);
	if (!err)
		err = bf_txn_units(t, changes, n);
	if (!err && t->counting)
		t->grace.fast = bf_grace_is_fast(t->ns->base);
	return err;
}

static struct txn_unit *unit_of(struct txn *t, unsigned dispatcher)
{
	for (uint32_t i = 0; i < t->n_units; i++)
		if (!strcmp(t->units[i].name, t->ns->meta->dispatcher[dispatcher].unit))
			return &t->units[i];
	return NULL;
}

/* Lets go of programs that nobody will need: what the slot's places hold is not run, but it stays in memory. */
static void stop_slot(struct txn *t, unsigned slot, bool keep)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++) {
		const struct txn_unit *u = t->exists[n] ? unit_of(t, n) : NULL;
		int stop = t->stop[bf_hook_array(t->ns->meta->dispatcher[n].hook)];

		if (t->exists[n] && stop > 0 && !(keep && u && (!u->change || bf_spare_wanted(u))))
			bf_dispatch_set(t->ns, slot, n, stop);
	}
}

static void remove_dispatchers(struct txn *t, const bool *which, bool value)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		if (t->exists[n] && which[n] == value) {
			bf_dispatch_remove(t->ns, n);
			t->exists[n] = false;
		}
}

static void remove_slot(struct txn *t, unsigned slot)
{
	char path[BF_PATH_MAX];

	slot_path(path, t, slot);
	bf_path_remove(path, false);
}

/* Backstops that were made and are not to stay (roll back), or that nobody needs any more. */
static void remove_backstops(struct txn *t, bool rolling_back)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		if (t->exists[n] && (rolling_back ? t->backstop_made[n] : !t->backstop[n]))
			bf_dispatch_remove_backstop(t->ns, n);
}

static void roll_back(struct txn *t)
{
	bf_txn_comp_sweep(t, true);
	remove_backstops(t, true);
	remove_dispatchers(t, t->made, true);
	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		if (t->exists[n])
			bf_txn_const(t, t->stop, t->ns->meta->dispatcher[n].hook, BF_DROP);
	stop_slot(t, t->idle, false);
	remove_slot(t, t->idle);
}

static void read_old_counters(struct txn *t)
{
	for (uint32_t i = 0; i < t->n_units; i++) {
		const struct txn_unit *u = &t->units[i];

		if (u->change && u->change->old && u->old)
			bf_unit_counters(u->old, u->change->old, u->change->n_old);
	}
}

/* Dispatchers that went from one unit to another. */
static void give_dispatchers(struct txn *t)
{
	for (uint32_t i = 0; i < t->n_units; i++)
		for (uint32_t p = 0; !t->units[i].gone && p < t->units[i].head.n_places; p++)
			bf_dispatch_give(t->ns, t->units[i].dispatcher[p], t->units[i].name, &t->units[i].head.place[p]);
}

/* False: an old unit is needed still, for its counters (carry.c). */
static bool carry_counters(struct txn *t)
{
	bool done = true;

	for (uint32_t i = 0; i < t->n_units; i++)
		if (t->units[i].change && t->units[i].change->n_carried)
			done &= !bf_carry_finish(t->ns, t->idle, t->units[i].name);
	return done;
}

static void finish(struct txn *t)
{
	bool carried;

	if (t->counting)
		bf_grace_wait(&t->grace);
	read_old_counters(t);
	carried = carry_counters(t);
	stop_slot(t, t->live, true);
	remove_dispatchers(t, t->wanted, false);
	give_dispatchers(t);
	bf_txn_comp_sweep(t, false);
	remove_backstops(t, false);
	if (!carried)
		return; /* the next writer ends it */
	for (uint32_t i = 0; i < t->n_units; i++)
		if (t->units[i].change && t->units[i].old)
			bf_spare_keep(t, &t->units[i]);
	remove_slot(t, t->live);
}

static void txn_free(struct txn *t)
{
	bf_txn_units_free(t);
	bf_txn_comp_close(t);
	bf_grace_close(&t->grace);
	for (unsigned i = 0; i < BF_HOOKS; i++) {
		if (t->accept[i] > 0)
			close(t->accept[i]);
		if (t->stop[i] > 0)
			close(t->stop[i]);
	}
}

void bf_ns_watch(struct bf_ns *ns, const struct bf_progress *p)
{
	ns->progress = p;
}

/* Errors that come from a kernel that lacks something, or a caller: what that is stands in nobody's errno. */
static int explained(int err, struct bf_diag *d)
{
	if (err == -EPERM || err == -EINVAL || err == -ENOSYS || err == -EOPNOTSUPP)
		bf_explain_missing(d);
	return err;
}

static int change(struct bf_ns *ns, const struct bf_change *changes, uint32_t n, bool only_check, struct bf_diag *d)
{
	_cleanup_(txn_free) struct txn t = {
		.ns = ns, .d = d, .grace = BF_GRACE_NONE, .maps = { -1, -1 },
	};
	int err = begin(&t, changes, n);

	if (!err) {
		err = bf_txn_build(&t);
		if (!err)
			err = bf_progress_tell(ns->progress, "loading", 1, 1); /* the last chance to stop it */
		if (err || only_check)
			roll_back(&t);
	}
	if (err || only_check)
		return explained(err, d);
	__atomic_fetch_add(ns->gen, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < n; i++)
		if (changes[i].switched)
			changes[i].switched(changes[i].arg);
	finish(&t);
	return 0;
}

int bf_ns_commit(struct bf_ns *ns, const struct bf_change *changes, uint32_t n, struct bf_diag *d)
{
	return change(ns, changes, n, false, d);
}

int bf_ns_reattach(struct bf_ns *ns, struct bf_diag *d)
{
	unsigned n = ns->gen ? bf_dispatch_astray(ns) : 0;
	int err = n ? bf_ns_commit(ns, NULL, 0, d) : 0;

	return err ? err : (int)n;
}

int bf_ns_check(struct bf_ns *ns, const struct bf_change *changes, uint32_t n, struct bf_diag *d)
{
	return change(ns, changes, n, true, d);
}

/* All units away by one switch, so that no hook drops what another would have let pass. */
static int remove_units(struct bf_ns *ns, struct bf_diag *d)
{
	_cleanup_buf_ struct bf_buf names = { 0 };
	_cleanup_free_ struct bf_change *changes = NULL;
	uint32_t n = 0;
	int err = bf_ns_units(ns, &names);

	if (err || !names.len)
		return err;
	changes = calloc(names.len, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	for (const char *p = names.data; p < names.data + names.len; p += strlen(p) + 1)
		changes[n++].unit = p;
	return bf_ns_commit(ns, changes, n, d);
}

/* Without gen the rest is rubbish to who comes after a kill. */
static int remove_dir(struct bf_ns *ns)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/gen", ns->dir);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bf_path_remove(ns->dir, false);
}

int bf_ns_destroy(struct bf_ns *ns, struct bf_diag *d)
{
	int err;

	if (!ns->locked)
		return bf_diag_error(d, -EINVAL, "a change needs the namespace's lock");
	err = remove_units(ns, d);
	for (unsigned i = 0; !err && ns->gen && i < BF_DISPATCHERS; i++)
		bf_dispatch_remove(ns, i);
	if (!err)
		err = remove_dir(ns);
	if (!err)
		bf_ns_forget(ns);
	return err;
}
