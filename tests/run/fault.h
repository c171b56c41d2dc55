/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h: every system call and allocation that a change makes passes here
 * (the linker's --wrap), is counted, and fails or kills when its turn comes.
 */
#ifndef BF_TEST_FAULT_H
#define BF_TEST_FAULT_H

enum fault {
	FAULT_NONE,
	FAULT_FAIL,
	FAULT_KILL,
	FAULT_NO_NETFILTER, /* the kernel does not know such programs; `at` does not matter */
	FAULT_NO_BTF,       /* nor its own types */
};

/* From now on: the call number `at` (from 1) fails with -ENOMEM, or the process dies right before it. */
void fault_arm(enum fault kind, unsigned at);
/* Back to normal. How many calls there were. */
unsigned fault_disarm(void);
/* The call that failed last. */
const char *fault_where(void);

#endif
