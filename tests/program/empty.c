/* SPDX-License-Identifier: GPL-2.0-only */
/* No function that could be named, for tests/program/run. */
int helps(int a)
{
	return a;
}
