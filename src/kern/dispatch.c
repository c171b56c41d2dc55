/* SPDX-License-Identifier: GPL-2.0-only */
/* dispatch.c: see dispatch.h for the picture. */
#include "kern/dispatch.h"

#include <limits.h>

#include "kern/attach.h"
#include "kern/insn.h"
#include "kern/load.h"
#include "kern/sys.h"

enum { PLACES = 16, BACKSTOP_PLACES = 16 };

int bf_const_prog(const char *name, uint8_t hook, int verdict, struct bf_diag *d)
{
	const struct bpf_insn insns[] = { MOV(0, bf_hook_code(hook, verdict)), EXIT };

	return bf_prog_load_diag(name, hook, insns, BF_ARRAY_SIZE(insns), d);
}

/* Netfilter's is there from the beginning, the others are made at the first use. */
static int open_array(const struct bf_ns *ns, unsigned array)
{
	const struct bf_map_desc m = { "bf_dispatch", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2 * BF_DISPATCHERS, 0, 0 };
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int err;

	bf_path(path, "%s/dispatch-%u", ns->dir, array);
	fd = bf_pin_get(path);
	if (fd != -ENOENT)
		return fd < 0 ? fd : TAKE_FD(fd);
	fd = bf_map_create(&m);
	err = fd < 0 ? fd : bf_pin(fd, path);
	return err ? err : TAKE_FD(fd);
}

static int array_of(struct bf_ns *ns, uint8_t hook)
{
	unsigned array = bf_hook_array(hook);

	if (ns->dispatch[array] < 0)
		ns->dispatch[array] = open_array(ns, array);
	return ns->dispatch[array];
}

static int dispatcher_prog(uint8_t hook, int gen, int array, unsigned n, struct bf_diag *d)
{
	const struct bpf_insn insns[] = {
		LD_MAP(4, BPF_PSEUDO_MAP_VALUE, gen),
		LOAD(4, 4, 0),
		LD_MAP(2, BPF_PSEUDO_MAP_FD, array),
		JSET(4, 1, 3),
		MOV(3, (int)n),
		CALL(FN_TAIL_CALL),
		JA(2),
		MOV(3, BF_DISPATCHERS + (int)n),
		CALL(FN_TAIL_CALL),
		MOV(0, bf_hook_code(hook, BF_DROP)),
		EXIT,
	};

	return bf_prog_load_diag("bf_dispatch", hook, insns, BF_ARRAY_SIZE(insns), d);
}

static void link_path(char out[BF_PATH_MAX], const struct bf_ns *ns, unsigned n, bool backstop)
{
	bf_path(out, "%s/link-%u%s", ns->dir, n, backstop ? "-b" : "");
}

static bool is_pinned(const struct bf_ns *ns, unsigned n, bool backstop)
{
	char path[BF_PATH_MAX];

	link_path(path, ns, n, backstop);
	return !access(path, F_OK);
}

/* The record comes before the link and goes behind it. */
bool bf_dispatch_linked(const struct bf_ns *ns, unsigned n)
{
	return ns->meta->dispatcher[n].used && is_pinned(ns, n, false);
}

bool bf_dispatch_has_backstop(const struct bf_ns *ns, unsigned n)
{
	return is_pinned(ns, n, true);
}

/* As the record has it. */
static struct bf_place place_of(struct bf_dispatcher *r, unsigned n)
{
	return (struct bf_place){ .hook = r->hook, .family = r->family, .xdp_mode = r->xdp_mode, .at = r->at,
	                          .priority = r->priority, .relative = -1, .number = n, .clsact = &r->clsact };
}

/* A device has one XDP program, whatever priority. */
static bool same_place(const struct bf_dispatcher *r, const char *unit, const struct bf_unit_place *p)
{
	return r->used && r->family == p->family && r->hook == p->hook && (r->wish == p->wish || r->hook == BF_HOOK_XDP) &&
	       (!unit || !strcmp(r->unit, unit)) &&
	       !strcmp(r->at, p->at) && (!p->xdp_mode || r->xdp_mode == p->xdp_mode);
}

/*
 * Does the link stand where it should? A device or control group can go, and
 * come back under its name as another one; a device can get another name. As
 * long as nothing has the name, the link may stay where it is.
 */
static bool stands_right(struct bf_ns *ns, unsigned n)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	const struct bf_place p = place_of(r, n);
	uint64_t id = r->hook < BF_HOOKS_NETFILTER ? 0 : bf_attach_id(ns, r->hook, r->at);
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (!id)
		return true;
	link_path(path, ns, n, false);
	fd = bf_pin_get(path);
	return fd >= 0 && id == r->id && bf_attach_is_at(ns, fd, &p, id);
}

unsigned bf_dispatch_astray(struct bf_ns *ns)
{
	unsigned found = 0;

	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		found += ns->meta->dispatcher[n].used && is_pinned(ns, n, false) && !stands_right(ns, n);
	return found;
}

int bf_dispatch_find(struct bf_ns *ns, const char *unit, const struct bf_unit_place *p, bool anywhere)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		if (same_place(&ns->meta->dispatcher[n], unit, p) && is_pinned(ns, n, false) && (anywhere || stands_right(ns, n)))
			return (int)n;
	return -ENOENT;
}

/* A record without a link is what a killed process left. */
static int find_free(const struct bf_ns *ns)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++)
		if (!is_pinned(ns, n, false))
			return (int)n;
	return -ENOSPC;
}

void bf_dispatch_give(struct bf_ns *ns, unsigned n, const char *unit, const struct bf_unit_place *p)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];

	r->wish = p->wish;
	if (strcmp(r->unit, unit))
		snprintf(r->unit, sizeof(r->unit), "%s", unit);
}

int bf_dispatch_set(struct bf_ns *ns, unsigned slot, unsigned n, int prog)
{
	uint32_t key = slot * BF_DISPATCHERS + n;
	int array = array_of(ns, ns->meta->dispatcher[n].hook);

	return array < 0 ? array : bf_map_update(array, &key, &prog, BPF_ANY);
}

/* The first free priority. */
static int attach_near(const struct bf_ns *ns, int prog, struct bf_place *at, int64_t first, int step, unsigned tries,
                       struct bf_diag *d)
{
	int fd = -EBUSY;

	for (unsigned i = 0; i < tries && fd == -EBUSY; i++) {
		int64_t p = first + (int64_t)step * i;

		if (p <= INT_MIN || p >= INT_MAX)
			break;
		at->priority = (int)p;
		fd = bf_attach(ns, prog, at, d);
	}
	if (fd < 0)
		bf_diag_error(d, fd, "cannot attach to hook %u of family %u near priority %lld: %s%s", at->hook, at->family,
		              (long long)first, strerror(-fd),
		              fd == -EINVAL ? " (Linux 6.4 with CONFIG_NETFILTER_BPF_LINK is needed)" : "");
	return fd;
}

/* Of two links at one place: which is nearer to a priority, those behind it first? */
static bool is_nearer(const struct bf_dispatcher *a, const struct bf_dispatcher *b, int wish)
{
	if ((a->wish > wish) != (b->wish > wish))
		return a->wish > wish;
	return a->wish > wish ? a->wish < b->wish : a->wish > b->wish;
}

/* The link of ours at the same place which comes next behind this one, or else right before it; or -1. */
static int neighbour(const struct bf_ns *ns, unsigned n, bool *before)
{
	const struct bf_dispatcher *all = ns->meta->dispatcher, *r = &all[n];
	char path[BF_PATH_MAX];
	int best = -1;

	for (unsigned i = 0; i < BF_DISPATCHERS; i++) {
		if (i == n || !all[i].used || all[i].hook != r->hook || all[i].id != r->id || all[i].clsact || !is_pinned(ns, i, false))
			continue;
		if (best < 0 || is_nearer(&all[i], &all[best], r->wish))
			best = (int)i;
	}
	if (best < 0)
		return -1;
	*before = all[best].wish > r->wish;
	link_path(path, ns, (unsigned)best, false);
	return bf_pin_get(path);
}

static int attach_ordered(struct bf_ns *ns, int prog, unsigned n, struct bf_diag *d)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	struct bf_place at = place_of(r, n);
	_cleanup_close_ int relative = -1;

	r->id = bf_attach_id(ns, r->hook, r->at);
	relative = r->id && r->hook != BF_HOOK_XDP ? neighbour(ns, n, &at.before) : -1;
	at.relative = relative;
	return bf_attach(ns, prog, &at, d);
}

static int pin(const struct bf_ns *ns, int fd, unsigned n, bool backstop, struct bf_diag *d)
{
	const struct bf_place at = place_of(&ns->meta->dispatcher[n], n);
	char path[BF_PATH_MAX];
	int err;

	link_path(path, ns, n, backstop);
	err = bf_pin(fd, path);
	if (err)
		bf_detach(ns, fd, &at, ns->meta->dispatcher[n].id);
	return err ? bf_diag_error(d, err, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

static int attach_and_pin(struct bf_ns *ns, int prog, unsigned n, struct bf_diag *d)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	struct bf_place at = place_of(r, n);
	_cleanup_close_ int link = -1;

	if (r->hook < BF_HOOKS_NETFILTER)
		link = attach_near(ns, prog, &at, (int64_t)r->wish - 3, -4, PLACES, d);
	else
		link = attach_ordered(ns, prog, n, d);
	if (link < 0)
		return link;
	r->priority = at.priority;
	return pin(ns, link, n, false, d);
}

static int make_prog(struct bf_ns *ns, unsigned n, struct bf_diag *d)
{
	uint8_t hook = ns->meta->dispatcher[n].hook;
	int array = array_of(ns, hook);
	char path[BF_PATH_MAX];
	_cleanup_close_ int gen = -1;

	bf_path(path, "%s/gen", ns->dir);
	gen = bf_pin_get(path);
	if (gen < 0 || array < 0)
		return bf_diag_error(d, BF_MIN(gen, array), "cannot open the maps in %s: %s", ns->dir, strerror(-BF_MIN(gen, array)));
	return dispatcher_prog(hook, gen, array, n, d);
}

static int make_at(struct bf_ns *ns, unsigned n, int accept, struct bf_diag *d)
{
	_cleanup_close_ int prog = make_prog(ns, n, d);
	int err = prog < 0 ? prog : 0;

	for (unsigned slot = 0; !err && slot < 2; slot++) {
		err = bf_dispatch_set(ns, slot, n, accept);
		if (err)
			bf_diag_error(d, err, "cannot fill the program array: %s", strerror(-err));
	}
	return err ? err : attach_and_pin(ns, prog, n, d);
}

int bf_dispatch_make(struct bf_ns *ns, const char *unit, const struct bf_unit_place *p, int accept, struct bf_diag *d)
{
	struct bf_dispatcher *r;
	int n = find_free(ns), err;

	if (n < 0)
		return bf_diag_error(d, n, "more than %d hooks, devices and control groups in use in this network namespace", BF_DISPATCHERS);
	bf_dispatch_remove(ns, (unsigned)n);
	r = &ns->meta->dispatcher[n];
	*r = (struct bf_dispatcher){ .family = p->family, .hook = p->hook, .wish = p->wish, .priority = p->wish,
	                             .xdp_mode = p->xdp_mode };
	snprintf(r->unit, sizeof(r->unit), "%s", unit);
	snprintf(r->at, sizeof(r->at), "%s", p->at);
	r->used = 1;
	err = make_at(ns, (unsigned)n, accept, d);
	if (err)
		r->used = 0;
	return err ? err : n;
}

int bf_dispatch_backstop(struct bf_ns *ns, unsigned n, int prog, struct bf_diag *d)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	struct bf_place at = place_of(r, n);
	_cleanup_close_ int link = -1;

	if (is_pinned(ns, n, true))
		return 0;
	link = attach_near(ns, prog, &at, (int64_t)r->priority + 2, 1, BACKSTOP_PLACES, d);
	return link < 0 ? link : pin(ns, link, n, true, d);
}

/*
 * Unpinning alone would detach some time later, from a work queue. But it has
 * to come first: a pinned link that is detached looks alive to the next writer.
 */
static void remove_link(struct bf_ns *ns, unsigned n, bool backstop)
{
	struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	const struct bf_place at = place_of(r, n);
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;

	link_path(path, ns, n, backstop);
	if (!access(path, F_OK)) {
		fd = bf_pin_get(path);
		if (unlink(path))
			return;
	}
	if (fd >= 0 || (!backstop && r->used && r->clsact)) /* a filter may be there without a pin: its maker was killed */
		bf_detach(ns, fd, &at, r->id);
}

void bf_dispatch_remove_backstop(struct bf_ns *ns, unsigned n)
{
	remove_link(ns, n, true);
}

void bf_dispatch_remove(struct bf_ns *ns, unsigned n)
{
	remove_link(ns, n, false);
	remove_link(ns, n, true);
	ns->meta->dispatcher[n].used = is_pinned(ns, n, false);
}
