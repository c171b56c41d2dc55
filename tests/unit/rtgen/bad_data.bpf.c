/* SPDX-License-Identifier: GPL-2.0-only */
int variable = 1;
int f(void) { return variable; }
