/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.h: the running kernel's own ip_tables, in a network namespace of the test's own. */
#ifndef TESTS_XT_KERNEL_H
#define TESTS_XT_KERNEL_H

#include "base/buf.h"
#include "xt/build.h"

int xk_enter(void); /* a new network namespace; -errno */

/* The raw calls on the filter table; -errno. */
int xk_replace(uint8_t family, const void *blob, size_t len);
int xk_info(uint8_t family, void *getinfo);
int xk_entries(uint8_t family, struct bf_buf *entries); /* into zeroed memory */
int xk_revision(uint8_t family, const char *name, uint8_t rev, bool target);
uint32_t xk_num_entries(uint8_t family);

/* The present table as blob for IPT_SO_SET_REPLACE. */
int xk_capture(uint8_t family, struct bf_buf *blob);

/* xtables-legacy-multi with these words; its standard input is `input`. Returns its exit status. */
int xk_iptables(const char *input, const char *const argv[]);

/* The first entry of the kernel's table whose counters are not these, or BF_XT_NONE; 0 when the kernel does not answer. */
uint32_t xk_first_difference(const struct bb *b, const struct bf_rt_counter *want);

#endif
