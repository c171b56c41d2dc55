/* SPDX-License-Identifier: GPL-2.0-only */
/* probe.h: inside kern/; kern.h has what others use. */
#ifndef BF_KERN_PROBE_H
#define BF_KERN_PROBE_H

#include "kern/kern.h"

/* After a failure: names the required features this kernel (or this caller) lacks. */
void bf_explain_missing(struct bf_diag *d);

#endif
