/* SPDX-License-Identifier: GPL-2.0-only */
/* hz.c: the kernel's HZ. SC_CLK_TCK is 100 everywhere; the coarse clock moves once per tick. */
#include "base/hz.h"

#include <time.h>

uint32_t bf_kernel_hz(void)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) || t.tv_sec || t.tv_nsec <= 0)
		return 250;
	return (uint32_t)((1000000000 + t.tv_nsec / 2) / t.tv_nsec);
}
