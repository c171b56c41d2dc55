/* SPDX-License-Identifier: GPL-2.0-only */
/* capture.h: packets of a capture as text for bf_test() (capture.c). */
#ifndef BF_CLI_CAPTURE_H
#define BF_CLI_CAPTURE_H

#include <stdbool.h>

/*
 * A line "frame BYTES WORDS" for each, malloc'ed; verbose: shown so, else in words. NULL: it was told why on standard error.
 * whole: false when the file is damaged behind these.
 */
char *bf_cli_capture(const char *path, const char *words, bool verbose, bool *whole);

#endif
