/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * path.h: where the pins are. The bpffs is mounted at /run/bpfilter in the
 * mount namespace of process 1 and always reached through /proc/1/root:
 * `ip netns exec` and `unshare -m` live in private mount namespaces, and what
 * they mount dies with them. Where process 1's root may not be looked at (it
 * has capabilities that we have not), the farthest ancestor's will do: that of
 * the shell which called `ip netns exec`.
 */
#ifndef BF_KERN_PATH_H
#define BF_KERN_PATH_H

#include <stdio.h>

#include "base/buf.h"
#include "base/diag.h"

enum { BF_PATH_MAX = 160 };

/* The directory, mounted if it is not and `create` is set. -ENOENT: not mounted. */
int bf_path_base(char out[BF_PATH_MAX], bool create, struct bf_diag *d);

/* Forms a path; too long is a bug of ours, the result then names nothing. */
void bf_path(char out[BF_PATH_MAX], const char *fmt, ...) bf_printf_like(2, 3);

/* Removes a directory with all in it, or (keep_dir) only what is in it. Nothing there is success. */
int bf_path_remove(const char *path, bool keep_dir);

/* Makes the directory `to` with second names for all pins in the directory `from`. */
int bf_path_link_all(const char *from, const char *to);

/* The names in a directory, sorted, each with its NUL, into b. */
int bf_path_list(const char *path, struct bf_buf *b);

/* May this be the name of a directory in bpffs? Dots are not allowed there. */
bool bf_path_valid_name(const char *name);

#endif
