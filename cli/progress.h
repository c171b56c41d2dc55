/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BF_CLI_PROGRESS_H
#define BF_CLI_PROGRESS_H

#include <bpfilter/bpfilter.h>

/* What takes longer than a second shows how far it is, on standard error, if that is a terminal and we are not in its background. */
void bf_progress_show(struct bf_ctx *ctx);

/* From now on signals that would end the program end what it is at, if that has not been done yet; it goes on then. */
void bf_progress_catch(void);
/* The signal that came, or 0. */
int bf_progress_caught(void);

#endif
