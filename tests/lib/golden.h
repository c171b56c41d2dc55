/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden.h: texts that are compared with files, to the letter. A change shows
 * as a difference that a person can read.
 *
 *   test DIR            compares with DIR/<name>.txt
 *   test DIR --update   writes them anew
 */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include "base/buf.h"

struct golden {
	const char *dir;
	bool update;
	unsigned n, failed;
};

bool golden_begin(struct golden *g, int argc, char **argv); /* false: it was told how to call it */
void golden_check(struct golden *g, const char *name, const struct bf_buf *got); /* NULL: there is nothing to compare */
int golden_end(const struct golden *g); /* the exit status */

#endif
