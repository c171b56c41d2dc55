/* SPDX-License-Identifier: GPL-2.0-only */
/* progress.h: who waits is told how far work that takes long has come, and may end it. */
#ifndef BF_PROGRESS_H
#define BF_PROGRESS_H

#include "base/base.h"

struct bf_progress {
	/* Not 0: stop. NULL: nobody waits. stage: "waiting", "reading", "compiling", "loading" */
	int (*tell)(void *arg, const char *stage, uint64_t done, uint64_t total);
	void *arg;
};

/* 0, or -ECANCELED. p may be NULL. */
static inline int bf_progress_tell(const struct bf_progress *p, const char *stage, uint64_t done, uint64_t total)
{
	return p && p->tell && p->tell(p->arg, stage, done, total) ? -ECANCELED : 0;
}

#endif
