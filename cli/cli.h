/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h: the program `bpfilter`: one file per verb, cmd_<verb>.c, and one line
 * for each in main.c's table.
 *
 * A verb's function returns the exit status: 0, 1 after an error (told on
 * standard error), 2 for a command line that means nothing.
 */
#ifndef BF_CLI_H
#define BF_CLI_H

#include <stdio.h>

#include <bpfilter/bpfilter.h>

struct bf_cmd {
	const char *name;
	const char *args; /* for the usage line */
	const char *help;
	/* argv[0] is the verb. */
	int (*run)(struct bf_ctx *ctx, int argc, char **argv);
	bool dry; /* it knows --dry-run, or changes nothing */
};

extern const struct bf_cmd bf_cmds[]; /* ends with name NULL */

int bf_cmd_run(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_load(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_check(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_change(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_save(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_restore(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_confirm(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_graph(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_list(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_dump(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_monitor(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_stats(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_top(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_test(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_flush(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_import(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_export(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_collect(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_features(struct bf_ctx *ctx, int argc, char **argv);
int bf_cmd_help(struct bf_ctx *ctx, int argc, char **argv);

/* Runs a verb: argv[0]. */
int bf_cli_verb(struct bf_ctx *ctx, int argc, char **argv);
/* The network namespace that verbs work on, by its inode number. */
unsigned long bf_cli_netns(void);
extern const char *bf_cli_netns_arg; /* of --netns; NULL: the caller's own */
/* Options of a verb: "jc" as getopt's; bit i of the result is opts[i]. -1: told, exit 2. */
int bf_cli_flags(int argc, char **argv, const char *opts);
/* Tells what a library call said. rc < 0: exit status 1. */
int bf_cli_result(struct bf_ctx *ctx, const char *verb, int rc);
int bf_cli_usage(const char *verb);
void bf_cli_print_usage(FILE *to, const struct bf_cmd *c);
/* All verbs; one with its flags. 1: cannot be written. */
int bf_cli_help(FILE *to);
int bf_cli_verb_help(const struct bf_cmd *c);
/* Writes text to standard output; 1 when that fails (disk full, closed pipe). */
int bf_cli_print(const char *text);

#endif
