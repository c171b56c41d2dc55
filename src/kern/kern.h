/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kern.h: kernel objects. Takes images, never sees a rule.
 *
 * Everything lives in a bpffs at /run/bpfilter, one directory for each
 * network namespace, named by its cookie (inode numbers are reused):
 *
 *   /run/bpfilter/<cookie>/
 *     gen                  array map, one 64-bit word: counts commits; its lowest bit is the live slot
 *     dispatch             prog array: [slot * 64 + dispatcher]; dispatch-<hook> for hooks other than netfilter's
 *     meta                 array map: the dispatchers (ns.h)
 *     handoff, pending     maps shared with the companions (companion.h), once one is needed
 *     link-<n>             links: dispatcher n (and its backstop, link-<n>-b); a program where tc has no links
 *     0/ 1/                the two slots; only the live one exists outside transactions.
 *       <unit>/            one directory per unit: state, counters, programs (unit.h)
 *     spare/<unit>/        what was live before, for the next change (spare.c)
 *
 * A transaction builds the idle slot completely (unchanged units are pinned
 * there again), then stores one word: that is the commit, for packets and for
 * readers of the state alike. Whatever a killed writer left in the idle slot
 * is cleared by the next one.
 */
#ifndef BF_KERN_H
#define BF_KERN_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/hz.h"
#include "base/image.h"
#include "base/progress.h"
#include "rt/abi.h"

struct bf_ns;

/*
 * Opens the state of a network namespace. netns_fd: an nsfs descriptor, or -1
 * for the caller's own. create: mount the bpffs and make the directory if they
 * are missing; without it -ENOENT when there is no state. The calling thread's
 * namespace is left as it was.
 */
int bf_ns_open(struct bf_ns **out, int netns_fd, bool create, struct bf_diag *d);
void bf_ns_close(struct bf_ns *ns);
/* The same for who does so again and again: what is closed goes to *kept, and is used the next time if it is still what would be
 * opened. *kept is NULL at first, to be closed at last. */
int bf_ns_open_kept(struct bf_ns **kept, struct bf_ns **out, int netns_fd, bool create, struct bf_diag *d);
uint64_t bf_ns_cookie(const struct bf_ns *ns);

/* Writers exclude each other per namespace: waits up to timeout_ms (-1: for ever), then -ETIMEDOUT. Ends with
 * bf_ns_unlock or bf_ns_close. */
int bf_ns_lock(struct bf_ns *ns, int timeout_ms);
void bf_ns_unlock(struct bf_ns *ns);
pid_t bf_ns_locker(const struct bf_ns *ns); /* who has the lock, so far as can be seen from here; or 0 */

/* A unit of the live slot. */
struct bf_unit;
int bf_unit_open(struct bf_ns *ns, const char *name, struct bf_unit **out); /* -ENOENT: no such unit */
void bf_unit_close(struct bf_unit *u);
/* The bytes given to bf_ns_commit; valid until close. */
const void *bf_unit_state(const struct bf_unit *u, size_t *len);
/* The records of its patches, one behind the other, and their version; valid until close. NULL: it cannot be patched. */
const void *bf_unit_journal(const struct bf_unit *u, size_t *len, uint64_t *version);
uint32_t bf_unit_n_counters(const struct bf_unit *u);
/* As bf_unit_counters, of those that which (n of them; NULL: all) says, and from now on these begin at 0: no packet is lost or
 * counted twice. Hold the lock. */
int bf_unit_take_counters(struct bf_unit *u, const bool *which, struct bf_rt_counter *out, uint32_t n);
/* Sums over the stripes, of the first n, at most bf_unit_n_counters. -ESTALE: it was replaced twice meanwhile, its counters are gone:
 * open the unit again. Never while the lock is held. */
int bf_unit_counters(const struct bf_unit *u, struct bf_rt_counter *out, uint32_t n);
/* Adds to the live counters. Hold the lock, or the unit may have been replaced already. */
int bf_unit_add_counters(struct bf_unit *u, const struct bf_rt_counter *in, uint32_t n);
/* The names of the live units, NUL-separated, into b. */
int bf_ns_units(struct bf_ns *ns, struct bf_buf *b);

/*
 * Elements of a set that rules change, by the name of its map ("set-2a"); "objects": by their ids. Those that have expired
 * are not told, and swept. each() may be told the same element twice when there are very many. key: words as programs
 * have them (BF_LIVE_KEY or BF_LIVE_KEY_LONG). What each() returns other than 0 ends it. -ENOENT: no such set.
 */
typedef int bf_element_fn(void *arg, const uint32_t *key, const struct bf_rt_elem *e, uint64_t now);
int bf_unit_elements(struct bf_ns *ns, const char *unit, const char *set, bf_element_fn *each, void *arg);
bool bf_unit_has_elements(struct bf_ns *ns, const char *unit); /* some set of it, or object */
/* Elements as an image's maps begin with them (base/image.h): those that are not there are added. -E2BIG: no room for all. */
int bf_unit_elements_add(struct bf_ns *ns, const char *unit, const char *set, const void *elements, size_t len, struct bf_diag *d);
/* What a counter or quota (s: it, as it was read) has counted, which then is 0: nothing is lost between. -ENOENT: no such object. */
int bf_unit_objects_take(struct bf_ns *ns, const char *unit, uint64_t id, struct bf_rt_state *s);
int bf_unit_element_delete(struct bf_ns *ns, const char *unit, const char *set, const uint32_t *key);
/* One by one: a descriptor of the set, which is the caller's. -ENOENT: no such element, or it has expired. */
int bf_unit_elements_open(struct bf_ns *ns, const char *unit, const char *set);
int bf_element_get(int fd, const uint32_t *key, struct bf_rt_elem *e);
int bf_element_delete(int fd, const uint32_t *key);

#define BF_CARRIED_NONE UINT32_MAX
struct bf_carried { /* counter `to` of the new unit begins with these, and with what `from` of the replaced one has counted */
	uint32_t to, from;
	uint64_t packets, bytes;
};

/* So many programs a unit can have, at so many hooks, devices and control groups. */
enum { BF_UNIT_PROGS = 16, BF_UNIT_PLACES = 32 };
uint32_t bf_image_places(const struct bf_image *img);

struct bf_change {
	const char *unit;
	const struct bf_image *image; /* NULL: remove the unit */
	const void *state;            /* stored with it */
	size_t state_len;
	/* If not NULL: filled with the replaced unit's last counters, exact: no packet counts
	 * there any more. n_old: at most the replaced unit's number of counters. */
	struct bf_rt_counter *old;
	uint32_t n_old;
	/* What the new unit's counters begin with. To the last packet, and whoever is killed: the next writer ends it. */
	const struct bf_carried *carried;
	uint32_t n_carried;
	const void *head; /* bytes that are stored before those of state, as one with them, or NULL */
	size_t head_len;
	/* If not NULL: called right behind the switch, before packets are waited for: what others have counted so far. */
	void (*switched)(void *arg);
	void *arg;
};

/* Commits tell of "loading" before the switch, and roll back with -ECANCELED when told so. p is the caller's; NULL: no more. */
void bf_ns_watch(struct bf_ns *ns, const struct bf_progress *p);

/*
 * Replaces units, all or none, by one switch. Needs the lock. Errors leave the
 * old state enforced and whole: -EPERM, -ENOMEM, -E2BIG (verifier limits),
 * -EOPNOTSUPP (kernel lacks something; the diagnostic says what), ...
 */
int bf_ns_commit(struct bf_ns *ns, const struct bf_change *changes, uint32_t n, struct bf_diag *d);

/* Programs go to the devices and control groups that have come, again, under their names. Returns how many. Needs the lock. */
int bf_ns_reattach(struct bf_ns *ns, struct bf_diag *d);

/* All of that but the switch: everything is loaded, then taken away again. */
int bf_ns_check(struct bf_ns *ns, const struct bf_change *changes, uint32_t n, struct bf_diag *d);

/*
 * Changes a live unit in place, in the maps that its image marks as patched.
 * `version` is the journal's, as bf_unit_journal told it: its lowest bit says
 * which half of what stands twice packets look at. Nobody looks at the other
 * half by then: packets that did are waited for. Writes go there, the record
 * is appended to the journal, and one store makes both valid, for packets and
 * for readers. Needs the lock. -ENOSPC: no room for the record; -EOPNOTSUPP:
 * the unit cannot be patched; -EAGAIN: version is not the present one. Errors
 * change nothing. `settle`: it returns when no packet counts for the old rules
 * any more.
 */
int bf_ns_patch(struct bf_ns *ns, const char *unit, uint64_t version, const struct bf_write *w, uint32_t n,
                const void *record, size_t len, bool settle, struct bf_diag *d);

/*
 * The same for changes that come often and are small: the unit's maps stay mapped between them, and nobody is waited for
 * but where the caller says so. What is noted in the maps of a unit for version + 2 is valid when its record is.
 * Everything below needs the lock, and that bf_quick_fits says yes since it was taken.
 */
struct bf_quick {
	const void *state; /* as bf_unit_state */
	size_t state_len;
	uint32_t *class;   /* the map "class", words; NULL: there is none */
	uint32_t n_class;
	struct bf_journal *journal; /* NULL: it cannot be changed in place */
	size_t room;       /* of its records */
};
int bf_quick_open(struct bf_ns *ns, const char *unit, struct bf_quick **out);
void bf_quick_close(struct bf_quick *q);
/* No transaction came in between. */
bool bf_quick_fits(const struct bf_ns *ns, const struct bf_quick *q);
const void *bf_quick_log(const struct bf_quick *q, size_t *len);
/* Until no packet is on its way that came before the present version. What can fail of it fails before it waits. */
int bf_quick_wait(struct bf_quick *q, struct bf_diag *d);
/* -ENOSPC: no room for the record. */
int bf_quick_commit(struct bf_quick *q, const void *record, size_t len);

/* Is it this network namespace's (-1: the calling thread's own)? For who keeps it open. */
bool bf_ns_is(const struct bf_ns *ns, int netns_fd);

/* Removes everything of this namespace: links first, then state, directory, companion tables. */
int bf_ns_destroy(struct bf_ns *ns, struct bf_diag *d);

/* Releases the state of namespaces that nothing but our links keeps alive. Returns how many, or -errno. */
int bf_ns_collect(struct bf_diag *d);

/* What this kernel offers; each probed by trying, not by version number. */
struct bf_feature {
	const char *name;    /* "netfilter_link", "may_goto", "nft_compat", ... */
	bool present;
	bool required;
	const char *enables; /* what it is for, in words */
	const char *hint;    /* what to do when it is missing */
};
struct bf_features {
	struct bf_feature f[32];
	unsigned n;
};
int bf_probe(struct bf_features *out);
bool bf_has(const struct bf_features *f, const char *name);
bool bf_probe_one(const char *name); /* tries only this one */
bool bf_probe_hook(uint8_t hook);    /* programs can be had for it, and where they are attached is there */
/* -EOPNOTSUPP: this kernel can never do it; d says what it lacks. 0 also where the rights to find out are missing. */
int bf_check_kernel(struct bf_diag *d);
uint32_t bf_possible_cpus(void);

#endif
