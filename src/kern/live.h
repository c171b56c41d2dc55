/* SPDX-License-Identifier: GPL-2.0-only */
/* live.h: hashes of sets that rules change. Inside kern/ only. */
#ifndef BF_KERN_LIVE_H
#define BF_KERN_LIVE_H

#include "base/diag.h"
#include "base/image.h"

/* dir: where the unit's present pins are, or NULL. Descriptors, or -errno. */
int bf_live_make(const struct bf_map_spec *s, const char *dir, struct bf_diag *d);
/* maps: descriptors of the image's maps, those that it holds made already. */
int bf_lives_make(const struct bf_map_spec *s, const int *maps, struct bf_diag *d);

/* By the clock that elements' ends are told by. */
uint64_t bf_live_now(void);

/* The hash of a unit's set, as it is live. A descriptor, or -errno. */
struct bf_ns;
int bf_live_open(struct bf_ns *ns, const char *unit, const char *set);

#endif
