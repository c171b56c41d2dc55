/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ns.h: one network namespace's directory of pins and the objects every
 * transaction needs of it. Inside kern/ only; kern.h has the layout.
 */
#ifndef BF_KERN_NS_H
#define BF_KERN_NS_H

#include "kern/kern.h"
#include "kern/path.h"

enum {
	BF_DISPATCHERS = 64, /* per namespace; each takes one element of either slot in the prog array */
	BF_META_MAGIC = 0x62706669,
	BF_STATE_VERSION = 4, /* of all that is stored: raise it when a layout changes */
};

/* A device's name or a control group's path, with its NUL. */
#define BF_AT_MAX 240

/* One hook we sit at. Only with its pinned link it counts: who made it may have been killed in between. */
struct bf_dispatcher {
	char unit[32];
	uint8_t used, family, hook, xdp_mode, clsact, pad[3];
	int32_t wish;     /* priority the image asked for */
	int32_t priority; /* the one it got; the backstop's is behind it */
	uint64_t id;      /* of the device or control group */
	char at[BF_AT_MAX]; /* its name or path; "": the namespace */
};

struct bf_meta {
	uint32_t magic, version;
	uint64_t cookie;
	uint32_t companion; /* there may be nf_tables tables of ours in the namespace */
	uint32_t owner;     /* these begin their id with this: a container with another /run may have its own here */
	struct bf_dispatcher dispatcher[BF_DISPATCHERS];
};

struct bf_ns {
	int net;      /* nsfs descriptor */
	bool foreign; /* not the namespace the caller is in */
	bool create;
	bool locked;
	pid_t pid;          /* who opened it: a lock is shared with the children that one forks */
	struct bf_ns **keep; /* where it goes when it is closed; or NULL */
	uint64_t cookie;
	char base[BF_PATH_MAX]; /* the bpffs */
	char dir[BF_PATH_MAX];
	const struct bf_progress *progress;
	int dir_fd; /* holds the lock; -1: there is no directory */
	/* The objects; gen is NULL while there are none. */
	int dispatch[BF_HOOKS]; /* prog arrays, by bf_hook_array; -1: not opened yet */
	uint64_t *gen; /* counts commits; its lowest bit is the live slot */
	uint64_t gen_ino; /* of its pin: another one's is another number */
	struct bf_meta *meta;
};

/* Runs the calling thread in the namespace: *back is what bf_ns_leave needs to return, always. */
int bf_ns_enter(const struct bf_ns *ns, int *back, struct bf_diag *d);
int bf_ns_leave(int back);

/* Looks again whether there is a directory with objects, another than before perhaps. -ENOENT: none. */
int bf_ns_refresh(struct bf_ns *ns);
/* The same in the directory that is open already, whatever was known of its objects. */
int bf_ns_reopen(struct bf_ns *ns);
/* Makes the objects in an existing, locked directory. */
int bf_ns_make_objects(struct bf_ns *ns, struct bf_diag *d);
/* bf_ns_collect for who holds the namespace with that cookie (0: none): when there is no other there is nothing to do. */
int bf_ns_collect_others(const char *base, uint64_t own, struct bf_diag *d);
/* Lets go of objects and directory; they stay where they are. */
void bf_ns_forget(struct bf_ns *ns);

static inline uint64_t bf_ns_gen(const struct bf_ns *ns)
{
	return __atomic_load_n(ns->gen, __ATOMIC_ACQUIRE);
}

static inline unsigned bf_slot(uint64_t gen)
{
	return gen & 1;
}

#endif
