/* SPDX-License-Identifier: GPL-2.0-only */
/* text.h: what the runners of lines share: escapes, and nft asked about a text. */
#ifndef TEST_T_TEXT_H
#define TEST_T_TEXT_H

#include "base/buf.h"

const char *str(const struct bf_buf *b); /* "" while it is empty */
void unescape(struct bf_buf *out, const char *s); /* \n and \t to what they stand for */

/* Runs a shell command with %s replaced by the path of a file that holds text; what it prints goes to out. Its wait status,
 * or -1. */
int t_nft(const char *text, const char *command, struct bf_buf *out);

#endif
