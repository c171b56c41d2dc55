/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BF_CLI_STATUS_H
#define BF_CLI_STATUS_H

/* Ends this process as the one that left wait status `status`: returns its exit status, or dies by its signal. */
int bf_end_like(int status);

#endif
