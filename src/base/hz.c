/* SPDX-License-Identifier: GPL-2.0-only */
/* hz.c: the kernel's HZ and clocks. SC_CLK_TCK is 100 everywhere; the coarse clock moves once per tick. */
#include "base/hz.h"

#include <sys/timex.h>
#include <time.h>

uint32_t bf_kernel_hz(void)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) || t.tv_sec || t.tv_nsec <= 0)
		return 250;
	return (uint32_t)((1000000000 + t.tv_nsec / 2) / t.tv_nsec);
}

int32_t bf_kernel_tai(void)
{
	struct timex t = { .modes = 0 };

	return adjtimex(&t) < 0 ? 0 : t.tai;
}
