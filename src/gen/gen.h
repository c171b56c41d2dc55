/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen.h: a table of a ruleset -> struct bf_image. A pure function of its
 * arguments: no file descriptor, no system call (but for threads), the same bytes each time.
 */
#ifndef BF_GEN_H
#define BF_GEN_H

#include "base/diag.h"
#include "base/image.h"
#include "base/progress.h"
#include "rule/rule.h"

/*
 * Straight code runs four to five times as fast as cells that are data, but
 * the verifier needs about 2 us for each instruction of it (nothing for data).
 * With so many cells, some 200 rules, that is about as long as loading takes anyway.
 * Cells that call a function (limit, LOG, ...) count as 16 to 400 (straight.c).
 */
#define BF_CODE_MAX 2048

/*
 * From so many rules on a run is classified: where the table can be straight
 * code, and where it is data anyway. Nanoseconds above an empty program
 * (BPF_PROG_TEST_RUN, prefixes, protocol and port, the last rule hit):
 *
 *   rules           1    10    30    50   100   200  1,000
 *   straight code  10    13    18    23    40    73
 *   classified     18    22                22          23    one tree; rules as they are found take about twice that
 *
 * A classified run costs the verifier some 25,000 instructions, 100 rules of straight code 2,700.
 */
#define BF_CLASS_MIN_CODE 96
#define BF_CLASS_MIN_DATA 32

struct bf_gen_opts {
	uint32_t hz;            /* the kernel's HZ, for limit */
	int32_t tai;            /* seconds that the kernel's TAI is ahead of UTC, for meta time */
	uint32_t cpus;          /* possible CPUs: stripes of the counters */
	bool may_goto;          /* the kernel has may_goto (6.9); else open-coded iterators (6.4) */
	uint32_t code_max;      /* graphs of up to so many cells become straight code, larger ones data; 0: always data */
	uint32_t copy_max;      /* chains called from several places are copied while all copies together have about this many
	                         * cells, the others return through a stack; 0: as many as pay; 1: none */
	uint32_t class_min;     /* runs of at least so many rules are classified; 0: as many as pay; UINT32_MAX: none */
	uint32_t own_max;       /* services of a run that are one rule's each; beyond it targets are found by counter; 0: as many
	                         * as pay */
	bool gates;             /* rules may come and go in place outside of runs, however small the table is */
	uint64_t class_bytes;   /* most that one run may take as class data, else it is cells; 0: 64 MiB and 256 for each box */
	bool trial;             /* programs for packets that are described: they have the map "trial" (rt/abi.h) */
	bool watched;           /* programs tell of each packet, through the map "events"; of their rules only
	                         * data does, not straight code */
	bool explain;           /* the image tells what became of the rules (explain.h) */
	const struct bf_progress *progress; /* is told of "compiling"; -ECANCELED when it says so. May be NULL */
	unsigned threads;       /* that work on it, the caller's included; they end before the call returns. 0: one for each CPU that
	                         * the caller may use, at most BF_POOL_MAX. The image does not depend on it */
};

/*
 * Compiles table t. Needs no privileges. On success *out owns an image (free
 * with bf_image_free); a table whose base chains are all empty with policy
 * ACCEPT gives an image without programs. Errors: -EOPNOTSUPP with a
 * diagnostic for what a hook cannot do, -E2BIG, -ENOMEM, -ECANCELED.
 */
int bf_gen_table(const struct bf_table *t, const struct bf_gen_opts *o, struct bf_image **out, struct bf_diag *d);

/* Elements as a map of role BF_MAP_LIVE begins with them (base/image.h). */
struct bf_set;
void bf_gen_elements(const struct bf_set *s, struct bf_buf *out);
/* An object, likewise; its key comes first, BF_LIVE_KEY words. */
struct bf_object;
void bf_gen_object(const struct bf_object *o, struct bf_buf *out);
/* Can it be had as opt/exact.h does it? Then, of an element: the words of its key, and of its data behind it. */
bool bf_gen_is_exact(const struct bf_set *s);
void bf_gen_row(const struct bf_set *s, uint32_t i, uint32_t *row);
void bf_gen_verdict_name(struct bf_buf *out, const struct bf_verdict *v); /* as that has it */

/* Readable listing of an image (golden tests, `bpfilter dump`). */
void bf_image_print(struct bf_buf *out, const struct bf_image *img);

#endif
