/* SPDX-License-Identifier: GPL-2.0-only */
/* dispatch.c: see dispatch.h for the picture. */
#include "kern/dispatch.h"

#include <limits.h>

#include "kern/insn.h"
#include "kern/load.h"
#include "kern/sys.h"

enum { PLACES = 16, BACKSTOP_PLACES = 16 };

int bf_const_prog(const char *name, int verdict, struct bf_diag *d)
{
	const struct bpf_insn insns[] = { MOV(0, verdict), EXIT };

	return bf_prog_load_diag(name, insns, BF_ARRAY_SIZE(insns), d);
}

static int dispatcher_prog(const struct bf_ns *ns, int gen, unsigned n, struct bf_diag *d)
{
	const struct bpf_insn insns[] = {
		LD_MAP(4, BPF_PSEUDO_MAP_VALUE, gen),
		LOAD(4, 4, 0),
		LD_MAP(2, BPF_PSEUDO_MAP_FD, ns->dispatch),
		JSET(4, 1, 3),
		MOV(3, (int)n),
		CALL(FN_TAIL_CALL),
		JA(2),
		MOV(3, BF_DISPATCHERS + (int)n),
		CALL(FN_TAIL_CALL),
		MOV(0, BF_DROP),
		EXIT,
	};

	return bf_prog_load_diag("bf_dispatch", insns, BF_ARRAY_SIZE(insns), d);
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

int bf_dispatch_find(const struct bf_ns *ns, const char *unit, const struct bf_unit_prog *p)
{
	for (unsigned n = 0; n < BF_DISPATCHERS; n++) {
		const struct bf_dispatcher *r = &ns->meta->dispatcher[n];

		if (r->used && r->family == p->family && r->hook == p->hook && r->wish == p->wish && !strcmp(r->unit, unit) &&
		    is_pinned(ns, n, false))
			return (int)n;
	}
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

int bf_dispatch_set(const struct bf_ns *ns, unsigned slot, unsigned n, int prog)
{
	uint32_t key = slot * BF_DISPATCHERS + n;

	return bf_map_update(ns->dispatch, &key, &prog, BPF_ANY);
}

struct place {
	uint32_t family, hook;
	int64_t first, step;
	unsigned tries;
};

/* Attaches at the first free place, in the namespace. *priority is where. */
static int attach(const struct bf_ns *ns, int prog, const struct place *at, int *priority, struct bf_diag *d)
{
	int back, fd = -EBUSY, err = bf_ns_enter(ns, &back, d);

	if (err)
		return err;
	for (unsigned i = 0; i < at->tries && fd == -EBUSY; i++) {
		int64_t p = at->first + at->step * i;

		if (p <= INT_MIN || p >= INT_MAX)
			break;
		*priority = (int)p;
		fd = bf_link_netfilter(prog, at->family, at->hook, *priority, 0);
	}
	err = bf_ns_leave(back);
	if (err) {
		if (fd >= 0)
			close(fd);
		return bf_diag_error(d, err, "cannot return to the own network namespace: %s", strerror(-err));
	}
	if (fd < 0)
		bf_diag_error(d, fd, "cannot attach to hook %u of family %u near priority %lld: %s%s", at->hook, at->family,
		              (long long)at->first, strerror(-fd),
		              fd == -EINVAL ? " (Linux 6.4 with CONFIG_NETFILTER_BPF_LINK is needed)" : "");
	return fd;
}

static int attach_and_pin(struct bf_ns *ns, int prog, unsigned n, const struct place *at, bool backstop,
                          struct bf_diag *d)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int link = -1;
	int priority = 0, err;

	link = attach(ns, prog, at, &priority, d);
	if (link < 0)
		return link;
	if (!backstop)
		ns->meta->dispatcher[n].priority = priority;
	link_path(path, ns, n, backstop);
	err = bf_pin(link, path);
	if (err)
		bf_link_detach(link);
	return err ? bf_diag_error(d, err, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

static int make_prog(const struct bf_ns *ns, unsigned n, struct bf_diag *d)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int gen = -1;

	bf_path(path, "%s/gen", ns->dir);
	gen = bf_pin_get(path);
	if (gen < 0)
		return bf_diag_error(d, gen, "cannot open %s: %s", path, strerror(-gen));
	return dispatcher_prog(ns, gen, n, d);
}

static int make_at(struct bf_ns *ns, unsigned n, const struct bf_unit_prog *p, int accept, struct bf_diag *d)
{
	const struct place at = { p->family, p->hook, (int64_t)p->wish - 3, -4, PLACES };
	_cleanup_close_ int prog = make_prog(ns, n, d);
	int err = prog < 0 ? prog : 0;

	for (unsigned slot = 0; !err && slot < 2; slot++) {
		err = bf_dispatch_set(ns, slot, n, accept);
		if (err)
			bf_diag_error(d, err, "cannot fill the program array: %s", strerror(-err));
	}
	return err ? err : attach_and_pin(ns, prog, n, &at, false, d);
}

int bf_dispatch_make(struct bf_ns *ns, const char *unit, const struct bf_unit_prog *p, int accept, struct bf_diag *d)
{
	struct bf_dispatcher *r;
	int n = find_free(ns), err;

	if (n < 0)
		return bf_diag_error(d, n, "more than %d hooks in use", BF_DISPATCHERS);
	bf_dispatch_remove(ns, (unsigned)n);
	r = &ns->meta->dispatcher[n];
	*r = (struct bf_dispatcher){ .used = 1, .family = p->family, .hook = p->hook, .wish = p->wish };
	snprintf(r->unit, sizeof(r->unit), "%s", unit);
	err = make_at(ns, (unsigned)n, p, accept, d);
	if (err)
		r->used = 0;
	return err ? err : n;
}

int bf_dispatch_backstop(struct bf_ns *ns, unsigned n, int prog, struct bf_diag *d)
{
	const struct bf_dispatcher *r = &ns->meta->dispatcher[n];
	const struct place at = { r->family, r->hook, (int64_t)r->priority + 2, 1, BACKSTOP_PLACES };

	return is_pinned(ns, n, true) ? 0 : attach_and_pin(ns, prog, n, &at, true, d);
}

/*
 * Unpinning alone would detach some time later, from a work queue. But it has
 * to come first: a pinned link that is detached looks alive to the next writer.
 */
static void remove_link(const struct bf_ns *ns, unsigned n, bool backstop)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;

	link_path(path, ns, n, backstop);
	if (access(path, F_OK))
		return;
	fd = bf_pin_get(path);
	if (!unlink(path) && fd >= 0)
		bf_link_detach(fd);
}

void bf_dispatch_remove_backstop(const struct bf_ns *ns, unsigned n)
{
	remove_link(ns, n, true);
}

void bf_dispatch_remove(struct bf_ns *ns, unsigned n)
{
	remove_link(ns, n, false);
	remove_link(ns, n, true);
	ns->meta->dispatcher[n].used = is_pinned(ns, n, false);
}
