/* SPDX-License-Identifier: GPL-2.0-only */
/* native.h: what the verbs of the native language share (native.c). */
#ifndef BF_CLI_NATIVE_H
#define BF_CLI_NATIVE_H

#include "cli.h"

/* --dry-run in front of the verb. */
extern bool bf_cli_dry_run;

struct bf_cli_text { /* a file, standard input, or words of the command line */
	char *text;
	size_t len;
};

/* path "-": standard input. False: told. */
bool bf_cli_read(const char *path, struct bf_cli_text *out);
/* argv[0] to argv[n - 1] with blanks between. False: told. */
bool bf_cli_join(int n, char **argv, struct bf_cli_text *out);
/* Runs it and prints what comes of it; the exit status. */
int bf_cli_run(struct bf_ctx *ctx, const char *verb, const char *name, const struct bf_cli_text *t, unsigned flags);
/* Messages as they are, for they name files and lines; in colour on a terminal. */
int bf_cli_told(struct bf_ctx *ctx, const char *verb, int rc);
/* Options in front of what the language says: opts as getopt's, bit i of the result is opts[i]; *rest: the first
 * argument behind them. "--dry-run" is one of all of them. -1: told, exit 2. */
int bf_cli_options(int argc, char **argv, const char *opts, int *rest);
/* Of -a, -c, -j, -n, in this order. */
unsigned bf_cli_list_flags(int options);

#endif
