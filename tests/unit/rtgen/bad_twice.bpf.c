/* SPDX-License-Identifier: GPL-2.0-only */
int f(void) { return 1; }
