/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ctx.h: what the public functions share.
 *
 * Each call begins with bf_ctx_begin(), which forgets the last call's
 * messages, and opens the namespace's state, or sees to it that what the last
 * call had is still it: another process may have removed it meanwhile.
 */
#ifndef BF_API_CTX_H
#define BF_API_CTX_H

#include "base/diag.h"
#include "base/progress.h"
#include "bpfilter/bpfilter.h"
#include "front/xtables/xtables.h"
#include "kern/kern.h"

struct bf_ctx {
	int netns; /* or -1: the caller's own */
	int lock_ms;
	bf_progress_fn watch; /* the caller's; NULL: none */
	void *watch_arg;
	bool watched;         /* it was told something */
	struct bf_progress progress; /* that tells it */
	struct native_warm *warm; /* native_quick.c; or NULL */
	struct bf_ns *ns; /* kept from the last call (bf_ns_open_kept); or NULL */
	struct bf_diag diag;
	struct bf_features features;
	struct bf_feature_info info[BF_ARRAY_SIZE(((struct bf_features *)0)->f)];
	struct bf_hook_info hooks[BF_HOOKS];
	char *hook_words[BF_HOOKS];
};

#define _cleanup_ns_ _cleanup_(bf_ns_closep)
static inline void bf_ns_closep(struct bf_ns **ns)
{
	bf_ns_close(*ns);
}

void bf_native_warm_free(struct native_warm *w);

void bf_ctx_begin(struct bf_ctx *ctx);
/* Where a call ends that may have told of its progress: it is over. Returns rc. */
int bf_ctx_end(struct bf_ctx *ctx, int rc);
int bf_ctx_lock(struct bf_ctx *ctx, struct bf_ns *ns);
/* Opens the namespace, makes it if need be, and takes its lock. */
int bf_ctx_open_locked(struct bf_ctx *ctx, struct bf_ns **ns);
/* iptables' own lock: a descriptor, or -errno. */
int bf_ctx_lock_xtables(struct bf_ctx *ctx);

/*
 * table.c: a table as it is stored. The state of a unit is
 *
 *   struct bf_table_head | the image's link | index | struct bf_xt_head | entries
 *
 * as the table was compiled (index: bf_xt_index); edits since then are in the unit's journal.
 */
struct bf_table_head {
	uint32_t magic;
	uint32_t older; /* tables that were there before, for the order of names */
	uint64_t link_len, index_len;
};
#define BF_TABLE_MAGIC 0x33746662 /* "bft3" */

struct bf_stored {
	struct bf_unit *unit; /* NULL: nobody has touched the table */
	struct bf_buf empty;  /* then its state */
	uint32_t older;
	char name[48];        /* of the unit */
	struct bf_xt_base base; /* as compiled */
	const void *link;
	size_t link_len;
	const void *edits;    /* since then; NULL: it cannot be patched */
	size_t edits_len;
	uint64_t version;     /* of the journal */
	struct bf_buf edited; /* the state, where it is not the base */
	struct bf_buf slots;  /* then the number of each entry's counter */
	const void *state;    /* as it is now: struct bf_xt_head and entries */
	size_t len;
	uint32_t num_entries;
	bool is_empty;        /* no rule, no chain, all policies ACCEPT */
};
#define _cleanup_stored_ _cleanup_(bf_stored_free)
void bf_stored_free(struct bf_stored *t);

/* ns may be NULL: nothing is stored. -ENOENT: not a table of ours. */
int bf_stored_load(struct bf_ns *ns, int family, const char *table, struct bf_stored *t);
/* The same without state, len, num_entries and slots, which cost more than the rest when there are edits. */
int bf_stored_open(struct bf_ns *ns, int family, const char *table, struct bf_stored *t);
/* Adds these. */
int bf_stored_complete(struct bf_stored *t);
/* Adds num_entries and slots, and of the state its head. */
int bf_stored_outline(struct bf_stored *t);
/* num_entries counters, malloc'ed. */
int bf_stored_counters(const struct bf_stored *t, struct bf_rt_counter **out);

/* Adds num_entries counters to the live ones. Needs the lock. */
int bf_stored_add_counters(const struct bf_stored *t, const struct bf_rt_counter *in);

/*
 * patch.c: makes `state` the table's by a change in place, when it is nearly what is stored. Needs the lock. old, if not
 * NULL: t->num_entries counters, which begin at 0 then. -EAGAIN: it must be compiled.
 */
int bf_stored_patch(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_buf *state,
                    struct bf_rt_counter *old);
/*
 * The same for a table as it was handed over (bf_xt_near), before anything of it is decoded; it is only read. t may be just
 * opened. *old: a counter for each of t's entries, as many as the blob says, malloc'ed. -EAGAIN: decode it.
 */
int bf_stored_near(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const void *blob, size_t len,
                   struct bf_rt_counter **old);
/* The same by edits of what t's journal makes of its base; counters go on. t may be just opened. */
int bf_stored_edit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_buf *edits);
/* The number of entry i's counter. */
uint32_t bf_stored_slot(const struct bf_stored *t, uint32_t i);
/* One for each entry, from those of the unit. */
void bf_stored_gather(const struct bf_stored *t, const struct bf_rt_counter *all, uint32_t n, struct bf_rt_counter *out);

/* What programs have to know of this kernel and machine: hz, tai, cpus, may_goto. */
struct bf_gen_opts;
void bf_gen_here(struct bf_gen_opts *o);

/* A state, compiled. */
int bf_stored_compile(struct bf_ctx *ctx, const struct bf_buf *state, struct bf_image **img);
/* The same without straight code, for a verifier that refuses it. */
int bf_stored_compile_data(const struct bf_buf *state, struct bf_image **img);
/* What a verifier says to code that is right but more than it can follow; which errno depends on where it gives up. */
bool bf_verifier_refused(int rc);
/* The same once more for a stored table, told what becomes of its rules (gen/explain.h). */
int bf_stored_explain(struct bf_ctx *ctx, const struct bf_stored *t, struct bf_image **img);
/* Appends what is stored in front of a compiled state. */
int bf_stored_head(const struct bf_image *img, const struct bf_buf *state, uint32_t older, struct bf_buf *out);
/* What becomes of counters when a table is replaced. */
struct bf_counting {
	struct bf_rt_counter *old; /* if not NULL: t->num_entries counters of the replaced table */
	const struct bf_carried *carried; /* what those of the new one begin with; `from` is a slot of the replaced one's */
	uint32_t n_carried;
	void (*switched)(void *arg); /* as in struct bf_change */
	void *arg;
};
/* Makes a compiled state the table's (img NULL: removes the table). Needs the lock. counting: NULL: they begin at 0. */
int bf_stored_commit(struct bf_ctx *ctx, struct bf_ns *ns, const struct bf_stored *t, const struct bf_image *img,
                     const struct bf_buf *state, const struct bf_counting *counting);
/* For those that go on: entry i of the new table has the counter slots[i] of t's, if that is one. n of them, malloc'ed. */
struct bf_carried *bf_stored_carry(const struct bf_stored *t, const uint32_t *slots, uint32_t n);

uint8_t bf_nfproto(int family);
/* "ip-filter"; -ENAMETOOLONG cannot be: names have at most 31 characters. */
void bf_unit_name(int family, const char *table, char name[48]);
const char *bf_unit_table(const char *unit, int *family); /* "ip-filter" -> AF_INET, "filter" */

/* netns.c: what must be opened inside the namespace. */
int bf_netns_socket(int netns, int family);
int bf_netns_open_proc(int netns, const char *file); /* below /proc/net */

/* names.c: tables that exist, the kernel's and ours. */
uint32_t bf_count_names(struct bf_ns *ns, int netns, int family);

/* kernel.c: the kernel's own ip_tables. */
struct bf_kernel_table {
	int sock;
	int family;
	char name[32];
	uint32_t num_entries;
	struct bf_buf state;            /* as bf_xt_decode_replace makes it */
	struct bf_rt_counter *counters; /* num_entries */
};
#define _cleanup_kernel_table_ _cleanup_(bf_kernel_table_free)
void bf_kernel_table_free(struct bf_kernel_table *k);
/* Does the table exist there? Asking the kernel's sockets would create it. */
bool bf_kernel_has(int netns, int family, const char *table);
int bf_kernel_read(int netns, int family, const char *table, struct bf_kernel_table *out, struct bf_diag *d);
/* Replaces the whole table; its counters begin at 0. */
int bf_kernel_write(struct bf_kernel_table *k, const void *state, size_t len, struct bf_diag *d);
/* num_entries of them, of the table last read or written. */
int bf_kernel_add_counters(struct bf_kernel_table *k, const struct bf_rt_counter *c, struct bf_diag *d);
bool bf_kernel_is_empty(const struct bf_kernel_table *k);

#endif
