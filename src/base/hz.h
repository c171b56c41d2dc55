/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BF_HZ_H
#define BF_HZ_H

#include "base/base.h"

/* Ticks a second of the running kernel, 250 where it cannot be told. Needs no privileges. */
uint32_t bf_kernel_hz(void);
/* Seconds that the kernel's CLOCK_TAI is ahead of UTC: 0 until somebody (an NTP daemon) has told it. */
int32_t bf_kernel_tai(void);

#endif
