/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.h: programs that do with packets which are only described what a
 * unit's programs do with real ones. They are made of the same table by the
 * same compiler (bf_gen_opts.trial), look into the very maps that the live
 * programs look into, and differ in two things: they count in counters of
 * their own, and a part of the key comes from the description (state of the
 * connection, devices, mark), as BPF_PROG_TEST_RUN can give no packet any of it.
 */
#ifndef BF_KERN_TRIAL_H
#define BF_KERN_TRIAL_H

#include "base/diag.h"
#include "base/image.h"
#include "rt/abi.h"

struct bf_ns;
struct bf_trial;

/*
 * img: of the unit's base state, with opts.trial; it must outlive the trial.
 * ns NULL: of no unit, nothing is shared. -ESTALE: the unit is not what img was made
 * of (another version compiled it), else the errors of loading.
 */
int bf_trial_open(struct bf_trial **out, struct bf_ns *ns, const char *unit, const struct bf_image *img,
                  struct bf_diag *d);
void bf_trial_close(struct bf_trial *t);

/*
 * frame: from the Ethernet header on. *verdict: BF_DROP, BF_ACCEPT (also where a
 * terminal action was handed off: *terminal). counters: img->n_counters of them, what this packet moved.
 */
struct bf_trial_answer {
	uint32_t verdict;
	uint32_t n_codes; /* hand-offs noted, in order */
	uint16_t code[BF_HANDOFF_MAX];
	bool terminal;
};
int bf_trial_run(struct bf_trial *t, uint32_t prog, const void *frame, uint32_t len, const struct bf_rt_trial *given,
                 struct bf_trial_answer *out, struct bf_rt_counter *counters);

#endif
